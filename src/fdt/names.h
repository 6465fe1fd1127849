/* SPDX-License-Identifier: Apache-2.0 */
/* Names in device trees: which characters and lengths they may have. */
#ifndef IOL_FDT_NAMES_H
#define IOL_FDT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum {
	/* Of a property, and of a node before its '@' (DTSpec-0.4 2.2.1, 2.2.4.1). */
	NAME_CHARS_MAX = 31,
	/* Of either in trees of others, which do not always keep to that; with the unit address. */
	NAME_BYTES_MAX = 255,
};

#define LETTERS_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* DTSpec-0.4 2.2.1, table 2.1. */
static const char node_name_chars[] = LETTERS_DIGITS ",._+-";

/* DTSpec-0.4 2.2.4.1, table 2.2. */
static const char prop_name_chars[] = LETTERS_DIGITS ",._+?#-";

/* Of a label in DTS source, which is what /__symbols__ has as properties. */
static const char label_chars[] = LETTERS_DIGITS "_";

#undef LETTERS_DIGITS

static inline bool only_has(const char *text, size_t len, const char *chars)
{
	return strspn(text, chars) >= len;
}

static inline bool is_prop_name(const char *name)
{
	size_t len = strlen(name);

	return len >= 1 && len <= NAME_CHARS_MAX && only_has(name, len, prop_name_chars);
}

/* "name" or "name@unit-address". */
static inline bool is_node_name(const char *name)
{
	size_t len = strcspn(name, "@");
	const char *unit = name + len;

	if (len < 1 || len > NAME_CHARS_MAX || !only_has(name, len, node_name_chars))
		return false;
	return !*unit || (unit[1] && only_has(unit + 1, strlen(unit + 1), node_name_chars));
}

static inline bool is_label(const char *name)
{
	size_t len = strlen(name);

	return len >= 1 && len <= NAME_CHARS_MAX && only_has(name, len, label_chars) &&
	       !(name[0] >= '0' && name[0] <= '9');
}

#endif
