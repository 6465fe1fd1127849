// SPDX-License-Identifier: Apache-2.0
/*
 * Fills guest memory for a Power Book E machine: an ELF kernel where it wants to be, then room for the device
 * tree, then the initrd. Runs on the loop's thread, at start and at each reset, while all vCPUs stand
 * still.
 *
 *   kernel        p_paddr of its segments, below 1 GiB
 *   room          2 MiB for the tree, below 64 MiB (see IOL_PPC_MAP_MIN_BYTES)
 *   initrd        behind both; for a 32-bit kernel below 768 MiB, for Linux reaches no more directly
 *
 * The command line is in the tree.
 */
#include "ppc.h"

#include <assert.h>
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <iolite/kernel_kind.h>

#define PAGE_BYTES (4 * IOL_KIB)
#define ROOM_ALIGN (64 * IOL_KIB)
#define ROOM_BYTES ((uint64_t)IOL_FDT_BYTES_MAX)
#define LOWMEM_BYTES (768 * IOL_MIB)

/* Linux cuts longer ones at its COMMAND_LINE_SIZE of 2048 without a word. */
enum { CMDLINE_MAX = 2047 };

static_assert(IOL_PPC_MAP_MIN_BYTES <= IOL_PPC_RAM_MIN_BYTES, "the room is in RAM");

static const struct iol_kernel_wanted wanted = {
	.machine = "powerpc",
	.elf_machine = EM_PPC,
	.give = "an ELF file (vmlinux)",
	.is_not = "no ELF file (vmlinux)",
};

struct range {
	uint64_t start, end;
};

static int check_elf(const struct iol_layout *layout, const struct iol_image *image,
		     const struct iol_elf *elf, struct iol_error *err)
{
	const struct iol_ppc_machine *machine = iol_ppc_machine_of(layout);

	if (elf->machine != EM_PPC && elf->machine != EM_PPC64)
		return iol_kernel_refuse_machine(image->path, elf->machine, &wanted, err);
	if (!elf->is_big_endian)
		return iol_error_set(err, -ENOEXEC,
				     "%s: ELF data encoding is little-endian; Book E kernels are "
				     "big-endian",
				     image->path);
	if (elf->is_64bit && !machine->is_64bit)
		return iol_error_set(err, -ENOEXEC,
				     "%s: this is a 64-bit kernel and the machine '%s' has 32 "
				     "bits; give a 32-bit kernel, or the machine 'e5500'",
				     image->path, machine->name);
	return 0;
}

static struct range range_of(const struct iol_elf *elf)
{
	struct range range = { UINT64_MAX, 0 };

	for (unsigned int i = 0; i < elf->segment_count; i++) {
		const struct iol_elf_segment *seg = &elf->segments[i];

		if (seg->gpa < range.start)
			range.start = seg->gpa;
		if (seg->gpa + seg->mem_bytes > range.end)
			range.end = seg->gpa + seg->mem_bytes;
	}
	return range;
}

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

static int place_initrd(const struct iol_layout *layout, const struct iol_memory *mem,
			const struct iol_image *image, uint64_t start, uint64_t end,
			struct iol_placement *placement, struct iol_error *err)
{
	uint64_t ram_end = layout->ram[0].size_bytes;

	if (image->fd < 0)
		return 0;
	if (end > ram_end)
		end = ram_end;
	start = IOL_ALIGN_UP(start, PAGE_BYTES);
	if (start > end || image->size_bytes > end - start)
		return iol_error_set(err, -ENOSPC,
				     "%s: the initrd has %" PRIu64 " bytes, only %" PRIu64
				     " are free behind the kernel below 0x%" PRIx64 "%s",
				     image->path, image->size_bytes, start < end ? end - start : 0,
				     end, end == ram_end ? "; give the guest more memory" : "");
	placement->initrd_start = start;
	placement->initrd_end = start + image->size_bytes;
	return iol_image_load(image, 0, image->size_bytes, mem, start, err);
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

static int place_kernel(const struct iol_memory *mem, const struct iol_image *image,
			const struct iol_elf *elf, struct iol_entry *entry, struct range *kernel,
			struct iol_error *err)
{
	int rc;

	*entry = (struct iol_entry){ 0 };
	*kernel = range_of(elf);
	if (kernel->end > IOL_PPC_MAP_MAX_BYTES)
		return iol_error_set(err, -ENOSPC,
				     "%s: the kernel ends at 0x%" PRIx64
				     ", and processors start with at most 0x%" PRIx64
				     " mapped; link it lower",
				     image->path, kernel->end, IOL_PPC_MAP_MAX_BYTES);
	rc = iol_elf_physical_entry(elf, image, &entry->pc, err);
	return rc ? rc : iol_elf_load(elf, image, mem, 0, err);
}

int iol_ppc_load(const struct iol_layout *layout, const struct iol_memory *mem,
		 const struct iol_boot *boot, struct iol_entry *entry,
		 struct iol_placement *placement, struct iol_error *err)
{
	const struct iol_image *image = &boot->kernel;
	struct range kernel, room;
	struct iol_elf elf;
	int rc;

	*placement = (struct iol_placement){ 0 };
	if (!iol_elf_probe(image))
		return iol_kernel_refuse(image, &wanted, err);
	rc = iol_elf_parse(image, &elf, err);
	if (!rc)
		rc = check_elf(layout, image, &elf, err);
	if (!rc)
		rc = check_cmdline(boot, err);
	if (!rc)
		rc = place_kernel(mem, image, &elf, entry, &kernel, err);
	if (rc)
		return rc;
	placement->kernel_start = kernel.start;
	placement->kernel_end = kernel.end;
	entry->args[IOL_PPC_ENTRY_MAP_END] = kernel.end;
	if (!tree_room(kernel.start, kernel.end, &room))
		return iol_error_set(err, -ENOSPC,
				     "%s: the kernel lies from 0x%" PRIx64 " to 0x%" PRIx64
				     ", which leaves no 2 MiB for the device tree below 64 MiB",
				     image->path, kernel.start, kernel.end);
	return place_initrd(layout, mem, &boot->initrd,
			    kernel.end > room.end ? kernel.end : room.end,
			    elf.is_64bit ? UINT64_MAX : LOWMEM_BYTES, placement, err);
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
