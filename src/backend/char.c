// SPDX-License-Identifier: Apache-2.0
/*
 * What all character backends have in common, put together: their beginning and their end. See include/iolite/char.h.
 * Runs on the loop's thread.
 */
#include "char_internal.h"

#include <glib.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <iolite/log.h>

void iol_char_init(struct iol_char *chr, const struct iol_char_ops *ops, struct iol_loop *loop)
{
	memset(chr, 0, sizeof(*chr));
	chr->ops = ops;
	chr->loop = loop;
	g_strlcpy(chr->name, ops->name, sizeof(chr->name));
	chr->in_fd = -1;
	chr->wait_fd = -1;
	chr->out_fd = -1;
	iol_char_init_input(chr);
	iol_char_init_output(chr);
	iol_char_init_peer(chr);
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

void iol_char_tell(const struct iol_char *chr, const char *text)
{
	if (iol_log_enabled(IOL_LOG_INFO))
		iol_log(IOL_LOG_INFO, "%s: %s", chr->name, text);
	else
		dprintf(STDERR_FILENO, "iolite: %s: %s\n", chr->name, text);
}

void iol_char_start(struct iol_char *chr, struct iol_char_user *user)
{
	chr->user = user;
	if (chr->ops->start)
		chr->ops->start(chr);
	iol_char_await_input(chr);
}

void iol_char_stop(struct iol_char *chr, uint64_t wait_ns)
{
	uint64_t deadline_ns = iol_loop_now_ns() + wait_ns;

	if (chr->stopped)
		return;
	chr->stopped = true;
	iol_loop_post_cancel(chr->loop, &chr->out_post);
	iol_loop_post_cancel(chr->loop, &chr->ready_post);
	iol_loop_post_cancel(chr->loop, &chr->hang_post);
	iol_loop_cancel(chr->loop, &chr->in_op);
	iol_loop_cancel(chr->loop, &chr->out_op);
	iol_loop_cancel(chr->loop, &chr->hangup_op);
	iol_loop_cancel(chr->loop, &chr->stall_op);
	iol_loop_cancel(chr->loop, &chr->starve_op);
	iol_loop_cancel(chr->loop, &chr->hang_op);
	while (chr->in_op.in_flight || chr->out_op.in_flight || chr->hangup_op.in_flight ||
	       chr->stall_op.in_flight || chr->starve_op.in_flight || chr->hang_op.in_flight)
		if (iol_loop_turn(chr->loop, true) < 0)
			break;

	if (chr->ops->stop)
		chr->ops->stop(chr);
	while (chr->out_fd >= 0 && iol_char_drain(chr)) {
		struct pollfd pfd = { .fd = chr->out_fd, .events = POLLOUT };
		uint64_t now_ns = iol_loop_now_ns();

		if (now_ns >= deadline_ns)
			break;
		poll(&pfd, 1, (int)((deadline_ns - now_ns) / IOL_NS_PER_MS) + 1);
	}
	if (chr->private_peers)
		iol_char_discard_input(chr);
	/* What waits for a peer that never came is not lost to anybody. */
	if (chr->out_fd >= 0 || !chr->ops->lost)
		chr->dropped_bytes += chr->ring_fill;
	chr->ring_fill = 0;
	if (chr->dropped_bytes)
		iol_log(chr->private_peers ? IOL_LOG_DEBUG : IOL_LOG_WARN,
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
