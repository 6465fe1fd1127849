/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random chains, mostly valid: hostile_random.c makes them of parts that a kind of device proposes, and gives one
 * in RANDOM_ODDS a mistake. "random=N seed=S" of the command line asks for N in the place of the list.
 */
#ifndef GUEST_HOSTILE_RANDOM_H
#define GUEST_HOSTILE_RANDOM_H

#include "hostile.h"

enum { RANDOM_PARTS = 8, RANDOM_ODDS = 256 };

/* --- of the kind --- */

/*
 * Parts of a request, at most RANDOM_PARTS, mostly sensible ones, those that are written last; how many. Memory
 * of its own is that of @slot, below Q_SIZE; h.data is for all.
 */
unsigned int random_parts(struct vio_part *parts, unsigned int slot, uint64_t *seed);
/* Takes what came in meanwhile. */
void random_tend(void);

/* --- of all --- */

/* @count chains that were answered, or ended in NEEDS_RESET; says "random: VERDICT" and what came of them. */
void random_run(uint64_t count, uint64_t seed);

/* True once in @odds. */
static inline bool random_once(uint64_t *seed, unsigned int odds)
{
	return (random_next(seed) >> 32) % odds == 0;
}

/* Some of h.data, of 1 to @max bytes. */
static inline struct vio_part random_data(uint64_t *seed, uint32_t max, bool writable)
{
	uint64_t random = random_next(seed);
	uint32_t len = 1 + (uint32_t)(random >> 32) % max;

	return (struct vio_part){ (uint64_t)h.data + random % (DATA_BYTES - len), len, writable };
}

#endif
