// SPDX-License-Identifier: Apache-2.0
/*
 * Where RAM ends: the last byte of each part reads and writes, the first behind it reads all ones
 * and swallows writes. The map is the one the guest was given; the command line says where RAM is
 * to end, "low high" in hexadecimal, so that a wrong map shows.
 */
#include "guest.h"

enum { TYPE_RAM = 1 };
#define RAM_HIGH UINT64_C(0x100000000)

static uint64_t parse_hex(const char **text)
{
	uint64_t value = 0;

	while (**text == ' ')
		(*text)++;
	for (;; (*text)++) {
		char c = **text;

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint64_t)(c - 'a' + 10);
		else
			return value;
	}
}

/* Where RAM that begins at or behind @from ends, by the memory map. 0: there is none. */
static uint64_t ram_end(uint64_t from, uint64_t to)
{
	const struct memmap_entry *map = (const struct memmap_entry *)start_info()->memmap_paddr;
	uint64_t end = 0;

	for (uint32_t i = 0; i < start_info()->memmap_entries; i++)
		if (map[i].type == TYPE_RAM && map[i].addr >= from && map[i].addr < to)
			end = map[i].addr + map[i].size;
	return end;
}

static void check_last_byte(uint64_t end)
{
	check_eq("last byte: zero at first", read8(end - 1), 0);
	write8(end - 1, 0x5a);
	check_eq("last byte: written", read8(end - 1), 0x5a);
	write64(end - 8, UINT64_C(0x1122334455667788));
	check_eq("last eight bytes: written", read64(end - 8), UINT64_C(0x1122334455667788));
	check_eq("last byte: is the top of them", read8(end - 1), 0x11);
}

static void check_absent(uint64_t addr)
{
	check_eq("absent: 1 byte", read8(addr), 0xff);
	check_eq("absent: 2 bytes", read16(addr), 0xffff);
	check_eq("absent: 4 bytes", read32(addr), 0xffffffff);
	check_eq("absent: 8 bytes", read64(addr), UINT64_MAX);
	write8(addr, 0);
	write16(addr, 0);
	write32(addr, 0);
	write64(addr, 0);
	check_eq("absent: writes are lost", read64(addr), UINT64_MAX);
}

static void check_edge(uint64_t end)
{
	check_last_byte(end);
	check_absent(end);
	/* An access across the edge: the part in RAM is RAM, the rest is not there. */
	check_eq("across the edge: read", read64(end - 4), UINT64_C(0xffffffff11223344));
	write64(end - 4, UINT64_C(0xaaaaaaaa55667788));
	check_eq("across the edge: what is RAM was written", read32(end - 4), 0x55667788);
	check_eq("across the edge: the rest was lost", read32(end), 0xffffffff);
}

static void check_hole(void)
{
	check_absent(IOL_X86_PCI_WINDOW);
	check_absent(IOL_X86_PCI_WINDOW_LAST - 7);
	/* The top of the hole, where PCs have their firmware. */
	check_absent(0xfffffff8 - 8);
	check("IOAPIC: answers", (read32(IOL_X86_IOAPIC) & 0xf0000000) == 0);
	check("local APIC: has a version", (read32(IOL_X86_LAPIC + 0x30) & 0xff) >= 0x10);
}

static void check_high(uint64_t end)
{
	check_eq("4 GiB: zero at first", read64(RAM_HIGH), 0);
	write64(RAM_HIGH, UINT64_C(0x0123456789abcdef));
	check_eq("4 GiB: written", read64(RAM_HIGH), UINT64_C(0x0123456789abcdef));
	check_eq("4 GiB: is not 0", read64(0), 0);
	check_edge(end);
	check_eq("4 GiB: still there", read64(RAM_HIGH), UINT64_C(0x0123456789abcdef));
	/* Across 4 GiB: the part below is the hole. */
	check_eq("across 4 GiB: read", read64(RAM_HIGH - 4), UINT64_C(0x89abcdefffffffff));
}

int main(void)
{
	const char *cmdline = (const char *)start_info()->cmdline_paddr;
	uint64_t low = parse_hex(&cmdline), high = parse_hex(&cmdline);

	check_eq("low RAM ends as ordered", ram_end(0, RAM_HIGH), low);
	check_eq("high RAM ends as ordered", ram_end(RAM_HIGH, UINT64_MAX), high);
	check_edge(low);
	check_hole();
	if (high)
		check_high(high);
	else
		check_absent(RAM_HIGH);
	end();
}
