/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pure part of debugging: any host, any thread.
 *
 *   registers.h  the list of registers
 *   gdb.c        what GDB is told of them, and their values in its buffers
 *   tlb.c        a guest's TLB, walked
 *   points.c     hardware points as KVM wants them, and what a stop is about
 *   kvm_debug.c, kvm_debug_probe.c, kvm_registers.c: all of this on KVM
 */
#ifndef IOL_PPC_DEBUG_H
#define IOL_PPC_DEBUG_H

#include "ppc.h"
#include "registers.h"

/* ---- Registers ---- */

#define IOL_PPC_REGISTER_ROW(name, ...) IOL_PPC_ROW_##name,
enum { IOL_PPC_REGISTERS(IOL_PPC_REGISTER_ROW) IOL_PPC_ROWS };

enum { IOL_PPC_GDB_FEATURES = 3 };

/* What GDB is told of a machine. Points into itself: it is not to be moved. */
struct iol_ppc_gdb {
	struct iol_gdb_description description;
	struct iol_gdb_feature features[IOL_PPC_GDB_FEATURES];
	struct iol_gdb_register registers[IOL_PPC_ROWS];
	unsigned int count;
	/* By number: which row of registers.h it is, and where in a buffer of all of them. */
	unsigned int rows[IOL_PPC_ROWS];
	size_t offsets[IOL_PPC_ROWS];
	size_t bytes; /* of all */
};

/* @has_fpu: KVM lets floating-point registers be read. */
void iol_ppc_gdb_describe(struct iol_ppc_gdb *gdb, const struct iol_ppc_machine *machine,
			  bool has_fpu);
/* A register's value, in a buffer of all of them; what does not fit is cut off. */
void iol_ppc_gdb_put(const struct iol_ppc_gdb *gdb, unsigned int n, uint8_t *buf, uint64_t value);
uint64_t iol_ppc_gdb_get(const struct iol_ppc_gdb *gdb, unsigned int n, const uint8_t *buf);
bool iol_ppc_row_read_only(unsigned int row);

/* ---- Memory ---- */

/* Bits of the MSR (Book III-E 4.2.1). */
#define IOL_PPC_MSR_CM UINT64_C(0x80000000) /* 64-bit mode */
#define IOL_PPC_MSR_WE UINT64_C(0x00040000) /* waits for an interrupt */
#define IOL_PPC_MSR_IS UINT64_C(0x20) /* address space of instructions */
#define IOL_PPC_MSR_DS UINT64_C(0x10) /* and of data */

/*
 * Where @tlb of @machine has the effective address for a processor with @msr and @pid; @left: bytes up to the end of the page.
 * False: there is no entry.
 */
bool iol_ppc_tlb_translate(const struct iol_ppc_machine *machine,
			   const struct iol_ppc_tlb_entry *tlb, uint64_t msr, uint32_t pid,
			   uint64_t address, uint64_t *gpa, uint64_t *left);

/* ---- Points ---- */

enum {
	IOL_PPC_POINTS_MAX = 16, /* struct kvm_guest_debug_arch has so many */
	/* Of its entries and of kvm_run's status: as KVMPPC_DEBUG_... */
	IOL_PPC_POINT_BREAK = 2,
	IOL_PPC_POINT_WRITE = 4,
	IOL_PPC_POINT_READ = 8,
};

struct iol_ppc_point {
	uint64_t address;
	uint32_t type;
};

/*
 * @points for KVM; returns how many. -ENOSPC: more than @caps says there are, -ENOTSUP: there is none of such a kind or length.
 */
int iol_ppc_points(const struct iol_debug_caps *caps, const struct iol_debug_setup *setup,
		   struct iol_ppc_point points[IOL_PPC_POINTS_MAX]);
/* What a stop with KVM's @status and @address is about; @at_trap: a trap instruction is where the pc is. */
void iol_ppc_hit(uint32_t status, uint64_t address, bool at_trap,
		 const struct iol_debug_setup *setup, struct iol_debug_hit *hit);

/* ---- A trap of the guest's own ---- */

/* What a program interrupt for an illegal instruction changes (Book III-E 7.6.7). */
struct iol_ppc_program_interrupt {
	uint64_t pc, msr, srr0, srr1;
	uint32_t esr;
};

/* @epcr: 0 on a core of 32 bits. */
void iol_ppc_program_interrupt(uint64_t pc, uint64_t msr, uint64_t ivpr, uint32_t ivor6,
			       uint32_t epcr, struct iol_ppc_program_interrupt *irq);

#endif
