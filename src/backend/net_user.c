// SPDX-License-Identifier: Apache-2.0
/*
 * User-mode networking: frames to and from a process of its own in which libslirp runs (net_user_child.c), by a socket
 * pair with a frame in each message. See include/iolite/net.h. Runs on the loop's thread.
 *
 * That process is a hostile peer once a guest has taken it over. It chooses what comes and when, and whether it
 * takes what is sent: a message is cut to where it is read to, and nothing is kept here. Its end is the link's, for good.
 *
 * It is forked, and so has what this process has in its memory at that time: the backend is to be made before the
 * machine's memory and its threads.
 */
#include <iolite/net.h>

#include <errno.h>
#include <glib.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <iolite/log.h>

#include "net_child.h"
#include "net_iov.h"
#include "net_user_child.h"

enum {
	START_MS = 10000,
	VLAN_TAG_BYTES = 4,
	BUFFER_BYTES = 1 << 20, /* for frames on their way; the host may allow less */
};

struct net_user {
	struct iol_net net;
	struct net_child child;
	int fd; /* -1: the process is gone */
	bool broken; /* fd is of no use any more; it is closed at the end of the turn */
	bool finished;
	bool want_read, want_write; /* iol_net_await() */
	struct iol_op read_op, write_op; /* polls of fd */
	struct iol_turn_end turn_end;
	size_t frame_max_bytes;
};

static struct net_user *user_of(struct iol_net *net)
{
	return iol_container_of(net, struct net_user, net);
}

static bool here(const struct net_user *u)
{
	return u->fd >= 0 && !u->broken;
}

/* What follows is done at the end of the turn, as a call of the device's may be under way. */
static int lose(struct net_user *u)
{
	if (here(u)) {
		u->broken = true;
		iol_loop_at_turn_end(u->net.loop, &u->turn_end);
	}
	return -ENETDOWN;
}

static ssize_t user_receive(struct iol_net *net, unsigned int pair, const struct iovec *iov,
			    unsigned int count)
{
	static const uint8_t header[IOL_NET_HEADER_BYTES];
	struct net_user *u = user_of(net);
	struct iovec parts[IOV_MAX];
	struct msghdr msg = { .msg_iov = parts };
	ssize_t len;

	if (pair || !count || count > IOV_MAX)
		return -EINVAL;
	if (!here(u))
		return -ENETDOWN;
	msg.msg_iovlen = iol_iov_skip(parts, iov, count, sizeof(header));
	do
		len = recvmsg(u->fd, &msg, MSG_DONTWAIT);
	while (len < 0 && errno == EINTR);
	if (len < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (len <= 0)
		return lose(u);
	if (msg.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	if (len < IOL_NET_ETHERNET_BYTES)
		return -EBADMSG;
	iol_iov_scatter(iov, count, 0, header, sizeof(header));
	return len + (ssize_t)sizeof(header);
}

static int user_send(struct iol_net *net, unsigned int pair, const struct iovec *iov,
		     unsigned int count)
{
	struct net_user *u = user_of(net);
	struct iovec parts[IOV_MAX];
	struct msghdr msg = { .msg_iov = parts };
	ssize_t len;

	if (pair || count > IOV_MAX)
		return -EINVAL;
	if (!here(u))
		return -ENETDOWN;
	len = iol_iov_plain_frame(iov, count, u->frame_max_bytes);
	if (len < 0)
		return (int)len;
	msg.msg_iovlen = iol_iov_skip(parts, iov, count, IOL_NET_HEADER_BYTES);
	do
		len = sendmsg(u->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (len < 0 && errno == EINTR);
	if (len >= 0)
		return 0;
	if (errno == EAGAIN)
		return -EAGAIN;
	if (errno == ENOBUFS || errno == ENOMEM)
		return -errno; /* the host is short of memory, and this frame is gone */
	return lose(u);
}

/* --- waiting --- */

static void user_await(struct iol_net *net, unsigned int pair, bool readable, bool writable)
{
	struct net_user *u = user_of(net);

	if (pair || u->finished || !here(u))
		return;
	u->want_read |= readable;
	u->want_write |= writable;
	if (u->want_read && !u->read_op.in_flight)
		iol_loop_poll(net->loop, &u->read_op, u->fd, POLLIN);
	if (u->want_write && !u->write_op.in_flight)
		iol_loop_poll(net->loop, &u->write_op, u->fd, POLLOUT);
}

/* False: nobody is to be called for @res. */
static bool counts(struct net_user *u, int res)
{
	if (u->finished || !here(u) || res == -ECANCELED || !u->net.user)
		return false;
	if (res >= 0)
		return true;
	lose(u);
	return false;
}

static void read_done(struct iol_op *op, int res)
{
	struct net_user *u = iol_container_of(op, struct net_user, read_op);

	if (!counts(u, res) || !u->want_read)
		return;
	u->want_read = false;
	u->net.user->readable(u->net.user, 0);
}

static void write_done(struct iol_op *op, int res)
{
	struct net_user *u = iol_container_of(op, struct net_user, write_op);

	if (!counts(u, res) || !u->want_write)
		return;
	u->want_write = false;
	u->net.user->writable(u->net.user, 0);
}

/* --- the end of the process --- */

static void turn_end(struct iol_turn_end *end)
{
	struct net_user *u = iol_container_of(end, struct net_user, turn_end);

	iol_loop_cancel(u->net.loop, &u->read_op);
	iol_loop_cancel(u->net.loop, &u->write_op);
	iol_fd_close(&u->fd);
	/* It may have closed its socket and live on. */
	iol_net_child_kill(&u->child);
	iol_net_set_link(&u->net, false);
}

static void child_ended(struct net_child *child)
{
	struct net_user *u = iol_container_of(child, struct net_user, child);
	char reason[IOL_NET_REASON_BYTES];

	iol_log(IOL_LOG_WARN, "%s: the process of libslirp ended: %s; the link is down for good",
		u->net.name, iol_net_child_reason(child, reason));
	lose(u);
}

/* --- life --- */

static void user_free(struct iol_net *net)
{
	struct net_user *u = user_of(net);

	u->finished = true;
	iol_loop_turn_end_cancel(net->loop, &u->turn_end);
	iol_net_child_finish(&u->child);
	iol_loop_cancel(net->loop, &u->read_op);
	iol_loop_cancel(net->loop, &u->write_op);
	while (u->read_op.in_flight || u->write_op.in_flight)
		if (iol_loop_turn(net->loop, true) < 0)
			break;
	iol_fd_close(&u->fd);
	g_free(u);
}

static const struct iol_net_ops user_ops = {
	.name = "user",
	.receive = user_receive,
	.send = user_send,
	.await = user_await,
	.free = user_free,
};

/* Until the process says that it has begun, or why it has not. */
static int await_start(struct net_user *u, struct iol_error *err)
{
	struct pollfd pfd = { .fd = u->fd, .events = POLLIN };
	struct net_user_hello hello = { 0 };
	char reason[IOL_NET_REASON_BYTES];
	int ret;

	do
		ret = poll(&pfd, 1, START_MS);
	while (ret < 0 && errno == EINTR);
	if (ret <= 0)
		return iol_error_set(err, -ETIMEDOUT,
				     "the process of libslirp did not start within %d s",
				     START_MS / 1000);
	if (recv(u->fd, &hello, sizeof(hello), 0) == sizeof(hello)) {
		hello.text[sizeof(hello.text) - 1] = '\0';
		if (hello.code < 0)
			return iol_error_set(err, hello.code, "%s", hello.text);
		if (*hello.text)
			iol_log(IOL_LOG_WARN, "%s: the process of libslirp %s", u->net.name,
				hello.text);
		return 0;
	}
	iol_net_child_grace(&u->child, 1000);
	iol_net_child_finish(&u->child);
	return iol_error_set(err, -EIO, "the process of libslirp ended at its start: %s",
			     iol_net_child_reason(&u->child, reason));
}

static int start_child(struct net_user *u, const struct net_user_setup *setup,
		       struct iol_error *err)
{
	int pair[2], size = BUFFER_BYTES, ret;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return iol_error_errno(err, -errno, "cannot make sockets for libslirp");
	u->fd = pair[0];
	for (int i = 0; i < 2; i++) /* what the host does not allow is not missed */
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	pid = iol_net_child_fork(&u->child, u->net.loop, pair[1], -1, -1, err);
	if (!pid)
		iol_net_user_child(IOL_NET_CHILD_FD, setup);
	iol_fd_close(&pair[1]);
	if (pid < 0)
		return (int)pid;
	ret = await_start(u, err);
	if (!ret)
		iol_net_child_watch(&u->child, child_ended);
	return ret;
}

int iol_net_user_new(struct iol_loop *loop, const struct iol_net_user_config *config,
		     struct iol_net **net, struct iol_error *err)
{
	struct net_user_setup setup;
	struct net_user *u;
	int ret = iol_net_user_parse(&setup, config, err);

	if (ret)
		return ret;
	if (!iol_net_user_built()) {
		iol_net_user_setup_finish(&setup);
		return iol_error_set(
			err, -ENOTSUP,
			"this iolite was built without libslirp's headers: apt install "
			"libslirp-dev and build it anew, or use passt or a tap");
	}
	u = g_new0(struct net_user, 1);
	iol_net_init(&u->net, &user_ops, loop, config->name);
	u->fd = -1;
	u->child.pidfd = -1;
	u->read_op.done = read_done;
	u->write_op.done = write_done;
	u->turn_end.run = turn_end;
	u->net.limits.mtu = setup.mtu;
	u->frame_max_bytes = setup.mtu + IOL_NET_ETHERNET_BYTES + VLAN_TAG_BYTES;
	ret = start_child(u, &setup, err);
	iol_net_user_setup_finish(&setup);
	if (ret) {
		iol_net_free(&u->net);
		return ret;
	}
	*net = &u->net;
	return 0;
}
