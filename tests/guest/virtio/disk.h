/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to virtio disks, over vio.h. */
#ifndef GUEST_DISK_H
#define GUEST_DISK_H

#include "vio.h"

enum {
	DISK_NEVER = 0xfe, /* instead of a status: no answer came */
	DISK_PENDING = 0xfd, /* what the driver puts in the place of the status */
};

/* What the device gets and answers, one for each head. */
struct disk_slot {
	struct virtio_blk_outhdr header;
	volatile uint8_t status;
	bool done;
	uint32_t used_len;
	struct vring_desc table[3];
} __attribute__((aligned(128)));

struct disk_queue {
	struct vio_queue ring;
	struct disk_slot *slots;
	bool indirect; /* one descriptor a request */
};

struct disk {
	struct vio v;
	struct disk_queue queues[VIO_QUEUES_MAX];
	uint64_t sectors;
};

/* vio_open() and vio_start() with @count queues of at most @size. */
bool disk_start(struct disk *d, unsigned int number, unsigned int count, uint16_t size,
		uint64_t wanted);
/* vio_start() again, with new rings. */
bool disk_restart(struct disk *d, unsigned int count, uint16_t size, uint64_t wanted);

/* The same with one queue, whose MSI-X entry is @entry. */
bool disk_restart_with_vector(struct disk *d, uint16_t size, uint64_t wanted, uint16_t entry);

/* Makes a request available, without a kick; its head, UINT16_MAX: the queue is full. */
uint16_t disk_submit(struct disk_queue *q, uint32_t type, uint64_t sector, void *data,
		     uint32_t len);
/* Takes one used request if there is one; its head or UINT16_MAX. */
uint16_t disk_poll(struct disk_queue *q);
/* Polls until @head is done; its status. */
uint8_t disk_wait(struct disk_queue *q, uint16_t head, unsigned int limit_ms);
/* All three. */
uint8_t disk_request(struct disk_queue *q, uint32_t type, uint64_t sector, void *data,
		     uint32_t len);

#endif
