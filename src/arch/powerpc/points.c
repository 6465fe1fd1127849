// SPDX-License-Identifier: Apache-2.0
/*
 * Hardware points as KVM wants them, what a stop is about, and the interrupt of a trap that is the guest's own.
 *
 * The cores compare the address of an access, its first byte, with a DAC (EREF, "Debug events"); ranges are not for KVM's users. So a
 * watchpoint sees accesses that begin where it does, and one that is longer than any access cannot be had.
 */
#include "debug.h"

#include <errno.h>

enum { ACCESS_BYTES_MAX = 8 };

static uint32_t type_of(enum iol_gdb_point kind)
{
	switch (kind) {
	case IOL_GDB_HARD_BREAK:
		return IOL_PPC_POINT_BREAK;
	case IOL_GDB_WATCH_WRITE:
		return IOL_PPC_POINT_WRITE;
	case IOL_GDB_WATCH_READ:
		return IOL_PPC_POINT_READ;
	case IOL_GDB_WATCH_ACCESS:
		return IOL_PPC_POINT_READ | IOL_PPC_POINT_WRITE;
	default:
		return 0;
	}
}

static int check(const struct iol_debug_caps *caps, const struct iol_debug_point *point,
		 uint32_t type)
{
	if (!type)
		return -ENOTSUP;
	if (type == IOL_PPC_POINT_BREAK)
		return caps->hard_breaks ? 0 : -ENOTSUP;
	if (!caps->hard_watches || (type == IOL_PPC_POINT_READ && !caps->watch_reads))
		return -ENOTSUP;
	return point->bytes && point->bytes <= ACCESS_BYTES_MAX ? 0 : -ENOTSUP;
}

int iol_ppc_points(const struct iol_debug_caps *caps, const struct iol_debug_setup *setup,
		   struct iol_ppc_point points[IOL_PPC_POINTS_MAX])
{
	unsigned int count = 0, breaks = 0, watches = 0;

	for (unsigned int i = 0; i < setup->hard_count; i++) {
		const struct iol_debug_point *point = &setup->hard[i];
		uint32_t type = type_of(point->kind);
		int ret = check(caps, point, type);

		if (ret)
			return ret;
		if (type == IOL_PPC_POINT_BREAK)
			breaks++;
		else
			watches++;
		if (breaks > caps->hard_breaks || watches > caps->hard_watches ||
		    count == IOL_PPC_POINTS_MAX)
			return -ENOSPC;
		points[count++] = (struct iol_ppc_point){ point->address, type };
	}
	return (int)count;
}

static uint32_t points_met(const struct iol_debug_setup *setup, uint32_t types, uint64_t address)
{
	uint32_t met = 0;

	for (unsigned int i = 0; i < setup->hard_count && i < IOL_DEBUG_HARD_MAX; i++)
		if (type_of(setup->hard[i].kind) & types && setup->hard[i].address == address)
			met |= UINT32_C(1) << i;
	return met;
}

void iol_ppc_hit(uint32_t status, uint64_t address, bool at_trap,
		 const struct iol_debug_setup *setup, struct iol_debug_hit *hit)
{
	*hit = (struct iol_debug_hit){ .kind = IOL_DEBUG_NO_HIT };
	if (status & IOL_PPC_POINT_BREAK) {
		hit->kind = IOL_DEBUG_HIT_BREAK;
		hit->address = address;
		hit->points = points_met(setup, IOL_PPC_POINT_BREAK, address);
	} else if (status & (IOL_PPC_POINT_READ | IOL_PPC_POINT_WRITE)) {
		hit->kind = IOL_DEBUG_HIT_WATCH;
		hit->address = address;
		hit->points = points_met(setup, status, address);
	} else if (at_trap || !setup->step) {
		/*
		 * KVM says no more of a trap than of a step, and stops for the guest's own also where none of ours is set. A step that
		 * has come to a trap meets it next: it is as good as met.
		 */
		hit->kind = IOL_DEBUG_HIT_TRAP;
	} else {
		hit->kind = IOL_DEBUG_HIT_STEP;
	}
}

enum {
	ESR_PIL = 0x08000000, /* an illegal instruction */
	EPCR_ICM = 0x02000000, /* interrupts are taken in 64-bit mode */
	IVOR_OFFSET = 0xfff0,
	/* What such an interrupt leaves: CE, ME, DE. */
	MSR_KEPT = 0x00020000 | 0x00001000 | 0x00000200,
};
#define IVPR_BASE (~UINT64_C(0xffff))

void iol_ppc_program_interrupt(uint64_t pc, uint64_t msr, uint64_t ivpr, uint32_t ivor6,
			       uint32_t epcr, struct iol_ppc_program_interrupt *irq)
{
	*irq = (struct iol_ppc_program_interrupt){
		.pc = (ivpr & IVPR_BASE) | (ivor6 & IVOR_OFFSET),
		.msr = (msr & MSR_KEPT) | (epcr & EPCR_ICM ? IOL_PPC_MSR_CM : 0),
		.srr0 = pc,
		.srr1 = msr,
		.esr = ESR_PIL,
	};
}
