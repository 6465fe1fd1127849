/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first instructions of every guest: take down the state at entry, switch to page tables and
 * descriptors of our own, call main() in 64-bit mode at CPL 0.
 *
 *   ENTRY_PVH      32-bit entry named by the Xen note
 *   ENTRY_LONG     64-bit entry at e_entry; ENTRY_BZIMAGE as well: 0x200 into the kernel, with the
 *                  setup header in front of it
 *
 * A KVM without hardware behind it emulates all of this: plain instructions only, and few.
 */
#include "entry_state.h"

#define CR0_PG 0x80000000
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100

#define SEL_CODE 0x08
#define SEL_DATA 0x10

#define PTE_USER_TABLE 0x07 /* present, writable, user */
#define PTE_USER_LARGE 0x87
#define MAPPED_GIB 8

#if defined(ENTRY_PVH)
	.section .note.Xen, "a", @note
	.long 4, 4, 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long start
#endif

#if defined(ENTRY_BZIMAGE)
/* Linux Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header" */
	.section .setup, "a"
	.org 0x1f1
	.byte 1 /* setup_sects */
	.word 0
	.long guest_syssize
	.word 0, 0xffff, 0
	.word 0xaa55
	.byte 0xeb, 0x268 - 0x202 /* the header ends at 0x268 */
	.ascii "HdrS"
	.word 0x020f
	.long 0
	.word 0, 0
	.byte 0, 0x01 /* loadflags: LOADED_HIGH */
	.word 0
	.long 0x100000 /* code32_start */
	.long 0, 0, 0 /* ramdisk, ramdisk size, bootsect_kludge */
	.word 0
	.byte 0, 0
	.long 0 /* cmd_line_ptr */
	.long 0x7fffffff /* initrd_addr_max */
	.long 0x200000 /* kernel_alignment */
	.byte 1, 21 /* relocatable_kernel, min_alignment */
	.word 0x0001 /* xloadflags: XLF_KERNEL_64 */
	.long 255 /* cmdline_size */
	.long 0
	.quad 0
	.long 0, 0 /* payload */
	.quad 0 /* setup_data */
	.quad guest_base /* pref_address */
	.long guest_init_bytes
	.long 0 /* handover_offset */
	.org 0x400
#endif

	.section .head, "ax"
	.globl start
#if defined(ENTRY_PVH)
	.code32
start:
	movl %eax, entry + E_RAX
	movl %ebx, entry + E_RBX
	movl %ecx, entry + E_RCX
	movl %edx, entry + E_RDX
	movl %esi, entry + E_RSI
	movl %edi, entry + E_RDI
	movl %ebp, entry + E_RBP
	movl %esp, entry + E_RSP
	movl $stack_end, %esp
	pushfl
	popl %eax
	movl %eax, entry + E_RFLAGS
	movl %cr0, %eax
	movl %eax, entry + E_CR0
	movl %cr3, %eax
	movl %eax, entry + E_CR3
	movl %cr4, %eax
	movl %eax, entry + E_CR4
	movl $MSR_EFER, %ecx
	rdmsr
	movl %eax, entry + E_EFER
	movw %cs, entry + E_CS
	movw %ds, entry + E_DS
	movw %es, entry + E_ES
	movw %ss, entry + E_SS
	movw %fs, entry + E_FS
	movw %gs, entry + E_GS
	str entry + E_TR
	sgdt entry + E_GDT_LIMIT + 6 /* limit and base are adjacent */
	movw entry + E_GDT_LIMIT + 6, %ax
	movl entry + E_GDT_LIMIT + 8, %edx
	movl $0, entry + E_GDT_LIMIT + 4
	movw %ax, entry + E_GDT_LIMIT
	movl %edx, entry + E_GDT_BASE
	movl %cs:probe, %eax
	movl %eax, entry + E_BASE_PROBES
	movl %ds:probe, %eax
	movl %eax, entry + E_BASE_PROBES + 8
	movl %es:probe, %eax
	movl %eax, entry + E_BASE_PROBES + 16
	movl %ss:probe, %eax
	movl %eax, entry + E_BASE_PROBES + 24
	movl $0xfffffff0, %edx
	movl %ds:(%edx), %eax
	movl %eax, entry + E_LIMIT_PROBES
	movl %es:(%edx), %eax
	movl %eax, entry + E_LIMIT_PROBES + 8
	movl %ss:(%edx), %eax
	movl %eax, entry + E_LIMIT_PROBES + 16

	lgdt gdt_pointer
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
	ljmp $SEL_CODE, $in_long_mode
#else
	.code64
#if defined(ENTRY_BZIMAGE)
	.org 0x200
#endif
start:
	movq %rax, entry + E_RAX
	movq %rbx, entry + E_RBX
	movq %rcx, entry + E_RCX
	movq %rdx, entry + E_RDX
	movq %rsi, entry + E_RSI
	movq %rdi, entry + E_RDI
	movq %rbp, entry + E_RBP
	movq %rsp, entry + E_RSP
	movl $stack_end, %esp
	pushfq
	popq %rax
	movq %rax, entry + E_RFLAGS
	movq %cr0, %rax
	movq %rax, entry + E_CR0
	movq %cr3, %rax
	movq %rax, entry + E_CR3
	movq %cr4, %rax
	movq %rax, entry + E_CR4
	movl $MSR_EFER, %ecx
	rdmsr
	movl %eax, entry + E_EFER
	movw %cs, entry + E_CS
	movw %ds, entry + E_DS
	movw %es, entry + E_ES
	movw %ss, entry + E_SS
	movw %fs, entry + E_FS
	movw %gs, entry + E_GS
	str entry + E_TR
	sgdt entry + E_GDT_LIMIT + 6
	movw entry + E_GDT_LIMIT + 6, %ax
	movq entry + E_GDT_LIMIT + 8, %rdx
	movw $0, entry + E_GDT_LIMIT + 6
	movw %ax, entry + E_GDT_LIMIT
	movq %rdx, entry + E_GDT_BASE

	lgdt gdt_pointer
	movl $pml4, %eax
	movq %rax, %cr3
	pushq $SEL_CODE
	pushq $in_long_mode
	lretq
#endif

	.text
	.code64
in_long_mode:
	movl $SEL_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %eax, %fs
	movl %eax, %gs
	movl $stack_end, %esp
	xorl %ebp, %ebp
	call main
	call power_off

	.data
	.balign 16
	.globl entry
entry:
	.fill E_BYTES
probe:
	.long E_PROBE_VALUE

	.balign 16
	.globl gdt
gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* 0x08 code, 64 bits */
	.quad 0x00cf93000000ffff /* 0x10 data */
	.quad 0x00cff3000000ffff /* 0x18 user data */
	.quad 0x00affb000000ffff /* 0x20 user code, 64 bits */
	.quad 0, 0 /* 0x28 task state, filled in by cpu_init() */
	.quad 0x00cf9b000000ffff /* 0x38 code, 32 bits, for ways from and to real mode */
	.quad 0x00009b000000ffff /* 0x40 code, 16 bits */
	.quad 0x000093000000ffff /* 0x48 data, 16 bits */
	.quad 0, 0 /* 0x50 task states of three processors more, by cpu_load_task() */
	.quad 0, 0
	.quad 0, 0
gdt_end:
	.globl gdt_pointer
gdt_pointer:
	.word gdt_end - gdt - 1
	.quad gdt

	.section .tables, "aw"
	.balign 4096
	.globl pml4
pml4:
	.quad pdpt + PTE_USER_TABLE
	.fill 511, 8, 0
pdpt:
	.set i, 0
	.rept MAPPED_GIB
	.quad page_directories + i * 4096 + PTE_USER_TABLE
	.set i, i + 1
	.endr
	.fill 512 - MAPPED_GIB, 8, 0
page_directories:
	.set i, 0
	.rept 512 * MAPPED_GIB
	.quad i * 0x200000 + PTE_USER_LARGE
	.set i, i + 1
	.endr

	.bss
	.balign 16
stack:
	.skip 16384
	.globl stack_end
stack_end:

	.section .note.GNU-stack, "", @progbits
