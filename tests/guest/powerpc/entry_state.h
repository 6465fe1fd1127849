/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What start.S found before it changed anything: slots by offset, for assembly, and the same as a struct for C;
 * and how many vCPUs it has stacks for.
 */
#ifndef GUEST_ENTRY_STATE_H
#define GUEST_ENTRY_STATE_H

#define GUEST_CPUS_MAX 4

#define E_GPR 0x00 /* 32 of 4 bytes */
#define E_MSR 0x80
#define E_TCR 0x84
#define E_TSR 0x88
#define E_DEC 0x8c
#define E_TBU 0x90
#define E_TBL 0x94
#define E_PID 0x98
#define E_BYTES 0x9c

#ifndef __ASSEMBLER__
#include <stdint.h>

struct entry_state {
	uint32_t gpr[32];
	uint32_t msr, tcr, tsr, dec, tbu, tbl, pid;
};

_Static_assert(sizeof(struct entry_state) == E_BYTES, "slots and struct agree");

extern struct entry_state entry;
#endif

#endif
