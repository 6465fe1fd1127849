// SPDX-License-Identifier: Apache-2.0
/* Entry point: finds the verb. */
#include "cli.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <iolite/log.h>

const struct iol_cmd iol_cmds[] = {
	{ "run", "start a virtual machine in this terminal", iol_cmd_run },
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

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : NULL;

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
