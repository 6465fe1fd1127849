/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a split virtqueue has to do, in words as plain as possible: a second opinion on virtqueue.c and
 * chain.c, written from virtio-v1.2 2.7 and docs/guest-memory.md. It is slow, counts in wide
 * integers that do not wrap, and looks at guest memory through a function of the caller, who may
 * answer that a descriptor was not decided yet.
 */
#ifndef IOLITE_TESTS_VIRTQUEUE_MODEL_H
#define IOLITE_TESTS_VIRTQUEUE_MODEL_H

#include "virtio_driver.h"

enum { VIRTQUEUE_MODEL_SIZE_MAX = 16 };

enum virtqueue_model_result {
	VIRTQUEUE_MODEL_NONE,
	VIRTQUEUE_MODEL_CHAIN,
	VIRTQUEUE_MODEL_BROKEN,
	VIRTQUEUE_MODEL_UNDECIDED, /* see undecided_table and undecided_idx */
};

struct virtqueue_model {
	/* Given. */
	uint16_t size;
	bool indirect, event_idx;
	unsigned int parts_max;
	const struct iol_memory *memory; /* only where RAM is */
	uint64_t desc_gpa;
	/* Descriptor @idx of the table at @table; false: undecided. */
	bool (*desc)(void *opaque, uint64_t table, uint64_t idx, struct virtio_driver_desc *desc);
	void *opaque;
	/* What the driver shows. */
	uint16_t avail_idx, used_event;
	uint16_t avail[VIRTQUEUE_MODEL_SIZE_MAX];
	bool no_interrupt;
	/* What the device did; counts since the indices were 0, never wrapped. */
	bool dead;
	uint64_t taken, pushed, published;
	uint64_t
		promised; /* chains: taken, and those the driver showed when its index was last read */
	bool away[VIRTQUEUE_MODEL_SIZE_MAX];
	/* What the device shows. */
	uint16_t used_idx, avail_event;
	uint16_t used[VIRTQUEUE_MODEL_SIZE_MAX]; /* heads, where their elements are */
	bool no_notify;
	/* The chain taken last. */
	uint16_t head;
	unsigned int part_count;
	struct virtio_driver_part parts[VIRTQUEUE_MODEL_SIZE_MAX + 1];
	uint64_t undecided_table, undecided_idx;
};

enum virtqueue_model_result virtqueue_model_pop(struct virtqueue_model *m);
void virtqueue_model_push(struct virtqueue_model *m, uint16_t head);
bool virtqueue_model_publish(struct virtqueue_model *m);
bool virtqueue_model_want_kicks(struct virtqueue_model *m, bool want);

#endif
