/* SPDX-License-Identifier: Apache-2.0 */
/* What this process has of what a machine must give back at its end: descriptors, threads, memory. */
#ifndef IOLITE_TESTS_HOLDINGS_H
#define IOLITE_TESTS_HOLDINGS_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

struct holdings {
	unsigned int fds, threads, mappings;
	size_t mapped_bytes, heap_bytes;
};

struct holdings holdings_look(void);

/* The kernel ends threads and rings a little after they are given up: waits until this one is alone. */
struct holdings holdings_look_alone(void);

/* Asserts that all is as it was. Sanitizers have an allocator of their own: memory is not compared then. */
void holdings_check_same(const struct holdings *before);

#endif
