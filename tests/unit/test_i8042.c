// SPDX-License-Identifier: Apache-2.0
/* The keyboard controller's reset line and system control port B. */
#include <iolite/i8042.h>

#include <errno.h>
#include <glib.h>

#include "device_bus.h"

enum { BASE = 0x60, DATA = BASE, PORT_B = BASE + 1, STATUS = BASE + 4 };

static void setup(struct device_bus *f, const void *data)
{
	(void)data;
	device_bus_init(f);
	g_assert_cmpint(iol_i8042_new(&f->bus, BASE, &f->sink, &f->dev, NULL), ==, 0);
}

static void teardown(struct device_bus *f, const void *data)
{
	(void)data;
	device_bus_finish(f, 1u << IOL_EVENT_RESET);
}

static uint64_t in8(struct device_bus *f, uint64_t port)
{
	uint64_t value;

	g_assert_true(iol_bus_read(&f->bus, port, 1, &value));
	return value;
}

static void out8(struct device_bus *f, uint64_t port, unsigned int value)
{
	g_assert_true(iol_bus_write(&f->bus, port, 1, value));
}

static void test_reset_command(struct device_bus *f, const void *data)
{
	(void)data;
	/* Linux's reboot=k: wait for an empty input buffer, then pulse. */
	g_assert_cmphex(in8(f, STATUS) & 0x02, ==, 0);
	out8(f, STATUS, 0xfe);
	g_assert_cmpuint(f->events[IOL_EVENT_RESET], ==, 1);
	out8(f, STATUS, 0xf0);
	g_assert_cmpuint(f->events[IOL_EVENT_RESET], ==, 2);
}

static void test_other_commands(struct device_bus *f, const void *data)
{
	(void)data;
	for (unsigned int command = 0; command < 256; command++) {
		if (command < 0xf0 || (command & 1)) {
			out8(f, STATUS, command);
			out8(f, DATA, 0xfe);
		}
	}
	g_assert_cmpuint(f->events[IOL_EVENT_RESET], ==, 0);
}

static void test_idle(struct device_bus *f, const void *data)
{
	(void)data;
	/* Self-test passed, nothing to read, ready to be written. */
	g_assert_cmphex(in8(f, STATUS), ==, 0x14);
	out8(f, DATA, 0xed);
	g_assert_cmphex(in8(f, STATUS), ==, 0x14);
	g_assert_cmphex(in8(f, DATA), ==, 0xff);
}

static void test_port_b(struct device_bus *f, const void *data)
{
	(void)data;
	/* No NMI reason, the refresh bit toggles. */
	g_assert_cmphex(in8(f, PORT_B), ==, 0x30);
	g_assert_cmphex(in8(f, PORT_B), ==, 0x20);
	g_assert_cmphex(in8(f, PORT_B), ==, 0x30);
	out8(f, PORT_B, 0xff);
	g_assert_cmphex(in8(f, PORT_B) & 0xef, ==, 0x23);
	f->dev->ops->reset(f->dev);
	g_assert_cmphex(in8(f, PORT_B), ==, 0x30);
}

static void test_places(struct device_bus *f, const void *data)
{
	struct iol_device *dev = NULL;
	uint64_t value;

	(void)data;
	g_assert_cmpuint(f->bus.count, ==, 3);
	g_assert_false(iol_bus_read(&f->bus, BASE + 2, 1, &value));
	g_assert_false(iol_bus_read(&f->bus, BASE + 3, 1, &value));
	g_assert_false(iol_bus_read(&f->bus, BASE, 2, &value));
	g_assert_false(iol_bus_write(&f->bus, STATUS, 4, 0xfefefefe));
	/* The last register's place is taken: the first two are given back. */
	g_assert_cmpint(iol_i8042_new(&f->bus, BASE - 4, &f->sink, &dev, NULL), ==, -EEXIST);
	g_assert_null(dev);
	g_assert_cmpuint(f->bus.count, ==, 3);
}

#define ADD(name, fn) g_test_add("/i8042/" name, struct device_bus, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("reset-command", test_reset_command);
	ADD("other-commands", test_other_commands);
	ADD("idle", test_idle);
	ADD("port-b", test_port_b);
	ADD("places", test_places);
	return g_test_run();
}
