// SPDX-License-Identifier: Apache-2.0
#include <iolite/tree_edit.h>

#include <errno.h>
#include <glib.h>
#include <libfdt.h>

#include <iolite/fdt.h>
#include <iolite/macros.h>

#include "tree_text.h"

/* What the cases change. */
static const char base[] =
	"/ { model = \"m\"; compatible = \"b\", \"c\"; "
	"soc { number = <1 2>; uart@100 { phandle = <7>; reg = <0x100>; }; uart@200 { }; "
	"pic@0 { }; single@5 { }; }; "
	"aliases { serial0 = \"/soc/uart@100\"; loop = \"loop\"; half = \"/soc\"; bytes = [2f61]; "
	"two = \"/soc\", \"/soc\"; gone = \"/gone\"; }; };";

#define SOC                                                                                \
	"soc { number = <1 2>; uart@100 { phandle = <7>; reg = <0x100>; }; uart@200 { }; " \
	"pic@0 { }; single@5 { }; }; "
#define ALIASES                                                                                     \
	"aliases { serial0 = \"/soc/uart@100\"; loop = \"loop\"; half = \"/soc\"; bytes = [2f61]; " \
	"two = \"/soc\", \"/soc\"; gone = \"/gone\"; }; };"

#define BYTES(text)                                                            \
	{                                                                      \
		.bytes = (uint8_t *)(uintptr_t)(text), .len = sizeof(text) - 1 \
	}
#define PHANDLE(path)                                   \
	{                                               \
		.phandle_of = (char *)(uintptr_t)(path) \
	}

/* An edit and what it has for a value; text has no const in struct iol_tree_edit. */
struct edit {
	enum iol_tree_edit_kind kind;
	const char *node, *prop;
	struct iol_tree_part parts[3];
	size_t part_count;
};

/* Applies @edit to @tree. */
static int apply(struct iol_fdt_blob *tree, const struct edit *edit, struct iol_error *err)
{
	struct iol_tree_edit e = {
		.kind = edit->kind,
		.where = (char *)(uintptr_t) "vm.json: tree[0]",
		.node = (char *)(uintptr_t)edit->node,
		.prop = (char *)(uintptr_t)edit->prop,
		.parts = (struct iol_tree_part *)(uintptr_t)edit->parts,
		.part_count = edit->part_count,
	};

	return iol_fdt_apply_edits(tree, &e, 1, err);
}

static struct iol_fdt_blob load(const char *text)
{
	struct iol_fdt_blob raw = tree_text(text), tree;
	struct iol_error err = { 0 };

	g_assert_cmpint(iol_fdt_from_bytes(raw.data, raw.bytes, "base", &tree, &err), ==, 0);
	iol_fdt_blob_finish(&raw);
	return tree;
}

static void test_done(void)
{
	static const struct {
		struct edit edit;
		const char *result;
	} cases[] = {
		{ { IOL_TREE_SET, "/", "model", { BYTES("new model\0") }, 1 },
		  "/ { model = \"new model\"; compatible = \"b\", \"c\"; " SOC ALIASES },
		{ { IOL_TREE_SET, "/", "empty", { BYTES("") }, 0 },
		  "/ { model = \"m\"; compatible = \"b\", \"c\"; empty; " SOC ALIASES },
		/* Several parts, one after the other. */
		{ { IOL_TREE_SET,
		    "/soc/pic@0",
		    "mix",
		    { BYTES("\0\0\0\1"), PHANDLE("serial0"), BYTES("x\0") },
		    3 },
		  "/ { model = \"m\"; compatible = \"b\", \"c\"; soc { number = <1 2>; uart@100 { "
		  "phandle = <7>; reg = <0x100>; }; uart@200 { }; pic@0 { mix = <1 7>, \"x\"; }; "
		  "single@5 { }; }; " ALIASES },
		/* A node without a phandle gets the next one; so does one that is the edit's own. */
		{ { IOL_TREE_SET, "/soc/uart@200", "p", { PHANDLE("/soc/pic@0") }, 1 },
		  "/ { model = \"m\"; compatible = \"b\", \"c\"; soc { number = <1 2>; uart@100 { "
		  "phandle = <7>; reg = <0x100>; }; uart@200 { p = <8>; }; pic@0 { phandle = <8>; "
		  "}; single@5 { }; }; " ALIASES },
		{ { IOL_TREE_SET,
		    "/soc/pic@0",
		    "p",
		    { PHANDLE("/soc/pic@0"), PHANDLE("half"), PHANDLE("/soc/pic@0") },
		    3 },
		  "/ { model = \"m\"; compatible = \"b\", \"c\"; soc { phandle = <9>; number = <1 2>; "
		  "uart@100 { phandle = <7>; reg = <0x100>; }; uart@200 { }; pic@0 { phandle = <8>; "
		  "p = <8 9 8>; }; single@5 { }; }; " ALIASES },
		/* Nodes are made, with those above them; also below an alias. */
		{ { IOL_TREE_SET, "/a/b@1/c", "q", { BYTES("\0\0\0\5") }, 1 },
		  "/ { model = \"m\"; compatible = \"b\", \"c\"; a { b@1 { c { q = <5>; }; }; "
		  "}; " SOC ALIASES },
		{ { IOL_TREE_ADD_NODE, "serial0/x", NULL, { BYTES("") }, 0 },
		  "/ { model = \"m\"; compatible = \"b\", \"c\"; soc { number = <1 2>; uart@100 { "
		  "phandle = <7>; reg = <0x100>; x { }; }; uart@200 { }; pic@0 { }; single@5 { }; "
		  "}; " ALIASES },
		{ { IOL_TREE_ADD_NODE, "//soc//", NULL, { BYTES("") }, 0 }, base },
		{ { IOL_TREE_ADD_NODE, "/", NULL, { BYTES("") }, 0 }, base },
		/* The unit address may be left away where that leaves one node. */
		{ { IOL_TREE_SET, "/soc/single", "r", { BYTES("") }, 0 },
		  "/ { model = \"m\"; compatible = \"b\", \"c\"; soc { number = <1 2>; uart@100 { "
		  "phandle = <7>; reg = <0x100>; }; uart@200 { }; pic@0 { }; single@5 { r; }; "
		  "}; " ALIASES },
		{ { IOL_TREE_PREPEND, "/", "compatible", { BYTES("a\0") }, 1 },
		  "/ { model = \"m\"; compatible = \"a\", \"b\", \"c\"; " SOC ALIASES },
		{ { IOL_TREE_PREPEND, "/", "compatible", { BYTES("x\0"), BYTES("y\0z\0") }, 2 },
		  "/ { model = \"m\"; compatible = \"x\", \"y\", \"z\", \"b\", \"c\"; " SOC
			  ALIASES },
		{ { IOL_TREE_DELETE_PROP, "/soc", "number", { BYTES("") }, 0 },
		  "/ { model = \"m\"; compatible = \"b\", \"c\"; soc { uart@100 { phandle = <7>; reg = "
		  "<0x100>; }; uart@200 { }; pic@0 { }; single@5 { }; }; " ALIASES },
		{ { IOL_TREE_DELETE_NODE, "/soc", NULL, { BYTES("") }, 0 },
		  "/ { model = \"m\"; compatible = \"b\", \"c\"; " ALIASES },
		{ { IOL_TREE_DELETE_NODE, "serial0", NULL, { BYTES("") }, 0 },
		  "/ { model = \"m\"; compatible = \"b\", \"c\"; soc { number = <1 2>; uart@200 { }; "
		  "pic@0 { }; single@5 { }; }; " ALIASES },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_fdt_blob tree = load(base);
		struct iol_error err = { 0 };
		int rc = apply(&tree, &cases[i].edit, &err);

		g_test_message("%zu: %s", i, cases[i].edit.node);
		g_assert_cmpstr(err.msg, ==, "");
		g_assert_cmpint(rc, ==, 0);
		g_assert_cmpuint(tree.bytes, ==, fdt_totalsize(tree.data));
		assert_tree(&tree, cases[i].result);
		iol_fdt_blob_finish(&tree);
	}
}

#define N31 "n234567890123456789012345678901"
#define N256 N31 N31 N31 N31 N31 N31 N31 N31 "xxxxxxxx"
#define DEEP "/1/2/3/4/5/6/7/8/9/1/2/3/4/5/6/7/8/9/1/2/3/4/5/6/7/8/9/1/2/3/4"

/* Mistakes: each is told in one line, and the tree is as before. */
static void test_refused(void)
{
	static const struct {
		struct edit edit;
		int rc;
		const char *text;
	} cases[] = {
		{ { IOL_TREE_SET, "soc", "p", { BYTES("") }, 0 },
		  -ENOENT,
		  "node soc: property 'p': 'soc' is neither a path from the root (/...) nor an alias "
		  "of this tree" },
		{ { IOL_TREE_SET, "", "p", { BYTES("") }, 0 },
		  -ENOENT,
		  "node : property 'p': '' is neither a path from the root (/...) nor an alias of "
		  "this tree" },
		{ { IOL_TREE_ADD_NODE, "model/x", NULL, { BYTES("") }, 0 },
		  -ENOENT,
		  "node model/x: 'model/x' is neither a path from the root (/...) nor an alias of "
		  "this tree" },
		{ { IOL_TREE_ADD_NODE, N256, NULL, { BYTES("") }, 0 },
		  -ENOENT,
		  "node " N31 N31 N31 "n23: '" N31 N31 "n2' is neither a path from the root (/...) "
		  "nor an alias of this tree" },
		/* Aliases that lead nowhere, and would not end. */
		{ { IOL_TREE_ADD_NODE, "loop", NULL, { BYTES("") }, 0 },
		  -EINVAL,
		  "node loop: the value of the alias 'loop' is no path" },
		{ { IOL_TREE_ADD_NODE, "bytes/x", NULL, { BYTES("") }, 0 },
		  -EINVAL,
		  "node bytes/x: the value of the alias 'bytes' is no path" },
		{ { IOL_TREE_ADD_NODE, "two", NULL, { BYTES("") }, 0 },
		  -EINVAL,
		  "node two: the value of the alias 'two' is no path" },
		{ { IOL_TREE_DELETE_PROP, "gone", "p", { BYTES("") }, 0 },
		  -ENOENT,
		  "node gone: property 'p': there is no 'gone'" },
		{ { IOL_TREE_DELETE_PROP, "serial0/x", "p", { BYTES("") }, 0 },
		  -ENOENT,
		  "node serial0/x: property 'p': there is no 'x'" },
		/* Paths. */
		{ { IOL_TREE_SET, "/soc/uart", "p", { BYTES("") }, 0 },
		  -EINVAL,
		  "node /soc/uart: property 'p': there are several 'uart@...': give the unit address, "
		  "too" },
		{ { IOL_TREE_ADD_NODE, DEEP, NULL, { BYTES("") }, 0 }, 0, NULL },
		{ { IOL_TREE_ADD_NODE, DEEP "/5", NULL, { BYTES("") }, 0 },
		  -EINVAL,
		  "node " DEEP "/5: the path has more than 32 levels" },
		{ { IOL_TREE_ADD_NODE, "/" N31, NULL, { BYTES("") }, 0 }, 0, NULL },
		{ { IOL_TREE_ADD_NODE, "/" N31 "x", NULL, { BYTES("") }, 0 },
		  -EINVAL,
		  "node /" N31 "x: '" N31 "x' is no name of a node: 1 to 31 letters, digits and "
		  ",._+-, then perhaps @ and an address" },
		{ { IOL_TREE_ADD_NODE, "/a b", NULL, { BYTES("") }, 0 },
		  -EINVAL,
		  "node /a b: 'a b' is no name of a node: 1 to 31 letters, digits and ,._+-, then "
		  "perhaps @ and an address" },
		{ { IOL_TREE_ADD_NODE, "/soc/x@", NULL, { BYTES("") }, 0 },
		  -EINVAL,
		  "node /soc/x@: 'x@' is no name of a node: 1 to 31 letters, digits and ,._+-, then "
		  "perhaps @ and an address" },
		{ { IOL_TREE_ADD_NODE, "/x@1@2", NULL, { BYTES("") }, 0 },
		  -EINVAL,
		  "node /x@1@2: 'x@1@2' is no name of a node: 1 to 31 letters, digits and ,._+-, then "
		  "perhaps @ and an address" },
		{ { IOL_TREE_ADD_NODE, "/e\033[2J", NULL, { BYTES("") }, 0 },
		  -EINVAL,
		  "node /e?[2J: 'e?[2J' is no name of a node: 1 to 31 letters, digits and ,._+-, then "
		  "perhaps @ and an address" },
		/* Names of properties. */
		{ { IOL_TREE_SET, "/", N31 "x", { BYTES("") }, 0 },
		  -EINVAL,
		  "node /: property '" N31
		  "x': this is no name of a property: 1 to 31 letters, digits "
		  "and ,._+?#-" },
		{ { IOL_TREE_SET, "/", "", { BYTES("") }, 0 },
		  -EINVAL,
		  "node /: property '': this is no name of a property: 1 to 31 letters, digits and "
		  ",._+?#-" },
		{ { IOL_TREE_SET, "/", "a/b", { BYTES("") }, 0 },
		  -EINVAL,
		  "node /: property 'a/b': this is no name of a property: 1 to 31 letters, digits and "
		  ",._+?#-" },
		{ { IOL_TREE_SET, "/new", N256, { BYTES("") }, 0 },
		  -EINVAL,
		  "node /new: property '" N31 N31 "n2': this is no name of a property: 1 to 31 "
		  "letters, digits and ,._+?#-" },
		/* Phandles. */
		{ { IOL_TREE_SET, "/", "p", { PHANDLE("/soc/x") }, 1 },
		  -ENOENT,
		  "node /: property 'p': phandle of /soc/x: there is no 'x'" },
		{ { IOL_TREE_SET, "/", "p", { BYTES("a"), PHANDLE("x") }, 2 },
		  -ENOENT,
		  "node /: property 'p': phandle of x: 'x' is neither a path from the root (/...) nor "
		  "an alias of this tree" },
		{ { IOL_TREE_SET, "/soc/new", "p", { PHANDLE("/soc/new") }, 1 },
		  -ENOENT,
		  "node /soc/new: property 'p': phandle of /soc/new: there is no 'new'" },
		{ { IOL_TREE_SET, "/", "p", { PHANDLE("/soc/uart") }, 1 },
		  -EINVAL,
		  "node /: property 'p': phandle of /soc/uart: there are several 'uart@...': give the "
		  "unit address, too" },
		/* Lists. */
		{ { IOL_TREE_PREPEND, "/", "compatible", { BYTES("a") }, 1 },
		  -EINVAL,
		  "node /: property 'compatible': only strings can be put before a list of "
		  "strings" },
		{ { IOL_TREE_PREPEND, "/", "compatible", { BYTES("") }, 0 },
		  -EINVAL,
		  "node /: property 'compatible': only strings can be put before a list of "
		  "strings" },
		{ { IOL_TREE_PREPEND, "/", "nothing", { BYTES("a\0") }, 1 },
		  -ENOENT,
		  "node /: property 'nothing': it is not there, so nothing can be put before it; set "
		  "it" },
		{ { IOL_TREE_PREPEND, "/soc", "number", { BYTES("a\0") }, 1 },
		  -EINVAL,
		  "node /soc: property 'number': its value is no list of strings; set it instead" },
		{ { IOL_TREE_PREPEND, "/none", "compatible", { BYTES("a\0") }, 1 },
		  -ENOENT,
		  "node /none: property 'compatible': there is no 'none'" },
		/* Deleting. */
		{ { IOL_TREE_DELETE_PROP, "/soc", "none", { BYTES("") }, 0 },
		  -ENOENT,
		  "node /soc: property 'none': it is not there, so it cannot be deleted" },
		{ { IOL_TREE_DELETE_PROP, "/none", "p", { BYTES("") }, 0 },
		  -ENOENT,
		  "node /none: property 'p': there is no 'none'" },
		{ { IOL_TREE_DELETE_NODE, "/soc/none", NULL, { BYTES("") }, 0 },
		  -ENOENT,
		  "node /soc/none: there is no 'none'" },
		{ { IOL_TREE_DELETE_NODE, "/soc/uart", NULL, { BYTES("") }, 0 },
		  -EINVAL,
		  "node /soc/uart: there are several 'uart@...': give the unit address, too" },
		{ { IOL_TREE_DELETE_NODE, "/", NULL, { BYTES("") }, 0 },
		  -EINVAL,
		  "node /: the root cannot be deleted" },
		{ { (enum iol_tree_edit_kind)77, "/", NULL, { BYTES("") }, 0 },
		  -EINVAL,
		  "node /: 77 is no kind of edit" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_fdt_blob tree = load(base);
		struct iol_error err = { 0 };
		int rc = apply(&tree, &cases[i].edit, &err);
		g_autofree char *text =
			cases[i].text ? g_strdup_printf("vm.json: tree[0]: %s", cases[i].text)
				      : g_strdup("");

		g_test_message("%zu: %s", i, cases[i].edit.node);
		g_assert_cmpstr(err.msg, ==, text);
		g_assert_cmpint(rc, ==, cases[i].rc);
		if (rc)
			assert_tree(&tree, base);
		/* Without anybody who asks for the text all is the same. */
		iol_fdt_blob_finish(&tree);
		tree = load(base);
		g_assert_cmpint(apply(&tree, &cases[i].edit, NULL), ==, rc);
		iol_fdt_blob_finish(&tree);
	}
}

/* Edits are applied in order, on what those before them made; all or none. */
static void test_order(void)
{
	static const struct iol_tree_part text = BYTES("x\0");
	struct iol_tree_edit edits[] = {
		{ .kind = IOL_TREE_ADD_NODE, .node = (char *)(uintptr_t) "/new" },
		{ .kind = IOL_TREE_SET,
		  .node = (char *)(uintptr_t) "/new",
		  .prop = (char *)(uintptr_t) "list",
		  .parts = (struct iol_tree_part *)(uintptr_t)&text,
		  .part_count = 1 },
		{ .kind = IOL_TREE_PREPEND,
		  .node = (char *)(uintptr_t) "/new",
		  .prop = (char *)(uintptr_t) "list",
		  .parts = (struct iol_tree_part *)(uintptr_t)&text,
		  .part_count = 1 },
		{ .kind = IOL_TREE_DELETE_NODE, .node = (char *)(uintptr_t) "/soc" },
		{ .kind = IOL_TREE_DELETE_NODE, .node = (char *)(uintptr_t) "/soc" },
	};
	struct iol_fdt_blob tree = load("/ { soc { }; };");
	struct iol_error err = { 0 };

	for (size_t i = 0; i < IOL_ARRAY_LEN(edits); i++)
		edits[i].where = (char *)(uintptr_t) "here";
	g_assert_cmpint(iol_fdt_apply_edits(&tree, edits, 5, &err), ==, -ENOENT);
	g_assert_cmpstr(err.msg, ==, "here: node /soc: there is no 'soc'");
	assert_tree(&tree, "/ { soc { }; };");
	g_assert_cmpint(iol_fdt_apply_edits(&tree, edits, 4, &err), ==, 0);
	assert_tree(&tree, "/ { new { list = \"x\", \"x\"; }; };");
	g_assert_cmpint(iol_fdt_apply_edits(&tree, NULL, 0, &err), ==, 0);
	assert_tree(&tree, "/ { new { list = \"x\", \"x\"; }; };");
	iol_fdt_blob_finish(&tree);
}

/* A tree whose nodes have used the last phandle: what needs no new one still works. */
static void test_no_phandle(void)
{
	static const struct edit old = { IOL_TREE_SET, "/", "p", { PHANDLE("/a") }, 1 };
	static const struct edit new = { IOL_TREE_SET, "/", "p", { PHANDLE("/b") }, 1 };
	struct iol_fdt_blob tree = load("/ { a { phandle = <0xfffffffe>; }; b { }; };");
	struct iol_error err = { 0 };

	g_assert_cmpint(apply(&tree, &old, &err), ==, 0);
	assert_tree(&tree, "/ { p = <0xfffffffe>; a { phandle = <0xfffffffe>; }; b { }; };");
	g_assert_cmpint(apply(&tree, &new, &err), ==, -EINVAL);
	g_assert_cmpstr(
		err.msg, ==,
		"vm.json: tree[0]: node /: property 'p': phandle of /b: it has none, and none is "
		"free, since another node has 0xfffffffe, the last one; give that node a lower "
		"one");
	iol_fdt_blob_finish(&tree);
}

/* A name that no edit could make can be changed and deleted where the tree has it. */
static void test_long_name(void)
{
	static const char text[] = "/ { " N31 N31 " = <1>; };";
	static const struct edit set = { IOL_TREE_SET, "/", N31 N31, { BYTES("\0\0\0\2") }, 1 };
	static const struct edit delete = { IOL_TREE_DELETE_PROP, "/", N31 N31, { BYTES("") }, 0 };
	struct iol_fdt_blob tree = load(text);

	g_assert_cmpint(apply(&tree, &set, NULL), ==, 0);
	assert_tree(&tree, "/ { " N31 N31 " = <2>; };");
	g_assert_cmpint(apply(&tree, &delete, NULL), ==, 0);
	assert_tree(&tree, "/ { };");
	iol_fdt_blob_finish(&tree);
}

/* The tree grows by edits to its limits, and then no edit is done. */
static void test_limits(void)
{
	g_autofree uint8_t *big = g_malloc0(IOL_FDT_BYTES_MAX);
	struct edit edit = { IOL_TREE_SET, "/", "p", { { .bytes = big } }, 1 };
	struct iol_fdt_blob tree = load("/ { };");
	g_autofree struct iol_tree_edit *many = g_new0(struct iol_tree_edit, IOL_FDT_ITEMS_MAX);
	struct iol_error err = { 0 };

	edit.parts[0].len = IOL_FDT_BYTES_MAX - 200;
	g_assert_cmpint(apply(&tree, &edit, &err), ==, 0);
	g_assert_cmpuint(tree.bytes, <=, IOL_FDT_BYTES_MAX);
	edit.prop = "q";
	edit.parts[0].len = 200;
	g_assert_cmpint(apply(&tree, &edit, &err), ==, -EINVAL);
	g_assert_cmpstr(
		err.msg, ==,
		"vm.json: tree[0]: node /: property 'q': the tree would be larger than 2 MiB");
	edit.parts[0].len = IOL_FDT_BYTES_MAX;
	edit.parts[1] = edit.parts[0];
	edit.part_count = 2;
	g_assert_cmpint(apply(&tree, &edit, &err), ==, -EINVAL);
	g_assert_cmpstr(err.msg, ==,
			"vm.json: tree[0]: node /: property 'q': more than 2097152 bytes");
	iol_fdt_blob_finish(&tree);

	/* As many nodes as fit, one edit each, is what a person will not do: a few are enough. */
	tree = load("/ { };");
	for (unsigned int i = 0; i < 1000; i++)
		many[i] = (struct iol_tree_edit){
			.kind = IOL_TREE_ADD_NODE,
			.where = (char *)(uintptr_t) "here",
			.node = g_strdup_printf("/a/b/c%u", i),
		};
	g_assert_cmpint(iol_fdt_apply_edits(&tree, many, 1000, &err), ==, 0);
	g_assert_cmpint(fdt_path_offset(tree.data, "/a/b/c999"), >, 0);
	for (unsigned int i = 0; i < 1000; i++)
		g_free(many[i].node);
	iol_fdt_blob_finish(&tree);
}

/* Nodes: one too many for the bytes of a tree, of which 10 are left, or for its items. */
static void test_many_nodes(void)
{
	static const struct edit node = { IOL_TREE_ADD_NODE, "/node", NULL, { BYTES("") }, 0 };
	g_autofree char *big = g_strnfill(IOL_FDT_BYTES_MAX - 97, 'x');
	g_autofree char *full = g_strdup_printf("/ { p = \"%s\"; };", big);
	g_autoptr(GString) many = g_string_new("/ { ");
	struct iol_error err = { 0 };
	struct iol_fdt_blob tree = load(full);

	g_assert_cmpint(apply(&tree, &node, &err), ==, -EINVAL);
	g_assert_cmpstr(err.msg, ==,
			"vm.json: tree[0]: node /node: the tree would be larger than 2 MiB");
	iol_fdt_blob_finish(&tree);

	for (unsigned int i = 1; i < IOL_FDT_ITEMS_MAX; i++)
		g_string_append_printf(many, "n%x { }; ", i);
	g_string_append(many, "};");
	tree = load(many->str);
	g_assert_cmpint(apply(&tree, &node, &err), ==, -EINVAL);
	g_assert_true(
		g_str_has_prefix(err.msg, "the tree with all its changes: structure block at "));
	g_assert_true(g_str_has_suffix(err.msg, ": more than 65536 nodes and properties"));
	g_assert_cmpint(fdt_path_offset(tree.data, "/node"), ==, -FDT_ERR_NOTFOUND);
	iol_fdt_blob_finish(&tree);
}

/* The machine's own changes. */
static void test_set(void)
{
	static const struct {
		const char *path, *prop, *text;
		int rc;
	} cases[] = {
		{ "/chosen", "p", "", 0 },
		{ "/soc/pic@0", "p", "", 0 },
		{ "serial0", "p", "", 0 },
		{ "/a/b", "p", "device tree: node /a/b: property 'p': there is no 'a'", -ENOENT },
		{ "/soc/uart", "p",
		  "device tree: node /soc/uart: property 'p': there are several 'uart@...': give the "
		  "unit address, too",
		  -EINVAL },
		{ "/chosen", "a b",
		  "device tree: node /chosen: property 'a b': this is no name of a property: 1 to 31 "
		  "letters, digits and ,._+?#-",
		  -EINVAL },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_fdt_blob tree = load(base);
		struct iol_error err = { 0 };
		int rc = iol_fdt_set(&tree, cases[i].path, cases[i].prop, "xyz", 3, &err);
		int node, len;

		g_test_message("%s", cases[i].path);
		g_assert_cmpstr(err.msg, ==, cases[i].text);
		g_assert_cmpint(rc, ==, cases[i].rc);
		node = fdt_path_offset(tree.data, cases[i].path);
		if (rc) {
			assert_tree(&tree, base);
		} else {
			const void *value = fdt_getprop(tree.data, node, cases[i].prop, &len);

			g_assert_cmpmem(value, len, "xyz", 3);
		}
		iol_fdt_blob_finish(&tree);
	}
}

/* Something that is no tree is left alone. */
static void test_no_tree(void)
{
	static const struct edit edit = { IOL_TREE_ADD_NODE, "/x", NULL, { BYTES("") }, 0 };
	uint8_t bytes[64] = { 0 };
	struct iol_fdt_blob blob = { bytes, sizeof(bytes) };
	struct iol_error err = { 0 };

	g_assert_cmpint(apply(&blob, &edit, &err), ==, -EINVAL);
	g_assert_cmpint(iol_fdt_set(&blob, "/x", "p", "", 0, &err), ==, -EINVAL);
	g_assert_true(g_str_has_prefix(err.msg, "no device tree blob"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fdt-edits/done", test_done);
	g_test_add_func("/fdt-edits/refused", test_refused);
	g_test_add_func("/fdt-edits/order", test_order);
	g_test_add_func("/fdt-edits/no-phandle", test_no_phandle);
	g_test_add_func("/fdt-edits/long-name", test_long_name);
	g_test_add_func("/fdt-edits/limits", test_limits);
	g_test_add_func("/fdt-edits/many-nodes", test_many_nodes);
	g_test_add_func("/fdt-edits/set", test_set);
	g_test_add_func("/fdt-edits/no-tree", test_no_tree);
	return g_test_run();
}
