/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's side of a split virtqueue (virtio-v1.2 2.7): takes descriptor chains that the driver
 * made available and puts them back as used.
 *
 * Everything in the rings is written by an adversary while we read it; docs/guest-memory.md has the
 * rules G1 to G16. Whatever breaks them is answered by -EPROTO once and for ever: the queue is dead
 * until it is started anew.
 *
 * A queue is used by one thread. It has no callbacks and knows neither devices nor interrupts.
 */
#ifndef IOLITE_VIRTQUEUE_H
#define IOLITE_VIRTQUEUE_H

#include <sys/uio.h>

#include <iolite/memory.h>

enum {
	/* A power of two; the readable and writable parts of one chain fit one readv(2) (IOV_MAX). */
	IOL_VIRTQUEUE_SIZE_MAX = 1024,
};

/* What the driver set up (virtio-v1.2 4.1.4.3, 4.2.2). */
struct iol_virtqueue_setup {
	uint16_t size; /* entries */
	uint64_t desc_gpa, avail_gpa, used_gpa;
	bool indirect; /* VIRTIO_F_INDIRECT_DESC was negotiated */
	bool event_idx; /* VIRTIO_F_EVENT_IDX was negotiated */
};

struct iol_virtqueue {
	uint16_t size; /* 0: not started */
	bool indirect, event_idx;
	bool dead; /* the driver broke a rule; nothing is read or written any more */
	bool kicks_wanted; /* what the driver was last told */
	uint16_t avail_idx; /* the next one to take */
	uint16_t avail_seen; /* the driver's index when it was last read */
	uint16_t used_idx; /* the next one to give back; may be ahead of what was published */
	uint16_t used_published;
	uint16_t in_flight; /* taken and not given back */
	const struct iol_memory *memory;
	/* Guest memory, found once by iol_virtqueue_start(); used only by virtqueue.c and chain.c. */
	const void *desc;
	void *avail;
	void *used;
	uint64_t busy[IOL_VIRTQUEUE_SIZE_MAX / 64]; /* heads in flight (G10) */
};

/*
 * One chain: its readable parts, then its writable ones, as host memory. Parts of length zero are
 * left out. The arrays belong to the caller; the functions below cut parts off their ends.
 */
struct iol_chain {
	uint16_t head; /* what iol_virtqueue_push() wants back */
	uint16_t readable_count, writable_count; /* parts: iov[0..readable), then [..+writable) */
	uint32_t readable_bytes, writable_bytes; /* their sum is at most UINT32_MAX */
	struct iovec *iov; /* the first part still there; moves within what the caller gave */
};

/*
 * Starts @vq on @memory (borrowed until the last use of @vq). -EINVAL with a text that names the
 * value: size 0, not a power of two or above the maximum; a ring that is not aligned (descriptors
 * 16, available 2, used 4 bytes) or not inside one region of RAM. An unchanged @vq is not started.
 */
int iol_virtqueue_start(struct iol_virtqueue *vq, const struct iol_memory *memory,
			const struct iol_virtqueue_setup *setup, struct iol_error *err);

/* Where a started queue's rings are, for a server that takes our place. */
struct iol_virtqueue_rings {
	uint16_t size; /* entries */
	uint16_t avail_idx; /* of the next chain to take */
	void *desc, *avail, *used; /* guest memory; all of each ring is inside RAM and aligned */
};

/* All that was pushed is published and nothing is in flight: used and taken chains are as many. */
void iol_virtqueue_rings(const struct iol_virtqueue *vq, struct iol_virtqueue_rings *rings);

/*
 * Goes on with the chain of @avail_idx, where another server stopped that left nothing in flight. What it took and never
 * gave back, as the used ring says, is taken anew: it serves in order, so these were its last. Whether the driver notifies
 * is unknown until iol_virtqueue_want_kicks().
 */
void iol_virtqueue_resume(struct iol_virtqueue *vq, uint16_t avail_idx);

/* Forgets everything; what is in flight can no longer be given back. */
void iol_virtqueue_stop(struct iol_virtqueue *vq);

/* True when the driver has made a chain available that was not taken yet. Cheap: for polling. */
bool iol_virtqueue_pending(struct iol_virtqueue *vq);

/*
 * Takes the next chain. @iov has room for @iov_max parts; IOL_VIRTQUEUE_SIZE_MAX are always
 * enough. 1: @chain is filled; 0: there is none; -EPROTO with a text: the driver broke a rule and
 * the queue is dead from now on. A chain with more parts than @iov_max breaks a rule too.
 */
int iol_virtqueue_pop(struct iol_virtqueue *vq, struct iol_chain *chain, struct iovec *iov,
		      unsigned int iov_max, struct iol_error *err);

/*
 * Gives the chain of @head back with @written bytes from the start of its writable part written
 * (2.7.8.2). The driver sees it after the next iol_virtqueue_publish(). @head must be in flight: an
 * assertion, as the device has it from us. Does nothing when the queue is dead or was stopped.
 */
void iol_virtqueue_push(struct iol_virtqueue *vq, uint16_t head, uint32_t written);

/*
 * Shows the driver all that was pushed since the last call; true when it wants to be interrupted for
 * it (2.7.7.2). Nothing pushed: false.
 */
bool iol_virtqueue_publish(struct iol_virtqueue *vq);

/*
 * Tells the driver whether to notify us. Asked for, it returns true when chains became available
 * meanwhile for which no notification will come: the caller takes them at once or asks again.
 * Not wanting kicks costs nothing with EVENT_IDX (2.7.10).
 */
bool iol_virtqueue_want_kicks(struct iol_virtqueue *vq, bool want);

/*
 * Takes the first @len readable bytes off @chain, over any number of parts, and copies them to @buf.
 * False when there are fewer; the chain is unchanged then.
 */
bool iol_chain_take_header(struct iol_chain *chain, void *buf, uint32_t len);

/*
 * Takes the last writable byte off @chain and returns where it is, NULL when there is none. The
 * place stays valid as guest memory does; write it once.
 */
uint8_t *iol_chain_take_status(struct iol_chain *chain);

/* Copies to the start of the writable part, at most what fits; returns the number of bytes. */
uint32_t iol_chain_write(struct iol_chain *chain, const void *buf, uint32_t len);

#endif
