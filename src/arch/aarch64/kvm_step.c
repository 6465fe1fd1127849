// SPDX-License-Identifier: Apache-2.0
/* Steps with interrupts held back (step.c), on KVM. On the thread that has the vCPU: its own after an exit, or the loop's. */
#include "kvm_debug.h"

#define REG_VBAR_EL1 ARM64_SYS_REG(3, 0, 12, 0, 0)
#define REG_PC IOL_ARM64_CORE(regs.pc)
#define REG_PSTATE IOL_ARM64_CORE(regs.pstate)
#define REG_ELR_EL1 IOL_ARM64_CORE(elr_el1)
#define REG_SPSR_EL1 IOL_ARM64_CORE(spsr[KVM_SPSR_EL1])

void iol_arm64_hold(struct iol_vcpu *vcpu)
{
	struct iol_arm64_hold *hold = &iol_arm64_vm_of(vcpu->vm)->holds[vcpu->idx];
	uint64_t pc, pstate, bits;
	uint32_t insn;

	if (iol_arm64_get_reg(vcpu->fd, REG_PC, &pc, NULL) ||
	    iol_arm64_get_reg(vcpu->fd, REG_PSTATE, &pstate, NULL) ||
	    iol_arm64_fetch(vcpu, pc, &insn))
		return;
	bits = iol_arm64_step_holds(pstate, insn);
	if (!bits || iol_arm64_set_reg(vcpu->fd, REG_PSTATE, pstate | bits, NULL))
		return;
	*hold = (struct iol_arm64_hold){ .pc = pc, .bits = bits };
}

void iol_arm64_release(struct iol_vcpu *vcpu)
{
	struct iol_arm64_hold *hold = &iol_arm64_vm_of(vcpu->vm)->holds[vcpu->idx];
	struct iol_arm64_exception e = { 0 };

	if (!hold->bits)
		return;
	if (!iol_arm64_get_reg(vcpu->fd, REG_PC, &e.pc, NULL) &&
	    !iol_arm64_get_reg(vcpu->fd, REG_PSTATE, &e.pstate, NULL) &&
	    !iol_arm64_get_reg(vcpu->fd, REG_VBAR_EL1, &e.vbar, NULL) &&
	    !iol_arm64_get_reg(vcpu->fd, REG_ELR_EL1, &e.elr, NULL) &&
	    !iol_arm64_get_reg(vcpu->fd, REG_SPSR_EL1, &e.spsr, NULL)) {
		iol_arm64_step_release(&e, hold->pc, hold->bits);
		iol_arm64_set_reg(vcpu->fd, REG_PSTATE, e.pstate, NULL);
		iol_arm64_set_reg(vcpu->fd, REG_SPSR_EL1, e.spsr, NULL);
	}
	hold->bits = 0;
}
