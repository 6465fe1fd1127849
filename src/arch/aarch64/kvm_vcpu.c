// SPDX-License-Identifier: Apache-2.0
/*
 * vCPUs: features, boot state, dump. On the loop's thread while the vCPU stands still; iol_arm64_dump()
 * on the vCPU's.
 *
 * KVM_ARM_VCPU_INIT is start and reset in one: all registers as in a new vCPU, power on for the first
 * and off for those that wait for PSCI's CPU_ON (kvm-api 4.82). It forgets the timers' compare values,
 * and the virtual counter goes on, both of which are put back here.
 */
#include "kvm_arm64.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <sys/ioctl.h>

#include <iolite/log.h>

#define REG_MPIDR_EL1 ARM64_SYS_REG(3, 0, 0, 0, 5)
#define REG_SCTLR_EL1 ARM64_SYS_REG(3, 0, 1, 0, 0)
#define REG_TTBR0_EL1 ARM64_SYS_REG(3, 0, 2, 0, 0)
#define REG_TTBR1_EL1 ARM64_SYS_REG(3, 0, 2, 0, 1)
#define REG_TCR_EL1 ARM64_SYS_REG(3, 0, 2, 0, 2)
#define REG_ESR_EL1 ARM64_SYS_REG(3, 0, 5, 2, 0)
#define REG_FAR_EL1 ARM64_SYS_REG(3, 0, 6, 0, 0)
#define REG_VBAR_EL1 ARM64_SYS_REG(3, 0, 12, 0, 0)
/* Aff3, Aff2 to Aff0; between them are flags. */
#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)

int iol_arm64_get_reg(int vcpu_fd, uint64_t id, uint64_t *value, struct iol_error *err)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	if (!ioctl(vcpu_fd, KVM_GET_ONE_REG, &reg))
		return 0;
	return iol_error_errno(err, -errno, "KVM_GET_ONE_REG 0x%" PRIx64, id);
}

int iol_arm64_set_reg(int vcpu_fd, uint64_t id, uint64_t value, struct iol_error *err)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	if (!ioctl(vcpu_fd, KVM_SET_ONE_REG, &reg))
		return 0;
	return iol_error_errno(err, -errno, "KVM_SET_ONE_REG 0x%" PRIx64, id);
}

/* As at start, so at each reset: KVM takes no other features then. */
static int init_vcpu(struct iol_vcpu *vcpu, struct iol_error *err)
{
	struct kvm_vcpu_init init = iol_arm64_vm_of(vcpu->vm)->vcpu_init;

	if (vcpu->idx)
		init.features[0] |= 1u << KVM_ARM_VCPU_POWER_OFF;
	return iol_kvm_ioctl(vcpu->fd, KVM_ARM_VCPU_INIT, &init, "KVM_ARM_VCPU_INIT", err);
}

/* The tree that the guest gets, and the GIC's registers, name vCPUs by affinity. */
static int check_affinity(struct iol_vcpu *vcpu, struct iol_error *err)
{
	uint64_t mpidr, expected = iol_arm64_affinity(vcpu->idx);
	int ret = iol_arm64_get_reg(vcpu->fd, REG_MPIDR_EL1, &mpidr, err);

	if (ret)
		return ret;
	if ((mpidr & MPIDR_AFFINITY) != expected)
		return iol_error_set(err, -ENOTSUP,
				     "KVM gives it affinity 0x%" PRIx64 ", not 0x%" PRIx64,
				     mpidr & MPIDR_AFFINITY, expected);
	return 0;
}

int iol_arm64_vcpu_init(struct iol_vcpu *vcpu, struct iol_error *err)
{
	struct iol_arm64_vm *arm = iol_arm64_vm_of(vcpu->vm);
	int ret = 0;

	if (!vcpu->idx) {
		/* What the host's processor has, in its present shape, and no extras that cost a guest. */
		ret = iol_kvm_ioctl(vcpu->vm->vm_fd, KVM_ARM_PREFERRED_TARGET, &arm->vcpu_init,
				    "KVM_ARM_PREFERRED_TARGET", err);
		arm->vcpu_init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
	}
	if (!ret)
		ret = init_vcpu(vcpu, err);
	if (!ret)
		ret = check_affinity(vcpu, err);
	return ret ? iol_error_prefix(err, "vCPU %u", vcpu->idx) : 0;
}

/*
 * Timers and the virtual counter start at 0; the counter's offset is the machine's, so that one vCPU
 * sets it for all. The physical counter is the host's, in a new machine as in one that was reset.
 */
static int reset_timers(struct iol_vcpu *vcpu, struct iol_error *err)
{
	int ret = iol_arm64_set_reg(vcpu->fd, KVM_REG_ARM_TIMER_CVAL, 0, err);

	if (!ret)
		ret = iol_arm64_set_reg(vcpu->fd, KVM_REG_ARM_PTIMER_CVAL, 0, err);
	/* Kernels before 6.4 keep the physical timer's to themselves; it is off either way. */
	if (ret == -ENOENT)
		ret = 0;
	if (!ret && !vcpu->idx)
		ret = iol_arm64_set_reg(vcpu->fd, KVM_REG_ARM_TIMER_CNT, 0, err);
	return ret;
}

static int set_entry(struct iol_vcpu *vcpu, struct iol_error *err)
{
	const struct iol_entry *entry = &vcpu->vm->entry;
	int ret = iol_arm64_set_reg(vcpu->fd, IOL_ARM64_CORE(regs.pc), entry->pc, err);

	for (unsigned int i = 0; i < IOL_ENTRY_ARGS_MAX && !ret; i++)
		ret = iol_arm64_set_reg(vcpu->fd, iol_arm64_x(i), entry->args[i], err);
	return ret;
}

int iol_arm64_vcpu_reset(struct iol_vcpu *vcpu, struct iol_error *err)
{
	int ret = init_vcpu(vcpu, err);

	if (!ret)
		ret = reset_timers(vcpu, err);
	if (!ret && !vcpu->idx)
		ret = set_entry(vcpu, err);
	return ret ? iol_error_prefix(err, "vCPU %u", vcpu->idx) : 0;
}

/* --- dump --- */

static const struct {
	const char *name;
	uint64_t id;
} dumped[] = {
	{ "pc", IOL_ARM64_CORE(regs.pc) },
	{ "pstate", IOL_ARM64_CORE(regs.pstate) },
	{ "sp_el0", IOL_ARM64_CORE(regs.sp) },
	{ "sp_el1", IOL_ARM64_CORE(sp_el1) },
	{ "elr_el1", IOL_ARM64_CORE(elr_el1) },
	{ "spsr_el1", IOL_ARM64_CORE(spsr[0]) },
	{ "esr_el1", REG_ESR_EL1 },
	{ "far_el1", REG_FAR_EL1 },
	{ "vbar_el1", REG_VBAR_EL1 },
	{ "sctlr_el1", REG_SCTLR_EL1 },
	{ "tcr_el1", REG_TCR_EL1 },
	{ "ttbr0_el1", REG_TTBR0_EL1 },
	{ "ttbr1_el1", REG_TTBR1_EL1 },
};

enum { GENERAL_REGISTERS = 31, PER_LINE = 4 };

/* Registers @first and up, PER_LINE of them; a register that cannot be read is 0. */
static void dump_general(struct iol_vcpu *vcpu, unsigned int first)
{
	uint64_t x[PER_LINE] = { 0 };

	for (unsigned int i = 0; i < PER_LINE && first + i < GENERAL_REGISTERS; i++)
		iol_arm64_get_reg(vcpu->fd, iol_arm64_x(first + i), &x[i], NULL);
	iol_log(IOL_LOG_INFO,
		"vCPU %u: x%u %016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64, vcpu->idx,
		first, x[0], x[1], x[2], x[3]);
}

void iol_arm64_dump(struct iol_vcpu *vcpu)
{
	if (!iol_log_enabled(IOL_LOG_INFO))
		return;
	for (size_t i = 0; i < IOL_ARRAY_LEN(dumped); i++) {
		uint64_t value = 0;

		iol_arm64_get_reg(vcpu->fd, dumped[i].id, &value, NULL);
		iol_log(IOL_LOG_INFO, "vCPU %u: %s %016" PRIx64, vcpu->idx, dumped[i].name, value);
	}
	for (unsigned int first = 0; first < GENERAL_REGISTERS; first += PER_LINE)
		dump_general(vcpu, first);
}
