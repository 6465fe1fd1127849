// SPDX-License-Identifier: Apache-2.0
/* Hardware points of Book E: what KVM is asked for, what is refused, and what a stop is taken for. */
#include <errno.h>
#include <glib.h>

#include "arch/powerpc/debug.h"

static const struct iol_debug_caps all = {
	.steps = true,
	.trap_bytes = 4,
	.hard_breaks = 2,
	.hard_watches = 2,
	.watch_reads = true,
};

static struct iol_ppc_point points[IOL_PPC_POINTS_MAX];

static void add(struct iol_debug_setup *setup, enum iol_gdb_point kind, uint64_t address,
		uint64_t bytes)
{
	setup->hard[setup->hard_count++] = (struct iol_debug_point){ kind, address, bytes };
}

static void test_kinds(void)
{
	struct iol_debug_setup setup = { .hard_count = 0 };

	g_assert_cmpint(iol_ppc_points(&all, &setup, points), ==, 0);
	add(&setup, IOL_GDB_HARD_BREAK, 0xc0001000, 4);
	add(&setup, IOL_GDB_WATCH_WRITE, 0xc0002000, 4);
	add(&setup, IOL_GDB_WATCH_ACCESS, 0xc0003001, 1);
	g_assert_cmpint(iol_ppc_points(&all, &setup, points), ==, 3);
	g_assert_cmphex(points[0].address, ==, 0xc0001000);
	g_assert_cmphex(points[0].type, ==, 2);
	g_assert_cmphex(points[1].address, ==, 0xc0002000);
	g_assert_cmphex(points[1].type, ==, 4);
	g_assert_cmphex(points[2].address, ==, 0xc0003001);
	g_assert_cmphex(points[2].type, ==, 12);
	setup.hard[2].kind = IOL_GDB_WATCH_READ;
	setup.hard[2].bytes = 8;
	g_assert_cmpint(iol_ppc_points(&all, &setup, points), ==, 3);
	g_assert_cmphex(points[2].type, ==, 8);
}

static int try(const struct iol_debug_caps *caps, enum iol_gdb_point kind, uint64_t bytes,
	       unsigned int count)
{
	struct iol_debug_setup setup = { .hard_count = 0 };

	for (unsigned int i = 0; i < count; i++)
		add(&setup, kind, 0x1000 + UINT64_C(16) * i, bytes);
	return iol_ppc_points(caps, &setup, points);
}

static void test_refused(void)
{
	struct iol_debug_caps none = { .steps = true, .trap_bytes = 4 };
	struct iol_debug_caps no_reads = all, many = all;

	no_reads.watch_reads = false;
	many.hard_breaks = IOL_DEBUG_HARD_MAX;
	g_assert_cmpint(try(&all, IOL_GDB_HARD_BREAK, 4, 2), ==, 2);
	g_assert_cmpint(try(&all, IOL_GDB_HARD_BREAK, 4, 3), ==, -ENOSPC);
	g_assert_cmpint(try(&all, IOL_GDB_WATCH_WRITE, 4, 3), ==, -ENOSPC);
	g_assert_cmpint(try(&many, IOL_GDB_HARD_BREAK, 4, 16), ==, 16);
	g_assert_cmpint(try(&many, IOL_GDB_HARD_BREAK, 4, 17), ==, -ENOSPC);
	g_assert_cmpint(try(&all, IOL_GDB_WATCH_WRITE, 0, 1), ==, -ENOTSUP);
	g_assert_cmpint(try(&all, IOL_GDB_WATCH_WRITE, 9, 1), ==, -ENOTSUP);
	g_assert_cmpint(try(&all, IOL_GDB_WATCH_WRITE, UINT64_MAX, 1), ==, -ENOTSUP);
	g_assert_cmpint(try(&all, IOL_GDB_SOFT_BREAK, 4, 1), ==, -ENOTSUP);
	g_assert_cmpint(try(&none, IOL_GDB_HARD_BREAK, 4, 1), ==, -ENOTSUP);
	g_assert_cmpint(try(&none, IOL_GDB_WATCH_ACCESS, 4, 1), ==, -ENOTSUP);
	g_assert_cmpint(try(&no_reads, IOL_GDB_WATCH_READ, 4, 1), ==, -ENOTSUP);
	g_assert_cmpint(try(&no_reads, IOL_GDB_WATCH_ACCESS, 4, 1), ==, 1);
}

static void test_hits(void)
{
	struct iol_debug_setup setup = { .traps = true };
	struct iol_debug_hit hit;

	add(&setup, IOL_GDB_HARD_BREAK, 0x1000, 4);
	add(&setup, IOL_GDB_WATCH_WRITE, 0x1000, 4);
	add(&setup, IOL_GDB_WATCH_ACCESS, 0x1000, 4);
	iol_ppc_hit(2, 0x1000, false, &setup, &hit);
	g_assert_cmpint(hit.kind, ==, IOL_DEBUG_HIT_BREAK);
	g_assert_cmphex(hit.address, ==, 0x1000);
	g_assert_cmphex(hit.points, ==, 1);
	iol_ppc_hit(4, 0x1000, false, &setup, &hit);
	g_assert_cmpint(hit.kind, ==, IOL_DEBUG_HIT_WATCH);
	g_assert_cmphex(hit.points, ==, 6);
	iol_ppc_hit(8, 0x1000, false, &setup, &hit);
	g_assert_cmpint(hit.kind, ==, IOL_DEBUG_HIT_WATCH);
	g_assert_cmphex(hit.points, ==, 4);
	iol_ppc_hit(4, 0x1004, false, &setup, &hit);
	g_assert_cmphex(hit.address, ==, 0x1004);
	g_assert_cmphex(hit.points, ==, 0);
}

/* KVM says the same of a trap and of a step. */
static void test_trap_or_step(void)
{
	static const struct {
		bool traps, step, at_trap;
		int kind;
	} cases[] = {
		/* A trap of the guest's own, where none of ours is. */
		{ false, false, false, IOL_DEBUG_HIT_TRAP },
		{ false, true, false, IOL_DEBUG_HIT_STEP },
		{ false, true, true, IOL_DEBUG_HIT_TRAP },
		{ true, false, false, IOL_DEBUG_HIT_TRAP },
		{ true, false, true, IOL_DEBUG_HIT_TRAP },
		{ true, true, false, IOL_DEBUG_HIT_STEP },
		{ true, true, true, IOL_DEBUG_HIT_TRAP },
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct iol_debug_setup setup = { .traps = cases[i].traps, .step = cases[i].step };
		struct iol_debug_hit hit;

		g_test_message("case %u", i);
		iol_ppc_hit(0, 0x1000, cases[i].at_trap, &setup, &hit);
		g_assert_cmpint(hit.kind, ==, cases[i].kind);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ppc-debug-points/kinds", test_kinds);
	g_test_add_func("/ppc-debug-points/refused", test_refused);
	g_test_add_func("/ppc-debug-points/hits", test_hits);
	g_test_add_func("/ppc-debug-points/trap-or-step", test_trap_or_step);
	return g_test_run();
}
