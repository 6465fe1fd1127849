// SPDX-License-Identifier: Apache-2.0
/* See sandbox_needs.h. */
#include "sandbox_needs.h"

#include <string.h>

#include <iolite/sandbox.h>

#include "cli.h"

/* Clients of the control socket, of debuggers and of lines, files that these have written, and as much again. */
enum { DESCRIPTORS_LATER = 64 };

/* What a machine leaves behind by a name, it takes away at its end. */
static unsigned int of_end(const struct iol_char_config *line)
{
	switch (line->kind) {
	case IOL_CHAR_UNIX:
	case IOL_CHAR_TCP:
		if (line->connect && line->kind == IOL_CHAR_TCP)
			iol_sandbox_may_connect((uint16_t)line->port);
		if (line->connect)
			return IOL_SANDBOX_NEEDS_CONNECT;
		if (line->kind == IOL_CHAR_UNIX && line->listen_fd <= 0)
			iol_sandbox_may_remove(line->path);
		return IOL_SANDBOX_NEEDS_LISTEN;
	case IOL_CHAR_PTY:
		iol_sandbox_may_remove(line->link);
		return IOL_SANDBOX_NEEDS_TERMINAL;
	case IOL_CHAR_STDIO:
	case IOL_CHAR_MUX:
		return IOL_SANDBOX_NEEDS_TERMINAL;
	default:
		return IOL_SANDBOX_NEEDS_FILE;
	}
}

static unsigned int of_line(const struct iol_char_config *line)
{
	return of_end(line) | (line->log ? IOL_SANDBOX_NEEDS_FILE : 0);
}

static unsigned int of_net(const struct iol_net_config *net)
{
	switch (net->kind) {
	case IOL_NET_KIND_TAP:
	case IOL_NET_KIND_BRIDGE:
		return IOL_SANDBOX_NEEDS_TAP;
	case IOL_NET_KIND_USER:
	case IOL_NET_KIND_PASST:
		return IOL_SANDBOX_NEEDS_CHILD | IOL_SANDBOX_NEEDS_LISTEN;
	case IOL_NET_KIND_SOCKET:
		if (!net->listen)
			return IOL_SANDBOX_NEEDS_CONNECT;
		iol_sandbox_may_remove(net->path);
		return IOL_SANDBOX_NEEDS_LISTEN;
	default:
		return 0;
	}
}

static unsigned int of_clients(const struct iol_config *config)
{
	unsigned int needs = 0;

	if (config->control) {
		needs |= IOL_SANDBOX_NEEDS_CLIENT | IOL_SANDBOX_NEEDS_LISTEN;
		if (config->control_fd <= 0)
			iol_sandbox_may_remove(config->control);
	}
	if (config->has_gdb)
		needs |= IOL_SANDBOX_NEEDS_CLIENT | of_line(&config->gdb);
	return needs;
}

static bool is_placed(const struct iol_memory_place *place)
{
	const struct iol_memory_place none = { 0 };

	return memcmp(place, &none, sizeof(none)) != 0;
}

static void limits_of(const struct iol_config *config)
{
	const struct iol_limits limits = {
		.descriptors = DESCRIPTORS_LATER,
		.locked_bytes = config->memory_place.lock ? config->memory_bytes : 0,
		.rt_priority = config->cpu_place.priority,
	};

	iol_sandbox_set_limits(&limits);
}

int iol_sandbox_needs_of(const struct iol_config *config, const char *pidfile)
{
	struct iol_error err = { 0 };
	unsigned int needs = 0;

	if (iol_sandbox_prepare(config->sandbox, &err))
		return iol_cli_fail("run", IOL_EXIT_HOST, "--sandbox: %s", err.msg);
	iol_sandbox_may_remove(pidfile);
	needs |= of_clients(config);
	if (config->has_console)
		needs |= of_line(&config->console);
	for (unsigned int i = 0; i < config->serial_count; i++)
		needs |= of_line(&config->serials[i]);
	for (unsigned int i = 0; i < config->net_count; i++)
		needs |= IOL_SANDBOX_NEEDS_NET | of_net(&config->nets[i]);
	if (config->disk_count)
		needs |= IOL_SANDBOX_NEEDS_DISK;
	if (is_placed(&config->memory_place))
		needs |= IOL_SANDBOX_NEEDS_MEMORY;
	iol_sandbox_need(needs);
	limits_of(config);
	return 0;
}
