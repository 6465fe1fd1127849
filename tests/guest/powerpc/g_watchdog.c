// SPDX-License-Identifier: Apache-2.0
/*
 * The watchdog of the core (EREF, "Timers"). Two times pass without a word (TSR: ENW, then WIS), the third one is what
 * TCR[WRC] asks for. The command line says what the guest does:
 *
 *   feed     feeds it for a while: nothing happens
 *   off      lets it run out with WRC 0: nothing happens
 *   starve   lets it run out; when the machine goes on all the same, says so and ends. When it starts again, TSR[WRS]
 *            says that this was the watchdog
 */
#include "guest.h"

enum {
	PERIOD_SHIFT = 22, /* of the time base */
	PERIOD_BIT = 63 - PERIOD_SHIFT,
	TCR_WRC_CHIP = 0x20000000,
	FEEDS = 20,
};
#define PERIOD (UINT64_C(1) << PERIOD_SHIFT)
/* The number of the bit, its two lower bits first. */
#define TCR_PERIOD ((uint32_t)(PERIOD_BIT & 3) << 30 | (uint32_t)(PERIOD_BIT >> 2) << 17)

static void feed(void)
{
	write_spr(SPR_TSR, TSR_ENW | TSR_WIS);
}

static void wait(uint64_t time)
{
	uint64_t until = ticks() + time;

	while (ticks() < until)
		;
}

int main(void)
{
	check_eq("off at first", entry.tcr, 0);
	if (entry.tsr & TSR_WRS) {
		check_eq("how it was reset", entry.tsr & TSR_WRS, TCR_WRC_CHIP);
		say("reset by the watchdog\n");
		end();
	}
	feed();
	if (told_to("off")) {
		write_spr(SPR_TCR, TCR_PERIOD);
		wait(8 * PERIOD);
		check_eq("ran out", read_spr(SPR_TSR) & (TSR_ENW | TSR_WIS), TSR_ENW | TSR_WIS);
		end();
	}
	write_spr(SPR_TCR, TCR_PERIOD | TCR_WRC_CHIP);
	if (told_to("feed")) {
		for (unsigned int i = 0; i < FEEDS; i++) {
			wait(PERIOD / 2);
			feed();
		}
		check("fed", true);
		write_spr(SPR_TCR, 0);
		end();
	}
	say("starving\n");
	wait(40 * PERIOD);
	check("the machine goes on", true);
	end();
}
