/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MPIC as guests use it (MPC8544E reference manual, chapter "Programmable Interrupt Controller"): sources of
 * interrupts, counted by number. Registers are big-endian.
 */
#ifndef GUEST_MPIC_H
#define GUEST_MPIC_H

#include "guest.h"

#define MPIC (uint32_t)(IOL_PPC32_CCSR + IOL_PPC_MPIC)

enum {
	MPIC_GCR = 0x1020,
	MPIC_SVR = 0x10e0,
	MPIC_TFRR = 0x10f0,
	MPIC_TBCR = 0x1110, /* of timer 0 */
	MPIC_IPIVPR = 0x10a0, /* 4, 16 bytes apart */
	MPIC_SOURCES = 0x10000, /* vector and priority; 32 bytes apart */
	MPIC_IDR = 0x10, /* of a source: destinations */
	MPIC_CPUS = 0x20000, /* 4096 bytes apart */
	MPIC_IPIDR = 0x40, /* of a CPU: 4, 16 bytes apart */
	MPIC_CTPR = 0x80,
	MPIC_WHOAMI = 0x90,
	MPIC_IACK = 0xa0,
	MPIC_EOI = 0xb0,

	MPIC_GCR_RESET = 0x80000000,
	MPIC_GCR_MIXED = 0x20000000,
	MPIC_GCR_MODE = 0x60000000,
	MPIC_MASKED = 0x80000000,
	MPIC_ACTIVE = 0x40000000,
	MPIC_POLARITY_HIGH = 0x00800000,
	MPIC_LEVEL = 0x00400000,
	MPIC_PRIORITY_SHIFT = 16,
	MPIC_PRIORITY_MAX = 15,
	MPIC_SPURIOUS = 0xff,
	MPIC_IPI_VECTOR = 0xf0, /* + n */
	MPIC_VECTORS = 256,
};

/* Switches it on; the caller's CPU takes all priorities. */
void mpic_init(void);
void mpic_init_cpu(void);

/* Source @source comes to vCPU 0 as a level, with its number as vector. */
void mpic_enable(unsigned int source);
/* Inter-processor interrupt @n (0 to 3) may come, to whom it is sent. */
void mpic_enable_ipi(unsigned int n);
void mpic_send_ipi(unsigned int n, unsigned int cpu);

/* How often each vector came, by vCPU; written by on_irq(), which is here. */
extern volatile uint32_t irq_counts[GUEST_CPUS_MAX][MPIC_VECTORS];
/* Called for each interrupt before it ends; NULL: nothing. */
extern void (*irq_handler)(unsigned int vector);

/* Waits until @vector came to vCPU 0, the caller, after @seen times; interrupts are let in meanwhile. */
bool irq_wait(unsigned int vector, uint32_t seen, uint32_t ms);

static inline uint32_t cpu_index(void)
{
	return read_spr(SPR_PIR);
}

#endif
