// SPDX-License-Identifier: Apache-2.0
/*
 * The block device besides its requests (test_virtio_blk.c): features, configuration space, what
 * makes writes stable, resets, several queues (virtio-v1.2 5.2.2 to 5.2.5, 5.2.6.2).
 */
#include <glib.h>
#include <linux/virtio_config.h>
#include <string.h>

#include <iolite/endian.h>

#include "virtio_blk_rig.h"

enum {
	OK = VIRTIO_BLK_S_OK,
	IOERR = VIRTIO_BLK_S_IOERR,
	UNSUPP = VIRTIO_BLK_S_UNSUPP,
	FEATURES_OK =
		VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK,
};

#define FIELD(r, field)                                                               \
	iol_virtio_config_read((r)->dev.v, offsetof(struct virtio_blk_config, field), \
			       sizeof(((struct virtio_blk_config *)0)->field))
#define SET_FIELD(r, field, value)                                                     \
	iol_virtio_config_write((r)->dev.v, offsetof(struct virtio_blk_config, field), \
				sizeof(((struct virtio_blk_config *)0)->field), value)

static void init_with(struct blk_rig *r, const struct iol_block_limits *limits, unsigned int queues)
{
	const struct blk_rig_setup setup = { .limits = *limits, .queues = queues };

	blk_rig_init(r, &setup);
}

static void finish(struct blk_rig *r)
{
	blk_rig_check_idle(r);
	device_rig_finish(&r->dev);
}

/* --- what is offered, and the configuration space --- */

static const uint64_t always =
	BLK_RIG_BIT(VIRTIO_BLK_F_SEG_MAX) | BLK_RIG_BIT(VIRTIO_BLK_F_BLK_SIZE) |
	BLK_RIG_BIT(VIRTIO_BLK_F_TOPOLOGY) | BLK_RIG_BIT(VIRTIO_F_VERSION_1) |
	BLK_RIG_BIT(VIRTIO_RING_F_INDIRECT_DESC) | BLK_RIG_BIT(VIRTIO_RING_F_EVENT_IDX);
static const uint64_t cache =
	BLK_RIG_BIT(VIRTIO_BLK_F_FLUSH) | BLK_RIG_BIT(VIRTIO_BLK_F_CONFIG_WCE);

static void test_full(void)
{
	struct blk_rig r;

	init_with(&r, &blk_rig_limits, 3);
	g_assert_cmphex(device_rig_offered(&r.dev), ==,
			always | cache | BLK_RIG_BIT(VIRTIO_BLK_F_MQ) |
				BLK_RIG_BIT(VIRTIO_BLK_F_DISCARD) |
				BLK_RIG_BIT(VIRTIO_BLK_F_WRITE_ZEROES));
	g_assert_cmpuint(r.dev.v->ops->device_id, ==, 2);
	g_assert_cmpuint(FIELD(&r, capacity), ==, 2048);
	g_assert_cmpuint(FIELD(&r, size_max), ==, 0);
	g_assert_cmpuint(FIELD(&r, seg_max), ==, 14);
	g_assert_cmpuint(FIELD(&r, geometry), ==, 0);
	g_assert_cmpuint(FIELD(&r, blk_size), ==, 512);
	g_assert_cmpuint(FIELD(&r, physical_block_exp), ==, 3);
	g_assert_cmpuint(FIELD(&r, alignment_offset), ==, 0);
	g_assert_cmpuint(FIELD(&r, min_io_size), ==, 8);
	g_assert_cmpuint(FIELD(&r, opt_io_size), ==, 128);
	g_assert_cmpuint(FIELD(&r, wce), ==, 1);
	g_assert_cmpuint(FIELD(&r, unused), ==, 0);
	g_assert_cmpuint(FIELD(&r, num_queues), ==, 3);
	g_assert_cmpuint(FIELD(&r, max_discard_sectors), ==, 1024);
	g_assert_cmpuint(FIELD(&r, max_discard_seg), ==, 16);
	g_assert_cmpuint(FIELD(&r, discard_sector_alignment), ==, 8);
	g_assert_cmpuint(FIELD(&r, max_write_zeroes_sectors), ==, 1024);
	g_assert_cmpuint(FIELD(&r, max_write_zeroes_seg), ==, 16);
	g_assert_cmpuint(FIELD(&r, write_zeroes_may_unmap), ==, 1);
	for (unsigned int i = 0; i < 3; i++)
		g_assert_cmpuint(FIELD(&r, unused1[i]), ==, 0);
	/* Behind the end there is nothing, and nothing but writeback can be written. */
	g_assert_cmpuint(iol_virtio_config_read(r.dev.v, 60, 8), ==, 0);
	g_assert_cmpint(device_rig_negotiate(&r.dev, UINT64_MAX), ==, FEATURES_OK);
	for (unsigned int i = 0; i < 64; i++) {
		uint64_t before = iol_virtio_config_read(r.dev.v, i, 1);

		iol_virtio_config_write(r.dev.v, i, 1, ~before);
		if (i != offsetof(struct virtio_blk_config, wce))
			g_assert_cmpuint(iol_virtio_config_read(r.dev.v, i, 1), ==, before);
	}
	g_assert_cmpuint(FIELD(&r, wce), ==, 0);
	finish(&r);
}

static void test_least(void)
{
	static const struct iol_block_limits limits = {
		.size_bytes = 512,
		.logical_block_bytes = 4096,
		.physical_block_bytes = 4096,
		.iov_max = 5,
	};
	struct blk_rig r;

	init_with(&r, &limits, 1);
	g_assert_cmphex(device_rig_offered(&r.dev), ==, always);
	g_assert_cmpuint(FIELD(&r, capacity), ==, 1);
	g_assert_cmpuint(FIELD(&r, seg_max), ==, 5);
	g_assert_cmpuint(FIELD(&r, blk_size), ==, 4096);
	g_assert_cmpuint(FIELD(&r, physical_block_exp), ==, 0);
	g_assert_cmpuint(FIELD(&r, min_io_size), ==, 1);
	g_assert_cmpuint(FIELD(&r, opt_io_size), ==, 0);
	/* Fields of features that are not offered are zero. */
	for (unsigned int i = offsetof(struct virtio_blk_config, wce); i < 64; i++)
		g_assert_cmpuint(iol_virtio_config_read(r.dev.v, i, 1), ==, 0);
	SET_FIELD(&r, wce, 1);
	g_assert_cmpuint(FIELD(&r, wce), ==, 0);
	finish(&r);
}

/* Limits that are not as round as the protocol. */
static void check_range_limit(uint64_t range_bytes_max, uint32_t logical, uint32_t align,
			      uint32_t expected, uint32_t expected_align)
{
	struct iol_block_limits limits = blk_rig_limits;
	struct blk_rig r;

	limits.range_bytes_max = range_bytes_max;
	limits.logical_block_bytes = logical;
	limits.discard_align_bytes = align;
	init_with(&r, &limits, 1);
	g_assert_cmpuint(FIELD(&r, max_discard_sectors), ==, expected);
	g_assert_cmpuint(FIELD(&r, max_write_zeroes_sectors), ==, expected);
	g_assert_cmpuint(FIELD(&r, discard_sector_alignment), ==, expected_align);
	g_assert_cmpuint(device_rig_offered(&r.dev) >> VIRTIO_BLK_F_DISCARD & 3, ==,
			 expected ? 3 : 0);
	finish(&r);
}

static void test_range_limits(void)
{
	check_range_limit(UINT64_MAX, 512, 0, UINT32_MAX, 1);
	check_range_limit(UINT64_MAX, 512, 4096, UINT32_MAX - 7, 8);
	check_range_limit(UINT64_C(1) << 40, 4096, 0, UINT32_C(1) << 31, 8);
	check_range_limit(10000, 512, 0, 19, 1);
	check_range_limit(10000, 4096, 512, 16, 8);
	check_range_limit(511, 512, 0, 0, 0);
}

/* Read-only: neither is there what could change the disk. */
static void test_read_only(void)
{
	struct iol_block_limits limits = blk_rig_limits;
	struct blk_rig r;

	limits.read_only = true;
	init_with(&r, &limits, 1);
	g_assert_cmphex(device_rig_offered(&r.dev), ==,
			always | cache | BLK_RIG_BIT(VIRTIO_BLK_F_RO));
	g_assert_cmpuint(FIELD(&r, max_discard_sectors), ==, 0);
	g_assert_cmpuint(FIELD(&r, write_zeroes_may_unmap), ==, 0);
	finish(&r);
}

/* --- features, each declined --- */

static void put_segment(struct blk_rig *r)
{
	uint8_t *p = device_rig_ptr(&r->dev, BLK_RIG_BUFFER(0));

	le64_store(p, 8);
	le32_store(p + 8, 8);
	le32_store(p + 12, 0);
}

/* Every type of request as the agreed features let it be. */
static void check_requests(struct blk_rig *r, uint64_t features)
{
	bool discard = features >> VIRTIO_BLK_F_DISCARD & 1;
	bool zeroes = features >> VIRTIO_BLK_F_WRITE_ZEROES & 1;

	g_assert_cmpuint(blk_rig_do(r, VIRTIO_BLK_T_IN, 0, 512, true, NULL), ==, OK);
	g_assert_cmpuint(blk_rig_do(r, VIRTIO_BLK_T_OUT, 0, 512, false, NULL), ==, OK);
	/* Not asked for but sent all the same, a flush is done: it can only make data safer. */
	g_assert_cmpuint(blk_rig_do(r, VIRTIO_BLK_T_FLUSH, 0, 0, false, NULL), ==, OK);
	g_assert_cmpuint(blk_rig_do(r, VIRTIO_BLK_T_GET_ID, 0, 20, true, NULL), ==, OK);
	put_segment(r);
	g_assert_cmpuint(blk_rig_do(r, VIRTIO_BLK_T_DISCARD, 0, 16, false, NULL), ==,
			 discard ? OK : UNSUPP);
	g_assert_cmpuint(blk_rig_do(r, VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, false, NULL), ==,
			 zeroes ? OK : UNSUPP);
}

static void test_each_declined(void)
{
	uint64_t offered;
	struct blk_rig r;

	init_with(&r, &blk_rig_limits, 2);
	offered = device_rig_offered(&r.dev);
	for (unsigned int bit = 0; bit < 64; bit++) {
		uint64_t features = offered & ~BLK_RIG_BIT(bit);

		if (features == offered)
			continue;
		g_test_message("without feature %u", bit);
		if (bit == VIRTIO_F_VERSION_1) {
			/* 6.1: a device that is not transitional does not go on without it. */
			g_assert_cmpint(device_rig_negotiate(&r.dev, features), ==,
					FEATURES_OK & ~VIRTIO_CONFIG_S_FEATURES_OK);
		} else {
			device_rig_start(&r.dev, features);
			check_requests(&r, features);
			/* 5.2.2: one queue or all of them, the first is there. */
			if (bit != VIRTIO_BLK_F_MQ)
				blk_rig_send(&r, 1, 1, VIRTIO_BLK_T_IN, 0, 512, true);
			if (bit != VIRTIO_BLK_F_MQ)
				blk_rig_take(&r, 1);
		}
		g_assert_true(device_rig_reset(&r.dev));
	}
	/* Least and most. */
	device_rig_start(&r.dev, 0);
	check_requests(&r, 0);
	g_assert_true(device_rig_reset(&r.dev));
	device_rig_start(&r.dev, offered);
	check_requests(&r, offered);
	finish(&r);
}

/* 2.2: FEATURES_OK is not given for what was not offered. */
static void test_not_offered(void)
{
	static const unsigned int bits[] = { VIRTIO_BLK_F_SIZE_MAX,
					     VIRTIO_BLK_F_GEOMETRY,
					     VIRTIO_BLK_F_RO,
					     VIRTIO_BLK_F_SCSI,
					     VIRTIO_BLK_F_MQ,
					     15,
					     16,
					     17 };
	struct blk_rig r;

	init_with(&r, &blk_rig_limits, 1);
	for (size_t i = 0; i < IOL_ARRAY_LEN(bits); i++) {
		g_assert_cmpuint(device_rig_offered(&r.dev) >> bits[i] & 1, ==, 0);
		iol_virtio_set_status(r.dev.v,
				      VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
		iol_virtio_set_driver_features(r.dev.v, 0, UINT32_C(1) << bits[i]);
		iol_virtio_set_driver_features(r.dev.v, 1, 1);
		iol_virtio_set_status(r.dev.v, FEATURES_OK);
		g_assert_cmpuint(iol_virtio_status(r.dev.v) & VIRTIO_CONFIG_S_FEATURES_OK, ==, 0);
		g_assert_true(device_rig_reset(&r.dev));
	}
	finish(&r);
}

/* --- stable writes --- */

/* Whether a write, a discard and a write of zeroes are asked to be stable: all or none. */
static bool are_stable(struct blk_rig *r)
{
	static const uint32_t types[] = { VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_DISCARD,
					  VIRTIO_BLK_T_WRITE_ZEROES };
	unsigned int stable = 0, before = r->mb->seen_count;

	for (size_t i = 0; i < IOL_ARRAY_LEN(types); i++) {
		put_segment(r);
		g_assert_cmpuint(blk_rig_do(r, types[i], 0, types[i] == VIRTIO_BLK_T_OUT ? 512 : 16,
					    false, NULL),
				 ==, OK);
		stable += r->mb->seen[(r->mb->seen_count - 1) % MEMORY_BLOCK_SEEN].stable;
	}
	g_assert_cmpuint(r->mb->seen_count, ==, before + 3);
	g_assert_true(stable == 0 || stable == 3);
	/* A read never is. */
	g_assert_cmpuint(blk_rig_do(r, VIRTIO_BLK_T_IN, 0, 512, true, NULL), ==, OK);
	g_assert_false(r->mb->seen[(r->mb->seen_count - 1) % MEMORY_BLOCK_SEEN].stable);
	return stable;
}

static void test_stable(void)
{
	static const struct {
		bool flush, wce, initial, stable;
	} cases[] = {
		{ true, true, true, false }, /* the driver flushes */
		{ true, false, true, false }, /* the same */
		{ false, false, true, true }, /* 5.2.6.2, condition 1 */
		{ false, true, false, true }, /* 5.2.5.2: writeback is 0; condition 2 */
	};
	struct blk_rig r;

	init_with(&r, &blk_rig_limits, 1);
	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		uint8_t generation = iol_virtio_config_generation(r.dev.v);
		uint64_t features = ~cache;

		if (cases[i].flush)
			features |= BLK_RIG_BIT(VIRTIO_BLK_F_FLUSH);
		if (cases[i].wce)
			features |= BLK_RIG_BIT(VIRTIO_BLK_F_CONFIG_WCE);
		g_test_message("FLUSH %d, CONFIG_WCE %d", cases[i].flush, cases[i].wce);
		g_assert_cmpint(device_rig_negotiate(&r.dev, features), ==, FEATURES_OK);
		/* Readable from here on (5.2.5.1), before DRIVER_OK. */
		g_assert_cmpuint(FIELD(&r, wce), ==, cases[i].initial);
		/* Who read it too early sees that it changed (4.1.4.3.1). */
		g_assert_cmpint(iol_virtio_config_generation(r.dev.v) != generation, ==,
				!cases[i].initial);
		g_assert_true(device_rig_reset(&r.dev));
		g_assert_cmpuint(FIELD(&r, wce), ==, 1);
		device_rig_start(&r.dev, features);
		g_assert_cmpuint(FIELD(&r, wce), ==, cases[i].initial);
		g_assert_cmpint(are_stable(&r), ==, cases[i].stable);
		for (unsigned int value = 0; value < 4; value++) {
			SET_FIELD(&r, wce, value);
			/* One bit; without the feature none. */
			g_assert_cmpuint(FIELD(&r, wce), ==, cases[i].wce ? value & 1 : 1);
			g_assert_cmpint(are_stable(&r), ==,
					cases[i].wce ? !(value & 1) : cases[i].stable);
		}
		SET_FIELD(&r, wce, 0);
		g_assert_true(device_rig_reset(&r.dev));
		g_assert_cmpuint(FIELD(&r, wce), ==, 1);
	}
	finish(&r);
}

/* Wide writes that have the register in them. */
static void test_stable_wide(void)
{
	struct blk_rig r;

	init_with(&r, &blk_rig_limits, 2);
	device_rig_start(&r.dev, UINT64_MAX);
	iol_virtio_config_write(r.dev.v, offsetof(struct virtio_blk_config, wce), 4, 0xffffff00);
	g_assert_cmpuint(FIELD(&r, wce), ==, 0);
	g_assert_cmpuint(FIELD(&r, num_queues), ==, 2);
	g_assert_true(are_stable(&r));
	iol_virtio_config_write(r.dev.v, offsetof(struct virtio_blk_config, wce), 2, 0xffff);
	g_assert_cmpuint(FIELD(&r, wce), ==, 1);
	g_assert_cmpuint(FIELD(&r, unused), ==, 0);
	g_assert_false(are_stable(&r));
	finish(&r);
}

/* No cache, or one that was meant to lose data (cache=unsafe): nothing is asked for. */
static void test_stable_without_cache(void)
{
	struct iol_block_limits limits = blk_rig_limits;
	struct blk_rig r;

	limits.volatile_cache = false;
	init_with(&r, &limits, 1);
	g_assert_cmpuint(device_rig_offered(&r.dev) & cache, ==, 0);
	device_rig_start(&r.dev, UINT64_MAX);
	g_assert_false(are_stable(&r));
	finish(&r);
}

/* The register is a vCPU's, requests are the loop's. */
static gpointer toggle(gpointer data)
{
	struct blk_rig *r = data;

	for (unsigned int i = 0; i < 1001; i++)
		SET_FIELD(r, wce, i & 1);
	return NULL;
}

static void test_stable_threads(void)
{
	unsigned int rounds = 0;
	struct blk_rig r;
	GThread *thread;

	init_with(&r, &blk_rig_limits, 1);
	device_rig_start(&r.dev, UINT64_MAX);
	thread = g_thread_new("vcpu", toggle, &r);
	while (rounds++ < 200)
		g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_OUT, 0, 512, false, NULL), ==, OK);
	g_thread_join(thread);
	g_assert_cmpuint(FIELD(&r, wce), ==, 0);
	g_assert_true(are_stable(&r));
	finish(&r);
}

/* --- resets --- */

/* 2.4.1 and 2.1.1: the status reads 0 when nothing is in flight any more; then all works again. */
static void test_reset_in_flight(void)
{
	bool freed = false;
	struct blk_rig r;

	init_with(&r, &blk_rig_limits, 1);
	r.mb->freed = &freed;
	r.mb->async = true;
	device_rig_start(&r.dev, UINT64_MAX);
	for (unsigned int i = 0; i < 3; i++)
		blk_rig_send(&r, 0, i, VIRTIO_BLK_T_OUT, i, 512, false);
	g_assert_false(device_rig_reset(&r.dev));
	for (unsigned int i = 0; i < 3; i++) {
		g_assert_cmpuint(iol_virtio_status(r.dev.v), !=, 0);
		g_assert_cmpuint(r.mb->pending_count, ==, 3 - i);
		memory_block_end(r.mb, 0);
		device_rig_settle(&r.dev);
	}
	g_assert_cmpuint(iol_virtio_status(r.dev.v), ==, 0);
	/* Nothing was given back since the reset was asked for. */
	g_assert_cmpuint(virtio_driver_used_idx(&r.dev.drivers[0]), ==, 0);
	g_assert_cmpuint(r.mb->cancels, ==, 0);
	r.mb->async = false;
	device_rig_start(&r.dev, UINT64_MAX);
	check_requests(&r, UINT64_MAX);
	finish(&r);
	g_assert_true(freed);
}

/* What has not gone to the disk yet does not go there any more. */
static void test_reset_between_segments(void)
{
	struct blk_rig r;

	init_with(&r, &blk_rig_limits, 1);
	r.mb->async = true;
	device_rig_start(&r.dev, UINT64_MAX);
	for (unsigned int i = 0; i < 4; i++) {
		uint8_t *p = device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0) + 16 * i);

		le64_store(p, (uint64_t)i * 8);
		le32_store(p + 8, 8);
		le32_store(p + 12, 0);
	}
	blk_rig_send(&r, 0, 0, VIRTIO_BLK_T_DISCARD, 0, 64, false);
	memory_block_end(r.mb, 0);
	g_assert_cmpuint(r.mb->seen_count, ==, 2);
	g_assert_false(device_rig_reset(&r.dev));
	memory_block_end(r.mb, 0);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(r.mb->seen_count, ==, 2);
	g_assert_cmpuint(iol_virtio_status(r.dev.v), ==, 0);
	r.mb->async = false;
	device_rig_start(&r.dev, UINT64_MAX);
	check_requests(&r, UINT64_MAX);
	finish(&r);
}

static void quiet(struct iol_quiesce *quiesce)
{
	(void)quiesce;
}

/* The machine's reset: waits, asks for an early end, and the device is at power-on. */
static void test_quiesce(void)
{
	struct iol_quiesce quiesce = { .pending = 1, .done = quiet };
	struct blk_rig r;

	init_with(&r, &blk_rig_limits, 1);
	r.mb->async = true;
	device_rig_start(&r.dev, UINT64_MAX);
	SET_FIELD(&r, wce, 0);
	blk_rig_send(&r, 0, 0, VIRTIO_BLK_T_IN, 0, 512, true);
	g_assert_false(iol_virtio_quiesce(r.dev.v, &quiesce));
	g_assert_cmpuint(r.mb->cancels, ==, 0);
	iol_virtio_cancel(r.dev.v);
	g_assert_cmpuint(r.mb->cancels, ==, 1);
	g_assert_cmpuint(quiesce.pending, ==, 1);
	memory_block_end_all(r.mb);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(*device_rig_ptr(&r.dev, BLK_RIG_STATUS(0)), ==, IOERR);
	g_assert_cmpuint(quiesce.pending, ==, 0);
	iol_virtio_reset(r.dev.v);
	g_assert_cmpuint(iol_virtio_status(r.dev.v), ==, 0);
	g_assert_cmpuint(FIELD(&r, wce), ==, 1);
	r.mb->cancelled = false;
	r.mb->async = false;
	device_rig_start(&r.dev, UINT64_MAX);
	check_requests(&r, UINT64_MAX);
	finish(&r);
}

/* --- queues --- */

static void test_queues(void)
{
	enum { QUEUES = 4 };
	uint16_t heads[QUEUES];
	struct blk_rig r;

	init_with(&r, &blk_rig_limits, QUEUES);
	r.mb->async = true;
	device_rig_start(&r.dev, UINT64_MAX);
	/* The same head number on all queues, so that a mix-up would not show by itself ... */
	for (unsigned int i = 0; i < QUEUES; i++) {
		memset(r.mb->data + (size_t)i * 512, (int)(0x10 + i), 512);
		heads[i] = blk_rig_send(&r, i, i, VIRTIO_BLK_T_IN, i, 512, true);
	}
	/* ... but each comes back on its own, with its own data. */
	for (unsigned int i = QUEUES; i--;) {
		memory_block_end(r.mb, i);
		device_rig_settle(&r.dev);
		g_assert_cmpuint(blk_rig_take(&r, i).head, ==, heads[i]);
		g_assert_cmpuint(*device_rig_ptr(&r.dev, BLK_RIG_BUFFER(i)), ==, 0x10 + i);
		g_assert_cmpuint(r.dev.queue_interrupts[i], ==, 1);
		for (unsigned int j = 0; j < i; j++)
			g_assert_cmpuint(virtio_driver_used_idx(&r.dev.drivers[j]), ==, 0);
	}
	finish(&r);
}

/* As many requests as there can be, several times over; each comes back once. */
static void test_full_queues(void)
{
	enum { ROUNDS = 3 };
	const struct blk_rig_setup setup = { .limits = blk_rig_limits,
					     .queues = 2,
					     .queue_size = 32 };
	struct blk_rig r;

	blk_rig_init(&r, &setup);
	r.mb->async = true;
	device_rig_start(&r.dev, UINT64_MAX);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int slot = 0; slot < 64; slot++)
			blk_rig_send(&r, slot % 2, slot, VIRTIO_BLK_T_IN, slot, 512, true);
		g_assert_cmpuint(r.mb->pending_count, ==, 64);
		g_assert_cmpuint(r.dev.v->in_flight, ==, 64);
		while (r.mb->pending_count)
			memory_block_end(r.mb, 13 % r.mb->pending_count);
		device_rig_settle(&r.dev);
		for (unsigned int i = 0; i < 64; i++)
			g_assert_cmpuint(blk_rig_take(&r, i % 2).len, ==, 513);
	}
	finish(&r);
}

/* One chain more than there are entries breaks the device, not us. */
static void test_overfull_queue(void)
{
	struct blk_rig r;

	init_with(&r, &blk_rig_limits, 1);
	r.mb->async = true;
	device_rig_start(&r.dev, UINT64_MAX);
	for (unsigned int slot = 0; slot < 16; slot++)
		blk_rig_send(&r, 0, slot, VIRTIO_BLK_T_IN, slot, 512, true);
	virtio_driver_put_avail(&r.dev.drivers[0], 16, 3);
	virtio_driver_put_avail_idx(&r.dev.drivers[0], 17);
	iol_virtio_notify(r.dev.v, 0);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(iol_virtio_status(r.dev.v) & VIRTIO_CONFIG_S_NEEDS_RESET, !=, 0);
	g_assert_cmpuint(r.dev.v->in_flight, ==, 16);
	g_assert_false(device_rig_reset(&r.dev));
	memory_block_end_all(r.mb);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(iol_virtio_status(r.dev.v), ==, 0);
	r.mb->async = false;
	device_rig_start(&r.dev, UINT64_MAX);
	check_requests(&r, UINT64_MAX);
	finish(&r);
}

/* --- a disk that changes its size (5.2.6.2) --- */

static void test_resize(void)
{
	uint8_t generation;
	struct blk_rig r;

	init_with(&r, &blk_rig_limits, 1);
	device_rig_start(&r.dev, UINT64_MAX);
	generation = iol_virtio_config_generation(r.dev.v);
	iol_virtio_blk_refresh(r.dev.v);
	g_assert_cmpuint(r.dev.config_interrupts, ==, 0);
	g_assert_cmpuint(iol_virtio_config_generation(r.dev.v), ==, generation);
	r.mb->next_size_bytes = 512 * 100;
	iol_virtio_blk_refresh(r.dev.v);
	g_assert_cmpuint(r.dev.config_interrupts, ==, 1);
	g_assert_cmpuint(iol_virtio_config_read(r.dev.v, 0, 8), ==, 100);
	g_assert_cmpuint(iol_virtio_config_generation(r.dev.v), !=, generation);
	g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_IN, 99, 512, true, NULL), ==, OK);
	g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_IN, 99, 1024, true, NULL), ==, IOERR);
	g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_IN, 100, 512, true, NULL), ==, IOERR);
	/* A reset does not bring the old size back. */
	g_assert_true(device_rig_reset(&r.dev));
	g_assert_cmpuint(FIELD(&r, capacity), ==, 100);
	r.mb->next_size_bytes = IOL_MIB;
	iol_virtio_blk_refresh(r.dev.v);
	g_assert_cmpuint(r.dev.config_interrupts, ==, 1); /* no driver to tell */
	device_rig_start(&r.dev, UINT64_MAX);
	g_assert_cmpuint(FIELD(&r, capacity), ==, 2048);
	g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_IN, 2047, 512, true, NULL), ==, OK);
	finish(&r);
}

/* A request that is on its way while the disk shrinks fails; nothing else happens. */
static void test_shrink_in_flight(void)
{
	struct blk_rig r;

	init_with(&r, &blk_rig_limits, 1);
	r.mb->async = true;
	device_rig_start(&r.dev, UINT64_MAX);
	blk_rig_send(&r, 0, 0, VIRTIO_BLK_T_IN, 2047, 512, true);
	r.mb->next_size_bytes = 512;
	iol_virtio_blk_refresh(r.dev.v);
	memory_block_end_all(r.mb);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(blk_rig_take(&r, 0).len, ==, 0);
	g_assert_cmpuint(*device_rig_ptr(&r.dev, BLK_RIG_STATUS(0)), ==, IOERR);
	finish(&r);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/virtio-blk-life/full", test_full);
	g_test_add_func("/virtio-blk-life/least", test_least);
	g_test_add_func("/virtio-blk-life/range-limits", test_range_limits);
	g_test_add_func("/virtio-blk-life/read-only", test_read_only);
	g_test_add_func("/virtio-blk-life/each-declined", test_each_declined);
	g_test_add_func("/virtio-blk-life/not-offered", test_not_offered);
	g_test_add_func("/virtio-blk-life/stable", test_stable);
	g_test_add_func("/virtio-blk-life/stable-wide", test_stable_wide);
	g_test_add_func("/virtio-blk-life/stable-without-cache", test_stable_without_cache);
	g_test_add_func("/virtio-blk-life/stable-threads", test_stable_threads);
	g_test_add_func("/virtio-blk-life/reset-in-flight", test_reset_in_flight);
	g_test_add_func("/virtio-blk-life/reset-between-segments", test_reset_between_segments);
	g_test_add_func("/virtio-blk-life/quiesce", test_quiesce);
	g_test_add_func("/virtio-blk-life/queues", test_queues);
	g_test_add_func("/virtio-blk-life/full-queues", test_full_queues);
	g_test_add_func("/virtio-blk-life/overfull-queue", test_overfull_queue);
	g_test_add_func("/virtio-blk-life/resize", test_resize);
	g_test_add_func("/virtio-blk-life/shrink-in-flight", test_shrink_in_flight);
	return g_test_run();
}
