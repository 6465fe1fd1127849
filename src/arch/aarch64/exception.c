// SPDX-License-Identifier: Apache-2.0
/* Taking a synchronous exception to EL1, from there or from EL0 (DDI 0487, "Exception entry", AArch64.TakeException). */
#include "gdb.h"

/* Offsets of vectors. */
enum {
	FROM_EL1_SP_EL0 = 0x000,
	FROM_EL1_SP_EL1 = 0x200,
	FROM_EL0 = 0x400,
	FROM_AARCH32 = 0x600,
};

static uint64_t vector(uint64_t pstate)
{
	if (pstate & IOL_ARM64_PSTATE_NRW)
		return FROM_AARCH32;
	if (!(pstate & IOL_ARM64_PSTATE_EL))
		return FROM_EL0;
	return pstate & IOL_ARM64_PSTATE_SP ? FROM_EL1_SP_EL1 : FROM_EL1_SP_EL0;
}

/* What is not named becomes 0: IL, SS, UAO, BTYPE. TCO would be set where there are tags, which no machine of ours has. */
static uint64_t entered(const struct iol_arm64_exception *e)
{
	uint64_t pstate =
		e->pstate & (IOL_ARM64_PSTATE_NZCV | IOL_ARM64_PSTATE_DIT | IOL_ARM64_PSTATE_PAN);

	if (!(e->sctlr & IOL_ARM64_SCTLR_SPAN))
		pstate |= IOL_ARM64_PSTATE_PAN;
	if (e->sctlr & IOL_ARM64_SCTLR_DSSBS)
		pstate |= IOL_ARM64_PSTATE_SSBS;
	return pstate | IOL_ARM64_PSTATE_DAIF | IOL_ARM64_PSTATE_EL1 | IOL_ARM64_PSTATE_SP;
}

void iol_arm64_exception_take(struct iol_arm64_exception *e)
{
	e->elr = e->pc;
	e->spsr = e->pstate;
	e->pc = (e->vbar & IOL_ARM64_VBAR_MASK) + vector(e->pstate);
	e->pstate = entered(e);
}
