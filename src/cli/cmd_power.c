// SPDX-License-Identifier: Apache-2.0
/* `iolite pause`, `resume`, `reset`, `powerdown` and `stop`: one command each to a running machine. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <iolite/log.h>

#include "control_system.h"
#include "control_verb.h"

enum { WAIT_S_MAX = 7 * 24 * 60 * 60 };

static const char exit_status[] =
	"\nExit status: 0, 1 there is no such machine, or it did not do it, 2 wrong options.\n";

/*
 * Partitions of systems have a supervisor, who is to know what is wanted. @command is its own; false: there is none, and it is a
 * machine like any other.
 */
static bool run_supervised(const char *verb, const char *name, const char *command,
			   const char *state, int *status)
{
	struct iol_client *client;

	if (!iol_system_verb_find(name, &client))
		return false;
	*status = iol_system_verb_run(verb, client, name, command, state, 0);
	iol_client_close(client);
	return true;
}

static bool run_pause_supervised(const char *verb, const char *name, int *status)
{
	if (!strcmp(verb, "pause"))
		return run_supervised(verb, name, "x-iolite-pause", "paused", status);
	if (!strcmp(verb, "resume"))
		return run_supervised(verb, name, "x-iolite-resume", "running", status);
	return false;
}

/* A verb that is one command. */
static int run_simple(const struct iol_control_verb *verb, const char *command, int argc,
		      char **argv)
{
	struct iol_client *client = NULL;
	struct iol_error err = { 0 };
	char **args;
	int status = iol_control_verb_parse(verb, argc, argv, &args);

	if (!status && !run_pause_supervised(verb->name, args[0], &status)) {
		status = iol_control_verb_connect(verb->name, args[0], &client);
		if (!status && iol_client_execute(client, command, NULL, NULL, &err))
			status = iol_control_verb_fail(verb->name, args[0], &err);
	}
	iol_client_close(client);
	g_strfreev(args);
	return status == IOL_CONTROL_VERB_HELP ? IOL_EXIT_OK : status;
}

int iol_cmd_pause(int argc, char **argv)
{
	g_autofree char *more =
		g_strconcat("The guest's CPUs stand until `iolite resume`; its clocks may go on.\n"
			    "NAME is a machine's name, or the path of its socket.\n"
			    "\n"
			    "Examples:\n"
			    "  iolite pause web1\n",
			    exit_status, NULL);
	const struct iol_control_verb verb = { .name = "pause",
					       .arguments = "NAME",
					       .does = "let a running machine stand still",
					       .more = more,
					       .args_min = 1,
					       .args_max = 1 };

	return run_simple(&verb, "stop", argc, argv);
}

int iol_cmd_resume(int argc, char **argv)
{
	g_autofree char *more = g_strconcat("NAME is a machine's name, or the path of its socket.\n"
					    "\n"
					    "Examples:\n"
					    "  iolite resume web1\n",
					    exit_status, NULL);
	const struct iol_control_verb verb = { .name = "resume",
					       .arguments = "NAME",
					       .does = "let a paused machine run on",
					       .more = more,
					       .args_min = 1,
					       .args_max = 1 };

	return run_simple(&verb, "cont", argc, argv);
}

int iol_cmd_reset(int argc, char **argv)
{
	g_autofree char *more =
		g_strconcat("As the button of that name: what the guest has not written is lost.\n"
			    "NAME is a machine's name, or the path of its socket.\n"
			    "\n"
			    "Examples:\n"
			    "  iolite reset web1\n",
			    exit_status, NULL);
	const struct iol_control_verb verb = { .name = "reset",
					       .arguments = "NAME",
					       .does = "reset a running machine",
					       .more = more,
					       .args_min = 1,
					       .args_max = 1 };

	return run_simple(&verb, "system_reset", argc, argv);
}

/* The machine's own end, which its guest may bring about in any way. */
static int wait_for_end(const char *verb, const char *name, struct iol_client *client,
			unsigned int seconds)
{
	struct iol_error err = { 0 };
	int ret = iol_client_wait_end(client, seconds * 1000, &err);

	if (!ret)
		return IOL_EXIT_OK;
	if (ret == -ETIMEDOUT)
		return iol_cli_fail(verb, IOL_EXIT_HOST,
				    "%.108s has not ended within %u s; `iolite stop %.108s` ends "
				    "it at once",
				    name, seconds, name);
	return iol_control_verb_fail(verb, name, &err);
}

/* Who stands does not notice a button. */
static void warn_if_paused(const char *verb, const char *name, struct iol_client *client)
{
	json_t *answer = NULL;
	const char *state;

	if (iol_client_execute(client, "query-status", NULL, &answer, NULL))
		return;
	state = json_string_value(json_object_get(answer, "status"));
	if (state && !strcmp(state, "paused"))
		iol_log(IOL_LOG_WARN,
			"%s: %.108s is paused: it notices the button after `iolite resume %.108s`",
			verb, name, name);
	json_decref(answer);
}

static int powerdown(const char *name, unsigned int wait_s)
{
	struct iol_client *client;
	struct iol_error err = { 0 };
	int status = iol_control_verb_connect("powerdown", name, &client);

	if (status)
		return status;
	warn_if_paused("powerdown", name, client);
	if (iol_client_execute(client, "system_powerdown", NULL, NULL, &err))
		status = iol_control_verb_fail("powerdown", name, &err);
	else if (wait_s)
		status = wait_for_end("powerdown", name, client, wait_s);
	iol_client_close(client);
	return status;
}

static int read_wait(const char *text, unsigned int *seconds)
{
	guint64 value;

	*seconds = 0;
	if (!text)
		return 0;
	if (!g_ascii_string_to_unsigned(text, 10, 1, WAIT_S_MAX, &value, NULL))
		return iol_cli_fail("powerdown", IOL_EXIT_USAGE,
				    "--wait: '%.64s' is no number of seconds: give 1 to %d", text,
				    WAIT_S_MAX);
	*seconds = (unsigned int)value;
	return 0;
}

int iol_cmd_powerdown(int argc, char **argv)
{
	g_autofree char *wait = NULL;
	const GOptionEntry entries[] = {
		{ "wait", 'w', 0, G_OPTION_ARG_FILENAME, &wait,
		  "Wait for the machine's end, this long at most", "SECONDS" },
		G_OPTION_ENTRY_NULL,
	};
	g_autofree char *more =
		g_strconcat("The guest decides what becomes of that; Linux shuts down. With --wait "
			    "the exit status tells\nwhether the machine has ended.\n"
			    "NAME is a machine's name, or the path of its socket.\n"
			    "\n"
			    "Examples:\n"
			    "  iolite powerdown web1\n"
			    "  iolite powerdown web1 --wait 60 || iolite stop web1\n",
			    exit_status, NULL);
	const struct iol_control_verb verb = { .name = "powerdown",
					       .arguments = "NAME",
					       .does = "press a machine's power button",
					       .entries = entries,
					       .more = more,
					       .args_min = 1,
					       .args_max = 1 };
	unsigned int seconds;
	char **args;
	int status = iol_control_verb_parse(&verb, argc, argv, &args);

	if (!status)
		status = read_wait(wait, &seconds);
	if (!status)
		status = powerdown(args[0], seconds);
	g_strfreev(args);
	return status == IOL_CONTROL_VERB_HELP ? IOL_EXIT_OK : status;
}

static int stop(const char *name)
{
	struct iol_client *client;
	struct iol_error err = { 0 };
	int status;

	if (run_supervised("stop", name, "x-iolite-stop", "stopped", &status))
		return status;
	status = iol_control_verb_connect("stop", name, &client);
	if (status)
		return status;
	/* It may be gone before its answer is here. */
	if (iol_client_execute(client, "quit", NULL, NULL, &err) && err.code != -ECONNRESET)
		status = iol_control_verb_fail("stop", name, &err);
	else
		status = wait_for_end("stop", name, client, IOL_CLIENT_LIMIT_MS / 1000);
	iol_client_close(client);
	return status;
}

int iol_cmd_stop(int argc, char **argv)
{
	g_autofree char *more = g_strconcat(
		"As if its plug were pulled: the guest is not asked. What it was told is stable is "
		"on its disks.\nReturns when the machine has ended. A partition of a system is not "
		"started again.\n"
		"NAME is a machine's name, or the path of its socket.\n"
		"\n"
		"Examples:\n"
		"  iolite stop web1\n"
		"  iolite powerdown web1 --wait 60 || iolite stop web1\n",
		exit_status, NULL);
	const struct iol_control_verb verb = { .name = "stop",
					       .arguments = "NAME",
					       .does = "end a machine at once",
					       .more = more,
					       .args_min = 1,
					       .args_max = 1 };
	char **args;
	int status = iol_control_verb_parse(&verb, argc, argv, &args);

	if (!status)
		status = stop(args[0]);
	g_strfreev(args);
	return status == IOL_CONTROL_VERB_HELP ? IOL_EXIT_OK : status;
}
