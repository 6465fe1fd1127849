// SPDX-License-Identifier: Apache-2.0
/*
 * Commands of a person ("monitor ...", qRcmd). Their text goes out in packets 'O' as there is
 * room; until the last of them has gone nothing is taken from the client, which waits for the
 * end.
 */
#include "session.h"

#include <errno.h>
#include <string.h>

enum {
	OUTPUT_BYTES_MAX = 1024 * 1024,
	CHUNK_BYTES = 8 * 1024, /* of text, in a packet */
	CHUNK_ROOM = 2 * CHUNK_BYTES + 64, /* for such a packet, and for the end */
};

void iol_gdb_monitor_drop(struct iol_gdb_session *s)
{
	if (s->output)
		g_string_free(s->output, TRUE);
	s->output = NULL;
	s->output_sent = 0;
}

void iol_gdb_monitor_pump(struct iol_gdb_session *s)
{
	while (s->output && s->link->room(s->link) >= CHUNK_ROOM) {
		size_t left = s->output->len - s->output_sent;
		size_t bytes = MIN(left, CHUNK_BYTES);

		iol_gdb_reply_begin(&s->reply);
		if (bytes) {
			iol_gdb_reply_text(&s->reply, "O");
			iol_gdb_reply_hex(&s->reply,
					  (const uint8_t *)s->output->str + s->output_sent, bytes);
			s->output_sent += bytes;
		} else {
			iol_gdb_monitor_drop(s);
			iol_gdb_session_ok(s);
		}
		iol_gdb_session_send(s);
	}
	if (s->over && !s->output)
		iol_gdb_session_leave(s);
}

/*
 * The answer is "OK" also for a command that failed: to an error GDB says "Protocol error", and
 * the person sees nothing else.
 */
static void finish_text(GString *text, int ret)
{
	if (text->len > OUTPUT_BYTES_MAX) {
		g_string_truncate(text, OUTPUT_BYTES_MAX);
		g_string_append(text, "\n(the rest, beyond 1 MiB, was left out)\n");
	}
	if (ret < 0 && !text->len)
		g_string_append_printf(text, "failed: %s\n", strerror(-ret));
}

/* "qRcmd," command in hexadecimal */
int iol_gdb_do_monitor(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	GString *text;
	int ret;

	if (!iol_gdb_cursor_unhex(args) || memchr(args->at, 0, iol_gdb_cursor_left(args)))
		return -EINVAL;
	/* Behind the last byte of a packet there is room for one more. */
	*args->end = '\0';
	text = g_string_new(NULL);
	s->in_monitor = true;
	ret = s->target->ops->monitor(s->target, (const char *)args->at, text);
	s->in_monitor = false;
	if (s->state == GDB_GONE) {
		g_string_free(text, TRUE);
		return GDB_NO_REPLY;
	}
	finish_text(text, ret);
	s->output = text;
	s->output_sent = 0;
	iol_gdb_monitor_pump(s);
	return GDB_NO_REPLY;
}
