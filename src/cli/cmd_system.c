// SPDX-License-Identifier: Apache-2.0
/* `iolite start`, `restart` and `down`: what a supervisor is asked to do. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control_system.h"
#include "control_verb.h"

enum { DOWN_WAIT_S = 30 }; /* IOL_SYSTEM_WAIT_NS */

static const char exit_status[] =
	"\nExit status: 0, 1 there is no such partition, or it did not do it, 2 wrong options.\n";

static int fail_unknown(const char *verb, const char *name)
{
	return iol_cli_fail(verb, IOL_EXIT_HOST,
			    "no system that runs here has a partition '%.64s'; `iolite status` "
			    "shows those that there are",
			    name);
}

/* One command about one partition; with @wait an option for its guest. */
static int run(const char *name, const char *does, const char *text, const char *command,
	       bool waits, int argc, char **argv)
{
	g_autofree char *wait = NULL, *more = g_strconcat(text, exit_status, NULL);
	const GOptionEntry entries[] = {
		{ "wait", 'w', 0, G_OPTION_ARG_FILENAME, &wait,
		  "Let the guest shut down for this long (default: 0)", "SECONDS" },
		G_OPTION_ENTRY_NULL,
	};
	const struct iol_control_verb verb = { .name = name,
					       .arguments = "PARTITION",
					       .does = does,
					       .entries = waits ? entries : NULL,
					       .more = more,
					       .args_min = 1,
					       .args_max = 1 };
	struct iol_client *client = NULL;
	unsigned int seconds = 0;
	char **args;
	int status = iol_control_verb_parse(&verb, argc, argv, &args);

	if (!status)
		status = iol_system_verb_seconds(name, wait, &seconds);
	if (!status && !iol_system_verb_find(args[0], &client))
		status = fail_unknown(name, args[0]);
	if (!status)
		status = iol_system_verb_run(name, client, args[0], command, "running", seconds);
	iol_client_close(client);
	g_strfreev(args);
	return status == IOL_CONTROL_VERB_HELP ? IOL_EXIT_OK : status;
}

int iol_cmd_start(int argc, char **argv)
{
	return run("start", "start a partition of a system",
		   "It is started when those that it comes after run. Returns when it runs.\n"
		   "\n"
		   "Examples:\n"
		   "  iolite start data\n",
		   "x-iolite-start", false, argc, argv);
}

int iol_cmd_restart(int argc, char **argv)
{
	return run(
		"restart", "stop a partition and start it again",
		"With --wait its guest is asked to shut down first. Returns when it runs again.\n"
		"\n"
		"Examples:\n"
		"  iolite restart data\n"
		"  iolite restart data --wait 30\n",
		"x-iolite-restart", true, argc, argv);
}

static int down(const char *name, unsigned int seconds)
{
	struct iol_client *client;
	struct iol_error err = { 0 };
	int status = iol_system_verb_connect("down", name, &client), ret;

	if (status)
		return status;
	ret = iol_client_execute(client, "x-iolite-down",
				 json_pack("{s:I}", "wait-ms", (json_int_t)seconds * 1000), NULL,
				 &err);
	if (!ret || err.code == -ECONNRESET)
		ret = iol_client_wait_end(client, (seconds + IOL_SYSTEM_VERB_LIMIT_S) * 1000, &err);
	iol_client_close(client);
	if (ret == -ETIMEDOUT)
		return iol_cli_fail("down", IOL_EXIT_HOST,
				    "the system has not ended; `iolite status` shows what still "
				    "runs");
	return ret ? iol_cli_fail("down", IOL_EXIT_HOST, "%s", err.msg) : IOL_EXIT_OK;
}

int iol_cmd_down(int argc, char **argv)
{
	g_autofree char *wait = NULL;
	const GOptionEntry entries[] = {
		{ "wait", 'w', 0, G_OPTION_ARG_FILENAME, &wait,
		  "Let guests shut down for this long (default: 30; 0: end them at once)",
		  "SECONDS" },
		G_OPTION_ENTRY_NULL,
	};
	const struct iol_control_verb verb = {
		.name = "down",
		.arguments = "[SYSTEM]",
		.does = "end a system",
		.entries = entries,
		.more = "All guests are asked to shut down, in the reverse of their order; who does "
			"not is ended.\nReturns when all of them and the supervisor have ended. "
			"SYSTEM may be left out where one runs.\n"
			"\n"
			"Examples:\n"
			"  iolite down\n"
			"  iolite down gateway --wait 0\n"
			"\n"
			"Exit status: 0, 1 there is no such system, or it does not end, 2 wrong "
			"options.\n",
		.args_max = 1,
	};
	unsigned int seconds = DOWN_WAIT_S;
	char **args;
	int status = iol_control_verb_parse(&verb, argc, argv, &args);

	if (!status)
		status = iol_system_verb_seconds("down", wait, &seconds);
	if (!status)
		status = down(args[0], seconds);
	g_strfreev(args);
	return status == IOL_CONTROL_VERB_HELP ? IOL_EXIT_OK : status;
}
