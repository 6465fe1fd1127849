// SPDX-License-Identifier: Apache-2.0
/*
 * The virtio core: queues that another server has for a while, as the kernel's vhost. See iol_virtio_lend().
 *
 * Runs on the loop's thread. That server reads kicks itself and rings an eventfd of the queue when the driver is to be
 * interrupted. Where the transport can bind that to an interrupt (KVM_IRQFD), the kernel takes what is rung before
 * anybody can read it. The loop reads all the same, always: what it gets is what nobody took, because the vector is
 * masked, or there is none. So none is lost whatever the guest does with its vectors meanwhile.
 *
 * The rings were checked at DRIVER_OK (G1, G11). What a hostile guest writes into them then is the server's to judge.
 */
#include "core.h"

#include <errno.h>
#include <glib.h>
#include <sys/eventfd.h>

static void await_call(struct iol_virtio_queue *q)
{
	if (!q->call_op.in_flight)
		iol_loop_read(q->owner->loop, &q->call_op, q->call_fd, &q->call_count,
			      sizeof(q->call_count), (uint64_t)-1);
}

/* The last one may come after the queue was taken back. After a reset it says nothing (2.4.1). */
static void call_done(struct iol_op *op, int res)
{
	struct iol_virtio_queue *q = iol_container_of(op, struct iol_virtio_queue, call_op);
	struct iol_virtio *v = q->owner;

	if (res == -ECANCELED || v->finishing)
		return;
	if (v->state == IOL_VIRTIO_RUNNING && q->vq.size && v->transport) {
		v->counts.interrupts++;
		v->transport->ops->interrupt_queue(v->transport, (unsigned int)(q - v->queues));
	}
	await_call(q);
}

static void bind_call(struct iol_virtio *v, unsigned int queue, int call_fd)
{
	if (v->transport && v->transport->ops->bind_call)
		v->transport->ops->bind_call(v->transport, queue, call_fd);
}

int iol_virtio_lend(struct iol_virtio *v, unsigned int queue, struct iol_virtio_loan *loan,
		    struct iol_error *err)
{
	struct iol_virtio_queue *q = &v->queues[queue];

	g_assert(v->state == IOL_VIRTIO_RUNNING && q->vq.size && !q->lent);
	if (q->vq.in_flight)
		return iol_error_set(err, -EBUSY, "queue %u: %u chains of it are in flight", queue,
				     q->vq.in_flight);
	/* Blocking, as a doorbell's; see iol_kick_init(). */
	if (q->call_fd < 0)
		q->call_fd = eventfd(0, EFD_CLOEXEC);
	if (q->call_fd < 0)
		return iol_error_errno(err, -errno, "queue %u: cannot create an eventfd", queue);
	virtio_publish_queue(v, queue);
	iol_virtqueue_rings(&q->vq, &loan->rings);
	loan->kick_fd = q->kick.eventfd;
	loan->call_fd = q->call_fd;
	q->lent = true;
	q->paused = false;
	if (q->kick_op.in_flight) {
		q->kick_withdrawn = true;
		iol_loop_cancel(v->loop, &q->kick_op);
	}
	await_call(q);
	bind_call(v, queue, q->call_fd);
	return 0;
}

void iol_virtio_take_back(struct iol_virtio *v, unsigned int queue, uint16_t avail_idx)
{
	struct iol_virtio_queue *q = &v->queues[queue];

	g_assert(q->lent);
	q->lent = false;
	bind_call(v, queue, -1);
	if (v->state != IOL_VIRTIO_RUNNING)
		return;
	iol_virtqueue_resume(&q->vq, avail_idx);
	/* What the driver added meanwhile has had its kick. */
	iol_kick_ring(&q->kick);
	virtio_await_kick(q);
}

void virtio_lend_init(struct iol_virtio *v)
{
	for (unsigned int i = 0; i < v->queue_count; i++)
		v->queues[i].call_op.done = call_done;
}

void virtio_lend_cancel(struct iol_virtio *v)
{
	for (unsigned int i = 0; i < v->queue_count; i++) {
		g_assert(!v->queues[i].lent);
		iol_loop_cancel(v->loop, &v->queues[i].call_op);
	}
}

bool virtio_lend_in_flight(const struct iol_virtio *v)
{
	for (unsigned int i = 0; i < v->queue_count; i++)
		if (v->queues[i].call_op.in_flight)
			return true;
	return false;
}

void virtio_lend_finish(struct iol_virtio *v)
{
	for (unsigned int i = 0; i < v->queue_count; i++)
		iol_fd_close(&v->queues[i].call_fd);
}
