// SPDX-License-Identifier: Apache-2.0
/* Entry point: finds the verb. */
#include "cli.h"

#include <fcntl.h>
#include <glib.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <iolite/log.h>
#include <iolite/terminal.h>

const struct iol_cmd iol_cmds[] = {
	{ "run", "start a virtual machine in this terminal", iol_cmd_run },
	{ "check", "tell all mistakes of a configuration, and start nothing", iol_cmd_check },
	{ "list", "the machines that run here", iol_cmd_list },
	{ "info", "what a running machine is made of", iol_cmd_info },
	{ "stat", "what a running machine does: exits, interrupts, disks, networks", iol_cmd_stat },
	{ "pause", "let a running machine stand still", iol_cmd_pause },
	{ "resume", "let a paused machine run on", iol_cmd_resume },
	{ "reset", "reset a running machine", iol_cmd_reset },
	{ "powerdown", "press a machine's power button", iol_cmd_powerdown },
	{ "stop", "end a machine at once", iol_cmd_stop },
	{ "up", "start a system of partitions, and look after them", iol_cmd_up },
	{ "down", "end a system", iol_cmd_down },
	{ "start", "start a partition of a system", iol_cmd_start },
	{ "restart", "stop a partition and start it again", iol_cmd_restart },
	{ "status", "the partitions of systems that run here", iol_cmd_status },
	{ "console", "the console of a partition, in this terminal", iol_cmd_console },
	{ "monitor", "ask a running machine, in a shell or with one command", iol_cmd_monitor },
	{ "dtb", "print the device tree of a machine, of any architecture", iol_cmd_dtb },
	{ "doctor", "what this host's KVM can do, and the remedy for what is missing",
	  iol_cmd_doctor },
	{ "version", "print the version", iol_cmd_version },
	{ "help", "this text, or that of a verb: iolite help run", iol_cmd_help },
	{ NULL, NULL, NULL },
};

int iol_cli_fail(const char *verb, int status, const char *fmt, ...)
{
	char text[480];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (verb)
		iol_log(IOL_LOG_ERROR, "%s: %s", verb, text);
	else
		iol_log(IOL_LOG_ERROR, "%s", text);
	return status;
}

/*
 * A process started with 0, 1 or 2 closed would get them back as /dev/kvm or a disk, and a library
 * that prints would write into it.
 */
static void open_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/*
 * GLib ends a process that has no memory, by a signal that leaves the terminal raw, and in words of its own. Any thread, locks
 * may be held: nothing is torn down, and what is left behind is as after a kill.
 */
static void told_by_glib(const char *domain, GLogLevelFlags level, const char *text, void *data)
{
	const char *said = text ? strstr(text, "failed to allocate") : NULL;

	if (!(level & G_LOG_LEVEL_ERROR) || !said) {
		g_log_default_handler(domain, level, text, data);
		return;
	}
	iol_terminal_restore();
	iol_log(IOL_LOG_ERROR,
		"out of memory: %s; end something else, or raise the limits of this process "
		"(ulimit -v, MemoryMax=)",
		said);
	_exit(IOL_EXIT_HOST);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : NULL;

	g_log_set_default_handler(told_by_glib, NULL);
	/* There is one end for a process without memory, and no NULL of jansson's that somebody forgets. */
	json_set_alloc_funcs(g_malloc, g_free);
	open_standard_fds();
	if (!verb)
		return iol_cli_fail(NULL, IOL_EXIT_USAGE,
				    "no verb: try `iolite run -k vmlinuz` or `iolite help`");
	if (!strcmp(verb, "--help") || !strcmp(verb, "-h"))
		verb = "help";
	if (!strcmp(verb, "--version") || !strcmp(verb, "-V"))
		verb = "version";
	for (const struct iol_cmd *cmd = iol_cmds; cmd->name; cmd++)
		if (!strcmp(verb, cmd->name))
			return cmd->run(argc - 1, argv + 1);
	return iol_cli_fail(NULL, IOL_EXIT_USAGE, "'%s' is no verb; `iolite help` lists them",
			    verb);
}
