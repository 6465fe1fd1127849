// SPDX-License-Identifier: Apache-2.0
/* See debug_socket.h. */
#include "debug_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iolite/config.h>
#include <iolite/unix_path.h>

enum { BACKLOG = 16 };

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* *@port: the one that the kernel chose, where it was 0. */
static int listen_tcp(const char *host, unsigned int *port, struct iol_error *err)
{
	union address a = { .in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)*port) } };
	socklen_t len = sizeof(a);
	const int on = 1;
	int fd;

	/* Ports are at the same place in both. */
	if (inet_pton(AF_INET, host, &a.in.sin_addr) != 1) {
		a.in6.sin6_family = AF_INET6;
		if (inet_pton(AF_INET6, host, &a.in6.sin6_addr) != 1)
			return iol_error_set(err, -EINVAL, "'%.64s' is no address", host);
	}
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return iol_error_errno(err, -errno, "cannot make a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &a.any, a.any.sa_family == AF_INET ? sizeof(a.in) : sizeof(a.in6)) ||
	    listen(fd, BACKLOG) || getsockname(fd, &a.any, &len)) {
		int ret = iol_error_errno(err, -errno, "cannot listen at %s:%u", host, *port);

		close(fd);
		return ret;
	}
	*port = ntohs(a.in.sin_port);
	return fd;
}

/* A descriptor; *@address: with the port that it has. */
static int make(const struct iol_char_config *where, char **address,
		struct iol_unix_path_file *file, struct iol_error *err)
{
	const char *host = where->host ? where->host : "127.0.0.1";
	unsigned int port = where->port;
	int fd;

	if (where->kind == IOL_CHAR_UNIX)
		return iol_unix_path_listen(where->path, BACKLOG, file, err);
	fd = listen_tcp(host, &port, err);
	if (fd >= 0) {
		g_free(*address);
		*address = g_strdup_printf(strchr(host, ':') ? "tcp:[%s]:%u%s" : "tcp:%s:%u%s",
					   host, port, where->expose ? ",expose" : "");
	}
	return fd;
}

static int hand_over(struct iol_client *client, int fd, const char *address, struct iol_error *err)
{
	g_autofree char *socket = NULL;
	json_t *result = NULL, *id;
	int ret;

	iol_client_pass(client, fd);
	ret = iol_client_execute(client, "add-fd", NULL, &result, err);
	if (ret)
		return ret;
	id = json_incref(json_object_get(result, "fdset-id"));
	json_decref(result);
	socket = g_strdup_printf("/dev/fdset/%" JSON_INTEGER_FORMAT, json_integer_value(id));
	ret = iol_client_execute(client, "x-iolite-gdb-open",
				 json_pack("{s:s, s:s}", "address", address, "socket", socket),
				 NULL, err);
	/* The machine has one of its own by now. */
	iol_client_execute(client, "remove-fd", json_pack("{s:o}", "fdset-id", id), NULL, NULL);
	return ret;
}

int iol_debug_socket_open(struct iol_client *client, const char *address, char **text,
			  struct iol_error *err)
{
	iol_auto(iol_config_finish) struct iol_config config;
	g_autofree char *full = g_strdup(address);
	struct iol_unix_path_file file = { 0 };
	iol_auto(iol_fd_close) int fd = -1;
	int ret;

	iol_config_init(&config);
	ret = iol_config_set_gdb(&config, address, err);
	if (ret)
		return ret;
	fd = make(&config.gdb, &full, &file, err);
	if (fd < 0)
		return fd;
	ret = hand_over(client, fd, full, err);
	if (ret) {
		iol_unix_path_remove(&file);
		return ret;
	}
	g_free(file.path);
	*text = g_strdup_printf("debuggers connect at %s\n", full);
	return 0;
}
