// SPDX-License-Identifier: Apache-2.0
/*
 * Trees as DTS source (DTSpec-0.4 6). See include/iolite/fdt.h. Any thread.
 *
 * The format keeps no types, so values are guessed from their bytes as dtc does it; whatever the guess, the
 * bytes are the same. The text is at most about eight times as long as the tree.
 */
#include <iolite/fdt.h>

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <libfdt.h>

#include <iolite/endian.h>

#include "index.h"

enum { CELLS_A_LINE = 8, BYTES_A_LINE = 16 };

static void indent(GString *text, unsigned int levels)
{
	while (levels--)
		g_string_append_c(text, '\t');
}

/* Whether the property holds numbers, even where they look like letters. */
static bool has_cells(const char *name)
{
	static const char *const names[] = {
		"reg",        "ranges",        "dma-ranges",       "phandle",     "linux,phandle",
		"interrupts", "interrupt-map", "interrupt-parent", "virtual-reg",
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return name[0] == '#';
}

/* Whether @value is strings that a person can read, none of them empty. */
static bool looks_like_text(const uint8_t *value, size_t len)
{
	if (!iol_fdt_is_string_list(value, len))
		return false;
	for (size_t i = 0; i < len; i++)
		if (value[i] ? !g_ascii_isprint((char)value[i]) : !i || !value[i - 1])
			return false;
	return true;
}

static void print_strings(GString *text, const char *value, size_t len)
{
	const char *end = value + len;

	for (const char *c = value; c < end; c++) {
		if (c == value || !c[-1])
			g_string_append(text, c == value ? "\"" : ", \"");
		if (*c == '"' || *c == '\\')
			g_string_append_c(text, '\\');
		g_string_append_c(text, *c ? *c : '"');
	}
}

/* What goes between two of the numbers of a value. */
static void separate(GString *text, size_t idx, unsigned int a_line, unsigned int levels)
{
	if (!idx)
		return;
	if (idx % a_line) {
		g_string_append_c(text, ' ');
		return;
	}
	g_string_append_c(text, '\n');
	indent(text, levels + 1);
}

static void print_cells(GString *text, const uint8_t *value, size_t len, unsigned int levels)
{
	g_string_append_c(text, '<');
	for (size_t i = 0; i < len / 4; i++) {
		separate(text, i, CELLS_A_LINE, levels);
		g_string_append_printf(text, "0x%" PRIx32, be32_load(value + 4 * i));
	}
	g_string_append_c(text, '>');
}

static void print_bytes(GString *text, const uint8_t *value, size_t len, unsigned int levels)
{
	g_string_append_c(text, '[');
	for (size_t i = 0; i < len; i++) {
		separate(text, i, BYTES_A_LINE, levels);
		g_string_append_printf(text, "%02x", value[i]);
	}
	g_string_append_c(text, ']');
}

static void print_prop(GString *text, const struct iol_fdt_prop *prop, unsigned int levels)
{
	indent(text, levels);
	g_string_append(text, prop->name);
	if (prop->len) {
		bool is_cells = !(prop->len % 4);

		g_string_append(text, " = ");
		if (!(is_cells && has_cells(prop->name)) && looks_like_text(prop->value, prop->len))
			print_strings(text, (const char *)prop->value, prop->len);
		else if (is_cells)
			print_cells(text, prop->value, prop->len, levels);
		else
			print_bytes(text, prop->value, prop->len, levels);
	}
	g_string_append(text, ";\n");
}

static void print_reserved(GString *text, const void *fdt)
{
	int count = fdt_num_mem_rsv(fdt);

	for (int i = 0; i < count; i++) {
		uint64_t base = 0, size = 0;

		fdt_get_mem_rsv(fdt, i, &base, &size);
		g_string_append_printf(text, "/memreserve/ 0x%" PRIx64 " 0x%" PRIx64 ";\n", base,
				       size);
	}
}

static void close_nodes(GString *text, unsigned int depth, unsigned int until)
{
	for (; depth >= until; depth--) {
		indent(text, depth - 1);
		g_string_append(text, "};\n");
	}
}

static void print_nodes(GString *text, const struct iol_fdt_index *index)
{
	unsigned int depth = 0;

	for (unsigned int i = 0; i < index->node_count; i++) {
		const struct iol_fdt_node *node = &index->nodes[i];

		close_nodes(text, depth, node->depth);
		depth = node->depth;
		g_string_append_c(text, '\n');
		indent(text, depth - 1);
		g_string_append_printf(text, "%s {\n", i ? node->name : "/");
		for (unsigned int p = 0; p < node->prop_count; p++)
			print_prop(text, &index->props[node->first_prop + p], depth);
	}
	close_nodes(text, depth, 1);
}

int iol_fdt_to_dts(const struct iol_fdt_blob *blob, char **text, struct iol_error *err)
{
	struct iol_fdt_index index;
	GString *dts;
	int rc;

	*text = NULL;
	rc = iol_fdt_index_init(&index, blob, err);
	if (rc)
		return rc;
	dts = g_string_new("/dts-v1/;\n");
	/* DTS has no place for it: "dtc -b" does. */
	if (fdt_boot_cpuid_phys(blob->data))
		g_string_append_printf(dts, "/* boot_cpuid_phys 0x%" PRIx32 " */\n",
				       fdt_boot_cpuid_phys(blob->data));
	print_reserved(dts, blob->data);
	print_nodes(dts, &index);
	iol_fdt_index_finish(&index);
	*text = g_string_free(dts, FALSE);
	return 0;
}
