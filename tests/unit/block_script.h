/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel under a block backend, with its answers scripted: the linker puts these functions
 * between the backend and the loop (see tests/CMakeLists.txt). And what the tests that use them share.
 */
#ifndef TESTS_BLOCK_SCRIPT_H
#define TESTS_BLOCK_SCRIPT_H

#include "backend/block_raw.h"
#include "block_rig.h"

enum script_call { READV, WRITEV, FDATASYNC, FALLOCATE, WRITE, PREADV2, PWRITEV2, SCRIPT_CALLS };

enum { SIZE = 1024 * 1024 };

/* What was asked for since script_clear(). */
extern unsigned int calls[SCRIPT_CALLS];
extern int last_flags; /* of READV, WRITEV */
extern bool last_by_worker;
extern const struct iol_loop_file *last_file;

/*
 * The next answer, for when @call comes: @res <= 0 is the result; > 0 lets no more bytes than that
 * through. Calls for which the next answer is not meant go to the kernel.
 */
void script_add(enum script_call call, int res);
void script_clear(void);

/* A rig with a disk of SIZE bytes on it; all answers are used up at its end. */
struct iol_block *script_start(struct block_rig *rig);
struct iol_block *script_start_cache(struct block_rig *rig, enum iol_block_cache cache,
				     bool direct);
void script_end(struct block_rig *rig, struct iol_block *blk);

struct iol_block_raw *raw_of(struct iol_block *blk);

/* @buf is what block_rig_file() put at @offset. */
void assert_pattern(const uint8_t *buf, uint64_t offset, size_t len);
/* What the file has at @offset, past the backend. */
void assert_file(const struct block_rig *rig, uint64_t offset, const void *bytes, size_t len);
/* The range reads as zeros, and the sectors around it are as they were. */
bool is_whole_and_zero(struct iol_block *blk, uint64_t offset, uint64_t len);

#endif
