/* SPDX-License-Identifier: Apache-2.0 */
/* What disks of guest cases hold, before and after; for guests and the program that runs them. */
#ifndef GUEST_DISK_IMAGE_H
#define GUEST_DISK_IMAGE_H

#include <stdint.h>

enum {
	DISK_SECTOR = 512,
	/* Sectors that g_disk.c changes; all the others stay as they are. */
	DISK_WRITTEN = 64, /* inverted */
	DISK_ZEROED = 256,
	DISK_DISCARDED = 512, /* may hold anything */
	DISK_CHANGED_SECTORS = 128, /* of each */
};

/* The 64-bit word at @offset, a multiple of 8, of disk @number before the guest runs. */
static inline uint64_t disk_word(unsigned int number, uint64_t offset)
{
	return (offset / 8 + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)(number + 1) << 56;
}

#endif
