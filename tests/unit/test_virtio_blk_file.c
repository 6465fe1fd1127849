// SPDX-License-Identifier: Apache-2.0
/* The block device over a real file: what its parts promise each other (see test_virtio_blk.c). */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include <iolite/endian.h>

#include "virtio_blk_rig.h"

enum { UNTOUCHED = 0x5a };

static void put_segment(struct blk_rig *r, uint64_t sector, uint32_t count)
{
	uint8_t *p = device_rig_ptr(&r->dev, BLK_RIG_BUFFER(0));

	le64_store(p, sector);
	le32_store(p + 8, count);
	le32_store(p + 12, 0);
}

static void wait_used(struct blk_rig *r, uint16_t count)
{
	gint64 end = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND;

	while (virtio_driver_used_idx(&r->dev.drivers[0]) != count) {
		device_rig_settle(&r->dev);
		if (g_get_monotonic_time() > end)
			g_error("request %u did not come back in 20 s", count);
		g_usleep(100);
	}
}

static void check_file(enum iol_block_cache cache, uint64_t features)
{
	static const struct {
		uint32_t type, len;
		bool writable;
	} requests[] = {
		{ VIRTIO_BLK_T_OUT, 4096, false }, { VIRTIO_BLK_T_FLUSH, 0, false },
		{ VIRTIO_BLK_T_IN, 4096, true },   { VIRTIO_BLK_T_WRITE_ZEROES, 16, false },
		{ VIRTIO_BLK_T_IN, 4096, true },
	};
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("virtio-blk-XXXXXX", &path, NULL);
	struct iol_block_raw_config raw = {
		.path = path, .cache = cache, .discard = true, .lock = true
	};
	struct blk_rig_setup setup = { 0 };
	uint8_t expected[4096];
	struct iol_loop loop;
	struct iol_error err;
	struct blk_rig r;

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(ftruncate(fd, IOL_MIB), ==, 0);
	g_assert_cmpint(iol_loop_init(&loop, &err), ==, 0);
	if (iol_block_raw_new(&loop, &raw, &setup.blk, &err))
		g_error("%s", err.msg);
	setup.loop = &loop;
	blk_rig_init(&r, &setup);
	device_rig_start(&r.dev, features);
	for (size_t i = 0; i < sizeof(expected); i++)
		expected[i] = (uint8_t)(i * 7 + i / 256);
	for (uint16_t i = 0; i < IOL_ARRAY_LEN(requests); i++) {
		uint8_t *buffer = device_rig_ptr(&r.dev, BLK_RIG_BUFFER(0));

		memcpy(buffer, expected, sizeof(expected));
		if (requests[i].writable)
			memset(buffer, UNTOUCHED, sizeof(expected));
		if (requests[i].type == VIRTIO_BLK_T_WRITE_ZEROES)
			put_segment(&r, 8, 8);
		blk_rig_send(&r, 0, 0, requests[i].type, 8, requests[i].len, requests[i].writable);
		wait_used(&r, (uint16_t)(i + 1));
		blk_rig_take(&r, 0);
		g_assert_cmpuint(*device_rig_ptr(&r.dev, BLK_RIG_STATUS(0)), ==, VIRTIO_BLK_S_OK);
		if (i == 4)
			memset(expected, 0, sizeof(expected));
		if (requests[i].writable)
			g_assert_cmpmem(buffer, 4096, expected, 4096);
		if (i == 0) {
			g_assert_cmpint(pread(fd, buffer, 4096, 4096), ==, 4096);
			g_assert_cmpmem(buffer, 4096, expected, 4096);
		}
	}
	device_rig_finish(&r.dev);
	iol_loop_finish(&loop);
	g_unlink(path);
	close(fd);
}

static void test_file(void)
{
	static const enum iol_block_cache caches[] = { IOL_BLOCK_WRITEBACK, IOL_BLOCK_WRITETHROUGH,
						       IOL_BLOCK_UNSAFE };
	const uint64_t no_flush =
		~(BLK_RIG_BIT(VIRTIO_BLK_F_FLUSH) | BLK_RIG_BIT(VIRTIO_BLK_F_CONFIG_WCE));

	for (size_t i = 0; i < IOL_ARRAY_LEN(caches); i++) {
		check_file(caches[i], UINT64_MAX);
		check_file(caches[i], no_flush);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/virtio-blk-file/requests", test_file);
	return g_test_run();
}
