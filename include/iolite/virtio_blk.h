/* SPDX-License-Identifier: Apache-2.0 */
/* The virtio block device (virtio-v1.2 5.2). */
#ifndef IOLITE_VIRTIO_BLK_H
#define IOLITE_VIRTIO_BLK_H

#include <iolite/block.h>
#include <iolite/virtio.h>

struct iol_virtio_blk_config {
	const char *name; /* for messages; copied */
	const char *serial; /* answer to GET_ID, cut at 20 bytes; copied */
	unsigned int queues; /* 1 to 16 */
	uint16_t queue_size; /* a power of two up to IOL_VIRTQUEUE_SIZE_MAX */
	/* NULL: none. A request failed on the host, -errno @res; the driver is told. [loop] */
	void (*failed)(void *owner, enum iol_block_kind kind, int res);
	void *owner;
};

/* Makes a device over @blk, which it owns from success on. What is offered follows blk->limits. */
int iol_virtio_blk_new(struct iol_block *blk, const struct iol_virtio_blk_config *config,
		       const struct iol_virtio_env *env, struct iol_virtio **v,
		       struct iol_error *err);

/* Looks at the size of the backend again and tells the driver. [loop] */
void iol_virtio_blk_refresh(struct iol_virtio *v);

/* Its backend, which stays its own. [loop] */
struct iol_block *iol_virtio_blk_backend(struct iol_virtio *v);

/* Bins of the times that requests took: 0 up to 2 us, each of the others up to twice as long, the last one all beyond 17 s. */
enum { IOL_VIRTIO_BLK_BINS = 25 };

/* The longest time that is counted in bin @bin, of all but the last. */
static inline uint64_t iol_virtio_blk_bin_ns(unsigned int bin)
{
	return UINT64_C(2048) << bin;
}

/* Of all requests of a kind since the device was made. Ranges of one request are one. */
struct iol_virtio_blk_count {
	uint64_t done; /* with success */
	uint64_t failed; /* by the host */
	uint64_t invalid; /* refused before they came to the backend */
	uint64_t bytes; /* of those done */
	uint64_t time_ns; /* in the backend, of those done */
	uint64_t bins[IOL_VIRTIO_BLK_BINS]; /* the same: how many took how long */
};

struct iol_virtio_blk_counts {
	struct iol_virtio_blk_count kinds[IOL_BLOCK_KIND_COUNT];
	uint64_t written_end; /* behind the last byte that was ever written */
};

/* [loop] */
void iol_virtio_blk_counts(struct iol_virtio *v, struct iol_virtio_blk_counts *counts);

#endif
