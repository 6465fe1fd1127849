// SPDX-License-Identifier: Apache-2.0
/* Whether a system asks for more memory than its host can give for good. See system.h. Before any thread. */
#include "system.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <iolite/size.h>

/* --- what the host has --- */

/* The first number of the file @path behind @label ("": its beginning); false: there is none. */
static bool read_number(const char *path, const char *label, uint64_t *value)
{
	g_autofree char *text = NULL;
	const char *at;
	char *end;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return false;
	at = strstr(text, label);
	if (!at)
		return false;
	at += strlen(label);
	*value = g_ascii_strtoull(at, &end, 10);
	return end != at;
}

static void read_pool(const char *folder, const char *name, struct iol_host_memory *host)
{
	g_autofree char *path = g_build_filename(folder, name, "nr_hugepages", NULL);
	uint64_t kib, pages;

	if (host->pool_count == IOL_HOST_POOLS_MAX ||
	    sscanf(name, "hugepages-%" SCNu64, &kib) != 1 || !read_number(path, "", &pages))
		return;
	host->pools[host->pool_count].page_bytes = kib * IOL_KIB;
	host->pools[host->pool_count].pages = pages;
	host->pool_count++;
}

void iol_host_memory_read(const char *root, struct iol_host_memory *host)
{
	g_autofree char *meminfo = g_build_filename(root ? root : "/", "proc/meminfo", NULL);
	g_autofree char *pools =
		g_build_filename(root ? root : "/", "sys/kernel/mm/hugepages", NULL);
	g_autoptr(GDir) dir = g_dir_open(pools, 0, NULL);
	const char *name;
	uint64_t kib;

	*host = (struct iol_host_memory){ 0 };
	if (read_number(meminfo, "MemTotal:", &kib))
		host->total_bytes = kib * IOL_KIB;
	while (dir && (name = g_dir_read_name(dir)))
		read_pool(pools, name, host);
}

/* --- what is asked of it --- */

static void put(const struct iol_partition_config *partition, const char *key,
		struct iol_mistakes *mistakes, struct iol_error *err)
{
	struct iol_json_place room[2];
	const struct iol_json_place memory = {
		.up = iol_system_place(partition, room),
		.key = "memory",
	};
	const struct iol_json_place place = { .up = &memory, .key = key };

	iol_mistakes_put(mistakes, &place, err);
}

/* Pages of a pool are locked already, and told of as such. */
static bool locks(const struct iol_memory_place *place)
{
	return place->lock && place->hugepages != IOL_HUGEPAGES_POOL;
}

static void check_locked(const struct iol_system_config *system, const struct iol_host_memory *host,
			 struct iol_mistakes *mistakes)
{
	uint64_t left = host->total_bytes;
	char size[IOL_SIZE_TEXT_BYTES], rest[IOL_SIZE_TEXT_BYTES];
	struct iol_error err = { 0 };

	for (unsigned int i = 0; host->total_bytes && i < system->count; i++) {
		const struct iol_partition_config *partition = system->partitions[i];
		uint64_t bytes = partition->machine.memory_bytes;

		if (!locks(&partition->machine.memory_place))
			continue;
		if (bytes <= left) {
			left -= bytes;
			continue;
		}
		iol_error_set(&err, -EINVAL,
			      "%s of locked memory, and of the host's %" PRIu64 "M the partitions "
			      "before it leave %s: give it less, or do not lock it",
			      iol_size_format(bytes, size), host->total_bytes / IOL_MIB,
			      iol_size_format(left & ~(IOL_MIB - 1), rest));
		put(partition, "lock", mistakes, &err);
	}
}

/* The pages of that size that are left; 0 where there is no such pool. */
static uint64_t *pool_of(struct iol_host_memory *left, uint64_t page_bytes)
{
	for (unsigned int i = 0; i < left->pool_count; i++)
		if (left->pools[i].page_bytes == page_bytes)
			return &left->pools[i].pages;
	return NULL;
}

static void check_pools(const struct iol_system_config *system, const struct iol_host_memory *host,
			struct iol_mistakes *mistakes)
{
	struct iol_host_memory left = *host;
	char size[IOL_SIZE_TEXT_BYTES];
	struct iol_error err = { 0 };

	for (unsigned int i = 0; i < system->count; i++) {
		const struct iol_partition_config *partition = system->partitions[i];
		const struct iol_memory_place *place = &partition->machine.memory_place;
		uint64_t *pages, wanted;

		if (place->hugepages != IOL_HUGEPAGES_POOL || !place->page_bytes)
			continue;
		pages = pool_of(&left, place->page_bytes);
		wanted = partition->machine.memory_bytes / place->page_bytes;
		if (pages && wanted <= *pages) {
			*pages -= wanted;
			continue;
		}
		iol_error_set(&err, -EINVAL,
			      "%" PRIu64 " hugepages of %s, and the host's pool has %" PRIu64
			      " left for it: give the host more (nr_hugepages), or leave it out",
			      wanted, iol_size_format(place->page_bytes, size), pages ? *pages : 0);
		put(partition, "hugepages", mistakes, &err);
	}
}

void iol_system_check_memory(const struct iol_system_config *system,
			     const struct iol_host_memory *host, struct iol_mistakes *mistakes)
{
	check_locked(system, host, mistakes);
	check_pools(system, host, mistakes);
}
