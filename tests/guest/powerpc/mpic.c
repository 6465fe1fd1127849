// SPDX-License-Identifier: Apache-2.0
/* See mpic.h. */
#include "mpic.h"

volatile uint32_t irq_counts[GUEST_CPUS_MAX][MPIC_VECTORS];
void (*irq_handler)(unsigned int vector);

static uint32_t cpu_base(unsigned int cpu)
{
	return MPIC + MPIC_CPUS + cpu * 0x1000;
}

void mpic_init_cpu(void)
{
	write32(cpu_base(cpu_index()) + MPIC_CTPR, 0);
}

void mpic_init(void)
{
	write32(MPIC + MPIC_GCR, MPIC_GCR_MIXED);
	write32(MPIC + MPIC_SVR, MPIC_SPURIOUS);
	mpic_init_cpu();
}

void mpic_enable(unsigned int source)
{
	uint32_t at = MPIC + MPIC_SOURCES + source * 32;

	write32(at + MPIC_IDR, 1);
	write32(at, MPIC_POLARITY_HIGH | MPIC_LEVEL | 8u << MPIC_PRIORITY_SHIFT | source);
}

void mpic_enable_ipi(unsigned int n)
{
	write32(MPIC + MPIC_IPIVPR + n * 16, 8u << MPIC_PRIORITY_SHIFT | (MPIC_IPI_VECTOR + n));
}

void mpic_send_ipi(unsigned int n, unsigned int cpu)
{
	barrier();
	write32(cpu_base(cpu_index()) + MPIC_IPIDR + n * 16, 1u << cpu);
}

void on_irq(void)
{
	uint32_t base = cpu_base(cpu_index());
	uint32_t vector = read32(base + MPIC_IACK) & (MPIC_VECTORS - 1);

	if (vector == MPIC_SPURIOUS)
		return;
	if (irq_handler)
		irq_handler(vector);
	irq_counts[cpu_index()][vector]++;
	write32(base + MPIC_EOI, 0);
}

bool irq_wait(unsigned int vector, uint32_t seen, uint32_t ms)
{
	uint64_t limit = ticks() + ticks_of_ms(ms);

	irqs_on();
	while (irq_counts[0][vector] == seen && ticks() < limit)
		;
	irqs_off();
	return irq_counts[0][vector] != seen;
}
