// SPDX-License-Identifier: Apache-2.0
/* The power key: how long it is pressed, and that it lets go whatever happens meanwhile. */
#include <iolite/power_key.h>

#include <glib.h>
#include <unistd.h>

#include <iolite/pl061.h>

#define AWAIT_NS (30 * IOL_NS_PER_S) /* more than any host takes for anything here */

enum { BASE = 0x9020000, LINE = BASE + (1 << (IOL_POWER_KEY_LINE + 2)) };

struct fixture {
	struct iol_loop loop;
	struct iol_bus bus;
	struct iol_pl061 *gpio;
	struct iol_power_key *key;
	struct iol_device *dev;
	struct iol_quiesce quiesce;
	unsigned int quiet;
};

static uint64_t held_ns; /* for so long keys are pressed; 0: as they want to be */

void __real_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns);
void __wrap_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns);
void __wrap_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns)
{
	g_assert_cmpuint(ns, ==, IOL_POWER_KEY_HOLD_NS);
	__real_iol_loop_timeout(loop, op, held_ns ? held_ns : ns);
}

static void count_quiet(struct iol_quiesce *quiesce)
{
	struct fixture *f = iol_container_of(quiesce, struct fixture, quiesce);

	f->quiet++;
}

static void setup(struct fixture *f, const void *data)
{
	struct iol_irq_line irq;

	(void)data;
	held_ns = 0;
	g_assert_cmpint(iol_loop_init(&f->loop, NULL), ==, 0);
	iol_bus_init(&f->bus);
	g_assert_cmpint(iol_irq_line_init(&irq, -1, 0, NULL), ==, 0);
	g_assert_cmpint(iol_pl061_new(&f->bus, BASE, irq, &f->gpio, NULL), ==, 0);
	f->key = iol_power_key_new(&f->loop, iol_pl061_input(f->gpio, IOL_POWER_KEY_LINE));
	f->dev = iol_power_key_device(f->key);
	f->quiesce.done = count_quiet;
}

static bool is_pressed(struct fixture *f)
{
	uint64_t value;

	g_assert_true(iol_bus_read(&f->bus, LINE, 1, &value));
	g_assert_true(value == 0 || value == 1 << IOL_POWER_KEY_LINE);
	return value != 0;
}

/* As the machine does it: true when the key is at rest at once. */
static bool quiesce(struct fixture *f)
{
	f->quiesce.pending = 1;
	if (!f->dev->ops->quiesce(f->dev, &f->quiesce))
		return false;
	f->quiesce.pending = 0;
	return true;
}

static void teardown(struct fixture *f, const void *data)
{
	struct iol_device *gpio = iol_pl061_device(f->gpio);

	(void)data;
	if (!quiesce(f))
		while (f->quiesce.pending)
			g_assert_cmpint(iol_loop_turn(&f->loop, true), ==, 0);
	g_assert_false(is_pressed(f));
	g_assert_true(quiesce(f));
	f->dev->ops->free(f->dev);
	gpio->ops->free(gpio);
	iol_bus_finish(&f->bus);
	iol_loop_finish(&f->loop);
}

static void await(struct fixture *f, bool pressed)
{
	uint64_t limit = iol_loop_now_ns() + AWAIT_NS;

	while (is_pressed(f) != pressed) {
		g_assert_cmpint(iol_loop_turn(&f->loop, true), ==, 0);
		g_assert_cmpuint(iol_loop_now_ns(), <, limit);
	}
}

/* High for longer than drivers wait for a key to settle, then low; again and again. */
static void test_press(struct fixture *f, const void *data)
{
	uint64_t start;

	(void)data;
	for (unsigned int i = 0; i < 2; i++) {
		g_assert_false(is_pressed(f));
		start = iol_loop_now_ns();
		iol_power_key_press(f->key);
		g_assert_false(is_pressed(f)); /* the loop does it */
		await(f, true);
		/* Once more is nothing more. */
		iol_power_key_press(f->key);
		await(f, false);
		g_assert_cmpuint(iol_loop_now_ns() - start, >=, IOL_POWER_KEY_HOLD_NS);
	}
	g_assert_cmpuint(f->quiet, ==, 0);
}

static void *press(void *opaque)
{
	iol_power_key_press(opaque);
	return NULL;
}

static void test_thread(struct fixture *f, const void *data)
{
	(void)data;
	g_thread_join(g_thread_new("person", press, f->key));
	await(f, true);
	await(f, false);
}

/* A reset does not wait for the finger: the key lets go, and is heard of again afterwards only. */
static void test_quiesce(struct fixture *f, const void *data)
{
	(void)data;
	held_ns = 2 * AWAIT_NS;
	iol_power_key_press(f->key);
	await(f, true);
	g_assert_false(quiesce(f));
	await(f, false); /* fails where the key is held for its time */
	g_assert_cmpuint(f->quiet, ==, 1);

	iol_power_key_press(f->key);
	g_assert_cmpint(iol_loop_turn(&f->loop, true), ==, 0);
	g_assert_false(is_pressed(f));
	g_assert_true(quiesce(f));

	f->dev->ops->reset(f->dev);
	iol_power_key_press(f->key);
	await(f, true);
}

/* The machine ends before the loop has seen the press. */
static void test_never_seen(struct fixture *f, const void *data)
{
	(void)data;
	iol_power_key_press(f->key);
}

#define ADD(name, fn) g_test_add("/power-key/" name, struct fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("press", test_press);
	ADD("thread", test_thread);
	ADD("quiesce", test_quiesce);
	ADD("never-seen", test_never_seen);
	return g_test_run();
}
