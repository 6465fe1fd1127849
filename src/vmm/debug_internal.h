/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the target (debug*.c) know of each other. On the loop's thread while the machine stands. */
#ifndef IOL_VMM_DEBUG_INTERNAL_H
#define IOL_VMM_DEBUG_INTERNAL_H

#include "debug.h"

enum { IOL_DEBUG_SOFT_MAX = 1024 };

/* A trap instruction in memory. */
struct iol_debug_soft {
	uint64_t address; /* as it was set, virtual */
	uint64_t gpa[IOL_DEBUG_TRAP_BYTES_MAX]; /* of each byte: they may be on two pages */
	uint8_t original[IOL_DEBUG_TRAP_BYTES_MAX];
};

/* All points of a machine. */
struct iol_debug_points {
	unsigned int soft_count, soft_room;
	struct iol_debug_soft *soft;
	unsigned int hard_count;
	struct iol_debug_point hard[IOL_DEBUG_HARD_MAX]; /* as KVM is to have them */
	enum iol_gdb_point asked[IOL_DEBUG_HARD_MAX]; /* as they were asked for */
};

struct iol_debug_cpu {
	struct iol_debug_setup setup; /* as KVM has it; read by its thread while it runs */
	struct iol_debug_hit hit; /* its thread's while it runs, the loop's while it stands */
	enum iol_gdb_action wanted; /* of the last resume */
	enum iol_gdb_action action; /* what it does: as wanted, but for the way out of a trap */
};

struct iol_debug {
	struct iol_gdb_target target;
	struct iol_vm *vm;
	struct iol_debug_caps caps;
	struct iol_post post; /* a vCPU stands for what it caught */
	bool attached; /* a client is there */
	bool running; /* the client let it go, and was not told of a stop since */
	bool stop_wanted; /* interrupt() came while the machine could not be stopped */
	bool run_on_detach; /* the machine would run without the client */
	bool asks; /* monitor() is under way */
	bool physical; /* addresses of memory are guest-physical */
	unsigned int stopped_thread;
	unsigned int asked_thread; /* whose registers or memory were looked at last */
	/* A vCPU steps out of a trap that it stands in the middle of, which is out of memory meanwhile. */
	bool passing;
	unsigned int passing_cpu;
	struct iol_debug_soft passed;
	struct iol_debug_points points;
	struct iol_debug_cpu cpus[IOL_GDB_THREADS_MAX];
};

/* ---- debug_memory.c ---- */

/* Guest-physical address of @address for vCPU @thread; @left: bytes next to each other there. -EFAULT. */
int iol_debug_translate(struct iol_debug *debug, unsigned int thread, uint64_t address,
			uint64_t *gpa, uint64_t *left);
/* As struct iol_gdb_target_ops has them. */
long iol_debug_read(struct iol_debug *debug, unsigned int thread, uint64_t address, uint8_t *buf,
		    size_t bytes);
int iol_debug_write(struct iol_debug *debug, unsigned int thread, uint64_t address,
		    const uint8_t *buf, size_t bytes);

/* ---- debug_points.c ---- */

int iol_debug_insert(struct iol_debug *debug, unsigned int thread, enum iol_gdb_point point,
		     uint64_t address, uint64_t bytes);
int iol_debug_remove(struct iol_debug *debug, enum iol_gdb_point point, uint64_t address,
		     uint64_t bytes);
/* Takes all traps out of memory and forgets all points. Also while the machine runs: the vCPUs' set-ups are the caller's. */
void iol_debug_remove_all(struct iol_debug *debug);
/* True when a trap was put at @address. */
bool iol_debug_is_soft(const struct iol_debug *debug, uint64_t address);
/*
 * A trap of more than one byte may lie on several instructions. A vCPU that stands at one of those behind the first, as after
 * a step over a breakpoint, would go on in the middle of it. This takes such a trap out of memory, into debug->passed; false:
 * the vCPU stands in none.
 */
bool iol_debug_lift(struct iol_debug *debug, unsigned int cpu);
/* Puts it back. */
void iol_debug_put_back(struct iol_debug *debug);
/* Memory is as at power-on: traps go back in where it has what it had. */
void iol_debug_replace(struct iol_debug *debug);
/* Makes KVM have the points for a vCPU, and whether it is to step. */
int iol_debug_arm(struct iol_debug *debug, unsigned int cpu, bool step);
/* The vCPU was reset: what KVM had for it is given to it again. */
void iol_debug_rearm(struct iol_debug *debug, unsigned int cpu);
/* The number of the hardware point that @hit is about, or -1. */
int iol_debug_point_of(const struct iol_debug *debug, const struct iol_debug_hit *hit);

/* In what was read from [gpa, gpa + len), puts what our traps hide. */
void iol_debug_hide_traps(const struct iol_debug *debug, uint64_t gpa, uint8_t *buf, uint64_t len);
/* [gpa, gpa + len) is to hold @buf: what traps hide is remembered, and in @buf the traps are put. */
void iol_debug_keep_traps(struct iol_debug *debug, uint64_t gpa, uint8_t *buf, uint64_t len);

#endif
