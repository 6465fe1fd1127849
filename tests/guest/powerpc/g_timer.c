// SPDX-License-Identifier: Apache-2.0
/* Time base and decrementer (EREF, "Timers"): once, reloading, waking from MSR[WE]. */
#include "guest.h"

enum { MSR_WE = 0x40000, PERIOD = 1 << 20, WAIT_MS = 20000, TIMES = 20 };

static volatile uint32_t fired;
static uint64_t fired_at;

void on_decrementer(void)
{
	fired_at = ticks();
	fired++;
	write_spr(SPR_TSR, TSR_DIS);
}

static bool reaches(uint32_t count)
{
	uint64_t limit = ticks() + ticks_of_ms(WAIT_MS);

	irqs_on();
	while (fired < count && ticks() < limit)
		;
	irqs_off();
	return fired >= count;
}

static void check_once(void)
{
	uint64_t due;

	write_spr(SPR_TCR, TCR_DIE);
	due = ticks() + PERIOD;
	write_spr(SPR_DEC, PERIOD);
	check("decrementer: comes", reaches(1));
	check("decrementer: not early", fired_at >= due);
	irqs_on();
	while (ticks() < due + 4 * PERIOD)
		;
	irqs_off();
	check_eq("decrementer: once", fired, 1);
}

static void check_reload(void)
{
	uint64_t start;

	fired = 0;
	write_spr(SPR_DECAR, PERIOD);
	write_spr(SPR_TCR, TCR_DIE | TCR_ARE);
	start = ticks();
	write_spr(SPR_DEC, PERIOD);
	check("reload: comes again and again", reaches(TIMES));
	check("reload: not early", fired_at - start >= (uint64_t)(TIMES - 1) * PERIOD);
	write_spr(SPR_TCR, 0);
	write_spr(SPR_DEC, 0);
	write_spr(SPR_TSR, TSR_DIS);
}

static void check_idle(void)
{
	uint32_t msr;

	fired = 0;
	write_spr(SPR_TCR, TCR_DIE);
	write_spr(SPR_DEC, 4 * PERIOD);
	__asm__ volatile("mfmsr %0" : "=r"(msr));
	while (!fired)
		__asm__ volatile("sync\n\tmtmsr %0\n\tisync"
				 :
				 : "r"(msr | MSR_EE | MSR_WE)
				 : "memory");
	irqs_off();
	check("wakes a waiting vCPU", true);
	write_spr(SPR_TCR, 0);
}

int main(void)
{
	uint64_t start = ticks();

	check("time goes on", ticks() >= start && start);
	check_once();
	check_reload();
	check_idle();
	end();
}
