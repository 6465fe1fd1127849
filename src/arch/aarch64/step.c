// SPDX-License-Identifier: Apache-2.0
/*
 * Steps with interrupts held back: a machine that stood for long has its timer's interrupt pending, and each step would end
 * in the handler. KVM has nothing for that. So PSTATE's I and F are set for the instruction, unless it could tell
 * (DDI 0487, "DAIF", "ERET", and calls of whoever is above EL1), and afterwards what it left is put right.
 */
#include "gdb.h"

#define IF UINT64_C(0xc0)

/* Instructions that read or write DAIF, all of PSTATE, or may start the vCPU anew (PSCI). */
static const struct {
	uint32_t mask, value;
} telling[] = {
	{ 0xffdfffe0, 0xd51b4220 }, /* MRS and MSR of DAIF */
	{ 0xfffff0df, 0xd50340df }, /* MSR DAIFSet, DAIFClr */
	{ 0xfffff000, 0xd69f0000 }, /* ERET, ERETAA, ERETAB */
	{ 0xffe0001f, 0xd4000002 }, /* HVC */
	{ 0xffe0001f, 0xd4000003 }, /* SMC */
};

uint64_t iol_arm64_step_holds(uint64_t pstate, uint32_t insn)
{
	if (pstate & IOL_ARM64_PSTATE_NRW)
		return 0;
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(telling); i++)
		if ((insn & telling[i].mask) == telling[i].value)
			return 0;
	return ~pstate & IF;
}

/* The instruction, at @pc, went to one of EL1's vectors: it has it as ELR, or the next one where it was a call. */
static bool went_to_vector(const struct iol_arm64_exception *e, uint64_t pc)
{
	uint64_t offset = e->pc - (e->vbar & IOL_ARM64_VBAR_MASK);

	return offset < IOL_ARM64_VECTORS_BYTES && offset % IOL_ARM64_VECTOR_BYTES == 0 &&
	       (e->elr == pc || e->elr == pc + 4);
}

void iol_arm64_step_release(struct iol_arm64_exception *e, uint64_t pc, uint64_t held)
{
	if (went_to_vector(e, pc))
		e->spsr &= ~held;
	else
		e->pstate &= ~held;
}
