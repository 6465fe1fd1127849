/* SPDX-License-Identifier: Apache-2.0 */
/* What packets are made of: words, separators, hexadecimal numbers and bytes. Pure. */
#ifndef IOLITE_GDB_TEXT_H
#define IOLITE_GDB_TEXT_H

#include <iolite/gdb_target.h>

/* The value of a digit; negative: it is none. */
int iol_gdb_hex_digit(uint8_t character);

/* The rest of a packet. */
struct gdb_cursor {
	uint8_t *at, *end;
};

static inline size_t iol_gdb_cursor_left(const struct gdb_cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

/* These go on behind what they find, and stay where they are otherwise. */
bool iol_gdb_cursor_char(struct gdb_cursor *cursor, char character);
bool iol_gdb_cursor_word(struct gdb_cursor *cursor, const char *word);
/* A number of at least a digit; false also for one of more than 64 bits. */
bool iol_gdb_cursor_number(struct gdb_cursor *cursor, uint64_t *number);
/* Two numbers and a ',' between them. */
bool iol_gdb_cursor_pair(struct gdb_cursor *cursor, uint64_t *first, uint64_t *second);
/*
 * Bytes in hexadecimal up to the end, in the place of their digits: @cursor is what they are
 * then. False: that is not what is there, and the packet is of no use any more.
 */
bool iol_gdb_cursor_unhex(struct gdb_cursor *cursor);

/* A thread as packets name it ("thread-id"), a number behind the idx. */
enum { GDB_THREAD_ANY = -1, GDB_THREAD_ALL = -2 };
/* The idx of a thread, or one of the above. Whether there is such a thread is not known here. */
bool iol_gdb_cursor_thread(struct gdb_cursor *cursor, int *thread);

#endif
