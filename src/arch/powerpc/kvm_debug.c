// SPDX-License-Identifier: Apache-2.0
/*
 * Debugging on KVM: what vCPUs stop for and why they did, and their memory. On the loop's thread while the vCPU stands, but
 * caught(), which is on the vCPU's own.
 */
#include "kvm_debug.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

static_assert(IOL_PPC_POINT_BREAK == KVMPPC_DEBUG_BREAKPOINT &&
		      IOL_PPC_POINT_WRITE == KVMPPC_DEBUG_WATCH_WRITE &&
		      IOL_PPC_POINT_READ == KVMPPC_DEBUG_WATCH_READ,
	      "types are KVM's");
static_assert(IOL_ARRAY_LEN(((struct kvm_guest_debug_arch *)0)->bp) == IOL_PPC_POINTS_MAX,
	      "all of KVM's");

/* --- pc and memory --- */

static int get_pc(struct iol_vcpu *vcpu, uint64_t *pc)
{
	struct kvm_regs regs;

	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs))
		return -errno;
	*pc = regs.pc;
	return 0;
}

static int set_pc(struct iol_vcpu *vcpu, uint64_t pc)
{
	struct kvm_regs regs;

	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs))
		return -errno;
	regs.pc = pc;
	return ioctl(vcpu->fd, KVM_SET_REGS, &regs) ? -errno : 0;
}

/* KVM_TRANSLATE has no room for an address of 64 bits beside the process id that it wants with it. */
static bool translate_by(struct iol_vcpu *vcpu, const struct kvm_regs *regs, uint64_t gva,
			 uint64_t *gpa, uint64_t *left)
{
	return iol_ppc_tlb_translate(iol_ppc_machine_of(&vcpu->vm->layout),
				     iol_ppc_vm_of(vcpu->vm)->cpus[vcpu->idx].tlb, regs->msr,
				     (uint32_t)regs->pid, gva, gpa, left);
}

static int translate(struct iol_vcpu *vcpu, uint64_t gva, uint64_t *gpa, uint64_t *left)
{
	struct kvm_regs regs;

	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs))
		return -errno;
	return translate_by(vcpu, &regs, gva, gpa, left) ? 0 : -EFAULT;
}

/* --- stops --- */

int iol_ppc_set_guest_debug(int vcpu_fd, uint32_t control, const struct iol_ppc_point *points,
			    unsigned int count)
{
	struct kvm_guest_debug debug = { .control = control };
	struct kvm_regs regs;

	assert(count <= IOL_PPC_POINTS_MAX);
	for (unsigned int i = 0; i < count; i++) {
		debug.arch.bp[i].addr = points[i].address;
		debug.arch.bp[i].type = points[i].type;
	}
	if (ioctl(vcpu_fd, KVM_SET_GUEST_DEBUG, &debug) || ioctl(vcpu_fd, KVM_GET_REGS, &regs) ||
	    ioctl(vcpu_fd, KVM_SET_REGS, &regs))
		return -errno;
	return 0;
}

static int setup(struct iol_vcpu *vcpu, const struct iol_debug_caps *caps,
		 const struct iol_debug_setup *setup)
{
	struct iol_ppc_point points[IOL_PPC_POINTS_MAX];
	int count = iol_ppc_points(caps, setup, points);
	uint32_t control = 0;

	if (count < 0)
		return count;
	if ((setup->step && !caps->steps) || (setup->traps && !caps->trap_bytes))
		return -ENOTSUP;
	if (setup->step)
		control |= KVM_GUESTDBG_SINGLESTEP;
	if (setup->traps)
		control |= KVM_GUESTDBG_USE_SW_BP;
	if (count)
		control |= KVM_GUESTDBG_USE_HW_BP;
	if (control)
		control |= KVM_GUESTDBG_ENABLE;
	iol_ppc_vm_of(vcpu->vm)->cpus[vcpu->idx].trap =
		caps->trap_bytes ? be32_load(caps->trap) : 0;
	return iol_ppc_set_guest_debug(vcpu->fd, control, points, (unsigned int)count);
}

/* Whether a trap like ours is where the vCPU stands. */
static bool is_at_trap(struct iol_vcpu *vcpu)
{
	enum { TRAP_BYTES = 4 };
	struct kvm_regs regs;
	uint32_t trap = iol_ppc_vm_of(vcpu->vm)->cpus[vcpu->idx].trap;
	const void *place;
	uint64_t gpa, left;

	if (!trap || ioctl(vcpu->fd, KVM_GET_REGS, &regs) ||
	    !translate_by(vcpu, &regs, regs.pc, &gpa, &left) || left < TRAP_BYTES)
		return false;
	place = iol_memory_ptr(&vcpu->vm->memory, gpa, TRAP_BYTES);
	return place && be32_load(place) == trap;
}

static void caught(struct iol_vcpu *vcpu, const struct kvm_run *run,
		   const struct iol_debug_setup *setup, struct iol_debug_hit *hit)
{
	bool at_trap = setup->step && is_at_trap(vcpu);

	iol_ppc_hit(run->debug.arch.status, run->debug.arch.address, at_trap, setup, hit);
}

/* KVM queues no program interrupt for us; what one does is done by hand. */
int iol_ppc_give_back(struct iol_vcpu *vcpu)
{
	struct iol_ppc_program_interrupt irq;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	uint32_t epcr = 0;

	memset(&sregs, 0, sizeof(sregs));
	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs) || ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		return -errno;
	if (iol_ppc_machine_of(&vcpu->vm->layout)->is_64bit)
		iol_ppc_get_reg32(vcpu->fd, KVM_REG_PPC_EPCR, &epcr, NULL);
	iol_ppc_program_interrupt(regs.pc, regs.msr, sregs.u.e.ivpr, sregs.u.e.ivor_low[6], epcr,
				  &irq);
	regs.pc = irq.pc;
	regs.msr = irq.msr;
	regs.srr0 = irq.srr0;
	regs.srr1 = irq.srr1;
	sregs.u.e.esr = irq.esr;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) || ioctl(vcpu->fd, KVM_SET_REGS, &regs))
		return -errno;
	return 0;
}

/* A guest that waits by a hypercall or the instruction `wait` shows no trace of it. */
static const char *activity(struct iol_vcpu *vcpu)
{
	struct kvm_regs regs;
	bool parked;

	pthread_mutex_lock(&vcpu->vm->vcpu_lock);
	parked = vcpu->parked;
	pthread_mutex_unlock(&vcpu->vm->vcpu_lock);
	if (parked)
		return "parked";
	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs))
		return NULL;
	return regs.msr & IOL_PPC_MSR_WE ? "halted" : NULL;
}

const struct iol_arch_debug_ops iol_ppc_debug_ops = {
	.probe = iol_ppc_debug_probe,
	.describe = iol_ppc_debug_describe,
	.read_registers = iol_ppc_read_registers,
	.write_registers = iol_ppc_write_registers,
	.get_pc = get_pc,
	.set_pc = set_pc,
	.translate = translate,
	.setup = setup,
	.caught = caught,
	.give_back = iol_ppc_give_back,
	.activity = activity,
};
