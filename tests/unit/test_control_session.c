// SPDX-License-Identifier: Apache-2.0
/* What a client of a control socket is told, byte for byte where clients may depend on it. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include <iolite/version.h>

#include "control/session.h"

struct fixture {
	struct iol_control_service service;
	struct iol_control_session session;
	GString *out;
	unsigned int calls;
};

/* Gives back what it was given. */
static int run_echo(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct fixture *f = machine;

	(void)err;
	f->calls++;
	*result = json_deep_copy(args);
	return 0;
}

static int run_nothing(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct fixture *f = machine;

	(void)args, (void)result, (void)err;
	f->calls++;
	return 0;
}

static int run_no_device(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	(void)machine;
	*result = json_string("dropped");
	return iol_error_set(err, -ENODEV, "Device '%s' not found",
			     json_string_value(json_object_get(args, "device")));
}

static int run_fails(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	(void)machine, (void)args, (void)result, (void)err;
	return -EIO;
}

static int run_big(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	g_autofree char *text = g_strnfill(IOL_CONTROL_OUT_BYTES_MAX, 'x');

	(void)machine, (void)args, (void)err;
	*result = json_string(text);
	return 0;
}

static const struct iol_control_arg echo_args[] = {
	{ "text", IOL_CONTROL_STR, false },    { "number", IOL_CONTROL_INT, true },
	{ "truth", IOL_CONTROL_BOOL, true },   { "things", IOL_CONTROL_LIST, true },
	{ "thing", IOL_CONTROL_OBJECT, true }, { 0 },
};

static const struct iol_control_arg device_args[] = {
	{ "device", IOL_CONTROL_STR, false },
	{ 0 },
};

static const struct iol_control_command commands[] = {
	{ "echo", echo_args, run_echo },
	{ "stop", NULL, run_nothing },
	{ "no-device", device_args, run_no_device },
	{ "fails", NULL, run_fails },
	{ "big", NULL, run_big },
	{ 0 },
};

static const char *const events[] = { "STOP", "RESUME", NULL };

static void collect(struct iol_control_session *session, const char *line, size_t len)
{
	struct fixture *f = iol_container_of(session, struct fixture, session);

	g_assert_cmpuint(len, ==, strlen(line));
	g_assert_true(g_str_has_suffix(line, "\r\n"));
	g_string_append_len(f->out, line, (gssize)len);
}

static void say_bytes(struct fixture *f, const char *bytes, size_t len)
{
	size_t at = 0;

	while (at < len)
		at += iol_control_session_receive(&f->session, bytes + at, len - at);
}

/* Says @text, and hears @answer, without its end. */
static void expect(struct fixture *f, const char *text, const char *answer)
{
	g_autofree char *line = g_strconcat(answer, *answer ? "\r\n" : "", NULL);

	g_string_truncate(f->out, 0);
	say_bytes(f, text, strlen(text));
	if (strcmp(f->out->str, line))
		g_error("'%s' was answered by '%s', not '%s'", text, f->out->str, line);
}

static void expect_error(struct fixture *f, const char *text, const char *class, const char *desc)
{
	g_autofree char *answer =
		g_strdup_printf("{\"error\": {\"class\": \"%s\", \"desc\": \"%s\"}}", class, desc);

	expect(f, text, answer);
}

static void setup(struct fixture *f, gconstpointer negotiated)
{
	f->service = (struct iol_control_service){ commands, events, f };
	f->session.service = &f->service;
	f->session.send = collect;
	f->out = g_string_new(NULL);
	iol_control_session_begin(&f->session);
	if (negotiated)
		expect(f, "{\"execute\": \"qmp_capabilities\"}", "{\"return\": {}}");
}

static void teardown(struct fixture *f, gconstpointer data)
{
	(void)data;
	iol_control_session_end(&f->session);
	g_string_free(f->out, TRUE);
}

static void test_greeting(struct fixture *f, gconstpointer data)
{
	g_autofree char *greeting = g_strdup_printf(
		"{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7, \"minor\": 2, \"micro\": 0}, "
		"\"package\": \"iolite %s\"}, \"capabilities\": []}}\r\n",
		iol_version);

	(void)data;
	g_assert_cmpstr(f->out->str, ==, greeting);
}

static void test_negotiation(struct fixture *f, gconstpointer data)
{
	static const char *const early[] = { "echo", "query-commands", "query-qmp-schema",
					     "nonsense" };

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(early); i++) {
		g_autofree char *text = g_strdup_printf("{\"execute\": \"%s\"}", early[i]);

		expect_error(f, text, "CommandNotFound",
			     "Expecting capabilities negotiation with 'qmp_capabilities'");
	}
	expect_error(f,
		     "{\"execute\": \"qmp_capabilities\", \"arguments\": {\"enable\": [\"oob\"]}}",
		     "GenericError", "Capability 'oob' is not available");
	expect_error(f, "{\"execute\": \"qmp_capabilities\", \"arguments\": {\"enable\": 1}}",
		     "GenericError", "Invalid parameter type for 'enable', expected: array");
	g_assert_false(f->session.negotiated);
	expect(f, "{\"execute\": \"qmp_capabilities\", \"arguments\": {\"enable\": []}, \"id\": 0}",
	       "{\"return\": {}, \"id\": 0}");
	expect_error(f, "{\"execute\": \"qmp_capabilities\"}", "CommandNotFound",
		     "Capabilities negotiation is already complete, command ignored");
	expect(f, "{\"execute\": \"stop\"}", "{\"return\": {}}");
}

static void test_ids(struct fixture *f, gconstpointer data)
{
	static const char *const ids[] = {
		"1",
		"-9223372036854775808",
		"\"text \\u00E4\"",
		"null",
		"true",
		"[1, [2, {\"a\": null}]]",
		"1.5",
		"{\"b\": 1, \"a\": [\"\"]}",
	};

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
		g_autofree char *text =
			g_strdup_printf("{\"id\": %s, \"execute\": \"stop\"}", ids[i]);
		g_autofree char *wrong =
			g_strdup_printf("{\"id\": %s, \"execute\": \"no\"}", ids[i]);
		g_autofree char *answer = g_strdup_printf("{\"return\": {}, \"id\": %s}", ids[i]);
		g_autofree char *error = g_strdup_printf(
			"{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command no "
			"has not been found\"}, \"id\": %s}",
			ids[i]);
		g_autofree char *unknown =
			g_strdup_printf("{\"id\": %s, \"execute\": \"stop\", \"x\": 1}", ids[i]);
		g_autofree char *unexpected = g_strdup_printf(
			"{\"error\": {\"class\": \"GenericError\", \"desc\": \"QMP input member 'x' "
			"is unexpected\"}, \"id\": %s}",
			ids[i]);

		expect(f, text, answer);
		expect(f, wrong, error);
		expect(f, unknown, unexpected);
	}
}

static void test_requests(struct fixture *f, gconstpointer data)
{
	static const struct {
		const char *text, *desc;
	} cases[] = {
		{ "[]", "QMP input must be a JSON object" },
		{ "null\n", "QMP input must be a JSON object" },
		{ "\"text\"", "QMP input must be a JSON object" },
		{ "{}", "QMP input lacks member 'execute'" },
		{ "{\"execute\": 1}", "QMP input member 'execute' must be a string" },
		{ "{\"execute\": \"stop\", \"arguments\": []}",
		  "QMP input member 'arguments' must be an object" },
		{ "{\"execute\": \"stop\", \"arguments\": null}",
		  "QMP input member 'arguments' must be an object" },
		{ "{\"exec-oob\": \"stop\"}", "QMP input member 'exec-oob' is unexpected" },
		{ "\xff", "JSON parse error, a byte 0xff; what came before it is dropped" },
	};

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		expect_error(f, cases[i].text, "GenericError", cases[i].desc);
	g_assert_cmpuint(f->calls, ==, 0);
}

/* No JSON: one error each, and the next request is answered. */
static void test_parse_errors(struct fixture *f, gconstpointer data)
{
	static const char *const cases[] = {
		"{]",
		"{\"a\" 1}",
		"{'execute': 'stop'}",
		"{\"a\": 1, \"a\": 2}",
		"nul\n",
		"{\"a\": \"\xc3(\"}",
		"{\"a\": \"\\u0000\"}",
		"{\"a\": 99999999999999999999999}",
		"{\"a\": 1e999}",
		"{\"a\": \"b\n",
		"{\001\n",
		"{\"execute\": \"stop\",}",
		"{\xff",
	};

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_string_truncate(f->out, 0);
		say_bytes(f, cases[i], strlen(cases[i]));
		g_assert_true(g_str_has_prefix(
			f->out->str,
			"{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error, "));
		g_assert_true(strchr(f->out->str, '\n') == f->out->str + f->out->len - 1);
		expect(f, "{\"execute\": \"stop\", \"id\": 1}", "{\"return\": {}, \"id\": 1}");
	}
}

static void test_arguments(struct fixture *f, gconstpointer data)
{
	static const struct {
		const char *args, *desc;
	} cases[] = {
		{ "{}", "Parameter 'text' is missing" },
		{ "{\"text\": 1}", "Invalid parameter type for 'text', expected: string" },
		{ "{\"text\": null}", "Invalid parameter type for 'text', expected: string" },
		{ "{\"text\": \"\", \"number\": \"1\"}",
		  "Invalid parameter type for 'number', expected: integer" },
		{ "{\"text\": \"\", \"number\": 1.0}",
		  "Invalid parameter type for 'number', expected: integer" },
		{ "{\"text\": \"\", \"truth\": 0}",
		  "Invalid parameter type for 'truth', expected: boolean" },
		{ "{\"text\": \"\", \"things\": {}}",
		  "Invalid parameter type for 'things', expected: array" },
		{ "{\"text\": \"\", \"thing\": []}",
		  "Invalid parameter type for 'thing', expected: object" },
		{ "{\"text\": \"\", \"other\": 1}", "Parameter 'other' is unexpected" },
	};
	static const char all[] = "{\"text\": \"\", \"number\": -1, \"truth\": false, \"things\": "
				  "[1], \"thing\": {}}";
	g_autofree char *text = g_strdup_printf("{\"execute\": \"echo\", \"arguments\": %s}", all);
	g_autofree char *answer = g_strdup_printf("{\"return\": %s}", all);

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *request = g_strdup_printf(
			"{\"execute\": \"echo\", \"arguments\": %s}", cases[i].args);

		expect_error(f, request, "GenericError", cases[i].desc);
	}
	expect_error(f, "{\"execute\": \"echo\"}", "GenericError", "Parameter 'text' is missing");
	expect_error(f, "{\"execute\": \"stop\", \"arguments\": {\"a\": 1}}", "GenericError",
		     "Parameter 'a' is unexpected");
	g_assert_cmpuint(f->calls, ==, 0);
	expect(f, text, answer);
	expect(f, "{\"execute\": \"stop\", \"arguments\": {}}", "{\"return\": {}}");
	g_assert_cmpuint(f->calls, ==, 2);
}

static void test_failures(struct fixture *f, gconstpointer data)
{
	(void)data;
	expect_error(f, "{\"execute\": \"no-device\", \"arguments\": {\"device\": \"d\"}}",
		     "DeviceNotFound", "Device 'd' not found");
	expect_error(f, "{\"execute\": \"fails\"}", "GenericError", "Input/output error");
	expect_error(f, "{\"execute\": \"big\"}", "GenericError",
		     "the answer is too long to be sent");
}

/* Several in one piece: one is answered each time. */
static void test_pipelined(struct fixture *f, gconstpointer data)
{
	static const char text[] =
		"{\"execute\": \"stop\", \"id\": 1}{\"execute\": \"stop\", \"id\": 2}\n";
	const size_t first = strlen("{\"execute\": \"stop\", \"id\": 1}");
	size_t taken;

	(void)data;
	g_string_truncate(f->out, 0);
	taken = iol_control_session_receive(&f->session, text, strlen(text));
	g_assert_cmpuint(taken, ==, first);
	g_assert_cmpstr(f->out->str, ==, "{\"return\": {}, \"id\": 1}\r\n");
	expect(f, text + taken, "{\"return\": {}, \"id\": 2}");
}

static void test_event_line(void)
{
	g_autofree char *bare = iol_control_event_line("STOP", NULL, 1234567890000042);
	g_autofree char *line = iol_control_event_line(
		"SHUTDOWN", json_pack("{s:b, s:s}", "guest", 1, "reason", "guest-shutdown"),
		999999);

	g_assert_cmpstr(bare, ==,
			"{\"timestamp\": {\"seconds\": 1234567890, \"microseconds\": 42}, "
			"\"event\": \"STOP\"}\r\n");
	g_assert_cmpstr(line, ==,
			"{\"timestamp\": {\"seconds\": 0, \"microseconds\": 999999}, \"event\": "
			"\"SHUTDOWN\", \"data\": {\"guest\": true, \"reason\": "
			"\"guest-shutdown\"}}\r\n");
}

static json_t *ask(struct fixture *f, const char *command)
{
	g_autofree char *text = g_strdup_printf("{\"execute\": \"%s\"}", command);
	json_t *message, *result;

	g_string_truncate(f->out, 0);
	say_bytes(f, text, strlen(text));
	message = json_loads(f->out->str, 0, NULL);
	result = json_incref(json_object_get(message, "return"));
	json_decref(message);
	g_assert_true(json_is_array(result));
	return result;
}

static const json_t *find_named(const json_t *list, const char *name)
{
	size_t i;
	json_t *item;

	json_array_foreach((json_t *)list, i,
			   item) if (!g_strcmp0(json_string_value(json_object_get(item, "name")),
						name)) return item;
	g_error("there is no '%s'", name);
	return NULL;
}

static const char *member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void test_commands(struct fixture *f, gconstpointer data)
{
	json_t *list = ask(f, "query-commands");

	(void)data;
	g_assert_cmpuint(json_array_size(list), ==, G_N_ELEMENTS(commands) - 1 + 3);
	find_named(list, "echo");
	find_named(list, "qmp_capabilities");
	json_decref(list);
}

/* Each type that is named is there. */
static void test_schema(struct fixture *f, gconstpointer data)
{
	json_t *schema = ask(f, "query-qmp-schema"), *item, *arg;
	const json_t *args;
	size_t i, j;

	(void)data;
	json_array_foreach(schema, i, item)
	{
		if (member(item, "arg-type"))
			find_named(schema, member(item, "arg-type"));
		if (member(item, "ret-type"))
			find_named(schema, member(item, "ret-type"));
		json_array_foreach(json_object_get(item, "members"), j, arg)
			find_named(schema, member(arg, "type"));
	}
	g_assert_cmpstr(member(find_named(schema, "STOP"), "meta-type"), ==, "event");
	g_assert_cmpstr(member(find_named(schema, "stop"), "meta-type"), ==, "command");
	args = json_object_get(find_named(schema, member(find_named(schema, "echo"), "arg-type")),
			       "members");
	g_assert_cmpuint(json_array_size(args), ==, 5);
	g_assert_null(json_object_get(find_named(args, "text"), "default"));
	g_assert_true(json_is_null(json_object_get(find_named(args, "number"), "default")));
	json_decref(schema);
}

/* Texts of errors may have any bytes; what is sent is ASCII. */
static void test_bad_text(void)
{
	g_autofree char *line = iol_control_error_line("a \xff \xc3\xa4 b");

	for (const char *at = line; *at; at++)
		g_assert_cmpint(*at, <, 0x7f);
	g_assert_nonnull(strstr(line, "a \\uFFFD \\u00E4 b"));
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		bool negotiated;
		void (*run)(struct fixture *f, gconstpointer data);
	} tests[] = {
		{ "/control-session/greeting", false, test_greeting },
		{ "/control-session/negotiation", false, test_negotiation },
		{ "/control-session/ids", true, test_ids },
		{ "/control-session/requests", true, test_requests },
		{ "/control-session/parse-errors", true, test_parse_errors },
		{ "/control-session/arguments", true, test_arguments },
		{ "/control-session/failures", true, test_failures },
		{ "/control-session/pipelined", true, test_pipelined },
		{ "/control-session/commands", true, test_commands },
		{ "/control-session/schema", true, test_schema },
	};

	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].path, struct fixture, tests[i].negotiated ? "" : NULL, setup,
			   tests[i].run, teardown);
	g_test_add_func("/control-session/event-line", test_event_line);
	g_test_add_func("/control-session/bad-text", test_bad_text);
	return g_test_run();
}
