// SPDX-License-Identifier: Apache-2.0
/* What the verbs that speak to running machines have in common. See control_verb.h. */
#include "control_verb.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>

#include "cli.h"
#include "control_find.h"

/* To the end of the verb's own name: those behind the first argument may be words of a command. */
static gboolean parse(const struct iol_control_verb *verb, int *argc, char ***argv, char ***rest,
		      gboolean *help, GError **error)
{
	const GOptionEntry entries[] = {
		{ "help", 'h', 0, G_OPTION_ARG_NONE, help, "Show this help", NULL },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, rest, NULL,
		  verb->arguments },
		G_OPTION_ENTRY_NULL,
	};
	g_autofree char *does = g_strdup_printf("- %s", verb->does);
	g_autoptr(GOptionContext) context = g_option_context_new(does);
	GOptionGroup *group = g_option_group_new("main", "", "", NULL, NULL);

	if (verb->entries)
		g_option_group_add_entries(group, verb->entries);
	g_option_group_add_entries(group, entries);
	g_option_context_set_main_group(context, group);
	g_option_context_set_help_enabled(context, FALSE);
	g_option_context_set_strict_posix(context, verb->args_max > 1 && !verb->options_anywhere);
	if (!g_option_context_parse(context, argc, argv, error))
		return FALSE;
	if (*help) {
		g_autofree char *text = NULL;

		setlocale(LC_ALL, "");
		text = g_option_context_get_help(context, TRUE, NULL);
		printf("%s%s", text, verb->more);
	}
	return TRUE;
}

static int check_count(const struct iol_control_verb *verb, char *const *args)
{
	unsigned int count = args ? g_strv_length((char **)args) : 0;

	if (count < verb->args_min)
		return iol_cli_fail(verb->name, IOL_EXIT_USAGE,
				    "which machine? `iolite list` shows those that run");
	if (count > verb->args_max)
		return iol_cli_fail(verb->name, IOL_EXIT_USAGE, "unexpected argument '%.64s'",
				    args[verb->args_max]);
	return 0;
}

int iol_control_verb_parse(const struct iol_control_verb *verb, int argc, char **argv, char ***args)
{
	g_autofree char *program = g_strdup_printf("iolite %s", verb->name);
	g_autoptr(GError) error = NULL;
	gboolean help = FALSE;
	int status;

	*args = NULL;
	g_set_prgname(program);
	if (!parse(verb, &argc, &argv, args, &help, &error))
		status = iol_cli_fail(verb->name, IOL_EXIT_USAGE,
				      "%s; `iolite help %s` lists the options", error->message,
				      verb->name);
	else
		status = help ? IOL_CONTROL_VERB_HELP : check_count(verb, *args);
	if (!*args)
		*args = g_new0(char *, 1);
	return status;
}

int iol_control_verb_fail(const char *verb, const char *name, const struct iol_error *err)
{
	if (err->code == -ECONNREFUSED)
		return iol_cli_fail(verb, IOL_EXIT_HOST,
				    "the machine '%.108s' is gone without a goodbye: %s; `iolite "
				    "list` removes what is left",
				    name, err->msg);
	if (err->code == -EACCES || err->code == -EPERM)
		return iol_cli_fail(verb, IOL_EXIT_HOST,
				    "'%.108s' is another user's: %s; become that user, or root",
				    name, err->msg);
	if (err->code == -ENOENT)
		return iol_cli_fail(verb, IOL_EXIT_HOST,
				    "%s; with a slash it is the path of a control socket, else a "
				    "machine's name: `iolite list` shows those that run",
				    err->msg);
	return iol_cli_fail(verb, IOL_EXIT_HOST, "%.108s: %s", name, err->msg);
}

int iol_control_verb_connect(const char *verb, const char *name, struct iol_client **client)
{
	g_autofree char *path = NULL;
	struct iol_error err = { 0 };
	int ret = iol_find_machine(name, &path, &err);

	*client = NULL;
	if (ret)
		return iol_cli_fail(verb, ret == -EINVAL ? IOL_EXIT_USAGE : IOL_EXIT_HOST, "%s",
				    err.msg);
	if (iol_client_open(path, IOL_CLIENT_LIMIT_MS, client, &err))
		return iol_control_verb_fail(verb, name, &err);
	return 0;
}

char *iol_control_printable(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *out = g_string_new(NULL);

	for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		/* C1, too: some terminals take U+009B for an escape sequence's start. */
		if (g_unichar_iscntrl(c) && c != '\n' && c != '\t')
			c = '?';
		g_string_append_unichar(out, c);
	}
	return g_string_free(out, FALSE);
}

void iol_control_print(const char *text)
{
	g_autofree char *printable = iol_control_printable(text);

	fputs(printable, stdout);
}
