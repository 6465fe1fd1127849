// SPDX-License-Identifier: Apache-2.0
/* `iolite list`: the machines that run here, by their control sockets. */
#include "cli.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <iolite/log.h>

#include "control_find.h"
#include "control_summary.h"
#include "control_verb.h"

enum { LIMIT_MS = 2000 }; /* of a machine, for each answer: one that hangs hides no other */

static const char more[] =
	"A machine is here by the socket NAME.sock in /run/iolite or $XDG_RUNTIME_DIR/iolite. "
	"Sockets of\nmachines that were killed are removed.\n"
	"\n"
	"STATUS: running, paused and others by the machine's own words; silent: it does not answer;\n"
	"forbidden: it is another user's; strange: what listens there is no machine.\n"
	"\n"
	"Examples:\n"
	"  iolite list\n"
	"  iolite list --json\n"
	"\n"
	"Exit status: 0, 2 wrong options.\n";

static const char *status_of(int error)
{
	switch (error) {
	case -EACCES:
	case -EPERM:
		return "forbidden";
	case -EPROTO:
	case -EREMOTEIO:
		return "strange";
	default:
		return "silent";
	}
}

/* False: there is none. */
static bool look_at(const struct iol_found *found, struct iol_summary *summary)
{
	struct iol_client *client;
	struct iol_error err;
	int ret = iol_client_open(found->path, LIMIT_MS, &client, &err);

	memset(summary, 0, sizeof(*summary));
	if (ret == -ECONNREFUSED && iol_find_remove_stale(found->path))
		iol_log(IOL_LOG_WARN, "list: removed %s: nobody listens there any more",
			found->path);
	else if (ret == -ECONNREFUSED)
		iol_log(IOL_LOG_WARN, "list: nobody listens at %s", found->path);
	/* One that ended meanwhile takes its socket along. */
	if (ret == -ECONNREFUSED || ret == -ENOENT)
		return false;
	if (!ret)
		ret = iol_summary_ask(client, summary, &err);
	iol_client_close(client);
	if (ret == -ECONNRESET)
		return false;
	if (ret || !*summary->status)
		g_strlcpy(summary->status, ret ? status_of(ret) : "unknown",
			  sizeof(summary->status));
	return true;
}

static json_t *to_json(const struct iol_found *found, const struct iol_summary *summary)
{
	json_t *item = json_pack("{s:s, s:s, s:s}", "name", found->name, "status", summary->status,
				 "socket", found->path);

	if (summary->pid)
		json_object_set_new(item, "pid", json_integer(summary->pid));
	if (summary->cpus)
		json_object_set_new(item, "cpus", json_integer(summary->cpus));
	if (summary->memory_bytes)
		json_object_set_new(item, "memory",
				    json_integer((json_int_t)summary->memory_bytes));
	if (summary->has_uptime)
		json_object_set_new(item, "uptime", json_integer((json_int_t)summary->uptime_s));
	return item;
}

/* Whole units only; "-" for what is not known. */
static void format_memory(uint64_t bytes, char text[32])
{
	static const struct {
		uint64_t bytes;
		const char *name;
	} units[] = { { IOL_GIB, "G" }, { IOL_MIB, "M" }, { IOL_KIB, "K" }, { 1, "" } };

	g_strlcpy(text, "-", 32);
	for (size_t i = 0; bytes && i < IOL_ARRAY_LEN(units); i++)
		if (bytes % units[i].bytes == 0) {
			snprintf(text, 32, "%" PRIu64 "%s", bytes / units[i].bytes, units[i].name);
			return;
		}
}

static void format_uptime(const struct iol_summary *summary, char text[32])
{
	uint64_t s = summary->uptime_s, days = s / 86400;

	if (!summary->has_uptime)
		g_strlcpy(text, "-", 32);
	else if (days)
		snprintf(text, 32, "%" PRIu64 "d %02u:%02u:%02u", days,
			 (unsigned int)(s / 3600 % 24), (unsigned int)(s / 60 % 60),
			 (unsigned int)(s % 60));
	else
		snprintf(text, 32, "%02u:%02u:%02u", (unsigned int)(s / 3600),
			 (unsigned int)(s / 60 % 60), (unsigned int)(s % 60));
}

static void format_count(unsigned int count, char text[16])
{
	if (count)
		snprintf(text, 16, "%u", count);
	else
		g_strlcpy(text, "-", 16);
}

static void print_row(const char *name, int width, const struct iol_summary *summary)
{
	g_autofree char *status = iol_control_printable(summary->status);
	char pid[16], cpus[16], memory[32], uptime[32];

	format_count((unsigned int)summary->pid, pid);
	format_count(summary->cpus, cpus);
	format_memory(summary->memory_bytes, memory);
	format_uptime(summary, uptime);
	g_strdelimit(status, "\n\t", '?');
	printf("%-*s  %-10s %7s %5s %8s %s\n", width, name, status, pid, cpus, memory, uptime);
}

static void print_table(const GPtrArray *all, const struct iol_summary *summaries,
			const bool *there)
{
	int width = (int)strlen("NAME");

	for (guint i = 0; i < all->len; i++) {
		const struct iol_found *found = g_ptr_array_index(all, i);

		if (there[i])
			width = MAX(width, (int)strlen(found->name));
	}
	printf("%-*s  %-10s %7s %5s %8s %s\n", width, "NAME", "STATUS", "PID", "CPUS", "MEMORY",
	       "UPTIME");
	for (guint i = 0; i < all->len; i++) {
		const struct iol_found *found = g_ptr_array_index(all, i);

		if (there[i])
			print_row(found->name, width, &summaries[i]);
	}
}

static void print_json(const GPtrArray *all, const struct iol_summary *summaries, const bool *there)
{
	json_t *list = json_array();
	char *text;

	for (guint i = 0; i < all->len; i++)
		if (there[i])
			json_array_append_new(list,
					      to_json(g_ptr_array_index(all, i), &summaries[i]));
	text = json_dumps(list, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	puts(text ? text : "[]");
	free(text);
	json_decref(list);
}

static void list(bool json)
{
	g_autoptr(GPtrArray) all = iol_find_all();
	g_autofree struct iol_summary *summaries = g_new0(struct iol_summary, all->len + 1);
	g_autofree bool *there = g_new0(bool, all->len + 1);

	for (guint i = 0; i < all->len; i++)
		there[i] = look_at(g_ptr_array_index(all, i), &summaries[i]);
	if (json)
		print_json(all, summaries, there);
	else
		print_table(all, summaries, there);
}

int iol_cmd_list(int argc, char **argv)
{
	gboolean json = FALSE;
	const GOptionEntry entries[] = {
		{ "json", 0, 0, G_OPTION_ARG_NONE, &json,
		  "Print a list of objects; memory in bytes, uptime in seconds", NULL },
		G_OPTION_ENTRY_NULL,
	};
	const struct iol_control_verb verb = { .name = "list",
					       .does = "list the machines that run here",
					       .entries = entries,
					       .more = more };
	char **args;
	int status = iol_control_verb_parse(&verb, argc, argv, &args);

	if (!status)
		list(json);
	g_strfreev(args);
	return status == IOL_CONTROL_VERB_HELP ? IOL_EXIT_OK : status;
}
