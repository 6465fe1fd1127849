// SPDX-License-Identifier: Apache-2.0
/* The arguments of a command, held against its list. */
#include "session.h"

#include <errno.h>
#include <string.h>

static bool has_type(const json_t *value, enum iol_control_type type)
{
	switch (type) {
	case IOL_CONTROL_STR:
		return json_is_string(value);
	case IOL_CONTROL_INT:
		return json_is_integer(value);
	case IOL_CONTROL_BOOL:
		return json_is_boolean(value);
	case IOL_CONTROL_OBJECT:
		return json_is_object(value);
	case IOL_CONTROL_LIST:
		return json_is_array(value);
	}
	return false;
}

static const char *type_name(enum iol_control_type type)
{
	static const char *const names[] = {
		[IOL_CONTROL_STR] = "string",   [IOL_CONTROL_INT] = "integer",
		[IOL_CONTROL_BOOL] = "boolean", [IOL_CONTROL_OBJECT] = "object",
		[IOL_CONTROL_LIST] = "array",
	};

	return names[type];
}

static const struct iol_control_arg *find_arg(const struct iol_control_arg *arg, const char *name)
{
	for (; arg && arg->name; arg++)
		if (!strcmp(arg->name, name))
			return arg;
	return NULL;
}

int iol_control_arguments_check(const struct iol_control_command *command, const json_t *args,
				struct iol_error *err)
{
	const char *name;
	const json_t *value;

	for (const struct iol_control_arg *arg = command->args; arg && arg->name; arg++) {
		value = json_object_get(args, arg->name);
		if (!value && !arg->optional)
			return iol_error_set(err, -EINVAL, "Parameter '%s' is missing", arg->name);
		if (value && !has_type(value, arg->type))
			return iol_error_set(err, -EINVAL,
					     "Invalid parameter type for '%s', expected: %s",
					     arg->name, type_name(arg->type));
	}
	json_object_foreach((json_t *)args, name, value)
	{
		if (!find_arg(command->args, name))
			return iol_error_set(err, -EINVAL, "Parameter '%.100s' is unexpected",
					     name);
	}
	return 0;
}
