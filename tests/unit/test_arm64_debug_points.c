// SPDX-License-Identifier: Apache-2.0
/*
 * Points as debug registers: a model of a watchpoint's registers says which bytes it watches, which must be those that
 * were asked for; and which point an exception is of.
 */
#include <errno.h>
#include <glib.h>
#include <inttypes.h>

#include "arch/aarch64/gdb.h"

#define DATA UINT64_C(0xffff800011223340)

enum { LOAD = 1, STORE = 2 };
enum {
	ESR_IL = 1 << 25,
	ESR_WRITE = 1 << 6,
};
#define ESR_BREAK (UINT32_C(0x30) << 26 | ESR_IL)
#define ESR_STEP (UINT32_C(0x32) << 26 | ESR_IL)
#define ESR_WATCH (UINT32_C(0x34) << 26 | ESR_IL)
#define ESR_BRK64 (UINT32_C(0x3c) << 26 | ESR_IL | 7)
#define ESR_BKPT32 (UINT32_C(0x38) << 26 | ESR_IL | 7)
#define ESR_DATA_ABORT (UINT32_C(0x24) << 26 | ESR_IL)

static void add(struct iol_debug_setup *s, enum iol_gdb_point kind, uint64_t address,
		uint64_t bytes)
{
	s->hard[s->hard_count++] = (struct iol_debug_point){ kind, address, bytes };
}

/* What DBGWCR and DBGWVR watch (DDI 0487, "DBGWCR<n>_EL1"), checked to be as the architecture allows. */
static bool watches(const struct iol_arm64_pair *w, uint64_t address, unsigned int access)
{
	unsigned int mask = w->control >> 24 & 0x1f, bas = w->control >> 5 & 0xff;

	g_assert_cmphex(w->control & ~UINT64_C(0x1f001fff), ==, 0);
	g_assert_cmphex(w->control & 7, ==, 7);
	g_assert_cmphex(w->value & 7, ==, 0);
	g_assert_cmpuint(bas, !=, 0);
	/* The bytes are next to each other. */
	g_assert_cmphex(((bas | (bas - 1)) + 1) & bas, ==, 0);
	if (!(w->control >> 3 & access))
		return false;
	if (!mask)
		return (address ^ w->value) < 8 && bas >> (address & 7) & 1;
	g_assert_cmpuint(mask, >=, 3);
	g_assert_cmphex(bas, ==, 0xff);
	g_assert_cmphex(w->value & ((UINT64_C(1) << mask) - 1), ==, 0);
	return !((address ^ w->value) >> mask);
}

/* By how many of them. */
static unsigned int watched(const struct iol_arm64_points *p, uint64_t address, unsigned int access)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < p->watch_count; i++)
		count += watches(&p->watches[i], address, access);
	return count;
}

static void check_range(uint64_t start, uint64_t bytes, const struct iol_arm64_points *p)
{
	uint64_t at[] = {
		start - 1, start, start + bytes / 2, start + bytes - 1, start + bytes, 0
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(at); i++) {
		if (i + 1 == G_N_ELEMENTS(at))
			at[i] = start + (uint32_t)g_test_rand_int() % bytes;
		if (watched(p, at[i], LOAD | STORE) != (at[i] - start < bytes))
			g_error("0x%" PRIx64 " of %" PRIu64 " bytes at 0x%" PRIx64
				" is watched by %u",
				at[i], bytes, start, watched(p, at[i], LOAD | STORE));
	}
}

static void test_ranges(void)
{
	static const struct {
		uint64_t address, bytes;
		unsigned int count;
	} of[] = {
		{ DATA, 1, 1 },
		{ DATA + 3, 4, 1 },
		{ DATA + 7, 1, 1 },
		{ DATA, 8, 1 },
		{ DATA + 4, 8, 2 },
		{ DATA, 16, 1 },
		{ DATA, 24, 2 },
		{ DATA + 8, 16, 2 },
		{ DATA & ~UINT64_C(0xfff), 0x1000, 1 },
		{ 0, UINT64_C(1) << 31, 1 },
		{ 0, UINT64_C(1) << 32, 2 },
		{ UINT64_C(1) << 31, UINT64_C(1) << 31, 1 },
		{ UINT64_MAX - 7, 8, 1 },
		{ UINT64_MAX, 1, 1 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(of); i++) {
		struct iol_debug_setup s = { 0 };
		struct iol_arm64_points p;

		add(&s, IOL_GDB_WATCH_ACCESS, of[i].address, of[i].bytes);
		g_test_message("%" PRIu64 " at 0x%" PRIx64, of[i].bytes, of[i].address);
		g_assert_cmpint(iol_arm64_points_make(&s, 6, 4, &p), ==, 0);
		g_assert_cmpuint(p.watch_count, ==, of[i].count);
		g_assert_cmpuint(p.break_count, ==, 0);
		check_range(of[i].address, of[i].bytes, &p);
	}
}

static void test_random_ranges(void)
{
	unsigned int made = 0;

	for (unsigned int i = 0; i < 20000; i++) {
		struct iol_debug_setup s = { 0 };
		struct iol_arm64_points p;
		uint64_t bytes = 1 + ((uint32_t)g_test_rand_int() >> g_test_rand_int_range(1, 31));
		uint64_t address =
			DATA + ((uint32_t)g_test_rand_int() >> g_test_rand_int_range(0, 32));
		int ret;

		add(&s, IOL_GDB_WATCH_ACCESS, address, bytes);
		ret = iol_arm64_points_make(&s, 16, 16, &p);
		if (ret) {
			g_assert_cmpint(ret, ==, -ENOSPC);
			continue;
		}
		made++;
		check_range(address, bytes, &p);
	}
	g_assert_cmpuint(made, >, 1000);
}

static void test_kinds(void)
{
	struct iol_debug_setup s = { 0 };
	struct iol_arm64_points p;

	add(&s, IOL_GDB_WATCH_WRITE, DATA, 4);
	add(&s, IOL_GDB_HARD_BREAK, 0xffff800010000004, 4);
	add(&s, IOL_GDB_WATCH_READ, DATA + 8, 4);
	g_assert_cmpint(iol_arm64_points_make(&s, 1, 2, &p), ==, 0);
	g_assert_cmpuint(p.watch_count, ==, 2);
	g_assert_cmpuint(watched(&p, DATA, STORE), ==, 1);
	g_assert_cmpuint(watched(&p, DATA, LOAD), ==, 0);
	g_assert_cmpuint(watched(&p, DATA + 8, STORE), ==, 0);
	g_assert_cmpuint(watched(&p, DATA + 8, LOAD), ==, 1);
	/* On, at EL1 and EL0, all bytes of the instruction, no context. */
	g_assert_cmpuint(p.break_count, ==, 1);
	g_assert_cmphex(p.breaks[0].control, ==, 0x1e7);
	g_assert_cmphex(p.breaks[0].value, ==, 0xffff800010000004);
}

static void test_limits(void)
{
	struct iol_debug_setup s = { 0 };
	struct iol_arm64_points p;

	for (unsigned int i = 0; i < 3; i++)
		add(&s, IOL_GDB_HARD_BREAK, 4 * i, 4);
	g_assert_cmpint(iol_arm64_points_make(&s, 3, 0, &p), ==, 0);
	g_assert_cmpint(iol_arm64_points_make(&s, 2, 9, &p), ==, -ENOSPC);
	s.hard_count = 0;
	add(&s, IOL_GDB_WATCH_WRITE, DATA + 1, 16);
	g_assert_cmpint(iol_arm64_points_make(&s, 6, 3, &p), ==, 0);
	g_assert_cmpint(iol_arm64_points_make(&s, 6, 2, &p), ==, -ENOSPC);
	s.hard[0].bytes = 0;
	g_assert_cmpint(iol_arm64_points_make(&s, 6, 4, &p), ==, -EINVAL);
	s.hard[0].bytes = UINT64_MAX - DATA;
	g_assert_cmpint(iol_arm64_points_make(&s, 6, 4, &p), ==, -ENOSPC);
	s.hard[0].bytes = UINT64_MAX - DATA + 1;
	g_assert_cmpint(iol_arm64_points_make(&s, 6, 4, &p), ==, -EINVAL);
	/* More than there can be, whatever is said. */
	s.hard_count = 0;
	for (unsigned int i = 0; i < IOL_DEBUG_HARD_MAX; i++)
		add(&s, IOL_GDB_WATCH_WRITE, DATA + 8 * i, 8);
	g_assert_cmpint(iol_arm64_points_make(&s, 99, 99, &p), ==, -ENOSPC);
	s.hard_count = IOL_DEBUG_HARD_MAX + 1;
	g_assert_cmpint(iol_arm64_points_make(&s, 99, 99, &p), ==, -ENOSPC);
}

/* --- hits --- */

static struct iol_debug_hit hit(const struct iol_debug_setup *s, uint32_t esr, uint64_t far,
				uint64_t pc)
{
	struct iol_debug_hit h;

	iol_arm64_points_hit(s, esr, far, pc, &h);
	return h;
}

static void test_hits(void)
{
	struct iol_debug_setup s = { 0 };
	struct iol_debug_hit h;

	add(&s, IOL_GDB_HARD_BREAK, 0x1000, 4);
	add(&s, IOL_GDB_WATCH_WRITE, 0x1000, 4);
	add(&s, IOL_GDB_HARD_BREAK, 0x1004, 4);
	h = hit(&s, ESR_STEP, 0, 0x1000);
	g_assert_cmpint(h.kind, ==, IOL_DEBUG_HIT_STEP);
	h = hit(&s, ESR_BREAK, 0, 0x1004);
	g_assert_cmpint(h.kind, ==, IOL_DEBUG_HIT_BREAK);
	g_assert_cmphex(h.points, ==, 4);
	g_assert_cmphex(h.address, ==, 0x1004);
	h = hit(&s, ESR_BREAK, 0, 0x1000);
	g_assert_cmphex(h.points, ==, 1);
	h = hit(&s, ESR_BRK64, 0, 0x2000);
	g_assert_cmpint(h.kind, ==, IOL_DEBUG_HIT_TRAP);
	h = hit(&s, ESR_BKPT32, 0, 0x2000);
	g_assert_cmpint(h.kind, ==, IOL_DEBUG_HIT_TRAP);
	h = hit(&s, ESR_DATA_ABORT, 0, 0x1000);
	g_assert_cmpint(h.kind, ==, IOL_DEBUG_NO_HIT);
}

static void test_watch_hits(void)
{
	static const struct {
		uint64_t far;
		bool write;
		uint32_t points;
	} of[] = {
		{ DATA, true, 1 },
		{ DATA + 3, true, 1 },
		/* Both of these are for reads there. */
		{ DATA + 0x12, false, 6 },
		{ DATA + 0x12, true, 4 },
		/* Before: a wide access. Behind: nobody's, the nearest. */
		{ DATA - 0x10, true, 1 },
		{ DATA + 0xe, false, 6 },
		{ DATA + 0x1000, true, 8 },
		/* No point for reads is nearer. */
		{ DATA, false, 6 },
		/* With a tag. */
		{ (DATA + 0x2001) ^ UINT64_C(0x5a) << 56, true, 8 },
		{ 0, true, 1 },
		{ UINT64_MAX, true, 8 },
	};
	struct iol_debug_setup s = { 0 };

	add(&s, IOL_GDB_WATCH_WRITE, DATA, 4);
	add(&s, IOL_GDB_WATCH_READ, DATA + 0x10, 4);
	add(&s, IOL_GDB_WATCH_ACCESS, DATA + 0x10, 8);
	add(&s, IOL_GDB_WATCH_WRITE, DATA + 0x1000, 0x2000);
	add(&s, IOL_GDB_HARD_BREAK, DATA, 4);
	for (size_t i = 0; i < G_N_ELEMENTS(of); i++) {
		uint32_t esr = ESR_WATCH | (of[i].write ? ESR_WRITE : 0);
		struct iol_debug_hit h = hit(&s, esr, of[i].far, 0x1000);

		g_test_message("0x%" PRIx64, of[i].far);
		g_assert_cmpint(h.kind, ==, IOL_DEBUG_HIT_WATCH);
		g_assert_cmphex(h.points, ==, of[i].points);
	}
}

static void test_told_as_other(void)
{
	struct iol_debug_setup s = { 0 };

	/* An atomic instruction reads and writes. */
	add(&s, IOL_GDB_WATCH_WRITE, DATA, 4);
	g_assert_cmphex(hit(&s, ESR_WATCH, DATA, 0).points, ==, 1);
	s.hard[0].kind = IOL_GDB_WATCH_READ;
	g_assert_cmphex(hit(&s, ESR_WATCH | ESR_WRITE, DATA, 0).points, ==, 1);
	s.hard[0].kind = IOL_GDB_HARD_BREAK;
	g_assert_cmphex(hit(&s, ESR_WATCH | ESR_WRITE, DATA, 0).points, ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm64-debug-points/ranges", test_ranges);
	g_test_add_func("/arm64-debug-points/random-ranges", test_random_ranges);
	g_test_add_func("/arm64-debug-points/kinds", test_kinds);
	g_test_add_func("/arm64-debug-points/limits", test_limits);
	g_test_add_func("/arm64-debug-points/hits", test_hits);
	g_test_add_func("/arm64-debug-points/watch-hits", test_watch_hits);
	g_test_add_func("/arm64-debug-points/told-as-other", test_told_as_other);
	return g_test_run();
}
