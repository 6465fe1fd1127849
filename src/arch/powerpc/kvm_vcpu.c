// SPDX-License-Identifier: Apache-2.0
/*
 * vCPUs: TLB, boot state, dump. On the loop's thread while the vCPU stands still, or on that of the vCPU
 * which starts it; iol_ppc_dump() on the vCPU's own.
 *
 * A guest's TLB is an array that we share with KVM (KVM_CAP_SW_TLB, kvm-api 4.77): all of it is cleared at each reset
 * but the mapping that a processor starts with. A new vCPU's special registers are read before anything else
 * happens to it, and written back at each reset.
 */
#include "kvm_ppc.h"

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <iolite/log.h>

static_assert(sizeof(struct iol_ppc_tlb_entry) == sizeof(struct kvm_book3e_206_tlb_entry) &&
		      offsetof(struct iol_ppc_tlb_entry, mas7_3) ==
			      offsetof(struct kvm_book3e_206_tlb_entry, mas7_3),
	      "entries are KVM's");

enum { TLB_ALIGN = 4096, TLBS = 2 };

/* --- TLB --- */

static unsigned int tlb_entries(const struct iol_ppc_machine *machine)
{
	return machine->tlb[0].entries + machine->tlb[1].entries;
}

static size_t tlb_bytes(const struct iol_ppc_machine *machine)
{
	return tlb_entries(machine) * sizeof(struct iol_ppc_tlb_entry);
}

/* Pages of its own: the kernel pins them. */
struct iol_ppc_tlb_entry *iol_ppc_tlb_new(const struct iol_ppc_machine *machine)
{
	size_t bytes = IOL_ALIGN_UP(tlb_bytes(machine), (size_t)TLB_ALIGN);
	void *tlb = aligned_alloc(TLB_ALIGN, bytes);

	if (!tlb)
		g_error("cannot allocate %zu bytes", bytes);
	memset(tlb, 0, bytes);
	return tlb;
}

int iol_ppc_tlb_share(int vcpu_fd, const struct iol_ppc_machine *machine,
		      struct iol_ppc_tlb_entry *tlb, struct iol_error *err)
{
	struct kvm_book3e_206_tlb_params params = { { 0 }, { 0 }, { 0 } };
	struct kvm_config_tlb config = {
		.params = (uintptr_t)&params,
		.array = (uintptr_t)tlb,
		.mmu_type = KVM_MMU_FSL_BOOKE_NOHV,
		.array_len = (uint32_t)tlb_bytes(machine),
	};
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SW_TLB, .args = { (uintptr_t)&config } };

	for (unsigned int i = 0; i < TLBS; i++) {
		params.tlb_sizes[i] = machine->tlb[i].entries;
		params.tlb_ways[i] = machine->tlb[i].ways;
	}
	return iol_kvm_ioctl(vcpu_fd, KVM_ENABLE_CAP, &cap, "KVM_CAP_SW_TLB", err);
}

int iol_ppc_tlb_changed(int vcpu_fd, const struct iol_ppc_machine *machine, struct iol_error *err)
{
	uint8_t bitmap[2048 / 8];
	struct kvm_dirty_tlb dirty = {
		.bitmap = (uintptr_t)bitmap,
		.num_dirty = tlb_entries(machine),
	};

	assert(tlb_entries(machine) <= 8 * sizeof(bitmap));
	memset(bitmap, 0xff, sizeof(bitmap));
	return iol_kvm_ioctl(vcpu_fd, KVM_DIRTY_TLB, &dirty, "KVM_DIRTY_TLB", err);
}

/* --- a new vCPU --- */

/* KVM takes no other numbers than the vCPU's and its host's. */
static int take_sregs(struct iol_vcpu *vcpu, struct kvm_sregs *sregs, struct iol_error *err)
{
	int ret = iol_kvm_ioctl(vcpu->fd, KVM_GET_SREGS, sregs, "KVM_GET_SREGS", err);

	if (ret)
		return ret;
	if (sregs->pvr != vcpu->vm->layout.facts.pvr || sregs->u.e.pir != vcpu->idx)
		return iol_error_set(err, -ENOTSUP,
				     "KVM gives it PVR 0x%08x and PIR %u, not 0x%08x and %u",
				     sregs->pvr, sregs->u.e.pir, vcpu->vm->layout.facts.pvr,
				     vcpu->idx);
	return iol_kvm_ioctl(vcpu->fd, KVM_SET_SREGS, sregs, "KVM_SET_SREGS", err);
}

/* Without it a watchdog that runs out is not told. */
static int enable_watchdog(struct iol_vcpu *vcpu, struct iol_error *err)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_PPC_BOOKE_WATCHDOG };

	if (ioctl(vcpu->vm->kvm_fd, KVM_CHECK_EXTENSION, (unsigned long)cap.cap) <= 0)
		return 0;
	return iol_kvm_ioctl(vcpu->fd, KVM_ENABLE_CAP, &cap, "KVM_CAP_PPC_BOOKE_WATCHDOG", err);
}

int iol_ppc_vcpu_init(struct iol_vcpu *vcpu, struct iol_error *err)
{
	const struct iol_ppc_machine *machine = iol_ppc_machine_of(&vcpu->vm->layout);
	struct iol_ppc_cpu *cpu = &iol_ppc_vm_of(vcpu->vm)->cpus[vcpu->idx];
	int ret;

	cpu->tlb = iol_ppc_tlb_new(machine);
	cpu->sregs = g_new0(struct kvm_sregs, 1);
	ret = take_sregs(vcpu, cpu->sregs, err);
	if (!ret)
		ret = iol_ppc_tlb_share(vcpu->fd, machine, cpu->tlb, err);
	if (!ret)
		ret = iol_ppc_mpic_connect(vcpu, err);
	if (!ret)
		ret = enable_watchdog(vcpu, err);
	return ret ? iol_error_prefix(err, "vCPU %u", vcpu->idx) : 0;
}

void iol_ppc_vcpu_finish(struct iol_vm *vm)
{
	struct iol_ppc_vm *ppc = iol_ppc_vm_of(vm);

	for (unsigned int i = 0; i < IOL_PPC_CPUS_MAX; i++) {
		free(ppc->cpus[i].tlb);
		g_free(ppc->cpus[i].sregs);
	}
}

/* --- boot state --- */

static void set_tlb(struct iol_vcpu *vcpu, const struct iol_ppc_tlb_entry *first,
		    const struct iol_ppc_tlb_entry *second)
{
	const struct iol_ppc_machine *machine = iol_ppc_machine_of(&vcpu->vm->layout);
	struct iol_ppc_tlb_entry *tlb = iol_ppc_vm_of(vcpu->vm)->cpus[vcpu->idx].tlb;

	memset(tlb, 0, tlb_bytes(machine));
	tlb[machine->tlb[0].entries] = *first;
	if (second)
		tlb[machine->tlb[0].entries + 1] = *second;
}

void iol_ppc_vcpu_sregs(const struct iol_vcpu *vcpu, struct kvm_sregs *sregs)
{
	*sregs = *iol_ppc_vm_of(vcpu->vm)->cpus[vcpu->idx].sregs;
	/* TSR and the decrementer too, which KVM does not touch unless it is told to. */
	sregs->u.e.update_special = UINT32_MAX;
	sregs->u.e.tsr = 0;
	sregs->u.e.dec = 0;
}

static int set_regs(struct iol_vcpu *vcpu, const struct iol_ppc_boot_state *state,
		    struct iol_error *err)
{
	struct kvm_regs regs = { .pc = state->pc, .msr = state->msr };

	for (unsigned int i = 0; i < IOL_PPC_GPRS; i++)
		regs.gpr[i] = state->gpr[i];
	return iol_kvm_ioctl(vcpu->fd, KVM_SET_REGS, &regs, "KVM_SET_REGS", err);
}

/* What is in neither of KVM's structures, and 0 in a new vCPU. */
static int clear_others(struct iol_vcpu *vcpu, struct iol_error *err)
{
	static const uint64_t ids[] = { KVM_REG_PPC_EPR, KVM_REG_PPC_IAC1, KVM_REG_PPC_IAC2,
					KVM_REG_PPC_DAC1, KVM_REG_PPC_DAC2 };
	struct kvm_guest_debug no_debug = { .control = 0 };

	for (size_t i = 0; i < IOL_ARRAY_LEN(ids); i++) {
		const uint64_t zero = 0;
		struct kvm_one_reg reg = { .id = ids[i], .addr = (uintptr_t)&zero };

		if (ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg))
			return iol_error_errno(err, -errno, "KVM_SET_ONE_REG 0x%" PRIx64, ids[i]);
	}
	return iol_kvm_ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &no_debug, "KVM_SET_GUEST_DEBUG", err);
}

int iol_ppc_vcpu_set(struct iol_vcpu *vcpu, const struct iol_ppc_boot_state *state,
		     struct kvm_sregs *sregs, const struct iol_ppc_tlb_entry *second,
		     struct iol_error *err)
{
	int ret;

	sregs->u.e.tcr = state->tcr;
	ret = iol_kvm_ioctl(vcpu->fd, KVM_SET_SREGS, sregs, "KVM_SET_SREGS", err);
	set_tlb(vcpu, &state->tlb1, second);
	if (!ret)
		ret = iol_ppc_tlb_changed(vcpu->fd, iol_ppc_machine_of(&vcpu->vm->layout), err);
	if (!ret)
		ret = set_regs(vcpu, state, err);
	return ret;
}

int iol_ppc_vcpu_start(struct iol_vcpu *vcpu, const struct iol_ppc_boot_state *state,
		       struct iol_error *err)
{
	struct kvm_sregs sregs;

	iol_ppc_vcpu_sregs(vcpu, &sregs);
	return iol_ppc_vcpu_set(vcpu, state, &sregs, NULL, err);
}

/*
 * TSR[WRS] as after the last reset: TCR[WRC] of a watchdog that has caused it, which the two fields are at the
 * same place for (Book III-E, "Watchdog timer"). By it a guest knows. A watchdog that has not reset the machine is
 * forgotten.
 */
static uint32_t reset_status(const struct iol_vm *vm)
{
	bool resets = vm->config->on_watchdog == IOL_WATCHDOG_RESET;

	return resets ? iol_ppc_vm_of(vm)->watchdog_wrc : 0;
}

int iol_ppc_vcpu_reset(struct iol_vcpu *vcpu, struct iol_error *err)
{
	struct iol_vm *vm = vcpu->vm;
	struct iol_ppc_vm *ppc = iol_ppc_vm_of(vm);
	struct iol_ppc_boot_state state;
	struct kvm_sregs sregs;
	int ret;

	iol_ppc_boot_state(&vm->layout, &vm->entry, vcpu->idx, &state);
	iol_ppc_vcpu_sregs(vcpu, &sregs);
	sregs.u.e.tsr = reset_status(vm);
	ret = iol_ppc_vcpu_set(vcpu, &state, &sregs, NULL, err);
	if (!ret && ppc->was_started)
		ret = clear_others(vcpu, err);
	if (ret)
		return iol_error_prefix(err, "vCPU %u", vcpu->idx);
	if (state.waits)
		iol_vcpu_park(vcpu);
	if (vcpu->idx == vm->vcpu_count - 1) {
		ppc->was_started = true;
		ppc->watchdog_wrc = 0;
	}
	return 0;
}

/* --- dump --- */

int iol_ppc_get_reg32(int vcpu_fd, uint64_t id, uint32_t *value, struct iol_error *err)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	if (!ioctl(vcpu_fd, KVM_GET_ONE_REG, &reg))
		return 0;
	return iol_error_errno(err, -errno, "KVM_GET_ONE_REG 0x%" PRIx64, id);
}

enum { PER_LINE = 4 };

void iol_ppc_dump(struct iol_vcpu *vcpu)
{
	struct kvm_sregs s = { .pvr = 0 };
	struct kvm_regs r = { .pc = 0 };

	if (!iol_log_enabled(IOL_LOG_INFO))
		return;
	if (ioctl(vcpu->fd, KVM_GET_REGS, &r) || ioctl(vcpu->fd, KVM_GET_SREGS, &s))
		iol_log(IOL_LOG_INFO, "vCPU %u: registers cannot be read", vcpu->idx);
	iol_log(IOL_LOG_INFO,
		"vCPU %u: pc %08" PRIx64 " msr %08" PRIx64 " lr %08" PRIx64 " ctr %08" PRIx64
		" cr %08" PRIx64 " xer %08" PRIx64 " pid %" PRIu64,
		vcpu->idx, (uint64_t)r.pc, (uint64_t)r.msr, (uint64_t)r.lr, (uint64_t)r.ctr,
		(uint64_t)r.cr, (uint64_t)r.xer, (uint64_t)r.pid);
	iol_log(IOL_LOG_INFO,
		"vCPU %u: srr0 %08" PRIx64 " srr1 %08" PRIx64 " csrr0 %08" PRIx64
		" esr %08x dear %08" PRIx64 " ivpr %08" PRIx64 " tcr %08x tsr %08x",
		vcpu->idx, (uint64_t)r.srr0, (uint64_t)r.srr1, (uint64_t)s.u.e.csrr0, s.u.e.esr,
		(uint64_t)s.u.e.dear, (uint64_t)s.u.e.ivpr, s.u.e.tcr, s.u.e.tsr);
	for (unsigned int i = 0; i < IOL_PPC_GPRS; i += PER_LINE)
		iol_log(IOL_LOG_INFO,
			"vCPU %u: r%u %08" PRIx64 " %08" PRIx64 " %08" PRIx64 " %08" PRIx64,
			vcpu->idx, i, (uint64_t)r.gpr[i], (uint64_t)r.gpr[i + 1],
			(uint64_t)r.gpr[i + 2], (uint64_t)r.gpr[i + 3]);
}
