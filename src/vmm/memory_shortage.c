// SPDX-License-Identifier: Apache-2.0
/* What a host lacks for guest memory, and what would help. See memory_host.h. */
#include "memory_host.h"

#include <dirent.h>
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <iolite/size.h>

#include "host_facts.h"

#define POOLS "/sys/kernel/mm/hugepages"
#define NODES "/sys/devices/system/node"

enum { PATH_BYTES = 160, POOLS_BYTES = 64, SIZES_BYTES = 96 };

/* --- the pool --- */

static bool pool_count(const char *pools, uint64_t page_bytes, const char *name, uint64_t *count)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/hugepages-%" PRIu64 "kB/%s", pools, page_bytes / IOL_KIB,
		 name);
	return iol_host_number(path, count);
}

/* "2M, 1G" */
static char *pool_sizes(char text[SIZES_BYTES])
{
	DIR *dir = opendir(POOLS);
	struct dirent *entry;
	size_t len = 0;
	uint64_t kib;

	strcpy(text, "none");
	while (dir && (entry = readdir(dir))) {
		char size[IOL_SIZE_TEXT_BYTES];

		if (sscanf(entry->d_name, "hugepages-%" SCNu64 "kB", &kib) != 1 ||
		    len + sizeof(size) >= SIZES_BYTES)
			continue;
		len += (size_t)snprintf(text + len, SIZES_BYTES - len, "%s%s", len ? ", " : "",
					iol_size_format(kib * IOL_KIB, size));
	}
	if (dir)
		closedir(dir);
	return text;
}

/* Pages that can be had: the free ones that nobody has reserved, and those that may be made on demand. */
static uint64_t pool_available(uint64_t page_bytes)
{
	uint64_t free_count = 0, reserved = 0, more = 0, surplus = 0;

	pool_count(POOLS, page_bytes, "free_hugepages", &free_count);
	pool_count(POOLS, page_bytes, "resv_hugepages", &reserved);
	pool_count(POOLS, page_bytes, "nr_overcommit_hugepages", &more);
	pool_count(POOLS, page_bytes, "surplus_hugepages", &surplus);
	return (free_count > reserved ? free_count - reserved : 0) +
	       (more > surplus ? more - surplus : 0);
}

/* The folder of a node's pools. */
static void node_pools(unsigned int node, char pools[POOLS_BYTES])
{
	snprintf(pools, POOLS_BYTES, NODES "/node%u/hugepages", node);
}

static uint64_t pool_available_on(uint64_t page_bytes, uint64_t nodes)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < IOL_PLACE_NODES_MAX; i++) {
		char pools[POOLS_BYTES];
		uint64_t count;

		node_pools(i, pools);
		if ((nodes >> i & 1) && pool_count(pools, page_bytes, "free_hugepages", &count))
			sum += count;
	}
	return sum;
}

static int too_few_pages(const struct iol_memory_place *place, uint64_t total, uint64_t available,
			 int code, struct iol_error *err)
{
	char page[IOL_SIZE_TEXT_BYTES], nodes[IOL_PLACE_SET_TEXT_BYTES], where[PATH_BYTES] = "";
	char pools[POOLS_BYTES] = POOLS; /* the first node's, if only some nodes will do */
	uint64_t has = 0, needed = total / place->page_bytes;

	if (place->nodes) {
		node_pools((unsigned int)__builtin_ctzll(place->nodes), pools);
		snprintf(where, sizeof(where), " on node %s",
			 iol_node_set_format(place->nodes, nodes));
	}
	pool_count(pools, place->page_bytes, "nr_hugepages", &has);
	iol_size_format(place->page_bytes, page);
	return iol_error_set(err, code,
			     "guest memory takes %" PRIu64 " huge pages of %s, and the host has "
			     "%" PRIu64 " free%s: echo %" PRIu64 " > %s/hugepages-%" PRIu64
			     "kB/nr_hugepages, or give the guest less",
			     needed, page, available, where, has + needed - MIN(available, needed),
			     pools, place->page_bytes / IOL_KIB);
}

int iol_memory_pool_error(const struct iol_memory_place *place, uint64_t total, int code,
			  struct iol_error *err)
{
	uint64_t available = place->nodes ? pool_available_on(place->page_bytes, place->nodes)
					  : pool_available(place->page_bytes);
	char text[IOL_SIZE_TEXT_BYTES];

	if (available < total / place->page_bytes)
		return too_few_pages(place, total, available, -ENOMEM, err);
	return iol_error_errno(err, code,
			       "cannot get %s of guest memory from the pool of huge pages, though "
			       "it has %" PRIu64 " free: a limit of the control group (hugetlb) or "
			       "of the cpuset's nodes forbids it",
			       iol_size_format(total, text), available);
}

static int check_pool(const struct iol_memory_place *place, uint64_t total, struct iol_error *err)
{
	char page[IOL_SIZE_TEXT_BYTES], sizes[SIZES_BYTES];
	uint64_t count, available;

	if (!pool_count(POOLS, place->page_bytes, "nr_hugepages", &count))
		return iol_error_set(err, -EINVAL,
				     "the host has no pool of huge pages of %s; it has: %s",
				     iol_size_format(place->page_bytes, page), pool_sizes(sizes));
	available = pool_available(place->page_bytes);
	if (place->nodes)
		available = MIN(available, pool_available_on(place->page_bytes, place->nodes));
	if (available < total / place->page_bytes)
		return too_few_pages(place, total, available, -ENOMEM, err);
	return 0;
}

/* --- all else --- */

static int check_transparent(const struct iol_memory_place *place, struct iol_error *err)
{
	const char *path = place->share ? "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
					: "/sys/kernel/mm/transparent_hugepage/enabled";
	char text[128];

	if (!iol_host_read(path, text, sizeof(text)))
		return iol_error_set(err, -ENOTSUP,
				     "this kernel has no transparent huge pages (%s is missing): "
				     "give other hugepages, or none",
				     path);
	if (strstr(text, "[never]") || strstr(text, "[deny]"))
		return iol_error_set(
			err, -ENOTSUP,
			"the host never gives transparent huge pages: echo %s > %s, or "
			"give other hugepages",
			place->share ? "advise" : "madvise", path);
	return 0;
}

static int check_nodes(const struct iol_memory_place *place, struct iol_error *err)
{
	char asked[IOL_PLACE_SET_TEXT_BYTES], has[IOL_PLACE_SET_TEXT_BYTES];
	uint64_t nodes;

	if (!iol_host_nodes(NODES "/has_memory", &nodes))
		return iol_error_set(err, -ENOTSUP,
				     "this host tells of no NUMA nodes (" NODES
				     " is missing): leave node out");
	if (place->nodes & ~nodes)
		return iol_error_set(
			err, -EINVAL,
			"node %s has no memory or is not there: nodes with memory are %s",
			iol_node_set_format(place->nodes & ~nodes, asked),
			iol_node_set_format(nodes, has));
	return 0;
}

/* Of this much, the kernel would kill somebody. */
static int check_available(uint64_t total, struct iol_error *err)
{
	char text[IOL_SIZE_TEXT_BYTES];
	uint64_t kib;

	if (!iol_host_field("/proc/meminfo", "MemAvailable:", &kib) || total / IOL_KIB <= kib)
		return 0;
	return iol_error_set(
		err, -ENOMEM,
		"%s of guest memory are to be there at the start (prealloc), and the host "
		"has %" PRIu64 "M available: give the guest less",
		iol_size_format(total, text), kib / 1024);
}

int iol_memory_check_host(const struct iol_memory_place *place, uint64_t total,
			  struct iol_error *err)
{
	int ret = 0;

	if (place->nodes)
		ret = check_nodes(place, err);
	if (!ret && place->hugepages == IOL_HUGEPAGES_POOL)
		return check_pool(place, total, err);
	if (!ret && place->hugepages == IOL_HUGEPAGES_TRANSPARENT)
		ret = check_transparent(place, err);
	if (!ret && place->prealloc)
		ret = check_available(total, err);
	return ret;
}

int iol_memory_lock_error(uint64_t total, int code, struct iol_error *err)
{
	char text[IOL_SIZE_TEXT_BYTES];
	struct rlimit limit;

	iol_size_format(total, text);
	if ((code == -ENOMEM || code == -EPERM || code == -EAGAIN) &&
	    !getrlimit(RLIMIT_MEMLOCK, &limit) && limit.rlim_cur < total)
		return iol_error_set(
			err, code,
			"cannot lock %s of guest memory: the limit of locked memory is "
			"%ju KiB (ulimit -l, LimitMEMLOCK=): raise it above that, or "
			"give CAP_IPC_LOCK",
			text, (uintmax_t)limit.rlim_cur / 1024);
	return iol_error_errno(err, code, "cannot lock %s of guest memory", text);
}

int iol_memory_node_error(const struct iol_memory_place *place, int code, struct iol_error *err)
{
	char text[IOL_PLACE_SET_TEXT_BYTES];

	return iol_error_errno(
		err, code,
		"cannot bind guest memory to node %s; the cpuset's nodes or a filter "
		"of system calls (mbind) may forbid it",
		iol_node_set_format(place->nodes, text));
}
