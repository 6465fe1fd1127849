/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first instructions of every guest: takes down the state at entry, maps devices, and calls main() in
 * supervisor mode. RAM is mapped one to one by the entry of TLB1 that processors start with (ePAPR-1.1 5.3).
 */
#include "entry_state.h"

#define SPR_DEC 22
#define SPR_SRR0 26
#define SPR_SRR1 27
#define SPR_PID 48
#define SPR_DEAR 61
#define SPR_ESR 62
#define SPR_IVPR 63
#define SPR_TBL 268
#define SPR_TBU 269
#define SPR_SPRG0 272
#define SPR_PIR 286
#define SPR_TSR 336
#define SPR_TCR 340
#define SPR_IVOR0 400
#define SPR_MAS0 624
#define SPR_MAS1 625
#define SPR_MAS2 626
#define SPR_MAS3 627
#define SPR_MAS7 944

#define MAS0_TLB1 0x10000000
#define MAS1_256M 0xc0000900 /* valid, protected, 4^9 KiB */
#define MAS2_DEVICE 0xa /* inhibited, guarded */
#define MAS3_DATA 0x5 /* supervisor reads and writes */

#define STACK_BYTES 4096
#define FRAME 96

	.section .head, "ax"
	.globl start
start:
	stmw %r0, entry@l(0)
	mfmsr %r4
	stw %r4, entry@l + E_MSR(0)
	.macro keep spr, slot
	mfspr %r4, \spr
	stw %r4, entry@l + \slot(0)
	.endm
	keep SPR_TCR, E_TCR
	keep SPR_TSR, E_TSR
	keep SPR_DEC, E_DEC
	keep SPR_TBU, E_TBU
	keep SPR_TBL, E_TBL
	keep SPR_PID, E_PID
	li %r3, 0
	bl set_up
	bl main
	bl power_off

/* Devices, vectors and stack of vCPU r3, which is kept. */
set_up:
	.macro map entry, address
	lis %r4, (MAS0_TLB1 | \entry << 16)@h
	mtspr SPR_MAS0, %r4
	lis %r4, MAS1_256M@h
	ori %r4, %r4, MAS1_256M@l
	mtspr SPR_MAS1, %r4
	lis %r4, \address@h
	ori %r5, %r4, MAS2_DEVICE
	mtspr SPR_MAS2, %r5
	ori %r5, %r4, MAS3_DATA
	mtspr SPR_MAS3, %r5
	li %r4, 0
	mtspr SPR_MAS7, %r4
	isync
	tlbwe
	isync
	.endm
	map 1, 0xe0000000
	map 2, 0xc0000000
	map 3, 0xd0000000
	li %r4, 0
	mtspr SPR_IVPR, %r4
	.set number, 0
	.irp name, unexpected, unexpected, unexpected, unexpected, external, unexpected, unexpected, unexpected, \
		unexpected, unexpected, decrementer, unexpected, unexpected, unexpected, unexpected, unexpected
	li %r4, \name@l
	mtspr SPR_IVOR0 + number, %r4
	.set number, number + 1
	.endr
	addi %r4, %r3, 1
	mulli %r4, %r4, STACK_BYTES
	lis %r1, stacks@ha
	addi %r1, %r1, stacks@l
	add %r1, %r1, %r4
	li %r4, 0
	stwu %r4, -16(%r1)
	blr

/* --- exceptions --- */

	.balign 16
unexpected:
	mfspr %r3, SPR_ESR
	mfspr %r4, SPR_SRR0
	mfspr %r5, SPR_DEAR
	lis %r6, on_exception@ha
	addi %r6, %r6, on_exception@l
	mtctr %r6
	bctrl

	.macro handler name, function
	.balign 16
\name:
	stwu %r1, -FRAME(%r1)
	stw %r0, 8(%r1)
	stw %r3, 12(%r1)
	stw %r4, 16(%r1)
	stw %r5, 20(%r1)
	stw %r6, 24(%r1)
	stw %r7, 28(%r1)
	stw %r8, 32(%r1)
	stw %r9, 36(%r1)
	stw %r10, 40(%r1)
	stw %r11, 44(%r1)
	stw %r12, 48(%r1)
	mflr %r3
	stw %r3, 52(%r1)
	mfctr %r3
	stw %r3, 56(%r1)
	mfxer %r3
	stw %r3, 60(%r1)
	mfcr %r3
	stw %r3, 64(%r1)
	mfspr %r3, SPR_SRR0
	stw %r3, 68(%r1)
	mfspr %r3, SPR_SRR1
	rlwinm %r3, %r3, 0, 14, 12 /* without MSR[WE]: who slept has been woken */
	stw %r3, 72(%r1)
	bl \function
	lwz %r3, 72(%r1)
	mtspr SPR_SRR1, %r3
	lwz %r3, 68(%r1)
	mtspr SPR_SRR0, %r3
	lwz %r3, 64(%r1)
	mtcr %r3
	lwz %r3, 60(%r1)
	mtxer %r3
	lwz %r3, 56(%r1)
	mtctr %r3
	lwz %r3, 52(%r1)
	mtlr %r3
	lwz %r12, 48(%r1)
	lwz %r11, 44(%r1)
	lwz %r10, 40(%r1)
	lwz %r9, 36(%r1)
	lwz %r8, 32(%r1)
	lwz %r7, 28(%r1)
	lwz %r6, 24(%r1)
	lwz %r5, 20(%r1)
	lwz %r4, 16(%r1)
	lwz %r3, 12(%r1)
	lwz %r0, 8(%r1)
	addi %r1, %r1, FRAME
	rfi
	.endm
	handler external, on_irq
	handler decrementer, on_decrementer

	.balign 4
	.globl entry
entry:
	.space E_BYTES

	.bss
	.balign 16
stacks:
	.space GUEST_CPUS_MAX * STACK_BYTES

	.section .note.GNU-stack, "", @progbits
