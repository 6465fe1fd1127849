/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first instructions of every guest: an arm64 Image (Linux Documentation/arch/arm64/booting.rst) that
 * takes down the state at entry, maps the first 4 GiB one to one, and calls main() at EL1; and the same for
 * other vCPUs that PSCI starts at cpu_entry. The state is kept in registers until the caches are on:
 * what is written past them is not what is read through them.
 */
#include "entry_state.h"

#define TCR_VALUE 0x200803520 /* 40 bits of output, EPD1, 4 KiB, inner shareable, write-back, T0SZ 32 */
#define MAIR_VALUE 0xff00 /* 0: device nGnRnE, 1: normal write-back */
#define SCTLR_MCI 0x1005 /* MMU, data and instruction caches */

#define BLOCK_DEVICE 0x0060000000000401 /* never executed, accessed, attribute 0 */
#define BLOCK_NORMAL 0x705 /* accessed, inner shareable, attribute 1 */

#define STACK_SHIFT 12

	.section .head, "ax"
	.globl start
start:
	b first
	.long 0
	.quad 0 /* text_offset */
	.quad guest_bytes /* with .bss */
	.quad 0xa /* little-endian, 4 KiB, anywhere */
	.quad 0, 0, 0
	.ascii "ARM\x64"
	.long 0

first:
	orr x4, x4, x5
	.irp n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
	orr x4, x4, x\n
	.endr
	mov x19, x4
	mrs x20, sctlr_el1
	mrs x21, ttbr0_el1
	mrs x22, tcr_el1
	mrs x23, mair_el1
	mrs x24, daif
	mrs x25, spsel
	mrs x26, cntvct_el0
	bl mmu_on
	adrp x4, entry
	add x4, x4, :lo12:entry
	stp x0, x1, [x4, #E_X0]
	stp x2, x3, [x4, #E_X2]
	str x19, [x4, #E_OTHERS]
	mrs x5, currentel
	str x5, [x4, #E_EL]
	str x24, [x4, #E_DAIF]
	str x25, [x4, #E_SPSEL]
	str x20, [x4, #E_SCTLR]
	str x21, [x4, #E_TTBR0]
	str x22, [x4, #E_TCR]
	str x23, [x4, #E_MAIR]
	str x26, [x4, #E_CNTVCT]
	mov x0, #0
	bl set_up
	bl main
	bl power_off

/* x0: what CPU_ON was given for it, a number from 1 on. */
	.globl cpu_entry
cpu_entry:
	bl mmu_on
	bl set_up
	bl cpu_main
1:	wfi
	b 1b

/* Leaves x0 to x3 and x19 to x26 alone. */
mmu_on:
	adrp x4, tables
	msr ttbr0_el1, x4
	ldr x4, =TCR_VALUE
	msr tcr_el1, x4
	mov x4, #MAIR_VALUE
	msr mair_el1, x4
	isb
	tlbi vmalle1
	ic iallu
	dsb sy
	isb
	mrs x4, sctlr_el1
	mov x5, #SCTLR_MCI
	orr x4, x4, x5
	msr sctlr_el1, x4
	isb
	ret

/* Stack and vectors of vCPU x0, which is kept. */
set_up:
	adrp x4, stacks
	add x5, x0, #1
	add x4, x4, x5, lsl #STACK_SHIFT
	mov sp, x4
	adrp x4, vectors
	add x4, x4, :lo12:vectors
	msr vbar_el1, x4
	isb
	ret

	.ltorg

/* --- exceptions --- */

	.text
	.balign 2048
vectors:
	.rept 4
	b unexpected
	.balign 128
	.endr
	b unexpected
	.balign 128
	b interrupt
	.balign 128
	.rept 10
	b unexpected
	.balign 128
	.endr

unexpected:
	mrs x0, esr_el1
	mrs x1, elr_el1
	mrs x2, far_el1
	bl on_exception

interrupt:
	stp x0, x1, [sp, #-176]!
	stp x2, x3, [sp, #16]
	stp x4, x5, [sp, #32]
	stp x6, x7, [sp, #48]
	stp x8, x9, [sp, #64]
	stp x10, x11, [sp, #80]
	stp x12, x13, [sp, #96]
	stp x14, x15, [sp, #112]
	stp x16, x17, [sp, #128]
	stp x18, x29, [sp, #144]
	str x30, [sp, #160]
	bl on_irq
	ldr x30, [sp, #160]
	ldp x18, x29, [sp, #144]
	ldp x16, x17, [sp, #128]
	ldp x14, x15, [sp, #112]
	ldp x12, x13, [sp, #96]
	ldp x10, x11, [sp, #80]
	ldp x8, x9, [sp, #64]
	ldp x6, x7, [sp, #48]
	ldp x4, x5, [sp, #32]
	ldp x2, x3, [sp, #16]
	ldp x0, x1, [sp], #176
	eret

	.data
	.balign 8
	.globl entry
entry:
	.fill E_BYTES

	.section .tables, "aw"
	.balign 4096
tables: /* level 1, 1 GiB an entry */
	.quad BLOCK_DEVICE
	.quad BLOCK_NORMAL + 0x40000000
	.quad BLOCK_NORMAL + 0x80000000
	.quad BLOCK_NORMAL + 0xc0000000

	.bss
	.balign 4096
stacks:
	.skip GUEST_CPUS_MAX << STACK_SHIFT

	.section .note.GNU-stack, "", @progbits
