/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first instructions of every guest (ePAPR-1.1 5.4): takes down the state at entry, maps the registers of the
 * machine behind RAM one to one, and calls main() in supervisor mode with interrupts off. Two kinds of interrupts
 * are for C: on_irq() and on_critical().
 */
#include "entry_state.h"

#define MAS0_TLB1_1 0x10010000 /* TLB1, entry 1; entry 0 is what we run in */
#define MAS1_256M 0xc0000900 /* valid, protected */
#define MAS2_DEVICES 0xe000000a /* inhibited, guarded */
#define MAS3_DEVICES 0xe0000005 /* supervisor reads and writes */

#define FRAME 160
#define STACK_BYTES 8192

	.section .head, "ax"
	.globl start
start:
	mtsprg 0, 31
	lis 31, entry@ha
	addi 31, 31, entry@l
	.irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
	stw \n, E_GPR+4*\n(31)
	.endr
	mfsprg 3, 0
	stw 3, E_GPR+4*31(31)
	mfmsr 3
	stw 3, E_MSR(31)
	mfspr 3, 336 /* TSR */
	stw 3, E_TSR(31)
	mfspr 3, 340 /* TCR */
	stw 3, E_TCR(31)

	lis 3, MAS0_TLB1_1@h
	mtspr 624, 3
	lis 3, MAS1_256M@h
	ori 3, 3, MAS1_256M@l
	mtspr 625, 3
	lis 3, MAS2_DEVICES@h
	ori 3, 3, MAS2_DEVICES@l
	mtspr 626, 3
	lis 3, MAS3_DEVICES@h
	ori 3, 3, MAS3_DEVICES@l
	mtspr 627, 3
	li 3, 0
	mtspr 944, 3 /* MAS7 */
	isync
	tlbwe
	isync

	lis 3, vectors@h
	mtspr 63, 3 /* IVPR */
	li 3, unexpected - vectors
	.irp n, 400, 401, 402, 403, 405, 406, 407, 408, 409, 411, 413, 414, 415, 528, 529, 530, 531
	mtspr \n, 3
	.endr
	li 3, interrupt - vectors
	mtspr 404, 3 /* external */
	li 3, tick - vectors
	mtspr 410, 3 /* decrementer */
	li 3, critical - vectors
	mtspr 412, 3 /* watchdog */

	lis 1, stack_end@ha
	addi 1, 1, stack_end@l
	stwu 0, -16(1)
	bl main
	bl power_off

	.balign 65536
vectors:
	.macro save
	stwu 1, -FRAME(1)
	stw 0, 8(1)
	.irp n, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
	stw \n, 12+4*\n(1)
	.endr
	mflr 0
	stw 0, 80(1)
	mfcr 0
	stw 0, 84(1)
	mfctr 0
	stw 0, 88(1)
	mfxer 0
	stw 0, 92(1)
	.endm

	.macro restore
	mfspr 0, 27 /* SRR1 without WE: who slept has been woken */
	rlwinm 0, 0, 0, 14, 12
	mtspr 27, 0
	lwz 0, 92(1)
	mtxer 0
	lwz 0, 88(1)
	mtctr 0
	lwz 0, 84(1)
	mtcr 0
	lwz 0, 80(1)
	mtlr 0
	.irp n, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
	lwz \n, 12+4*\n(1)
	.endr
	lwz 0, 8(1)
	addi 1, 1, FRAME
	.endm

	.balign 16
interrupt:
	save
	li 3, 4
	bl on_irq
	restore
	rfi
	.balign 16
tick:
	save
	li 3, 10
	bl on_irq
	restore
	rfi
	.balign 16
critical:
	save
	bl on_critical
	restore
	rfci
	.balign 16
unexpected:
	mfspr 3, 26 /* SRR0 */
	mfspr 4, 62 /* ESR */
	mfspr 5, 61 /* DEAR */
	bl on_exception

	.section .bss
	.balign 16
	.globl entry
entry:
	.space E_BYTES
	.balign 16
	.space STACK_BYTES
stack_end:
