// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <glib.h>
#include <libfdt.h>
#include <stdio.h>

#include <iolite/endian.h>
#include <iolite/macros.h>

#include "fdt/index.h"
#include "tree_text.h"

enum {
	HEADER_BYTES = 40,
	RESERVED_AT = HEADER_BYTES,
	STRUCT_AT = HEADER_BYTES + 16,
};

static void add_u32(GByteArray *bytes, uint32_t value)
{
	be32 raw = be32_of(value);

	g_byte_array_append(bytes, (const uint8_t *)&raw, sizeof(raw));
}

static void add_padded(GByteArray *bytes, const char *text, size_t len)
{
	static const uint8_t zeros[4];

	g_byte_array_append(bytes, (const uint8_t *)text, (guint)len);
	g_byte_array_append(bytes, zeros, (guint)(-len % 4));
}

static void add_token(GByteArray *structure, const char *word)
{
	unsigned int name, len;

	if (*word == '(') {
		add_u32(structure, FDT_BEGIN_NODE);
		add_padded(structure, word + 1, strlen(word));
	} else if (!strcmp(word, ")")) {
		add_u32(structure, FDT_END_NODE);
	} else if (!strcmp(word, "nop")) {
		add_u32(structure, FDT_NOP);
	} else if (!strcmp(word, "end")) {
		add_u32(structure, FDT_END);
	} else if (sscanf(word, "p%u,%u", &name, &len) == 2) {
		/* A property: where its name is, and how long its value. */
		add_u32(structure, FDT_PROP);
		add_u32(structure, len);
		add_u32(structure, name);
	} else {
		add_u32(structure, (uint32_t)g_ascii_strtoull(word, NULL, 0));
	}
}

/*
 * A tree of the words in @tokens: "(name", ")", "nop", "end", "p<offset of its name>,<length>" and
 * other cells as numbers. Its strings block is "a", "b" and what has no end.
 */
static struct iol_fdt_blob raw_tree(const char *tokens, const char *strings, size_t strings_len)
{
	g_autoptr(GByteArray) structure = g_byte_array_new();
	g_auto(GStrv) words = g_strsplit(tokens, " ", -1);
	struct iol_fdt_blob blob;
	struct fdt_header header;
	uint8_t *fdt;

	for (char **word = words; *word; word++)
		if (**word)
			add_token(structure, *word);
	blob.bytes = STRUCT_AT + structure->len + strings_len;
	header = (struct fdt_header){
		.magic = cpu_to_fdt32(FDT_MAGIC),
		.totalsize = cpu_to_fdt32((uint32_t)blob.bytes),
		.off_dt_struct = cpu_to_fdt32(STRUCT_AT),
		.off_dt_strings = cpu_to_fdt32(STRUCT_AT + structure->len),
		.off_mem_rsvmap = cpu_to_fdt32(RESERVED_AT),
		.version = cpu_to_fdt32(17),
		.last_comp_version = cpu_to_fdt32(16),
		.size_dt_strings = cpu_to_fdt32((uint32_t)strings_len),
		.size_dt_struct = cpu_to_fdt32(structure->len),
	};
	blob.data = fdt = g_malloc0(blob.bytes);
	memcpy(fdt, &header, sizeof(header));
	if (structure->len)
		memcpy(fdt + STRUCT_AT, structure->data, structure->len);
	memcpy(fdt + STRUCT_AT + structure->len, strings, strings_len);
	return blob;
}

/* What the index says of @blob, "" if nothing. The error is a text that was not cut. */
static char *complaint(const struct iol_fdt_blob *blob)
{
	struct iol_fdt_index index;
	struct iol_error err = { 0 };
	int rc = iol_fdt_index_init(&index, blob, &err);

	if (!rc) {
		g_assert_cmpint(fdt_check_full(blob->data, blob->bytes), ==, 0);
		iol_fdt_index_finish(&index);
		return g_strdup("");
	}
	g_assert_cmpint(rc, ==, -EINVAL);
	g_assert_null(index.nodes);
	g_assert_cmpuint(strlen(err.msg), <, sizeof(err.msg) - 1);
	return g_strdup(err.msg);
}

#define LONG_NAME                                                          \
	"n123456789012345678901234567890123456789012345678901234567890123" \
	"n123456789012345678901234567890123456789012345678901234567890123" \
	"n123456789012345678901234567890123456789012345678901234567890123" \
	"n12345678901234567890123456789012345678901234567890123456789012"

/* The structure block, DTSpec-0.4 5.4; names DTSpec-0.4 2.2. */
static void test_structure(void)
{
	static const char strings[] = "a\0b\0\0a b\0" LONG_NAME "x";
	static const struct {
		const char *tokens, *text;
	} cases[] = {
		{ "( ) end", "" },
		{ "( nop (n nop ) nop ) end", "" },
		{ "( p0,0 p2,4 0x1 (n p0,5 0x1 0x1000000 ) (m ) ) end", "" },
		{ "( (" LONG_NAME " ) ) end", "" },
		{ "( (Az09,._+*#?@- ) ) end", "" },
		{ "", "structure block at 0x0, node /: the block ends without FDT_END" },
		{ "end", "structure block at 0x0, node /: the tree does not start with its root" },
		{ "nop ( ) end",
		  "structure block at 0x0, node /: the tree does not start with its root" },
		{ "(", "structure block at 0x8, node /: the block ends without FDT_END" },
		{ "( )", "structure block at 0xc, node /: the block ends without FDT_END" },
		{ "( end", "structure block at 0x8, node /: the tree ends inside a node" },
		{ "( (a end", "structure block at 0x10, node /a: the tree ends inside a node" },
		{ "( ) ) end",
		  "structure block at 0xc, node /: token 0x2 behind the end of the root" },
		{ ") end",
		  "structure block at 0x0, node /: the tree does not start with its root" },
		{ "( ) ( ) end",
		  "structure block at 0xc, node /: token 0x1 behind the end of the root" },
		{ "( ) nop end",
		  "structure block at 0xc, node /: token 0x4 behind the end of the root" },
		{ "( ) end end",
		  "structure block at 0x10, node /: 0x4 bytes behind the end of the tree" },
		{ "(root ) end",
		  "structure block at 0x0, node /: the root is called 'root', it has no name" },
		{ "( ( ) ) end", "structure block at 0x8, node /: a child without a name" },
		{ "p0,0 ( ) end",
		  "structure block at 0x0, node /: the tree does not start with its root" },
		{ "( ) p0,0 end",
		  "structure block at 0xc, node /: token 0x3 behind the end of the root" },
		{ "( 0x7 ) end", "structure block at 0x8, node /: 0x7 is no token" },
		{ "( 0x3000000 ) end", "structure block at 0x8, node /: 0x3000000 is no token" },
		{ "( (a 0x0 ) ) end", "structure block at 0x10, node /a: 0x0 is no token" },
		{ "( 0x3", "structure block at 0x8, node /: a property is cut short" },
		{ "( 0x3 0x0", "structure block at 0x8, node /: a property is cut short" },
		{ "( p0,1",
		  "structure block at 0x8, node /: property 'a' has 0x1 bytes, which is beyond "
		  "the end of the block" },
		{ "( (n p2,13 0x1 0x2 )",
		  "structure block at 0x10, node /n: property 'b' has 0xd bytes, which is beyond "
		  "the end of the block" },
		{ "( p0,4294967295 ) end",
		  "structure block at 0x8, node /: property 'a' has 0xffffffff bytes, which is "
		  "beyond the end of the block" },
		{ "( p0,4294967292 ) end",
		  "structure block at 0x8, node /: property 'a' has 0xfffffffc bytes, which is "
		  "beyond the end of the block" },
		{ "( p4,0 ) end", "structure block at 0x8, node /: a property without a name" },
		{ "( p5,0 ) end",
		  "structure block at 0x8, node /: 'a b' cannot be the name of a property: "
		  "letters, digits and ,._+*#?@- can" },
		{ "( p9,0 ) end",
		  "structure block at 0x8, node /: the name of a property does not end within "
		  "255 bytes, or its block" },
		{ "( p265,0 ) end",
		  "structure block at 0x8, node /: the name of a property is at 0x109, the "
		  "strings block has 0x109 bytes" },
		{ "( p4294967295,0 ) end",
		  "structure block at 0x8, node /: the name of a property is at 0xffffffff, the "
		  "strings block has 0x109 bytes" },
		{ "( (a ) p0,0 ) end",
		  "structure block at 0x14, node /: property 'a' comes behind a child of its "
		  "node" },
		{ "( p0,0 p2,0 p0,0 ) end", "node /: property 'a' is there twice" },
		{ "( (n ) (m ) (n ) ) end", "node /: two children are called 'n'" },
		{ "( (s (n@1 ) (n@1 ) ) ) end", "node /s: two children are called 'n@1'" },
		{ "( (a/b ) ) end",
		  "structure block at 0x8, node /: 'a/b' cannot be the name of a node: letters, "
		  "digits and ,._+*#?@- can" },
		{ "( (a\"b ) ) end",
		  "structure block at 0x8, node /: 'a\"b' cannot be the name of a node: letters, "
		  "digits and ,._+*#?@- can" },
		{ "( (a\033[2J ) ) end",
		  "structure block at 0x8, node /: 'a?[2J' cannot be the name of a node: "
		  "letters, digits and ,._+*#?@- can" },
		{ "( (" LONG_NAME "x ) ) end",
		  "structure block at 0x8, node /: the name of a node does not end within 255 "
		  "bytes, or its block" },
		{ "( 0x1 0x61626364",
		  "structure block at 0x8, node /: the name of a node does not end within 255 "
		  "bytes, or its block" },
		{ "( 0x1",
		  "structure block at 0x8, node /: the name of a node does not end within 255 "
		  "bytes, or its block" },
	};

	g_assert_cmpuint(strlen(LONG_NAME), ==, 255);
	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		/* The last name has no end: no NUL from the compiler. */
		struct iol_fdt_blob blob = raw_tree(cases[i].tokens, strings, sizeof(strings) - 1);
		g_autofree char *text = complaint(&blob);

		g_test_message("%.64s", cases[i].tokens);
		g_assert_cmpstr(text, ==, cases[i].text);
		iol_fdt_blob_finish(&blob);
	}
}

/* A field of the header. */
#define FIELD(name) offsetof(struct fdt_header, name)

/* The header and its blocks, DTSpec-0.4 5.2, 5.3, 5.6. The tree has 0x4c bytes: */
static void test_header(void)
{
	static const struct {
		size_t field;
		uint32_t value;
		const char *text;
	} cases[] = {
		{ FIELD(magic), FDT_MAGIC, "" },
		{ FIELD(last_comp_version), 17, "" },
		{ FIELD(version), 18, "" },
		{ FIELD(boot_cpuid_phys), 7, "" },
		{ FIELD(magic), 0x2f647473,
		  "no device tree blob: the first bytes are 2f647473, not d00dfeed (DTS source is "
		  "compiled with dtc first)" },
		{ FIELD(magic), 0xedfe0dd0,
		  "no device tree blob: the first bytes are edfe0dd0, not d00dfeed (DTS source is "
		  "compiled with dtc first)" },
		{ FIELD(totalsize), 0, "totalsize is 0 bytes, the header alone has 40" },
		{ FIELD(totalsize), 39, "totalsize is 39 bytes, the header alone has 40" },
		{ FIELD(totalsize), 40, "the memory reservation block at 0x28 has no end" },
		{ FIELD(totalsize), 0x47,
		  "the structure block, 0x10 bytes at 0x38, does not lie between header and end "
		  "(0x47)" },
		{ FIELD(totalsize), 0x4b,
		  "the strings block, 0x4 bytes at 0x48, does not lie between header and end "
		  "(0x4b)" },
		{ FIELD(totalsize), 0x4d, "cut short: totalsize is 77 bytes, 76 are there" },
		{ FIELD(totalsize), 2097152,
		  "cut short: totalsize is 2097152 bytes, 76 are there" },
		{ FIELD(totalsize), 2097153,
		  "totalsize is 2097153 bytes, at most 2097152 are possible" },
		{ FIELD(totalsize), UINT32_MAX,
		  "totalsize is 4294967295 bytes, at most 2097152 are possible" },
		{ FIELD(version), 16,
		  "version is 16, compatible with 16: version 17 is needed; compile it anew "
		  "(dtc)" },
		{ FIELD(version), 0,
		  "version is 0, compatible with 16: version 17 is needed; compile it anew (dtc)" },
		{ FIELD(last_comp_version), 18,
		  "version is 17, compatible with 18: version 17 is needed; compile it anew "
		  "(dtc)" },
		{ FIELD(off_mem_rsvmap), 0,
		  "the memory reservation block, 0x0 bytes at 0x0, does not lie between header "
		  "and end (0x4c)" },
		{ FIELD(off_mem_rsvmap), 0x2c,
		  "the memory reservation block is at 0x2c, a multiple of 8 is needed" },
		{ FIELD(off_mem_rsvmap), 0x48, "the memory reservation block at 0x48 has no end" },
		{ FIELD(off_mem_rsvmap), 0x4c,
		  "the memory reservation block is at 0x4c, a multiple of 8 is needed" },
		{ FIELD(off_mem_rsvmap), UINT32_MAX,
		  "the memory reservation block, 0x0 bytes at 0xffffffff, does not lie between "
		  "header and end (0x4c)" },
		{ FIELD(off_mem_rsvmap), 0x30, "the memory reservation block at 0x30 has no end" },
		{ FIELD(off_dt_struct), 0x39,
		  "the structure block is at 0x39, a multiple of 4 is needed" },
		{ FIELD(off_dt_struct), 0x34,
		  "its blocks overlap (off_mem_rsvmap 0x28, off_dt_struct 0x34, off_dt_strings "
		  "0x48)" },
		{ FIELD(off_dt_struct), 0x40,
		  "the structure block, 0x10 bytes at 0x40, does not lie between header and end "
		  "(0x4c)" },
		{ FIELD(off_dt_struct), 4,
		  "the structure block, 0x10 bytes at 0x4, does not lie between header and end "
		  "(0x4c)" },
		{ FIELD(size_dt_struct), 0xc,
		  "structure block at 0xc, node /: the block ends without FDT_END" },
		{ FIELD(size_dt_struct), 0xf,
		  "structure block at 0xc, node /: the block ends without FDT_END" },
		{ FIELD(size_dt_struct), 0,
		  "structure block at 0x0, node /: the block ends without FDT_END" },
		{ FIELD(size_dt_struct), 0x12,
		  "its blocks overlap (off_mem_rsvmap 0x28, off_dt_struct 0x38, off_dt_strings "
		  "0x48)" },
		{ FIELD(size_dt_struct), UINT32_MAX,
		  "the structure block, 0xffffffff bytes at 0x38, does not lie between header and "
		  "end (0x4c)" },
		{ FIELD(size_dt_strings), 5,
		  "the strings block, 0x5 bytes at 0x48, does not lie between header and end "
		  "(0x4c)" },
		{ FIELD(size_dt_strings), UINT32_MAX,
		  "the strings block, 0xffffffff bytes at 0x48, does not lie between header and "
		  "end (0x4c)" },
		{ FIELD(off_dt_strings), 0x44,
		  "its blocks overlap (off_mem_rsvmap 0x28, off_dt_struct 0x38, off_dt_strings "
		  "0x44)" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_fdt_blob blob = raw_tree("( ) end", "abc", 4);
		g_autofree char *text = NULL;

		g_assert_cmpuint(blob.bytes, ==, 0x4c);
		be32_store((uint8_t *)blob.data + cases[i].field, cases[i].value);
		g_test_message("%zu: 0x%x", cases[i].field, cases[i].value);
		text = complaint(&blob);
		g_assert_cmpstr(text, ==, cases[i].text);
		iol_fdt_blob_finish(&blob);
	}
}

/* Cut anywhere, a tree is none, and the walk stays in what is there (AddressSanitizer looks on). */
static void test_cut(void)
{
	struct iol_fdt_blob blob =
		raw_tree("( p0,5 0x1 0x2 (n p2,0 ) (mm@0 (o ) ) ) end", "a\0b", 4);

	for (size_t bytes = 0; bytes < blob.bytes; bytes++) {
		struct iol_fdt_blob cut = { g_memdup2(blob.data, bytes), bytes };
		g_autofree char *text = complaint(&cut);

		g_assert_cmpstr(text, !=, "");
		/* Believing itself whole changes nothing. */
		if (bytes >= HEADER_BYTES) {
			g_free(text);
			be32_store((uint8_t *)cut.data + FIELD(totalsize), (uint32_t)bytes);
			text = complaint(&cut);
			g_assert_cmpstr(text, !=, "");
		}
		iol_fdt_blob_finish(&cut);
	}
	iol_fdt_blob_finish(&blob);
}

/* Limits: one more than is possible, and as many as are. */
static void test_limits(void)
{
	g_autoptr(GString) tokens = g_string_new("( ");
	g_autofree char *text = NULL, *strings = g_malloc0(IOL_FDT_STRINGS_MAX + 1);
	struct iol_fdt_blob blob;

	for (unsigned int i = 1; i < IOL_FDT_DEPTH_MAX; i++)
		g_string_append(tokens, "(n ");
	for (unsigned int i = 1; i < IOL_FDT_DEPTH_MAX; i++)
		g_string_append(tokens, ") ");
	g_string_append(tokens, ") end");
	blob = raw_tree(tokens->str, "", 1);
	text = complaint(&blob);
	g_assert_cmpstr(text, ==, "");
	iol_fdt_blob_finish(&blob);

	g_string_replace(tokens, "( ", "( (n ", 1);
	blob = raw_tree(tokens->str, "", 1);
	g_free(text);
	text = complaint(&blob);
	g_assert_true(g_str_has_suffix(text, "'n' is deeper than 32 levels"));
	iol_fdt_blob_finish(&blob);

	/* The root is one of them; tokens that were deleted count. */
	g_string_assign(tokens, "( ");
	for (unsigned int i = 1; i < IOL_FDT_ITEMS_MAX; i++)
		g_string_append(tokens, "nop ");
	g_string_append(tokens, ") end");
	blob = raw_tree(tokens->str, "", 1);
	g_free(text);
	text = complaint(&blob);
	g_assert_cmpstr(text, ==, "");
	iol_fdt_blob_finish(&blob);

	g_string_replace(tokens, "( ", "( nop ", 1);
	blob = raw_tree(tokens->str, "", 1);
	g_free(text);
	text = complaint(&blob);
	g_assert_cmpstr(text, ==,
			"structure block at 0x40004, node /: more than 65536 nodes and properties");
	iol_fdt_blob_finish(&blob);

	blob = raw_tree("( ) end", strings, IOL_FDT_STRINGS_MAX);
	g_free(text);
	text = complaint(&blob);
	g_assert_cmpstr(text, ==, "");
	iol_fdt_blob_finish(&blob);
	blob = raw_tree("( ) end", strings, IOL_FDT_STRINGS_MAX + 1);
	g_free(text);
	text = complaint(&blob);
	g_assert_cmpstr(text, ==, "size_dt_strings is 262145 bytes, at most 262144 are possible");
	iol_fdt_blob_finish(&blob);
}

/* As many names as a tree may have, alike in all but their end: neither sorting nor a look-up takes long. */
static void test_many(void)
{
	g_autoptr(GString) text = g_string_new("/ { ");
	struct iol_fdt_index index;
	struct iol_fdt_blob blob;
	gint64 start_us;

	for (unsigned int i = 0; i < 30000; i++)
		g_string_append_printf(text, "aaaaaaaaaaaaaaaaaaaaaaaa@%x { phandle = <%u>; }; ", i,
				       1 + i % 100);
	g_string_append(text, "};");
	blob = tree_text(text->str);
	start_us = g_get_monotonic_time();
	g_assert_cmpint(iol_fdt_index_init(&index, &blob, NULL), ==, 0);
	for (unsigned int i = 0; i < 30000; i++) {
		g_autofree char *name = g_strdup_printf("aaaaaaaaaaaaaaaaaaaaaaaa@%x", i);

		g_assert_cmpint(iol_fdt_index_child(&index, 0, name, strlen(name)), ==, 1 + i);
	}
	g_assert_cmpint(iol_fdt_index_phandle(&index, 100), ==, 100);
	g_test_message("%" G_GINT64_FORMAT " us", g_get_monotonic_time() - start_us);
	iol_fdt_index_finish(&index);
	iol_fdt_blob_finish(&blob);
}

static const char places[] =
	"/ { a = <1>; phandle = <9>;"
	"  soc { uart@2 { phandle = <2>; }; uart@1 { linux,phandle = <1>; }; uart { };"
	"    pic { phandle = <2>; }; pic@0 { phandle = [00]; linux,phandle = <3>; }; };"
	"  aliases { s = \"/soc/uart@1\"; t = \"s\"; u = \"/soc\"; v = \"/soc/\"; w = [2f]; "
	"x = \"/nowhere\"; }; };";

static void test_paths(void)
{
	static const struct {
		const char *path, *found;
	} cases[] = {
		{ "/", "/" },
		{ "//", "/" },
		{ "/soc", "/soc" },
		{ "//soc//", "/soc" },
		{ "/soc/uart@1", "/soc/uart@1" },
		/* libfdt takes the first one when there is no unit address, though one has none. */
		{ "/soc/uart", "/soc/uart@2" },
		{ "/soc/pic", "/soc/pic" },
		{ "/soc/pic@0", "/soc/pic@0" },
		{ "", NULL },
		{ "soc", NULL },
		{ "/so", NULL },
		{ "/socs", NULL },
		{ "/soc/uart@", NULL },
		{ "/soc/uart@1/x", NULL },
		{ "/soc/" LONG_NAME LONG_NAME, NULL },
		/* Aliases. */
		{ "s", "/soc/uart@1" },
		{ "s/", "/soc/uart@1" },
		{ "s/x", NULL },
		{ "u/uart@2", "/soc/uart@2" },
		{ "v/uart@2", "/soc/uart@2" },
		{ "t", NULL },
		{ "w", NULL },
		{ "x", NULL },
		{ "none", NULL },
	};
	struct iol_fdt_blob blob = tree_text(places);
	struct iol_fdt_index index;

	g_assert_cmpint(iol_fdt_index_init(&index, &blob, NULL), ==, 0);
	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		const char *path = cases[i].path;
		int node = iol_fdt_index_alias_path(&index, path, strlen(path));
		g_autofree char *found =
			node < 0 ? NULL : iol_fdt_index_path_of(&index, (unsigned int)node);

		g_test_message("%s", path);
		g_assert_cmpstr(found, ==, cases[i].found);
		/* libfdt's own answer, where it is safe to ask for it. */
		if (*path == '/') {
			int offset = fdt_path_offset(blob.data, path);

			g_assert_cmpint(iol_fdt_index_path(&index, path, strlen(path)), ==, node);
			g_assert_cmpint(offset < 0, ==, node < 0);
			if (node >= 0)
				g_assert_cmpint(index.nodes[node].offset, ==, offset);
		} else {
			g_assert_cmpint(iol_fdt_index_path(&index, path, strlen(path)), ==, -1);
		}
	}
	iol_fdt_index_finish(&index);
	iol_fdt_blob_finish(&blob);
}

static void test_phandles(void)
{
	static const struct {
		uint32_t phandle;
		const char *path;
	} cases[] = {
		{ 9, "/" },  { 1, "/soc/uart@1" }, { 2, "/soc/uart@2" }, { 3, "/soc/pic@0" },
		{ 0, NULL }, { 4, NULL },          { UINT32_MAX, NULL },
	};
	struct iol_fdt_blob blob = tree_text(places);
	struct iol_fdt_index index;

	g_assert_cmpint(iol_fdt_index_init(&index, &blob, NULL), ==, 0);
	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		int node = iol_fdt_index_phandle(&index, cases[i].phandle);
		int wanted = cases[i].path ? iol_fdt_index_path(&index, cases[i].path,
								strlen(cases[i].path))
					   : -1;

		g_assert_cmpint(node, ==, wanted);
		if (node >= 0)
			g_assert_cmpuint(iol_fdt_index_phandle_of(&index, (unsigned int)node), ==,
					 cases[i].phandle);
	}
	iol_fdt_index_finish(&index);
	iol_fdt_blob_finish(&blob);
}

/* A path for a message keeps its end, and its whole if it fits. */
static void test_text(void)
{
	g_autofree char *name = g_strnfill(255, 'x');
	g_autofree char *tree = g_strdup_printf("/ { %s { short { }; }; };", name);
	struct iol_fdt_blob blob = tree_text(tree);
	char text[IOL_FDT_PATH_TEXT_BYTES];
	struct iol_fdt_index index;

	g_assert_cmpint(iol_fdt_index_init(&index, &blob, NULL), ==, 0);
	g_assert_cmpstr(iol_fdt_index_text(&index, 0, text), ==, "/");
	iol_fdt_index_text(&index, 2, text);
	g_assert_cmpuint(strlen(text), ==, IOL_FDT_PATH_TEXT_BYTES - 1);
	g_assert_true(g_str_has_prefix(text, "...xxx"));
	g_assert_true(g_str_has_suffix(text, "xxx/short"));
	iol_fdt_index_finish(&index);
	iol_fdt_blob_finish(&blob);
}

static void test_strings(void)
{
	static const struct {
		const char *value;
		size_t len;
		bool is_string, is_list;
	} cases[] = {
		{ "", 0, false, false },    { "", 1, true, true },      { "a", 1, false, false },
		{ "a", 2, true, true },     { "a\0b", 4, false, true }, { "a\0b", 3, false, false },
		{ "\0\0", 2, false, true },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		const uint8_t *value = (const uint8_t *)cases[i].value;

		g_assert_cmpint(iol_fdt_is_string(value, cases[i].len), ==, cases[i].is_string);
		g_assert_cmpint(iol_fdt_is_string_list(value, cases[i].len), ==, cases[i].is_list);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fdt-index/structure", test_structure);
	g_test_add_func("/fdt-index/header", test_header);
	g_test_add_func("/fdt-index/cut", test_cut);
	g_test_add_func("/fdt-index/limits", test_limits);
	g_test_add_func("/fdt-index/many", test_many);
	g_test_add_func("/fdt-index/paths", test_paths);
	g_test_add_func("/fdt-index/phandles", test_phandles);
	g_test_add_func("/fdt-index/text", test_text);
	g_test_add_func("/fdt-index/strings", test_strings);
	return g_test_run();
}
