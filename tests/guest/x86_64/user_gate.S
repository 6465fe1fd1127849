/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Undefined instructions. One of CPL 3 is a call: the registers are lost as the ABI has it, and
 * execution goes on behind it.
 */
#define UD2_BYTES 2

	.text
	.globl user_gate
user_gate:
	testb $3, 8(%rsp) /* CS */
	jz isr_table + 16 * 6
	addq $UD2_BYTES, (%rsp)
	subq $8, %rsp
	call user_serve
	addq $8, %rsp
	iretq

	.section .note.GNU-stack, "", @progbits
