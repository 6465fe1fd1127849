/* SPDX-License-Identifier: Apache-2.0 */
/* A virtio block device (virtio_device_rig.h) over a disk of memory (memory_block.h). */
#ifndef IOLITE_TESTS_VIRTIO_BLK_RIG_H
#define IOLITE_TESTS_VIRTIO_BLK_RIG_H

#include <linux/virtio_blk.h>

#include <iolite/virtio_blk.h>

#include "memory_block.h"
#include "virtio_device_rig.h"

enum {
	BLK_RIG_RAM_BYTES = 0x200000,
	BLK_RIG_DATA = 0x100000, /* up to the end */
	BLK_RIG_DATA_BYTES = BLK_RIG_RAM_BYTES - BLK_RIG_DATA,
};

#define BLK_RIG_BIT(feature) (UINT64_C(1) << (feature))

struct blk_rig {
	struct device_rig dev;
	struct memory_block *mb; /* NULL: the device has another backend */
};

struct blk_rig_setup {
	struct iol_loop *loop; /* NULL: one of its own */
	struct iol_block *blk; /* NULL: of memory, with these limits */
	struct iol_block_limits limits;
	const char *serial; /* NULL: "iolite" */
	unsigned int queues; /* 0: 1 */
	uint16_t queue_size; /* 0: 16 */
	void (*failed)(void *owner, enum iol_block_kind kind, int res); /* NULL: none */
	void *owner;
};

/* 1 MiB, all that there can be. */
extern const struct iol_block_limits blk_rig_limits;

/* Its end is device_rig_finish(). */
void blk_rig_init(struct blk_rig *r, const struct blk_rig_setup *setup);
/* Over a disk of memory: ends the test where the device made a mistake, or anything is under way. */
void blk_rig_check_idle(struct blk_rig *r);

/* --- requests of the usual form, in slots of guest memory --- */

enum {
	BLK_RIG_SLOTS = 64,
	BLK_RIG_SLOT_BYTES = 0x2000, /* data of one request, at most */
};

#define BLK_RIG_HEADER(slot) (BLK_RIG_DATA + (uint64_t)(slot)*64)
#define BLK_RIG_STATUS(slot) (BLK_RIG_HEADER(slot) + 48)
#define BLK_RIG_BUFFER(slot) (BLK_RIG_DATA + 0x10000 + (uint64_t)(slot)*BLK_RIG_SLOT_BYTES)

/* What a status byte is before the device writes it. */
#define BLK_RIG_NO_STATUS 0xee

void blk_rig_put_header(struct blk_rig *r, unsigned int slot, uint32_t type, uint64_t sector);

/* Header, @len bytes of data, status; kicks. The head. */
uint16_t blk_rig_send(struct blk_rig *r, unsigned int queue, unsigned int slot, uint32_t type,
		      uint64_t sector, uint32_t len, bool data_writable);

/* The next chain that came back, which must be there. */
struct virtio_driver_used blk_rig_take(struct blk_rig *r, unsigned int queue);

/* All of one request in slot 0 of queue 0, also where the disk waits to be told; its status. */
uint8_t blk_rig_do(struct blk_rig *r, uint32_t type, uint64_t sector, uint32_t len,
		   bool data_writable, uint32_t *used_len);

#endif
