// SPDX-License-Identifier: Apache-2.0
/*
 * Chains that a device holds (virtio-v1.2 2.7). See held.h. Runs on the loop's thread.
 *
 * A hostile guest cannot have more held than its queue has entries: the queue breaks before.
 */
#include "held.h"

#include <glib.h>

void virtio_held_init(struct virtio_held *held, struct iol_virtio *v, unsigned int queue,
		      uint16_t size)
{
	/* With one to spare: a chain too many is looked at to find out that the driver is wrong. */
	const size_t slots = size + 1u;

	*held = (struct virtio_held){ .v = v, .queue = queue, .size = size };
	held->chains = g_new(struct iol_chain, slots);
	held->iov = g_new(struct iovec, slots * size); /* the host backs what is used of it */
}

void virtio_held_finish(struct virtio_held *held)
{
	g_assert(!held->count);
	g_free(held->chains);
	g_free(held->iov);
}

struct iol_chain *virtio_held_take(struct virtio_held *held)
{
	unsigned int slot = (held->first + held->count) % (held->size + 1u);
	struct iovec *iov = held->iov + (size_t)slot * held->size;

	if (!iol_virtio_pop(held->v, held->queue, &held->chains[slot], iov, held->size))
		return NULL;
	held->count++;
	return &held->chains[slot];
}

struct iol_chain *virtio_held_first(struct virtio_held *held)
{
	return held->count ? &held->chains[held->first] : NULL;
}

void virtio_held_push(struct virtio_held *held, uint32_t written)
{
	iol_virtio_push(held->v, held->queue, held->chains[held->first].head, written);
	held->first = (held->first + 1) % (held->size + 1u);
	held->count--;
}

void virtio_held_push_all(struct virtio_held *held)
{
	while (held->count)
		virtio_held_push(held, 0);
}
