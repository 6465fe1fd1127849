// SPDX-License-Identifier: Apache-2.0
#include <iolite/config.h>

#include <errno.h>
#include <glib.h>
#include <string.h>

/* A configuration whose tree has @tree. */
/* What is said without the line and column, which test_config_json_position.c is about. */
static char *without_position(const char *said)
{
	g_autoptr(GRegex) position = g_regex_new("^web\\.json:[0-9]+:[0-9]+: ", 0, 0, NULL);

	return g_regex_replace_literal(position, said, -1, 0, "web.json: ", 0, NULL);
}

static int load(struct iol_config *config, const char *tree, struct iol_error *err)
{
	g_autofree char *text = g_strdup_printf("{\"tree\": %s}", tree);

	iol_config_init(config);
	return iol_config_load_text(config, text, strlen(text), "web.json", NULL, err);
}

/* One property of /soc with @value. */
static int load_value(struct iol_config *config, const char *value, struct iol_error *err)
{
	g_autofree char *tree =
		g_strdup_printf("{\"node-update\": {\"/soc\": {\"p\": %s}}}", value);

	return load(config, tree, err);
}

/* Parts as text: bytes in hex, phandles as <path>. */
static char *parts_of(const struct iol_tree_edit *edit)
{
	GString *text = g_string_new(NULL);

	for (size_t i = 0; i < edit->part_count; i++) {
		const struct iol_tree_part *part = &edit->parts[i];

		g_assert_true(!part->bytes != !part->phandle_of);
		if (part->phandle_of)
			g_string_append_printf(text, "<%s>", part->phandle_of);
		for (size_t j = 0; j < part->len; j++)
			g_string_append_printf(text, "%02x", part->bytes[j]);
	}
	return g_string_free(text, FALSE);
}

static void test_values(void)
{
	static const struct {
		const char *value;
		enum iol_tree_edit_kind kind;
		size_t part_count;
		const char *parts;
	} cases[] = {
		{ "\"okay\"", IOL_TREE_SET, 1, "6f6b617900" },
		{ "\"\"", IOL_TREE_SET, 1, "00" },
		{ "\"\u00e9\"", IOL_TREE_SET, 1, "c3a900" },
		{ "[\"a\", \"bc\", \"\"]", IOL_TREE_SET, 1, "610062630000" },
		{ "0", IOL_TREE_SET, 1, "00000000" },
		{ "4294967295", IOL_TREE_SET, 1, "ffffffff" },
		{ "[1, 258]", IOL_TREE_SET, 1, "0000000100000102" },
		{ "[1, 2, {\"phandle\": \"/pic\"}, 3]", IOL_TREE_SET, 3,
		  "0000000100000002</pic>00000003" },
		{ "[{\"phandle\": \"/a\"}, {\"phandle\": \"b\"}]", IOL_TREE_SET, 2, "</a><b>" },
		{ "[{\"u64\": \"0x100000002\"}, 3]", IOL_TREE_SET, 1, "000000010000000200000003" },
		{ "true", IOL_TREE_SET, 0, "" },
		{ "null", IOL_TREE_DELETE_PROP, 0, "" },
		{ "{\"u64\": 5}", IOL_TREE_SET, 1, "0000000000000005" },
		{ "{\"u64\": \"18446744073709551615\"}", IOL_TREE_SET, 1, "ffffffffffffffff" },
		{ "{\"u64\": \"0xfedcba9876543210\"}", IOL_TREE_SET, 1, "fedcba9876543210" },
		{ "{\"cells\": [\"0x10\", 2, \"0XffFFffFF\", \"7\"]}", IOL_TREE_SET, 1,
		  "0000001000000002ffffffff00000007" },
		{ "{\"cells\": [{\"phandle\": \"/x\"}, \"0x1\", {\"u64\": \"0x2\"}]}", IOL_TREE_SET,
		  2, "</x>000000010000000000000002" },
		{ "{\"bytes\": \"de ad be ef\"}", IOL_TREE_SET, 1, "deadbeef" },
		{ "{\"bytes\": \" DEADbeef  00\"}", IOL_TREE_SET, 1, "deadbeef00" },
		{ "{\"phandle\": \"/soc/pic@40000\"}", IOL_TREE_SET, 1, "</soc/pic@40000>" },
		{ "{\"prepend\": \"acme,x\"}", IOL_TREE_PREPEND, 1, "61636d652c7800" },
		{ "{\"prepend\": [\"a\", \"b\"]}", IOL_TREE_PREPEND, 1, "61006200" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		g_autofree char *parts = NULL;
		struct iol_config config;
		struct iol_error err = { 0 };
		const struct iol_tree_edit *edit;
		g_autofree char *where = NULL;

		if (load_value(&config, cases[i].value, &err))
			g_error("%s is refused: %s", cases[i].value, err.msg);
		g_test_message("%s", cases[i].value);
		g_assert_cmpuint(config.tree_edit_count, ==, 1);
		edit = &config.tree_edits[0];
		parts = parts_of(edit);
		g_assert_cmpint(edit->kind, ==, cases[i].kind);
		where = without_position(edit->where);
		g_assert_cmpstr(where, ==, "web.json: tree.node-update./soc.p");
		g_assert_cmpstr(edit->node, ==, "/soc");
		g_assert_cmpstr(edit->prop, ==, "p");
		g_assert_cmpuint(edit->part_count, ==, cases[i].part_count);
		g_assert_cmpstr(parts, ==, cases[i].parts);
		iol_config_finish(&config);
	}
}

/* Updates in the order of the file, then deletions, wherever those stand. */
static void test_order(void)
{
	static const struct {
		enum iol_tree_edit_kind kind;
		const char *where, *node, *prop;
	} wanted[] = {
		{ IOL_TREE_SET, "tree.node-update./z.b", "/z", "b" },
		{ IOL_TREE_DELETE_PROP, "tree.node-update./z.a", "/z", "a" },
		{ IOL_TREE_SET, "tree.node-update./z.#size-cells", "/z", "#size-cells" },
		{ IOL_TREE_ADD_NODE, "tree.node-update./a", "/a", NULL },
		{ IOL_TREE_SET, "tree.node-update.serial0/x.q", "serial0/x", "q" },
		{ IOL_TREE_SET, "tree.node-update./.model", "/", "model" },
		{ IOL_TREE_DELETE_NODE, "tree.delete[0]", "/y", NULL },
		{ IOL_TREE_DELETE_NODE, "tree.delete[1]", "serial1", NULL },
	};
	struct iol_config config;
	struct iol_error err = { 0 };

	if (load(&config,
		 "{\"delete\": [\"/y\", \"serial1\"], \"node-update\": {\"/z\": {\"b\": 1, \"a\": "
		 "null, \"#size-cells\": 0}, \"/a\": {}, \"serial0/x\": {\"q\": true}, \"/\": "
		 "{\"model\": \"m\"}}}",
		 &err))
		g_error("refused: %s", err.msg);
	g_assert_cmpuint(config.tree_edit_count, ==, IOL_ARRAY_LEN(wanted));
	for (size_t i = 0; i < IOL_ARRAY_LEN(wanted); i++) {
		const struct iol_tree_edit *edit = &config.tree_edits[i];
		g_autofree char *where = g_strdup_printf("web.json: %s", wanted[i].where);
		g_autofree char *told = without_position(edit->where);

		g_assert_cmpint(edit->kind, ==, wanted[i].kind);
		g_assert_cmpstr(told, ==, where);
		g_assert_cmpstr(edit->node, ==, wanted[i].node);
		g_assert_cmpstr(edit->prop, ==, wanted[i].prop);
	}
	iol_config_finish(&config);
}

struct refusal {
	const char *text, *says;
};

static void check_refused(const struct refusal *c, const char *place,
			  int (*loader)(struct iol_config *, const char *, struct iol_error *))
{
	g_autofree char *says = g_strdup_printf("web.json: %s%s", place, c->says);
	g_autofree char *said = NULL;
	struct iol_config config;
	struct iol_error err = { 0 };

	g_test_message("%s", c->text);
	g_assert_cmpint(loader(&config, c->text, &err), ==, -EINVAL);
	said = without_position(err.msg);
	g_assert_cmpstr(said, ==, says);
	g_assert_cmpuint(config.tree_edit_count, ==, 0);
	iol_config_finish(&config);
	g_assert_cmpint(loader(&config, c->text, NULL), ==, -EINVAL);
	iol_config_finish(&config);
}

static void test_refused_values(void)
{
	static const struct refusal cases[] = {
		{ "false",
		  ": false is no value: null deletes a property, true makes one without a value" },
		{ "1.5", ": 1.5 is no whole number: give a whole number" },
		{ "-1", ": -1 is negative: give 0 and up, such as 4294967295 for a cell of ones" },
		{ "4294967296", ": 0x100000000 has more than the 32 bits of a cell: give {\"u64\": "
				"\"0x100000000\"} for two cells" },
		{ "[]", ": an empty list: a property without a value is true" },
		{ "[1, 4294967296]", "[1]: 0x100000000 has more than the 32 bits of a cell: give "
				     "{\"u64\": \"0x100000000\"} for two cells" },
		{ "[1, \"0x2\"]",
		  "[1]: '0x2' is text in a list of numbers: give texts only, or {\"cells\": "
		  "[...]}, where a text is a number" },
		{ "[\"a\", 1]", "[1]: 1 is a number: give text, as the list began with one" },
		{ "[[1]]", "[0]: this is a list: give a number, such as 4096" },
		{ "[true]", "[0]: this is true: give a number, such as 4096" },
		{ "[{}]",
		  "[0]: a cell is one of {\"phandle\": ...} and {\"u64\": ...}: give one key" },
		{ "[{\"phandel\": \"/x\"}]",
		  "[0]: there is no 'phandel': did you mean 'phandle'?" },
		{ "[{\"bytes\": \"00\"}]", "[0]: there is no 'bytes', but phandle, u64" },
		{ "{}", ": 0 keys: give one of u64, cells, bytes, phandle, prepend" },
		{ "{\"u64\": 1, \"cells\": [1]}",
		  ": 2 keys: give one of u64, cells, bytes, phandle, prepend" },
		{ "{\"append\": \"x\"}",
		  ": there is no 'append', but u64, cells, bytes, phandle, prepend" },
		{ "{\"byte\": \"00\"}", ": there is no 'byte': did you mean 'bytes'?" },
		{ "{\"u64\": \"0x1g\"}", ".u64: '0x1g' is no number of up to 64 bits: give one "
					 "such as \"0x1000\" or 4096" },
		{ "{\"u64\": \"0x10000000000000000\"}",
		  ".u64: '0x10000000000000000' is no number of up to 64 bits: give one such as "
		  "\"0x1000\" or 4096" },
		{ "{\"u64\": \" 1\"}", ".u64: ' 1' is no number of up to 64 bits: give one such as "
				       "\"0x1000\" or 4096" },
		{ "{\"u64\": \"0x\\u000b1\"}",
		  ".u64: '0x?1' is no number of up to 64 bits: give one "
		  "such as \"0x1000\" or 4096" },
		{ "{\"u64\": [1]}", ".u64: this is a list: give a number, such as 4096" },
		{ "{\"cells\": 5}", ".cells: no cells: give a list, such as [\"0x10\", 2]" },
		{ "{\"cells\": []}", ".cells: no cells: give a list, such as [\"0x10\", 2]" },
		{ "{\"cells\": [\"x\"]}", ".cells[0]: 'x' is no number of up to 64 bits: give one "
					  "such as \"0x1000\" or 4096" },
		{ "{\"bytes\": [0]}", ".bytes: this is a list: give text of hexadecimal digits, "
				      "such as \"de ad be ef\"" },
		{ "{\"bytes\": \"de a\"}", ".bytes: 'de a' has no byte at 'a': give two "
					   "hexadecimal digits each, such as \"de ad be ef\"" },
		{ "{\"bytes\": \"0x12\"}", ".bytes: '0x12' has no byte at '0x12': give two "
					   "hexadecimal digits each, such as \"de ad be ef\"" },
		{ "{\"bytes\": \" \"}", ".bytes: no bytes: a property without a value is true" },
		{ "{\"phandle\": 1}", ".phandle: 1 is a number: give the path of a node, such as "
				      "\"/soc/pic@40000\"" },
		{ "{\"phandle\": \"\"}",
		  ".phandle: '' is no path of a node: give one such as /soc/serial@1000 or that "
		  "starts with an alias, such as serial0" },
		{ "{\"prepend\": []}", ".prepend: no texts: give one, or a list of them" },
		{ "{\"prepend\": 1}", ".prepend: no texts: give one, or a list of them" },
		{ "{\"prepend\": [\"a\", 1]}",
		  ".prepend[1]: 1 is a number: give text, as the list began with one" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++)
		check_refused(&cases[i], "tree.node-update./soc.p", load_value);
}

static void test_refused(void)
{
	static const struct refusal cases[] = {
		{ "[]", ": this is a list: give an object, in { and }" },
		{ "{\"node_update\": {}}",
		  ": there is no 'node_update': did you mean 'node-update'?" },
		{ "{\"overlay\": {}}", ": there is no 'overlay', but node-update, delete" },
		{ "{\"node-update\": []}",
		  ".node-update: this is a list: give an object, such as {\"/node\": {\"prop\": "
		  "\"text\"}}" },
		{ "{\"node-update\": {\"\": {}}}",
		  ".node-update: '' is no path of a node: give one such as /soc/serial@1000 or "
		  "that starts with an alias, such as serial0" },
		{ "{\"node-update\": {\"/soc/\": {}}}",
		  ".node-update: '/soc/' has a / too many: take it away" },
		{ "{\"node-update\": {\"/a//b\": {}}}",
		  ".node-update: '/a//b' has a / too many: take it away" },
		{ "{\"node-update\": {\"/a b\": {}}}",
		  ".node-update: '/a b' is no path of a node: names have letters, digits and , . _ "
		  "+ - @" },
		{ "{\"node-update\": {\"/a\": null}}",
		  ".node-update./a: this is null: give properties in { and }; a node is deleted by "
		  "tree.delete, or leave it out" },
		{ "{\"node-update\": {\"/a\": {\"\": 1}}}",
		  ".node-update./a: '' is no name of a property: it has letters, digits and , . _ "
		  "+ ? # -" },
		{ "{\"node-update\": {\"/a\": {\"reg@0\": 1}}}",
		  ".node-update./a: 'reg@0' is no name of a property: it has letters, digits and , "
		  ". _ + ? # -" },
		{ "{\"delete\": \"/x\"}",
		  ".delete: '/x' is text: give a list of paths, such as [\"/soc/serial@1000\"]" },
		{ "{\"delete\": [{}]}", ".delete[0]: this is an object: give the path of a node, "
					"such as \"/soc/serial@1000\"" },
		{ "{\"delete\": [\"/x\", \"/\"]}",
		  ".delete[1]: '/' is the root, without which there is no tree: name a node below "
		  "it" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++)
		check_refused(&cases[i], "tree", load);
}

static void test_lengths(void)
{
	for (unsigned int len = 1023; len <= 1025; len++) {
		g_autofree char *name = g_strnfill(len - 1, 'n');
		g_autofree char *tree = g_strdup_printf("{\"delete\": [\"/%s\"]}", name);
		struct iol_config config;
		int ret = load(&config, tree, NULL);

		g_assert_cmpint(ret, ==, len <= 1024 ? 0 : -EINVAL);
		iol_config_finish(&config);
	}
	for (unsigned int len = 254; len <= 256; len++) {
		g_autofree char *name = g_strnfill(len, 'n');
		g_autofree char *tree =
			g_strdup_printf("{\"node-update\": {\"/x\": {\"%s\": true}}}", name);
		struct iol_config config;
		int ret = load(&config, tree, NULL);

		g_assert_cmpint(ret, ==, len <= 255 ? 0 : -EINVAL);
		iol_config_finish(&config);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/config-json-tree/values", test_values);
	g_test_add_func("/config-json-tree/order", test_order);
	g_test_add_func("/config-json-tree/refused-values", test_refused_values);
	g_test_add_func("/config-json-tree/refused", test_refused);
	g_test_add_func("/config-json-tree/lengths", test_lengths);
	return g_test_run();
}
