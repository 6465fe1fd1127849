// SPDX-License-Identifier: Apache-2.0
/*
 * Other vCPUs: PSCI starts them, their affinities are as the tree says, interrupts go both ways, memory is
 * shared and exclusive accesses are atomic. The command line has their number; with "again" the machine is
 * reset under them and all is done once more.
 */
#include "irq.h"

enum { SGI_TO_BOOT = 1, SGI_TO_OTHERS = 2, WAIT_MS = 60000, ADDS = 1000, BOOT_SHIFT = 20 };

static unsigned int others;
static uint64_t came, answered, wrong, sum;

static void add(uint64_t *to, uint64_t n)
{
	__atomic_fetch_add(to, n, __ATOMIC_SEQ_CST);
}

static void on_sgi(unsigned int irq)
{
	if (irq == SGI_TO_OTHERS)
		add(&answered, 1);
}

void cpu_main(uint64_t idx)
{
	if ((read_sysreg(mpidr_el1) & 0xff00ffffff) != affinity_of((unsigned int)idx) ||
	    read_sysreg(currentel) != 1 << 2 || !(read_sysreg(daif) & 0x80))
		add(&wrong, 1);
	irq_init_cpu();
	irq_enable(SGI_TO_OTHERS, true);
	for (unsigned int i = 0; i < ADDS; i++)
		add(&sum, 1);
	add(&came, 1);
	irq_send(SGI_TO_BOOT, 0);
	irqs_on();
	for (;;)
		__asm__ volatile("wfi");
}

static bool reaches(uint64_t *what, uint64_t value)
{
	uint64_t limit = ticks() + ticks_of_ms(WAIT_MS);

	while (__atomic_load_n(what, __ATOMIC_SEQ_CST) != value)
		if (ticks() > limit)
			return false;
	return true;
}

static void check_all(void)
{
	check("PSCI 1.0 or later", psci(PSCI_VERSION, 0, 0, 0) >= 0x10000);
	for (unsigned int idx = 1; idx <= others; idx++)
		check_eq("off", (uint64_t)psci(PSCI_AFFINITY_INFO, affinity_of(idx), 0, 0),
			 PSCI_IS_OFF);
	check("no vCPU more", psci(PSCI_CPU_ON, affinity_of(others + 1), IOL_ARM64_RAM, 0) < 0);
	check_eq("nobody has run", came | sum, 0);
	for (unsigned int idx = 1; idx <= others; idx++)
		check_eq("started", (uint64_t)cpu_start(idx), PSCI_SUCCESS);
	check("all came", reaches(&came, others));
	check_eq("on already", (uint64_t)cpu_start(others), (uint64_t)PSCI_ALREADY_ON);
	check_eq("each is the one that was meant, at EL1", wrong, 0);
	check_eq("additions are atomic", sum, (uint64_t)ADDS * others);
	check("interrupts from them", irq_wait(SGI_TO_BOOT, 0, WAIT_MS));
	for (unsigned int idx = 1; idx <= others; idx++)
		irq_send(SGI_TO_OTHERS, idx);
	check("interrupts to all", reaches(&answered, others));
}

int main(void)
{
	const char *text = orders();
	uint32_t boot = read32(IOL_ARM64_RTC) >> BOOT_SHIFT;

	for (; *text >= '0' && *text <= '9'; text++)
		others = others * 10 + (unsigned int)(*text - '0');
	irq_handler = on_sgi;
	irq_init();
	irq_enable(SGI_TO_BOOT, true);
	check_all();
	/* The clock of a new machine shows the date, which is more. */
	if (strings_equal(text, " again") && boot != 1) {
		write32(IOL_ARM64_RTC + 8, 1u << BOOT_SHIFT);
		say("reset\n");
		psci(PSCI_SYSTEM_RESET, 0, 0, 0);
	}
	end();
}
