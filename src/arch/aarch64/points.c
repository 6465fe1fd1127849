// SPDX-License-Identifier: Apache-2.0
/*
 * Breakpoints and watchpoints as debug registers (DDI 0487, "AArch64 Self-hosted Debug"), and which of them a debug exception is of.
 *
 * A watchpoint's registers are good for some bytes of one doubleword, or for an aligned power of two of them:
 * other ranges take several.
 */
#include "gdb.h"

#include <errno.h>

/* DBGBCR, DBGWCR (DDI 0487, "DBGBCR<n>_EL1", "DBGWCR<n>_EL1"): on, at EL0 and EL1. */
#define ENABLED UINT64_C(0x7)
#define BAS_SHIFT 5
#define BREAK_BAS (UINT64_C(0xf) << BAS_SHIFT)
#define LSC_LOAD (UINT64_C(1) << 3)
#define LSC_STORE (UINT64_C(2) << 3)
#define MASK_SHIFT 24
enum { DOUBLEWORD = 8, MASK_MAX = 31 };

/* ESR_ELx (DDI 0487, "ESR_EL1") */
enum {
	EC_SHIFT = 26,
	EC_BREAK = 0x30,
	EC_BREAK_SAME = 0x31,
	EC_STEP = 0x32,
	EC_STEP_SAME = 0x33,
	EC_WATCH = 0x34,
	EC_WATCH_SAME = 0x35,
	EC_BKPT32 = 0x38,
	EC_BRK64 = 0x3c,
};
#define ESR_WNR (UINT32_C(1) << 6)

static bool is_watch(const struct iol_debug_point *point)
{
	return point->kind == IOL_GDB_WATCH_WRITE || point->kind == IOL_GDB_WATCH_READ ||
	       point->kind == IOL_GDB_WATCH_ACCESS;
}

static uint64_t accesses(enum iol_gdb_point kind)
{
	switch (kind) {
	case IOL_GDB_WATCH_WRITE:
		return LSC_STORE;
	case IOL_GDB_WATCH_READ:
		return LSC_LOAD;
	default:
		return LSC_LOAD | LSC_STORE;
	}
}

/* How many bytes from @address on, up to @bytes, one pair of registers is good for; @pair is that. */
static uint64_t watch_some(uint64_t address, uint64_t bytes, struct iol_arm64_pair *pair)
{
	uint64_t first = address % DOUBLEWORD;
	unsigned int shift = 3;

	pair->value = address - first;
	if (first || bytes < DOUBLEWORD) {
		uint64_t some = DOUBLEWORD - first < bytes ? DOUBLEWORD - first : bytes;

		pair->control = ENABLED | ((UINT64_C(1) << some) - 1) << first << BAS_SHIFT;
		return some;
	}
	while (shift < MASK_MAX && bytes >> (shift + 1) && !(address >> shift & 1))
		shift++;
	pair->control = ENABLED | UINT64_C(0xff) << BAS_SHIFT;
	if (shift > 3)
		pair->control |= (uint64_t)shift << MASK_SHIFT;
	return UINT64_C(1) << shift;
}

static int add_watch(const struct iol_debug_point *point, unsigned int limit,
		     struct iol_arm64_points *points)
{
	uint64_t address = point->address, bytes = point->bytes;

	if (!bytes || address + (bytes - 1) < address)
		return -EINVAL;
	while (bytes) {
		struct iol_arm64_pair *pair = &points->watches[points->watch_count];
		uint64_t some;

		if (points->watch_count >= limit || points->watch_count >= IOL_ARM64_POINTS_MAX)
			return -ENOSPC;
		some = watch_some(address, bytes, pair);
		pair->control |= accesses(point->kind);
		points->watch_count++;
		address += some;
		bytes -= some;
	}
	return 0;
}

static int add_break(const struct iol_debug_point *point, unsigned int limit,
		     struct iol_arm64_points *points)
{
	if (points->break_count >= limit || points->break_count >= IOL_ARM64_POINTS_MAX)
		return -ENOSPC;
	points->breaks[points->break_count++] = (struct iol_arm64_pair){
		.control = ENABLED | BREAK_BAS,
		.value = point->address & ~UINT64_C(3),
	};
	return 0;
}

int iol_arm64_points_make(const struct iol_debug_setup *setup, unsigned int breaks,
			  unsigned int watches, struct iol_arm64_points *points)
{
	int ret = 0;

	*points = (struct iol_arm64_points){ 0 };
	if (setup->hard_count > IOL_DEBUG_HARD_MAX)
		return -ENOSPC;
	for (unsigned int i = 0; i < setup->hard_count && !ret; i++) {
		const struct iol_debug_point *point = &setup->hard[i];

		if (is_watch(point))
			ret = add_watch(point, watches, points);
		else
			ret = add_break(point, breaks, points);
	}
	return ret;
}

/* --- hits --- */

/* Without a tag in the top byte, which a processor may have or not have in what it tells. */
static uint64_t untagged(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 8) >> 8);
}

static uint64_t distance(const struct iol_debug_point *point, uint64_t address)
{
	uint64_t start = untagged(point->address), end = start + (point->bytes - 1);

	if (address < start)
		return start - address;
	return address > end ? address - end : 0;
}

static bool fits(const struct iol_debug_point *point, bool write)
{
	return is_watch(point) && accesses(point->kind) & (write ? LSC_STORE : LSC_LOAD);
}

/*
 * The address may be before or within what was watched: all that is certain is that the instruction accesses it, or
 * that it is near (DDI 0487, "Watchpoint exceptions"). The nearest points are meant.
 */
static uint32_t nearest(const struct iol_debug_setup *setup, uint64_t address, bool write)
{
	uint64_t least = UINT64_MAX;
	uint32_t points = 0;

	for (unsigned int i = 0; i < setup->hard_count && i < IOL_DEBUG_HARD_MAX; i++) {
		uint64_t d;

		if (!fits(&setup->hard[i], write))
			continue;
		d = distance(&setup->hard[i], address);
		if (d > least)
			continue;
		if (d < least)
			points = 0;
		least = d;
		points |= UINT32_C(1) << i;
	}
	return points;
}

static void hit_watch(const struct iol_debug_setup *setup, uint32_t esr, uint64_t far,
		      struct iol_debug_hit *hit)
{
	bool write = esr & ESR_WNR;

	hit->kind = IOL_DEBUG_HIT_WATCH;
	hit->points = nearest(setup, untagged(far), write);
	/* An instruction that does both may be told as either. */
	if (!hit->points)
		hit->points = nearest(setup, untagged(far), !write);
	hit->address = untagged(far);
}

static void hit_break(const struct iol_debug_setup *setup, uint64_t pc, struct iol_debug_hit *hit)
{
	hit->kind = IOL_DEBUG_HIT_BREAK;
	hit->address = pc;
	for (unsigned int i = 0; i < setup->hard_count && i < IOL_DEBUG_HARD_MAX; i++) {
		const struct iol_debug_point *point = &setup->hard[i];

		if (!is_watch(point) && (point->address ^ pc) < 4)
			hit->points |= UINT32_C(1) << i;
	}
}

void iol_arm64_points_hit(const struct iol_debug_setup *setup, uint32_t esr, uint64_t far,
			  uint64_t pc, struct iol_debug_hit *hit)
{
	*hit = (struct iol_debug_hit){ .kind = IOL_DEBUG_NO_HIT };
	switch (esr >> EC_SHIFT) {
	case EC_BREAK:
	case EC_BREAK_SAME:
		hit_break(setup, pc, hit);
		break;
	case EC_STEP:
	case EC_STEP_SAME:
		hit->kind = IOL_DEBUG_HIT_STEP;
		break;
	case EC_WATCH:
	case EC_WATCH_SAME:
		hit_watch(setup, esr, far, hit);
		break;
	case EC_BKPT32:
	case EC_BRK64:
		hit->kind = IOL_DEBUG_HIT_TRAP;
		hit->address = pc;
		break;
	default:
		break;
	}
}
