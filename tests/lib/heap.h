/* SPDX-License-Identifier: Apache-2.0 */
/* How much the heap holds, for the oracle that it does not grow with what a guest or a client does. */
#ifndef IOLITE_TESTS_HEAP_H
#define IOLITE_TESTS_HEAP_H

#include <malloc.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEAP_OF_SANITIZER
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HEAP_OF_SANITIZER
#endif

#ifdef HEAP_OF_SANITIZER
/* glibc counts what it keeps for the next allocation as used; sanitizers count truly. */
enum { HEAP_CACHED_BYTES = 0 };

size_t __sanitizer_get_current_allocated_bytes(void);

static inline size_t heap_bytes(void)
{
	return __sanitizer_get_current_allocated_bytes();
}
#else
enum { HEAP_CACHED_BYTES = 65536 };

static inline size_t heap_bytes(void)
{
	return mallinfo2().uordblks;
}
#endif

#endif
