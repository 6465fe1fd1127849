// SPDX-License-Identifier: Apache-2.0
/*
 * A client of a machine's control socket. See control_client.h.
 *
 * Messages are objects, each on a line. An answer has the number ("id") of its request: one that comes too late is
 * known by that, and dropped.
 */
#include "control_client.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <iolite/unix_path.h>

enum { READ_BYTES = 64 * 1024, CONNECT_RETRY_MS = 10 };

struct iol_client {
	int fd;
	int interrupt_fd;
	int pass_fd; /* > 0: goes with what is sent next */
	unsigned int limit_ms;
	json_int_t last_id;
	GByteArray *in; /* what came, from the first byte of a line on */
	size_t searched; /* of that, known to have no end of a line */
	GQueue events;
	pid_t pid;
};

static int64_t deadline_after(unsigned int ms)
{
	return g_get_monotonic_time() + (int64_t)ms * 1000;
}

static int left_ms(int64_t deadline)
{
	int64_t left = (deadline - g_get_monotonic_time() + 999) / 1000;

	return (int)CLAMP(left, 0, G_MAXINT);
}

/* 0: @events or an end came. */
static int wait_for(struct iol_client *client, short events, int64_t deadline,
		    struct iol_error *err)
{
	struct pollfd fds[] = {
		{ .fd = client->fd, .events = events },
		{ .fd = client->interrupt_fd, .events = POLLIN },
	};

	for (;;) {
		int left = left_ms(deadline);
		int ret = poll(fds, IOL_ARRAY_LEN(fds), left);

		if (ret < 0 && errno != EINTR)
			return iol_error_errno(err, -errno, "cannot wait for the machine");
		if (ret > 0 && fds[1].revents)
			return iol_error_set(err, -EINTR, "interrupted");
		if (ret > 0)
			return 0;
		if (!left)
			return iol_error_set(err, -ETIMEDOUT, "the machine does not answer");
	}
}

static int lost(int code, struct iol_error *err)
{
	if (code == 0 || code == -EPIPE || code == -ECONNRESET)
		return iol_error_set(err, -ECONNRESET, "the machine has closed the connection");
	return iol_error_errno(err, code, "the connection to the machine");
}

/* As send(); a descriptor that is to go goes with the first byte. */
static ssize_t send_some(struct iol_client *client, const char *data, size_t len)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (char *)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t done;

	if (client->pass_fd > 0) {
		control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
						 .cmsg_level = SOL_SOCKET,
						 .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.head), &client->pass_fd, sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	done = sendmsg(client->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (done > 0)
		client->pass_fd = 0;
	return done;
}

void iol_client_pass(struct iol_client *client, int fd)
{
	client->pass_fd = fd;
}

static int send_all(struct iol_client *client, const char *data, size_t len, int64_t deadline,
		    struct iol_error *err)
{
	while (len) {
		ssize_t done = send_some(client, data, len);

		if (done >= 0) {
			data += done;
			len -= (size_t)done;
		} else if (errno == EAGAIN) {
			int ret = wait_for(client, POLLOUT, deadline, err);

			if (ret)
				return ret;
		} else if (errno != EINTR) {
			return lost(-errno, err);
		}
	}
	return 0;
}

/* What has arrived, up to READ_BYTES. -EAGAIN: nothing. */
static int receive(struct iol_client *client, struct iol_error *err)
{
	guint before = client->in->len;
	ssize_t done;

	if (before > IOL_CLIENT_LINE_BYTES_MAX)
		return iol_error_set(err, -EPROTO,
				     "the machine sends a message of more than %d MiB",
				     (int)(IOL_CLIENT_LINE_BYTES_MAX / IOL_MIB));
	g_byte_array_set_size(client->in, before + READ_BYTES);
	do {
		done = recv(client->fd, client->in->data + before, READ_BYTES, MSG_DONTWAIT);
	} while (done < 0 && errno == EINTR);
	g_byte_array_set_size(client->in, before + (done > 0 ? (guint)done : 0));
	if (done > 0)
		return 0;
	return done < 0 && errno == EAGAIN ? -EAGAIN : lost(done < 0 ? -errno : 0, err);
}

/* The first whole line of what came, as a message; NULL: there is none yet. Blank lines are none. */
static int take_message(struct iol_client *client, json_t **message, struct iol_error *err)
{
	*message = NULL;
	while (client->in->len) {
		const char *start = (const char *)client->in->data;
		const char *end =
			memchr(start + client->searched, '\n', client->in->len - client->searched);
		size_t len, at = 0;

		if (!end) {
			client->searched = client->in->len;
			return 0;
		}
		len = (size_t)(end - start);
		while (at < len && g_ascii_isspace(start[at]))
			at++;
		if (at < len)
			*message = json_loadb(start, len, JSON_REJECT_DUPLICATES, NULL);
		g_byte_array_remove_range(client->in, 0, (guint)len + 1);
		client->searched = 0;
		if (at == len)
			continue;
		if (json_is_object(*message))
			return 0;
		json_decref(*message);
		*message = NULL;
		return iol_error_set(err, -EPROTO, "what listens there does not speak QMP");
	}
	client->searched = 0;
	return 0;
}

static void keep_event(struct iol_client *client, json_t *event)
{
	if (client->events.length >= IOL_CLIENT_EVENTS_MAX)
		json_decref(g_queue_pop_head(&client->events));
	g_queue_push_tail(&client->events, event);
}

/* The next message that is no event; those are kept. With @events an event will do, too: then *@message is NULL. */
static int next_message(struct iol_client *client, bool events, int64_t deadline, json_t **message,
			struct iol_error *err)
{
	bool late = false;

	for (;;) {
		int ret = take_message(client, message, err);

		if (ret)
			return ret;
		if (*message && !json_is_string(json_object_get(*message, "event")))
			return 0;
		if (*message)
			keep_event(client, g_steal_pointer(message));
		if (events && client->events.length)
			return 0;
		/* However much comes: the limit is the limit. */
		if (late)
			return iol_error_set(err, -ETIMEDOUT, "the machine does not answer");
		if (client->searched < client->in->len)
			continue;
		ret = receive(client, err);
		if (ret == -EAGAIN)
			ret = wait_for(client, POLLIN, deadline, err);
		else
			late = !left_ms(deadline);
		if (ret)
			return ret;
	}
}

static int refused(const json_t *answer, struct iol_error *err)
{
	const json_t *error = json_object_get(answer, "error");
	const char *text = json_string_value(json_object_get(error, "desc"));

	return iol_error_set(err, -EREMOTEIO, "%s", text ? text : "refused without a reason");
}

/* Of the request client->last_id; older ones are dropped. */
static int await_answer(struct iol_client *client, int64_t deadline, json_t **result,
			struct iol_error *err)
{
	for (;;) {
		json_t *answer, *value;
		int ret = next_message(client, false, deadline, &answer, err);

		if (ret)
			return ret;
		value = json_object_get(answer, "return");
		/* An error without a number: it could not read which request it was. */
		if (json_integer_value(json_object_get(answer, "id")) != client->last_id &&
		    (value || json_object_get(answer, "id"))) {
			json_decref(answer);
			if (left_ms(deadline))
				continue;
			return iol_error_set(err, -ETIMEDOUT, "the machine does not answer");
		}
		if (value && result)
			*result = json_incref(value);
		if (!value)
			ret = refused(answer, err);
		json_decref(answer);
		return ret;
	}
}

int iol_client_execute(struct iol_client *client, const char *command, json_t *args,
		       json_t **result, struct iol_error *err)
{
	int64_t deadline = deadline_after(client->limit_ms);
	json_t *request;
	char *text;
	int ret;

	if (result)
		*result = NULL;
	request = json_pack("{s:s, s:I}", "execute", command, "id", ++client->last_id);
	if (args)
		json_object_set_new(request, "arguments", args);
	text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (!text)
		return iol_error_set(err, -EINVAL, "that is no text in UTF-8");
	ret = send_all(client, text, strlen(text), deadline, err);
	if (!ret)
		ret = send_all(client, "\n", 1, deadline, err);
	free(text);
	return ret ? ret : await_answer(client, deadline, result, err);
}

int iol_client_event(struct iol_client *client, unsigned int limit_ms, json_t **event,
		     struct iol_error *err)
{
	int64_t deadline = deadline_after(limit_ms);
	json_t *answer;
	int ret = 0;

	*event = NULL;
	/* An answer here is one that nobody waits for any more. */
	while (!ret && !client->events.length) {
		ret = next_message(client, true, deadline, &answer, err);
		json_decref(answer);
		if (!ret && !client->events.length && !left_ms(deadline))
			ret = iol_error_set(err, -ETIMEDOUT, "no event");
	}
	/* Those that came before an end. */
	*event = g_queue_pop_head(&client->events);
	return *event ? 0 : ret;
}

int iol_client_wait_end(struct iol_client *client, unsigned int limit_ms, struct iol_error *err)
{
	int64_t deadline = deadline_after(limit_ms);
	int ret = 0;

	while (!ret) {
		json_t *event = NULL;

		ret = iol_client_event(client, (unsigned int)left_ms(deadline), &event, err);
		json_decref(event);
		if (!ret && !left_ms(deadline))
			ret = iol_error_set(err, -ETIMEDOUT, "the machine has not ended");
	}
	return ret == -ECONNRESET ? 0 : ret;
}

/* A unix socket does not connect in the background: it is full, and then one tries again. */
static int connect_to(struct iol_client *client, const char *path, int64_t deadline,
		      struct iol_error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
	while (connect(client->fd, (const struct sockaddr *)&addr, sizeof(addr))) {
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN && !left_ms(deadline))
			return iol_error_set(err, -ETIMEDOUT,
					     "the machine does not answer: it takes no more "
					     "connections");
		if (errno == ECONNREFUSED)
			return iol_error_set(err, -errno, "nobody listens at %s", path);
		if (errno != EAGAIN)
			return iol_error_errno(err, -errno, "%s", path);
		g_usleep(CONNECT_RETRY_MS * 1000);
	}
	return 0;
}

static void ask_peer(struct iol_client *client)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	if (!getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && peer.pid > 0)
		client->pid = peer.pid;
}

static int negotiate(struct iol_client *client, int64_t deadline, struct iol_error *err)
{
	json_t *greeting;
	int ret = next_message(client, false, deadline, &greeting, err);

	if (ret)
		return ret;
	if (json_object_get(greeting, "error"))
		ret = refused(greeting, err);
	else if (!json_is_object(json_object_get(greeting, "QMP")))
		ret = iol_error_set(err, -EPROTO, "what listens there does not speak QMP");
	json_decref(greeting);
	return ret ? ret : iol_client_execute(client, "qmp_capabilities", NULL, NULL, err);
}

int iol_client_open(const char *path, unsigned int limit_ms, struct iol_client **client,
		    struct iol_error *err)
{
	struct iol_client *c;
	int ret = iol_unix_path_check(path, err);

	*client = NULL;
	if (ret)
		return ret;
	c = g_new0(struct iol_client, 1);
	c->limit_ms = limit_ms;
	c->interrupt_fd = -1;
	c->in = g_byte_array_new();
	g_queue_init(&c->events);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		ret = iol_error_errno(err, -errno, "a socket");
	if (!ret)
		ret = connect_to(c, path, deadline_after(limit_ms), err);
	if (!ret) {
		ask_peer(c);
		ret = negotiate(c, deadline_after(limit_ms), err);
	}
	if (ret)
		iol_client_close(c);
	else
		*client = c;
	return ret;
}

void iol_client_close(struct iol_client *client)
{
	json_t *event;

	if (!client)
		return;
	while ((event = g_queue_pop_head(&client->events)))
		json_decref(event);
	g_byte_array_unref(client->in);
	iol_fd_close(&client->fd);
	g_free(client);
}

int iol_client_fd(const struct iol_client *client)
{
	return client->fd;
}

void iol_client_set_interrupt(struct iol_client *client, int fd)
{
	client->interrupt_fd = fd;
}

pid_t iol_client_pid(const struct iol_client *client)
{
	return client->pid;
}
