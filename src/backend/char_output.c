// SPDX-License-Identifier: Apache-2.0
/*
 * Output of character backends: the ring and its back-pressure. See include/iolite/char.h. iol_char_write() and
 * iol_char_room() run on any thread, the rest on the loop's.
 *
 * A hostile guest chooses what is written and how fast: memory is bounded by the ring. A hostile
 * peer chooses when to read: see the stall rule.
 */
#include "char_internal.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <iolite/log.h>

/* Writes in a row, before others of the loop have their turn. */
enum { DRAIN_ROUNDS_MAX = 64 };

/* Copies the oldest bytes out of the ring, for writing without the lock: they can be overwritten meanwhile. */
static unsigned int peek(struct iol_char *chr, uint64_t *pos)
{
	unsigned int len, first;

	pthread_mutex_lock(&chr->lock);
	len = MIN(chr->ring_fill, sizeof(chr->out));
	first = MIN(len, chr->ring_bytes - chr->ring_head);
	memcpy(chr->out, chr->ring + chr->ring_head, first);
	memcpy(chr->out + first, chr->ring, len - first);
	*pos = chr->out_pos;
	pthread_mutex_unlock(&chr->lock);
	return len;
}

/* Takes the oldest @len bytes out of the ring. Under the lock. */
void iol_char_ring_take(struct iol_char *chr, unsigned int len)
{
	chr->ring_head = (chr->ring_head + len) % chr->ring_bytes;
	chr->ring_fill -= len;
	chr->out_pos += len;
}

/* The @len bytes from @pos on were written. */
static void note_written(struct iol_char *chr, uint64_t pos, unsigned int len)
{
	uint64_t overwritten;

	pthread_mutex_lock(&chr->lock);
	overwritten = chr->out_pos - pos;
	if (len > overwritten)
		iol_char_ring_take(chr, len - (unsigned int)overwritten);
	chr->progress_ns = iol_loop_now_ns();
	pthread_mutex_unlock(&chr->lock);
}

/* Who takes output fails, with errno. */
static void lose_output(struct iol_char *chr)
{
	bool kept = chr->ops->lost && !chr->private_peers;

	iol_log(chr->ops->lost ? IOL_LOG_DEBUG : IOL_LOG_WARN,
		"%s: cannot write the guest's output: %s; it is %s from now on", chr->name,
		strerror(errno), kept ? "kept" : "dropped");
	pthread_mutex_lock(&chr->lock);
	if (chr->ops->lost)
		chr->out_fd = -1;
	else
		iol_fd_close(&chr->out_fd);
	if (!kept)
		iol_char_ring_take(chr, chr->ring_fill);
	chr->progress_ns = iol_loop_now_ns();
	pthread_mutex_unlock(&chr->lock);
	if (chr->ops->lost && !chr->stopped)
		chr->ops->lost(chr);
}

/* Writes ring bytes. 0: there are no more, -EAGAIN: out_fd is full, -EINPROGRESS: it is the turn of others. */
int iol_char_drain(struct iol_char *chr)
{
	for (unsigned int i = 0; i < DRAIN_ROUNDS_MAX; i++) {
		uint64_t pos;
		unsigned int len = peek(chr, &pos);
		ssize_t written;

		if (!len)
			return 0;
		written = write(chr->out_fd, chr->out, len);
		if (written >= 0) {
			note_written(chr, pos, (unsigned int)written);
		} else if (errno == EAGAIN) {
			return -EAGAIN;
		} else if (errno != EINTR) {
			lose_output(chr);
			return 0;
		}
	}
	return -EINPROGRESS;
}

static void hangup_done(struct iol_op *op, int res)
{
	struct iol_char *chr = iol_container_of(op, struct iol_char, hangup_op);

	if (chr->leaving) {
		iol_char_finish_leaving(chr);
	} else if (!chr->stopped && res > 0 && chr->out_fd >= 0) {
		errno = EPIPE;
		lose_output(chr);
		iol_char_offer_room(chr);
	}
}

/* How many of @len bytes are taken now, or are lost anyhow. Under the lock. */
static unsigned int acceptable(struct iol_char *chr, unsigned int len)
{
	unsigned int room = chr->ring_bytes - chr->ring_fill;

	if (len <= room || chr->out_fd < 0)
		return len;
	if (!chr->hold && iol_loop_now_ns() - chr->progress_ns >= IOL_CHAR_STALL_NS)
		return len;
	return room;
}

/* Tells a device that waits for room, once there is some or its output would be dropped. */
void iol_char_offer_room(struct iol_char *chr)
{
	bool tell, wait;

	pthread_mutex_lock(&chr->lock);
	tell = chr->want_writable && !chr->log_full && acceptable(chr, 1);
	if (tell)
		chr->want_writable = false;
	tell = tell || chr->want_room;
	chr->want_room = false;
	wait = chr->want_writable && !chr->hold && !chr->log_full;
	pthread_mutex_unlock(&chr->lock);

	if (tell && chr->user)
		chr->user->writable(chr->user);
	if (wait && !chr->stopped && !chr->stall_op.in_flight)
		iol_loop_timeout(chr->loop, &chr->stall_op, IOL_CHAR_STALL_NS);
}

static bool output_waits(struct iol_char *chr)
{
	bool waits;

	pthread_mutex_lock(&chr->lock);
	waits = chr->out_fd >= 0 && chr->ring_fill;
	pthread_mutex_unlock(&chr->lock);
	return waits;
}

void iol_char_push_out(struct iol_char *chr)
{
	int ret = 0;

	if (chr->stopped || chr->out_op.in_flight)
		return;
	if (chr->out_fd >= 0)
		ret = iol_char_drain(chr);
	if (ret == -EAGAIN)
		iol_loop_poll(chr->loop, &chr->out_op, chr->out_fd, POLLOUT);
	else if (ret)
		iol_loop_post(chr->loop, &chr->out_post);
	iol_char_offer_room(chr);
	if (chr->hanging_up && !chr->leaving && !output_waits(chr))
		iol_char_cut_off(chr);
}

static void run_out(struct iol_post *post)
{
	struct iol_char *chr = iol_container_of(post, struct iol_char, out_post);

	iol_char_push_out(chr);
	/* While out_fd is full iol_char_push_out() leaves at once: a device may have begun to wait. */
	if (!chr->stopped && chr->out_op.in_flight)
		iol_char_offer_room(chr);
}

static void out_done(struct iol_op *op, int res)
{
	struct iol_char *chr = iol_container_of(op, struct iol_char, out_op);

	(void)res; /* an error shows itself at the write */
	if (chr->leaving)
		iol_char_finish_leaving(chr);
	else
		iol_char_push_out(chr);
}

static void stall_done(struct iol_op *op, int res)
{
	struct iol_char *chr = iol_container_of(op, struct iol_char, stall_op);

	(void)res;
	if (!chr->stopped)
		iol_char_offer_room(chr);
}

/* Puts @len bytes that fit into the ring. Under the lock. */
static void ring_push(struct iol_char *chr, const uint8_t *data, unsigned int len)
{
	unsigned int tail = (chr->ring_head + chr->ring_fill) % chr->ring_bytes;
	unsigned int first = MIN(len, chr->ring_bytes - tail);

	memcpy(chr->ring + tail, data, first);
	memcpy(chr->ring, data + first, len - first);
	if (!chr->ring_fill)
		chr->progress_ns = iol_loop_now_ns();
	chr->ring_fill += len;
}

/* Bytes that acceptable() has let in: what finds no room makes it, or is lost. Under the lock. */
static void let_in(struct iol_char *chr, const uint8_t *data, unsigned int len)
{
	unsigned int room = chr->ring_bytes - chr->ring_fill;
	unsigned int excess = len > room ? len - room : 0;

	if (chr->out_fd < 0 && (!chr->ops->lost || chr->private_peers))
		return;
	if (chr->out_fd >= 0)
		chr->dropped_bytes += excess;
	if (!chr->ops->lost) {
		len -= excess;
	} else if (excess) {
		iol_char_ring_take(chr, MIN(excess, chr->ring_fill));
		if (len > chr->ring_bytes) {
			data += len - chr->ring_bytes;
			len = chr->ring_bytes;
		}
	}
	ring_push(chr, data, len);
}

unsigned int iol_char_write(struct iol_char *chr, const uint8_t *data, unsigned int len)
{
	unsigned int taken;
	bool wake;

	pthread_mutex_lock(&chr->lock);
	taken = acceptable(chr, len);
	if (chr->log && taken) {
		unsigned int logged = iol_char_write(chr->log, data, taken);

		chr->log_full = logged < taken;
		taken = logged;
	}
	wake = chr->out_fd >= 0 && !chr->ring_fill && taken;
	let_in(chr, data, taken);
	chr->out_bytes += taken;
	if (taken < len) {
		wake = wake || !chr->want_writable;
		chr->want_writable = true;
	}
	pthread_mutex_unlock(&chr->lock);
	if (wake)
		iol_loop_post(chr->loop, &chr->out_post);
	return taken;
}

void iol_char_counts(struct iol_char *chr, struct iol_char_counts *counts)
{
	counts->in_bytes = chr->in_bytes;
	pthread_mutex_lock(&chr->lock);
	counts->out_bytes = chr->out_bytes;
	counts->dropped_bytes = chr->dropped_bytes;
	pthread_mutex_unlock(&chr->lock);
}

unsigned int iol_char_room(struct iol_char *chr)
{
	unsigned int room;

	pthread_mutex_lock(&chr->lock);
	room = chr->ring_bytes - chr->ring_fill;
	chr->want_room = chr->ring_fill;
	if (chr->log) {
		unsigned int log_room = iol_char_room(chr->log);

		room = MIN(room, log_room);
		chr->want_room = chr->want_room || log_room < chr->log->ring_bytes;
	}
	pthread_mutex_unlock(&chr->lock);
	return room;
}

/* The log has room again. */
static void log_writable(struct iol_char_user *user)
{
	struct iol_char *chr = iol_container_of(user, struct iol_char, log_user);

	pthread_mutex_lock(&chr->lock);
	chr->log_full = false;
	pthread_mutex_unlock(&chr->lock);
	if (!chr->stopped)
		iol_char_offer_room(chr);
}

void iol_char_init_output(struct iol_char *chr)
{
	chr->out_op.done = out_done;
	chr->hangup_op.done = hangup_done;
	chr->stall_op.done = stall_done;
	chr->out_post.run = run_out;
	chr->log_user.writable = log_writable;
}
