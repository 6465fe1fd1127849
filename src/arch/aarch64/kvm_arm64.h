/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The aarch64 KVM half, shared by its files: what a machine keeps besides the generic state.
 *
 *   kvm_vm.c     capabilities, what the host can do, exits
 *   kvm_gic.c    interrupt controllers: making them, and back to power-on
 *   kvm_vcpu.c   vCPUs: features, boot state, dump
 *   kvm_debug.c  what debuggers need; kvm_registers.c: registers for them;
 *                kvm_step.c: steps without interrupts
 *   kvm_speed.c  a loop against the clock, for `iolite doctor`
 */
#ifndef IOL_ARM64_KVM_ARM64_H
#define IOL_ARM64_KVM_ARM64_H

#include <iolite/kvm_half.h>
#include <iolite/vm.h>

#include "arm64.h"

struct iol_arm64_gic_value;

/* A vCPU's interrupts are held back while it steps (kvm_step.c). */
struct iol_arm64_hold {
	uint64_t pc; /* where the step began */
	uint64_t bits; /* of PSTATE that were set for it; 0: none are */
};

struct iol_arm64_vm {
	struct kvm_vcpu_init vcpu_init; /* of vCPU 0; the others start powered off */
	struct kvm_reg_list *regs; /* all that KVM saves of a vCPU */
	uint8_t *reg_values; /* of a new vCPU 0, one behind the other, each in its own size */
	bool was_started; /* vCPUs have run: a reset must restore everything */
	struct iol_arm64_hold holds[IOL_ARM64_CPUS_MAX]; /* by vCPU */
	uint32_t trap_syndromes[IOL_ARM64_CPUS_MAX]; /* of the trap last caught; 0: it was none */
	int gic_fd, its_fd; /* -1: none */
	unsigned int value_count;
	struct iol_arm64_gic_value *values; /* what vm_reset writes, in this order */
};

static inline struct iol_arm64_vm *iol_arm64_vm_of(const struct iol_vm *vm)
{
	return vm->arch_state;
}

/* The GIC, 2 or 3, that KVM makes in @vm_fd; 0: none. */
unsigned int iol_arm64_gic_version(int vm_fd);

/* Creates the controllers and gives them their addresses. Part of vm_init. */
int iol_arm64_gic_create(struct iol_vm *vm, struct iol_error *err);

/* struct iol_arch_kvm_ops.vm_ready, .vm_reset */
int iol_arm64_gic_ready(struct iol_vm *vm, struct iol_error *err);
int iol_arm64_gic_reset(struct iol_vm *vm, struct iol_error *err);

void iol_arm64_gic_finish(struct iol_vm *vm);

/* Frees what vcpu_init took down. Part of vm_finish. */
void iol_arm64_vcpu_finish(struct iol_vm *vm);

/* struct iol_arch_kvm_ops.vcpu_init, .vcpu_reset, .dump, .time_kernel_loop */
int iol_arm64_vcpu_init(struct iol_vcpu *vcpu, struct iol_error *err);
int iol_arm64_vcpu_reset(struct iol_vcpu *vcpu, struct iol_error *err);
void iol_arm64_dump(struct iol_vcpu *vcpu);
int iol_arm64_time_kernel_loop(int kvm_fd, uint32_t iterations, uint64_t *ns,
			       struct iol_error *err);

/* Core registers by their offset in struct kvm_regs (kvm-api 4.68), system registers by their encoding. */
#define IOL_ARM64_CORE(field) \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(field))
static inline uint64_t iol_arm64_x(unsigned int n)
{
	return IOL_ARM64_CORE(regs.regs[0]) + sizeof(uint64_t) / sizeof(uint32_t) * n;
}

int iol_arm64_get_reg(int vcpu_fd, uint64_t id, uint64_t *value, struct iol_error *err);
int iol_arm64_set_reg(int vcpu_fd, uint64_t id, uint64_t value, struct iol_error *err);

/* The type for KVM_CREATE_VM of a machine with that many bits of guest-physical addresses. */
unsigned long iol_arm64_vm_type(unsigned int ipa_bits);
/* As many as a machine gets on this host. */
unsigned int iol_arm64_ipa_bits(int kvm_fd);

#endif
