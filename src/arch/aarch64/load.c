// SPDX-License-Identifier: Apache-2.0
/*
 * Fills guest memory for an aarch64 machine. (Linux Documentation/arch/arm64/booting.rst.) Runs on the loop's
 * thread, at start and at each reset, while all vCPUs stand still.
 *
 *   base                    of RAM, aligned to 2 MiB
 *   base + text_offset      the kernel, and the memory it takes from there
 *   ...                     the initrd, as high as it can be below the tree
 *   the last 2 MiB          the device tree, within 512 MiB of the base for the sake of kernels before 4.2
 *   ...                     an initrd that finds no room below the tree
 *
 * So the kernel is as near to the start of RAM as it can be, which serves those too that cannot use what is
 * below them, and the initrd is in the same 32 GiB, counted from a multiple of 1 GiB.
 */
#include "arm64.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <iolite/arm64_image.h>
#include <iolite/log.h>

#define TREE_WINDOW_BYTES (512 * IOL_MIB)
#define INITRD_WINDOW_BYTES (32 * IOL_GIB)
/* No page is shared with an initrd, which Linux frees by whole pages, of 64 KiB at most. */
#define PAGE_BYTES (64 * IOL_KIB)

static_assert(IOL_ARM64_RAM % IOL_GIB == 0, "the initrd's window begins where RAM does");
static_assert(IOL_ARM64_RAM % IOL_ARM64_IMAGE_ALIGN == 0, "RAM begins with the kernel's base");
static_assert(IOL_ARM64_RAM_MIN_BYTES >= 2 * IOL_FDT_BYTES_MAX, "the tree has room in any RAM");

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t ram_end(const struct iol_layout *layout)
{
	return layout->ram[0].gpa + layout->ram[0].size_bytes;
}

uint64_t iol_arm64_tree_gpa(const struct iol_layout *layout)
{
	uint64_t end = min(ram_end(layout), layout->ram[0].gpa + TREE_WINDOW_BYTES);

	return IOL_ALIGN_DOWN(end - IOL_FDT_BYTES_MAX, (uint64_t)IOL_FDT_BYTES_MAX);
}

static int load_kernel(const struct iol_layout *layout, const struct iol_memory *mem,
		       const struct iol_image *image, struct iol_placement *placement,
		       struct iol_error *err)
{
	uint64_t base = layout->ram[0].gpa, room = iol_arm64_tree_gpa(layout) - base, bytes;
	struct iol_arm64_image arm;
	int rc = iol_arm64_image_parse(image, &arm, err);

	if (rc)
		return rc;
	if (arm.text_offset >= room)
		return iol_error_set(
			err, -ENOSPC,
			"%s: text_offset 0x%" PRIx64 " is beyond the 0x%" PRIx64
			" bytes that are free for the kernel; give the guest more memory",
			image->path, arm.text_offset, room);
	placement->kernel_start = base + arm.text_offset;
	rc = iol_arm64_image_load(&arm, image, mem, placement->kernel_start, room - arm.text_offset,
				  &bytes, err);
	if (rc)
		return rc;
	if (bytes < arm.mem_bytes)
		bytes = arm.mem_bytes;
	placement->kernel_end = placement->kernel_start + bytes;
	iol_log(IOL_LOG_INFO, "kernel at 0x%" PRIx64 ", 0x%" PRIx64 " bytes, pages of %u KiB",
		placement->kernel_start, bytes, arm.page_kib);
	return 0;
}

static int load_initrd(const struct iol_layout *layout, const struct iol_memory *mem,
		       const struct iol_image *image, struct iol_placement *placement,
		       struct iol_error *err)
{
	uint64_t tree = iol_arm64_tree_gpa(layout), start = tree + IOL_FDT_BYTES_MAX;
	uint64_t below_start = IOL_ALIGN_UP(placement->kernel_end, PAGE_BYTES);
	uint64_t below = below_start < tree ? tree - below_start : 0;
	uint64_t above = min(ram_end(layout), layout->ram[0].gpa + INITRD_WINDOW_BYTES) - start;

	if (image->fd < 0)
		return 0;
	if (image->size_bytes > below && image->size_bytes > above)
		return iol_error_set(err, -ENOSPC,
				     "%s: the initrd has %" PRIu64 " bytes, only %" PRIu64
				     " are free beside kernel and device tree; give the guest more "
				     "memory",
				     image->path, image->size_bytes, below > above ? below : above);
	if (image->size_bytes <= below)
		start = IOL_ALIGN_DOWN(tree - image->size_bytes, PAGE_BYTES);
	placement->initrd_start = start;
	placement->initrd_end = start + image->size_bytes;
	return iol_image_load(image, 0, image->size_bytes, mem, start, err);
}

int iol_arm64_load(const struct iol_layout *layout, const struct iol_memory *mem,
		   const struct iol_boot *boot, struct iol_entry *entry,
		   struct iol_placement *placement, struct iol_error *err)
{
	size_t cmdline_bytes = boot->cmdline ? strlen(boot->cmdline) : 0;
	int rc;

	*placement = (struct iol_placement){ 0 };
	if (cmdline_bytes > IOL_ARM64_CMDLINE_MAX)
		return iol_error_set(
			err, -E2BIG,
			"%s: the command line has %zu bytes, arm64 kernels take at most %d",
			boot->kernel.path, cmdline_bytes, IOL_ARM64_CMDLINE_MAX);
	rc = load_kernel(layout, mem, &boot->kernel, placement, err);
	if (!rc)
		rc = load_initrd(layout, mem, &boot->initrd, placement, err);
	if (rc)
		return rc;
	*entry = (struct iol_entry){ .pc = placement->kernel_start };
	return 0;
}

int iol_arm64_place_tree(const struct iol_layout *layout, const struct iol_memory *mem,
			 const struct iol_placement *placement, const struct iol_fdt_blob *tree,
			 struct iol_entry *entry, struct iol_error *err)
{
	uint64_t gpa = iol_arm64_tree_gpa(layout);
	void *to = iol_memory_ptr(mem, gpa, IOL_FDT_BYTES_MAX);

	(void)placement; /* load() left the place free */
	if (tree->bytes > IOL_FDT_BYTES_MAX)
		return iol_error_set(
			err, -ENOSPC,
			"the device tree has %zu bytes, Linux on aarch64 reads at most "
			"%d; make it smaller",
			tree->bytes, IOL_FDT_BYTES_MAX);
	assert(to);
	memcpy(to, tree->data, tree->bytes);
	entry->args[0] = gpa;
	return 0;
}
