// SPDX-License-Identifier: Apache-2.0
/* What a virtio disk counts of its requests, and whom it tells of those that fail. */
#include "virtio_blk_rig.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>

#include <iolite/endian.h>

enum { SECTORS = IOL_MIB / 512 };

static struct {
	unsigned int calls;
	enum iol_block_kind kind;
	int res;
} told;

static void failed(void *owner, enum iol_block_kind kind, int res)
{
	g_assert_true(owner == &told);
	told.calls++;
	told.kind = kind;
	told.res = res;
}

static void init(struct blk_rig *r)
{
	const struct blk_rig_setup setup = {
		.limits = blk_rig_limits,
		.failed = failed,
		.owner = &told,
	};

	told.calls = 0;
	blk_rig_init(r, &setup);
	device_rig_start(&r->dev, UINT64_MAX);
}

static void finish(struct blk_rig *r)
{
	blk_rig_check_idle(r);
	device_rig_finish(&r->dev);
}

static void expect(struct blk_rig *r, enum iol_block_kind kind, uint64_t done, uint64_t bytes,
		   uint64_t failures, uint64_t invalid)
{
	struct iol_virtio_blk_counts counts;

	iol_virtio_blk_counts(r->dev.v, &counts);
	g_assert_cmpuint(counts.kinds[kind].done, ==, done);
	g_assert_cmpuint(counts.kinds[kind].bytes, ==, bytes);
	g_assert_cmpuint(counts.kinds[kind].failed, ==, failures);
	g_assert_cmpuint(counts.kinds[kind].invalid, ==, invalid);
}

static uint64_t written_end(struct blk_rig *r)
{
	struct iol_virtio_blk_counts counts;

	iol_virtio_blk_counts(r->dev.v, &counts);
	return counts.written_end;
}

/* --- how long requests took --- */

static uint64_t stopped_at_ns,
	took_ns; /* 0: the host's clock; else each reading is this much later than the one before */

uint64_t __real_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void)
{
	if (!stopped_at_ns)
		return __real_iol_loop_now_ns();
	stopped_at_ns += took_ns;
	return stopped_at_ns;
}

/* A request of @ns is in bin @bin, and nowhere else. */
static void expect_bin(uint64_t ns, unsigned int bin)
{
	struct iol_virtio_blk_counts counts;
	struct blk_rig r;

	init(&r);
	stopped_at_ns = 1;
	took_ns = ns;
	blk_rig_do(&r, VIRTIO_BLK_T_OUT, 0, 512, false, NULL);
	stopped_at_ns = 0;
	iol_virtio_blk_counts(r.dev.v, &counts);
	g_assert_cmpuint(counts.kinds[IOL_BLOCK_WRITE].time_ns, ==, ns);
	for (unsigned int i = 0; i < IOL_VIRTIO_BLK_BINS; i++)
		if (counts.kinds[IOL_BLOCK_WRITE].bins[i] != (i == bin))
			g_error("%" PRIu64 " ns: %" PRIu64 " in bin %u", ns,
				counts.kinds[IOL_BLOCK_WRITE].bins[i], i);
	finish(&r);
}

static void test_bins(void)
{
	expect_bin(0, 0);
	expect_bin(1, 0);
	for (unsigned int i = 0; i + 1 < IOL_VIRTIO_BLK_BINS; i++) {
		uint64_t longest_ns = iol_virtio_blk_bin_ns(i);

		expect_bin(longest_ns - 1, i);
		expect_bin(longest_ns, i);
		expect_bin(longest_ns + 1, i + 1);
	}
	g_assert_cmpuint(iol_virtio_blk_bin_ns(IOL_VIRTIO_BLK_BINS - 2), >, 16 * IOL_NS_PER_S);
	expect_bin(UINT64_MAX / 4, IOL_VIRTIO_BLK_BINS - 1);
}

/* Of those that are taken in one go and answered at once, none takes the time of the ones before it. */
static void test_one_go(void)
{
	enum { COUNT = 5 };
	struct iol_virtio_blk_counts counts;
	struct blk_rig r;

	init(&r);
	stopped_at_ns = 1;
	took_ns = 100;
	for (unsigned int i = 0; i < COUNT; i++)
		blk_rig_send(&r, 0, i, VIRTIO_BLK_T_OUT, i, 512, false);
	device_rig_settle(&r.dev);
	stopped_at_ns = 0;
	iol_virtio_blk_counts(r.dev.v, &counts);
	g_assert_cmpuint(counts.kinds[IOL_BLOCK_WRITE].done, ==, COUNT);
	g_assert_cmpuint(counts.kinds[IOL_BLOCK_WRITE].time_ns, ==, 100 * COUNT);
	for (unsigned int i = 0; i < COUNT; i++)
		blk_rig_take(&r, 0);
	finish(&r);
}

static void check_done(bool async)
{
	struct blk_rig r;

	init(&r);
	r.mb->async = async;
	for (enum iol_block_kind kind = 0; kind < IOL_BLOCK_KIND_COUNT; kind++)
		expect(&r, kind, 0, 0, 0, 0);
	blk_rig_do(&r, VIRTIO_BLK_T_IN, 0, 512, true, NULL);
	blk_rig_do(&r, VIRTIO_BLK_T_IN, 8, 4096, true, NULL);
	expect(&r, IOL_BLOCK_READ, 2, 4608, 0, 0);
	g_assert_cmpuint(written_end(&r), ==, 0);
	blk_rig_do(&r, VIRTIO_BLK_T_OUT, 8, 4096, false, NULL);
	blk_rig_do(&r, VIRTIO_BLK_T_OUT, 0, 512, false, NULL);
	expect(&r, IOL_BLOCK_WRITE, 2, 4608, 0, 0);
	g_assert_cmpuint(written_end(&r), ==, 8192);
	blk_rig_do(&r, VIRTIO_BLK_T_FLUSH, 0, 0, false, NULL);
	expect(&r, IOL_BLOCK_FLUSH, 1, 0, 0, 0);
	expect(&r, IOL_BLOCK_READ, 2, 4608, 0, 0);
	g_assert_cmpuint(told.calls, ==, 0);
	finish(&r);
}

static void test_done(void)
{
	check_done(false);
	check_done(true);
}

static void put_ranges(struct blk_rig *r)
{
	static const struct {
		uint64_t sector;
		uint32_t count;
	} ranges[] = { { 64, 8 }, { 8, 16 }, { 0, 0 } };

	for (unsigned int i = 0; i < IOL_ARRAY_LEN(ranges); i++) {
		uint8_t *p = device_rig_ptr(&r->dev, BLK_RIG_BUFFER(0) + 16 * i);

		le64_store(p, ranges[i].sector);
		le32_store(p + 8, ranges[i].count);
		le32_store(p + 12, 0);
	}
}

static void test_ranges(void)
{
	struct blk_rig r;

	init(&r);
	put_ranges(&r);
	blk_rig_do(&r, VIRTIO_BLK_T_DISCARD, 0, 48, false, NULL);
	expect(&r, IOL_BLOCK_DISCARD, 1, 24 * 512, 0, 0);
	g_assert_cmpuint(written_end(&r), ==, 0);
	put_ranges(&r);
	blk_rig_do(&r, VIRTIO_BLK_T_WRITE_ZEROES, 0, 48, false, NULL);
	expect(&r, IOL_BLOCK_WRITE_ZEROES, 1, 24 * 512, 0, 0);
	g_assert_cmpuint(written_end(&r), ==, 72 * 512);
	blk_rig_do(&r, VIRTIO_BLK_T_WRITE_ZEROES, 0, 47, false, NULL);
	expect(&r, IOL_BLOCK_WRITE_ZEROES, 1, 24 * 512, 0, 1);
	finish(&r);
}

static void check_failed(bool async)
{
	struct blk_rig r;

	init(&r);
	r.mb->async = async;
	r.mb->fail_kinds = UINT32_MAX;
	r.mb->fail_with = -ENOSPC;
	blk_rig_do(&r, VIRTIO_BLK_T_OUT, 8, 512, false, NULL);
	expect(&r, IOL_BLOCK_WRITE, 0, 0, 1, 0);
	g_assert_cmpuint(told.calls, ==, 1);
	g_assert_cmpint(told.kind, ==, IOL_BLOCK_WRITE);
	g_assert_cmpint(told.res, ==, -ENOSPC);
	r.mb->fail_with = -EIO;
	put_ranges(&r);
	blk_rig_do(&r, VIRTIO_BLK_T_DISCARD, 0, 48, false, NULL);
	expect(&r, IOL_BLOCK_DISCARD, 0, 0, 1, 0);
	g_assert_cmpuint(told.calls, ==, 2);
	g_assert_cmpint(told.kind, ==, IOL_BLOCK_DISCARD);
	/* The host cannot do it: that is no mishap. */
	r.mb->fail_with = -EOPNOTSUPP;
	blk_rig_do(&r, VIRTIO_BLK_T_FLUSH, 0, 0, false, NULL);
	expect(&r, IOL_BLOCK_FLUSH, 0, 0, 1, 0);
	r.mb->fail_with = -ECANCELED;
	blk_rig_do(&r, VIRTIO_BLK_T_IN, 0, 512, true, NULL);
	expect(&r, IOL_BLOCK_READ, 0, 0, 0, 0);
	g_assert_cmpuint(told.calls, ==, 2);
	g_assert_cmpuint(written_end(&r), ==, 0);
	finish(&r);
}

static void test_failed(void)
{
	check_failed(false);
	check_failed(true);
}

/* The driver's own mistakes are counted, and nobody is told. */
static void test_invalid(void)
{
	struct blk_rig r;

	init(&r);
	blk_rig_do(&r, VIRTIO_BLK_T_IN, SECTORS, 512, true, NULL);
	blk_rig_do(&r, VIRTIO_BLK_T_IN, 0, 511, true, NULL);
	blk_rig_do(&r, VIRTIO_BLK_T_OUT, SECTORS, 512, false, NULL);
	expect(&r, IOL_BLOCK_READ, 0, 0, 0, 2);
	expect(&r, IOL_BLOCK_WRITE, 0, 0, 0, 1);
	g_assert_cmpuint(told.calls, ==, 0);
	finish(&r);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/virtio-blk/counts/done", test_done);
	g_test_add_func("/virtio-blk/counts/bins", test_bins);
	g_test_add_func("/virtio-blk/counts/one-go", test_one_go);
	g_test_add_func("/virtio-blk/counts/ranges", test_ranges);
	g_test_add_func("/virtio-blk/counts/failed", test_failed);
	g_test_add_func("/virtio-blk/counts/invalid", test_invalid);
	return g_test_run();
}
