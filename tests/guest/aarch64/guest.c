// SPDX-License-Identifier: Apache-2.0
/* The console, PSCI, the tree, ends. See guest.h. */
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
};

void say(const char *text)
{
	for (; *text; text++) {
		while (!(read8(IOL_ARM64_UART + UART_LSR) & LSR_THRE))
			;
		write8(IOL_ARM64_UART, (uint8_t)*text);
	}
}

int64_t psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = a;
	register uint64_t x2 __asm__("x2") = b;
	register uint64_t x3 __asm__("x3") = c;

	__asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
	return (int64_t)x0;
}

void power_off(void)
{
	for (;;)
		psci(PSCI_SYSTEM_OFF, 0, 0, 0);
}

int64_t cpu_start(unsigned int idx)
{
	extern const uint8_t cpu_entry[];

	return psci(PSCI_CPU_ON, affinity_of(idx), (uint64_t)cpu_entry, idx);
}

__attribute__((weak)) void cpu_main(uint64_t idx)
{
	(void)idx;
}

__attribute__((weak)) void on_irq(void)
{
	say("FAIL an interrupt came\n");
	power_off();
}

/* From start.S. */
void on_exception(uint64_t esr, uint64_t elr, uint64_t far);
void on_exception(uint64_t esr, uint64_t elr, uint64_t far)
{
	say("FAIL exception: esr ");
	say_hex(esr);
	say(", elr ");
	say_hex(elr);
	say(", far ");
	say_hex(far);
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
	return (const uint8_t *)(((uintptr_t)at + 4) & ~UINT64_C(3));
}

const uint8_t *tree_property(const char *name, uint32_t *bytes)
{
	const uint8_t *tree = (const uint8_t *)entry.x[0];
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
