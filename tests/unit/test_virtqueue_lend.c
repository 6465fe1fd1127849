// SPDX-License-Identifier: Apache-2.0
/* Rings that are lent to another server, and come back. */
#include <iolite/virtqueue.h>

#include "virtqueue_rig.h"

static void test_rings(void)
{
	struct iol_virtqueue_rings rings;
	struct rig r;

	rig_init(&r, 4, false, false);
	rig_add(&r, 1);
	iol_virtqueue_push(&r.vq, rig_take(&r), 0);
	iol_virtqueue_publish(&r.vq);
	iol_virtqueue_rings(&r.vq, &rings);
	g_assert_cmpuint(rings.size, ==, 4);
	g_assert_cmpuint(rings.avail_idx, ==, 1);
	g_assert_true(rings.desc == rig_ptr(&r, r.setup.desc_gpa));
	g_assert_true(rings.avail == rig_ptr(&r, r.setup.avail_gpa));
	g_assert_true(rings.used == rig_ptr(&r, r.setup.used_gpa));
	rig_finish(&r);
}

/*
 * What it had taken and not used is taken again, as far as the used ring can say: where that says more than fits into the ring, it lies.
 * Nothing of the time before counts.
 */
static void test_resume(void)
{
	static const uint16_t bases[] = { 0, 3, 0x7fff, 0xfffe, 0xffff };
	struct rig r;

	rig_init(&r, 4, false, false);
	for (unsigned int b = 0; b < IOL_ARRAY_LEN(bases); b++) {
		for (unsigned int lost = 0; lost <= 6; lost++) {
			uint16_t avail = bases[b], used = (uint16_t)(avail - lost);
			uint16_t expected = lost <= 4 ? used : avail;

			g_assert_cmpint(iol_virtqueue_start(&r.vq, &r.memory, &r.setup, NULL), ==,
					0);
			r.vq.avail_idx = 0x1111;
			r.vq.avail_seen = 0x2222;
			r.vq.used_idx = r.vq.used_published = 0x3333;
			*(le16 *)rig_ptr(&r, r.setup.used_gpa + 2) = le16_of(used);
			iol_virtqueue_resume(&r.vq, avail);
			g_assert_cmphex(r.vq.avail_idx, ==, expected);
			g_assert_cmphex(r.vq.avail_seen, ==, expected);
			g_assert_cmphex(r.vq.used_idx, ==, expected);
			g_assert_cmphex(r.vq.used_published, ==, expected);
			g_assert_false(r.vq.kicks_wanted);
			g_assert_false(iol_virtqueue_publish(&r.vq));
			/* Whoever wants kicks now says so, whatever the ring says. */
			*(le16 *)rig_ptr(&r, r.setup.used_gpa) = le16_of(VRING_USED_F_NO_NOTIFY);
			iol_virtqueue_want_kicks(&r.vq, true);
			g_assert_cmphex(virtio_driver_used_flags(&r.driver), ==, 0);
		}
	}
	rig_finish(&r);
}

/* Of a queue that is closed nothing is believed. */
static void test_resume_closed(void)
{
	struct iol_virtqueue vq = { 0 }, before;
	struct rig r;

	iol_virtqueue_resume(&vq, 7);
	g_assert_cmpuint(vq.avail_idx, ==, 0);
	rig_init(&r, 4, false, false);
	rig_show_head(&r, 99);
	rig_assert_broken(&r, "head 99");
	before = r.vq;
	iol_virtqueue_resume(&r.vq, 7);
	g_assert_cmpmem(&before, sizeof(before), &r.vq, sizeof(r.vq));
	rig_finish(&r);
}

/* Whom the rings are lent to would begin in the midst of something. */
static void lend_closed(void)
{
	struct iol_virtqueue_rings rings;
	struct rig r;

	rig_init(&r, 4, false, false);
	r.vq.dead = true;
	iol_virtqueue_rings(&r.vq, &rings);
}

static void lend_in_flight(void)
{
	struct iol_virtqueue_rings rings;
	struct rig r;

	rig_init(&r, 4, false, false);
	rig_add(&r, 1);
	rig_take(&r);
	iol_virtqueue_rings(&r.vq, &rings);
}

static void lend_unpublished(void)
{
	struct iol_virtqueue_rings rings;
	struct rig r;

	rig_init(&r, 4, false, false);
	rig_add(&r, 1);
	iol_virtqueue_push(&r.vq, rig_take(&r), 0);
	iol_virtqueue_rings(&r.vq, &rings);
}

static void test_lend_too_early(void)
{
	rig_check_dies("/virtqueue_lend/too_early/subprocess/closed", "*is_closed*");
	rig_check_dies("/virtqueue_lend/too_early/subprocess/in_flight", "*in_flight*");
	rig_check_dies("/virtqueue_lend/too_early/subprocess/unpublished", "*used_published*");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/virtqueue_lend/rings", test_rings);
	g_test_add_func("/virtqueue_lend/resume", test_resume);
	g_test_add_func("/virtqueue_lend/resume_closed", test_resume_closed);
	g_test_add_func("/virtqueue_lend/too_early", test_lend_too_early);
	g_test_add_func("/virtqueue_lend/too_early/subprocess/closed", lend_closed);
	g_test_add_func("/virtqueue_lend/too_early/subprocess/in_flight", lend_in_flight);
	g_test_add_func("/virtqueue_lend/too_early/subprocess/unpublished", lend_unpublished);
	return g_test_run();
}
