/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the virtio core (registers.c, run.c, lend.c) know of each other. */
#ifndef DEVICES_VIRTIO_CORE_H
#define DEVICES_VIRTIO_CORE_H

#include <iolite/virtio.h>

/* registers.c: everything the driver can write as at power-on. Under the lock. */
void virtio_reset_registers(struct iol_virtio *v);

/* run.c: the queues' operations at iol_virtio_init() and before iol_virtio_finish() frees them. */
void virtio_run_init(struct iol_virtio *v);
void virtio_run_finish(struct iol_virtio *v);
/* run.c: reads kicks of @q from now on, unless it is lent. */
void virtio_await_kick(struct iol_virtio_queue *q);
/* run.c: shows the driver what was pushed, and interrupts it if it asked for that. */
void virtio_publish_queue(struct iol_virtio *v, unsigned int queue);

/* lend.c: as the two of run.c. */
void virtio_lend_init(struct iol_virtio *v);
void virtio_lend_cancel(struct iol_virtio *v);
bool virtio_lend_in_flight(const struct iol_virtio *v);
void virtio_lend_finish(struct iol_virtio *v);

#endif
