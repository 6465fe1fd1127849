/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupt entries: 16 bytes each from isr_table on, one per vector. */
	.text
	.balign 16
	.globl isr_table
isr_table:
	.set vector, 0
	.rept 64
	.balign 16
	/* Exceptions 8, 10 to 14, 17, 21, 29 and 30 push an error code of their own. */
	.set pushes, vector == 8 || (vector >= 10 && vector <= 14) || vector == 17
	.set pushes, pushes || vector == 21 || vector == 29 || vector == 30
	.if !pushes
	pushq $0
	.endif
	pushq $vector
	jmp isr_common
	.set vector, vector + 1
	.endr

isr_common:
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	movq 72(%rsp), %rdi /* vector */
	movq 80(%rsp), %rsi /* error code */
	movq 88(%rsp), %rdx /* rip */
	call cpu_handle
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
	popq %rax
	addq $16, %rsp
	iretq

	.section .note.GNU-stack, "", @progbits
