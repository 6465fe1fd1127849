// SPDX-License-Identifier: Apache-2.0
/* Reads what packets are made of. See text.h. */
#include "text.h"

#include <limits.h>
#include <string.h>

int iol_gdb_hex_digit(uint8_t character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	if (character >= 'a' && character <= 'f')
		return character - 'a' + 10;
	if (character >= 'A' && character <= 'F')
		return character - 'A' + 10;
	return -1;
}

bool iol_gdb_cursor_char(struct gdb_cursor *cursor, char character)
{
	if (cursor->at == cursor->end || *cursor->at != (uint8_t)character)
		return false;
	cursor->at++;
	return true;
}

bool iol_gdb_cursor_word(struct gdb_cursor *cursor, const char *word)
{
	size_t bytes = strlen(word);

	if (iol_gdb_cursor_left(cursor) < bytes || memcmp(cursor->at, word, bytes) != 0)
		return false;
	cursor->at += bytes;
	return true;
}

bool iol_gdb_cursor_number(struct gdb_cursor *cursor, uint64_t *number)
{
	uint8_t *at = cursor->at;
	uint64_t value = 0;
	int digit;

	for (; at < cursor->end && (digit = iol_gdb_hex_digit(*at)) >= 0; at++) {
		if (value >> 60)
			return false;
		value = value << 4 | (unsigned int)digit;
	}
	if (at == cursor->at)
		return false;
	cursor->at = at;
	*number = value;
	return true;
}

bool iol_gdb_cursor_pair(struct gdb_cursor *cursor, uint64_t *first, uint64_t *second)
{
	struct gdb_cursor c = *cursor;

	if (!iol_gdb_cursor_number(&c, first) || !iol_gdb_cursor_char(&c, ',') ||
	    !iol_gdb_cursor_number(&c, second))
		return false;
	*cursor = c;
	return true;
}

bool iol_gdb_cursor_unhex(struct gdb_cursor *cursor)
{
	uint8_t *out = cursor->at;

	if (iol_gdb_cursor_left(cursor) % 2)
		return false;
	for (const uint8_t *in = cursor->at; in < cursor->end; in += 2) {
		int high = iol_gdb_hex_digit(in[0]), low = iol_gdb_hex_digit(in[1]);

		if (high < 0 || low < 0)
			return false;
		*out++ = (uint8_t)(high << 4 | low);
	}
	cursor->end = out;
	return true;
}

bool iol_gdb_cursor_thread(struct gdb_cursor *cursor, int *thread)
{
	uint64_t number;

	if (iol_gdb_cursor_word(cursor, "-1")) {
		*thread = GDB_THREAD_ALL;
		return true;
	}
	if (!iol_gdb_cursor_number(cursor, &number) || number > INT_MAX)
		return false;
	*thread = number ? (int)number - 1 : GDB_THREAD_ANY;
	return true;
}
