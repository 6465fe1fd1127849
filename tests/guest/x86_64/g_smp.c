// SPDX-License-Identifier: Apache-2.0
/*
 * Other processors: INIT and SIPI start them, their ids are in order, interrupts go both ways,
 * memory is shared and locked instructions are atomic. The command line has their number, with
 * "again" the machine is reset under them and all is done once more.
 */
#include "ap.h"
#include "cpu.h"

enum {
	VECTOR_TO_BSP = 0x31,
	VECTOR_TO_AP = 0x32,
	WAIT_MS = 20000,
	ADDS = 200,
	CMOS_BOOT = 0x41,
};
#define LEAF_TOPOLOGY 0xb
#define MSR_APIC_BASE 0x1b
#define APIC_BASE_BSP 0x100u

static unsigned int ap_count;
static volatile uint64_t ids_seen, ids_disagree, not_bsp, got_ipi, answered, sum;

static void count(volatile uint64_t *where, uint64_t n)
{
	__asm__ volatile("lock addq %1, %0" : "+m"(*where) : "r"(n) : "memory");
}

static void on_ipi(unsigned int vector)
{
	if (vector == VECTOR_TO_AP)
		count(&got_ipi, 1);
}

void ap_main(uint32_t number)
{
	uint32_t id = lapic_read(LAPIC_ID) >> 24;

	(void)number;
	cpu_load_idt();
	lapic_on();
	count(&ids_seen, UINT64_C(1) << id);
	if (cpuid(1, 0).ebx >> 24 != id)
		count(&ids_disagree, 1);
	if (cpuid(0, 0).eax >= LEAF_TOPOLOGY && cpuid(LEAF_TOPOLOGY, 0).ebx &&
	    cpuid(LEAF_TOPOLOGY, 0).edx != id)
		count(&ids_disagree, 1);
	if (!(rdmsr(MSR_APIC_BASE) & APIC_BASE_BSP))
		count(&not_bsp, 1);
	for (int i = 0; i < ADDS; i++)
		count(&sum, 1);
	count(&answered, 1);
	lapic_send(0, LAPIC_ICR_ASSERT | VECTOR_TO_BSP);
	for (;;)
		__asm__ volatile("sti; hlt");
}

static bool wait_for(volatile uint64_t *where, uint64_t value)
{
	uint64_t limit = rdtsc() + WAIT_MS * tsc_per_ms();

	while (*where != value && rdtsc() < limit)
		__asm__ volatile("pause");
	return *where == value;
}

static void start_all(void)
{
	uint8_t *to = (uint8_t *)AP_TRAMPOLINE;

	for (const uint8_t *from = ap_trampoline; from < ap_trampoline_end;)
		*to++ = *from++;
	for (uint32_t id = 1; id <= ap_count; id++) {
		lapic_send(id, LAPIC_ICR_INIT | LAPIC_ICR_ASSERT);
		lapic_send(id, LAPIC_ICR_STARTUP | LAPIC_ICR_ASSERT | AP_TRAMPOLINE >> 12);
		/* As the specification has it, a second one, which does nothing. */
		lapic_send(id, LAPIC_ICR_STARTUP | LAPIC_ICR_ASSERT | AP_TRAMPOLINE >> 12);
	}
}

static void check_all(void)
{
	uint64_t all = ((UINT64_C(1) << ap_count) - 1) << 1;

	check_eq("bsp: APIC id", lapic_read(LAPIC_ID) >> 24, 0);
	check_eq("bsp: CPUID says so", cpuid(1, 0).ebx >> 24, 0);
	check("bsp: flag", rdmsr(MSR_APIC_BASE) & APIC_BASE_BSP);
	check_eq("nobody runs before SIPI", ap_next, 0);
	start_all();
	check("all came", wait_for(&answered, ap_count));
	check_eq("each once", ap_next, ap_count);
	check_eq("ids", ids_seen, all);
	check_eq("CPUID and APIC agree on ids", ids_disagree, 0);
	check_eq("none has the bootstrap flag", not_bsp, ap_count);
	check_eq("locked additions are atomic", sum, (uint64_t)ADDS * ap_count);
	check("interrupts from them", cpu_wait_interrupt(VECTOR_TO_BSP, 0, WAIT_MS));
	for (uint32_t id = 1; id <= ap_count; id++)
		lapic_send(id, LAPIC_ICR_ASSERT | VECTOR_TO_AP);
	check("interrupts to all", wait_for(&got_ipi, ap_count));
}

static uint8_t next_boot(void)
{
	uint8_t boot;

	outb(IOL_X86_RTC, CMOS_BOOT);
	boot = (uint8_t)(inb(IOL_X86_RTC + 1) + 1);
	outb(IOL_X86_RTC + 1, boot);
	return boot;
}

int main(void)
{
	const char *cmdline = (const char *)start_info()->cmdline_paddr;
	bool again = false;

	for (; *cmdline >= '0' && *cmdline <= '9'; cmdline++)
		ap_count = ap_count * 10 + (unsigned int)(*cmdline - '0');
	again = strings_equal(cmdline, " again");
	cpu_on_interrupt = on_ipi;
	cpu_init();
	lapic_on();
	check_all();
	if (again && next_boot() == 1) {
		say("reset\n");
		outb(IOL_X86_RESET_PORT, IOL_X86_RESET_VALUE);
		for (;;)
			__asm__ volatile("cli; hlt");
	}
	end();
}
