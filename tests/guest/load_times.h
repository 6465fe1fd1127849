/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long what a benchmark does takes, noted by guests and by host programs alike: 16 steps for each power
 * of two. For one source file of a program.
 */
#ifndef GUEST_LOAD_TIMES_H
#define GUEST_LOAD_TIMES_H

#include <stdint.h>

enum { LOAD_TIME_STEPS = 16 * 64 };

static uint32_t load_times[LOAD_TIME_STEPS];

static inline void load_time_note(uint64_t t)
{
	unsigned int power = 63u - (unsigned int)__builtin_clzll(t | 16);

	load_times[power * 16 + (t >> (power - 4) & 15)]++;
}

static inline void load_times_clear(void)
{
	for (unsigned int i = 0; i < LOAD_TIME_STEPS; i++)
		load_times[i] = 0;
}

/* 0 when not all of @count times were noted: there were several at a time. */
static inline uint64_t load_time_quantile(uint64_t count, unsigned int percent)
{
	uint64_t left = count * percent / 100;
	unsigned int i = 0;

	while (i < LOAD_TIME_STEPS && load_times[i] <= left)
		left -= load_times[i++];
	if (i == LOAD_TIME_STEPS)
		return 0;
	return (16ull + i % 16) << (i / 16 - 4);
}

#endif
