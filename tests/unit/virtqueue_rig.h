/* SPDX-License-Identifier: Apache-2.0 */
/* Two regions of RAM, a driver and a queue: what the tests of virtqueue.c and chain.c start from. */
#ifndef IOLITE_TESTS_VIRTQUEUE_RIG_H
#define IOLITE_TESTS_VIRTQUEUE_RIG_H

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <linux/virtio_ring.h>

#include <iolite/endian.h>

#include "virtio_driver.h"

enum {
	RIG_RAM_BYTES = 0x40000,
	RIG_RINGS = 0x1000,
	/* In the second region, at whose end there is nothing. */
	RIG_DATA = 0x100000,
	RIG_DATA_END = RIG_DATA + 0x10000,
};

struct rig {
	struct iol_memory memory;
	struct virtio_driver driver;
	struct iol_virtqueue_setup setup;
	struct iol_virtqueue vq;
	struct iol_chain chain; /* what was popped last */
	struct iovec iov[IOL_VIRTQUEUE_SIZE_MAX];
	struct iol_error err;
};

static inline void rig_init(struct rig *r, uint16_t size, bool event_idx, bool indirect)
{
	static const struct iol_memory_region regions[] = {
		{ .gpa = 0, .size_bytes = RIG_RAM_BYTES },
		{ .gpa = RIG_DATA, .size_bytes = RIG_DATA_END - RIG_DATA },
	};
	struct virtio_driver_setup setup = {
		.size = size,
		.event_idx = event_idx,
		.indirect = indirect,
	};

	virtio_driver_layout(&setup, RIG_RINGS);
	g_assert_cmpint(iol_memory_init(&r->memory, regions, 2, NULL), ==, 0);
	g_assert_cmpint(virtio_driver_init(&r->driver, &r->memory, &setup), ==, 0);
	virtio_driver_queue_setup(&r->driver, &r->setup);
	g_assert_cmpint(iol_virtqueue_start(&r->vq, &r->memory, &r->setup, NULL), ==, 0);
}

static inline void rig_finish(struct rig *r)
{
	iol_memory_finish(&r->memory);
}

static inline int rig_pop(struct rig *r)
{
	r->err.msg[0] = 0;
	return iol_virtqueue_pop(&r->vq, &r->chain, r->iov, IOL_VIRTQUEUE_SIZE_MAX, &r->err);
}

/* The queue must take a chain. */
static inline uint16_t rig_take(struct rig *r)
{
	int ret = rig_pop(r);

	if (ret != 1)
		g_error("pop: %d (%s)", ret, r->err.msg);
	return r->chain.head;
}

/* The queue must see a broken rule; the text must have @text in it. */
#define rig_assert_broken(r, text) rig_check_broken(r, text, __LINE__)
static inline void rig_check_broken(struct rig *r, const char *text, int line)
{
	int ret = rig_pop(r);

	if (ret != -EPROTO || r->err.code != -EPROTO || !strstr(r->err.msg, text))
		g_error("line %d: pop: %d (%s), and -EPROTO (%s) was to come", line, ret,
			r->err.msg, text);
	g_assert_true(r->vq.dead);
}

/* One readable part of @len bytes, added and shown. */
static inline uint16_t rig_add(struct rig *r, uint32_t len)
{
	const struct virtio_driver_part part = { .gpa = RIG_DATA, .len = len };
	int head = virtio_driver_add(&r->driver, &part, 1, 1);

	g_assert_cmpint(head, >=, 0);
	virtio_driver_show(&r->driver);
	return (uint16_t)head;
}

static inline void *rig_ptr(struct rig *r, uint64_t gpa)
{
	void *p = iol_memory_ptr(&r->memory, gpa, 1);

	g_assert_nonnull(p);
	return p;
}

/* Makes @head available with no care for what its descriptors say. */
static inline void rig_show_head(struct rig *r, uint16_t head)
{
	virtio_driver_put_avail(&r->driver, r->driver.avail_idx++, head);
	virtio_driver_put_avail_idx(&r->driver, r->driver.avail_idx);
	r->driver.avail_shown = r->driver.avail_idx;
}

/* Descriptor @idx of the ring. */
static inline void rig_put(struct rig *r, uint32_t idx, uint64_t addr, uint32_t len, uint16_t flags,
			   uint16_t next)
{
	const struct virtio_driver_desc desc = { addr, len, flags, next };

	virtio_driver_put_desc(&r->driver, r->setup.desc_gpa, idx, &desc);
}

/* Descriptor @idx of an indirect table at @table. */
static inline void rig_put_in(struct rig *r, uint64_t table, uint32_t idx, uint64_t addr,
			      uint32_t len, uint16_t flags, uint16_t next)
{
	const struct virtio_driver_desc desc = { addr, len, flags, next };

	virtio_driver_put_desc(&r->driver, table, idx, &desc);
}

/* The test of @path, a process of its own, must end by an assertion with @text in it. */
static inline void rig_check_dies(const char *path, const char *text)
{
	g_test_trap_subprocess(path, 0, 0);
	g_test_trap_assert_failed();
	g_test_trap_assert_stderr(text);
}

#endif
