/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio device for tests of the core and of transports: it answers a chain with its own first
 * readable bytes, at once, in a later turn, or when it is told to. It counts what the core asks of
 * it and knows no test framework.
 */
#ifndef IOLITE_TESTS_VIRTIO_FAKE_H
#define IOLITE_TESTS_VIRTIO_FAKE_H

#include <iolite/virtio.h>

enum {
	VIRTIO_FAKE_ID = 63,
	VIRTIO_FAKE_CLASS = 0x018000,
	VIRTIO_FAKE_FEATURE = 5, /* the one of its own that it offers */
	VIRTIO_FAKE_QUEUES_MAX = 4,
	VIRTIO_FAKE_QUEUE_SIZE = 8,
	VIRTIO_FAKE_CONFIG_BYTES = 21,
	VIRTIO_FAKE_ECHO_BYTES = 64,
	VIRTIO_FAKE_PARTS_MAX = 16,
};

enum virtio_fake_mode {
	VIRTIO_FAKE_NOW,
	VIRTIO_FAKE_LATER, /* in the next turn */
	VIRTIO_FAKE_HOLD, /* by virtio_fake_complete() or a cancel */
};

struct virtio_fake_held {
	uint16_t queue, head;
	uint32_t written;
};

struct virtio_fake {
	struct iol_virtio v;
	enum virtio_fake_mode mode;
	bool stop_ends; /* stop() ends what is held */
	unsigned int budget; /* chains for each serve(); 0: the queue's size */
	struct iol_post later;
	unsigned int held_count;
	struct virtio_fake_held held[VIRTIO_FAKE_QUEUES_MAX * VIRTIO_FAKE_QUEUE_SIZE];
	/* What the core called. */
	unsigned int starts, stops, cancels, resets, frees;
	unsigned int serves[VIRTIO_FAKE_QUEUES_MAX], chains[VIRTIO_FAKE_QUEUES_MAX];
	unsigned int config_writes, config_offset, config_len;
};

/* Byte @idx of the configuration at power-on. */
uint8_t virtio_fake_config(unsigned int idx);
/* Bits of byte @idx that the driver may write. */
uint8_t virtio_fake_writable(unsigned int idx);

/* Not freed by ops->free(), which only counts and ends the core's part. */
int virtio_fake_init(struct virtio_fake *f, const struct iol_virtio_env *env, unsigned int queues,
		     struct iol_error *err);

/* Ends up to @count of those held, the oldest first; returns how many. */
unsigned int virtio_fake_complete(struct virtio_fake *f, unsigned int count);

#endif
