/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's side of one split virtqueue (virtio-v1.2 2.7), in this process: what a guest's kernel
 * would do, over a struct iol_memory. For unit tests of the queue and of devices, and for fuzzers; it
 * knows no test framework and no device.
 *
 * It is correct by itself and keeps books on the device: nothing comes back that was not there, twice,
 * or with more bytes written than were writable. The last functions break the driver's rules for
 * those who want that; they do not change the books.
 *
 * All that lies in guest memory is little-endian. One thread may drive while another one serves.
 *
 *	struct virtio_driver_setup setup = { .size = 8, .event_idx = true };
 *	uint64_t end = virtio_driver_layout(&setup, 0x1000);
 *	virtio_driver_init(&driver, &memory, &setup);
 *	virtio_driver_queue_setup(&driver, &queue_setup);  // for iol_virtqueue_start()
 *	head = virtio_driver_add(&driver, parts, 3, 3);    // direct; (parts, 3, 0): indirect
 *	if (virtio_driver_show(&driver))
 *		... notify the device ...
 *	while (virtio_driver_take_used(&driver, &used) > 0)
 *		...
 *	virtio_driver_check(&driver) is NULL and virtio_driver_is_drained(&driver)
 */
#ifndef IOLITE_TESTS_VIRTIO_DRIVER_H
#define IOLITE_TESTS_VIRTIO_DRIVER_H

#include <iolite/virtqueue.h>

struct virtio_driver_setup {
	uint16_t size; /* a power of two up to IOL_VIRTQUEUE_SIZE_MAX */
	bool event_idx; /* VIRTIO_F_EVENT_IDX was negotiated */
	bool indirect; /* VIRTIO_F_INDIRECT_DESC was negotiated */
	uint64_t desc_gpa, avail_gpa, used_gpa;
	uint64_t tables_gpa; /* indirect tables: one of size entries for each head */
};

/* One part of a chain. */
struct virtio_driver_part {
	uint64_t gpa;
	uint32_t len;
	bool write; /* by the device */
};

/* What came back. */
struct virtio_driver_used {
	uint16_t head;
	uint32_t len; /* bytes the device says it wrote */
};

/* A descriptor as numbers. */
struct virtio_driver_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

/* One chain that the driver has made, by its head. */
struct virtio_driver_chain {
	bool added; /* and not back yet */
	uint16_t descs; /* of the ring */
	uint64_t number; /* the first one has 1 */
	uint64_t writable_bytes;
};

struct virtio_driver {
	const struct iol_memory *memory; /* borrowed */
	struct virtio_driver_setup setup;
	uint16_t avail_idx; /* the next entry to write */
	uint16_t avail_shown; /* what the device may see */
	uint16_t used_idx; /* the next entry to read */
	uint16_t free_count, free_head; /* descriptors, linked by next_free[] */
	uint16_t next_free[IOL_VIRTQUEUE_SIZE_MAX];
	struct virtio_driver_chain chains[IOL_VIRTQUEUE_SIZE_MAX];
	/* Books. */
	uint64_t added, shown, used; /* chains since the start */
	const char *mistake; /* the device's first one */
};

/*
 * Places rings and tables one behind the other from @base, aligned as they must be and no more than
 * that; returns the first address behind them. setup->size is given.
 */
uint64_t virtio_driver_layout(struct virtio_driver_setup *setup, uint64_t base);

/* Zeroes the rings and begins. -EINVAL: a size or a ring that cannot be, or not in RAM. */
int virtio_driver_init(struct virtio_driver *d, const struct iol_memory *memory,
		       const struct virtio_driver_setup *setup);

/* What the device is told about the queue. */
void virtio_driver_queue_setup(const struct virtio_driver *d, struct iol_virtqueue_setup *setup);

/*
 * Makes a chain of @count parts: the first @direct of them as descriptors of the ring, all others in
 * one indirect table behind them. Parts are taken as they are, wrong ones too. It is not visible to
 * the device yet. Returns the head; -ENOSPC: not enough free descriptors now; -EINVAL: no
 * parts, or more in a table than the queue has entries.
 */
int virtio_driver_add(struct virtio_driver *d, const struct virtio_driver_part *parts,
		      unsigned int count, unsigned int direct);

/* Shows the device what was added. True when it must be notified (2.7.10.1). */
bool virtio_driver_show(struct virtio_driver *d);

/* 1: @used is the next chain that came back; 0: none; -EPROTO: a mistake, see virtio_driver_check(). */
int virtio_driver_take_used(struct virtio_driver *d, struct virtio_driver_used *used);

/*
 * Asks for an interrupt at the next used chain, or for none (2.7.7.1). Asked for, returns true when
 * chains came back meanwhile.
 */
bool virtio_driver_want_interrupts(struct virtio_driver *d, bool want);

/* NULL, or what the device did wrong first. */
const char *virtio_driver_check(const struct virtio_driver *d);

/* Everything shown came back. */
bool virtio_driver_is_drained(const struct virtio_driver *d);

/* What the device wrote. */
uint16_t virtio_driver_used_idx(const struct virtio_driver *d);
uint16_t virtio_driver_used_flags(const struct virtio_driver *d);
uint16_t virtio_driver_avail_event(const struct virtio_driver *d);

/* Where the table of @head lies. */
uint64_t virtio_driver_table_gpa(const struct virtio_driver *d, uint16_t head);

/* --- words as the caller wants them; addresses outside RAM are not written --- */

/* Descriptor @idx of the table at @table_gpa: setup.desc_gpa or any other. */
void virtio_driver_put_desc(struct virtio_driver *d, uint64_t table_gpa, uint32_t idx,
			    const struct virtio_driver_desc *desc);
struct virtio_driver_desc virtio_driver_get_desc(const struct virtio_driver *d, uint64_t table_gpa,
						 uint32_t idx);
/* The entry that the ring has for index @idx. */
void virtio_driver_put_avail(struct virtio_driver *d, uint16_t idx, uint16_t head);
void virtio_driver_put_avail_idx(struct virtio_driver *d, uint16_t idx);
void virtio_driver_put_avail_flags(struct virtio_driver *d, uint16_t flags);
void virtio_driver_put_used_event(struct virtio_driver *d, uint16_t idx);

#endif
