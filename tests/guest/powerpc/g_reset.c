// SPDX-License-Identifier: Apache-2.0
/*
 * Resets by the watchdog, three times over, and checks after each that memory, registers and interrupt
 * controller are as in a new machine, with a program for the guest to be disturbed by. What boot this is is in
 * TSR[WRS], which says how the last reset came: each boot asks for the next kind. With "reset", by the reset register,
 * once, for the watchdog to come after it; with "poweroff", none.
 */
#include "guest.h"

enum {
	BOOTS = 4,
	FIELD_SHIFT = 28, /* of TSR[WRS] and TCR[WRC] */
	UART_SCRATCH = 7,
	MPIC_GCR = 0x1020,
	MPIC_IVPR = 0x10000,
	MPIC_IDR = 0x10010,
	MPIC_IPI_IVPR = 0x10a0,
	MPIC_CTPR = 0x20080,
	MPIC_IACK = 0x200a0,
	MPIC_IPIDR = 0x20040,
	MPIC_MSIR = 0x1600,
	MPIC_MSIIR = 0x1740,
	MPIC_MSISR = 0x1720,
	SPURIOUS = 0xffff,
	SOURCES = 256,
};
#define DIRTY_LOW 0x1000000u
#define DIRTY_HIGH 0x3000000u
#define DIRTY 0xdeadbeefu
#define MASKED 0x80000000u
#define POLARITY 0x00800000u
/* The watchdog's period: bit 63 - WP of the timebase, some milliseconds to a second. */
#define TCR_WP(bit) (((bit)&3) << 30 | ((bit) >> 2 & 15) << 17)
enum { TB_BIT = 63 - 24 };
#define MAGIC_PAGE 0x00700000u

static uint32_t data_of_the_image = 0x600d; /* loaded anew at each boot */

static uint32_t ivpr_or(void)
{
	uint32_t all = 0;

	for (uint32_t i = 0; i < SOURCES; i++)
		all |= read32(MPIC + MPIC_IVPR + 0x20 * i) & ~POLARITY;
	return all;
}

static uint32_t messages_left(void)
{
	uint32_t all = 0;

	for (uint32_t i = 0; i < 8; i++)
		all |= read32(MPIC + MPIC_MSIR + 0x10 * i);
	return all;
}

/* With all doors open nothing comes. */
static uint32_t what_waits(void)
{
	uint32_t got;

	for (uint32_t i = 0; i < 4; i++)
		write32(MPIC + MPIC_IPI_IVPR + 0x10 * i, 15 << 16 | (0x100 + i));
	write32(MPIC + MPIC_CTPR, 0);
	got = read32(MPIC + MPIC_IACK);
	for (uint32_t i = 0; i < 4; i++)
		write32(MPIC + MPIC_IPI_IVPR + 0x10 * i, MASKED);
	write32(MPIC + MPIC_CTPR, 15);
	return got;
}

static uint32_t upper_half(void)
{
	uint32_t upper;

	set_msr(get_msr() | 0x02000000); /* SPE */
	__asm__ volatile("evmergehi %0, 17, 17" : "=r"(upper));
	return upper;
}

static void check_new(void)
{
	check_eq("new: low memory", read32(DIRTY_LOW), 0);
	check_eq("new: high memory", read32(DIRTY_HIGH), 0);
	check_eq("new: data of the image", data_of_the_image, 0x600d);
	check_eq("new: UART scratch", read8(UART + UART_SCRATCH), 0);
	check_eq("new: TCR", entry.tcr, 0);
	check_eq("new: TSR but for the reset's kind", entry.tsr & ~(3u << FIELD_SHIFT), 0);
	check_eq("new: MSR", entry.msr, 0);
	check_eq("new: decrementer", read_spr(22), 0);
	check_eq("new: auto-reload", read_spr(54), 0);
	check_eq("new: SPRG1", read_spr(273), 0);
	check_eq("new: SPRG4", read_spr(260), 0);
	check_eq("new: PID", read_spr(48), 0);
	check_eq("new: CSRR0", read_spr(58), 0);
	check_eq("new: ESR", read_spr(62), 0);
	check_eq("new: DEAR", read_spr(61), 0);
	check_eq("new: HID0", read_spr(1008), 0);
	check_eq("new: L1CSR0", read_spr(1010), 0);
	check_eq("new: DBCR0", read_spr(308), 0);
	check_eq("new: IAC1", read_spr(312), 0);
	check_eq("new: DAC1", read_spr(316), 0);
	check_eq("new: upper half of r17", upper_half(), 0);
	check_eq("new: MPIC", read32(MPIC + MPIC_GCR), 0);
	check_eq("new: sources", ivpr_or(), MASKED);
	check_eq("new: destination", read32(MPIC + MPIC_IDR + 0x20 * 42), 1);
	check_eq("new: messages", messages_left(), 0);
	check_eq("new: task priority", read32(MPIC + MPIC_CTPR), 15);
	check_eq("new: nothing waits", what_waits(), SPURIOUS);
}

/* --- traces everywhere --- */

static void map_magic_page(void)
{
	register uint32_t r0 __asm__("r0") = 0x4b564d21;
	register uint32_t r3 __asm__("r3") = MAGIC_PAGE;
	register uint32_t r4 __asm__("r4") = MAGIC_PAGE | 1;
	register uint32_t r11 __asm__("r11") = 42 << 16 | 4;

	__asm__ volatile("sc"
			 : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r11)
			 :
			 : "r5", "r6", "r7", "r8", "r9", "r10", "r12", "ctr", "cc", "memory");
	check_eq("the magic page is mapped", r3, 0);
	/* What keeps interrupts out while it is r1. */
	write32(MAGIC_PAGE + 28, (16 << 20) - 8);
}

static void dirty_registers(void)
{
	write_spr(54, 0x1234);
	write_spr(273, DIRTY);
	write_spr(276, DIRTY);
	write_spr(58, DIRTY);
	write_spr(62, DIRTY);
	write_spr(61, DIRTY);
	write_spr(1008, DIRTY);
	write_spr(1010, 1);
	write_spr(312, DIRTY & ~3u);
	write_spr(316, DIRTY);
	set_msr(get_msr() | 0x02000000);
	__asm__ volatile("evmergelo 17, %0, %0" : : "r"(DIRTY) : "r17");
}

static void dirty_mpic(void)
{
	for (uint32_t i = 0; i < SOURCES; i++) {
		write32(MPIC + MPIC_IDR + 0x20 * i, 1);
		write32(MPIC + MPIC_IVPR + 0x20 * i, 5 << 16 | i);
	}
	for (uint32_t i = 0; i < 4; i++) {
		write32(MPIC + MPIC_IPI_IVPR + 0x10 * i, 9 << 16 | (0x100 + i));
		write32(MPIC + MPIC_IPIDR + 0x10 * i, 1);
	}
	write32(MPIC + MPIC_MSIIR, 0xe3000000);
	write32(MPIC + MPIC_CTPR, 0);
	check("an interrupt is taken", read32(MPIC + MPIC_IACK) != SPURIOUS);
}

static _Noreturn void reset_by_watchdog(uint32_t kind)
{
	write_spr(340, TCR_WP(TB_BIT) | kind << FIELD_SHIFT);
	for (;;)
		read8(UART + UART_SCRATCH);
}

int main(void)
{
	uint32_t boot = (entry.tsr >> FIELD_SHIFT & 3) + 1;

	say("boot ");
	say_number(boot);
	say("\n");
	check_new();
	if (boot == BOOTS || told_to("poweroff"))
		end();
	write32(DIRTY_LOW, DIRTY);
	write32(DIRTY_HIGH, DIRTY);
	data_of_the_image = DIRTY;
	write8(UART + UART_SCRATCH, 0x77);
	map_magic_page();
	dirty_registers();
	dirty_mpic();
	say("dirty\n");
	reset_by_watchdog(boot);
}
