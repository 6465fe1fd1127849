// SPDX-License-Identifier: Apache-2.0
/*
 * The ACPI tables as an operating system finds them (ACPI 6.5 chapter 5.2): from the RSDP on every
 * table has its checksum; the FADT's sleep control register switches the machine off.
 */
#include "guest.h"

struct __attribute__((packed)) header {
	uint32_t signature, length;
	uint8_t revision, checksum;
	uint8_t oem[26];
};

#define SIGNATURE(a, b, c, d) \
	((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

enum {
	FADT_FLAGS = 112,
	FADT_RESET_REG = 116,
	FADT_RESET_VALUE = 128,
	FADT_X_DSDT = 140,
	FADT_SLEEP_CONTROL = 244,
	FADT_SLEEP_STATUS = 256,
	GAS_ADDRESS = 4,
	GAS_SYSTEM_IO = 1,
	HW_REDUCED = 1 << 20,
	RESET_REG_SUP = 1 << 10,
	MCFG_BASE = 44,
	MADT_ENTRIES = 44,
};

static uint8_t sum(uint64_t addr, uint32_t len)
{
	uint8_t s = 0;

	for (uint32_t i = 0; i < len; i++)
		s = (uint8_t)(s + read8(addr + i));
	return s;
}

static const struct header *checked(uint64_t addr)
{
	const struct header *h = (const struct header *)addr;
	char name[] = "table XXXX: length and checksum";

	for (int i = 0; i < 4; i++)
		name[6 + i] = (char)(h->signature >> 8 * i);
	check(name, h->length >= sizeof(*h) && h->length < 0x10000 && !sum(addr, h->length));
	return h;
}

/* The table of this signature in the XSDT, or NULL. */
static const struct header *find(const struct header *xsdt, uint32_t signature)
{
	uint64_t at = (uint64_t)xsdt + sizeof(*xsdt);

	for (; at + 8 <= (uint64_t)xsdt + xsdt->length; at += 8) {
		const struct header *h = (const struct header *)read64(at);

		if (h->signature == signature)
			return checked((uint64_t)h);
	}
	check("all tables are there", false);
	end();
}

static void check_madt(uint64_t madt, unsigned int cpus)
{
	uint32_t length = read32(madt + 4);
	unsigned int lapics = 0, ioapics = 0;

	check_eq("MADT: local APIC", read32(madt + 36), IOL_X86_LAPIC);
	for (uint64_t at = madt + MADT_ENTRIES; at < madt + length; at += read8(at + 1)) {
		if (read8(at + 1) < 2)
			break;
		if (read8(at) == 0 && read32(at + 4) == 1 && read8(at + 3) == lapics)
			lapics++;
		if (read8(at) == 1 && read32(at + 4) == IOL_X86_IOAPIC && !read32(at + 8))
			ioapics++;
	}
	check_eq("MADT: processors", lapics, cpus);
	check_eq("MADT: IOAPICs", ioapics, 1);
}

static void check_fadt(uint64_t fadt)
{
	uint32_t flags = read32(fadt + FADT_FLAGS);

	check("FADT: hardware-reduced", flags & HW_REDUCED);
	check("FADT: the reset register is supported", flags & RESET_REG_SUP);
	check_eq("FADT: reset register", read64(fadt + FADT_RESET_REG + GAS_ADDRESS),
		 IOL_X86_RESET_PORT);
	check_eq("FADT: reset value", read8(fadt + FADT_RESET_VALUE), IOL_X86_RESET_VALUE);
	check_eq("FADT: sleep status register", read64(fadt + FADT_SLEEP_STATUS + GAS_ADDRESS),
		 IOL_X86_ACPI_PM + 1);
	check_eq("FADT: sleep control is a port", read8(fadt + FADT_SLEEP_CONTROL), GAS_SYSTEM_IO);
	checked(read64(fadt + FADT_X_DSDT));
}

int main(void)
{
	uint64_t rsdp = start_info()->rsdp_paddr;
	const struct header *xsdt;
	uint64_t fadt, sleep_control;

	check_eq("RSDP: checksums", sum(rsdp, 20) | sum(rsdp, 36), 0);
	check_eq("RSDP: revision", read8(rsdp + 15), 2);
	xsdt = checked(read64(rsdp + 24));
	fadt = (uint64_t)find(xsdt, SIGNATURE('F', 'A', 'C', 'P'));
	check_fadt(fadt);
	check_madt((uint64_t)find(xsdt, SIGNATURE('A', 'P', 'I', 'C')), 3);
	check_eq("MCFG: ECAM",
		 read64((uint64_t)find(xsdt, SIGNATURE('M', 'C', 'F', 'G')) + MCFG_BASE),
		 IOL_X86_ECAM);
	sleep_control = read64(fadt + FADT_SLEEP_CONTROL + GAS_ADDRESS);
	say("end\n");
	outb((uint16_t)sleep_control, 0x20 | 5 << 2);
	for (;;)
		__asm__ volatile("cli; hlt");
}
