// SPDX-License-Identifier: Apache-2.0
/* `iolite status`: the partitions of systems that run here. */
#include "cli.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control_find.h"
#include "control_system.h"
#include "control_verb.h"

enum { WATCH_MS = 1000 };

static const char more[] =
	"States are stopped, starting, running, pausing, paused, resuming and stopping. CAUSE is\n"
	"why it ended last. CPU is what its process has used, in seconds; RSS what it has of the\n"
	"host's memory; READ and WRITTEN what it had the host's storage do.\n"
	"\n"
	"Examples:\n"
	"  iolite status\n"
	"  iolite status gateway --watch\n"
	"  iolite status --json | jq '.[].partitions[] | select(.state != \"running\")'\n"
	"\n"
	"Exit status: 0, 1 there is no such system, 2 wrong options.\n";

/* --- what the host knows of a process --- */

/* The number behind @label in the file @name of the process; false: it is not to be had. */
static bool read_number(pid_t pid, const char *name, const char *label, uint64_t *value)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)pid, name);
	g_autofree char *text = NULL;
	const char *at;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return false;
	at = strstr(text, label);
	if (!at)
		return false;
	*value = g_ascii_strtoull(at + strlen(label), NULL, 10);
	return true;
}

/* User and system time (proc(5), stat, fields 14 and 15). */
static bool read_cpu(pid_t pid, double *seconds)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
	g_autofree char *text = NULL;
	unsigned long user, system;
	const char *at;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return false;
	at = strrchr(text, ')');
	if (!at || sscanf(at, ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu", &user,
			  &system) != 2)
		return false;
	*seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	return true;
}

static void add_process(json_t *partition)
{
	pid_t pid = (pid_t)json_integer_value(json_object_get(partition, "pid"));
	uint64_t value;
	double seconds;

	if (pid <= 0)
		return;
	if (read_cpu(pid, &seconds))
		json_object_set_new(partition, "cpu-seconds", json_real(seconds));
	if (read_number(pid, "status", "VmRSS:", &value))
		json_object_set_new(partition, "rss", json_integer((json_int_t)(value * IOL_KIB)));
	if (read_number(pid, "io", "read_bytes: ", &value))
		json_object_set_new(partition, "read-bytes", json_integer((json_int_t)value));
	if (read_number(pid, "io", "\nwrite_bytes: ", &value))
		json_object_set_new(partition, "written-bytes", json_integer((json_int_t)value));
}

/* --- all systems --- */

static json_t *ask(struct iol_client *client)
{
	json_t *answer = NULL, *item;
	size_t i;

	if (iol_client_execute(client, "x-iolite-partitions", NULL, &answer, NULL))
		return NULL;
	json_array_foreach(json_object_get(answer, "partitions"), i, item) add_process(item);
	return answer;
}

/* Those that answer; @name: that one alone, or NULL. */
static json_t *ask_all(const char *name)
{
	g_autoptr(GPtrArray) all = iol_find_systems();
	json_t *systems = json_array();

	for (guint i = 0; i < all->len; i++) {
		const struct iol_found *found = g_ptr_array_index(all, i);
		struct iol_client *client;
		json_t *answer;

		if (name && strcmp(found->name, name) != 0)
			continue;
		if (iol_client_open(found->path, IOL_CLIENT_LIMIT_MS, &client, NULL))
			continue;
		answer = ask(client);
		if (answer)
			json_array_append_new(systems, answer);
		iol_client_close(client);
	}
	return systems;
}

/* --- as a table --- */

static const char *text_of(const json_t *item, const char *key)
{
	const char *text = json_string_value(json_object_get(item, key));

	return text && *text ? text : "-";
}

static void format_size(const json_t *item, const char *key, char text[24])
{
	const json_t *value = json_object_get(item, key);
	uint64_t bytes = (uint64_t)json_integer_value(value);

	if (!value)
		g_strlcpy(text, "-", 24);
	else if (bytes >= 10 * IOL_MIB)
		snprintf(text, 24, "%" PRIu64 "M", bytes / IOL_MIB);
	else
		snprintf(text, 24, "%" PRIu64 "K", bytes / IOL_KIB);
}

/* "stopped", and what it waits for. */
static char *state_of(const json_t *item)
{
	const json_t *in = json_object_get(item, "restart-in-ms");
	const char *state = text_of(item, "state"), *waits = text_of(item, "waits");

	if (in)
		return g_strdup_printf("%s (restart in %.1f s)", state,
				       (double)json_integer_value(in) / 1000);
	if (strcmp(waits, "-"))
		return g_strdup_printf("%s (after %s)", state, waits);
	return g_strdup(state);
}

static void append_row(GString *out, const json_t *item)
{
	g_autofree char *state = state_of(item);
	const json_t *cpu = json_object_get(item, "cpu-seconds");
	const json_t *pid = json_object_get(item, "pid");
	char rss[24], in[24], written[24], number[24] = "-", seconds[24] = "-";

	format_size(item, "rss", rss);
	format_size(item, "read-bytes", in);
	format_size(item, "written-bytes", written);
	if (pid)
		snprintf(number, sizeof(number), "%d", (int)json_integer_value(pid));
	if (cpu)
		snprintf(seconds, sizeof(seconds), "%.1f", json_real_value(cpu));
	g_string_append_printf(out, "%-16s %-24s %-20s %8d %8s %8s %8s %8s %8s\n",
			       text_of(item, "name"), state, text_of(item, "cause"),
			       (int)json_integer_value(json_object_get(item, "restarts")), number,
			       seconds, rss, in, written);
}

static void append_system(GString *out, const json_t *system)
{
	json_t *item;
	size_t i;

	g_string_append_printf(out, "%s (supervisor %d)\n", text_of(system, "system"),
			       (int)json_integer_value(json_object_get(system, "pid")));
	g_string_append_printf(out, "%-16s %-24s %-20s %8s %8s %8s %8s %8s %8s\n", "PARTITION",
			       "STATE", "CAUSE", "RESTARTS", "PID", "CPU", "RSS", "READ",
			       "WRITTEN");
	json_array_foreach(json_object_get(system, "partitions"), i, item) append_row(out, item);
}

static void print(const json_t *systems, bool json)
{
	g_autoptr(GString) out = g_string_new(NULL);
	json_t *system;
	char *text;
	size_t i;

	if (json) {
		text = json_dumps(systems,
				  JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(6));
		puts(text);
		g_free(text);
		return;
	}
	json_array_foreach(systems, i, system)
	{
		if (i)
			g_string_append_c(out, '\n');
		append_system(out, system);
	}
	iol_control_print(out->str);
}

/* Until the last system ends, or the user does. */
static int watch(const char *name, bool json)
{
	for (;;) {
		json_auto_t *systems = ask_all(name);

		if (!json_array_size(systems))
			return IOL_EXIT_OK;
		if (!json && isatty(STDOUT_FILENO))
			fputs("\033[H\033[2J", stdout);
		print(systems, json);
		fflush(stdout);
		g_usleep(WATCH_MS * 1000);
	}
}

static int status_of(const char *name, bool json, bool watches)
{
	json_auto_t *systems = ask_all(name);

	if (name && !json_array_size(systems))
		return iol_cli_fail("status", IOL_EXIT_HOST,
				    "no system named '%.64s' runs here; `iolite up SYSTEM.json` "
				    "starts one",
				    name);
	if (watches)
		return watch(name, json);
	print(systems, json);
	return IOL_EXIT_OK;
}

int iol_cmd_status(int argc, char **argv)
{
	gboolean json = FALSE, watches = FALSE;
	const GOptionEntry entries[] = {
		{ "json", 0, 0, G_OPTION_ARG_NONE, &json,
		  "Print a list of objects, one for each system", NULL },
		{ "watch", 0, 0, G_OPTION_ARG_NONE, &watches,
		  "Again each second, until no system runs", NULL },
		G_OPTION_ENTRY_NULL,
	};
	const struct iol_control_verb verb = { .name = "status",
					       .arguments = "[SYSTEM]",
					       .does = "show the partitions of systems that run "
						       "here",
					       .entries = entries,
					       .more = more,
					       .args_max = 1 };
	char **args;
	int status = iol_control_verb_parse(&verb, argc, argv, &args);

	if (!status)
		status = status_of(args[0], json, watches);
	g_strfreev(args);
	return status == IOL_CONTROL_VERB_HELP ? IOL_EXIT_OK : status;
}
