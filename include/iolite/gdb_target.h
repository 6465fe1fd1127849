/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the GDB stub (gdb.h) knows of the machine that it debugs: the machine is a program, its vCPUs are the threads.
 *
 * All threads stop together. The target runs or stands; while it runs only interrupt(), detach(), kill() and the calls
 * that say so may be used. All calls, in both directions, are made on the loop's thread.
 */
#ifndef IOLITE_GDB_TARGET_H
#define IOLITE_GDB_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct iol_gdb_session;
struct iol_gdb_target;

/* ---- Registers (GDB manual, "Target Description Format") ---- */

struct iol_gdb_register {
	const char *name; /* as GDB's standard features have it, where it is of one */
	uint16_t bits; /* a multiple of 8 */
	const char *type; /* of GDB's predefined ones or of the feature's own; NULL: int */
	const char *group; /* "general", "float", "vector", "system" or NULL */
};

struct iol_gdb_feature {
	const char *name; /* "org.gnu.gdb.i386.core" */
	const char *types; /* XML elements for its own types, put before the registers; or NULL */
	const struct iol_gdb_register *registers;
	unsigned int count;
};

enum {
	IOL_GDB_REGISTERS_BYTES_MAX = 8192,
	IOL_GDB_FEATURES_MAX = 16,
	IOL_GDB_THREADS_MAX = 64,
	IOL_GDB_THREAD_INFO_BYTES = 64,
};

/*
 * Registers have the numbers 0, 1, ... in the order of features and of registers within; that is also their order, without
 * gaps, in a buffer of all of them, in the guest's byte order.
 */
struct iol_gdb_description {
	const char *architecture; /* "i386:x86-64" */
	unsigned int feature_count;
	const struct iol_gdb_feature *features[IOL_GDB_FEATURES_MAX];
	/* The first so many features are sent and set as a whole ('g', 'G'); the others by one register ('p', 'P'). */
	unsigned int general_features;
	unsigned int pc; /* number of the program counter */
};

/* ---- Points ---- */

/* The numbers that the packets Z and z have for them. */
enum iol_gdb_point {
	IOL_GDB_SOFT_BREAK = 0,
	IOL_GDB_HARD_BREAK = 1,
	IOL_GDB_WATCH_WRITE = 2,
	IOL_GDB_WATCH_READ = 3,
	IOL_GDB_WATCH_ACCESS = 4,
	IOL_GDB_POINT_COUNT,
};

/* ---- Running and stopping ---- */

enum iol_gdb_action {
	IOL_GDB_STAND,
	IOL_GDB_CONTINUE,
	IOL_GDB_STEP, /* one instruction */
};

enum iol_gdb_stop_reason {
	IOL_GDB_STOPPED_SOFT_BREAK, /* SIGTRAP with swbreak; the pc is at the breakpoint */
	IOL_GDB_STOPPED_HARD_BREAK, /* SIGTRAP with hwbreak; likewise */
	IOL_GDB_STOPPED_WATCH_WRITE, /* SIGTRAP with watch and the address; the pc is behind the access or at it, as the processor has it */
	IOL_GDB_STOPPED_WATCH_READ,
	IOL_GDB_STOPPED_WATCH_ACCESS,
	IOL_GDB_STOPPED_STEP, /* SIGTRAP: the step is done */
	IOL_GDB_STOPPED_INTERRUPT, /* SIGINT: interrupt() was called, or the client has just come */
	IOL_GDB_STOPPED_PAUSED, /* SIGSTOP: somebody else paused the machine */
	IOL_GDB_STOPPED_RESET, /* SIGTRAP: the machine was reset while the thread stepped: it is at its first instruction */
};

struct iol_gdb_stop {
	enum iol_gdb_stop_reason reason;
	unsigned int thread; /* whom it happened to */
	uint64_t address; /* of a watchpoint: as it was set; else 0 */
};

/* One range of the memory map (GDB manual, "Memory Map Format"): RAM. */
struct iol_gdb_range {
	uint64_t start, bytes;
};

/*
 * Errors are -errno. Addresses are virtual, by the page tables of the thread, or what the target makes of them.
 */
struct iol_gdb_target_ops {
	/*
	 * A client came: the target comes to stand, before the call returns, and says so by no call. Its points are none.
	 */
	void (*attach)(struct iol_gdb_target *target);
	/*
	 * The client is gone: all points go, the machine runs if it would without the client. @let_go: it said goodbye,
	 * the machine runs. Also while it runs.
	 */
	void (*detach)(struct iol_gdb_target *target, bool let_go);
	/* The machine is to end, as by its user. Also while it runs. */
	void (*kill)(struct iol_gdb_target *target);

	/* Constant for the target's life. */
	const struct iol_gdb_description *(*describe)(struct iol_gdb_target *target);
	unsigned int (*thread_count)(
		struct iol_gdb_target *target); /* constant, 1 to IOL_GDB_THREADS_MAX */
	/* What it does, as "halted" or "parked"; up to IOL_GDB_THREAD_INFO_BYTES with the 0. Also while it runs. */
	void (*thread_info)(struct iol_gdb_target *target, unsigned int thread, char *text);
	/* The thread of the last stop. */
	unsigned int (*stopped_thread)(struct iol_gdb_target *target);

	/* All registers, into a buffer of IOL_GDB_REGISTERS_BYTES_MAX. */
	int (*read_registers)(struct iol_gdb_target *target, unsigned int thread, uint8_t *buf);
	/* Sets the @count registers from @first on to what the buffer of all has for them, and no others. */
	int (*write_registers)(struct iol_gdb_target *target, unsigned int thread,
			       unsigned int first, unsigned int count, const uint8_t *buf);

	/* How many bytes from @address on were read, at least 1, or -EFAULT; what breakpoints hide is shown. */
	long (*read_memory)(struct iol_gdb_target *target, unsigned int thread, uint64_t address,
			    uint8_t *buf, size_t bytes);
	/* All of it or, with an error, as much as there was memory for. Breakpoints stay. */
	int (*write_memory)(struct iol_gdb_target *target, unsigned int thread, uint64_t address,
			    const uint8_t *buf, size_t bytes);
	/* The n-th range of RAM; false when there are no more. Also while it runs. */
	bool (*memory_range)(struct iol_gdb_target *target, unsigned int n,
			     struct iol_gdb_range *range);

	/*
	 * @bytes: of a watchpoint its length, of a breakpoint the "kind" of the packet. Setting one that is set, or removing
	 * one that is not, is no error. -ENOTSUP: this KVM has no such thing, -ENOSPC: there are no more of them, -EFAULT: there is no memory.
	 */
	int (*insert)(struct iol_gdb_target *target, unsigned int thread, enum iol_gdb_point point,
		      uint64_t address, uint64_t bytes);
	int (*remove)(struct iol_gdb_target *target, unsigned int thread, enum iol_gdb_point point,
		      uint64_t address, uint64_t bytes);

	/*
	 * Each thread does what @actions has for it. iol_gdb_session_stopped() is called once afterwards, also from within the
	 * call. An error is for a machine that cannot run (again); the target stands then.
	 */
	int (*resume)(struct iol_gdb_target *target, const enum iol_gdb_action *actions);
	/* The target comes to stand, and says so by iol_gdb_session_stopped(), also from within the call. For a target that runs. */
	void (*interrupt)(struct iol_gdb_target *target);

	/*
	 * A command of a person's ("monitor ..."): runs it and appends text for the person to @out, a GString; also while the
	 * target stands only. 0, or -errno with the text saying why.
	 */
	int (*monitor)(struct iol_gdb_target *target, const char *command, void *out);
};

struct iol_gdb_target {
	const struct iol_gdb_target_ops *ops;
	struct iol_gdb_session *session; /* whom to tell of stops; NULL: nobody */
};

/* Size of all registers, where each is, how many there are; pure helpers over a description. */
unsigned int iol_gdb_register_count(const struct iol_gdb_description *d);
/* The register of number @n and where it is in the buffer; NULL: there is none. */
const struct iol_gdb_register *iol_gdb_register_at(const struct iol_gdb_description *d,
						   unsigned int n, size_t *offset);
/* Of all registers, and of those of general_features. */
size_t iol_gdb_registers_bytes(const struct iol_gdb_description *d);
size_t iol_gdb_general_bytes(const struct iol_gdb_description *d);

#endif
