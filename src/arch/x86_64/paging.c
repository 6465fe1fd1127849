// SPDX-License-Identifier: Apache-2.0
/*
 * Page tables of all paging modes (SDM 3A 4.3 to 4.5), read for somebody who looks on: rights,
 * accessed bits and reserved bits do not matter. The tables are the guest's: every entry is read
 * through the gate of guest memory, and there is one read for each level.
 */
#include "debug.h"

#include <errno.h>

#include <iolite/endian.h>

#define CR0_PE (1u << 0)
#define CR0_PG (1u << 31)
#define CR4_PSE (1u << 4)
#define CR4_PAE (1u << 5)
#define CR4_LA57 (1u << 12)
#define EFER_LMA (1u << 10)

#define ENTRY_PRESENT (1u << 0)
#define ENTRY_LARGE (1u << 7)
#define ENTRY_ADDRESS 0x000ffffffffff000u
#define LEGACY_ADDRESS 0xfffff000u
#define LEGACY_LARGE 0xffc00000u
#define PAE_TABLE 0xffffffe0u
#define LINEAR32_END (UINT64_C(1) << 32)

enum {
	PAGE_SHIFT = 12,
	LEGACY_LARGE_SHIFT = 22,
	PAE_LEVELS = 3,
	PDPT_LEVEL = 3, /* an entry of it is for a GiB */
};

static int found(uint64_t base, uint64_t linear, unsigned int shift, uint64_t *gpa, uint64_t *left)
{
	uint64_t page = UINT64_C(1) << shift;
	uint64_t offset = linear & (page - 1);

	*gpa = (base & ~(page - 1)) + offset;
	*left = page - offset;
	return 0;
}

/* Entries of 4 bytes, two levels. */
static int walk_legacy(const struct iol_memory *mem, const struct iol_x86_paging *p,
		       uint64_t linear, uint64_t *gpa, uint64_t *left)
{
	uint64_t table = p->cr3 & LEGACY_ADDRESS;
	le32 raw;
	uint64_t entry;

	if (iol_memory_read(mem, table + (linear >> LEGACY_LARGE_SHIFT) * 4, &raw, sizeof(raw)))
		return -EFAULT;
	entry = le32_get(raw);
	if (!(entry & ENTRY_PRESENT))
		return -EFAULT;
	if ((entry & ENTRY_LARGE) && (p->cr4 & CR4_PSE)) {
		/* PSE-36: bits 20 to 13 are bits 39 to 32 of the address. */
		uint64_t high = (entry >> 13) & 0xff;

		return found(high << 32 | (entry & LEGACY_LARGE), linear, LEGACY_LARGE_SHIFT, gpa,
			     left);
	}
	table = entry & LEGACY_ADDRESS;
	if (iol_memory_read(mem, table + ((linear >> PAGE_SHIFT) & 0x3ff) * 4, &raw, sizeof(raw)))
		return -EFAULT;
	entry = le32_get(raw);
	if (!(entry & ENTRY_PRESENT))
		return -EFAULT;
	return found(entry & LEGACY_ADDRESS, linear, PAGE_SHIFT, gpa, left);
}

/* Entries of 8 bytes; the first table is of @levels. @gigabyte_pages: an entry of level 3 can be a page. */
static int walk(const struct iol_memory *mem, uint64_t table, unsigned int levels,
		bool gigabyte_pages, uint64_t linear, uint64_t *gpa, uint64_t *left)
{
	for (unsigned int level = levels; level > 0; level--) {
		unsigned int shift = PAGE_SHIFT + 9 * (level - 1);
		uint64_t entry;
		le64 raw;

		if (iol_memory_read(mem, table + ((linear >> shift) & 0x1ff) * 8, &raw,
				    sizeof(raw)))
			return -EFAULT;
		entry = le64_get(raw);
		if (!(entry & ENTRY_PRESENT))
			return -EFAULT;
		if (level == 1 || ((entry & ENTRY_LARGE) &&
				   (level == 2 || (level == PDPT_LEVEL && gigabyte_pages))))
			return found(entry & ENTRY_ADDRESS, linear, shift, gpa, left);
		table = entry & ENTRY_ADDRESS;
	}
	return -EFAULT;
}

static bool is_canonical(uint64_t linear, unsigned int bits)
{
	uint64_t top = linear >> (bits - 1);

	return top == 0 || top == UINT64_MAX >> (bits - 1);
}

int iol_x86_paging_translate(const struct iol_memory *mem, const struct iol_x86_paging *p,
			     uint64_t linear, uint64_t *gpa, uint64_t *left)
{
	bool paging = (p->cr0 & CR0_PE) && (p->cr0 & CR0_PG);

	if (paging && (p->efer & EFER_LMA)) {
		unsigned int levels = p->cr4 & CR4_LA57 ? 5 : 4;

		if (!is_canonical(linear, PAGE_SHIFT + 9 * levels))
			return -EFAULT;
		return walk(mem, p->cr3 & ENTRY_ADDRESS, levels, true, linear, gpa, left);
	}
	/* Not cut: a kernel's address means nothing before it is in long mode. */
	if (linear >= LINEAR32_END)
		return -EFAULT;
	if (!paging) {
		*gpa = linear;
		*left = LINEAR32_END - linear;
		return 0;
	}
	/* The table of level 3 has four entries: bits 31 and 30. */
	if (p->cr4 & CR4_PAE)
		return walk(mem, p->cr3 & PAE_TABLE, PAE_LEVELS, false, linear, gpa, left);
	return walk_legacy(mem, p, linear, gpa, left);
}
