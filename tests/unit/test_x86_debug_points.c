// SPDX-License-Identifier: Apache-2.0
/* Hardware points of a debugger in x86's debug registers, and what DR6 says of them. */
#include <errno.h>
#include <glib.h>
#include <inttypes.h>

#include "arch/x86_64/debug.h"

static const struct iol_debug_caps all = { .hard_breaks = 4, .hard_watches = 4 };

static struct iol_x86_points pack(const struct iol_debug_setup *setup)
{
	struct iol_x86_points points;

	g_assert_cmpint(iol_x86_points_pack(&all, setup, &points), ==, 0);
	return points;
}

static void test_none(void)
{
	static const struct iol_debug_setup nothing = { .step = true, .traps = true };
	struct iol_x86_points points = pack(&nothing);

	g_assert_cmpuint(points.count, ==, 0);
	g_assert_cmphex(points.dr7, ==, 0);
}

static void test_kinds(void)
{
	static const struct iol_debug_setup setup = {
		.hard_count = 4,
		.hard = {
			{ IOL_GDB_HARD_BREAK, 0xffffffff81000001, 4 },
			{ IOL_GDB_WATCH_WRITE, 0x1008, 8 },
			{ IOL_GDB_WATCH_ACCESS, 0x1004, 4 },
			{ IOL_GDB_WATCH_WRITE, 0x1002, 2 },
		},
	};
	struct iol_x86_points points = pack(&setup);

	g_assert_cmpuint(points.count, ==, 4);
	for (unsigned int i = 0; i < 4; i++) {
		g_assert_cmphex(points.dr[i], ==, setup.hard[i].address);
		g_assert_cmpuint(points.point[i], ==, i);
	}
	/* SDM 3B 17.2.4: G0 to G3, GE, bit 10; from bit 28 down LEN and R/W of 3: 01 01, of 2: 11 11, of 1: 10 01, of 0: 0. */
	g_assert_cmphex(points.dr7, ==, 0x5f9006aa);
}

/* Every length at every alignment: the registers cover all of it, nothing else, each is aligned. */
static void test_split(void)
{
	for (uint64_t start = 0x1000; start < 0x1008; start++) {
		for (uint64_t bytes = 1; bytes < 40; bytes++) {
			const struct iol_debug_setup setup = {
				.hard_count = 1,
				.hard = { { IOL_GDB_WATCH_WRITE, start, bytes } },
			};
			static const unsigned int lengths[] = { 1, 2, 8, 4 };
			struct iol_x86_points points;
			uint64_t next = start;
			int ret = iol_x86_points_pack(&all, &setup, &points);

			if (ret) {
				g_assert_cmpint(ret, ==, -ENOSPC);
				if (bytes <= 8 ||
				    (start == 0x1000 && bytes % 8 == 0 && bytes <= 32))
					g_error("%" PRIx64 "+%" PRIu64 " has no place", start,
						bytes);
				continue;
			}
			for (unsigned int i = 0; i < points.count; i++) {
				unsigned int length = lengths[points.dr7 >> (18 + 4 * i) & 3];

				g_assert_cmphex(points.dr[i], ==, next);
				g_assert_cmphex(points.dr[i] % length, ==, 0);
				g_assert_cmpuint(points.point[i], ==, 0);
				next += length;
			}
			g_assert_cmphex(next, ==, start + bytes);
		}
	}
}

static int pack_one(const struct iol_debug_caps *caps, enum iol_gdb_point kind, uint64_t address,
		    uint64_t bytes)
{
	const struct iol_debug_setup setup = { .hard_count = 1,
					       .hard = { { kind, address, bytes } } };
	struct iol_x86_points points;

	return iol_x86_points_pack(caps, &setup, &points);
}

static void test_refused(void)
{
	static const struct iol_debug_caps breaks_only = { .hard_breaks = 4 };
	static const struct iol_debug_caps one = { .hard_breaks = 1, .hard_watches = 1 };
	struct iol_debug_setup many = { .hard_count = 5 };
	struct iol_x86_points points;

	g_assert_cmpint(pack_one(&breaks_only, IOL_GDB_HARD_BREAK, 1, 1), ==, 0);
	g_assert_cmpint(pack_one(&breaks_only, IOL_GDB_WATCH_WRITE, 0, 1), ==, -ENOTSUP);
	g_assert_cmpint(pack_one(&all, IOL_GDB_WATCH_READ, 0, 1), ==, -ENOTSUP);
	g_assert_cmpint(pack_one(&all, IOL_GDB_SOFT_BREAK, 0, 1), ==, -ENOTSUP);
	g_assert_cmpint(pack_one(&all, IOL_GDB_WATCH_WRITE, 0, 0), ==, -EINVAL);
	g_assert_cmpint(pack_one(&all, IOL_GDB_WATCH_WRITE, 0, UINT64_MAX), ==, -ENOSPC);
	g_assert_cmpint(pack_one(&all, IOL_GDB_WATCH_WRITE, UINT64_MAX, 1), ==, 0);
	g_assert_cmpint(pack_one(&one, IOL_GDB_WATCH_WRITE, 4, 4), ==, 0);
	g_assert_cmpint(pack_one(&one, IOL_GDB_WATCH_WRITE, 3, 2), ==, -ENOSPC);
	for (unsigned int i = 0; i < many.hard_count; i++)
		many.hard[i] = (struct iol_debug_point){ IOL_GDB_HARD_BREAK, i, 1 };
	g_assert_cmpint(iol_x86_points_pack(&all, &many, &points), ==, -ENOSPC);
	many.hard_count = UINT_MAX;
	g_assert_cmpint(iol_x86_points_pack(&all, &many, &points), ==, -ENOSPC);
}

static void test_hits(void)
{
	/* Registers: 0 and 1 are the watchpoint's, 2 the breakpoint's. */
	static const struct iol_debug_setup setup = {
		.hard_count = 2,
		.hard = {
			{ IOL_GDB_WATCH_WRITE, 0x1001, 3 },
			{ IOL_GDB_HARD_BREAK, 0x5000, 1 },
		},
	};
	static const struct {
		uint64_t dr6;
		int kind;
		uint64_t address;
		uint32_t points;
	} wanted[] = {
		{ 0xffff0ff0, IOL_DEBUG_NO_HIT, 0, 0 },
		{ 0xffff0ff1, IOL_DEBUG_HIT_WATCH, 0x1001, 1 },
		{ 0xffff0ff2, IOL_DEBUG_HIT_WATCH, 0x1002, 1 },
		{ 0xffff0ff4, IOL_DEBUG_HIT_BREAK, 0x5000, 2 },
		{ 0xffff0ff8, IOL_DEBUG_NO_HIT, 0, 0 }, /* not in use */
		{ 0xffff4ff0, IOL_DEBUG_HIT_STEP, 0, 0 },
		{ 0xffff4ff4, IOL_DEBUG_HIT_BREAK, 0x5000, 2 },
		{ 0xffff4ff1, IOL_DEBUG_HIT_WATCH, 0x1001, 1 },
		{ 0xffff4ff6, IOL_DEBUG_HIT_WATCH, 0x1002, 3 },
	};
	struct iol_x86_points points = pack(&setup);

	g_assert_cmpuint(points.count, ==, 3);
	for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
		struct iol_debug_hit hit;

		iol_x86_points_hit(&points, &setup, wanted[i].dr6, 0x5000, &hit);
		if ((int)hit.kind != wanted[i].kind || hit.address != wanted[i].address ||
		    hit.points != wanted[i].points)
			g_error("DR6 %" PRIx64 ": kind %d at %" PRIx64 ", points %x", wanted[i].dr6,
				(int)hit.kind, hit.address, hit.points);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86/points/none", test_none);
	g_test_add_func("/x86/points/kinds", test_kinds);
	g_test_add_func("/x86/points/split", test_split);
	g_test_add_func("/x86/points/refused", test_refused);
	g_test_add_func("/x86/points/hits", test_hits);
	return g_test_run();
}
