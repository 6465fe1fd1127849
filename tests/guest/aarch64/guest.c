// SPDX-License-Identifier: Apache-2.0
/* The console, PSCI, the tree, ends. See guest.h. */
#include "guest.h"

enum {
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

const uint8_t *tree_at_entry(void)
{
	return (const uint8_t *)entry.x[0];
}
