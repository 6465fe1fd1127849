// SPDX-License-Identifier: Apache-2.0
/* Requests of the block device (virtio-v1.2 5.2.6). Set-up and resets: test_virtio_blk_life.c. */
#include <errno.h>
#include <glib.h>
#include <linux/virtio_config.h>
#include <string.h>

#include <iolite/endian.h>

#include "virtio_blk_rig.h"

enum {
	OK = VIRTIO_BLK_S_OK,
	IOERR = VIRTIO_BLK_S_IOERR,
	UNSUPP = VIRTIO_BLK_S_UNSUPP,
	SECTORS = 2048, /* of blk_rig_limits */
	UNTOUCHED = 0x5a,
};

static void init_with(struct blk_rig *r, const struct iol_block_limits *limits, uint64_t features)
{
	const struct blk_rig_setup setup = { .limits = *limits };

	blk_rig_init(r, &setup);
	device_rig_start(&r->dev, features);
}

static void init(struct blk_rig *r)
{
	init_with(r, &blk_rig_limits, UINT64_MAX);
}

static void finish(struct blk_rig *r)
{
	blk_rig_check_idle(r);
	device_rig_finish(&r->dev);
}

static bool is_filled(const uint8_t *p, uint8_t value, size_t len)
{
	while (len--)
		if (*p++ != value)
			return false;
	return true;
}

static void fill(uint8_t *p, size_t len, unsigned int seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(seed + i * 7 + i / 256);
}

/* --- reads and writes --- */

static void check_read_write(bool async)
{
	uint8_t expected[4096];
	uint32_t used_len;
	struct blk_rig r;

	init(&r);
	r.mb->async = async;
	fill(device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0)), 4096, 1);
	memcpy(expected, device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0)), 4096);
	g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_OUT, 8, 4096, false, &used_len), ==, OK);
	g_assert_cmpuint(used_len, ==, 1);
	g_assert_cmpmem(r.mb->data + 4096, 4096, expected, 4096);
	g_assert_true(is_filled(r.mb->data, 0, 4096));
	g_assert_true(is_filled(r.mb->data + 8192, 0, 4096));
	memset(device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0)), UNTOUCHED, 8192);
	g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_IN, 8, 4096, true, &used_len), ==, OK);
	g_assert_cmpuint(used_len, ==, 4097);
	g_assert_cmpmem(device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0)), 4096, expected, 4096);
	g_assert_true(is_filled(device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0)) + 4096, UNTOUCHED, 4096));
	finish(&r);
}

static void test_read_write(void)
{
	check_read_write(false);
	check_read_write(true);
}

struct range_case {
	uint64_t sector;
	uint32_t len;
	uint8_t status;
	uint32_t read_used, write_used;
};

/* 5.2.6.1: multiples of 512 within the capacity; what is not fails without touching anything. */
static void test_ranges_of_reads_and_writes(void)
{
	static const struct range_case cases[] = {
		{ 0, 512, OK, 513, 1 },
		{ 1, 1536, OK, 1537, 1 },
		{ SECTORS - 1, 512, OK, 513, 1 },
		{ SECTORS - 16, 8192, OK, 8193, 1 },
		{ 0, 0, OK, 1, 1 },
		{ SECTORS, 0, OK, 1, 1 },
		{ SECTORS + 1, 0, IOERR, 1, 1 },
		{ SECTORS, 512, IOERR, 0, 1 },
		{ SECTORS - 1, 1024, IOERR, 0, 1 },
		{ SECTORS - 15, 8192, IOERR, 0, 1 },
		{ 0, 1, IOERR, 0, 1 },
		{ 0, 511, IOERR, 0, 1 },
		{ 0, 513, IOERR, 0, 1 },
		{ UINT64_MAX, 512, IOERR, 0, 1 },
		{ UINT64_MAX - 1, 1024, IOERR, 0, 1 },
		{ UINT64_MAX / 512 + 1, 512, IOERR, 0, 1 },
		{ UINT64_MAX / 512, 512, IOERR, 0, 1 },
		{ UINT64_C(1) << 55, 512, IOERR, 0, 1 },
	};
	struct blk_rig r;

	init(&r);
	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		const struct range_case *c = &cases[i];
		unsigned int seen = r.mb->seen_count;
		bool moved = c->status == OK && c->len;
		uint8_t *buffer = device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0));
		uint32_t used_len;
		uint8_t status;

		memset(buffer, UNTOUCHED, BLK_RIG_SLOT_BYTES);
		status = blk_rig_do(&r, VIRTIO_BLK_T_IN, c->sector, c->len, true, &used_len);
		g_test_message("read %u at %#" PRIx64 ": status %u, used %u", c->len, c->sector,
			       status, used_len);
		g_assert_cmpuint(status, ==, c->status);
		g_assert_cmpuint(used_len, ==, c->read_used);
		g_assert_true(is_filled(buffer, moved ? 0 : UNTOUCHED, c->len));
		status = blk_rig_do(&r, VIRTIO_BLK_T_OUT, c->sector, c->len, false, &used_len);
		g_test_message("write: status %u, used %u", status, used_len);
		g_assert_cmpuint(status, ==, c->status);
		g_assert_cmpuint(used_len, ==, c->write_used);
		g_assert_cmpuint(r.mb->seen_count - seen, ==, moved ? 2 : 0);
	}
	finish(&r);
}

/* Data for the wrong direction are neither moved nor passed over in silence. */
static void test_wrong_direction(void)
{
	static const uint32_t types[] = { VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_DISCARD,
					  VIRTIO_BLK_T_WRITE_ZEROES };
	struct blk_rig r;
	uint32_t used_len;

	init(&r);
	memset(device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0)), UNTOUCHED, 512);
	g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_IN, 0, 512, false, &used_len), ==, IOERR);
	g_assert_cmpuint(used_len, ==, 1);
	g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_GET_ID, 0, 20, false, &used_len), ==, IOERR);
	g_assert_cmpuint(used_len, ==, 1);
	for (size_t i = 0; i < IOL_ARRAY_LEN(types); i++) {
		g_assert_cmpuint(blk_rig_do(&r, types[i], 0, 512, true, &used_len), ==, IOERR);
		g_assert_cmpuint(used_len, ==, 0);
	}
	g_assert_true(is_filled(device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0)), UNTOUCHED, 512));
	g_assert_true(is_filled(r.mb->data, 0, 512));
	g_assert_cmpuint(r.mb->seen_count, ==, 0);
	finish(&r);
}

/* --- layouts --- */

/* Cuts @len bytes at @gpa into parts of @step. */
static unsigned int cut(struct virtio_driver_part *parts, uint64_t gpa, uint32_t len, uint32_t step,
			bool write)
{
	unsigned int count = 0;

	while (len) {
		uint32_t bytes = MIN(len, step);

		parts[count++] = (struct virtio_driver_part){ gpa, bytes, write };
		gpa += bytes;
		len -= bytes;
	}
	return count;
}

/*
 * 2.7.4.1: nothing is assumed of how a request is cut. Header, data and status lie one behind the
 * other here, so that parts may hold the end of one and the start of the next.
 */
static void check_layout(struct blk_rig *r, uint32_t out_step, uint32_t in_step, bool write,
			 bool indirect)
{
	const uint64_t out = BLK_RIG_HEADER(0), in = BLK_RIG_BUFFER(1);
	const uint32_t out_len = 16 + (write ? 512 : 0), in_len = 1 + (write ? 0 : 512);
	struct virtio_driver_part parts[1100];
	struct virtio_driver_used used;
	unsigned int count;

	blk_rig_put_header(r, 0, write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, 3);
	fill(device_rig_ptr(&r->dev, out + 16), 512, out_step);
	fill(r->mb->data + 1536, 512, in_step);
	memset(device_rig_ptr(&r->dev, in), UNTOUCHED, in_len + 1);
	count = cut(parts, out, out_len, out_step, false);
	/* 2.7.4: empty parts are nothing. */
	parts[count++] = (struct virtio_driver_part){ 0, 0, false };
	count += cut(parts + count, in, in_len, in_step, true);
	parts[count++] = (struct virtio_driver_part){ 0, 0, true };
	g_test_message("%u parts: out %u by %u, in %u by %u, indirect %d", count, out_len, out_step,
		       in_len, in_step, indirect);
	g_assert_cmpint(device_rig_add(&r->dev, 0, parts, count, indirect), >=, 0);
	device_rig_kick(&r->dev, 0);
	used = blk_rig_take(r, 0);
	g_assert_cmpuint(used.len, ==, in_len);
	g_assert_cmpuint(*device_rig_ptr(&r->dev, in + in_len - 1), ==, OK);
	g_assert_cmpuint(*device_rig_ptr(&r->dev, in + in_len), ==, UNTOUCHED);
	if (write)
		g_assert_cmpmem(r->mb->data + 1536, 512, device_rig_ptr(&r->dev, out + 16), 512);
	else
		g_assert_cmpmem(r->mb->data + 1536, 512, device_rig_ptr(&r->dev, in), 512);
}

static void test_layouts(void)
{
	static const uint32_t steps[] = { 1, 3, 15, 16, 17, 512, 513, 528, 1000 };
	const struct blk_rig_setup setup = { .limits = blk_rig_limits, .queue_size = 128 };
	struct blk_rig r;

	blk_rig_init(&r, &setup);
	device_rig_start(&r.dev, UINT64_MAX);
	for (size_t i = 0; i < IOL_ARRAY_LEN(steps); i++) {
		for (size_t j = 0; j < IOL_ARRAY_LEN(steps); j++) {
			/* More parts than the queue has entries is against the rules. */
			bool fits_write = (528 + steps[i] - 1) / steps[i] + 4 <= 128;
			bool fits_read = (513 + steps[j] - 1) / steps[j] + 20 <= 128;

			for (int indirect = 0; indirect < 2; indirect++) {
				if (fits_write)
					check_layout(&r, steps[i], steps[j], true, indirect);
				if (fits_read)
					check_layout(&r, steps[i], steps[j], false, indirect);
			}
		}
	}
	finish(&r);
}

/* More data parts than the backend takes. */
static void test_too_many_parts(void)
{
	struct iol_block_limits limits = blk_rig_limits;
	struct virtio_driver_part parts[8] = { { BLK_RIG_HEADER(0), 16, false } };
	struct blk_rig r;

	limits.iov_max = 4;
	init_with(&r, &limits, UINT64_MAX);
	g_assert_cmpuint(iol_virtio_config_read(r.dev.v,
						offsetof(struct virtio_blk_config, seg_max), 4),
			 ==, 4);
	for (unsigned int count = 4; count <= 5; count++) {
		blk_rig_put_header(&r, 0, VIRTIO_BLK_T_IN, 0);
		cut(parts + 1, BLK_RIG_BUFFER(0), count * 512, 512, true);
		parts[count + 1] = (struct virtio_driver_part){ BLK_RIG_STATUS(0), 1, true };
		g_assert_cmpint(device_rig_add(&r.dev, 0, parts, count + 2, true), >=, 0);
		device_rig_kick(&r.dev, 0);
		g_assert_cmpuint(blk_rig_take(&r, 0).len, ==, count == 4 ? 2049 : 0);
		g_assert_cmpuint(*device_rig_ptr(&r.dev, BLK_RIG_STATUS(0)), ==,
				 count == 4 ? OK : IOERR);
	}
	finish(&r);
}

/* What has no place for an answer breaks the device, once; a reset mends it. */
static void check_breaks(const struct virtio_driver_part *parts, unsigned int count)
{
	uint8_t *guest;
	struct blk_rig r;

	init(&r);
	r.mb->async = true;
	/* One in flight meanwhile; it still ends, and its chain is not given back. */
	blk_rig_send(&r, 0, 1, VIRTIO_BLK_T_OUT, 0, 512, false);
	blk_rig_put_header(&r, 0, VIRTIO_BLK_T_IN, 0);
	guest = device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0));
	memset(guest, UNTOUCHED, 4096);
	g_assert_cmpint(device_rig_add(&r.dev, 0, parts, count, false), >=, 0);
	device_rig_kick(&r.dev, 0);
	g_assert_cmpuint(iol_virtio_status(r.dev.v) & VIRTIO_CONFIG_S_NEEDS_RESET, !=, 0);
	g_assert_cmpuint(r.dev.config_interrupts, ==, 1);
	g_assert_cmpuint(virtio_driver_used_idx(&r.dev.drivers[0]), ==, 0);
	g_assert_cmpuint(r.dev.v->in_flight, ==, 1);
	g_assert_cmpuint(*device_rig_ptr(&r.dev, BLK_RIG_STATUS(0)), ==, BLK_RIG_NO_STATUS);
	g_assert_true(is_filled(guest, UNTOUCHED, 4096));
	memory_block_end_all(r.mb);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(r.dev.v->in_flight, ==, 0);
	g_assert_cmpuint(virtio_driver_used_idx(&r.dev.drivers[0]), ==, 0);
	g_assert_true(device_rig_reset(&r.dev));
	device_rig_start(&r.dev, UINT64_MAX);
	g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_FLUSH, 0, 0, false, NULL), ==, OK);
	finish(&r);
}

static void test_unanswerable(void)
{
	static const struct virtio_driver_part no_status[] = {
		{ BLK_RIG_HEADER(0), 16, false },
		{ BLK_RIG_BUFFER(0), 512, false },
	};
	static const struct virtio_driver_part empty_status[] = {
		{ BLK_RIG_HEADER(0), 16, false },
		{ BLK_RIG_STATUS(0), 0, true },
	};
	static const struct virtio_driver_part no_header[] = {
		{ BLK_RIG_BUFFER(0), 512, true },
		{ BLK_RIG_STATUS(0), 1, true },
	};
	static const struct virtio_driver_part short_header[] = {
		{ BLK_RIG_HEADER(0), 8, false },
		{ BLK_RIG_HEADER(0) + 8, 7, false },
		{ BLK_RIG_BUFFER(0), 512, true },
		{ BLK_RIG_STATUS(0), 1, true },
	};

	check_breaks(no_status, IOL_ARRAY_LEN(no_status));
	check_breaks(empty_status, IOL_ARRAY_LEN(empty_status));
	check_breaks(no_header, IOL_ARRAY_LEN(no_header));
	check_breaks(short_header, IOL_ARRAY_LEN(short_header));
}

/* --- FLUSH, GET_ID, what is unknown --- */

static void test_flush(void)
{
	uint32_t used_len;
	struct blk_rig r;

	init(&r);
	/* 5.2.6.1 asks for sector 0 and no data, and says nothing of a device that gets others. */
	memset(device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0)), UNTOUCHED, 512);
	g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_FLUSH, 0, 0, false, &used_len), ==, OK);
	g_assert_cmpuint(used_len, ==, 1);
	g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_FLUSH, UINT64_MAX, 77, false, &used_len), ==,
			 OK);
	g_assert_cmpuint(used_len, ==, 1);
	g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_FLUSH, 0, 512, true, &used_len), ==, OK);
	g_assert_cmpuint(used_len, ==, 0);
	g_assert_true(is_filled(device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0)), UNTOUCHED, 512));
	g_assert_cmpuint(r.mb->seen_count, ==, 3);
	for (unsigned int i = 0; i < 3; i++)
		g_assert_cmpint(memory_block_seen(r.mb, i)->kind, ==, IOL_BLOCK_FLUSH);
	finish(&r);
}

static void check_id(const char *serial, uint32_t room, const char *expected, uint32_t expected_len,
		     uint32_t expected_used)
{
	const struct blk_rig_setup setup = { .limits = blk_rig_limits, .serial = serial };
	uint8_t *buffer;
	uint32_t used_len;
	struct blk_rig r;

	blk_rig_init(&r, &setup);
	device_rig_start(&r.dev, UINT64_MAX);
	buffer = device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0));
	memset(buffer, UNTOUCHED, 64);
	g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_GET_ID, 0, room, true, &used_len), ==, OK);
	g_test_message("'%s' into %u: used %u", serial, room, used_len);
	g_assert_cmpmem(buffer, expected_len, expected, expected_len);
	g_assert_true(is_filled(buffer + expected_len, UNTOUCHED, 64 - expected_len));
	g_assert_cmpuint(used_len, ==, expected_used);
	finish(&r);
}

static void test_get_id(void)
{
	check_id("abc", 20, "abc\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 21);
	check_id("12345678901234567890", 20, "12345678901234567890", 20, 21);
	check_id("12345678901234567890123", 20, "12345678901234567890", 20, 21);
	check_id("", 20, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 21);
	check_id("abcdef", 4, "abcd", 4, 5);
	check_id("abc", 0, "", 0, 1);
	/* More room than an identity needs: the status is not next to it. */
	check_id("12345678901234567890", 21, "12345678901234567890", 20, 20);
	check_id("12345678901234567890", 64, "12345678901234567890", 20, 20);
}

/* 5.2.6.2: also the requests of features that are not offered (LIFETIME, SECURE_ERASE, zones, SCSI). */
static void test_unknown_types(void)
{
	static const uint32_t types[] = { 2,  3,  5,     6,          7,          9,         10, 12,
					  14, 15, 16,    17,         18,         20,        22, 24,
					  26, 27, 0x100, 0x80000000, 0x80000001, UINT32_MAX };
	uint32_t used_len;
	struct blk_rig r;

	init(&r);
	memset(device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0)), UNTOUCHED, 512);
	for (size_t i = 0; i < IOL_ARRAY_LEN(types); i++) {
		g_assert_cmpuint(blk_rig_do(&r, types[i], 0, 512, true, &used_len), ==, UNSUPP);
		g_assert_cmpuint(used_len, ==, 0);
		g_assert_cmpuint(blk_rig_do(&r, types[i], 0, 512, false, &used_len), ==, UNSUPP);
		g_assert_cmpuint(used_len, ==, 1);
	}
	g_assert_true(is_filled(device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0)), UNTOUCHED, 512));
	g_assert_cmpuint(r.mb->seen_count, ==, 0);
	finish(&r);
}

/* --- DISCARD and WRITE_ZEROES --- */

struct segment_text {
	uint64_t sector;
	uint32_t count, flags;
};

static void put_segments(struct blk_rig *r, unsigned int slot, const struct segment_text *segments,
			 unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		uint8_t *p = device_rig_ptr(&r->dev, BLK_RIG_BUFFER(slot) + 16 * i);

		le64_store(p, segments[i].sector);
		le32_store(p + 8, segments[i].count);
		le32_store(p + 12, segments[i].flags);
	}
}

static uint8_t do_segments(struct blk_rig *r, uint32_t type, const struct segment_text *segments,
			   unsigned int count)
{
	uint32_t used_len;
	uint8_t status;

	put_segments(r, 0, segments, count);
	/* The sector of the header means nothing. */
	status = blk_rig_do(r, type, UINT64_MAX, 16 * count, false, &used_len);
	g_assert_cmpuint(used_len, ==, 1);
	return status;
}

static void check_segments(bool async)
{
	static const struct segment_text segments[] = {
		{ 0, 8, 1 }, { 100, 0, 0 }, { SECTORS - 8, 8, 0 }, { 16, 1, 1 }, { SECTORS, 0, 0 },
	};
	struct blk_rig r;

	init(&r);
	r.mb->async = async;
	memset(r.mb->data, UNTOUCHED, r.mb->data_bytes);
	g_assert_cmpuint(do_segments(&r, VIRTIO_BLK_T_WRITE_ZEROES, segments, 5), ==, OK);
	/* Empty ranges do not get to the backend; the others do in order, each with its own flag. */
	g_assert_cmpuint(r.mb->seen_count, ==, 3);
	for (unsigned int i = 0; i < 3; i++) {
		static const unsigned int of[] = { 0, 2, 3 };
		const struct memory_block_seen *seen = memory_block_seen(r.mb, i);

		g_assert_cmpint(seen->kind, ==, IOL_BLOCK_WRITE_ZEROES);
		g_assert_cmpuint(seen->offset_bytes, ==, segments[of[i]].sector * 512);
		g_assert_cmpuint(seen->len_bytes, ==, segments[of[i]].count * 512);
		g_assert_cmpuint(seen->unmap, ==, segments[of[i]].flags);
	}
	g_assert_true(is_filled(r.mb->data, 0, 4096));
	g_assert_true(is_filled(r.mb->data + 4096, UNTOUCHED, 4096));
	g_assert_true(is_filled(r.mb->data + 8192, 0, 512));
	g_assert_true(is_filled(r.mb->data + 8704, UNTOUCHED, IOL_MIB - 4096 - 8704));
	g_assert_true(is_filled(r.mb->data + IOL_MIB - 4096, 0, 4096));
	finish(&r);
}

static void test_segments(void)
{
	check_segments(false);
	check_segments(true);
}

static void test_segment_rules(void)
{
	static const struct {
		uint32_t sector_count; /* of segments */
		struct segment_text segments[3];
		uint8_t discard, zeroes;
	} cases[] = {
		{ 1, { { 0, 8, 0 } }, OK, OK },
		{ 1, { { 0, 8, 1 } }, UNSUPP, OK },
		{ 1, { { 0, 8, 2 } }, UNSUPP, UNSUPP },
		{ 1, { { 0, 8, 3 } }, UNSUPP, UNSUPP },
		{ 1, { { 0, 8, 0x80000000 } }, UNSUPP, UNSUPP },
		{ 1, { { 0, 0, 0 } }, OK, OK },
		{ 1, { { 0, 0, 4 } }, UNSUPP, UNSUPP },
		/* The flags are judged before all else. */
		{ 2, { { UINT64_MAX, 1, 0 }, { 0, 8, 4 } }, UNSUPP, UNSUPP },
		{ 1, { { 0, 1024, 0 } }, OK, OK },
		{ 1, { { 0, 1025, 0 } }, IOERR, IOERR },
		{ 1, { { 0, UINT32_MAX, 0 } }, IOERR, IOERR },
		{ 1, { { SECTORS - 1, 1, 0 } }, OK, OK },
		{ 1, { { SECTORS - 1, 2, 0 } }, IOERR, IOERR },
		{ 1, { { SECTORS, 1, 0 } }, IOERR, IOERR },
		{ 1, { { SECTORS + 1, 0, 0 } }, IOERR, IOERR },
		{ 1, { { UINT64_MAX, 1, 0 } }, IOERR, IOERR },
		{ 1, { { UINT64_MAX - 7, 8, 0 } }, IOERR, IOERR },
		{ 1, { { UINT64_C(1) << 55, 8, 0 } }, IOERR, IOERR },
		{ 3, { { 0, 8, 0 }, { 8, 8, 0 }, { SECTORS, 8, 0 } }, IOERR, IOERR },
		{ 0, { { 0, 0, 0 } }, IOERR, IOERR },
	};
	struct blk_rig r;

	init(&r);
	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		unsigned int seen = r.mb->seen_count, done = 0;
		uint8_t discard, zeroes;

		discard = do_segments(&r, VIRTIO_BLK_T_DISCARD, cases[i].segments,
				      cases[i].sector_count);
		zeroes = do_segments(&r, VIRTIO_BLK_T_WRITE_ZEROES, cases[i].segments,
				     cases[i].sector_count);
		g_test_message("case %zu: discard %u, write zeroes %u", i, discard, zeroes);
		g_assert_cmpuint(discard, ==, cases[i].discard);
		g_assert_cmpuint(zeroes, ==, cases[i].zeroes);
		/* All or nothing. */
		if (cases[i].segments[0].count)
			done = (discard == OK) + (zeroes == OK);
		g_assert_cmpuint(r.mb->seen_count - seen, ==, done);
	}
	finish(&r);
}

/* Lengths that hold no whole number of segments, or too many. */
static void test_segment_lengths(void)
{
	static const struct {
		uint32_t len;
		uint8_t status;
	} cases[] = {
		{ 1, IOERR }, { 15, IOERR },  { 16, OK },     { 17, IOERR },
		{ 256, OK },  { 257, IOERR }, { 272, IOERR }, { 4096, IOERR },
	};
	struct blk_rig r;

	init(&r);
	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct segment_text segments[17];
		unsigned int seen = r.mb->seen_count;
		uint8_t status;

		for (unsigned int j = 0; j < IOL_ARRAY_LEN(segments); j++)
			segments[j] = (struct segment_text){ j * 8, 8, 0 };
		memset(device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0)), 0, 4096);
		put_segments(&r, 0, segments, IOL_ARRAY_LEN(segments));
		status = blk_rig_do(&r, VIRTIO_BLK_T_DISCARD, 0, cases[i].len, false, NULL);
		g_test_message("%u bytes: %u", cases[i].len, status);
		g_assert_cmpuint(status, ==, cases[i].status);
		g_assert_cmpuint(r.mb->seen_count - seen, ==, status == OK ? cases[i].len / 16 : 0);
	}
	finish(&r);
}

/* A range that fails ends the request; those behind it are not tried. */
static void check_segment_fails(bool async)
{
	static const struct segment_text segments[] = { { 0, 8, 0 }, { 80, 8, 0 }, { 160, 8, 0 } };
	struct blk_rig r;

	init(&r);
	r.mb->async = async;
	r.mb->fail_with = -ENOSPC;
	r.mb->fail_kinds = 1 << IOL_BLOCK_WRITE_ZEROES;
	r.mb->fail_from = 80 * 512;
	g_assert_cmpuint(do_segments(&r, VIRTIO_BLK_T_WRITE_ZEROES, segments, 3), ==, IOERR);
	g_assert_cmpuint(r.mb->seen_count, ==, 2);
	r.mb->fail_with = 0;
	g_assert_cmpuint(do_segments(&r, VIRTIO_BLK_T_WRITE_ZEROES, segments, 3), ==, OK);
	g_assert_cmpuint(r.mb->seen_count, ==, 5);
	finish(&r);
}

static void test_segment_fails(void)
{
	check_segment_fails(false);
	check_segment_fails(true);
}

/* --- errors of the disk --- */

static void check_error(struct blk_rig *r, int res)
{
	static const struct segment_text segment = { 8, 8, 0 };
	static const struct {
		uint32_t type;
		uint32_t len;
		bool writable;
	} requests[] = {
		{ VIRTIO_BLK_T_IN, 512, true },           { VIRTIO_BLK_T_OUT, 512, false },
		{ VIRTIO_BLK_T_FLUSH, 0, false },         { VIRTIO_BLK_T_DISCARD, 16, false },
		{ VIRTIO_BLK_T_WRITE_ZEROES, 16, false },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(requests); i++) {
		uint8_t expected = res == -EOPNOTSUPP ? UNSUPP : IOERR;
		uint32_t used_len;

		put_segments(r, 0, &segment, 1);
		r->mb->fail_with = res;
		g_assert_cmpuint(blk_rig_do(r, requests[i].type, 0, requests[i].len,
					    requests[i].writable, &used_len),
				 ==, expected);
		/* A read that failed says nothing of what it wrote. */
		g_assert_cmpuint(used_len, ==, requests[i].writable ? 0 : 1);
		put_segments(r, 0, &segment, 1);
		r->mb->fail_with = 0;
		g_assert_cmpuint(blk_rig_do(r, requests[i].type, 0, requests[i].len,
					    requests[i].writable, NULL),
				 ==, OK);
	}
}

static void test_errors(void)
{
	static const int errors[] = { -EIO, -ENOSPC, -ECANCELED, -EINVAL, -EOPNOTSUPP, -EFBIG };
	struct blk_rig r;

	init(&r);
	r.mb->fail_kinds = UINT32_MAX;
	for (size_t i = 0; i < IOL_ARRAY_LEN(errors); i++) {
		r.mb->async = i % 2;
		check_error(&r, errors[i]);
	}
	finish(&r);
}

/* 5.2.6.2: IOERR and nothing is written, whether the driver took VIRTIO_BLK_F_RO or not. */
static void check_read_only(uint64_t features)
{
	static const struct segment_text known = { 0, 8, 0 }, unknown = { 0, 8, 2 };
	struct iol_block_limits limits = blk_rig_limits;
	struct blk_rig r;

	limits.read_only = true;
	init_with(&r, &limits, features);
	fill(device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0)), 512, 3);
	g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_OUT, 0, 512, false, NULL), ==, IOERR);
	g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_OUT, 0, 0, false, NULL), ==, IOERR);
	g_assert_cmpuint(do_segments(&r, VIRTIO_BLK_T_DISCARD, &known, 1), ==, IOERR);
	g_assert_cmpuint(do_segments(&r, VIRTIO_BLK_T_WRITE_ZEROES, &known, 1), ==, IOERR);
	g_assert_cmpuint(do_segments(&r, VIRTIO_BLK_T_DISCARD, &unknown, 1), ==, UNSUPP);
	g_assert_cmpuint(do_segments(&r, VIRTIO_BLK_T_WRITE_ZEROES, &unknown, 1), ==, UNSUPP);
	g_assert_cmpuint(r.mb->seen_count, ==, 0);
	g_assert_true(is_filled(r.mb->data, 0, r.mb->data_bytes));
	g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_IN, 0, 512, true, NULL), ==, OK);
	g_assert_cmpuint(blk_rig_do(&r, VIRTIO_BLK_T_FLUSH, 0, 0, true, NULL), ==, OK);
	finish(&r);
}

static void test_read_only(void)
{
	check_read_only(UINT64_MAX);
	check_read_only(~BLK_RIG_BIT(VIRTIO_BLK_F_RO));
}

/* --- order --- */

static void test_out_of_order(void)
{
	static const unsigned int order[] = { 3, 0, 2, 0, 0 };
	unsigned int slots[] = { 0, 1, 2, 3, 4 }, left = 5;
	uint16_t heads[5];
	struct blk_rig r;

	init(&r);
	r.mb->async = true;
	for (unsigned int i = 0; i < 5; i++)
		heads[i] = blk_rig_send(&r, 0, i, VIRTIO_BLK_T_IN, i, 512, true);
	g_assert_cmpuint(r.mb->pending_count, ==, 5);
	for (unsigned int i = 0; i < 5; i++) {
		unsigned int slot = slots[order[i]];

		g_assert_cmpuint(*device_rig_ptr(&r.dev, BLK_RIG_STATUS(slot)), ==,
				 BLK_RIG_NO_STATUS);
		memory_block_end(r.mb, order[i]);
		device_rig_settle(&r.dev);
		g_assert_cmpuint(blk_rig_take(&r, 0).head, ==, heads[slot]);
		g_assert_cmpuint(*device_rig_ptr(&r.dev, BLK_RIG_STATUS(slot)), ==, OK);
		memmove(&slots[order[i]], &slots[order[i] + 1],
			(--left - order[i]) * sizeof(slots[0]));
	}
	finish(&r);
}

/* The device is done with a request's parts when the backend is: it may spoil them. */
static void test_many(void)
{
	enum { ROUNDS = 300 };
	const struct blk_rig_setup setup = { .limits = blk_rig_limits, .queue_size = 32 };
	GRand *rand = g_rand_new_with_seed(42);
	unsigned int sent = 0, back = 0;
	struct blk_rig r;

	blk_rig_init(&r, &setup);
	device_rig_start(&r.dev, UINT64_MAX);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct virtio_driver_used used;
		unsigned int slot = round % BLK_RIG_SLOTS;

		r.mb->async = g_rand_int(rand) % 4;
		if (r.dev.drivers[0].free_count) {
			bool write = g_rand_boolean(rand);

			fill(device_rig_ptr(&r.dev, BLK_RIG_BUFFER(slot)), 512, round);
			blk_rig_send(&r, 0, slot, write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
				     round % SECTORS, 512, !write);
			sent++;
		}
		if (r.mb->pending_count && g_rand_boolean(rand))
			memory_block_end(r.mb, g_rand_int(rand) % r.mb->pending_count);
		device_rig_settle(&r.dev);
		while (virtio_driver_take_used(&r.dev.drivers[0], &used) > 0)
			back++;
	}
	memory_block_end_all(r.mb);
	device_rig_settle(&r.dev);
	for (struct virtio_driver_used used; virtio_driver_take_used(&r.dev.drivers[0], &used) > 0;)
		back++;
	g_test_message("%u sent, %u back", sent, back);
	g_assert_cmpuint(sent, >, ROUNDS / 2);
	g_assert_cmpuint(back, ==, sent);
	g_rand_free(rand);
	finish(&r);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/virtio-blk/read-write", test_read_write);
	g_test_add_func("/virtio-blk/ranges", test_ranges_of_reads_and_writes);
	g_test_add_func("/virtio-blk/wrong-direction", test_wrong_direction);
	g_test_add_func("/virtio-blk/layouts", test_layouts);
	g_test_add_func("/virtio-blk/too-many-parts", test_too_many_parts);
	g_test_add_func("/virtio-blk/unanswerable", test_unanswerable);
	g_test_add_func("/virtio-blk/flush", test_flush);
	g_test_add_func("/virtio-blk/get-id", test_get_id);
	g_test_add_func("/virtio-blk/unknown-types", test_unknown_types);
	g_test_add_func("/virtio-blk/segments", test_segments);
	g_test_add_func("/virtio-blk/segment-rules", test_segment_rules);
	g_test_add_func("/virtio-blk/segment-lengths", test_segment_lengths);
	g_test_add_func("/virtio-blk/segment-fails", test_segment_fails);
	g_test_add_func("/virtio-blk/errors", test_errors);
	g_test_add_func("/virtio-blk/read-only", test_read_only);
	g_test_add_func("/virtio-blk/out-of-order", test_out_of_order);
	g_test_add_func("/virtio-blk/many", test_many);
	return g_test_run();
}
