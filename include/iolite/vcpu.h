/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual CPUs: one thread each that does nothing but KVM_RUN and the accesses it exits for.
 *
 * All vCPUs of a machine run or stand together. A vCPU stands still only at its safe point: outside
 * KVM_RUN, with the last access completed, so that its registers are those between two
 * instructions.
 */
#ifndef IOLITE_VCPU_H
#define IOLITE_VCPU_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>

#include <iolite/arch.h>
#include <iolite/count.h>
#include <iolite/gate.h>

struct iol_vm;

/* Reasons of KVM's for exits (KVM_EXIT_*), by their numbers. What the kernel may have beyond them is the last one. */
enum { IOL_VCPU_EXIT_REASONS = 48 };

/* The same, in four kinds. */
enum iol_vcpu_exit_kind {
	IOL_EXIT_MMIO,
	IOL_EXIT_PIO,
	IOL_EXIT_OTHER,
	IOL_EXIT_KICK, /* interrupted by ourselves */
	IOL_EXIT_KIND_COUNT,
};

struct iol_vcpu {
	struct iol_vm *vm;
	unsigned int idx;
	int fd;
	struct kvm_run *run;
	size_t run_bytes;
	pthread_t thread;
	bool has_thread;
	_Atomic pid_t tid; /* 0: not yet */
	int start_ret; /* what became of iol_cpu_place_vcpu() and iol_sandbox_enter(), from its safe point on */
	struct iol_error start_err;
	bool standing; /* at the safe point; under vm->vcpu_lock */
	bool held; /* waits for a reset; under vm->vcpu_lock */
	bool debug_stands; /* waits for the debugger; under vm->vcpu_lock */
	bool parked; /* waits until another vCPU starts it; under vm->vcpu_lock */
	struct iol_gate *gate; /* waits for a device while it is closed; its thread's */
	struct iol_count exits
		[IOL_VCPU_EXIT_REASONS]; /* by its thread; KVM_EXIT_INTR: KVM_RUN was interrupted */
	int stats_fd; /* KVM's own statistics (kvm_stats.h); -1: none */
};

/* How often the vCPU came out of KVM, since it was made. [any] */
uint64_t iol_vcpu_exits(const struct iol_vcpu *vcpu, enum iol_vcpu_exit_kind kind);

/* KVM's name for an exit, "mmio" or "internal-error"; of a reason without a name "other". [any] */
const char *iol_vcpu_exit_name(unsigned int reason);

/* Creates @count vCPUs of vm->arch, not yet running. Part of iol_vm_new(). */
int iol_vcpus_init(struct iol_vm *vm, unsigned int count, struct iol_error *err);

/* Ends the threads and frees the vCPUs. [loop] */
void iol_vcpus_finish(struct iol_vm *vm);

/* Puts every vCPU into its boot state. They stand still or have not started. [loop] */
int iol_vcpus_reset(struct iol_vm *vm, struct iol_error *err);

/*
 * A vCPU that does not run before another one starts it, where KVM does not see to that: parked by its
 * reset, whatever the machine does, and released when its registers are those that it starts with. While it is parked its
 * thread leaves it alone. [loop], [any]
 */
void iol_vcpu_park(struct iol_vcpu *vcpu);
void iol_vcpu_release(struct iol_vcpu *vcpu);

/* Starts the threads, which run or stand as the last resume or pause said. [loop] */
int iol_vcpus_start(struct iol_vm *vm, struct iol_error *err);

/* Brings all to their safe points and returns when they are there. Idempotent. [loop] */
void iol_vcpus_pause(struct iol_vm *vm);

/* Lets all run again; those that are held go on standing. Idempotent. [loop] */
void iol_vcpus_resume(struct iol_vm *vm);

#endif
