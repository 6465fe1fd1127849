// SPDX-License-Identifier: Apache-2.0
/*
 * Widths of port and memory-mapped accesses, string instructions, both ways to
 * PCI configuration.
 */
#include "guest.h"

enum {
	PORT_NOBODY = 0x2c0,
	COM1_SCRATCH = IOL_X86_COM1 + 7,
	CONF1_ADDRESS = IOL_X86_PCI_CONF1,
	CONF1_DATA = IOL_X86_PCI_CONF1 + 4,
};
#define HOST_BRIDGE 0x00081b36u
#define CONF1_ENABLE 0x80000000u
#define ECAM_SLOT_1 (IOL_X86_ECAM + 0x8000)

static void check_ports(void)
{
	check_eq("port of nobody: 1 byte", inb(PORT_NOBODY), 0xff);
	check_eq("port of nobody: 2 bytes", inw(PORT_NOBODY), 0xffff);
	check_eq("port of nobody: 4 bytes", inl(PORT_NOBODY), 0xffffffff);
	outb(PORT_NOBODY, 1);
	outw(PORT_NOBODY, 1);
	outl(PORT_NOBODY, 1);
	check_eq("port 0xffff: 1 byte", inb(0xffff), 0xff);

	outb(COM1_SCRATCH, 0xa5);
	check_eq("scratch: 1 byte", inb(COM1_SCRATCH), 0xa5);
	outw(COM1_SCRATCH - 1, 0x1234);
	check_eq("scratch: a wider write is lost", inb(COM1_SCRATCH), 0xa5);
	check_eq("scratch: a wider read is all ones", inw(COM1_SCRATCH - 1), 0xffff);
	check_eq("scratch: a read across the end is all ones", inl(COM1_SCRATCH - 1), 0xffffffff);
	check_eq("i8042: status, 1 byte", inb(IOL_X86_I8042 + 4) & 3, 0);
	check_eq("i8042: 2 bytes are all ones", inw(IOL_X86_I8042 + 4), 0xffff);
}

static void check_strings(void)
{
	static const char text[] = "ok rep outsb\n";
	static uint8_t bytes[20];
	static uint16_t words[4];
	const char *from = text;
	uint64_t count = sizeof(text) - 1;
	void *to = bytes;
	bool same = true;

	__asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(IOL_X86_COM1) : "memory");
	check_eq("rep outsb: count", count, 0);
	check_eq("rep outsb: end", (uint64_t)from, (uint64_t)(text + sizeof(text) - 1));

	count = 17;
	__asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(COM1_SCRATCH) : "memory");
	for (int i = 0; i < 17; i++)
		same = same && bytes[i] == 0xa5;
	check("rep insb: bytes", same);
	check_eq("rep insb: not one more", bytes[17], 0);
	check_eq("rep insb: end", (uint64_t)to, (uint64_t)(bytes + 17));

	to = words;
	count = 3;
	__asm__ volatile("rep insw" : "+D"(to), "+c"(count) : "d"(PORT_NOBODY) : "memory");
	check_eq("rep insw: three words", read64((uint64_t)words), 0x0000ffffffffffff);
	to = words;
	from = (const char *)bytes;
	count = 2;
	__asm__ volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(PORT_NOBODY) : "memory");
	check_eq("rep outsl: count", count, 0);
}

static void check_conf1(void)
{
	outl(CONF1_ADDRESS, CONF1_ENABLE);
	check_eq("conf1: address reads back", inl(CONF1_ADDRESS), CONF1_ENABLE);
	check_eq("conf1: host bridge", inl(CONF1_DATA), HOST_BRIDGE);
	check_eq("conf1: 2 bytes", inw(CONF1_DATA + 2), HOST_BRIDGE >> 16);
	check_eq("conf1: 1 byte", inb(CONF1_DATA + 1), HOST_BRIDGE >> 8 & 0xff);
	outl(CONF1_ADDRESS, CONF1_ENABLE | 8);
	check_eq("conf1: class is host bridge", inl(CONF1_DATA) >> 8, 0x060000);
	outl(CONF1_ADDRESS, CONF1_ENABLE | 1 << 11);
	check_eq("conf1: empty slot", inl(CONF1_DATA), 0xffffffff);
	outl(CONF1_ADDRESS, CONF1_ENABLE | 1 << 16);
	check_eq("conf1: bus 1 is empty", inl(CONF1_DATA), 0xffffffff);
	outw(CONF1_ADDRESS, 0);
	check_eq("conf1: a 2-byte write to the address is lost", inl(CONF1_ADDRESS),
		 CONF1_ENABLE | 1 << 16);
	outl(CONF1_ADDRESS, 0);
	check_eq("conf1: disabled", inl(CONF1_DATA), 0xffffffff);
}

static void check_ecam(void)
{
	check_eq("ecam: host bridge", read32(IOL_X86_ECAM), HOST_BRIDGE);
	check_eq("ecam: 2 bytes", read16(IOL_X86_ECAM + 2), HOST_BRIDGE >> 16);
	check_eq("ecam: 1 byte", read8(IOL_X86_ECAM + 3), HOST_BRIDGE >> 24);
	check_eq("ecam: 8 bytes are all ones", read64(IOL_X86_ECAM), UINT64_MAX);
	check_eq("ecam: a read across two registers is all ones", read32(IOL_X86_ECAM + 2),
		 0xffffffff);
	check_eq("ecam: extended space", read32(IOL_X86_ECAM + 0x100), 0xffffffff);
	check_eq("ecam: empty slot", read32(ECAM_SLOT_1), 0xffffffff);
	check_eq("ecam: the last function", read32(IOL_X86_ECAM + IOL_X86_ECAM_BYTES - 4),
		 0xffffffff);
	check_eq("ecam: behind it", read32(IOL_X86_ECAM + IOL_X86_ECAM_BYTES), 0xffffffff);
	check_eq("ecam: across its end", read64(IOL_X86_ECAM + IOL_X86_ECAM_BYTES - 4), UINT64_MAX);
	write32(IOL_X86_ECAM, 0);
	write32(ECAM_SLOT_1, 0);
	check_eq("ecam: the identity is read-only", read32(IOL_X86_ECAM), HOST_BRIDGE);
}

int main(void)
{
	check_ports();
	check_strings();
	check_conf1();
	check_ecam();
	end();
}
