// SPDX-License-Identifier: Apache-2.0
/* Descriptors, interrupts, local APIC. See cpu.h. */
#include "cpu.h"

#define SEL_CODE 0x08
#define SEL_USER_DATA 0x1b
#define SEL_USER_CODE 0x23
#define SEL_TSS 0x28
#define GATE_INTERRUPT 0x8e00
#define TSS_AVAILABLE UINT64_C(0x89)
#define RFLAGS_USER 0x202 /* IF */

#define LEAF_TIMING 0x40000010u

struct __attribute__((packed)) gate {
	uint16_t offset_low, selector, flags, offset_mid;
	uint32_t offset_high, reserved;
};

struct __attribute__((packed)) tss {
	uint32_t reserved;
	uint64_t rsp[3];
	uint8_t rest[104 - 28];
};

struct __attribute__((packed)) pointer {
	uint16_t limit;
	uint64_t base;
};

extern uint64_t gdt[];
extern uint8_t isr_table[];
extern uint8_t stack_end[];
void cpu_handle(uint64_t vector, uint64_t error, uint64_t rip);

volatile uint32_t cpu_interrupts[CPU_VECTORS];
void (*volatile cpu_on_interrupt)(unsigned int vector);

static struct gate idt[CPU_VECTORS];
static const struct pointer idt_pointer = { sizeof(idt) - 1, (uint64_t)idt };
static struct tss tss;
static uint8_t interrupt_stack[4096] __attribute__((aligned(16)));
static uint8_t user_stack[4096] __attribute__((aligned(16)));

void cpu_handle(uint64_t vector, uint64_t error, uint64_t rip)
{
	if (vector < 32) {
		say("FAIL exception ");
		say_hex(vector);
		say(" error=");
		say_hex(error);
		say(" rip=");
		say_hex(rip);
		say("\n");
		power_off();
	}
	if (cpu_on_interrupt)
		cpu_on_interrupt((unsigned int)vector);
	cpu_interrupts[vector]++;
	if (vector != CPU_VECTOR_SPURIOUS)
		lapic_write(LAPIC_EOI, 0);
}

void cpu_load_idt(void)
{
	__asm__ volatile("lidt %0" : : "m"(idt_pointer));
}

void cpu_init(void)
{
	uint64_t base = (uint64_t)&tss;

	for (unsigned int i = 0; i < CPU_VECTORS; i++) {
		uint64_t offset = (uint64_t)(isr_table + 16 * i);

		idt[i] = (struct gate){
			.offset_low = (uint16_t)offset,
			.selector = SEL_CODE,
			.flags = GATE_INTERRUPT,
			.offset_mid = (uint16_t)(offset >> 16),
		};
	}
	tss.rsp[0] = (uint64_t)(interrupt_stack + sizeof(interrupt_stack));
	gdt[SEL_TSS / 8] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | TSS_AVAILABLE << 40 |
			   (base >> 24 & 0xff) << 56;
	gdt[SEL_TSS / 8 + 1] = base >> 32;
	cpu_load_idt();
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
}

void cpu_enter_user(void (*code)(void))
{
	/* As after a call: the stack is 8 off alignment, and there is nowhere to return to. */
	uint64_t stack = (uint64_t)(user_stack + sizeof(user_stack) - 8);

	__asm__ volatile("movl %0, %%ds\n\t"
			 "movl %0, %%es\n\t"
			 "pushq %q0\n\t"
			 "pushq %1\n\t"
			 "pushq %q2\n\t"
			 "pushq %q3\n\t"
			 "pushq %4\n\t"
			 "iretq"
			 :
			 : "r"(SEL_USER_DATA), "r"(stack), "r"(RFLAGS_USER), "r"(SEL_USER_CODE),
			   "r"(code)
			 : "memory");
	__builtin_unreachable();
}

void lapic_on(void)
{
	lapic_write(LAPIC_SPURIOUS, LAPIC_ENABLE | CPU_VECTOR_SPURIOUS);
}

void lapic_send(uint32_t id, uint32_t icr_low)
{
	lapic_write(LAPIC_ICR_HIGH, id << 24);
	lapic_write(LAPIC_ICR_LOW, icr_low);
}

void ioapic_route(unsigned int pin, unsigned int vector)
{
	write32(IOL_X86_IOAPIC, 0x11 + 2 * pin);
	write32(IOL_X86_IOAPIC + 0x10, 0);
	write32(IOL_X86_IOAPIC, 0x10 + 2 * pin);
	write32(IOL_X86_IOAPIC + 0x10, vector);
}

uint64_t tsc_per_ms(void)
{
	return cpuid(LEAF_TIMING, 0).eax;
}

bool cpu_wait_interrupt(unsigned int vector, uint32_t seen, unsigned int limit_ms)
{
	uint64_t end = rdtsc() + limit_ms * tsc_per_ms();

	cpu_interrupts_on();
	while (cpu_interrupts[vector] == seen && rdtsc() < end)
		__asm__ volatile("pause");
	cpu_interrupts_off();
	return cpu_interrupts[vector] != seen;
}
