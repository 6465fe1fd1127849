// SPDX-License-Identifier: Apache-2.0
/* Sizes as text. See include/iolite/size.h. */
#include <iolite/size.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char suffixes[] = "KMGT";

int iol_size_parse(const char *text, uint64_t *bytes, struct iol_error *err)
{
	const char *suffix;
	unsigned int shift = 0;
	uint64_t value;
	char *end;

	/* strtoull would take spaces and signs. */
	if (!isdigit((unsigned char)text[0]))
		goto malformed;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno == ERANGE)
		goto too_large;
	if (*end) {
		suffix = strchr(suffixes, toupper((unsigned char)*end));
		if (!suffix || end[1])
			goto malformed;
		shift = 10 * (unsigned int)(suffix - suffixes + 1);
	}
	if (value > UINT64_MAX >> shift)
		goto too_large;
	*bytes = value << shift;
	return 0;

malformed:
	return iol_error_set(
		err, -EINVAL,
		"'%.64s' is not a size: give a whole number and K, M, G or T, such as 512M", text);
too_large:
	return iol_error_set(err, -ERANGE, "'%.64s' is too large: a size is less than 2^64 bytes",
			     text);
}

char *iol_size_format(uint64_t bytes, char text[IOL_SIZE_TEXT_BYTES])
{
	unsigned int power = 0;

	while (bytes && !(bytes % 1024) && power < strlen(suffixes)) {
		bytes /= 1024;
		power++;
	}
	if (power)
		snprintf(text, IOL_SIZE_TEXT_BYTES, "%" PRIu64 "%c", bytes, suffixes[power - 1]);
	else
		snprintf(text, IOL_SIZE_TEXT_BYTES, "%" PRIu64, bytes);
	return text;
}
