/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setjmp() and longjmp() that keep no floating point registers, for busybox on cores without an FPU: the libc's store
 * and load 18 of them, each of which traps, and the shell calls setjmp() for every builtin command. Nothing in
 * busybox keeps a floating point value over them. The layout of the buffer is ours: 22 of its words.
 */
	.text
	.globl __wrap__setjmp
	.type __wrap__setjmp, @function
__wrap__setjmp:
	mflr	%r0
	stw	%r1, 0(%r3)
	stw	%r0, 4(%r3)
	mfcr	%r0
	stw	%r0, 8(%r3)
	stmw	%r13, 12(%r3)
	li	%r3, 0
	blr
	.size __wrap__setjmp, . - __wrap__setjmp

	.globl __wrap_longjmp
	.type __wrap_longjmp, @function
__wrap_longjmp:
	lwz	%r0, 4(%r3)
	mtlr	%r0
	lwz	%r0, 8(%r3)
	mtcr	%r0
	lwz	%r1, 0(%r3)
	lmw	%r13, 12(%r3)
	mr	%r3, %r4
	cmpwi	%cr7, %r3, 0
	bnelr	%cr7
	li	%r3, 1
	blr
	.size __wrap_longjmp, . - __wrap_longjmp
	.section .note.GNU-stack,"",@progbits
