/* SPDX-License-Identifier: Apache-2.0 */
/* A file or block device as a block backend: what opening, data path and discarding share. */
#ifndef IOLITE_BACKEND_BLOCK_RAW_H
#define IOLITE_BACKEND_BLOCK_RAW_H

#include <iolite/block.h>
#include <iolite/log.h>
#include <iolite/sandbox.h>

struct iol_discarder;

struct iol_block_raw {
	struct iol_block blk;
	enum iol_block_cache cache;
	bool device; /* a block device, not a file */

	/* Through the page cache; with O_DIRECT it serves what that cannot. */
	int fd;
	struct iol_loop_file file;
	/* Past the page cache; -1: not asked for. */
	int direct_fd;
	struct iol_loop_file direct_file;
	uint32_t direct_offset_align, direct_mem_align;

	/* What the host has not refused yet. */
	bool nowait_read, nowait_write;
	bool punch; /* FALLOC_FL_PUNCH_HOLE */
	bool zero_range; /* FALLOC_FL_ZERO_RANGE */
	bool discard; /* BLKDISCARD */

	bool flush_failed; /* from then on every flush fails */
	const void *zeros; /* IOL_RAW_ZERO_BYTES of them, once they were needed */
	struct iol_discarder *discarder; /* block devices, once it was needed */
	struct iol_sandbox_hook begin; /* makes it, where that cannot be done later */

	/* The requests that wait for the ring, for cancel_all. */
	struct iol_block_req *waiting;
	struct iol_block_req **waiting_tail;

	uint32_t failing; /* bit per kind whose last request failed */
	struct iol_log_limit log_limit;
};

enum { IOL_RAW_ZERO_BYTES = 256 * 1024 };

/* Opens the descriptors of @raw and learns the limits. What was opened is left to the caller. */
int iol_raw_open(struct iol_block_raw *raw, const struct iol_block_raw_config *config,
		 struct iol_error *err);

/* The present size in bytes, not cut to sectors; -errno. */
int iol_raw_size(const struct iol_block_raw *raw, uint64_t *bytes);

/*
 * A thread that discards ranges of a block device, which no io_uring before Linux 6.12 does. @fd is
 * borrowed. NULL when no thread can be had. [loop]
 */
struct iol_discarder *iol_discarder_new(struct iol_loop *loop, int fd);

/*
 * Queues a range for @req, whose done_bytes, tag, next and res are the discarder's until
 * iol_raw_discarded(). [loop]
 */
void iol_discarder_submit(struct iol_discarder *d, struct iol_block_req *req, uint64_t offset,
			  uint64_t len);

/* The discarder is done with @req. [loop] */
void iol_raw_discarded(struct iol_block_req *req, int res);

/* What the thread has not begun ends with -ECANCELED, later. [loop] */
void iol_discarder_cancel(struct iol_discarder *d);

/* Nothing is queued. Joins the thread. NULL is fine. [loop] */
void iol_discarder_free(struct iol_discarder *d);

#endif
