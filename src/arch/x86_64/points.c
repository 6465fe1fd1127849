// SPDX-License-Identifier: Apache-2.0
/* Hardware points in the debug registers (SDM 3B 17.2). */
#include "debug.h"

#include <errno.h>
#include <string.h>

#define DR6_STEP (1u << 14)
/* Bit 10 is always 1; bit 9 asks old processors for exact watchpoints. */
#define DR7_ALWAYS (1u << 10 | 1u << 9)

enum { CONDITION_EXECUTION = 0, CONDITION_WRITE = 1, CONDITION_ACCESS = 3 };
enum { WATCH_BYTES_MAX = 8 };

static unsigned int length_bits(unsigned int bytes)
{
	switch (bytes) {
	case 2:
		return 1;
	case 4:
		return 3;
	case 8:
		return 2;
	default:
		return 0;
	}
}

static int use_register(struct iol_x86_points *points, unsigned int limit, unsigned int point,
			uint64_t address, unsigned int condition, unsigned int bytes)
{
	unsigned int n = points->count;

	if (n >= limit || n >= IOL_X86_POINT_REGISTERS)
		return -ENOSPC;
	points->dr[n] = address;
	points->dr7 |= DR7_ALWAYS | 2u << (2 * n); /* in all tasks */
	points->dr7 |= (uint64_t)(condition | length_bits(bytes) << 2) << (16 + 4 * n);
	points->point[n] = (uint8_t)point;
	points->count++;
	return 0;
}

static int use_watch(struct iol_x86_points *points, unsigned int limit, unsigned int point,
		     const struct iol_debug_point *watch)
{
	unsigned int condition =
		watch->kind == IOL_GDB_WATCH_WRITE ? CONDITION_WRITE : CONDITION_ACCESS;
	uint64_t address = watch->address;
	uint64_t bytes = watch->bytes;
	int ret = 0;

	while (bytes && !ret) {
		unsigned int part = WATCH_BYTES_MAX;

		while (part > bytes || address % part)
			part /= 2;
		ret = use_register(points, limit, point, address, condition, part);
		address += part;
		bytes -= part;
	}
	return ret;
}

static int use_point(struct iol_x86_points *points, const struct iol_debug_caps *caps,
		     unsigned int n, const struct iol_debug_point *point)
{
	switch (point->kind) {
	case IOL_GDB_HARD_BREAK:
		if (!caps->hard_breaks)
			return -ENOTSUP;
		return use_register(points, caps->hard_breaks, n, point->address,
				    CONDITION_EXECUTION, 1);
	case IOL_GDB_WATCH_WRITE:
	case IOL_GDB_WATCH_ACCESS:
		if (!caps->hard_watches)
			return -ENOTSUP;
		if (!point->bytes)
			return -EINVAL;
		return use_watch(points, caps->hard_watches, n, point);
	default:
		return -ENOTSUP; /* no processor watches for reads alone */
	}
}

int iol_x86_points_pack(const struct iol_debug_caps *caps, const struct iol_debug_setup *setup,
			struct iol_x86_points *points)
{
	int ret = 0;

	memset(points, 0, sizeof(*points));
	for (unsigned int i = 0; i < setup->hard_count && !ret; i++)
		ret = i < IOL_DEBUG_HARD_MAX ? use_point(points, caps, i, &setup->hard[i])
					     : -ENOSPC;
	return ret;
}

void iol_x86_points_hit(const struct iol_x86_points *points, const struct iol_debug_setup *setup,
			uint64_t dr6, uint64_t pc, struct iol_debug_hit *hit)
{
	memset(hit, 0, sizeof(*hit));
	/* Bits of registers that are not in use may be set as well (SDM 3B 17.2.3). */
	for (unsigned int n = 0; n < points->count; n++) {
		unsigned int point = points->point[n];

		if (!(dr6 & (1u << n)))
			continue;
		hit->points |= 1u << point;
		if (setup->hard[point].kind != IOL_GDB_HARD_BREAK) {
			/* It is over; the instruction at a breakpoint is still to come. */
			hit->kind = IOL_DEBUG_HIT_WATCH;
			hit->address = points->dr[n];
		} else if (hit->kind == IOL_DEBUG_NO_HIT) {
			hit->kind = IOL_DEBUG_HIT_BREAK;
			hit->address = pc;
		}
	}
	if (hit->kind == IOL_DEBUG_NO_HIT && (dr6 & DR6_STEP))
		hit->kind = IOL_DEBUG_HIT_STEP;
}
