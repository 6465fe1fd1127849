// SPDX-License-Identifier: Apache-2.0
/* The PL061's registers (ARM DDI 0190), its interrupt as a line of edges, and the sequence of Linux's driver. */
#include <iolite/pl061.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <unistd.h>

enum {
	BASE = 0x9020000,
	ALL = 0x3fc, /* GPIODATA of all lines */
	DIRECTION = 0x400,
	IS = 0x404,
	IBE = 0x408,
	IEV = 0x40c,
	IE = 0x410,
	RIS = 0x414,
	MIS = 0x418,
	IC = 0x41c,
	AFSEL = 0x420,
	ID = 0xfe0,
};

struct fixture {
	struct iol_bus bus;
	struct iol_irq_line irq;
	struct iol_pl061 *gpio;
};

static void setup(struct fixture *f, const void *data)
{
	(void)data;
	iol_bus_init(&f->bus);
	g_assert_cmpint(iol_irq_line_init(&f->irq, -1, 0, NULL), ==, 0);
	g_assert_cmpint(iol_pl061_new(&f->bus, BASE, f->irq, &f->gpio, NULL), ==, 0);
}

static void teardown(struct fixture *f, const void *data)
{
	struct iol_device *dev = iol_pl061_device(f->gpio);

	(void)data;
	dev->ops->free(dev);
	g_assert_cmpint(fcntl(f->irq.eventfd, F_GETFD), ==, -1);
	g_assert_cmpuint(f->bus.count, ==, 0);
	iol_bus_finish(&f->bus);
}

static uint64_t get_len(struct fixture *f, uint64_t reg, unsigned int len)
{
	uint64_t value;

	g_assert_true(iol_bus_read(&f->bus, BASE + reg, len, &value));
	return value;
}

static uint8_t get(struct fixture *f, uint64_t reg)
{
	uint64_t value = get_len(f, reg, 1);

	g_assert_cmphex(value, <=, 0xff);
	return (uint8_t)value;
}

static void put(struct fixture *f, uint64_t reg, uint8_t value)
{
	g_assert_true(iol_bus_write(&f->bus, BASE + reg, 1, value));
}

/* How many edges there were since the last call. */
static uint64_t edges(struct fixture *f)
{
	uint64_t count;

	return read(f->irq.eventfd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void drive(struct fixture *f, unsigned int line, bool level)
{
	iol_pl061_set_input(f->gpio, line, level);
}

/* Address bits say which lines are meant; inputs are the outside's, outputs the guest's. */
static void test_data(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_cmphex(get(f, ALL), ==, 0);
	drive(f, 0, true);
	drive(f, 3, true);
	drive(f, 7, true);
	g_assert_cmphex(get(f, ALL), ==, 0x89);
	g_assert_cmphex(get(f, 1 << 5), ==, 0x08);
	g_assert_cmphex(get(f, 0x81 << 2), ==, 0x81);
	g_assert_cmphex(get(f, 0x42 << 2), ==, 0);
	g_assert_cmphex(get(f, 0), ==, 0);

	/* Nothing is written to an input, nor kept for the time it is an output. */
	put(f, ALL, 0x76);
	g_assert_cmphex(get(f, ALL), ==, 0x89);
	put(f, DIRECTION, 0x0f);
	g_assert_cmphex(get(f, ALL), ==, 0x80);
	put(f, ALL, 0xff);
	g_assert_cmphex(get(f, ALL), ==, 0x8f);
	put(f, 0x03 << 2, 0x01);
	g_assert_cmphex(get(f, ALL), ==, 0x8d);
	put(f, 0x00, 0xff);
	g_assert_cmphex(get(f, ALL), ==, 0x8d);
	/* What drives an output from outside is not seen until it is an input again. */
	drive(f, 1, true);
	drive(f, 0, false);
	g_assert_cmphex(get(f, ALL), ==, 0x8d);
	put(f, DIRECTION, 0x00);
	g_assert_cmphex(get(f, ALL), ==, 0x8a);
	put(f, DIRECTION, 0x0f);
	g_assert_cmphex(get(f, ALL), ==, 0x8d);
	g_assert_cmpuint(edges(f), ==, 0);
}

static void test_registers(struct fixture *f, const void *data)
{
	static const uint16_t regs[] = { DIRECTION, IS, IBE, IEV, IE, AFSEL };
	static const uint8_t ids[] = { 0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

	(void)data;
	for (unsigned int i = 0; i < G_N_ELEMENTS(regs); i++) {
		g_assert_cmphex(get(f, regs[i]), ==, 0);
		put(f, regs[i], 0xa5);
		g_assert_cmphex(get(f, regs[i]), ==, 0xa5);
		g_assert_true(iol_bus_write(&f->bus, BASE + regs[i], 4, 0xffffff5a));
		g_assert_cmphex(get_len(f, regs[i], 4), ==, 0x5a);
		put(f, regs[i], 0);
	}
	for (unsigned int i = 0; i < sizeof(ids); i++) {
		put(f, ID + 4 * i, 0xff);
		g_assert_cmphex(get_len(f, ID + 4 * i, 4), ==, ids[i]);
	}
	/* Reserved; what can only be read, and what can only be written. */
	for (unsigned int reg = 0x424; reg < ID; reg += 4) {
		put(f, reg, 0xff);
		g_assert_cmphex(get(f, reg), ==, 0);
	}
	put(f, RIS, 0xff);
	put(f, MIS, 0xff);
	g_assert_cmphex(get(f, RIS), ==, 0);
	g_assert_cmphex(get(f, MIS), ==, 0);
	g_assert_cmphex(get(f, IC), ==, 0);
}

static void test_edges(struct fixture *f, const void *data)
{
	/* clang-format off */
	static const struct {
		uint8_t both, event;
		bool on_rise, on_fall;
	} cases[] = {
		{ 0x00, 0x00, false, true },
		{ 0x00, 0x10, true, false },
		{ 0x10, 0x00, true, true },
		{ 0x10, 0x10, true, true },
		{ 0x01, 0x01, false, true }, /* of another line */
	};
	/* clang-format on */

	(void)data;
	put(f, IE, 0xff);
	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		put(f, IBE, cases[i].both);
		put(f, IEV, cases[i].event);
		drive(f, 4, true);
		g_assert_cmphex(get(f, RIS), ==, cases[i].on_rise ? 0x10 : 0);
		g_assert_cmphex(get(f, MIS), ==, cases[i].on_rise ? 0x10 : 0);
		g_assert_cmpuint(edges(f), ==, cases[i].on_rise);
		put(f, IC, 0x10);
		g_assert_cmphex(get(f, RIS), ==, 0);
		drive(f, 4, true); /* no change */
		g_assert_cmphex(get(f, RIS), ==, 0);
		drive(f, 4, false);
		g_assert_cmphex(get(f, RIS), ==, cases[i].on_fall ? 0x10 : 0);
		g_assert_cmpuint(edges(f), ==, cases[i].on_fall);
		put(f, IC, 0xef); /* other lines' */
		g_assert_cmphex(get(f, RIS), ==, cases[i].on_fall ? 0x10 : 0);
		put(f, IC, 0xff);
		g_assert_cmphex(get(f, RIS), ==, 0);
		g_assert_cmpuint(edges(f), ==, 0);
	}
}

static void test_levels(struct fixture *f, const void *data)
{
	(void)data;
	put(f, IS, 0x0c);
	put(f, IEV, 0x04); /* line 2 by high, line 3 by low */
	g_assert_cmphex(get(f, RIS), ==, 0x08);
	g_assert_cmpuint(edges(f), ==, 0);
	put(f, IE, 0x0c);
	g_assert_cmphex(get(f, MIS), ==, 0x08);
	g_assert_cmpuint(edges(f), ==, 1);
	/* A level is not cleared but by what drives it. */
	put(f, IC, 0xff);
	g_assert_cmphex(get(f, MIS), ==, 0x08);
	g_assert_cmpuint(edges(f), ==, 0);
	drive(f, 2, true);
	g_assert_cmphex(get(f, MIS), ==, 0x0c);
	g_assert_cmpuint(edges(f), ==, 1);
	drive(f, 3, true);
	drive(f, 2, false);
	g_assert_cmphex(get(f, RIS), ==, 0);
	g_assert_cmpuint(edges(f), ==, 0);
	/* One that is there when the mask goes is an edge again: Linux masks while it handles. */
	drive(f, 2, true);
	g_assert_cmpuint(edges(f), ==, 1);
	put(f, IE, 0x08);
	g_assert_cmphex(get(f, MIS), ==, 0);
	g_assert_cmphex(get(f, RIS), ==, 0x04);
	put(f, IE, 0x0c);
	g_assert_cmpuint(edges(f), ==, 1);
	/* An output is watched no more. */
	put(f, DIRECTION, 0x04);
	g_assert_cmphex(get(f, RIS), ==, 0);
	put(f, DIRECTION, 0);
	g_assert_cmphex(get(f, RIS), ==, 0x04);
	g_assert_cmpuint(edges(f), ==, 1);
}

/* An edge of a line that is masked, an output, or watched for levels. */
static void test_not_now(struct fixture *f, const void *data)
{
	(void)data;
	put(f, IBE, 0xff);
	drive(f, 0, true);
	g_assert_cmphex(get(f, RIS), ==, 0x01);
	g_assert_cmphex(get(f, MIS), ==, 0);
	g_assert_cmpuint(edges(f), ==, 0);
	/* It was latched, and comes when it is allowed to. */
	put(f, IE, 0x01);
	g_assert_cmphex(get(f, MIS), ==, 0x01);
	g_assert_cmpuint(edges(f), ==, 1);
	put(f, IC, 0x01);

	put(f, DIRECTION, 0x02);
	put(f, IS, 0x04);
	put(f, IEV, 0x04);
	put(f, IE, 0x07);
	drive(f, 1, true);
	drive(f, 2, true);
	g_assert_cmphex(get(f, RIS), ==, 0x04);
	drive(f, 2, false);
	put(f, IS, 0);
	put(f, DIRECTION, 0);
	g_assert_cmphex(get(f, RIS), ==, 0);
	g_assert_cmpuint(edges(f), ==, 1);
}

/* One that comes while another is pending is an edge of its own, in whatever order they are cleared. */
static void test_none_lost(struct fixture *f, const void *data)
{
	uint8_t seen;

	(void)data;
	put(f, IBE, 0xff);
	put(f, IE, 0xff);
	drive(f, 3, true);
	g_assert_cmpuint(edges(f), ==, 1);
	/* The handler has read the status, then the second comes, then it clears what it saw. */
	seen = get(f, MIS);
	g_assert_cmphex(seen, ==, 0x08);
	drive(f, 5, true);
	g_assert_cmpuint(edges(f), ==, 1);
	put(f, IC, seen);
	g_assert_cmphex(get(f, MIS), ==, 0x20);
	/* The same line again, after it was cleared and before the handler returns. */
	put(f, IC, 0x20);
	drive(f, 5, false);
	g_assert_cmpuint(edges(f), ==, 1);
	g_assert_cmphex(get(f, MIS), ==, 0x20);
	/* And before it was cleared: one and the same. */
	drive(f, 5, true);
	g_assert_cmpuint(edges(f), ==, 0);
}

static void test_reset(struct fixture *f, const void *data)
{
	struct iol_device *dev = iol_pl061_device(f->gpio);

	(void)data;
	drive(f, 6, true);
	for (unsigned int reg = DIRECTION; reg <= AFSEL; reg += 4)
		put(f, reg, 0xff);
	put(f, ALL, 0xff);
	put(f, DIRECTION, 0);
	put(f, IS, 0);
	drive(f, 6, false);
	drive(f, 6, true);
	g_assert_cmphex(get(f, RIS), ==, 0x40);
	edges(f);
	dev->ops->reset(dev);
	for (unsigned int reg = DIRECTION; reg <= AFSEL; reg += 4)
		g_assert_cmphex(get(f, reg), ==, 0);
	/* What drives the inputs is not the chip's. */
	g_assert_cmphex(get(f, ALL), ==, 0x40);
	put(f, DIRECTION, 0xff);
	g_assert_cmphex(get(f, ALL), ==, 0);
	g_assert_cmpuint(edges(f), ==, 0);
}

/* Nothing but aligned accesses of up to a word. */
static void test_widths(struct fixture *f, const void *data)
{
	(void)data;
	put(f, IBE, 0x5a);
	for (unsigned int offset = 1; offset < 4; offset++) {
		g_assert_cmphex(get_len(f, IBE + offset, 1), ==, UINT64_MAX);
		g_assert_true(iol_bus_write(&f->bus, BASE + IBE + offset, 1, 0xff));
		g_assert_true(iol_bus_write(&f->bus, BASE + IBE - offset, 4, 0xffffffff));
	}
	g_assert_cmphex(get_len(f, IBE, 8), ==, UINT64_MAX);
	g_assert_true(iol_bus_write(&f->bus, BASE + IBE, 8, 0));
	g_assert_cmphex(get_len(f, IBE + 2, 2), ==, UINT64_MAX);
	g_assert_cmphex(get_len(f, IBE, 2), ==, 0x5a);
	g_assert_cmphex(get_len(f, IBE, 4), ==, 0x5a);
	g_assert_cmphex(get(f, IS), ==, 0);
	g_assert_cmphex(get(f, IEV), ==, 0);
	g_assert_true(iol_bus_write(&f->bus, BASE + IBE, 2, 0x11a5));
	g_assert_cmphex(get(f, IBE), ==, 0xa5);
}

/* Linux's gpio-keys on line 3: request as input, both edges; press; ack and read. */
static void test_linux(struct fixture *f, const void *data)
{
	(void)data;
	put(f, IE, 0);
	put(f, DIRECTION, get(f, DIRECTION) & 0xf7);
	put(f, IS, 0);
	put(f, IBE, 0x08);
	put(f, IEV, 0);
	put(f, IC, 0x08);
	put(f, IE, 0x08);
	g_assert_cmpuint(edges(f), ==, 0);
	for (unsigned int i = 0; i < 4; i++) {
		bool press = i % 2 == 0;

		drive(f, 3, press);
		g_assert_cmpuint(edges(f), ==, 1);
		g_assert_cmphex(get(f, MIS), ==, 0x08);
		put(f, IC, 0x08);
		g_assert_cmphex(get(f, MIS), ==, 0);
		g_assert_cmphex(get(f, 0x08 << 2), ==, press ? 0x08 : 0);
	}
}

struct driver {
	struct fixture *f;
	unsigned int toggles;
	gint done;
};

static void *toggle(void *opaque)
{
	struct driver *d = opaque;

	for (unsigned int i = 0; i < d->toggles; i++)
		drive(d->f, 3, i % 2 == 0);
	g_atomic_int_set(&d->done, 1);
	return NULL;
}

/* Edges from one thread while another clears what it sees: each status bit had its edge. */
static void test_threads(struct fixture *f, const void *data)
{
	struct driver d = { .f = f, .toggles = 10001 };
	uint64_t seen = 0, raised = 0;
	GThread *thread;

	(void)data;
	put(f, IBE, 0x08);
	put(f, IE, 0x08);
	thread = g_thread_new("driver", toggle, &d);
	while (!g_atomic_int_get(&d.done))
		if (get(f, MIS)) {
			put(f, IC, 0x08);
			seen++;
		}
	g_thread_join(thread);
	if (get(f, MIS)) {
		put(f, IC, 0x08);
		seen++;
	}
	raised = edges(f);
	g_assert_cmpuint(seen, >=, 1);
	g_assert_cmpuint(raised, >=, seen);
	g_assert_cmpuint(raised, <=, d.toggles);
	g_assert_cmphex(get(f, 0x08 << 2), ==, 0x08);
	g_assert_cmphex(get(f, MIS), ==, 0);
}

static void test_place_taken(struct fixture *f, const void *data)
{
	struct iol_pl061 *gpio = NULL;
	struct iol_irq_line irq;

	(void)data;
	g_assert_cmpint(iol_irq_line_init(&irq, -1, 0, NULL), ==, 0);
	g_assert_cmpint(iol_pl061_new(&f->bus, BASE - 1, irq, &gpio, NULL), ==, -EEXIST);
	g_assert_null(gpio);
	g_assert_cmpint(fcntl(irq.eventfd, F_GETFD), ==, -1);
}

#define ADD(name, fn) g_test_add("/pl061/" name, struct fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("data", test_data);
	ADD("registers", test_registers);
	ADD("edges", test_edges);
	ADD("levels", test_levels);
	ADD("not-now", test_not_now);
	ADD("none-lost", test_none_lost);
	ADD("reset", test_reset);
	ADD("widths", test_widths);
	ADD("linux", test_linux);
	ADD("threads", test_threads);
	ADD("place-taken", test_place_taken);
	return g_test_run();
}
