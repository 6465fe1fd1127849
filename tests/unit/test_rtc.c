// SPDX-License-Identifier: Apache-2.0
/* The MC146818 on a clock that the test moves. */
#include "devices/rtc_internal.h"

#include <errno.h>
#include <glib.h>
#include <time.h>

enum {
	BASE = 0x70,
	SECONDS = 0,
	MINUTES = 2,
	HOURS = 4,
	DAY_OF_WEEK = 6,
	DAY = 7,
	MONTH = 8,
	YEAR = 9,
	A = 10,
	B = 11,
	C = 12,
	D = 13,
	CENTURY = 0x32,
	B_SET = 0x80,
	B_BINARY = 0x04,
	B_24H = 0x02,
	A_RUN = 0x26,
	A_DIVIDER_RESET = 0x70,
};

/* 2024-02-29 13:59:58 UTC, a Thursday. */
static const int64_t leap_day = 1709215198;

struct fixture {
	struct rtc_clock clock;
	struct rtc_time now;
	struct iol_bus bus;
	struct iol_device *dev;
};

static struct rtc_time test_now(const struct rtc_clock *clock)
{
	const struct fixture *f = (const void *)clock;

	return f->now;
}

static void setup(struct fixture *f, const void *data)
{
	(void)data;
	f->clock.now = test_now;
	f->now.s = leap_day;
	f->now.ns = 100;
	iol_bus_init(&f->bus);
	g_assert_cmpint(rtc_new_with_clock(&f->bus, BASE, &f->clock, &f->dev, NULL), ==, 0);
}

static void teardown(struct fixture *f, const void *data)
{
	(void)data;
	f->dev->ops->free(f->dev);
	g_assert_cmpuint(f->bus.count, ==, 0);
	iol_bus_finish(&f->bus);
}

static uint8_t get(struct fixture *f, unsigned int reg)
{
	uint64_t value;

	g_assert_true(iol_bus_write(&f->bus, BASE, 1, reg));
	g_assert_true(iol_bus_read(&f->bus, BASE + 1, 1, &value));
	g_assert_cmphex(value, <=, 0xff);
	return (uint8_t)value;
}

static void put(struct fixture *f, unsigned int reg, unsigned int value)
{
	g_assert_true(iol_bus_write(&f->bus, BASE, 1, reg));
	g_assert_true(iol_bus_write(&f->bus, BASE + 1, 1, value));
}

/* Century to second, then the day of the week, as hexadecimal bytes. */
static void assert_time(struct fixture *f, const char *expected)
{
	g_autofree char *text =
		g_strdup_printf("%02x%02x-%02x-%02x %02x:%02x:%02x %x", get(f, CENTURY),
				get(f, YEAR), get(f, MONTH), get(f, DAY), get(f, HOURS),
				get(f, MINUTES), get(f, SECONDS), get(f, DAY_OF_WEEK));

	g_assert_cmpstr(text, ==, expected);
}

static void test_formats(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_cmphex(get(f, A), ==, A_RUN);
	g_assert_cmphex(get(f, B), ==, B_24H);
	assert_time(f, "2024-02-29 13:59:58 5");
	put(f, B, B_24H | B_BINARY);
	assert_time(f, "1418-02-1d 0d:3b:3a 5");
	put(f, B, 0);
	assert_time(f, "2024-02-29 81:59:58 5");
	put(f, B, B_BINARY);
	assert_time(f, "1418-02-1d 81:3b:3a 5");
}

static void test_twelve_hours(struct fixture *f, const void *data)
{
	static const struct {
		unsigned int hour;
		uint8_t reg;
	} cases[] = { { 0, 0x12 },  { 1, 0x01 },  { 11, 0x11 },
		      { 12, 0x92 }, { 13, 0x81 }, { 23, 0x91 } };

	(void)data;
	put(f, B, 0);
	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		f->now.s = 1709164800 + cases[i].hour * 3600; /* 2024-02-29 00:00 */
		g_assert_cmphex(get(f, HOURS), ==, cases[i].reg);
		/* What is read can be written. */
		put(f, HOURS, cases[i].reg);
		g_assert_cmphex(get(f, HOURS), ==, cases[i].reg);
		g_assert_cmphex(get(f, DAY), ==, 0x29);
	}
}

static void test_time_passes(struct fixture *f, const void *data)
{
	(void)data;
	f->now.s += 2;
	assert_time(f, "2024-02-29 14:00:00 5");
	f->now.s += 10 * INT64_C(3600);
	assert_time(f, "2024-03-01 00:00:00 6");
	f->now.s += INT64_C(306) * 86400 - 1;
	assert_time(f, "2024-12-31 23:59:59 3");
	f->now.s += 1;
	assert_time(f, "2025-01-01 00:00:00 4");
}

/* The calendar against the C library's, day by day and far out. */
static void test_calendar(struct fixture *f, const void *data)
{
	(void)data;
	for (int64_t day = -150000; day < 2900000; day += day < 60000 && day > -2000 ? 1 : 997) {
		g_autofree char *text = NULL;
		time_t s = day * 86400 + 86399;
		struct tm tm;

		f->now.s = s;
		gmtime_r(&s, &tm);
		text = g_strdup_printf("%04d-%02d-%02d 23:59:59 %d", tm.tm_year + 1900,
				       tm.tm_mon + 1, tm.tm_mday, tm.tm_wday + 1);
		assert_time(f, text);
	}
}

static void write_time(struct fixture *f, unsigned int seconds)
{
	put(f, CENTURY, 0x19);
	put(f, YEAR, 0x99);
	put(f, MONTH, 0x12);
	put(f, DAY, 0x31);
	put(f, HOURS, 0x23);
	put(f, MINUTES, 0x59);
	put(f, SECONDS, seconds);
}

static void test_set_held(struct fixture *f, const void *data)
{
	(void)data;
	put(f, B, B_24H | B_SET);
	/* The clock stands still, and the registers are plain RAM. */
	f->now.s += 100;
	f->now.ns = 999900000;
	assert_time(f, "2024-02-29 13:59:58 5");
	g_assert_cmphex(get(f, A), ==, A_RUN);
	write_time(f, 0x58);
	put(f, DAY_OF_WEEK, 0x77);
	f->now.s += 100;
	assert_time(f, "1999-12-31 23:59:58 77");
	put(f, B, B_24H);
	assert_time(f, "1999-12-31 23:59:58 6");
	/* SET does not move the start of the seconds. */
	f->now.ns = 999999999;
	assert_time(f, "1999-12-31 23:59:58 6");
	f->now.s += 2;
	f->now.ns = 0;
	assert_time(f, "2000-01-01 00:00:00 7");
	/* The battery keeps the offset over a reset. */
	f->dev->ops->reset(f->dev);
	f->now.s += 1;
	assert_time(f, "2000-01-01 00:00:01 7");
}

static void test_set_one_by_one(struct fixture *f, const void *data)
{
	(void)data;
	/* Running, each write counts at once; the seconds last, so that nothing is carried over. */
	write_time(f, 0x30);
	assert_time(f, "1999-12-31 23:59:30 6");
	f->now.s += 30;
	assert_time(f, "2000-01-01 00:00:00 7");
	put(f, B, B_24H | B_BINARY);
	put(f, YEAR, 38);
	assert_time(f, "1426-01-01 00:00:00 6");
}

/* mc146818_set_time(): the second begins half a second after the divider was let go. */
static void test_linux_set(struct fixture *f, const void *data)
{
	(void)data;
	f->now.ns = 700000000;
	put(f, B, B_24H | B_SET);
	put(f, A, A_RUN | A_DIVIDER_RESET);
	write_time(f, 0x58);
	put(f, B, B_24H);
	f->now.s += 5;
	assert_time(f, "1999-12-31 23:59:58 5");
	put(f, A, A_RUN);
	assert_time(f, "1999-12-31 23:59:58 6");
	f->now.s += 1;
	f->now.ns = 199999999;
	assert_time(f, "1999-12-31 23:59:58 6");
	f->now.ns = 200000000;
	assert_time(f, "1999-12-31 23:59:59 6");
	f->now.s += 1;
	assert_time(f, "2000-01-01 00:00:00 7");
}

static void test_update_in_progress(struct fixture *f, const void *data)
{
	(void)data;
	f->now.ns = 999755999;
	g_assert_cmphex(get(f, A), ==, A_RUN);
	f->now.ns = 999756000;
	g_assert_cmphex(get(f, A), ==, 0x80 | A_RUN);
	f->now.ns = 999999999;
	g_assert_cmphex(get(f, A), ==, 0x80 | A_RUN);
	g_assert_cmphex(get(f, SECONDS), ==, 0x58);
	f->now.s++;
	f->now.ns = 0;
	g_assert_cmphex(get(f, A), ==, A_RUN);
	g_assert_cmphex(get(f, SECONDS), ==, 0x59);
	/* UIP cannot be written, and is not set while the divider is in reset. */
	put(f, A, 0xff);
	f->now.ns = 999999999;
	g_assert_cmphex(get(f, A), ==, 0x7f);
}

static void test_other_registers(struct fixture *f, const void *data)
{
	(void)data;
	put(f, 1, 0xc1);
	put(f, 3, 0xc3);
	put(f, 5, 0xc5);
	g_assert_cmphex(get(f, 1), ==, 0xc1);
	g_assert_cmphex(get(f, 3), ==, 0xc3);
	g_assert_cmphex(get(f, 5), ==, 0xc5);
	put(f, C, 0xff);
	g_assert_cmphex(get(f, C), ==, 0);
	put(f, D, 0);
	g_assert_cmphex(get(f, D), ==, 0x80);
	/* The interrupt enables are stored; a reset clears them, and lets a held clock go. */
	put(f, B, 0xf2);
	g_assert_cmphex(get(f, B), ==, 0xf2);
	f->dev->ops->reset(f->dev);
	g_assert_cmphex(get(f, B), ==, B_24H);
	f->now.s++;
	g_assert_cmphex(get(f, SECONDS), ==, 0x59);
	g_assert_cmphex(get(f, 1), ==, 0xc1);
}

static void test_ram(struct fixture *f, const void *data)
{
	uint64_t value;

	(void)data;
	for (unsigned int i = 14; i < 128; i++)
		if (i != CENTURY)
			put(f, i, 255 - i);
	for (unsigned int i = 14; i < 128; i++)
		if (i != CENTURY)
			g_assert_cmphex(get(f, 0x80 | i), ==, 255 - i);
	/* Other widths, and the index, read as nothing and write nowhere. */
	g_assert_true(iol_bus_read(&f->bus, BASE, 1, &value));
	g_assert_cmphex(value, ==, UINT64_MAX);
	g_assert_true(iol_bus_read(&f->bus, BASE, 2, &value));
	g_assert_cmphex(value, ==, UINT64_MAX);
	g_assert_true(iol_bus_write(&f->bus, BASE, 2, 0x1110));
	g_assert_cmphex(get(f, 16), ==, 255 - 16);
	g_assert_false(iol_bus_read(&f->bus, BASE, 4, &value));
}

/* Nothing that a guest writes is undefined, and after it a good time is a good time. */
static void test_nonsense(struct fixture *f, const void *data)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(0x146818);

	(void)data;
	put(f, DAY, 0x40);
	assert_time(f, "2024-03-11 13:59:58 2");
	put(f, MONTH, 0x00);
	assert_time(f, "2023-12-11 13:59:58 2");
	put(f, MONTH, 0x13);
	assert_time(f, "2024-01-11 13:59:58 5");
	for (unsigned int i = 0; i < 200000; i++) {
		unsigned int reg = g_rand_int(rand) & 0x3f;

		if (g_rand_boolean(rand))
			put(f, reg, g_rand_int(rand) & 0xff);
		else
			get(f, reg);
		f->now.s += g_rand_int_range(rand, 0, 100000);
		f->now.ns = (uint32_t)g_rand_int_range(rand, 0, 1000000000);
	}
	put(f, A, A_RUN);
	put(f, B, B_24H | B_SET);
	write_time(f, 0x00);
	put(f, B, B_24H);
	assert_time(f, "1999-12-31 23:59:00 6");
}

/* The real clock: all registers read within one second are the host's time. */
static void test_host_time(struct fixture *f, const void *data)
{
	static const uint8_t regs[] = { SECONDS, MINUTES, HOURS, DAY, MONTH, YEAR, SECONDS };
	uint64_t value[G_N_ELEMENTS(regs)];
	int64_t before = g_get_real_time() / G_USEC_PER_SEC, shown;
	struct iol_device *dev;
	struct tm tm = { 0 };

	(void)data;
	g_assert_cmpint(iol_rtc_new(&f->bus, BASE + 2, &dev, NULL), ==, 0);
	g_assert_true(iol_bus_write(&f->bus, BASE + 2, 1, B));
	g_assert_true(iol_bus_write(&f->bus, BASE + 3, 1, B_24H | B_BINARY));
	do {
		for (unsigned int i = 0; i < G_N_ELEMENTS(regs); i++) {
			g_assert_true(iol_bus_write(&f->bus, BASE + 2, 1, regs[i]));
			g_assert_true(iol_bus_read(&f->bus, BASE + 3, 1, &value[i]));
		}
	} while (value[0] != value[6]);
	tm.tm_sec = (int)value[0];
	tm.tm_min = (int)value[1];
	tm.tm_hour = (int)value[2];
	tm.tm_mday = (int)value[3];
	tm.tm_mon = (int)value[4] - 1;
	tm.tm_year = (int)value[5] + 100;
	shown = timegm(&tm);
	g_assert_cmpint(shown, >=, before);
	g_assert_cmpint(shown, <=, g_get_real_time() / G_USEC_PER_SEC);
	dev->ops->free(dev);
}

static void test_place_taken(struct fixture *f, const void *data)
{
	struct iol_error err = { 0 };
	struct iol_device *dev;

	(void)data;
	g_assert_cmpint(iol_rtc_new(&f->bus, BASE + 1, &dev, &err), ==, -EEXIST);
	g_assert_cmpint(err.code, ==, -EEXIST);
}

#define ADD(name, fn) g_test_add("/rtc/" name, struct fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("formats", test_formats);
	ADD("twelve-hours", test_twelve_hours);
	ADD("time-passes", test_time_passes);
	ADD("calendar", test_calendar);
	ADD("set-held", test_set_held);
	ADD("set-one-by-one", test_set_one_by_one);
	ADD("linux-set", test_linux_set);
	ADD("update-in-progress", test_update_in_progress);
	ADD("other-registers", test_other_registers);
	ADD("ram", test_ram);
	ADD("nonsense", test_nonsense);
	ADD("host-time", test_host_time);
	ADD("place-taken", test_place_taken);
	return g_test_run();
}
