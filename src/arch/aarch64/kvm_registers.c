// SPDX-License-Identifier: Apache-2.0
/*
 * Registers of a vCPU for a debugger, from and to KVM (kvm-api 4.68, 4.69). On the loop's thread while the vCPU stands.
 *
 * KVM keeps the stack pointers of EL0 and EL1; which of them "sp" is, PSTATE says.
 */
#include "kvm_debug.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include <iolite/endian.h>

#define CORE_OF(field, size) \
	(KVM_REG_ARM64 | KVM_REG_SIZE_##size | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(field))
#define REG_PSTATE IOL_ARM64_CORE(regs.pstate)
#define REG_SP_EL0 IOL_ARM64_CORE(regs.sp)
#define REG_SP_EL1 IOL_ARM64_CORE(sp_el1)

enum { VECTOR_BYTES = 16 };

#define ID_OF(name, op0, op1, crn, crm, op2) ARM64_SYS_REG(op0, op1, crn, crm, op2),
/* From IOL_ARM64_GDB_SP_EL0 on. */
static const uint64_t system_ids[] = {
	REG_SP_EL0,
	REG_SP_EL1,
	IOL_ARM64_CORE(elr_el1),
	IOL_ARM64_CORE(spsr[KVM_SPSR_EL1]),
	IOL_ARM64_SYSTEM_REGISTERS(ID_OF) KVM_REG_ARM_TIMER_CTL,
	KVM_REG_ARM_TIMER_CVAL,
	KVM_REG_ARM_TIMER_CNT,
};
_Static_assert(IOL_ARM64_GDB_SP_EL0 + IOL_ARRAY_LEN(system_ids) == IOL_ARM64_GDB_COUNT,
	       "numbers of registers");

/* KVM's id of register @n in the state @pstate. */
static uint64_t id_of(unsigned int n, uint64_t pstate)
{
	if (n < IOL_ARM64_GDB_SP)
		return iol_arm64_x(n);
	if (n == IOL_ARM64_GDB_SP)
		return iol_arm64_uses_sp_el1(pstate) ? REG_SP_EL1 : REG_SP_EL0;
	if (n == IOL_ARM64_GDB_PC)
		return IOL_ARM64_CORE(regs.pc);
	if (n == IOL_ARM64_GDB_CPSR)
		return REG_PSTATE;
	if (n < IOL_ARM64_GDB_FPSR)
		return CORE_OF(fp_regs.vregs[0], U128) +
		       (uint64_t)(n - IOL_ARM64_GDB_V0) * VECTOR_BYTES / sizeof(uint32_t);
	if (n == IOL_ARM64_GDB_FPSR)
		return CORE_OF(fp_regs.fpsr, U32);
	if (n == IOL_ARM64_GDB_FPCR)
		return CORE_OF(fp_regs.fpcr, U32);
	return system_ids[n - IOL_ARM64_GDB_SP_EL0];
}

/* What KVM has for a register: its bytes are those of the buffer, but for PSTATE, of which GDB has the lower half. */
static int transfer(struct iol_vcpu *vcpu, unsigned long request, uint64_t id, uint8_t *bytes)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)bytes };

	return ioctl(vcpu->fd, request, &reg) ? -errno : 0;
}

static int get_pstate(struct iol_vcpu *vcpu, uint64_t *pstate)
{
	return iol_arm64_get_reg(vcpu->fd, REG_PSTATE, pstate, NULL);
}

int iol_arm64_read_registers(struct iol_vcpu *vcpu, uint8_t *buf)
{
	uint64_t pstate = 0;
	int ret;

	iol_arm64_release(vcpu);
	ret = get_pstate(vcpu, &pstate);
	if (ret)
		return ret;
	for (unsigned int n = 0; n < IOL_ARM64_GDB_COUNT; n++) {
		uint8_t bytes[VECTOR_BYTES] = { 0 };
		unsigned int size;
		size_t offset = iol_arm64_gdb_place(n, &size);

		/* Some that this KVM does not know: 0. */
		if (transfer(vcpu, KVM_GET_ONE_REG, id_of(n, pstate), bytes))
			memset(bytes, 0, sizeof(bytes));
		memcpy(buf + offset, bytes, size);
	}
	return 0;
}

static int write_one(struct iol_vcpu *vcpu, unsigned int n, uint64_t pstate, const uint8_t *buf)
{
	uint8_t bytes[VECTOR_BYTES] = { 0 };
	unsigned int size;
	size_t offset = iol_arm64_gdb_place(n, &size);

	memcpy(bytes, buf + offset, size);
	return transfer(vcpu, KVM_SET_ONE_REG, id_of(n, pstate), bytes);
}

int iol_arm64_write_registers(struct iol_vcpu *vcpu, unsigned int first, unsigned int count,
			      const uint8_t *buf)
{
	uint64_t pstate = 0;
	int ret = 0;

	if (first > IOL_ARM64_GDB_COUNT || count > IOL_ARM64_GDB_COUNT - first)
		return -EINVAL;
	iol_arm64_release(vcpu);
	/* Before the others: which stack pointer is meant shall be what is seen when all is read again. */
	if (first <= IOL_ARM64_GDB_CPSR && IOL_ARM64_GDB_CPSR - first < count)
		ret = write_one(vcpu, IOL_ARM64_GDB_CPSR, 0, buf);
	if (!ret)
		ret = get_pstate(vcpu, &pstate);
	for (unsigned int n = first; n < first + count && !ret; n++)
		if (n != IOL_ARM64_GDB_CPSR)
			ret = write_one(vcpu, n, pstate, buf);
	return ret;
}

int iol_arm64_get_pc(struct iol_vcpu *vcpu, uint64_t *pc)
{
	return iol_arm64_get_reg(vcpu->fd, IOL_ARM64_CORE(regs.pc), pc, NULL);
}

int iol_arm64_set_pc(struct iol_vcpu *vcpu, uint64_t pc)
{
	iol_arm64_release(vcpu);
	return iol_arm64_set_reg(vcpu->fd, IOL_ARM64_CORE(regs.pc), pc, NULL);
}
