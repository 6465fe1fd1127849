/* SPDX-License-Identifier: Apache-2.0 */
/* The x86_64 KVM half, shared by its files: what a machine keeps besides the generic state. */
#ifndef IOL_X86_KVM_X86_H
#define IOL_X86_KVM_X86_H

#include <iolite/kvm_half.h>
#include <iolite/vm.h>

#include "debug.h"
#include "x86.h"

enum { IOL_X86_IRQCHIPS = 3 };

/* What a vCPU was last told about debugging; set while it stands. */
struct iol_x86_debugged {
	struct kvm_guest_debug control;
	struct iol_x86_points points;
};

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
	struct iol_x86_debugged debugged[IOL_X86_CPUS_MAX];
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

/* struct iol_arch_kvm_ops.debug: kvm_debug.c */
extern const struct iol_arch_debug_ops iol_x86_debug_ops;

/* struct iol_arch_debug_ops: kvm_registers.c */
const struct iol_gdb_description *iol_x86_describe_registers(struct iol_vm *vm);
int iol_x86_read_registers(struct iol_vcpu *vcpu, uint8_t *buf);
int iol_x86_write_registers(struct iol_vcpu *vcpu, unsigned int first, unsigned int count,
			    const uint8_t *buf);
int iol_x86_get_pc(struct iol_vcpu *vcpu, uint64_t *pc);
int iol_x86_set_pc(struct iol_vcpu *vcpu, uint64_t pc);

/* struct iol_arch_debug_ops.probe: kvm_try_debug.c */
int iol_x86_try_debug(int kvm_fd, struct iol_debug_caps *caps, struct iol_error *err);

/* What KVM_SET_GUEST_DEBUG is to be told; -errno as of iol_x86_points_pack(). @vm_fd may be that of KVM itself. */
int iol_x86_debug_control(int vm_fd, const struct iol_debug_caps *caps,
			  const struct iol_debug_setup *setup, struct iol_x86_debugged *debugged);

#endif
