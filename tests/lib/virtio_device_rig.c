// SPDX-License-Identifier: Apache-2.0
/* Any virtio device on the bench. See virtio_device_rig.h. */
#include "virtio_device_rig.h"

#include <glib.h>
#include <poll.h>

enum {
	FEATURES_OK =
		VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK,
	SETTLE_TURNS_MAX = 100000,
};

static struct device_rig *rig_of(struct iol_virtio_transport *t)
{
	return iol_container_of(t, struct device_rig, transport);
}

static void interrupt_queue(struct iol_virtio_transport *t, unsigned int queue)
{
	g_assert(queue < rig_of(t)->v->queue_count);
	rig_of(t)->queue_interrupts[queue]++;
}

static void interrupt_config(struct iol_virtio_transport *t)
{
	rig_of(t)->config_interrupts++;
}

static void reset_done(struct iol_virtio_transport *t)
{
	rig_of(t)->resets_done++;
}

static const struct iol_virtio_transport_ops transport_ops = {
	.interrupt_queue = interrupt_queue,
	.interrupt_config = interrupt_config,
	.reset_done = reset_done,
};

void device_rig_init(struct device_rig *r, struct iol_loop *loop, uint64_t ram_bytes,
		     uint64_t rings_end)
{
	const struct iol_memory_region region = { .size_bytes = ram_bytes };
	struct iol_error err;

	*r = (struct device_rig){ .loop = loop ? loop : &r->own_loop, .rings_end = rings_end };
	if (!loop && iol_loop_init(&r->own_loop, &err))
		g_error("%s", err.msg);
	if (iol_memory_init(&r->memory, &region, 1, &err))
		g_error("%s", err.msg);
	r->env = (struct iol_virtio_env){ .loop = r->loop, .memory = &r->memory, .vm_fd = -1 };
}

void device_rig_attach(struct device_rig *r, struct iol_virtio *v)
{
	r->drivers = g_new0(struct virtio_driver, v->queue_count);
	r->queue_interrupts = g_new0(unsigned int, v->queue_count);
	r->transport.ops = &transport_ops;
	r->v = v;
	v->transport = &r->transport;
}

void device_rig_finish(struct device_rig *r)
{
	r->v->ops->free(r->v);
	g_free(r->drivers);
	g_free(r->queue_interrupts);
	iol_memory_finish(&r->memory);
	if (r->loop == &r->own_loop)
		iol_loop_finish(&r->own_loop);
}

uint64_t device_rig_offered(struct device_rig *r)
{
	return iol_virtio_device_features(r->v, 0) | (uint64_t)iol_virtio_device_features(r->v, 1)
							     << 32;
}

uint8_t device_rig_negotiate(struct device_rig *r, uint64_t features)
{
	features &= device_rig_offered(r);
	iol_virtio_set_status(r->v, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	iol_virtio_set_status(r->v, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	iol_virtio_set_driver_features(r->v, 0, (uint32_t)features);
	iol_virtio_set_driver_features(r->v, 1, (uint32_t)(features >> 32));
	iol_virtio_set_status(r->v, FEATURES_OK);
	r->features = r->v->features;
	return iol_virtio_status(r->v);
}

static void set_up_queue(struct device_rig *r, unsigned int i)
{
	const struct virtio_driver_setup *s = &r->drivers[i].setup;

	iol_virtio_queue_write(r->v, i, IOL_VIRTIO_QUEUE_SIZE, s->size);
	iol_virtio_queue_write(r->v, i, IOL_VIRTIO_QUEUE_DESC_LOW, (uint32_t)s->desc_gpa);
	iol_virtio_queue_write(r->v, i, IOL_VIRTIO_QUEUE_AVAIL_LOW, (uint32_t)s->avail_gpa);
	iol_virtio_queue_write(r->v, i, IOL_VIRTIO_QUEUE_USED_LOW, (uint32_t)s->used_gpa);
	iol_virtio_queue_write(r->v, i, IOL_VIRTIO_QUEUE_ENABLED, 1);
}

void device_rig_start(struct device_rig *r, uint64_t features)
{
	uint64_t end = DEVICE_RIG_RINGS;

	features |= UINT64_C(1) << VIRTIO_F_VERSION_1;
	g_assert(device_rig_negotiate(r, features) == FEATURES_OK);
	for (unsigned int i = 0; i < r->v->queue_count; i++) {
		struct virtio_driver_setup setup = {
			.size = r->v->queues[i].size_max,
			.event_idx = r->features >> VIRTIO_RING_F_EVENT_IDX & 1,
			.indirect = r->features >> VIRTIO_RING_F_INDIRECT_DESC & 1,
		};

		end = virtio_driver_layout(&setup, end);
		g_assert(end <= r->rings_end);
		g_assert(!virtio_driver_init(&r->drivers[i], &r->memory, &setup));
		set_up_queue(r, i);
	}
	iol_virtio_set_status(r->v, FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	device_rig_settle(r);
}

bool device_rig_reset(struct device_rig *r)
{
	iol_virtio_set_status(r->v, 0);
	device_rig_settle(r);
	return !iol_virtio_status(r->v);
}

bool device_rig_is_broken(struct device_rig *r)
{
	return iol_virtio_status(r->v) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

/* A kick, a call or a post that the loop has not seen yet. */
static bool is_due(const struct device_rig *r)
{
	struct pollfd fds[2 * IOL_VIRTIO_QUEUES_MAX + 1] = { { .fd = r->loop->wake_fd,
							       .events = POLLIN } };
	unsigned int count = 1;

	for (unsigned int i = 0; i < r->v->queue_count; i++) {
		const struct iol_virtio_queue *q = &r->v->queues[i];

		/* Before DRIVER_OK nobody waits for kicks, and nobody here for those of a queue that is lent. */
		if (q->kick_op.in_flight && !q->lent)
			fds[count++] = (struct pollfd){ .fd = q->kick.eventfd, .events = POLLIN };
		if (q->call_op.in_flight)
			fds[count++] = (struct pollfd){ .fd = q->call_fd, .events = POLLIN };
	}
	return poll(fds, count, 0) > 0;
}

void device_rig_settle(struct device_rig *r)
{
	unsigned int turns = 0;
	uint64_t kicks;

	do {
		kicks = r->v->counts.kicks;
		g_assert(!iol_loop_turn(r->loop, false));
		g_assert(++turns < SETTLE_TURNS_MAX);
	} while (is_due(r) || r->v->counts.kicks != kicks || r->loop->end_head);
}

int device_rig_add(struct device_rig *r, unsigned int queue, const struct virtio_driver_part *parts,
		   unsigned int count, bool indirect)
{
	return virtio_driver_add(&r->drivers[queue], parts, count, indirect ? 0 : count);
}

void device_rig_kick(struct device_rig *r, unsigned int queue)
{
	if (virtio_driver_show(&r->drivers[queue]))
		iol_virtio_notify(r->v, queue);
	device_rig_settle(r);
}

uint16_t device_rig_send(struct device_rig *r, unsigned int queue, uint64_t gpa, uint32_t len,
			 bool write)
{
	const struct virtio_driver_part part = { gpa, len, write };
	int head = device_rig_add(r, queue, &part, 1, false);

	g_assert(head >= 0);
	device_rig_kick(r, queue);
	return (uint16_t)head;
}

uint8_t *device_rig_ptr(const struct device_rig *r, uint64_t gpa)
{
	uint8_t *p = iol_memory_ptr(&r->memory, gpa, 1);

	g_assert(p);
	return p;
}

void device_rig_check(const struct device_rig *r)
{
	for (unsigned int i = 0; i < r->v->queue_count; i++)
		g_assert_cmpstr(virtio_driver_check(&r->drivers[i]), ==, NULL);
}
