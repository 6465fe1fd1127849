// SPDX-License-Identifier: Apache-2.0
/* A JSON Schema (draft 2020-12) of the configuration, from the tables that files are read by. See json_reader.h. */
#include "json_reader.h"

#include <glib.h>

#include "keys.h"

static json_t *type_of(enum iol_value_kind kind)
{
	switch (kind) {
	case IOL_VALUE_FLAG:
		return json_pack("{s:s}", "type", "boolean");
	case IOL_VALUE_COUNT:
		return json_pack("{s:s}", "type", "integer");
	case IOL_VALUE_SIZE:
		return json_pack("{s:[s, s], s:s, s:i}", "type", "string", "integer", "pattern",
				 "^[0-9]+[KkMmGgTt]?$", "minimum", 0);
	case IOL_VALUE_LIST:
		return json_pack("{s:[s, s, s], s:i, s:{s:[s, s], s:i}}", "type", "integer",
				 "string", "array", "minimum", 0, "items", "type", "integer",
				 "string", "minimum", 0);
	case IOL_VALUE_TEXT:
	case IOL_VALUE_PATH:
		break;
	}
	return json_pack("{s:s}", "type", "string");
}

/* Puts what is said of a key into its @schema. */
static void describe(json_t *schema, const struct iol_key_doc *doc)
{
	json_t *fallback = doc->fallback ? json_loads(doc->fallback, JSON_DECODE_ANY, NULL) : NULL;
	json_t *values = doc->values ? json_array() : NULL;

	for (const char *const *value = doc->values; value && *value; value++)
		json_array_append_new(values, json_string(*value));
	if (doc->text)
		json_object_set_new(schema, "description", json_string(doc->text));
	if (values)
		json_object_set_new(schema, "enum", values);
	if (doc->max) {
		json_object_set_new(schema, "minimum", json_integer((json_int_t)doc->min));
		json_object_set_new(schema, "maximum", json_integer((json_int_t)doc->max));
	}
	if (fallback)
		json_object_set_new(schema, "default", fallback);
}

static json_t *object_of(json_t *properties)
{
	return json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0,
			 "properties", properties);
}

json_t *iol_json_schema_list(json_t *item, size_t max)
{
	return json_pack("{s:s, s:I, s:o}", "type", "array", "maxItems", (json_int_t)max, "items",
			 item);
}

json_t *iol_json_schema_value(const struct iol_key *key)
{
	json_t *schema = type_of(key->kind);

	describe(schema, &key->doc);
	return schema;
}

json_t *iol_json_schema_keys(const struct iol_key *keys, const char *const *needed)
{
	json_t *properties = json_object(), *required = json_array(), *object;

	for (; keys->name; keys++) {
		json_t *schema = type_of(keys->kind);

		if (keys->hidden) {
			json_decref(schema);
			continue;
		}
		if (keys->repeats) {
			/* Ranges are of its items. */
			describe(schema, &(const struct iol_key_doc){ .min = keys->doc.min,
								      .max = keys->doc.max });
			schema = json_pack("{s:s, s:o}", "type", "array", "items", schema);
			describe(schema, &(const struct iol_key_doc){ .text = keys->doc.text });
		} else {
			describe(schema, &keys->doc);
		}
		json_object_set_new(properties, keys->name, schema);
	}
	for (; *needed; needed++)
		json_array_append_new(required, json_string(*needed));
	object = object_of(properties);
	json_object_set_new(object, "required", required);
	return object;
}

json_t *iol_json_schema_object(const struct iol_json_key *keys)
{
	json_t *properties = json_object();

	for (; keys->name; keys++) {
		json_t *schema = keys->schema    ? keys->schema()
				 : keys->members ? iol_json_schema_object(keys->members)
						 : type_of(keys->kind);

		describe(schema, &keys->doc);
		json_object_set_new(properties, keys->name, schema);
	}
	return object_of(properties);
}

/* Values of properties have forms of their own, which iolite-config(5) tells of. */
json_t *iol_json_schema_tree(void)
{
	json_t *delete = iol_json_schema_list(json_pack("{s:s}", "type", "string"),
					      IOL_CONFIG_TREE_EDITS_MAX);
	json_t *update =
		json_pack("{s:s, s:{s:s, s:{s:[s, s, s, s, s, s]}}}", "type", "object",
			  "additionalProperties", "type", "object", "additionalProperties", "type",
			  "string", "integer", "array", "object", "boolean", "null");

	describe(delete, &(const struct iol_key_doc){ .text = "Nodes to delete." });
	describe(update,
		 &(const struct iol_key_doc){ .text = "Nodes and the properties they get." });
	return object_of(json_pack("{s:o, s:o}", "node-update", update, "delete", delete));
}
