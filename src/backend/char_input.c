// SPDX-License-Identifier: Apache-2.0
/*
 * Input of character backends: it waits for the device, which is told again of what it did not take. See
 * include/iolite/char.h. iol_char_ready() runs on any thread, the rest on the loop's.
 */
#include "char_internal.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iolite/log.h>

/* Failures to wait for input in a row, before it is given up. */
enum { POLL_FAILURES_MAX = 100 };

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

void iol_char_await_input(struct iol_char *chr)
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
bool iol_char_deliver_input(struct iol_char *chr)
{
	while (chr->input_pos < chr->input_len && !chr->hanging_up) {
		unsigned int taken = chr->user->receive(chr->user, chr->input + chr->input_pos,
							chr->input_len - chr->input_pos);

		if (!taken)
			return false;
		chr->input_pos += taken;
		chr->in_bytes += taken;
		chr->offered_ns = iol_loop_now_ns();
		chr->starved = false;
	}
	if (chr->hanging_up)
		chr->input_pos = chr->input_len;
	chr->starved = false;
	return true;
}

/* A terminal that hangs up, a file or a peer that has no more. */
static void end_input(struct iol_char *chr)
{
	if (!chr->ops->lost)
		return;
	/* One that has said all that it will say may be after the answers, of which it gets what fits. */
	if (chr->private_peers && chr->out_fd >= 0 && !chr->out_op.in_flight)
		iol_char_drain(chr);
	iol_char_detach(chr);
}

uint64_t iol_char_untaken_ns(const struct iol_char *chr)
{
	return chr->input_pos < chr->input_len ? iol_loop_now_ns() - chr->offered_ns : 0;
}

/* Input waits for the device. */
void iol_char_await_device(struct iol_char *chr)
{
	await_hangup(chr);
	if (chr->starved)
		iol_char_await_input(chr);
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
	iol_char_await_device(chr);
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
	if (iol_char_deliver_input(chr))
		iol_char_await_input(chr);
	else
		iol_char_await_device(chr);
}

/* @error is the host's word for input that cannot be read. Terminals that hang up have it, too, and peers that go. */
static void tell_unreadable(const struct iol_char *chr, int error)
{
	struct stat st;
	bool is_peer = chr->ops->lost && !fstat(chr->in_fd, &st) && S_ISSOCK(st.st_mode);

	if (!is_peer && !isatty(chr->in_fd))
		iol_log(IOL_LOG_WARN, "%s: cannot read input: %s; there is none from now on",
			chr->name, strerror(error));
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
		iol_char_await_device(chr); /* it began to take input while we waited for more */
		return;
	}
	len = read(chr->in_fd, data, sizeof(data));
	if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
		iol_char_await_input(chr);
		return;
	}
	/*
	 * A terminal says "end" for a line that ended with Ctrl-D, and when someone changes its mode
	 * while there is input (a shell does, when the process was stopped and goes on): the end of
	 * it is only when it hangs up.
	 */
	if (!len && isatty(chr->in_fd) && !hung_up(chr)) {
		iol_char_await_input(chr);
		return;
	}
	if (len <= 0) {
		if (len < 0)
			tell_unreadable(chr, errno);
		end_input(chr);
		return;
	}
	take_input(chr, data, (unsigned int)len);
}

static void in_done(struct iol_op *op, int res)
{
	struct iol_char *chr = iol_container_of(op, struct iol_char, in_op);

	if (chr->leaving)
		iol_char_finish_leaving(chr); /* which may have let the next one in */
	else if (!chr->stopped && res != -ECANCELED)
		read_input(chr, res);
}

static void run_ready(struct iol_post *post)
{
	struct iol_char *chr = iol_container_of(post, struct iol_char, ready_post);

	/* Also while the peer leaves: the device may not say it again. */
	if (!chr->stopped && chr->user && iol_char_deliver_input(chr))
		iol_char_await_input(chr);
}

void iol_char_ready(struct iol_char *chr)
{
	iol_loop_post(chr->loop, &chr->ready_post);
}

void iol_char_inject(struct iol_char *chr, const uint8_t *data, unsigned int len)
{
	uint8_t copy[IOL_CHAR_INPUT_BYTES];

	len = MIN(len, sizeof(copy));
	memcpy(copy, data, len);
	take_input(chr, copy, len);
}

void iol_char_init_input(struct iol_char *chr)
{
	chr->in_op.done = in_done;
	chr->starve_op.done = starve_done;
	chr->ready_post.run = run_ready;
}
