// SPDX-License-Identifier: Apache-2.0
/*
 * The protocol of sd_notify(3), "Notes": lines of NAME=value in a datagram to the socket that NOTIFY_SOCKET names, a
 * path, or with an @ at its head an abstract one. Nothing here waits: a manager that does not read misses it.
 */
#include "notify.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <iolite/log.h>

static int connect_to(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const size_t len = strlen(name);
	socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	int fd;

	if (len < 2 || len >= sizeof(address.sun_path) || (name[0] != '/' && name[0] != '@'))
		return -EINVAL;
	memcpy(address.sun_path, name, len);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, bytes)) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	return fd;
}

/* Half of what the manager allows; 0: it wants no signs of life, or not from us. */
static uint64_t period_of(const char *usec, const char *pid)
{
	guint64 us, number;

	if (!usec || !g_ascii_string_to_unsigned(usec, 10, 2, UINT64_MAX / 1000, &us, NULL))
		return 0;
	if (pid && (!g_ascii_string_to_unsigned(pid, 10, 1, INT32_MAX, &number, NULL) ||
		    (pid_t)number != getpid()))
		return 0;
	return us * 1000 / 2;
}

void iol_notify_init(struct iol_notify *notify)
{
	const char *name = getenv("NOTIFY_SOCKET");

	*notify = (struct iol_notify){ .fd = -1 };
	if (name && *name) {
		notify->fd = connect_to(name);
		if (notify->fd < 0)
			iol_log(IOL_LOG_WARN, "NOTIFY_SOCKET: %.108s: %s; nobody is told", name,
				strerror(-notify->fd));
		else
			notify->period_ns =
				period_of(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static void tell(const struct iol_notify *notify, const char *text)
{
	if (notify->fd >= 0 && send(notify->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		iol_log(IOL_LOG_INFO, "NOTIFY_SOCKET: %s", strerror(errno));
}

static void live(struct iol_notify *notify)
{
	tell(notify, "WATCHDOG=1");
	iol_loop_timeout(notify->loop, &notify->op, notify->period_ns);
}

static void period_done(struct iol_op *op, int res)
{
	if (res == -ETIME)
		live(iol_container_of(op, struct iol_notify, op));
}

void iol_notify_ready(struct iol_notify *notify, struct iol_loop *loop)
{
	char text[80];

	/* Whoever put itself in the background is another process than the manager started. */
	snprintf(text, sizeof(text), "READY=1\nSTATUS=running\nMAINPID=%d", (int)getpid());
	tell(notify, text);
	notify->loop = loop;
	notify->op.done = period_done;
	if (notify->period_ns)
		live(notify);
}

void iol_notify_status(struct iol_notify *notify, const char *text)
{
	g_autofree char *line = g_strconcat("STATUS=", text, NULL);

	tell(notify, line);
}

void iol_notify_stopping(struct iol_notify *notify)
{
	tell(notify, "STOPPING=1\nSTATUS=ending");
}

void iol_notify_finish(struct iol_notify *notify)
{
	iol_fd_close(&notify->fd);
}
