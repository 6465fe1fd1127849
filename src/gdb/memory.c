// SPDX-License-Identifier: Apache-2.0
/* Memory: read and written by virtual address, by the page tables of the selected thread. */
#include "session.h"

#include <errno.h>

/* @bytes of those from @address on, but none behind the last address. */
static size_t up_to_end(uint64_t address, uint64_t bytes)
{
	return (size_t)(address && bytes > -address ? -address : bytes);
}

/* How many bytes were read to @place, at least 1; or -errno. */
static long read_memory(struct iol_gdb_session *s, uint64_t address, uint8_t *place, size_t bytes)
{
	long got = s->target->ops->read_memory(s->target, s->thread, address, place, bytes);

	if (!got)
		return -EFAULT;
	return got > 0 ? (long)MIN((size_t)got, bytes) : got;
}

/* Fewer bytes than were asked for is an answer; none are behind the last address. */
static bool read_range(struct iol_gdb_session *s, struct gdb_cursor *args, uint64_t *address,
		       size_t *bytes)
{
	uint64_t length;

	if (!iol_gdb_cursor_pair(args, address, &length) || iol_gdb_cursor_left(args))
		return false;
	*bytes = up_to_end(*address, MIN(length, iol_gdb_reply_room(&s->reply)));
	return true;
}

/* "m" address "," length */
int iol_gdb_do_read_memory(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	uint64_t address;
	size_t bytes;
	long got;

	if (!read_range(s, args, &address, &bytes) || !bytes)
		return -EINVAL;
	got = read_memory(s, address, iol_gdb_reply_hex_place(&s->reply, bytes), bytes);
	if (got < 0)
		return (int)got;
	iol_gdb_reply_hex_put(&s->reply, bytes, (size_t)got);
	return GDB_ANSWERED;
}

/* "x" address "," length: as "m", but the answer is "b" and the bytes as they are. */
int iol_gdb_do_read_binary(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	uint64_t address;
	uint8_t *place;
	size_t bytes;
	long got;

	iol_gdb_reply_text(&s->reply, "b");
	if (!read_range(s, args, &address, &bytes))
		return -EINVAL;
	/* Nothing to be read is how a client asks whether there is "x". */
	if (!bytes)
		return GDB_ANSWERED;
	/* Each byte becomes one or two, so this place does for it as it does for digits. */
	place = iol_gdb_reply_hex_place(&s->reply, bytes);
	got = read_memory(s, address, place, bytes);
	if (got < 0)
		return (int)got;
	for (long i = 0; i < got; i++)
		iol_gdb_reply_binary(&s->reply, place[i]);
	return GDB_ANSWERED;
}

static int write_memory(struct iol_gdb_session *s, uint64_t address, uint64_t length,
			const struct gdb_cursor *data)
{
	size_t bytes = iol_gdb_cursor_left(data);
	int ret;

	if (length != bytes)
		return -EINVAL;
	if (up_to_end(address, bytes) < bytes)
		return -EFAULT;
	/* Nothing to be written is how a client asks whether there is "X". */
	if (!bytes)
		return iol_gdb_session_ok(s);
	ret = s->target->ops->write_memory(s->target, s->thread, address, data->at, bytes);
	return ret < 0 ? ret : iol_gdb_session_ok(s);
}

/* "M" address "," length ":" bytes in hexadecimal */
int iol_gdb_do_write_memory(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	uint64_t address, length;

	if (!iol_gdb_cursor_pair(args, &address, &length) || !iol_gdb_cursor_char(args, ':') ||
	    !iol_gdb_cursor_unhex(args))
		return -EINVAL;
	return write_memory(s, address, length, args);
}

/* "X" address "," length ":" bytes */
int iol_gdb_do_write_binary(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	uint64_t address, length;

	if (!iol_gdb_cursor_pair(args, &address, &length) || !iol_gdb_cursor_char(args, ':'))
		return -EINVAL;
	return write_memory(s, address, length, args);
}
