// SPDX-License-Identifier: Apache-2.0
/* The architected timers: clock, interrupts of both, waking from wfi. */
#include "irq.h"

enum { CTL_ENABLE = 1, CTL_MASKED = 2, CTL_STATUS = 4, WAIT_MS = 20000 };

static uint64_t fired_at[IRQS];

/* Levels: they are taken back before the interrupt ends. */
static void on_timer(unsigned int irq)
{
	fired_at[irq] = ticks();
	if (irq == IRQ_PPI_TIMER_VIRTUAL)
		write_sysreg(cntv_ctl_el0, 0);
	else if (irq == IRQ_PPI_TIMER_PHYSICAL)
		write_sysreg(cntp_ctl_el0, 0);
}

static void check_virtual(void)
{
	uint64_t due = ticks() + ticks_of_ms(20);

	write_sysreg(cntv_cval_el0, due);
	write_sysreg(cntv_ctl_el0, CTL_ENABLE);
	check_eq("virtual: not before its time",
		 read_sysreg(cntv_ctl_el0) & CTL_STATUS && ticks() < due, 0);
	check("virtual: comes", irq_wait(IRQ_PPI_TIMER_VIRTUAL, 0, WAIT_MS));
	check("virtual: not early", fired_at[IRQ_PPI_TIMER_VIRTUAL] >= due);
	check("virtual: once", !irq_wait(IRQ_PPI_TIMER_VIRTUAL, 1, 30));
}

static void check_masked(void)
{
	write_sysreg(cntv_tval_el0, 0);
	write_sysreg(cntv_ctl_el0, CTL_ENABLE | CTL_MASKED);
	check("virtual: masked", !irq_wait(IRQ_PPI_TIMER_VIRTUAL, 1, 30));
	check_eq("virtual: due all the same", read_sysreg(cntv_ctl_el0),
		 CTL_ENABLE | CTL_MASKED | CTL_STATUS);
	write_sysreg(cntv_ctl_el0, 0);
}

static void check_physical(void)
{
	uint64_t due;

	__asm__ volatile("isb");
	due = read_sysreg(cntpct_el0) + ticks_of_ms(20);
	write_sysreg(cntp_cval_el0, due);
	write_sysreg(cntp_ctl_el0, CTL_ENABLE);
	check("physical: comes", irq_wait(IRQ_PPI_TIMER_PHYSICAL, 0, WAIT_MS));
	check("physical: not early", read_sysreg(cntpct_el0) >= due);
}

static void check_wfi(void)
{
	uint32_t seen = irq_counts[0][IRQ_PPI_TIMER_VIRTUAL];

	write_sysreg(cntv_tval_el0, ticks_of_ms(50));
	write_sysreg(cntv_ctl_el0, CTL_ENABLE);
	/* It wakes for a masked interrupt, too, so that none is lost between look and wait. */
	while (irq_counts[0][IRQ_PPI_TIMER_VIRTUAL] == seen) {
		__asm__ volatile("wfi");
		irqs_on();
		irqs_off();
	}
	check("wakes a waiting vCPU", true);
}

int main(void)
{
	check("frequency", read_sysreg(cntfrq_el0) >= 1000000);
	irq_handler = on_timer;
	irq_init();
	irq_enable(IRQ_PPI_TIMER_VIRTUAL, false);
	irq_enable(IRQ_PPI_TIMER_PHYSICAL, false);
	check_virtual();
	check_masked();
	check_physical();
	check_wfi();
	end();
}
