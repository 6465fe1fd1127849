// SPDX-License-Identifier: Apache-2.0
/* The console, time, the tree, ends. See guest.h. */
#include "guest.h"

enum {
	R_TREE = 3,
	FDT_MAGIC = 0xd00dfeed,
	FDT_BEGIN_NODE = 1,
	FDT_END_NODE = 2,
	FDT_PROP = 3,
	FDT_NOP = 4,
	/* Of the header. */
	OFF_STRUCT = 8,
	OFF_STRINGS = 12,
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

/* --- the tree, which is well-formed and within mapped memory, or the guest fails --- */

static uint32_t cell(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static const uint8_t *skip_name(const uint8_t *at)
{
	while (*at)
		at++;
	return (const uint8_t *)(((uintptr_t)at + 4) & ~(uintptr_t)3);
}

const uint8_t *tree_property(const char *name, uint32_t *bytes)
{
	const uint8_t *tree = (const uint8_t *)entry.gpr[R_TREE];
	const uint8_t *at;

	if (cell(tree) != FDT_MAGIC)
		return NULL;
	for (at = tree + cell(tree + OFF_STRUCT);;) {
		uint32_t token = cell(at);

		at += 4;
		if (token == FDT_BEGIN_NODE) {
			at = skip_name(at);
		} else if (token == FDT_PROP) {
			*bytes = cell(at);
			if (strings_equal((const char *)tree + cell(tree + OFF_STRINGS) +
						  cell(at + 4),
					  name))
				return at + 8;
			at += 8 + ((*bytes + 3) & ~3u);
		} else if (token != FDT_END_NODE && token != FDT_NOP) {
			return NULL;
		}
	}
}

uint32_t tree_cell(const char *name)
{
	uint32_t bytes;
	const uint8_t *at = tree_property(name, &bytes);

	return at && bytes >= 4 ? cell(at) : 0;
}

const char *orders(void)
{
	uint32_t bytes;
	const uint8_t *text = tree_property("bootargs", &bytes);

	return text ? (const char *)text : "";
}

bool told_to(const char *order)
{
	return strings_equal(orders(), order);
}
