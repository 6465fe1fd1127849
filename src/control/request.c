// SPDX-License-Identifier: Apache-2.0
/*
 * Finds the end of each JSON value that a client sends. See request.h.
 *
 * Brackets are counted and not matched with each other, and words are not looked at: what is wrong with a value is the
 * parser's to say, which gets it whole. What matters here is that the reader is at the beginning of a value again after
 * whatever came: RFC 8259 7 has no control characters in a text, so that one ends what is wrong before it; the byte 0xff,
 * which UTF-8 does not have, is how clients of QMP ask for that.
 */
#include "request.h"

enum {
	KEPT_BYTES = 4096, /* of the buffer, between requests */
	RESET = 0xff,
};

static const char too_long[] = "the request is longer than 256 KiB";
static const char too_deep[] = "the request has more than 32 objects and lists in each other";

G_STATIC_ASSERT(IOL_CONTROL_REQUEST_BYTES_MAX == 256 * 1024);
G_STATIC_ASSERT(IOL_CONTROL_DEPTH_MAX == 32);

void iol_control_request_init(struct iol_control_request *r)
{
	*r = (struct iol_control_request){ .text = g_string_new(NULL) };
}

void iol_control_request_finish(struct iol_control_request *r)
{
	g_string_free(g_steal_pointer(&r->text), TRUE);
}

static void begin_anew(struct iol_control_request *r)
{
	GString *text = r->text;
	const char *wrong = r->wrong;

	if (text->allocated_len > KEPT_BYTES) {
		g_string_free(text, TRUE);
		text = g_string_new(NULL);
	}
	g_string_truncate(text, 0);
	*r = (struct iol_control_request){ .text = text, .wrong = wrong };
}

/* No JSON at all: it begins anew with what looks like a value, or the next line. */
static enum iol_control_request_state lose(struct iol_control_request *r, unsigned char c,
					   const char *wrong)
{
	bool told = r->skipping;

	begin_anew(r);
	if (c != '\n')
		r->at = IOL_CONTROL_REQUEST_LOST;
	r->wrong = wrong;
	return told ? IOL_CONTROL_REQUEST_PART : IOL_CONTROL_REQUEST_BROKEN;
}

/* It is told at once, as its end may be far; the rest is passed over. */
static enum iol_control_request_state too_much(struct iol_control_request *r, const char *wrong)
{
	r->skipping = true;
	r->wrong = wrong;
	return IOL_CONTROL_REQUEST_BROKEN;
}

static enum iol_control_request_state keep(struct iol_control_request *r, unsigned char c)
{
	if (r->skipping)
		return IOL_CONTROL_REQUEST_PART;
	if (r->text->len == IOL_CONTROL_REQUEST_BYTES_MAX)
		return too_much(r, too_long);
	if (r->depth > IOL_CONTROL_DEPTH_MAX)
		return too_much(r, too_deep);
	g_string_append_c(r->text, (gchar)c);
	return IOL_CONTROL_REQUEST_PART;
}

/* The value is at its end; @state is what its last byte made of it. */
static enum iol_control_request_state end(struct iol_control_request *r,
					  enum iol_control_request_state state)
{
	if (r->skipping) {
		begin_anew(r);
		return state;
	}
	r->whole = true;
	return IOL_CONTROL_REQUEST_WHOLE;
}

static bool is_space(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool opens(unsigned char c)
{
	return c == '{' || c == '[';
}

static bool closes(unsigned char c)
{
	return c == '}' || c == ']';
}

static bool separates(unsigned char c)
{
	return c < 0x20 || c == ' ' || c == ',' || c == ':' || opens(c) || closes(c);
}

static enum iol_control_request_state inside(struct iol_control_request *r, unsigned char c)
{
	enum iol_control_request_state state;
	bool escaped = r->escaped;

	if (c < 0x20 && (r->quoted || !is_space(c)))
		return lose(r, c,
			    r->quoted ? "a control character in a text; it is written as \\u00XX"
				      : "a control character");
	r->escaped = r->quoted && c == '\\' && !escaped;
	if (r->quoted) {
		r->quoted = c != '"' || escaped;
	} else {
		r->quoted = c == '"';
		r->depth += opens(c);
		r->depth -= closes(c);
	}
	state = keep(r, c);
	return r->quoted || r->depth ? state : end(r, state);
}

static enum iol_control_request_state between(struct iol_control_request *r, unsigned char c)
{
	if (is_space(c))
		return IOL_CONTROL_REQUEST_PART;
	if (opens(c) || c == '"') {
		r->at = IOL_CONTROL_REQUEST_INSIDE;
		return inside(r, c);
	}
	if (separates(c))
		return lose(r, c, "a character that begins no value");
	r->at = IOL_CONTROL_REQUEST_WORD;
	return keep(r, c);
}

static enum iol_control_request_state take(struct iol_control_request *r, unsigned char c)
{
	if (c == RESET) {
		begin_anew(r);
		r->wrong = "a byte 0xff; what came before it is dropped";
		return IOL_CONTROL_REQUEST_BROKEN;
	}
	switch (r->at) {
	case IOL_CONTROL_REQUEST_INSIDE:
		return inside(r, c);
	case IOL_CONTROL_REQUEST_WORD:
		return keep(r, c);
	case IOL_CONTROL_REQUEST_LOST:
		if (!opens(c) && c != '\n')
			return IOL_CONTROL_REQUEST_PART;
		r->at = IOL_CONTROL_REQUEST_BETWEEN;
		return between(r, c);
	default:
		return between(r, c);
	}
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c != RESET;
}

/* Most of what is large is plain text: that is taken in one go. How much of it, which may be nothing. */
static size_t take_text(struct iol_control_request *r, const char *data, size_t len)
{
	size_t run = 0;

	if (r->at != IOL_CONTROL_REQUEST_INSIDE || !r->quoted || r->escaped || r->whole)
		return 0;
	if (!r->skipping)
		len = MIN(len, IOL_CONTROL_REQUEST_BYTES_MAX - r->text->len);
	while (run < len && is_plain((unsigned char)data[run]))
		run++;
	if (!r->skipping)
		g_string_append_len(r->text, data, (gssize)run);
	return run;
}

enum iol_control_request_state iol_control_request_feed(struct iol_control_request *r,
							const char *data, size_t len, size_t *taken)
{
	enum iol_control_request_state state;
	unsigned char c;

	for (size_t i = 0; i < len; i++) {
		i += take_text(r, data + i, len - i);
		if (i == len)
			break;
		c = (unsigned char)data[i];
		if (r->whole)
			begin_anew(r);
		*taken = i;
		/* A word ends before what does not belong to it. */
		if (r->at == IOL_CONTROL_REQUEST_WORD && (separates(c) || c == '"' || c == RESET) &&
		    end(r, IOL_CONTROL_REQUEST_PART) == IOL_CONTROL_REQUEST_WHOLE)
			return IOL_CONTROL_REQUEST_WHOLE;
		state = take(r, c);
		*taken = i + 1;
		if (state != IOL_CONTROL_REQUEST_PART)
			return state;
	}
	*taken = len;
	return IOL_CONTROL_REQUEST_PART;
}
