// SPDX-License-Identifier: Apache-2.0
/* `iolite console`: bytes between this terminal and the console of a partition, which is a unix socket. */
#include "cli.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iolite/terminal.h>
#include <iolite/unix_path.h>

#include "control_system.h"
#include "control_verb.h"

enum { BYTES = 4096, ESCAPE = 0x1d }; /* Ctrl-] */

static const char more[] =
	"What is typed goes to the guest, and what it prints comes here. Ctrl-] leaves; the guest\n"
	"runs on. Only one can be connected; what is printed while nobody is, up to 64 KiB, comes\n"
	"first.\n"
	"\n"
	"Examples:\n"
	"  iolite console control\n"
	"\n"
	"Exit status: 0, 1 there is no such partition, or its console is elsewhere, 2 wrong\n"
	"options.\n";

static bool write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t done = write(fd, data, len);
		struct pollfd wait = { .fd = fd, .events = POLLOUT };

		if (done < 0 && errno == EAGAIN)
			poll(&wait, 1, -1);
		else if (done < 0 && errno != EINTR)
			return false;
		if (done > 0) {
			data += done;
			len -= (size_t)done;
		}
	}
	return true;
}

/* False: an end, or Ctrl-]. */
static bool pass(int from, int to, bool typed)
{
	char data[BYTES];
	ssize_t len = read(from, data, sizeof(data));
	const char *escape;

	if (len < 0)
		return errno == EAGAIN || errno == EINTR;
	escape = typed && isatty(from) ? memchr(data, ESCAPE, (size_t)len) : NULL;
	if (escape)
		len = escape - data;
	return write_all(to, data, (size_t)len) && !escape && len;
}

static void talk(int fd)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, IOL_ARRAY_LEN(fds), -1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents && !pass(fd, STDOUT_FILENO, false))
			return;
		if (fds[1].revents && !pass(STDIN_FILENO, fd, true)) {
			if (isatty(STDIN_FILENO))
				return;
			fds[1].fd = -1; /* what was to be said was said */
		}
	}
}

static int connect_to(const char *name, const char *path)
{
	iol_auto(iol_fd_close) int fd = iol_unix_path_connect(path);
	struct iol_error err = { 0 };

	if (fd < 0)
		return iol_cli_fail("console", IOL_EXIT_HOST, "%.64s: %s: %s%s", name, path,
				    strerror(-fd),
				    fd == -ECONNREFUSED || fd == -ENOENT
					    ? "; it does not run: `iolite start` starts it"
					    : "");
	if (isatty(STDIN_FILENO)) {
		fprintf(stderr, "connected to %s; Ctrl-] leaves\n", name);
		if (iol_terminal_raw(STDIN_FILENO, &err))
			return iol_cli_fail("console", IOL_EXIT_HOST, "%s", err.msg);
	}
	talk(fd);
	iol_terminal_restore();
	return IOL_EXIT_OK;
}

static int console(const char *name)
{
	struct iol_client *client;
	json_t *partition;
	const char *path;
	int status;

	if (!iol_system_verb_find(name, &client))
		return iol_cli_fail("console", IOL_EXIT_HOST,
				    "no system that runs here has a partition '%.64s'; `iolite "
				    "status` shows those that there are",
				    name);
	partition = iol_system_verb_partition(client, name);
	iol_client_close(client);
	path = json_string_value(json_object_get(partition, "console"));
	if (path)
		status = connect_to(name, path);
	else
		status =
			iol_cli_fail("console", IOL_EXIT_HOST,
				     "%.64s: its system's file says where its lines are (serials): "
				     "look there",
				     name);
	json_decref(partition);
	return status;
}

int iol_cmd_console(int argc, char **argv)
{
	const struct iol_control_verb verb = { .name = "console",
					       .arguments = "PARTITION",
					       .does = "the console of a partition",
					       .more = more,
					       .args_min = 1,
					       .args_max = 1 };
	char **args;
	int status = iol_control_verb_parse(&verb, argc, argv, &args);

	if (!status)
		status = console(args[0]);
	g_strfreev(args);
	return status == IOL_CONTROL_VERB_HELP ? IOL_EXIT_OK : status;
}
