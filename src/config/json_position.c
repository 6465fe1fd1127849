// SPDX-License-Identifier: Apache-2.0
/* An index of a JSON text: each value with its key and its position. See json_position.h; RFC 8259. */
#include "json_position.h"

#include <glib.h>
#include <string.h>

enum { NONE = UINT32_MAX };

/* A value; those of an object or list are a chain. */
struct node {
	uint32_t parent, child, next; /* places in the index, or NONE */
	uint32_t last; /* child, while it is made */
	uint32_t key; /* offset of its opening quote, or NONE */
	struct iol_json_position key_at, at;
};

struct iol_json_index {
	const char *text;
	size_t len;
	GArray *nodes; /* struct node; the whole first */
};

static struct node *node_of(const struct iol_json_index *index, uint32_t i)
{
	return &g_array_index(index->nodes, struct node, i);
}

/* --- making it --- */

struct scan {
	struct iol_json_index *index;
	size_t i;
	struct iol_json_position at; /* of text[i] */
	uint32_t open; /* the object or list that is being read, or NONE */
	uint32_t key; /* offset of the key that waits for its value, or NONE */
	struct iol_json_position key_at;
};

static void step(struct scan *s)
{
	unsigned char c = (unsigned char)s->index->text[s->i++];

	if (c == '\n') {
		s->at.line++;
		s->at.column = 1;
	} else if ((c & 0xc0) != 0x80) {
		s->at.column++;
	}
	/* A character ends where the next one begins: the bytes behind its first one add nothing. */
	while (c >= 0xc0 && s->i < s->index->len &&
	       ((unsigned char)s->index->text[s->i] & 0xc0) == 0x80)
		s->i++;
}

static bool at_end(const struct scan *s)
{
	return s->i >= s->index->len;
}

static char current(const struct scan *s)
{
	return at_end(s) ? '\0' : s->index->text[s->i];
}

static void skip_string(struct scan *s)
{
	step(s);
	while (!at_end(s) && current(s) != '"') {
		if (current(s) == '\\')
			step(s);
		if (!at_end(s))
			step(s);
	}
	if (!at_end(s))
		step(s);
}

/* The end of a number or word. */
static void skip_word(struct scan *s)
{
	do
		step(s);
	while (!at_end(s) && !strchr(" \t\r\n,:{}[]\"", current(s)));
}

/* A value begins at s->i. Returns its place in the index. */
static uint32_t add_node(struct scan *s)
{
	GArray *nodes = s->index->nodes;
	uint32_t i = nodes->len;
	const struct node node = {
		.parent = s->open,
		.child = NONE,
		.next = NONE,
		.last = NONE,
		.key = s->key,
		.key_at = s->key_at,
		.at = s->at,
	};

	g_array_append_val(nodes, node);
	s->key = NONE;
	if (s->open != NONE) {
		struct node *parent = node_of(s->index, s->open);

		if (parent->last == NONE)
			parent->child = i;
		else
			node_of(s->index, parent->last)->next = i;
		parent->last = i;
	}
	return i;
}

/* Whether the text at s->i is a key: a colon follows it. */
static bool is_key(const struct scan *s)
{
	struct scan ahead = *s;

	if (s->open == NONE || s->key != NONE)
		return false;
	skip_string(&ahead);
	while (strchr(" \t\r\n", current(&ahead)) && !at_end(&ahead))
		step(&ahead);
	return current(&ahead) == ':';
}

static void scan_string(struct scan *s)
{
	if (is_key(s)) {
		s->key = (uint32_t)s->i;
		s->key_at = s->at;
	} else {
		add_node(s);
	}
	skip_string(s);
}

static void scan_token(struct scan *s)
{
	switch (current(s)) {
	case ' ':
	case '\t':
	case '\r':
	case '\n':
	case ',':
	case ':':
		step(s);
		break;
	case '{':
	case '[':
		s->open = add_node(s);
		step(s);
		break;
	case '}':
	case ']':
		if (s->open != NONE)
			s->open = node_of(s->index, s->open)->parent;
		step(s);
		break;
	case '"':
		scan_string(s);
		break;
	default:
		add_node(s);
		skip_word(s);
	}
}

struct iol_json_index *iol_json_index_new(const char *text, size_t len)
{
	struct iol_json_index *index = g_new0(struct iol_json_index, 1);
	struct scan s = { .index = index, .at = { 1, 1 }, .open = NONE, .key = NONE };

	index->text = text;
	index->len = MIN(len, (size_t)NONE - 1);
	index->nodes = g_array_new(FALSE, FALSE, sizeof(struct node));
	while (!at_end(&s))
		scan_token(&s);
	return index;
}

void iol_json_index_free(struct iol_json_index *index)
{
	if (!index)
		return;
	g_array_free(index->nodes, TRUE);
	g_free(index);
}

/* --- asking it --- */

/* Four hexadecimal digits at @text, which has @len bytes; or 0, which no key has. */
static gunichar read_hex(const char *text, size_t len)
{
	gunichar c = 0;

	for (size_t i = 0; i < 4; i++) {
		if (i >= len || !g_ascii_isxdigit(text[i]))
			return 0;
		c = c << 4 | (gunichar)g_ascii_xdigit_value(text[i]);
	}
	return c;
}

/* The escape at @text, behind its backslash, as UTF-8 in @out. Returns how many bytes of @text it has. */
static size_t read_escape(const char *text, size_t len, char out[7])
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *found = len ? strchr(from, text[0]) : NULL;
	gunichar c, low;
	size_t taken = 5;

	memset(out, 0, 7);
	if (!len)
		return 0;
	if (text[0] != 'u') {
		out[0] = found && *found ? to[found - from] : text[0];
		return 1;
	}
	c = read_hex(text + 1, len - 1);
	if (c >= 0xd800 && c < 0xdc00 && len > 7) {
		low = read_hex(text + 7, len - 7);
		c = 0x10000 + ((c - 0xd800) << 10) + (low & 0x3ff);
		taken = 11;
	}
	g_unichar_to_utf8(c, out);
	return MIN(taken, len);
}

/* Whether the text whose opening quote is at @offset is @name. */
static bool is_named(const struct iol_json_index *index, uint32_t offset, const char *name)
{
	const char *text = index->text + offset + 1;
	size_t len = index->len - offset - 1, taken, bytes;
	char out[7];

	while (len && *text != '"') {
		if (*text == '\\') {
			taken = 1 + read_escape(text + 1, len - 1, out);
			bytes = strlen(out);
		} else {
			out[0] = *text;
			taken = bytes = 1;
		}
		if (!bytes || strncmp(out, name, bytes))
			return false;
		name += bytes;
		text += taken;
		len -= taken;
	}
	return !*name;
}

static uint32_t find(const struct iol_json_index *index, const struct iol_json_place *at)
{
	uint32_t i = at ? find(index, at->up) : 0;
	size_t left = at && !at->key ? at->idx : 0;

	if (!at || i == NONE)
		return index->nodes->len ? i : NONE;
	for (i = node_of(index, i)->child; i != NONE; i = node_of(index, i)->next) {
		const struct node *node = node_of(index, i);

		if (at->key ? node->key != NONE && is_named(index, node->key, at->key)
			    : node->key == NONE && !left--)
			break;
	}
	return i;
}

bool iol_json_index_find(const struct iol_json_index *index, const struct iol_json_place *at,
			 struct iol_json_position *position)
{
	uint32_t i = find(index, at);

	if (i == NONE)
		return false;
	*position = at && at->is_key ? node_of(index, i)->key_at : node_of(index, i)->at;
	return true;
}
