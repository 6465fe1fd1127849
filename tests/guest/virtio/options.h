/* SPDX-License-Identifier: Apache-2.0 */
/* Time, words of the command line and random numbers for guests of any architecture; user.c is the architecture's. */
#ifndef GUEST_OPTIONS_H
#define GUEST_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* --- the architecture's --- */

/* The whole command line. */
const char *user_orders(void);
uint64_t user_ticks(void);
/* Of user_ticks(), a millisecond; an estimate where CPUID does not tell. */
extern uint64_t user_ticks_per_ms;

/* --- of all --- */

/*
 * Words "key=value" and "key" of the command line. The value's text up to a blank or comma: "" when
 * there is the key alone, NULL when there is none. Number @index of several with commas between.
 */
const char *option(const char *key, unsigned int index);
bool option_is(const char *key, const char *value);
/* Decimal, or hexadecimal after 0x. */
uint64_t option_number(const char *key, unsigned int index, uint64_t otherwise);

/* A generator of numbers that look random: xorshift64*. */
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

#endif
