/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What start.S found before it changed anything: 64-bit slots by offset, for assembly, and the same
 * as a struct for C.
 */
#ifndef GUEST_ENTRY_STATE_H
#define GUEST_ENTRY_STATE_H

#define E_RAX 0x00
#define E_RBX 0x08
#define E_RCX 0x10
#define E_RDX 0x18
#define E_RSI 0x20
#define E_RDI 0x28
#define E_RBP 0x30
#define E_RSP 0x38
#define E_RFLAGS 0x40
#define E_CR0 0x48
#define E_CR3 0x50
#define E_CR4 0x58
#define E_EFER 0x60
#define E_CS 0x68
#define E_DS 0x70
#define E_ES 0x78
#define E_SS 0x80
#define E_FS 0x88
#define E_GS 0x90
#define E_TR 0x98
#define E_GDT_LIMIT 0xa0
#define E_GDT_BASE 0xa8
#define E_BASE_PROBES 0xb0 /* PVH: a word read through CS, DS, ES, SS */
#define E_LIMIT_PROBES 0xd0 /* PVH: the top of the address space read through DS, ES, SS */
#define E_BYTES 0xe8

#define E_PROBE_VALUE 0x70726f62

#ifndef __ASSEMBLER__
#include <stdint.h>

struct entry_state {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, rflags;
	uint64_t cr0, cr3, cr4, efer;
	uint64_t cs, ds, es, ss, fs, gs, tr;
	uint64_t gdt_limit, gdt_base;
	uint64_t base_probes[4];
	uint64_t limit_probes[3];
};

_Static_assert(sizeof(struct entry_state) == E_BYTES, "slots and struct agree");

/*
 * MCE: KVM on SVM runs every guest with the host's, and hides it by intercepting reads of CR4. QEMU 10, which the lab's level 1 is
 * emulated by, does not let it do that in 32-bit code.
 */
#define ENTRY_CR4_OF_KVM UINT64_C(0x40)

extern struct entry_state entry;
#endif

#endif
