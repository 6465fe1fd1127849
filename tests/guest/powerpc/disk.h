/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first virtio-blk disk on virtio-mmio (virtio-v1.2 4.2.3, 5.2), one request at a time, by polling. Registers
 * and rings are little-endian, and the guest is not.
 */
#ifndef GUEST_DISK_H
#define GUEST_DISK_H

#include "guest.h"

/* False: there is none, or it does not come up. */
bool disk_init(void);
/* One sector of 512 bytes. False: it failed. */
bool disk_read(uint32_t sector, void *data);
bool disk_write(uint32_t sector, void *data);

/*
 * What boot this is, from 1 on, by a note in a sector whose contents are nobody's; 0: the disk fails. A
 * machine has no other memory that outlives a reset.
 */
unsigned int disk_count_boot(void);

/* Leaves the disk as who runs the guest wants to see it (disk_image.h). */
bool disk_change(void);

#endif
