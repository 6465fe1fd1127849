// SPDX-License-Identifier: Apache-2.0
/*
 * Traces that a reset has a vCPU take away itself, as KVM of e500v2 lets nobody else: upper halves of registers,
 * special registers, the magic page; and those in the MPIC that its own reset leaves. Three resets by the watchdog: which boot
 * this is is in TSR[WRS], as each boot asks for the next kind of reset.
 */
#include "mpic.h"

enum {
	BOOTS = 4,
	FIELD_SHIFT = 28, /* of TSR[WRS] and TCR[WRC] */
	SPR_HID0 = 1008,
	SPR_L1CSR0 = 1010,
	SPR_DBCR0 = 308,
	SPR_IAC1 = 312,
	SPR_DAC1 = 316,
	MSR_SPE = 0x02000000,
	MPIC_MSIR = 0x1600, /* 8, 16 bytes apart; reading clears */
	MPIC_MSIIR = 0x1740,
	SOURCES = 256,
	NOTHING = 0xffff, /* the vector of no interrupt, after a reset */
	PERIOD_BIT = 63 - 24,
};
#define DIRTY 0xdeadbeefu
#define TCR_PERIOD ((uint32_t)(PERIOD_BIT & 3) << 30 | (uint32_t)(PERIOD_BIT >> 2) << 17)
#define MAGIC_PAGE 0x00700000u

static uint32_t get_msr(void)
{
	uint32_t msr;

	__asm__ volatile("mfmsr %0" : "=r"(msr));
	return msr;
}

static void allow_spe(void)
{
	__asm__ volatile("mtmsr %0\n\tisync" : : "r"(get_msr() | MSR_SPE));
}

static uint32_t upper_half(void)
{
	register uint32_t upper __asm__("r3");

	allow_spe();
	__asm__ volatile(".long 0x10718a2c # evmergehi %0, 17, 17" : "=r"(upper));
	return upper;
}

static uint32_t messages(void)
{
	uint32_t all = 0;

	for (uint32_t i = 0; i < 8; i++)
		all |= read32(MPIC + MPIC_MSIR + 16 * i);
	return all;
}

/* With all doors open nothing comes. */
static uint32_t what_waits(void)
{
	uint32_t got;

	for (uint32_t i = 0; i < 4; i++)
		write32(MPIC + MPIC_IPIVPR + 16 * i, 15u << MPIC_PRIORITY_SHIFT | (0x100 + i));
	write32(MPIC + MPIC_CPUS + MPIC_CTPR, 0);
	got = read32(MPIC + MPIC_CPUS + MPIC_IACK);
	write32(MPIC + MPIC_CPUS + MPIC_CTPR, 15);
	return got;
}

static void check_new(void)
{
	uint32_t sources = 0;

	check_eq("new: decrementer's reload", read_spr(SPR_DECAR), 0);
	check_eq("new: DEAR", read_spr(SPR_DEAR), 0);
	check_eq("new: HID0", read_spr(SPR_HID0), 0);
	check_eq("new: L1CSR0", read_spr(SPR_L1CSR0), 0);
	check_eq("new: DBCR0", read_spr(SPR_DBCR0), 0);
	check_eq("new: IAC1", read_spr(SPR_IAC1), 0);
	check_eq("new: DAC1", read_spr(SPR_DAC1), 0);
	check_eq("new: upper half of r17", upper_half(), 0);
	for (uint32_t i = 0; i < SOURCES; i++)
		sources |= read32(MPIC + MPIC_SOURCES + 32 * i) & ~(uint32_t)MPIC_POLARITY_HIGH;
	check_eq("new: sources", sources, MPIC_MASKED);
	check_eq("new: destination", read32(MPIC + MPIC_SOURCES + 32 * 42 + MPIC_IDR), 1);
	check_eq("new: messages", messages(), 0);
	check_eq("new: nothing waits", what_waits(), NOTHING);
	check_eq("new: where the magic page was", read32(MAGIC_PAGE + 28), 0);
}

static uint32_t map_magic_page(void)
{
	register uint32_t r0 __asm__("r0") = 0x4b564d21;
	register uint32_t r3 __asm__("r3") = MAGIC_PAGE;
	register uint32_t r4 __asm__("r4") = MAGIC_PAGE | 1;
	register uint32_t r11 __asm__("r11") = 42 << 16 | 4;

	__asm__ volatile("sc"
			 : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r11)
			 :
			 : "r5", "r6", "r7", "r8", "r9", "r10", "r12", "ctr", "cc", "memory");
	return r3;
}

static void leave_traces(void)
{
	register uint32_t dirty __asm__("r3") = DIRTY;

	allow_spe();
	__asm__ volatile(".long 0x12231a2d # evmergelo 17, %0, %0" : : "r"(dirty) : "r17");
	check_eq("the magic page is mapped", map_magic_page(), 0);
	/* What keeps interrupts out while it is r1. */
	write32(MAGIC_PAGE + 28, (16 << 20) - 8);
	write_spr(SPR_DECAR, 0x1234);
	write_spr(SPR_DEAR, DIRTY);
	write_spr(SPR_HID0, DIRTY);
	write_spr(SPR_L1CSR0, 1);
	write_spr(SPR_IAC1, DIRTY & ~3u);
	write_spr(SPR_DAC1, DIRTY);
	for (uint32_t i = 0; i < SOURCES; i++) {
		write32(MPIC + MPIC_SOURCES + 32 * i + MPIC_IDR, 1);
		write32(MPIC + MPIC_SOURCES + 32 * i, 5u << MPIC_PRIORITY_SHIFT | i);
	}
	for (uint32_t i = 0; i < 4; i++) {
		write32(MPIC + MPIC_IPIVPR + 16 * i, 9u << MPIC_PRIORITY_SHIFT | (0x100 + i));
		write32(MPIC + MPIC_CPUS + MPIC_IPIDR + 16 * i, 1);
	}
	write32(MPIC + MPIC_MSIIR, 0xe3000000);
	write32(MPIC + MPIC_CPUS + MPIC_CTPR, 0);
	check("an interrupt is taken", read32(MPIC + MPIC_CPUS + MPIC_IACK) != NOTHING);
}

int main(void)
{
	uint32_t boot = (entry.tsr >> FIELD_SHIFT & 3) + 1;

	say("boot ");
	say_number(boot);
	say("\n");
	check_new();
	if (boot == BOOTS)
		end();
	leave_traces();
	write_spr(SPR_TCR, TCR_PERIOD | boot << FIELD_SHIFT);
	for (;;)
		barrier();
}
