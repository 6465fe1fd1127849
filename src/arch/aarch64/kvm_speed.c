// SPDX-License-Identifier: Apache-2.0
/*
 * How fast this KVM runs kernel-mode code: that it runs any, for there is no KVM on arm64 without
 * hardware behind it. Its guest counts down at EL1 and then stores where no memory is.
 */
#include "kvm_arm64.h"

#include <string.h>

#include <iolite/endian.h>

#define CODE_GPA IOL_ARM64_RAM
#define NOWHERE_GPA UINT64_C(0x1000)
/* A granule of 64 KiB, should the host's pages be so large. */
#define GUEST_BYTES (64 * IOL_KIB)

/* movz w0, #0; movk w0, #0, lsl 16; loop: subs w0, w0, #1; b.ne loop; str wzr, [x1] */
static const uint32_t loop_code[] = { 0x52800000, 0x72a00000, 0x71000400, 0x54ffffe1, 0xb900003f };
enum { IMM16_SHIFT = 5 };

#define REG_SCTLR_EL1 ARM64_SYS_REG(3, 0, 1, 0, 0)
#define SCTLR_I (UINT64_C(1) << 12) /* instructions are cached also while the MMU is off */

static int set_registers(struct iol_kvm_probe *p, struct iol_error *err)
{
	uint64_t sctlr;
	int ret = iol_arm64_get_reg(p->vcpu_fd, REG_SCTLR_EL1, &sctlr, err);

	if (!ret)
		ret = iol_arm64_set_reg(p->vcpu_fd, REG_SCTLR_EL1, sctlr | SCTLR_I, err);
	if (!ret)
		ret = iol_arm64_set_reg(p->vcpu_fd, iol_arm64_x(1), NOWHERE_GPA, err);
	if (!ret)
		ret = iol_arm64_set_reg(p->vcpu_fd, IOL_ARM64_CORE(regs.pc), CODE_GPA, err);
	return ret;
}

static int add_vcpu(struct iol_kvm_probe *p, int kvm_fd, struct iol_error *err)
{
	struct kvm_vcpu_init init = { 0 };
	int ret = iol_kvm_probe_add_vcpu(p, kvm_fd, err);

	if (!ret)
		ret = iol_kvm_ioctl(p->vm_fd, KVM_ARM_PREFERRED_TARGET, &init,
				    "KVM_ARM_PREFERRED_TARGET", err);
	if (!ret)
		ret = iol_kvm_ioctl(p->vcpu_fd, KVM_ARM_VCPU_INIT, &init, "KVM_ARM_VCPU_INIT", err);
	return ret;
}

int iol_arm64_time_kernel_loop(int kvm_fd, uint32_t iterations, uint64_t *ns, struct iol_error *err)
{
	const struct iol_memory_region ram = { .gpa = CODE_GPA, .size_bytes = GUEST_BYTES };
	unsigned long type = iol_arm64_vm_type(iol_arm64_ipa_bits(kvm_fd));
	iol_auto(iol_kvm_probe_finish) struct iol_kvm_probe p;
	uint32_t code[IOL_ARRAY_LEN(loop_code)];
	uint8_t *place;
	int ret = iol_kvm_probe_init(&p, kvm_fd, type, &ram, err);

	if (!ret)
		ret = add_vcpu(&p, kvm_fd, err);
	if (ret)
		return ret;
	memcpy(code, loop_code, sizeof(code));
	code[0] |= (iterations & 0xffff) << IMM16_SHIFT;
	code[1] |= (iterations >> 16) << IMM16_SHIFT;
	place = iol_memory_ptr(&p.memory, CODE_GPA, sizeof(code));
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(code); i++)
		le32_store(place + i * sizeof(code[0]), code[i]);
	return iol_kvm_probe_time(&p, set_registers, KVM_EXIT_MMIO, ns, err);
}
