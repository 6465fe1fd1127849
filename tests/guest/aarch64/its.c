// SPDX-License-Identifier: Apache-2.0
/* See its.h. */
#include "its.h"

enum {
	DEVICE = 3 << 3,
	EVENT = 2,
	EVENT_BITS = 5,
	COLLECTION = 1,
	LPI_BITS = 14,
	PENDING_BYTES = 64 * 1024,
	WAIT_MS = 10000,
	/* Commands of four doublewords. */
	COMMAND_INT = 0x03,
	COMMAND_MAPD = 0x08,
	COMMAND_MAPC = 0x09,
	COMMAND_MAPTI = 0x0a,
	LPI_ENABLED = 1,
	LPI_PRIORITY = 0xa0,
};
#define VALID (UINT64_C(1) << 63)
/* Memory that nobody else has; all is zero. */
#define PLACE (IOL_ARM64_RAM + 0x1000000)
#define QUEUE (PLACE + 0x10000)
#define DEVICE_TABLE (PLACE + 0x20000)
#define COLLECTION_TABLE (PLACE + 0x30000)
#define EVENTS (PLACE + 0x40000)
#define PROPERTIES (PLACE + 0x50000)
#define PENDING (PLACE + 0x60000)

static uint64_t write_pointer;

static void command(uint64_t d0, uint64_t d1, uint64_t d2)
{
	uint64_t at = QUEUE + write_pointer;
	uint64_t limit = ticks() + ticks_of_ms(WAIT_MS);

	write64(at, d0);
	write64(at + 8, d1);
	write64(at + 16, d2);
	write64(at + 24, 0);
	barrier();
	write_pointer += 32;
	write64(IOL_ARM64_ITS + GITS_CWRITER, write_pointer);
	while (read64(IOL_ARM64_ITS + GITS_CREADR) != write_pointer && ticks() < limit)
		;
	check_eq("ITS takes a command", read64(IOL_ARM64_ITS + GITS_CREADR), write_pointer);
}

void its_make_pending(void)
{
	/* LPIs have a byte each, from 8192 on. */
	write8(PROPERTIES + ITS_LPI - 8192, LPI_PRIORITY | LPI_ENABLED);
	for (unsigned int cpu = 0; cpu < 2; cpu++) {
		write64(gicr(cpu) + GICR_PROPBASER, PROPERTIES | (LPI_BITS - 1));
		write64(gicr(cpu) + GICR_PENDBASER, PENDING + cpu * PENDING_BYTES);
		write32(gicr(cpu) + GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
		check_eq("LPIs are on", read32(gicr(cpu) + GICR_CTLR) & GICR_CTLR_ENABLE_LPIS,
			 GICR_CTLR_ENABLE_LPIS);
	}
	write64(IOL_ARM64_ITS + GITS_BASER, VALID | DEVICE_TABLE | 0x200);
	write64(IOL_ARM64_ITS + GITS_BASER + 8, VALID | COLLECTION_TABLE | 0x200);
	write64(IOL_ARM64_ITS + GITS_CBASER, VALID | QUEUE);
	write32(IOL_ARM64_ITS + GITS_CTLR, GITS_CTLR_ENABLED);
	command(COMMAND_MAPC, 0, VALID | COLLECTION);
	command(COMMAND_MAPD | (uint64_t)DEVICE << 32, EVENT_BITS - 1, VALID | EVENTS);
	command(COMMAND_MAPTI | (uint64_t)DEVICE << 32, EVENT | (uint64_t)ITS_LPI << 32,
		COLLECTION);
	command(COMMAND_INT | (uint64_t)DEVICE << 32, EVENT, 0);
}
