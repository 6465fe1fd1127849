/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same guest in real mode, as a firmware image of 64 KiB: the processor starts at the reset
 * vector, 16 bytes before its end (SDM 3A 9.1.4). Loaders of flat real-mode code enter at its
 * beginning instead.
 */
#include "marker.h"

	.text
	.code16
	.globl	_start
_start:
	movw	$BENCH_PORT, %dx
	movb	$BENCH_MARKER, %al
	outb	%al, %dx
	cli
halt:
	hlt
	jmp	halt

	.org	0xfff0
	jmp	_start
	.org	0x10000

	.section .note.GNU-stack, "", @progbits
