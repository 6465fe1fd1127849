// SPDX-License-Identifier: Apache-2.0
/*
 * Documents that a client reads in pieces, "qXfer:OBJECT:read:ANNEX:OFFSET,LENGTH" (GDB manual,
 * "Target Description Format", "Memory Map Format", "Thread List Format"). Each is written anew for
 * each piece, and only the piece is kept.
 */
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct piece {
	struct gdb_reply *reply;
	uint64_t skip, left; /* bytes before the piece and in it that are still to come */
	bool more; /* there is something behind the piece */
};

static void put(struct piece *piece, const char *text, size_t bytes)
{
	size_t skipped = MIN(piece->skip, bytes);

	piece->skip -= skipped;
	for (size_t i = skipped; i < bytes && !piece->more; i++) {
		if (piece->left && iol_gdb_reply_binary(piece->reply, (uint8_t)text[i]))
			piece->left--;
		else
			piece->more = true;
	}
}

static void put_text(struct piece *piece, const char *text)
{
	put(piece, text, strlen(text));
}

/* Within quotes or between tags; what no document may have becomes '?'. */
static void put_escaped(struct piece *piece, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			put_text(piece, "&lt;");
			break;
		case '>':
			put_text(piece, "&gt;");
			break;
		case '&':
			put_text(piece, "&amp;");
			break;
		case '"':
			put_text(piece, "&quot;");
			break;
		default:
			put(piece, *text >= 0x20 && *text < 0x7f ? text : "?", 1);
		}
	}
}

iol_printf(2, 3) static void put_format(struct piece *piece, const char *format, ...)
{
	char text[128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put_text(piece, text);
}

static void put_attribute(struct piece *piece, const char *name, const char *value)
{
	if (!value)
		return;
	put_format(piece, " %s=\"", name);
	put_escaped(piece, value);
	put_text(piece, "\"");
}

static void put_feature(struct piece *piece, const struct iol_gdb_feature *feature,
			unsigned int first)
{
	put_text(piece, "<feature");
	put_attribute(piece, "name", feature->name);
	put_text(piece, ">\n");
	if (feature->types)
		put_text(piece, feature->types);
	for (unsigned int r = 0; r < feature->count; r++) {
		const struct iol_gdb_register *reg = &feature->registers[r];

		put_text(piece, "<reg");
		put_attribute(piece, "name", reg->name);
		put_format(piece, " bitsize=\"%u\" regnum=\"%u\"", reg->bits, first + r);
		put_attribute(piece, "type", reg->type);
		put_attribute(piece, "group", reg->group);
		put_text(piece, "/>\n");
	}
	put_text(piece, "</feature>\n");
}

static void put_target(struct iol_gdb_session *s, struct piece *piece)
{
	const struct iol_gdb_description *d = s->description;
	unsigned int first = 0;

	put_text(piece, "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
			"<target version=\"1.0\">\n<architecture>");
	put_escaped(piece, d->architecture);
	put_text(piece, "</architecture>\n");
	for (unsigned int f = 0; f < d->feature_count; f++) {
		put_feature(piece, d->features[f], first);
		first += d->features[f]->count;
	}
	put_text(piece, "</target>\n");
}

static void put_memory_map(struct iol_gdb_session *s, struct piece *piece)
{
	struct iol_gdb_range range;

	put_text(
		piece,
		"<?xml version=\"1.0\"?>\n<!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map "
		"V1.0//EN\" \"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n<memory-map>\n");
	for (unsigned int n = 0; !piece->more && s->target->ops->memory_range(s->target, n, &range);
	     n++)
		put_format(piece,
			   "<memory type=\"ram\" start=\"0x%" PRIx64 "\" length=\"0x%" PRIx64
			   "\"/>\n",
			   range.start, range.bytes);
	put_text(piece, "</memory-map>\n");
}

static void put_threads(struct iol_gdb_session *s, struct piece *piece)
{
	put_text(piece, "<?xml version=\"1.0\"?>\n<threads>\n");
	for (unsigned int i = 0; i < s->thread_count; i++) {
		char text[IOL_GDB_THREAD_INFO_BYTES] = "";

		s->target->ops->thread_info(s->target, i, text);
		text[sizeof(text) - 1] = '\0';
		put_format(piece, "<thread id=\"%x\" core=\"%u\" name=\"CPU#%u\">", i + 1, i, i);
		put_escaped(piece, text);
		put_text(piece, "</thread>\n");
	}
	put_text(piece, "</threads>\n");
}

/* annex ":" offset "," length */
static int transfer(struct iol_gdb_session *s, struct gdb_cursor *args, const char *annex,
		    void (*write)(struct iol_gdb_session *s, struct piece *piece))
{
	struct piece piece = { .reply = &s->reply };

	/* E00 is what the manual has for another annex. */
	if (!iol_gdb_cursor_word(args, annex) || !iol_gdb_cursor_char(args, ':')) {
		iol_gdb_reply_text(&s->reply, "E00");
		return GDB_ANSWERED;
	}
	if (!iol_gdb_cursor_pair(args, &piece.skip, &piece.left) || iol_gdb_cursor_left(args) ||
	    !piece.left)
		return -EINVAL;
	iol_gdb_reply_text(&s->reply, "m");
	write(s, &piece);
	/* Behind the end. */
	if (piece.skip)
		return -EINVAL;
	if (!piece.more)
		s->reply.frame[1] = 'l';
	return GDB_ANSWERED;
}

int iol_gdb_do_features(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	return transfer(s, args, "target.xml", put_target);
}

int iol_gdb_do_memory_map(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	return transfer(s, args, "", put_memory_map);
}

int iol_gdb_do_threads_xml(struct iol_gdb_session *s, struct gdb_cursor *args)
{
	return transfer(s, args, "", put_threads);
}
