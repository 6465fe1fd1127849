// SPDX-License-Identifier: Apache-2.0
/* See options.h. */
#include "options.h"

#include <stddef.h>

/* Behind @key at @at, NULL when another word is there. */
static const char *match(const char *at, const char *key)
{
	for (; *key; key++, at++)
		if (*at != *key)
			return NULL;
	return *at == '=' || *at == ' ' || !*at ? at : NULL;
}

const char *option(const char *key, unsigned int index)
{
	const char *at = user_orders(), *found = NULL;

	while (*at && !found) {
		found = match(at, key);
		while (*at && *at != ' ')
			at++;
		while (*at == ' ')
			at++;
	}
	if (!found || *found != '=')
		return index ? NULL : found;
	for (found++; index; index--) {
		while (*found && *found != ' ' && *found != ',')
			found++;
		if (*found++ != ',')
			return NULL;
	}
	return found;
}

bool option_is(const char *key, const char *value)
{
	const char *at = option(key, 0);

	if (!at)
		return false;
	while (*value && *at == *value) {
		at++;
		value++;
	}
	return !*value && (!*at || *at == ' ' || *at == ',');
}

uint64_t option_number(const char *key, unsigned int index, uint64_t otherwise)
{
	const char *at = option(key, index);
	unsigned int base = 10;
	uint64_t value = 0;

	if (!at)
		return otherwise;
	if (at[0] == '0' && at[1] == 'x') {
		base = 16;
		at += 2;
	}
	for (; *at && *at != ' ' && *at != ','; at++) {
		unsigned int digit =
			*at <= '9' ? (unsigned int)(*at - '0') : (unsigned int)(*at - 'a') + 10;

		value = value * base + digit;
	}
	return value;
}
