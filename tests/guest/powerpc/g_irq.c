// SPDX-License-Identifier: Apache-2.0
/*
 * Interrupts: the decrementer, the UART's source through the MPIC, a message, and waiting without an exit to
 * anybody.
 */
#include "guest.h"

enum {
	IVOR_EXTERNAL = 4,
	IVOR_DECREMENTER = 10,
	MPIC_IVPR = 0x10000,
	MPIC_IDR = 0x10010,
	MPIC_CTPR = 0x20080,
	MPIC_IACK = 0x200a0,
	MPIC_EOI = 0x200b0,
	MPIC_MSIR = 0x1600,
	MPIC_MSIIR = 0x1740,
	IVPR_PRIORITY = 8 << 16,
	SOURCE_UART = 42,
	SOURCE_MESSAGES = 0xe0,
	SPURIOUS = 0xffff,
	UART_IER = 1,
	UART_IIR = 2,
	IER_THRI = 2,
	WAIT_MS = 20000,
};
#define TCR_DIE 0x04000000u
#define TSR_DIS 0x08000000u
#define MSR_WE 0x00040000u

static volatile uint32_t ticked, taken, vector, messages;

void on_irq(unsigned int ivor)
{
	if (ivor == IVOR_DECREMENTER) {
		ticked++;
		write_spr(336, TSR_DIS);
		return;
	}
	vector = read32(MPIC + MPIC_IACK);
	if (vector != SPURIOUS)
		taken++;
	if (vector == SOURCE_UART) {
		read8(UART + UART_IIR);
		write8(UART + UART_IER, 0);
	} else if (vector == SOURCE_MESSAGES) {
		messages |= read32(MPIC + MPIC_MSIR);
	}
	write32(MPIC + MPIC_EOI, 0);
}

static bool wait(volatile uint32_t *count, uint32_t value)
{
	uint32_t start = ticks(), limit = ticks_of_ms(WAIT_MS);

	while (*count < value)
		if (ticks() - start > limit)
			return false;
	return true;
}

static void check_decrementer(void)
{
	uint32_t start;

	write_spr(340, TCR_DIE);
	start = ticks();
	write_spr(22, ticks_of_ms(20));
	set_msr(get_msr() | MSR_EE);
	check("decrementer: comes", wait(&ticked, 1));
	check("decrementer: not early", ticks() - start >= ticks_of_ms(20));
	/* Asleep until then. */
	write_spr(22, ticks_of_ms(50));
	start = ticks();
	while (ticked < 2)
		set_msr(get_msr() | MSR_WE);
	check("decrementer: wakes", ticks() - start >= ticks_of_ms(50));
	write_spr(340, 0);
}

static void enable(uint32_t source)
{
	write32(MPIC + MPIC_IDR + 0x20 * source, 1);
	write32(MPIC + MPIC_IVPR + 0x20 * source, IVPR_PRIORITY | source);
}

static void check_uart(void)
{
	enable(SOURCE_UART);
	write32(MPIC + MPIC_CTPR, 0);
	write8(UART + UART_IER, IER_THRI);
	check("UART: comes", wait(&taken, 1));
	check_eq("UART: vector", vector, SOURCE_UART);
	check_eq("UART: once", taken, 1);
}

static void check_message(void)
{
	taken = 0;
	enable(SOURCE_MESSAGES);
	write32(MPIC + MPIC_MSIIR, 5 << 24); /* register 0, bit 5 */
	check("message: comes", wait(&taken, 1));
	check_eq("message: vector", vector, SOURCE_MESSAGES);
	check_eq("message: bit", messages, 1 << 5);
}

int main(void)
{
	check_decrementer();
	check_uart();
	check_message();
	end();
}
