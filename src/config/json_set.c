// SPDX-License-Identifier: Apache-2.0
/*
 * PATH=VALUE of --set: a change to a configuration before it is read. A path is keys with dots between them and [i] for
 * items of lists; a key with other characters than letters, digits, dashes and underscores stands in double quotes, as
 * in JSON. See json_reader.h. Before any thread; the text is the user's.
 */
#include "json_reader.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#define KEY_LETTERS G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_-"

enum { STEPS_MAX = 16 };

/* One key or one item. */
struct step {
	char *key; /* NULL: an item */
	uint64_t idx;
};

struct path {
	unsigned int count;
	struct step steps[STEPS_MAX];
};

static void path_finish(struct path *path)
{
	while (path->count)
		g_free(path->steps[--path->count].key);
}

/* --- reading it --- */

static int refuse_path(struct iol_error *err)
{
	return iol_error_set(err, -EINVAL,
			     "no path: give keys and places as in boot.cmdline=TEXT or "
			     "disks[0].direct=true");
}

/* [i] at @text. Returns what is behind it, or NULL. */
static const char *read_item(const char *text, struct step *step)
{
	size_t digits = strspn(text + 1, G_CSET_DIGITS);
	g_autofree char *number = g_strndup(text + 1, digits);

	if (text[1 + digits] != ']' || !iol_number_parse(number, 10, 0, UINT32_MAX, &step->idx))
		return NULL;
	return text + 2 + digits;
}

/* "key" at @text. */
static const char *read_quoted(const char *text, struct step *step)
{
	const char *end = text + 1;
	g_autofree char *list = NULL;
	json_auto_t *value = NULL;

	while (*end && *end != '"')
		end += end[0] == '\\' && end[1] ? 2 : 1;
	if (!*end)
		return NULL;
	list = g_strndup(text, (gsize)(end + 1 - text));
	value = json_loads(list, JSON_DECODE_ANY, NULL);
	step->key = g_strdup(json_string_value(value));
	return step->key ? end + 1 : NULL;
}

static const char *read_key(const char *text, struct step *step)
{
	size_t len = strspn(text, KEY_LETTERS);

	if (*text == '"')
		return read_quoted(text, step);
	step->key = len ? g_strndup(text, len) : NULL;
	return len ? text + len : NULL;
}

/* Up to the equals sign. Returns the value behind it, or NULL. */
static const char *read_path(const char *text, struct path *path)
{
	while (text && *text != '=') {
		struct step *step = &path->steps[path->count];

		if (path->count == STEPS_MAX)
			return NULL;
		*step = (struct step){ 0 };
		if (path->count && *text == '[')
			text = read_item(text, step);
		else if (path->count && *text != '.')
			text = NULL;
		else
			text = read_key(text + (path->count ? 1 : 0), step);
		if (text)
			path->count++;
		else
			g_free(step->key);
	}
	return text && path->count ? text + 1 : NULL;
}

static char *path_text(const struct path *path, unsigned int count)
{
	struct iol_json_place places[STEPS_MAX] = { 0 };

	for (unsigned int i = 0; i < count; i++)
		places[i] = (struct iol_json_place){ .up = i ? &places[i - 1] : NULL,
						     .key = path->steps[i].key,
						     .idx = path->steps[i].idx };
	return iol_json_chain(count ? &places[count - 1] : NULL);
}

/* --- following it --- */

/* @at, which is what the first @count steps lead to, must be of the type that the next one needs. */
static int check_type(const struct path *path, unsigned int count, const json_t *at,
		      struct iol_error *err)
{
	const struct step *step = &path->steps[count];
	g_autofree char *here = path_text(path, count);

	if (step->key && !json_is_object(at))
		return iol_error_set(err, -EINVAL,
				     "'%s' is no object with keys: set all of it, or leave .%s out",
				     here, step->key);
	if (!step->key && !json_is_array(at))
		return iol_error_set(err, -EINVAL,
				     "'%s' is no list: leave [%u] out, or set all of it", here,
				     (unsigned int)step->idx);
	if (!step->key && step->idx > json_array_size(at))
		return iol_error_set(err, -EINVAL, "'%s' has %zu items: the next one is [%zu]",
				     here, json_array_size(at), json_array_size(at));
	return 0;
}

static json_t *get(const json_t *at, const struct step *step)
{
	return step->key ? json_object_get(at, step->key) : json_array_get(at, step->idx);
}

/* Takes @value over. */
static int put(json_t *at, const struct step *step, json_t *value)
{
	if (step->key)
		return json_object_set_new(at, step->key, value);
	if (step->idx == json_array_size(at))
		return json_array_append_new(at, value);
	return json_array_set_new(at, step->idx, value);
}

/* "memory": "2G" on the way to memory.lock is {"size": "2G"}. */
static json_t *widen(json_t *whole, const struct path *path, json_t *next)
{
	const char *head = iol_json_place_head(path->steps[0].key);
	json_t *object;

	if (!head || !path->steps[1].key || (!json_is_integer(next) && !json_is_string(next)))
		return next;
	object = json_object();
	json_object_set(object, head, next);
	put(whole, &path->steps[0], object);
	return object;
}

static int set_value(json_t *at, const struct path *path, json_t *value, struct iol_error *err)
{
	for (unsigned int i = 0; i < path->count; i++) {
		const struct step *step = &path->steps[i];
		json_t *next;
		int ret = check_type(path, i, at, err);

		if (ret)
			return ret;
		if (i + 1 == path->count) {
			put(at, step, json_incref(value));
			break;
		}
		next = get(at, step);
		if (!next) {
			next = path->steps[i + 1].key ? json_object() : json_array();
			put(at, step, next);
		} else if (!i) {
			next = widen(at, path, next);
		}
		at = next;
	}
	return 0;
}

int iol_json_set(json_t *whole, const char *text, char **path, struct iol_error *err)
{
	iol_auto(path_finish) struct path read = { 0 };
	const char *said = read_path(text, &read);
	json_auto_t *value = NULL;

	*path = NULL;
	if (!said)
		return refuse_path(err);
	value = json_loads(said, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	if (!value)
		value = json_string(said);
	if (!value)
		return iol_error_set(err, -EINVAL,
				     "its value is not UTF-8: give text in that "
				     "encoding");
	*path = path_text(&read, read.count);
	return set_value(whole, &read, value, err);
}
