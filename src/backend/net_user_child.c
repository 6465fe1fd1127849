// SPDX-License-Identifier: Apache-2.0
/*
 * The process in which libslirp runs: the guest's frames on one side, plain sockets of the host on the other. See
 * net_user_child.h. It is a fork of iolite from before the machine is there, with one thread and no descriptor but its
 * end of the socket pair; once it listens, net_user_confine.c takes away what it does not need. It opens the library itself,
 * so that iolite never has that in its memory.
 *
 * A hostile guest feeds libslirp every frame that it likes, and libslirp has had bugs that guests could use. So
 * what goes wrong here ends this process, and is not handed on: the other end believes nothing but the length of a
 * message. Sockets, and the buffers behind them, are bounded by the limit of descriptors. What libslirp says of bad frames
 * is dropped, as it would fill a log.
 */
#include "net_user_child.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iolite/loop.h>

#include "net_user_confine.h"

/* libslirp calls back between calls of ours: to it a child, to us the whole state. */
#if __has_include(<slirp/libslirp.h>)
#include <slirp/libslirp.h>
#define HAVE_SLIRP 1
#else
#define HAVE_SLIRP 0
#endif

static void hello(int fd, int code, const char *text)
{
	struct net_user_hello message = { .code = code };

	snprintf(message.text, sizeof(message.text), "%s", text);
	/* A parent that is gone is noticed soon enough. */
	if (send(fd, &message, sizeof(message), MSG_NOSIGNAL) < 0)
		_exit(1);
	if (code)
		_exit(1);
}

#if HAVE_SLIRP

enum {
	BATCH_FRAMES = 64, /* from the guest, before sockets have their turn */
	TIMERS_MAX = 8,
	DESCRIPTORS_MAX = 1024,
	WAIT_MAX_MS = 60000,
	STUCK_MS = 10, /* how long a frame waits for a guest that does not take any */
};

/* What is called of the library, by its names. */
struct slirp_calls {
	__typeof__(slirp_new) *slirp_new;
	__typeof__(slirp_pollfds_fill) *slirp_pollfds_fill;
	__typeof__(slirp_pollfds_poll) *slirp_pollfds_poll;
	__typeof__(slirp_input) *slirp_input;
	__typeof__(slirp_handle_timer) *slirp_handle_timer;
	__typeof__(slirp_add_hostxfwd) *slirp_add_hostxfwd;
};

struct timer {
	SlirpTimerId id;
	void *opaque;
	int64_t expires_ms; /* of the clock; -1: not set */
	bool used;
};

struct child {
	struct slirp_calls calls;
	Slirp *slirp;
	int fd;
	bool stuck; /* the guest takes no frames: they are dropped until it does */
	struct timer timers[TIMERS_MAX];
	struct pollfd fds[1 + DESCRIPTORS_MAX]; /* the first is fd */
	unsigned int fd_count;
	uint8_t frame[IOL_NET_FRAME_MAX];
};

/* --- what libslirp asks for --- */

static ssize_t send_packet(const void *buf, size_t len, void *opaque)
{
	struct child *c = opaque;

	if (send(c->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return (ssize_t)len;
	/* A burst is worth a moment; a guest that stands still is not. */
	if (errno == EAGAIN && !c->stuck) {
		struct pollfd pfd = { .fd = c->fd, .events = POLLOUT };

		c->stuck = poll(&pfd, 1, STUCK_MS) <= 0;
		if (!c->stuck && send(c->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return (ssize_t)len;
	}
	return (ssize_t)len; /* dropped, as by any network */
}

static void guest_error(const char *msg, void *opaque)
{
	(void)msg;
	(void)opaque;
}

static int64_t clock_get_ns(void *opaque)
{
	(void)opaque;
	return (int64_t)iol_loop_now_ns();
}

static void *timer_new(SlirpTimerId id, void *cb_opaque, void *opaque)
{
	struct child *c = opaque;

	for (unsigned int i = 0; i < TIMERS_MAX; i++) {
		if (c->timers[i].used)
			continue;
		c->timers[i] = (struct timer){
			.id = id, .opaque = cb_opaque, .expires_ms = -1, .used = true
		};
		return &c->timers[i];
	}
	_exit(3); /* it has one */
}

static void timer_free(void *timer, void *opaque)
{
	(void)opaque;
	if (timer)
		((struct timer *)timer)->used = false;
}

static void timer_mod(void *timer, int64_t expire_time, void *opaque)
{
	(void)opaque;
	((struct timer *)timer)->expires_ms = expire_time;
}

static void no_poll_fd(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

static void notify(void *opaque)
{
	(void)opaque; /* one thread: the next round is to come anyway */
}

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_get_ns,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = no_poll_fd,
	.unregister_poll_fd = no_poll_fd,
	.notify = notify,
	.timer_new_opaque = timer_new,
};

/* --- the loop --- */

static const struct {
	int slirp;
	short poll;
} events[] = {
	{ SLIRP_POLL_IN, POLLIN },   { SLIRP_POLL_OUT, POLLOUT }, { SLIRP_POLL_PRI, POLLPRI },
	{ SLIRP_POLL_ERR, POLLERR }, { SLIRP_POLL_HUP, POLLHUP },
};

static int add_poll(int fd, int wanted, void *opaque)
{
	struct child *c = opaque;
	struct pollfd *pfd = &c->fds[c->fd_count];

	/* More than there can be descriptors. */
	if (c->fd_count == IOL_ARRAY_LEN(c->fds))
		return -1;
	*pfd = (struct pollfd){ .fd = fd };
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(events); i++)
		if (wanted & events[i].slirp)
			pfd->events |= events[i].poll;
	return (int)c->fd_count++;
}

static int get_revents(int idx, void *opaque)
{
	const struct child *c = opaque;
	int got = 0;

	if (idx < 1 || (unsigned int)idx >= c->fd_count)
		return 0;
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(events); i++)
		if (c->fds[idx].revents & events[i].poll)
			got |= events[i].slirp;
	return got;
}

/* Runs the timers that are due. Returns the time until the next one, at most @timeout. */
static uint32_t run_timers(struct child *c, uint32_t timeout)
{
	int64_t now_ms = clock_get_ns(c) / (int64_t)IOL_NS_PER_MS;

	for (unsigned int i = 0; i < TIMERS_MAX; i++) {
		struct timer *t = &c->timers[i];

		if (t->used && t->expires_ms >= 0 && t->expires_ms <= now_ms) {
			t->expires_ms = -1;
			c->calls.slirp_handle_timer(c->slirp, t->id, t->opaque);
		}
		if (t->used && t->expires_ms >= 0 && t->expires_ms - now_ms < timeout)
			timeout = t->expires_ms > now_ms ? (uint32_t)(t->expires_ms - now_ms) : 0;
	}
	return timeout;
}

/* Ends the process when the other end is gone. */
static void take_frames(struct child *c)
{
	for (unsigned int i = 0; i < BATCH_FRAMES; i++) {
		ssize_t len = recv(c->fd, c->frame, sizeof(c->frame), MSG_DONTWAIT);

		if (len > 0)
			c->calls.slirp_input(c->slirp, c->frame, (int)len);
		else if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		else
			_exit(0);
	}
}

static void __attribute__((noreturn)) serve(struct child *c)
{
	for (;;) {
		uint32_t timeout = run_timers(c, WAIT_MAX_MS);
		int ret;

		c->fds[0] = (struct pollfd){ .fd = c->fd,
					     .events = (short)(POLLIN | (c->stuck ? POLLOUT : 0)) };
		c->fd_count = 1;
		c->calls.slirp_pollfds_fill(c->slirp, &timeout, add_poll, c);
		ret = poll(c->fds, c->fd_count,
			   (int)(timeout < WAIT_MAX_MS ? timeout : WAIT_MAX_MS));
		if (ret > 0 && c->fds[0].revents & POLLOUT)
			c->stuck = false;
		/* First, as it sets libslirp's clock: by an old one a new socket has expired. */
		c->calls.slirp_pollfds_poll(c->slirp, ret < 0, get_revents, c);
		if (ret > 0 && c->fds[0].revents & (POLLIN | POLLHUP | POLLERR))
			take_frames(c);
	}
}

/* --- start --- */

static void load(struct child *c)
{
	const struct {
		const char *name;
		void **call;
	} names[] = {
#define CALL(name) { #name, (void **)&c->calls.name }
		CALL(slirp_new),   CALL(slirp_pollfds_fill), CALL(slirp_pollfds_poll),
		CALL(slirp_input), CALL(slirp_handle_timer), CALL(slirp_add_hostxfwd),
#undef CALL
	};
	void *library = dlopen("libslirp.so.0", RTLD_NOW | RTLD_LOCAL);
	char text[480];

	if (!library) {
		snprintf(text, sizeof(text), "needs libslirp: apt install libslirp0; %s",
			 dlerror());
		hello(c->fd, -ENOENT, text);
	}
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(names); i++) {
		*names[i].call = dlsym(library, names[i].name);
		if (*names[i].call)
			continue;
		snprintf(text, sizeof(text), "libslirp has no %s: 4.7 or newer is needed",
			 names[i].name);
		hello(c->fd, -ENOTSUP, text);
	}
}

static void start_slirp(struct child *c, const struct net_user_setup *setup)
{
	SlirpConfig config = {
		.version = 4,
		.restricted = setup->restricted,
		.in_enabled = setup->ipv4,
		.vnetwork = setup->net4,
		.vnetmask = setup->mask4,
		.vhost = setup->host4,
		.in6_enabled = setup->ipv6,
		.vprefix_addr6 = setup->net6,
		.vprefix_len = setup->prefix6,
		.vhost6 = setup->host6,
		.vhostname = setup->hostname,
		.vdhcp_start = setup->dhcp_start,
		.vnameserver = setup->dns4,
		.vnameserver6 = setup->dns6,
		.vdomainname = setup->domain,
		.if_mtu = setup->mtu,
		.if_mru = setup->mtu,
	};

	c->slirp = c->calls.slirp_new(&config, &callbacks, c);
	if (!c->slirp)
		hello(c->fd, -ENOTSUP,
		      "libslirp refuses the configuration: 4.7 or newer is needed");
}

static void add_forward(struct child *c, const struct net_user_forward *f)
{
	socklen_t len = f->host.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						      : sizeof(struct sockaddr_in);
	int flags = f->udp ? SLIRP_HOSTFWD_UDP : 0, error;
	char text[480];

	if (f->host.ss_family == AF_INET6)
		flags |= SLIRP_HOSTFWD_V6ONLY;
	errno = 0;
	if (!c->calls.slirp_add_hostxfwd(c->slirp, (const struct sockaddr *)&f->host, len,
					 (const struct sockaddr *)&f->guest, len, flags))
		return;
	error = errno ? errno : EINVAL;
	snprintf(text, sizeof(text), "hostfwd=%s: cannot listen on the host: %s%s", f->text,
		 strerror(error),
		 error == EADDRINUSE ? "; another program has the port, choose another"
		 : error == EACCES   ? "; ports below 1024 are root's, choose another"
				     : "");
	hello(c->fd, -error, text);
}

static rlim_t at_most(rlim_t limit, rlim_t max)
{
	return limit < max ? limit : max;
}

/* What a guest can make it open is bounded, and with it what it can make it keep. The hard limit, too: nobody raises it. */
static void limit_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = at_most(limit.rlim_cur, DESCRIPTORS_MAX);
	limit.rlim_max = at_most(limit.rlim_max, DESCRIPTORS_MAX);
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void drop_output(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDERR_FILENO) < 0)
		_exit(1);
	close(null);
}

/* Ports below 1024 are taken by now. Says that all is ready, too. */
static void confine(int fd)
{
	struct iol_error err = { .msg = "" };
	int ret = iol_net_user_confine(&err);

	hello(fd, ret < 0 ? ret : 0, err.msg);
}

void iol_net_user_child(int fd, const struct net_user_setup *setup)
{
	struct child *c = calloc(1, sizeof(*c));

	prctl(PR_SET_NAME, "iolite-user");
	signal(SIGPIPE, SIG_IGN);
	if (!c)
		_exit(1);
	c->fd = fd;
	limit_descriptors();
	load(c);
	start_slirp(c, setup);
	for (unsigned int i = 0; i < setup->forward_count; i++)
		add_forward(c, &setup->forwards[i]);
	drop_output();
	confine(fd);
	serve(c);
}

#else

void iol_net_user_child(int fd, const struct net_user_setup *setup)
{
	(void)setup;
	hello(fd, -ENOTSUP, "built without libslirp");
	_exit(1);
}

#endif

bool iol_net_user_built(void)
{
	return HAVE_SLIRP;
}
