// SPDX-License-Identifier: Apache-2.0
/* `iolite monitor`: asks a running machine, in a shell or with one command. */
#include "cli.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "control_shell.h"
#include "control_verb.h"

enum { WORDS_MAX = 100 };

static const char more[] =
	"With a COMMAND the machine does that one, and its text is printed. Without, this is a "
	"shell for it:\nlines can be edited, TAB completes words, arrow keys recall earlier lines, "
	"`help` lists commands,\nand what happens to the machine is told. Ctrl-C clears the line, "
	"Ctrl-D leaves; the machine runs on.\n"
	"NAME is a machine's name, or the path of its socket.\n"
	"\n"
	"Examples:\n"
	"  iolite monitor web1\n"
	"  iolite monitor web1 info cpus\n"
	"  iolite monitor web1 'x /8xg $rsp'\n"
	"  iolite monitor web1 gdb open tcp:127.0.0.1:1234\n"
	"\n"
	"Exit status: 0, 1 there is no such machine, or it refused the command, 2 wrong options.\n";

static int run_one(struct iol_client *client, const char *name, char **words)
{
	g_autofree char *line = g_strjoinv(" ", words), *text = NULL;
	struct iol_error err = { 0 };
	int ret = iol_shell_command(client, 0, line, &text, &err);

	/* It may be gone before its answer is here. */
	if (ret == -ECONNRESET && !strcmp(line, "quit"))
		return IOL_EXIT_OK;
	if (text)
		fputs(text, stdout);
	if (text && *text && !g_str_has_suffix(text, "\n"))
		putchar('\n');
	fflush(stdout);
	return ret ? iol_control_verb_fail("monitor", name, &err) : IOL_EXIT_OK;
}

int iol_cmd_monitor(int argc, char **argv)
{
	const struct iol_control_verb verb = { .name = "monitor",
					       .arguments = "NAME [COMMAND...]",
					       .does = "ask a running machine",
					       .more = more,
					       .args_min = 1,
					       .args_max = WORDS_MAX };
	struct iol_client *client = NULL;
	char **args;
	int status = iol_control_verb_parse(&verb, argc, argv, &args);

	if (!status)
		status = iol_control_verb_connect("monitor", args[0], &client);
	if (!status)
		status = args[1] ? run_one(client, args[0], args + 1)
				 : iol_shell_run(client, args[0]);
	iol_client_close(client);
	g_strfreev(args);
	return status == IOL_CONTROL_VERB_HELP ? IOL_EXIT_OK : status;
}
