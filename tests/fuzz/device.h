/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets of one virtio device each share, besides fuzz.h. */
#ifndef IOLITE_TESTS_FUZZ_DEVICE_H
#define IOLITE_TESTS_FUZZ_DEVICE_H

#include "fuzz.h"

#include "virtio_device_rig.h"

/* Empty between inputs; a ring for each would take most of the time. */
static inline struct iol_loop *fuzz_loop(void)
{
	static struct iol_loop loop;
	static bool ready;

	if (!ready)
		fuzz_check(!iol_loop_init(&loop, NULL));
	ready = true;
	return &loop;
}

/* By the driver, or by the machine. The device can drop all that it has at once. */
static inline void fuzz_reset(struct device_rig *r, bool machine)
{
	struct iol_quiesce quiesce = { .pending = 1 };

	if (machine) {
		fuzz_check(iol_virtio_quiesce(r->v, &quiesce));
		iol_virtio_reset(r->v);
	} else {
		fuzz_check(device_rig_reset(r));
	}
	fuzz_check(!r->v->in_flight && !iol_virtio_status(r->v));
}

#endif
