// SPDX-License-Identifier: Apache-2.0
/*
 * A configuration as the JSON that gives it: from the tables that files are read by, each key with the text that its
 * setter would take. See json_reader.h. Before any thread.
 */
#include "json_reader.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"

/* A number, or a text that is none. */
static json_t *number_or_text(const char *text)
{
	uint64_t number;

	if (iol_number_parse(text, 10, 0, INT64_MAX, &number))
		return json_integer((json_int_t)number);
	return json_string(text);
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
		return json_string(full);
	case IOL_VALUE_TEXT:
	case IOL_VALUE_SIZE:
		break;
	}
	return json_string(text);
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

char *iol_config_to_json(const struct iol_config *config)
{
	return text_of(iol_json_write(iol_json_machine_keys, config));
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
