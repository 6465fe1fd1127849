// SPDX-License-Identifier: Apache-2.0
/*
 * A stream socket as the far end of a serial line: unix(7), tcp(7). It listens and has one client at a time, or
 * connects, and again each second. Runs on the loop's thread.
 *
 * A hostile client can come and go, send what it likes and read nothing: it holds one descriptor, others are told
 * off and closed at once, and each turn of the loop accepts one. Whoever connects is at the guest's console: a
 * unix socket is its owner's alone, TCP is every local user's, and other machines' where that was asked for
 * (src/config/char.c).
 */
#include <iolite/char.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <iolite/leftover.h>
#include <iolite/log.h>
#include <iolite/unix_path.h>

#define RETRY_NS IOL_NS_PER_S
/* How long a client waits for the guest to take what the last one sent. */
#define NEXT_WAIT_NS (10 * IOL_NS_PER_S)

enum { BACKLOG = 8 };

union address {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct char_socket {
	struct iol_char chr;
	bool connects;
	bool announces; /* nobody else knows its port */
	bool reported; /* that it cannot be reached now; once is enough */
	union address address;
	socklen_t address_bytes;
	char where[160]; /* the address, for messages */
	int fd; /* listens, or is about to be connected */
	int peer_fd;
	int next_fd; /* accepted, and waits for the peer to be gone */
	uint64_t next_ns; /* when it came */
	struct iol_op op; /* with fd */
	struct iol_op retry_op; /* a timer */
	struct iol_op next_op; /* a timer, while next_fd waits */
	struct iol_unix_path_file file; /* of our socket */
};

static struct char_socket *socket_of(struct iol_char *chr)
{
	return iol_container_of(chr, struct char_socket, chr);
}

static void take_peer(struct char_socket *s, int fd)
{
	const int on = 1;

	/* Keys are small, and a peer that died is to be found out. Neither matters where it is refused. */
	if (s->address.any.sa_family != AF_UNIX) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	iol_log(s->chr.private_peers ? IOL_LOG_DEBUG : IOL_LOG_INFO, "%s: %s %s", s->chr.name,
		s->connects ? "connected to" : "a client connected to", s->where);
	s->reported = false;
	s->peer_fd = fd;
	iol_char_attach(&s->chr, fd, fd);
}

/* ---- Listening ---- */

static void await_client(struct char_socket *s)
{
	/* While one waits, others do so where they are. */
	if (s->next_fd < 0 && !s->op.in_flight && !s->retry_op.in_flight)
		iol_loop_poll(s->chr.loop, &s->op, s->fd, POLLIN);
}

/* Our peer has closed its end, and we did not get that far. */
static bool peer_has_left(const struct char_socket *s)
{
	struct pollfd pfd = { .fd = s->peer_fd, .events = POLLRDHUP };

	return poll(&pfd, 1, 0) > 0 && pfd.revents;
}

/*
 * What the peer sent before it left comes first, for as long as the guest takes some of it. For a guest that takes
 * nothing the next client does not wait, nor without end for one that takes a byte now and then. A user who knows its
 * peers has no use for what one has left behind.
 */
static void hurry_peer(struct char_socket *s)
{
	uint64_t untaken_ns = iol_char_untaken_ns(&s->chr);
	uint64_t waited_ns = iol_loop_now_ns() - s->next_ns;
	bool left_behind = s->chr.input_pos < s->chr.input_len && s->chr.user->peer;

	if (s->chr.hanging_up || s->chr.leaving)
		return; /* which has its own limit */
	if (left_behind || untaken_ns >= IOL_CHAR_STALL_NS || waited_ns >= NEXT_WAIT_NS)
		iol_char_detach(&s->chr);
	else if (!s->next_op.in_flight)
		iol_loop_timeout(s->chr.loop, &s->next_op,
				 MIN(IOL_CHAR_STALL_NS - untaken_ns, NEXT_WAIT_NS - waited_ns));
}

static void next_done(struct iol_op *op, int res)
{
	struct char_socket *s = iol_container_of(op, struct char_socket, next_op);

	(void)res;
	if (!s->chr.stopped && s->next_fd >= 0)
		hurry_peer(s);
}

static void tell_off(struct char_socket *s, int fd)
{
	char text[96];
	int len = snprintf(text, sizeof(text), "iolite: %s is in use by another client\r\n",
			   s->chr.name);

	/* A program would take that for its protocol. A fresh socket has room; if not, it is only told less. */
	if (s->chr.private_peers)
		iol_log(IOL_LOG_INFO, "%s: a second client is turned away", s->chr.name);
	else if (send(fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		iol_log(IOL_LOG_DEBUG, "%s: a second client is gone already", s->chr.name);
	iol_fd_close(&fd);
}

static void retry_later(struct char_socket *s, const char *what, int error)
{
	iol_log(s->reported ? IOL_LOG_DEBUG : IOL_LOG_WARN, "%s: cannot %s %s: %s; trying again",
		s->chr.name, what, s->where, strerror(error));
	s->reported = true;
	if (!s->retry_op.in_flight)
		iol_loop_timeout(s->chr.loop, &s->retry_op, RETRY_NS);
}

static void accept_client(struct char_socket *s)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
		retry_later(s, "accept a client at", errno);
		return;
	}
	if (fd >= 0 && s->peer_fd < 0) {
		take_peer(s, fd);
	} else if (fd >= 0 && (s->chr.hanging_up || s->chr.leaving || peer_has_left(s))) {
		s->next_fd = fd;
		s->next_ns = iol_loop_now_ns();
		hurry_peer(s);
	} else if (fd >= 0) {
		tell_off(s, fd);
	}
	await_client(s); /* also after one that changed its mind */
}

static void format_where(struct char_socket *s)
{
	const union address *a = &s->address;
	char host[INET6_ADDRSTRLEN];

	if (a->any.sa_family == AF_UNIX)
		g_strlcpy(s->where, a->un.sun_path, sizeof(s->where));
	else if (a->any.sa_family == AF_INET)
		snprintf(s->where, sizeof(s->where), "%s:%u",
			 inet_ntop(AF_INET, &a->in.sin_addr, host, sizeof(host)),
			 ntohs(a->in.sin_port));
	else
		snprintf(s->where, sizeof(s->where), "[%s]:%u",
			 inet_ntop(AF_INET6, &a->in6.sin6_addr, host, sizeof(host)),
			 ntohs(a->in6.sin6_port));
}

static int listen_tcp(struct char_socket *s, struct iol_error *err)
{
	bool any_port = !s->address.in.sin_port; /* at the same place in IPv6 */
	const int on = 1;
	unsigned int looks = 0;
	int ret;

	s->fd = socket(s->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return iol_error_errno(err, -errno, "cannot make a socket for %s", s->where);
	setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	do
		ret = bind(s->fd, &s->address.any, s->address_bytes) || listen(s->fd, BACKLOG)
			      ? -errno
			      : 0;
	while (ret == -EADDRINUSE && iol_leftover_wait(&looks));
	if (ret)
		return iol_error_errno(err, ret, "cannot listen at %s", s->where);
	if (any_port) {
		getsockname(s->fd, &s->address.any, &s->address_bytes);
		format_where(s);
		s->announces = true;
	}
	return 0;
}

static int listen_unix(struct char_socket *s, struct iol_error *err)
{
	int fd = iol_unix_path_listen(s->where, BACKLOG, &s->file, err);

	if (fd < 0)
		return fd;
	s->fd = fd;
	return 0;
}

/* It outlives us, as does its file. */
static int listen_with(struct char_socket *s, int fd, struct iol_error *err)
{
	s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return s->fd < 0 ? iol_error_errno(err, -errno, "cannot take the socket at %s", s->where)
			 : 0;
}

static int listen_at(struct char_socket *s, int listen_fd, struct iol_error *err)
{
	bool is_unix = s->address.any.sa_family == AF_UNIX;
	int ret;

	if (listen_fd > 0)
		ret = listen_with(s, listen_fd, err);
	else
		ret = is_unix ? listen_unix(s, err) : listen_tcp(s, err);

	if (!ret)
		iol_log(IOL_LOG_INFO, "%s: listening at %s", s->chr.name, s->where);
	return ret;
}

/* ---- Connecting ---- */

static void connect_failed(struct char_socket *s, int error)
{
	iol_fd_close(&s->fd);
	retry_later(s, "connect to", error);
}

/*
 * With nobody there, the kernel may give our end the very port that it is to reach, and TCP connects the two: the
 * guest would hear itself, and whoever begins to listen there would find the port in use.
 */
static bool is_itself(int fd)
{
	union address own = { 0 }, peer = { 0 };
	socklen_t own_len = sizeof(own), peer_len = sizeof(peer);

	return !getsockname(fd, &own.any, &own_len) && !getpeername(fd, &peer.any, &peer_len) &&
	       own.any.sa_family != AF_UNIX && own_len == peer_len && !memcmp(&own, &peer, own_len);
}

static void connect_done(struct char_socket *s)
{
	int error = 0, fd = s->fd;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	if (!error && is_itself(fd))
		error = ECONNREFUSED;
	if (error) {
		connect_failed(s, error);
		return;
	}
	s->fd = -1;
	take_peer(s, fd);
}

static void try_connect(struct char_socket *s)
{
	if (s->peer_fd >= 0 || s->fd >= 0)
		return;
	s->fd = socket(s->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		connect_failed(s, errno);
	else if (!connect(s->fd, &s->address.any, s->address_bytes))
		connect_done(s);
	else if (errno == EINPROGRESS)
		iol_loop_poll(s->chr.loop, &s->op, s->fd, POLLOUT);
	else
		connect_failed(s, errno);
}

/* ---- Both ---- */

static void op_done(struct iol_op *op, int res)
{
	struct char_socket *s = iol_container_of(op, struct char_socket, op);

	if (s->chr.stopped)
		return;
	if (res < 0)
		/* Not to be had at once again: what the wait fails for may last. */
		retry_later(s, "wait at", -res);
	else if (s->connects)
		connect_done(s);
	else
		accept_client(s);
}

static void retry_done(struct iol_op *op, int res)
{
	struct char_socket *s = iol_container_of(op, struct char_socket, retry_op);

	(void)res;
	if (s->chr.stopped)
		return;
	if (!s->connects) {
		await_client(s);
		return;
	}
	if (!s->op.in_flight)
		iol_fd_close(&s->fd); /* of a wait that failed */
	try_connect(s);
}

static void socket_start(struct iol_char *chr)
{
	struct char_socket *s = socket_of(chr);

	/* Not by a user who says more. */
	if (s->announces && !chr->private_peers)
		iol_char_announce(chr, s->where);
	if (s->connects)
		try_connect(s);
	else
		await_client(s);
}

static void socket_lost(struct iol_char *chr)
{
	struct char_socket *s = socket_of(chr);
	int next_fd = s->next_fd;

	/* One that reads no more may still have sent something. One that does is told that nothing follows. */
	if (chr->in_fd >= 0) {
		shutdown(s->peer_fd, SHUT_WR);
		return;
	}
	iol_fd_close(&s->peer_fd);
	iol_log(chr->private_peers ? IOL_LOG_DEBUG : IOL_LOG_INFO, "%s: the peer at %s is gone",
		chr->name, s->where);
	s->next_fd = -1;
	if (next_fd >= 0) {
		take_peer(s, next_fd);
		await_client(s);
	} else if (s->connects && !s->retry_op.in_flight) {
		iol_loop_timeout(chr->loop, &s->retry_op, RETRY_NS);
	}
}

static void socket_stop(struct iol_char *chr)
{
	struct char_socket *s = socket_of(chr);

	iol_loop_cancel(chr->loop, &s->op);
	iol_loop_cancel(chr->loop, &s->retry_op);
	iol_loop_cancel(chr->loop, &s->next_op);
	while (s->op.in_flight || s->retry_op.in_flight || s->next_op.in_flight)
		if (iol_loop_turn(chr->loop, true) < 0)
			break;
	iol_unix_path_remove(&s->file);
	iol_fd_close(&s->fd);
	iol_fd_close(&s->next_fd);
}

static void socket_free(struct iol_char *chr)
{
	struct char_socket *s = socket_of(chr);

	iol_fd_close(&s->peer_fd);
	g_free(s);
}

static const struct iol_char_ops socket_ops = {
	.name = "serial socket",
	.start = socket_start,
	.lost = socket_lost,
	.stop = socket_stop,
	.free = socket_free,
};

static int set_address(struct char_socket *s, const struct iol_char_config *config,
		       struct iol_error *err)
{
	union address *a = &s->address;
	const char *host = config->host ? config->host : "127.0.0.1";

	if (config->kind == IOL_CHAR_UNIX) {
		int ret = iol_unix_path_check(config->path, err);

		if (ret)
			return ret;
		a->un.sun_family = AF_UNIX;
		g_strlcpy(a->un.sun_path, config->path, sizeof(a->un.sun_path));
		s->address_bytes = sizeof(a->un);
	} else if (inet_pton(AF_INET, host, &a->in.sin_addr) == 1) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons((uint16_t)config->port);
		s->address_bytes = sizeof(a->in);
	} else if (inet_pton(AF_INET6, host, &a->in6.sin6_addr) == 1) {
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons((uint16_t)config->port);
		s->address_bytes = sizeof(a->in6);
	} else {
		return iol_error_set(err, -EINVAL, "'%s' is no address", host);
	}
	format_where(s);
	return 0;
}

const char *iol_char_socket_where(struct iol_char *chr)
{
	return socket_of(chr)->where;
}

int iol_char_socket_new(struct iol_loop *loop, const struct iol_char_config *config,
			const char *name, struct iol_char **chr, struct iol_error *err)
{
	struct char_socket *s = g_new0(struct char_socket, 1);
	int ret;

	iol_char_init(&s->chr, &socket_ops, loop);
	g_strlcpy(s->chr.name, name, sizeof(s->chr.name));
	s->connects = config->connect;
	s->fd = s->peer_fd = s->next_fd = -1;
	s->op.done = op_done;
	s->retry_op.done = retry_done;
	s->next_op.done = next_done;
	ret = set_address(s, config, err);
	if (!ret && !s->connects)
		ret = listen_at(s, config->listen_fd, err);
	if (ret) {
		iol_char_free(&s->chr);
		return ret;
	}
	*chr = &s->chr;
	return 0;
}
