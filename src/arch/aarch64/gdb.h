/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a debugger's registers are (gdb.c), how a virtual address becomes a physical one (paging.c), how points
 * become debug registers (points.c) and how an exception is taken (exception.c, step.c). Pure; kvm_registers.c and
 * kvm_debug.c bring them together with KVM.
 */
#ifndef IOL_ARM64_GDB_H
#define IOL_ARM64_GDB_H

#include <iolite/arch.h>
#include <iolite/memory.h>

/* PSTATE as in SPSR_EL1 (DDI 0487, "SPSR_EL1"). */
#define IOL_ARM64_PSTATE_SP UINT64_C(0x1)
#define IOL_ARM64_PSTATE_EL UINT64_C(0xc)
#define IOL_ARM64_PSTATE_EL1 UINT64_C(0x4)
#define IOL_ARM64_PSTATE_NRW UINT64_C(0x10) /* AArch32 */
#define IOL_ARM64_PSTATE_DAIF UINT64_C(0x3c0)
#define IOL_ARM64_PSTATE_SSBS (UINT64_C(1) << 12)
#define IOL_ARM64_PSTATE_SS (UINT64_C(1) << 21)
#define IOL_ARM64_PSTATE_PAN (UINT64_C(1) << 22)
#define IOL_ARM64_PSTATE_DIT (UINT64_C(1) << 24)
#define IOL_ARM64_PSTATE_NZCV (UINT64_C(0xf) << 28)

/* SCTLR_EL1 (DDI 0487, "SCTLR_EL1") */
#define IOL_ARM64_SCTLR_M UINT64_C(0x1)
#define IOL_ARM64_SCTLR_SPAN (UINT64_C(1) << 23)
#define IOL_ARM64_SCTLR_EE (UINT64_C(1) << 25)
#define IOL_ARM64_SCTLR_DSSBS (UINT64_C(1) << 44)

/* ---- Registers ---- */

/* Numbers of the description's registers. */
enum {
	IOL_ARM64_GDB_X0 = 0,
	IOL_ARM64_GDB_SP = 31,
	IOL_ARM64_GDB_PC,
	IOL_ARM64_GDB_CPSR,
	IOL_ARM64_GDB_V0,
	IOL_ARM64_GDB_FPSR = IOL_ARM64_GDB_V0 + 32,
	IOL_ARM64_GDB_FPCR,
	/* Of the system's: KVM has these among the core registers, the others by their encoding. */
	IOL_ARM64_GDB_SP_EL0,
	IOL_ARM64_GDB_SP_EL1,
	IOL_ARM64_GDB_ELR_EL1,
	IOL_ARM64_GDB_SPSR_EL1,
	IOL_ARM64_GDB_SYSTEM,
};

/* Name, op0, op1, CRn, CRm, op2 (DDI 0487, "AArch64 System Register Descriptions"). The timer's are not here: KVM has ids of its own for them. */
#define IOL_ARM64_SYSTEM_REGISTERS(X)      \
	X(sctlr_el1, 3, 0, 1, 0, 0)        \
	X(actlr_el1, 3, 0, 1, 0, 1)        \
	X(cpacr_el1, 3, 0, 1, 0, 2)        \
	X(ttbr0_el1, 3, 0, 2, 0, 0)        \
	X(ttbr1_el1, 3, 0, 2, 0, 1)        \
	X(tcr_el1, 3, 0, 2, 0, 2)          \
	X(mair_el1, 3, 0, 10, 2, 0)        \
	X(amair_el1, 3, 0, 10, 3, 0)       \
	X(vbar_el1, 3, 0, 12, 0, 0)        \
	X(esr_el1, 3, 0, 5, 2, 0)          \
	X(afsr0_el1, 3, 0, 5, 1, 0)        \
	X(afsr1_el1, 3, 0, 5, 1, 1)        \
	X(far_el1, 3, 0, 6, 0, 0)          \
	X(par_el1, 3, 0, 7, 4, 0)          \
	X(contextidr_el1, 3, 0, 13, 0, 1)  \
	X(tpidr_el0, 3, 3, 13, 0, 2)       \
	X(tpidrro_el0, 3, 3, 13, 0, 3)     \
	X(tpidr_el1, 3, 0, 13, 0, 4)       \
	X(mdscr_el1, 2, 0, 0, 2, 2)        \
	X(cntkctl_el1, 3, 0, 14, 1, 0)     \
	X(csselr_el1, 3, 2, 0, 0, 0)       \
	X(midr_el1, 3, 0, 0, 0, 0)         \
	X(mpidr_el1, 3, 0, 0, 0, 5)        \
	X(id_aa64pfr0_el1, 3, 0, 0, 4, 0)  \
	X(id_aa64dfr0_el1, 3, 0, 0, 5, 0)  \
	X(id_aa64isar0_el1, 3, 0, 0, 6, 0) \
	X(id_aa64isar1_el1, 3, 0, 0, 6, 1) \
	X(id_aa64mmfr0_el1, 3, 0, 0, 7, 0) \
	X(id_aa64mmfr1_el1, 3, 0, 0, 7, 1)

#define IOL_ARM64_GDB_NUMBER(name, op0, op1, crn, crm, op2) IOL_ARM64_GDB_##name,
enum {
	IOL_ARM64_GDB_BEFORE_SYSTEM = IOL_ARM64_GDB_SYSTEM - 1,
	IOL_ARM64_SYSTEM_REGISTERS(IOL_ARM64_GDB_NUMBER) IOL_ARM64_GDB_CNTV_CTL,
	IOL_ARM64_GDB_CNTV_CVAL,
	IOL_ARM64_GDB_CNTVCT,
	IOL_ARM64_GDB_COUNT,
};
#undef IOL_ARM64_GDB_NUMBER

extern const struct iol_gdb_description iol_arm64_gdb_description;

/* Where register @n is in the buffer of all, and how long it is. */
size_t iol_arm64_gdb_place(unsigned int n, unsigned int *bytes);

/* Whether "sp" is SP_EL1 in that state, not SP_EL0 (DDI 0487, "SPSel"). */
static inline bool iol_arm64_uses_sp_el1(uint64_t pstate)
{
	return !(pstate & IOL_ARM64_PSTATE_NRW) && pstate & IOL_ARM64_PSTATE_EL &&
	       pstate & IOL_ARM64_PSTATE_SP;
}

/* ---- Page tables ---- */

struct iol_arm64_mmu {
	uint64_t sctlr, tcr, ttbr0, ttbr1; /* of EL1 */
};

/* As translate() of struct iol_arch_debug_ops. Any tables, any registers. */
int iol_arm64_translate(const struct iol_memory *mem, const struct iol_arm64_mmu *mmu, uint64_t gva,
			uint64_t *gpa, uint64_t *left);

/* ---- Points ---- */

enum { IOL_ARM64_POINTS_MAX = 16 }; /* of either kind (DDI 0487, "ID_AA64DFR0_EL1") */

struct iol_arm64_pair {
	uint64_t control, value; /* DBGBCR, DBGBVR or DBGWCR, DBGWVR */
};

struct iol_arm64_points {
	unsigned int break_count, watch_count;
	struct iol_arm64_pair breaks[IOL_ARM64_POINTS_MAX], watches[IOL_ARM64_POINTS_MAX];
};

/*
 * The debug registers for all of @setup where there are so many. -ENOSPC: they are too few, as for a range
 * that takes several; -EINVAL: a range is empty or ends beyond the last address.
 */
int iol_arm64_points_make(const struct iol_debug_setup *setup, unsigned int breaks,
			  unsigned int watches, struct iol_arm64_points *points);

/* What the debug exception of syndrome @esr is about (DDI 0487, "ESR_EL1"); @far is of watchpoints. */
void iol_arm64_points_hit(const struct iol_debug_setup *setup, uint32_t esr, uint64_t far,
			  uint64_t pc, struct iol_debug_hit *hit);

/* ---- Exceptions ---- */

/* What taking a synchronous exception to EL1 changes, and what it depends on. */
struct iol_arm64_exception {
	uint64_t pc, pstate; /* before, and after */
	uint64_t sctlr, vbar;
	uint64_t elr, spsr; /* after */
};

void iol_arm64_exception_take(struct iol_arm64_exception *e);

/* EL1's vectors (DDI 0487, "Exception vectors"). */
#define IOL_ARM64_VBAR_MASK (~UINT64_C(0x7ff))
enum { IOL_ARM64_VECTORS_BYTES = 0x800, IOL_ARM64_VECTOR_BYTES = 0x80 };

/* Which bits of PSTATE to set while @insn is stepped, so that no interrupt comes in between. 0: none. */
uint64_t iol_arm64_step_holds(uint64_t pstate, uint32_t insn);
/* Undoes that when the instruction, which was at @pc, is done or was not begun: changes e->pstate or e->spsr. */
void iol_arm64_step_release(struct iol_arm64_exception *e, uint64_t pc, uint64_t held);

#endif
