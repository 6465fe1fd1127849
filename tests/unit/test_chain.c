// SPDX-License-Identifier: Apache-2.0
/* Descriptor chains: virtio-v1.2 2.7.4 and 2.7.5, G1 to G8 of guest-memory.md; what devices do with them. */
#include "chain_rig.h"
#include "host_memory.h"

/* --- parts --- */

static void test_one_part(void)
{
	struct rig r;

	init(&r);
	rig_put(&r, 5, RIG_DATA + 3, 100, 0, 0xffff);
	rig_show_head(&r, 5);
	g_assert_cmpuint(rig_take(&r), ==, 5);
	assert_shape(&r, 1, 100, 0, 0);
	assert_part(&r, 0, RIG_DATA + 3, 100);
	rig_put(&r, 6, RIG_DATA + 9, 7, WRITE, 0xffff);
	rig_show_head(&r, 6);
	g_assert_cmpuint(rig_take(&r), ==, 6);
	assert_shape(&r, 0, 0, 1, 7);
	assert_part(&r, 0, RIG_DATA + 9, 7);
	g_assert_true(r.chain.iov == r.iov);
	rig_finish(&r);
}

/* 2.7.4.1: no assumption about the arrangement; links may go anywhere in the table. */
static void test_many_parts(void)
{
	static const uint16_t order[] = { 3, 7, 0, 6, 1, 5, 2, 4 };
	struct rig r;

	init(&r);
	for (unsigned int i = 0; i < SIZE; i++) {
		uint16_t flags = (i < 3 ? 0 : WRITE) | (i + 1 < SIZE ? NEXT : 0);

		rig_put(&r, order[i], RIG_DATA + 0x100 * i, i + 1, flags,
			i + 1 < SIZE ? order[i + 1] : 0);
	}
	rig_show_head(&r, 3);
	rig_take(&r);
	assert_shape(&r, 3, 6, 5, 30);
	for (unsigned int i = 0; i < SIZE; i++)
		assert_part(&r, i, RIG_DATA + 0x100 * i, i + 1);
	rig_finish(&r);
}

/* G1 */
static void test_inside_ram(void)
{
	static const struct {
		uint64_t gpa;
		uint32_t len;
		bool good;
	} cases[] = {
		{ 0, 1, true },
		{ 0, RIG_RAM_BYTES, true },
		{ 0, RIG_RAM_BYTES + 1, false },
		{ RIG_RAM_BYTES - 1, 1, true },
		{ RIG_RAM_BYTES - 1, 2, false },
		{ RIG_RAM_BYTES, 1, false },
		{ RIG_DATA - 1, 1, false },
		{ RIG_DATA - 1, 2, false },
		{ RIG_DATA, RIG_DATA_END - RIG_DATA, true },
		{ RIG_DATA, RIG_DATA_END - RIG_DATA + 1, false },
		{ RIG_DATA_END - 1, 1, true },
		{ RIG_DATA_END - 1, 2, false },
		{ RIG_DATA_END, 1, false },
		{ RIG_DATA, UINT32_MAX, false },
		{ UINT64_C(0x100000000) + RIG_DATA, 1, false },
		{ UINT64_MAX, 1, false },
		{ UINT64_MAX, 2, false },
		{ UINT64_MAX - 15, 16, false },
		{ UINT64_MAX - 15, 17 + RIG_DATA, false },
		{ UINT64_C(1) << 63, 1, false },
	};
	struct rig r;

	init(&r);
	for (unsigned int i = 0; i < 2 * IOL_ARRAY_LEN(cases); i++) {
		char text[64];

		again(&r);
		rig_put(&r, 0, cases[i / 2].gpa, cases[i / 2].len, i % 2 ? WRITE : 0, 0);
		rig_show_head(&r, 0);
		if (cases[i / 2].good) {
			rig_take(&r);
			assert_part(&r, 0, cases[i / 2].gpa, cases[i / 2].len);
			continue;
		}
		g_snprintf(text, sizeof(text), "%u bytes at %#" PRIx64 " are not inside RAM",
			   cases[i / 2].len, cases[i / 2].gpa);
		rig_assert_broken(&r, text);
	}
	rig_finish(&r);
}

/* G8 */
static void test_zero_length(void)
{
	struct rig r;

	init(&r);
	rig_put(&r, 0, UINT64_MAX, 0, NEXT, 1);
	rig_put(&r, 1, RIG_DATA, 5, NEXT, 2);
	rig_put(&r, 2, RIG_DATA_END, 0, NEXT, 3);
	rig_put(&r, 3, 0x800000, 0, NEXT | WRITE, 4);
	rig_put(&r, 4, RIG_DATA + 8, 1, NEXT | WRITE, 5);
	rig_put(&r, 5, UINT64_MAX, 0, WRITE, 0);
	rig_show_head(&r, 0);
	rig_take(&r);
	assert_shape(&r, 1, 5, 1, 1);
	assert_part(&r, 0, RIG_DATA, 5);
	assert_part(&r, 1, RIG_DATA + 8, 1);
	rig_finish(&r);
}

/* A chain of nothing is legal here; it takes a step for each descriptor all the same. */
static void test_all_zero_length(void)
{
	struct iol_chain chain;
	struct rig r;

	init(&r);
	rig_put(&r, 0, UINT64_MAX, 0, NEXT, 1);
	rig_put(&r, 1, UINT64_MAX, 0, WRITE, 0);
	rig_show_head(&r, 0);
	/* There is not even room needed. */
	g_assert_cmpint(iol_virtqueue_pop(&r.vq, &chain, NULL, 0, NULL), ==, 1);
	g_assert_cmpuint(chain.readable_count + chain.writable_count, ==, 0);
	g_assert_cmpuint(chain.readable_bytes + chain.writable_bytes, ==, 0);
	iol_virtqueue_push(&r.vq, chain.head, 0);
	rig_put(&r, 1, UINT64_MAX, 0, NEXT, 0);
	rig_show_head(&r, 0);
	rig_assert_broken(&r, "longer than the 8 entries");
	rig_finish(&r);
}

/* G7, 2.7.4.2: by the flag, empty or not. */
static void test_readable_behind_writable(void)
{
	struct rig r;

	init(&r);
	for (unsigned int empty = 0; empty < 4; empty++) {
		again(&r);
		rig_put(&r, 0, RIG_DATA, 1, NEXT, 1);
		rig_put(&r, 1, RIG_DATA, empty & 1 ? 0 : 1, NEXT | WRITE, 2);
		rig_put(&r, 2, RIG_DATA, empty & 2 ? 0 : 1, 0, 0);
		rig_show_head(&r, 0);
		rig_assert_broken(&r, "readable part behind a writable one");
	}
	rig_finish(&r);
}

/* 2.7.5: flags that are not defined say nothing. */
static void test_unknown_flags(void)
{
	struct rig r;

	init(&r);
	rig_put(&r, 0, RIG_DATA, 4, 0xfff8 | NEXT, 1);
	rig_put(&r, 1, RIG_DATA + 4, 4, 0xfff8 | WRITE, 77);
	rig_show_head(&r, 0);
	rig_take(&r);
	assert_shape(&r, 1, 4, 1, 4);
	rig_put(&r, 2, TABLE, DESC_BYTES, 0xfff8 | INDIRECT, 77);
	rig_put_in(&r, TABLE, 0, RIG_DATA, 9, 0xfff8, 77);
	rig_show_head(&r, 2);
	rig_take(&r);
	assert_shape(&r, 1, 9, 0, 0);
	rig_finish(&r);
}

/* --- links --- */

/* G5 */
static void test_next_bound(void)
{
	static const uint16_t wrong[] = { SIZE, SIZE + 1, 0x7fff, 0x8000, 0xffff };
	struct rig r;

	init(&r);
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(wrong); i++) {
		char text[64];

		again(&r);
		rig_put(&r, 0, RIG_DATA, 1, NEXT, wrong[i]);
		rig_show_head(&r, 0);
		g_snprintf(text, sizeof(text), "next is %u in a table of 8 entries", wrong[i]);
		rig_assert_broken(&r, text);
		/* Without the flag it says nothing. */
		again(&r);
		rig_put(&r, 0, RIG_DATA, 1, 0, wrong[i]);
		rig_show_head(&r, 0);
		rig_take(&r);
	}
	rig_finish(&r);
}

/* 2.7.5.2: loops, of any length and entered anywhere. */
static void test_loops(void)
{
	struct rig r;

	init(&r);
	for (uint16_t entry = 0; entry < SIZE; entry++) {
		for (uint16_t back = 0; back < SIZE; back++) {
			again(&r);
			for (uint16_t i = 0; i < SIZE; i++)
				rig_put(&r, i, RIG_DATA, 1, NEXT,
					i + 1 < SIZE ? (uint16_t)(i + 1) : back);
			rig_show_head(&r, entry);
			rig_assert_broken(&r, "longer than the 8 entries");
		}
	}
	rig_finish(&r);
}

static void test_longest(void)
{
	struct rig r;

	rig_init(&r, IOL_VIRTQUEUE_SIZE_MAX, false, false);
	for (uint16_t i = 0; i < IOL_VIRTQUEUE_SIZE_MAX; i++)
		rig_put(&r, i, RIG_DATA + i, 1, i + 1 < IOL_VIRTQUEUE_SIZE_MAX ? NEXT : 0,
			(uint16_t)(i + 1));
	rig_show_head(&r, 0);
	rig_take(&r);
	assert_shape(&r, IOL_VIRTQUEUE_SIZE_MAX, IOL_VIRTQUEUE_SIZE_MAX, 0, 0);
	assert_part(&r, 1023, RIG_DATA + 1023, 1);
	rig_finish(&r);
}

static void test_queue_of_one(void)
{
	struct rig r;

	rig_init(&r, 1, false, true);
	for (int i = 0; i < 3; i++) {
		rig_put(&r, 0, RIG_DATA, 1, 0, 0);
		rig_show_head(&r, 0);
		iol_virtqueue_push(&r.vq, rig_take(&r), 0);
		iol_virtqueue_publish(&r.vq);
	}
	rig_put(&r, 0, TABLE, 2 * DESC_BYTES, INDIRECT, 0);
	rig_show_head(&r, 0);
	rig_assert_broken(&r, "table of 32 bytes");
	rig_finish(&r);
}

/* --- the caller's room --- */

static void test_room(void)
{
	struct iovec guarded[SIZE];
	struct iol_error err;
	struct rig r;

	init(&r);
	for (unsigned int parts = 1; parts <= SIZE; parts++) {
		for (unsigned int room = 0; room <= SIZE; room++) {
			int ret;

			again(&r);
			memset(guarded, 0xa5, sizeof(guarded));
			for (uint16_t i = 0; i < parts; i++)
				rig_put(&r, i, RIG_DATA, 1,
					(i >= parts / 2 ? WRITE : 0) | (i + 1u < parts ? NEXT : 0),
					(uint16_t)(i + 1));
			rig_show_head(&r, 0);
			ret = iol_virtqueue_pop(&r.vq, &r.chain, guarded, room, &err);
			g_assert_cmpint(ret, ==, parts <= room ? 1 : -EPROTO);
			g_assert_true(parts <= room || strstr(err.msg, "parts that the device"));
			for (unsigned int i = room; i < SIZE; i++)
				g_assert_cmphex(guarded[i].iov_len, ==,
						(size_t)UINT64_C(0xa5a5a5a5a5a5a5a5));
		}
	}
	rig_finish(&r);
}

/* 2.7.5.2: the bytes of a chain, in memory that is large enough for them and never touched. */
static void test_total_bytes(void)
{
	static const struct {
		uint32_t len[3];
		uint16_t write; /* a bit each */
		bool good;
	} cases[] = {
		{ { UINT32_MAX, 0, 0 }, 0, true },
		{ { UINT32_MAX, 0, 0 }, 7, true },
		{ { UINT32_MAX, 1, 0 }, 0, false },
		{ { UINT32_MAX, 1, 0 }, 6, false },
		{ { 1, UINT32_MAX, 0 }, 7, false },
		{ { 1, UINT32_MAX, 0 }, 6, false },
		{ { UINT32_MAX - 1, 1, 0 }, 2 | 4, true },
		{ { 1, 1, UINT32_MAX - 2 }, 6, true },
		{ { 1, 1, UINT32_MAX - 1 }, 6, false },
		{ { 1, 1, UINT32_MAX - 1 }, 4, false },
		{ { 0x80000000, 0x80000000, 0 }, 6, false },
		{ { 0x80000000, 0x7fffffff, 0 }, 6, true },
		{ { UINT32_MAX, UINT32_MAX, UINT32_MAX }, 6, false },
	};
	static const struct iol_memory_region region = { .gpa = 0, .size_bytes = 5 * IOL_GIB };
	struct rig r;

	if (!host_maps(region.size_bytes))
		return;
	init(&r);
	iol_memory_finish(&r.memory);
	g_assert_cmpint(iol_memory_init(&r.memory, &region, 1, NULL), ==, 0);
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		uint32_t bytes[2] = { 0 };

		again(&r);
		for (uint16_t k = 0; k < 3; k++) {
			unsigned int write = cases[i].write >> k & 1;

			rig_put(&r, k, 0, cases[i].len[k], (write ? WRITE : 0) | (k < 2 ? NEXT : 0),
				(uint16_t)(k + 1));
			bytes[write] += cases[i].len[k];
		}
		rig_show_head(&r, 0);
		if (!cases[i].good) {
			rig_assert_broken(&r, "4 GiB or more");
			continue;
		}
		rig_take(&r);
		g_assert_cmpuint(r.chain.readable_bytes, ==, bytes[0]);
		g_assert_cmpuint(r.chain.writable_bytes, ==, bytes[1]);
	}
	rig_finish(&r);
}

/* --- what devices do --- */

/* Readable parts of 3, 1, 5 bytes with 0..8 in them, writable ones of 2, 1, 4 bytes. */
static void take_sample(struct rig *r)
{
	static const struct virtio_driver_part parts[] = {
		{ RIG_DATA + 0x10, 3, false }, { RIG_DATA + 0x20, 1, false },
		{ RIG_DATA + 0x30, 5, false }, { RIG_DATA + 0x40, 2, true },
		{ RIG_DATA + 0x50, 1, true },  { RIG_DATA + 0x60, 4, true },
	};
	uint8_t byte = 0;

	again(r);
	memset(rig_ptr(r, RIG_DATA), 0xee, 0x100);
	for (unsigned int i = 0; i < 3; i++)
		for (unsigned int k = 0; k < parts[i].len; k++)
			*(uint8_t *)rig_ptr(r, parts[i].gpa + k) = byte++;
	g_assert_cmpint(virtio_driver_add(&r->driver, parts, 6, 6), >=, 0);
	virtio_driver_show(&r->driver);
	rig_take(r);
	assert_shape(r, 3, 9, 3, 7);
}

static void test_take_header(void)
{
	uint8_t buf[16];
	struct rig r;

	init(&r);
	/* All ways of two bites, and one more. */
	for (uint32_t first = 0; first <= 9; first++) {
		for (uint32_t second = 0; first + second <= 9; second++) {
			uint32_t rest = 9 - first - second;

			take_sample(&r);
			memset(buf, 0xcc, sizeof(buf));
			g_assert_true(iol_chain_take_header(&r.chain, buf, first));
			g_assert_cmpuint(r.chain.readable_bytes, ==, 9 - first);
			g_assert_true(iol_chain_take_header(&r.chain, buf + first, second));
			for (uint32_t i = 0; i < first + second; i++)
				g_assert_cmpuint(buf[i], ==, i);
			g_assert_cmphex(buf[first + second], ==, 0xcc);
			g_assert_cmpuint(r.chain.readable_bytes, ==, rest);
			g_assert_cmpuint(r.chain.readable_count, ==,
					 rest > 6   ? 3
					 : rest > 5 ? 2
					 : rest     ? 1
						    : 0);
			g_assert_true(iol_chain_take_header(&r.chain, buf + first + second, rest));
			for (uint32_t i = 0; i < 9; i++)
				g_assert_cmpuint(buf[i], ==, i);
			assert_shape(&r, 0, 0, 3, 7);
			assert_part(&r, 0, RIG_DATA + 0x40, 2);
			g_assert_cmpuint(r.chain.iov[2].iov_len, ==, 4);
		}
	}
	rig_finish(&r);
}

static void test_take_header_too_long(void)
{
	struct iovec before[6];
	struct iol_chain chain;
	uint8_t buf[16] = { 0x77 };
	struct rig r;

	init(&r);
	take_sample(&r);
	chain = r.chain;
	memcpy(before, r.iov, sizeof(before));
	g_assert_false(iol_chain_take_header(&r.chain, buf, 10));
	g_assert_false(iol_chain_take_header(&r.chain, buf, UINT32_MAX));
	g_assert_cmpmem(&chain, sizeof(chain), &r.chain, sizeof(chain));
	g_assert_cmpmem(before, sizeof(before), r.iov, sizeof(before));
	g_assert_cmphex(buf[0], ==, 0x77);
	rig_finish(&r);
}

/* Long enough for whole words, from each alignment, with a part's border in it. */
static void test_take_header_words(void)
{
	uint8_t buf[64], want[64];
	struct rig r;

	init(&r);
	for (unsigned int i = 0; i < sizeof(want); i++)
		want[i] = (uint8_t)(i * 7 + 1);
	for (uint32_t off = 0; off < 16; off++) {
		for (uint32_t split = 1; split < 40; split++) {
			const struct virtio_driver_part parts[] = {
				{ RIG_DATA + off, split, false },
				{ RIG_DATA + 0x100, 40 - split, false },
			};

			again(&r);
			iol_memory_write(&r.memory, RIG_DATA + off, want, split);
			iol_memory_write(&r.memory, RIG_DATA + 0x100, want + split, 40 - split);
			virtio_driver_add(&r.driver, parts, 2, 2);
			virtio_driver_show(&r.driver);
			rig_take(&r);
			memset(buf, 0, sizeof(buf));
			g_assert_true(iol_chain_take_header(&r.chain, buf, 39));
			g_assert_cmpmem(buf, 39, want, 39);
			g_assert_cmphex(buf[39], ==, 0);
			assert_shape(&r, 1, 1, 0, 0);
		}
	}
	rig_finish(&r);
}

static void test_take_status(void)
{
	static const uint64_t places[] = {
		RIG_DATA + 0x63, RIG_DATA + 0x62, RIG_DATA + 0x61, RIG_DATA + 0x60,
		RIG_DATA + 0x50, RIG_DATA + 0x41, RIG_DATA + 0x40,
	};
	static const unsigned int counts[] = { 3, 3, 3, 2, 1, 1, 0 };
	struct rig r;

	init(&r);
	/* Before the header is taken and after it: the place is the same. */
	for (unsigned int header = 0; header <= 9; header += 3) {
		uint8_t buf[9];

		take_sample(&r);
		g_assert_true(iol_chain_take_header(&r.chain, buf, header));
		for (unsigned int i = 0; i < 7; i++) {
			g_assert_true(iol_chain_take_status(&r.chain) == rig_ptr(&r, places[i]));
			g_assert_cmpuint(r.chain.writable_bytes, ==, 6 - i);
			g_assert_cmpuint(r.chain.writable_count, ==, counts[i]);
		}
		g_assert_null(iol_chain_take_status(&r.chain));
		g_assert_cmpuint(r.chain.readable_bytes, ==, 9 - header);
	}
	rig_finish(&r);
}

static void test_write(void)
{
	static const uint64_t places[] = {
		RIG_DATA + 0x40, RIG_DATA + 0x41, RIG_DATA + 0x50, RIG_DATA + 0x60,
		RIG_DATA + 0x61, RIG_DATA + 0x62, RIG_DATA + 0x63,
	};
	static const uint8_t bytes[10] = "abcdefghij";
	uint8_t buf[9];
	struct rig r;

	init(&r);
	for (uint32_t len = 0; len <= 10; len++) {
		take_sample(&r);
		g_assert_true(iol_chain_take_header(&r.chain, buf, len % 10));
		g_assert_cmpuint(iol_chain_write(&r.chain, bytes, len), ==, MIN(len, 7));
		for (unsigned int i = 0; i < 7; i++)
			g_assert_cmphex(*(uint8_t *)rig_ptr(&r, places[i]), ==,
					i < len ? bytes[i] : 0xee);
		g_assert_cmphex(*(uint8_t *)rig_ptr(&r, RIG_DATA + 0x42), ==, 0xee);
		g_assert_cmphex(*(uint8_t *)rig_ptr(&r, RIG_DATA + 0x51), ==, 0xee);
		g_assert_cmphex(*(uint8_t *)rig_ptr(&r, RIG_DATA + 0x64), ==, 0xee);
		/* The start of the writable part stays where it is. */
		g_assert_cmpuint(r.chain.writable_count, ==, 3);
		g_assert_cmpuint(r.chain.writable_bytes, ==, 7);
	}
	/* What was taken as status is not written. */
	take_sample(&r);
	iol_chain_take_status(&r.chain);
	g_assert_cmpuint(iol_chain_write(&r.chain, bytes, 10), ==, 6);
	g_assert_cmphex(*(uint8_t *)rig_ptr(&r, RIG_DATA + 0x63), ==, 0xee);
	rig_finish(&r);
}

/* 2.7.5.1: the device must not write to a readable buffer. */
static void test_nothing_to_write(void)
{
	struct rig r;

	init(&r);
	rig_add(&r, 4);
	rig_take(&r);
	g_assert_cmpuint(iol_chain_write(&r.chain, "xyz", 3), ==, 0);
	g_assert_null(iol_chain_take_status(&r.chain));
	g_assert_cmphex(*(uint8_t *)rig_ptr(&r, RIG_DATA), ==, 0);
	rig_finish(&r);
}

/* What popping does to guest memory: nothing. */
static void test_pop_writes_nothing(void)
{
	g_autofree uint8_t *before = g_malloc(RIG_RAM_BYTES);
	struct rig r;

	init(&r);
	rig_add(&r, 4);
	memcpy(before, rig_ptr(&r, 0), RIG_RAM_BYTES);
	rig_take(&r);
	g_assert_cmpmem(before, RIG_RAM_BYTES, rig_ptr(&r, 0), RIG_RAM_BYTES);
	rig_finish(&r);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/chain/one_part", test_one_part);
	g_test_add_func("/chain/many_parts", test_many_parts);
	g_test_add_func("/chain/inside_ram", test_inside_ram);
	g_test_add_func("/chain/zero_length", test_zero_length);
	g_test_add_func("/chain/all_zero_length", test_all_zero_length);
	g_test_add_func("/chain/readable_behind_writable", test_readable_behind_writable);
	g_test_add_func("/chain/unknown_flags", test_unknown_flags);
	g_test_add_func("/chain/next_bound", test_next_bound);
	g_test_add_func("/chain/loops", test_loops);
	g_test_add_func("/chain/longest", test_longest);
	g_test_add_func("/chain/queue_of_one", test_queue_of_one);
	g_test_add_func("/chain/room", test_room);
	g_test_add_func("/chain/total_bytes", test_total_bytes);
	g_test_add_func("/chain/take_header/any_length", test_take_header);
	g_test_add_func("/chain/take_header/too_long", test_take_header_too_long);
	g_test_add_func("/chain/take_header/words", test_take_header_words);
	g_test_add_func("/chain/take_status", test_take_status);
	g_test_add_func("/chain/write/any_length", test_write);
	g_test_add_func("/chain/write/nothing_writable", test_nothing_to_write);
	g_test_add_func("/chain/pop_writes_nothing", test_pop_writes_nothing);
	return g_test_run();
}
