/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of chains share: a queue of eight, and what was popped last. */
#ifndef IOLITE_TESTS_CHAIN_RIG_H
#define IOLITE_TESTS_CHAIN_RIG_H

#include <iolite/virtqueue.h>

#include "virtqueue_rig.h"

enum {
	NEXT = VRING_DESC_F_NEXT,
	WRITE = VRING_DESC_F_WRITE,
	INDIRECT = VRING_DESC_F_INDIRECT,
	SIZE = 8,
	TABLE = RIG_DATA + 0x8000,
	DESC_BYTES = 16,
};

/* Everything as at first. */
static inline void again(struct rig *r)
{
	g_assert_cmpint(virtio_driver_init(&r->driver, &r->memory, &r->driver.setup), ==, 0);
	g_assert_cmpint(iol_virtqueue_start(&r->vq, &r->memory, &r->setup, NULL), ==, 0);
}

static inline void init(struct rig *r)
{
	rig_init(r, SIZE, false, true);
}

/* Part @idx of the chain popped last is guest memory [@gpa, @gpa + @len). */
static inline void assert_part(struct rig *r, unsigned int idx, uint64_t gpa, size_t len)
{
	g_assert_cmpuint(idx, <, r->chain.readable_count + r->chain.writable_count);
	g_assert_true(r->chain.iov[idx].iov_base == rig_ptr(r, gpa));
	g_assert_cmpuint(r->chain.iov[idx].iov_len, ==, len);
}

static inline void assert_shape(const struct rig *r, unsigned int readable, uint32_t readable_bytes,
				unsigned int writable, uint32_t writable_bytes)
{
	g_assert_cmpuint(r->chain.readable_count, ==, readable);
	g_assert_cmpuint(r->chain.readable_bytes, ==, readable_bytes);
	g_assert_cmpuint(r->chain.writable_count, ==, writable);
	g_assert_cmpuint(r->chain.writable_bytes, ==, writable_bytes);
}

#endif
