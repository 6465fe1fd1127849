// SPDX-License-Identifier: Apache-2.0
/*
 * How fast this KVM runs kernel-mode code. A KVM without hardware behind it emulates such code
 * instruction by instruction, some thousand times slower, and does not know every instruction: no
 * Linux kernel boots there. CPUID flags do not tell; a loop against the clock does.
 */
#include "kvm_x86.h"

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <iolite/endian.h>
#include <iolite/loop.h>

/* 32-bit code: mov ecx, N; loop: dec ecx; jnz loop; hlt */
static const uint8_t loop_code[] = { 0xb9, 0, 0, 0, 0, 0x49, 0x75, 0xfd, 0xf4 };
enum { CODE_GPA = 0x1000, LOOP_COUNT_OFFSET = 1, GUEST_BYTES = 0x2000, RUNS = 3 };

/* A machine of one vCPU and two pages. */
struct probe {
	int vm_fd, vcpu_fd;
	struct kvm_run *run;
	size_t run_bytes;
	struct iol_memory memory;
};

static void probe_finish(struct probe *p)
{
	if (p->run)
		munmap(p->run, p->run_bytes);
	iol_fd_close(&p->vcpu_fd);
	iol_fd_close(&p->vm_fd);
	iol_memory_finish(&p->memory);
}

static int probe_init(struct probe *p, int kvm_fd, struct iol_error *err)
{
	const struct iol_memory_region ram = { .gpa = 0, .size_bytes = GUEST_BYTES };
	struct kvm_userspace_memory_region slot = { .memory_size = GUEST_BYTES };
	int ret = iol_memory_init(&p->memory, &ram, 1, err);

	if (ret)
		return ret;
	p->vm_fd = ioctl(kvm_fd, KVM_CREATE_VM, 0UL);
	if (p->vm_fd < 0)
		return iol_error_errno(err, -errno, "KVM_CREATE_VM");
	slot.userspace_addr = (uintptr_t)p->memory.regions[0].hva;
	ret = iol_x86_ioctl(p->vm_fd, KVM_SET_USER_MEMORY_REGION, &slot,
			    "KVM_SET_USER_MEMORY_REGION", err);
	if (ret)
		return ret;
	if (ioctl(p->vm_fd, KVM_SET_TSS_ADDR, (unsigned long)IOL_X86_KVM_TSS))
		return iol_error_errno(err, -errno, "KVM_SET_TSS_ADDR");
	p->vcpu_fd = ioctl(p->vm_fd, KVM_CREATE_VCPU, 0UL);
	if (p->vcpu_fd < 0)
		return iol_error_errno(err, -errno, "KVM_CREATE_VCPU");
	p->run_bytes = (size_t)ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0UL);
	p->run = mmap(NULL, p->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p->vcpu_fd, 0);
	if (p->run == MAP_FAILED) {
		p->run = NULL;
		return iol_error_errno(err, -errno, "cannot map the vCPU");
	}
	return 0;
}

static int set_registers(struct probe *p, struct iol_error *err)
{
	struct kvm_segment flat = { .limit = 0xffffffff, .present = 1, .s = 1, .db = 1, .g = 1 };
	struct kvm_regs regs = { .rip = CODE_GPA, .rflags = 2 };
	struct kvm_sregs sregs;
	int ret = iol_x86_ioctl(p->vcpu_fd, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS", err);

	if (ret)
		return ret;
	flat.selector = IOL_X86_SELECTOR_DATA;
	flat.type = 3;
	sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = flat;
	flat.selector = IOL_X86_SELECTOR_CODE;
	flat.type = 0xb;
	sregs.cs = flat;
	sregs.cr0 |= 1; /* protected mode */
	ret = iol_x86_ioctl(p->vcpu_fd, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS", err);
	if (!ret)
		ret = iol_x86_ioctl(p->vcpu_fd, KVM_SET_REGS, &regs, "KVM_SET_REGS", err);
	return ret;
}

static int run_once(struct probe *p, uint64_t *ns, struct iol_error *err)
{
	uint64_t start_ns;
	int ret = set_registers(p, err);

	assert(p->run);
	if (ret)
		return ret;
	start_ns = iol_loop_now_ns();
	do {
		ret = ioctl(p->vcpu_fd, KVM_RUN, 0UL);
	} while (ret && errno == EINTR);
	*ns = iol_loop_now_ns() - start_ns;
	if (ret)
		return iol_error_errno(err, -errno, "KVM_RUN");
	if (p->run->exit_reason != KVM_EXIT_HLT)
		return iol_error_set(err, -EIO, "the test loop ended with KVM exit %u",
				     p->run->exit_reason);
	return 0;
}

int iol_x86_time_kernel_loop(int kvm_fd, uint32_t iterations, uint64_t *ns, struct iol_error *err)
{
	iol_auto(probe_finish) struct probe p = { .vm_fd = -1, .vcpu_fd = -1 };
	uint8_t *code;
	int ret = probe_init(&p, kvm_fd, err);

	if (ret)
		return ret;
	code = iol_memory_ptr(&p.memory, CODE_GPA, sizeof(loop_code));
	memcpy(code, loop_code, sizeof(loop_code));
	le32_store(code + LOOP_COUNT_OFFSET, iterations);
	/* The best of some runs: the first pays for page faults, any for other processes. */
	*ns = UINT64_MAX;
	for (int i = 0; i < RUNS && !ret; i++) {
		uint64_t run_ns = UINT64_MAX;

		ret = run_once(&p, &run_ns, err);
		*ns = MIN(*ns, run_ns);
	}
	return ret;
}
