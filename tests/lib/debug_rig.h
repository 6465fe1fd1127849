/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine to be debugged without KVM: vCPUs without threads, whose registers are a pc each, and an architecture whose
 * page tables are an offset. The session's place is taken by the test, which sees what the target reports.
 */
#ifndef TESTS_DEBUG_RIG_H
#define TESTS_DEBUG_RIG_H

#include "fake_vm.h"
#include "vmm/debug_internal.h"

enum {
	DEBUG_RIG_CPUS = 4,
	DEBUG_RIG_RAM = 2 * 1024 * 1024,
};

struct debug_rig {
	struct iol_config config;
	struct iol_arch arch;
	struct iol_arch_kvm_ops kvm;
	struct iol_arch_debug_ops ops;
	struct iol_vm *vm;
	struct iol_debug *debug;
	struct iol_gdb_target *target;
	/* What the architecture is asked for. */
	struct iol_debug_caps caps; /* what probe() finds; the test's, before debug_rig_start() */
	uint64_t pc[DEBUG_RIG_CPUS];
	struct iol_debug_setup setups[DEBUG_RIG_CPUS];
	unsigned int setup_calls;
	int refuse_setup; /* -errno */
	unsigned int given_back;
	/* What the target reported. */
	unsigned int stops;
	struct iol_gdb_stop stop;
	bool exited;
	unsigned int status;
};

/* @caps are those of a processor that can do all, with a trap of two bytes behind which the pc is. */
void debug_rig_init(struct debug_rig *rig);
/* Makes the machine, running or, with @wait, standing. */
void debug_rig_start(struct debug_rig *rig, bool wait);
void debug_rig_finish(struct debug_rig *rig);

/* vCPU @idx caught something while it ran; the loop has dealt with it. */
void debug_rig_hit(struct debug_rig *rig, unsigned int idx, const struct iol_debug_hit *hit);
/* All that was posted is done. */
void debug_rig_turn(struct debug_rig *rig);

/* All do @action, but @thread (-1: none) does @other. */
int debug_rig_resume(struct debug_rig *rig, enum iol_gdb_action action, int thread,
		     enum iol_gdb_action other);

/* The byte of guest memory that is mapped at @address, as it is in memory. */
uint8_t *debug_rig_byte(struct debug_rig *rig, uint64_t address);

#endif
