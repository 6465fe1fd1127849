// SPDX-License-Identifier: Apache-2.0
/*
 * Clients of a control socket: requests, nearly right, or just bytes, of several at once and in any pieces, and events
 * between them. What must hold: each line is one JSON object of a shape that QMP has; each request that is whole is answered
 * once, in order, with its own id, and as a model says; commands get arguments as their list has them; events come to
 * those who have negotiated and no others; after the byte 0xff a client is served; the heap is flat. Lines for a person's
 * commands go to the real monitor, of a machine that stands: see monitor_model.c.
 */
#include "fuzz_heap.h"

#include <errno.h>
#include <glib.h>

#include "control/session.h"
#include "monitor_model.h"

enum { CLIENTS = 3, STEPS_MAX = 32, HEAVY_MAX = 1, HEAVY = 0x42424242 };

struct client {
	struct iol_control_session session;
	struct run *run;
	unsigned int answers, events;
	bool negotiated; /* as its answers say */
	json_t *error; /* of the last answer; NULL: it was none */
	json_t *id; /* of the last answer */
	json_t *result;
};

struct run {
	struct fuzz_input in;
	struct iol_control_service service;
	struct client clients[CLIENTS];
	size_t piece;
	unsigned int calls;
	unsigned int heavy;
	bool in_event;
	int fail; /* of the next command */
};

/* ---- The machine ---- */

static int run_command(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct run *r = machine;

	r->calls++;
	fuzz_check(json_is_object(args));
	*result = json_deep_copy(args);
	return r->fail ? iol_error_set(err, r->fail, "it \xff fails") : 0;
}

static bool typed_is_right(const json_t *args);

static int run_typed(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	fuzz_check(typed_is_right(args));
	return run_command(machine, args, result, err);
}

static void tell_event(struct run *r)
{
	unsigned int before;
	char *line = iol_control_event_line("STOP", NULL, 1000001);

	r->in_event = true;
	for (unsigned int i = 0; i < CLIENTS; i++) {
		struct client *c = &r->clients[i];

		before = c->events;
		if (c->session.negotiated)
			c->session.send(&c->session, line, strlen(line));
		fuzz_check(c->events == before + c->negotiated);
	}
	r->in_event = false;
	g_free(line);
}

static int run_stop(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	tell_event(machine);
	fuzz_check(!json_object_size(args));
	return run_command(machine, args, result, err);
}

static const struct iol_control_arg typed_args[] = {
	{ "text", IOL_CONTROL_STR, false },     { "number", IOL_CONTROL_INT, false },
	{ "truth", IOL_CONTROL_BOOL, true },    { "list", IOL_CONTROL_LIST, true },
	{ "object", IOL_CONTROL_OBJECT, true }, { 0 },
};

static const struct iol_control_command commands[] = {
	{ "stop", NULL, run_stop },
	{ "typed", typed_args, run_typed },
	{ 0 },
};

static const char *const events[] = { "STOP", NULL };

/* ---- What a client hears ---- */

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void hear_event(struct client *c, const json_t *message)
{
	const json_t *time = json_object_get(message, "timestamp");

	fuzz_check(json_object_size(message) == 2 && json_object_size(time) == 2);
	fuzz_check(json_integer_value(json_object_get(time, "seconds")) == 1);
	fuzz_check(json_integer_value(json_object_get(time, "microseconds")) == 1);
	fuzz_check(c->run->in_event && c->negotiated);
	c->events++;
}

static void hear_error(struct client *c, json_t *error)
{
	const char *class = text_of(error, "class"), *desc = text_of(error, "desc");

	fuzz_check(json_object_size(error) == 2 && class && desc && *desc);
	fuzz_check(!strcmp(class, "GenericError") || !strcmp(class, "CommandNotFound") ||
		   !strcmp(class, "DeviceNotFound"));
	c->error = json_incref(error);
}

static void forget_answer(struct client *c)
{
	g_clear_pointer(&c->error, json_decref);
	g_clear_pointer(&c->id, json_decref);
	g_clear_pointer(&c->result, json_decref);
}

static void hear(struct iol_control_session *session, const char *line, size_t len)
{
	struct client *c = iol_container_of(session, struct client, session);
	json_t *message;

	fuzz_check(len >= 4 && len <= IOL_CONTROL_OUT_BYTES_MAX);
	fuzz_check(!memcmp(line + len - 2, "\r\n", 2) && !memchr(line, '\n', len - 2));
	for (size_t i = 0; i < len - 2; i++)
		fuzz_check(line[i] >= 0x20);
	message = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	fuzz_check(json_is_object(message));
	if (json_object_get(message, "QMP")) {
		fuzz_check(json_object_size(message) == 1 && !c->answers);
	} else if (json_object_get(message, "event")) {
		hear_event(c, message);
	} else {
		forget_answer(c);
		c->answers++;
		c->id = json_incref(json_object_get(message, "id"));
		c->result = json_incref(json_object_get(message, "return"));
		fuzz_check(json_object_size(message) == 1u + !!c->id);
		if (json_object_get(message, "error"))
			hear_error(c, json_object_get(message, "error"));
		fuzz_check(!!c->error != !!c->result);
	}
	json_decref(message);
}

/* ---- What a client says ---- */

static void offer(struct run *r, struct client *c, const char *data, size_t len)
{
	size_t at = 0;

	while (at < len) {
		size_t bytes = MIN(r->piece, len - at);
		unsigned int answers = c->answers;
		size_t taken = iol_control_session_receive(&c->session, data + at, bytes);

		fuzz_check(taken <= bytes && c->answers - answers <= 1);
		fuzz_check(taken == bytes || c->answers == answers + 1);
		/* It moves: a word's end is not taken, but what comes then is. */
		fuzz_check(taken || c->answers == answers + 1);
		fuzz_check(c->session.request.text->len <= IOL_CONTROL_REQUEST_BYTES_MAX);
		if (!c->negotiated)
			c->negotiated = c->session.negotiated && c->result;
		fuzz_check(c->negotiated == c->session.negotiated);
		at += taken;
	}
}

/* Whatever it said before, it is at the beginning of a request now. */
static void resync(struct run *r, struct client *c)
{
	unsigned int answers = c->answers;

	offer(r, c, "\xff", 1);
	fuzz_check(c->answers - answers >= 1 && c->answers - answers <= 2);
}

static char *take_text(struct run *r)
{
	size_t got;
	const uint8_t *data = fuzz_take(&r->in, fuzz_u8(&r->in) % 16u, &got);

	return g_strndup((const char *)data, got);
}

static json_t *make_value(struct run *r, unsigned int depth)
{
	json_t *value;
	char *text;
	uint8_t how = fuzz_u8(&r->in);

	switch (depth > 6 ? how % 6u : how % 8u) {
	case 0:
		return json_null();
	case 1:
		return json_boolean(how & 8);
	case 2:
		return json_integer((json_int_t)fuzz_number(&r->in, 8));
	case 3:
		return json_real(how / 3.0);
	case 4:
	case 5:
		text = take_text(r);
		value = iol_control_text(text);
		g_free(text);
		return value;
	case 6:
		value = json_array();
		for (unsigned int i = 0; i < how / 64u; i++)
			json_array_append_new(value, make_value(r, depth + 1));
		return value;
	default:
		value = json_object();
		for (unsigned int i = 0; i < how / 64u; i++) {
			static const char *const names[] = { "text", "number", "truth", "list",
							     "x" };

			const char *name = names[fuzz_u8(&r->in) % G_N_ELEMENTS(names)];

			json_object_set_new(value, name, make_value(r, depth + 1));
		}
		return value;
	}
}

static bool typed_is_right(const json_t *args)
{
	const json_t *truth = json_object_get(args, "truth"), *list = json_object_get(args, "list");
	const json_t *object = json_object_get(args, "object");

	return json_is_string(json_object_get(args, "text")) &&
	       json_is_integer(json_object_get(args, "number")) &&
	       (!truth || json_is_boolean(truth)) && (!list || json_is_array(list)) &&
	       (!object || json_is_object(object)) &&
	       json_object_size(args) == 2u + !!truth + !!list + !!object;
}

/* What the answer must be: NULL a result, else the class of the error. */
static const char *model(struct run *r, const struct client *c, const char *name,
			 const json_t *args)
{
	const json_t *enable = json_object_get(args, "enable");

	if (args && !json_is_object(args))
		return "GenericError";
	if (!strcmp(name, "qmp_capabilities")) {
		if (c->negotiated)
			return "CommandNotFound";
		if (json_object_size(args) > !!enable || (enable && !json_is_array(enable)))
			return "GenericError";
		return json_array_size(enable) ? "GenericError" : NULL;
	}
	if (!c->negotiated)
		return "CommandNotFound";
	if (!strcmp(name, "query-commands") || !strcmp(name, "query-qmp-schema"))
		return json_object_size(args) ? "GenericError" : NULL;
	if (!strcmp(name, "stop") ? json_object_size(args) != 0
				  : !strcmp(name, "typed") && !typed_is_right(args))
		return "GenericError";
	if (strcmp(name, "stop") && strcmp(name, "typed"))
		return "CommandNotFound";
	return r->fail == -ENODEV ? "DeviceNotFound" : r->fail ? "GenericError" : NULL;
}

/* A right request, as text that a client could have written. */
static void say_request(struct run *r, struct client *c)
{
	static const char *const names[] = { "qmp_capabilities", "stop",  "typed", "query-commands",
					     "query-qmp-schema", "other", "typed", "" };
	static const int fails[] = { 0, 0, -EIO, -ENODEV };
	static const char *const optional[] = { "truth", "list", "object", "none" };
	uint8_t how = fuzz_u8(&r->in);
	const char *name = names[how % G_N_ELEMENTS(names)], *class;
	json_t *request = json_pack("{s:s}", "execute", name), *args = NULL, *id = NULL;
	unsigned int answers = c->answers + 1;
	char *text;

	resync(r, c);
	answers = c->answers + 1;
	r->fail = fails[fuzz_u8(&r->in) % G_N_ELEMENTS(fails)];
	if (how & 8)
		id = make_value(r, 0);
	if (how & 16)
		args = how & 32 ? make_value(r, 0)
				: json_pack("{s:s, s:i}", "text", "a", "number", how);
	if (args && (how & 128)) {
		const char *member = optional[fuzz_u8(&r->in) % G_N_ELEMENTS(optional)];

		json_object_set_new(args, member, make_value(r, 0));
	}
	if (args)
		json_object_set_new(request, "arguments", args);
	if (id)
		json_object_set_new(request, "id", id);
	class = model(r, c, name, args);
	text = json_dumps(request, how & 64 ? JSON_COMPACT : JSON_INDENT(1));
	offer(r, c, text, strlen(text));
	fuzz_check(c->answers == answers);
	fuzz_check(id ? json_equal(id, c->id) : !c->id);
	fuzz_check(class ? c->error && !strcmp(text_of(c->error, "class"), class) : !c->error);
	if (!class && !strcmp(name, "typed"))
		fuzz_check(json_equal(args, c->result));
	free(text);
	json_decref(request);
}

/* Characters stand for what is put in their place: '!' bytes of the input. */
static const char *const pieces[] = {
	"{\"execute\": \"",
	"\", \"arguments\": {",
	"\"id\": ",
	"}",
	"]",
	"{\"execute\":\"qmp_capabilities\"}",
	"{\"execute\":\"stop\"}\r\n",
	"{\"execute\":\"typed\",\"arguments\":{\"text\":\"!\",\"number\":1}}",
	"{\"execute\":\"typed\",\"arguments\":{!}}",
	"{\"execute\":\"stop\",!}",
	"{!}",
	"[!]",
	"[[[[[[[[[[[[[[[[",
	"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":",
	"\"",
	"\\\"",
	"\\u0000",
	"18446744073709551615",
	"null ",
	"-1e999",
	"\n",
	"\xff",
};

static void say_piece(struct run *r, struct client *c)
{
	GString *text = g_string_new(NULL);

	for (const char *at = pieces[fuzz_u8(&r->in) % G_N_ELEMENTS(pieces)]; *at; at++) {
		size_t got = 1;
		const char *data = at;

		if (*at == '!')
			data = (const char *)fuzz_take(&r->in, fuzz_u8(&r->in) % 24u, &got);
		g_string_append_len(text, data, (gssize)got);
	}
	offer(r, c, text->str, text->len);
	g_string_free(text, TRUE);
}

/* Around the limit; rarely, as it takes its time. */
static void say_big(struct run *r, struct client *c)
{
	uint8_t how = fuzz_u8(&r->in), fill = fuzz_u8(&r->in);
	size_t bytes = IOL_CONTROL_REQUEST_BYTES_MAX - 8u + how % 16u;
	GString *text;

	if (fuzz_number(&r->in, 4) != HEAVY || r->heavy++ >= HEAVY_MAX)
		return;
	if (fill == 0xff) /* each is answered */
		fill = '}';
	text = g_string_new("{\"");
	g_string_set_size(text, bytes);
	memset(text->str + 2, fill, bytes - 2);
	g_string_append(text, how & 0x80 ? "\":1}" : "}");
	r->piece = 65536;
	offer(r, c, text->str, text->len);
	g_string_free(text, TRUE);
}

static void begin(struct run *r, struct client *c)
{
	*c = (struct client){ .run = r };
	c->session.service = &r->service;
	c->session.send = hear;
	iol_control_session_begin(&c->session);
}

static void end(struct client *c)
{
	iol_control_session_end(&c->session);
	forget_answer(c);
}

static void step(struct run *r)
{
	uint8_t how = fuzz_u8(&r->in);
	struct client *c = &r->clients[how / 16u % CLIENTS];
	const uint8_t *data;
	size_t got;

	switch (how % 16u) {
	default:
		say_piece(r, c);
		break;
	case 7:
		monitor_model_say(&r->in);
		break;
	case 8:
	case 9:
	case 10:
		say_request(r, c);
		break;
	case 11:
		data = fuzz_take(&r->in, fuzz_u8(&r->in), &got);
		offer(r, c, (const char *)data, got);
		break;
	case 12:
		tell_event(r);
		break;
	case 13:
		r->piece = 1u + fuzz_u8(&r->in);
		break;
	case 14:
		say_big(r, c);
		break;
	case 15:
		end(c);
		begin(r, c);
		break;
	}
}

/* Whatever a client did, it is served again. */
static void check_served(struct run *r, struct client *c)
{
	static const char hello[] = "{\"execute\":\"qmp_capabilities\",\"id\":1}";
	static const char stop[] = "{\"execute\":\"stop\",\"id\":[2]}";
	bool negotiated = c->negotiated;

	r->fail = 0;
	resync(r, c);
	offer(r, c, hello, strlen(hello));
	fuzz_check(!!c->error == negotiated && json_integer_value(c->id) == 1);
	offer(r, c, stop, strlen(stop));
	fuzz_check(c->result && json_array_size(c->id) == 1);
}

static void run_once(const uint8_t *data, size_t len)
{
	struct run *r = g_new0(struct run, 1);

	r->in = (struct fuzz_input){ data, len };
	r->service = (struct iol_control_service){ commands, events, r };
	r->piece = 4096;
	for (unsigned int i = 0; i < CLIENTS; i++)
		begin(r, &r->clients[i]);
	for (unsigned int i = 0; i < STEPS_MAX && r->in.len; i++)
		step(r);
	for (unsigned int i = 0; i < CLIENTS; i++)
		check_served(r, &r->clients[i]);
	for (unsigned int i = 0; i < CLIENTS; i++)
		end(&r->clients[i]);
	g_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static bool warm;

	monitor_model_init();
	fuzz_keeps_nothing(run_once, data, len, &warm);
	return 0;
}
