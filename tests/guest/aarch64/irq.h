/* SPDX-License-Identifier: Apache-2.0 */
/* The GICv3 as guests use it (ARM IHI 0069): interrupts of group 1, counted by number. */
#ifndef GUEST_IRQ_H
#define GUEST_IRQ_H

#include "guest.h"

enum {
	IRQ_PPI_TIMER_PHYSICAL = 30,
	IRQ_PPI_TIMER_VIRTUAL = 27,
	IRQ_SPI = 32,
	IRQS = 64,
	IRQ_SPURIOUS = 1020, /* and up */

	GICD_CTLR = 0x0000,
	GICD_IGROUPR = 0x0080,
	GICD_ISENABLER = 0x0100,
	GICD_ICENABLER = 0x0180,
	GICD_ISPENDR = 0x0200,
	GICD_ISACTIVER = 0x0300,
	GICD_IPRIORITYR = 0x0400,
	GICD_ICFGR = 0x0c00,
	GICD_IROUTER = 0x6000,
	GICD_CTLR_ENABLE_GROUP_1 = 2,

	GICR_CTLR = 0x0000,
	GICR_TYPER = 0x0008,
	GICR_PROPBASER = 0x0070,
	GICR_PENDBASER = 0x0078,
	GICR_SGI = 0x10000, /* the second frame; offsets are the distributor's */
	GICR_CTLR_ENABLE_LPIS = 1,
};

#define icc_pmr_el1 s3_0_c4_c6_0
#define icc_iar1_el1 s3_0_c12_c12_0
#define icc_eoir1_el1 s3_0_c12_c12_1
#define icc_bpr1_el1 s3_0_c12_c12_3
#define icc_ctlr_el1 s3_0_c12_c12_4
#define icc_sre_el1 s3_0_c12_c12_5
#define icc_igrpen0_el1 s3_0_c12_c12_6
#define icc_igrpen1_el1 s3_0_c12_c12_7
#define icc_ap1r0_el1 s3_0_c12_c9_0
#define icc_sgi1r_el1 s3_0_c12_c11_5

/* Names of system registers may be macros. */
#define READ_ICC(name) read_sysreg_(name)
#define read_sysreg_(name) read_sysreg(name)
#define WRITE_ICC(name, value) write_sysreg_(name, value)
#define write_sysreg_(name, value) write_sysreg(name, value)

static inline uint64_t gicr(unsigned int cpu)
{
	return IOL_ARM64_GICR + cpu * IOL_ARM64_GICR_CPU_BYTES;
}

/* Switches on the distributor, and each vCPU for itself its interface; with interrupts still masked. */
void irq_init(void);
void irq_init_cpu(void);

/* Lets an SPI come, as an edge or a level, to vCPU 0; a PPI or SGI to the vCPU that asks. */
void irq_enable(unsigned int irq, bool edge);

/* An SGI (0 to 15) to vCPU @cpu. */
void irq_send(unsigned int sgi, unsigned int cpu);

/* How often each came to the vCPU, by index; written by on_irq(), which is here. */
extern volatile uint32_t irq_counts[GUEST_CPUS_MAX][IRQS];
/* Called for each interrupt while it is active; NULL: nothing. */
extern void (*irq_handler)(unsigned int irq);

/* Waits until @irq came to vCPU 0, the caller, after @seen times; interrupts are let in meanwhile. */
bool irq_wait(unsigned int irq, uint32_t seen, uint64_t ms);

unsigned int cpu_index(void);

#endif
