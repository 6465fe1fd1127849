// SPDX-License-Identifier: Apache-2.0
/*
 * What a processor finds at its first instruction: ePAPR-1.1 5.3 (initial mapped areas), 5.4 (processor 0),
 * 5.5 (the others), and what QEMU's e500 machines do where that leaves a choice. Pure: any thread.
 *
 * The first mapping is entry 0 of TLB1, address space 0, from effective address 0 (EREF, "MMU assist
 * registers"). It lies over RAM, so that MAS2 asks for coherence as Linux does and for nothing else.
 */
#include "ppc.h"

#include <assert.h>

enum {
	EPAPR_MAGIC = 0x45504150, /* "EPAP": Book III-E */
	R_STACK = 1,
	R_TREE = 3,
	R_MAGIC = 6,
	R_MAP_BYTES = 7,
};

/* ePAPR says nothing of r1; QEMU gives this. It is inside every first mapping. */
#define STACK (16 * IOL_MIB - 8)

/* The first mappings of processors other than 0. */
#define RELEASE_MAP_BYTES (64 * IOL_MIB)

enum {
	MAS1_VALID = 0x80000000,
	MAS1_IPROT = 0x40000000,
	MAS1_TSIZE_SHIFT = 7, /* log2 of KiB */
	MAS2_M = 0x4,
	MAS3_ALL = 0x3f, /* user and supervisor execute, write, read */
	TSIZE_MIN = 16,
};

static_assert((UINT64_C(1024) << TSIZE_MIN) == IOL_PPC_MAP_MIN_BYTES, "64 MiB");
static_assert((UINT64_C(1024) << TSIZE_MIN) == RELEASE_MAP_BYTES, "64 MiB");
static_assert(STACK < IOL_PPC_MAP_MIN_BYTES, "the stack is mapped");

/*
 * The smallest page that covers [0, @end). Cores before e6500 have only sizes of 4^n KiB, and these are
 * the even ones.
 */
static unsigned int tsize_for(uint64_t end)
{
	unsigned int tsize = TSIZE_MIN;

	assert(end <= IOL_PPC_MAP_MAX_BYTES);
	while ((UINT64_C(1024) << tsize) < end)
		tsize += 2;
	return tsize;
}

static struct iol_ppc_tlb_entry map(uint64_t gpa, unsigned int tsize)
{
	return (struct iol_ppc_tlb_entry){
		.mas1 = MAS1_VALID | MAS1_IPROT | tsize << MAS1_TSIZE_SHIFT,
		.mas2 = MAS2_M,
		.mas7_3 = gpa | MAS3_ALL,
	};
}

/* MSR is 0: supervisor, interrupts off, address space 0, and 32-bit also on 64-bit cores. */
static struct iol_ppc_boot_state at_reset(const struct iol_layout *layout, unsigned int cpu)
{
	assert(cpu < layout->cpus);
	return (struct iol_ppc_boot_state){ .pir = cpu, .pvr = layout->facts.pvr };
}

void iol_ppc_boot_state(const struct iol_layout *layout, const struct iol_entry *entry,
			unsigned int cpu, struct iol_ppc_boot_state *state)
{
	unsigned int tsize = tsize_for(entry->args[IOL_PPC_ENTRY_MAP_END]);

	*state = at_reset(layout, cpu);
	if (cpu) {
		state->waits = true;
		return;
	}
	state->pc = entry->pc;
	state->gpr[R_STACK] = STACK;
	state->gpr[R_TREE] = entry->args[IOL_PPC_ENTRY_TREE];
	state->gpr[R_MAGIC] = EPAPR_MAGIC;
	state->gpr[R_MAP_BYTES] = UINT64_C(1024) << tsize;
	state->tlb1 = map(0, tsize);
}

void iol_ppc_release_state(const struct iol_layout *layout, const struct iol_ppc_spin_entry *spin,
			   unsigned int cpu, struct iol_ppc_boot_state *state)
{
	uint64_t addr = be64_get(spin->entry_addr);

	/* r6 is 0: the magic is for the processor that has a tree. The guest chose the address. */
	*state = at_reset(layout, cpu);
	state->pc = addr % RELEASE_MAP_BYTES;
	state->gpr[R_TREE] = be64_get(spin->r3);
	state->gpr[R_MAP_BYTES] = RELEASE_MAP_BYTES;
	state->tlb1 = map(addr - addr % RELEASE_MAP_BYTES, TSIZE_MIN);
}
