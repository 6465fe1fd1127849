/* SPDX-License-Identifier: Apache-2.0 */
/* The x86_64 KVM half, shared by its files: what a machine keeps besides the generic state. */
#ifndef IOL_X86_KVM_X86_H
#define IOL_X86_KVM_X86_H

#include <iolite/kvm_half.h>
#include <iolite/vm.h>

#include "x86.h"

enum { IOL_X86_IRQCHIPS = 3 };

struct iol_x86_vm {
	struct kvm_cpuid2 *cpuid; /* as KVM supports it; patched per vCPU */
	uint32_t tsc_khz;
	bool has_tsc_deadline;
	bool was_started; /* vCPUs have run: a reset must restore everything */
	struct kvm_irqchip chips[IOL_X86_IRQCHIPS]; /* PICs and IOAPIC, new */
	/* What a new vCPU 0 looks like; the others differ in their APIC id and the BSP flag. */
	struct kvm_sregs sregs;
	struct kvm_lapic_state lapic;
	struct kvm_vcpu_events events;
	struct kvm_debugregs debugregs;
	struct kvm_msrs *msrs; /* all that KVM saves */
};

/* Asks KVM for its CPUID leaves. */
int iol_x86_cpuid_init(struct iol_vm *vm, struct iol_error *err);

/* Gives the vCPU its CPUID: topology, APIC id, timers. */
int iol_x86_cpuid_set(struct iol_vcpu *vcpu, struct iol_error *err);

/* Takes down a new vCPU 0. */
int iol_x86_state_capture(struct iol_vcpu *vcpu, struct iol_error *err);

/* struct iol_arch_kvm_ops.vcpu_reset */
int iol_x86_vcpu_reset(struct iol_vcpu *vcpu, struct iol_error *err);

/* struct iol_arch_kvm_ops.time_kernel_loop */
int iol_x86_time_kernel_loop(int kvm_fd, uint32_t iterations, uint64_t *ns, struct iol_error *err);

/* struct iol_arch_kvm_ops.dump */
void iol_x86_dump(struct iol_vcpu *vcpu);

#endif
