/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio block device between a driver (virtio_driver.h) and a disk of memory (memory_block.h), with
 * registers accessed as a transport would. For unit tests and fuzzers.
 */
#ifndef IOLITE_TESTS_VIRTIO_BLK_RIG_H
#define IOLITE_TESTS_VIRTIO_BLK_RIG_H

#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>

#include <iolite/virtio_blk.h>

#include "memory_block.h"
#include "virtio_driver.h"

enum {
	BLK_RIG_QUEUES_MAX = 4,
	BLK_RIG_RAM_BYTES = 0x200000,
	BLK_RIG_RINGS = 0x1000,
	BLK_RIG_DATA = 0x100000, /* up to the end */
	BLK_RIG_DATA_BYTES = BLK_RIG_RAM_BYTES - BLK_RIG_DATA,
};

#define BLK_RIG_BIT(feature) (UINT64_C(1) << (feature))

struct blk_rig {
	struct iol_loop *loop;
	struct iol_loop own_loop;
	struct iol_memory memory;
	struct memory_block *mb; /* NULL: the device has another backend */
	struct iol_virtio *v;
	unsigned int queue_count;
	uint16_t queue_size;
	struct virtio_driver drivers[BLK_RIG_QUEUES_MAX];
	/* The transport, and what it was told. */
	struct iol_virtio_transport transport;
	unsigned int queue_interrupts[BLK_RIG_QUEUES_MAX], config_interrupts, resets_done;
};

struct blk_rig_setup {
	struct iol_loop *loop; /* NULL: one of its own */
	struct iol_block *blk; /* NULL: of memory, with these limits */
	struct iol_block_limits limits;
	const char *serial; /* NULL: "iolite" */
	unsigned int queues; /* 0: 1 */
	uint16_t queue_size; /* 0: 16 */
};

/* 1 MiB, all that there can be. */
extern const struct iol_block_limits blk_rig_limits;

void blk_rig_init(struct blk_rig *r, const struct blk_rig_setup *setup);
/* Nothing is in flight. */
void blk_rig_finish(struct blk_rig *r);

/* Up to FEATURES_OK; what the status reads then. */
uint8_t blk_rig_negotiate(struct blk_rig *r, uint64_t features);
/* All of initialisation. @features besides VERSION_1; all that is offered: UINT64_MAX. */
void blk_rig_start(struct blk_rig *r, uint64_t features);
/* Writes 0 to the status; true when it reads 0 then. */
bool blk_rig_reset(struct blk_rig *r);

uint64_t blk_rig_offered(struct blk_rig *r);

/* Lets the loop run until it has nothing more to do by itself. */
void blk_rig_settle(struct blk_rig *r);

/* Adds a chain, not shown yet; the head, or -errno. */
int blk_rig_add(struct blk_rig *r, unsigned int queue, const struct virtio_driver_part *parts,
		unsigned int count, bool indirect);
/* Kicks where the device wants to know, and lets the loop run. */
void blk_rig_kick(struct blk_rig *r, unsigned int queue);

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

/* Host address of @gpa. */
uint8_t *blk_rig_ptr(const struct blk_rig *r, uint64_t gpa);

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
