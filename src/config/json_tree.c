// SPDX-License-Identifier: Apache-2.0
/*
 * "tree" of a JSON file: changes to the machine's device tree. See json_reader.h and
 * include/iolite/tree_edit.h; iolite-config(5) has the forms that a value may take.
 */
#include "json_reader.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include <iolite/endian.h>

/* DTSpec-0.4 2.2.1 and 2.2.4.1; a path has slashes and unit addresses, too. */
#define NAME_LETTERS G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS ",._+-"
#define PATH_LETTERS NAME_LETTERS "/@"
#define PROP_LETTERS NAME_LETTERS "?#"

enum { PATH_BYTES_MAX = 1024, PROP_BYTES_MAX = 255 };

/* --- names --- */

static int check_node(const struct iol_json *json, const struct iol_json_place *at,
		      const char *path)
{
	size_t len = strlen(path);

	if (!len)
		return iol_json_refuse(json, at,
				       "'' is no path of a node: give one such as /soc/serial@1000 "
				       "or that starts with an alias, such as serial0");
	if (strspn(path, PATH_LETTERS) != len)
		return iol_json_refuse(json, at,
				       "'%.64s' is no path of a node: names have letters, digits "
				       "and , . _ + - @",
				       path);
	if (strstr(path, "//") || (len > 1 && path[len - 1] == '/'))
		return iol_json_refuse(json, at, "'%.64s' has a / too many: take it away", path);
	if (len > PATH_BYTES_MAX)
		return iol_json_refuse(json, at, "'%.64s' is too long: a path has up to %d bytes",
				       path, PATH_BYTES_MAX);
	return 0;
}

static int check_prop(const struct iol_json *json, const struct iol_json_place *at,
		      const char *name)
{
	size_t len = strlen(name);

	if (!len || strspn(name, PROP_LETTERS) != len)
		return iol_json_refuse(json, at,
				       "'%.64s' is no name of a property: it has letters, digits "
				       "and , . _ + ? # -",
				       name);
	if (len > PROP_BYTES_MAX)
		return iol_json_refuse(json, at, "'%.64s' is too long: a name has up to %d bytes",
				       name, PROP_BYTES_MAX);
	return 0;
}

/* --- edits --- */

/* The new edit, of @json->config; NULL when there are too many. */
static struct iol_tree_edit *add_edit(const struct iol_json *json, const struct iol_json_place *at,
				      enum iol_tree_edit_kind kind, const char *node,
				      const char *prop)
{
	struct iol_config *config = json->config;
	struct iol_tree_edit *edit;

	if (config->tree_edit_count == IOL_CONFIG_TREE_EDITS_MAX) {
		iol_json_refuse(json, at, "one change too many: a file has up to %d",
				IOL_CONFIG_TREE_EDITS_MAX);
		return NULL;
	}
	config->tree_edits =
		g_renew(struct iol_tree_edit, config->tree_edits, config->tree_edit_count + 1);
	edit = &config->tree_edits[config->tree_edit_count++];
	*edit = (struct iol_tree_edit){
		.kind = kind,
		.where = iol_mistakes_where(json->mistakes, at),
		.node = g_strdup(node),
		.prop = g_strdup(prop),
	};
	return edit;
}

static struct iol_tree_part *add_part(struct iol_tree_edit *edit)
{
	struct iol_tree_part *part;

	edit->parts = g_renew(struct iol_tree_part, edit->parts, edit->part_count + 1);
	part = &edit->parts[edit->part_count++];
	*part = (struct iol_tree_part){ .bytes = NULL };
	return part;
}

/* Bytes behind bytes are one part. @len is not 0. */
static void add_bytes(struct iol_tree_edit *edit, const void *bytes, size_t len)
{
	struct iol_tree_part *part = edit->part_count ? &edit->parts[edit->part_count - 1] : NULL;

	if (!part || part->phandle_of)
		part = add_part(edit);
	part->bytes = g_realloc(part->bytes, part->len + len);
	memcpy(part->bytes + part->len, bytes, len);
	part->len += len;
}

static void add_string(struct iol_tree_edit *edit, const json_t *text)
{
	add_bytes(edit, json_string_value(text), json_string_length(text) + 1);
}

static void add_u32(struct iol_tree_edit *edit, uint32_t value)
{
	be32 cell = be32_of(value);

	add_bytes(edit, &cell, sizeof(cell));
}

/* --- values; @edit gets their parts --- */

/* Decimal, or hexadecimal behind 0x. */
static bool parse_number(const char *text, uint64_t *value)
{
	bool hex = g_str_has_prefix(text, "0x") || g_str_has_prefix(text, "0X");

	return iol_number_parse(hex ? text + 2 : text, hex ? 16 : 10, 0, UINT64_MAX, value);
}

/* A number, or text that is one. */
static int read_number(const struct iol_json *json, const struct iol_json_place *at,
		       const json_t *value, uint64_t *number)
{
	if (json_is_string(value)) {
		if (parse_number(json_string_value(value), number))
			return 0;
		return iol_json_refuse(json, at,
				       "'%.64s' is no number of up to 64 bits: give one such as "
				       "\"0x1000\" or 4096",
				       json_string_value(value));
	}
	if (!json_is_integer(value))
		return iol_json_refuse_type(json, at, value, "a number, such as 4096");
	if (json_integer_value(value) < 0)
		return iol_json_refuse(json, at,
				       "%" JSON_INTEGER_FORMAT
				       " is negative: give 0 and up, such as "
				       "4294967295 for a cell of ones",
				       json_integer_value(value));
	*number = (uint64_t)json_integer_value(value);
	return 0;
}

static int read_u32(const struct iol_json *json, const struct iol_json_place *at,
		    const json_t *value, struct iol_tree_edit *edit)
{
	uint64_t number = 0;
	int ret = read_number(json, at, value, &number);

	if (ret)
		return ret;
	if (number > UINT32_MAX)
		return iol_json_refuse(json, at,
				       "0x%" PRIx64 " has more than the 32 bits of a cell: give "
				       "{\"u64\": \"0x%" PRIx64 "\"} for two cells",
				       number, number);
	add_u32(edit, (uint32_t)number);
	return 0;
}

static int read_u64(const struct iol_json *json, const struct iol_json_place *at,
		    const json_t *value, struct iol_tree_edit *edit)
{
	uint64_t number = 0;
	int ret = read_number(json, at, value, &number);

	if (ret)
		return ret;
	add_u32(edit, (uint32_t)(number >> 32));
	add_u32(edit, (uint32_t)number);
	return 0;
}

static int read_phandle(const struct iol_json *json, const struct iol_json_place *at,
			const json_t *value, struct iol_tree_edit *edit)
{
	int ret;

	if (!json_is_string(value))
		return iol_json_refuse_type(json, at, value,
					    "the path of a node, such as \"/soc/pic@40000\"");
	ret = check_node(json, at, json_string_value(value));
	if (!ret)
		add_part(edit)->phandle_of = g_strdup(json_string_value(value));
	return ret;
}

static int read_bytes(const struct iol_json *json, const struct iol_json_place *at,
		      const json_t *value, struct iol_tree_edit *edit)
{
	const char *text = json_string_value(value);
	size_t count = 0;

	if (!text)
		return iol_json_refuse_type(json, at, value,
					    "text of hexadecimal digits, such as \"de ad be ef\"");
	for (; *text; text++) {
		uint8_t byte;

		if (*text == ' ')
			continue;
		if (!g_ascii_isxdigit(text[0]) || !g_ascii_isxdigit(text[1]))
			return iol_json_refuse(json, at,
					       "'%.64s' has no byte at '%.8s': give two "
					       "hexadecimal digits each, such as \"de ad be ef\"",
					       json_string_value(value), text);
		byte = (uint8_t)(g_ascii_xdigit_value(text[0]) << 4 |
				 g_ascii_xdigit_value(text[1]));
		add_bytes(edit, &byte, 1);
		text++;
		count++;
	}
	if (!count)
		return iol_json_refuse(json, at, "no bytes: a property without a value is true");
	return 0;
}

/* Items of a list of cells. */
static int read_cell(const struct iol_json *json, const struct iol_json_place *at,
		     const json_t *value, bool hex, struct iol_tree_edit *edit)
{
	static const char *const names[] = { "phandle", "u64", NULL };
	const char *name = json_object_iter_key(json_object_iter((json_t *)value));
	struct iol_json_place place = { .up = at, .key = name };
	const json_t *member = name ? json_object_get(value, name) : NULL;

	if (json_is_string(value) && !hex)
		return iol_json_refuse(json, at,
				       "'%.64s' is text in a list of numbers: give texts only, or "
				       "{\"cells\": [...]}, where a text is a number",
				       json_string_value(value));
	if (!json_is_object(value))
		return read_u32(json, at, value, edit);
	if (!name || json_object_size(value) != 1)
		return iol_json_refuse(json, at,
				       "a cell is one of {\"phandle\": ...} and {\"u64\": ...}: "
				       "give one key");
	if (!strcmp(name, "phandle"))
		return read_phandle(json, &place, member, edit);
	if (!strcmp(name, "u64"))
		return read_u64(json, &place, member, edit);
	place.is_key = true;
	iol_name_refuse(name, names, "", json->err);
	return iol_json_refused(json, &place);
}

static int read_cells(const struct iol_json *json, const struct iol_json_place *at,
		      const json_t *list, bool hex, struct iol_tree_edit *edit)
{
	json_t *item;
	size_t i;
	int ret = 0;

	json_array_foreach(list, i, item)
	{
		struct iol_json_place place = { .up = at, .idx = i };

		if (read_cell(json, &place, item, hex, edit))
			ret = -EINVAL;
	}
	return ret;
}

static int read_strings(const struct iol_json *json, const struct iol_json_place *at,
			const json_t *list, struct iol_tree_edit *edit)
{
	json_t *item;
	size_t i;
	int ret = 0;

	json_array_foreach(list, i, item)
	{
		struct iol_json_place place = { .up = at, .idx = i };

		if (json_is_string(item))
			add_string(edit, item);
		else
			ret = iol_json_refuse_type(json, &place, item,
						   "text, as the list began with one");
	}
	return ret;
}

/* What the first item is decides. */
static int read_list(const struct iol_json *json, const struct iol_json_place *at,
		     const json_t *list, struct iol_tree_edit *edit)
{
	if (!json_array_size(list))
		return iol_json_refuse(json, at,
				       "an empty list: a property without a value is true");
	if (json_is_string(json_array_get(list, 0)))
		return read_strings(json, at, list, edit);
	return read_cells(json, at, list, false, edit);
}

static int read_hex_cells(const struct iol_json *json, const struct iol_json_place *at,
			  const json_t *value, struct iol_tree_edit *edit)
{
	if (!json_array_size(value))
		return iol_json_refuse(json, at, "no cells: give a list, such as [\"0x10\", 2]");
	return read_cells(json, at, value, true, edit);
}

static int read_prepend(const struct iol_json *json, const struct iol_json_place *at,
			const json_t *value, struct iol_tree_edit *edit)
{
	edit->kind = IOL_TREE_PREPEND;
	if (json_is_string(value)) {
		add_string(edit, value);
		return 0;
	}
	if (!json_array_size(value))
		return iol_json_refuse(json, at, "no texts: give one, or a list of them");
	return read_strings(json, at, value, edit);
}

static const struct form {
	const char *name;
	int (*read)(const struct iol_json *json, const struct iol_json_place *at,
		    const json_t *value, struct iol_tree_edit *edit);
} forms[] = {
	{ "u64", read_u64 },         { "cells", read_hex_cells }, { "bytes", read_bytes },
	{ "phandle", read_phandle }, { "prepend", read_prepend },
};

static int read_form(const struct iol_json *json, const struct iol_json_place *at,
		     const json_t *object, struct iol_tree_edit *edit)
{
	const char *name = json_object_iter_key(json_object_iter((json_t *)object));
	struct iol_json_place place = { .up = at, .key = name };
	const char *names[IOL_ARRAY_LEN(forms) + 1] = { NULL };

	if (!name || json_object_size(object) != 1)
		return iol_json_refuse(json, at,
				       "%zu keys: give one of u64, cells, bytes, phandle, prepend",
				       json_object_size(object));
	for (size_t i = 0; i < IOL_ARRAY_LEN(forms); i++) {
		if (!strcmp(forms[i].name, name))
			return forms[i].read(json, &place, json_object_get(object, name), edit);
		names[i] = forms[i].name;
	}
	place.is_key = true;
	iol_name_refuse(name, names, "", json->err);
	return iol_json_refused(json, &place);
}

static int read_value(const struct iol_json *json, const struct iol_json_place *at,
		      const json_t *value, struct iol_tree_edit *edit)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		add_string(edit, value);
		return 0;
	case JSON_INTEGER:
		return read_u32(json, at, value, edit);
	case JSON_ARRAY:
		return read_list(json, at, value, edit);
	case JSON_OBJECT:
		return read_form(json, at, value, edit);
	case JSON_TRUE:
		return 0;
	case JSON_NULL:
		edit->kind = IOL_TREE_DELETE_PROP;
		return 0;
	case JSON_FALSE:
		return iol_json_refuse(json, at,
				       "false is no value: null deletes a property, true makes one "
				       "without a value");
	case JSON_REAL:
		break;
	}
	return iol_json_refuse_type(json, at, value, "a whole number");
}

/* --- what to change --- */

/* One property of the node that is above @at. */
static int read_prop(const struct iol_json *json, const struct iol_json_place *at,
		     const json_t *value)
{
	struct iol_json_place key = { .up = at->up, .key = at->key, .is_key = true };
	struct iol_tree_edit *edit;
	int ret = check_prop(json, &key, at->key);

	if (ret)
		return ret;
	edit = add_edit(json, at, IOL_TREE_SET, at->up->key, at->key);
	return edit ? read_value(json, at, value, edit) : -EINVAL;
}

static int read_update(const struct iol_json *json, const struct iol_json_place *at,
		       const json_t *props)
{
	struct iol_json_place key = { .up = at->up, .key = at->key, .is_key = true };
	const char *name;
	json_t *value;
	int ret = check_node(json, &key, at->key);

	if (ret)
		return ret;
	if (!json_is_object(props))
		return iol_json_refuse_type(
			json, at, props, "properties in { and }; a node is deleted by tree.delete");
	if (!json_object_size(props))
		return add_edit(json, at, IOL_TREE_ADD_NODE, at->key, NULL) ? 0 : -EINVAL;
	json_object_foreach((json_t *)props, name, value)
	{
		if (read_prop(json, &(struct iol_json_place){ .up = at, .key = name }, value))
			ret = -EINVAL;
	}
	return ret;
}

static int read_updates(const struct iol_json *json, const struct iol_json_place *at,
			const json_t *value)
{
	const char *node;
	json_t *props;
	int ret = 0;

	if (!json_is_object(value))
		return iol_json_refuse_type(json, at, value,
					    "an object, such as {\"/node\": {\"prop\": \"text\"}}");
	json_object_foreach((json_t *)value, node, props)
	{
		struct iol_json_place place = { .up = at, .key = node };

		if (read_update(json, &place, props))
			ret = -EINVAL;
	}
	return ret;
}

static int read_deletion(const struct iol_json *json, const struct iol_json_place *at,
			 const json_t *item)
{
	const char *path = json_string_value(item);
	int ret;

	if (!path)
		return iol_json_refuse_type(json, at, item,
					    "the path of a node, such as \"/soc/serial@1000\"");
	ret = check_node(json, at, path);
	if (ret)
		return ret;
	if (!strcmp(path, "/"))
		return iol_json_refuse(json, at,
				       "'/' is the root, without which there is no "
				       "tree: name a node below it");
	return add_edit(json, at, IOL_TREE_DELETE_NODE, path, NULL) ? 0 : -EINVAL;
}

static int read_deletions(const struct iol_json *json, const struct iol_json_place *at,
			  const json_t *value)
{
	return iol_json_list(json, at, value, "a list of paths, such as [\"/soc/serial@1000\"]",
			     read_deletion);
}

/* The order of the two in the file must not matter: deletions come last. */
static int later(const struct iol_json *json, const struct iol_json_place *at, const json_t *value)
{
	(void)json;
	(void)at;
	(void)value;
	return 0;
}

int iol_json_tree(const struct iol_json *json, const struct iol_json_place *at, const json_t *value)
{
	static const struct iol_json_key keys[] = {
		{ "node-update", .read = read_updates },
		{ "delete", .read = later },
		{ .name = NULL },
	};
	struct iol_json_place place = { .up = at, .key = "delete" };
	const json_t *deletions = json_object_get(value, "delete");
	int ret = iol_json_object(json, at, value, keys);

	if (deletions && read_deletions(json, &place, deletions))
		ret = -EINVAL;
	return ret;
}
