// SPDX-License-Identifier: Apache-2.0
/*
 * The spin table (ePAPR-1.1 5.5.2) as registers. See ppc.h. Pure; who serves the registers locks.
 *
 * A guest may write anything anywhere in it. The entry of a processor that is not there, that is running, and
 * processor 0's are memory that means nothing.
 */
#include "ppc.h"

#include <assert.h>
#include <string.h>

enum { WAITS = 1 };

void iol_ppc_spin_reset(struct iol_ppc_spin_table *table, unsigned int cpus)
{
	assert(cpus <= IOL_PPC_CPUS_MAX);
	*table = (struct iol_ppc_spin_table){ .cpus = cpus };
	for (unsigned int i = 0; i < IOL_PPC_CPUS_MAX; i++)
		table->entries[i] = (struct iol_ppc_spin_entry){
			.entry_addr = be64_of(WAITS),
			.r3 = be64_of(i),
			.pir = be32_of(i),
		};
}

uint64_t iol_ppc_spin_read(const struct iol_ppc_spin_table *table, uint64_t offset,
			   unsigned int len)
{
	assert(len <= 8 && offset <= IOL_PPC_SPIN_TABLE_BYTES - len);
	return iol_le_load((const uint8_t *)table->entries + offset, len);
}

int iol_ppc_spin_write(struct iol_ppc_spin_table *table, uint64_t offset, unsigned int len,
		       uint64_t value)
{
	unsigned int cpu = (unsigned int)(offset / sizeof(table->entries[0]));

	assert(len <= 8 && offset <= IOL_PPC_SPIN_TABLE_BYTES - len);
	/* Registers are aligned: what spans two of them is no access that releases anybody. */
	if (offset % len)
		return -1;
	iol_le_store((uint8_t *)table->entries + offset, len, value);
	if (!cpu || cpu >= table->cpus || table->released[cpu] ||
	    (be64_get(table->entries[cpu].entry_addr) & WAITS))
		return -1;
	table->released[cpu] = true;
	return (int)cpu;
}
