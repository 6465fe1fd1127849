// SPDX-License-Identifier: Apache-2.0
/* `iolite info`: what a running machine is made of. */
#include "cli.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "control_summary.h"
#include "control_verb.h"

enum { DEPTH_MAX = 16 }; /* of what is printed as text; machines say nothing that deep */

static const char more[] = "NAME is a machine's name, or the path of its socket.\n"
			   "\n"
			   "Examples:\n"
			   "  iolite info web1\n"
			   "  iolite info web1 --json | jq .status\n"
			   "\n"
			   "Exit status: 0, 1 there is no such machine, or it does not answer, 2 "
			   "wrong options.\n";

/* What QMP has for what x-iolite-info tells; @field: only that of the answer; NULL: all. */
static const struct {
	const char *key, *question, *field;
} questions[] = {
	{ "name", "query-name", "name" },     { "status", "query-status", "status" },
	{ "version", "query-version", NULL }, { "kvm", "query-kvm", NULL },
	{ "cpus", "query-cpus-fast", NULL },  { "memory", "query-memory-size-summary", NULL },
	{ "disks", "query-block", NULL },     { "lines", "query-chardev", NULL },
};

/* One question; a machine that does not know it is asked the next one. */
static int ask(struct iol_client *client, const char *question, json_t **answer,
	       struct iol_error *err)
{
	int ret = iol_client_execute(client, question, NULL, answer, err);

	return ret == -EREMOTEIO ? 0 : ret;
}

static int ask_each(struct iol_client *client, json_t *info, struct iol_error *err)
{
	for (size_t i = 0; i < IOL_ARRAY_LEN(questions); i++) {
		json_t *answer, *value;
		int ret = ask(client, questions[i].question, &answer, err);

		if (ret)
			return ret;
		value = questions[i].field ? json_object_get(answer, questions[i].field) : answer;
		if (value)
			json_object_set(info, questions[i].key, value);
		json_decref(answer);
	}
	return 0;
}

/* What the host knows of it, besides. */
static void add_process(struct iol_client *client, json_t *info)
{
	pid_t pid = iol_client_pid(client);
	uint64_t uptime_s;

	if (pid && !json_object_get(info, "pid"))
		json_object_set_new(info, "pid", json_integer(pid));
	if (!json_object_get(info, "uptime-seconds") && iol_summary_uptime(pid, &uptime_s))
		json_object_set_new(info, "uptime-seconds", json_integer((json_int_t)uptime_s));
}

static int gather(struct iol_client *client, json_t **info, struct iol_error *err)
{
	int ret = ask(client, "x-iolite-info", info, err);

	if (ret)
		return ret;
	if (!json_is_object(*info)) {
		json_decref(*info);
		*info = json_object();
		ret = ask_each(client, *info, err);
	}
	if (!ret)
		add_process(client, *info);
	return ret;
}

static void append_scalar(GString *out, const json_t *value)
{
	g_autofree char *text = NULL;
	char *dump;

	if (json_is_string(value)) {
		text = iol_control_printable(json_string_value(value));
		g_strdelimit(text, "\n\t", '?');
		g_string_append(out, text);
		return;
	}
	if (json_is_real(value)) {
		g_string_append_printf(out, "%.3f", json_real_value(value));
		return;
	}
	dump = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_COMPACT);
	g_string_append(out, json_is_true(value)    ? "yes"
			     : json_is_false(value) ? "no"
			     : json_is_null(value)  ? "-"
			     : dump                 ? dump
						    : "?");
	free(dump);
}

static bool is_nested(const json_t *value)
{
	return json_object_size(value) || json_array_size(value);
}

static bool is_row(const json_t *value)
{
	size_t i;
	json_t *item;

	json_array_foreach(value, i, item) if (is_nested(item)) return false;
	return json_is_array(value);
}

static void append_row(GString *out, const json_t *list)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
	{
		g_string_append(out, i ? ", " : "");
		append_scalar(out, item);
	}
}

static void append_value(GString *out, const json_t *value, unsigned int depth);

/* Keys in a column, nested ones below, further to the right. */
static void append_object(GString *out, json_t *object, unsigned int depth, bool in_line)
{
	const char *key;
	json_t *value;
	size_t width = 0;

	json_object_foreach(object, key, value) if (!is_nested(value) || is_row(value)) width =
		MAX(width, strlen(key));
	json_object_foreach(object, key, value)
	{
		g_autofree char *name = iol_control_printable(key);

		g_strdelimit(name, "\n\t", '?');
		g_string_append_printf(out, "%*s%s:", in_line ? 0 : (int)depth * 2, "", name);
		in_line = false;
		if (!is_nested(value) || is_row(value))
			g_string_append_printf(out, "%*s ", (int)(width - MIN(width, strlen(name))),
					       "");
		append_value(out, value, depth + 1);
	}
}

static void append_list(GString *out, const json_t *list, unsigned int depth)
{
	size_t i;
	json_t *item;

	g_string_append_c(out, '\n');
	json_array_foreach(list, i, item)
	{
		g_string_append_printf(out, "%*s- ", (int)(depth - 1) * 2, "");
		if (json_is_object(item) && json_object_size(item))
			append_object(out, item, depth, true);
		else
			append_value(out, item, depth + 1);
	}
}

/* Behind "key:", to the end of a line. */
static void append_value(GString *out, const json_t *value, unsigned int depth)
{
	if (!is_nested(value) && (json_is_object(value) || json_is_array(value))) {
		g_string_append(out, "none\n");
	} else if (is_row(value) || !is_nested(value) || depth > DEPTH_MAX) {
		if (json_is_array(value) && depth <= DEPTH_MAX)
			append_row(out, value);
		else
			append_scalar(out, value);
		g_string_append_c(out, '\n');
	} else if (json_is_array(value)) {
		append_list(out, value, depth);
	} else {
		g_string_append_c(out, '\n');
		append_object(out, (json_t *)value, depth, false);
	}
}

static void print(json_t *info, bool json)
{
	g_autoptr(GString) out = g_string_new(NULL);
	char *text;

	if (!json) {
		append_object(out, info, 0, false);
		fputs(out->str, stdout);
		return;
	}
	text = json_dumps(info, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	puts(text ? text : "{}");
	free(text);
}

static int info(const char *name, bool json)
{
	struct iol_client *client;
	struct iol_error err = { 0 };
	json_t *answer = NULL;
	int status = iol_control_verb_connect("info", name, &client);

	if (status)
		return status;
	if (gather(client, &answer, &err))
		status = iol_control_verb_fail("info", name, &err);
	else
		print(answer, json);
	json_decref(answer);
	iol_client_close(client);
	return status;
}

int iol_cmd_info(int argc, char **argv)
{
	gboolean json = FALSE;
	const GOptionEntry entries[] = {
		{ "json", 0, 0, G_OPTION_ARG_NONE, &json,
		  "Print one object; sizes in bytes, times in seconds", NULL },
		G_OPTION_ENTRY_NULL,
	};
	const struct iol_control_verb verb = { .name = "info",
					       .arguments = "NAME",
					       .does = "show what a running machine is made of",
					       .entries = entries,
					       .more = more,
					       .args_min = 1,
					       .args_max = 1 };
	char **args;
	int status = iol_control_verb_parse(&verb, argc, argv, &args);

	if (!status)
		status = info(args[0], json);
	g_strfreev(args);
	return status == IOL_CONTROL_VERB_HELP ? IOL_EXIT_OK : status;
}
