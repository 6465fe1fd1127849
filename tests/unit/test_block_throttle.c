// SPDX-License-Identifier: Apache-2.0
/* Throttling, on a clock that moves only when the throttle waits for it. */
#include <iolite/block.h>

#include <errno.h>
#include <glib.h>

#include "block_rig.h"

/* The linker puts these in the place of the loop's functions. */
static uint64_t now_ns;
static unsigned int timeouts;
static bool hold_timers; /* they do not fire */

uint64_t __wrap_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void)
{
	return now_ns;
}

void __real_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns);
void __wrap_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns);
void __wrap_iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns)
{
	timeouts++;
	g_assert_cmpuint(ns, >, 0);
	if (hold_timers) {
		__real_iol_loop_timeout(loop, op, 3600 * IOL_NS_PER_S);
		return;
	}
	now_ns += ns;
	__real_iol_loop_timeout(loop, op, 1);
}

/* The inner backend: notes when what came. */
struct sink {
	struct iol_block blk;
	unsigned int count[IOL_BLOCK_KIND_COUNT];
	uint64_t bytes;
	uint64_t last_offset;
	uint64_t last_ns;
	bool later; /* keeps the last request instead of ending it */
	struct iol_block_req *kept;
	unsigned int cancels;
};

static bool sink_submit(struct iol_block *blk, struct iol_block_req *req)
{
	struct sink *s = iol_container_of(blk, struct sink, blk);

	s->count[req->kind]++;
	s->bytes += req->len_bytes;
	s->last_ns = now_ns;
	if (req->kind == IOL_BLOCK_READ || req->kind == IOL_BLOCK_WRITE) {
		/* In order. */
		g_assert_cmpuint(req->offset_bytes, >=, s->last_offset);
		s->last_offset = req->offset_bytes;
	}
	req->res = 0;
	s->kept = s->later ? req : NULL;
	return !s->later;
}

static void sink_cancel_all(struct iol_block *blk)
{
	iol_container_of(blk, struct sink, blk)->cancels++;
}

static bool sink_refresh(struct iol_block *blk)
{
	blk->limits.size_bytes *= 2;
	return true;
}

static void sink_free(struct iol_block *blk)
{
	g_free(iol_container_of(blk, struct sink, blk));
}

static const struct iol_block_ops sink_ops = {
	.name = "sink",
	.submit = sink_submit,
	.cancel_all = sink_cancel_all,
	.refresh = sink_refresh,
	.free = sink_free,
};

enum { JOBS = 4000 };

struct rig {
	struct iol_loop loop;
	struct sink *sink;
	struct iol_block *blk;
	struct block_job *jobs;
};

static void rig_init(struct rig *rig, uint64_t bytes_per_s, uint64_t requests_per_s)
{
	struct iol_error err;

	*rig = (struct rig){ .jobs = g_new0(struct block_job, JOBS) };
	now_ns = 12345;
	timeouts = 0;
	hold_timers = false;
	if (iol_loop_init(&rig->loop, &err))
		g_error("%s", err.msg);
	rig->sink = g_new0(struct sink, 1);
	iol_block_init(&rig->sink->blk, &sink_ops, &rig->loop, "a disk");
	rig->sink->blk.limits = (struct iol_block_limits){ .size_bytes = UINT64_C(1) << 62,
							   .discard = true,
							   .write_zeroes = true,
							   .range_bytes_max = IOL_GIB,
							   .iov_max = 1 };
	rig->blk = iol_block_throttle_new(&rig->sink->blk, bytes_per_s, requests_per_s);
	g_assert_cmpstr(rig->blk->name, ==, "a disk");
	g_assert_cmpuint(rig->blk->limits.range_bytes_max, ==, IOL_GIB);
}

static void rig_finish(struct rig *rig)
{
	g_assert_cmpuint(rig->blk->in_flight, ==, 0);
	iol_block_free(rig->blk);
	iol_loop_finish(&rig->loop);
	g_free(rig->jobs);
}

/* @count requests of @len each at once; the time from now until the last was let through. */
static uint64_t time_of(struct rig *rig, unsigned int count, uint64_t len)
{
	static char byte;
	uint64_t start_ns = now_ns;

	rig->sink->last_offset = 0;
	for (unsigned int i = 0; i < count; i++) {
		block_job_init(&rig->jobs[i], i % 2 ? IOL_BLOCK_WRITE : IOL_BLOCK_READ, i * len,
			       &byte, len);
		block_job_start(&rig->jobs[i], rig->blk);
	}
	for (unsigned int i = 0; i < count; i++) {
		while (!rig->jobs[i].at_once && !rig->jobs[i].done)
			g_assert_cmpint(iol_loop_turn(&rig->loop, true), ==, 0);
		g_assert_cmpint(rig->jobs[i].req.res, ==, 0);
	}
	return rig->sink->last_ns - start_ns;
}

static void test_rates(void)
{
	static const struct {
		uint64_t bytes_per_s, requests_per_s;
		unsigned int count;
		uint64_t len, expected_ns;
	} cases[] = {
		{ 0, 0, 100, 1048576, 0 }, /* no limit */
		{ 0, 1000, 1000, 512, 0 }, /* a second's worth at once */
		{ 0, 1000, 1001, 512, 1000000 },
		{ 0, 1000, 3000, 512, 2 * IOL_NS_PER_S },
		{ 1048576, 0, 256, 4096, 0 },
		{ 1048576, 0, 512, 4096, IOL_NS_PER_S },
		{ 1048576, 100, 300, 4096, 2 * IOL_NS_PER_S }, /* the stricter one decides */
		{ 1048576, 10000, 512, 4096, IOL_NS_PER_S },
		/* Larger than a second's worth: each waits for a full bucket and the debt. */
		{ 1048576, 0, 3, 4 * 1048576, 8 * IOL_NS_PER_S },
		{ 1, 0, 2, 512, 512 * IOL_NS_PER_S },
		{ UINT64_MAX, UINT64_MAX, 100, 512, 0 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct rig rig;
		uint64_t ns;

		rig_init(&rig, cases[i].bytes_per_s, cases[i].requests_per_s);
		ns = time_of(&rig, cases[i].count, cases[i].len);
		g_test_message("case %zu: %" G_GUINT64_FORMAT " ns", i, ns);
		g_assert_cmpuint(ns, >=, cases[i].expected_ns);
		/* Rounding up costs no more than 1 ns a request. */
		g_assert_cmpuint(ns, <=, cases[i].expected_ns + cases[i].count);
		rig_finish(&rig);
	}
}

/* Rates beyond what a product with 10^9 fits into 64 bits, and lengths beyond all sense. */
static void test_large_numbers(void)
{
	struct rig rig;
	uint64_t ns;

	rig_init(&rig, UINT64_C(40) << 30, 0);
	ns = time_of(&rig, 160, IOL_GIB); /* 160 GiB at 40 GiB/s, the first second is saved up */
	g_assert_cmpuint(ns, >=, 3 * IOL_NS_PER_S);
	g_assert_cmpuint(ns, <=, 3 * IOL_NS_PER_S + 1000);
	rig_finish(&rig);

	rig_init(&rig, 1, 0);
	time_of(&rig, 2, MIN(UINT64_C(1) << 60, SIZE_MAX / 2 + 1)); /* ends */
	rig_finish(&rig);
}

static void test_saves_up_a_second(void)
{
	struct rig rig;

	rig_init(&rig, 0, 100);
	g_assert_cmpuint(time_of(&rig, 100, 512), ==, 0);
	now_ns += IOL_NS_PER_S / 2;
	g_assert_cmpuint(time_of(&rig, 50, 512), ==, 0);
	g_assert_cmpuint(timeouts, ==, 0);
	now_ns += 3600 * IOL_NS_PER_S;
	g_assert_cmpuint(time_of(&rig, 101, 512), ==, IOL_NS_PER_S / 100); /* not an hour's worth */
	rig_finish(&rig);
}

static void test_others_pass(void)
{
	struct rig rig;

	rig_init(&rig, 0, 1);
	hold_timers = true;
	for (int i = 0; i < 3; i++) {
		block_job_init(&rig.jobs[i], IOL_BLOCK_WRITE, 0, NULL, 512);
		block_job_start(&rig.jobs[i], rig.blk);
	}
	g_assert_cmpuint(rig.sink->count[IOL_BLOCK_WRITE], ==, 1);
	g_assert_cmpuint(rig.blk->in_flight, ==, 2);
	g_assert_cmpint(block_flush(rig.blk), ==, 0);
	g_assert_cmpint(block_run(rig.blk, IOL_BLOCK_DISCARD, 0, NULL, 512), ==, 0);
	g_assert_cmpint(block_run(rig.blk, IOL_BLOCK_WRITE_ZEROES, 0, NULL, 512), ==, 0);
	g_assert_cmpuint(rig.sink->count[IOL_BLOCK_FLUSH], ==, 1);

	/* What waits is cancelled; its timer outlives the throttle without harm. */
	iol_block_cancel_all(rig.blk);
	g_assert_cmpuint(rig.sink->cancels, ==, 1);
	for (int i = 1; i < 3; i++) {
		g_assert_cmpuint(rig.jobs[i].done, ==, 1);
		g_assert_cmpint(rig.jobs[i].req.res, ==, -ECANCELED);
	}
	rig_finish(&rig);
}

static void test_after_cancel(void)
{
	struct rig rig;

	rig_init(&rig, 0, 1);
	hold_timers = true;
	for (int i = 0; i < 3; i++) {
		block_job_init(&rig.jobs[i], IOL_BLOCK_WRITE, 0, NULL, 512);
		block_job_start(&rig.jobs[i], rig.blk);
	}
	iol_block_cancel_all(rig.blk);
	/* The next waits, with the old timer still to end, and gets one of its own. */
	hold_timers = false;
	block_job_init(&rig.jobs[3], IOL_BLOCK_WRITE, 0, NULL, 512);
	block_job_start(&rig.jobs[3], rig.blk);
	g_assert_false(rig.jobs[3].at_once);
	while (!rig.jobs[3].done)
		g_assert_cmpint(iol_loop_turn(&rig.loop, true), ==, 0);
	g_assert_cmpint(rig.jobs[3].req.res, ==, 0);
	rig_finish(&rig);
}

/* The loop ends first: what waits is over, and nothing waits for a timer that never comes. */
static void test_loop_ends(void)
{
	struct rig rig;

	rig_init(&rig, 0, 1);
	hold_timers = true;
	for (int i = 0; i < 3; i++) {
		block_job_init(&rig.jobs[i], IOL_BLOCK_WRITE, 0, NULL, 512);
		block_job_start(&rig.jobs[i], rig.blk);
	}
	iol_loop_finish(&rig.loop);
	for (int i = 1; i < 3; i++)
		g_assert_cmpint(rig.jobs[i].req.res, ==, -ECANCELED);
	g_assert_cmpuint(rig.blk->in_flight, ==, 0);
	iol_block_free(rig.blk);
	g_free(rig.jobs);
}

/* Ends that come later count for both, and the size comes from within. */
static void test_later_ends_and_refresh(void)
{
	struct rig rig;

	rig_init(&rig, 0, 0);
	rig.sink->later = true;
	block_job_init(&rig.jobs[0], IOL_BLOCK_READ, 0, NULL, 512);
	block_job_start(&rig.jobs[0], rig.blk);
	g_assert_cmpuint(rig.blk->in_flight, ==, 1);
	g_assert_cmpuint(rig.sink->blk.in_flight, ==, 1);
	iol_block_complete(&rig.sink->blk, rig.sink->kept, -EIO);
	g_assert_cmpuint(rig.jobs[0].done, ==, 1);
	g_assert_cmpint(rig.jobs[0].req.res, ==, -EIO);
	g_assert_cmpuint(rig.blk->in_flight + rig.sink->blk.in_flight, ==, 0);
	g_assert_true(iol_block_refresh(rig.blk));
	g_assert_cmpuint(rig.blk->limits.size_bytes, ==, UINT64_C(1) << 63);
	rig_finish(&rig);
}

/* Whoever sends the next request from done() gets no more than the rate, and no deep stack. */
struct chain {
	struct block_job job;
	struct iol_block *blk;
	unsigned int left;
};

static void chain_next(struct iol_block_req *req)
{
	struct chain *c =
		iol_container_of(iol_container_of(req, struct block_job, req), struct chain, job);

	while (c->left--) {
		c->job.req.offset_bytes += 512;
		if (!iol_block_submit(c->blk, req))
			return;
	}
	c->left = 0;
	c->job.done = 1;
}

static void test_chain(void)
{
	struct chain c = { .left = 10000 };
	struct rig rig;
	uint64_t start_ns;

	rig_init(&rig, 0, 100);
	start_ns = now_ns;
	c.blk = rig.blk;
	block_job_init(&c.job, IOL_BLOCK_READ, 0, NULL, 512);
	c.job.req.iov = &c.job.iov;
	c.job.req.done = chain_next;
	chain_next(&c.job.req);
	while (!c.job.done)
		g_assert_cmpint(iol_loop_turn(&rig.loop, true), ==, 0);
	g_assert_cmpuint(rig.sink->count[IOL_BLOCK_READ], ==, 10000);
	g_assert_cmpuint(now_ns - start_ns, ==, 99 * IOL_NS_PER_S);
	rig_finish(&rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/block-throttle/rates", test_rates);
	g_test_add_func("/block-throttle/large-numbers", test_large_numbers);
	g_test_add_func("/block-throttle/saves-up-a-second", test_saves_up_a_second);
	g_test_add_func("/block-throttle/others-pass", test_others_pass);
	g_test_add_func("/block-throttle/after-cancel", test_after_cancel);
	g_test_add_func("/block-throttle/loop-ends", test_loop_ends);
	g_test_add_func("/block-throttle/later-ends-and-refresh", test_later_ends_and_refresh);
	g_test_add_func("/block-throttle/chain", test_chain);
	return g_test_run();
}
