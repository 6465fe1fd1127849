/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What start.S found before it changed anything: 64-bit slots by offset, for assembly, and the same as a
 * struct for C; and how many vCPUs it has stacks for.
 */
#ifndef GUEST_ENTRY_STATE_H
#define GUEST_ENTRY_STATE_H

#define GUEST_CPUS_MAX 64

#define E_X0 0x00
#define E_X2 0x10
#define E_OTHERS 0x20 /* x4 to x30, or'ed together */
#define E_EL 0x28
#define E_DAIF 0x30
#define E_SPSEL 0x38
#define E_SCTLR 0x40
#define E_TTBR0 0x48
#define E_TCR 0x50
#define E_MAIR 0x58
#define E_CNTVCT 0x60
#define E_BYTES 0x68

#ifndef __ASSEMBLER__
#include <stdint.h>

struct entry_state {
	uint64_t x[4], others;
	uint64_t el, daif, spsel;
	uint64_t sctlr, ttbr0, tcr, mair;
	uint64_t cntvct;
};

_Static_assert(sizeof(struct entry_state) == E_BYTES, "slots and struct agree");

extern struct entry_state entry;
#endif

#endif
