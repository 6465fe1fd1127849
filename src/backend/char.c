// SPDX-License-Identifier: Apache-2.0
/*
 * What all character backends have in common: the output ring and its back-pressure, and input
 * that waits for the device. See include/iolite/char.h. iol_char_write() and iol_char_ready() run on any
 * thread, the rest on the loop's.
 *
 * A hostile guest chooses what is written and how fast: memory is bounded by the ring. A hostile
 * peer chooses when to read: see the stall rule.
 */
#include <iolite/char.h>

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <iolite/log.h>

/* Failures to wait for input in a row, before it is given up. */
enum { POLL_FAILURES_MAX = 100 };

static void await_input(struct iol_char *chr)
{
	if (!chr->stopped && chr->in_fd >= 0 && !chr->in_op.in_flight)
		iol_loop_poll(chr->loop, &chr->in_op, chr->in_fd, POLLIN);
}

/* Offers what was read to the device; true when it took everything. */
static bool deliver_input(struct iol_char *chr)
{
	while (chr->input_pos < chr->input_len) {
		unsigned int taken = chr->user->receive(chr->user, chr->input + chr->input_pos,
							chr->input_len - chr->input_pos);

		if (!taken)
			return false;
		chr->input_pos += taken;
	}
	return true;
}

static void in_done(struct iol_op *op, int res)
{
	struct iol_char *chr = iol_container_of(op, struct iol_char, in_op);
	ssize_t len;

	if (chr->stopped || res == -ECANCELED)
		return;
	/*
	 * A terminal has two wait queues; when it wakes us for nothing (its mode was changed), io_uring
	 * arms the poll a second time and then ends it with -EINVAL. Looking for ourselves is right
	 * after any error, but not for ever.
	 */
	chr->poll_failures = res < 0 ? chr->poll_failures + 1 : 0;
	if (chr->poll_failures > POLL_FAILURES_MAX) {
		iol_log(IOL_LOG_WARN, "%s: cannot wait for input: %s; there is none from now on",
			chr->ops->name, strerror(-res));
		return;
	}
	len = read(chr->in_fd, chr->input, sizeof(chr->input));
	if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
		await_input(chr);
		return;
	}
	/*
	 * A terminal says "end" for a line that ended with Ctrl-D, and when someone changes its mode
	 * while there is input (a shell does, when the process was stopped and goes on): the end of
	 * it is only when it hangs up.
	 */
	if (!len && (res < 0 || !(res & (POLLHUP | POLLERR))) && isatty(chr->in_fd)) {
		await_input(chr);
		return;
	}
	if (len <= 0)
		return; /* the end of the input, or its terminal is gone */
	chr->input_pos = 0;
	chr->input_len = (unsigned int)len;
	if (chr->filter)
		chr->input_len = chr->filter(chr, chr->input, chr->input_len);
	if (!chr->user || deliver_input(chr))
		await_input(chr);
}

static void run_ready(struct iol_post *post)
{
	struct iol_char *chr = iol_container_of(post, struct iol_char, ready_post);

	if (!chr->stopped && !chr->in_op.in_flight && chr->user && deliver_input(chr))
		await_input(chr);
}

void iol_char_ready(struct iol_char *chr)
{
	iol_loop_post(chr->loop, &chr->ready_post);
}

/* Writes ring bytes until the ring is empty or out_fd is full. 0, or -EAGAIN. */
static int drain(struct iol_char *chr)
{
	for (;;) {
		unsigned int len;
		ssize_t written;

		/* Only this thread takes bytes out, so they stay where they are while unlocked. */
		pthread_mutex_lock(&chr->lock);
		len = MIN(chr->ring_fill, IOL_CHAR_RING_BYTES - chr->ring_head);
		pthread_mutex_unlock(&chr->lock);
		if (!len)
			return 0;
		written = write(chr->out_fd, chr->ring + chr->ring_head, len);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno == EAGAIN)
			return -EAGAIN;
		if (written < 0)
			iol_log(IOL_LOG_WARN,
				"%s: cannot write the guest's output: %s; it is dropped from now on",
				chr->ops->name, strerror(errno));
		pthread_mutex_lock(&chr->lock);
		if (written < 0) {
			iol_fd_close(&chr->out_fd);
			chr->ring_fill = 0;
		} else {
			chr->ring_head =
				(chr->ring_head + (unsigned int)written) % IOL_CHAR_RING_BYTES;
			chr->ring_fill -= (unsigned int)written;
		}
		chr->progress_ns = iol_loop_now_ns();
		pthread_mutex_unlock(&chr->lock);
	}
}

/* Tells a device that waits for room, once there is some or its output would be dropped. */
static void offer_room(struct iol_char *chr)
{
	bool tell, wait;

	pthread_mutex_lock(&chr->lock);
	tell = chr->want_writable && (chr->ring_fill < IOL_CHAR_RING_BYTES ||
				      iol_loop_now_ns() - chr->progress_ns >= IOL_CHAR_STALL_NS);
	if (tell)
		chr->want_writable = false;
	wait = chr->want_writable;
	pthread_mutex_unlock(&chr->lock);

	if (tell && chr->user)
		chr->user->writable(chr->user);
	if (wait && !chr->stall_op.in_flight)
		iol_loop_timeout(chr->loop, &chr->stall_op, IOL_CHAR_STALL_NS);
}

static void push_out(struct iol_char *chr)
{
	if (chr->stopped || chr->out_op.in_flight)
		return;
	if (chr->out_fd >= 0 && drain(chr) == -EAGAIN)
		iol_loop_poll(chr->loop, &chr->out_op, chr->out_fd, POLLOUT);
	offer_room(chr);
}

static void run_out(struct iol_post *post)
{
	struct iol_char *chr = iol_container_of(post, struct iol_char, out_post);

	push_out(chr);
	/* While out_fd is full push_out() leaves at once: a device may have begun to wait. */
	if (!chr->stopped && chr->out_op.in_flight)
		offer_room(chr);
}

static void out_done(struct iol_op *op, int res)
{
	(void)res; /* an error shows itself at the write */
	push_out(iol_container_of(op, struct iol_char, out_op));
}

static void stall_done(struct iol_op *op, int res)
{
	struct iol_char *chr = iol_container_of(op, struct iol_char, stall_op);

	(void)res;
	if (!chr->stopped)
		offer_room(chr);
}

/* Puts @len bytes that fit into the ring. Under the lock. */
static void ring_push(struct iol_char *chr, const uint8_t *data, unsigned int len)
{
	unsigned int tail = (chr->ring_head + chr->ring_fill) % IOL_CHAR_RING_BYTES;
	unsigned int first = MIN(len, IOL_CHAR_RING_BYTES - tail);

	memcpy(chr->ring + tail, data, first);
	memcpy(chr->ring, data + first, len - first);
	if (!chr->ring_fill)
		chr->progress_ns = iol_loop_now_ns();
	chr->ring_fill += len;
}

unsigned int iol_char_write(struct iol_char *chr, const uint8_t *data, unsigned int len)
{
	unsigned int taken;
	bool wake;

	pthread_mutex_lock(&chr->lock);
	if (chr->out_fd < 0) {
		pthread_mutex_unlock(&chr->lock);
		return len;
	}
	taken = MIN(len, IOL_CHAR_RING_BYTES - chr->ring_fill);
	wake = !chr->ring_fill && taken;
	ring_push(chr, data, taken);
	if (taken < len && iol_loop_now_ns() - chr->progress_ns >= IOL_CHAR_STALL_NS) {
		chr->dropped_bytes += len - taken;
		taken = len;
	} else if (taken < len) {
		wake = wake || !chr->want_writable;
		chr->want_writable = true;
	}
	pthread_mutex_unlock(&chr->lock);
	if (wake)
		iol_loop_post(chr->loop, &chr->out_post);
	return taken;
}

void iol_char_init(struct iol_char *chr, const struct iol_char_ops *ops, struct iol_loop *loop)
{
	memset(chr, 0, sizeof(*chr));
	chr->ops = ops;
	chr->loop = loop;
	chr->in_fd = -1;
	chr->out_fd = -1;
	chr->in_op.done = in_done;
	chr->out_op.done = out_done;
	chr->stall_op.done = stall_done;
	chr->out_post.run = run_out;
	chr->ready_post.run = run_ready;
	chr->ring = g_malloc(IOL_CHAR_RING_BYTES); /* the host backs what is used of it */
	pthread_mutex_init(&chr->lock, NULL);
}

void iol_char_start(struct iol_char *chr, struct iol_char_user *user)
{
	chr->user = user;
	await_input(chr);
}

void iol_char_stop(struct iol_char *chr, uint64_t wait_ns)
{
	uint64_t deadline_ns = iol_loop_now_ns() + wait_ns;

	if (chr->stopped)
		return;
	chr->stopped = true;
	iol_loop_post_cancel(chr->loop, &chr->out_post);
	iol_loop_post_cancel(chr->loop, &chr->ready_post);
	iol_loop_cancel(chr->loop, &chr->in_op);
	iol_loop_cancel(chr->loop, &chr->out_op);
	iol_loop_cancel(chr->loop, &chr->stall_op);
	while (chr->in_op.in_flight || chr->out_op.in_flight || chr->stall_op.in_flight)
		if (iol_loop_turn(chr->loop, true) < 0)
			break;

	while (chr->out_fd >= 0 && drain(chr) == -EAGAIN) {
		struct pollfd pfd = { .fd = chr->out_fd, .events = POLLOUT };
		uint64_t now_ns = iol_loop_now_ns();

		if (now_ns >= deadline_ns)
			break;
		poll(&pfd, 1, (int)((deadline_ns - now_ns) / IOL_NS_PER_MS) + 1);
	}
	chr->dropped_bytes += chr->ring_fill;
	chr->ring_fill = 0;
	if (chr->dropped_bytes)
		iol_log(IOL_LOG_WARN,
			"%s: %" PRIu64
			" bytes of the guest's output were dropped: nobody read them",
			chr->ops->name, chr->dropped_bytes);
}

void iol_char_free(struct iol_char *chr)
{
	if (!chr)
		return;
	iol_char_stop(chr, 0);
	iol_fd_close(&chr->in_fd);
	iol_fd_close(&chr->out_fd);
	g_free(chr->ring);
	pthread_mutex_destroy(&chr->lock);
	chr->ops->free(chr);
}
