// SPDX-License-Identifier: Apache-2.0
/* Places, mistakes and single values of a JSON file. See json_reader.h. */
#include "json_reader.h"

#include <errno.h>
#include <glib.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"

enum { KEYS_MAX = 32 };

int iol_json_refused(const struct iol_json *json, const struct iol_json_place *at)
{
	json->err->code = -EINVAL;
	iol_mistakes_put(json->mistakes, at, json->err);
	return -EINVAL;
}

int iol_json_refuse(const struct iol_json *json, const struct iol_json_place *at, const char *fmt,
		    ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, fmt);
	text = g_strdup_vprintf(fmt, args);
	va_end(args);
	iol_error_set(json->err, -EINVAL, "%s", text);
	return iol_json_refused(json, at);
}

/* As jansson writes it: 1.0 with its point. */
static int refuse_real(const struct iol_json *json, const struct iol_json_place *at,
		       const json_t *value, const char *expected)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY);
	int ret = iol_json_refuse(json, at, "%s is no whole number: give %s", text, expected);

	free(text);
	return ret;
}

int iol_json_refuse_type(const struct iol_json *json, const struct iol_json_place *at,
			 const json_t *value, const char *expected)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		return iol_json_refuse(json, at, "'%.64s' is text: give %s",
				       json_string_value(value), expected);
	case JSON_INTEGER:
		return iol_json_refuse(json, at, "%" JSON_INTEGER_FORMAT " is a number: give %s",
				       json_integer_value(value), expected);
	case JSON_REAL:
		break;
	case JSON_TRUE:
		return iol_json_refuse(json, at, "this is true: give %s", expected);
	case JSON_FALSE:
		return iol_json_refuse(json, at, "this is false: give %s", expected);
	case JSON_NULL:
		return iol_json_refuse(json, at, "this is null: give %s, or leave it out",
				       expected);
	case JSON_ARRAY:
		return iol_json_refuse(json, at, "this is a list: give %s", expected);
	case JSON_OBJECT:
		return iol_json_refuse(json, at, "this is an object: give %s", expected);
	}
	return refuse_real(json, at, value, expected);
}

static const char *expected_of(enum iol_value_kind kind)
{
	switch (kind) {
	case IOL_VALUE_TEXT:
		return "text, in double quotes";
	case IOL_VALUE_PATH:
		return "a path, in double quotes";
	case IOL_VALUE_FLAG:
		return "true or false";
	case IOL_VALUE_COUNT:
		return "a whole number, without quotes";
	case IOL_VALUE_LIST:
		return "a number, a text such as \"0-3,5\", or a list of those";
	case IOL_VALUE_SIZE:
		break;
	}
	return "a size, such as \"512M\", or a number of bytes";
}

const char *iol_json_folder(const struct iol_json *json, const struct iol_json_place *at)
{
	return iol_mistakes_is_option(json->mistakes, at) ? NULL : json->folder;
}

static char *full_path(const struct iol_json *json, const struct iol_json_place *at,
		       const char *path)
{
	const char *folder = iol_json_folder(json, at);

	/* Nothing before an empty one, which would then name the folder. */
	if (!folder || !*path || g_path_is_absolute(path))
		return g_strdup(path);
	return g_build_filename(folder, path, NULL);
}

/* A number, a text, or NULL after the mistake was told. */
static char *list_item(const struct iol_json *json, const struct iol_json_place *at,
		       const json_t *value)
{
	if (json_is_integer(value))
		return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	if (json_is_string(value))
		return g_strdup(json_string_value(value));
	iol_json_refuse_type(json, at, value, expected_of(IOL_VALUE_LIST));
	return NULL;
}

static char *list_text(const struct iol_json *json, const struct iol_json_place *at,
		       const json_t *value)
{
	g_autoptr(GString) text = g_string_new(NULL);
	json_t *item;
	size_t i;

	if (!json_is_array(value))
		return list_item(json, at, value);
	json_array_foreach(value, i, item)
	{
		struct iol_json_place place = { .up = at, .idx = i };
		g_autofree char *one = list_item(json, &place, item);

		if (!one)
			return NULL;
		g_string_append_printf(text, "%s%s", i ? ":" : "", one);
	}
	if (json_array_size(value) == 1)
		g_string_append_c(text, ':');
	return g_strdup(text->str);
}

char *iol_json_scalar(const struct iol_json *json, const struct iol_json_place *at,
		      const json_t *value, enum iol_value_kind kind)
{
	bool number = kind == IOL_VALUE_COUNT || kind == IOL_VALUE_SIZE;

	if (kind == IOL_VALUE_PATH && json_is_string(value))
		return full_path(json, at, json_string_value(value));
	if ((kind == IOL_VALUE_TEXT || kind == IOL_VALUE_SIZE) && json_is_string(value))
		return g_strdup(json_string_value(value));
	if (number && json_is_integer(value))
		return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	if (kind == IOL_VALUE_FLAG && json_is_boolean(value))
		return g_strdup(json_is_true(value) ? "on" : "off");
	if (kind == IOL_VALUE_LIST)
		return list_text(json, at, value);
	iol_json_refuse_type(json, at, value, expected_of(kind));
	return NULL;
}

/* @at is a key's, and there is none of this name. */
static int refuse_key(const struct iol_json *json, struct iol_json_place *at, const char *name,
		      const struct iol_json_key *keys)
{
	const char *names[KEYS_MAX + 1] = { NULL };

	at->is_key = true;
	for (size_t i = 0; i < KEYS_MAX && keys[i].name; i++)
		names[i] = keys[i].name;
	iol_name_refuse(name, names, "", json->err);
	return iol_json_refused(json, at);
}

static int read_member(const struct iol_json *json, const struct iol_json_place *at,
		       const json_t *value, const struct iol_json_key *key)
{
	g_autofree char *text = NULL;

	if (key->read)
		return key->read(json, at, value);
	text = iol_json_scalar(json, at, value, key->kind);
	if (!text)
		return -EINVAL;
	return key->set(json->config, text, json->err) ? iol_json_refused(json, at) : 0;
}

int iol_json_object(const struct iol_json *json, const struct iol_json_place *at,
		    const json_t *value, const struct iol_json_key *keys)
{
	const char *name;
	json_t *member;
	int ret = 0;

	if (!json_is_object(value))
		return iol_json_refuse_type(json, at, value, "an object, in { and }");
	json_object_foreach((json_t *)value, name, member)
	{
		struct iol_json_place place = { .up = at, .key = name };
		const struct iol_json_key *key = keys;

		while (key->name && strcmp(key->name, name))
			key++;
		if (!key->name ? refuse_key(json, &place, name, keys)
			       : read_member(json, &place, member, key))
			ret = -EINVAL;
	}
	return ret;
}

int iol_json_list(const struct iol_json *json, const struct iol_json_place *at, const json_t *value,
		  const char *expected,
		  int (*read)(const struct iol_json *json, const struct iol_json_place *at,
			      const json_t *item))
{
	json_t *item;
	size_t i;
	int ret = 0;

	if (!json_is_array(value))
		return iol_json_refuse_type(json, at, value, expected);
	json_array_foreach(value, i, item)
	{
		struct iol_json_place place = { .up = at, .idx = i };

		if (read(json, &place, item))
			ret = -EINVAL;
	}
	return ret;
}

/* One value of a key, also of one that repeats. */
static int set_key(const struct iol_json *json, const struct iol_json_place *at,
		   const json_t *value, const struct iol_key *key, void *target)
{
	g_autofree char *text = iol_json_scalar(json, at, value, key->kind);

	if (!text)
		return -EINVAL;
	return key->set(target, text, text, json->err) ? iol_json_refused(json, at) : 0;
}

static int set_key_list(const struct iol_json *json, const struct iol_json_place *at,
			const json_t *value, const struct iol_key *key, void *target)
{
	json_t *item;
	size_t i;
	int ret = 0;

	if (!json_is_array(value))
		return iol_json_refuse_type(json, at, value, "a list, in [ and ]");
	json_array_foreach(value, i, item)
	{
		struct iol_json_place place = { .up = at, .idx = i };

		if (set_key(json, &place, item, key, target))
			ret = -EINVAL;
	}
	return ret;
}

int iol_json_keys(const struct iol_json *json, const struct iol_json_place *at, const json_t *value,
		  const char *example, const struct iol_key *keys, void *target)
{
	const char *name;
	json_t *member;
	int ret = 0;

	if (!json_is_object(value)) {
		g_autofree char *expected = g_strdup_printf("an object, such as %s", example);

		return iol_json_refuse_type(json, at, value, expected);
	}
	json_object_foreach((json_t *)value, name, member)
	{
		struct iol_json_place place = { .up = at, .key = name };
		const struct iol_key *key = iol_key_find(keys, name);

		if (!key) {
			place.is_key = true;
			iol_key_refuse_unknown(keys, false, name, "", json->err);
			ret = iol_json_refused(json, &place);
		} else if ((key->repeats ? set_key_list : set_key)(json, &place, member, key,
								   target)) {
			ret = -EINVAL;
		}
	}
	return ret;
}
