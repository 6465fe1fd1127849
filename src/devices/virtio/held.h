/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains that a device holds until there is something to do with them: buffers for input, output that
 * a slow reader does not take, requests that wait for their turn. They are answered in the order in
 * which they came.
 *
 * A chain that stays in its ring would make the core ask for it again and again; so all are taken, and
 * there is room for as many as the queue has entries from the start.
 */
#ifndef DEVICES_VIRTIO_HELD_H
#define DEVICES_VIRTIO_HELD_H

#include <iolite/virtio.h>

struct virtio_held {
	struct iol_virtio *v;
	unsigned int queue;
	uint16_t size; /* of the queue, at most */
	struct iol_chain *chains; /* a ring of size + 1 */
	struct iovec *iov; /* size for each of them */
	unsigned int first, count;
};

/* For queue @queue of @v, which has at most @size entries; @v may be initialised later. */
void virtio_held_init(struct virtio_held *held, struct iol_virtio *v, unsigned int queue,
		      uint16_t size);
/* Nothing is held. */
void virtio_held_finish(struct virtio_held *held);

/* Takes the next chain from the queue; NULL when there is none, or the device is broken. */
struct iol_chain *virtio_held_take(struct virtio_held *held);

/* The one that was taken first; NULL when nothing is held. */
struct iol_chain *virtio_held_first(struct virtio_held *held);

/* Gives that one back. */
void virtio_held_push(struct virtio_held *held, uint32_t written);

/* Gives all back as they are: for a device's stop(). */
void virtio_held_push_all(struct virtio_held *held);

#endif
