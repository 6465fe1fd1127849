// SPDX-License-Identifier: Apache-2.0
/* The rings of a split virtqueue: virtio-v1.2 2.7 on the device's side, G1 to G16 of guest-memory.md. */
#include <iolite/virtqueue.h>

#include "virtqueue_rig.h"

/* --- start, stop --- */

static int start(struct rig *r, const struct iol_virtqueue_setup *setup)
{
	r->err = (struct iol_error){ 0 };
	return iol_virtqueue_start(&r->vq, &r->memory, setup, &r->err);
}

#define assert_refused(r, setup, text) check_refused(r, setup, text, __LINE__)
static void check_refused(struct rig *r, const struct iol_virtqueue_setup *setup, const char *text,
			  int line)
{
	struct iol_virtqueue before = r->vq;
	int ret = start(r, setup);

	if (ret != -EINVAL || !strstr(r->err.msg, text))
		g_error("line %d: start: %d (%s), and -EINVAL (%s) was to come", line, ret,
			r->err.msg, text);
	g_assert_cmpmem(&before, sizeof(before), &r->vq, sizeof(r->vq));
}

static void test_start_size(void)
{
	static const uint16_t wrong[] = { 0, 3, 5, 6, 255, 1023, 1025, 2048, 32768, 65535 };
	struct rig r;

	rig_init(&r, 8, false, false);
	memset(&r.vq, 0x5a, sizeof(r.vq));
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(wrong); i++) {
		char text[16];

		r.setup.size = wrong[i];
		g_snprintf(text, sizeof(text), "size of %u;", wrong[i]);
		assert_refused(&r, &r.setup, text);
	}
	for (unsigned int size = 1; size <= IOL_VIRTQUEUE_SIZE_MAX; size *= 2) {
		r.setup = (struct iol_virtqueue_setup){
			.size = (uint16_t)size,
			.desc_gpa = 0x10000,
			.avail_gpa = 0x20000,
			.used_gpa = 0x30000,
		};
		g_assert_cmpint(start(&r, &r.setup), ==, 0);
		g_assert_cmpuint(r.vq.size, ==, size);
	}
	rig_finish(&r);
}

/* 2.7.1 */
static void test_start_alignment(void)
{
	struct iol_virtqueue_setup setup;
	struct rig r;

	rig_init(&r, 4, false, false);
	for (uint64_t off = 1; off <= 16; off++) {
		setup = r.setup;
		setup.desc_gpa = 0x2000 + off;
		if (off % 16)
			assert_refused(&r, &setup, "descriptor table at 0x20");
		else
			g_assert_cmpint(start(&r, &setup), ==, 0);
		setup = r.setup;
		setup.avail_gpa = 0x2000 + off;
		if (off % 2)
			assert_refused(&r, &setup, "available ring at 0x20");
		else
			g_assert_cmpint(start(&r, &setup), ==, 0);
		setup = r.setup;
		setup.used_gpa = 0x2000 + off;
		if (off % 4)
			assert_refused(&r, &setup, "used ring at 0x20");
		else
			g_assert_cmpint(start(&r, &setup), ==, 0);
	}
	rig_finish(&r);
}

/* G1: the rings end with RAM or before; sizes as the table in 2.7 has them. */
static void test_start_inside_ram(void)
{
	static const struct {
		size_t field;
		uint64_t bytes, align;
		const char *name;
	} rings[] = {
		{ offsetof(struct iol_virtqueue_setup, desc_gpa), 16 * 8, 16, "descriptor table" },
		{ offsetof(struct iol_virtqueue_setup, avail_gpa), 6 + 2 * 8, 2, "available ring" },
		{ offsetof(struct iol_virtqueue_setup, used_gpa), 6 + 8 * 8, 4, "used ring" },
	};
	struct rig r;

	rig_init(&r, 8, false, false);
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(rings); i++) {
		struct iol_virtqueue_setup setup = r.setup;
		uint64_t *gpa = (void *)((char *)&setup + rings[i].field);

		/* The last place where it fits, and the next one, for the end of each region. */
		*gpa = IOL_ALIGN_DOWN(RIG_DATA_END - rings[i].bytes, rings[i].align);
		g_assert_cmpint(start(&r, &setup), ==, 0);
		*gpa += rings[i].align;
		assert_refused(&r, &setup, rings[i].name);
		*gpa = IOL_ALIGN_DOWN(RIG_RAM_BYTES - rings[i].bytes, rings[i].align);
		g_assert_cmpint(start(&r, &setup), ==, 0);
		*gpa += rings[i].align;
		assert_refused(&r, &setup, rings[i].name);
		*gpa = RIG_DATA_END;
		assert_refused(&r, &setup, "not inside RAM");
		*gpa = IOL_ALIGN_DOWN(UINT64_MAX, rings[i].align);
		assert_refused(&r, &setup, "not inside RAM");
	}
	rig_finish(&r);
}

/* 2.7.10.2: flags are 0 at first, whatever the ring held; the event word asks for the first chain. */
static void test_start_tells_kicks(void)
{
	struct rig r;

	for (int event_idx = 0; event_idx < 2; event_idx++) {
		uint64_t event_gpa;
		le16 word;

		rig_init(&r, 4, event_idx, false);
		event_gpa = r.setup.used_gpa + 4 + 4 * 8;
		memset(rig_ptr(&r, r.setup.used_gpa), 0xee, 4 + 4 * 8 + 4);
		g_assert_cmpint(start(&r, &r.setup), ==, 0);
		g_assert_cmphex(virtio_driver_used_flags(&r.driver), ==, 0);
		g_assert_cmphex(virtio_driver_avail_event(&r.driver), ==, event_idx ? 0 : 0xeeee);
		g_assert_true(r.vq.kicks_wanted);
		/* Nothing else was written: not the index, not what lies behind the ring. */
		g_assert_cmphex(virtio_driver_used_idx(&r.driver), ==, 0xeeee);
		memcpy(&word, rig_ptr(&r, event_gpa + 2), 2);
		g_assert_cmphex(le16_get(word), ==, 0xeeee);
		memcpy(&word, rig_ptr(&r, event_gpa - 2), 2);
		g_assert_cmphex(le16_get(word), ==, 0xeeee);
		rig_finish(&r);
	}
}

static void test_not_started(void)
{
	struct iol_virtqueue vq = { 0 };
	struct iol_chain chain;
	struct iol_error err;

	g_assert_false(iol_virtqueue_pending(&vq));
	g_assert_cmpint(iol_virtqueue_pop(&vq, &chain, NULL, 0, &err), ==, 0);
	iol_virtqueue_push(&vq, 0, 0);
	g_assert_false(iol_virtqueue_publish(&vq));
	g_assert_false(iol_virtqueue_want_kicks(&vq, true));
	g_assert_false(iol_virtqueue_want_kicks(&vq, false));
	iol_virtqueue_stop(&vq);
}

static void test_stop_in_flight(void)
{
	struct rig r;
	uint16_t head;

	rig_init(&r, 4, false, false);
	rig_add(&r, 1);
	rig_add(&r, 1);
	head = rig_take(&r);
	iol_virtqueue_push(&r.vq, head, 0);
	head = rig_take(&r);
	iol_virtqueue_stop(&r.vq);
	g_assert_cmpuint(r.vq.size, ==, 0);
	g_assert_cmpuint(r.vq.in_flight, ==, 0);
	iol_virtqueue_push(&r.vq, head, 0);
	g_assert_false(iol_virtqueue_publish(&r.vq));
	g_assert_false(iol_virtqueue_pending(&r.vq));
	g_assert_cmpint(rig_pop(&r), ==, 0);
	g_assert_cmpuint(virtio_driver_used_idx(&r.driver), ==, 0);

	/* Started anew, everything begins at 0 again. */
	g_assert_cmpint(virtio_driver_init(&r.driver, &r.memory, &r.driver.setup), ==, 0);
	g_assert_cmpint(start(&r, &r.setup), ==, 0);
	g_assert_cmpint(rig_pop(&r), ==, 0);
	head = rig_add(&r, 1);
	g_assert_cmpuint(rig_take(&r), ==, head);
	iol_virtqueue_push(&r.vq, head, 0);
	g_assert_true(iol_virtqueue_publish(&r.vq));
	g_assert_cmpuint(virtio_driver_used_idx(&r.driver), ==, 1);
	rig_finish(&r);
}

/* --- the available ring --- */

static void test_pop_none(void)
{
	struct rig r;

	rig_init(&r, 4, false, false);
	g_assert_false(iol_virtqueue_pending(&r.vq));
	g_assert_cmpint(rig_pop(&r), ==, 0);
	rig_add(&r, 1);
	g_assert_true(iol_virtqueue_pending(&r.vq));
	g_assert_true(iol_virtqueue_pending(&r.vq));
	rig_take(&r);
	g_assert_false(iol_virtqueue_pending(&r.vq));
	g_assert_cmpint(rig_pop(&r), ==, 0);
	rig_finish(&r);
}

/* 2.7.13.2: entries in the order of the ring, at their index modulo the size. */
static void test_pop_order(void)
{
	static const uint16_t heads[] = { 2, 0, 3, 1 };
	struct rig r;

	rig_init(&r, 4, false, false);
	for (unsigned int i = 0; i < 4; i++)
		rig_put(&r, i, RIG_DATA + i, 1, 0, 0);
	for (unsigned int i = 0; i < 4; i++)
		rig_show_head(&r, heads[i]);
	for (unsigned int i = 0; i < 4; i++) {
		g_assert_cmpuint(rig_take(&r), ==, heads[i]);
		g_assert_cmpuint(r.vq.in_flight, ==, i + 1);
		g_assert_true(r.iov[0].iov_base == rig_ptr(&r, RIG_DATA + heads[i]));
	}
	g_assert_cmpint(rig_pop(&r), ==, 0);
	rig_finish(&r);
}

/* G4, at its boundary and around the wrap of the index. */
static void test_avail_idx_bound(void)
{
	static const uint16_t bases[] = { 0, 1, 0x7fff, 0xfffc, 0xffff };
	static const uint16_t ahead[] = { 5, 6, 0x7fff, 0x8000, 0xfffe, 0xffff };
	struct rig r;

	rig_init(&r, 4, false, false);
	for (unsigned int b = 0; b < IOL_ARRAY_LEN(bases); b++) {
		for (unsigned int i = 0; i < IOL_ARRAY_LEN(ahead); i++) {
			char text[64];

			start(&r, &r.setup);
			r.vq.avail_idx = r.vq.avail_seen = bases[b];
			r.vq.used_idx = r.vq.used_published = bases[b];
			virtio_driver_put_avail_idx(&r.driver, (uint16_t)(bases[b] + ahead[i]));
			g_snprintf(text, sizeof(text), "index %u is %u ahead",
				   (uint16_t)(bases[b] + ahead[i]), ahead[i]);
			g_assert_true(iol_virtqueue_pending(&r.vq));
			rig_assert_broken(&r, text);
		}
		/* As many as there are entries is right. */
		start(&r, &r.setup);
		r.vq.avail_idx = r.vq.avail_seen = bases[b];
		r.vq.used_idx = r.vq.used_published = bases[b];
		for (uint16_t i = 0; i < 4; i++)
			virtio_driver_put_avail(&r.driver, (uint16_t)(bases[b] + i), i);
		virtio_driver_put_avail_idx(&r.driver, (uint16_t)(bases[b] + 4));
		for (uint16_t i = 0; i < 4; i++)
			g_assert_cmpuint(rig_take(&r), ==, i);
		g_assert_cmpint(rig_pop(&r), ==, 0);
	}
	rig_finish(&r);
}

/* 2.7.6.1: a driver must not take back what it made available; seen when the index is read again. */
static void test_avail_idx_back(void)
{
	struct rig r;

	rig_init(&r, 4, false, false);
	rig_add(&r, 1);
	rig_add(&r, 1);
	rig_take(&r);
	rig_take(&r);
	virtio_driver_put_avail_idx(&r.driver, 1);
	rig_assert_broken(&r, "index 1 is 65535 ahead");
	rig_finish(&r);
}

/* G2: the index is read once for all that it promised. */
static void test_avail_idx_read_once(void)
{
	struct rig r;

	rig_init(&r, 4, false, false);
	rig_add(&r, 1);
	rig_add(&r, 1);
	rig_take(&r);
	virtio_driver_put_avail_idx(&r.driver, 0x4000);
	g_assert_true(iol_virtqueue_pending(&r.vq));
	rig_take(&r);
	rig_assert_broken(&r, "index 16384");
	rig_finish(&r);
}

/* G5 */
static void test_head_bound(void)
{
	static const uint16_t heads[] = { 4, 5, 0x7fff, 0x8000, 0xffff };
	struct rig r;

	rig_init(&r, 4, false, false);
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(heads); i++) {
		char text[32];

		virtio_driver_init(&r.driver, &r.memory, &r.driver.setup);
		start(&r, &r.setup);
		rig_show_head(&r, 3);
		g_assert_cmpuint(rig_take(&r), ==, 3);
		rig_show_head(&r, heads[i]);
		g_snprintf(text, sizeof(text), "head %u, and", heads[i]);
		rig_assert_broken(&r, text);
	}
	rig_finish(&r);
}

/* G10, for each bit of the map and its neighbours. */
static void test_head_in_flight(void)
{
	enum { SIZE = 128 };
	struct rig r;

	rig_init(&r, SIZE, false, false);
	for (uint16_t head = 0; head < SIZE; head++) {
		virtio_driver_init(&r.driver, &r.memory, &r.driver.setup);
		start(&r, &r.setup);
		rig_show_head(&r, head);
		rig_show_head(&r, (head + 1) % SIZE);
		rig_show_head(&r, (head + 64) % SIZE);
		for (int i = 0; i < 3; i++)
			rig_take(&r);
		/* Given back, it may come again; its neighbours are still away. */
		iol_virtqueue_push(&r.vq, head, 0);
		rig_show_head(&r, head);
		g_assert_cmpuint(rig_take(&r), ==, head);
		rig_show_head(&r, head);
		rig_assert_broken(&r, "not got back");
		g_assert_cmpuint(r.vq.in_flight, ==, 3);
	}
	rig_finish(&r);
}

/* Every head has a bit of its own: all can be away at once, and come back in any order. */
static void test_all_heads_in_flight(void)
{
	struct rig r;

	rig_init(&r, IOL_VIRTQUEUE_SIZE_MAX, false, false);
	for (uint16_t head = 0; head < IOL_VIRTQUEUE_SIZE_MAX; head++)
		rig_show_head(&r, head);
	for (uint16_t head = 0; head < IOL_VIRTQUEUE_SIZE_MAX; head++)
		g_assert_cmpuint(rig_take(&r), ==, head);
	g_assert_cmpuint(r.vq.in_flight, ==, IOL_VIRTQUEUE_SIZE_MAX);
	for (unsigned int i = 0; i < IOL_VIRTQUEUE_SIZE_MAX; i++)
		iol_virtqueue_push(&r.vq, (uint16_t)(i * 37 % IOL_VIRTQUEUE_SIZE_MAX), 0);
	g_assert_cmpuint(r.vq.in_flight, ==, 0);
	g_assert_true(iol_virtqueue_publish(&r.vq));
	g_assert_cmpuint(virtio_driver_used_idx(&r.driver), ==, IOL_VIRTQUEUE_SIZE_MAX);
	rig_finish(&r);
}

/* More chains than entries, though no head twice: what was used is not visible to the driver yet. */
static void test_more_chains_than_entries(void)
{
	/* The last ones have our indices on both sides of their wrap. */
	static const uint16_t bases[] = { 0, 0x7ffe, 0xfffd, 0xfffe, 0xffff };
	struct rig r;

	rig_init(&r, 2, false, false);
	for (unsigned int b = 0; b < IOL_ARRAY_LEN(bases); b++) {
		start(&r, &r.setup);
		r.vq.avail_idx = r.vq.avail_seen = r.driver.avail_idx = bases[b];
		r.vq.used_idx = r.vq.used_published = bases[b];
		for (int i = 0; i < 2; i++) {
			rig_show_head(&r, 0);
			iol_virtqueue_push(&r.vq, rig_take(&r), 0);
		}
		iol_virtqueue_publish(&r.vq);
		for (int i = 0; i < 2; i++) {
			rig_show_head(&r, 0);
			iol_virtqueue_push(&r.vq, rig_take(&r), 0);
		}
		rig_show_head(&r, 0);
		rig_assert_broken(&r, "more chains than the 2 entries");
	}
	rig_finish(&r);
}

/* --- a dead queue --- */

static void test_dead(void)
{
	g_autofree uint8_t *before = g_malloc(RIG_RAM_BYTES);
	uint16_t first, second;
	struct rig r;

	rig_init(&r, 4, false, false);
	rig_add(&r, 1);
	rig_add(&r, 1);
	first = rig_take(&r);
	second = rig_take(&r);
	iol_virtqueue_push(&r.vq, first, 0);
	rig_show_head(&r, 99);
	rig_assert_broken(&r, "head 99");

	/* The driver mends its ring, in vain. */
	r.driver.avail_idx--;
	rig_show_head(&r, 3);
	memcpy(before, rig_ptr(&r, 0), RIG_RAM_BYTES);
	g_assert_false(iol_virtqueue_pending(&r.vq));
	rig_assert_broken(&r, "has not reset");
	iol_virtqueue_push(&r.vq, second, 0);
	g_assert_false(iol_virtqueue_publish(&r.vq));
	g_assert_false(iol_virtqueue_want_kicks(&r.vq, true));
	g_assert_false(iol_virtqueue_want_kicks(&r.vq, false));
	g_assert_cmpmem(before, RIG_RAM_BYTES, rig_ptr(&r, 0), RIG_RAM_BYTES);

	/* Only a new start helps. */
	virtio_driver_init(&r.driver, &r.memory, &r.driver.setup);
	g_assert_cmpint(start(&r, &r.setup), ==, 0);
	g_assert_false(r.vq.dead);
	rig_add(&r, 1);
	rig_take(&r);
	rig_finish(&r);
}

/* Nothing was taken by a pop that failed. */
static void test_failed_pop_takes_nothing(void)
{
	struct rig r;

	rig_init(&r, 4, false, false);
	rig_put(&r, 0, RIG_DATA_END, 1, 0, 0);
	rig_show_head(&r, 0);
	rig_assert_broken(&r, "not inside RAM");
	g_assert_cmpuint(r.vq.in_flight, ==, 0);
	g_assert_cmpuint(r.vq.avail_idx, ==, 0);
	g_assert_cmpuint(r.vq.busy[0], ==, 0);
	rig_finish(&r);
}

/* G11: what was found at the start is what is used. */
static void test_geometry_is_frozen(void)
{
	struct rig r;

	rig_init(&r, 4, false, false);
	rig_add(&r, 1);
	r.setup.size = 2;
	r.setup.desc_gpa = r.setup.avail_gpa = r.setup.used_gpa = 0;
	rig_take(&r);
	rig_finish(&r);
}

/* --- the used ring --- */

/* 2.7.8.2: elements first, then the index, all at once. */
static void test_publish(void)
{
	uint16_t heads[3];
	const le32 *elem;
	struct rig r;

	rig_init(&r, 4, false, false);
	g_assert_false(iol_virtqueue_publish(&r.vq));
	for (int i = 0; i < 3; i++)
		rig_add(&r, 1);
	for (int i = 0; i < 3; i++)
		heads[i] = rig_take(&r);
	iol_virtqueue_push(&r.vq, heads[2], 7);
	iol_virtqueue_push(&r.vq, heads[0], UINT32_MAX);
	g_assert_cmpuint(virtio_driver_used_idx(&r.driver), ==, 0);
	g_assert_cmpuint(r.vq.in_flight, ==, 1);
	g_assert_true(iol_virtqueue_publish(&r.vq));
	g_assert_cmpuint(virtio_driver_used_idx(&r.driver), ==, 2);
	elem = (const void *)((const uint8_t *)rig_ptr(&r, r.setup.used_gpa) + 4);
	g_assert_cmpuint(le32_get(elem[0]), ==, heads[2]);
	g_assert_cmpuint(le32_get(elem[1]), ==, 7);
	g_assert_cmpuint(le32_get(elem[2]), ==, heads[0]);
	g_assert_cmpuint(le32_get(elem[3]), ==, UINT32_MAX);
	/* Nothing new, nothing to tell. */
	g_assert_false(iol_virtqueue_publish(&r.vq));
	iol_virtqueue_push(&r.vq, heads[1], 0);
	g_assert_true(iol_virtqueue_publish(&r.vq));
	g_assert_cmpuint(virtio_driver_used_idx(&r.driver), ==, 3);
	rig_finish(&r);
}

/* G9: our index does not come back from the guest. */
static void test_used_idx_is_ours(void)
{
	struct rig r;

	rig_init(&r, 4, false, false);
	rig_add(&r, 1);
	iol_virtqueue_push(&r.vq, rig_take(&r), 0);
	*(le16 *)rig_ptr(&r, r.setup.used_gpa + 2) = le16_of(0x1234);
	iol_virtqueue_publish(&r.vq);
	g_assert_cmpuint(virtio_driver_used_idx(&r.driver), ==, 1);
	rig_finish(&r);
}

/* Used elements lie in the ring and nowhere else, at every index. */
static void test_used_ring_bounds(void)
{
	const uint64_t bytes = 4 + 2 * 8;
	struct rig r;

	rig_init(&r, 2, false, false);
	memset(rig_ptr(&r, r.setup.used_gpa + bytes), 0xa5, 16);
	for (int i = 0; i < 5; i++) {
		rig_show_head(&r, 1);
		iol_virtqueue_push(&r.vq, rig_take(&r), 0x01020304);
		iol_virtqueue_publish(&r.vq);
	}
	for (unsigned int i = 0; i < 16; i++)
		g_assert_cmphex(((uint8_t *)rig_ptr(&r, r.setup.used_gpa + bytes))[i], ==, 0xa5);
	rig_finish(&r);
}

/* --- interrupts: 2.7.7.2 --- */

static bool use_one(struct rig *r)
{
	rig_show_head(r, 0);
	iol_virtqueue_push(&r->vq, rig_take(r), 0);
	return iol_virtqueue_publish(&r->vq);
}

static void test_interrupt_flags(void)
{
	struct rig r;

	rig_init(&r, 4, false, false);
	/* 0: must be sent, whatever used_event says. */
	virtio_driver_put_used_event(&r.driver, 0x7777);
	for (int i = 0; i < 10; i++)
		g_assert_true(use_one(&r));
	virtio_driver_put_avail_flags(&r.driver, VRING_AVAIL_F_NO_INTERRUPT);
	for (int i = 0; i < 10; i++) {
		virtio_driver_put_used_event(&r.driver, r.vq.used_idx);
		g_assert_false(use_one(&r));
	}
	virtio_driver_put_avail_flags(&r.driver, 0xfffe);
	g_assert_true(use_one(&r));
	rig_finish(&r);
}

/* Each entry whose index is used_event, and no other, also around the wrap; flags do not count. */
static void test_interrupt_event_idx(void)
{
	struct rig r;

	rig_init(&r, 8, true, false);
	virtio_driver_put_avail_flags(&r.driver, VRING_AVAIL_F_NO_INTERRUPT);
	for (unsigned int base = 0xfff0; base <= 0x10010; base++) {
		for (unsigned int count = 1; count <= 8; count++) {
			for (int event = -3; event <= 12; event++) {
				r.vq.used_published = (uint16_t)base;
				r.vq.used_idx = (uint16_t)(base + count);
				virtio_driver_put_used_event(&r.driver, (uint16_t)(base + event));
				g_assert_cmpint(iol_virtqueue_publish(&r.vq), ==,
						event >= 0 && event < (int)count);
			}
		}
	}
	rig_finish(&r);
}

/* --- kicks: 2.7.10.2 --- */

static void test_kicks_flags(void)
{
	struct rig r;

	rig_init(&r, 4, false, false);
	*(le16 *)rig_ptr(&r, r.setup.used_gpa + 4 + 4 * 8) = le16_of(0x5555);
	g_assert_false(iol_virtqueue_want_kicks(&r.vq, false));
	g_assert_cmphex(virtio_driver_used_flags(&r.driver), ==, VRING_USED_F_NO_NOTIFY);
	g_assert_false(r.vq.kicks_wanted);
	g_assert_false(iol_virtqueue_want_kicks(&r.vq, true));
	g_assert_cmphex(virtio_driver_used_flags(&r.driver), ==, 0);
	g_assert_true(r.vq.kicks_wanted);
	/* Told once; the word is not written for nothing. */
	*(le16 *)rig_ptr(&r, r.setup.used_gpa) = le16_of(0xaaaa);
	g_assert_false(iol_virtqueue_want_kicks(&r.vq, true));
	g_assert_cmphex(virtio_driver_used_flags(&r.driver), ==, 0xaaaa);
	/* The event word is not ours without EVENT_IDX. */
	g_assert_cmphex(virtio_driver_avail_event(&r.driver), ==, 0x5555);
	rig_finish(&r);
}

static void test_kicks_event_idx(void)
{
	struct rig r;

	rig_init(&r, 4, true, false);
	rig_add(&r, 1);
	rig_add(&r, 1);
	rig_take(&r);
	/* Not wanting them costs nothing, and flags stay 0. */
	g_assert_false(iol_virtqueue_want_kicks(&r.vq, false));
	g_assert_false(r.vq.kicks_wanted);
	g_assert_cmphex(virtio_driver_used_flags(&r.driver), ==, 0);
	g_assert_cmphex(virtio_driver_avail_event(&r.driver), ==, 0);
	/* One chain is there: no notification will come for it. */
	g_assert_true(iol_virtqueue_want_kicks(&r.vq, true));
	g_assert_cmphex(virtio_driver_avail_event(&r.driver), ==, 1);
	rig_take(&r);
	g_assert_cmphex(virtio_driver_avail_event(&r.driver), ==, 1);
	g_assert_false(iol_virtqueue_want_kicks(&r.vq, true));
	g_assert_cmphex(virtio_driver_avail_event(&r.driver), ==, 2);
	g_assert_true(r.vq.kicks_wanted);
	g_assert_cmphex(virtio_driver_used_flags(&r.driver), ==, 0);
	rig_finish(&r);
}

/* Whoever asks for kicks and is told "none there" gets one for the next chain; indices wrap. */
static void test_no_kick_is_lost(void)
{
	const struct virtio_driver_part part = { .gpa = RIG_DATA, .len = 1 };
	struct virtio_driver_used used;
	struct rig r;

	for (int event_idx = 0; event_idx < 2; event_idx++) {
		unsigned int kicks = 0;

		rig_init(&r, 4, event_idx, false);
		for (unsigned int i = 0; i < 70000; i++) {
			unsigned int count = 1 + i % 4;
			bool wanted = i % 3;

			g_assert_false(iol_virtqueue_want_kicks(&r.vq, wanted));
			for (unsigned int k = 0; k < count; k++)
				g_assert_cmpint(virtio_driver_add(&r.driver, &part, 1, 1), >=, 0);
			if (virtio_driver_show(&r.driver))
				kicks++;
			else
				g_assert_false(wanted);
			for (unsigned int k = 0; k < count; k++)
				iol_virtqueue_push(&r.vq, rig_take(&r), 0);
			g_assert_cmpint(rig_pop(&r), ==, 0);
			iol_virtqueue_publish(&r.vq);
			while (virtio_driver_take_used(&r.driver, &used) > 0)
				;
			g_assert_cmpstr(virtio_driver_check(&r.driver), ==, NULL);
		}
		g_assert_true(virtio_driver_is_drained(&r.driver));
		g_assert_cmpuint(kicks, >=, 70000 / 3 * 2);
		g_assert_cmpuint(kicks, <=, 70000 / 3 * 2 + 8);
		rig_finish(&r);
	}
}

/* 2.7.10.2: the device must handle spurious notifications. */
static void test_spurious_kick(void)
{
	struct rig r;

	rig_init(&r, 4, true, false);
	for (int i = 0; i < 3; i++) {
		g_assert_cmpint(rig_pop(&r), ==, 0);
		g_assert_false(iol_virtqueue_want_kicks(&r.vq, true));
	}
	rig_finish(&r);
}

/* --- mistakes of ours, which must end the machine --- */

static void push_stranger(void)
{
	struct rig r;

	rig_init(&r, 4, false, false);
	rig_add(&r, 1);
	iol_virtqueue_push(&r.vq, (uint16_t)(rig_take(&r) + 1), 0);
}

/* Though its bit is set. */
static void push_set(uint16_t head)
{
	struct rig r;

	rig_init(&r, 4, false, false);
	rig_add(&r, 1);
	rig_take(&r);
	r.vq.busy[0] = 0xff;
	iol_virtqueue_push(&r.vq, head, 0);
}

static void push_next(void)
{
	push_set(4);
}

static void push_beyond(void)
{
	push_set(5);
}

static void test_push_of_stranger(void)
{
	rig_check_dies("/virtqueue/push_of_stranger/subprocess/free", "*busy_bit*");
	rig_check_dies("/virtqueue/push_of_stranger/subprocess/next", "*busy_bit*");
	rig_check_dies("/virtqueue/push_of_stranger/subprocess/beyond", "*busy_bit*");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/virtqueue/start/size", test_start_size);
	g_test_add_func("/virtqueue/start/alignment", test_start_alignment);
	g_test_add_func("/virtqueue/start/inside_ram", test_start_inside_ram);
	g_test_add_func("/virtqueue/start/tells_kicks", test_start_tells_kicks);
	g_test_add_func("/virtqueue/not_started", test_not_started);
	g_test_add_func("/virtqueue/stop_in_flight", test_stop_in_flight);
	g_test_add_func("/virtqueue/pop/none", test_pop_none);
	g_test_add_func("/virtqueue/pop/order", test_pop_order);
	g_test_add_func("/virtqueue/pop/avail_idx_bound", test_avail_idx_bound);
	g_test_add_func("/virtqueue/pop/avail_idx_back", test_avail_idx_back);
	g_test_add_func("/virtqueue/pop/avail_idx_read_once", test_avail_idx_read_once);
	g_test_add_func("/virtqueue/pop/head_bound", test_head_bound);
	g_test_add_func("/virtqueue/pop/head_in_flight", test_head_in_flight);
	g_test_add_func("/virtqueue/pop/all_heads_in_flight", test_all_heads_in_flight);
	g_test_add_func("/virtqueue/pop/more_chains_than_entries", test_more_chains_than_entries);
	g_test_add_func("/virtqueue/pop/failed_takes_nothing", test_failed_pop_takes_nothing);
	g_test_add_func("/virtqueue/dead", test_dead);
	g_test_add_func("/virtqueue/geometry_is_frozen", test_geometry_is_frozen);
	g_test_add_func("/virtqueue/publish", test_publish);
	g_test_add_func("/virtqueue/used/idx_is_ours", test_used_idx_is_ours);
	g_test_add_func("/virtqueue/used/ring_bounds", test_used_ring_bounds);
	g_test_add_func("/virtqueue/interrupt/flags", test_interrupt_flags);
	g_test_add_func("/virtqueue/interrupt/event_idx", test_interrupt_event_idx);
	g_test_add_func("/virtqueue/kicks/flags", test_kicks_flags);
	g_test_add_func("/virtqueue/kicks/event_idx", test_kicks_event_idx);
	g_test_add_func("/virtqueue/kicks/none_is_lost", test_no_kick_is_lost);
	g_test_add_func("/virtqueue/kicks/spurious", test_spurious_kick);
	g_test_add_func("/virtqueue/push_of_stranger", test_push_of_stranger);
	g_test_add_func("/virtqueue/push_of_stranger/subprocess/free", push_stranger);
	g_test_add_func("/virtqueue/push_of_stranger/subprocess/next", push_next);
	g_test_add_func("/virtqueue/push_of_stranger/subprocess/beyond", push_beyond);
	return g_test_run();
}
