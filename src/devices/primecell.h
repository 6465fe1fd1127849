/* SPDX-License-Identifier: Apache-2.0 */
/* What ARM's PrimeCell peripherals share: registers of a word each, and who they are in the last of them. */
#ifndef DEVICES_PRIMECELL_H
#define DEVICES_PRIMECELL_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PRIMECELL_ID =
		0xfe0 /* eight registers of a byte: part, designer, revision, then a constant */
};

/* Registers are read and written from their first byte on, in 1, 2 or 4. */
static inline bool primecell_is_access(uint64_t offset, unsigned int len)
{
	return offset % 4 == 0 && len <= 4;
}

/* The identification register at @offset (PRIMECELL_ID and up) of part @part: ARM's, revision 0. */
static inline uint8_t primecell_id(uint8_t part, uint64_t offset)
{
	const uint8_t ids[8] = { part, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

	return ids[(offset - PRIMECELL_ID) / 4 % 8];
}

#endif
