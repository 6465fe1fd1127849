// SPDX-License-Identifier: Apache-2.0
/*
 * Runs drain.c's program on each vCPU, at a reset: on the loop's thread, while the vCPUs' own stand at their safe
 * points, after the interrupt controller has forgotten everything and before guest memory is cleared.
 */
#include "kvm_ppc.h"

#include <errno.h>
#include <sys/ioctl.h>

enum {
	TLB_VALID = 0x80000000,
	TLB_TSIZE_SHIFT = 7, /* log2 of KiB */
	TLB_4K = 2,
	TLB_64M = 16,
	TLB_GUARDED_UNCACHED = 0xa,
	TLB_ALL = 0x3f,
	MSR_START = 0x1000, /* ME: all else is the program's own to allow */
};

static void write_program(struct iol_vm *vm)
{
	const struct iol_host_facts *facts = &vm->layout.facts;
	uint32_t words[IOL_PPC_DRAIN_WORDS_MAX];
	unsigned int count = iol_ppc_drain_program(iol_ppc_machine_of(&vm->layout)->has_spe,
						   facts->hcall_instructions, words);
	char *code = iol_memory_ptr(&vm->memory, IOL_PPC_DRAIN_GPA, sizeof(words));

	for (unsigned int i = 0; i < count; i++)
		be32_store(code + i * sizeof(words[0]), words[i]);
	/* The page may have been the guest's code before, and be taken for clean by the kernel. */
	__builtin___clear_cache(code, code + sizeof(words));
}

/* At the program's start, to which all vectors lead. */
static int prepare(struct iol_vcpu *vcpu, struct iol_error *err)
{
	const struct iol_ppc_tlb_entry end = {
		.mas1 = TLB_VALID | TLB_4K << TLB_TSIZE_SHIFT,
		.mas2 = IOL_PPC_DRAIN_END | TLB_GUARDED_UNCACHED,
		.mas7_3 = iol_ppc_machine_of(&vcpu->vm->layout)->map->ccsr | TLB_ALL,
	};
	const struct iol_ppc_boot_state state = {
		.pc = IOL_PPC_DRAIN_GPA,
		.msr = MSR_START,
		.pir = vcpu->idx,
		.tlb1 = { .mas1 = TLB_VALID | TLB_64M << TLB_TSIZE_SHIFT, .mas7_3 = TLB_ALL },
	};
	struct kvm_sregs sregs;

	iol_ppc_vcpu_sregs(vcpu, &sregs);
	sregs.u.e.ivpr = IOL_PPC_DRAIN_GPA;
	for (size_t i = 0; i < IOL_ARRAY_LEN(sregs.u.e.ivor_low); i++)
		sregs.u.e.ivor_low[i] = 0;
	for (size_t i = 0; i < IOL_ARRAY_LEN(sregs.u.e.ivor_high); i++)
		sregs.u.e.ivor_high[i] = 0;
	return iol_ppc_vcpu_set(vcpu, &state, &sregs, &end, err);
}

static int enter(struct iol_vcpu *vcpu, bool stay_out)
{
	int ret;

	__atomic_store_n(&vcpu->run->immediate_exit, stay_out, __ATOMIC_RELAXED);
	do {
		ret = ioctl(vcpu->fd, KVM_RUN, 0UL);
	} while (ret && errno == EINTR && !stay_out);
	return ret ? -errno : 0;
}

static int drain(struct iol_vcpu *vcpu, struct iol_error *err)
{
	const struct kvm_run *run = vcpu->run;
	int ret = prepare(vcpu, err);

	if (ret)
		return ret;
	ret = enter(vcpu, false);
	if (ret)
		return iol_error_errno(err, ret, "KVM_RUN");
	if (run->exit_reason != KVM_EXIT_MMIO ||
	    run->mmio.phys_addr != iol_ppc_machine_of(&vcpu->vm->layout)->map->ccsr)
		return iol_error_set(err, -EIO, "it left the reset's program by KVM exit %u",
				     run->exit_reason);
	/* The access is over when KVM was told so. */
	enter(vcpu, true);
	return 0;
}

int iol_ppc_drain(struct iol_vm *vm, struct iol_error *err)
{
	int ret = 0;

	write_program(vm);
	for (unsigned int i = 0; i < vm->vcpu_count && !ret; i++) {
		ret = drain(&vm->vcpus[i], err);
		if (ret)
			iol_error_prefix(err, "vCPU %u", i);
	}
	return ret;
}
