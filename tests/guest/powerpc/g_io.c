// SPDX-License-Identifier: Apache-2.0
/*
 * Accesses of registers in both byte orders: by instructions that keep the guest's and by such that swap; where nothing
 * is; and an instruction that KVM does not know.
 */
#include "guest.h"

enum {
	UART_SCRATCH = 7,
	GUTS_RSTCR = 0xb0,
	GPIO_DIR = 0,
	CFG_ADDR = 0, /* big-endian */
	CFG_DATA = 4, /* bytes in the order of the configuration space */
	CFG_ENABLE = 0x80000000,
	CFG_BAR0 = 0x10,
	SPIN_PIR = 20, /* in an entry */
};
/* Behind the CCSR. */
#define NOWHERE 0xe0200000u

static void check_orders(void)
{
	/* A big-endian register: GPDIR. */
	write32(GPIO + GPIO_DIR, 0x12345678);
	check_eq("big-endian register", read32(GPIO + GPIO_DIR), 0x12345678);
	check_eq("big-endian register, swapped", read32_le(GPIO + GPIO_DIR), 0x78563412);
	write32_le(GPIO + GPIO_DIR, 0x12345678);
	check_eq("big-endian register, written swapped", read32(GPIO + GPIO_DIR), 0x78563412);
	write32(GPIO + GPIO_DIR, 0);
	/* Bytes: the controller's own identity in the configuration space of PCI. */
	write32(PCI + CFG_ADDR, CFG_ENABLE);
	check_eq("little-endian register", read16_le(PCI + CFG_DATA), 0x1057);
	check_eq("little-endian register, as it is", read16(PCI + CFG_DATA), 0x5710);
	check_eq("little-endian register, byte 0", read8(PCI + CFG_DATA), 0x57);
	check_eq("little-endian register, byte 1", read8(PCI + CFG_DATA + 1), 0x10);
	check_eq("little-endian register, 32 bits", read32_le(PCI + CFG_DATA) & 0xffff, 0x1057);
	write8(UART + UART_SCRATCH, 0xa5);
	check_eq("a byte", read8(UART + UART_SCRATCH), 0xa5);
	/* Numbers of the spin table are memory's. */
	check_eq("spin table: PIR", read32(SPIN + 32 + SPIN_PIR), 1);
	check_eq("spin table: waits", read32(SPIN + 32 + 4), 1);
}

static void check_nowhere(void)
{
	check_eq("nowhere: 8 bits", read8(NOWHERE), UINT8_MAX);
	check_eq("nowhere: 16 bits", read16(NOWHERE), UINT16_MAX);
	check_eq("nowhere: 32 bits", read32(NOWHERE), UINT32_MAX);
	write32(NOWHERE, 0);
	check_eq("nowhere: writes are lost", read32(NOWHERE), UINT32_MAX);
}

int main(void)
{
	check_orders();
	check_nowhere();
	end();
}
