/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of the other processors: SIPI starts them in real mode in a copy of this code at
 * ap_trampoline's page; it ends in ap_main(), 64 bits, on a stack of their own.
 */
#include "ap.h"

#define CR0_PE 1
#define CR0_PG 0x80000000
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_CODE32 0x38

	.text
	.code16
	.globl ap_trampoline, ap_trampoline_end
ap_trampoline:
	cli
	movw %cs, %ax
	movw %ax, %ds
	lgdtl ap_gdt_pointer - ap_trampoline
	movl %cr0, %eax
	orl $CR0_PE, %eax
	movl %eax, %cr0
	ljmpl $SEL_CODE32, $ap_protected
ap_gdt_pointer:
	.word 0x7f
	.long gdt
ap_trampoline_end:

	.code32
ap_protected:
	movl $SEL_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %cr4, %eax
	orl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $pml4, %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LME, %eax
	wrmsr
	movl %cr0, %eax
	orl $CR0_PG, %eax
	movl %eax, %cr0
	ljmp $SEL_CODE, $ap_long

	.code64
ap_long:
	movl $1, %edi
	lock xaddl %edi, ap_next
	movl %edi, %eax
	incl %eax
	shll $AP_STACK_SHIFT, %eax
	leaq ap_stacks(%rax), %rsp
	call ap_main
1:	cli
	hlt
	jmp 1b

	.bss
	.balign 16
	.globl ap_next
ap_next:
	.skip 16
ap_stacks:
	.skip AP_MAX << AP_STACK_SHIFT

	.section .note.GNU-stack, "", @progbits
