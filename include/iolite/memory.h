/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory: RAM regions in guest-physical address space, and the one gate to them.
 *
 * Every byte of guest memory that iolite touches is reached through iol_memory_ptr(). What lies
 * behind the pointer is written by vCPUs at any time: copy before judging (rules G1 to G3 in
 * docs/guest-memory.md).
 */
#ifndef IOLITE_MEMORY_H
#define IOLITE_MEMORY_H

#include <iolite/error.h>

enum { IOL_MEMORY_REGIONS_MAX = 4 };

struct iol_memory_region {
	uint64_t gpa; /* page aligned */
	uint64_t size_bytes; /* page aligned, not 0; gpa + size_bytes does not wrap */
	uint8_t *hva;
};

struct iol_memory_held;
struct iol_memory_place;

struct iol_memory {
	uint8_t *mapping; /* one host mapping behind all regions */
	uint64_t mapping_bytes;
	uint8_t *base; /* of the regions, which lie there one behind the other */
	struct iol_memory_held *held; /* NULL: nothing was asked of the host */
	uint64_t size_bytes; /* sum of the regions */
	unsigned int region_count;
	struct iol_memory_region regions[IOL_MEMORY_REGIONS_MAX]; /* ascending, disjoint */
};

/*
 * Maps @count RAM regions (gpa and size_bytes given, hva ignored) as zeros that the host provides on
 * first touch: nothing is reserved or populated, the mapping stays out of core dumps. -ENOMEM with a
 * text that names the size and RLIMIT_AS when that is the reason. Regions that overlap or are not
 * aligned are our own mistake and abort.
 */
int iol_memory_init(struct iol_memory *mem, const struct iol_memory_region *regions,
		    unsigned int count, struct iol_error *err);

/*
 * The same as @place says (NULL: as above), which may take a while and tells of it on a terminal. -errno with what the
 * host lacks and what would help.
 */
int iol_memory_init_placed(struct iol_memory *mem, const struct iol_memory_region *regions,
			   unsigned int count, const struct iol_memory_place *place,
			   struct iol_error *err);
/* -EINVAL: pages of @place do not divide a region. The user's mistake. */
int iol_memory_check_regions(const struct iol_memory_region *regions, unsigned int count,
			     const struct iol_memory_place *place, struct iol_error *err);
void iol_memory_finish(struct iol_memory *mem);

/*
 * The host address of guest-physical [gpa, gpa + len), or NULL unless @len is at least 1 and the
 * whole range lies in one RAM region. A range that ends at the region's last byte is valid; one
 * that wraps is not. [any]
 */
void *iol_memory_ptr(const struct iol_memory *mem, uint64_t gpa, uint64_t len);

/* Copies @len bytes; 0, or -EFAULT (nothing copied) where iol_memory_ptr says NULL. [any] */
int iol_memory_read(const struct iol_memory *mem, uint64_t gpa, void *buf, uint64_t len);
int iol_memory_write(const struct iol_memory *mem, uint64_t gpa, const void *buf, uint64_t len);

/*
 * All RAM reads as zero again, and its pages go back to the host unless they were to be there from the start. No vCPU may run meanwhile. 0, or
 * -errno with a text.
 */
int iol_memory_clear(struct iol_memory *mem, struct iol_error *err);

#endif
