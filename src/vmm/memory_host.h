/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory with wishes as to the host: huge pages, locking, its being there at once, sharing, nodes. On the loop's
 * thread.
 */
#ifndef IOL_VMM_MEMORY_HOST_H
#define IOL_VMM_MEMORY_HOST_H

#include <iolite/memory.h>
#include <iolite/place_config.h>

/* What guest memory has beyond a mapping. */
struct iol_memory_held {
	struct iol_memory_place place;
	cpu_set_t workers; /* where those run that fill memory */
	bool populated; /* all pages are there, and stay */
	int memfd; /* -1: not shared */
};

/* Maps @total bytes as @place says: mem->mapping, base and held. What there is on failure goes by iol_memory_finish(). */
int iol_memory_host_map(struct iol_memory *mem, uint64_t total,
			const struct iol_memory_place *place, struct iol_error *err);
/* Zeros all of it and keeps what was promised. */
int iol_memory_host_clear(struct iol_memory *mem, struct iol_error *err);
void iol_memory_host_finish(struct iol_memory *mem);

/* --- memory_shortage.c --- */

/* -errno with a text: the host cannot give @total bytes as @place says. What is found later is told by the others. */
int iol_memory_check_host(const struct iol_memory_place *place, uint64_t total,
			  struct iol_error *err);
/* @code came from the mapping or the filling of pages of the pool. */
int iol_memory_pool_error(const struct iol_memory_place *place, uint64_t total, int code,
			  struct iol_error *err);
int iol_memory_lock_error(uint64_t total, int code, struct iol_error *err);
int iol_memory_node_error(const struct iol_memory_place *place, int code, struct iol_error *err);

/* --- memory_fill.c --- */

enum iol_memory_fill_kind {
	IOL_MEMORY_POPULATE, /* of fresh memory, which reads as zeros */
	IOL_MEMORY_ZERO,
};

struct iol_memory_fill {
	enum iol_memory_fill_kind kind;
	uint8_t *base;
	uint64_t bytes;
	uint64_t page_bytes; /* work is divided in multiples of it */
	bool may_touch; /* where the kernel is too old to populate, touching a page cannot kill */
	cpu_set_t cpus;
};

/*
 * By several threads, and with its progress on a terminal when it takes long. -EINTR: a signal came that is to end the program, which
 * only IOL_MEMORY_POPULATE heeds; other -errno without a text.
 */
int iol_memory_fill(const struct iol_memory_fill *fill);

#endif
