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
};

/* Makes a device over @blk, which it owns from success on. What is offered follows blk->limits. */
int iol_virtio_blk_new(struct iol_block *blk, const struct iol_virtio_blk_config *config,
		       const struct iol_virtio_env *env, struct iol_virtio **v,
		       struct iol_error *err);

/* Looks at the size of the backend again and tells the driver. [loop] */
void iol_virtio_blk_refresh(struct iol_virtio *v);

#endif
