// SPDX-License-Identifier: Apache-2.0
/* The words of a machine's monitor commands. See control_words.h. */
#include "control_words.h"

#include <stdbool.h>
#include <string.h>

enum { USAGES_MAX = 1000, USAGE_BYTES_MAX = 200 };

static void free_words(void *words)
{
	g_strfreev(words);
}

/* Whether @word stands for something else. */
static bool is_placeholder(const char *word)
{
	bool small = false;

	if (*word == '<')
		return true;
	for (const char *at = word; *at; at++) {
		if (g_ascii_isupper(*at))
			return true;
		small |= g_ascii_islower(*at);
	}
	return !small;
}

/* @words without the empty ones between blanks. */
static char **compact(char **words)
{
	char **to = words;

	for (char **from = words; *from; from++)
		if (**from)
			*to++ = *from;
		else
			g_free(*from);
	*to = NULL;
	return words;
}

GPtrArray *iol_words_new(const char *help)
{
	GPtrArray *usages = g_ptr_array_new_with_free_func(free_words);
	g_auto(GStrv) lines = g_strsplit(help, "\n", USAGES_MAX);

	for (char **line = lines; *line; line++) {
		const char *end = strstr(*line, "  ");
		g_autofree char *usage =
			g_strndup(*line, end ? (gsize)(end - *line) : strlen(*line));

		/* What begins with blanks goes on with the line before. */
		if (!*usage || strlen(usage) > USAGE_BYTES_MAX || !g_ascii_isalpha(*usage))
			continue;
		g_strdelimit(usage, "[]", ' ');
		g_ptr_array_add(usages, compact(g_strsplit_set(usage, " \t", -1)));
	}
	return usages;
}

static bool matches(const char *word, const char *typed)
{
	g_auto(GStrv) choices = g_strsplit(word, "|", -1);

	return is_placeholder(word) || g_strv_contains((const char *const *)choices, typed);
}

static void add(GPtrArray *found, const char *word, const char *typed)
{
	g_auto(GStrv) choices = g_strsplit(word, "|", -1);

	for (char **choice = choices; *choice; choice++) {
		bool known = is_placeholder(*choice) || !g_str_has_prefix(*choice, typed);

		for (guint i = 0; !known && i < found->len; i++)
			known = !strcmp(found->pdata[i], *choice);
		if (!known)
			g_ptr_array_add(found, g_strdup(*choice));
	}
}

static gint by_text(gconstpointer a, gconstpointer b)
{
	const char *const *first = a, *const *second = b;

	return strcmp(*first, *second);
}

/* How many of the words that were @typed say nothing about what may follow: of "help info" the first one. */
static guint is_help(char *const *typed)
{
	return typed[0] && !strcmp(typed[0], "help");
}

char **iol_words_complete(const GPtrArray *usages, const char *before)
{
	const char *blank = strrchr(before, ' ');
	const char *last = blank ? blank + 1 : before;
	g_autofree char *start = g_strndup(before, (gsize)(last - before));
	g_auto(GStrv) words = compact(g_strsplit(start, " ", -1));
	char *const *typed = words + is_help(words);
	guint count = g_strv_length((char **)typed);
	GPtrArray *found = g_ptr_array_new();

	for (guint i = 0; i < usages->len; i++) {
		char *const *usage = usages->pdata[i];
		guint at = 0;
		bool fits = true;

		while (fits && at < count && usage[at]) {
			fits = matches(usage[at], typed[at]);
			at += fits;
		}
		if (fits && at == count && usage[at])
			add(found, usage[at], last);
	}
	g_ptr_array_sort(found, by_text);
	g_ptr_array_add(found, NULL);
	return (char **)g_ptr_array_free(found, FALSE);
}
