// SPDX-License-Identifier: Apache-2.0
/*
 * Where debuggers connect: tcp:[HOST:]PORT[,expose] or unix:PATH, read as a serial line that listens, with what makes no
 * sense for a debugger refused. See include/iolite/config.h. Before any thread; the text is the user's.
 */
#include "keys.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#define FORMS "give tcp:PORT, tcp:HOST:PORT or unix:PATH"

static bool is_digits(const char *text)
{
	return *text && strspn(text, G_CSET_DIGITS) == strlen(text);
}

/* What a serial line may be at besides tcp and unix; nobody can connect there. */
static bool is_other_kind(const char *kind)
{
	static const char *const others[] = { "stdio", "null", "pty", "file", "mux" };

	return iol_key_choose(others, IOL_ARRAY_LEN(others), kind) >= 0;
}

/* @head is of no kind: what other programs take, or what only lacks it, gets the way to write it. */
static int refuse_head(const char *head, struct iol_error *err)
{
	const char *port = strrchr(head, ':');
	bool host = strchr(":[" G_CSET_DIGITS, *head) || g_str_has_prefix(head, "localhost:");

	if (is_digits(head) || (host && port && is_digits(port + 1)))
		return iol_error_set(err, -EINVAL, "'%.64s' has no kind: write it as tcp:%.64s",
				     head, *head == ':' ? head + 1 : head);
	if (strchr(head, '/'))
		return iol_error_set(err, -EINVAL, "'%.64s' has no kind: write it as unix:%.64s",
				     head, head);
	return iol_key_refuse(err, head, "is nowhere for a debugger to connect", FORMS);
}

static int check_head(const char *head, struct iol_error *err)
{
	const char *colon = strchr(head, ':');
	g_autofree char *kind = colon ? g_strndup(head, (gsize)(colon - head)) : g_strdup(head);

	if (!strcmp(kind, "unix"))
		return 0;
	if (!strcmp(kind, "tcp")) {
		if (colon && (strchr(colon + 1, ':') || is_digits(colon + 1)))
			return 0;
		return iol_error_set(err, -EINVAL,
				     "'%.64s' lacks a port: write it as tcp:PORT or tcp:HOST:PORT, "
				     "such as tcp:1234",
				     head);
	}
	if (is_other_kind(kind))
		return iol_key_refuse(err, head, "is nowhere for a debugger to connect", FORMS);
	return refuse_head(head, err);
}

/* @rest: the keys, of which there is one. */
static int check_keys(const char *rest, struct iol_error *err)
{
	static const struct iol_key keys[] = { { .name = "expose" }, { .name = NULL } };

	while (rest) {
		g_autofree char *item = iol_keys_next(&rest);
		g_autofree char *name = g_strndup(item, strcspn(item, "="));
		const struct iol_key *key = iol_key_find(iol_char_keys, name);

		if (!*item || iol_key_find(keys, name))
			continue; /* the parser of lines has the rest to say */
		if (key && !key->head)
			return iol_error_set(err, -EINVAL,
					     "'%.64s': '%s' is for serial lines, not for "
					     "debuggers: leave it out",
					     item, name);
		iol_key_refuse_unknown(keys, true, name, "; a comma in a path is written twice",
				       err);
		return iol_error_prefix(err, "'%.64s'", item);
	}
	return 0;
}

static int check_line(const struct iol_char_config *line, struct iol_error *err)
{
	if (!line->expose && iol_char_config_is_exposed(line))
		return iol_error_set(err, -EINVAL,
				     "other machines could reach %s, and whoever connects has the "
				     "whole guest: listen at 127.0.0.1 or ::1, or give expose if "
				     "that is meant",
				     line->host);
	return iol_char_config_check(line, err);
}

/* tcp:PORT is tcp::PORT, for there is no host that it could be. To be freed. */
static char *with_host(const char *text)
{
	static const char tcp[] = "tcp:";
	const char *port = text + strlen(tcp);
	size_t digits;

	if (!g_str_has_prefix(text, tcp))
		return g_strdup(text);
	digits = strspn(port, G_CSET_DIGITS);
	if (!digits || (port[digits] && port[digits] != ','))
		return g_strdup(text);
	return g_strconcat(tcp, ":", port, NULL);
}

/* A socket's path, which a file names relative to its folder. */
static int put_in_folder(struct iol_char_config *line, const char *folder, struct iol_error *err)
{
	char *path;

	if (!folder || line->kind != IOL_CHAR_UNIX || g_path_is_absolute(line->path))
		return 0;
	path = g_build_filename(folder, line->path, NULL);
	g_free(line->path);
	line->path = path;
	return iol_char_config_check(line, err);
}

int iol_config_set_gdb_in(struct iol_config *config, const char *text, const char *folder,
			  struct iol_error *err)
{
	g_autofree char *whole = with_host(text);
	const char *rest = text;
	g_autofree char *head = iol_keys_next(&rest);
	struct iol_char_config line;
	int ret = check_head(head, err);

	if (!ret)
		ret = check_keys(rest, err);
	if (ret)
		return ret;
	ret = iol_char_config_parse_as(&line, whole, check_line, err);
	if (ret)
		return ret;
	ret = put_in_folder(&line, folder, err);
	if (ret) {
		iol_char_config_finish(&line);
		return ret;
	}
	if (config->has_gdb)
		iol_char_config_finish(&config->gdb);
	config->gdb = line;
	config->has_gdb = true;
	return 0;
}

int iol_config_set_gdb(struct iol_config *config, const char *text, struct iol_error *err)
{
	return iol_config_set_gdb_in(config, text, NULL, err);
}

char *iol_config_get_gdb(const struct iol_config *config)
{
	const struct iol_char_config *line = &config->gdb;
	const char *host = line->host ? line->host : "127.0.0.1";
	bool v6 = strchr(host, ':');
	g_autofree char *path = NULL;
	GString *text;

	if (!config->has_gdb)
		return NULL;
	if (line->kind == IOL_CHAR_TCP)
		return g_strdup_printf("tcp:%s%s%s:%u%s", v6 ? "[" : "", host, v6 ? "]" : "",
				       line->port, line->expose ? ",expose" : "");
	path = iol_path_full(line->path);
	text = g_string_new(path);
	g_string_replace(text, ",", ",,", 0);
	g_string_prepend(text, "unix:");
	return g_string_free(text, FALSE);
}

int iol_config_set_gdb_wait(struct iol_config *config, const char *text, struct iol_error *err)
{
	return iol_key_set_bool(&config->gdb_wait, text, text, err);
}

int iol_config_check_gdb(const struct iol_config *config, struct iol_error *err)
{
	if (config->gdb_wait && !config->has_gdb)
		return iol_error_set(
			err, -EINVAL,
			"the machine is to wait for a debugger, and none can connect: "
			"say where with --gdb, such as --gdb tcp:1234, or in a file as "
			"\"gdb\": {\"listen\": \"tcp:1234\"}, or leave the wait out");
	return config->has_gdb ? iol_char_config_check_beside(config, &config->gdb, err) : 0;
}
