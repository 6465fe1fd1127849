// SPDX-License-Identifier: Apache-2.0
/*
 * A configuration as the JSON that gives it: from the tables that files are read by, each key with the text that its
 * setter would take. See json_reader.h. Before any thread.
 */
#include "json_reader.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"

json_t *iol_json_text(const char *text)
{
	json_t *value = json_string(text);

	return value ? value : json_null();
}

/* A number, or a text that is none. */
static json_t *number_or_text(const char *text)
{
	uint64_t number;

	if (iol_number_parse(text, 10, 0, INT64_MAX, &number))
		return json_integer((json_int_t)number);
	return iol_json_text(text);
}

/* "2:3,5" is [2, "3,5"], and "7:" is [7]; without a colon it is no list. */
static json_t *list_value(const char *text)
{
	g_auto(GStrv) items = g_strsplit(text, ":", -1);
	json_t *list;

	if (!items[0] || !items[1])
		return number_or_text(text);
	list = json_array();
	for (char **item = items; *item; item++)
		if (**item)
			json_array_append_new(list, number_or_text(*item));
	return list;
}

/* What a file has for @text, which an option would have. */
static json_t *value_of(enum iol_value_kind kind, const char *text)
{
	g_autofree char *full = NULL;

	switch (kind) {
	case IOL_VALUE_FLAG:
		return json_boolean(!strcmp(text, "on"));
	case IOL_VALUE_COUNT:
		return number_or_text(text);
	case IOL_VALUE_LIST:
		return list_value(text);
	case IOL_VALUE_PATH:
		full = iol_path_full(text);
		return iol_json_text(full);
	case IOL_VALUE_TEXT:
	case IOL_VALUE_SIZE:
		break;
	}
	return iol_json_text(text);
}

static json_t *list_of(const struct iol_key *key, const void *target)
{
	json_t *list = json_array();
	char *text;

	for (unsigned int i = 0; (text = key->get(target, i)); i++) {
		json_array_append_new(list, value_of(key->kind, text));
		g_free(text);
	}
	if (json_array_size(list))
		return list;
	json_decref(list);
	return NULL;
}

json_t *iol_json_write_keys(const struct iol_key *keys, const void *target)
{
	json_t *object = json_object();

	for (; keys->name; keys++) {
		g_autofree char *text = keys->repeats ? NULL : keys->get(target, 0);
		json_t *value = keys->repeats ? list_of(keys, target)
				: text        ? value_of(keys->kind, text)
					      : NULL;

		if (value)
			json_object_set_new(object, keys->name, value);
	}
	return object;
}

static json_t *write_one(const struct iol_json_key *key, const struct iol_config *config)
{
	g_autofree char *text = key->get ? key->get(config) : NULL;

	if (key->write)
		return key->write(config);
	if (key->members)
		return iol_json_write(key->members, config);
	return text ? value_of(key->kind, text) : NULL;
}

json_t *iol_json_write(const struct iol_json_key *keys, const struct iol_config *config)
{
	json_t *object = json_object();

	for (; keys->name; keys++) {
		json_t *value = write_one(keys, config);

		if (value)
			json_object_set_new(object, keys->name, value);
	}
	return object;
}

static char *text_of(json_t *whole)
{
	char *dump = json_dumps(whole, JSON_INDENT(2));
	char *text = dump ? g_strconcat(dump, "\n", NULL) : NULL;

	free(dump);
	json_decref(whole);
	return text;
}

/* Adds the place of the first null in @value to @path, as disks[0].path. */
static bool find_null(const json_t *value, GString *path)
{
	gsize len = path->len;
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_null(value))
		return true;
	json_object_foreach((json_t *)value, key, member)
	{
		g_string_append_printf(path, "%s%s", len ? "." : "", key);
		if (find_null(member, path))
			return true;
		g_string_truncate(path, len);
	}
	json_array_foreach(value, i, member)
	{
		g_string_append_printf(path, "[%zu]", i);
		if (find_null(member, path))
			return true;
		g_string_truncate(path, len);
	}
	return false;
}

int iol_config_to_json(const struct iol_config *config, char **text, struct iol_error *err)
{
	json_t *whole = iol_json_write(iol_json_machine_keys, config);
	json_t *tree = json_incref(json_object_get(whole, "tree"));
	GString *place = g_string_new(NULL);
	bool lost;

	/* What the tree has is out of a file, and its nulls take properties away. */
	json_object_del(whole, "tree");
	lost = find_null(whole, place);
	if (tree)
		json_object_set_new(whole, "tree", tree);
	if (lost)
		iol_error_set(err, -EILSEQ,
			      "%s: is not UTF-8, which JSON is: give a text in that encoding",
			      place->str);
	*text = lost ? NULL : text_of(json_incref(whole));
	json_decref(whole);
	g_string_free(place, TRUE);
	return lost ? -EILSEQ : 0;
}

char *iol_config_schema(void)
{
	json_t *schema =
		json_pack("{s:s, s:s}", "$schema", "https://json-schema.org/draft/2020-12/schema",
			  "title", "iolite: a virtual machine");
	json_t *whole = iol_json_schema_object(iol_json_machine_keys);

	json_object_update(schema, whole);
	json_decref(whole);
	return text_of(schema);
}
