// SPDX-License-Identifier: Apache-2.0
/*
 * A guest's TLB, walked (Book III-E 6.7.2; EREF, "MMU assist registers"). It is the array that KVM shares, and all that there is:
 * tables are the guest's own matter. What the guest has mapped but does not have in its TLB is therefore not found.
 *
 * KVM's cores know one process id, PID0 (its mtspr refuses others), and so does this.
 */
#include "debug.h"

enum {
	MAS1_TID_SHIFT = 16,
	MAS1_TID_MASK = 0x3fff,
	MAS1_TS = 0x1000,
	MAS1_TSIZE_SHIFT = 7, /* log2 of KiB */
	MAS1_TSIZE_MASK = 0x1f,
	TLB0_TSIZE = 2, /* whatever an entry of TLB0 says */
	PAGE_MASK = 0xfff, /* flags of MAS2 and MAS3 */
};
#define MAS1_VALID UINT32_C(0x80000000)

struct search {
	uint64_t address, address_mask;
	uint32_t pid, ts;
};

static bool entry_has(const struct search *s, const struct iol_ppc_tlb_entry *entry, uint64_t bytes)
{
	uint32_t tid = entry->mas1 >> MAS1_TID_SHIFT & MAS1_TID_MASK;

	return entry->mas1 & MAS1_VALID && (entry->mas1 & MAS1_TS) == s->ts &&
	       (!tid || tid == s->pid) &&
	       !((entry->mas2 ^ s->address) & s->address_mask & ~(bytes - 1));
}

static bool find(const struct iol_ppc_machine *machine, const struct iol_ppc_tlb_entry *tlb,
		 const struct search *s, uint64_t *gpa, uint64_t *left)
{
	unsigned int count = machine->tlb[0].entries + machine->tlb[1].entries;

	for (unsigned int i = 0; i < count; i++) {
		unsigned int tsize = i < machine->tlb[0].entries
					     ? TLB0_TSIZE
					     : tlb[i].mas1 >> MAS1_TSIZE_SHIFT & MAS1_TSIZE_MASK;
		uint64_t bytes = UINT64_C(1024) << (tsize < TLB0_TSIZE ? TLB0_TSIZE : tsize);

		if (!entry_has(s, &tlb[i], bytes))
			continue;
		*left = bytes - (s->address & (bytes - 1));
		*gpa = (tlb[i].mas7_3 & ~(bytes - 1)) | (s->address & (bytes - 1));
		return true;
	}
	return false;
}

bool iol_ppc_tlb_translate(const struct iol_ppc_machine *machine,
			   const struct iol_ppc_tlb_entry *tlb, uint64_t msr, uint32_t pid,
			   uint64_t address, uint64_t *gpa, uint64_t *left)
{
	/* In 32-bit mode a processor forgets the rest. */
	bool is_wide = machine->is_64bit && msr & IOL_PPC_MSR_CM;
	uint64_t mask = is_wide ? UINT64_MAX : UINT32_MAX;
	struct search s = {
		.address = address & mask,
		.address_mask = mask,
		.pid = pid,
		.ts = msr & IOL_PPC_MSR_DS ? MAS1_TS : 0,
	};

	if (find(machine, tlb, &s, gpa, left))
		return true;
	/* Code may be in another space than data. */
	s.ts = msr & IOL_PPC_MSR_IS ? MAS1_TS : 0;
	return find(machine, tlb, &s, gpa, left);
}
