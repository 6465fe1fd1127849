/* SPDX-License-Identifier: Apache-2.0 */
/* aarch64's half of debugging on KVM: struct iol_arch_debug_ops. */
#ifndef IOL_ARM64_KVM_DEBUG_H
#define IOL_ARM64_KVM_DEBUG_H

#include "gdb.h"
#include "kvm_arm64.h"

extern const struct iol_arch_debug_ops iol_arm64_debug_ops;

/* kvm_registers.c: the ops of these names. */
int iol_arm64_read_registers(struct iol_vcpu *vcpu, uint8_t *buf);
int iol_arm64_write_registers(struct iol_vcpu *vcpu, unsigned int first, unsigned int count,
			      const uint8_t *buf);
int iol_arm64_get_pc(struct iol_vcpu *vcpu, uint64_t *pc);
int iol_arm64_set_pc(struct iol_vcpu *vcpu, uint64_t pc);

int iol_arm64_translate_vcpu(struct iol_vcpu *vcpu, uint64_t gva, uint64_t *gpa, uint64_t *left);

/* The instruction at @gva. */
int iol_arm64_fetch(struct iol_vcpu *vcpu, uint64_t gva, uint32_t *insn);

/*
 * kvm_step.c: holds interrupts back for the instruction at the pc, and lets them come again. Where either is not possible
 * nothing is changed. Whoever looks at PSTATE or SPSR_EL1, or changes them, releases first. Idempotent.
 */
void iol_arm64_hold(struct iol_vcpu *vcpu);
void iol_arm64_release(struct iol_vcpu *vcpu);

#endif
