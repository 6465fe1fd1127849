// SPDX-License-Identifier: Apache-2.0
/* Device trees from text. See tree_text.h. */
#include "tree_text.h"

#include <glib.h>
#include <libfdt.h>

#include <iolite/endian.h>
#include <iolite/macros.h>

enum { TREE_BYTES = 4 * 1024 * 1024 };

struct parser {
	const char *text, *at;
	void *fdt;
};

G_GNUC_NORETURN static void mistaken(const struct parser *p, const char *what)
{
	g_error("tree text: %s is needed at: %.40s", what, p->at);
}

static void skip_spaces(struct parser *p)
{
	p->at += strspn(p->at, " \t\n");
}

/* Takes @c, if it is the next character. */
static bool take(struct parser *p, char c)
{
	skip_spaces(p);
	if (*p->at != c)
		return false;
	p->at++;
	return true;
}

static void need(struct parser *p, char c)
{
	const char what[] = { c, '\0' };

	if (!take(p, c))
		mistaken(p, what);
}

static char *take_name(struct parser *p)
{
	size_t len;
	char *name;

	skip_spaces(p);
	len = strcspn(p->at, " \t\n{}=;");
	name = g_strndup(p->at, len);
	p->at += len;
	return name;
}

static uint64_t take_number(struct parser *p)
{
	char *end;
	uint64_t value;

	skip_spaces(p);
	value = g_ascii_strtoull(p->at, &end, 0);
	if (end == p->at)
		mistaken(p, "a number");
	p->at = end;
	return value;
}

static void take_cells(struct parser *p, GByteArray *value)
{
	while (!take(p, '>')) {
		be32 cell = be32_of((uint32_t)take_number(p));

		g_byte_array_append(value, (const uint8_t *)&cell, sizeof(cell));
	}
}

static void take_bytes(struct parser *p, GByteArray *value)
{
	while (!take(p, ']')) {
		uint8_t byte;

		if (!g_ascii_isxdigit(p->at[0]) || !g_ascii_isxdigit(p->at[1]))
			mistaken(p, "a byte");
		byte = (uint8_t)(g_ascii_xdigit_value(p->at[0]) << 4 |
				 g_ascii_xdigit_value(p->at[1]));
		g_byte_array_append(value, &byte, 1);
		p->at += 2;
	}
}

static void take_string(struct parser *p, GByteArray *value)
{
	for (; *p->at != '"'; p->at++) {
		uint8_t c = (uint8_t)*p->at;

		if (!c)
			mistaken(p, "the end of a string");
		if (c == '\\') {
			p->at++;
			c = *p->at == '0' ? 0 : *p->at == 'n' ? '\n' : (uint8_t)*p->at;
		}
		g_byte_array_append(value, &c, 1);
	}
	p->at++;
	g_byte_array_append(value, (const uint8_t *)"", 1);
}

static void take_value(struct parser *p, GByteArray *value)
{
	do {
		if (take(p, '<'))
			take_cells(p, value);
		else if (take(p, '['))
			take_bytes(p, value);
		else if (take(p, '"'))
			take_string(p, value);
		else
			mistaken(p, "a value");
	} while (take(p, ','));
}

static void take_prop(struct parser *p, const char *name, bool is_empty)
{
	g_autoptr(GByteArray) value = g_byte_array_new();

	if (!is_empty) {
		take_value(p, value);
		need(p, ';');
	}
	g_assert_cmpint(fdt_property(p->fdt, name, value->len ? value->data : (const void *)"",
				     (int)value->len),
			==, 0);
}

static void take_node(struct parser *p, const char *name)
{
	g_assert_cmpint(fdt_begin_node(p->fdt, name), ==, 0);
	while (!take(p, '}')) {
		g_autofree char *inner = take_name(p);

		if (take(p, '{'))
			take_node(p, inner);
		else if (take(p, ';'))
			take_prop(p, inner, true);
		else if (take(p, '='))
			take_prop(p, inner, false);
		else
			mistaken(p, "'{', '=' or ';'");
	}
	need(p, ';');
	g_assert_cmpint(fdt_end_node(p->fdt), ==, 0);
}

static void take_reserved(struct parser *p)
{
	static const char word[] = "/memreserve/";

	skip_spaces(p);
	while (g_str_has_prefix(p->at, word)) {
		uint64_t base, bytes;

		p->at += strlen(word);
		base = take_number(p);
		bytes = take_number(p);
		need(p, ';');
		g_assert_cmpint(fdt_add_reservemap_entry(p->fdt, base, bytes), ==, 0);
		skip_spaces(p);
	}
	g_assert_cmpint(fdt_finish_reservemap(p->fdt), ==, 0);
}

struct iol_fdt_blob tree_text(const char *text)
{
	struct parser p = { .text = text, .at = text, .fdt = g_malloc0(TREE_BYTES) };
	struct iol_fdt_blob blob;

	g_assert_cmpint(fdt_create_with_flags(p.fdt, TREE_BYTES, 0), ==, 0);
	take_reserved(&p);
	need(&p, '/');
	need(&p, '{');
	take_node(&p, "");
	skip_spaces(&p);
	if (*p.at)
		mistaken(&p, "the end");
	g_assert_cmpint(fdt_finish(p.fdt), ==, 0);
	blob.bytes = fdt_totalsize(p.fdt);
	blob.data = g_memdup2(p.fdt, blob.bytes);
	g_free(p.fdt);
	return blob;
}

struct iol_fdt_blob tree_text_with(const char *text, const char *old, const char *with)
{
	g_autoptr(GString) changed = g_string_new(text);

	if (*old)
		g_assert_cmpuint(g_string_replace(changed, old, with, 0), ==, 1);
	else
		g_string_append(changed, with);
	return tree_text(changed->str);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_props(const void *fdt, int node, const char *path, GPtrArray *lines)
{
	int prop;

	fdt_for_each_property_offset(prop, fdt, node)
	{
		GString *line = g_string_new(path);
		const char *name;
		int len;
		const uint8_t *value = fdt_getprop_by_offset(fdt, prop, &name, &len);

		g_string_append_printf(line, " %s =", name);
		for (int i = 0; i < len; i++)
			g_string_append_printf(line, " %02x", value[i]);
		g_ptr_array_add(lines, g_string_free(line, FALSE));
	}
}

char *tree_lines(const struct iol_fdt_blob *tree)
{
	g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
	const void *fdt = tree->data;
	int depth = 0;

	for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(fdt, node, &depth)) {
		char path[8192];

		g_assert_cmpint(fdt_get_path(fdt, node, path, sizeof(path)), ==, 0);
		g_ptr_array_add(lines, g_strdup(path));
		add_props(fdt, node, path, lines);
	}
	for (int i = 0; i < fdt_num_mem_rsv(fdt); i++) {
		uint64_t base, bytes;

		fdt_get_mem_rsv(fdt, i, &base, &bytes);
		g_ptr_array_add(lines, g_strdup_printf("reserved %" G_GINT64_MODIFIER
						       "x %" G_GINT64_MODIFIER "x",
						       base, bytes));
	}
	g_ptr_array_sort(lines, compare_lines);
	g_ptr_array_add(lines, NULL);
	return g_strjoinv("\n", (char **)lines->pdata);
}

void assert_tree(const struct iol_fdt_blob *tree, const char *text)
{
	struct iol_fdt_blob wanted = tree_text(text);
	g_autofree char *has = tree_lines(tree), *wants = tree_lines(&wanted);

	g_assert_cmpstr(has, ==, wants);
	iol_fdt_blob_finish(&wanted);
}
