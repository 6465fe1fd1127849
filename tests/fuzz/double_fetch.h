/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory that changes between any two reads of the device's. For targets that have virtqueue.c and chain.c compiled once
 * more with IOL_GUEST_READ_HOOK (CMakeLists.txt): all that a device reads of guest memory by itself, rings, descriptors, headers
 * and commands, it reads by these. Data that backends move is nobody's to judge.
 */
#ifndef IOLITE_TESTS_FUZZ_DOUBLE_FETCH_H
#define IOLITE_TESTS_FUZZ_DOUBLE_FETCH_H

#include <iolite/memory.h>

#include "fuzz.h"

/* Host memory [@p, @p + @len) is guest memory. */
static inline bool is_in_ram(const struct iol_memory *memory, const void *p, uint64_t len)
{
	for (unsigned int i = 0; i < memory->region_count; i++) {
		const struct iol_memory_region *r = &memory->regions[i];
		uint64_t offset = (uintptr_t)p - (uintptr_t)r->hva;

		if ((uintptr_t)p >= (uintptr_t)r->hva && offset < r->size_bytes &&
		    len <= r->size_bytes - offset)
			return true;
	}
	return false;
}

/* From now on reads are held against @memory, in which they must lie; what was armed is forgotten. */
void double_fetch_begin(const struct iol_memory *memory);

/*
 * In some reads from now, as the next three bytes of @in say, a byte changes: one of those about to be read, or one of
 * [@rings, @rings + @bytes), where NULL stands for none. No more than a few are remembered.
 */
void double_fetch_arm(struct fuzz_input *in, uint8_t *rings, size_t bytes);

/* What was armed and has not happened does not happen. */
void double_fetch_disarm(void);

/* How many changes there were since the beginning. */
unsigned int double_fetch_hits(void);

/* The hook: to be called by who sets another one. */
void double_fetch_read(const volatile void *p, size_t len);

#endif
