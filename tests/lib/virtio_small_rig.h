/* SPDX-License-Identifier: Apache-2.0 */
/* The rig of virtio_device_rig.h as large as a device of few queues and short buffers needs it. */
#ifndef IOLITE_TESTS_VIRTIO_SMALL_RIG_H
#define IOLITE_TESTS_VIRTIO_SMALL_RIG_H

#include <glib.h>

#include "virtio_device_rig.h"

enum {
	SMALL_RIG_RAM_BYTES = 0x100000,
	SMALL_RIG_DATA = 0x40000, /* up to the end */
	SMALL_RIG_DATA_BYTES = SMALL_RIG_RAM_BYTES - SMALL_RIG_DATA,
};

static inline void small_rig_init(struct device_rig *r, struct iol_loop *loop)
{
	device_rig_init(r, loop, SMALL_RIG_RAM_BYTES, SMALL_RIG_DATA);
}

/* Resets and frees the device. */
static inline void small_rig_finish(struct device_rig *r)
{
	g_assert(device_rig_reset(r));
	device_rig_finish(r);
}

#endif
