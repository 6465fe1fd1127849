// SPDX-License-Identifier: Apache-2.0
/* See irq.h. */
#include "irq.h"

volatile uint32_t irq_counts[GUEST_CPUS_MAX][IRQS];
void (*irq_handler)(unsigned int irq);

unsigned int cpu_index(void)
{
	uint64_t mpidr = read_sysreg(mpidr_el1);

	return (mpidr & 0xff) + (mpidr >> 8 & 0xff) * 16;
}

void irq_init_cpu(void)
{
	WRITE_ICC(icc_sre_el1, 1);
	WRITE_ICC(icc_pmr_el1, 0xff);
	WRITE_ICC(icc_igrpen1_el1, 1);
}

void irq_init(void)
{
	write32(IOL_ARM64_GICD + GICD_CTLR, GICD_CTLR_ENABLE_GROUP_1);
	irq_init_cpu();
}

void irq_enable(unsigned int irq, bool edge)
{
	uint64_t base = irq < IRQ_SPI ? gicr(cpu_index()) + GICR_SGI : IOL_ARM64_GICD;
	uint64_t config = base + GICD_ICFGR + irq / 16 * 4;
	uint32_t shift = irq % 16 * 2;

	if (irq >= IRQ_SPI) {
		write32(config, (read32(config) & ~(3u << shift)) | (edge ? 2u : 0) << shift);
		write64(base + GICD_IROUTER + irq * 8, 0);
	}
	write8(base + GICD_IPRIORITYR + irq, 0x80);
	write32(base + GICD_ISENABLER + irq / 32 * 4, 1u << irq % 32);
}

void irq_send(unsigned int sgi, unsigned int cpu)
{
	barrier();
	WRITE_ICC(icc_sgi1r_el1, (uint64_t)sgi << 24 | (uint64_t)(cpu / 16) << 16 | 1u << cpu % 16);
}

void on_irq(void)
{
	unsigned int irq = (unsigned int)READ_ICC(icc_iar1_el1);

	barrier();
	if (irq >= IRQ_SPURIOUS)
		return;
	if (irq_handler)
		irq_handler(irq);
	if (irq < IRQS)
		irq_counts[cpu_index()][irq]++;
	WRITE_ICC(icc_eoir1_el1, irq);
}

bool irq_wait(unsigned int irq, uint32_t seen, uint64_t ms)
{
	uint64_t limit = ticks() + ticks_of_ms(ms);

	irqs_on();
	while (irq_counts[0][irq] == seen && ticks() < limit)
		;
	irqs_off();
	return irq_counts[0][irq] != seen;
}
