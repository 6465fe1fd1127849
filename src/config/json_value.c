// SPDX-License-Identifier: Apache-2.0
/* Places, mistakes and single values of a JSON file. See json_reader.h. */
#include "json_reader.h"

#include <errno.h>
#include <glib.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"

/* What a message shows of a file's name and of a place in it: there must be room for the remedy. */
enum { NAME_SHOWN_BYTES = 80, PLACE_SHOWN_BYTES = 110, KEYS_MAX = 16 };

/* Appends the end of @text, the part that tells most. */
static void append_end(GString *to, const char *text, size_t max)
{
	size_t len = strlen(text);

	if (len > max) {
		g_string_append(to, "...");
		text += len - max + 3;
		/* Not from the middle of a character. */
		while (((unsigned char)*text & 0xc0) == 0x80)
			text++;
	}
	g_string_append(to, text);
}

static void append_place(GString *to, const struct iol_json_place *at)
{
	if (at->up)
		append_place(to, at->up);
	if (!at->key)
		g_string_append_printf(to, "[%zu]", at->idx);
	else
		g_string_append_printf(to, "%s%s", at->up ? "." : "", at->key);
}

char *iol_json_where(const struct iol_json *json, const struct iol_json_place *at)
{
	GString *where = g_string_new(NULL);

	append_end(where, json->name, NAME_SHOWN_BYTES);
	if (at) {
		GString *place = g_string_new(NULL);

		append_place(place, at);
		g_string_append(where, ": ");
		append_end(where, place->str, PLACE_SHOWN_BYTES);
		g_string_free(place, TRUE);
	}
	return g_string_free(where, FALSE);
}

int iol_json_refused(const struct iol_json *json, const struct iol_json_place *at)
{
	g_autofree char *where = iol_json_where(json, at);

	iol_error_prefix(json->err, "%s", where);
	if (json->err)
		json->err->code = -EINVAL;
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
	case IOL_VALUE_SIZE:
		break;
	}
	return "a size, such as \"512M\", or a number of bytes";
}

static char *full_path(const struct iol_json *json, const char *path)
{
	/* Nothing before an empty one, which would then name the folder. */
	if (!json->folder || !*path || g_path_is_absolute(path))
		return g_strdup(path);
	return g_build_filename(json->folder, path, NULL);
}

char *iol_json_scalar(const struct iol_json *json, const struct iol_json_place *at,
		      const json_t *value, enum iol_value_kind kind)
{
	bool number = kind == IOL_VALUE_COUNT || kind == IOL_VALUE_SIZE;

	if (kind == IOL_VALUE_PATH && json_is_string(value))
		return full_path(json, json_string_value(value));
	if ((kind == IOL_VALUE_TEXT || kind == IOL_VALUE_SIZE) && json_is_string(value))
		return g_strdup(json_string_value(value));
	if (number && json_is_integer(value))
		return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	if (kind == IOL_VALUE_FLAG && json_is_boolean(value))
		return g_strdup(json_is_true(value) ? "on" : "off");
	iol_json_refuse_type(json, at, value, expected_of(kind));
	return NULL;
}

static int refuse_key(const struct iol_json *json, const struct iol_json_place *at,
		      const char *name, const struct iol_json_key *keys)
{
	const char *names[KEYS_MAX + 1] = { NULL };

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
	int ret;

	if (!json_is_object(value))
		return iol_json_refuse_type(json, at, value, "an object, in { and }");
	json_object_foreach((json_t *)value, name, member)
	{
		struct iol_json_place place = { .up = at, .key = name };
		const struct iol_json_key *key = keys;

		while (key->name && strcmp(key->name, name))
			key++;
		if (!key->name)
			return refuse_key(json, at, name, keys);
		ret = read_member(json, &place, member, key);
		if (ret)
			return ret;
	}
	return 0;
}

int iol_json_list(const struct iol_json *json, const struct iol_json_place *at, const json_t *value,
		  const char *expected,
		  int (*read)(const struct iol_json *json, const struct iol_json_place *at,
			      const json_t *item))
{
	json_t *item;
	size_t i;
	int ret;

	if (!json_is_array(value))
		return iol_json_refuse_type(json, at, value, expected);
	json_array_foreach(value, i, item)
	{
		struct iol_json_place place = { .up = at, .idx = i };

		ret = read(json, &place, item);
		if (ret)
			return ret;
	}
	return 0;
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

		ret = set_key(json, &place, item, key, target);
		if (ret)
			return ret;
	}
	return 0;
}

int iol_json_keys(const struct iol_json *json, const struct iol_json_place *at, const json_t *value,
		  const char *example, const struct iol_key *keys, void *target)
{
	const char *name;
	json_t *member;

	if (!json_is_object(value)) {
		g_autofree char *expected = g_strdup_printf("an object, such as %s", example);

		return iol_json_refuse_type(json, at, value, expected);
	}
	json_object_foreach((json_t *)value, name, member)
	{
		struct iol_json_place place = { .up = at, .key = name };
		const struct iol_key *key = iol_key_find(keys, name);
		int ret;

		if (!key) {
			iol_key_refuse_unknown(keys, false, name, "", json->err);
			return iol_json_refused(json, at);
		}
		ret = (key->repeats ? set_key_list : set_key)(json, &place, member, key, target);
		if (ret)
			return ret;
	}
	return 0;
}
