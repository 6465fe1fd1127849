// SPDX-License-Identifier: Apache-2.0
/*
 * What a client can ask about the socket itself: which commands there are, and in QEMU's form (qapi/introspect.json) what
 * arguments they take. Types of answers and of the data of events are not described: they are "any".
 */
#include "session.h"

#include <string.h>

static const struct {
	const char *name, *json;
} builtin_types[] = {
	{ "any", "value" },
	{ "str", "string" },
	{ "int", "int" },
	{ "bool", "boolean" },
};

/* The same for each argument; see builtin_types. */
static const char *type_of(enum iol_control_type type)
{
	switch (type) {
	case IOL_CONTROL_STR:
		return "str";
	case IOL_CONTROL_INT:
		return "int";
	case IOL_CONTROL_BOOL:
		return "bool";
	case IOL_CONTROL_LIST:
		return "[any]";
	case IOL_CONTROL_OBJECT:
		break;
	}
	return "any";
}

/* An object type of its own for each command that takes arguments. */
static void append_arguments(json_t *schema, const char *type, const struct iol_control_arg *arg)
{
	json_t *members = json_array();

	for (; arg && arg->name; arg++) {
		json_t *member =
			json_pack("{s:s, s:s}", "name", arg->name, "type", type_of(arg->type));

		if (arg->optional)
			json_object_set_new(member, "default", json_null());
		json_array_append_new(members, member);
	}
	json_array_append_new(schema, json_pack("{s:s, s:s, s:o}", "name", type, "meta-type",
						"object", "members", members));
}

static void append_command(json_t *schema, const struct iol_control_command *command)
{
	g_autofree char *type =
		command->args ? g_strconcat(command->name, "-arg", NULL) : g_strdup("empty");

	json_array_append_new(schema,
			      json_pack("{s:s, s:s, s:s, s:s}", "name", command->name, "meta-type",
					"command", "arg-type", type, "ret-type", "any"));
	if (command->args)
		append_arguments(schema, type, command->args);
}

json_t *iol_control_schema(const struct iol_control_service *service)
{
	json_t *schema = json_array();

	for (size_t i = 0; i < IOL_ARRAY_LEN(builtin_types); i++)
		json_array_append_new(schema,
				      json_pack("{s:s, s:s, s:s}", "name", builtin_types[i].name,
						"meta-type", "builtin", "json-type",
						builtin_types[i].json));
	json_array_append_new(schema, json_pack("{s:s, s:s, s:s}", "name", "[any]", "meta-type",
						"array", "element-type", "any"));
	append_arguments(schema, "empty", NULL);
	for (const struct iol_control_command *c = iol_control_builtins; c->name; c++)
		append_command(schema, c);
	for (const struct iol_control_command *c = service->commands; c->name; c++)
		append_command(schema, c);
	for (const char *const *event = service->events; event && *event; event++)
		json_array_append_new(schema, json_pack("{s:s, s:s, s:s}", "name", *event,
							"meta-type", "event", "arg-type", "any"));
	return schema;
}
