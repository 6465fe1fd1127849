/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the virtio core (registers.c, run.c) know of each other. */
#ifndef DEVICES_VIRTIO_CORE_H
#define DEVICES_VIRTIO_CORE_H

#include <iolite/virtio.h>

/* registers.c: everything the driver can write as at power-on. Under the lock. */
void virtio_reset_registers(struct iol_virtio *v);

/* run.c: the queues' operations at iol_virtio_init() and before iol_virtio_finish() frees them. */
void virtio_run_init(struct iol_virtio *v);
void virtio_run_finish(struct iol_virtio *v);

#endif
