// SPDX-License-Identifier: Apache-2.0
/*
 * What every kind of kernel finds in memory besides itself: descriptor table, identity page tables,
 * command line, initrd. (Linux x86 boot protocol, "64-bit Boot Protocol"; Xen docs/misc/pvh; SDM 3A
 * 3.4.5 and 4.5.) Runs on the loop's thread while all vCPUs stand still.
 *
 * The guest may overwrite any of it later; nothing here is read back. Sizes of command line and
 * initrd are the user's and are checked against what the kernel says it takes.
 */
#include "x86.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <iolite/endian.h>

#define PAGE_BYTES (4 * IOL_KIB)
#define LARGE_PAGE_BYTES (2 * IOL_MIB)
#define TABLE_ENTRIES 512

/* Segment descriptors: flat, present, ring 0, already marked accessed. */
#define DESC_CODE64 UINT64_C(0x00af9b000000ffff)
#define DESC_CODE32 UINT64_C(0x00cf9b000000ffff)
#define DESC_DATA UINT64_C(0x00cf93000000ffff)
#define DESC_TSS_BUSY (UINT64_C(0x00008b0000000000) | IOL_X86_TSS_LIMIT)

/* Page table entries (SDM 3A 4.5.4). */
#define PTE_PRESENT UINT64_C(0x01)
#define PTE_WRITABLE UINT64_C(0x02)
#define PTE_LARGE UINT64_C(0x80)

void *iol_x86_low_ptr(const struct iol_x86_loader *ld, uint64_t gpa, uint64_t len)
{
	void *p = iol_memory_ptr(ld->mem, gpa, len);

	assert(p && gpa + len <= IOL_X86_RAM_MIN_BYTES);
	return p;
}

void iol_x86_place_gdt(const struct iol_x86_loader *ld, enum iol_x86_entry_mode mode)
{
	uint8_t *gdt = iol_x86_low_ptr(ld, IOL_X86_GDT, IOL_X86_GDT_ENTRIES * 8);

	le64_store(gdt + IOL_X86_SELECTOR_CODE,
		   mode == IOL_X86_ENTRY_LONG ? DESC_CODE64 : DESC_CODE32);
	le64_store(gdt + IOL_X86_SELECTOR_DATA, DESC_DATA);
	le64_store(gdt + IOL_X86_SELECTOR_TSS, DESC_TSS_BUSY);
}

void iol_x86_place_reset_vector(const struct iol_x86_loader *ld)
{
	/* clang-format off */
	static const uint8_t code[] = {
		0xb0, IOL_X86_RESET_VALUE, /* mov al, value */
		0xba, IOL_X86_RESET_PORT & 0xff, IOL_X86_RESET_PORT >> 8, /* mov dx, port */
		0xee, /* out dx, al */
		0xf4, /* hlt */
		0xeb, 0xfd, /* jmp to the hlt */
	};
	/* clang-format on */

	static_assert(sizeof(code) <= 16, "the reset vector has 16 bytes");
	memcpy(iol_x86_low_ptr(ld, IOL_X86_RESET_VECTOR, sizeof(code)), code, sizeof(code));
}

void iol_x86_place_page_tables(const struct iol_x86_loader *ld)
{
	uint8_t *pml4 = iol_x86_low_ptr(ld, IOL_X86_PAGE_TABLES, IOL_X86_PAGE_TABLES_BYTES);
	uint8_t *pdpt = pml4 + PAGE_BYTES;
	uint8_t *pd = pdpt + PAGE_BYTES;
	uint64_t pdpt_gpa = IOL_X86_PAGE_TABLES + PAGE_BYTES;
	uint64_t pd_gpa = pdpt_gpa + PAGE_BYTES;
	const unsigned int pd_count = IOL_X86_PAGE_TABLES_BYTES / PAGE_BYTES - 2;

	le64_store(pml4, pdpt_gpa | PTE_PRESENT | PTE_WRITABLE);
	for (unsigned int i = 0; i < pd_count; i++)
		le64_store(pdpt + i * 8, (pd_gpa + i * PAGE_BYTES) | PTE_PRESENT | PTE_WRITABLE);
	for (unsigned int i = 0; i < pd_count * TABLE_ENTRIES; i++)
		le64_store(pd + i * 8,
			   i * LARGE_PAGE_BYTES | PTE_PRESENT | PTE_WRITABLE | PTE_LARGE);
}

int iol_x86_place_cmdline(const struct iol_x86_loader *ld, uint32_t max, struct iol_error *err)
{
	const char *cmdline = ld->boot->cmdline ? ld->boot->cmdline : "";
	size_t len = strlen(cmdline);

	if (max > IOL_X86_CMDLINE_BYTES - 1)
		max = IOL_X86_CMDLINE_BYTES - 1;
	if (len > max)
		return iol_error_set(
			err, -E2BIG,
			"%s: the command line has %zu bytes, this kernel takes at most "
			"%" PRIu32,
			ld->boot->kernel.path, len, max);
	memcpy(iol_x86_low_ptr(ld, IOL_X86_CMDLINE, len + 1), cmdline, len + 1);
	return 0;
}

/* The highest page-aligned place for @len bytes in @room; false when there is none. */
static bool place_high(const struct iol_x86_range *room, uint64_t len, uint64_t *start)
{
	if (room->end <= room->start || room->end - room->start < len)
		return false;
	*start = IOL_ALIGN_DOWN(room->end - len, PAGE_BYTES);
	return *start >= room->start;
}

static uint64_t range_bytes(const struct iol_x86_range *range)
{
	return range->end > range->start ? range->end - range->start : 0;
}

int iol_x86_place_initrd(const struct iol_x86_loader *ld, const struct iol_x86_range *kernel,
			 uint64_t max, struct iol_x86_range *initrd, struct iol_error *err)
{
	const struct iol_image *image = &ld->boot->initrd;
	uint64_t end = iol_x86_low_ram_end(ld->layout), start, room;
	struct iol_x86_range above, below;

	*initrd = (struct iol_x86_range){ 0 };
	ld->placement->kernel_start = kernel->start;
	ld->placement->kernel_end = kernel->end;
	if (image->fd < 0)
		return 0;
	if (max < end - 1)
		end = max + 1;
	above = (struct iol_x86_range){ IOL_ALIGN_UP(kernel->end, PAGE_BYTES), end };
	if (above.start < IOL_X86_KERNEL_MIN)
		above.start = IOL_X86_KERNEL_MIN; /* no part of the kernel is down here */
	below = (struct iol_x86_range){ IOL_X86_KERNEL_MIN,
					kernel->start < end ? kernel->start : end };

	if (!place_high(&above, image->size_bytes, &start) &&
	    !place_high(&below, image->size_bytes, &start)) {
		room = range_bytes(&above);
		if (range_bytes(&below) > room)
			room = range_bytes(&below);
		return iol_error_set(err, -ENOSPC,
				     "%s: the initrd has %" PRIu64 " bytes, only %" PRIu64
				     " are free beside the kernel below 0x%" PRIx64
				     "; give the guest more memory",
				     image->path, image->size_bytes, room, end);
	}
	*initrd = (struct iol_x86_range){ start, start + image->size_bytes };
	ld->placement->initrd_start = initrd->start;
	ld->placement->initrd_end = initrd->end;
	return iol_image_load(image, 0, image->size_bytes, ld->mem, start, err);
}

struct iol_x86_range iol_x86_elf_range(const struct iol_elf *elf)
{
	struct iol_x86_range range = { UINT64_MAX, 0 };

	for (unsigned int i = 0; i < elf->segment_count; i++) {
		const struct iol_elf_segment *seg = &elf->segments[i];

		if (seg->gpa >= IOL_X86_RAM_LOW_END)
			continue;
		if (seg->gpa < range.start)
			range.start = seg->gpa;
		if (seg->gpa + seg->mem_bytes > range.end)
			range.end = seg->gpa + seg->mem_bytes;
	}
	return range.end ? range : (struct iol_x86_range){ 0, 0 };
}
