/* SPDX-License-Identifier: Apache-2.0 */
/* The oracle of targets that keep nothing: an input that is run once more leaves the heap as it was. */
#ifndef IOLITE_TESTS_FUZZ_HEAP_H
#define IOLITE_TESTS_FUZZ_HEAP_H

#include <stdbool.h>

#include "fuzz.h"
#include "heap.h"

/* @warm: the target's, false at first; from the first input on it has all that libraries keep for good. */
static inline void fuzz_keeps_nothing(void (*run)(const uint8_t *data, size_t len),
				      const uint8_t *data, size_t len, bool *warm)
{
	size_t before;

	if (!*warm)
		run(data, len);
	*warm = true;
	before = heap_bytes();
	run(data, len);
	fuzz_check(heap_bytes() <= before + HEAP_CACHED_BYTES);
}

#endif
