// SPDX-License-Identifier: Apache-2.0
/*
 * Address spaces of emulated registers. See include/iolite/bus.h. Lookups come from vCPU threads,
 * changes from any thread (a guest that moves a PCI BAR changes the bus from its own access: that
 * is why the lock is not held while a device is called).
 */
#include <iolite/bus.h>

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

void iol_bus_init(struct iol_bus *bus)
{
	memset(bus, 0, sizeof(*bus));
	pthread_rwlock_init(&bus->lock, NULL);
}

void iol_bus_finish(struct iol_bus *bus)
{
	g_free(bus->regions);
	pthread_rwlock_destroy(&bus->lock);
	memset(bus, 0, sizeof(*bus));
}

/* The index of the first region that ends after @addr; count if there is none. */
static unsigned int first_ending_after(const struct iol_bus *bus, uint64_t addr)
{
	unsigned int low = 0, high = bus->count;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;

		if (bus->regions[mid].base + (bus->regions[mid].size_bytes - 1) < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int add_locked(struct iol_bus *bus, const struct iol_bus_region *region,
		      struct iol_error *err)
{
	unsigned int idx = first_ending_after(bus, region->base);
	const struct iol_bus_region *next = idx < bus->count ? &bus->regions[idx] : NULL;

	if (next && next->base <= region->base + (region->size_bytes - 1))
		return iol_error_set(err, -EEXIST, "%s at 0x%" PRIx64 " overlaps %s at 0x%" PRIx64,
				     region->name, region->base, next->name, next->base);
	if (bus->count == bus->capacity) {
		bus->capacity = bus->capacity ? 2 * bus->capacity : 16;
		bus->regions = g_renew(struct iol_bus_region, bus->regions, bus->capacity);
	}
	assert(bus->regions);
	memmove(&bus->regions[idx + 1], &bus->regions[idx],
		(bus->count - idx) * sizeof(bus->regions[0]));
	bus->regions[idx] = *region;
	bus->count++;
	return 0;
}

int iol_bus_add(struct iol_bus *bus, const struct iol_bus_region *region, struct iol_error *err)
{
	int ret;

	if (!region->size_bytes || region->base > UINT64_MAX - (region->size_bytes - 1))
		return iol_error_set(err, -EINVAL,
				     "%s at 0x%" PRIx64 ": size 0x%" PRIx64 " is empty or wraps",
				     region->name, region->base, region->size_bytes);
	pthread_rwlock_wrlock(&bus->lock);
	ret = add_locked(bus, region, err);
	pthread_rwlock_unlock(&bus->lock);
	return ret;
}

void iol_bus_remove(struct iol_bus *bus, uint64_t base)
{
	unsigned int idx;

	pthread_rwlock_wrlock(&bus->lock);
	idx = first_ending_after(bus, base);
	if (idx < bus->count && bus->regions[idx].base == base) {
		bus->count--;
		memmove(&bus->regions[idx], &bus->regions[idx + 1],
			(bus->count - idx) * sizeof(bus->regions[0]));
	}
	pthread_rwlock_unlock(&bus->lock);
}

bool iol_bus_next(struct iol_bus *bus, uint64_t addr, struct iol_bus_region *region)
{
	unsigned int idx;
	bool found;

	pthread_rwlock_rdlock(&bus->lock);
	idx = first_ending_after(bus, addr);
	found = idx < bus->count;
	if (found)
		*region = bus->regions[idx];
	pthread_rwlock_unlock(&bus->lock);
	return found;
}

static bool find(struct iol_bus *bus, uint64_t addr, unsigned int len,
		 struct iol_bus_region *region)
{
	unsigned int idx;
	bool found = false;

	pthread_rwlock_rdlock(&bus->lock);
	idx = first_ending_after(bus, addr);
	if (idx < bus->count) {
		const struct iol_bus_region *r = &bus->regions[idx];

		found = addr >= r->base && len <= r->size_bytes &&
			addr - r->base <= r->size_bytes - len;
		if (found)
			*region = *r;
	}
	pthread_rwlock_unlock(&bus->lock);
	return found;
}

bool iol_bus_read(struct iol_bus *bus, uint64_t addr, unsigned int len, uint64_t *value)
{
	struct iol_bus_region region;

	if (!find(bus, addr, len, &region)) {
		*value = UINT64_MAX;
		return false;
	}
	*value = region.ops->read(region.dev, addr - region.base, len);
	return true;
}

bool iol_bus_write(struct iol_bus *bus, uint64_t addr, unsigned int len, uint64_t value)
{
	struct iol_bus_region region;

	if (!find(bus, addr, len, &region))
		return false;
	region.ops->write(region.dev, addr - region.base, len, value);
	return true;
}
