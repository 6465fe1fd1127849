// SPDX-License-Identifier: Apache-2.0
/*
 * See memory_host.h. Shortages are to be found before the guest runs, as what is missing later kills: so pages of the
 * pool are all taken at once, and a limit is asked about before time is spent.
 */
#include "memory_host.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <iolite/size.h>

#define HUGE_PAGE_BYTES (2 * IOL_MIB)

/* Of mmap(2) and memfd_create(2) alike: the logarithm of a huge page's size. */
enum { PAGE_SHIFT_AT = 26 };

static unsigned int pool_flags(const struct iol_memory_place *place)
{
	return (unsigned int)__builtin_ctzll(place->page_bytes) << PAGE_SHIFT_AT;
}

static bool of_pool(const struct iol_memory_place *place)
{
	return place->hugepages == IOL_HUGEPAGES_POOL;
}

static int map_error(const struct iol_memory_place *place, uint64_t total, int code,
		     struct iol_error *err)
{
	char text[IOL_SIZE_TEXT_BYTES];

	if (of_pool(place))
		return iol_memory_pool_error(place, total, code, err);
	return iol_error_errno(err, code, "cannot map %s of guest memory",
			       iol_size_format(total, text));
}

static int make_memfd(struct iol_memory_held *held, uint64_t total, struct iol_error *err)
{
	const struct iol_memory_place *place = &held->place;
	unsigned int flags = MFD_CLOEXEC;

	if (of_pool(place))
		flags |= MFD_HUGETLB | pool_flags(place);
	held->memfd = memfd_create("iolite-guest", flags);
	if (held->memfd < 0 || ftruncate(held->memfd, (off_t)total))
		return map_error(place, total, -errno, err);
	return 0;
}

/* Pages of the pool, which the kernel aligns and reserves here. */
static int map_pool(struct iol_memory *mem, uint64_t total, struct iol_error *err)
{
	const struct iol_memory_held *held = mem->held;
	int flags = held->memfd >= 0 ? MAP_SHARED
				     : MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
					       (int)pool_flags(&held->place);
	void *base = mmap(NULL, total, PROT_READ | PROT_WRITE, flags, held->memfd, 0);

	if (base == MAP_FAILED)
		return iol_memory_pool_error(&held->place, total, -errno, err);
	mem->mapping = mem->base = base;
	mem->mapping_bytes = total;
	return 0;
}

/* Plain memory, aligned for transparent huge pages. */
static int map_plain(struct iol_memory *mem, uint64_t total, struct iol_error *err)
{
	const struct iol_memory_held *held = mem->held;
	bool shared = held->memfd >= 0;
	uint8_t *base =
		mmap(NULL, total + HUGE_PAGE_BYTES, shared ? PROT_NONE : PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return map_error(&held->place, total, -errno, err);
	mem->mapping = base;
	mem->mapping_bytes = total + HUGE_PAGE_BYTES;
	mem->base = (uint8_t *)IOL_ALIGN_UP((uintptr_t)base, HUGE_PAGE_BYTES);
	if (shared && mmap(mem->base, total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			   held->memfd, 0) == MAP_FAILED)
		return map_error(&held->place, total, -errno, err);
	return 0;
}

/* Wishes, as without anything asked for; see memory.c. */
static void advise(struct iol_memory *mem, uint64_t total)
{
	const struct iol_memory_place *place = &mem->held->place;

	if (!place->dump)
		madvise(mem->base, total, MADV_DONTDUMP);
	switch (place->hugepages) {
	case IOL_HUGEPAGES_DEFAULT:
		/* All of it is filled anyhow, or none of the first one. */
		if (place->prealloc)
			madvise(mem->base, total, MADV_HUGEPAGE);
		else if (total > HUGE_PAGE_BYTES)
			madvise(mem->base + HUGE_PAGE_BYTES, total - HUGE_PAGE_BYTES,
				MADV_HUGEPAGE);
		break;
	case IOL_HUGEPAGES_NONE:
		madvise(mem->base, total, MADV_NOHUGEPAGE);
		break;
	case IOL_HUGEPAGES_TRANSPARENT:
		madvise(mem->base, total, MADV_HUGEPAGE);
		break;
	case IOL_HUGEPAGES_POOL:
		break;
	}
}

static int bind_nodes(struct iol_memory *mem, uint64_t total, struct iol_error *err)
{
	const struct iol_memory_place *place = &mem->held->place;
	enum { BITS = CHAR_BIT * sizeof(long) };
	/* The kernel reads one bit less than it is told. */
	unsigned long mask[IOL_PLACE_NODES_MAX / BITS + 1] = { 0 };

	if (!place->nodes)
		return 0;
	for (unsigned int i = 0; i < IOL_PLACE_NODES_MAX; i++)
		if (place->nodes >> i & 1)
			mask[i / BITS] |= 1ul << i % BITS;
	if (syscall(SYS_mbind, mem->base, (unsigned long)total, MPOL_BIND, mask,
		    (unsigned long)IOL_PLACE_NODES_MAX + 1, 0))
		return iol_memory_node_error(place, -errno, err);
	return 0;
}

/* Those of the pool are never written to a swap device, and the kernel does not lock them. */
static int lock(struct iol_memory *mem, uint64_t total, struct iol_error *err)
{
	const struct iol_memory_place *place = &mem->held->place;

	if (!place->lock || of_pool(place))
		return 0;
	return mlock2(mem->base, total, MLOCK_ONFAULT) ? iol_memory_lock_error(total, -errno, err)
						       : 0;
}

static struct iol_memory_fill fill_of(const struct iol_memory *mem, uint64_t total,
				      enum iol_memory_fill_kind kind)
{
	const struct iol_memory_held *held = mem->held;

	return (struct iol_memory_fill){
		.kind = kind,
		.base = mem->base,
		.bytes = total,
		.page_bytes = of_pool(&held->place) ? held->place.page_bytes : HUGE_PAGE_BYTES,
		.may_touch = !of_pool(&held->place) || !held->place.nodes,
		.cpus = held->workers,
	};
}

static int populate(struct iol_memory *mem, uint64_t total, struct iol_error *err)
{
	struct iol_memory_held *held = mem->held;
	const struct iol_memory_fill fill = fill_of(mem, total, IOL_MEMORY_POPULATE);
	char text[IOL_SIZE_TEXT_BYTES];
	int ret;

	if (!held->place.prealloc && !of_pool(&held->place))
		return 0;
	ret = iol_memory_fill(&fill);
	held->populated = !ret;
	if (!ret)
		return 0;
	if (ret == -EINTR)
		return iol_error_set(err, ret,
				     "stopped by a signal while %s of guest memory were made ready",
				     iol_size_format(total, text));
	if (ret == -ENOTSUP)
		return iol_error_set(
			err, ret, "huge pages of a node (memory: node) need Linux 5.14 or later");
	if (of_pool(&held->place))
		return iol_memory_pool_error(&held->place, total, ret, err);
	return iol_error_errno(err, ret, "cannot fill %s of guest memory (prealloc)",
			       iol_size_format(total, text));
}

int iol_memory_host_map(struct iol_memory *mem, uint64_t total,
			const struct iol_memory_place *place, struct iol_error *err)
{
	int ret = iol_memory_check_host(place, total, err);

	if (ret)
		return ret;
	mem->held = g_new0(struct iol_memory_held, 1);
	mem->held->place = *place;
	mem->held->memfd = -1;
	sched_getaffinity(0, sizeof(mem->held->workers), &mem->held->workers);
	if (place->share)
		ret = make_memfd(mem->held, total, err);
	if (!ret)
		ret = of_pool(place) ? map_pool(mem, total, err) : map_plain(mem, total, err);
	if (ret)
		return ret;
	advise(mem, total);
	ret = bind_nodes(mem, total, err);
	if (!ret)
		ret = lock(mem, total, err);
	return ret ? ret : populate(mem, total, err);
}

/* Gives all pages back to the host; a lock stays or comes again. */
static int give_back(struct iol_memory *mem, struct iol_error *err)
{
	const struct iol_memory_held *held = mem->held;
	int ret;

	if (held->memfd >= 0)
		ret = fallocate(held->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				(off_t)mem->size_bytes);
	else if (
		held->place
			.lock) /* by its number: sanitizers replace libc's function, and not that which locks */
		ret = syscall(SYS_munlock, mem->base, (unsigned long)mem->size_bytes) ||
		      madvise(mem->base, mem->size_bytes, MADV_DONTNEED);
	else
		ret = madvise(mem->base, mem->size_bytes, MADV_DONTNEED);
	if (ret)
		return iol_error_errno(err, -errno, "cannot clear guest memory");
	return lock(mem, mem->size_bytes, err);
}

int iol_memory_host_clear(struct iol_memory *mem, struct iol_error *err)
{
	const struct iol_memory_fill fill = fill_of(mem, mem->size_bytes, IOL_MEMORY_ZERO);
	int ret;

	/* What was there for the guest is there for the next one. */
	if (!mem->held->populated)
		return give_back(mem, err);
	ret = iol_memory_fill(&fill);
	return ret ? iol_error_errno(err, ret, "cannot clear guest memory") : 0;
}

void iol_memory_host_finish(struct iol_memory *mem)
{
	iol_fd_close(&mem->held->memfd);
	g_free(mem->held);
	mem->held = NULL;
}
