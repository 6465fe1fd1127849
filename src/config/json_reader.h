/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a JSON file: between json.c (the file), json_syntax.c (what is no JSON), json_value.c (places and
 * single values), json_machine.c and json_tree.c (what the keys mean). Nobody else includes jansson.
 *
 * A mistake is told in one place, iol_json_refuse(), with the place as a chain of keys and indices;
 * the first one ends the reading. Before any thread.
 */
#ifndef IOL_CONFIG_JSON_READER_H
#define IOL_CONFIG_JSON_READER_H

#include <jansson.h>

#include "config_internal.h"

/* Where a value stands, from the value up; on the stacks of the readers. NULL: the whole. */
struct iol_json_place {
	const struct iol_json_place *up;
	const char *key; /* NULL: an item of a list */
	size_t idx;
};

struct iol_json {
	const char *name; /* of the file, for messages */
	const char *folder; /* before relative paths; NULL: nothing is */
	struct iol_config *config; /* being filled */
	struct iol_error *err; /* may be NULL */
};

/* A key of an object, ended by one without a name. Either a reader, or the setter of the option that is its twin. */
struct iol_json_key {
	const char *name;
	int (*read)(const struct iol_json *json, const struct iol_json_place *at,
		    const json_t *value);
	enum iol_value_kind kind;
	int (*set)(struct iol_config *config, const char *text, struct iol_error *err);
};

/*
 * What jansson found at @text: "web.json:3:14: a comma before the closing }: take it away". @len without
 * a byte order mark. Returns -EINVAL.
 */
int iol_json_syntax_refuse(const char *name, const char *text, size_t len,
			   const json_error_t *found, struct iol_error *err);

/* "web.json: disks[1].cache", long ones by their ends. To be freed with g_free(). */
char *iol_json_where(const struct iol_json *json, const struct iol_json_place *at);

/* Tells of a mistake at @at. Returns -EINVAL. */
int iol_json_refuse(const struct iol_json *json, const struct iol_json_place *at, const char *fmt,
		    ...) iol_printf(3, 4);

/* The same, with the text that is in json->err already, as setters leave it. */
int iol_json_refused(const struct iol_json *json, const struct iol_json_place *at);

/* @value is of a type that does not belong there. Returns -EINVAL. */
int iol_json_refuse_type(const struct iol_json *json, const struct iol_json_place *at,
			 const json_t *value, const char *expected);

/* The text that an option would have for @value, to be freed with g_free(); NULL after the mistake was told. */
char *iol_json_scalar(const struct iol_json *json, const struct iol_json_place *at,
		      const json_t *value, enum iol_value_kind kind);

/* Each member of @value by its key in @keys. */
int iol_json_object(const struct iol_json *json, const struct iol_json_place *at,
		    const json_t *value, const struct iol_json_key *keys);

/* Each member of @value by its key in @keys, set in @target. @example for values that are no object. */
struct iol_key;
int iol_json_keys(const struct iol_json *json, const struct iol_json_place *at, const json_t *value,
		  const char *example, const struct iol_key *keys, void *target);

/* Each item of @value by @read. */
int iol_json_list(const struct iol_json *json, const struct iol_json_place *at, const json_t *value,
		  const char *expected,
		  int (*read)(const struct iol_json *json, const struct iol_json_place *at,
			      const json_t *item));

/* The whole. */
int iol_json_machine(const struct iol_json *json, const json_t *value);

/* "tree" */
int iol_json_tree(const struct iol_json *json, const struct iol_json_place *at,
		  const json_t *value);

#endif
