// SPDX-License-Identifier: Apache-2.0
/*
 * Commands of the control socket about looking into a machine: where debuggers connect, and how much iolite tells of its own
 * doings. See control_internal.h. Runs on the loop's thread.
 */
#include "control_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include <iolite/log.h>

#include "debug.h"

/* A client may pass anything. Of one that blocks, a client that changes its mind would hold up the machine. */
static int check_socket(int fd, struct iol_error *err)
{
	socklen_t len = sizeof(int);
	int listens = 0, flags = fcntl(fd, F_GETFL);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) || !listens)
		return iol_error_set(err, -EINVAL,
				     "Parameter 'socket' expects a socket that listens");
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return iol_error_errno(err, -errno, "the socket cannot be made non-blocking");
	return 0;
}

static int run_gdb_open(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_vm *vm = machine;
	const char *address = json_string_value(json_object_get(args, "address"));
	const char *socket = json_string_value(json_object_get(args, "socket"));
	int fd = socket ? iol_vm_control_fdset(vm, socket) : 0, ret;

	if (fd < 0)
		return iol_error_set(err, -EINVAL,
				     "Parameter 'socket' expects /dev/fdset/N of a socket that was "
				     "passed by add-fd");
	ret = fd ? check_socket(fd, err) : 0;
	if (!ret)
		ret = iol_debug_server_open_at(vm, address, fd, err);

	/* A port of 0 is one that the kernel chose. */
	if (!ret)
		*result = json_pack("{s:o}", "address", iol_vm_control_gdb(vm));
	return ret;
}

static int run_gdb_close(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	(void)args;
	(void)result;
	return iol_debug_server_close(machine, err);
}

static const struct iol_control_arg open_args[] = {
	{ .name = "address", .type = IOL_CONTROL_STR },
	{ .name = "socket", .type = IOL_CONTROL_STR, .optional = true },
	{ .name = NULL },
};

/* Without an argument it is a question. */
static int run_log_level(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	const char *name = json_string_value(json_object_get(args, "level"));
	enum iol_log_level level;

	(void)machine;
	if (name && !iol_log_level_parse(name, &level))
		return iol_error_set(err, -EINVAL,
				     "Parameter 'level' does not accept this value: give error, "
				     "warn, info or debug");
	if (name)
		iol_log_set_level(level);
	*result = json_pack("{s:s}", "level", iol_log_level_name(iol_log_level()));
	return 0;
}

static const struct iol_control_arg level_args[] = {
	{ .name = "level", .type = IOL_CONTROL_STR, .optional = true },
	{ .name = NULL },
};

const struct iol_control_command iol_vm_control_debug_commands[] = {
	{ .name = "x-iolite-gdb-open", .args = open_args, .run = run_gdb_open },
	{ .name = "x-iolite-gdb-close", .run = run_gdb_close },
	{ .name = "x-iolite-log-level", .args = level_args, .run = run_log_level },
	{ .name = NULL },
};
