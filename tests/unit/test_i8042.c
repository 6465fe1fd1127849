// SPDX-License-Identifier: Apache-2.0
/* The keyboard controller's reset line and system control port B. */
#include <iolite/i8042.h>

#include <errno.h>
#include <glib.h>

enum { BASE = 0x60, DATA = BASE, PORT_B = BASE + 1, STATUS = BASE + 4 };

struct fixture {
	struct iol_event_sink sink;
	unsigned int events[IOL_EVENT_COUNT];
	struct iol_bus bus;
	struct iol_device *dev;
};

static void count_event(struct iol_event_sink *sink, enum iol_event event)
{
	struct fixture *f = iol_container_of(sink, struct fixture, sink);

	f->events[event]++;
}

static void setup(struct fixture *f, const void *data)
{
	(void)data;
	f->sink.raise = count_event;
	iol_bus_init(&f->bus);
	g_assert_cmpint(iol_i8042_new(&f->bus, BASE, &f->sink, &f->dev, NULL), ==, 0);
}

static void teardown(struct fixture *f, const void *data)
{
	(void)data;
	for (unsigned int i = 0; i < IOL_EVENT_COUNT; i++)
		g_assert_cmpuint(i == IOL_EVENT_RESET ? 0 : f->events[i], ==, 0);
	f->dev->ops->free(f->dev);
	g_assert_cmpuint(f->bus.count, ==, 0);
	iol_bus_finish(&f->bus);
}

static uint64_t in8(struct fixture *f, uint64_t port)
{
	uint64_t value;

	g_assert_true(iol_bus_read(&f->bus, port, 1, &value));
	return value;
}

static void out8(struct fixture *f, uint64_t port, unsigned int value)
{
	g_assert_true(iol_bus_write(&f->bus, port, 1, value));
}

static void test_reset_command(struct fixture *f, const void *data)
{
	(void)data;
	/* Linux's reboot=k: wait for an empty input buffer, then pulse. */
	g_assert_cmphex(in8(f, STATUS) & 0x02, ==, 0);
	out8(f, STATUS, 0xfe);
	g_assert_cmpuint(f->events[IOL_EVENT_RESET], ==, 1);
	out8(f, STATUS, 0xf0);
	g_assert_cmpuint(f->events[IOL_EVENT_RESET], ==, 2);
}

static void test_other_commands(struct fixture *f, const void *data)
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

static void test_idle(struct fixture *f, const void *data)
{
	(void)data;
	/* Self-test passed, nothing to read, ready to be written. */
	g_assert_cmphex(in8(f, STATUS), ==, 0x14);
	out8(f, DATA, 0xed);
	g_assert_cmphex(in8(f, STATUS), ==, 0x14);
	g_assert_cmphex(in8(f, DATA), ==, 0xff);
}

static void test_port_b(struct fixture *f, const void *data)
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

static void test_places(struct fixture *f, const void *data)
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

#define ADD(name, fn) g_test_add("/i8042/" name, struct fixture, NULL, setup, fn, teardown)

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
