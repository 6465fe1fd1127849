// SPDX-License-Identifier: Apache-2.0
/* The local APIC's timer: one-shot, periodic, TSC deadline; its clock as CPUID tells it. */
#include "cpu.h"

enum { VECTOR = 0x30, WAIT_MS = 5000 };
#define MSR_TSC_DEADLINE 0x6e0
#define LEAF_TIMING 0x40000010u
#define F1_ECX_TSC_DEADLINE (1u << 24)

/*
 * The timer's count, and the time stamps around its reading: guests lose the processor at
 * any point.
 */
struct sample {
	uint64_t before, after;
	uint32_t count;
};

static struct sample take_sample(void)
{
	struct sample s;

	s.before = rdtsc();
	s.count = lapic_read(LAPIC_TIMER_CURRENT);
	s.after = rdtsc();
	return s;
}

static void check_clock(void)
{
	uint32_t bus_khz = cpuid(LEAF_TIMING, 0).ebx;
	uint64_t ticks, least, most;
	struct sample a, b;

	check("cpuid: TSC and APIC frequency are told", tsc_per_ms() && bus_khz);
	lapic_write(LAPIC_TIMER_DIVIDE, LAPIC_DIVIDE_BY_1);
	lapic_write(LAPIC_LVT_TIMER, LAPIC_MASKED | VECTOR);
	lapic_write(LAPIC_TIMER_INITIAL, 0xffffffff);
	a = take_sample();
	while (rdtsc() - a.after < 20 * tsc_per_ms())
		__asm__ volatile("pause");
	b = take_sample();
	ticks = a.count - b.count;
	least = (b.before - a.after) * bus_khz / tsc_per_ms();
	most = (b.after - a.before) * bus_khz / tsc_per_ms();
	check("timer: counts no slower than told", ticks >= least - least / 20);
	check("timer: counts no faster than told", ticks <= most + most / 20);
	lapic_write(LAPIC_TIMER_INITIAL, 0);
}

static void check_one_shot(void)
{
	uint32_t seen = cpu_interrupts[VECTOR];

	lapic_write(LAPIC_LVT_TIMER, VECTOR);
	lapic_write(LAPIC_TIMER_INITIAL, 1000000);
	check("timer: one-shot interrupt", cpu_wait_interrupt(VECTOR, seen, WAIT_MS));
	check("timer: only one", !cpu_wait_interrupt(VECTOR, seen + 1, 10));
	check_eq("timer: stands at 0", lapic_read(LAPIC_TIMER_CURRENT), 0);
}

static void check_masked(void)
{
	uint32_t seen = cpu_interrupts[VECTOR];

	lapic_write(LAPIC_LVT_TIMER, LAPIC_MASKED | VECTOR);
	lapic_write(LAPIC_TIMER_INITIAL, 1000000);
	check("timer: masked, no interrupt", !cpu_wait_interrupt(VECTOR, seen, 10));
}

static void check_periodic(void)
{
	bool came = true;

	lapic_write(LAPIC_LVT_TIMER, LAPIC_TIMER_PERIODIC | VECTOR);
	lapic_write(LAPIC_TIMER_INITIAL, 2000000);
	for (int i = 0; i < 3; i++)
		came = came && cpu_wait_interrupt(VECTOR, cpu_interrupts[VECTOR], WAIT_MS);
	check("timer: periodic interrupts", came);
	lapic_write(LAPIC_TIMER_INITIAL, 0);
	lapic_write(LAPIC_LVT_TIMER, LAPIC_MASKED | VECTOR);
}

static void check_deadline(void)
{
	uint32_t seen = cpu_interrupts[VECTOR];
	uint64_t limit;

	if (!(cpuid(1, 0).ecx & F1_ECX_TSC_DEADLINE))
		return;
	lapic_write(LAPIC_LVT_TIMER, LAPIC_TIMER_DEADLINE | VECTOR);
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + tsc_per_ms());
	check("timer: TSC deadline interrupt", cpu_wait_interrupt(VECTOR, seen, WAIT_MS));
	/* KVM may deliver on one processor a moment before it disarms on another. */
	limit = rdtsc() + WAIT_MS * tsc_per_ms();
	while (rdmsr(MSR_TSC_DEADLINE) && rdtsc() < limit)
		__asm__ volatile("pause");
	check_eq("timer: the deadline is disarmed", rdmsr(MSR_TSC_DEADLINE), 0);
}

static void check_halt(void)
{
	uint32_t seen = cpu_interrupts[VECTOR];

	lapic_write(LAPIC_LVT_TIMER, VECTOR);
	lapic_write(LAPIC_TIMER_INITIAL, 3000000);
	/* sti takes effect behind hlt, so that the interrupt cannot come between the two. */
	while (cpu_interrupts[VECTOR] == seen)
		__asm__ volatile("sti; hlt; cli");
	check("timer: wakes a halted processor", true);
}

int main(void)
{
	cpu_init();
	lapic_on();
	check_clock();
	check_one_shot();
	check_masked();
	check_periodic();
	check_deadline();
	check_halt();
	end();
}
