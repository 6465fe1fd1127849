// SPDX-License-Identifier: Apache-2.0
/*
 * Guest memory. See include/iolite/memory.h. Set up on the loop's thread; the gate is called from
 * any thread. Addresses and lengths are the guest's: every sum is checked before it is used.
 */
#include <iolite/memory.h>

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <iolite/size.h>

#include "memory_host.h"

/* The host backs RAM with huge pages where the mapping is aligned to one. */
#define HUGE_PAGE_BYTES (2 * IOL_MIB)

/* 32-bit hosts: more than this is never there; kernel, stacks and libraries take their share, too. */
#define ADDRESS_SPACE_BYTES ((uint64_t)(SIZE_MAX - HUGE_PAGE_BYTES))

static void check_regions(const struct iol_memory_region *regions, unsigned int count)
{
	uint64_t end = 0;

	assert(count >= 1 && count <= IOL_MEMORY_REGIONS_MAX);
	for (unsigned int i = 0; i < count; i++) {
		const struct iol_memory_region *r = &regions[i];

		assert(r->size_bytes && !(r->gpa % 4096) && !(r->size_bytes % 4096));
		assert(r->gpa >= end && r->gpa <= UINT64_MAX - r->size_bytes);
		end = r->gpa + r->size_bytes;
	}
}

static int mapping_error(uint64_t size_bytes, int code, struct iol_error *err)
{
	char text[IOL_SIZE_TEXT_BYTES];
	struct rlimit limit;

	iol_size_format(size_bytes, text);
	if (size_bytes <= ADDRESS_SPACE_BYTES && !getrlimit(RLIMIT_AS, &limit) &&
	    limit.rlim_cur != RLIM_INFINITY)
		return iol_error_set(
			err, code,
			"cannot map %s of guest memory: the address space is limited to "
			"%ju KiB (ulimit -v); raise the limit or give the guest less memory",
			text, (uintmax_t)limit.rlim_cur / 1024);
	if (ADDRESS_SPACE_BYTES < UINT32_MAX)
		return iol_error_set(
			err, code,
			"cannot map %s of guest memory: a 32-bit iolite has less than 4G of "
			"addresses for all it needs; give the guest less memory",
			text);
	return iol_error_errno(err, code, "cannot map %s of guest memory", text);
}

int iol_memory_check_regions(const struct iol_memory_region *regions, unsigned int count,
			     const struct iol_memory_place *place, struct iol_error *err)
{
	char size[IOL_SIZE_TEXT_BYTES], page[IOL_SIZE_TEXT_BYTES];

	for (unsigned int i = 0; i < count && place->page_bytes; i++)
		if (regions[i].size_bytes % place->page_bytes || regions[i].gpa % place->page_bytes)
			return iol_error_set(
				err, -EINVAL,
				"huge pages of %s do not divide the %s of RAM that this machine has at "
				"0x%" PRIx64 ": give smaller pages, or another size of memory",
				iol_size_format(place->page_bytes, page),
				iol_size_format(regions[i].size_bytes, size), regions[i].gpa);
	return 0;
}

/* Without a wish of the user's. */
static int map(struct iol_memory *mem, uint64_t total, bool dump, struct iol_error *err)
{
	uint8_t *base;

	mem->mapping_bytes = total + HUGE_PAGE_BYTES;
	base = mmap(NULL, mem->mapping_bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return mapping_error(total, -errno, err);
	mem->mapping = base;

	/* Both are wishes: a host without huge pages or core dumps serves as well. */
	if (!dump)
		madvise(base, mem->mapping_bytes, MADV_DONTDUMP);
	mem->base = base = (uint8_t *)IOL_ALIGN_UP((uintptr_t)base, HUGE_PAGE_BYTES);
	/* Small guests live in the first one, which would cost 2 MiB of zeroing at every start. */
	if (total > HUGE_PAGE_BYTES)
		madvise(base + HUGE_PAGE_BYTES, total - HUGE_PAGE_BYTES, MADV_HUGEPAGE);
	return 0;
}

static bool asks(const struct iol_memory_place *place)
{
	return place && (place->hugepages != IOL_HUGEPAGES_DEFAULT || place->lock ||
			 place->prealloc || place->share || place->nodes);
}

int iol_memory_init_placed(struct iol_memory *mem, const struct iol_memory_region *regions,
			   unsigned int count, const struct iol_memory_place *place,
			   struct iol_error *err)
{
	uint64_t total = 0, offset = 0;
	int ret;

	check_regions(regions, count);
	for (unsigned int i = 0; i < count; i++)
		total += regions[i].size_bytes;

	memset(mem, 0, sizeof(*mem));
	if (total > ADDRESS_SPACE_BYTES) /* before mmap() cuts it */
		return mapping_error(total, -ENOMEM, err);
	ret = asks(place) ? iol_memory_host_map(mem, total, place, err)
			  : map(mem, total, place && place->dump, err);
	if (ret) {
		iol_memory_finish(mem);
		return ret;
	}
	mem->size_bytes = total;
	for (unsigned int i = 0; i < count; i++) {
		mem->regions[i] = regions[i];
		mem->regions[i].hva = mem->base + offset;
		offset += regions[i].size_bytes;
	}
	mem->region_count = count;
	return 0;
}

int iol_memory_init(struct iol_memory *mem, const struct iol_memory_region *regions,
		    unsigned int count, struct iol_error *err)
{
	return iol_memory_init_placed(mem, regions, count, NULL, err);
}

void iol_memory_finish(struct iol_memory *mem)
{
	if (mem->mapping)
		munmap(mem->mapping, mem->mapping_bytes);
	if (mem->held)
		iol_memory_host_finish(mem);
	memset(mem, 0, sizeof(*mem));
}

void *iol_memory_ptr(const struct iol_memory *mem, uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < mem->region_count; i++) {
		const struct iol_memory_region *r = &mem->regions[i];
		uint64_t offset = gpa - r->gpa;

		if (gpa < r->gpa || offset >= r->size_bytes)
			continue;
		/* offset < size_bytes, so the subtraction cannot wrap. */
		if (!len || len > r->size_bytes - offset)
			return NULL;
		return r->hva + offset;
	}
	return NULL;
}

int iol_memory_read(const struct iol_memory *mem, uint64_t gpa, void *buf, uint64_t len)
{
	const void *p = iol_memory_ptr(mem, gpa, len);

	if (!p)
		return -EFAULT;
	memcpy(buf, p, len);
	return 0;
}

int iol_memory_write(const struct iol_memory *mem, uint64_t gpa, const void *buf, uint64_t len)
{
	void *p = iol_memory_ptr(mem, gpa, len);

	if (!p)
		return -EFAULT;
	memcpy(p, buf, len);
	return 0;
}

int iol_memory_clear(struct iol_memory *mem, struct iol_error *err)
{
	if (mem->held)
		return iol_memory_host_clear(mem, err);
	if (madvise(mem->mapping, mem->mapping_bytes, MADV_DONTNEED))
		return iol_error_errno(err, -errno, "cannot clear guest memory");
	return 0;
}
