// SPDX-License-Identifier: Apache-2.0
/*
 * Accesses: where nothing is; of the widths that registers have; and in which order bytes arrive, of registers that
 * are big-endian and of such that are little-endian, by instructions that turn bytes and by such that do not.
 */
#include "guest.h"

enum {
	UART_SCRATCH = 7,
	PCI_CFG_ADDR = 0,
	PCI_CFG_DATA = 4,
	PCI_ENABLE = 0x80000000,
	PCI_VENDOR = 0x1057, /* of the controller itself */
	GPIO_ODR = 4,
	GUTS_PVR = 0xa0,
};
#define UART (uint32_t)(IOL_PPC32_CCSR + IOL_PPC_UART)
#define PCI (uint32_t)(IOL_PPC32_CCSR + IOL_PPC_PCI)
#define GPIO (uint32_t)(IOL_PPC32_CCSR + IOL_PPC_GPIO)
#define GUTS (uint32_t)(IOL_PPC32_CCSR + IOL_PPC_GUTS)

/* In PCI memory, between the registers of the CCSR, and behind the CCSR. */
static const uint32_t nowhere[] = { 0xc1000000, 0xe0020000, 0xe0200000 };

static void check_nowhere(uint32_t at)
{
	say("at ");
	say_hex(at);
	say("\n");
	check_eq("nowhere: 8 bits", read8(at), UINT8_MAX);
	check_eq("nowhere: 16 bits", read16(at), UINT16_MAX);
	check_eq("nowhere: 32 bits", read32(at), UINT32_MAX);
	check_eq("nowhere: 32 bits, turned", read32le(at), UINT32_MAX);
	write8(at, 0);
	write16(at, 0);
	write32(at, 0);
	write32le(at, 0);
	check_eq("nowhere: writes are lost", read32(at), UINT32_MAX);
}

static void check_big(void)
{
	write32(GPIO + GPIO_ODR, 0x01020304);
	check_eq("big-endian: 32 bits", read32(GPIO + GPIO_ODR), 0x01020304);
	check_eq("big-endian: turned", read32le(GPIO + GPIO_ODR), 0x04030201);
	write32le(GPIO + GPIO_ODR, 0x01020304);
	check_eq("big-endian: written turned", read32(GPIO + GPIO_ODR), 0x04030201);
	write32(GPIO + GPIO_ODR, 0);
	check_eq("processor version", read32(GUTS + GUTS_PVR), read_spr(SPR_PVR));
}

static void check_little(void)
{
	write32(PCI + PCI_CFG_ADDR, PCI_ENABLE);
	check_eq("CFG_ADDR is big-endian", read32(PCI + PCI_CFG_ADDR), PCI_ENABLE);
	check_eq("little-endian: 16 bits", read16le(PCI + PCI_CFG_DATA), PCI_VENDOR);
	check_eq("little-endian: 32 bits", read32le(PCI + PCI_CFG_DATA) & 0xffff, PCI_VENDOR);
	check_eq("little-endian: not turned", read16(PCI + PCI_CFG_DATA),
		 __builtin_bswap16(PCI_VENDOR));
	check_eq("little-endian: first byte", read8(PCI + PCI_CFG_DATA), PCI_VENDOR & 0xff);
	check_eq("little-endian: second byte", read8(PCI + PCI_CFG_DATA + 1), PCI_VENDOR >> 8);
}

/* Loads of other forms: with an update, of halves with a sign. */
static void check_forms(void)
{
	uint32_t at = UART + UART_SCRATCH - 8, value, updated = at;
	int32_t half;

	write8(UART + UART_SCRATCH, 0x95);
	check_eq("scratch", read8(UART + UART_SCRATCH), 0x95);
	__asm__ volatile("lbzu %0, 8(%1)" : "=r"(value), "+b"(updated));
	check_eq("load with update: value", value, 0x95);
	check_eq("load with update: address", updated, UART + UART_SCRATCH);
	__asm__ volatile("lhax %0, 0, %1" : "=r"(half) : "r"(nowhere[0]));
	check_eq("load of a half with its sign", (uint32_t)half, UINT32_MAX);
	write8(UART + UART_SCRATCH, 0);
}

int main(void)
{
	for (unsigned int i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++)
		check_nowhere(nowhere[i]);
	check_big();
	check_little();
	check_forms();
	end();
}
