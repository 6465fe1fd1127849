// SPDX-License-Identifier: Apache-2.0
/* Where a value ends in a stream of bytes, whatever the pieces are that it comes in. */
#include <glib.h>
#include <string.h>

#include "control/request.h"

/* What comes out of @bytes in pieces of @piece: values in (), and what is broken as !. */
static char *read_all(const char *bytes, size_t len, size_t piece)
{
	struct iol_control_request r;
	GString *story = g_string_new(NULL);
	size_t at = 0, taken;

	iol_control_request_init(&r);
	while (at < len) {
		size_t offered = MIN(piece, len - at);

		switch (iol_control_request_feed(&r, bytes + at, offered, &taken)) {
		case IOL_CONTROL_REQUEST_PART:
			g_assert_cmpuint(taken, ==, offered);
			break;
		case IOL_CONTROL_REQUEST_WHOLE:
			g_string_append_printf(story, "(%.*s)", (int)r.text->len, r.text->str);
			break;
		case IOL_CONTROL_REQUEST_BROKEN:
			g_assert_nonnull(r.wrong);
			g_string_append_c(story, '!');
			break;
		}
		g_assert_cmpuint(taken, <=, offered);
		g_assert_cmpuint(r.text->len, <=, IOL_CONTROL_REQUEST_BYTES_MAX);
		at += taken;
	}
	iol_control_request_finish(&r);
	return g_string_free(story, FALSE);
}

static void expect(const char *bytes, size_t len, const char *story)
{
	static const size_t pieces[] = { 1, 2, 3, 7, 4096 };

	for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
		g_autofree char *found = read_all(bytes, len, pieces[i]);

		if (strcmp(found, story))
			g_error("'%s' in pieces of %zu: '%s', not '%s'", bytes, pieces[i], found,
				story);
	}
}

static void test_values(void)
{
	static const struct {
		const char *bytes, *story;
	} cases[] = {
		{ "", "" },
		{ " \r\n\t", "" },
		{ "{}", "({})" },
		{ "{}\r\n{}\n\n{}", "({})({})({})" },
		{ "{}{\"a\":[]}[{}]", "({})({\"a\":[]})([{}])" },
		{ "{\"a\": \n 1}", "({\"a\": \n 1})" },
		{ "{\"}\":\"{\"}{}", "({\"}\":\"{\"})({})" },
		{ "{\"a\\\"}\":1}", "({\"a\\\"}\":1})" },
		{ "{\"a\\\\\":1}{}", "({\"a\\\\\":1})({})" },
		{ "{\"a\\\\\\\"}\":1}{}", "({\"a\\\\\\\"}\":1})({})" },
		{ "{\"\\", "" },
		{ "{\"a", "" },
		{ "\"x{\"{}", "(\"x{\")({})" },
		{ "null\n", "(null)" },
		{ "null", "" },
		{ "1 2,{}", "(1)(2)!({})" },
		{ "true{}", "(true)({})" },
		{ "true\"x\"", "(true)(\"x\")" },
		/* Not ours to match. */
		{ "{]", "({])" },
		{ "{'a'}", "({'a'})" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		expect(cases[i].bytes, strlen(cases[i].bytes), cases[i].story);
}

static void test_recovery(void)
{
	static const struct {
		const char *bytes, *story;
	} cases[] = {
		{ "}", "!" },
		{ "}}}\n{}", "!({})" },
		{ ",{}", "!({})" },
		{ "{\001{}", "!({})" },
		{ "{\"a\":\"b\n{}", "!({})" },
		{ "{\"a\":\"b\001c\", 1\n{}", "!({})" },
		{ "\001\002\003\n{}", "!({})" },
		/* The way to ask for it. */
		{ "\xff", "!" },
		{ "\xff\xff{}", "!!({})" },
		{ "{\"a\": [[[\xff{}", "!({})" },
		{ "{\"a\xff{}", "!({})" },
		{ "nul\xff{}", "(nul)!({})" },
		{ "}x\xff{}", "!!({})" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		expect(cases[i].bytes, strlen(cases[i].bytes), cases[i].story);
	expect("\0{}", 3, "!({})");
	expect("{\"a\0\"}\n{}", 9, "!({})");
}

/* The largest is taken; what is larger is told once, and passed over to its end. */
static void test_bytes(void)
{
	for (size_t more = 0; more < 3; more++) {
		GString *text = g_string_new("{\"a\":\"");
		size_t len = IOL_CONTROL_REQUEST_BYTES_MAX + more;
		g_autofree char *found = NULL;

		g_string_set_size(text, len - 2);
		memset(text->str + 6, 'x', len - 8);
		g_string_append(text, "\"}{\"b\":2}");
		found = read_all(text->str, text->len, 5000);
		if (!more)
			g_assert_cmpuint(strlen(found), ==, len + 2 + strlen("({\"b\":2})"));
		else
			g_assert_cmpstr(found, ==, "!({\"b\":2})");
		g_string_free(text, TRUE);
	}
}

static void test_long_words(void)
{
	GString *text = g_string_new(NULL);
	g_autofree char *found = NULL, *second = NULL;

	g_string_set_size(text, 3 * IOL_CONTROL_REQUEST_BYTES_MAX);
	memset(text->str, '1', text->len);
	g_string_append(text, "{}");
	found = read_all(text->str, text->len, 5000);
	g_assert_cmpstr(found, ==, "!({})");
	text->str[0] = '"';
	g_string_append(text, "\n{\"a\":1}");
	second = read_all(text->str, text->len, 5000);
	g_assert_cmpstr(second, ==, "!({\"a\":1})");
	g_string_free(text, TRUE);
}

static void test_depth(void)
{
	for (size_t depth = IOL_CONTROL_DEPTH_MAX - 1; depth < 100; depth++) {
		GString *text = g_string_new(NULL);
		g_autofree char *found = NULL;

		for (size_t i = 0; i < depth; i++)
			g_string_append_c(text, '[');
		for (size_t i = 0; i < depth; i++)
			g_string_append_c(text, ']');
		g_string_append(text, "{}");
		found = read_all(text->str, text->len, 3);
		if (depth > IOL_CONTROL_DEPTH_MAX)
			g_assert_cmpstr(found, ==, "!({})");
		else
			g_assert_cmpuint(strlen(found), ==, 2 * depth + strlen("()({})"));
		g_string_free(text, TRUE);
	}
}

/* The buffer of a large request is not kept. */
static void test_memory(void)
{
	struct iol_control_request r;
	GString *text = g_string_new(NULL);
	size_t taken;

	iol_control_request_init(&r);
	g_string_set_size(text, 200000);
	memset(text->str, ' ', text->len);
	text->str[0] = '[';
	text->str[text->len - 1] = ']';
	g_assert_cmpint(iol_control_request_feed(&r, text->str, text->len, &taken), ==,
			IOL_CONTROL_REQUEST_WHOLE);
	g_assert_cmpuint(taken, ==, text->len);
	g_assert_cmpuint(r.text->len, ==, text->len);
	g_assert_cmpint(iol_control_request_feed(&r, "\n", 1, &taken), ==,
			IOL_CONTROL_REQUEST_PART);
	g_assert_cmpuint(r.text->allocated_len, <=, 4096);
	iol_control_request_finish(&r);
	g_string_free(text, TRUE);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/control-request/values", test_values);
	g_test_add_func("/control-request/recovery", test_recovery);
	g_test_add_func("/control-request/bytes", test_bytes);
	g_test_add_func("/control-request/long-words", test_long_words);
	g_test_add_func("/control-request/depth", test_depth);
	g_test_add_func("/control-request/memory", test_memory);
	return g_test_run();
}
