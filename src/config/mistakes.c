// SPDX-License-Identifier: Apache-2.0
/* Mistakes and their places. See mistakes.h. Before any thread. */
#include "mistakes.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

/* What a message shows of a file's name and of a place in it: there must be room for the remedy. */
enum { NAME_SHOWN_BYTES = 80, PLACE_SHOWN_BYTES = 110 };

/* Finding a place takes a walk through the file: a file of nothing but mistakes is not to take a minute. */
enum { PLACED_MAX = 1000 };

struct mistake {
	struct iol_json_position at; /* line 0: none */
	char *text;
};

struct iol_mistakes {
	char *name; /* of the file, or NULL */
	struct iol_json_index *index; /* of its text, or NULL */
	char *text; /* what the index is of, if it is ours */
	GPtrArray *options; /* places of --set */
	GPtrArray *forgotten; /* keys */
	bool is_system;
	size_t count;
	unsigned int kept;
	struct mistake all[IOL_MISTAKES_MAX]; /* sorted */
};

struct iol_mistakes *iol_mistakes_new(void)
{
	struct iol_mistakes *mistakes = g_new0(struct iol_mistakes, 1);

	mistakes->options = g_ptr_array_new_with_free_func(g_free);
	mistakes->forgotten = g_ptr_array_new_with_free_func(g_free);
	return mistakes;
}

void iol_mistakes_free(struct iol_mistakes *mistakes)
{
	if (!mistakes)
		return;
	for (unsigned int i = 0; i < mistakes->kept; i++)
		g_free(mistakes->all[i].text);
	g_ptr_array_unref(mistakes->options);
	g_ptr_array_unref(mistakes->forgotten);
	iol_json_index_free(mistakes->index);
	g_free(mistakes->name);
	g_free(mistakes->text);
	g_free(mistakes);
}

size_t iol_mistakes_count(const struct iol_mistakes *mistakes)
{
	return mistakes->count;
}

const char *iol_mistakes_text(const struct iol_mistakes *mistakes, size_t i)
{
	return i < mistakes->kept ? mistakes->all[i].text : NULL;
}

void iol_mistakes_set_file(struct iol_mistakes *mistakes, const char *name, const char *text,
			   size_t len)
{
	g_free(mistakes->name);
	mistakes->name = g_strdup(name);
	iol_json_index_free(mistakes->index);
	mistakes->index = text ? iol_json_index_new(text, len) : NULL;
}

void iol_mistakes_keep_text(struct iol_mistakes *mistakes, char *text)
{
	g_free(mistakes->text);
	mistakes->text = text;
}

void iol_mistakes_set_option(struct iol_mistakes *mistakes, const char *path)
{
	g_ptr_array_add(mistakes->options, g_strdup(path));
}

void iol_mistakes_set_system(struct iol_mistakes *mistakes)
{
	mistakes->is_system = true;
}

void iol_mistakes_forget(struct iol_mistakes *mistakes, const char *key)
{
	g_ptr_array_add(mistakes->forgotten, g_strdup(key));
}

/* --- places --- */

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

char *iol_json_chain(const struct iol_json_place *at)
{
	GString *chain = g_string_new(NULL);

	if (at)
		append_place(chain, at);
	return g_string_free(chain, FALSE);
}

/* Whether the place @path is @above or below it. */
static bool is_below(const char *path, const char *above)
{
	size_t len = strlen(above);

	return g_str_has_prefix(path, above) && (!len || strchr(".[", path[len]));
}

bool iol_mistakes_is_option(const struct iol_mistakes *mistakes, const struct iol_json_place *at)
{
	g_autofree char *path = mistakes && mistakes->options->len ? iol_json_chain(at) : NULL;

	for (unsigned int i = 0; path && i < mistakes->options->len; i++)
		if (is_below(path, g_ptr_array_index(mistakes->options, i)))
			return true;
	return false;
}

/* @at, which is in no file, has something of a --set below it. */
static bool has_option(const struct iol_mistakes *mistakes, const struct iol_json_place *at)
{
	g_autofree char *path = iol_json_chain(at);

	for (unsigned int i = 0; i < mistakes->options->len; i++)
		if (is_below(g_ptr_array_index(mistakes->options, i), path))
			return true;
	return false;
}

static bool find(const struct iol_mistakes *mistakes, const struct iol_json_place *at,
		 struct iol_json_position *position)
{
	return mistakes->index && iol_json_index_find(mistakes->index, at, position);
}

/*
 * The place of a partition's @at among the defaults of its system, to be freed with g_free(), that is: without what is above it.
 * NULL: it is in no partition.
 */
static struct iol_json_place *in_defaults(const struct iol_mistakes *mistakes,
					  const struct iol_json_place *at)
{
	const struct iol_json_place *place = at;
	struct iol_json_place *moved;
	size_t depth = 0;

	for (; place && place->up; place = place->up)
		depth++;
	/* "partitions" and a name are not moved. */
	if (!mistakes->is_system || depth < 2 || g_strcmp0(place->key, "partitions") != 0)
		return NULL;
	moved = g_new0(struct iol_json_place, depth);
	for (size_t i = 0; i + 1 < depth; i++, at = at->up) {
		moved[i] = *at;
		moved[i].up = &moved[i + 1];
	}
	moved[depth - 1].key = "defaults";
	return moved;
}

/* As find(), also among the defaults, where it is @moved, to be freed with g_free(). */
static bool find_origin(const struct iol_mistakes *mistakes, const struct iol_json_place *at,
			struct iol_json_place **moved, struct iol_json_position *position)
{
	*moved = NULL;
	if (find(mistakes, at, position))
		return true;
	*moved = in_defaults(mistakes, at);
	if (*moved && find(mistakes, *moved, position))
		return true;
	g_clear_pointer(moved, g_free);
	return false;
}

static char *where(const struct iol_mistakes *mistakes, const struct iol_json_place *at,
		   struct iol_json_position *position)
{
	g_autofree struct iol_json_place *moved = NULL;
	const struct iol_json_place *shown = at && at->is_key ? at->up : at;
	bool option = mistakes && iol_mistakes_is_option(mistakes, at);
	g_autofree char *chain = NULL;
	GString *text = g_string_new(NULL);
	bool found;

	*position = (struct iol_json_position){ 0 };
	if (!mistakes)
		return g_string_free(text, FALSE);
	found = !option && find_origin(mistakes, at, &moved, position);
	if (moved) {
		at = moved;
		shown = at->is_key ? at->up : at;
	}
	option = option || (!found && at && has_option(mistakes, at));
	chain = iol_json_chain(option ? at : shown);
	if (option) {
		g_string_append(text, "--set ");
		append_end(text, chain, PLACE_SHOWN_BYTES);
		return g_string_free(text, FALSE);
	}
	/* What a --set made is in nothing that the file has, but perhaps within something. */
	for (; !found && at; at = at->up)
		found = find(mistakes, at->up, position);
	append_end(text, mistakes->name ? mistakes->name : "", NAME_SHOWN_BYTES);
	if (found)
		g_string_append_printf(text, ":%u:%u", position->line, position->column);
	if (*chain) {
		g_string_append(text, text->len ? ": " : "");
		append_end(text, chain, PLACE_SHOWN_BYTES);
	}
	return g_string_free(text, FALSE);
}

char *iol_mistakes_where(const struct iol_mistakes *mistakes, const struct iol_json_place *at)
{
	struct iol_json_position position;

	return where(mistakes, at, &position);
}

/* --- keeping them --- */

/* Lines count from 1: behind all of them is what has none. */
static bool comes_before(const struct iol_json_position *a, const struct iol_json_position *b)
{
	if (a->line != b->line)
		return a->line - 1 < b->line - 1;
	return a->column < b->column;
}

/* What is wrong with the defaults is wrong with each partition. */
static bool is_kept(const struct iol_mistakes *mistakes, const struct iol_json_position *at,
		    const char *text)
{
	for (unsigned int i = 0; i < mistakes->kept; i++) {
		const struct mistake *mistake = &mistakes->all[i];

		if (mistake->at.line == at->line && mistake->at.column == at->column &&
		    !strcmp(mistake->text, text))
			return true;
	}
	return false;
}

static void keep(struct iol_mistakes *mistakes, const struct iol_json_position *at,
		 const char *text)
{
	unsigned int i = mistakes->kept;

	if (mistakes->is_system && is_kept(mistakes, at, text))
		return;
	mistakes->count++;
	if (i == IOL_MISTAKES_MAX) {
		i--;
		if (!comes_before(at, &mistakes->all[i].at))
			return;
		g_free(mistakes->all[i].text);
	} else {
		mistakes->kept++;
	}
	for (; i && comes_before(at, &mistakes->all[i - 1].at); i--)
		mistakes->all[i] = mistakes->all[i - 1];
	mistakes->all[i] = (struct mistake){ .at = *at, .text = g_strdup(text) };
}

void iol_mistakes_add(struct iol_mistakes *mistakes, const char *text)
{
	keep(mistakes, &(const struct iol_json_position){ 0 }, text);
}

void iol_mistakes_put(struct iol_mistakes *mistakes, const struct iol_json_place *at,
		      struct iol_error *err)
{
	struct iol_json_position position;
	g_autofree char *place = NULL;

	if (mistakes->count >= PLACED_MAX) {
		mistakes->count++;
		return;
	}
	place = where(mistakes, at, &position);
	if (*place)
		iol_error_prefix(err, "%s", place);
	keep(mistakes, &position, err->msg);
}

void iol_mistakes_put_found(struct iol_mistakes *mistakes, const struct iol_json_place *at,
			    const char *what, struct iol_error *err)
{
	g_autofree struct iol_json_place *moved = NULL;
	struct iol_json_position position = { 0 };
	const struct iol_json_place *top = at;
	bool replaced = mistakes->count >= PLACED_MAX;

	while (top && top->up)
		top = top->up;
	for (unsigned int i = 0; top && i < mistakes->forgotten->len; i++)
		replaced |= !strcmp(top->key, g_ptr_array_index(mistakes->forgotten, i));
	if (!replaced && (find_origin(mistakes, at, &moved, &position) ||
			  iol_mistakes_is_option(mistakes, at))) {
		iol_mistakes_put(mistakes, at, err);
		return;
	}
	if (what)
		iol_error_prefix(err, "%s", what);
	iol_mistakes_add(mistakes, err->msg);
}

int iol_mistakes_first(const struct iol_mistakes *mistakes, struct iol_error *err)
{
	if (!mistakes->count)
		return 0;
	return iol_error_set(err, -EINVAL, "%s", mistakes->all[0].text);
}
