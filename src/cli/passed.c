// SPDX-License-Identifier: Apache-2.0
/*
 * The protocol of sd_listen_fds(3): with LISTEN_PID naming this process, descriptors 3 to 2 + LISTEN_FDS are passed, and
 * LISTEN_FDNAMES has a name for each, with colons between them. See passed.h.
 */
#include "passed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli.h"

enum { FIRST_FD = 3, COUNT_MAX = 64 };

union address {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static int option_of(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) ? -1 : value;
}

/* NULL: it is bound to no path. */
static char *path_of(const struct sockaddr_un *address, socklen_t len)
{
	size_t max = len - MIN(len, offsetof(struct sockaddr_un, sun_path));

	if (!max || !address->sun_path[0])
		return NULL;
	return g_strndup(address->sun_path, max);
}

/* As --gdb takes it. */
static char *tcp_of(const union address *address)
{
	char host[INET6_ADDRSTRLEN];

	if (address->any.sa_family == AF_INET)
		return g_strdup_printf(
			"tcp:%s:%u%s",
			inet_ntop(AF_INET, &address->in.sin_addr, host, sizeof(host)),
			ntohs(address->in.sin_port),
			ntohl(address->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET ? ""
										   : ",expose");
	return g_strdup_printf("tcp:[%s]:%u%s",
			       inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof(host)),
			       ntohs(address->in6.sin6_port),
			       IN6_IS_ADDR_LOOPBACK(&address->in6.sin6_addr) ? "" : ",expose");
}

static char *unix_of(const char *path)
{
	GString *text = g_string_new(path);

	g_string_replace(text, ",", ",,", 0);
	g_string_prepend(text, "unix:");
	return g_string_free(text, FALSE);
}

/* Where the socket listens, as its option takes it; NULL: it does not, or not in a way for that. */
static char *where_of(int fd, bool is_gdb)
{
	union address address = { 0 };
	socklen_t len = sizeof(address);
	g_autofree char *path = NULL;

	if (option_of(fd, SO_TYPE) != SOCK_STREAM || option_of(fd, SO_ACCEPTCONN) != 1 ||
	    getsockname(fd, &address.any, &len))
		return NULL;
	switch (address.any.sa_family) {
	case AF_UNIX:
		path = path_of(&address.un, len);
		if (!path || !is_gdb)
			return g_steal_pointer(&path);
		return unix_of(path);
	case AF_INET:
	case AF_INET6:
		return is_gdb ? tcp_of(&address) : NULL;
	default:
		return NULL;
	}
}

static int take(struct iol_passed *passed, int fd, const char *name)
{
	bool is_gdb = !strcmp(name, "gdb");
	struct iol_passed_socket *socket = is_gdb ? &passed->gdb : &passed->control;
	int flags;

	if (!is_gdb && strcmp(name, "control"))
		return iol_cli_fail("run", IOL_EXIT_USAGE,
				    "LISTEN_FDS: descriptor %d is named '%.64s', which no machine "
				    "takes: name it control or gdb (FileDescriptorName=)",
				    fd, name);
	if (socket->where)
		return iol_cli_fail("run", IOL_EXIT_USAGE,
				    "LISTEN_FDS: descriptors %d and %d are both named %s: a "
				    "machine has one",
				    socket->fd, fd, name);
	socket->where = where_of(fd, is_gdb);
	if (!socket->where)
		return iol_cli_fail("run", IOL_EXIT_USAGE,
				    "LISTEN_FDS: descriptor %d, %s, is no stream socket that "
				    "listens at a path%s: give ListenStream= one, without Accept=",
				    fd, name, is_gdb ? " or a port" : "");
	socket->fd = fd;
	/* Who comes may be gone before it is let in. */
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return iol_cli_fail("run", IOL_EXIT_HOST, "LISTEN_FDS: descriptor %d: %s", fd,
				    strerror(errno));
	return 0;
}

/* None of them is for children, whatever it is. */
static int close_on_exec(int count)
{
	for (int fd = FIRST_FD; fd < FIRST_FD + count; fd++)
		if (fcntl(fd, F_SETFD, FD_CLOEXEC))
			return iol_cli_fail("run", IOL_EXIT_USAGE,
					    "LISTEN_FDS: it says %d, and descriptor %d is not open",
					    count, fd);
	return 0;
}

static int take_all(struct iol_passed *passed, const char *fds, const char *names)
{
	g_auto(GStrv) name = g_strsplit(names ? names : "", ":", COUNT_MAX + 1);
	unsigned int named = g_strv_length(name);
	guint64 count;
	int status;

	if (!g_ascii_string_to_unsigned(fds, 10, 0, COUNT_MAX, &count, NULL))
		return iol_cli_fail("run", IOL_EXIT_USAGE,
				    "LISTEN_FDS: '%.32s' is no number of descriptors, 0 to %d", fds,
				    COUNT_MAX);
	status = close_on_exec((int)count);
	for (unsigned int i = 0; i < count && !status; i++)
		status = take(passed, FIRST_FD + (int)i, i < named ? name[i] : "");
	return status;
}

int iol_passed_init(struct iol_passed *passed)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	guint64 number;
	int status = 0;

	*passed = (struct iol_passed){ .control.fd = -1, .gdb.fd = -1 };
	/* What another process was passed stays in the environment of those that it starts. */
	if (pid && fds && g_ascii_string_to_unsigned(pid, 10, 1, INT32_MAX, &number, NULL) &&
	    (pid_t)number == getpid())
		status = take_all(passed, fds, getenv("LISTEN_FDNAMES"));
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return status;
}

void iol_passed_lend(const struct iol_passed *passed, struct iol_config *config)
{
	if (passed->control.where)
		config->control_fd = passed->control.fd;
	if (passed->gdb.where)
		config->gdb.listen_fd = passed->gdb.fd;
}

void iol_passed_finish(struct iol_passed *passed)
{
	iol_fd_close(&passed->control.fd);
	iol_fd_close(&passed->gdb.fd);
	g_free(passed->control.where);
	g_free(passed->gdb.where);
}
