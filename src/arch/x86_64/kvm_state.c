// SPDX-License-Identifier: Apache-2.0
/*
 * Registers of a vCPU: entry state (Linux x86 boot protocol, "64-bit boot protocol"; Xen PVH start
 * of day), and everything else that a reset must put back. Called on the loop's thread while the
 * vCPU stands still; iol_x86_dump() on the vCPU's thread.
 *
 * At start a new vCPU is in its reset state already, and only vCPU 0 is given registers; the others
 * wait for INIT and SIPI. At a reset all that KVM would save is put back to what it was in a new
 * vCPU: registers that a later kernel adds are covered without a list of ours.
 */
#include "kvm_x86.h"

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#include <iolite/endian.h>
#include <iolite/log.h>

enum {
	MSR_TSC = 0x10,
	MSR_MTRR_DEF_TYPE = 0x2ff,
	APIC_ID_OFFSET = 0x20, /* in the register page */
	APIC_BASE_BSP = 1u << 8,
	XSAVE_BYTES = 4096,
	FCW_RESET = 0x37f,
	MXCSR_RESET = 0x1f80,
	MXCSR_OFFSET = 24,
};
/* MTRRs on, all memory write-back: as firmware leaves them (SDM 3A 12.11.2.1). */
#define MTRR_ON_WRITE_BACK ((1u << 11) | 6)

#define CR0_PE (1u << 0)
#define CR0_ET (1u << 4)
#define CR0_PG (1u << 31)
#define CR4_PAE (1u << 5)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define RFLAGS_RESERVED 2u

/* --- capture --- */

static int msr_list(int kvm_fd, struct kvm_msr_list **list, struct iol_error *err)
{
	struct kvm_msr_list probe = { .nmsrs = 0 };

	/* E2BIG, with the number, is the expected answer (kvm-api 4.3). */
	if (ioctl(kvm_fd, KVM_GET_MSR_INDEX_LIST, &probe) && errno != E2BIG)
		return iol_error_errno(err, -errno, "KVM_GET_MSR_INDEX_LIST");
	*list = g_malloc0(sizeof(probe) + probe.nmsrs * sizeof(probe.indices[0]));
	(*list)->nmsrs = probe.nmsrs;
	return iol_kvm_ioctl(kvm_fd, KVM_GET_MSR_INDEX_LIST, *list, "KVM_GET_MSR_INDEX_LIST", err);
}

static struct kvm_msrs *msrs_alloc(uint32_t count)
{
	struct kvm_msrs *msrs = g_malloc0(sizeof(*msrs) + count * sizeof(msrs->entries[0]));

	msrs->nmsrs = count;
	return msrs;
}

/* Reads what can be read: KVM lists MSRs of features that the vCPU does not have, too. */
static int capture_msrs(struct iol_vcpu *vcpu, struct iol_error *err)
{
	struct iol_x86_vm *x86 = vcpu->vm->arch_state;
	g_autofree struct kvm_msr_list *list = NULL;
	g_autofree struct kvm_msrs *chunk = NULL;
	uint32_t next = 0;
	int ret;

	ret = msr_list(vcpu->vm->kvm_fd, &list, err);
	if (ret)
		return ret;
	assert(list);
	x86->msrs = msrs_alloc(list->nmsrs);
	x86->msrs->nmsrs = 0;
	chunk = msrs_alloc(list->nmsrs);
	while (next < list->nmsrs) {
		uint32_t count = list->nmsrs - next;

		for (uint32_t i = 0; i < count; i++)
			chunk->entries[i].index = list->indices[next + i];
		chunk->nmsrs = count;
		ret = ioctl(vcpu->fd, KVM_GET_MSRS, chunk);
		if (ret < 0)
			return iol_error_errno(err, -errno, "KVM_GET_MSRS");
		for (uint32_t i = 0; i < (uint32_t)ret; i++) {
			struct kvm_msr_entry *msr = &chunk->entries[i];

			/*
			 * The time stamp counter starts at 0, on all vCPUs at once: KVM takes writes of
			 * 0 that follow each other closely for that. It must be written: on AMD, KVM
			 * forgets the counter's offset at a triple fault.
			 */
			if (msr->index == MSR_TSC)
				msr->data = 0;
			x86->msrs->entries[x86->msrs->nmsrs++] = *msr;
		}
		next += (uint32_t)ret + 1; /* the one after them failed */
	}
	return 0;
}

int iol_x86_state_capture(struct iol_vcpu *vcpu, struct iol_error *err)
{
	struct iol_x86_vm *x86 = vcpu->vm->arch_state;
	int ret;

	ret = iol_kvm_ioctl(vcpu->fd, KVM_GET_SREGS, &x86->sregs, "KVM_GET_SREGS", err);
	if (!ret)
		ret = iol_kvm_ioctl(vcpu->fd, KVM_GET_LAPIC, &x86->lapic, "KVM_GET_LAPIC", err);
	if (!ret)
		ret = iol_kvm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &x86->events,
				    "KVM_GET_VCPU_EVENTS", err);
	if (!ret)
		ret = iol_kvm_ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &x86->debugregs,
				    "KVM_GET_DEBUGREGS", err);
	if (!ret)
		ret = capture_msrs(vcpu, err);
	return ret;
}

/* --- restore --- */

static int restore_msrs(struct iol_vcpu *vcpu, struct iol_error *err)
{
	struct iol_x86_vm *x86 = vcpu->vm->arch_state;
	g_autofree struct kvm_msrs *chunk = msrs_alloc(x86->msrs->nmsrs);
	uint32_t next = 0;

	while (next < x86->msrs->nmsrs) {
		int ret;

		chunk->nmsrs = x86->msrs->nmsrs - next;
		memcpy(chunk->entries, &x86->msrs->entries[next],
		       chunk->nmsrs * sizeof(chunk->entries[0]));
		ret = ioctl(vcpu->fd, KVM_SET_MSRS, chunk);
		if (ret < 0)
			return iol_error_errno(err, -errno, "KVM_SET_MSRS");
		/* One that may be read but not written cannot have been changed by the guest. */
		next += (uint32_t)ret + 1;
	}
	return 0;
}

static int restore_xsave(struct iol_vcpu *vcpu, struct iol_error *err)
{
	int bytes = ioctl(vcpu->vm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
	g_autofree uint8_t *area = g_malloc0(MAX((size_t)MAX(bytes, 0), XSAVE_BYTES));
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs = { { .xcr = 0, .value = 1 } } };
	int ret;

	/* XSTATE_BV 0: every component in its initial state. */
	le16_store(area, FCW_RESET);
	le32_store(area + MXCSR_OFFSET, MXCSR_RESET);
	ret = iol_kvm_ioctl(vcpu->fd, KVM_SET_XSAVE, area, "KVM_SET_XSAVE", err);
	if (ret || ioctl(vcpu->vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_XCRS) <= 0)
		return ret;
	return iol_kvm_ioctl(vcpu->fd, KVM_SET_XCRS, &xcrs, "KVM_SET_XCRS", err);
}

static int restore_lapic(struct iol_vcpu *vcpu, struct iol_error *err)
{
	struct iol_x86_vm *x86 = vcpu->vm->arch_state;
	struct kvm_lapic_state lapic = x86->lapic;

	le32_store(&lapic.regs[APIC_ID_OFFSET], vcpu->idx << 24);
	return iol_kvm_ioctl(vcpu->fd, KVM_SET_LAPIC, &lapic, "KVM_SET_LAPIC", err);
}

/* Everything but the entry registers, as in a new vCPU. */
static int restore_all(struct iol_vcpu *vcpu, struct iol_error *err)
{
	struct iol_x86_vm *x86 = vcpu->vm->arch_state;
	struct kvm_sregs sregs = x86->sregs;
	struct kvm_mp_state mp = { .mp_state = vcpu->idx ? KVM_MP_STATE_UNINITIALIZED
							 : KVM_MP_STATE_RUNNABLE };
	int ret;

	if (vcpu->idx)
		sregs.apic_base &= ~(uint64_t)APIC_BASE_BSP;
	/* The APIC's mode is in sregs, so they come before its registers. */
	ret = iol_kvm_ioctl(vcpu->fd, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS", err);
	if (!ret)
		ret = restore_lapic(vcpu, err);
	if (!ret)
		ret = restore_msrs(vcpu, err);
	if (!ret)
		ret = restore_xsave(vcpu, err);
	if (!ret)
		ret = iol_kvm_ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &x86->debugregs,
				    "KVM_SET_DEBUGREGS", err);
	if (!ret)
		ret = iol_kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &x86->events,
				    "KVM_SET_VCPU_EVENTS", err);
	if (!ret)
		ret = iol_kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &mp, "KVM_SET_MP_STATE", err);
	return ret;
}

/* --- entry --- */

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type, bool is_64bit_code)
{
	return (struct kvm_segment){
		.base = 0,
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.l = is_64bit_code,
		.db = !is_64bit_code,
		.g = 1,
	};
}

static void entry_sregs(struct kvm_sregs *sregs, enum iol_x86_entry_mode mode)
{
	enum { TYPE_CODE = 0xb, TYPE_DATA = 0x3, TYPE_TSS_BUSY = 0xb };
	bool is_long = mode == IOL_X86_ENTRY_LONG;
	struct kvm_segment data = flat_segment(IOL_X86_SELECTOR_DATA, TYPE_DATA, false);

	sregs->cs = flat_segment(IOL_X86_SELECTOR_CODE, TYPE_CODE, is_long);
	sregs->ds = sregs->es = sregs->ss = sregs->fs = sregs->gs = data;
	sregs->tr = (struct kvm_segment){
		.limit = IOL_X86_TSS_LIMIT,
		.selector = IOL_X86_SELECTOR_TSS,
		.type = TYPE_TSS_BUSY,
		.present = 1,
	};
	sregs->gdt.base = IOL_X86_GDT;
	sregs->gdt.limit = IOL_X86_GDT_LIMIT;
	sregs->cr0 = CR0_PE | CR0_ET;
	sregs->cr4 = 0;
	sregs->efer = 0;
	if (is_long) {
		sregs->cr0 |= CR0_PG;
		sregs->cr3 = IOL_X86_CR3;
		sregs->cr4 = CR4_PAE;
		sregs->efer = EFER_LME | EFER_LMA;
	}
}

static int set_entry(struct iol_vcpu *vcpu, struct iol_error *err)
{
	struct iol_x86_vm *x86 = vcpu->vm->arch_state;
	const struct iol_entry *entry = &vcpu->vm->entry;
	struct kvm_sregs sregs = x86->sregs;
	struct kvm_regs regs = { .rip = entry->pc, .rflags = RFLAGS_RESERVED };
	g_autofree struct kvm_msrs *mtrr = msrs_alloc(1);
	int ret;

	mtrr->entries[0].index = MSR_MTRR_DEF_TYPE;
	mtrr->entries[0].data = MTRR_ON_WRITE_BACK;
	entry_sregs(&sregs, entry->mode);
	if (entry->mode == IOL_X86_ENTRY_LONG)
		regs.rsi = entry->args[0];
	else
		regs.rbx = entry->args[0];
	ret = iol_kvm_ioctl(vcpu->fd, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS", err);
	if (!ret)
		ret = iol_kvm_ioctl(vcpu->fd, KVM_SET_REGS, &regs, "KVM_SET_REGS", err);
	if (!ret)
		ret = iol_kvm_ioctl(vcpu->fd, KVM_SET_MSRS, mtrr, "KVM_SET_MSRS", err);
	return ret;
}

int iol_x86_vcpu_reset(struct iol_vcpu *vcpu, struct iol_error *err)
{
	struct iol_x86_vm *x86 = vcpu->vm->arch_state;
	int ret = 0;

	if (x86->was_started)
		ret = restore_all(vcpu, err);
	if (!ret && vcpu->idx == 0)
		ret = set_entry(vcpu, err);
	if (ret)
		return iol_error_prefix(err, "vCPU %u", vcpu->idx);
	if (vcpu->idx == vcpu->vm->vcpu_count - 1)
		x86->was_started = true;
	return 0;
}

/* --- dump --- */

void iol_x86_dump(struct iol_vcpu *vcpu)
{
	struct kvm_regs r;
	struct kvm_sregs s;

	if (!iol_log_enabled(IOL_LOG_INFO))
		return;
	if (ioctl(vcpu->fd, KVM_GET_REGS, &r) || ioctl(vcpu->fd, KVM_GET_SREGS, &s))
		return;
	iol_log(IOL_LOG_INFO,
		"vCPU %u: rip %016" PRIx64 " rflags %08" PRIx64 " rsp %016" PRIx64
		" rbp %016" PRIx64,
		vcpu->idx, (uint64_t)r.rip, (uint64_t)r.rflags, (uint64_t)r.rsp, (uint64_t)r.rbp);
	iol_log(IOL_LOG_INFO,
		"vCPU %u: rax %016" PRIx64 " rbx %016" PRIx64 " rcx %016" PRIx64 " rdx %016" PRIx64
		" rsi %016" PRIx64 " rdi %016" PRIx64,
		vcpu->idx, (uint64_t)r.rax, (uint64_t)r.rbx, (uint64_t)r.rcx, (uint64_t)r.rdx,
		(uint64_t)r.rsi, (uint64_t)r.rdi);
	iol_log(IOL_LOG_INFO,
		"vCPU %u: r8 %016" PRIx64 " r9 %016" PRIx64 " r10 %016" PRIx64 " r11 %016" PRIx64
		" r12 %016" PRIx64 " r13 %016" PRIx64 " r14 %016" PRIx64 " r15 %016" PRIx64,
		vcpu->idx, (uint64_t)r.r8, (uint64_t)r.r9, (uint64_t)r.r10, (uint64_t)r.r11,
		(uint64_t)r.r12, (uint64_t)r.r13, (uint64_t)r.r14, (uint64_t)r.r15);
	iol_log(IOL_LOG_INFO,
		"vCPU %u: cr0 %08" PRIx64 " cr2 %016" PRIx64 " cr3 %016" PRIx64 " cr4 %08" PRIx64
		" efer %04" PRIx64 " cs %04x base %" PRIx64 " idt %016" PRIx64 "+%x",
		vcpu->idx, (uint64_t)s.cr0, (uint64_t)s.cr2, (uint64_t)s.cr3, (uint64_t)s.cr4,
		(uint64_t)s.efer, s.cs.selector, (uint64_t)s.cs.base, (uint64_t)s.idt.base,
		s.idt.limit);
}
