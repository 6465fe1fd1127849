/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains that break the rules of virtio-v1.2 2.7, for any queue of any device. Each is shown to a
 * device that has just been started, in place of its first chain.
 */
#ifndef IOLITE_TESTS_VIRTIO_HOSTILE_H
#define IOLITE_TESTS_VIRTIO_HOSTILE_H

#include <glib.h>

#include "virtio_small_rig.h"

enum { HOSTILE_BUFFER = SMALL_RIG_DATA, HOSTILE_TABLE = SMALL_RIG_DATA + 0x8000 };

struct hostile {
	struct device_rig *r;
	unsigned int queue;
	uint16_t flag; /* VRING_DESC_F_WRITE where the queue's buffers are writable */
};

/* Descriptor @idx of the queue, or of the table at @table. */
static inline void hostile_desc(const struct hostile *h, uint64_t table, unsigned int idx,
				struct virtio_driver_desc desc)
{
	struct virtio_driver *d = &h->r->drivers[h->queue];

	if (!(desc.flags & VRING_DESC_F_INDIRECT))
		desc.flags ^= h->flag;
	virtio_driver_put_desc(d, table ? table : d->setup.desc_gpa, idx, &desc);
}

static inline void hostile_show(const struct hostile *h, uint16_t head, uint16_t avail_idx)
{
	struct virtio_driver *d = &h->r->drivers[h->queue];

	for (uint16_t i = 0; i < d->setup.size; i++)
		virtio_driver_put_avail(d, i, head);
	virtio_driver_put_avail_idx(d, avail_idx);
	iol_virtio_notify(h->r->v, h->queue);
	device_rig_settle(h->r);
}

static inline uint16_t hostile_size(const struct hostile *h)
{
	return h->r->drivers[h->queue].setup.size;
}

#define HOSTILE_DESC(...) ((struct virtio_driver_desc){ __VA_ARGS__ })
/* One direct descriptor, shown as the only chain. */
#define HOSTILE_ONE(name, ...)                                     \
	static inline void hostile_##name(const struct hostile *h) \
	{                                                          \
		hostile_desc(h, 0, 0, HOSTILE_DESC(__VA_ARGS__));  \
		hostile_show(h, 0, 1);                             \
	}

HOSTILE_ONE(loop, HOSTILE_BUFFER, 8, VRING_DESC_F_NEXT, 0)
HOSTILE_ONE(next_beyond, HOSTILE_BUFFER, 8, VRING_DESC_F_NEXT, hostile_size(h))
HOSTILE_ONE(next_far_beyond, HOSTILE_BUFFER, 8, VRING_DESC_F_NEXT, 0xffff)
HOSTILE_ONE(outside_ram, SMALL_RIG_RAM_BYTES, 8, 0, 0)
HOSTILE_ONE(address_wraps, UINT64_MAX - 3, 8, 0, 0)
HOSTILE_ONE(across_end, SMALL_RIG_RAM_BYTES - 4, 8, 0, 0)
HOSTILE_ONE(length_max, HOSTILE_BUFFER, UINT32_MAX, 0, 0)
HOSTILE_ONE(longer_than_ram, 0, SMALL_RIG_RAM_BYTES + 1, 0, 0)
HOSTILE_ONE(table_outside, SMALL_RIG_RAM_BYTES, 16, VRING_DESC_F_INDIRECT, 0)
HOSTILE_ONE(table_wraps, UINT64_MAX - 15, 32, VRING_DESC_F_INDIRECT, 0)
HOSTILE_ONE(table_empty, HOSTILE_TABLE, 0, VRING_DESC_F_INDIRECT, 0)
HOSTILE_ONE(table_odd, HOSTILE_TABLE, 24, VRING_DESC_F_INDIRECT, 0)
HOSTILE_ONE(table_too_long, HOSTILE_TABLE, (hostile_size(h) + 1u) * 16, VRING_DESC_F_INDIRECT, 0)
HOSTILE_ONE(table_and_next, HOSTILE_TABLE, 16, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1)
HOSTILE_ONE(unknown_flags, HOSTILE_BUFFER, 8, 0xfff8, 0)

static inline void hostile_loop_of_two(const struct hostile *h)
{
	hostile_desc(h, 0, 1, HOSTILE_DESC(HOSTILE_BUFFER, 8, VRING_DESC_F_NEXT, 0));
	hostile_desc(h, 0, 0, HOSTILE_DESC(HOSTILE_BUFFER, 8, VRING_DESC_F_NEXT, 1));
	hostile_show(h, 0, 1);
}

/* Bad in its second part: the first one must not count. */
static inline void hostile_second_outside(const struct hostile *h)
{
	hostile_desc(h, 0, 1, HOSTILE_DESC(SMALL_RIG_RAM_BYTES * UINT64_C(2), 8, 0, 0));
	hostile_desc(h, 0, 0, HOSTILE_DESC(HOSTILE_BUFFER, 8, VRING_DESC_F_NEXT, 1));
	hostile_show(h, 0, 1);
}

static inline void hostile_readable_last(const struct hostile *h)
{
	struct virtio_driver *d = &h->r->drivers[h->queue];
	const uint16_t flags = VRING_DESC_F_NEXT | VRING_DESC_F_WRITE;

	virtio_driver_put_desc(d, d->setup.desc_gpa, 0, &HOSTILE_DESC(HOSTILE_BUFFER, 8, flags, 1));
	virtio_driver_put_desc(d, d->setup.desc_gpa, 1, &HOSTILE_DESC(HOSTILE_BUFFER, 8, 0, 0));
	hostile_show(h, 0, 1);
}

/* An indirect table with @first at its start. */
static inline void hostile_table(const struct hostile *h, struct virtio_driver_desc first)
{
	hostile_desc(h, HOSTILE_TABLE, 0, first);
	hostile_desc(h, 0, 0, HOSTILE_DESC(HOSTILE_TABLE, 32, VRING_DESC_F_INDIRECT, 0));
	hostile_show(h, 0, 1);
}

static inline void hostile_table_in_table(const struct hostile *h)
{
	hostile_table(h, HOSTILE_DESC(HOSTILE_TABLE, 32, VRING_DESC_F_INDIRECT, 0));
}

static inline void hostile_table_loop(const struct hostile *h)
{
	hostile_table(h, HOSTILE_DESC(HOSTILE_BUFFER, 8, VRING_DESC_F_NEXT, 0));
}

static inline void hostile_table_next_beyond(const struct hostile *h)
{
	hostile_table(h, HOSTILE_DESC(HOSTILE_BUFFER, 8, VRING_DESC_F_NEXT, 2));
}

static inline void hostile_table_part_outside(const struct hostile *h)
{
	hostile_table(h, HOSTILE_DESC(UINT64_MAX, 8, 0, 0));
}

static inline void hostile_good_desc(const struct hostile *h)
{
	hostile_desc(h, 0, 0, HOSTILE_DESC(HOSTILE_BUFFER, 8, 0, 0));
}

static inline void hostile_head_beyond(const struct hostile *h)
{
	hostile_show(h, hostile_size(h), 1);
}

static inline void hostile_head_far_beyond(const struct hostile *h)
{
	hostile_show(h, 0xffff, 1);
}

static inline void hostile_index_ahead(const struct hostile *h)
{
	hostile_good_desc(h);
	hostile_show(h, 0, (uint16_t)(hostile_size(h) + 1));
}

static inline void hostile_index_half(const struct hostile *h)
{
	hostile_good_desc(h);
	hostile_show(h, 0, 0x8000);
}

static inline void hostile_index_back(const struct hostile *h)
{
	hostile_good_desc(h);
	hostile_show(h, 0, 0xffff);
}

/* The same chain many times: in flight twice, or more chains than entries, as it suits the device. */
static inline void hostile_same_head(const struct hostile *h)
{
	hostile_good_desc(h);
	hostile_show(h, 0, hostile_size(h));
}

static inline void hostile_kicks_only(const struct hostile *h)
{
	for (unsigned int i = 0; i < 1000; i++)
		iol_virtio_notify(h->r->v, i % 3);
	device_rig_settle(h->r);
}

static const struct hostile_case {
	const char *name;
	void (*run)(const struct hostile *h);
	int breaks; /* -1: may, as it suits the device */
} hostile_cases[] = {
	{ "a descriptor that is its own next", hostile_loop, 1 },
	{ "two descriptors in a circle", hostile_loop_of_two, 1 },
	{ "next behind the table", hostile_next_beyond, 1 },
	{ "next 0xffff", hostile_next_far_beyond, 1 },
	{ "a part outside of RAM", hostile_outside_ram, 1 },
	{ "a second part outside of RAM", hostile_second_outside, 1 },
	{ "an address that wraps", hostile_address_wraps, 1 },
	{ "a part across the end of RAM", hostile_across_end, 1 },
	{ "a length of 2^32 - 1", hostile_length_max, 1 },
	{ "a part longer than RAM", hostile_longer_than_ram, 1 },
	{ "a readable part behind a writable one", hostile_readable_last, 1 },
	{ "a table outside of RAM", hostile_table_outside, 1 },
	{ "a table that wraps", hostile_table_wraps, 1 },
	{ "a table of no entries", hostile_table_empty, -1 },
	{ "a table of one and a half entries", hostile_table_odd, 1 },
	{ "a table of more entries than the queue", hostile_table_too_long, 1 },
	{ "a table and next", hostile_table_and_next, 1 },
	{ "a table in a table", hostile_table_in_table, 1 },
	{ "a circle in a table", hostile_table_loop, 1 },
	{ "next behind an indirect table", hostile_table_next_beyond, 1 },
	{ "a part outside of RAM in a table", hostile_table_part_outside, 1 },
	{ "flags that nobody knows", hostile_unknown_flags, 0 },
	{ "a head behind the table", hostile_head_beyond, 1 },
	{ "head 0xffff", hostile_head_far_beyond, 1 },
	{ "an index one too far", hostile_index_ahead, 1 },
	{ "an index 0x8000 too far", hostile_index_half, 1 },
	{ "an index that went back", hostile_index_back, 1 },
	{ "one head in all entries", hostile_same_head, -1 },
	{ "a thousand kicks for nothing", hostile_kicks_only, 0 },
};

/* After a reset the device @works(); then it is as if it had just been started. */
static inline void hostile_recover(struct device_rig *r, void (*works)(void *owner), void *owner)
{
	g_assert_true(device_rig_reset(r));
	g_assert_cmpuint(r->v->in_flight, ==, 0);
	device_rig_start(r, UINT64_MAX);
	works(owner);
	g_assert_true(device_rig_reset(r));
	device_rig_start(r, UINT64_MAX);
}

/* Runs all cases on queue @queue of the device, which is started; it must recover from each. */
static inline void hostile_run_all(struct device_rig *r, unsigned int queue, bool write,
				   void (*works)(void *owner), void *owner)
{
	const struct hostile h = { r, queue, write ? VRING_DESC_F_WRITE : 0 };

	for (size_t i = 0; i < G_N_ELEMENTS(hostile_cases); i++) {
		const struct hostile_case *c = &hostile_cases[i];

		g_test_message("queue %u: %s", queue, c->name);
		c->run(&h);
		if (c->breaks >= 0)
			g_assert_cmpint(device_rig_is_broken(r), ==, c->breaks);
		hostile_recover(r, works, owner);
	}
}

#endif
