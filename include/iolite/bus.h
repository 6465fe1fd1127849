/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An address space of emulated registers: MMIO (guest-physical) or PIO (x86 ports). Regions are
 * kept sorted, never overlap, and are found by binary search.
 *
 * A guest chooses every address, width and value. An access that no single region contains reads
 * as all ones and writes to nowhere, as on real machines; it never reaches a device.
 *
 * A value is the access's bytes as a little-endian number, on every machine: bits 0 to 7 are the byte at the
 * address itself, bits 8 to 15 the one behind it. KVM hands over bytes in that order whatever the guest's byte
 * order is (kvm-api, KVM_EXIT_MMIO). So a device whose registers are little-endian takes values as they are,
 * and one whose registers are big-endian (Freescale's) turns them by iol_bus_be32(); neither asks what
 * machine it is in.
 */
#ifndef IOLITE_BUS_H
#define IOLITE_BUS_H

#include <pthread.h>

#include <iolite/endian.h>
#include <iolite/error.h>

/*
 * @offset + @len <= the region's size; @len is 1, 2, 4 or 8; values are little-endian numbers.
 * Called on vCPU threads, several at a time: the device locks. A width that a device does not
 * know reads as all ones and is ignored on write.
 */
struct iol_bus_ops {
	uint64_t (*read)(void *dev, uint64_t offset, unsigned int len);
	void (*write)(void *dev, uint64_t offset, unsigned int len, uint64_t value);
};

struct iol_bus_region {
	uint64_t base;
	uint64_t size_bytes; /* not 0; base + size_bytes - 1 does not wrap */
	const char *name; /* borrowed, for messages */
	const struct iol_bus_ops *ops;
	void *dev;
};

struct iol_bus {
	pthread_rwlock_t lock; /* held to look a region up, not while its device is called */
	struct iol_bus_region *regions;
	unsigned int count;
	unsigned int capacity;
};

void iol_bus_init(struct iol_bus *bus);
void iol_bus_finish(struct iol_bus *bus);

/* Adds a copy of @region. -EEXIST with both names when it overlaps another; -EINVAL when empty. [any] */
int iol_bus_add(struct iol_bus *bus, const struct iol_bus_region *region, struct iol_error *err);

/* Removes the region that starts at @base. A call already in its device may still be running. [any] */
void iol_bus_remove(struct iol_bus *bus, uint64_t base);

/* A copy of the region that @addr is in, or else of the first one behind it; false: there is none. [any] */
bool iol_bus_next(struct iol_bus *bus, uint64_t addr, struct iol_bus_region *region);

/* One access of 1, 2, 4 or 8 bytes. True when a region took it. [any] */
bool iol_bus_read(struct iol_bus *bus, uint64_t addr, unsigned int len, uint64_t *value);
bool iol_bus_write(struct iol_bus *bus, uint64_t addr, unsigned int len, uint64_t value);

/* A big-endian register of 32 bits, from an access of 4 bytes to it, or the other way. */
static inline uint32_t iol_bus_be32(uint64_t value)
{
	le32 bytes = le32_of((uint32_t)value);

	return be32_load(&bytes);
}

#endif
