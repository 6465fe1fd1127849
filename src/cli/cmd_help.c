// SPDX-License-Identifier: Apache-2.0
/* `iolite help [VERB]` and `iolite version`. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include <iolite/version.h>

int iol_cmd_version(int argc, char **argv)
{
	if (argc > 1)
		return iol_cli_fail(argv[0], IOL_EXIT_USAGE, "unexpected argument '%s'", argv[1]);
	printf("iolite %s%s%s%s\n", iol_version, *iol_version_commit ? " (" : "",
	       iol_version_commit, *iol_version_commit ? ")" : "");
	return IOL_EXIT_OK;
}

static void print_overview(void)
{
	printf("Usage: iolite VERB [OPTION...]\n\n"
	       "A light virtual machine monitor for Linux KVM.\n\nVerbs:\n");
	for (const struct iol_cmd *cmd = iol_cmds; cmd->name; cmd++)
		printf("  %-10s %s\n", cmd->name, cmd->summary);
	printf("\nExamples:\n"
	       "  iolite doctor\n"
	       "  iolite run -k /boot/vmlinuz -i initrd.img -m 1G -c 2\n"
	       "  iolite run web.json\n"
	       "  iolite check web.json\n"
	       "  iolite list\n"
	       "  iolite stat web1 1\n"
	       "  iolite monitor web1 info cpus\n"
	       "  iolite powerdown web1 --wait 60\n"
	       "  iolite dtb web.json --arch aarch64\n\n"
	       "Exit status of run: 0 the guest powered off or was stopped, 1 the host failed,\n"
	       "2 wrong options, 3 the guest crashed or this KVM cannot run it, 4 its kernel\n"
	       "panicked, 5 its watchdog ran out (on-watchdog=stop).\n");
}

int iol_cmd_help(int argc, char **argv)
{
	char help_option[] = "--help";

	if (argc < 2) {
		print_overview();
		return IOL_EXIT_OK;
	}
	for (const struct iol_cmd *cmd = iol_cmds; cmd->name; cmd++) {
		char *help_argv[] = { argv[1], help_option, NULL };

		if (strcmp(argv[1], cmd->name))
			continue;
		if (cmd->run != iol_cmd_version && cmd->run != iol_cmd_help)
			return cmd->run(2, help_argv);
		printf("iolite %s: %s\n", cmd->name, cmd->summary);
		return IOL_EXIT_OK;
	}
	return iol_cli_fail(argv[0], IOL_EXIT_USAGE, "'%s' is no verb; `iolite help` lists them",
			    argv[1]);
}
