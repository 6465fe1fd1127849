// SPDX-License-Identifier: Apache-2.0
/*
 * ELF kernels with the PVH entry: 32-bit protected mode without paging, EBX points to struct
 * hvm_start_info. (Xen docs/misc/pvh.pandoc; public/arch-x86/hvm/start_info.h, version 1.) Runs on
 * the loop's thread while all vCPUs stand still.
 *
 * Entry and segments were judged by the ELF parser.
 */
#include "x86.h"

#include <assert.h>

#include <iolite/endian.h>

#define START_INFO_MAGIC 0x336ec578 /* "xEn3" with bit 7 of the E set */
#define START_INFO_VERSION 1

struct start_info {
	le32 magic;
	le32 version;
	le32 flags;
	le32 nr_modules;
	le64 modlist_paddr;
	le64 cmdline_paddr;
	le64 rsdp_paddr;
	le64 memmap_paddr;
	le32 memmap_entries;
	le32 reserved;
};

struct modlist_entry {
	le64 paddr;
	le64 size;
	le64 cmdline_paddr;
	le64 reserved;
};

struct memmap_entry {
	le64 addr;
	le64 size;
	le32 type;
	le32 reserved;
};

static_assert(offsetof(struct start_info, nr_modules) == 12, "start_info.h");
static_assert(offsetof(struct start_info, cmdline_paddr) == 24, "start_info.h");
static_assert(offsetof(struct start_info, rsdp_paddr) == 32, "start_info.h");
static_assert(offsetof(struct start_info, memmap_entries) == 48, "start_info.h");
static_assert(sizeof(struct start_info) == 56, "start_info.h");
static_assert(sizeof(struct modlist_entry) == 32, "start_info.h");
static_assert(sizeof(struct memmap_entry) == 24, "start_info.h");
static_assert(IOL_X86_START_INFO + sizeof(struct start_info) <= IOL_X86_START_INFO_MODLIST &&
		      IOL_X86_START_INFO_MODLIST + sizeof(struct modlist_entry) <=
			      IOL_X86_START_INFO_MEMMAP &&
		      IOL_X86_START_INFO_MEMMAP + IOL_X86_E820_MAX * sizeof(struct memmap_entry) <=
			      IOL_X86_PAGE_TABLES,
	      "start_info and its lists are disjoint");

static unsigned int fill_memmap(const struct iol_x86_loader *ld)
{
	struct memmap_entry *memmap =
		iol_x86_low_ptr(ld, IOL_X86_START_INFO_MEMMAP, IOL_X86_E820_MAX * sizeof(*memmap));
	struct iol_x86_e820 map[IOL_X86_E820_MAX];
	unsigned int count = iol_x86_e820(ld->layout, map);

	for (unsigned int i = 0; i < count; i++)
		memmap[i] = (struct memmap_entry){
			.addr = le64_of(map[i].base),
			.size = le64_of(map[i].size_bytes),
			.type = le32_of(map[i].type),
		};
	return count;
}

static void fill_start_info(const struct iol_x86_loader *ld, const struct iol_x86_range *initrd)
{
	struct start_info *si = iol_x86_low_ptr(ld, IOL_X86_START_INFO, sizeof(*si));
	struct modlist_entry *mod = iol_x86_low_ptr(ld, IOL_X86_START_INFO_MODLIST, sizeof(*mod));

	*si = (struct start_info){
		.magic = le32_of(START_INFO_MAGIC),
		.version = le32_of(START_INFO_VERSION),
		.cmdline_paddr = le64_of(IOL_X86_CMDLINE),
		.rsdp_paddr = le64_of(ld->rsdp_gpa),
		.memmap_paddr = le64_of(IOL_X86_START_INFO_MEMMAP),
		.memmap_entries = le32_of(fill_memmap(ld)),
	};
	if (initrd->end == initrd->start)
		return;
	si->nr_modules = le32_of(1);
	si->modlist_paddr = le64_of(IOL_X86_START_INFO_MODLIST);
	*mod = (struct modlist_entry){
		.paddr = le64_of(initrd->start),
		.size = le64_of(initrd->end - initrd->start),
	};
}

int iol_x86_load_pvh(const struct iol_x86_loader *ld, const struct iol_elf *elf,
		     struct iol_entry *entry, struct iol_error *err)
{
	struct iol_x86_range kernel = iol_x86_elf_range(elf), initrd;
	int rc;

	rc = iol_elf_load(elf, &ld->boot->kernel, ld->mem, IOL_X86_KERNEL_MIN, err);
	if (!rc)
		rc = iol_x86_place_cmdline(ld, IOL_X86_CMDLINE_MAX_DEFAULT, err);
	if (!rc)
		rc = iol_x86_place_initrd(ld, &kernel, UINT32_MAX, &initrd, err);
	if (rc)
		return rc;
	ld->placement->no_tree = true;
	fill_start_info(ld, &initrd);
	iol_x86_place_gdt(ld, IOL_X86_ENTRY_PROTECTED);
	*entry = (struct iol_entry){
		.pc = elf->pvh_entry,
		.mode = IOL_X86_ENTRY_PROTECTED,
		.args = { IOL_X86_START_INFO },
	};
	return 0;
}
