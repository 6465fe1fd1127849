// SPDX-License-Identifier: Apache-2.0
#include <iolite/config.h>

#include <glib.h>
#include <string.h>

#include "config/json_position.h"

/* Every place of a text with all that JSON has. */
static void test_places(void)
{
	static const char text[] = "{\n"
				   "  \"a\": 1, \"caf\u00e9\": \"\u00e9\", \"z\":\t-2.5e3,\n"
				   "\t\"l\": [ true ,[], {\"x\\u0079\" : null}, \"]\\\"}\" ],\r\n"
				   "  \"\\ud83d\\ude00\": { \"\": \"e\" }, \"t/\\/\\n\": 7\n"
				   "}\n";
	const struct iol_json_place l = { .key = "l" }, l2 = { .up = &l, .idx = 2 },
				    face = { .key = "\U0001f600" };
	const struct {
		struct iol_json_place at;
		uint32_t line, column;
	} cases[] = {
		{ { .key = "a" }, 2, 8 },
		{ { .key = "a", .is_key = true }, 2, 3 },
		{ { .key = "caf\u00e9", .is_key = true }, 2, 11 },
		{ { .key = "caf\u00e9" }, 2, 19 },
		{ { .key = "z" }, 2, 29 },
		{ l, 3, 7 },
		{ { .up = &l, .idx = 0 }, 3, 9 },
		{ { .up = &l, .idx = 1 }, 3, 15 },
		{ l2, 3, 19 },
		{ { .up = &l2, .key = "xy" }, 3, 32 },
		{ { .up = &l2, .key = "xy", .is_key = true }, 3, 20 },
		{ { .up = &l, .idx = 3 }, 3, 39 },
		{ face, 4, 19 },
		{ { .up = &face, .key = "" }, 4, 25 },
		{ { .key = "t//\n" }, 4, 42 },
	};
	static const struct iol_json_place nowhere[] = {
		{ .key = "b" }, { .key = "" }, { .idx = 0 }, { .key = "caf" }, { .key = "aa" },
	};
	struct iol_json_index *index = iol_json_index_new(text, strlen(text));
	struct iol_json_position at;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		if (!iol_json_index_find(index, &cases[i].at, &at))
			g_error("case %zu: there is none", i);
		if (at.line != cases[i].line || at.column != cases[i].column)
			g_error("case %zu: %u:%u, not %u:%u", i, at.line, at.column, cases[i].line,
				cases[i].column);
	}
	g_assert_true(iol_json_index_find(index, NULL, &at));
	g_assert_cmpuint(at.line, ==, 1);
	g_assert_cmpuint(at.column, ==, 1);
	for (size_t i = 0; i < G_N_ELEMENTS(nowhere); i++)
		g_assert_false(iol_json_index_find(index, &nowhere[i], &at));
	g_assert_false(
		iol_json_index_find(index, &(struct iol_json_place){ .up = &l, .idx = 4 }, &at));
	iol_json_index_free(index);
}

/* What is no JSON, and every beginning of what is, gives some index; sanitizers watch. */
static void test_anything(void)
{
	static const char text[] = "{\"a\\u00e9\\ud83d\\ude00\": [1, \"\\\"\", {}], \"b\": \"\\";
	const struct iol_json_place a = { .key = "a\u00e9\U0001f600" }, b = { .up = &a, .idx = 1 };
	struct iol_json_position at;

	for (size_t len = 0; len <= strlen(text); len++) {
		g_autofree char *copy = g_memdup2(text, len ? len : 1);
		struct iol_json_index *index = iol_json_index_new(copy, len);

		iol_json_index_find(index, NULL, &at);
		iol_json_index_find(index, &b, &at);
		iol_json_index_free(index);
	}
	for (const char *const *odd =
		     (const char *const[]){ "", "]]", "\"", ",:", "\xc3", "[\"a\":]", NULL };
	     *odd; odd++)
		iol_json_index_free(iol_json_index_new(*odd, strlen(*odd)));
}

static struct iol_mistakes *load(struct iol_config *config, const char *text, char *const *sets)
{
	struct iol_mistakes *mistakes = iol_mistakes_new();

	iol_config_init(config);
	iol_config_load_text_all(config, text, strlen(text), "web.json", "/srv", sets, mistakes);
	return mistakes;
}

/* In the order of the file, whatever the order in which they are found; --set last. */
static void test_all_told(void)
{
	static const char text[] = "{\"cpus\": 0,\n"
				   " \"disks\": [{\"path\": \"a\", \"ro\": 1, \"chache\": 2}],\n"
				   " \"kernel\": \"x\", \"tree\": {\"delete\": [1, \"/\"],\n"
				   " \"node-update\": {\"/a\": {\"p\": [1, \"x\", -1]}}}}\n";
	static const char *const starts[] = {
		"web.json:1:10: cpus: '0'",
		"web.json:2:32: disks[0].ro: 1 is a number",
		"web.json:2:35: disks[0]: there is no 'chache': did you mean 'cache'?",
		"web.json:3:2: 'kernel' belongs to 'boot'",
		"web.json:3:37: tree.delete[0]: 1 is a number",
		"web.json:3:40: tree.delete[1]: '/' is the root",
		"web.json:4:34: tree.node-update./a.p[1]: 'x' is text",
		"web.json:4:39: tree.node-update./a.p[2]: -1 is negative",
		"--set name: 'a b' is no name",
		"--set boot.x: there is no 'x'",
	};
	char name[] = "name=a b", boot[] = "boot.x=1";
	struct iol_config config;
	struct iol_mistakes *mistakes = load(&config, text, (char *[]){ name, boot, NULL });

	for (size_t i = 0; i < G_N_ELEMENTS(starts); i++) {
		const char *said = iol_mistakes_text(mistakes, i);

		if (!said || !g_str_has_prefix(said, starts[i]))
			g_error("%zu: '%s', not '%s'", i, said ? said : "", starts[i]);
	}
	g_assert_cmpuint(iol_mistakes_count(mistakes), ==, G_N_ELEMENTS(starts));
	iol_mistakes_free(mistakes);
	iol_config_finish(&config);
}

/* Those behind the limit are counted; finding the place of each of so many would take longer than a test may. */
static void test_too_many(void)
{
	enum { COUNT = 100000 };
	GString *text = g_string_new("{");
	struct iol_config config;
	struct iol_mistakes *mistakes;

	for (unsigned int i = 0; i < COUNT; i++)
		g_string_append_printf(text, "%s\n\"no-such-key-%u\": 1", i ? "," : "", i);
	g_string_append(text, "}");
	mistakes = load(&config, text->str, NULL);
	g_assert_cmpuint(iol_mistakes_count(mistakes), ==, COUNT);
	g_assert_true(g_str_has_prefix(iol_mistakes_text(mistakes, 0), "web.json:2:1: "));
	g_assert_true(g_str_has_prefix(iol_mistakes_text(mistakes, IOL_MISTAKES_MAX - 1),
				       "web.json:51:1: "));
	g_assert_null(iol_mistakes_text(mistakes, IOL_MISTAKES_MAX));
	iol_mistakes_free(mistakes);
	iol_config_finish(&config);
	g_string_free(text, TRUE);
}

static void test_set(void)
{
	char kernel[] = "boot.kernel=k", direct[] = "disks[0].direct=true",
	     disk[] = "disks[1]={\"path\": \"b\"}", memory[] = "memory=2G", name[] = "name=\"12\"",
	     prop[] = "tree.node-update.\"/a.b=c\".p=[1, 2]", over[] = "memory=3G";
	struct iol_config config;
	struct iol_mistakes *mistakes =
		load(&config, "{\"disks\": [{\"path\": \"a\"}], \"boot\": {\"initrd\": \"i\"}}",
		     (char *[]){ kernel, direct, disk, memory, name, over, NULL });

	if (iol_mistakes_count(mistakes))
		g_error("%s", iol_mistakes_text(mistakes, 0));
	/* Paths of the file are relative to its folder, others are not. */
	g_assert_cmpstr(config.kernel, ==, "k");
	g_assert_cmpstr(config.initrd, ==, "/srv/i");
	g_assert_cmpuint(config.disk_count, ==, 2);
	g_assert_cmpstr(config.disks[0].path, ==, "/srv/a");
	g_assert_true(config.disks[0].direct);
	g_assert_cmpstr(config.disks[1].path, ==, "b");
	g_assert_cmpuint(config.memory_bytes, ==, 3 * IOL_GIB);
	g_assert_cmpstr(config.name, ==, "12");
	iol_mistakes_free(mistakes);
	iol_config_finish(&config);
	mistakes = load(&config, "{}", (char *[]){ prop, NULL });
	/* A node's name has no '='. */
	g_assert_true(g_str_has_prefix(iol_mistakes_text(mistakes, 0),
				       "--set tree.node-update./a.b=c: '/a.b=c' is no path"));
	iol_mistakes_free(mistakes);
	iol_config_finish(&config);
}

static void test_set_refused(void)
{
	static const char *const cases[][2] = {
		{ "", "no path" },
		{ "memory", "no path" },
		{ "=1", "no path" },
		{ "[0]=1", "no path" },
		{ "a..b=1", "no path" },
		{ "a.=1", "no path" },
		{ "a[=1", "no path" },
		{ "a[-1]=1", "no path" },
		{ "a[99999999999]=1", "no path" },
		{ "a b=1", "no path" },
		{ "a[0]b=1", "no path" },
		{ "\"a=1", "no path" },
		{ "\"\\q\"=1", "no path" },
		{ "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q=1", "no path" },
		{ "name.x=1", "'name' is no object" },
		{ "name[0]=1", "'name' is no list" },
		{ "disks.path=1", "'disks' is no object" },
		{ "disks[1].path=1", "'disks' has 0 items: the next one is [0]" },
		{ "boot[0]=1", "'boot' is no list" },
		{ "name=\xff", "its value is not UTF-8" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strdup(cases[i][0]);
		struct iol_config config;
		struct iol_mistakes *mistakes =
			load(&config, "{\"name\": \"a\", \"disks\": [], \"boot\": {}}",
			     (char *[]){ text, NULL });
		const char *said = iol_mistakes_text(mistakes, 0);

		if (!said || !g_str_has_prefix(said, "--set ") || !strstr(said, cases[i][1]))
			g_error("'%s': '%s', not '%s'", text, said ? said : "", cases[i][1]);
		g_assert_cmpuint(iol_mistakes_count(mistakes), ==, 1);
		iol_mistakes_free(mistakes);
		iol_config_finish(&config);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/config/position/places", test_places);
	g_test_add_func("/config/position/anything", test_anything);
	g_test_add_func("/config/position/all-told", test_all_told);
	g_test_add_func("/config/position/too-many", test_too_many);
	g_test_add_func("/config/position/set", test_set);
	g_test_add_func("/config/position/set-refused", test_set_refused);
	return g_test_run();
}
