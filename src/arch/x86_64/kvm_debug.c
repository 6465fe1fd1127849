// SPDX-License-Identifier: Apache-2.0
/*
 * Stops of a vCPU for a debugger (kvm-api 4.87). On the loop's thread while the vCPU stands, but
 * for what caught() calls.
 *
 * An int3 of the guest comes out with the pc at it, without having happened.
 * KVM_GUESTDBG_INJECT_BP makes it happen at the next entry as the software exception that it is,
 * so that the address on the guest's stack is the one behind it.
 */
#include "kvm_x86.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

enum { EXCEPTION_DEBUG = 1, EXCEPTION_BREAKPOINT = 3 };
#define TRAP_INT3 0xcc
/* DR6's bits for what is no debug register's doing: BD, BS, BT (SDM 3B 17.2.3). */
#define DR6_OTHERS (7u << 13)
#define DR6_POINTS 0xfu

int iol_x86_debug_control(int vm_fd, const struct iol_debug_caps *caps,
			  const struct iol_debug_setup *setup, struct iol_x86_debugged *debugged)
{
	struct kvm_guest_debug *control = &debugged->control;
	int ret;

	memset(debugged, 0, sizeof(*debugged));
	ret = iol_x86_points_pack(caps, setup, &debugged->points);
	if (ret)
		return ret;
	if (setup->step) {
		int flags = ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG2);

		control->control |= KVM_GUESTDBG_SINGLESTEP;
		if (flags > 0)
			control->control |= (uint32_t)flags & KVM_GUESTDBG_BLOCKIRQ;
	}
	if (setup->traps && caps->trap_bytes && caps->trap[0] == TRAP_INT3)
		control->control |= KVM_GUESTDBG_USE_SW_BP;
	if (debugged->points.count) {
		control->control |= KVM_GUESTDBG_USE_HW_BP;
		for (unsigned int i = 0; i < IOL_X86_POINT_REGISTERS; i++)
			control->arch.debugreg[i] = debugged->points.dr[i];
		control->arch.debugreg[7] = debugged->points.dr7;
	}
	if (control->control)
		control->control |= KVM_GUESTDBG_ENABLE;
	return 0;
}

static struct iol_x86_debugged *debugged_of(struct iol_vcpu *vcpu)
{
	struct iol_x86_vm *x86 = vcpu->vm->arch_state;

	return &x86->debugged[vcpu->idx];
}

static int x86_setup(struct iol_vcpu *vcpu, const struct iol_debug_caps *caps,
		     const struct iol_debug_setup *setup)
{
	struct iol_x86_debugged debugged;
	int ret = iol_x86_debug_control(vcpu->vm->vm_fd, caps, setup, &debugged);

	if (ret)
		return ret;
	if (ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debugged.control))
		return -errno;
	*debugged_of(vcpu) = debugged;
	return 0;
}

/* Exceptions wait in KVM until the vCPU runs; what it was told about debugging stays. */
static int inject(struct iol_vcpu *vcpu, uint32_t exception)
{
	struct kvm_guest_debug control = debugged_of(vcpu)->control;

	control.control |= exception;
	return ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &control) ? -errno : 0;
}

/*
 * While a step or points are set all debug exceptions come out, also those of the guest's own debugger,
 * which has to find out of DR6 why. [vcpu]
 */
static void pass_debug_exception(struct iol_vcpu *vcpu, uint64_t dr6)
{
	struct kvm_debugregs regs;

	if (ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &regs))
		return;
	regs.dr6 = (regs.dr6 & ~(uint64_t)DR6_POINTS) | (dr6 & DR6_OTHERS);
	if (!ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &regs))
		inject(vcpu, KVM_GUESTDBG_INJECT_DB);
}

static void x86_caught(struct iol_vcpu *vcpu, const struct kvm_run *run,
		       const struct iol_debug_setup *setup, struct iol_debug_hit *hit)
{
	const struct kvm_debug_exit_arch *arch = &run->debug.arch;

	memset(hit, 0, sizeof(*hit));
	if (arch->exception == EXCEPTION_BREAKPOINT) {
		hit->kind = IOL_DEBUG_HIT_TRAP;
		hit->address = arch->pc;
		return;
	}
	if (arch->exception != EXCEPTION_DEBUG)
		return;
	iol_x86_points_hit(&debugged_of(vcpu)->points, setup, arch->dr6, arch->pc, hit);
	if (hit->kind == IOL_DEBUG_HIT_BREAK || hit->kind == IOL_DEBUG_HIT_WATCH)
		return;
	hit->kind = setup->step ? IOL_DEBUG_HIT_STEP : IOL_DEBUG_NO_HIT;
	if (!setup->step)
		pass_debug_exception(vcpu, arch->dr6);
}

static int x86_translate(struct iol_vcpu *vcpu, uint64_t gva, uint64_t *gpa, uint64_t *left)
{
	struct kvm_sregs sregs;
	struct iol_x86_paging paging;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		return -errno;
	paging = (struct iol_x86_paging){
		.cr0 = sregs.cr0,
		.cr3 = sregs.cr3,
		.cr4 = sregs.cr4,
		.efer = sregs.efer,
	};
	return iol_x86_paging_translate(&vcpu->vm->memory, &paging, gva, gpa, left);
}

static int x86_give_back(struct iol_vcpu *vcpu)
{
	return inject(vcpu, KVM_GUESTDBG_INJECT_BP);
}

static const char *x86_activity(struct iol_vcpu *vcpu)
{
	struct kvm_mp_state mp;

	if (ioctl(vcpu->fd, KVM_GET_MP_STATE, &mp))
		return NULL;
	switch (mp.mp_state) {
	case KVM_MP_STATE_HALTED:
		return "halted";
	case KVM_MP_STATE_UNINITIALIZED:
		return "waits for INIT";
	case KVM_MP_STATE_INIT_RECEIVED:
		return "waits for SIPI";
	default:
		return NULL;
	}
}

const struct iol_arch_debug_ops iol_x86_debug_ops = {
	.probe = iol_x86_try_debug,
	.describe = iol_x86_describe_registers,
	.read_registers = iol_x86_read_registers,
	.write_registers = iol_x86_write_registers,
	.get_pc = iol_x86_get_pc,
	.set_pc = iol_x86_set_pc,
	.translate = x86_translate,
	.setup = x86_setup,
	.caught = x86_caught,
	.give_back = x86_give_back,
	.activity = x86_activity,
};
