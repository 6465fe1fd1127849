/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest guest that shows that it runs: one byte to the first serial port, then halted. 32-bit
 * protected mode, entered as PVH says (Xen docs/misc/pvh); position-independent, so that its bare
 * code runs at any address. Kernel mode is emulated on some hosts: the fewer instructions the better.
 */
#include "marker.h"

	.section .note.Xen, "a", @note
	.balign	4
	.long	4, 4, 18	/* name and descriptor bytes; XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.long	_start

	.text
	.code32
	.globl	_start
_start:
	movw	$BENCH_PORT, %dx
	movb	$BENCH_MARKER, %al
	outb	%al, %dx
	cli
halt:
	hlt
	jmp	halt

	.section .note.GNU-stack, "", @progbits
