// SPDX-License-Identifier: Apache-2.0
/* Descriptors, interrupts, local APIC. See cpu.h. */
#include "cpu.h"

#define SEL_CODE 0x08
#define SEL_USER_DATA 0x1b
#define SEL_USER_CODE 0x23
#define SEL_TSS 0x28
#define SEL_TSS_OTHERS 0x50 /* 16 bytes each */
#define GATE_INTERRUPT 0x8e00
#define TSS_AVAILABLE UINT64_C(0x89)
#define RFLAGS_USER 0x202 /* IF */

#define IOAPIC_LEVEL_LOW 0xa000u

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
static struct tss tss[CPU_TASKS];
static uint8_t interrupt_stack[CPU_TASKS][4096] __attribute__((aligned(16)));
static uint8_t user_stack[16384] __attribute__((aligned(16)));

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

void cpu_set_handler(unsigned int vector, void (*entry)(void))
{
	uint64_t offset = (uint64_t)entry;

	idt[vector] = (struct gate){
		.offset_low = (uint16_t)offset,
		.selector = SEL_CODE,
		.flags = GATE_INTERRUPT,
		.offset_mid = (uint16_t)(offset >> 16),
	};
}

static void load_task(unsigned int number, unsigned int selector)
{
	uint64_t base = (uint64_t)&tss[number];

	tss[number].rsp[0] = (uint64_t)(interrupt_stack[number] + sizeof(interrupt_stack[0]));
	gdt[selector / 8] = (sizeof(tss[0]) - 1) | (base & 0xffffff) << 16 | TSS_AVAILABLE << 40 |
			    (base >> 24 & 0xff) << 56;
	gdt[selector / 8 + 1] = base >> 32;
	__asm__ volatile("ltr %w0" : : "r"(selector));
}

void cpu_init(void)
{
	for (unsigned int i = 0; i < CPU_VECTORS; i++)
		cpu_set_handler(i, (void (*)(void))(isr_table + 16 * i));
	cpu_load_idt();
	load_task(0, SEL_TSS);
}

void cpu_load_task(unsigned int number)
{
	load_task(number, SEL_TSS_OTHERS + 16 * (number - 1));
}

void cpu_enter_user(void (*code)(void))
{
	cpu_enter_user_on(code, user_stack + sizeof(user_stack));
}

void cpu_enter_user_on(void (*code)(void), void *stack)
{
	__asm__ volatile("movl %0, %%ds\n\t"
			 "movl %0, %%es\n\t"
			 "pushq %q0\n\t"
			 "pushq %1\n\t"
			 "pushq %q2\n\t"
			 "pushq %q3\n\t"
			 "pushq %4\n\t"
			 "iretq"
			 :
			 /* As after a call: 8 off alignment, and there is nowhere to return to. */
			 : "r"(SEL_USER_DATA), "r"((uint64_t)stack - 8), "r"(RFLAGS_USER),
			   "r"(SEL_USER_CODE), "r"(code)
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

static void ioapic_set(unsigned int pin, uint32_t low)
{
	write32(IOL_X86_IOAPIC, 0x11 + 2 * pin);
	write32(IOL_X86_IOAPIC + 0x10, 0);
	write32(IOL_X86_IOAPIC, 0x10 + 2 * pin);
	write32(IOL_X86_IOAPIC + 0x10, low);
}

void ioapic_route(unsigned int pin, unsigned int vector)
{
	ioapic_set(pin, vector);
}

void ioapic_route_level(unsigned int pin, unsigned int vector)
{
	ioapic_set(pin, vector | IOAPIC_LEVEL_LOW);
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
