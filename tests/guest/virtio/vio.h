/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver of virtio devices for freestanding guests (virtio-v1.2): modern PCI and MMIO version 2,
 * split rings, polling. It is a thin layer, and nothing in it is hidden: hostile guests write
 * rings and registers as they like, between or instead of these calls.
 *
 * Memory for rings and buffers comes from an arena at VIO_ARENA (vio_arch.h, as all that is the machine's); addresses are physical ones.
 */
#ifndef GUEST_VIO_H
#define GUEST_VIO_H

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "guest.h"
#include "user.h"
#include "vio_arch.h"

#define VIO_ARENA_BYTES 0x1000000ull
#define VIO_BIT(feature) (UINT64_C(1) << (feature))

enum { VIO_QUEUE_SIZE_MAX = 256, VIO_QUEUES_MAX = 8, VIO_WAIT_MS = 5000 };

/* Registers that both transports have. The addresses of a queue's parts are 64 bits. */
enum vio_reg {
	VIO_DEVICE_FEATURES_SELECT,
	VIO_DEVICE_FEATURES,
	VIO_DRIVER_FEATURES_SELECT,
	VIO_DRIVER_FEATURES,
	VIO_STATUS,
	VIO_GENERATION,
	VIO_QUEUE_SELECT,
	VIO_QUEUE_SIZE, /* PCI: reads as the maximum at first */
	VIO_QUEUE_ENABLE,
	VIO_QUEUE_DESC,
	VIO_QUEUE_AVAIL,
	VIO_QUEUE_USED,
	VIO_REG_COUNT,
};

struct vio_queue {
	volatile struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint64_t notify; /* where kicks go */
	bool wide_notify; /* MMIO: 32 bits, PCI: 16 */
	uint16_t index, size;
	uint16_t avail_idx; /* the next one to fill */
	uint16_t kicked_idx; /* avail_idx at the last kick */
	uint16_t used_idx; /* the next one to look at */
	uint16_t free_head, free_count; /* descriptors, linked by next */
	bool event_idx;
};

struct vio {
	bool mmio;
	uint64_t function; /* PCI: its configuration space in the ECAM */
	uint64_t common; /* PCI: common configuration; MMIO: the registers */
	uint64_t notify, isr, config; /* addresses of the parts */
	uint32_t notify_multiplier;
	uint64_t msix; /* address of the table; 0: none */
	unsigned int msix_capability; /* offset in the configuration space */
	unsigned int pci_cfg_capability; /* VIRTIO_PCI_CAP_PCI_CFG */
	uint64_t features; /* agreed */
};

/* One part of a chain. */
struct vio_part {
	uint64_t gpa;
	uint32_t len;
	bool writable;
};

/* --- memory --- */

/* Zeroed. Everything is given back by vio_arena_reset(), but what was there at vio_arena_keep(). */
void *vio_alloc(uint64_t bytes, uint64_t align);
void vio_arena_reset(void);
void vio_arena_keep(void);

/* --- devices --- */

/*
 * Disk @number of the command line: "pci=1,2" are slots of bus 0, "mmio=0xf0001000,..." addresses.
 * Turns memory decoding and bus mastering on, and places BARs that have no address. False: there is
 * none, or it is not a virtio device of this kind.
 */
bool vio_open(struct vio *v, unsigned int number);
/* The same for a device of another kind, of VIRTIO_ID_*. */
bool vio_open_kind(struct vio *v, unsigned int number, unsigned int kind);

uint64_t vio_get(const struct vio *v, enum vio_reg reg);
void vio_set(const struct vio *v, enum vio_reg reg, uint64_t value);
/* Where a register is. */
uint64_t vio_address(const struct vio *v, enum vio_reg reg);

/* Writes 0 to the status and waits until it reads as 0; false: it did not in VIO_WAIT_MS. */
bool vio_reset(const struct vio *v);
uint64_t vio_offered(const struct vio *v);
/* Status up to FEATURES_OK with the features of @wanted that are offered. */
bool vio_negotiate(struct vio *v, uint64_t wanted);
void vio_add_status(const struct vio *v, uint8_t bits);
bool vio_needs_reset(const struct vio *v);
/* The largest size of queue @index; 0: it does not exist. */
uint16_t vio_queue_max(const struct vio *v, uint16_t index);

/* Rings of @size entries from the arena, nothing told to the device yet. */
void vio_queue_make(const struct vio *v, struct vio_queue *q, uint16_t index, uint16_t size);
/* Tells the device where they are, and enables the queue. */
void vio_queue_enable(const struct vio *v, const struct vio_queue *q);

/* All of it: reset, negotiate, @count queues of @size (at most what the device has), DRIVER_OK. */
bool vio_start(struct vio *v, struct vio_queue *q, unsigned int count, uint16_t size,
	       uint64_t wanted);

/* --- chains --- */

/* A chain from free descriptors, not yet available; UINT16_MAX when there are too few. */
uint16_t vio_chain(struct vio_queue *q, const struct vio_part *parts, unsigned int count);
/* The same with one descriptor, and @table of @count entries. */
uint16_t vio_chain_indirect(struct vio_queue *q, struct vring_desc *table,
			    const struct vio_part *parts, unsigned int count);
/* Makes a chain available: the device sees it, unless it sleeps. */
void vio_submit(struct vio_queue *q, uint16_t head);
/* Notifies the device of what was submitted, if it wants to know; _always asks nobody. */
void vio_kick(struct vio_queue *q);
void vio_kick_always(const struct vio_queue *q);
/* The next used chain, whose descriptors are free again; UINT16_MAX: none. @len may be NULL. */
uint16_t vio_used(struct vio_queue *q, uint32_t *len);
/* Whether the device should interrupt for the next used chain. Off after vio_queue_make(). */
void vio_want_interrupts(struct vio_queue *q, bool want);

/* --- interrupts (PCI) --- */

/* MSI-X entry @entry raises @vector on the processor with APIC id 0. */
void vio_msix_set(const struct vio *v, unsigned int entry, unsigned int vector, bool masked);
void vio_msix_enable(const struct vio *v, bool on);
/* Which entry queue @index uses; what the device answers. */
uint16_t vio_queue_vector(const struct vio *v, uint16_t index, uint16_t entry);

#endif
