// SPDX-License-Identifier: Apache-2.0
/*
 * MC146818A real-time clock with 128 bytes of RAM, as in the IBM AT and its followers (Motorola
 * MC146818A data sheet; the century at 0x32 is the PC's custom).
 *
 * The time is the host's plus an offset, which changes when the guest sets the clock and is kept
 * over a reset. While the guest holds the clock (SET, or the divider in reset) the time registers
 * are plain RAM; letting go takes the time from them. Letting the divider go starts a second at
 * its half, as on the chip: Linux sets the clock by that rule.
 *
 * There is no interrupt line: alarms are stored and do nothing, register C reads 0. The day of the
 * week follows from the date. Daylight saving (DSE) is stored and ignored.
 *
 * Runs on vCPU threads. A hostile guest can write any byte anywhere: values that are no date are
 * carried over (the 40th of January is the 9th of February), and no sum here can overflow.
 */
#include <iolite/rtc.h>

#include <glib.h>
#include <time.h>

#include <iolite/describe.h>

#include "rtc_internal.h"

enum {
	RTC_INDEX = 0,
	RTC_DATA = 1,

	/* Registers. */
	REG_SECONDS = 0x00,
	REG_MINUTES = 0x02,
	REG_HOURS = 0x04,
	REG_DAY_OF_WEEK = 0x06, /* 1: Sunday */
	REG_DAY = 0x07,
	REG_MONTH = 0x08,
	REG_YEAR = 0x09,
	REG_A = 0x0a,
	REG_B = 0x0b,
	REG_C = 0x0c,
	REG_D = 0x0d,
	REG_CENTURY = 0x32,
	RAM_BYTES = 128,

	A_UIP = 0x80, /* an update is near */
	A_DIVIDER_RESET = 0x60, /* both bits: the divider stands still */
	A_POWER_ON = 0x26, /* 32.768 kHz, 1024 Hz square wave */
	B_SET = 0x80,
	B_BINARY = 0x04,
	B_24H = 0x02,
	D_VALID = 0x80, /* the battery is good */
	HOURS_PM = 0x80,

	SECONDS_PER_DAY = 86400,
	UIP_NS = 244000, /* from UIP to the update */
};

static const uint32_t ns_per_s = 1000000000;

struct rtc {
	struct iol_device dev;
	struct iol_bus *bus;
	uint64_t base;
	const struct rtc_clock *clock;

	pthread_mutex_t lock; /* of what follows */
	uint8_t index;
	uint8_t ram[RAM_BYTES]; /* registers A and B too; the time only while it stands still */
	/* The guest's time is the host's plus this. */
	int64_t offset_s;
	uint32_t offset_ns; /* < 10^9 */
};

/* Days from 1970-01-01 to the first of @month (1 to 12) of @year, Gregorian at all times. */
static int64_t days_to_month(int64_t year, unsigned int month)
{
	/* Count from 1 March 0000 on, so that the leap day is a year's last. */
	int64_t y = month > 2 ? year : year - 1;
	int64_t cycle = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_cycle = y - cycle * 400;
	int64_t month_from_march = (month + 9) % 12;

	return cycle * 146097 + year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 +
	       (153 * month_from_march + 2) / 5 - 719468;
}

/* The inverse: year, month and day of month (both from 1) of the day @days. */
static void date_of_days(int64_t days, int64_t *year, unsigned int *month, unsigned int *day)
{
	/* 400 years have 146097 days: the estimate is at most one year off. */
	int64_t y = 1970 + days * 400 / 146097;
	unsigned int m = 12;

	while (days_to_month(y + 1, 1) <= days)
		y++;
	while (days_to_month(y, 1) > days)
		y--;
	while (days_to_month(y, m) > days)
		m--;
	*year = y;
	*month = m;
	*day = (unsigned int)(days - days_to_month(y, m)) + 1;
}

static unsigned int from_register(const struct rtc *rtc, uint8_t value)
{
	return rtc->ram[REG_B] & B_BINARY ? value : (value >> 4) * 10u + (value & 0xf);
}

/* @value is below 100. */
static uint8_t to_register(const struct rtc *rtc, unsigned int value)
{
	return (uint8_t)(rtc->ram[REG_B] & B_BINARY ? value : (value / 10) << 4 | value % 10);
}

static unsigned int hours_from_register(const struct rtc *rtc)
{
	uint8_t value = rtc->ram[REG_HOURS];

	if (rtc->ram[REG_B] & B_24H)
		return from_register(rtc, value);
	return from_register(rtc, value & (uint8_t)~HOURS_PM) % 12 + (value & HOURS_PM ? 12 : 0);
}

static uint8_t hours_to_register(const struct rtc *rtc, unsigned int hours)
{
	if (rtc->ram[REG_B] & B_24H)
		return to_register(rtc, hours);
	return to_register(rtc, hours % 12 ? hours % 12 : 12) | (hours >= 12 ? HOURS_PM : 0);
}

/* The time registers as seconds since 1970. */
static int64_t time_of_registers(const struct rtc *rtc)
{
	const uint8_t *ram = rtc->ram;
	/* Register values are below 256: with months carried into years all sums stay small. */
	int64_t year =
		from_register(rtc, ram[REG_CENTURY]) * 100 + from_register(rtc, ram[REG_YEAR]);
	unsigned int month = from_register(rtc, ram[REG_MONTH]) + 11; /* 11: month 0 */
	int64_t days = days_to_month(year - 1 + month / 12, month % 12 + 1) - 1;
	unsigned int second = hours_from_register(rtc) * 3600 +
			      from_register(rtc, ram[REG_MINUTES]) * 60 +
			      from_register(rtc, ram[REG_SECONDS]);

	return (days + from_register(rtc, ram[REG_DAY])) * SECONDS_PER_DAY + second;
}

static void registers_of_time(struct rtc *rtc, int64_t s)
{
	int64_t days = s / SECONDS_PER_DAY - (s % SECONDS_PER_DAY < 0);
	unsigned int second = (unsigned int)(s - days * SECONDS_PER_DAY);
	unsigned int month, day;
	int64_t year;

	date_of_days(days, &year, &month, &day);
	year = (year % 10000 + 10000) % 10000;
	rtc->ram[REG_SECONDS] = to_register(rtc, second % 60);
	rtc->ram[REG_MINUTES] = to_register(rtc, second / 60 % 60);
	rtc->ram[REG_HOURS] = hours_to_register(rtc, second / 3600);
	/* 1970-01-01 was a Thursday. */
	rtc->ram[REG_DAY_OF_WEEK] = to_register(rtc, (unsigned int)((days % 7 + 11) % 7 + 1));
	rtc->ram[REG_DAY] = to_register(rtc, day);
	rtc->ram[REG_MONTH] = to_register(rtc, month);
	rtc->ram[REG_YEAR] = to_register(rtc, (unsigned int)(year % 100));
	rtc->ram[REG_CENTURY] = to_register(rtc, (unsigned int)(year / 100));
}

static struct rtc_time guest_now(const struct rtc *rtc)
{
	struct rtc_time time = rtc->clock->now(rtc->clock);

	time.s += rtc->offset_s;
	time.ns += rtc->offset_ns;
	if (time.ns >= ns_per_s) {
		time.ns -= ns_per_s;
		time.s++;
	}
	return time;
}

static bool stands_still(const struct rtc *rtc)
{
	return (rtc->ram[REG_B] & B_SET) || (rtc->ram[REG_A] & A_DIVIDER_RESET) == A_DIVIDER_RESET;
}

/* From here on the guest's time is @s whole seconds; where it is within the second stays. */
static void set_seconds(struct rtc *rtc, int64_t s)
{
	rtc->offset_s += s - guest_now(rtc).s;
}

/* From here on the guest is @ns into some second. */
static void set_fraction(struct rtc *rtc, uint32_t ns)
{
	rtc->offset_ns = (rtc->offset_ns + ns + ns_per_s - guest_now(rtc).ns) % ns_per_s;
}

/* Writes register A or B, which may stop the clock or let it go. */
static void write_control(struct rtc *rtc, unsigned int reg, uint8_t value)
{
	bool was_still = stands_still(rtc);
	bool divider_was_reset = (rtc->ram[REG_A] & A_DIVIDER_RESET) == A_DIVIDER_RESET;
	struct rtc_time now = guest_now(rtc);
	uint8_t old_b = rtc->ram[REG_B];

	rtc->ram[reg] = value;
	if (divider_was_reset && (rtc->ram[REG_A] & A_DIVIDER_RESET) != A_DIVIDER_RESET)
		set_fraction(rtc, ns_per_s / 2);
	if (!was_still && stands_still(rtc)) {
		/* The format of the registers is the one from before the write. */
		rtc->ram[REG_B] = old_b;
		registers_of_time(rtc, now.s);
		rtc->ram[reg] = value;
	} else if (was_still && !stands_still(rtc)) {
		set_seconds(rtc, time_of_registers(rtc));
	}
}

static void write_time(struct rtc *rtc, unsigned int reg, uint8_t value)
{
	bool still = stands_still(rtc);

	if (!still)
		registers_of_time(rtc, guest_now(rtc).s);
	rtc->ram[reg] = value;
	if (!still)
		set_seconds(rtc, time_of_registers(rtc));
}

static bool is_time(unsigned int reg)
{
	switch (reg) {
	case REG_SECONDS:
	case REG_MINUTES:
	case REG_HOURS:
	case REG_DAY_OF_WEEK:
	case REG_DAY:
	case REG_MONTH:
	case REG_YEAR:
	case REG_CENTURY:
		return true;
	default:
		return false;
	}
}

static void write_register(struct rtc *rtc, unsigned int reg, uint8_t value)
{
	if (is_time(reg))
		write_time(rtc, reg, value);
	else if (reg == REG_A)
		write_control(rtc, reg, value & (uint8_t)~A_UIP);
	else if (reg == REG_B)
		write_control(rtc, reg, value);
	else if (reg != REG_C && reg != REG_D)
		rtc->ram[reg] = value;
}

static uint8_t read_register(struct rtc *rtc, unsigned int reg)
{
	if (is_time(reg) && !stands_still(rtc))
		registers_of_time(rtc, guest_now(rtc).s);
	switch (reg) {
	case REG_A:
		if (!stands_still(rtc) && guest_now(rtc).ns >= ns_per_s - UIP_NS)
			return rtc->ram[REG_A] | A_UIP;
		return rtc->ram[REG_A];
	case REG_C:
		return 0;
	case REG_D:
		return D_VALID;
	default:
		return rtc->ram[reg];
	}
}

static uint64_t rtc_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct rtc *rtc = opaque;
	uint8_t value;

	/* The index can only be written. */
	if (len != 1 || offset != RTC_DATA)
		return UINT64_MAX;
	pthread_mutex_lock(&rtc->lock);
	value = read_register(rtc, rtc->index);
	pthread_mutex_unlock(&rtc->lock);
	return value;
}

static void rtc_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct rtc *rtc = opaque;

	if (len != 1)
		return;
	pthread_mutex_lock(&rtc->lock);
	/* Bit 7 of the index is the AT's NMI mask. */
	if (offset == RTC_INDEX)
		rtc->index = (uint8_t)(value % RAM_BYTES);
	else
		write_register(rtc, rtc->index, (uint8_t)value);
	pthread_mutex_unlock(&rtc->lock);
}

static const struct iol_bus_ops rtc_bus_ops = {
	.read = rtc_read,
	.write = rtc_write,
};

/* The battery keeps time and RAM. A clock that was held goes on, as firmware would have it do. */
static void rtc_reset(struct iol_device *dev)
{
	struct rtc *rtc = iol_container_of(dev, struct rtc, dev);

	pthread_mutex_lock(&rtc->lock);
	write_control(rtc, REG_A, A_POWER_ON);
	write_control(rtc, REG_B, rtc->ram[REG_B] & (B_BINARY | B_24H));
	rtc->ram[REG_B] = B_24H;
	rtc->index = 0;
	pthread_mutex_unlock(&rtc->lock);
}

static void rtc_free(struct iol_device *dev)
{
	struct rtc *rtc = iol_container_of(dev, struct rtc, dev);

	iol_bus_remove(rtc->bus, rtc->base);
	pthread_mutex_destroy(&rtc->lock);
	g_free(rtc);
}

static const struct iol_device_ops rtc_ops = {
	.name = "rtc",
	.reset = rtc_reset,
	.free = rtc_free,
};

int rtc_new_with_clock(struct iol_bus *bus, uint64_t base, const struct rtc_clock *clock,
		       struct iol_device **dev, struct iol_error *err)
{
	struct rtc *rtc = g_new0(struct rtc, 1);
	struct iol_bus_region region = {
		.base = base,
		.size_bytes = IOL_RTC_BYTES,
		.name = rtc_ops.name,
		.ops = &rtc_bus_ops,
		.dev = rtc,
	};
	int ret;

	rtc->dev.ops = &rtc_ops;
	rtc->bus = bus;
	rtc->base = base;
	rtc->clock = clock;
	rtc->ram[REG_A] = A_POWER_ON;
	rtc->ram[REG_B] = B_24H;
	pthread_mutex_init(&rtc->lock, NULL);

	ret = iol_bus_add(bus, &region, err);
	if (ret) {
		pthread_mutex_destroy(&rtc->lock);
		g_free(rtc);
		return ret;
	}
	*dev = &rtc->dev;
	return 0;
}

static struct rtc_time host_now(const struct rtc_clock *clock)
{
	struct timespec ts;

	(void)clock;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (struct rtc_time){ .s = ts.tv_sec, .ns = (uint32_t)ts.tv_nsec };
}

const struct rtc_clock rtc_host_clock = { .now = host_now };

int iol_rtc_new(struct iol_bus *bus, uint64_t base, struct iol_device **dev, struct iol_error *err)
{
	return rtc_new_with_clock(bus, base, &rtc_host_clock, dev, err);
}

void iol_rtc_describe(struct iol_fdt *fdt, const struct iol_fdt_place *place)
{
	iol_fdt_begin(fdt, "rtc@%s", place->unit);
	iol_fdt_string(fdt, "compatible", "motorola,mc146818");
	iol_fdt_place(fdt, place);
	iol_fdt_end(fdt);
}
