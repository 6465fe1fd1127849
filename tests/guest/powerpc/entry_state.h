/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What start.S found before it changed anything: 32-bit slots by offset, for assembly, and the same as a
 * struct for C.
 */
#ifndef GUEST_ENTRY_STATE_H
#define GUEST_ENTRY_STATE_H

#define E_GPR 0x00 /* r0 to r31; r0 is not kept */
#define E_MSR 0x80
#define E_TSR 0x84
#define E_TCR 0x88
#define E_BYTES 0x8c

#ifndef __ASSEMBLER__
#include <stdint.h>

struct entry_state {
	uint32_t gpr[32];
	uint32_t msr, tsr, tcr;
};

_Static_assert(sizeof(struct entry_state) == E_BYTES, "slots and struct agree");

extern struct entry_state entry;
#endif

#endif
