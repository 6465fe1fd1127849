// SPDX-License-Identifier: Apache-2.0
#include <iolite/fdt.h>

#include <errno.h>
#include <glib.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>

#include <iolite/macros.h>

#include "tree_text.h"

static struct iol_fdt_blob load(const char *text)
{
	struct iol_fdt_blob raw = tree_text(text), tree;
	struct iol_error err = { 0 };

	g_assert_cmpint(iol_fdt_from_bytes(raw.data, raw.bytes, "text", &tree, &err), ==, 0);
	iol_fdt_blob_finish(&raw);
	return tree;
}

static void test_text(void)
{
	struct iol_fdt_blob tree = load(
		"/memreserve/ 0x1000 0x200000000; /memreserve/ 0 1;"
		"/ { #address-cells = <1>; compatible = \"a,b\", \"c\"; empty; "
		"mac = [0102030405]; quote = \"say \\\"\\\\\\\"\"; reg = <0x41424300>; "
		"wide = <1 2 3 4 5 6 7 8 9>; long = [000102030405060708090a0b0c0d0e0f10]; "
		"n@0 { zero = [00]; line = \"a\\nb\"; gap = \"a\", \"\", \"b\"; m { }; }; o { }; };");
	char *text = NULL;

	fdt_set_boot_cpuid_phys(tree.data, 0x10);
	g_assert_cmpint(iol_fdt_to_dts(&tree, &text, NULL), ==, 0);
	g_assert_cmpstr(text, ==,
			"/dts-v1/;\n"
			"/* boot_cpuid_phys 0x10 */\n"
			"/memreserve/ 0x1000 0x200000000;\n"
			"/memreserve/ 0x0 0x1;\n"
			"\n"
			"/ {\n"
			"\t#address-cells = <0x1>;\n"
			"\tcompatible = \"a,b\", \"c\";\n"
			"\tempty;\n"
			"\tmac = [01 02 03 04 05];\n"
			"\tquote = \"say \\\"\\\\\\\"\";\n"
			"\treg = <0x41424300>;\n"
			"\twide = <0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8\n"
			"\t\t0x9>;\n"
			"\tlong = [00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n"
			"\t\t10];\n"
			"\n"
			"\tn@0 {\n"
			"\t\tzero = [00];\n"
			"\t\tline = <0x610a6200>;\n"
			"\t\tgap = [61 00 00 62 00];\n"
			"\n"
			"\t\tm {\n"
			"\t\t};\n"
			"\t};\n"
			"\n"
			"\to {\n"
			"\t};\n"
			"};\n");
	free(text);
	iol_fdt_blob_finish(&tree);
}

/* What dtc makes of @text, whose warnings do not matter here. */
static struct iol_fdt_blob compile(const char *dtc, const char *text)
{
	const char *argv[] = { dtc,  "-f",  "-q", "-q", "-I", "dts",
			       "-O", "dtb", "-o", NULL, NULL, NULL };
	g_autofree char *dir = g_dir_make_tmp("iolite-fdt-XXXXXX", NULL), *log = NULL;
	g_autofree char *dts = g_build_filename(dir, "x.dts", NULL);
	g_autofree char *dtb = g_build_filename(dir, "x.dtb", NULL);
	struct iol_fdt_blob blob;
	struct iol_error err = { 0 };
	int status;

	g_assert_true(g_file_set_contents(dts, text, -1, NULL));
	argv[9] = dtb;
	argv[10] = dts;
	g_assert_true(g_spawn_sync(NULL, (char **)(uintptr_t)argv, NULL, G_SPAWN_DEFAULT, NULL,
				   NULL, NULL, &log, &status, NULL));
	/* Names and phandles that dtc checks after it has understood the text. */
	if (strcmp(log, "Warning: Input tree has errors, output forced\n"))
		g_assert_cmpstr(log, ==, "");
	g_assert_cmpint(status, ==, 0);
	g_assert_cmpint(iol_fdt_load(dtb, &blob, &err), ==, 0);
	remove(dts);
	remove(dtb);
	remove(dir);
	return blob;
}

static void round_trip(const char *dtc, const struct iol_fdt_blob *tree)
{
	g_autofree char *before = tree_lines(tree), *after = NULL;
	struct iol_fdt_blob again;
	char *text = NULL;

	g_assert_cmpint(iol_fdt_to_dts(tree, &text, NULL), ==, 0);
	again = compile(dtc, text);
	after = tree_lines(&again);
	g_assert_cmpstr(before, ==, after);
	iol_fdt_blob_finish(&again);
	free(text);
}

/* dtc compiles what is printed to a tree that is equal. */
static void test_round_trip(void)
{
	static const char *const trees[] = {
		"/ { };",
		"/memreserve/ 0x123456789abcdef0 0x1000; / { a = <1>; };",
		/* What a name may have; what could be taken for something else. */
		"/ { #size-cells = <2>; 0 = <1>; 1.5 = \"x\"; a,b+c-d_e.f?g#h*i@j = [01]; include; "
		"delete-node { }; memreserve { }; ref@0 { bits = <1>; }; 12 { }; -x- { }; "
		"__symbols__ { a_label_longer_than_the_thirty_one_characters = \"/12\"; }; };",
		/* What could be text and is not, and the other way round. */
		"/ { a = \"\"; b = \"\", \"\"; c = [41424300]; d = [414243]; e = [4142430a00]; f = [ff00]; "
		"g = \"a\\nb\"; h = \"\\\\\"; i = \"\\\"\", \"x\"; j = \"/* */\"; k = \"//\"; l = \"a;}\"; "
		"m = \"\\\\n\"; n = [7f00]; o = [2000]; p = [00]; q = [0000]; r = [000000]; s = [00000000]; };",
		"/ { reg = \"abc\"; ranges = \"abcdefg\"; phandle = \"xyz\"; #x = \"abcd\"; interrupts; };",
	};
	g_autofree char *dtc = g_find_program_in_path("dtc");
	g_autoptr(GString) text = g_string_new("/ { ");
	struct iol_fdt_blob tree;

	if (!dtc) {
		g_test_skip("dtc is not installed (device-tree-compiler)");
		return;
	}
	for (size_t i = 0; i < IOL_ARRAY_LEN(trees); i++) {
		g_test_message("%s", trees[i]);
		tree = load(trees[i]);
		round_trip(dtc, &tree);
		iol_fdt_blob_finish(&tree);
	}
	/* Every byte, in values of every length up to 33. */
	for (unsigned int len = 0; len <= 33; len++) {
		g_string_append_printf(text, "p%u = [", len);
		for (unsigned int i = 0; i < len; i++)
			g_string_append_printf(text, "%02x", (len * 8 + i) & 0xff);
		g_string_append(text, "]; ");
	}
	for (unsigned int i = 1; i < IOL_FDT_DEPTH_MAX; i++)
		g_string_append_printf(text, "n%u { ", i);
	for (unsigned int i = 1; i < IOL_FDT_DEPTH_MAX; i++)
		g_string_append(text, "}; ");
	g_string_append(text, "};");
	tree = load(text->str);
	round_trip(dtc, &tree);
	iol_fdt_blob_finish(&tree);
}

static void test_no_tree(void)
{
	uint8_t bytes[64] = { 0 };
	struct iol_fdt_blob none = { bytes, sizeof(bytes) };
	struct iol_error err = { 0 };
	char *text = (char *)bytes;

	g_assert_cmpint(iol_fdt_to_dts(&none, &text, &err), ==, -EINVAL);
	g_assert_null(text);
	g_assert_cmpstr(
		err.msg, ==,
		"no device tree blob: the first bytes are 00000000, not d00dfeed (DTS source is "
		"compiled with dtc first)");
}

/* As many reservations as there is room for: printed in no time. */
static void test_reserved(void)
{
	g_autoptr(GString) text = g_string_new(NULL);
	struct iol_fdt_blob tree;
	char *dts = NULL;

	for (unsigned int i = 0; i < 100000; i++)
		g_string_append_printf(text, "/memreserve/ 0x%x000 1;", i);
	g_string_append(text, "/ { };");
	tree = load(text->str);
	g_assert_cmpint(iol_fdt_to_dts(&tree, &dts, NULL), ==, 0);
	g_assert_nonnull(strstr(dts, "/memreserve/ 0x1869f000 0x1;\n\n/ {\n};\n"));
	free(dts);
	iol_fdt_blob_finish(&tree);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fdt-dts/text", test_text);
	g_test_add_func("/fdt-dts/round-trip", test_round_trip);
	g_test_add_func("/fdt-dts/no-tree", test_no_tree);
	g_test_add_func("/fdt-dts/reserved", test_reserved);
	return g_test_run();
}
