// SPDX-License-Identifier: Apache-2.0
/*
 * Limits of bandwidth and rate over another block backend. See include/iolite/block.h. All of it runs
 * on the loop's thread.
 *
 * Each limit is a bucket that holds time: it fills with the clock up to one second, and a request
 * takes out the time that the limit grants it. One that takes more than a second goes when the
 * bucket is full, and leaves a debt. Reads and writes wait in order; flushes and discards pass, since
 * a flush concerns only what was completed before.
 *
 * A hostile guest chooses requests: costs are bounded, and what waits is its own requests, without
 * memory of ours.
 */
#include <iolite/block.h>

#include <errno.h>
#include <glib.h>

enum { BYTES, REQUESTS, BUCKETS };

/* No request costs more, so that no sum of costs and debts can overflow. */
#define COST_NS_MAX (INT64_MAX / 4)
#define FULL_NS ((int64_t)IOL_NS_PER_S)

struct throttle;

/* Outlives the throttle where it must: a cancelled operation ends later. */
struct timer {
	struct iol_op op;
	struct throttle *owner; /* NULL: freed when the operation ends */
	bool cancelled; /* by us, because nothing waited any more */
};

struct throttle {
	struct iol_block blk;
	struct iol_block *inner;
	uint64_t per_s[BUCKETS]; /* 0: no limit */
	int64_t held_ns[BUCKETS]; /* negative: a debt */
	uint64_t filled_ns; /* the time up to which they are filled */
	struct iol_block_req *head;
	struct iol_block_req **tail;
	struct timer *timer;
};

static struct throttle *throttle_of(struct iol_block *blk)
{
	return iol_container_of(blk, struct throttle, blk);
}

/* @amount at @per_s in ns, rounded up, so that the limit is kept and not just approached. */
static int64_t cost_ns(uint64_t amount, uint64_t per_s)
{
	uint64_t whole_s, rest;

	/* Brings the rest times 10^9 into 64 bits; what is lost is below a part in 2^32. */
	while (per_s >> 33) {
		per_s >>= 1;
		amount >>= 1;
	}
	whole_s = amount / per_s;
	rest = amount % per_s;
	if (whole_s >= (uint64_t)COST_NS_MAX / IOL_NS_PER_S)
		return COST_NS_MAX;
	return (int64_t)(whole_s * IOL_NS_PER_S + (rest * IOL_NS_PER_S + per_s - 1) / per_s);
}

static void fill(struct throttle *t)
{
	uint64_t now_ns = iol_loop_now_ns();
	int64_t passed_ns = (int64_t)MIN(now_ns - t->filled_ns, (uint64_t)COST_NS_MAX);

	t->filled_ns = now_ns;
	for (int i = 0; i < BUCKETS; i++)
		t->held_ns[i] = MIN(t->held_ns[i] + passed_ns, FULL_NS);
}

/* What each bucket gives for @req. */
static void costs_of(const struct throttle *t, const struct iol_block_req *req,
		     int64_t costs[BUCKETS])
{
	costs[BYTES] = t->per_s[BYTES] ? cost_ns(req->len_bytes, t->per_s[BYTES]) : 0;
	costs[REQUESTS] = t->per_s[REQUESTS] ? cost_ns(1, t->per_s[REQUESTS]) : 0;
}

/* Takes the cost of @req out of the buckets, or gives the time after which that can be done. */
static uint64_t take(struct throttle *t, const struct iol_block_req *req)
{
	int64_t costs[BUCKETS], wait_ns = 0;

	fill(t);
	costs_of(t, req, costs);
	for (int i = 0; i < BUCKETS; i++)
		wait_ns = MAX(wait_ns, MIN(costs[i], FULL_NS) - t->held_ns[i]);
	if (wait_ns > 0)
		return (uint64_t)wait_ns;
	for (int i = 0; i < BUCKETS; i++)
		t->held_ns[i] -= costs[i];
	return 0;
}

static struct iol_block_req *pop(struct throttle *t)
{
	struct iol_block_req *req = t->head;

	t->head = req->next;
	if (!t->head)
		t->tail = &t->head;
	return req;
}

/* Sends what the buckets allow, and sets the timer for the rest. Callers may come back from within. */
static void serve(struct throttle *t)
{
	uint64_t wait_ns = 0;

	while (t->head) {
		struct iol_block_req *req;

		wait_ns = take(t, t->head);
		if (wait_ns)
			break;
		req = pop(t);
		if (iol_block_submit(t->inner, req))
			iol_block_complete(&t->blk, req, req->res);
	}
	if (t->head && !t->timer->op.in_flight)
		iol_loop_timeout(t->blk.loop, &t->timer->op, wait_ns);
}

/* Ends what waits; what is started by that waits anew. */
static void drop_waiting(struct throttle *t)
{
	struct iol_block_req *req = t->head, *next;

	t->head = NULL;
	t->tail = &t->head;
	for (; req; req = next) {
		next = req->next;
		iol_block_complete(&t->blk, req, -ECANCELED);
	}
}

static void timer_done(struct iol_op *op, int res)
{
	struct timer *timer = iol_container_of(op, struct timer, op);
	struct throttle *t = timer->owner;
	bool cancelled = timer->cancelled;

	timer->cancelled = false;
	if (!t)
		g_free(timer);
	else if (res == -ECANCELED && !cancelled)
		drop_waiting(t); /* the loop ends, there will be no other timer */
	else
		serve(t);
}

static bool throttle_submit(struct iol_block *blk, struct iol_block_req *req)
{
	struct throttle *t = throttle_of(blk);

	if (req->kind != IOL_BLOCK_READ && req->kind != IOL_BLOCK_WRITE)
		return iol_block_submit(t->inner, req);
	if (!t->head && !take(t, req))
		return iol_block_submit(t->inner, req);
	*t->tail = req;
	t->tail = &req->next;
	if (!t->timer->op.in_flight)
		serve(t);
	return false;
}

static void stop_timer(struct throttle *t)
{
	if (!t->timer->op.in_flight)
		return;
	t->timer->cancelled = true;
	iol_loop_cancel(t->blk.loop, &t->timer->op);
}

static void throttle_cancel_all(struct iol_block *blk)
{
	struct throttle *t = throttle_of(blk);

	stop_timer(t);
	drop_waiting(t);
	iol_block_cancel_all(t->inner);
}

static bool throttle_refresh(struct iol_block *blk)
{
	struct throttle *t = throttle_of(blk);
	bool changed = iol_block_refresh(t->inner);

	blk->limits = t->inner->limits;
	return changed;
}

static int throttle_grow(struct iol_block *blk, uint64_t size_bytes)
{
	return iol_block_grow(throttle_of(blk)->inner, size_bytes);
}

static void throttle_free(struct iol_block *blk)
{
	struct throttle *t = throttle_of(blk);

	stop_timer(t);
	t->timer->owner = NULL;
	if (!t->timer->op.in_flight)
		g_free(t->timer);
	iol_block_free(t->inner);
	g_free(t);
}

static const struct iol_block_ops throttle_ops = {
	.name = "throttle",
	.submit = throttle_submit,
	.cancel_all = throttle_cancel_all,
	.refresh = throttle_refresh,
	.grow = throttle_grow,
	.free = throttle_free,
};

struct iol_block *iol_block_throttle_new(struct iol_block *inner, uint64_t bytes_per_s,
					 uint64_t requests_per_s)
{
	struct throttle *t = g_new0(struct throttle, 1);

	iol_block_init(&t->blk, &throttle_ops, inner->loop, inner->name);
	t->blk.limits = inner->limits;
	t->inner = inner;
	inner->wrapper = &t->blk;
	t->per_s[BYTES] = bytes_per_s;
	t->per_s[REQUESTS] = requests_per_s;
	t->held_ns[BYTES] = t->held_ns[REQUESTS] = FULL_NS;
	t->filled_ns = iol_loop_now_ns();
	t->tail = &t->head;
	t->timer = g_new0(struct timer, 1);
	t->timer->op.done = timer_done;
	t->timer->owner = t;
	return &t->blk;
}
