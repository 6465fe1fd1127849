/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs that speak to running machines have in common: options, help, and the way to the machine. */
#ifndef IOL_CLI_CONTROL_VERB_H
#define IOL_CLI_CONTROL_VERB_H

#include <glib.h>

#include "control_client.h"

struct iol_control_verb {
	const char *name;
	const char *arguments; /* "NAME" */
	const char *does; /* "stop a machine" */
	const GOptionEntry *entries; /* its own, ended by G_OPTION_ENTRY_NULL; may be NULL */
	const char *more; /* help: what else there is to say, and examples */
	unsigned int args_min, args_max; /* how many arguments behind the options */
	bool options_anywhere; /* also behind the first of several arguments, which are no words of a command */
};

/* iol_control_verb_parse: help was asked for and given. */
enum { IOL_CONTROL_VERB_HELP = -1 };

/*
 * "[OPTION...] ARGUMENT...". 0, with the arguments in @args, to be freed with g_strfreev(); IOL_EXIT_USAGE after the mistake was
 * told; IOL_CONTROL_VERB_HELP.
 */
int iol_control_verb_parse(const struct iol_control_verb *verb, int argc, char **argv,
			   char ***args);

/* Connects to the machine @name. 0, or an exit status after it was told why not. */
int iol_control_verb_connect(const char *verb, const char *name, struct iol_client **client);

/* "iolite: VERB: NAME: text", as iol_cli_fail() does. */
int iol_control_verb_fail(const char *verb, const char *name, const struct iol_error *err);

/* Text of a machine's on standard output: lines stay, other control characters become '?'. */
void iol_control_print(const char *text);
char *iol_control_printable(const char *text); /* the same, to be freed with g_free() */

#endif
