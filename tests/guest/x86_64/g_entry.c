// SPDX-License-Identifier: Apache-2.0
/*
 * The state at entry and what the loader says of the machine, for each protocol: PVH (Xen
 * docs/misc/pvh), and the 64-bit Linux boot protocol for bzImage and plain ELF. The case gives a
 * command line, an initrd of 100 bytes (byte i is i * 7) and 64 MiB.
 */
#include "guest.h"

enum { INITRD_BYTES = 100, E820_RAM = 1 };
#define MEMORY_BYTES (64u << 20)
#define CMDLINE "hello=\"guest\" x"

#define CR0_PE 0x1u
#define CR0_PG 0x80000000u
#define CR4_PAE 0x20u
#define EFER_LME 0x100u
#define EFER_LMA 0x400u
#define RFLAGS_IF 0x200u
#define RFLAGS_VM 0x20000u
#define RFLAGS_DF 0x400u

struct range {
	uint64_t addr, size;
	uint32_t type;
};

/* --- the memory map, which both protocols give --- */

static bool map_is_sane(const struct range *map, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (!map[i].size || map[i].addr + map[i].size < map[i].addr)
			return false;
		if (i && map[i].addr < map[i - 1].addr + map[i - 1].size)
			return false;
	}
	return true;
}

static const struct range *map_find(const struct range *map, unsigned int count, uint64_t addr)
{
	for (unsigned int i = 0; i < count; i++)
		if (addr >= map[i].addr && addr - map[i].addr < map[i].size)
			return &map[i];
	return NULL;
}

static bool map_has(const struct range *map, unsigned int count, uint64_t addr, uint32_t type)
{
	const struct range *r = map_find(map, count, addr);

	return r && r->type == type;
}

static void check_map(const struct range *map, unsigned int count, uint64_t rsdp)
{
	check("memory-map: has entries", count >= 2);
	check("memory-map: ascending, disjoint, not empty", map_is_sane(map, count));
	check("memory-map: page 1 is RAM", map_has(map, count, 0x1000, E820_RAM));
	check("memory-map: 1 MiB is RAM", map_has(map, count, 0x100000, E820_RAM));
	check("memory-map: the last byte is RAM", map_has(map, count, MEMORY_BYTES - 1, E820_RAM));
	check("memory-map: nothing follows it", !map_has(map, count, MEMORY_BYTES, E820_RAM));
	check("memory-map: video memory is not RAM", !map_has(map, count, 0xa0000, E820_RAM));
	check("memory-map: the RSDP is not in RAM", !map_has(map, count, rsdp, E820_RAM));
	check("memory-map: ECAM is reserved", map_has(map, count, IOL_X86_ECAM, 2));
}

static void check_rsdp(uint64_t rsdp)
{
	const uint8_t *p = (const uint8_t *)rsdp;
	uint8_t sum = 0;

	check_eq("rsdp: signature", read64(rsdp), 0x2052545020445352); /* "RSD PTR " */
	for (unsigned int i = 0; i < 36; i++)
		sum = (uint8_t)(sum + p[i]);
	check_eq("rsdp: extended checksum", sum, 0);
}

static void check_initrd(uint64_t addr, uint64_t size)
{
	bool same = true;

	check_eq("initrd: size", size, INITRD_BYTES);
	check_eq("initrd: starts on a page", addr % 4096, 0);
	for (unsigned int i = 0; i < INITRD_BYTES; i++)
		same = same && read8(addr + i) == (uint8_t)(i * 7);
	check("initrd: contents", same);
}

/* --- registers --- */

static void check_descriptor(const char *name, uint64_t selector, uint64_t want)
{
	const uint64_t *gdt = (const uint64_t *)entry.gdt_base;

	if (selector + 7 > entry.gdt_limit)
		check(name, false);
	else
		check_eq(name, gdt[selector / 8], want);
}

static void check_registers(uint64_t code_descriptor)
{
	check_eq("rflags: IF, DF and VM clear", entry.rflags & (RFLAGS_IF | RFLAGS_DF | RFLAGS_VM),
		 0);
	check_eq("cs", entry.cs, 0x10);
	check_eq("ds", entry.ds, 0x18);
	check_eq("es", entry.es, 0x18);
	check_eq("ss", entry.ss, 0x18);
	check_descriptor("cs: descriptor is flat code", entry.cs, code_descriptor);
	check_descriptor("ds: descriptor is flat data", entry.ds, 0x00cf93000000ffff);
	check("cr0: PE", entry.cr0 & CR0_PE);
}

#if defined(ENTRY_PVH)
#define MAGIC 0x336ec578u

static uint64_t check_start_info(void)
{
	const struct start_info *si = start_info();
	const struct memmap_entry *memmap = (const struct memmap_entry *)si->memmap_paddr;
	const struct modlist_entry *modules = (const struct modlist_entry *)si->modlist_paddr;
	struct range map[32];
	unsigned int count = si->memmap_entries < 32 ? si->memmap_entries : 32;

	check_eq("start_info: magic", si->magic, MAGIC);
	check_eq("start_info: version", si->version, 1);
	check_eq("start_info: flags", si->flags, 0);
	check_eq("start_info: modules", si->nr_modules, 1);
	check("start_info: command line", strings_equal((const char *)si->cmdline_paddr, CMDLINE));
	check_initrd(modules[0].paddr, modules[0].size);
	for (unsigned int i = 0; i < count; i++)
		map[i] = (struct range){ memmap[i].addr, memmap[i].size, memmap[i].type };
	check_map(map, count, si->rsdp_paddr);
	return si->rsdp_paddr;
}

static uint64_t check_protocol(void)
{
	check_registers(0x00cf9b000000ffff);
	check_eq("cr0: PG clear", entry.cr0 & CR0_PG, 0);
	check_eq("cr4", entry.cr4 & ~ENTRY_CR4_OF_KVM, 0);
	check_eq("efer", entry.efer, 0);
	for (unsigned int i = 0; i < 4; i++)
		check_eq("base 0 of cs, ds, es, ss", (uint32_t)entry.base_probes[i], E_PROBE_VALUE);
	for (unsigned int i = 0; i < 3; i++)
		check_eq("limit 4 GiB of ds, es, ss", (uint32_t)entry.limit_probes[i], 0xffffffff);
	return check_start_info();
}
#else
struct __attribute__((packed)) e820_entry {
	uint64_t addr, size;
	uint32_t type;
};

/* boot.rst, "setup_data": one entry, the device tree, in RAM that e820 gives away. */
static void check_tree(uint64_t setup_data)
{
	uint32_t len;

	check("setup_data: in low RAM", setup_data && setup_data % 8 == 0 && setup_data < 0x9f000);
	check_eq("setup_data: no other", read64(setup_data), 0);
	check_eq("setup_data: SETUP_DTB", read32(setup_data + 8), 2);
	len = read32(setup_data + 12);
	check_eq("tree: magic", read32(setup_data + 16), 0xedfe0dd0);
	check_eq("tree: totalsize", __builtin_bswap32(read32(setup_data + 20)), len);
	check("tree: before the EBDA", setup_data + 16 + len <= 0x9f000);
}

static void check_header(uint64_t zp)
{
	check_eq("header: boot_flag", read16(zp + 0x1fe), 0xaa55);
	check_eq("header: HdrS", read32(zp + 0x202), 0x53726448);
	check("header: version 2.12 or later", read16(zp + 0x206) >= 0x20c);
	check_eq("header: type_of_loader", read8(zp + 0x210), 0xff);
	check_eq("header: LOADED_HIGH", read8(zp + 0x211) & 1, 1);
	check_eq("header: vid_mode", read16(zp + 0x1fa), 0xffff);
	check_tree(read64(zp + 0x250));
	check_eq("sentinel", read8(zp + 0x1ef), 0);
#if defined(ENTRY_BZIMAGE)
	check_eq("header: version is the file's", read16(zp + 0x206), 0x20f);
	check_eq("header: setup_sects is the file's", read8(zp + 0x1f1), 1);
	check_eq("header: code32_start is where we are", read32(zp + 0x214), 0x1000000);
	check_eq("header: pref_address is the file's", read64(zp + 0x258), 0x1000000);
	check_eq("header: cmdline_size is the file's", read32(zp + 0x238), 255);
#endif
}

static bool is_zero(uint64_t from, uint64_t to)
{
	for (; from < to; from += 8)
		if (read64(from))
			return false;
	return true;
}

static uint64_t check_protocol(void)
{
	uint64_t zp = entry.rsi;
	const struct e820_entry *e820 = (const struct e820_entry *)(zp + 0x2d0);
	struct range map[32];
	unsigned int count = read8(zp + 0x1e8);

	check_registers(0x00af9b000000ffff);
	check("cr0: PG", entry.cr0 & CR0_PG);
	check("cr4: PAE", entry.cr4 & CR4_PAE);
	check_eq("efer: LME, LMA", entry.efer & (EFER_LME | EFER_LMA), EFER_LME | EFER_LMA);
	check_eq("rsi: the zero page is in low RAM, page aligned",
		 zp && zp < 0x9f000 && zp % 4096 == 0, 1);
	check_header(zp);
	check("command line", strings_equal((const char *)(uint64_t)read32(zp + 0x228), CMDLINE));
	check_initrd(read32(zp + 0x218) | (uint64_t)read32(zp + 0x0c0) << 32,
		     read32(zp + 0x21c) | (uint64_t)read32(zp + 0x0c4) << 32);
	check("zero page: screen_info and what follows", is_zero(zp, zp + 0x70));
	check("zero page: between rsdp and ramdisk", is_zero(zp + 0x78, zp + 0xc0));
	check("zero page: edd and the end", is_zero(zp + 0xd00, zp + 0x1000));
	if (count > 32)
		count = 32;
	for (unsigned int i = 0; i < count; i++)
		map[i] = (struct range){ e820[i].addr, e820[i].size, e820[i].type };
	check_map(map, count, read64(zp + 0x70));
	return read64(zp + 0x70);
}
#endif

int main(void)
{
	check_rsdp(check_protocol());
	end();
}
