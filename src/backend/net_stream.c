// SPDX-License-Identifier: Apache-2.0
/*
 * Frames over a unix stream socket, each with its length before it in 32 bits, big-endian; the framing of QEMU's
 * stream and socket backends and of passt's. See net_stream.h. Runs on the loop's thread.
 *
 * A hostile peer chooses what comes, in what pieces and how long it takes what we send. Memory is bounded: one buffer
 * for what came, one for the rest of a frame that went out in part. A length that no frame has ends the
 * connection. One peer at a time; what it makes us say is limited.
 */
#include "net_stream.h"

#include <errno.h>
#include <glib.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iolite/endian.h>

#include "net_iov.h"

static bool here(const struct net_stream *s)
{
	return s->fd >= 0 && !s->broken;
}

static void await_peer(struct net_stream *s)
{
	if (s->finished || s->fd >= 0 || !s->path || s->peer_op.in_flight)
		return;
	/* Polls of the last connection are to end first: they are asked for again. */
	if (s->read_op.in_flight || s->write_op.in_flight || s->hangup_op.in_flight)
		return;
	if (s->listen_fd >= 0)
		iol_loop_poll(s->net.loop, &s->peer_op, s->listen_fd, POLLIN);
	else
		iol_loop_timeout(s->net.loop, &s->peer_op, IOL_NS_PER_S);
}

/* The other end is of no use; what follows is done at the end of the turn, as a call of the device's may be under way. */
static void lose(struct net_stream *s, const char *why)
{
	if (!here(s))
		return;
	s->broken = true;
	if (why)
		iol_log_limited(&s->limit, IOL_LOG_WARN, "%s: %s; the link is down", s->net.name,
				why);
	iol_loop_at_turn_end(s->net.loop, &s->turn_end);
}

/* As lose(): the other end went. @error: errno, or 0. */
static void lose_other_end(struct net_stream *s, int error)
{
	lose(s, s->gone ? NULL : error ? strerror(error) : "the other end is gone");
}

void iol_net_stream_lose(struct net_stream *s)
{
	lose(s, NULL);
}

/* --- to the other end --- */

/* Sends what is left of the last frame: 0, -EAGAIN, or -ENETDOWN. */
static int flush(struct net_stream *s)
{
	while (s->tx_begin < s->tx_end) {
		ssize_t sent = send(s->fd, s->tx + s->tx_begin, s->tx_end - s->tx_begin,
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
			return -EAGAIN;
		if (sent < 0) {
			lose_other_end(s, errno);
			return -ENETDOWN;
		}
		s->tx_begin += (unsigned int)sent;
	}
	s->tx_begin = 0;
	s->tx_end = 0;
	return 0;
}

static void poll_writable(struct net_stream *s)
{
	if (here(s) && !s->write_op.in_flight)
		iol_loop_poll(s->net.loop, &s->write_op, s->fd, POLLOUT);
}

/* Keeps what the socket did not take: all of @record but its first @sent bytes. */
static void keep_rest(struct net_stream *s, const struct iovec *record, unsigned int count,
		      size_t sent)
{
	size_t len = iol_iov_bytes(record, count);

	s->tx_begin = 0;
	s->tx_end = (unsigned int)iol_iov_gather(record, count, sent, s->tx, len - sent);
	if (s->tx_end)
		poll_writable(s);
}

static int send_record(struct net_stream *s, struct iovec *record, unsigned int count)
{
	/* One part too many for the kernel: the first ones go, and the rest by way of the buffer. */
	struct msghdr msg = { .msg_iov = record, .msg_iovlen = MIN(count, IOV_MAX) };
	ssize_t sent;

	do
		sent = sendmsg(s->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (sent < 0) {
		lose_other_end(s, errno);
		return -ENETDOWN;
	}
	keep_rest(s, record, count, (size_t)sent);
	return 0;
}

int iol_net_stream_send(struct iol_net *net, unsigned int pair, const struct iovec *iov,
			unsigned int count)
{
	struct net_stream *s = iol_container_of(net, struct net_stream, net);
	struct iovec record[IOV_MAX + 1];
	ssize_t len;
	be32 head;
	int ret;

	if (pair || count > IOV_MAX)
		return -EINVAL;
	if (!here(s))
		return -ENETDOWN;
	len = iol_iov_plain_frame(iov, count, IOL_NET_FRAME_MAX);
	if (len < 0)
		return (int)len;
	ret = flush(s);
	if (ret)
		return ret;
	head = be32_of((uint32_t)len);
	record[0] = (struct iovec){ .iov_base = &head, .iov_len = sizeof(head) };
	count = 1 + iol_iov_skip(record + 1, iov, count, IOL_NET_HEADER_BYTES);
	return send_record(s, record, count);
}

/* --- from the other end --- */

/* The length of the frame that is there as a whole: 0: there is none. -EPROTO: no frame has the length. */
static int next_frame(const struct net_stream *s)
{
	unsigned int fill = s->rx_end - s->rx_begin;
	uint32_t len;

	if (fill < NET_STREAM_LENGTH_BYTES)
		return 0;
	len = be32_load(s->rx + s->rx_begin);
	if (len < IOL_NET_ETHERNET_BYTES || len > IOL_NET_FRAME_MAX)
		return -EPROTO;
	return fill - NET_STREAM_LENGTH_BYTES < len ? 0 : (int)len;
}

static void lose_for_length(struct net_stream *s)
{
	char why[96];

	snprintf(why, sizeof(why), "the other end sent a frame length of %u, and was disconnected",
		 be32_load(s->rx + s->rx_begin));
	lose(s, why);
}

/* Reads once. 0: something came; -EAGAIN, -ENETDOWN. */
static int fill(struct net_stream *s)
{
	ssize_t len;

	if (s->rx_begin == s->rx_end) {
		s->rx_begin = 0;
		s->rx_end = 0;
	} else if (sizeof(s->rx) - s->rx_begin < NET_STREAM_RECORD_MAX) {
		memmove(s->rx, s->rx + s->rx_begin, s->rx_end - s->rx_begin);
		s->rx_end -= s->rx_begin;
		s->rx_begin = 0;
	}
	do
		len = recv(s->fd, s->rx + s->rx_end, sizeof(s->rx) - s->rx_end, MSG_DONTWAIT);
	while (len < 0 && errno == EINTR);
	if (len < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (len <= 0) {
		lose_other_end(s, len ? errno : 0);
		return -ENETDOWN;
	}
	s->rx_end += (unsigned int)len;
	return 0;
}

static ssize_t take_frame(struct net_stream *s, unsigned int len, const struct iovec *iov,
			  unsigned int count)
{
	static const uint8_t header[IOL_NET_HEADER_BYTES];
	const uint8_t *frame = s->rx + s->rx_begin + NET_STREAM_LENGTH_BYTES;

	s->rx_begin += NET_STREAM_LENGTH_BYTES + len;
	s->taken = true;
	if (iol_iov_bytes(iov, count) < sizeof(header) + len)
		return -EMSGSIZE;
	iol_iov_scatter(iov, count, 0, header, sizeof(header));
	iol_iov_scatter(iov, count, sizeof(header), frame, len);
	return (ssize_t)(sizeof(header) + len);
}

ssize_t iol_net_stream_receive(struct iol_net *net, unsigned int pair, const struct iovec *iov,
			       unsigned int count)
{
	struct net_stream *s = iol_container_of(net, struct net_stream, net);
	int len, ret;

	if (pair)
		return -EINVAL;
	if (!here(s))
		return -ENETDOWN;
	len = next_frame(s);
	if (!len) {
		ret = fill(s);
		if (ret)
			return ret;
		len = next_frame(s);
	}
	if (len > 0)
		return take_frame(s, (unsigned int)len, iov, count);
	if (!len)
		return -EAGAIN;
	lose_for_length(s);
	return -ENETDOWN;
}

/* --- waiting --- */

static bool readable_now(const struct net_stream *s)
{
	return here(s) && next_frame(s) != 0;
}

static bool writable_now(const struct net_stream *s)
{
	return here(s) && s->tx_begin == s->tx_end;
}

/* Polls for what is wanted. */
static void arm(struct net_stream *s)
{
	if (!here(s))
		return;
	if (s->want_read && !s->read_op.in_flight)
		iol_loop_poll(s->net.loop, &s->read_op, s->fd, POLLIN);
	if (s->want_write || s->tx_begin < s->tx_end)
		poll_writable(s);
}

void iol_net_stream_await(struct iol_net *net, unsigned int pair, bool readable, bool writable)
{
	struct net_stream *s = iol_container_of(net, struct net_stream, net);

	if (pair || s->finished)
		return;
	s->want_read |= readable;
	s->want_write |= writable;
	/* A frame may be in the buffer, which no poll tells. */
	if (s->want_read && readable_now(s))
		iol_loop_at_turn_end(s->net.loop, &s->turn_end);
	arm(s);
}

static void tell_readable(struct net_stream *s)
{
	if (!s->want_read || !s->net.user)
		return;
	s->want_read = false;
	s->net.user->readable(s->net.user, 0);
}

static void tell_writable(struct net_stream *s)
{
	if (!s->want_write || !s->net.user)
		return;
	s->want_write = false;
	s->net.user->writable(s->net.user, 0);
}

static void disconnect(struct net_stream *s)
{
	iol_loop_cancel(s->net.loop, &s->read_op);
	iol_loop_cancel(s->net.loop, &s->write_op);
	iol_loop_cancel(s->net.loop, &s->hangup_op);
	iol_fd_close(&s->fd);
	s->broken = false;
	s->rx_begin = s->rx_end = 0;
	s->tx_begin = s->tx_end = 0;
	await_peer(s);
	if (s->gone)
		s->gone(s);
	iol_net_set_link(&s->net, false);
}

static void turn_end(struct iol_turn_end *end)
{
	struct net_stream *s = iol_container_of(end, struct net_stream, turn_end);

	if (s->broken)
		disconnect(s);
	else if (readable_now(s))
		tell_readable(s);
}

/* False: @res is of a connection that is gone, or of no use. */
static bool counts(struct net_stream *s, int res)
{
	if (s->finished)
		return false;
	if (s->fd < 0) {
		await_peer(s);
		return false;
	}
	if (s->broken || res == -ECANCELED)
		return false;
	if (res < 0)
		lose(s, strerror(-res));
	return res >= 0;
}

static void read_done(struct iol_op *op, int res)
{
	struct net_stream *s = iol_container_of(op, struct net_stream, read_op);

	if (counts(s, res))
		tell_readable(s);
}

static void write_done(struct iol_op *op, int res)
{
	struct net_stream *s = iol_container_of(op, struct net_stream, write_op);

	if (!counts(s, res))
		return;
	if (flush(s) == -EAGAIN)
		poll_writable(s);
	else if (writable_now(s))
		tell_writable(s);
}

/*
 * The other end went. What it sent before is received first, where somebody wants to: whoever takes nothing for a second
 * does not, and a dead peer may not keep others out. From then on the operation is that second.
 */
static void hangup_done(struct iol_op *op, int res)
{
	struct net_stream *s = iol_container_of(op, struct net_stream, hangup_op);
	bool second_over = res == -ETIME;
	char byte;

	if (!counts(s, second_over ? 0 : res))
		return;
	if ((readable_now(s) || recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) &&
	    (s->taken || !second_over)) {
		s->taken = false;
		iol_loop_timeout(s->net.loop, &s->hangup_op, IOL_NS_PER_S);
		return;
	}
	lose_other_end(s, 0);
}

void iol_net_stream_attach(struct net_stream *s, int fd)
{
	s->fd = fd;
	s->broken = false;
	iol_loop_poll(s->net.loop, &s->hangup_op, fd, POLLRDHUP);
	arm(s);
	iol_net_set_link(&s->net, true);
}

/* Somebody may be there. */
static void peer_done(struct iol_op *op, int res)
{
	struct net_stream *s = iol_container_of(op, struct net_stream, peer_op);
	int fd = -1;

	if (s->finished || res == -ECANCELED)
		return;
	if (s->listen_fd < 0)
		fd = iol_unix_path_connect(s->path);
	else if (res >= 0)
		fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	else
		errno = -res;
	if (fd >= 0) {
		iol_log_limited(&s->limit, IOL_LOG_INFO, "%s: connected; the link is up",
				s->net.name);
		iol_net_stream_attach(s, fd);
		return;
	}
	/* Without descriptors to spare, say, a listener would be ready for ever. */
	if (s->listen_fd >= 0 && res != -ETIME && errno != EAGAIN && errno != ECONNABORTED)
		iol_loop_timeout(s->net.loop, &s->peer_op, IOL_NS_PER_S);
	else
		await_peer(s);
}

/* --- life --- */

void iol_net_stream_init(struct net_stream *s, const struct iol_net_ops *ops, struct iol_loop *loop,
			 const char *name)
{
	iol_net_init(&s->net, ops, loop, name);
	s->net.link_up = false;
	s->fd = -1;
	s->listen_fd = -1;
	s->read_op.done = read_done;
	s->write_op.done = write_done;
	s->hangup_op.done = hangup_done;
	s->peer_op.done = peer_done;
	s->turn_end.run = turn_end;
	s->limit.burst = 4;
}

int iol_net_stream_connect(struct net_stream *s, const char *path, bool patient,
			   struct iol_error *err)
{
	int fd, ret = iol_unix_path_check(path, err);

	if (ret)
		return ret;
	s->path = g_strdup(path);
	fd = iol_unix_path_connect(path);
	if (fd >= 0) {
		iol_net_stream_attach(s, fd);
		return 0;
	}
	if (!patient || (fd != -ENOENT && fd != -ECONNREFUSED && fd != -EAGAIN))
		return iol_error_errno(err, fd, "cannot connect to the socket %s", path);
	iol_log(IOL_LOG_WARN,
		"%s: nobody listens at %s yet; the link is down, and it is tried every second",
		s->net.name, path);
	await_peer(s);
	return 0;
}

static int stream_listen(struct net_stream *s, const char *path, struct iol_error *err)
{
	int fd = iol_unix_path_listen(path, 1, &s->listen_file, err);

	if (fd < 0)
		return fd;
	s->listen_fd = fd;
	s->path = g_strdup(path);
	await_peer(s);
	return 0;
}

void iol_net_stream_finish(struct net_stream *s)
{
	s->finished = true;
	iol_loop_turn_end_cancel(s->net.loop, &s->turn_end);
	iol_loop_cancel(s->net.loop, &s->read_op);
	iol_loop_cancel(s->net.loop, &s->write_op);
	iol_loop_cancel(s->net.loop, &s->hangup_op);
	iol_loop_cancel(s->net.loop, &s->peer_op);
	while (s->read_op.in_flight || s->write_op.in_flight || s->hangup_op.in_flight ||
	       s->peer_op.in_flight)
		if (iol_loop_turn(s->net.loop, true) < 0)
			break;
	iol_fd_close(&s->fd);
	iol_unix_path_remove(&s->listen_file);
	iol_fd_close(&s->listen_fd);
	g_free(s->path);
}

static void socket_free(struct iol_net *net)
{
	struct net_stream *s = iol_container_of(net, struct net_stream, net);

	iol_net_stream_finish(s);
	g_free(s);
}

static const struct iol_net_ops socket_ops = {
	.name = "socket",
	.receive = iol_net_stream_receive,
	.send = iol_net_stream_send,
	.await = iol_net_stream_await,
	.free = socket_free,
};

int iol_net_socket_new(struct iol_loop *loop, const struct iol_net_stream_config *config,
		       struct iol_net **net, struct iol_error *err)
{
	struct net_stream *s = g_new0(struct net_stream, 1);
	int ret;

	iol_net_stream_init(s, &socket_ops, loop, config->name);
	if (!config->path)
		ret = iol_error_set(err, -EINVAL, "needs path=, of a unix socket");
	else if (config->listen)
		ret = stream_listen(s, config->path, err);
	else
		ret = iol_net_stream_connect(s, config->path, true, err);
	if (ret) {
		iol_net_free(&s->net);
		return ret;
	}
	*net = &s->net;
	return 0;
}
