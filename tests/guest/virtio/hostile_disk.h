/* SPDX-License-Identifier: Apache-2.0 */
/* What violations of ../hostile_disk_list.h have to work with beside hostile.h. */
#ifndef GUEST_HOSTILE_DISK_H
#define GUEST_HOSTILE_DISK_H

#include "hostile.h"
#include "hostile_other.h"

extern struct disk_victim {
	struct disk disk; /* with one queue: h.v and h.q */
	struct disk_queue *dq; /* the disk's queue */
	struct virtio_blk_outhdr *header;
	volatile uint8_t *status;
} d;

/* Descriptors 0, 1, 2: header, data, status, of a valid request. */
void put_request(uint32_t type, uint64_t sector, uint32_t len);
/* put_request() and answer(). */
enum verdict request(uint32_t type, uint64_t sector, uint32_t len);

#endif
