// SPDX-License-Identifier: Apache-2.0
/*
 * Debugging guests on KVM (kvm-api 4.87): what there is of it, what a vCPU is to stop for, why it stopped.
 *
 * While hardware points are set KVM puts them in place of those that the guest may have set for itself. And while it is
 * asked for anything all BRKs come to us, also with no trap instruction of ours: the guest's own are given back
 * by entering its exception vector by hand, for KVM has no call for that.
 */
#include "kvm_debug.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <iolite/endian.h>

#define REG_SCTLR_EL1 ARM64_SYS_REG(3, 0, 1, 0, 0)
#define REG_TTBR0_EL1 ARM64_SYS_REG(3, 0, 2, 0, 0)
#define REG_TTBR1_EL1 ARM64_SYS_REG(3, 0, 2, 0, 1)
#define REG_TCR_EL1 ARM64_SYS_REG(3, 0, 2, 0, 2)
#define REG_ESR_EL1 ARM64_SYS_REG(3, 0, 5, 2, 0)
#define REG_VBAR_EL1 ARM64_SYS_REG(3, 0, 12, 0, 0)
#define REG_MDSCR_EL1 ARM64_SYS_REG(2, 0, 0, 2, 2)
#define MDSCR_SS UINT64_C(1)

/* BRK #0; instructions are little-endian whatever data are (DDI 0487, "Endian support"). */
static const uint8_t trap_insn[] = { 0x00, 0x00, 0x20, 0xd4 };
#define WFI UINT32_C(0xd503207f)

/* --- what there is --- */

static unsigned int extension(int kvm_fd, unsigned long cap, unsigned int most)
{
	int n = ioctl(kvm_fd, KVM_CHECK_EXTENSION, cap);

	if (n <= 0)
		return 0;
	return (unsigned int)n < most ? (unsigned int)n : most;
}

static int probe(int kvm_fd, struct iol_debug_caps *caps, struct iol_error *err)
{
	*caps = (struct iol_debug_caps){ .trap_port = -1 };
	if (!extension(kvm_fd, KVM_CAP_SET_GUEST_DEBUG, 1)) {
		snprintf(caps->text, sizeof(caps->text),
			 "neither steps nor breakpoints (KVM has no KVM_CAP_SET_GUEST_DEBUG)");
		return iol_error_set(
			err, -ENOTSUP,
			"this KVM cannot debug guests: it has no KVM_CAP_SET_GUEST_DEBUG");
	}
	caps->steps = true;
	caps->trap_bytes = sizeof(trap_insn);
	memcpy(caps->trap, trap_insn, sizeof(trap_insn));
	caps->hard_breaks = extension(kvm_fd, KVM_CAP_GUEST_DEBUG_HW_BPS, IOL_ARM64_POINTS_MAX);
	caps->hard_watches = extension(kvm_fd, KVM_CAP_GUEST_DEBUG_HW_WPS, IOL_ARM64_POINTS_MAX);
	caps->watch_reads = true;
	snprintf(caps->text, sizeof(caps->text),
		 "steps, soft breakpoints, %u hardware breakpoints, %u watchpoints (writes, reads)",
		 caps->hard_breaks, caps->hard_watches);
	return 0;
}

static const struct iol_gdb_description *describe(struct iol_vm *vm)
{
	(void)vm;
	return &iol_arm64_gdb_description;
}

/* --- stopping --- */

static void fill(struct kvm_guest_debug_arch *arch, const struct iol_arm64_points *points)
{
	for (unsigned int i = 0; i < points->break_count; i++) {
		arch->dbg_bcr[i] = points->breaks[i].control;
		arch->dbg_bvr[i] = points->breaks[i].value;
	}
	for (unsigned int i = 0; i < points->watch_count; i++) {
		arch->dbg_wcr[i] = points->watches[i].control;
		arch->dbg_wvr[i] = points->watches[i].value;
	}
}

static int setup(struct iol_vcpu *vcpu, const struct iol_debug_caps *caps,
		 const struct iol_debug_setup *setup)
{
	struct kvm_guest_debug debug = { 0 };
	struct iol_arm64_points points;
	int ret = iol_arm64_points_make(setup, caps->hard_breaks, caps->hard_watches, &points);

	if (ret)
		return ret;
	if (setup->step)
		debug.control |= KVM_GUESTDBG_SINGLESTEP;
	if (setup->traps)
		debug.control |= KVM_GUESTDBG_USE_SW_BP;
	if (setup->hard_count)
		debug.control |= KVM_GUESTDBG_USE_HW;
	if (debug.control)
		debug.control |= KVM_GUESTDBG_ENABLE;
	fill(&debug.arch, &points);
	if (ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug))
		return -errno;
	iol_arm64_release(vcpu);
	if (setup->step)
		iol_arm64_hold(vcpu);
	return 0;
}

static void caught(struct iol_vcpu *vcpu, const struct kvm_run *run,
		   const struct iol_debug_setup *setup, struct iol_debug_hit *hit)
{
	const struct kvm_debug_exit_arch *exit = &run->debug.arch;
	uint64_t pc = 0;

	iol_arm64_release(vcpu);
	iol_arm64_get_pc(vcpu, &pc);
	iol_arm64_points_hit(setup, exit->hsr, exit->far, pc, hit);
	iol_arm64_vm_of(vcpu->vm)->trap_syndromes[vcpu->idx] =
		hit->kind == IOL_DEBUG_HIT_TRAP ? exit->hsr : 0;
}

/* --- the guest's own traps --- */

static int get(struct iol_vcpu *vcpu, uint64_t id, uint64_t *value)
{
	return iol_arm64_get_reg(vcpu->fd, id, value, NULL);
}

static int put(struct iol_vcpu *vcpu, uint64_t id, uint64_t value)
{
	return iol_arm64_set_reg(vcpu->fd, id, value, NULL);
}

/* The guest gets the syndrome that KVM got. */
static int give_back(struct iol_vcpu *vcpu)
{
	struct iol_arm64_exception e = { 0 };
	uint32_t *esr = &iol_arm64_vm_of(vcpu->vm)->trap_syndromes[vcpu->idx];
	uint64_t mdscr = 0;
	int ret;

	if (!*esr)
		return -ENOTSUP;
	iol_arm64_release(vcpu);
	ret = get(vcpu, IOL_ARM64_CORE(regs.pc), &e.pc);
	if (!ret)
		ret = get(vcpu, IOL_ARM64_CORE(regs.pstate), &e.pstate);
	if (!ret)
		ret = get(vcpu, REG_SCTLR_EL1, &e.sctlr);
	if (!ret)
		ret = get(vcpu, REG_VBAR_EL1, &e.vbar);
	if (!ret)
		ret = get(vcpu, REG_MDSCR_EL1, &mdscr);
	if (ret)
		return ret;
	/* A step of ours is nothing that the guest should see; one of its own is. */
	if (!(mdscr & MDSCR_SS))
		e.pstate &= ~IOL_ARM64_PSTATE_SS;
	iol_arm64_exception_take(&e);
	ret = put(vcpu, REG_ESR_EL1, *esr);
	if (!ret)
		ret = put(vcpu, IOL_ARM64_CORE(elr_el1), e.elr);
	if (!ret)
		ret = put(vcpu, IOL_ARM64_CORE(spsr[KVM_SPSR_EL1]), e.spsr);
	if (!ret)
		ret = put(vcpu, IOL_ARM64_CORE(regs.pstate), e.pstate);
	if (!ret)
		ret = put(vcpu, IOL_ARM64_CORE(regs.pc), e.pc);
	*esr = 0;
	return ret;
}

/* --- where it is --- */

int iol_arm64_translate_vcpu(struct iol_vcpu *vcpu, uint64_t gva, uint64_t *gpa, uint64_t *left)
{
	struct iol_arm64_mmu mmu;
	int ret = get(vcpu, REG_SCTLR_EL1, &mmu.sctlr);

	if (!ret)
		ret = get(vcpu, REG_TCR_EL1, &mmu.tcr);
	if (!ret)
		ret = get(vcpu, REG_TTBR0_EL1, &mmu.ttbr0);
	if (!ret)
		ret = get(vcpu, REG_TTBR1_EL1, &mmu.ttbr1);
	return ret ? ret : iol_arm64_translate(&vcpu->vm->memory, &mmu, gva, gpa, left);
}

int iol_arm64_fetch(struct iol_vcpu *vcpu, uint64_t gva, uint32_t *insn)
{
	uint64_t gpa, left;
	le32 raw;
	int ret;

	if (gva % sizeof(raw))
		return -EFAULT;
	ret = iol_arm64_translate_vcpu(vcpu, gva, &gpa, &left);
	if (!ret)
		ret = iol_memory_read(&vcpu->vm->memory, gpa, &raw, sizeof(raw));
	if (!ret)
		*insn = le32_get(raw);
	return ret;
}

/* KVM steps over a WFI before it lets a vCPU go that waits there: that is where idle ones are found. */
static bool is_behind_wfi(struct iol_vcpu *vcpu)
{
	uint32_t insn;
	uint64_t pc;

	return !iol_arm64_get_pc(vcpu, &pc) && !iol_arm64_fetch(vcpu, pc - sizeof(insn), &insn) &&
	       insn == WFI;
}

static const char *activity(struct iol_vcpu *vcpu)
{
	struct kvm_mp_state state = { 0 };

	if (!ioctl(vcpu->fd, KVM_GET_MP_STATE, &state) && state.mp_state == KVM_MP_STATE_STOPPED)
		return "off (PSCI)";
	return is_behind_wfi(vcpu) ? "waits for an interrupt (WFI)" : NULL;
}

const struct iol_arch_debug_ops iol_arm64_debug_ops = {
	.probe = probe,
	.describe = describe,
	.read_registers = iol_arm64_read_registers,
	.write_registers = iol_arm64_write_registers,
	.get_pc = iol_arm64_get_pc,
	.set_pc = iol_arm64_set_pc,
	.translate = iol_arm64_translate_vcpu,
	.setup = setup,
	.caught = caught,
	.give_back = give_back,
	.activity = activity,
};
