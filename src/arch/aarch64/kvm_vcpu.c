// SPDX-License-Identifier: Apache-2.0
/*
 * vCPUs: features, boot state, dump. On the loop's thread while the vCPU stands still; iol_arm64_dump()
 * on the vCPU's.
 *
 * KVM_ARM_VCPU_INIT is start and reset in one: registers as in a new vCPU, power on for the first and off
 * for those that wait for PSCI's CPU_ON (kvm-api 4.82). It forgets some (ELR_EL1, the timers' compare
 * values): all that KVM would save is held against what a new vCPU had, so that no list of ours
 * has to know which. One vCPU's values stand for all.
 */
#include "kvm_arm64.h"

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
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

/* Of the widest registers. */
enum { REG_BYTES_MAX = 256 };

static size_t reg_bytes(uint64_t id)
{
	return (size_t)1 << ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);
}

static int get_bytes(int vcpu_fd, uint64_t id, void *bytes, struct iol_error *err)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)bytes };

	if (!ioctl(vcpu_fd, KVM_GET_ONE_REG, &reg))
		return 0;
	return iol_error_errno(err, -errno, "KVM_GET_ONE_REG 0x%" PRIx64, id);
}

static int set_bytes(int vcpu_fd, uint64_t id, const void *bytes, struct iol_error *err)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)bytes };

	if (!ioctl(vcpu_fd, KVM_SET_ONE_REG, &reg))
		return 0;
	return iol_error_errno(err, -errno, "KVM_SET_ONE_REG 0x%" PRIx64, id);
}

int iol_arm64_get_reg(int vcpu_fd, uint64_t id, uint64_t *value, struct iol_error *err)
{
	return get_bytes(vcpu_fd, id, value, err);
}

int iol_arm64_set_reg(int vcpu_fd, uint64_t id, uint64_t value, struct iol_error *err)
{
	return set_bytes(vcpu_fd, id, &value, err);
}

/* --- a new vCPU --- */

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

static int list_regs(int vcpu_fd, struct kvm_reg_list **list, struct iol_error *err)
{
	struct kvm_reg_list probe = { .n = 0 };

	/* E2BIG, with the number, is the expected answer (kvm-api 4.84). */
	if (ioctl(vcpu_fd, KVM_GET_REG_LIST, &probe) && errno != E2BIG)
		return iol_error_errno(err, -errno, "KVM_GET_REG_LIST");
	*list = g_malloc0(sizeof(probe) + probe.n * sizeof(probe.reg[0]));
	(*list)->n = probe.n;
	return iol_kvm_ioctl(vcpu_fd, KVM_GET_REG_LIST, *list, "KVM_GET_REG_LIST", err);
}

static int capture(struct iol_vcpu *vcpu, struct iol_error *err)
{
	struct iol_arm64_vm *arm = iol_arm64_vm_of(vcpu->vm);
	int ret = list_regs(vcpu->fd, &arm->regs, err);
	size_t bytes = 0;

	for (uint64_t i = 0; !ret && i < arm->regs->n; i++) {
		assert(reg_bytes(arm->regs->reg[i]) <= REG_BYTES_MAX);
		bytes += reg_bytes(arm->regs->reg[i]);
	}
	arm->reg_values = g_malloc0(bytes);
	bytes = 0;
	for (uint64_t i = 0; !ret && i < arm->regs->n; i++) {
		ret = get_bytes(vcpu->fd, arm->regs->reg[i], arm->reg_values + bytes, err);
		bytes += reg_bytes(arm->regs->reg[i]);
	}
	return ret;
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
	if (!ret && !vcpu->idx)
		ret = capture(vcpu, err);
	return ret ? iol_error_prefix(err, "vCPU %u", vcpu->idx) : 0;
}

void iol_arm64_vcpu_finish(struct iol_vm *vm)
{
	struct iol_arm64_vm *arm = iol_arm64_vm_of(vm);

	g_free(arm->regs);
	g_free(arm->reg_values);
}

/* --- boot state --- */

/*
 * Not to be written back: what is each vCPU's own, and what runs. The physical counter is the host's, in a
 * new machine as in one that was reset.
 */
static bool is_kept(uint64_t id)
{
	return id == REG_MPIDR_EL1 || id == KVM_REG_ARM_TIMER_CNT || id == KVM_REG_ARM_PTIMER_CNT;
}

static int restore_reg(struct iol_vcpu *vcpu, uint64_t id, const uint8_t *value,
		       struct iol_error *err)
{
	uint8_t present[REG_BYTES_MAX] = { 0 };
	int ret = get_bytes(vcpu->fd, id, present, err);

	if (ret || !memcmp(present, value, reg_bytes(id)))
		return ret;
	iol_log(IOL_LOG_DEBUG, "vCPU %u: register 0x%" PRIx64 " was not reset by KVM", vcpu->idx,
		id);
	return set_bytes(vcpu->fd, id, value, err);
}

static int restore(struct iol_vcpu *vcpu, struct iol_error *err)
{
	struct iol_arm64_vm *arm = iol_arm64_vm_of(vcpu->vm);
	const uint8_t *value = arm->reg_values;
	int ret = 0;

	for (uint64_t i = 0; i < arm->regs->n && !ret; i++) {
		uint64_t id = arm->regs->reg[i];

		if (!is_kept(id))
			ret = restore_reg(vcpu, id, value, err);
		value += reg_bytes(id);
	}
	return ret;
}

/* The virtual counter's offset is the machine's: one vCPU sets it for all. */
static int set_entry(struct iol_vcpu *vcpu, struct iol_error *err)
{
	const struct iol_entry *entry = &vcpu->vm->entry;
	int ret = iol_arm64_set_reg(vcpu->fd, IOL_ARM64_CORE(regs.pc), entry->pc, err);

	for (unsigned int i = 0; i < IOL_ENTRY_ARGS_MAX && !ret; i++)
		ret = iol_arm64_set_reg(vcpu->fd, iol_arm64_x(i), entry->args[i], err);
	return ret ? ret : iol_arm64_set_reg(vcpu->fd, KVM_REG_ARM_TIMER_CNT, 0, err);
}

int iol_arm64_vcpu_reset(struct iol_vcpu *vcpu, struct iol_error *err)
{
	struct iol_arm64_vm *arm = iol_arm64_vm_of(vcpu->vm);
	int ret = 0;

	arm->holds[vcpu->idx].bits = 0;
	arm->trap_syndromes[vcpu->idx] = 0;
	if (arm->was_started)
		ret = init_vcpu(vcpu, err);
	if (!ret && arm->was_started)
		ret = restore(vcpu, err);
	if (!ret && !vcpu->idx)
		ret = set_entry(vcpu, err);
	if (ret)
		return iol_error_prefix(err, "vCPU %u", vcpu->idx);
	if (vcpu->idx == vcpu->vm->vcpu_count - 1)
		arm->was_started = true;
	return 0;
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
