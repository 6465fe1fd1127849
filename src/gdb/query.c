// SPDX-License-Identifier: Apache-2.0
/*
 * General queries (GDB manual, "General Query Packets"): what the stub can do, and which threads
 * there are.
 */
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Whether the word up to the next ';' is @word; goes on behind neither. */
static bool feature_is(const struct gdb_cursor *args, const char *word)
{
	struct gdb_cursor c = *args;

	return iol_gdb_cursor_word(&c, word) && (c.at == c.end || *c.at == ';');
}

/*
 * "qSupported" [":" feature {";" feature}]
 *
 * The memory map is not offered: to GDB all that is not in one does not exist, and it is by
 * physical address, where GDB reads by virtual ones. Who asks for it all the same gets it.
 */
int iol_gdb_do_supported(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	struct gdb_reply *reply = &s->reply;

	if (iol_gdb_cursor_left(args) && !iol_gdb_cursor_char(args, ':'))
		return -EINVAL;
	s->says_swbreak = false;
	s->says_hwbreak = false;
	while (iol_gdb_cursor_left(args)) {
		uint8_t *next = memchr(args->at, ';', iol_gdb_cursor_left(args));

		s->says_swbreak |= feature_is(args, "swbreak+");
		s->says_hwbreak |= feature_is(args, "hwbreak+");
		args->at = next ? next + 1 : args->end;
	}
	iol_gdb_reply_text(reply, "PacketSize=");
	iol_gdb_reply_number(reply, IOL_GDB_PACKET_BYTES);
	iol_gdb_reply_text(reply, ";QStartNoAckMode+;qXfer:features:read+;qXfer:threads:read+;"
				  "swbreak+;hwbreak+;vContSupported+;binary-upload+");
	return GDB_ANSWERED;
}

/* "QStartNoAckMode": that it is on is the last thing that the client acknowledges. */
int iol_gdb_do_no_ack(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	(void)args;
	iol_gdb_session_ok(s);
	iol_gdb_session_send(s);
	s->no_ack = true;
	return GDB_NO_REPLY;
}

/* "qC" */
int iol_gdb_do_current_thread(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	(void)args;
	iol_gdb_reply_text(&s->reply, "QC");
	iol_gdb_reply_number(&s->reply, (uint64_t)s->thread + 1);
	return GDB_ANSWERED;
}

/*
 * "qAttached": the machine was there before, so a client that quits lets go of it instead of
 * ending it.
 */
int iol_gdb_do_attached(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	(void)args;
	iol_gdb_reply_text(&s->reply, "1");
	return GDB_ANSWERED;
}

/* "qfThreadInfo": all of them fit one packet. */
int iol_gdb_do_threads(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	(void)args;
	for (unsigned int i = 0; i < s->thread_count; i++) {
		iol_gdb_reply_text(&s->reply, i ? "," : "m");
		iol_gdb_reply_number(&s->reply, (uint64_t)i + 1);
	}
	return GDB_ANSWERED;
}

/* "qsThreadInfo" */
int iol_gdb_do_more_threads(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	(void)args;
	iol_gdb_reply_text(&s->reply, "l");
	return GDB_ANSWERED;
}

/* "qThreadExtraInfo," thread-id */
int iol_gdb_do_thread_extra(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	char text[IOL_GDB_THREAD_INFO_BYTES] = "", line[IOL_GDB_THREAD_INFO_BYTES + 32];
	unsigned int thread;
	int named;

	if (!iol_gdb_cursor_thread(args, &named) || iol_gdb_cursor_left(args) || named < 0 ||
	    !iol_gdb_session_thread(s, named, &thread))
		return -EINVAL;
	s->target->ops->thread_info(s->target, thread, text);
	text[sizeof(text) - 1] = '\0';
	snprintf(line, sizeof(line), "CPU#%u%s%s", thread, *text ? " " : "", text);
	iol_gdb_reply_hex(&s->reply, (const uint8_t *)line, strlen(line));
	return GDB_ANSWERED;
}

/* "qSymbol:": there are none that the stub wants to know. */
int iol_gdb_do_symbols(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	(void)args;
	return iol_gdb_session_ok(s);
}
