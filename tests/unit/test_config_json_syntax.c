// SPDX-License-Identifier: Apache-2.0
#include <iolite/config.h>

#include <errno.h>
#include <glib.h>
#include <string.h>

struct syntax_case {
	const char *text;
	const char *says; /* behind "x.json:" */
};

static const struct syntax_case cases[] = {
	/* Too little. */
	{ "", "1:1: empty: the least that a configuration has is {}" },
	{ " \n\t", "1:1: empty: the least that a configuration has is {}" },
	{ "{\n\t\"cpus\": 2\n", "2:11: it ends too early: a closing quote, } or ] is missing" },
	{ "{\"name", "1:7: it ends too early: a closing quote, } or ] is missing" },
	{ "{\"disks\": [", "1:12: it ends too early: a closing quote, } or ] is missing" },
	/* Something else altogether. */
	{ "MZ", "1:1: no configuration: it is a JSON object and starts with {; a kernel is named "
		"with -k, a disk with -d" },
	{ "cpus = 2", "1:1: no configuration: it is a JSON object and starts with {; a kernel is "
		      "named with -k, a disk with -d" },
	{ "{} {}", "1:4: { stands behind the end of the configuration: take it away" },
	{ "{}}", "1:3: } stands behind the end of the configuration: take it away" },
	{ "{\"name\": \"caf\xe9\"}", "1:14: this is not UTF-8: save the file in that encoding" },
	{ "\xff\xfe{", "1:1: this is not UTF-8: save the file in that encoding" },
	{ "{\"a\": \"\\u0000\"}", "1:7: a text cannot have a \\u0000: take it away" },
	{ "{\"a\\u0000\": 1}", "1:2: a text cannot have a \\u0000: take it away" },
	/* Habits of other formats. */
	{ "// web\n{}", "1:1: JSON has no comments: take it away" },
	{ "{ /* cpus */ }", "1:3: JSON has no comments: take it away" },
	{ "{\n\"cpus\": 2 # two\n}", "2:11: JSON has no comments: take it away" },
	{ "{\"name\": \"a\", // a\n\"cpus\": 1}", "1:15: JSON has no comments: take it away" },
	{ "{\"name\": \"a\",\n}", "2:1: a comma before the closing }: take it away" },
	{ "{\"disks\": [{}, ]}", "1:16: a comma before the closing ]: take it away" },
	{ "{'name': 1}", "1:2: single quotes: JSON takes double quotes only" },
	{ "{\"name\": 'a'}", "1:10: single quotes: JSON takes double quotes only" },
	{ "{name: 1}", "1:2: a key without quotes: write \"name\"" },
	{ "{\"a\": 1, b: 1}", "1:10: a key without quotes: write \"b\"" },
	{ "{\"name\": web}", "1:10: text without quotes: write \"web\"; true, false and null are "
			     "in small letters" },
	{ "{\"a\": True}", "1:7: text without quotes: write \"True\"; true, false and null are in "
			   "small letters" },
	/* Numbers. */
	{ "{\"a\": 0x10}", "1:7: 0x10 is hexadecimal, which JSON has not: give a decimal number, "
			   "or text in double quotes in a list of cells" },
	{ "[0, 0XfF]", "1:5: 0XfF is hexadecimal, which JSON has not: give a decimal number, or "
		       "text in double quotes in a list of cells" },
	{ "{\"a\": 007}", "1:7: 007 is no number as JSON has them: write it as 5, -5 or 0.5, and a "
			  "size in double quotes" },
	{ "{\"a\": +5}", "1:7: +5 is no number as JSON has them: write it as 5, -5 or 0.5, and a "
			 "size in double quotes" },
	{ "{\"a\": .5}", "1:7: .5 is no number as JSON has them: write it as 5, -5 or 0.5, and a "
			 "size in double quotes" },
	{ "{\"a\": 5.}", "1:7: 5. is no number as JSON has them: write it as 5, -5 or 0.5, and a "
			 "size in double quotes" },
	{ "{\"a\": -}", "1:7: - is no number as JSON has them: write it as 5, -5 or 0.5, and a "
			"size in double quotes" },
	{ "[5e]", "1:2: 5e is no number as JSON has them: write it as 5, -5 or 0.5, and a size in "
		  "double quotes" },
	{ "{\"memory\": 512M}", "1:12: 512M is no number as JSON has them: write it as 5, -5 or "
				"0.5, and a size in double quotes" },
	{ "{\"a\": 9223372036854775808}",
	  "1:7: 9223372036854775808 is too large for a number: write it as text where that will "
	  "do, such as \"8T\" or {\"u64\": \"0x...\"}" },
	{ "{\"a\": 1e999}", "1:7: 1e999 is too large for a number: write it as text where that "
			    "will do, such as \"8T\" or {\"u64\": \"0x...\"}" },
	/* Something is missing. */
	{ "{\"a\": 1 \"b\": 2}", "1:9: a comma or } is missing before \"b\"" },
	{ "{\"a\": 1\n \"b\": 2}", "2:2: a comma or } is missing before \"b\"" },
	{ "{\"a\": 1]", "1:8: a comma or } is missing before ]" },
	{ "[-1.5e+3 0.5E-2]", "1:10: a comma or ] is missing before 0.5E-2" },
	{ "{\"memory\": 512 M}", "1:16: a comma or } is missing before M" },
	{ "{\"a\" 1}", "1:6: a colon is missing before 1" },
	{ "{\"a\"}", "1:5: a colon is missing before }" },
	{ "{\"a\": }", "1:7: a value is missing before }" },
	{ "{\"a\": , \"b\": 1}", "1:7: a value is missing before ," },
	{ "[1,,2]", "1:4: a value is missing before ," },
	{ "{,}", "1:2: a key is missing before ," },
	{ "{\"a\": 1,, \"b\": 2}", "1:9: a key is missing before ," },
	/* Within a text. */
	{ "{\"name\": \"a\n\"}", "1:12: a text ends with its line: a closing quote is missing (a "
				 "line break in a text is \\n)" },
	{ "{\"name\": \"a\tb\"}",
	  "1:12: a control character in a text: write it as \\t or \\u0009" },
	{ "{\"a\": \"C:\\guest\"}",
	  "1:10: a backslash begins an escape such as \\n: write \\\\ for itself" },
	{ "{\"a\": \"x\\u12\"}",
	  "1:9: a backslash begins an escape such as \\n: write \\\\ for itself" },
	{ "{\"a\": \"\\ud800\"}", "1:7: invalid Unicode '\\uD800' near '\"\\ud800\"': correct it" },
	/* Twice. */
	{ "{\"cpus\": 1,\n\"cpus\": 2}", "2:1: the key \"cpus\" is given twice: leave one out" },
	{ "{\"a\": {\"x\\\"y\": 1, \"x\\\"y\": 2}}",
	  "1:19: the key \"x\\\"y\" is given twice: leave one out" },
	/* Columns are characters, not bytes. */
	{ "{\"name\": \"caf\u00e9\u2603\", }", "1:19: a comma before the closing }: take it away" },
};

static void check(const struct syntax_case *c)
{
	g_autofree char *says = g_strdup_printf("x.json:%s", c->says);
	struct iol_config config;
	struct iol_error err = { 0 };

	g_test_message("%s", c->text);
	iol_config_init(&config);
	g_assert_cmpint(iol_config_load_text(&config, c->text, strlen(c->text), "x.json", NULL,
					     &err),
			==, -EINVAL);
	g_assert_cmpstr(err.msg, ==, says);
	iol_config_finish(&config);
}

static void test_table(void)
{
	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++)
		check(&cases[i]);
}

/* A byte order mark is no column. */
static void test_mark(void)
{
	check(&(struct syntax_case){ "\xef\xbb\xbf{,}", "1:2: a key is missing before ," });
}

static void test_depth(void)
{
	g_autofree char *text = g_strnfill(100000, '[');
	g_autofree char *says = g_strdup_printf("1:2049: too many { and [ in each other: take "
						"some away");

	check(&(struct syntax_case){ text, says });
}

/* Long tokens are found from their end, and shown by their beginning. */
static void test_long_tokens(void)
{
	g_autofree char *text = g_strnfill(300, 'a');
	g_autofree char *shown = g_strndup(text, 31);
	g_autofree char *twice = g_strdup_printf("{\"%s\": 1,\n  \"%s\": 2}", text, text);
	g_autofree char *says =
		g_strdup_printf("2:3: the key \"%s is given twice: leave one out", shown);

	check(&(struct syntax_case){ twice, says });
}

/* Wherever a right text is cut off, it is told in one line and at its end. */
static void test_every_cut(void)
{
	static const char text[] = "{\"a\": [1, -2.5e3, \"x\\n\", true], \"b\": {\"c\": null}}";

	for (size_t len = 1; len < strlen(text); len++) {
		struct iol_config config;
		struct iol_error err = { 0 };

		iol_config_init(&config);
		g_assert_cmpint(iol_config_load_text(&config, text, len, "x.json", NULL, &err), ==,
				-EINVAL);
		g_test_message("%.*s: %s", (int)len, text, err.msg);
		g_assert_true(g_str_has_prefix(err.msg, "x.json:1:"));
		g_assert_null(strchr(err.msg, '\n'));
		iol_config_finish(&config);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/config-json-syntax/table", test_table);
	g_test_add_func("/config-json-syntax/mark", test_mark);
	g_test_add_func("/config-json-syntax/depth", test_depth);
	g_test_add_func("/config-json-syntax/long-tokens", test_long_tokens);
	g_test_add_func("/config-json-syntax/every-cut", test_every_cut);
	return g_test_run();
}
