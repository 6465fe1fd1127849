// SPDX-License-Identifier: Apache-2.0
/* The PL031 on a clock that the test moves: its registers as Linux and the data sheet (ARM DDI 0224) use them. */
#include "devices/rtc_internal.h"

#include <errno.h>
#include <glib.h>
#include <time.h>

enum {
	BASE = 0x9010000,
	DR = 0x00,
	MR = 0x04,
	LR = 0x08,
	CR = 0x0c,
	IMSC = 0x10,
	RIS = 0x14,
	MIS = 0x18,
	ICR = 0x1c,
	ID = 0xfe0,
};

static const int64_t leap_day = 1709215198; /* 2024-02-29 13:59:58 UTC */

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
	g_assert_cmpint(pl031_new_with_clock(&f->bus, BASE, &f->clock, &f->dev, NULL), ==, 0);
}

static void teardown(struct fixture *f, const void *data)
{
	(void)data;
	f->dev->ops->free(f->dev);
	g_assert_cmpuint(f->bus.count, ==, 0);
	iol_bus_finish(&f->bus);
}

static uint64_t get_len(struct fixture *f, uint64_t reg, unsigned int len)
{
	uint64_t value;

	g_assert_true(iol_bus_read(&f->bus, BASE + reg, len, &value));
	return value;
}

static uint32_t get(struct fixture *f, uint64_t reg)
{
	uint64_t value = get_len(f, reg, 4);

	g_assert_cmphex(value, <=, UINT32_MAX);
	return (uint32_t)value;
}

static void put(struct fixture *f, uint64_t reg, uint32_t value)
{
	g_assert_true(iol_bus_write(&f->bus, BASE + reg, 4, value));
}

/* The host's seconds, and what the guest loaded from then on. */
static void test_time(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_cmpuint(get(f, DR), ==, leap_day);
	f->now.s += 2;
	g_assert_cmpuint(get(f, DR), ==, leap_day + 2);
	g_assert_cmpuint(get(f, LR), ==, 0);
	put(f, LR, 1000);
	g_assert_cmpuint(get(f, LR), ==, 1000);
	g_assert_cmpuint(get(f, DR), ==, 1000);
	f->now.s += 86400;
	g_assert_cmpuint(get(f, DR), ==, 87400);
	g_assert_cmpuint(get(f, LR), ==, 1000);
	/* The counter can only be read. */
	put(f, DR, 5);
	g_assert_cmpuint(get(f, DR), ==, 87400);
}

/* It has 32 bits, and so has the offset. */
static void test_wraps(struct fixture *f, const void *data)
{
	(void)data;
	put(f, LR, UINT32_MAX);
	g_assert_cmpuint(get(f, DR), ==, UINT32_MAX);
	f->now.s++;
	g_assert_cmpuint(get(f, DR), ==, 0);
	f->now.s = (INT64_C(1) << 32) + 7; /* in the year 2106 */
	put(f, LR, 7);
	g_assert_cmpuint(get(f, DR), ==, 7);
	f->now.s = -1; /* before 1970 */
	put(f, LR, 0);
	f->now.s = 0;
	g_assert_cmpuint(get(f, DR), ==, 1);
}

static void test_reset(struct fixture *f, const void *data)
{
	(void)data;
	put(f, LR, 5000);
	put(f, MR, 6000);
	put(f, IMSC, 1);
	f->dev->ops->reset(f->dev);
	/* The battery keeps the time. */
	g_assert_cmpuint(get(f, DR), ==, 5000);
	g_assert_cmpuint(get(f, MR), ==, 0);
	g_assert_cmpuint(get(f, LR), ==, 0);
	g_assert_cmpuint(get(f, IMSC), ==, 0);
}

/* A match is stored and means nothing; the clock cannot be stopped. */
static void test_registers(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_cmpuint(get(f, CR), ==, 1);
	put(f, CR, 0);
	g_assert_cmpuint(get(f, CR), ==, 1);
	put(f, MR, 0xfedcba98);
	g_assert_cmphex(get(f, MR), ==, 0xfedcba98);
	put(f, MR, (uint32_t)leap_day);
	put(f, IMSC, UINT32_MAX);
	g_assert_cmpuint(get(f, IMSC), ==, 1);
	g_assert_cmpuint(get(f, RIS), ==, 0);
	g_assert_cmpuint(get(f, MIS), ==, 0);
	put(f, ICR, 1);
	put(f, RIS, 1);
	put(f, MIS, 1);
	g_assert_cmpuint(get(f, RIS), ==, 0);
	g_assert_cmpuint(get(f, ICR), ==, 0);
	put(f, IMSC, 0);
	g_assert_cmpuint(get(f, IMSC), ==, 0);
	/* Reserved, and the test registers that nobody uses. */
	for (unsigned int reg = 0x20; reg < ID; reg += 4) {
		put(f, reg, UINT32_MAX);
		g_assert_cmpuint(get(f, reg), ==, 0);
	}
	g_assert_cmpuint(get(f, DR), ==, leap_day);
}

/* What the bus of PrimeCells finds its drivers by, word by word and byte by byte. */
static void test_ids(struct fixture *f, const void *data)
{
	static const uint8_t ids[] = { 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

	(void)data;
	for (unsigned int i = 0; i < sizeof(ids); i++) {
		put(f, ID + 4 * i, UINT32_MAX);
		g_assert_cmphex(get(f, ID + 4 * i), ==, ids[i]);
		g_assert_cmphex(get_len(f, ID + 4 * i, 1), ==, ids[i]);
	}
}

/* Reads of a part give the lower part; writes of one do nothing; the rest is no access. */
static void test_widths(struct fixture *f, const void *data)
{
	(void)data;
	put(f, LR, 0x12345678);
	g_assert_cmphex(get_len(f, DR, 1), ==, 0x78);
	g_assert_cmphex(get_len(f, DR, 2), ==, 0x5678);
	g_assert_cmphex(get_len(f, DR, 8), ==, UINT64_MAX);
	for (unsigned int offset = 1; offset < 4; offset++)
		g_assert_cmphex(get_len(f, LR + offset, 1), ==, UINT64_MAX);
	g_assert_cmphex(get_len(f, LR + 2, 2), ==, UINT64_MAX);
	g_assert_cmphex(get_len(f, LR + 2, 4), ==, UINT64_MAX);
	g_assert_true(iol_bus_write(&f->bus, BASE + LR, 1, 0));
	g_assert_true(iol_bus_write(&f->bus, BASE + LR, 2, 0));
	g_assert_true(iol_bus_write(&f->bus, BASE + LR, 8, 0));
	g_assert_true(iol_bus_write(&f->bus, BASE + LR + 1, 4, 0));
	g_assert_true(iol_bus_write(&f->bus, BASE + LR + 2, 2, 0));
	g_assert_cmphex(get(f, LR), ==, 0x12345678);
	g_assert_cmphex(get(f, DR), ==, 0x12345678);
}

struct setter {
	struct fixture *f;
	gint stop;
};

static void *set_again_and_again(void *opaque)
{
	struct setter *s = opaque;

	while (!g_atomic_int_get(&s->stop)) {
		put(s->f, LR, 0x10000);
		put(s->f, LR, 0x20000);
	}
	return NULL;
}

/* Whoever reads while others set it sees one time or the other. */
static void test_threads(struct fixture *f, const void *data)
{
	struct setter s = { .f = f };
	GThread *thread;

	(void)data;
	put(f, LR, 0x10000);
	thread = g_thread_new("setter", set_again_and_again, &s);
	for (unsigned int i = 0; i < 10000; i++) {
		uint32_t now = get(f, DR);

		g_assert_true(now == 0x10000 || now == 0x20000);
	}
	g_atomic_int_set(&s.stop, 1);
	g_thread_join(thread);
}

/* time() may still say the second before, for as long as a tick. */
static int64_t host_seconds(void)
{
	struct timespec now;

	g_assert_cmpint(clock_gettime(CLOCK_REALTIME, &now), ==, 0);
	return (uint32_t)now.tv_sec;
}

static void test_host_clock(void)
{
	struct iol_device *dev;
	struct iol_bus bus;
	uint64_t value;
	int64_t before = host_seconds();

	iol_bus_init(&bus);
	g_assert_cmpint(iol_pl031_new(&bus, BASE, &dev, NULL), ==, 0);
	g_assert_true(iol_bus_read(&bus, BASE, 4, &value));
	g_assert_cmpint((int64_t)value, >=, before);
	g_assert_cmpint((int64_t)value, <=, host_seconds());
	dev->ops->free(dev);
	iol_bus_finish(&bus);
}

static void test_place_taken(struct fixture *f, const void *data)
{
	struct iol_device *dev = NULL;

	(void)data;
	g_assert_cmpint(iol_pl031_new(&f->bus, BASE + 0xfff, &dev, NULL), ==, -EEXIST);
	g_assert_null(dev);
}

#define ADD(name, fn) g_test_add("/pl031/" name, struct fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("time", test_time);
	ADD("wraps", test_wraps);
	ADD("reset", test_reset);
	ADD("registers", test_registers);
	ADD("ids", test_ids);
	ADD("widths", test_widths);
	ADD("threads", test_threads);
	ADD("place-taken", test_place_taken);
	g_test_add_func("/pl031/host-clock", test_host_clock);
	return g_test_run();
}
