/* SPDX-License-Identifier: Apache-2.0 */
/* What the violations of ../hostile_list.h have to work with. */
#ifndef GUEST_HOSTILE_H
#define GUEST_HOSTILE_H

#include "disk.h"

enum verdict {
	PASS, /* the device coped */
	REJECT, /* it said no */
	FAIL,
	WEDGED, /* a reset did not bring it back */
	EITHER, /* as an expectation */
};

enum {
	Q_SIZE = 64,
	LOAD = 20, /* requests; of three descriptors each */
	ANSWER_MS = 2000,
	SILENCE_MS = 20, /* long enough for a device that answers though it must not */
	JUNK_MS = 20, /* how long to change what a device may be reading */
	DATA_BYTES = 65536,
};

#define FEATURES                                                              \
	(VIO_BIT(VIRTIO_F_VERSION_1) | VIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | \
	 VIO_BIT(VIRTIO_RING_F_EVENT_IDX) | VIO_BIT(VIRTIO_BLK_F_FLUSH) |     \
	 VIO_BIT(VIRTIO_BLK_F_DISCARD) | VIO_BIT(VIRTIO_BLK_F_WRITE_ZEROES))

#define NOWHERE 0x7ffffff000ull /* no memory, no device */
#define RAM_END (option_number("ram", 0, 128) << 20)
#define ALL_STATUS                                                                            \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK | \
	 VIRTIO_CONFIG_S_DRIVER_OK)

/* A disk with one queue, started with FEATURES; all of it new for each violation. */
extern struct victim {
	struct disk disk, other;
	struct vio *v; /* &disk.v */
	struct disk_queue *dq; /* the disk's queue */
	struct vio_queue *q; /* its ring */
	struct virtio_blk_outhdr *header;
	volatile uint8_t *status;
	uint8_t *data; /* DATA_BYTES */
	struct vring_desc *table; /* 128 entries */
} h;

/* Descriptor @index of the ring. */
void put(uint16_t index, const volatile void *addr, uint32_t len, uint16_t flags, uint16_t next);
void put_at(uint16_t index, uint64_t gpa, uint32_t len, uint16_t flags, uint16_t next);
/* Entry @index of h.table. */
void put_entry(uint16_t index, const volatile void *addr, uint32_t len, uint16_t flags,
	       uint16_t next);

/* Descriptors 0, 1, 2: header, data, status, of a valid request. */
void put_request(uint32_t type, uint64_t sector, uint32_t len);
/* The same in h.table, whose address is in descriptor 0. */
void put_indirect(void);

/* Makes @head available and kicks; the verdict of what comes of it. */
enum verdict answer(uint16_t head);
/* The verdict of a request that is available already. */
enum verdict outcome(void);
/* put_request() and answer(). */
enum verdict request(uint32_t type, uint64_t sector, uint32_t len);

/* PASS: a valid read works without a reset. REJECT: the device needs one. */
enum verdict still_works(void);
/* Whether nothing is used within SILENCE_MS. */
bool silent(void);
/* Makes LOAD reads available, one kick. */
void load(void);
/* load()'s requests are all answered, or the device needs a reset, within ANSWER_MS. */
enum verdict load_ends(void);

/* Reset, features, a queue with its rings, nothing told about it. False: refused. */
bool set_up(uint64_t features);
/* Enables the queue, with h.q as it is now, DRIVER_OK, a read; the verdict. */
enum verdict set_up_ends(void);

static inline uint64_t hostile_deadline(unsigned int ms)
{
	return rdtsc() + ms * user_ticks_per_ms;
}

#define VIOLATION(name, expected, transports, text) enum verdict v_##name(void);
#include "hostile_list.h"
#undef VIOLATION

#endif
