/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block backend: bytes of a file or block device behind asynchronous requests. It sees iovecs and
 * file descriptors, never guest addresses, and does not know what device uses it.
 *
 * All of it runs on the loop's thread. Backends stack: throttling and fault injection wrap another
 * backend and own it.
 */
#ifndef IOLITE_BLOCK_H
#define IOLITE_BLOCK_H

#include <iolite/block_cache.h>
#include <iolite/loop.h>

enum { IOL_BLOCK_SECTOR_BYTES = 512 };

enum iol_block_kind {
	IOL_BLOCK_READ,
	IOL_BLOCK_WRITE,
	IOL_BLOCK_FLUSH, /* all that completed before it was submitted is stable when it completes */
	IOL_BLOCK_DISCARD, /* contents no longer matter; a hint */
	IOL_BLOCK_WRITE_ZEROES, /* reads as zeros afterwards */
	IOL_BLOCK_KIND_COUNT,
};

struct iol_block_req {
	/* The caller's. */
	enum iol_block_kind kind;
	bool stable; /* WRITE, WRITE_ZEROES, DISCARD: on stable storage when it completes */
	bool unmap; /* WRITE_ZEROES: the place may be given back to the host */
	uint64_t offset_bytes; /* a multiple of the sector size */
	uint64_t len_bytes; /* a multiple of the sector size; READ, WRITE: the sum of @iov */
	struct iovec *iov; /* READ, WRITE: changed while the request runs; buffers stay valid */
	unsigned int iov_count;
	void (*done)(struct iol_block_req *req); /* [loop] */

	/* The result: 0, or -errno. READ and WRITE are whole or failed. */
	int res;

	/* The backend's that currently has the request. */
	struct iol_op op;
	struct iol_block_req *next;
	struct iol_block *owner;
	uint64_t done_bytes;
	uint32_t state;
	uint64_t tag;
};

/* What the host's file can do; a device advertises no more. */
struct iol_block_limits {
	uint64_t size_bytes; /* whole sectors */
	bool read_only;
	bool volatile_cache; /* a flush means something (not cache=unsafe, not write-through) */
	uint32_t logical_block_bytes; /* smallest unit of I/O: 512, 4096 ... a power of two */
	uint32_t
		physical_block_bytes; /* what the host prefers; a power-of-two multiple of the above */
	uint32_t optimal_io_bytes; /* 0: unknown */
	bool discard;
	uint32_t discard_align_bytes; /* 0: any sector */
	bool write_zeroes;
	bool write_zeroes_unmap; /* zeroes may give the place back */
	uint64_t range_bytes_max; /* of one DISCARD or WRITE_ZEROES */
	unsigned int iov_max; /* parts of one READ or WRITE */
};

struct iol_block;

struct iol_block_ops {
	const char *name;
	/* See iol_block_submit(). */
	bool (*submit)(struct iol_block *blk, struct iol_block_req *req);
	/* NULL: cannot. See iol_block_cancel_all(). */
	void (*cancel_all)(struct iol_block *blk);
	/* NULL: the size never changes. Reads the size again; true when limits.size_bytes changed. */
	bool (*refresh)(struct iol_block *blk);
	/* NULL: cannot. See iol_block_grow(). */
	int (*grow)(struct iol_block *blk, uint64_t size_bytes);
	/* Nothing is in flight. */
	void (*free)(struct iol_block *blk);
};

struct iol_block {
	const struct iol_block_ops *ops;
	struct iol_loop *loop;
	char *name; /* for messages: the disk's path as the user gave it; owned */
	struct iol_block_limits limits;
	unsigned int in_flight; /* submitted and not done */
	/*
	 * What wraps this one and hands on its requests as they are (iol_block_submit); it is done with
	 * a request when this one is. NULL: nothing does.
	 */
	struct iol_block *wrapper;
};

/*
 * Starts @req. True: it is over already, req->res is set and done() is not called. False: done()
 * will be called once, later, on the loop's thread. Either way @req is the backend's in between.
 * A range that is not within the limits completes with -EINVAL (a read or write beyond the end of
 * a file that shrank: -EIO).
 */
bool iol_block_submit(struct iol_block *blk, struct iol_block_req *req);

/* Asks for the end of all that is in flight; each still gets its done(), perhaps with -ECANCELED. */
void iol_block_cancel_all(struct iol_block *blk);

/* Looks at the size again; true when it changed. Growing is seen at once; requests beyond a shrunken end fail. */
bool iol_block_refresh(struct iol_block *blk);

/*
 * Makes the file at least @size_bytes long, whole sectors; one that is as long stays as it is. -EROFS, -ENOTSUP for what does not grow by
 * our doing, or the host's -errno. iol_block_refresh() sees it.
 */
int iol_block_grow(struct iol_block *blk, uint64_t size_bytes);

/* Frees @blk and what it wraps; NULL is fine. Nothing may be in flight (assertion). */
void iol_block_free(struct iol_block *blk);

/* For implementations: fills the common part. @name is copied. */
void iol_block_init(struct iol_block *blk, const struct iol_block_ops *ops, struct iol_loop *loop,
		    const char *name);
/* For implementations: ends @req, calling done(). */
void iol_block_complete(struct iol_block *blk, struct iol_block_req *req, int res);

struct iol_block_raw_config {
	const char *path; /* never probed for a format: bytes are bytes */
	bool read_only;
	bool direct; /* O_DIRECT; requests that its alignment does not allow go through the page cache */
	enum iol_block_cache cache;
	bool discard; /* offer it where the host can */
	bool lock; /* against a second user of the same file */
};

/*
 * Opens a regular file or block device. Errors name the path, the reason and the remedy; a locked
 * file's text names the holder where it can be found. A size that is no whole number of sectors
 * is cut, with a warning.
 */
int iol_block_raw_new(struct iol_loop *loop, const struct iol_block_raw_config *config,
		      struct iol_block **blk, struct iol_error *err);

/*
 * Limits the bandwidth (bytes/s) and rate (requests/s) of reads and writes over @inner, which it
 * takes over; 0: no limit. What was saved up in up to a second may be spent at once. Requests wait
 * in order, without a limit to their number beyond what the device can have in flight.
 */
struct iol_block *iol_block_throttle_new(struct iol_block *inner, uint64_t bytes_per_s,
					 uint64_t requests_per_s);

#endif
