/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A counter of one writer at a time (a thread, or whoever holds a lock) that any thread may read. It counts to 2^64 on
 * hosts of 32 bits, too. Neither side ever waits; adding one costs what adding to a plain number costs.
 *
 * Where a number of 64 bits cannot be read at once there are two halves. The writer tells that the upper one is about to
 * change, and that it has: who reads between sees that the two differ, and knows the value of that moment.
 */
#ifndef IOLITE_COUNT_H
#define IOLITE_COUNT_H

#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>

/* Tests choose. */
#ifndef IOL_COUNT_HALVES
#define IOL_COUNT_HALVES (ULONG_MAX == UINT32_MAX)
#endif

#if IOL_COUNT_HALVES

struct iol_count {
	_Atomic uint32_t begun, low, upper;
};

static inline void iol_count_add_one(struct iol_count *count)
{
	uint32_t low = atomic_load_explicit(&count->low, memory_order_relaxed) + 1;
	uint32_t upper = atomic_load_explicit(&count->upper, memory_order_relaxed) + 1;

	if (low) {
		atomic_store_explicit(&count->low, low, memory_order_relaxed);
		return;
	}
	atomic_store_explicit(&count->begun, upper, memory_order_relaxed);
	atomic_store_explicit(&count->low, 0, memory_order_release);
	atomic_store_explicit(&count->upper, upper, memory_order_release);
}

static inline uint64_t iol_count_get(const struct iol_count *count)
{
	uint32_t upper = atomic_load_explicit(&count->upper, memory_order_acquire);
	uint32_t low = atomic_load_explicit(&count->low, memory_order_acquire);
	uint32_t begun = atomic_load_explicit(&count->begun, memory_order_relaxed);

	return (uint64_t)begun << 32 | (begun == upper ? low : 0);
}

#else

struct iol_count {
	_Atomic uint64_t value;
};

static inline void iol_count_add_one(struct iol_count *count)
{
	uint64_t value = atomic_load_explicit(&count->value, memory_order_relaxed);

	atomic_store_explicit(&count->value, value + 1, memory_order_relaxed);
}

static inline uint64_t iol_count_get(const struct iol_count *count)
{
	return atomic_load_explicit(&count->value, memory_order_relaxed);
}

#endif

#endif
