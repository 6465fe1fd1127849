/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block backend of memory, for tests and fuzzers of what uses one. Requests end at once, or
 * when the test says so and in the order it says; they fail when it says so. What lies around the disk is
 * watched, and an ended request's iovecs are spoiled: nobody may need them any more.
 */
#ifndef IOLITE_TESTS_MEMORY_BLOCK_H
#define IOLITE_TESTS_MEMORY_BLOCK_H

#include <iolite/block.h>

/* What a request asked for, as it came. */
struct memory_block_seen {
	enum iol_block_kind kind;
	bool stable, unmap;
	uint64_t offset_bytes, len_bytes;
	unsigned int iov_count;
};

enum { MEMORY_BLOCK_SEEN = 64 };

struct memory_block {
	struct iol_block blk;
	uint8_t *data; /* limits.size_bytes of it */
	uint64_t data_bytes;
	bool async; /* requests wait for memory_block_end() */
	int fail_with; /* 0, or -errno: requests of the kinds in fail_kinds end with it */
	unsigned int fail_kinds; /* bit per kind */
	uint64_t fail_from; /* only those that start at this byte or behind it */
	struct iol_block_req *pending; /* oldest first */
	unsigned int pending_count;
	unsigned int cancels; /* calls of cancel_all() */
	bool cancelled; /* what is pending ends with -ECANCELED */
	unsigned int seen_count; /* since the start; the last MEMORY_BLOCK_SEEN are kept */
	struct memory_block_seen seen[MEMORY_BLOCK_SEEN];
	uint64_t next_size_bytes; /* what a look at the size finds; up to data_bytes */
	bool *freed; /* NULL, or set by free() */
};

/* A disk of limits->size_bytes zeros. */
struct memory_block *memory_block_new(struct iol_loop *loop, const struct iol_block_limits *limits);

/* The request that came as number @idx of those kept, 0 the oldest. */
const struct memory_block_seen *memory_block_seen(const struct memory_block *mb, unsigned int idx);

/* Ends pending request @idx, 0 the oldest. */
void memory_block_end(struct memory_block *mb, unsigned int idx);
void memory_block_end_all(struct memory_block *mb);

/* Nothing was written outside of the disk. */
bool memory_block_is_whole(const struct memory_block *mb);

#endif
