// SPDX-License-Identifier: Apache-2.0
/* What the kernel says of guest memory, in /proc/self/smaps (proc_pid_smaps(5)). See include/iolite/place.h. */
#include <iolite/place.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "memory_host.h"

enum { LINE_BYTES = 512 };

/* Lines that count, all in kB. Pages of the pool are in no sum of others. */
static void count(struct iol_memory_granted *granted, const char *key, uint64_t bytes)
{
	if (!strcmp(key, "KernelPageSize")) {
		granted->page_bytes = bytes;
	} else if (!strcmp(key, "Rss")) {
		granted->present_bytes += bytes;
	} else if (!strcmp(key, "Locked")) {
		granted->locked_bytes += bytes;
	} else if (!strcmp(key, "AnonHugePages") || !strcmp(key, "ShmemPmdMapped")) {
		granted->huge_bytes += bytes;
	} else if (!strcmp(key, "Private_Hugetlb") || !strcmp(key, "Shared_Hugetlb")) {
		granted->present_bytes += bytes;
		granted->huge_bytes += bytes;
		granted->locked_bytes += bytes;
	}
}

static void read_smaps(FILE *file, const struct iol_memory *mem, struct iol_memory_granted *granted)
{
	const uint64_t base = (uintptr_t)mem->base, end = base + mem->size_bytes;
	char line[LINE_BYTES], key[32];
	uint64_t from, to, kib;
	bool ours = false;

	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &from, &to) == 2)
			ours = from < end && to > base;
		else if (ours && sscanf(line, "%31[A-Za-z_]: %" SCNu64 " kB", key, &kib) == 2)
			count(granted, key, kib * IOL_KIB);
	}
}

int iol_memory_granted(const struct iol_memory *mem, struct iol_memory_granted *granted,
		       struct iol_error *err)
{
	FILE *file = fopen("/proc/self/smaps", "re");

	*granted = (struct iol_memory_granted){ 0 };
	if (!file)
		return iol_error_errno(err, -errno, "/proc/self/smaps");
	read_smaps(file, mem, granted);
	fclose(file);
	if (!mem->held)
		return 0;
	granted->nodes = mem->held->place.nodes;
	granted->shared = mem->held->memfd >= 0;
	granted->prealloc = mem->held->populated;
	return 0;
}
