/* SPDX-License-Identifier: Apache-2.0 */
/* See debug_steps.h. EAX is 0, 1, 3, 3, 7 before step_1 to step_5. */
	.text
	.code64
	.globl debug_steps, step_0, step_1, step_2, step_3, step_4, step_5
	.type debug_steps, @function
debug_steps:
step_0:
	movl $0, %eax
step_1:
	addl $1, %eax
step_2:
	addl $2, %eax
step_3:
	jmp step_4
	.fill 5, 1, 0x90
step_4:
	addl $4, %eax
step_5:
	ret
	.size debug_steps, . - debug_steps

	.globl debug_halt, halt_here, halt_done
	.type debug_halt, @function
debug_halt:
	sti
halt_here:
	hlt
halt_done:
	cli
	ret
	.size debug_halt, . - debug_halt

	.section .note.GNU-stack, "", @progbits
