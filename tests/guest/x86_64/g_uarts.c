// SPDX-License-Identifier: Apache-2.0
/*
 * Serial ports: as many as the command line says are there, each with an interrupt of its own; where there is none,
 * nobody answers.
 */
#include "cpu.h"

enum {
	IER = 1,
	IIR = 2,
	MCR = 4,
	SCRATCH = 7,
	IER_THRI = 0x02,
	MCR_OUT2 = 0x08, /* the interrupt line is connected */
	PORTS = 4,
};

static const struct {
	uint16_t base;
	uint32_t gsi;
	const char *is_there, *interrupts, *alone, *is_not_there;
} ports[PORTS] = {
	{ IOL_X86_COM1, IOL_X86_COM1_GSI, "COM1 is there", "COM1 interrupts",
	  "COM1's is nobody else's", "COM1 is not there" },
	{ IOL_X86_COM2, IOL_X86_COM2_GSI, "COM2 is there", "COM2 interrupts",
	  "COM2's is nobody else's", "COM2 is not there" },
	{ IOL_X86_COM3, IOL_X86_COM3_GSI, "COM3 is there", "COM3 interrupts",
	  "COM3's is nobody else's", "COM3 is not there" },
	{ IOL_X86_COM4, IOL_X86_COM4_GSI, "COM4 is there", "COM4 interrupts",
	  "COM4's is nobody else's", "COM4 is not there" },
};

static uint32_t all_interrupts(void)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < PORTS; i++)
		sum += cpu_interrupts[CPU_VECTOR_IRQ + ports[i].gsi];
	return sum;
}

static void check_there(unsigned int i)
{
	const uint16_t base = ports[i].base;
	const unsigned int vector = CPU_VECTOR_IRQ + ports[i].gsi;
	uint32_t before = cpu_interrupts[vector], all_before = all_interrupts();
	bool came;

	outb(base + SCRATCH, 0x5a);
	check(ports[i].is_there, inb(base + SCRATCH) == 0x5a);
	ioapic_route(ports[i].gsi, vector);
	outb(base + MCR, MCR_OUT2);
	/* The transmitter is empty. */
	outb(base + IER, IER_THRI);
	came = cpu_wait_interrupt(vector, before, 1000);
	/* Before anything is said: the console is one of them. */
	outb(base + IER, 0);
	inb(base + IIR);
	check(ports[i].interrupts, came);
	check(ports[i].alone, all_interrupts() - all_before == cpu_interrupts[vector] - before);
}

int main(void)
{
	unsigned int count = told_to("four") ? PORTS : 1;

	cpu_init();
	lapic_on();
	for (unsigned int i = 0; i < PORTS; i++) {
		if (i < count) {
			check_there(i);
		} else {
			outb(ports[i].base + SCRATCH, 0x5a);
			check(ports[i].is_not_there, inb(ports[i].base + SCRATCH) == 0xff);
		}
	}
	end();
}
