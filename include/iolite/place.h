/* SPDX-License-Identifier: Apache-2.0 */
/* Where a machine really is on its host: read from the kernel when it is asked for, not remembered from the start. */
#ifndef IOLITE_PLACE_H
#define IOLITE_PLACE_H

#include <sys/types.h>

#include <iolite/error.h>
#include <iolite/place_config.h>

struct iol_memory;
struct iol_vm;

struct iol_cpu_granted {
	pid_t tid;
	cpu_set_t cpus; /* that the thread may run on */
	int policy; /* SCHED_OTHER ... */
	const char *policy_name; /* "other", "fifo" ... */
	unsigned int priority;
};

enum { IOL_LOOP_THREAD = -1 };

/* Of the vCPU @idx, whose thread runs, or of the event loop. -errno with a text. [loop] */
int iol_cpu_granted(const struct iol_vm *vm, int idx, struct iol_cpu_granted *granted,
		    struct iol_error *err);

struct iol_memory_granted {
	uint64_t page_bytes; /* of the mapping: 4096, or a huge page of the pool */
	uint64_t present_bytes; /* populated: in memory now */
	uint64_t huge_bytes; /* thereof in huge pages of any kind */
	uint64_t locked_bytes; /* pages of the pool count: they stay where they are */
	uint64_t nodes; /* that it is bound to; 0: none */
	bool shared;
	bool prealloc; /* all of it was there before the guest */
};

/* Takes the kernel a walk through all of its pages. -errno with a text. [loop] */
int iol_memory_granted(const struct iol_memory *mem, struct iol_memory_granted *granted,
		       struct iol_error *err);

#endif
