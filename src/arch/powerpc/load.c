// SPDX-License-Identifier: Apache-2.0
/*
 * Fills guest memory for a Power Book E machine: the kernel where it wants to be (kernel.c), then room for the device
 * tree, then the initrd. Runs on the loop's thread, at start and at each reset, while all vCPUs stand
 * still. Files are hostile: sizes are judged before they are used.
 *
 *   kernel        where its file says, below 1 GiB
 *   room          2 MiB for the tree, below 64 MiB (see IOL_PPC_MAP_MIN_BYTES)
 *   initrd        behind both; for a 32-bit kernel below 768 MiB, for Linux reaches no more directly
 *
 * The command line is in the tree.
 */
#include "ppc.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <iolite/uimage.h>

#define PAGE_BYTES (4 * IOL_KIB)
#define ROOM_ALIGN (64 * IOL_KIB)
#define ROOM_BYTES ((uint64_t)IOL_FDT_BYTES_MAX)
#define LOWMEM_BYTES (768 * IOL_MIB)

/* Linux cuts longer ones at its COMMAND_LINE_SIZE of 2048 without a word. */
enum { CMDLINE_MAX = 2047 };

static_assert(IOL_PPC_MAP_MIN_BYTES <= IOL_PPC_RAM_MIN_BYTES, "the room is in RAM");

struct range {
	uint64_t start, end;
};

/* Where the tree may go beside the kernel; false: nowhere. Address 0 would be no tree to many kernels. */
static bool tree_room(uint64_t kernel_start, uint64_t kernel_end, struct range *room)
{
	room->start = IOL_ALIGN_UP(kernel_end, ROOM_ALIGN);
	if (room->start > IOL_PPC_MAP_MIN_BYTES - ROOM_BYTES) {
		uint64_t below =
			kernel_start < IOL_PPC_MAP_MIN_BYTES ? kernel_start : IOL_PPC_MAP_MIN_BYTES;

		if (below < ROOM_BYTES + ROOM_ALIGN)
			return false;
		room->start = IOL_ALIGN_DOWN(below - ROOM_BYTES, ROOM_ALIGN);
	}
	room->end = room->start + ROOM_BYTES;
	return true;
}

/* What of the file is the initrd: where boards start by U-Boot, it may be in a uImage, which no kernel reads. */
static int find_initrd(const struct iol_image *image, struct range *range, struct iol_error *err)
{
	static const struct iol_uimage_wanted wanted = {
		.machine = "powerpc",
		.arch = IOL_UIMAGE_ARCH_PPC,
		.type = IOL_UIMAGE_RAMDISK,
	};
	struct iol_uimage uimage;
	int rc;

	*range = (struct range){ 0, image->size_bytes };
	if (!iol_uimage_probe(image))
		return 0;
	rc = iol_uimage_parse(image, &wanted, &uimage, err);
	range->start = IOL_UIMAGE_HEADER_BYTES;
	return rc;
}

static int place_initrd(const struct iol_layout *layout, const struct iol_memory *mem,
			const struct iol_image *image, uint64_t start, uint64_t end,
			struct iol_placement *placement, struct iol_error *err)
{
	uint64_t ram_end = layout->ram[0].size_bytes, bytes;
	struct range file;
	int rc;

	if (image->fd < 0)
		return 0;
	rc = find_initrd(image, &file, err);
	if (rc)
		return rc;
	bytes = file.end - file.start;
	if (end > ram_end)
		end = ram_end;
	start = IOL_ALIGN_UP(start, PAGE_BYTES);
	if (start > end || bytes > end - start)
		return iol_error_set(err, -ENOSPC,
				     "%s: the initrd has %" PRIu64 " bytes, only %" PRIu64
				     " are free behind the kernel below 0x%" PRIx64 "%s",
				     image->path, bytes, start < end ? end - start : 0, end,
				     end == ram_end ? "; give the guest more memory" : "");
	placement->initrd_start = start;
	placement->initrd_end = start + bytes;
	return iol_image_load(image, file.start, bytes, mem, start, err);
}

static int check_cmdline(const struct iol_boot *boot, struct iol_error *err)
{
	size_t len = boot->cmdline ? strlen(boot->cmdline) : 0;

	if (len > CMDLINE_MAX)
		return iol_error_set(err, -E2BIG,
				     "%s: the command line has %zu bytes, this kernel takes at "
				     "most %d",
				     boot->kernel.path, len, CMDLINE_MAX);
	return 0;
}

int iol_ppc_load(const struct iol_layout *layout, const struct iol_memory *mem,
		 const struct iol_boot *boot, struct iol_entry *entry,
		 struct iol_placement *placement, struct iol_error *err)
{
	struct iol_ppc_kernel kernel;
	struct range room;
	int rc;

	*placement = (struct iol_placement){ 0 };
	*entry = (struct iol_entry){ 0 };
	rc = check_cmdline(boot, err);
	if (!rc)
		rc = iol_ppc_load_kernel(layout, mem, boot, &kernel, err);
	if (rc)
		return rc;
	placement->kernel_start = kernel.start;
	placement->kernel_end = kernel.end;
	entry->pc = kernel.pc;
	entry->args[IOL_PPC_ENTRY_MAP_END] = kernel.end;
	if (!tree_room(kernel.start, kernel.end, &room))
		return iol_error_set(err, -ENOSPC,
				     "%s: the kernel lies from 0x%" PRIx64 " to 0x%" PRIx64
				     ", which leaves no 2 MiB for the device tree below 64 MiB",
				     boot->kernel.path, kernel.start, kernel.end);
	return place_initrd(layout, mem, &boot->initrd,
			    kernel.end > room.end ? kernel.end : room.end,
			    kernel.is_64bit ? UINT64_MAX : LOWMEM_BYTES, placement, err);
}

int iol_ppc_place_tree(const struct iol_layout *layout, const struct iol_memory *mem,
		       const struct iol_placement *placement, const struct iol_fdt_blob *tree,
		       struct iol_entry *entry, struct iol_error *err)
{
	struct range room;
	bool found = tree_room(placement->kernel_start, placement->kernel_end, &room);

	(void)layout;
	assert(found); /* load() has seen to that */
	if (tree->bytes > ROOM_BYTES)
		return iol_error_set(err, -ENOSPC,
				     "the device tree has %zu bytes, there is room for %" PRIu64,
				     tree->bytes, ROOM_BYTES);
	entry->args[IOL_PPC_ENTRY_TREE] = room.start;
	if (room.start + tree->bytes > entry->args[IOL_PPC_ENTRY_MAP_END])
		entry->args[IOL_PPC_ENTRY_MAP_END] = room.start + tree->bytes;
	return iol_memory_write(mem, room.start, tree->data, tree->bytes);
}
