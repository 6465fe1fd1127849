/* SPDX-License-Identifier: Apache-2.0 */
/* What the user asked for as to where a machine runs and where its memory lies. All zero: nothing. */
#ifndef IOLITE_PLACE_CONFIG_H
#define IOLITE_PLACE_CONFIG_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	IOL_PLACE_VCPUS_MAX = 64,
	IOL_PLACE_NODES_MAX = 64, /* a bit each */
	IOL_PLACE_SET_TEXT_BYTES = 128,
	IOL_PLACE_SET_WHOLE_BYTES = 4096, /* every other one of CPU_SETSIZE CPUs, and some */
};

enum iol_pin {
	IOL_PIN_NONE,
	IOL_PIN_EACH, /* one set for each vCPU, in order */
	IOL_PIN_SHARED, /* one set for all */
};

enum iol_cpu_policy {
	IOL_CPU_POLICY_INHERIT, /* as whoever started us */
	IOL_CPU_POLICY_OTHER,
	IOL_CPU_POLICY_BATCH,
	IOL_CPU_POLICY_FIFO,
	IOL_CPU_POLICY_RR,
	IOL_CPU_POLICY_COUNT,
};

struct iol_cpu_place {
	enum iol_pin pin;
	unsigned int
		set_count; /* IOL_PIN_EACH: as many as vCPUs, once it is checked; IOL_PIN_SHARED: 1 */
	cpu_set_t sets[IOL_PLACE_VCPUS_MAX];
	enum iol_cpu_policy policy; /* of vCPUs */
	unsigned int priority; /* 1 to 99 with fifo and rr, else 0 */
	bool pin_loop;
	cpu_set_t loop; /* of the event loop and of those who work for it */
};

enum iol_hugepages {
	IOL_HUGEPAGES_DEFAULT, /* transparent ones where they are to be had */
	IOL_HUGEPAGES_NONE,
	IOL_HUGEPAGES_TRANSPARENT, /* and no start on a host that never gives any */
	IOL_HUGEPAGES_POOL, /* of the host's pool (hugetlb), of page_bytes */
};

struct iol_memory_place {
	enum iol_hugepages hugepages;
	uint64_t page_bytes; /* a power of two; 0 but for IOL_HUGEPAGES_POOL */
	bool lock; /* what is there never leaves memory */
	bool prealloc; /* all is there before the guest starts */
	bool share; /* a memfd, mapped shared */
	bool dump; /* it is in core dumps of the process */
	uint64_t nodes; /* NUMA nodes of the host, a bit each; 0: any */
};

/* "0-3,5", or its beginning and "..."; "none" for an empty one. Returns @text. */
char *iol_cpu_set_format(const cpu_set_t *set, char text[IOL_PLACE_SET_TEXT_BYTES]);
/* All of it. */
char *iol_cpu_set_format_whole(const cpu_set_t *set, char text[IOL_PLACE_SET_WHOLE_BYTES]);
char *iol_node_set_format(uint64_t nodes, char text[IOL_PLACE_SET_TEXT_BYTES]);

/* "other", "batch", "fifo", "rr"; "default" for IOL_CPU_POLICY_INHERIT. */
const char *iol_cpu_policy_name(enum iol_cpu_policy policy);

#endif
