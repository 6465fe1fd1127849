/* SPDX-License-Identifier: Apache-2.0 */
/* The second reading of texts that fuzz_config and its models of options share. */
#ifndef CONFIG_TEXT_H
#define CONFIG_TEXT_H

#include <errno.h>
#include <glib.h>
#include <stdint.h>
#include <string.h>

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What @text says as digits and a suffix: 0, -EINVAL or -ERANGE. */
static inline int read_number(const char *text, const char *suffixes, uint64_t *value)
{
	const char *at = text, *suffix;
	uint64_t number = 0;
	bool beyond = false; /* 64 bits, and number means nothing */

	for (; is_digit(*at); at++)
		beyond = beyond || __builtin_mul_overflow(number, 10, &number) ||
			 __builtin_add_overflow(number, (unsigned int)(*at - '0'), &number);
	if (at == text)
		return -EINVAL;
	if (*at) {
		suffix = strchr(suffixes, *at);
		if (!suffix || at[1])
			return beyond ? -ERANGE : -EINVAL;
		/* K k M m G g T t */
		for (long i = 0; i <= (suffix - suffixes) / 2; i++)
			beyond = beyond || __builtin_mul_overflow(number, 1024, &number);
	}
	if (beyond)
		return -ERANGE;
	*value = number;
	return 0;
}

static inline bool matches(const char *regex, const char *text)
{
	return g_regex_match_simple(regex, text,
				    G_REGEX_RAW | G_REGEX_DOLLAR_ENDONLY | G_REGEX_DOTALL, 0);
}

#endif
