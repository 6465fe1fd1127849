/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a debugger needs of an architecture's KVM half (struct iol_arch_kvm_ops has it as `debug`): registers, page tables,
 * breakpoints. Descriptions of registers, page-table walks and trap instructions are pure and in files of their own.
 *
 * But for caught() and caught_port(), calls are made on the loop's thread while the vCPU stands at its safe point.
 */
#ifndef IOLITE_ARCH_DEBUG_H
#define IOLITE_ARCH_DEBUG_H

#include <linux/kvm.h>

#include <iolite/error.h>
#include <iolite/gdb_target.h>

struct iol_vcpu;
struct iol_vm;

enum {
	IOL_DEBUG_HARD_MAX = 32, /* hardware points of a vCPU, both kinds together */
	IOL_DEBUG_TRAP_BYTES_MAX = 4,
};

/* What of debugging works on this KVM, as it was found by trying; see probe(). */
struct iol_debug_caps {
	bool steps;
	/* Soft breakpoints: 0 are not possible; else the bytes of the instruction that is put in their place. */
	unsigned int trap_bytes;
	uint8_t trap[IOL_DEBUG_TRAP_BYTES_MAX];
	/* How far the pc is behind the start of the trap instruction when the vCPU stands after it. 0: it is at it. */
	unsigned int trap_pc_behind;
	/* The trap is a write to this port (an x86 whose KVM does not hand int3 to us); -1: it is none. */
	int trap_port;
	unsigned int hard_breaks, hard_watches; /* how many of each */
	bool hard_shared; /* the two are of one set, the larger number is that of both together */
	bool watch_reads; /* a watchpoint can be for reads alone */
	char text
		[200]; /* for people, in a clause: what works, what does not and what is done instead */
};

/* A hardware point. */
struct iol_debug_point {
	enum iol_gdb_point kind; /* not IOL_GDB_SOFT_BREAK */
	uint64_t address, bytes;
};

/* What a vCPU is to stop for. */
struct iol_debug_setup {
	bool step; /* after one instruction; interrupts do not come in between where KVM can hold them back */
	bool traps; /* trap instructions of ours are in memory */
	unsigned int hard_count;
	struct iol_debug_point hard[IOL_DEBUG_HARD_MAX];
};

/* What a vCPU stopped for. */
struct iol_debug_hit {
	enum {
		IOL_DEBUG_NO_HIT,
		IOL_DEBUG_HIT_STEP,
		IOL_DEBUG_HIT_TRAP, /* one of ours, or the guest's own */
		IOL_DEBUG_HIT_BREAK, /* a hardware breakpoint */
		IOL_DEBUG_HIT_WATCH,
	} kind;
	uint64_t
		address; /* of BREAK and WATCH, as the processor says it: of a watchpoint possibly one within the access */
	uint32_t points; /* bit per point of the setup that was met; 0: not known, go by address */
};

struct iol_arch_debug_ops {
	/*
	 * Finds out what works, by capabilities, and by trying it in a small machine of its own where those do not tell the truth.
	 * Always fills @caps. -errno: nothing works, with the reason; @caps says so then. [loop], before the machine's own threads
	 */
	int (*probe)(int kvm_fd, struct iol_debug_caps *caps, struct iol_error *err);
	/* The registers of this machine's vCPUs, which exist. Static, or the machine's. */
	const struct iol_gdb_description *(*describe)(struct iol_vm *vm);
	/* As struct iol_gdb_target_ops has them. One that cannot be read is 0. */
	int (*read_registers)(struct iol_vcpu *vcpu, uint8_t *buf);
	int (*write_registers)(struct iol_vcpu *vcpu, unsigned int first, unsigned int count,
			       const uint8_t *buf);
	int (*get_pc)(struct iol_vcpu *vcpu, uint64_t *pc);
	int (*set_pc)(struct iol_vcpu *vcpu, uint64_t pc);
	/*
	 * The guest-physical address of a virtual one, by the vCPU's page tables and mode as they are; @left: how many bytes from there on
	 * are next to each other, at least 1. -EFAULT: nothing is mapped there. Rights do not matter, nothing is marked as accessed.
	 */
	int (*translate)(struct iol_vcpu *vcpu, uint64_t gva, uint64_t *gpa, uint64_t *left);
	/*
	 * KVM_SET_GUEST_DEBUG (kvm-api 4.87). All zero: as without a debugger. @caps are those of probe(). Before each step anew, also
	 * with the same setup: what depends on the instruction is done here.
	 */
	int (*setup)(struct iol_vcpu *vcpu, const struct iol_debug_caps *caps,
		     const struct iol_debug_setup *setup);
	/* What a KVM_EXIT_DEBUG of @run is about; @setup is what was set last. [vcpu] */
	void (*caught)(struct iol_vcpu *vcpu, const struct kvm_run *run,
		       const struct iol_debug_setup *setup, struct iol_debug_hit *hit);
	/*
	 * A trap that is the guest's own is to take effect in the guest, as if there were no debugger. 0: it will when the vCPU goes on.
	 * NULL or -ENOTSUP: that cannot be done. The pc is at the trap.
	 */
	int (*give_back)(struct iol_vcpu *vcpu);
	/* What a thread does, "halted", "waits to be started", or NULL for one that just stands. */
	const char *(*activity)(struct iol_vcpu *vcpu);
};

#endif
