/* SPDX-License-Identifier: Apache-2.0 */
/* The virtio core by itself: a transport that counts, and the driver's steps by its functions. */
#ifndef IOLITE_TESTS_VIRTIO_CORE_RIG_H
#define IOLITE_TESTS_VIRTIO_CORE_RIG_H

#include "virtio_rig.h"

struct core_rig {
	struct virtio_rig rig;
	struct iol_virtio *v;
	struct iol_virtio_transport transport;
	unsigned int queue_interrupts[RIG_QUEUES], config_interrupts, resets_done;
	/* NULL: none. Called at each interrupt of a queue. */
	void (*on_interrupt)(struct core_rig *c, unsigned int queue);
};

static inline void core_interrupt_queue(struct iol_virtio_transport *t, unsigned int queue)
{
	struct core_rig *c = iol_container_of(t, struct core_rig, transport);

	c->queue_interrupts[queue]++;
	if (c->on_interrupt)
		c->on_interrupt(c, queue);
}

static inline void core_interrupt_config(struct iol_virtio_transport *t)
{
	iol_container_of(t, struct core_rig, transport)->config_interrupts++;
}

static inline void core_reset_done(struct iol_virtio_transport *t)
{
	iol_container_of(t, struct core_rig, transport)->resets_done++;
}

static const struct iol_virtio_transport_ops core_transport_ops = {
	.interrupt_queue = core_interrupt_queue,
	.interrupt_config = core_interrupt_config,
	.reset_done = core_reset_done,
};

static inline void core_setup(struct core_rig *c, const void *data)
{
	(void)data;
	virtio_rig_init(&c->rig, -1);
	c->transport.ops = &core_transport_ops;
	c->v = c->rig.v;
	c->v->transport = &c->transport;
}

static inline void core_teardown(struct core_rig *c, const void *data)
{
	(void)data;
	c->v->ops->free(c->v);
	virtio_rig_finish(&c->rig);
}

/* The driver's steps of 3.1.1 up to FEATURES_OK. */
static inline void core_negotiate(struct core_rig *c, uint64_t features)
{
	iol_virtio_set_status(c->v, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	iol_virtio_set_status(c->v, STATUS_DRIVER);
	iol_virtio_set_driver_features(c->v, 0, (uint32_t)features);
	iol_virtio_set_driver_features(c->v, 1, (uint32_t)(features >> 32));
	iol_virtio_set_status(c->v, STATUS_FEATURES);
	g_assert_cmphex(iol_virtio_status(c->v), ==, STATUS_FEATURES);
}

static inline void core_put_queue(struct core_rig *c, unsigned int queue,
				  const struct virtio_driver_setup *setup)
{
	const struct {
		enum iol_virtio_queue_register low, high;
		uint64_t gpa;
	} rings[] = {
		{ IOL_VIRTIO_QUEUE_DESC_LOW, IOL_VIRTIO_QUEUE_DESC_HIGH, setup->desc_gpa },
		{ IOL_VIRTIO_QUEUE_AVAIL_LOW, IOL_VIRTIO_QUEUE_AVAIL_HIGH, setup->avail_gpa },
		{ IOL_VIRTIO_QUEUE_USED_LOW, IOL_VIRTIO_QUEUE_USED_HIGH, setup->used_gpa },
	};

	iol_virtio_queue_write(c->v, queue, IOL_VIRTIO_QUEUE_SIZE, setup->size);
	for (size_t i = 0; i < IOL_ARRAY_LEN(rings); i++) {
		iol_virtio_queue_write(c->v, queue, rings[i].low, (uint32_t)rings[i].gpa);
		iol_virtio_queue_write(c->v, queue, rings[i].high, (uint32_t)(rings[i].gpa >> 32));
	}
	iol_virtio_queue_write(c->v, queue, IOL_VIRTIO_QUEUE_ENABLED, 1);
	g_assert_cmpuint(iol_virtio_queue_read(c->v, queue, IOL_VIRTIO_QUEUE_ENABLED), ==, 1);
}

/* All steps but the last one. */
static inline void core_prepare(struct core_rig *c, uint64_t features)
{
	core_negotiate(c, features | RIG_VERSION_1);
	for (unsigned int i = 0; i < RIG_QUEUES; i++)
		core_put_queue(c, i, &rig_make_rings(&c->rig, i, features)->setup);
}

/* A device with both queues at work. */
static inline void core_start(struct core_rig *c, uint64_t features)
{
	unsigned int starts = c->rig.fake.starts;

	core_prepare(c, features);
	iol_virtio_set_status(c->v, STATUS_OK);
	g_assert_cmphex(iol_virtio_status(c->v), ==, STATUS_OK);
	rig_settle(&c->rig);
	g_assert_cmpuint(c->rig.fake.starts, ==, starts + 1);
	g_assert_cmpint(c->v->state, ==, IOL_VIRTIO_RUNNING);
}

/* One request on @queue, with a kick where the device wants one. */
static inline void core_request(struct core_rig *c, unsigned int queue)
{
	if (rig_request(&c->rig, queue))
		iol_virtio_notify(c->v, queue);
}

/* Resets the device from any state with nothing in flight, and lets a request through each queue. */
static inline void core_assert_works(struct core_rig *c)
{
	c->rig.fake.mode = VIRTIO_FAKE_NOW;
	c->rig.fake.budget = 0;
	iol_virtio_set_status(c->v, 0);
	rig_settle(&c->rig);
	g_assert_cmphex(iol_virtio_status(c->v), ==, 0);
	core_start(c, 0);
	for (unsigned int i = 0; i < RIG_QUEUES; i++) {
		core_request(c, i);
		rig_settle(&c->rig);
		g_assert_cmpuint(rig_answers(&c->rig, i), ==, 1);
	}
	g_assert_cmpuint(c->v->in_flight, ==, 0);
}

static const uint64_t core_feature_sets[] = { 0, RIG_EVENT_IDX,
					      RIG_INDIRECT | RIG_EVENT_IDX | RIG_OWN };

/* A driver on queue 0 that has the next request ready before the last is answered. */
static inline void core_refill(struct core_rig *c, unsigned int queue)
{
	if (queue)
		return;
	rig_answers(&c->rig, 0);
	while (c->rig.drivers[0].free_count >= 2)
		core_request(c, 0);
}

#endif
