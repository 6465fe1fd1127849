// SPDX-License-Identifier: Apache-2.0
/* Queues of the virtio core that another server has: eventfds, taking back, reset, broken rules. */
#include "virtio_core_rig.h"

#include <poll.h>

#include <iolite/endian.h>

struct lend_rig {
	struct core_rig c;
	struct iol_virtio_transport_ops ops;
	int bound[RIG_QUEUES]; /* what bind_call() was told last; 0: nothing */
	unsigned int binds;
	struct iol_virtio_loan loan;
};

static void bind_call(struct iol_virtio_transport *t, unsigned int queue, int call_fd)
{
	struct core_rig *c = iol_container_of(t, struct core_rig, transport);
	struct lend_rig *r = iol_container_of(c, struct lend_rig, c);

	r->bound[queue] = call_fd;
	r->binds++;
}

static void setup(struct lend_rig *r, const void *data)
{
	core_setup(&r->c, data);
	r->ops = core_transport_ops;
	r->ops.bind_call = bind_call;
	r->c.transport.ops = &r->ops;
}

static void teardown(struct lend_rig *r, const void *data)
{
	core_teardown(&r->c, data);
}

static void lend(struct lend_rig *r)
{
	struct iol_error err;

	if (iol_virtio_lend(r->c.v, 0, &r->loan, &err))
		g_error("%s", err.msg);
}

static void settle(struct lend_rig *r)
{
	rig_settle(&r->c.rig);
}

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void call(struct lend_rig *r)
{
	const uint64_t one = 1;

	g_assert_cmpint(write(r->loan.call_fd, &one, sizeof(one)), ==, sizeof(one));
}

/*
 * Serves one chain as the kernel would: by the addresses it was given. The answer is the request, as the fake
 * device's.
 */
static void serve_one(struct lend_rig *r)
{
	const struct iol_virtqueue_rings *rings = &r->loan.rings;
	struct vring_avail *avail = rings->avail;
	struct vring_used *used = rings->used;
	struct vring_desc *desc = rings->desc;
	uint16_t idx = le16_get((le16){ used->idx }), head;
	uint64_t from, to;
	uint32_t tag;

	g_assert_cmpuint((uint16_t)(le16_get((le16){ avail->idx }) - idx), >, 0);
	head = le16_get((le16){ avail->ring[idx % rings->size] });
	from = le64_get((le64){ desc[head].addr });
	to = le64_get((le64){ desc[le16_get((le16){ desc[head].next })].addr });
	g_assert_cmpint(iol_memory_read(&r->c.rig.memory, from, &tag, sizeof(tag)), ==, 0);
	g_assert_cmpint(iol_memory_write(&r->c.rig.memory, to, &tag, sizeof(tag)), ==, 0);
	used->ring[idx % rings->size].id = le32_of(head).raw;
	used->ring[idx % rings->size].len = le32_of(sizeof(tag)).raw;
	used->idx = le16_of((uint16_t)(idx + 1)).raw;
}

/* --- lent --- */

static void test_lend(struct lend_rig *r, const void *data)
{
	struct core_rig *c = &r->c;

	(void)data;
	for (size_t i = 0; i < IOL_ARRAY_LEN(core_feature_sets); i++) {
		unsigned int chains = c->rig.fake.chains[0];
		struct iovec iov[VIRTIO_FAKE_QUEUE_SIZE];
		struct iol_chain chain;

		core_start(c, core_feature_sets[i]);
		core_request(c, 0);
		settle(r);
		g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 1);
		c->queue_interrupts[0] = 0;
		lend(r);
		g_assert_cmpint(r->bound[0], ==, r->loan.call_fd);
		g_assert_cmpuint(r->loan.rings.size, ==, VIRTIO_FAKE_QUEUE_SIZE);
		g_assert_cmpuint(r->loan.rings.avail_idx, ==, 1);
		g_assert_true(r->loan.rings.used ==
			      iol_memory_ptr(&c->rig.memory, c->rig.drivers[0].setup.used_gpa, 4));
		settle(r);
		/* Neither the kick nor the rings are ours. */
		rig_request(&c->rig, 0);
		iol_virtio_notify(c->v, 0);
		settle(r);
		g_assert_true(is_readable(r->loan.kick_fd));
		g_assert_cmpuint(c->rig.fake.chains[0], ==, chains + 1);
		g_assert_false(iol_virtio_pop(c->v, 0, &chain, iov, IOL_ARRAY_LEN(iov)));
		serve_one(r);
		g_assert_cmpuint(c->queue_interrupts[0], ==, 0);
		call(r);
		settle(r);
		g_assert_cmpuint(c->queue_interrupts[0], ==, 1);
		g_assert_false(is_readable(r->loan.call_fd));
		g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 1);
		/* The other queue is served as ever. */
		core_request(c, 1);
		settle(r);
		g_assert_cmpuint(rig_answers(&c->rig, 1), ==, 1);

		/* Back: what was added meanwhile is served without another kick. */
		rig_request(&c->rig, 0);
		iol_virtio_take_back(c->v, 0, 2);
		g_assert_cmpint(r->bound[0], ==, -1);
		settle(r);
		g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 1);
		g_assert_cmpuint(c->rig.fake.chains[0], ==, chains + 2);
		core_request(c, 0);
		settle(r);
		g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 1);
		core_assert_works(c);
		iol_virtio_set_status(c->v, 0);
		settle(r);
	}
}

/* The cancellation of the read of kicks is on its way when the queue is back already. */
static void test_back_at_once(struct lend_rig *r, const void *data)
{
	struct core_rig *c = &r->c;

	(void)data;
	core_start(c, 0);
	for (uint16_t i = 0; i < 20; i++) {
		lend(r);
		if (i % 2)
			rig_turn(&c->rig);
		iol_virtio_take_back(c->v, 0, i);
		core_request(c, 0);
		settle(r);
		g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 1);
	}
	/* And lent again before. */
	lend(r);
	iol_virtio_take_back(c->v, 0, 20);
	lend(r);
	settle(r);
	iol_virtio_notify(c->v, 0);
	settle(r);
	g_assert_true(is_readable(r->loan.kick_fd));
	iol_virtio_take_back(c->v, 0, 20);
	core_request(c, 0);
	settle(r);
	g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 1);
}

/* A kick that the loop has read as the queue is lent is the server's. */
static void test_kick_before(struct lend_rig *r, const void *data)
{
	struct core_rig *c = &r->c;

	(void)data;
	core_start(c, 0);
	for (uint16_t i = 0; i < 2; i++) {
		rig_request(&c->rig, 0);
		iol_virtio_notify(c->v, 0);
		/* The second time it is too late for a cancellation. */
		if (i)
			io_uring_submit_and_get_events(&c->rig.loop.ring);
		lend(r);
		settle(r);
		g_assert_true(is_readable(r->loan.kick_fd));
		g_assert_cmpuint(c->rig.fake.chains[0], ==, i);
		iol_virtio_take_back(c->v, 0, i);
		settle(r);
		g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 1);
	}
}

/* What was pushed is shown before; what is in flight prevents it. */
static void test_in_flight(struct lend_rig *r, const void *data)
{
	struct core_rig *c = &r->c;
	struct iol_error err;

	(void)data;
	core_start(c, 0);
	c->rig.fake.mode = VIRTIO_FAKE_HOLD;
	core_request(c, 0);
	core_request(c, 0);
	settle(r);
	g_assert_cmpint(iol_virtio_lend(c->v, 0, &r->loan, &err), ==, -EBUSY);
	g_assert_cmpuint(r->binds, ==, 0);
	virtio_fake_complete(&c->rig.fake, 2);
	g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 0);
	lend(r);
	g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 2);
	g_assert_cmpuint(c->queue_interrupts[0], ==, 1);
	settle(r);
	g_assert_cmpuint(c->queue_interrupts[0], ==, 1);
	iol_virtio_take_back(c->v, 0, 2);
}

static void test_pause(struct lend_rig *r, const void *data)
{
	struct core_rig *c = &r->c;
	struct iol_virtqueue before;

	(void)data;
	core_start(c, RIG_EVENT_IDX);
	iol_virtio_pause(c->v, 0);
	lend(r);
	before = c->v->queues[0].vq;
	/* Neither does anything. */
	iol_virtio_pause(c->v, 0);
	iol_virtio_resume(c->v, 0);
	settle(r);
	g_assert_cmpmem(&c->v->queues[0].vq, sizeof(before), &before, sizeof(before));
	g_assert_false(is_readable(r->loan.kick_fd));
	/* It is back as one that runs. */
	core_request(c, 0);
	iol_virtio_take_back(c->v, 0, 0);
	settle(r);
	g_assert_cmpuint(rig_answers(&c->rig, 0), ==, 1);
}

static void test_polling(struct lend_rig *r, const void *data)
{
	struct core_rig *c = &r->c;

	(void)data;
	core_start(c, 0);
	g_assert_true(!c->v->poller.active);
	lend(r);
	rig_request(&c->rig, 0);
	g_assert_false(c->v->poller.poll(&c->v->poller));
	g_assert_false(c->v->poller.sleep(&c->v->poller));
	g_assert_cmpuint(c->rig.fake.serves[0], ==, 1); /* at DRIVER_OK */
	iol_virtio_take_back(c->v, 0, 0);
}

/* --- ends --- */

/* As a device does: in stop(). */
static struct lend_rig *stopping;
static struct iol_virtio_ops stop_ops;

static void stop_and_take_back(struct iol_virtio *v)
{
	g_assert_true(v->queues[0].lent);
	iol_virtio_take_back(v, 0, 0x7777);
	g_assert_cmpint(stopping->bound[0], ==, -1);
}

static void take_back_when(struct lend_rig *r, bool broken)
{
	stopping = r;
	stop_ops = *r->c.v->ops;
	if (broken)
		stop_ops.broken = stop_and_take_back;
	else
		stop_ops.stop = stop_and_take_back;
	r->c.v->ops = &stop_ops;
}

static void lend_with_work(struct lend_rig *r, bool broken)
{
	core_start(&r->c, 0);
	take_back_when(r, broken);
	lend(r);
	rig_request(&r->c.rig, 0);
	iol_virtio_notify(r->c.v, 0);
	settle(r);
}

static void assert_works(struct lend_rig *r)
{
	stop_ops.stop = NULL;
	stop_ops.broken = NULL;
	core_assert_works(&r->c);
	lend(r);
	iol_virtio_take_back(r->c.v, 0, r->loan.rings.avail_idx);
	core_request(&r->c, 0);
	settle(r);
	g_assert_cmpuint(rig_answers(&r->c.rig, 0), ==, 1);
}

static void test_reset(struct lend_rig *r, const void *data)
{
	struct core_rig *c = &r->c;

	(void)data;
	lend_with_work(r, false);
	/* Rung, and not seen by the loop yet: nothing comes of it after the reset. */
	call(r);
	iol_virtio_set_status(c->v, 0);
	settle(r);
	g_assert_cmphex(iol_virtio_status(c->v), ==, 0);
	c->queue_interrupts[0] = 0;
	call(r);
	settle(r);
	g_assert_cmpuint(c->queue_interrupts[0], ==, 0);
	g_assert_cmpuint(virtio_driver_used_idx(&c->rig.drivers[0]), ==, 0);
	assert_works(r);
}

static void test_quiesce(struct lend_rig *r, const void *data)
{
	struct iol_quiesce quiesce = { .pending = 1 };

	(void)data;
	lend_with_work(r, false);
	g_assert_true(iol_virtio_quiesce(r->c.v, &quiesce));
	g_assert_cmpint(r->c.v->state, ==, IOL_VIRTIO_STOPPED);
	iol_virtio_reset(r->c.v);
	assert_works(r);
}

/* By another queue. */
static void test_broken(struct lend_rig *r, const void *data)
{
	struct core_rig *c = &r->c;

	(void)data;
	lend_with_work(r, true);
	iol_virtio_break(c->v, "a test");
	g_assert_false(c->v->queues[0].lent);
	settle(r);
	g_assert_cmphex(iol_virtio_status(c->v) & VIRTIO_CONFIG_S_NEEDS_RESET, !=, 0);
	g_assert_cmpuint(c->rig.fake.chains[0], ==, 0);
	g_assert_cmpuint(virtio_driver_used_idx(&c->rig.drivers[0]), ==, 0);
	assert_works(r);
}

/* An index that makes no sense is the server's mistake and does no harm but to the driver. */
static void test_strange_index(struct lend_rig *r, const void *data)
{
	(void)data;
	core_start(&r->c, 0);
	lend(r);
	iol_virtio_take_back(r->c.v, 0, 0x8000);
	settle(r);
	g_assert_cmpint(r->c.v->state, ==, IOL_VIRTIO_BROKEN);
	assert_works(r);
}

/* A transport that cannot bind, as virtio-mmio. */
static void test_no_bind(struct lend_rig *r, const void *data)
{
	(void)data;
	r->ops.bind_call = NULL;
	core_start(&r->c, 0);
	lend(r);
	call(r);
	settle(r);
	g_assert_cmpuint(r->c.queue_interrupts[0], ==, 1);
	iol_virtio_take_back(r->c.v, 0, 0);
}

static void test_descriptors(void)
{
	unsigned int fds = fd_count();
	struct lend_rig r = { 0 };

	setup(&r, NULL);
	core_start(&r.c, 0);
	for (unsigned int i = 0; i < 10; i++) {
		lend(&r);
		iol_virtio_take_back(r.c.v, 0, 0);
		settle(&r);
	}
	teardown(&r, NULL);
	g_assert_cmpuint(fd_count(), ==, fds);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct lend_rig *r, const void *data);
	} tests[] = {
		{ "/virtio-lend/lend", test_lend },
		{ "/virtio-lend/back-at-once", test_back_at_once },
		{ "/virtio-lend/kick-before", test_kick_before },
		{ "/virtio-lend/in-flight", test_in_flight },
		{ "/virtio-lend/pause", test_pause },
		{ "/virtio-lend/polling", test_polling },
		{ "/virtio-lend/reset", test_reset },
		{ "/virtio-lend/quiesce", test_quiesce },
		{ "/virtio-lend/broken", test_broken },
		{ "/virtio-lend/strange-index", test_strange_index },
		{ "/virtio-lend/no-bind", test_no_bind },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < IOL_ARRAY_LEN(tests); i++)
		g_test_add(tests[i].name, struct lend_rig, NULL, setup, tests[i].run, teardown);
	g_test_add_func("/virtio-lend/descriptors", test_descriptors);
	return g_test_run();
}
