// SPDX-License-Identifier: Apache-2.0
/*
 * "tree" as it is written: the forms of iolite-config(5) that give the same bytes, the most readable one that does. See
 * json_reader.h and include/iolite/tree_edit.h.
 */
#include "json_reader.h"

#include <glib.h>
#include <string.h>

#include <iolite/endian.h>

static bool has_phandle(const struct iol_tree_edit *edit)
{
	for (size_t i = 0; i < edit->part_count; i++)
		if (edit->parts[i].phandle_of)
			return true;
	return false;
}

/* Texts that end with a zero byte each; @plain: none of them is empty or has anything but characters. */
static bool is_strings(const struct iol_tree_part *part, bool plain)
{
	const char *text = (const char *)part->bytes, *end = text + part->len;

	if (!part->len || end[-1])
		return false;
	for (; text < end; text += strlen(text) + 1) {
		if (!g_utf8_validate(text, -1, NULL) || (plain && !*text))
			return false;
		for (const char *c = text; plain && *c; c++)
			if (g_ascii_iscntrl(*c))
				return false;
	}
	return true;
}

static json_t *write_strings(const struct iol_tree_part *part)
{
	const char *text = (const char *)part->bytes, *end = text + part->len;
	json_t *list;

	if (text + strlen(text) + 1 == end)
		return json_string(text);
	for (list = json_array(); text < end; text += strlen(text) + 1)
		json_array_append_new(list, json_string(text));
	return list;
}

static json_t *write_cells(const struct iol_tree_edit *edit)
{
	json_t *list = json_array();

	for (size_t i = 0; i < edit->part_count; i++) {
		const struct iol_tree_part *part = &edit->parts[i];

		if (part->phandle_of)
			json_array_append_new(list,
					      json_pack("{s:s}", "phandle", part->phandle_of));
		for (size_t k = 0; k + sizeof(be32) <= part->len; k += sizeof(be32))
			json_array_append_new(list, json_integer(be32_load(part->bytes + k)));
	}
	return list;
}

static json_t *write_bytes(const struct iol_tree_part *part)
{
	GString *text = g_string_new(NULL);
	json_t *value;

	for (size_t i = 0; i < part->len; i++)
		g_string_append_printf(text, "%s%02x", i ? " " : "", part->bytes[i]);
	value = json_pack("{s:s}", "bytes", text->str);
	g_string_free(text, TRUE);
	return value;
}

static json_t *write_value(const struct iol_tree_edit *edit)
{
	const struct iol_tree_part *part = edit->parts;

	if (edit->kind == IOL_TREE_DELETE_PROP)
		return json_null();
	if (!edit->part_count)
		return json_true();
	if (edit->kind == IOL_TREE_PREPEND)
		return json_pack("{s:o}", "prepend", write_strings(part));
	if (has_phandle(edit))
		return write_cells(edit);
	if (is_strings(part, true))
		return write_strings(part);
	return part->len % sizeof(be32) ? write_bytes(part) : write_cells(edit);
}

json_t *iol_json_write_tree(const struct iol_config *config)
{
	json_t *updates = json_object(), *deletions = json_array();

	for (size_t i = 0; i < config->tree_edit_count; i++) {
		const struct iol_tree_edit *edit = &config->tree_edits[i];
		json_t *node;

		if (edit->kind == IOL_TREE_DELETE_NODE) {
			json_array_append_new(deletions, json_string(edit->node));
			continue;
		}
		node = json_object_get(updates, edit->node);
		if (!node) {
			node = json_object();
			json_object_set_new(updates, edit->node, node);
		}
		if (edit->prop)
			json_object_set_new(node, edit->prop, write_value(edit));
	}
	return json_pack("{s:o, s:o}", "node-update", updates, "delete", deletions);
}
