/* SPDX-License-Identifier: Apache-2.0 */
/* The clock behind real-time clocks, and such devices on a clock of one's own, for unit tests. */
#ifndef DEVICES_RTC_INTERNAL_H
#define DEVICES_RTC_INTERNAL_H

#include <iolite/pl031.h>
#include <iolite/rtc.h>

/* A point in time: seconds since 1970-01-01 00:00:00 UTC, which may be negative, and the rest. */
struct rtc_time {
	int64_t s;
	uint32_t ns; /* < 10^9 */
};

struct rtc_clock {
	struct rtc_time (*now)(const struct rtc_clock *clock);
};

/* CLOCK_REALTIME. */
extern const struct rtc_clock rtc_host_clock;

/* As iol_rtc_new() and iol_pl031_new() with @clock, borrowed, in the place of the host's. */
int rtc_new_with_clock(struct iol_bus *bus, uint64_t base, const struct rtc_clock *clock,
		       struct iol_device **dev, struct iol_error *err);
int pl031_new_with_clock(struct iol_bus *bus, uint64_t base, const struct rtc_clock *clock,
			 struct iol_device **dev, struct iol_error *err);

#endif
