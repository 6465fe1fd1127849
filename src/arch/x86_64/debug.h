/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a debugger needs to know of x86 processors, without KVM; compiled on every host:
 *
 *   gdb.c     registers, by GDB's names
 *   xsave.c   x87, SSE and AVX registers in an XSAVE image
 *   paging.c  virtual addresses
 *   points.c  debug registers
 */
#ifndef IOL_X86_DEBUG_H
#define IOL_X86_DEBUG_H

#include <iolite/arch.h>
#include <iolite/memory.h>

/*
 * What stands in for int3 where KVM does not hand that out: out 0xdb, al. No machine of ours has
 * anything at this port, and PCI devices have no ports here.
 */
enum { IOL_X86_TRAP_PORT = 0xdb };
#define IOL_X86_PORT_TRAP               \
	{                               \
		0xe6, IOL_X86_TRAP_PORT \
	}

/* ---- gdb.c ---- */

/* Numbers of registers. Those of the system come after AVX's where there are such, else in their place. */
enum iol_x86_gdb_number {
	IOL_X86_GDB_RAX = 0,
	IOL_X86_GDB_RIP = 16,
	IOL_X86_GDB_EFLAGS,
	IOL_X86_GDB_CS, /* ss, ds, es, fs, gs */
	IOL_X86_GDB_GS = 23,
	IOL_X86_GDB_ST0, /* to 7 */
	IOL_X86_GDB_FCTRL = 32, /* fstat, ftag, fiseg, fioff, foseg, fooff, fop */
	IOL_X86_GDB_XMM0 = 40, /* to 15 */
	IOL_X86_GDB_MXCSR = 56,
	IOL_X86_GDB_FS_BASE,
	IOL_X86_GDB_GS_BASE,
	IOL_X86_GDB_YMM0H, /* to 15 */
	IOL_X86_GDB_YMM_COUNT = 16,
};

/* In their order, from the first number behind the general ones. */
enum iol_x86_gdb_system {
	IOL_X86_GDB_CR0,
	IOL_X86_GDB_CR2,
	IOL_X86_GDB_CR3,
	IOL_X86_GDB_CR4,
	IOL_X86_GDB_CR8,
	IOL_X86_GDB_EFER,
	IOL_X86_GDB_K_GS_BASE,
	IOL_X86_GDB_APIC_BASE,
	IOL_X86_GDB_CS_BASE,
	IOL_X86_GDB_GDT_BASE,
	IOL_X86_GDB_GDT_LIMIT,
	IOL_X86_GDB_IDT_BASE,
	IOL_X86_GDB_IDT_LIMIT,
	IOL_X86_GDB_DR0,
	IOL_X86_GDB_DR1,
	IOL_X86_GDB_DR2,
	IOL_X86_GDB_DR3,
	IOL_X86_GDB_DR6,
	IOL_X86_GDB_DR7,
	IOL_X86_GDB_SYSTEM_COUNT,
};

const struct iol_gdb_description *iol_x86_gdb_description(bool has_avx);

/* ---- xsave.c ---- */

/* As the registers are in GDB's order: little-endian, without gaps. */
struct iol_x86_fpu {
	uint8_t st[8][10];
	uint8_t control[8]
		       [4]; /* fctrl, fstat, ftag (of 16 bits), fiseg, fioff, foseg, fooff, fop */
	uint8_t xmm[16][16];
	uint8_t mxcsr[4];
	uint8_t ymmh[16][16]; /* zeros without AVX */
};

/* An image in the standard format (SDM 1 13.4). */
struct iol_x86_xsave {
	uint8_t *image;
	size_t bytes;
	uint32_t ymm_offset; /* CPUID 0xd, 2: EBX; 0: the vCPU has no AVX */
};

/* -EINVAL for an image that is too short for what it is to hold. */
int iol_x86_xsave_get(const struct iol_x86_xsave *xsave, struct iol_x86_fpu *fpu);
/* Changes what is different, and nothing else. -EINVAL also for bits of MXCSR that the processor has not. */
int iol_x86_xsave_put(const struct iol_x86_xsave *xsave, const struct iol_x86_fpu *fpu);

/* ---- paging.c ---- */

struct iol_x86_paging {
	uint64_t cr0, cr3, cr4, efer;
};

/* struct iol_arch_debug_ops.translate, for a linear address. [any] */
int iol_x86_paging_translate(const struct iol_memory *mem, const struct iol_x86_paging *paging,
			     uint64_t linear, uint64_t *gpa, uint64_t *left);

/* ---- points.c ---- */

enum { IOL_X86_POINT_REGISTERS = 4 };

struct iol_x86_points {
	uint64_t dr[IOL_X86_POINT_REGISTERS];
	uint64_t dr7; /* 0: no point */
	unsigned int count; /* registers in use */
	uint8_t point[IOL_X86_POINT_REGISTERS]; /* which of the setup's points each is for */
};

/*
 * Debug registers for the setup's points. A watchpoint that no register can be for by its length or alignment takes more
 * than one. -ENOSPC: there are too few; -ENOTSUP: @caps have none of a kind; -EINVAL: a point of no length.
 */
int iol_x86_points_pack(const struct iol_debug_caps *caps, const struct iol_debug_setup *setup,
			struct iol_x86_points *points);

/* What DR6 says of them at @pc, a linear address. */
void iol_x86_points_hit(const struct iol_x86_points *points, const struct iol_debug_setup *setup,
			uint64_t dr6, uint64_t pc, struct iol_debug_hit *hit);

#endif
