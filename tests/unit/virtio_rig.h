/* SPDX-License-Identifier: Apache-2.0 */
/* Memory, a loop, the fake device and a driver for each queue: what the tests of virtio start from. */
#ifndef IOLITE_TESTS_VIRTIO_RIG_H
#define IOLITE_TESTS_VIRTIO_RIG_H

#include <glib.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <unistd.h>

#include "fd_count.h"
#include "virtio_driver.h"
#include "virtio_fake.h"

enum {
	RIG_QUEUES = 2,
	RIG_RAM_BYTES = 0x100000,
	RIG_RINGS = 0x1000, /* of queue 0 */
	RIG_RINGS_BYTES = 0x8000, /* for each queue */
	RIG_DATA = 0x80000,
	RIG_REQUEST_BYTES = 4,
	RIG_ANSWER_BYTES = 16,
	RIG_TURNS = 6, /* more than anything takes that waits for nobody */
	STATUS_DRIVER = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER,
	STATUS_FEATURES = STATUS_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK,
	STATUS_OK = STATUS_FEATURES | VIRTIO_CONFIG_S_DRIVER_OK,
};

#define RIG_VERSION_1 (UINT64_C(1) << VIRTIO_F_VERSION_1)
#define RIG_EVENT_IDX (UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX)
#define RIG_INDIRECT (UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC)
#define RIG_OWN (UINT64_C(1) << VIRTIO_FAKE_FEATURE)

struct virtio_rig {
	struct iol_memory memory;
	struct iol_loop loop;
	struct virtio_fake fake;
	struct iol_virtio *v;
	struct virtio_driver drivers[RIG_QUEUES];
};

static inline void virtio_rig_init(struct virtio_rig *r, int vm_fd)
{
	static const struct iol_memory_region ram = { .size_bytes = RIG_RAM_BYTES };
	struct iol_virtio_env env = { .loop = &r->loop, .memory = &r->memory, .vm_fd = vm_fd };
	struct iol_error err;

	g_assert_cmpint(iol_memory_init(&r->memory, &ram, 1, NULL), ==, 0);
	if (iol_loop_init(&r->loop, &err) || virtio_fake_init(&r->fake, &env, RIG_QUEUES, &err))
		g_error("%s", err.msg);
	r->v = &r->fake.v;
}

/* The device was freed before. Whatever it had begun on the loop is over. */
static inline void virtio_rig_finish(struct virtio_rig *r)
{
	g_assert_cmpuint(r->fake.frees, ==, 1);
	g_assert_null(r->loop.post_head);
	g_assert_null(r->loop.end_head);
	g_assert_null(r->loop.pollers);
	g_assert_cmpuint(r->loop.in_flight, ==, 1); /* its own wake-up */
	iol_loop_finish(&r->loop);
	iol_memory_finish(&r->memory);
}

static inline void rig_turn(struct virtio_rig *r)
{
	g_assert_cmpint(iol_loop_turn(&r->loop, false), ==, 0);
}

/* Until nothing more happens by itself. */
static inline void rig_settle(struct virtio_rig *r)
{
	for (int i = 0; i < RIG_TURNS; i++)
		rig_turn(r);
}

/* The driver's rings of @queue; what they say is for the transport to tell. */
static inline struct virtio_driver *rig_make_rings(struct virtio_rig *r, unsigned int queue,
						   uint64_t features)
{
	struct virtio_driver_setup setup = {
		.size = VIRTIO_FAKE_QUEUE_SIZE,
		.event_idx = features & RIG_EVENT_IDX,
		.indirect = features & RIG_INDIRECT,
	};

	virtio_driver_layout(&setup, RIG_RINGS + queue * RIG_RINGS_BYTES);
	g_assert_cmpint(virtio_driver_init(&r->drivers[queue], &r->memory, &setup), ==, 0);
	return &r->drivers[queue];
}

/* One request: a few bytes to echo. Returns whether the device is to be notified. */
static inline bool rig_request(struct virtio_rig *r, unsigned int queue)
{
	struct virtio_driver *d = &r->drivers[queue];
	uint64_t gpa = RIG_DATA + 64 * (queue * VIRTIO_FAKE_QUEUE_SIZE + d->added % 8);
	struct virtio_driver_part parts[] = {
		{ .gpa = gpa, .len = RIG_REQUEST_BYTES },
		{ .gpa = gpa + 32, .len = RIG_ANSWER_BYTES, .write = true },
	};
	uint32_t tag = 0x51000000u + queue * 0x10000u + (uint16_t)d->added;

	g_assert_cmpint(iol_memory_write(&r->memory, gpa, &tag, sizeof(tag)), ==, 0);
	g_assert_cmpint(virtio_driver_add(d, parts, 2, 2), >=, 0);
	return virtio_driver_show(d);
}

/* Takes all that came back; the device has made no mistake. */
static inline unsigned int rig_answers(struct virtio_rig *r, unsigned int queue)
{
	struct virtio_driver *d = &r->drivers[queue];
	struct virtio_driver_used used;
	unsigned int count = 0;

	while (virtio_driver_take_used(d, &used) > 0) {
		g_assert_cmpuint(used.len, ==, RIG_REQUEST_BYTES);
		count++;
	}
	g_assert_cmpstr(virtio_driver_check(d), ==, NULL);
	return count;
}

#endif
