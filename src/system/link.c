// SPDX-License-Identifier: Apache-2.0
/* A supervisor's connection to a machine. See link.h. */
#include "link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iolite/unix_path.h>

enum {
	READ_BYTES = 16 * 1024,
	LINE_BYTES_MAX = 1024 * 1024,
	READS_MAX = 64, /* of one turn: others have a share in the loop */
};

static void await(struct iol_link *link)
{
	if (link->fd >= 0 && !link->op.in_flight)
		iol_loop_poll(link->loop, &link->op, link->fd, POLLIN);
	else if (link->fd >= 0)
		link->again = true;
}

void iol_link_close(struct iol_link *link)
{
	if (link->fd < 0)
		return;
	/* The poll has the file for as long as it is in flight. */
	iol_loop_cancel(link->loop, &link->op);
	iol_fd_close(&link->fd);
	link->again = false;
	g_byte_array_set_size(link->in, 0);
}

static void lose(struct iol_link *link)
{
	iol_link_close(link);
	link->ops->lost(link);
}

static void take_answer(struct iol_link *link, const json_t *message)
{
	json_int_t id = json_integer_value(json_object_get(message, "id"));

	if (id >= IOL_LINK_NEGOTIATE && id <= IOL_LINK_QUIT)
		link->ops->answered(link, (enum iol_link_request)id,
				    json_object_get(message, "return"));
}

/* False: it does not speak QMP. The greeting is an object with neither. */
static bool take_line(struct iol_link *link, const char *line, size_t len)
{
	json_auto_t *message = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *event = json_string_value(json_object_get(message, "event"));

	if (!json_is_object(message))
		return false;
	if (event)
		link->ops->event(link, event, json_object_get(message, "data"));
	else if (json_object_get(message, "id"))
		take_answer(link, message);
	return true;
}

/* Whole lines of what came. A line may close the link. */
static bool take_lines(struct iol_link *link)
{
	while (link->fd >= 0 && link->in->len) {
		const char *start = (const char *)link->in->data;
		const char *end = memchr(start, '\n', link->in->len);
		g_autofree char *line = NULL;
		size_t len;

		if (!end)
			return link->in->len <= LINE_BYTES_MAX;
		len = (size_t)(end - start);
		line = g_strndup(start, len);
		g_byte_array_remove_range(link->in, 0, (guint)len + 1);
		if (strspn(line, " \t\r") != len && !take_line(link, line, len))
			return false;
	}
	return true;
}

/* 1: there may be more; 0: not now; -errno: the end. */
static int read_some(struct iol_link *link)
{
	guint before = link->in->len;
	ssize_t len;

	g_byte_array_set_size(link->in, before + READ_BYTES);
	do {
		len = recv(link->fd, link->in->data + before, READ_BYTES, MSG_DONTWAIT);
	} while (len < 0 && errno == EINTR);
	g_byte_array_set_size(link->in, before + (len > 0 ? (guint)len : 0));
	if (len < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (!len)
		return -ECONNRESET;
	return take_lines(link) ? 1 : -EPROTO;
}

static void receive(struct iol_link *link)
{
	int ret = 1;

	for (unsigned int i = 0; i < READS_MAX && ret > 0 && link->fd >= 0; i++)
		ret = read_some(link);
	if (link->fd < 0)
		return;
	if (ret < 0)
		lose(link);
	else
		await(link);
}

static void poll_done(struct iol_op *op, int res)
{
	struct iol_link *link = iol_container_of(op, struct iol_link, op);

	if (link->again) {
		link->again = false;
		await(link);
	} else if (link->fd >= 0 && res != -ECANCELED) {
		receive(link);
	}
}

void iol_link_init(struct iol_link *link, struct iol_loop *loop, const struct iol_link_ops *ops)
{
	*link = (struct iol_link){
		.loop = loop,
		.ops = ops,
		.fd = -1,
		.op.done = poll_done,
		.in = g_byte_array_new(),
	};
}

void iol_link_finish(struct iol_link *link)
{
	iol_link_close(link);
	g_byte_array_unref(link->in);
}

bool iol_link_is_open(const struct iol_link *link)
{
	return link->fd >= 0;
}

int iol_link_send(struct iol_link *link, enum iol_link_request request, struct iol_error *err)
{
	static const char *const commands[] = {
		[IOL_LINK_NEGOTIATE] = "qmp_capabilities",
		[IOL_LINK_STATUS] = "query-status",
		[IOL_LINK_PAUSE] = "stop",
		[IOL_LINK_RESUME] = "cont",
		[IOL_LINK_BUTTON] = "system_powerdown",
		[IOL_LINK_QUIT] = "quit",
	};
	char line[96];
	int len = snprintf(line, sizeof(line), "{\"execute\": \"%s\", \"id\": %d}\n",
			   commands[request], (int)request);

	if (link->fd < 0)
		return iol_error_set(err, -ENOTCONN, "its machine is not connected yet: try again");
	/* Few and short: one that has not read them does not read at all. */
	if (send(link->fd, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) == len)
		return 0;
	return iol_error_set(err, -EPIPE, "its machine does not listen");
}

static bool is_process(int fd, pid_t pid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && peer.pid == pid;
}

int iol_link_open(struct iol_link *link, const char *path, pid_t pid)
{
	int fd = iol_unix_path_connect(path);

	if (fd < 0)
		return fd;
	if (!is_process(fd, pid)) {
		iol_fd_close(&fd);
		return -EPERM;
	}
	link->fd = fd;
	if (iol_link_send(link, IOL_LINK_NEGOTIATE, NULL) ||
	    iol_link_send(link, IOL_LINK_STATUS, NULL)) {
		iol_link_close(link);
		return -EPIPE;
	}
	await(link);
	return 0;
}

void iol_link_drain(struct iol_link *link)
{
	for (int ret = 1; ret > 0 && link->fd >= 0;)
		ret = read_some(link);
	iol_link_close(link);
}
