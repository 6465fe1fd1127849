/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions, interrupts, the local APIC, and code at CPL 3. For guests that need them. */
#ifndef GUEST_CPU_H
#define GUEST_CPU_H

#include "guest.h"

enum {
	CPU_VECTORS = 64, /* 0 to 31: exceptions, which end the guest */
	CPU_TASKS = 4, /* processors that can be at CPL 3 */
	CPU_VECTOR_UNDEFINED = 6,
	CPU_VECTOR_IRQ = 0x20,
	CPU_VECTOR_SPURIOUS = 0x3f,
};

/* How often each vector came. */
extern volatile uint32_t cpu_interrupts[CPU_VECTORS];

/* Called for vectors from 32 on, before their count goes up. NULL: nothing more to do. */
extern void (*volatile cpu_on_interrupt)(unsigned int vector);

/*
 * Loads IDT and task register. Interrupts stay off; the PICs are masked from the start, so that
 * only the IOAPIC delivers.
 */
void cpu_init(void);

/* For the other processors, once cpu_init() is done. */
void cpu_load_idt(void);

/* For one of the other processors, 1 to CPU_TASKS - 1, before it goes to CPL 3. */
void cpu_load_task(unsigned int number);

/* After cpu_init(): @entry takes @vector in place of what isr.S does. */
void cpu_set_handler(unsigned int vector, void (*entry)(void));

static inline void cpu_interrupts_on(void)
{
	__asm__ volatile("sti");
}

static inline void cpu_interrupts_off(void)
{
	__asm__ volatile("cli");
}

/* Runs @code at CPL 3, for good, with a stack of its own and interrupts on. */
_Noreturn void cpu_enter_user(void (*code)(void));

/* The same with the end of a stack of the caller's choice. */
_Noreturn void cpu_enter_user_on(void (*code)(void), void *stack);

/* --- local APIC (SDM 3A 11.4) --- */

enum {
	LAPIC_ID = 0x20,
	LAPIC_VERSION = 0x30,
	LAPIC_EOI = 0xb0,
	LAPIC_SPURIOUS = 0xf0,
	LAPIC_ICR_LOW = 0x300,
	LAPIC_ICR_HIGH = 0x310,
	LAPIC_LVT_TIMER = 0x320,
	LAPIC_TIMER_INITIAL = 0x380,
	LAPIC_TIMER_CURRENT = 0x390,
	LAPIC_TIMER_DIVIDE = 0x3e0,

	LAPIC_ENABLE = 0x100,
	LAPIC_MASKED = 0x10000,
	LAPIC_TIMER_PERIODIC = 0x20000,
	LAPIC_TIMER_DEADLINE = 0x40000,
	LAPIC_ICR_INIT = 0x500,
	LAPIC_ICR_STARTUP = 0x600,
	LAPIC_ICR_ASSERT = 0x4000,
	LAPIC_DIVIDE_BY_1 = 0x0b,
};

static inline uint32_t lapic_read(unsigned int reg)
{
	return read32(IOL_X86_LAPIC + reg);
}

static inline void lapic_write(unsigned int reg, uint32_t value)
{
	write32(IOL_X86_LAPIC + reg, value);
}

/* Software-enables the local APIC. */
void lapic_on(void);

/* Sends the interrupt @icr_low to the processor with APIC id @id. */
void lapic_send(uint32_t id, uint32_t icr_low);

/* IOAPIC: @pin raises @vector on the processor with APIC id 0, on edges. */
void ioapic_route(unsigned int pin, unsigned int vector);
/* The same for as long as the line is high. */
void ioapic_route_level(unsigned int pin, unsigned int vector);

/*
 * Waits with interrupts on until @vector came more than @seen times, at most @limit_ms by the time
 * stamp counter. True when it came.
 */
bool cpu_wait_interrupt(unsigned int vector, uint32_t seen, unsigned int limit_ms);

/* Time stamps of one millisecond, as CPUID says. */
uint64_t tsc_per_ms(void);

#endif
