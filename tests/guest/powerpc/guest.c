// SPDX-License-Identifier: Apache-2.0
/* The console, the tree, ends. See guest.h. */
#include "guest.h"

enum {
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
	GPIO_POWER_OFF = 0x80000000, /* line 0 */
	R_TREE = 3,
};

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
		write32(GPIO + GPIO_DIR, GPIO_POWER_OFF);
		write32(GPIO + GPIO_DAT, GPIO_POWER_OFF);
		write32(GPIO + GPIO_DAT, 0);
		write32(GPIO + GPIO_DAT, GPIO_POWER_OFF);
	}
}

__attribute__((weak)) void on_irq(unsigned int ivor)
{
	say("FAIL an interrupt came: IVOR ");
	say_number(ivor);
	say("\n");
	power_off();
}

__attribute__((weak)) void on_critical(void)
{
	say("FAIL a critical interrupt came\n");
	power_off();
}

/* From start.S. */
void on_exception(uint32_t srr0, uint32_t esr, uint32_t dear);
void on_exception(uint32_t srr0, uint32_t esr, uint32_t dear)
{
	say("FAIL exception: srr0 ");
	say_hex(srr0);
	say(", esr ");
	say_hex(esr);
	say(", dear ");
	say_hex(dear);
	say("\n");
	power_off();
}

/* --- the tree, which is well-formed and within mapped memory, or the guest fails --- */

static uint32_t be32(const uint8_t *at)
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

	if (be32(tree) != FDT_MAGIC)
		return NULL;
	for (at = tree + be32(tree + OFF_STRUCT);;) {
		uint32_t token = be32(at);

		at += 4;
		if (token == FDT_BEGIN_NODE) {
			at = skip_name(at);
		} else if (token == FDT_PROP) {
			*bytes = be32(at);
			if (strings_equal((const char *)tree + be32(tree + OFF_STRINGS) +
						  be32(at + 4),
					  name))
				return at + 8;
			at += 8 + ((*bytes + 3) & ~3u);
		} else if (token != FDT_END_NODE && token != FDT_NOP) {
			return NULL;
		}
	}
}

uint32_t tree_number(const char *name, uint32_t offset)
{
	uint32_t bytes;
	const uint8_t *at = tree_property(name, &bytes);

	return at && bytes >= offset + 4 ? be32(at + offset) : 0;
}

bool told_to(const char *order)
{
	uint32_t bytes;
	const uint8_t *text = tree_property("bootargs", &bytes);

	return strings_equal(text ? (const char *)text : "", order);
}

uint32_t ticks_of_ms(uint32_t ms)
{
	return tree_number("timebase-frequency", 0) / 1000 * ms;
}
