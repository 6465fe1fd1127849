// SPDX-License-Identifier: Apache-2.0
/*
 * How fast this KVM runs kernel-mode code. A KVM without hardware behind it emulates such code
 * instruction by instruction, some thousand times slower, and does not know every instruction: no
 * Linux kernel boots there. CPUID flags do not tell; a loop against the clock does.
 */
#include "kvm_x86.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include <iolite/endian.h>

/* 32-bit code: mov ecx, N; loop: dec ecx; jnz loop; hlt */
static const uint8_t loop_code[] = { 0xb9, 0, 0, 0, 0, 0x49, 0x75, 0xfd, 0xf4 };
enum { CODE_GPA = 0x1000, LOOP_COUNT_OFFSET = 1, GUEST_BYTES = 0x2000 };

static int set_registers(struct iol_kvm_probe *p, struct iol_error *err)
{
	struct kvm_segment flat = { .limit = 0xffffffff, .present = 1, .s = 1, .db = 1, .g = 1 };
	struct kvm_regs regs = { .rip = CODE_GPA, .rflags = 2 };
	struct kvm_sregs sregs;
	int ret = iol_kvm_ioctl(p->vcpu_fd, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS", err);

	if (ret)
		return ret;
	flat.selector = IOL_X86_SELECTOR_DATA;
	flat.type = 3;
	sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = flat;
	flat.selector = IOL_X86_SELECTOR_CODE;
	flat.type = 0xb;
	sregs.cs = flat;
	sregs.cr0 |= 1; /* protected mode */
	ret = iol_kvm_ioctl(p->vcpu_fd, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS", err);
	if (!ret)
		ret = iol_kvm_ioctl(p->vcpu_fd, KVM_SET_REGS, &regs, "KVM_SET_REGS", err);
	return ret;
}

int iol_x86_time_kernel_loop(int kvm_fd, uint32_t iterations, uint64_t *ns, struct iol_error *err)
{
	const struct iol_memory_region ram = { .gpa = 0, .size_bytes = GUEST_BYTES };
	iol_auto(iol_kvm_probe_finish) struct iol_kvm_probe p;
	uint8_t *code;
	int ret = iol_kvm_probe_init(&p, kvm_fd, 0, &ram, err);

	if (ret)
		return ret;
	if (ioctl(p.vm_fd, KVM_SET_TSS_ADDR, (unsigned long)IOL_X86_KVM_TSS))
		return iol_error_errno(err, -errno, "KVM_SET_TSS_ADDR");
	ret = iol_kvm_probe_add_vcpu(&p, kvm_fd, err);
	if (ret)
		return ret;
	code = iol_memory_ptr(&p.memory, CODE_GPA, sizeof(loop_code));
	memcpy(code, loop_code, sizeof(loop_code));
	le32_store(code + LOOP_COUNT_OFFSET, iterations);
	return iol_kvm_probe_time(&p, set_registers, KVM_EXIT_HLT, ns, err);
}
