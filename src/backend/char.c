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
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <iolite/log.h>

/* Failures to wait for input in a row, before it is given up. */
enum { POLL_FAILURES_MAX = 100 };
/* Writes in a row, before others of the loop have their turn. */
enum { DRAIN_ROUNDS_MAX = 64 };

static void offer_room(struct iol_char *chr);

/*
 * A terminal has two wait queues. When it wakes for nothing (its mode was changed), a poll of io_uring's arms itself
 * anew, or ends with -EINVAL, and now and then misses what comes meanwhile. An epoll does not, and has one queue.
 */
static int waited_fd(struct iol_char *chr)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (chr->terminal && chr->wait_fd < 0) {
		chr->wait_fd = epoll_create1(EPOLL_CLOEXEC);
		if (chr->wait_fd >= 0 && epoll_ctl(chr->wait_fd, EPOLL_CTL_ADD, chr->in_fd, &event))
			iol_fd_close(&chr->wait_fd);
	}
	return chr->wait_fd >= 0 ? chr->wait_fd : chr->in_fd;
}

static bool hung_up(const struct iol_char *chr)
{
	struct pollfd pfd = { .fd = chr->in_fd, .events = POLLIN };

	return poll(&pfd, 1, 0) > 0 && pfd.revents & (POLLHUP | POLLERR);
}

static void await_input(struct iol_char *chr)
{
	if (!chr->stopped && !chr->leaving && chr->in_fd >= 0 && !chr->in_op.in_flight)
		iol_loop_poll(chr->loop, &chr->in_op, waited_fd(chr), POLLIN);
}

/*
 * While input waits for the device nobody reads, and so nobody would see the peer go: some take writes for ever
 * after (a pseudo terminal does). Where input and output are two descriptors, the end of one says nothing of the
 * other: a pipe hangs up with its last writer.
 */
static void await_hangup(struct iol_char *chr)
{
	if (!chr->stopped && !chr->leaving && chr->ops->lost && chr->in_fd >= 0 &&
	    chr->out_fd == chr->in_fd && !chr->hangup_op.in_flight)
		iol_loop_poll(chr->loop, &chr->hangup_op, chr->in_fd, 0);
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
		chr->offered_ns = iol_loop_now_ns();
		chr->starved = false;
	}
	chr->starved = false;
	return true;
}

/* The last operation with the descriptor of a peer that leaves has ended, or there was none. */
static void finish_leaving(struct iol_char *chr)
{
	if (!chr->leaving || chr->stopped || chr->in_op.in_flight || chr->out_op.in_flight ||
	    chr->hangup_op.in_flight)
		return;
	chr->leaving = false;
	chr->in_fd = -1;
	if (!chr->ops->keeps_input)
		chr->input_pos = chr->input_len = 0;
	chr->starved = false;
	chr->ops->lost(chr);
}

void iol_char_detach(struct iol_char *chr)
{
	if (chr->leaving || (chr->in_fd < 0 && chr->out_fd < 0))
		return;
	pthread_mutex_lock(&chr->lock);
	chr->out_fd = -1;
	pthread_mutex_unlock(&chr->lock);
	chr->leaving = true;
	iol_loop_cancel(chr->loop, &chr->in_op);
	iol_loop_cancel(chr->loop, &chr->out_op);
	iol_loop_cancel(chr->loop, &chr->hangup_op);
	offer_room(chr);
	finish_leaving(chr);
}

/* A terminal that hangs up, a file or a peer that has no more. */
static void end_input(struct iol_char *chr)
{
	if (chr->ops->lost)
		iol_char_detach(chr);
}

uint64_t iol_char_untaken_ns(const struct iol_char *chr)
{
	return chr->input_pos < chr->input_len ? iol_loop_now_ns() - chr->offered_ns : 0;
}

/* Input waits for the device. */
static void await_device(struct iol_char *chr)
{
	await_hangup(chr);
	if (chr->starved)
		await_input(chr);
	else if (chr->filter && !chr->stopped && !chr->leaving && !chr->starve_op.in_flight)
		iol_loop_timeout(chr->loop, &chr->starve_op, IOL_CHAR_STALL_NS);
}

static void starve_done(struct iol_op *op, int res)
{
	struct iol_char *chr = iol_container_of(op, struct iol_char, starve_op);

	(void)res;
	if (chr->stopped || chr->leaving || chr->input_pos == chr->input_len)
		return;
	chr->starved = iol_char_untaken_ns(chr) >= IOL_CHAR_STALL_NS;
	await_device(chr);
}

/* New input, which follows what waits. */
static void take_input(struct iol_char *chr, uint8_t *data, unsigned int len)
{
	unsigned int waiting = chr->input_len - chr->input_pos;

	if (!waiting)
		chr->offered_ns = iol_loop_now_ns();
	if (chr->filter)
		len = chr->filter(chr, data, len);
	memmove(chr->input, chr->input + chr->input_pos, waiting);
	len = MIN(len, (unsigned int)sizeof(chr->input) - waiting);
	memcpy(chr->input + waiting, data, len);
	chr->input_pos = 0;
	chr->input_len = chr->user ? waiting + len : 0;
	if (deliver_input(chr))
		await_input(chr);
	else
		await_device(chr);
}

/* @res of the wait for it. */
static void read_input(struct iol_char *chr, int res)
{
	uint8_t data[IOL_CHAR_INPUT_BYTES];
	ssize_t len;

	/* Looking for ourselves is right after any error, but not for ever. */
	chr->poll_failures = res < 0 ? chr->poll_failures + 1 : 0;
	if (chr->poll_failures > POLL_FAILURES_MAX) {
		iol_log(IOL_LOG_WARN, "%s: cannot wait for input: %s; there is none from now on",
			chr->name, strerror(-res));
		end_input(chr);
		return;
	}
	if (chr->input_pos < chr->input_len && !chr->starved) {
		await_device(chr); /* it began to take input while we waited for more */
		return;
	}
	len = read(chr->in_fd, data, sizeof(data));
	if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
		await_input(chr);
		return;
	}
	/*
	 * A terminal says "end" for a line that ended with Ctrl-D, and when someone changes its mode
	 * while there is input (a shell does, when the process was stopped and goes on): the end of
	 * it is only when it hangs up.
	 */
	if (!len && isatty(chr->in_fd) && !hung_up(chr)) {
		await_input(chr);
		return;
	}
	if (len <= 0) {
		end_input(chr);
		return;
	}
	take_input(chr, data, (unsigned int)len);
}

static void in_done(struct iol_op *op, int res)
{
	struct iol_char *chr = iol_container_of(op, struct iol_char, in_op);

	if (chr->leaving)
		finish_leaving(chr); /* which may have let the next one in */
	else if (!chr->stopped && res != -ECANCELED)
		read_input(chr, res);
}

static void run_ready(struct iol_post *post)
{
	struct iol_char *chr = iol_container_of(post, struct iol_char, ready_post);

	/* Also while the peer leaves: the device may not say it again. */
	if (!chr->stopped && chr->user && deliver_input(chr))
		await_input(chr);
}

void iol_char_ready(struct iol_char *chr)
{
	iol_loop_post(chr->loop, &chr->ready_post);
}

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
static void ring_take(struct iol_char *chr, unsigned int len)
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
		ring_take(chr, len - (unsigned int)overwritten);
	chr->progress_ns = iol_loop_now_ns();
	pthread_mutex_unlock(&chr->lock);
}

/* Who takes output fails, with errno. */
static void lose_output(struct iol_char *chr)
{
	iol_log(chr->ops->lost ? IOL_LOG_DEBUG : IOL_LOG_WARN,
		"%s: cannot write the guest's output: %s; it is %s from now on", chr->name,
		strerror(errno), chr->ops->lost ? "kept" : "dropped");
	pthread_mutex_lock(&chr->lock);
	if (chr->ops->lost) {
		chr->out_fd = -1;
	} else {
		iol_fd_close(&chr->out_fd);
		ring_take(chr, chr->ring_fill);
	}
	chr->progress_ns = iol_loop_now_ns();
	pthread_mutex_unlock(&chr->lock);
	if (chr->ops->lost && !chr->stopped)
		chr->ops->lost(chr);
}

/* Writes ring bytes. 0: there are no more, -EAGAIN: out_fd is full, -EINPROGRESS: it is the turn of others. */
static int drain(struct iol_char *chr)
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
		finish_leaving(chr);
	} else if (!chr->stopped && res > 0 && chr->out_fd >= 0) {
		errno = EPIPE;
		lose_output(chr);
		offer_room(chr);
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
static void offer_room(struct iol_char *chr)
{
	bool tell, wait;

	pthread_mutex_lock(&chr->lock);
	tell = chr->want_writable && !chr->log_full && acceptable(chr, 1);
	if (tell)
		chr->want_writable = false;
	wait = chr->want_writable && !chr->hold && !chr->log_full;
	pthread_mutex_unlock(&chr->lock);

	if (tell && chr->user)
		chr->user->writable(chr->user);
	if (wait && !chr->stopped && !chr->stall_op.in_flight)
		iol_loop_timeout(chr->loop, &chr->stall_op, IOL_CHAR_STALL_NS);
}

static void push_out(struct iol_char *chr)
{
	int ret = 0;

	if (chr->stopped || chr->out_op.in_flight)
		return;
	if (chr->out_fd >= 0)
		ret = drain(chr);
	if (ret == -EAGAIN)
		iol_loop_poll(chr->loop, &chr->out_op, chr->out_fd, POLLOUT);
	else if (ret)
		iol_loop_post(chr->loop, &chr->out_post);
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
	struct iol_char *chr = iol_container_of(op, struct iol_char, out_op);

	(void)res; /* an error shows itself at the write */
	if (chr->leaving)
		finish_leaving(chr);
	else
		push_out(chr);
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

	if (chr->out_fd < 0 && !chr->ops->lost)
		return;
	if (chr->out_fd >= 0)
		chr->dropped_bytes += excess;
	if (!chr->ops->lost) {
		len -= excess;
	} else if (excess) {
		ring_take(chr, MIN(excess, chr->ring_fill));
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
	if (taken < len) {
		wake = wake || !chr->want_writable;
		chr->want_writable = true;
	}
	pthread_mutex_unlock(&chr->lock);
	if (wake)
		iol_loop_post(chr->loop, &chr->out_post);
	return taken;
}

/* The log has room again. */
static void log_writable(struct iol_char_user *user)
{
	struct iol_char *chr = iol_container_of(user, struct iol_char, log_user);

	pthread_mutex_lock(&chr->lock);
	chr->log_full = false;
	pthread_mutex_unlock(&chr->lock);
	if (!chr->stopped)
		offer_room(chr);
}

void iol_char_init(struct iol_char *chr, const struct iol_char_ops *ops, struct iol_loop *loop)
{
	memset(chr, 0, sizeof(*chr));
	chr->ops = ops;
	chr->loop = loop;
	g_strlcpy(chr->name, ops->name, sizeof(chr->name));
	chr->in_fd = -1;
	chr->wait_fd = -1;
	chr->out_fd = -1;
	chr->in_op.done = in_done;
	chr->out_op.done = out_done;
	chr->hangup_op.done = hangup_done;
	chr->starve_op.done = starve_done;
	chr->stall_op.done = stall_done;
	chr->out_post.run = run_out;
	chr->ready_post.run = run_ready;
	chr->log_user.writable = log_writable;
	chr->ring_bytes = IOL_CHAR_RING_BYTES;
	chr->ring = g_malloc(chr->ring_bytes); /* the host backs what is used of it */
	pthread_mutex_init(&chr->lock, NULL);
}

int iol_char_configure(struct iol_char **chr, const struct iol_char_config *config,
		       const char *name, struct iol_error *err)
{
	struct iol_char *made = *chr;
	int ret;

	g_strlcpy(made->name, name, sizeof(made->name));
	made->hold = made->hold || config->block;
	made->ring_bytes = config->ring_bytes;
	made->ring = g_realloc(made->ring, made->ring_bytes);
	if (!config->log)
		return 0;
	ret = iol_char_file_new(made->loop, config->log, true, &made->log, err);
	if (ret) {
		iol_char_free(g_steal_pointer(chr));
		return ret;
	}
	snprintf(made->log->name, sizeof(made->log->name), "%.20s's log", name);
	iol_char_start(made->log, &made->log_user);
	return 0;
}

void iol_char_announce(const struct iol_char *chr, const char *where)
{
	if (iol_log_enabled(IOL_LOG_INFO))
		iol_log(IOL_LOG_INFO, "%s is on %s", chr->name, where);
	else
		dprintf(STDERR_FILENO, "iolite: %s is on %s\n", chr->name, where);
}

void iol_char_attach(struct iol_char *chr, int in_fd, int out_fd)
{
	if (chr->stopped || chr->leaving)
		return;
	chr->in_fd = in_fd;
	chr->poll_failures = 0;
	if (out_fd >= 0 && chr->out_fd < 0) {
		pthread_mutex_lock(&chr->lock);
		chr->out_fd = out_fd;
		chr->progress_ns = iol_loop_now_ns();
		pthread_mutex_unlock(&chr->lock);
		push_out(chr);
	}
	if (chr->input_pos == chr->input_len)
		await_input(chr);
	else
		await_device(chr);
}

void iol_char_inject(struct iol_char *chr, const uint8_t *data, unsigned int len)
{
	uint8_t copy[IOL_CHAR_INPUT_BYTES];

	len = MIN(len, sizeof(copy));
	memcpy(copy, data, len);
	take_input(chr, copy, len);
}

void iol_char_start(struct iol_char *chr, struct iol_char_user *user)
{
	chr->user = user;
	if (chr->ops->start)
		chr->ops->start(chr);
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
	iol_loop_cancel(chr->loop, &chr->hangup_op);
	iol_loop_cancel(chr->loop, &chr->stall_op);
	iol_loop_cancel(chr->loop, &chr->starve_op);
	while (chr->in_op.in_flight || chr->out_op.in_flight || chr->hangup_op.in_flight ||
	       chr->stall_op.in_flight || chr->starve_op.in_flight)
		if (iol_loop_turn(chr->loop, true) < 0)
			break;

	if (chr->ops->stop)
		chr->ops->stop(chr);
	while (chr->out_fd >= 0 && drain(chr)) {
		struct pollfd pfd = { .fd = chr->out_fd, .events = POLLOUT };
		uint64_t now_ns = iol_loop_now_ns();

		if (now_ns >= deadline_ns)
			break;
		poll(&pfd, 1, (int)((deadline_ns - now_ns) / IOL_NS_PER_MS) + 1);
	}
	/* What waits for a peer that never came is not lost to anybody. */
	if (chr->out_fd >= 0 || !chr->ops->lost)
		chr->dropped_bytes += chr->ring_fill;
	chr->ring_fill = 0;
	if (chr->dropped_bytes)
		iol_log(IOL_LOG_WARN,
			"%s: %" PRIu64
			" bytes of the guest's output were dropped: nobody read them",
			chr->name, chr->dropped_bytes);
	if (chr->log) {
		uint64_t now_ns = iol_loop_now_ns();

		iol_char_stop(chr->log, now_ns < deadline_ns ? deadline_ns - now_ns : 0);
	}
}

void iol_char_free(struct iol_char *chr)
{
	if (!chr)
		return;
	iol_char_stop(chr, 0);
	iol_char_free(chr->log);
	iol_fd_close(&chr->wait_fd);
	if (!chr->ops->lost) {
		iol_fd_close(&chr->in_fd);
		iol_fd_close(&chr->out_fd);
	}
	g_free(chr->ring);
	pthread_mutex_destroy(&chr->lock);
	chr->ops->free(chr);
}
