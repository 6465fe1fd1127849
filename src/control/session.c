// SPDX-License-Identifier: Apache-2.0
/*
 * The protocol. See session.h. The words of errors are QEMU's where clients may know them.
 *
 * A client is hostile to the process, if master of the machine: a request is bounded in bytes and depth before it is
 * parsed, and each is answered before the next one is looked at.
 */
#include "session.h"

#include <errno.h>
#include <string.h>

#include <iolite/version.h>

#define LINE_END "\r\n"

json_t *iol_control_text(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);

	return json_string(valid);
}

/* As QEMU's are: an object in ASCII, with a space behind each comma and colon. Steals @message; NULL: it cannot be told. */
static char *line_of(json_t *message)
{
	char *text = json_dumps(message, JSON_ENSURE_ASCII);
	char *line = text ? g_strconcat(text, LINE_END, NULL) : NULL;

	json_decref(message);
	free(text);
	return line;
}

static json_t *error_message(const char *class, const char *desc)
{
	return json_pack("{s:{s:s, s:o}}", "error", "class", class, "desc", iol_control_text(desc));
}

char *iol_control_error_line(const char *desc)
{
	return line_of(error_message("GenericError", desc));
}

char *iol_control_event_line(const char *event, json_t *data, int64_t realtime_us)
{
	json_t *message = json_pack("{s:{s:I, s:I}, s:s}", "timestamp", "seconds",
				    (json_int_t)(realtime_us / 1000000), "microseconds",
				    (json_int_t)(realtime_us % 1000000), "event", event);

	if (data)
		json_object_set_new(message, "data", data);
	return line_of(message);
}

/* ---- Answers ---- */

/* Steals @message. */
static void answer(struct iol_control_session *s, json_t *message, json_t *id)
{
	char *line;

	if (id)
		json_object_set(message, "id", id);
	line = line_of(message);
	if (!line || strlen(line) > IOL_CONTROL_OUT_BYTES_MAX / 2) {
		g_free(line);
		message = error_message("GenericError", "the answer is too long to be sent");
		if (id)
			json_object_set(message, "id", id);
		line = line_of(message);
	}
	if (line)
		s->send(s, line, strlen(line));
	g_free(line);
}

static void answer_error(struct iol_control_session *s, const char *class, const char *desc,
			 json_t *id)
{
	answer(s, error_message(class, desc), id);
}

/* ---- What iolite answers for the socket itself ---- */

static int negotiate(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_control_session *s = machine;
	const json_t *enable = json_object_get(args, "enable");
	const json_t *first = json_array_get(enable, 0);

	(void)result;
	if (first)
		return iol_error_set(err, -EINVAL, "Capability '%.100s' is not available",
				     json_is_string(first) ? json_string_value(first) : "?");
	s->negotiated = true;
	return 0;
}

static void append_names(json_t *list, const struct iol_control_command *commands)
{
	for (; commands->name; commands++)
		json_array_append_new(list, json_pack("{s:s}", "name", commands->name));
}

static int query_commands(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	const struct iol_control_session *s = machine;

	(void)args, (void)err;
	*result = json_array();
	append_names(*result, iol_control_builtins);
	append_names(*result, s->service->commands);
	return 0;
}

static int query_schema(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	const struct iol_control_session *s = machine;

	(void)args, (void)err;
	*result = iol_control_schema(s->service);
	return 0;
}

static const struct iol_control_arg negotiate_args[] = {
	{ "enable", IOL_CONTROL_LIST, true },
	{ 0 },
};

const struct iol_control_command iol_control_builtins[] = {
	{ "qmp_capabilities", negotiate_args, negotiate },
	{ "query-commands", NULL, query_commands },
	{ "query-qmp-schema", NULL, query_schema },
	{ 0 },
};

/* ---- Requests ---- */

static const struct iol_control_command *find(const struct iol_control_command *command,
					      const char *name)
{
	for (; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

static void run(struct iol_control_session *s, const struct iol_control_command *command,
		void *machine, const json_t *args, json_t *id)
{
	struct iol_error err = { 0 };
	json_t *result = NULL;
	int ret = iol_control_arguments_check(command, args, &err);

	if (!ret)
		ret = command->run(machine, args, &result, &err);
	if (!ret) {
		answer(s, json_pack("{s:o}", "return", result ? result : json_object()), id);
		return;
	}
	json_decref(result);
	answer_error(s, ret == -ENODEV ? "DeviceNotFound" : "GenericError",
		     *err.msg ? err.msg : g_strerror(-ret), id);
}

/* Before capabilities are negotiated there is that, and after it all else. */
static void execute(struct iol_control_session *s, const char *name, const json_t *args, json_t *id)
{
	const struct iol_control_command *builtin = find(iol_control_builtins, name);
	const struct iol_control_command *command = find(s->service->commands, name);
	bool negotiates = builtin && builtin->run == negotiate;
	g_autofree char *unknown = NULL;

	if (negotiates && s->negotiated) {
		answer_error(s, "CommandNotFound",
			     "Capabilities negotiation is already complete, command ignored", id);
	} else if (!negotiates && !s->negotiated) {
		answer_error(s, "CommandNotFound",
			     "Expecting capabilities negotiation with 'qmp_capabilities'", id);
	} else if (builtin) {
		run(s, builtin, s, args, id);
	} else if (command) {
		run(s, command, s->service->machine, args, id);
	} else {
		unknown = g_strdup_printf("The command %.100s has not been found", name);
		answer_error(s, "CommandNotFound", unknown, id);
	}
}

/* What is wrong with the members of a request, to be freed with g_free(); NULL: nothing. */
static char *judge(const json_t *request)
{
	const json_t *args = json_object_get(request, "arguments");
	const json_t *name = json_object_get(request, "execute");
	const char *key;
	const json_t *value;

	if (!json_is_object(request))
		return g_strdup("QMP input must be a JSON object");
	json_object_foreach((json_t *)request, key, value)
	{
		(void)value;
		if (strcmp(key, "execute") && strcmp(key, "arguments") && strcmp(key, "id"))
			return g_strdup_printf("QMP input member '%.100s' is unexpected", key);
	}
	if (!name)
		return g_strdup("QMP input lacks member 'execute'");
	if (!json_is_string(name))
		return g_strdup("QMP input member 'execute' must be a string");
	if (args && !json_is_object(args))
		return g_strdup("QMP input member 'arguments' must be an object");
	return NULL;
}

static void serve(struct iol_control_session *s, const GString *text)
{
	json_error_t found;
	json_t *request =
		json_loadb(text->str, text->len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &found);
	json_t *args = json_incref(json_object_get(request, "arguments"));
	json_t *id = json_object_get(request, "id");
	g_autofree char *wrong = NULL;

	if (!request)
		wrong = g_strdup_printf("JSON parse error, %s", found.text);
	else
		wrong = judge(request);
	if (!args)
		args = json_object();
	if (wrong)
		answer_error(s, "GenericError", wrong, id);
	else
		execute(s, json_string_value(json_object_get(request, "execute")), args, id);
	json_decref(args);
	json_decref(request);
}

size_t iol_control_session_receive(struct iol_control_session *s, const char *data, size_t len)
{
	g_autofree char *wrong = NULL;
	size_t taken = 0;

	switch (iol_control_request_feed(&s->request, data, len, &taken)) {
	case IOL_CONTROL_REQUEST_PART:
		break;
	case IOL_CONTROL_REQUEST_WHOLE:
		serve(s, s->request.text);
		break;
	case IOL_CONTROL_REQUEST_BROKEN:
		wrong = g_strdup_printf("JSON parse error, %s", s->request.wrong);
		answer_error(s, "GenericError", wrong, NULL);
		break;
	}
	return taken;
}

void iol_control_session_begin(struct iol_control_session *s)
{
	g_autofree char *line = line_of(json_pack("{s:{s:o, s:[]}}", "QMP", "version",
						  iol_control_version(), "capabilities"));

	iol_control_request_init(&s->request);
	s->negotiated = false;
	s->send(s, line, strlen(line));
}

void iol_control_session_end(struct iol_control_session *s)
{
	iol_control_request_finish(&s->request);
}

/* Clients that ask whether they are new enough for something are told what these commands are like. */
json_t *iol_control_version(void)
{
	g_autofree char *package = g_strconcat("iolite ", iol_version, NULL);

	return json_pack("{s:{s:i, s:i, s:i}, s:s}", "qemu", "major", 7, "minor", 2, "micro", 0,
			 "package", package);
}
