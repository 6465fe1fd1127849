/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The powerpc KVM half, shared by its files: what a machine keeps besides the generic state.
 *
 *   kvm_vm.c     capabilities, what the host is, exits
 *   kvm_mpic.c   interrupt controller: making it, routes, and back to power-on
 *   kvm_vcpu.c   vCPUs: TLB, boot state, dump
 *   kvm_drain.c  what a reset has to have a vCPU do itself
 *   kvm_spin.c   the spin table, where the others but the first wait
 *   kvm_faults.c what is wrong with this host's KVM, before a guest runs into it
 *   kvm_speed.c  a loop against the clock, for `iolite doctor`
 *   kvm_debug.h  debugging
 */
#ifndef IOL_PPC_KVM_PPC_H
#define IOL_PPC_KVM_PPC_H

#include <iolite/kvm_half.h>
#include <iolite/vm.h>

#include "ppc.h"

struct iol_ppc_gdb;
struct iol_ppc_spin;

/* Of one vCPU. */
struct iol_ppc_cpu {
	struct iol_ppc_tlb_entry *tlb; /* shared with KVM: TLB0, then TLB1 */
	struct kvm_sregs *sregs; /* of a new one */
	uint32_t trap; /* a debugger's breakpoints are this instruction */
};

struct iol_ppc_vm {
	int mpic_fd; /* -1: none */
	enum iol_ppc_mpic mpic;
	bool was_started; /* vCPUs have run: a reset must restore everything */
	_Atomic uint32_t
		watchdog_wrc; /* TCR[WRC] of the watchdog that ran out since the last reset; 0: none */
	struct iol_ppc_cpu cpus[IOL_PPC_CPUS_MAX];
	struct iol_ppc_spin *spin;
	struct iol_ppc_gdb *gdb; /* NULL: no debugger has asked yet */
};

static inline struct iol_ppc_vm *iol_ppc_vm_of(const struct iol_vm *vm)
{
	return vm->arch_state;
}

/* Creates the controller and gives it its address. Part of vm_init. */
int iol_ppc_mpic_create(struct iol_vm *vm, struct iol_error *err);
/* Wires a vCPU to it. Part of vcpu_init. */
int iol_ppc_mpic_connect(struct iol_vcpu *vcpu, struct iol_error *err);
/* struct iol_arch_kvm_ops.init_router */
int iol_ppc_mpic_init_router(struct iol_vm *vm, struct iol_error *err);
/* At start as well: what it is then depends on when vCPUs were wired to it. */
int iol_ppc_mpic_restore(struct iol_vm *vm, struct iol_error *err);

/* struct iol_arch_kvm_ops.vcpu_init, .vcpu_reset, .dump, .time_kernel_loop */
int iol_ppc_vcpu_init(struct iol_vcpu *vcpu, struct iol_error *err);
int iol_ppc_vcpu_reset(struct iol_vcpu *vcpu, struct iol_error *err);
void iol_ppc_dump(struct iol_vcpu *vcpu);
int iol_ppc_time_kernel_loop(int kvm_fd, uint32_t iterations, uint64_t *ns, struct iol_error *err);

/* A new vCPU's special registers, for iol_ppc_vcpu_set(). */
void iol_ppc_vcpu_sregs(const struct iol_vcpu *vcpu, struct kvm_sregs *sregs);
/*
 * Gives a vCPU that stands still @state, @sregs but for the TCR, which is @state's, and a TLB with @state's
 * mapping and, where it is not NULL, @second.
 */
int iol_ppc_vcpu_set(struct iol_vcpu *vcpu, const struct iol_ppc_boot_state *state,
		     struct kvm_sregs *sregs, const struct iol_ppc_tlb_entry *second,
		     struct iol_error *err);
/* The same, all else being as in a new one. */
int iol_ppc_vcpu_start(struct iol_vcpu *vcpu, const struct iol_ppc_boot_state *state,
		       struct iol_error *err);
/* Frees what vcpu_init made. Part of vm_finish. */
void iol_ppc_vcpu_finish(struct iol_vm *vm);

/* Has all vCPUs run drain.c's program, which overwrites guest memory. Part of vm_reset. [loop] */
int iol_ppc_drain(struct iol_vm *vm, struct iol_error *err);

/*
 * Serves the spin table on the machine's bus. start() gives a parked vCPU what it starts with.
 * iol_ppc_spin_restore(): all wait again.
 */
int iol_ppc_spin_new(struct iol_vm *vm,
		     int (*start)(struct iol_vcpu *vcpu, const struct iol_ppc_boot_state *state,
				  struct iol_error *err),
		     struct iol_ppc_spin **spin, struct iol_error *err);
void iol_ppc_spin_restore(struct iol_ppc_spin *spin);
void iol_ppc_spin_free(struct iol_ppc_spin *spin);

/* An array of @machine's TLB entries, all invalid, as KVM wants it. */
struct iol_ppc_tlb_entry *iol_ppc_tlb_new(const struct iol_ppc_machine *machine);
/* Tells a vCPU that its TLB is @tlb (KVM_CAP_SW_TLB), and of its changes (KVM_DIRTY_TLB). */
int iol_ppc_tlb_share(int vcpu_fd, const struct iol_ppc_machine *machine,
		      struct iol_ppc_tlb_entry *tlb, struct iol_error *err);
int iol_ppc_tlb_changed(int vcpu_fd, const struct iol_ppc_machine *machine, struct iol_error *err);

/* A vCPU for a test machine, with the mapping that processors start with in @tlb, which is the caller's to free. */
int iol_ppc_probe_add_vcpu(struct iol_kvm_probe *p, int kvm_fd, uint64_t pc,
			   struct iol_ppc_tlb_entry **tlb, struct iol_error *err);

extern const struct iol_arch_debug_ops iol_ppc_debug_ops;

int iol_ppc_get_reg32(int vcpu_fd, uint64_t id, uint32_t *value, struct iol_error *err);

#endif
