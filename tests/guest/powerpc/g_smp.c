// SPDX-License-Identifier: Apache-2.0
/*
 * Other vCPUs: the spin table releases them, once, in a state as ePAPR-1.1 5.5 says; interrupts go both ways, memory is
 * shared and reservations are atomic. The command line has their number.
 */
#include "mpic.h"

enum { IPI_TO_BOOT = 1, IPI_TO_OTHERS = 2, WAIT_MS = 60000, ADDS = 1000, SPIN_ENTRY_BYTES = 32 };

static uint32_t came, answered, wrong, sum;

static void add(uint32_t *to, uint32_t n)
{
	__atomic_fetch_add(to, n, __ATOMIC_SEQ_CST);
}

static void on_ipi(unsigned int vector)
{
	if (vector == MPIC_IPI_VECTOR + IPI_TO_OTHERS)
		add(&answered, 1);
}

void cpu_main(uint32_t idx)
{
	uint32_t msr;

	__asm__ volatile("mfmsr %0" : "=r"(msr));
	if (idx != cpu_index() || idx != read32(MPIC + MPIC_CPUS + idx * 0x1000 + MPIC_WHOAMI) ||
	    msr)
		add(&wrong, 1);
	mpic_init_cpu();
	for (unsigned int i = 0; i < ADDS; i++)
		add(&sum, 1);
	add(&came, 1);
	mpic_send_ipi(IPI_TO_BOOT, 0);
	irqs_on();
	for (;;)
		;
}

static bool reaches(uint32_t *what, uint32_t value)
{
	uint64_t limit = ticks() + ticks_of_ms(WAIT_MS);

	while (__atomic_load_n(what, __ATOMIC_SEQ_CST) != value)
		if (ticks() > limit)
			return false;
	return true;
}

int main(void)
{
	uint32_t others = (uint32_t)(orders()[0] - '0');

	irq_handler = on_ipi;
	mpic_init(false);
	mpic_enable_ipi(IPI_TO_BOOT);
	mpic_enable_ipi(IPI_TO_OTHERS);
	for (uint32_t idx = 1; idx <= others; idx++) {
		uint32_t at = (uint32_t)IOL_PPC32_SPIN_TABLE + idx * SPIN_ENTRY_BYTES;

		check_eq("waits", read32(at + 4) & 1, 1);
		check_eq("its number", read32(at + 20), idx);
	}
	check_eq("nobody has run", came | sum, 0);
	for (uint32_t idx = 1; idx <= others; idx++)
		cpu_start(idx);
	check("all came", reaches(&came, others));
	check_eq("each is the one that was meant", wrong, 0);
	check_eq("additions are atomic", sum, ADDS * others);
	check("interrupts from them", irq_wait(MPIC_IPI_VECTOR + IPI_TO_BOOT, 0, WAIT_MS));
	for (uint32_t idx = 1; idx <= others; idx++)
		mpic_send_ipi(IPI_TO_OTHERS, idx);
	check("interrupts to all", reaches(&answered, others));
	cpu_start(1);
	check_eq("released once", came, others);
	end();
}
