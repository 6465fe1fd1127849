// SPDX-License-Identifier: Apache-2.0
/*
 * A guest for debuggers, with names that they can look up. It counts turns, calls target_function() in each, and obeys bytes that
 * come on the serial line, or that a debugger puts into `order`:
 *
 *   s   says "result N"             r   resets the machine
 *   q   switches it off             c   crashes: a triple fault
 *   h   halts with interrupts off
 *
 * Words of the command line: "idle" halts in each turn until a timer's interrupt; "two" starts the second processor, which counts by itself;
 * "loud" says the number of a turn now and then.
 * It is compiled with debug information: see guests.cmake.
 */
#include "ap.h"
#include "cpu.h"
#include "debug_steps.h"

enum {
	LSR = IOL_X86_COM1 + 5,
	LSR_DATA = 0x01,
	VECTOR = 0x30,
	TIMER_COUNT = 2000000,
};

/* For check_gdb*.py and tests/cli/gdb_session.gdb: they know these names. */
volatile uint64_t counter, multiplier = 3, result, second_counter, halts;
volatile uint8_t order;

enum { LOUD_TURNS = 4096 };

static bool idle, loud;

__attribute__((noinline)) static uint64_t target_function(uint64_t value)
{
	uint64_t sum = value;

	sum += 1;
	result = sum;
	return sum;
}

__attribute__((noinline)) static uint64_t middle_function(uint64_t turn)
{
	return target_function(turn * multiplier) + 1;
}

__attribute__((noinline)) static void outer_function(void)
{
	counter++;
	if (loud && counter % LOUD_TURNS == 0) {
		say("turn ");
		say_number(counter);
		say("\n");
	}
	middle_function(counter);
	debug_steps();
	if (idle) {
		debug_halt();
		halts++;
	}
}

__attribute__((noinline)) static void second_function(void)
{
	second_counter++;
}

void ap_main(uint32_t number)
{
	(void)number;
	for (;;)
		second_function();
}

static void start_second(void)
{
	uint8_t *to = (uint8_t *)AP_TRAMPOLINE;

	for (const uint8_t *from = ap_trampoline; from < ap_trampoline_end;)
		*to++ = *from++;
	lapic_send(1, LAPIC_ICR_INIT | LAPIC_ICR_ASSERT);
	lapic_send(1, LAPIC_ICR_STARTUP | LAPIC_ICR_ASSERT | AP_TRAMPOLINE >> 12);
}

__attribute__((noinline)) static void obey(uint8_t what)
{
	switch (what) {
	case 's':
		say("result ");
		say_number(result);
		say("\n");
		break;
	case 'q':
		power_off();
	case 'r':
		outb(IOL_X86_RESET_PORT, IOL_X86_RESET_VALUE);
		break;
	case 'c':
		triple_fault();
	case 'h':
		for (;;)
			__asm__ volatile("cli; hlt");
	default:
		break;
	}
}

static uint8_t next_order(void)
{
	uint8_t what = order;

	order = 0;
	if (!what && inb(LSR) & LSR_DATA)
		what = inb(IOL_X86_COM1);
	return what;
}

int main(void)
{
	cpu_init();
	lapic_on();
	idle = told_to("idle") || told_to("two idle");
	if (idle) {
		lapic_write(LAPIC_TIMER_DIVIDE, LAPIC_DIVIDE_BY_1);
		lapic_write(LAPIC_LVT_TIMER, LAPIC_TIMER_PERIODIC | VECTOR);
		lapic_write(LAPIC_TIMER_INITIAL, TIMER_COUNT);
	}
	loud = told_to("loud");
	if (told_to("two") || told_to("two idle"))
		start_second();
	say("ready\n");
	for (;;) {
		outer_function();
		obey(next_order());
	}
}
