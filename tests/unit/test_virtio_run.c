// SPDX-License-Identifier: Apache-2.0
/* The virtio core at work: queues, broken rules, resets, quiescing, polling. */
#include "virtio_core_rig.h"

#include <string.h>

/* Not even an element behind the index. Of rings that were just made. */
static void assert_rings_untouched(struct core_rig *c, unsigned int queue)
{
	static const uint8_t zero[8 * VIRTIO_FAKE_QUEUE_SIZE];
	uint8_t ring[sizeof(zero)];

	g_assert_cmpuint(virtio_driver_used_idx(&c->rig.drivers[queue]), ==, 0);
	g_assert_cmpint(iol_memory_read(&c->rig.memory, c->rig.drivers[queue].setup.used_gpa + 4,
					ring, sizeof(ring)),
			==, 0);
	g_assert_cmpmem(ring, sizeof(ring), zero, sizeof(zero));
}

/* --- at work --- */

static void test_echo(struct core_rig *c, const void *data)
{
	(void)data;
	for (size_t i = 0; i < IOL_ARRAY_LEN(core_feature_sets); i++) {
		unsigned int interrupts = c->queue_interrupts[0];

		core_start(c, core_feature_sets[i]);
		for (unsigned int n = 0; n < 100; n++) {
			core_request(c, 0);
			rig_settle(&c->rig);
			g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 1);
			/* With EVENT_IDX each asks for the next one. */
			virtio_driver_want_interrupts(&c->rig.drivers[0], true);
		}
		g_assert_cmpuint(c->queue_interrupts[0], ==, interrupts + 100);
		g_assert_cmpuint(c->queue_interrupts[1], ==, 0);
		iol_virtio_set_status(c->v, 0);
		rig_settle(&c->rig);
	}
	g_assert_cmpuint(c->v->counts.interrupts, ==, 300);
	g_assert_cmpuint(c->config_interrupts, ==, 0);
}

/* Chains that were there before DRIVER_OK, which no kick will tell of. */
static void test_early_chains(struct core_rig *c, const void *data)
{
	(void)data;
	core_prepare(c, 0);
	rig_request(&c->rig, 1);
	iol_virtio_notify(c->v, 1);
	rig_settle(&c->rig);
	g_assert_cmpuint(c->rig.fake.chains[1], ==, 0);
	assert_rings_untouched(c, 1);
	iol_virtio_set_status(c->v, STATUS_OK);
	rig_settle(&c->rig);
	g_assert_cmpuint(rig_answers(&c->rig, 1), ==, 1);
}

static void test_not_enabled(struct core_rig *c, const void *data)
{
	(void)data;
	core_negotiate(c, RIG_VERSION_1);
	core_put_queue(c, 0, &rig_make_rings(&c->rig, 0, 0)->setup);
	core_put_queue(c, 1, &rig_make_rings(&c->rig, 1, 0)->setup);
	iol_virtio_queue_write(c->v, 1, IOL_VIRTIO_QUEUE_ENABLED, 0);
	iol_virtio_set_status(c->v, STATUS_OK);
	for (unsigned int i = 0; i < RIG_QUEUES; i++) {
		core_request(c, i);
		iol_virtio_notify(c->v, i);
	}
	rig_settle(&c->rig);
	g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 1);
	assert_rings_untouched(c, 1);
	g_assert_cmpuint(c->rig.fake.serves[1], ==, 0);
	core_assert_works(c);

	/* The same after a time in which it was. */
	iol_virtio_set_status(c->v, 0);
	rig_settle(&c->rig);
	core_prepare(c, 0);
	iol_virtio_queue_write(c->v, 1, IOL_VIRTIO_QUEUE_ENABLED, 0);
	iol_virtio_set_status(c->v, STATUS_OK);
	for (int i = 0; i < 3; i++)
		core_request(c, 1);
	rig_settle(&c->rig);
	assert_rings_untouched(c, 1);
}

/* However many chains are done in a turn: one interrupt for each queue. */
static void test_batch(struct core_rig *c, const void *data)
{
	(void)data;
	core_start(c, 0);
	c->rig.fake.mode = VIRTIO_FAKE_HOLD;
	for (unsigned int i = 0; i < 6; i++)
		core_request(c, i % 2);
	rig_settle(&c->rig);
	g_assert_cmpuint(c->v->in_flight, ==, 6);
	g_assert_cmpuint(virtio_fake_complete(&c->rig.fake, 2), ==, 2);
	g_assert_cmpuint(virtio_fake_complete(&c->rig.fake, 3), ==, 3);
	g_assert_cmpuint(virtio_driver_used_idx(&c->rig.drivers[0]), ==, 0);
	rig_turn(&c->rig);
	g_assert_cmpuint(c->queue_interrupts[0], ==, 1);
	g_assert_cmpuint(c->queue_interrupts[1], ==, 1);
	g_assert_cmpuint(rig_answers(&c->rig, 0) + rig_answers(&c->rig, 1), ==, 5);
	rig_settle(&c->rig);
	g_assert_cmpuint(c->queue_interrupts[0] + c->queue_interrupts[1], ==, 2);
	virtio_fake_complete(&c->rig.fake, 1);
	rig_settle(&c->rig);
	g_assert_cmpuint(c->queue_interrupts[0] + c->queue_interrupts[1], ==, 3);
	g_assert_cmpuint(c->v->in_flight, ==, 0);
}

static void test_later(struct core_rig *c, const void *data)
{
	(void)data;
	core_start(c, RIG_EVENT_IDX);
	c->rig.fake.mode = VIRTIO_FAKE_LATER;
	for (unsigned int i = 0; i < VIRTIO_FAKE_QUEUE_SIZE / 2; i++)
		core_request(c, 0);
	rig_settle(&c->rig);
	g_assert_cmpuint(rig_answers(&c->rig, 0), ==, VIRTIO_FAKE_QUEUE_SIZE / 2);
	g_assert_true(virtio_driver_is_drained(&c->rig.drivers[0]));
}

/* --- G13 --- */

/* A queue that is never empty leaves the other one its turn. */
static void test_budget(struct core_rig *c, const void *data)
{
	(void)data;
	core_start(c, 0);
	c->rig.fake.budget = 2;
	c->on_interrupt = core_refill;
	core_refill(c, 0);
	for (int i = 0; i < 20; i++)
		rig_turn(&c->rig);
	g_assert_cmpuint(c->rig.fake.chains[0], >=, 20);
	for (unsigned int n = 1; n <= 50; n++) {
		unsigned int before = c->rig.fake.chains[0];

		core_request(c, 1);
		for (int i = 0; i < 3; i++)
			rig_turn(&c->rig);
		g_assert_cmpuint(rig_answers(&c->rig, 1), ==, 1);
		g_assert_cmpuint(c->rig.fake.chains[0], >, before);
		/* Bounded: a serve or two for each turn. */
		g_assert_cmpuint(c->rig.fake.chains[0] - before, <=, 4 * 2 * c->rig.fake.budget);
	}
	c->on_interrupt = NULL;
	rig_settle(&c->rig);
	rig_settle(&c->rig);
	rig_answers(&c->rig, 0);
	g_assert_true(virtio_driver_is_drained(&c->rig.drivers[0]));
}

static void test_kick_storm(struct core_rig *c, const void *data)
{
	(void)data;
	for (unsigned int i = 0; i < 1000; i++)
		iol_virtio_notify(c->v, i);
	rig_settle(&c->rig);
	g_assert_cmpuint(c->v->counts.kicks, ==, 0);

	core_start(c, 0);
	for (unsigned int n = 0; n < 100; n++) {
		for (unsigned int i = 0; i < 50; i++)
			iol_virtio_notify(c->v, 0);
		rig_turn(&c->rig);
	}
	rig_settle(&c->rig);
	/* One read of the eventfd takes them all. */
	g_assert_cmpuint(c->v->counts.kicks, <=, 100 + RIG_TURNS);
	g_assert_cmpuint(c->v->counts.kicks, >, 10);

	/* On a device that was reset, and on one that waits for it. */
	iol_virtio_set_status(c->v, 0);
	rig_settle(&c->rig);
	memset(c->rig.fake.serves, 0, sizeof(c->rig.fake.serves));
	for (unsigned int i = 0; i < 1000; i++)
		iol_virtio_notify(c->v, i % 3);
	rig_settle(&c->rig);
	g_assert_cmpuint(c->rig.fake.serves[0] + c->rig.fake.serves[1], ==, 0);
	core_assert_works(c);
	iol_virtio_break(c->v, "the test wants it");
	memset(c->rig.fake.serves, 0, sizeof(c->rig.fake.serves));
	for (unsigned int i = 0; i < 1000; i++)
		iol_virtio_notify(c->v, i % 3);
	rig_settle(&c->rig);
	g_assert_cmpuint(c->rig.fake.serves[0] + c->rig.fake.serves[1], ==, 0);
	core_assert_works(c);
}

/* --- broken rules --- */

/* 2.1.2: NEEDS_RESET, an interrupt of the configuration, and nothing more until the reset. */
static void test_break(struct core_rig *c, const void *data)
{
	struct virtio_driver *d = &c->rig.drivers[0];

	(void)data;
	core_start(c, 0);
	c->rig.fake.mode = VIRTIO_FAKE_HOLD;
	core_request(c, 0);
	core_request(c, 1);
	rig_settle(&c->rig);
	g_assert_cmpuint(c->v->in_flight, ==, 2);
	/* G5: a head that the queue does not have. */
	virtio_driver_put_avail(d, d->avail_idx, VIRTIO_FAKE_QUEUE_SIZE);
	virtio_driver_put_avail_idx(d, (uint16_t)(d->avail_idx + 1));
	iol_virtio_notify(c->v, 0);
	rig_settle(&c->rig);
	g_assert_cmphex(iol_virtio_status(c->v), ==, STATUS_OK | VIRTIO_CONFIG_S_NEEDS_RESET);
	g_assert_cmpint(c->v->state, ==, IOL_VIRTIO_BROKEN);
	g_assert_cmpuint(c->config_interrupts, ==, 1);

	/* The other queue stands as well, and what comes to its end is not shown. */
	core_request(c, 1);
	virtio_fake_complete(&c->rig.fake, 1);
	iol_virtio_break(c->v, "once is enough");
	rig_settle(&c->rig);
	g_assert_cmpuint(c->rig.fake.chains[1], ==, 1);
	assert_rings_untouched(c, 0);
	assert_rings_untouched(c, 1);
	g_assert_cmpuint(c->queue_interrupts[0] + c->queue_interrupts[1], ==, 0);
	g_assert_cmpuint(c->config_interrupts, ==, 1);
	g_assert_cmpuint(c->v->in_flight, ==, 1);

	/* The reset waits for the rest. */
	g_assert_true(iol_virtio_set_status(c->v, 0));
	rig_settle(&c->rig);
	g_assert_cmphex(iol_virtio_status(c->v), !=, 0);
	virtio_fake_complete(&c->rig.fake, 1);
	rig_settle(&c->rig);
	g_assert_cmphex(iol_virtio_status(c->v), ==, 0);
	core_assert_works(c);
}

/* What was pushed but not shown when a rule broke in the same turn is not shown either. */
static void test_break_in_batch(struct core_rig *c, const void *data)
{
	(void)data;
	core_start(c, 0);
	c->rig.fake.mode = VIRTIO_FAKE_HOLD;
	core_request(c, 0);
	rig_settle(&c->rig);
	virtio_fake_complete(&c->rig.fake, 1);
	iol_virtio_break(c->v, "between push and publish");
	rig_settle(&c->rig);
	g_assert_cmpuint(virtio_driver_used_idx(&c->rig.drivers[0]), ==, 0);
	g_assert_cmpuint(c->queue_interrupts[0], ==, 0);
	core_assert_works(c);
}

/* Rings that cannot be: found at DRIVER_OK. */
static void test_bad_rings(struct core_rig *c, const void *data)
{
	static const struct {
		unsigned int queue;
		enum iol_virtio_queue_register reg;
		uint32_t value;
	} bad[] = {
		{ 0, IOL_VIRTIO_QUEUE_DESC_LOW, RIG_RINGS + 8 },
		{ 1, IOL_VIRTIO_QUEUE_AVAIL_LOW, RIG_RINGS + 1 },
		{ 1, IOL_VIRTIO_QUEUE_USED_LOW, RIG_RINGS + 2 },
		{ 0, IOL_VIRTIO_QUEUE_USED_LOW, RIG_RAM_BYTES - 4 },
		{ 0, IOL_VIRTIO_QUEUE_AVAIL_HIGH, 1 },
		{ 1, IOL_VIRTIO_QUEUE_DESC_HIGH, UINT32_MAX },
	};

	(void)data;
	for (size_t i = 0; i < IOL_ARRAY_LEN(bad); i++) {
		unsigned int starts = c->rig.fake.starts;

		core_prepare(c, 0);
		iol_virtio_queue_write(c->v, bad[i].queue, IOL_VIRTIO_QUEUE_ENABLED, 0);
		iol_virtio_queue_write(c->v, bad[i].queue, bad[i].reg, bad[i].value);
		iol_virtio_queue_write(c->v, bad[i].queue, IOL_VIRTIO_QUEUE_ENABLED, 1);
		core_request(c, 0);
		iol_virtio_set_status(c->v, STATUS_OK);
		rig_settle(&c->rig);
		g_assert_cmphex(iol_virtio_status(c->v), ==,
				STATUS_OK | VIRTIO_CONFIG_S_NEEDS_RESET);
		g_assert_cmpuint(c->config_interrupts, ==, i + 1);
		g_assert_cmpuint(c->rig.fake.starts, ==, starts);
		assert_rings_untouched(c, 0);
		iol_virtio_notify(c->v, 0);
		rig_settle(&c->rig);
		assert_rings_untouched(c, 0);
		iol_virtio_set_status(c->v, 0);
		rig_settle(&c->rig);
		g_assert_cmphex(iol_virtio_status(c->v), ==, 0);
	}
	core_assert_works(c);
}

/* --- reset --- */

/* @count requests that the device holds. */
static void hold(struct core_rig *c, unsigned int count)
{
	c->rig.fake.mode = VIRTIO_FAKE_HOLD;
	for (unsigned int i = 0; i < count; i++) {
		rig_request(&c->rig, i % RIG_QUEUES);
		iol_virtio_notify(c->v,
				  i % RIG_QUEUES); /* wanted or not: single turns do not poll */
	}
	rig_settle(&c->rig);
	g_assert_cmpuint(c->v->in_flight, ==, count);
}

static void scribble(struct core_rig *c)
{
	iol_virtio_set_status(c->v, 0xff);
	iol_virtio_set_status(c->v, STATUS_DRIVER);
	iol_virtio_set_driver_features(c->v, 0, UINT32_MAX);
	for (unsigned int i = 0; i <= IOL_VIRTIO_QUEUE_USED_HIGH; i++)
		iol_virtio_queue_write(c->v, 0, (enum iol_virtio_queue_register)i, 1);
	iol_virtio_notify(c->v, 0);
	iol_virtio_notify(c->v, 1);
}

/* 2.4: status reads 0 when the last request is done, and no earlier. */
static void test_reset_in_flight(struct core_rig *c, const void *data)
{
	(void)data;
	for (unsigned int k = 0; k <= 6; k++) {
		unsigned int stops = c->rig.fake.stops, resets = c->resets_done;

		core_start(c, 0);
		hold(c, k);
		g_assert_true(iol_virtio_set_status(c->v, 0));
		rig_turn(&c->rig);
		core_request(c, 0); /* not taken any more */
		for (unsigned int i = 0; i < k; i++) {
			rig_settle(&c->rig);
			g_assert_cmphex(iol_virtio_status(c->v), ==, STATUS_OK);
			g_assert_cmpint(c->v->state, ==, IOL_VIRTIO_DRAINING);
			scribble(c);
			g_assert_true(iol_virtio_set_status(c->v, 0)); /* twice is once */
			g_assert_cmphex(iol_virtio_status(c->v), ==, STATUS_OK);
			g_assert_cmpuint(c->resets_done, ==, resets);
			g_assert_cmpuint(virtio_fake_complete(&c->rig.fake, 1), ==, 1);
		}
		rig_settle(&c->rig);
		g_assert_cmphex(iol_virtio_status(c->v), ==, 0);
		g_assert_cmphex(iol_virtio_driver_features(c->v, 0), ==, 0);
		g_assert_cmpuint(c->resets_done, ==, resets + 1);
		g_assert_cmpuint(c->rig.fake.stops, ==, stops + 1);
		for (unsigned int i = 0; i < RIG_QUEUES; i++)
			assert_rings_untouched(c, i);
		g_assert_cmpuint(c->queue_interrupts[0] + c->queue_interrupts[1], ==, 2 * k);
		core_assert_works(c);
		iol_virtio_set_status(c->v, 0);
		rig_settle(&c->rig);
	}
}

/* stop() may end all that is held, in the very call. */
static void test_reset_stop_ends(struct core_rig *c, const void *data)
{
	(void)data;
	core_start(c, 0);
	hold(c, 5);
	c->rig.fake.stop_ends = true;
	iol_virtio_set_status(c->v, 0);
	rig_settle(&c->rig);
	g_assert_cmphex(iol_virtio_status(c->v), ==, 0);
	assert_rings_untouched(c, 0);
	core_assert_works(c);
}

/* The loop sleeps while the driver sets up, resets, and sets up again. */
static void test_reset_before_loop(struct core_rig *c, const void *data)
{
	(void)data;
	core_prepare(c, 0);
	core_request(c, 0);
	iol_virtio_set_status(c->v, STATUS_OK);
	g_assert_true(iol_virtio_set_status(c->v, 0));
	g_assert_cmphex(iol_virtio_status(c->v), ==, STATUS_OK);
	scribble(c);
	rig_settle(&c->rig);
	g_assert_cmphex(iol_virtio_status(c->v), ==, 0);
	g_assert_cmpuint(c->rig.fake.starts, ==, 0);
	/* A device that was not started has nothing to stop. */
	g_assert_cmpuint(c->rig.fake.stops, ==, 0);
	assert_rings_untouched(c, 0);
	core_assert_works(c);
}

static void test_reset_twice(struct core_rig *c, const void *data)
{
	(void)data;
	for (int i = 0; i < 3; i++)
		g_assert_false(iol_virtio_set_status(c->v, 0));
	g_assert_cmpuint(c->resets_done, ==, 3);
	core_start(c, 0);
	for (int i = 0; i < 3; i++)
		g_assert_true(iol_virtio_set_status(c->v, 0));
	rig_settle(&c->rig);
	g_assert_cmpuint(c->resets_done, ==, 4);
	g_assert_false(iol_virtio_set_status(c->v, 0));
	core_assert_works(c);
}

/* In the same turn: the last request done, the reset over, and the next driver there. */
static void test_reset_and_start_at_once(struct core_rig *c, const void *data)
{
	(void)data;
	core_start(c, 0);
	hold(c, 1);
	iol_virtio_set_status(c->v, 0);
	rig_settle(&c->rig);
	virtio_fake_complete(&c->rig.fake, 1);
	rig_turn(&c->rig);
	g_assert_cmphex(iol_virtio_status(c->v), ==, 0);
	c->rig.fake.mode = VIRTIO_FAKE_NOW;
	core_start(c, RIG_EVENT_IDX);
	core_request(c, 0);
	rig_settle(&c->rig);
	g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 1);
}

/* --- quiesce --- */

struct quiet {
	struct iol_quiesce quiesce;
	unsigned int done;
};

static void quiet_done(struct iol_quiesce *quiesce)
{
	iol_container_of(quiesce, struct quiet, quiesce)->done++;
}

static bool quiesce(struct core_rig *c, struct quiet *q)
{
	*q = (struct quiet){ .quiesce = { .pending = 1, .done = quiet_done } };
	return iol_virtio_quiesce(c->v, &q->quiesce);
}

static void machine_reset(struct core_rig *c)
{
	iol_virtio_reset(c->v);
	g_assert_cmphex(iol_virtio_status(c->v), ==, 0);
	rig_settle(&c->rig);
	core_assert_works(c);
}

static void test_quiesce_idle(struct core_rig *c, const void *data)
{
	struct quiet q;

	(void)data;
	g_assert_true(quiesce(c, &q)); /* no driver yet */
	g_assert_cmpuint(c->rig.fake.stops, ==, 0);
	machine_reset(c);
	g_assert_true(quiesce(c, &q)); /* one that has nothing in flight */
	g_assert_true(quiesce(c, &q));
	machine_reset(c);
	/* DRIVER_OK that the loop has not seen never comes to it. */
	iol_virtio_set_status(c->v, 0);
	rig_settle(&c->rig);
	core_prepare(c, 0);
	core_request(c, 0);
	iol_virtio_set_status(c->v, STATUS_OK);
	g_assert_true(quiesce(c, &q));
	rig_settle(&c->rig);
	assert_rings_untouched(c, 0);
	machine_reset(c);
	/* One that broke a rule. */
	iol_virtio_break(c->v, "the test wants it");
	g_assert_true(quiesce(c, &q));
	machine_reset(c);
	g_assert_cmpuint(q.done, ==, 0);
}

static void test_quiesce_in_flight(struct core_rig *c, const void *data)
{
	struct quiet q;

	(void)data;
	core_start(c, 0);
	hold(c, 3);
	g_assert_false(quiesce(c, &q));
	virtio_fake_complete(&c->rig.fake, 2);
	rig_settle(&c->rig);
	g_assert_cmpuint(q.done, ==, 0);
	virtio_fake_complete(&c->rig.fake, 1);
	g_assert_cmpuint(q.done, ==, 0);
	rig_settle(&c->rig);
	g_assert_cmpuint(q.done, ==, 1);
	g_assert_cmphex(iol_virtio_status(c->v), ==,
			STATUS_OK); /* a quiet device is not a reset one */
	machine_reset(c);
	iol_virtio_set_status(c->v, 0);
	rig_settle(&c->rig);
	core_start(c, 0);
	g_assert_cmpuint(q.quiesce.pending, ==, 0); /* answered once and for all */

	/* The last one is done and not shown when the question comes. */
	hold(c, 1);
	virtio_fake_complete(&c->rig.fake, 1);
	g_assert_true(quiesce(c, &q));
	rig_settle(&c->rig);
	g_assert_cmpuint(q.done, ==, 0);
	machine_reset(c);
}

static void test_quiesce_while_resetting(struct core_rig *c, const void *data)
{
	unsigned int resets;
	struct quiet q;

	(void)data;
	core_start(c, 0);
	hold(c, 2);
	resets = c->resets_done;
	iol_virtio_set_status(c->v, 0);
	rig_settle(&c->rig);
	g_assert_false(quiesce(c, &q));
	virtio_fake_complete(&c->rig.fake, 2);
	rig_settle(&c->rig);
	g_assert_cmpuint(q.done, ==, 1);
	/* The driver's reset is over too: its vCPU may wait for that. */
	g_assert_cmphex(iol_virtio_status(c->v), ==, 0);
	g_assert_cmpuint(c->resets_done, ==, resets + 1);
	machine_reset(c);

	/* The same where the loop has not seen the reset yet. */
	resets = c->resets_done;
	iol_virtio_set_status(c->v, 0);
	g_assert_true(quiesce(c, &q));
	g_assert_cmphex(iol_virtio_status(c->v), ==, 0);
	g_assert_cmpuint(c->resets_done, ==, resets + 1);
	machine_reset(c);
}

/* The end of the machine comes in the middle of its reset: the second one is answered. */
static void test_quiesce_again(struct core_rig *c, const void *data)
{
	struct quiet first, second;

	(void)data;
	core_start(c, 0);
	hold(c, 2);
	g_assert_false(quiesce(c, &first));
	g_assert_false(quiesce(c, &second));
	iol_virtio_cancel(c->v);
	rig_settle(&c->rig);
	g_assert_cmpuint(c->rig.fake.cancels, ==, 1);
	g_assert_cmpuint(c->rig.fake.stops, ==, 1);
	g_assert_cmpuint(first.done, ==, 0);
	g_assert_cmpuint(second.done, ==, 1);
	machine_reset(c);
}

/* --- queues that are paused --- */

static void test_pause(struct core_rig *c, const void *data)
{
	static const uint64_t poll_ns[] = { 0, IOL_NS_PER_MS };

	(void)data;
	for (size_t i = 0; i < 2 * IOL_ARRAY_LEN(core_feature_sets); i++) {
		unsigned int before;

		iol_loop_set_polling(&c->rig.loop, poll_ns[i % 2]);
		core_start(c, core_feature_sets[i / 2]);
		iol_virtio_pause(c->v, 0);
		iol_virtio_pause(c->v, 0);
		before = c->rig.fake.serves[0];
		for (unsigned int n = 0; n < 4; n++) {
			rig_request(&c->rig, 0);
			iol_virtio_notify(c->v, 0);
			rig_settle(&c->rig);
		}
		g_assert_cmpuint(c->rig.fake.serves[0], ==, before);
		/* Another one goes on. */
		core_request(c, 1);
		if (poll_ns[i % 2])
			iol_virtio_notify(c->v, 1);
		rig_settle(&c->rig);
		g_assert_cmpuint(rig_answers(&c->rig, 1), ==, 1);
		/* No kick comes for what is there. */
		iol_virtio_resume(c->v, 0);
		rig_settle(&c->rig);
		g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 4);
		before = c->rig.fake.serves[0];
		iol_virtio_resume(c->v, 0);
		rig_settle(&c->rig);
		g_assert_cmpuint(c->rig.fake.serves[0], ==, before);
		/* The pause ends with the reset. */
		iol_virtio_pause(c->v, 0);
		iol_virtio_set_status(c->v, 0);
		rig_settle(&c->rig);
		iol_virtio_pause(c->v, 0);
		core_start(c, core_feature_sets[i / 2]);
		rig_request(&c->rig, 0);
		iol_virtio_notify(c->v, 0);
		rig_settle(&c->rig);
		g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 1);
		iol_virtio_set_status(c->v, 0);
		rig_settle(&c->rig);
	}
}

/* A queue that pauses itself: the driver is not asked for kicks, with chains left or without. */
static bool pausing_serve(struct iol_virtio *v, unsigned int queue)
{
	iol_virtio_pause(v, queue);
	return false;
}

static void test_pause_in_serve(struct core_rig *c, const void *data)
{
	struct iol_virtio_ops ops = *c->v->ops;
	const struct iol_virtio_ops *before = c->v->ops;
	uint64_t kicks;

	(void)data;
	core_start(c, 0);
	ops.serve = pausing_serve;
	c->v->ops = &ops;
	core_request(c, 0);
	rig_settle(&c->rig);
	kicks = c->v->counts.kicks;
	g_assert_false(rig_request(&c->rig, 0));
	rig_settle(&c->rig);
	g_assert_cmpuint(c->v->counts.kicks, ==, kicks);
	c->v->ops = before;
	iol_virtio_resume(c->v, 0);
	rig_settle(&c->rig);
	g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 2);
	g_assert_true(rig_request(&c->rig, 0));
}

/* --- the end --- */

/* Kicks on their way, posts and turn ends that wait: nothing of it comes after the end. */
static void test_free_armed(void)
{
	static const uint64_t poll_ns[] = { 0, IOL_NS_PER_MS };
	unsigned int fds = fd_count();

	for (size_t i = 0; i < IOL_ARRAY_LEN(poll_ns); i++) {
		struct core_rig c = { 0 };

		core_setup(&c, NULL);
		iol_loop_set_polling(&c.rig.loop, poll_ns[i]);
		core_start(&c, 0);
		hold(&c, 2);
		virtio_fake_complete(&c.rig.fake, 2);
		iol_virtio_notify(c.v, 0);
		iol_virtio_set_status(c.v, 0);
		core_teardown(&c, NULL);
		g_assert_cmpuint(fd_count(), ==, fds);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct core_rig *c, const void *data);
	} tests[] = {
		{ "/virtio-run/echo", test_echo },
		{ "/virtio-run/early-chains", test_early_chains },
		{ "/virtio-run/not-enabled", test_not_enabled },
		{ "/virtio-run/batch", test_batch },
		{ "/virtio-run/later", test_later },
		{ "/virtio-run/budget", test_budget },
		{ "/virtio-run/kick-storm", test_kick_storm },
		{ "/virtio-run/break", test_break },
		{ "/virtio-run/break/in-batch", test_break_in_batch },
		{ "/virtio-run/break/rings", test_bad_rings },
		{ "/virtio-run/reset/in-flight", test_reset_in_flight },
		{ "/virtio-run/reset/stop-ends", test_reset_stop_ends },
		{ "/virtio-run/reset/before-loop", test_reset_before_loop },
		{ "/virtio-run/reset/twice", test_reset_twice },
		{ "/virtio-run/reset/and-start", test_reset_and_start_at_once },
		{ "/virtio-run/quiesce/idle", test_quiesce_idle },
		{ "/virtio-run/quiesce/in-flight", test_quiesce_in_flight },
		{ "/virtio-run/quiesce/while-resetting", test_quiesce_while_resetting },
		{ "/virtio-run/quiesce/again", test_quiesce_again },
		{ "/virtio-run/pause", test_pause },
		{ "/virtio-run/pause/in-serve", test_pause_in_serve },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].name, struct core_rig, NULL, core_setup, tests[i].run,
			   core_teardown);
	g_test_add_func("/virtio-run/free-armed", test_free_armed);
	return g_test_run();
}
