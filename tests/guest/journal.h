/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What g_journal.c writes; tests/fault/kill9.py has the same layout. Little-endian. A record is 1 to
 * 8 sectors at the start of a place of 8 sectors on disk 0; a note says on disk 1, in sector
 * seq, that it was acknowledged. CRC-32 as of zlib, over all before it.
 */
#ifndef GUEST_JOURNAL_H
#define GUEST_JOURNAL_H

#include <stdint.h>

#define JOURNAL_RECORD UINT64_C(0x31726f636572696f)
#define JOURNAL_NOTE UINT64_C(0x3165746f6e2d696f)

enum { JOURNAL_PLACE_SECTORS = 8, JOURNAL_SECTOR = 512 };

struct journal_sector {
	uint64_t magic;
	uint64_t seq; /* from 1 */
	uint32_t place;
	uint16_t index; /* of this sector in its record; 0 in a note */
	uint16_t count; /* sectors of the record */
	uint8_t payload[JOURNAL_SECTOR - 28];
	uint32_t crc;
};

_Static_assert(sizeof(struct journal_sector) == JOURNAL_SECTOR, "a sector");

#endif
