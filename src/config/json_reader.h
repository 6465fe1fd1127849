/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a JSON file: between json.c (the file), json_syntax.c (what is no JSON), json_value.c (places and
 * single values), json_machine.c and json_tree.c (what the keys mean). Nobody else includes jansson.
 *
 * A mistake is told in one place, iol_json_refused(), with the place in the file and as a chain of keys and indices. It
 * ends the reading of its value only: readers go on with what is beside it, and return -EINVAL in the end. Before any
 * thread.
 */
#ifndef IOL_CONFIG_JSON_READER_H
#define IOL_CONFIG_JSON_READER_H

#include <jansson.h>

#include "config_internal.h"
#include "mistakes.h"

struct iol_json {
	const char *folder; /* before relative paths; NULL: nothing is */
	struct iol_config *config; /* being filled */
	struct iol_error *err; /* the last one; never NULL */
	struct iol_mistakes *mistakes; /* all of them; never NULL */
	struct iol_system_config *system; /* being filled; NULL: it is a machine's file */
	const json_t *defaults; /* of the system's partitions; NULL: none */
	struct iol_partition_config *partition; /* the one whose machine config is */
};

/* A key of an object, ended by one without a name. Either a reader, or the setter of the option that is its twin. */
struct iol_json_key {
	const char *name;
	int (*read)(const struct iol_json *json, const struct iol_json_place *at,
		    const json_t *value);
	enum iol_value_kind kind; /* also of what is written by get(), where there is read() */
	int (*set)(struct iol_config *config, const char *text, struct iol_error *err);
	/* The text that set() takes for what @config has, to be freed with g_free(); NULL: nothing. */
	char *(*get)(const struct iol_config *config);
	/* In the place of get(): the value, or NULL. */
	json_t *(*write)(const struct iol_config *config);
	/* What an object has; what each item of a list has (schema), if not text. */
	const struct iol_json_key *members;
	json_t *(*schema)(void);
	struct iol_key_doc doc;
};

/*
 * What jansson found at @text: "web.json:3:14: a comma before the closing }: take it away". @name as it is to be
 * shown, @len without a byte order mark. Returns -EINVAL.
 */
int iol_json_syntax_refuse(const char *name, const char *text, size_t len,
			   const json_error_t *found, struct iol_error *err);

/* The folder that a relative path at @at begins in; NULL: the current one. */
const char *iol_json_folder(const struct iol_json *json, const struct iol_json_place *at);

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

/*
 * PATH=VALUE changes @whole: objects on the way are made, a list's next item may be. -EINVAL with what is wrong with
 * it. @path: the place that it has then, to be freed with g_free() also on failure.
 */
int iol_json_set(json_t *whole, const char *text, char **path, struct iol_error *err);

/* --- writing, json_write.c --- */

/* Of a completed configuration: what all of @keys have. */
json_t *iol_json_write(const struct iol_json_key *keys, const struct iol_config *config);
/* A text; null where it is not UTF-8, which JSON is (RFC 8259 section 8.1): iol_config_to_json() then says where. */
json_t *iol_json_text(const char *text);
json_t *iol_json_write_keys(const struct iol_key *keys, const void *target);
/* "tree", or NULL */
json_t *iol_json_write_tree(const struct iol_config *config);

/* --- the schema, json_schema.c --- */

json_t *iol_json_schema_object(const struct iol_json_key *keys);
json_t *iol_json_schema_keys(const struct iol_key *keys, const char *const *needed);
/* One value of @key, without what it is for. */
json_t *iol_json_schema_value(const struct iol_key *key);
json_t *iol_json_schema_list(json_t *item, size_t max);
json_t *iol_json_schema_tree(void);

/* All keys of a file. */
extern const struct iol_json_key iol_json_machine_keys[];

/* A machine at @at, NULL: the whole file. @keys are iol_json_machine_keys, or have them and more. */
int iol_json_machine(const struct iol_json *json, const struct iol_json_place *at,
		     const json_t *value, const struct iol_json_key *keys);

/* All of @text as JSON, a byte order mark aside; NULL: it is none, see @found (or NULL). */
json_t *iol_json_read(const char *text, size_t len, json_error_t *found);
/* What the file says; its places are known from here on. NULL: it is no JSON, which was told. */
json_t *iol_json_parse(const struct iol_json *json, const char *name, const char *text, size_t len);

/* "cpus" and "memory", json_place.c */
int iol_json_cpus(const struct iol_json *json, const struct iol_json_place *at,
		  const json_t *value);
/* The key of their objects that stands for the object where it is alone; NULL: @name is neither. */
const char *iol_json_place_head(const char *name);
json_t *iol_json_write_cpus(const struct iol_config *config);
json_t *iol_json_schema_cpus(void);
int iol_json_memory(const struct iol_json *json, const struct iol_json_place *at,
		    const json_t *value);
json_t *iol_json_write_memory(const struct iol_config *config);
json_t *iol_json_schema_memory(void);

/* "tree" */
int iol_json_tree(const struct iol_json *json, const struct iol_json_place *at,
		  const json_t *value);

#endif
