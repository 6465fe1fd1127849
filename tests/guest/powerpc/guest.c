// SPDX-License-Identifier: Apache-2.0
/* The console, time, the tree, ends. See guest.h. */
#include "guest.h"

enum {
	R_TREE = 3,
	UART_LSR = 5,
	LSR_THRE = 0x20,
	GPIO_DIR = 0,
	GPIO_DAT = 8,
	GUTS_RSTCR = 0xb0,
	RSTCR_HRESET = 2,
};
#define UART (IOL_PPC32_CCSR + IOL_PPC_UART)
#define GPIO (IOL_PPC32_CCSR + IOL_PPC_GPIO)
#define LINE_OFF 0x80000000

void say(const char *text)
{
	for (; *text; text++) {
		while (!(read8(UART + UART_LSR) & LSR_THRE))
			;
		write8(UART, (uint8_t)*text);
	}
}

void power_off(void)
{
	for (;;) {
		write32(GPIO + GPIO_DIR, LINE_OFF);
		write32(GPIO + GPIO_DAT, LINE_OFF);
	}
}

void reset(void)
{
	for (;;)
		write32(IOL_PPC32_CCSR + IOL_PPC_GUTS + GUTS_RSTCR, RSTCR_HRESET);
}

uint64_t ticks(void)
{
	uint32_t high, low, again;

	do {
		high = read_spr(SPR_TBU);
		low = read_spr(SPR_TBL);
		again = read_spr(SPR_TBU);
	} while (high != again);
	return (uint64_t)high << 32 | low;
}

uint64_t ticks_of_ms(uint32_t ms)
{
	static uint32_t per_ms;

	if (!per_ms)
		per_ms = tree_cell("timebase-frequency") / 1000;
	return (uint64_t)ms * per_ms;
}

__attribute__((weak)) void on_irq(void)
{
	say("FAIL an interrupt came\n");
	power_off();
}

__attribute__((weak)) void on_decrementer(void)
{
	say("FAIL a decrementer interrupt came\n");
	power_off();
}

/* From start.S. */
void on_exception(uint32_t esr, uint32_t srr0, uint32_t dear);
void on_exception(uint32_t esr, uint32_t srr0, uint32_t dear)
{
	say("FAIL exception: esr ");
	say_hex(esr);
	say(", srr0 ");
	say_hex(srr0);
	say(", dear ");
	say_hex(dear);
	say("\n");
	power_off();
}

const uint8_t *tree_at_entry(void)
{
	return (const uint8_t *)entry.gpr[R_TREE];
}

uint32_t tree_cell(const char *name)
{
	uint32_t bytes;
	const uint8_t *at = tree_property(name, &bytes);

	return at && bytes >= 4 ? *(const uint32_t *)at : 0;
}
