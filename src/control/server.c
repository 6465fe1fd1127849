// SPDX-License-Identifier: Apache-2.0
/*
 * The control socket itself. See include/iolite/control.h. Runs on the loop's thread.
 *
 * A client is hostile to the others and to the machine. It has one of a few places; each turn of the loop serves one
 * request of each; none is taken while much of what it was told is unread, and who lets more than a bounded amount
 * pile up, as events come unasked, is sent away. One that has not negotiated does nothing, and leaves its place to the
 * next who comes.
 */
#include <iolite/control.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iolite/log.h>
#include <iolite/loop.h>
#include <iolite/unix_path.h>

#include "session.h"

#define RETRY_NS IOL_NS_PER_S
/* How long a client has for negotiating before it may lose its place to another one. */
#define GRACE_NS (IOL_NS_PER_S / 5)

enum {
	BACKLOG = 64,
	IN_BYTES = 8192,
	PAUSE_BYTES = 64 * 1024, /* unread: no more requests are taken */
	KEPT_BYTES = 16 * 1024, /* of the buffer of a client that has read all */
};

struct client {
	struct iol_control *control;
	int fd; /* -1: the place is free */
	int passed; /* the last descriptor that it passed; 0: none */
	uint64_t since_ns;
	struct iol_control_session session;
	struct iol_op in_op, out_op; /* polls of fd */
	char in[IN_BYTES]; /* from in_pos on it was not looked at */
	size_t in_pos, in_len;
	bool in_end; /* it says no more */
	bool leaving; /* its place becomes free when its operations are done */
	GString *out; /* from out_pos on it was not sent */
	size_t out_pos;
};

struct iol_control {
	struct iol_loop *loop;
	struct iol_control_service service;
	const char *name;
	struct iol_unix_path_file file;
	int fd; /* listens */
	struct iol_op accept_op; /* a poll of it */
	struct iol_op retry_op; /* a timer */
	struct iol_post work; /* a round over the clients */
	struct iol_log_limit limit;
	bool reported; /* that nobody can be let in now */
	bool working; /* the round is under way */
	bool asked_again; /* for another one, meanwhile */
	bool stopped;
	struct client *serving; /* whose command runs */
	struct client clients[IOL_CONTROL_CLIENTS_MAX];
};

/* ---- To a client ---- */

static size_t unsent(const struct client *c)
{
	return c->out->len - c->out_pos;
}

/* It is not gone before the next round: it may be the one whose command runs. */
static void dismiss(struct client *c)
{
	if (c->leaving)
		return;
	c->leaving = true;
	shutdown(c->fd, SHUT_RDWR);
	iol_loop_cancel(c->control->loop, &c->in_op);
	iol_loop_cancel(c->control->loop, &c->out_op);
	iol_loop_post(c->control->loop, &c->control->work);
}

static void forget_sent(struct client *c)
{
	if (unsent(c)) {
		if (c->out_pos >= PAUSE_BYTES) {
			g_string_erase(c->out, 0, (gssize)c->out_pos);
			c->out_pos = 0;
		}
		return;
	}
	c->out_pos = 0;
	g_string_truncate(c->out, 0);
	if (c->out->allocated_len > KEPT_BYTES) {
		g_string_free(c->out, TRUE);
		c->out = g_string_new(NULL);
	}
}

/* False: the client is gone. */
static bool send_some(struct client *c)
{
	while (unsent(c)) {
		ssize_t len = send(c->fd, c->out->str + c->out_pos, unsent(c),
				   MSG_DONTWAIT | MSG_NOSIGNAL);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno != EAGAIN)
			return false;
		if (len <= 0)
			break;
		c->out_pos += (size_t)len;
	}
	forget_sent(c);
	return true;
}

static void push(struct client *c)
{
	if (c->leaving || c->out_op.in_flight)
		return;
	if (!send_some(c))
		dismiss(c);
	else if (unsent(c) && !c->control->stopped)
		iol_loop_poll(c->control->loop, &c->out_op, c->fd, POLLOUT);
}

static void tell(struct client *c, const char *line, size_t len)
{
	struct iol_control *control = c->control;

	if (c->leaving)
		return;
	if (unsent(c) + len > IOL_CONTROL_OUT_BYTES_MAX) {
		iol_log_limited(&control->limit, IOL_LOG_WARN,
				"%s: a client of the control socket is sent away: it does not read",
				control->name);
		dismiss(c);
		return;
	}
	g_string_append_len(c->out, line, (gssize)len);
	push(c);
}

static void session_send(struct iol_control_session *session, const char *line, size_t len)
{
	tell(iol_container_of(session, struct client, session), line, len);
}

static void out_done(struct iol_op *op, int res)
{
	struct client *c = iol_container_of(op, struct client, out_op);

	if (c->control->stopped)
		return;
	if (res < 0)
		dismiss(c);
	else
		push(c);
	iol_loop_post(c->control->loop, &c->control->work);
}

/* ---- From a client ---- */

/* Keeps one of the descriptors that came: a client that passes many has as few as any other. */
static void keep_passed(struct client *c, struct msghdr *msg)
{
	for (struct cmsghdr *head = CMSG_FIRSTHDR(msg); head; head = CMSG_NXTHDR(msg, head)) {
		int fd;

		if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(fd) <= head->cmsg_len - CMSG_LEN(0);
		     at += sizeof(fd)) {
			memcpy(&fd, CMSG_DATA(head) + at, sizeof(fd));
			if (c->passed > 0)
				iol_fd_close(&c->passed);
			c->passed = fd;
		}
	}
}

static ssize_t receive(struct client *c)
{
	/* Room for one: the kernel closes what has none. */
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = c->in, .iov_len = sizeof(c->in) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (len >= 0)
		keep_passed(c, &msg);
	return len;
}

static void read_some(struct client *c)
{
	ssize_t len = receive(c);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len < 0) {
		dismiss(c);
		return;
	}
	c->in_pos = 0;
	c->in_len = (size_t)len;
	c->in_end = !len;
}

static void in_done(struct iol_op *op, int res)
{
	struct client *c = iol_container_of(op, struct client, in_op);

	if (c->control->stopped)
		return;
	if (res < 0)
		dismiss(c);
	else if (!c->leaving)
		read_some(c);
	iol_loop_post(c->control->loop, &c->control->work);
}

static void await_input(struct client *c)
{
	if (!c->in_op.in_flight)
		iol_loop_poll(c->control->loop, &c->in_op, c->fd, POLLIN);
}

/* Serves one request. True: there may be another one. */
static bool serve(struct client *c)
{
	c->control->serving = c;
	if (c->in_pos < c->in_len && unsent(c) <= PAUSE_BYTES)
		c->in_pos += iol_control_session_receive(&c->session, c->in + c->in_pos,
							 c->in_len - c->in_pos);
	c->control->serving = NULL;
	if (c->leaving)
		return false;
	if (c->in_pos < c->in_len)
		return unsent(c) <= PAUSE_BYTES;
	if (!c->in_end)
		await_input(c);
	else if (!unsent(c))
		dismiss(c); /* it has what it asked for */
	return false;
}

/* ---- Clients come and go ---- */

static void release(struct client *c)
{
	iol_control_session_end(&c->session);
	g_string_free(g_steal_pointer(&c->out), TRUE);
	iol_fd_close(&c->fd);
	if (c->passed > 0)
		iol_fd_close(&c->passed);
	c->passed = 0;
	iol_log(IOL_LOG_DEBUG, "%s: a client of the control socket is gone", c->control->name);
}

static void await_client(struct iol_control *control)
{
	if (!control->accept_op.in_flight && !control->retry_op.in_flight && !control->stopped)
		iol_loop_poll(control->loop, &control->accept_op, control->fd, POLLIN);
}

static void retry_after(struct iol_control *control, uint64_t ns)
{
	if (!control->retry_op.in_flight)
		iol_loop_timeout(control->loop, &control->retry_op, ns);
}

static void work(struct iol_post *post)
{
	struct iol_control *control = iol_container_of(post, struct iol_control, work);
	bool more = false;

	if (control->stopped)
		return;
	/* A command that turns the loop is not to meet the next one, which comes afterwards. */
	if (control->working) {
		control->asked_again = true;
		return;
	}
	control->working = true;
	for (size_t i = 0; i < IOL_ARRAY_LEN(control->clients); i++) {
		struct client *c = &control->clients[i];

		if (c->fd < 0)
			continue;
		if (!c->leaving)
			more |= serve(c);
		if (c->leaving && !c->in_op.in_flight && !c->out_op.in_flight)
			release(c);
	}
	more |= control->asked_again;
	control->working = control->asked_again = false;
	if (more)
		iol_loop_post(control->loop, &control->work);
}

static void let_in(struct iol_control *control, struct client *c, int fd)
{
	*c = (struct client){
		.control = control,
		.fd = fd,
		.since_ns = iol_loop_now_ns(),
		.session = { .service = &control->service, .send = session_send },
		.in_op = { .done = in_done },
		.out_op = { .done = out_done },
		.out = g_string_new(NULL),
	};
	control->reported = false;
	iol_log(IOL_LOG_DEBUG, "%s: a client connected to the control socket", control->name);
	iol_control_session_begin(&c->session);
	if (!c->leaving)
		await_input(c);
}

static struct client *free_place(struct iol_control *control)
{
	for (size_t i = 0; i < IOL_ARRAY_LEN(control->clients); i++)
		if (control->clients[i].fd < 0)
			return &control->clients[i];
	return NULL;
}

/*
 * No place is free. True: one will be, as somebody leaves or has not negotiated; whoever comes waits for it where they
 * are.
 */
static bool make_place(struct iol_control *control)
{
	uint64_t now_ns = iol_loop_now_ns();
	struct client *oldest = NULL;

	for (size_t i = 0; i < IOL_ARRAY_LEN(control->clients); i++) {
		struct client *c = &control->clients[i];

		if (c->leaving) {
			retry_after(control, IOL_NS_PER_MS);
			return true;
		}
		if (!c->session.negotiated && (!oldest || c->since_ns < oldest->since_ns))
			oldest = c;
	}
	if (!oldest)
		return false;
	if (now_ns - oldest->since_ns < GRACE_NS) {
		retry_after(control, oldest->since_ns + GRACE_NS - now_ns);
		return true;
	}
	iol_log_limited(&control->limit, IOL_LOG_INFO,
			"%s: a silent client of the control socket leaves its place to another one",
			control->name);
	dismiss(oldest);
	retry_after(control, IOL_NS_PER_MS);
	return true;
}

/* A fresh socket has room for a line; if not, it is only told less. */
static void tell_off(struct iol_control *control, int fd)
{
	g_autofree char *line = iol_control_error_line(
		"the control socket has as many clients as it takes; end one of them");

	iol_log_limited(&control->limit, IOL_LOG_INFO,
			"%s: a client of the control socket is turned away: there are %d",
			control->name, IOL_CONTROL_CLIENTS_MAX);
	if (send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		iol_log(IOL_LOG_DEBUG, "%s: it is gone already", control->name);
	iol_fd_close(&fd);
}

static void accept_client(struct iol_control *control)
{
	struct client *place = free_place(control);
	int fd;

	if (!place && make_place(control))
		return;
	fd = accept4(control->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0 && place) {
		let_in(control, place, fd);
	} else if (fd >= 0) {
		tell_off(control, fd);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		iol_log(control->reported ? IOL_LOG_DEBUG : IOL_LOG_WARN,
			"%s: cannot accept a client of the control socket: %s; trying again",
			control->name, strerror(errno));
		control->reported = true;
		retry_after(control, RETRY_NS);
	}
	await_client(control);
}

static void accept_done(struct iol_op *op, int res)
{
	struct iol_control *control = iol_container_of(op, struct iol_control, accept_op);

	if (control->stopped || op->refused)
		return;
	if (res < 0)
		retry_after(control, RETRY_NS);
	else
		accept_client(control);
}

static void retry_done(struct iol_op *op, int res)
{
	struct iol_control *control = iol_container_of(op, struct iol_control, retry_op);

	if (res != -ECANCELED && !op->refused)
		await_client(control);
}

/* ---- The socket ---- */

/* A socket that came from elsewhere outlives us, as does its file. */
static int take_passed(int passed, struct iol_error *err)
{
	int fd = fcntl(passed, F_DUPFD_CLOEXEC, 0), ret;

	/* From here on clients are told that this process listens (SO_PEERCRED), not the one that made it. */
	if (fd >= 0 && !listen(fd, BACKLOG))
		return fd;
	ret = iol_error_errno(err, -errno, "cannot listen with the socket that was passed");
	iol_fd_close(&fd);
	return ret;
}

int iol_control_new(struct iol_loop *loop, const struct iol_control_config *config,
		    struct iol_control **control, struct iol_error *err)
{
	struct iol_control *c = g_new0(struct iol_control, 1);
	int fd = config->fd > 0 ? take_passed(config->fd, err)
				: iol_unix_path_listen(config->path, BACKLOG, &c->file, err);

	if (fd < 0) {
		g_free(c);
		return iol_error_prefix(err, "control");
	}
	c->loop = loop;
	c->service =
		(struct iol_control_service){ config->commands, config->events, config->machine };
	c->name = config->name;
	c->fd = fd;
	c->accept_op.done = accept_done;
	c->retry_op.done = retry_done;
	c->work.run = work;
	c->limit.burst = 10;
	for (size_t i = 0; i < IOL_ARRAY_LEN(c->clients); i++)
		c->clients[i].fd = -1;
	*control = c;
	return 0;
}

void iol_control_start(struct iol_control *control)
{
	await_client(control);
}

void iol_control_event(struct iol_control *control, const char *event, json_t *data)
{
	g_autofree char *line = iol_control_event_line(event, data, g_get_real_time());

	for (size_t i = 0; control && line && i < IOL_ARRAY_LEN(control->clients); i++) {
		struct client *c = &control->clients[i];

		if (c->fd >= 0 && c->session.negotiated)
			tell(c, line, strlen(line));
	}
}

static bool any_in_flight(const struct iol_control *control)
{
	if (control->accept_op.in_flight || control->retry_op.in_flight)
		return true;
	for (size_t i = 0; i < IOL_ARRAY_LEN(control->clients); i++)
		if (control->clients[i].in_op.in_flight || control->clients[i].out_op.in_flight)
			return true;
	return false;
}

static void stop(struct iol_control *control)
{
	control->stopped = true;
	iol_loop_cancel(control->loop, &control->accept_op);
	iol_loop_cancel(control->loop, &control->retry_op);
	for (size_t i = 0; i < IOL_ARRAY_LEN(control->clients); i++) {
		iol_loop_cancel(control->loop, &control->clients[i].in_op);
		iol_loop_cancel(control->loop, &control->clients[i].out_op);
	}
	while (any_in_flight(control))
		if (iol_loop_turn(control->loop, true) < 0)
			break;
	iol_loop_post_cancel(control->loop, &control->work);
}

/* Sends what clients take now; those who have all of it, and those who are gone, are released. The rest is in @pfds. */
static unsigned int send_rest(struct iol_control *control, struct pollfd *pfds)
{
	unsigned int count = 0;

	for (size_t i = 0; i < IOL_ARRAY_LEN(control->clients); i++) {
		struct client *c = &control->clients[i];

		if (c->fd < 0)
			continue;
		if (!c->leaving && send_some(c) && unsent(c))
			pfds[count++] = (struct pollfd){ .fd = c->fd, .events = POLLOUT };
		else
			release(c);
	}
	return count;
}

void iol_control_free(struct iol_control *control, uint64_t wait_ns)
{
	struct pollfd pfds[IOL_CONTROL_CLIENTS_MAX];
	uint64_t end_ns = iol_loop_now_ns() + wait_ns, now_ns;
	unsigned int count;

	if (!control)
		return;
	stop(control);
	iol_unix_path_remove(&control->file);
	iol_fd_close(&control->fd);
	while ((count = send_rest(control, pfds)) > 0) {
		now_ns = iol_loop_now_ns();
		if (now_ns >= end_ns ||
		    (poll(pfds, count, (int)((end_ns - now_ns) / IOL_NS_PER_MS) + 1) < 0 &&
		     errno != EINTR))
			break;
	}
	for (size_t i = 0; i < IOL_ARRAY_LEN(control->clients); i++)
		if (control->clients[i].fd >= 0)
			release(&control->clients[i]);
	g_free(control);
}

int iol_control_take_fd(struct iol_control *control)
{
	struct client *c = control->serving;
	int fd = c && c->passed > 0 ? c->passed : -1;

	if (fd >= 0)
		c->passed = 0;
	return fd;
}
