// SPDX-License-Identifier: Apache-2.0
/*
 * Input: echoes what arrives up to the line "quit". The command line says how to wait for it:
 * "poll" reads the line status, "irq" halts until the receive interrupt.
 */
#include "cpu.h"

enum {
	IER = IOL_X86_COM1 + 1,
	FCR = IOL_X86_COM1 + 2,
	MCR = IOL_X86_COM1 + 4,
	LSR = IOL_X86_COM1 + 5,
	LSR_DATA = 0x01,
	IER_RECEIVE = 0x01,
	FCR_ENABLE = 0x01,
	MCR_DTR_RTS = 0x03, /* we listen */
	MCR_OUT2 = 0x08, /* the interrupt line is connected */
	VECTOR = CPU_VECTOR_IRQ + IOL_X86_COM1_GSI,
};

static bool by_interrupt;
static char line[128];
static unsigned int line_len;

static void wait_for_data(void)
{
	if (!by_interrupt) {
		while (!(inb(LSR) & LSR_DATA))
			__asm__ volatile("pause");
		return;
	}
	for (;;) {
		uint32_t seen = cpu_interrupts[VECTOR];

		if (inb(LSR) & LSR_DATA)
			return;
		/*
		 * The interrupt may have come before the line status was read; then it is pending
		 * and ends the halt.
		 */
		while (cpu_interrupts[VECTOR] == seen)
			__asm__ volatile("sti; hlt; cli");
	}
}

static void read_line(void)
{
	char c = 0;

	for (line_len = 0; c != '\n' && line_len < sizeof(line) - 1;) {
		wait_for_data();
		c = (char)inb(IOL_X86_COM1);
		line[line_len++] = c;
	}
	line[line_len] = 0;
}

int main(void)
{
	outb(FCR, FCR_ENABLE);
	if (told_to("irq")) {
		by_interrupt = true;
		cpu_init();
		lapic_on();
		ioapic_route(IOL_X86_COM1_GSI, VECTOR);
		outb(MCR, MCR_DTR_RTS | MCR_OUT2);
		outb(IER, IER_RECEIVE);
	}
	say("ready\n");
	do {
		read_line();
		say("echo ");
		say(line);
	} while (!strings_equal(line, "quit\n"));
	/* When the input was always faster than we, it is still pending. */
	if (by_interrupt)
		check("receive interrupts came", cpu_wait_interrupt(VECTOR, 0, 1000));
	end();
}
