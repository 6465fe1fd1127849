/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a machine's monitor commands, from its own `help`: to complete what a person types. */
#ifndef IOL_CLI_CONTROL_WORDS_H
#define IOL_CLI_CONTROL_WORDS_H

#include <glib.h>

/*
 * The usages that @help lists: "info registers [all]   text" is one, a line each, ended by two blanks. Words in capitals or in <> stand for
 * what the user puts there; "a|b" for one of them. Each is a char **; to be freed with g_ptr_array_unref().
 */
GPtrArray *iol_words_new(const char *help);

/* What the last word of @before, a line up to the cursor, may become; sorted, to be freed with g_strfreev(). */
char **iol_words_complete(const GPtrArray *usages, const char *before);

#endif
