// SPDX-License-Identifier: Apache-2.0
/* The virtio core on a loop that polls: no kick is needed then, and none is lost when it sleeps. */
#include <errno.h>

#include "virtio_core_rig.h"

/* How long the loop looks for work by itself. */
#define POLL_NS (2 * IOL_NS_PER_MS)

struct until {
	struct iol_op deadline;
	struct core_rig *c;
};

static void stop_loop(struct iol_op *op, int res)
{
	(void)res;
	iol_loop_stop(&iol_container_of(op, struct until, deadline)->c->rig.loop);
}

/* Lets iol_loop_run() work, which polls, for @ns. */
static void run_for(struct core_rig *c, uint64_t ns)
{
	struct until until = { .deadline.done = stop_loop, .c = c };

	iol_loop_timeout(&c->rig.loop, &until.deadline, ns);
	g_assert_cmpint(iol_loop_run(&c->rig.loop, NULL), ==, 0);
	g_assert_false(until.deadline.in_flight);
}

/* Long enough for the pollers to find that nothing comes; on a host that is busy it takes longer. */
static void run_until_asleep(struct core_rig *c)
{
	unsigned int more = 500;

	do {
		run_for(c, 8 * POLL_NS);
	} while (c->v->poller.active && more--);
}

static unsigned int answered;

/* A driver that never notifies: it shows the next request when the last one is back. */
static void answer_and_ask(struct core_rig *c, unsigned int queue)
{
	answered += rig_answers(&c->rig, queue);
	virtio_driver_want_interrupts(&c->rig.drivers[queue], true);
	if (answered >= 100) {
		iol_loop_stop(&c->rig.loop);
		return;
	}
	/* While the loop polls, the driver is asked not to. */
	g_assert_false(rig_request(&c->rig, queue));
}

static void test_polling(struct core_rig *c, const void *data)
{
	(void)data;
	iol_loop_set_polling(&c->rig.loop, IOL_NS_PER_S);
	for (size_t i = 0; i < IOL_ARRAY_LEN(core_feature_sets); i++) {
		struct until until = { .deadline.done = stop_loop, .c = c };
		uint64_t kicks;

		answered = 0;
		core_start(c, core_feature_sets[i]);
		c->on_interrupt = answer_and_ask;
		kicks = c->v->counts.kicks;
		core_request(c, i % 2);
		iol_loop_timeout(&c->rig.loop, &until.deadline, 20 * IOL_NS_PER_S);
		g_assert_cmpint(iol_loop_run(&c->rig.loop, NULL), ==, 0);
		g_assert_true(until.deadline.in_flight);
		g_assert_cmpuint(answered, ==, 100);
		g_assert_cmpuint(c->v->counts.kicks - kicks, <=, 1);
		g_assert_true(c->v->poller.active);
		c->on_interrupt = NULL;
		iol_loop_cancel(&c->rig.loop, &until.deadline);
		iol_virtio_set_status(c->v, 0);
		rig_settle(&c->rig);
		g_assert_false(until.deadline.in_flight);
		g_assert_cmphex(iol_virtio_status(c->v), ==, 0);
		g_assert_false(c->v->poller.active);
	}
}

/* When nothing comes the loop sleeps, and is woken by kicks again. */
static void test_polling_sleeps(struct core_rig *c, const void *data)
{
	(void)data;
	iol_loop_set_polling(&c->rig.loop, POLL_NS);
	for (size_t i = 0; i < IOL_ARRAY_LEN(core_feature_sets); i++) {
		core_start(c, core_feature_sets[i]);
		for (unsigned int n = 0; n < 3; n++) {
			run_until_asleep(c);
			g_assert_false(c->v->poller.active);
			for (unsigned int queue = 0; queue < RIG_QUEUES; queue++) {
				g_assert_true(rig_request(&c->rig, queue));
				iol_virtio_notify(c->v, queue);
			}
			run_until_asleep(c);
			g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 1);
			g_assert_cmpuint(rig_answers(&c->rig, 1), ==, 1);
		}
		iol_virtio_set_status(c->v, 0);
		rig_settle(&c->rig);
	}
}

/* What comes between the last look and the wish for kicks is served, and polling goes on. */
static void test_polling_sleep_race(struct core_rig *c, const void *data)
{
	struct iol_poller *poller = &c->v->poller;

	(void)data;
	iol_loop_set_polling(&c->rig.loop, POLL_NS);
	for (size_t i = 0; i < IOL_ARRAY_LEN(core_feature_sets); i++) {
		core_start(c, core_feature_sets[i]);
		g_assert_true(poller->active);
		for (unsigned int queue = 0; queue < RIG_QUEUES; queue++) {
			rig_request(&c->rig, queue); /* and no kick, asked for or not */
			g_assert_true(poller->sleep(poller));
			rig_turn(&c->rig);
			g_assert_cmpuint(rig_answers(&c->rig, queue), ==, 1);
		}
		g_assert_false(poller->sleep(poller));
		for (unsigned int queue = 0; queue < RIG_QUEUES; queue++)
			g_assert_true(rig_request(&c->rig, queue));
		iol_virtio_set_status(c->v, 0);
		rig_settle(&c->rig);
	}
}

static void break_ring(struct core_rig *c, unsigned int queue)
{
	struct virtio_driver *d = &c->rig.drivers[queue];

	virtio_driver_put_avail_idx(d, (uint16_t)(d->avail_idx + VIRTIO_FAKE_QUEUE_SIZE + 1));
}

/* Found by polling, from within the walk over all pollers. */
static void test_polling_break(struct core_rig *c, const void *data)
{
	(void)data;
	iol_loop_set_polling(&c->rig.loop, POLL_NS);
	core_start(c, 0);
	c->on_interrupt = break_ring;
	core_request(c, 1);
	run_for(c, 40 * POLL_NS);
	g_assert_cmphex(iol_virtio_status(c->v), ==, STATUS_OK | VIRTIO_CONFIG_S_NEEDS_RESET);
	g_assert_cmpuint(c->config_interrupts, ==, 1);
	c->on_interrupt = NULL;
	iol_virtio_set_status(c->v, 0);
	rig_settle(&c->rig);
	core_start(c, 0);
	run_for(c, 40 * POLL_NS);
	core_request(c, 1);
	run_for(c, 40 * POLL_NS);
	g_assert_cmpuint(rig_answers(&c->rig, 1), ==, 1);
}

static void reset_by_driver(struct iol_op *op, int res)
{
	struct until *until = iol_container_of(op, struct until, deadline);

	if (res == -ETIME && until->c->rig.fake.chains[0] <= 100) /* a slow host: some time more */
		iol_loop_timeout(&until->c->rig.loop, op, 3 * IOL_NS_PER_MS);
	else
		iol_virtio_set_status(until->c->v, 0);
}

/* A driver that keeps the loop busy with polling still gets its reset, and timers their turn. */
static void test_polling_reset(struct core_rig *c, const void *data)
{
	struct until until = { .deadline.done = reset_by_driver, .c = c };

	(void)data;
	iol_loop_set_polling(&c->rig.loop, IOL_NS_PER_S);
	core_start(c, 0);
	c->on_interrupt = core_refill;
	core_refill(c, 0);
	iol_loop_timeout(&c->rig.loop, &until.deadline, 3 * IOL_NS_PER_MS);
	for (unsigned int tries = 0; tries < 500 && until.deadline.in_flight; tries++)
		run_for(c, 20 * IOL_NS_PER_MS);
	g_assert_cmpuint(c->rig.fake.chains[0], >, 100);
	g_assert_cmphex(iol_virtio_status(c->v), ==, 0);
	c->on_interrupt = NULL;
	core_prepare(c, 0);
	iol_virtio_set_status(c->v, STATUS_OK);
	core_request(c, 0);
	run_for(c, 10 * IOL_NS_PER_MS);
	g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 1);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct core_rig *c, const void *data);
	} tests[] = {
		{ "/virtio-polling/work", test_polling },
		{ "/virtio-polling/sleeps", test_polling_sleeps },
		{ "/virtio-polling/sleep-race", test_polling_sleep_race },
		{ "/virtio-polling/break", test_polling_break },
		{ "/virtio-polling/reset", test_polling_reset },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].name, struct core_rig, NULL, core_setup, tests[i].run,
			   core_teardown);
	return g_test_run();
}
