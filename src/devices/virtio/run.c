// SPDX-License-Identifier: Apache-2.0
/*
 * The virtio core at work: taking queues over at DRIVER_OK, serving them, giving them up at reset
 * (virtio-v1.2 2.4, 2.7, 3.1). See include/iolite/virtio.h.
 *
 * Runs on the loop's thread. Kicks come as reads of eventfds that stay armed from the first
 * DRIVER_OK on; while the loop polls, the driver is asked not to kick at all. Used chains are published
 * and signalled once at the end of a turn, however many there are.
 *
 * A hostile guest can break its queues: its device then waits for a reset and nothing else happens.
 * Kicks in a storm cost one eventfd read a turn; a queue is served for as many chains as it has
 * entries and then others have their turn (G13).
 */
#include "core.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdarg.h>
#include <stdio.h>

/* --- kicks --- */

void virtio_await_kick(struct iol_virtio_queue *q)
{
	if (!q->kick_op.in_flight && !q->lent) {
		iol_loop_keep(q->owner->loop, q->kick.eventfd);
		iol_loop_read(q->owner->loop, &q->kick_op, q->kick.eventfd, &q->kick_count,
			      sizeof(q->kick_count), (uint64_t)-1);
	}
}

/* By us, now. */
static bool is_served(const struct iol_virtio_queue *q)
{
	return q->vq.size && !q->paused && !q->lent;
}

/* Serves @q now and arranges for what comes later. */
static void attend(struct iol_virtio *v, struct iol_virtio_queue *q)
{
	bool more;

	if (v->state != IOL_VIRTIO_RUNNING || !is_served(q))
		return;
	iol_virtqueue_want_kicks(&q->vq, false);
	more = v->ops->serve(v, (unsigned int)(q - v->queues));
	if (v->state != IOL_VIRTIO_RUNNING || !is_served(q) ||
	    iol_loop_poller_start(v->loop, &v->poller))
		return;
	if (more || iol_virtqueue_want_kicks(&q->vq, true))
		iol_kick_ring(&q->kick);
}

static void kick_done(struct iol_op *op, int res)
{
	struct iol_virtio_queue *q = iol_container_of(op, struct iol_virtio_queue, kick_op);

	bool withdrawn = q->kick_withdrawn;

	q->kick_withdrawn = false;
	if (q->owner->finishing || (res == -ECANCELED && !withdrawn))
		return;
	if (q->lent) {
		/* What came before the cancellation is the other server's. */
		if (res != -ECANCELED)
			iol_kick_ring(&q->kick);
		return;
	}
	if (res != -ECANCELED) {
		q->owner->counts.kicks++;
		attend(q->owner, q);
	}
	virtio_await_kick(q);
}

static bool poll_queues(struct iol_poller *poller)
{
	struct iol_virtio *v = iol_container_of(poller, struct iol_virtio, poller);
	bool work = false;

	for (unsigned int i = 0; i < v->queue_count && v->state == IOL_VIRTIO_RUNNING; i++) {
		struct iol_virtqueue *vq = &v->queues[i].vq;

		if (!is_served(&v->queues[i]) || !iol_virtqueue_pending(vq))
			continue;
		v->ops->serve(v, i);
		work = true;
	}
	return work;
}

/* Back to kicks, unless something came in while the driver was told. */
static bool stop_polling(struct iol_poller *poller)
{
	struct iol_virtio *v = iol_container_of(poller, struct iol_virtio, poller);
	bool work = false;

	for (unsigned int i = 0; i < v->queue_count && v->state == IOL_VIRTIO_RUNNING; i++) {
		struct iol_virtqueue *vq = &v->queues[i].vq;

		if (!is_served(&v->queues[i]) || !iol_virtqueue_want_kicks(vq, true))
			continue;
		iol_virtqueue_want_kicks(vq, false);
		v->ops->serve(v, i);
		work = true;
	}
	/* All or none: a queue that will kick again is polled as well until all sleep. */
	return work && v->state == IOL_VIRTIO_RUNNING;
}

/* --- DRIVER_OK --- */

/* The geometry of queue @idx as the driver left it; false when it did not enable it. */
static bool take_setup(struct iol_virtio *v, unsigned int idx, struct iol_virtqueue_setup *setup)
{
	const struct iol_virtio_queue *q = &v->queues[idx];
	bool enabled;

	pthread_mutex_lock(&v->lock);
	enabled = q->enabled;
	*setup = (struct iol_virtqueue_setup){
		.size = q->size,
		.desc_gpa = q->desc_gpa,
		.avail_gpa = q->avail_gpa,
		.used_gpa = q->used_gpa,
		.indirect = iol_virtio_has(v, VIRTIO_RING_F_INDIRECT_DESC),
		.event_idx = iol_virtio_has(v, VIRTIO_RING_F_EVENT_IDX),
	};
	pthread_mutex_unlock(&v->lock);
	return enabled;
}

static void stop_queues(struct iol_virtio *v)
{
	for (unsigned int i = 0; i < v->queue_count; i++) {
		g_assert(!v->queues[i].lent);
		iol_virtqueue_stop(&v->queues[i].vq);
		v->queues[i].pushed = false;
		v->queues[i].paused = false;
	}
}

static void start(struct iol_virtio *v)
{
	v->state = IOL_VIRTIO_RUNNING;
	for (unsigned int i = 0; i < v->queue_count; i++) {
		struct iol_virtqueue_setup setup;
		struct iol_error err;

		if (!take_setup(v, i, &setup))
			continue;
		if (iol_virtqueue_start(&v->queues[i].vq, v->memory, &setup, &err)) {
			iol_virtio_break(v, "queue %u: %s", i, err.msg);
			return;
		}
	}
	if (v->ops->start)
		v->ops->start(v);
	/* What came before the loop was ready had its kicks already. */
	for (unsigned int i = 0; i < v->queue_count; i++) {
		attend(v, &v->queues[i]);
		virtio_await_kick(&v->queues[i]);
	}
}

/* --- reset --- */

/* Nothing is in flight any more. */
static void end_drain(struct iol_virtio *v)
{
	struct iol_quiesce *quiesce = v->quiesce;

	stop_queues(v);
	v->state = IOL_VIRTIO_STOPPED;
	v->quiesce = NULL;
	pthread_mutex_lock(&v->lock);
	if (v->resetting)
		virtio_reset_registers(v);
	pthread_mutex_unlock(&v->lock);
	if (quiesce)
		iol_quiesce_done(quiesce);
}

/* True when nothing is in flight. The rings are not touched from here on. */
static bool begin_drain(struct iol_virtio *v)
{
	bool at_work = v->state == IOL_VIRTIO_RUNNING || v->state == IOL_VIRTIO_BROKEN;

	v->state = IOL_VIRTIO_DRAINING;
	iol_loop_poller_stop(v->loop, &v->poller);
	if (at_work && v->ops->stop)
		v->ops->stop(v);
	return !v->in_flight;
}

static void run_status(struct iol_post *post)
{
	struct iol_virtio *v = iol_container_of(post, struct iol_virtio, post);
	bool resetting, driver_ok;

	pthread_mutex_lock(&v->lock);
	resetting = v->resetting;
	driver_ok = v->status & VIRTIO_CONFIG_S_DRIVER_OK;
	pthread_mutex_unlock(&v->lock);
	if (resetting && begin_drain(v))
		end_drain(v);
	else if (!resetting && driver_ok && v->state == IOL_VIRTIO_STOPPED)
		start(v);
}

bool iol_virtio_quiesce(struct iol_virtio *v, struct iol_quiesce *quiesce)
{
	/* A start that was asked for does not come any more; a reset is part of what follows. */
	iol_loop_post_cancel(v->loop, &v->post);
	v->quiesce = NULL;
	if (begin_drain(v)) {
		end_drain(v);
		return true;
	}
	v->quiesce = quiesce;
	return false;
}

void iol_virtio_cancel(struct iol_virtio *v)
{
	if (v->ops->cancel)
		v->ops->cancel(v);
}

void iol_virtio_reset(struct iol_virtio *v)
{
	g_assert(v->state == IOL_VIRTIO_STOPPED);
	pthread_mutex_lock(&v->lock);
	virtio_reset_registers(v);
	pthread_mutex_unlock(&v->lock);
}

/* --- for devices --- */

void iol_virtio_break(struct iol_virtio *v, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (v->state != IOL_VIRTIO_RUNNING)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	iol_log_limited(&v->log_limit, IOL_LOG_WARN,
			"%s: the guest's driver broke a rule: %s; the device waits for a reset",
			v->name, text);
	v->state = IOL_VIRTIO_BROKEN;
	v->counts.mistakes++;
	iol_loop_poller_stop(v->loop, &v->poller);
	if (v->ops->broken)
		v->ops->broken(v);
	pthread_mutex_lock(&v->lock);
	v->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	pthread_mutex_unlock(&v->lock);
	if (v->transport)
		v->transport->ops->interrupt_config(v->transport);
}

bool iol_virtio_pop(struct iol_virtio *v, unsigned int queue, struct iol_chain *chain,
		    struct iovec *iov, unsigned int iov_max)
{
	struct iol_error err;
	int ret;

	if (v->state != IOL_VIRTIO_RUNNING || v->queues[queue].lent)
		return false;
	ret = iol_virtqueue_pop(&v->queues[queue].vq, chain, iov, iov_max, &err);
	if (ret < 0)
		iol_virtio_break(v, "queue %u: %s", queue, err.msg);
	if (ret <= 0)
		return false;
	v->in_flight++;
	v->counts.out_bytes += chain->readable_bytes;
	return true;
}

void iol_virtio_push(struct iol_virtio *v, unsigned int queue, uint16_t head, uint32_t written)
{
	struct iol_virtio_queue *q = &v->queues[queue];

	g_assert(v->in_flight);
	v->in_flight--;
	v->counts.chains++;
	v->counts.in_bytes += written;
	if (v->state == IOL_VIRTIO_RUNNING) {
		iol_virtqueue_push(&q->vq, head, written);
		q->pushed = true;
	}
	iol_loop_at_turn_end(v->loop, &v->publish);
}

void iol_virtio_pause(struct iol_virtio *v, unsigned int queue)
{
	struct iol_virtio_queue *q = &v->queues[queue];

	if (v->state != IOL_VIRTIO_RUNNING || q->lent)
		return;
	q->paused = true;
	iol_virtqueue_want_kicks(&q->vq, false);
}

void iol_virtio_resume(struct iol_virtio *v, unsigned int queue)
{
	struct iol_virtio_queue *q = &v->queues[queue];

	if (v->state != IOL_VIRTIO_RUNNING || !q->paused)
		return;
	q->paused = false;
	iol_kick_ring(&q->kick);
}

void virtio_publish_queue(struct iol_virtio *v, unsigned int queue)
{
	struct iol_virtio_queue *q = &v->queues[queue];

	if (!q->pushed)
		return;
	q->pushed = false;
	if (iol_virtqueue_publish(&q->vq) && v->transport) {
		v->counts.interrupts++;
		v->transport->ops->interrupt_queue(v->transport, queue);
	}
}

static void publish(struct iol_turn_end *end)
{
	struct iol_virtio *v = iol_container_of(end, struct iol_virtio, publish);

	for (unsigned int i = 0; i < v->queue_count && v->state == IOL_VIRTIO_RUNNING; i++)
		virtio_publish_queue(v, i);
	if (v->state == IOL_VIRTIO_DRAINING && !v->in_flight)
		end_drain(v);
}

/* --- life --- */

void virtio_run_init(struct iol_virtio *v)
{
	v->post.run = run_status;
	v->publish.run = publish;
	v->poller.poll = poll_queues;
	v->poller.sleep = stop_polling;
	for (unsigned int i = 0; i < v->queue_count; i++)
		v->queues[i].kick_op.done = kick_done;
	virtio_lend_init(v);
}

static bool kicks_in_flight(const struct iol_virtio *v)
{
	for (unsigned int i = 0; i < v->queue_count; i++)
		if (v->queues[i].kick_op.in_flight)
			return true;
	return false;
}

void virtio_run_finish(struct iol_virtio *v)
{
	g_assert(!v->in_flight);
	v->state = IOL_VIRTIO_STOPPED;
	v->finishing = true;
	iol_loop_post_cancel(v->loop, &v->post);
	iol_loop_poller_stop(v->loop, &v->poller);
	iol_loop_turn_end_cancel(v->loop, &v->publish);
	for (unsigned int i = 0; i < v->queue_count; i++)
		iol_loop_cancel(v->loop, &v->queues[i].kick_op);
	virtio_lend_cancel(v);
	while (kicks_in_flight(v) || virtio_lend_in_flight(v))
		if (iol_loop_turn(v->loop, true) < 0)
			break;
}
