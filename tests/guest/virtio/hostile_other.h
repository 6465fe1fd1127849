/* SPDX-License-Identifier: Apache-2.0 */
/* A disk as the device that is never reset: number 1 of the command line, and of disk_image.h. */
#ifndef GUEST_HOSTILE_OTHER_H
#define GUEST_HOSTILE_OTHER_H

#include "disk.h"

enum { READ_BYTES = 4096 };

#define DISK_FEATURES                                                         \
	(VIO_BIT(VIRTIO_F_VERSION_1) | VIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | \
	 VIO_BIT(VIRTIO_RING_F_EVENT_IDX) | VIO_BIT(VIRTIO_BLK_F_FLUSH) |     \
	 VIO_BIT(VIRTIO_BLK_F_DISCARD) | VIO_BIT(VIRTIO_BLK_F_WRITE_ZEROES))

/* Opens it, and fills h.other. It has other_works() and restart_other() of hostile.h. */
bool open_other(void);

/* READ_BYTES at @data are those of disk @number from @sector on. */
bool disk_data_is_right(unsigned int number, const void *data, uint64_t sector);

#endif
