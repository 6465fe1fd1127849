// SPDX-License-Identifier: Apache-2.0
/*
 * How fast this KVM runs kernel-mode code: hardware runs it, or nothing does. Its guest counts down in
 * supervisor mode and then stores where no memory is.
 */
#include "kvm_ppc.h"

#include <stdlib.h>
#include <string.h>

#define GUEST_BYTES (128 * IOL_KIB)
/* Not in page 0, where KVM of e500v2 may have its magic page. */
#define CODE_GPA UINT64_C(0x10000)
#define NOWHERE_GPA UINT64_C(0x100000)

/* lis r3, 0; ori r3, r3, 0; mtctr r3; bdnz .; stw r3, 0(r4) */
static const uint32_t loop_code[] = { 0x3c600000, 0x60630000, 0x7c6903a6, 0x42000000, 0x90640000 };

static int set_registers(struct iol_kvm_probe *p, struct iol_error *err)
{
	struct kvm_regs regs = { .pc = CODE_GPA };

	regs.gpr[4] = NOWHERE_GPA;
	return iol_kvm_ioctl(p->vcpu_fd, KVM_SET_REGS, &regs, "KVM_SET_REGS", err);
}

int iol_ppc_probe_add_vcpu(struct iol_kvm_probe *p, int kvm_fd, uint64_t pc,
			   struct iol_ppc_tlb_entry **tlb, struct iol_error *err)
{
	struct iol_ppc_boot_state state;
	const struct iol_ppc_machine *machine;
	struct kvm_sregs sregs = { .pvr = 0 };
	const struct iol_layout layout = { .cpus = 1 };
	const struct iol_entry entry = { .pc = pc };
	int ret = iol_kvm_probe_add_vcpu(p, kvm_fd, err);

	if (!ret)
		ret = iol_kvm_ioctl(p->vcpu_fd, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS", err);
	if (ret)
		return ret;
	machine = iol_ppc_machine_by_pvr(sregs.pvr);
	if (!machine)
		machine = iol_ppc_machine_find(NULL);
	iol_ppc_boot_state(&layout, &entry, 0, &state);
	*tlb = iol_ppc_tlb_new(machine);
	(*tlb)[machine->tlb[0].entries] = state.tlb1;
	ret = iol_ppc_tlb_share(p->vcpu_fd, machine, *tlb, err);
	return ret ? ret : iol_ppc_tlb_changed(p->vcpu_fd, machine, err);
}

int iol_ppc_time_kernel_loop(int kvm_fd, uint32_t iterations, uint64_t *ns, struct iol_error *err)
{
	const struct iol_memory_region ram = { .gpa = 0, .size_bytes = GUEST_BYTES };
	struct iol_ppc_tlb_entry *tlb = NULL;
	struct iol_kvm_probe p;
	uint32_t code[IOL_ARRAY_LEN(loop_code)];
	uint8_t *place;
	int ret = iol_kvm_probe_init(&p, kvm_fd, 0, &ram, err);

	if (!ret)
		ret = iol_ppc_probe_add_vcpu(&p, kvm_fd, CODE_GPA, &tlb, err);
	if (!ret) {
		memcpy(code, loop_code, sizeof(code));
		code[0] |= iterations >> 16;
		code[1] |= iterations & 0xffff;
		place = iol_memory_ptr(&p.memory, CODE_GPA, sizeof(code));
		for (unsigned int i = 0; i < IOL_ARRAY_LEN(code); i++)
			be32_store(place + i * sizeof(code[0]), code[i]);
		ret = iol_kvm_probe_time(&p, set_registers, KVM_EXIT_MMIO, ns, err);
	}
	iol_kvm_probe_finish(&p);
	free(tlb);
	return ret;
}
