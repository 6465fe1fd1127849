// SPDX-License-Identifier: Apache-2.0
/* The pvpanic device: what it reads as, and what it makes of what is written. */
#include <iolite/pvpanic.h>

#include <errno.h>
#include <glib.h>

#include "device_bus.h"

enum { BASE = 0x505 };

static void setup(struct device_bus *f, const void *data)
{
	(void)data;
	device_bus_init(f);
	g_assert_cmpint(iol_pvpanic_new(&f->bus, BASE, &f->sink, &f->dev, NULL), ==, 0);
}

static void teardown(struct device_bus *f, const void *data)
{
	(void)data;
	device_bus_finish(f, 1u << IOL_EVENT_PANIC | 1u << IOL_EVENT_CRASH_LOADED);
}

static void out8(struct device_bus *f, unsigned int value)
{
	g_assert_true(iol_bus_write(&f->bus, BASE, 1, value));
}

static void check_known(struct device_bus *f)
{
	uint64_t value = 0;

	g_assert_true(iol_bus_read(&f->bus, BASE, 1, &value));
	g_assert_cmphex(value, ==, 0x03);
}

/* Linux reads which events there are, and writes those alone. */
static void test_known(struct device_bus *f, const void *data)
{
	(void)data;
	check_known(f);
	out8(f, 0xff);
	f->dev->ops->reset(f->dev);
	check_known(f);
	g_assert_cmpuint(f->events[IOL_EVENT_PANIC], ==, 1);
}

static void test_panicked(struct device_bus *f, const void *data)
{
	static const struct {
		unsigned int value;
		bool panics;
	} cases[] = {
		{ 0x00, false }, { 0x01, true },  { 0x03, true },
		{ 0x04, false }, { 0xfc, false }, { 0xfd, true },
	};
	unsigned int count = 0;

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_test_message("written: 0x%02x", cases[i].value);
		out8(f, cases[i].value);
		count += cases[i].panics;
		g_assert_cmpuint(f->events[IOL_EVENT_PANIC], ==, count);
	}
}

/* A guest with a crash kernel says it instead. */
static void test_crash_loaded(struct device_bus *f, const void *data)
{
	(void)data;
	out8(f, 0x02);
	g_assert_cmpuint(f->events[IOL_EVENT_PANIC], ==, 0);
	g_assert_cmpuint(f->events[IOL_EVENT_CRASH_LOADED], ==, 1);
}

/* One byte and no more: what is beside it belongs to others. */
static void test_place(struct device_bus *f, const void *data)
{
	struct iol_device *other;
	struct iol_error err;
	uint64_t value;

	(void)data;
	g_assert_false(iol_bus_read(&f->bus, BASE - 1, 1, &value));
	g_assert_false(iol_bus_write(&f->bus, BASE + 1, 1, 1));
	g_assert_false(iol_bus_write(&f->bus, BASE, 2, 1));
	g_assert_cmpint(iol_pvpanic_new(&f->bus, BASE, &f->sink, &other, &err), ==, -EEXIST);
	g_assert_cmpuint(f->bus.count, ==, 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/pvpanic/known", struct device_bus, NULL, setup, test_known, teardown);
	g_test_add("/pvpanic/panicked", struct device_bus, NULL, setup, test_panicked, teardown);
	g_test_add("/pvpanic/crash-loaded", struct device_bus, NULL, setup, test_crash_loaded,
		   teardown);
	g_test_add("/pvpanic/place", struct device_bus, NULL, setup, test_place, teardown);
	return g_test_run();
}
