/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way back to real mode and to the BIOS reset vector, as systems reboot when they think there
 * is a BIOS (Linux: machine_real_restart). Runs from a copy in the first 64 KiB, at REAL_COPY.
 */
#include "real.h"

#define CR0_PE 1
#define CR0_PG 0x80000000
#define MSR_EFER 0xc0000080
#define SEL_CODE32 0x38
#define SEL_CODE16 0x40
#define SEL_DATA16 0x48

#define COPIED(label) ((label) - real_code + REAL_COPY)

	.text
	.globl real_code, real_code_end
	.code64
real_code:
	cli
	pushq $SEL_CODE32
	pushq $COPIED(in_32_bits)
	lretq
	.code32
in_32_bits:
	movl %cr0, %eax
	andl $~CR0_PG, %eax
	movl %eax, %cr0
	movl $MSR_EFER, %ecx
	xorl %eax, %eax
	xorl %edx, %edx
	wrmsr
	movl $SEL_DATA16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	ljmp $SEL_CODE16, $COPIED(in_16_bits)
	.code16
in_16_bits:
	movl %cr0, %eax
	andl $~CR0_PE, %eax
	movl %eax, %cr0
	ljmp $0xf000, $0xfff0
real_code_end:

	.section .note.GNU-stack, "", @progbits
