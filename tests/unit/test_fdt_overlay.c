// SPDX-License-Identifier: Apache-2.0
#include <iolite/fdt.h>

#include <errno.h>
#include <glib.h>
#include <libfdt.h>
#include <stdio.h>

#include <iolite/macros.h>

#include "tree_text.h"

/* What overlays are applied to. */
static const char base[] =
	"/ { soc { uart@1 { phandle = <3>; status = \"disabled\"; }; pic@2 { phandle = <5>; }; "
	"plain@3 { }; }; chosen { }; "
	"aliases { serial0 = \"/soc/uart@1\"; loop = \"loop\"; bytes = [2f73]; }; "
	"__symbols__ { uart = \"/soc/uart@1\"; pic = \"/soc/pic@2\"; plain = \"/soc/plain@3\"; "
	"gone = \"/soc/gone\"; open = [2f73]; relative = \"serial0\"; empty; }; };";

#define BASE_BUT_SOC                                                                \
	"chosen { }; "                                                              \
	"aliases { serial0 = \"/soc/uart@1\"; loop = \"loop\"; bytes = [2f73]; }; " \
	"__symbols__ { uart = \"/soc/uart@1\"; pic = \"/soc/pic@2\"; plain = "      \
	"\"/soc/plain@3\"; gone = \"/soc/gone\"; open = [2f73]; relative = \"serial0\"; empty; "
#define UART "uart@1 { phandle = <3>; status = \"disabled\"; }; "
#define PIC "pic@2 { phandle = <5>; }; "
#define PLAIN "plain@3 { }; "

static struct iol_fdt_blob load(const char *text)
{
	struct iol_fdt_blob raw = tree_text(text), tree;
	struct iol_error err = { 0 };
	int rc = iol_fdt_from_bytes(raw.data, raw.bytes, "text", &tree, &err);

	g_assert_cmpstr(err.msg, ==, "");
	g_assert_cmpint(rc, ==, 0);
	iol_fdt_blob_finish(&raw);
	return tree;
}

static void test_done(void)
{
	static const struct {
		const char *overlay, *result;
	} cases[] = {
		/* By path. */
		{ "/ { fragment@0 { target-path = \"/soc/uart@1\"; __overlay__ { status = \"okay\"; x = "
		  "<1>; new { y; }; }; }; };",
		  "/ { soc { uart@1 { phandle = <3>; status = \"okay\"; x = <1>; new { y; }; }; " PIC
			  PLAIN "}; " BASE_BUT_SOC "}; };" },
		/* By alias, which the tree then has as a path. */
		{ "/ { f { target-path = \"serial0\"; __overlay__ { n { }; }; }; __symbols__ { l = "
		  "\"/f/__overlay__/n\"; }; };",
		  "/ { soc { uart@1 { phandle = <3>; status = \"disabled\"; n { }; }; " PIC PLAIN
		  "}; " BASE_BUT_SOC "l = \"/soc/uart@1/n\"; }; };" },
		/* By label. */
		{ "/ { f { target = <0xffffffff>; __overlay__ { status = \"okay\"; }; }; "
		  "__fixups__ { uart = \"/f:target:0\"; }; };",
		  "/ { soc { uart@1 { phandle = <3>; status = \"okay\"; }; " PIC PLAIN
		  "}; " BASE_BUT_SOC "}; };" },
		/* By a phandle that its author knew; what is no fragment stays out. */
		{ "/ { f { target = <5>; __overlay__ { x; }; }; meta { y; }; };",
		  "/ { soc { " UART "pic@2 { phandle = <5>; x; }; " PLAIN "}; " BASE_BUT_SOC
		  "}; };" },
		/* target-path counts where target is 0. */
		{ "/ { f { target = <0>; target-path = \"/chosen\"; __overlay__ { }; }; };", base },
		/* Phandles of the overlay come behind the tree's, and references follow. */
		{ "/ { f { target-path = \"/\"; __overlay__ { a { phandle = <1>; r = <9 1 2>; }; "
		  "b { phandle = <2>; linux,phandle = <2>; }; }; }; "
		  "__local_fixups__ { f { __overlay__ { a { r = <4 8>; }; }; }; }; };",
		  "/ { a { phandle = <6>; r = <9 6 7>; }; b { phandle = <7>; linux,phandle = <7>; }; "
		  "soc { " UART PIC PLAIN "}; " BASE_BUT_SOC "}; };" },
		/* Phandles of the tree, several places for a label. */
		{ "/ { f { target-path = \"/chosen\"; __overlay__ { r = <1 0xffffffff 0xffffffff>; a { s = "
		  "<0xffffffff>; t = [00ffffffff]; }; }; }; __fixups__ { pic = "
		  "\"/f/__overlay__:r:4\", \"/f/__overlay__/a:s:0\", \"/f/__overlay__/a:t:1\"; uart = "
		  "\"/f/__overlay__:r:8\"; }; };",
		  "/ { soc { " UART PIC PLAIN
		  "}; chosen { r = <1 5 3>; a { s = <5>; t = [0000000005]; }; }; "
		  "aliases { serial0 = \"/soc/uart@1\"; loop = \"loop\"; bytes = [2f73]; }; "
		  "__symbols__ { uart = \"/soc/uart@1\"; pic = \"/soc/pic@2\"; plain = "
		  "\"/soc/plain@3\"; gone = \"/soc/gone\"; open = [2f73]; relative = \"serial0\"; empty; }; "
		  "};" },
		/*
		 * A node that has a phandle in the tree keeps it, though the overlay has one for it, too;
		 * what refers to it in the overlay gets the tree's. A node of the tree without one gets one.
		 */
		{ "/ { f { target-path = \"/soc\"; __overlay__ { phandle = <1>; uart@1 { phandle = <2>; "
		  "linux,phandle = <2>; }; new { phandle = <3>; r = <1 2 3>; }; }; }; "
		  "__local_fixups__ { f { __overlay__ { new { r = <0 4 8>; }; }; }; }; };",
		  "/ { soc { phandle = <6>; " UART PIC PLAIN
		  "new { phandle = <8>; r = <6 3 8>; }; }; " BASE_BUT_SOC "}; };" },
		/* A fragment may go into what an earlier one made: by path, and by reference. */
		{ "/ { f0 { target-path = \"/\"; __overlay__ { a { b { phandle = <1>; }; }; }; }; "
		  "f1 { target-path = \"/a/b\"; __overlay__ { x; }; }; "
		  "f2 { target = <1>; __overlay__ { y; }; }; "
		  "__local_fixups__ { f2 { target = <0>; }; }; "
		  "__symbols__ { b = \"/f0/__overlay__/a/b\"; f = \"/f1/__overlay__\"; top = \"/f0\"; none = "
		  "\"/f0/other\"; }; };",
		  "/ { a { b { phandle = <6>; x; y; }; }; soc { " UART PIC PLAIN "}; " BASE_BUT_SOC
		  "b = \"/a/b\"; f = \"/a/b/\"; }; };" },
		/* A fragment that refers to a node of the tree by the overlay's own label for it. */
		{ "/ { f0 { target-path = \"/soc\"; __overlay__ { uart@1 { phandle = <9>; }; }; }; "
		  "f1 { target = <9>; __overlay__ { x; }; }; "
		  "__local_fixups__ { f1 { target = <0>; }; }; };",
		  "/ { soc { uart@1 { phandle = <3>; status = \"disabled\"; x; }; " PIC PLAIN
		  "}; " BASE_BUT_SOC "}; };" },
		/* One that the tree has without a phandle, and then with the overlay's. */
		{ "/ { f0 { target-path = \"/soc\"; __overlay__ { plain@3 { phandle = <9>; }; }; }; "
		  "f1 { target = <9>; __overlay__ { x; }; }; "
		  "__local_fixups__ { f1 { target = <0>; }; }; };",
		  "/ { soc { " UART PIC "plain@3 { phandle = <14>; x; }; }; " BASE_BUT_SOC
		  "}; };" },
		/* Labels of the overlay; the tree's of the same name is the later one's. */
		{ "/ { f { target-path = \"/\"; __overlay__ { a { }; }; }; __symbols__ { pic = "
		  "\"/f/__overlay__/a\"; }; };",
		  "/ { a { }; soc { " UART PIC PLAIN "}; chosen { }; "
		  "aliases { serial0 = \"/soc/uart@1\"; loop = \"loop\"; bytes = [2f73]; }; "
		  "__symbols__ { uart = \"/soc/uart@1\"; pic = \"/a\"; plain = "
		  "\"/soc/plain@3\"; gone = \"/soc/gone\"; open = [2f73]; relative = \"serial0\"; empty; }; "
		  "};" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_fdt_blob tree = load(base), overlay = load(cases[i].overlay);
		struct iol_error err = { 0 };
		int rc = iol_fdt_apply_overlay(&tree, &overlay, "x.dtbo", &err);

		g_test_message("%zu: %.64s", i, cases[i].overlay);
		g_assert_cmpstr(err.msg, ==, "");
		g_assert_cmpint(rc, ==, 0);
		g_assert_cmpuint(tree.bytes, ==, fdt_totalsize(tree.data));
		g_assert_cmpint(fdt_check_full(tree.data, tree.bytes), ==, 0);
		assert_tree(&tree, cases[i].result);
		/* The overlay is not spoilt. */
		assert_tree(&overlay, cases[i].overlay);
		iol_fdt_blob_finish(&overlay);
		iol_fdt_blob_finish(&tree);
	}
}

#define INTO(target, inside) "/ { f { " target " __overlay__ { " inside " }; }; "

/* Overlays that cannot be applied: what is wrong, and where. */
static void test_refused(void)
{
	static const struct {
		const char *overlay, *text;
	} cases[] = {
		/* No overlay. */
		{ "/ { };",
		  "node /: there is no fragment in it, which a whole tree has none of either: an overlay "
		  "is compiled from source with /plugin/; (dtc -@)" },
		{ "/ { soc { uart { }; }; __symbols__ { }; };",
		  "node /: there is no fragment in it, which a whole tree has none of either: an overlay "
		  "is compiled from source with /plugin/; (dtc -@)" },
		{ "/ { f { target-path = \"/\"; }; };",
		  "node /f: it has a target and no child __overlay__ to put there" },
		{ "/ { f { target = <3>; overlay { }; }; };",
		  "node /f: it has a target and no child __overlay__ to put there" },
		{ "/ { f { __overlay__ { }; }; };",
		  "node /f: it has an __overlay__, and neither target nor target-path to say where that "
		  "goes" },
		{ "/ { __fixups__ { target = \"/a:b:0\"; __overlay__ { }; }; };",
		  "node /__fixups__: it cannot be a fragment, its name is reserved" },
		{ "/ { __symbols__ { target-path = \"/\"; }; };",
		  "node /__symbols__: it cannot be a fragment, its name is reserved" },
		/* Targets. */
		{ INTO("target-path = \"/soc/none\";", "") "};",
		  "node /f: property 'target-path': the tree has no node '/soc/none'; `iolite dtb` shows the tree" },
		{ INTO("target-path = \"\";", "") "};",
		  "node /f: property 'target-path': the tree has no node ''; `iolite dtb` shows the tree" },
		{ INTO("target-path = \"soc\";", "") "};",
		  "node /f: property 'target-path': the tree has no node 'soc'; `iolite dtb` shows the tree" },
		{ INTO("target-path = \"loop\";", "") "};",
		  "node /f: property 'target-path': the tree has no node 'loop'; `iolite dtb` shows the tree" },
		{ INTO("target-path = \"bytes\";", "") "};",
		  "node /f: property 'target-path': the tree has no node 'bytes'; `iolite dtb` shows the tree" },
		{ INTO("target-path = [2f736f63];", "") "};",
		  "node /f: property 'target-path': is no string that ends" },
		{ INTO("target-path = \"/soc\", \"/\";", "") "};",
		  "node /f: property 'target-path': is no string that ends" },
		{ INTO("target-path;", "") "};",
		  "node /f: property 'target-path': is no string that ends" },
		/* libfdt looks at the path though a target is there, once that is 0. */
		{ INTO("target = <3>; target-path = [2f];", "") "};",
		  "node /f: property 'target-path': is no string that ends" },
		{ INTO("target = <4>;", "") "};",
		  "node /f: property 'target': no node of the tree has the phandle 0x4" },
		{ INTO("target = <0>;", "") "};", "node /f: property 'target': 0x0 is no phandle" },
		{ INTO("target = <3 3>;", "") "};",
		  "node /f: property 'target': 8 bytes, one cell is needed" },
		{ INTO("target = [03];", "") "};",
		  "node /f: property 'target': 1 bytes, one cell is needed" },
		{ INTO("target = <0xffffffff>;", "") "};",
		  "node /f: property 'target': 0xffffffff stands for a label, and __fixups__ does not say "
		  "for which: compile the overlay with dtc -@" },
		/* Fragments in the wrong order. */
		{ "/ { f1 { target-path = \"/a\"; __overlay__ { }; }; f0 { target-path = \"/\"; "
		  "__overlay__ { a { }; }; }; };",
		  "node /f1: property 'target-path': the tree has no node '/a'; `iolite dtb` shows the tree" },
		{ "/ { f1 { target = <1>; __overlay__ { }; }; f0 { target-path = \"/\"; "
		  "__overlay__ { a { phandle = <1>; }; }; }; __local_fixups__ { f1 { target = <0>; }; }; };",
		  "node /f1: property 'target': no node of the tree has the phandle 0x6" },
		/* Labels. */
		{ INTO("target = <0xffffffff>;", "") "__fixups__ { none = \"/f:target:0\"; }; };",
		  "node /__fixups__: property 'none': the tree's /__symbols__ has no such label; `iolite dtb` shows the tree" },
		{ INTO("target = <0xffffffff>;", "") "__fixups__ { gone = \"/f:target:0\"; }; };",
		  "node /__fixups__: property 'gone': the tree's /__symbols__ says '/soc/gone', which is no "
		  "node of it" },
		{ INTO("target = <0xffffffff>;", "") "__fixups__ { open = \"/f:target:0\"; }; };",
		  "node /__fixups__: property 'open': the tree's /__symbols__ has no path for this label" },
		{ INTO("target = <0xffffffff>;", "") "__fixups__ { empty = \"/f:target:0\"; }; };",
		  "node /__fixups__: property 'empty': the tree's /__symbols__ has no path for this "
		  "label" },
		{ INTO("target = <0xffffffff>;",
		       "") "__fixups__ { relative = \"/f:target:0\"; }; };",
		  "node /__fixups__: property 'relative': the tree's /__symbols__ says 'serial0', which is "
		  "no node of it" },
		{ INTO("target = <0xffffffff>;", "") "__fixups__ { plain = \"/f:target:0\"; }; };",
		  "node /__fixups__: property 'plain': '/soc/plain@3' in the tree has no phandle; compile "
		  "the tree with dtc -@" },
		/* Places in __fixups__. */
		{ INTO("target = <0xffffffff>;", "") "__fixups__ { uart; }; };",
		  "node /__fixups__: property 'uart': is no list of strings" },
		{ INTO("target = <0xffffffff>;", "") "__fixups__ { uart = [2f66]; }; };",
		  "node /__fixups__: property 'uart': is no list of strings" },
		{ INTO("target = <0xffffffff>;", "") "__fixups__ { uart = \"\"; }; };",
		  "node /__fixups__: property 'uart': '' is no place, which is /path:property:offset" },
		{ INTO("target = <0xffffffff>;",
		       "") "__fixups__ { uart = \"/f:target:0\", \"/f\"; }; };",
		  "node /__fixups__: property 'uart': '/f' is no place, which is /path:property:offset" },
		{ INTO("target = <0xffffffff>;", "") "__fixups__ { uart = \"f:target:0\"; }; };",
		  "node /__fixups__: property 'uart': 'f:target:0' is no place, which is "
		  "/path:property:offset" },
		{ INTO("target = <0xffffffff>;", "") "__fixups__ { uart = \"/f::0\"; }; };",
		  "node /__fixups__: property 'uart': '/f::0' is no place, which is "
		  "/path:property:offset" },
		{ INTO("target = <0xffffffff>;", "") "__fixups__ { uart = \"/f:target\"; }; };",
		  "node /__fixups__: property 'uart': '/f:target' is no place, which is "
		  "/path:property:offset" },
		{ INTO("target = <0xffffffff>;", "") "__fixups__ { uart = \"/f:target:\"; }; };",
		  "node /__fixups__: property 'uart': '/f:target:' is no place, which is "
		  "/path:property:offset" },
		{ INTO("target = <0xffffffff>;", "") "__fixups__ { uart = \"/f:target:-4\"; }; };",
		  "node /__fixups__: property 'uart': '/f:target:-4' is no place, which is "
		  "/path:property:offset" },
		{ INTO("target = <0xffffffff>;", "") "__fixups__ { uart = \"/f:target: 0\"; }; };",
		  "node /__fixups__: property 'uart': '/f:target: 0' is no place, which is "
		  "/path:property:offset" },
		/* 2^32 - 4: libfdt's sum with the length of a cell is 0. */
		{ INTO("target = <0xffffffff>;",
		       "") "__fixups__ { uart = \"/f:target:4294967292\"; }; };",
		  "node /__fixups__: property 'uart': '/f:target:4294967292' is no place, which is "
		  "/path:property:offset" },
		{ INTO("target = <0xffffffff>;", "") "__fixups__ { uart = \"/f:target:1\"; }; };",
		  "node /__fixups__: property 'uart': '/f:target:1' is beyond the 4 bytes of the value that "
		  "it is to fix" },
		{ INTO("target = <0xffffffff>;",
		       "") "__fixups__ { uart = \"/f:target:999999999\"; }; };",
		  "node /__fixups__: property 'uart': '/f:target:999999999' is beyond the 4 bytes of the "
		  "value that it is to fix" },
		{ INTO("target-path = \"/\";",
		       "s = [00];") "__fixups__ { uart = \"/f/__overlay__:s:0\"; }; "
				    "};",
		  "node /__fixups__: property 'uart': '/f/__overlay__:s:0' is beyond the 1 bytes of the "
		  "value that it is to fix" },
		{ INTO("target = <0xffffffff>;", "") "__fixups__ { uart = \"/g:target:0\"; }; };",
		  "node /__fixups__: property 'uart': '/g:target:0' is in a node that the overlay does not "
		  "have" },
		{ INTO("target = <0xffffffff>;", "") "__fixups__ { uart = \"/f:tar:0\"; }; };",
		  "node /__fixups__: property 'uart': '/f:tar:0' is in a property that its node does not "
		  "have" },
		/* A path is no place for a phandle: what has been checked is not changed. */
		{ INTO("target-path = \"/soc\";",
		       "") "__fixups__ { uart = \"/f:target-path:1\"; }; };",
		  "node /__fixups__: property 'uart': '/f:target-path:1': only targets and what is in an "
		  "__overlay__ can be fixed" },
		{ INTO("target-path = \"/soc\";",
		       "") "__fixups__ { uart = \"/__fixups__:uart:0\"; }; };",
		  "node /__fixups__: property 'uart': '/__fixups__:uart:0': only targets and what is in an "
		  "__overlay__ can be fixed" },
		/* __local_fixups__. */
		{ INTO("target-path = \"/\";",
		       "r = <1>;") "__local_fixups__ { g { r = <0>; }; }; };",
		  "node /__local_fixups__/g: there is no such node to fix" },
		{ INTO("target-path = \"/\";",
		       "r = <1>;") "__local_fixups__ { f { __overlay__ { q = <0>; "
				   "}; }; }; };",
		  "node /__local_fixups__/f/__overlay__: property 'q': there is no such property to fix" },
		{ INTO("target-path = \"/\";",
		       "r = <1>;") "__local_fixups__ { f { target-path = <0>; }; "
				   "}; };",
		  "node /__local_fixups__/f: property 'target-path': only targets and what is in an "
		  "__overlay__ can be fixed" },
		{ "/ { x = <1>; f { target-path = \"/\"; __overlay__ { }; }; __local_fixups__ { x = <0>; }; };",
		  "node /__local_fixups__: property 'x': only targets and what is in an __overlay__ can be "
		  "fixed" },
		{ INTO("target-path = \"/\";",
		       "r = <1>;") "__local_fixups__ { f { __overlay__ { r = [00]; "
				   "}; }; }; };",
		  "node /__local_fixups__/f/__overlay__: property 'r': 1 bytes, a list of cells is "
		  "needed" },
		/* libfdt would read there, wherever that is. */
		{ INTO("target-path = \"/\";",
		       "r = <1>;") "__local_fixups__ { f { __overlay__ { r = "
				   "<0x7ffffff0>; }; }; }; };",
		  "node /__local_fixups__/f/__overlay__: property 'r': offset 0x7ffffff0 is beyond the 4 "
		  "bytes of the value that it is to fix" },
		{ INTO("target-path = \"/\";",
		       "r = <1>;") "__local_fixups__ { f { __overlay__ { r = <1>; "
				   "}; }; }; };",
		  "node /__local_fixups__/f/__overlay__: property 'r': offset 0x1 is beyond the 4 bytes of "
		  "the value that it is to fix" },
		{ INTO("target-path = \"/\";",
		       "r;") "__local_fixups__ { f { __overlay__ { r = <0>; }; }; "
			     "}; };",
		  "node /__local_fixups__/f/__overlay__: property 'r': offset 0x0 is beyond the 0 bytes of "
		  "the value that it is to fix" },
		{ INTO("target-path = \"/\";",
		       "r = <1>;") "__local_fixups__ { f { __overlay__ { r = <0>; "
				   "}; }; }; };",
		  "node /f/__overlay__: property 'r': at offset 0x0 it refers to phandle 0x1, which no node "
		  "of the overlay has" },
		{ INTO("target-path = \"/\";",
		       "phandle = <1>; r = <1 1>;") "__local_fixups__ { f { __overlay__ { r = <4 0>; }; }; }; };",
		  "node /__local_fixups__/f/__overlay__: property 'r': offset 0x0 is not behind the cell "
		  "before it" },
		{ INTO("target-path = \"/\";",
		       "phandle = <1>; r = <1 1>;") "__local_fixups__ { f { __overlay__ { r = <0 0>; }; }; }; };",
		  "node /__local_fixups__/f/__overlay__: property 'r': offset 0x0 is not behind the cell "
		  "before it" },
		{ "/ { f@0 { target-path = \"/\"; __overlay__ { phandle = <1>; }; }; "
		  "g@0 { target = <1>; __overlay__ { }; }; __local_fixups__ { g { target = <0>; }; "
		  "g@0 { target = <0>; }; }; };",
		  "node /__local_fixups__/g: there is no such node to fix" },
		/* Phandles. */
		{ INTO("target-path = \"/\";", "phandle = [01];") "};",
		  "node /f/__overlay__: property 'phandle': 1 bytes, one cell is needed" },
		{ INTO("target-path = \"/\";", "linux,phandle = <1 1>;") "};",
		  "node /f/__overlay__: property 'linux,phandle': 8 bytes, one cell is needed" },
		{ INTO("target-path = \"/\";", "phandle = <0>;") "};",
		  "node /f/__overlay__: property 'phandle': 0x0 is no phandle: 1 to 0xfffffffe are" },
		{ INTO("target-path = \"/\";", "phandle = <0xffffffff>;") "};",
		  "node /f/__overlay__: property 'phandle': 0xffffffff is no phandle: 1 to 0xfffffffe "
		  "are" },
		{ INTO("target-path = \"/\";", "a { phandle = <0xfffffffa>; };") "};",
		  "node /f/__overlay__/a: property 'phandle': no phandle is left for it: it becomes its "
		  "0xfffffffa + the tree's highest, 0x5" },
		/* __symbols__. */
		{ INTO("target-path = \"/\";", "") "__symbols__ { l = [2f]; }; };",
		  "node /__symbols__: property 'l': is no path of a node" },
		{ INTO("target-path = \"/\";", "") "__symbols__ { l = \"f/__overlay__\"; }; };",
		  "node /__symbols__: property 'l': is no path of a node" },
		{ INTO("target-path = \"/\";", "") "__symbols__ { l = \"/g/__overlay__/x\"; }; };",
		  "node /__symbols__: property 'l': '/g/__overlay__/x' is in no fragment of the overlay" },
		{ INTO("target-path = \"/\";",
		       "") "m { }; __symbols__ { l = \"/m/__overlay__\"; }; };",
		  "node /__symbols__: property 'l': '/m/__overlay__' is in no fragment of the overlay" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_fdt_blob tree = load(base), overlay = load(cases[i].overlay);
		g_autofree char *text = g_strdup_printf("overlay x.dtbo: %s", cases[i].text);
		struct iol_error err = { 0 };

		g_test_message("%zu: %s", i, cases[i].overlay);
		g_assert_cmpint(iol_fdt_apply_overlay(&tree, &overlay, "x.dtbo", &err), ==,
				-EINVAL);
		g_assert_cmpstr(err.msg, ==, text);
		g_assert_cmpint(err.code, ==, -EINVAL);
		assert_tree(&tree, base);
		g_assert_cmpint(iol_fdt_apply_overlay(&tree, &overlay, "x.dtbo", NULL), ==,
				-EINVAL);
		iol_fdt_blob_finish(&overlay);
		iol_fdt_blob_finish(&tree);
	}
}

/* Trees that are to blame. */
static void test_base(void)
{
	static const char by_label[] = "/ { f { target = <0xffffffff>; __overlay__ { }; }; "
				       "__fixups__ { uart = \"/f:target:0\"; }; };";
	static const char with_phandle[] =
		"/ { f { target-path = \"/\"; __overlay__ { a { phandle = <1>; }; }; }; };";
	static const char plain[] = "/ { f { target-path = \"/\"; __overlay__ { a { }; }; }; };";
	static const struct {
		const char *tree, *overlay, *text;
	} cases[] = {
		{ "/ { };", by_label,
		  "node /__fixups__: property 'uart': the tree has no /__symbols__, so no labels: use "
		  "target-path, or compile the tree with dtc -@" },
		{ "/ { a { phandle = <0xfffffffe>; }; };", with_phandle,
		  "node /f/__overlay__/a: property 'phandle': no phandle is left for it: it becomes its 0x1 + "
		  "the tree's highest, 0xfffffffe" },
		{ "/ { b { phandle = <0xffffffff>; }; };", plain,
		  "a node of the tree has the phandle 0xffffffff, which is none" },
		{ "/ { b { phandle = <0xfffffffe>; }; };", plain, NULL },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_fdt_blob tree = load(cases[i].tree), overlay = load(cases[i].overlay);
		g_autofree char *text =
			cases[i].text ? g_strdup_printf("overlay x.dtbo: %s", cases[i].text)
				      : g_strdup("");
		struct iol_error err = { 0 };
		int rc = iol_fdt_apply_overlay(&tree, &overlay, "x.dtbo", &err);

		g_assert_cmpstr(err.msg, ==, text);
		g_assert_cmpint(rc, ==, cases[i].text ? -EINVAL : 0);
		iol_fdt_blob_finish(&overlay);
		iol_fdt_blob_finish(&tree);
	}
}

/* A value, a tree, and a tree by an overlay, that are too large. */
static void test_limits(void)
{
	g_autoptr(GString) text = g_string_new("/ { f { target-path = \"/\"; __overlay__ { ");
	struct iol_fdt_blob tree = load(base), overlay;
	g_autofree char *big = g_strnfill(IOL_FDT_BYTES_MAX - 4096, 'x');
	g_autofree char *deep = NULL;
	struct iol_error err = { 0 };
	size_t start = text->len;

	/* The tree has room for the one, not for two. */
	g_string_append_printf(text, "big = \"%s\"; }; }; };", big);
	overlay = load(text->str);
	g_assert_cmpint(iol_fdt_apply_overlay(&tree, &overlay, "x.dtbo", &err), ==, 0);
	iol_fdt_blob_finish(&overlay);
	g_string_replace(text, "big = ", "other = ", 1);
	overlay = load(text->str);
	g_assert_cmpint(iol_fdt_apply_overlay(&tree, &overlay, "x.dtbo", &err), ==, -EINVAL);
	g_assert_cmpstr(
		err.msg, ==,
		"overlay x.dtbo: it cannot be applied: the tree would be larger than 2 MiB");
	iol_fdt_blob_finish(&overlay);
	iol_fdt_blob_finish(&tree);

	/* Root, f and __overlay__; target-path. */
	g_string_truncate(text, start);
	for (unsigned int i = 0; i < IOL_FDT_OVERLAY_ITEMS_MAX - 4; i++)
		g_string_append_printf(text, "p%u; ", i);
	g_string_append(text, "}; }; };");
	tree = load(base);
	overlay = load(text->str);
	err.msg[0] = '\0';
	g_assert_cmpint(iol_fdt_apply_overlay(&tree, &overlay, "x.dtbo", &err), ==, 0);
	iol_fdt_blob_finish(&overlay);
	g_string_replace(text, "p0; ", "p0; more; ", 1);
	overlay = load(text->str);
	g_assert_cmpint(iol_fdt_apply_overlay(&tree, &overlay, "x.dtbo", &err), ==, -EINVAL);
	g_assert_cmpstr(
		err.msg, ==,
		"overlay x.dtbo: node /: more than 2048 nodes, properties and references, which this "
		"tree can take at once; make several overlays of it");
	iol_fdt_blob_finish(&overlay);
	/* One of the properties is a reference. */
	g_string_replace(text, "p0; more; ", "p0 = <0xffffffff>; ", 1);
	g_string_replace(text, "p1; ", "", 1);
	g_string_replace(text, "p2; ", "", 1);
	g_string_truncate(text, text->len - strlen("};"));
	g_string_append(text, "__fixups__ { uart = \"/f/__overlay__:p0:0\"; }; };");
	overlay = load(text->str);
	g_assert_cmpint(iol_fdt_apply_overlay(&tree, &overlay, "x.dtbo", &err), ==, -EINVAL);
	g_assert_true(g_str_has_prefix(err.msg, "overlay x.dtbo: node /: more than 2048 nodes, "));
	iol_fdt_blob_finish(&overlay);
	iol_fdt_blob_finish(&tree);

	/* Each is not too deep, and together they are. */
	g_string_truncate(text, 0);
	for (unsigned int i = 0; i < 20; i++)
		g_string_append(text, "n { ");
	for (unsigned int i = 0; i < 20; i++)
		g_string_append(text, "}; ");
	deep = g_strdup_printf("/ { %s };", text->str);
	tree = load(deep);
	g_free(deep);
	deep = g_strdup_printf(
		"/ { f { target-path = \"/n/n/n/n/n/n/n/n/n/n/n/n/n\"; __overlay__ { m { %s }; "
		"}; }; };",
		text->str);
	overlay = load(deep);
	g_assert_cmpint(iol_fdt_apply_overlay(&tree, &overlay, "x.dtbo", &err), ==, -EINVAL);
	g_assert_true(
		g_str_has_prefix(err.msg, "the tree with overlay x.dtbo: structure block at"));
	g_assert_true(g_str_has_suffix(err.msg, ": 'n' is deeper than 32 levels"));
	iol_fdt_blob_finish(&overlay);
	iol_fdt_blob_finish(&tree);
}

/* A tree grows by more than the overlay has: by the paths of its labels. It is tried anew with more room. */
static void test_room(void)
{
	enum { LABELS = 300 };
	g_autofree char *name = g_strnfill(250, 'n');
	g_autofree char *text = g_strdup_printf("/ { %s { %s { }; }; };", name, name);
	g_autoptr(GString) over = g_string_new(NULL);
	struct iol_fdt_blob tree = load(text), overlay;
	struct iol_error err = { 0 };
	const char *value;
	int len;

	g_string_append_printf(
		over, "/ { f { target-path = \"/%s/%s\"; __overlay__ { a { }; }; }; ", name, name);
	g_string_append(over, "__symbols__ { ");
	for (unsigned int i = 0; i < LABELS; i++)
		g_string_append_printf(over, "l%u = \"/f/__overlay__/a\"; ", i);
	g_string_append(over, "}; };");
	overlay = load(over->str);
	g_assert_cmpint(iol_fdt_apply_overlay(&tree, &overlay, "x.dtbo", &err), ==, 0);
	g_assert_cmpuint(tree.bytes, >, 2 * LABELS * 250);
	value = fdt_getprop(tree.data, fdt_path_offset(tree.data, "/__symbols__"), "l299", &len);
	g_assert_nonnull(value);
	g_assert_cmpint(len, ==, 2 * 251 + 3);
	g_assert_true(g_str_has_suffix(value, "n/a"));
	iol_fdt_blob_finish(&overlay);
	iol_fdt_blob_finish(&tree);
}

/* In a tree of many nodes an overlay may have fewer: what libfdt does for each is a walk over them all. */
static void test_work(void)
{
	enum { LIMIT = IOL_FDT_OVERLAY_WORK_MAX / IOL_FDT_ITEMS_MAX };
	g_autoptr(GString) big = g_string_new("/ { "), over = g_string_new(NULL);
	struct iol_fdt_blob tree, overlay;
	struct iol_error err = { 0 };

	for (unsigned int i = 1; i < IOL_FDT_ITEMS_MAX; i++)
		g_string_append_printf(big, "n%x { }; ", i);
	g_string_append(big, "};");
	g_string_append(over, "/ { f { target-path = \"/\"; __overlay__ { ");
	for (unsigned int i = 4; i < LIMIT + 1; i++)
		g_string_append_printf(over, "m%x { }; ", i);
	g_string_append(over, "}; }; };");
	tree = load(big->str);
	overlay = load(over->str);
	g_assert_cmpint(iol_fdt_apply_overlay(&tree, &overlay, "x.dtbo", &err), ==, -EINVAL);
	g_assert_cmpstr(
		err.msg, ==,
		"overlay x.dtbo: node /: more than 256 nodes, properties and references, which "
		"this tree can take at once; make several overlays of it");
	iol_fdt_blob_finish(&overlay);
	g_string_assign(over, "/ { f { target-path = \"/nff\"; __overlay__ { a; }; }; };");
	overlay = load(over->str);
	g_assert_cmpint(iol_fdt_apply_overlay(&tree, &overlay, "x.dtbo", &err), ==, -EINVAL);
	g_assert_true(
		g_str_has_prefix(err.msg, "the tree with overlay x.dtbo: structure block at "));
	g_assert_true(g_str_has_suffix(err.msg, "more than 65536 nodes and properties"));
	iol_fdt_blob_finish(&overlay);
	iol_fdt_blob_finish(&tree);
}

static void test_no_tree(void)
{
	struct iol_fdt_blob tree = load(base);
	uint8_t bytes[64] = { 0 };
	struct iol_fdt_blob none = { bytes, sizeof(bytes) };
	struct iol_error err = { 0 };

	g_assert_cmpint(iol_fdt_apply_overlay(&tree, &none, "x.dtbo", &err), ==, -EINVAL);
	g_assert_cmpstr(err.msg, ==,
			"overlay x.dtbo: no device tree blob: the first bytes are 00000000, not "
			"d00dfeed (DTS source is compiled with dtc first)");
	g_assert_cmpint(iol_fdt_apply_overlay(&none, &tree, "x.dtbo", &err), ==, -EINVAL);
	g_assert_cmpstr(
		err.msg, ==,
		"no device tree blob: the first bytes are 00000000, not d00dfeed (DTS source is "
		"compiled with dtc first)");
	assert_tree(&tree, base);
	iol_fdt_blob_finish(&tree);
}

/* dtc's own overlay, onto a tree with labels of the builder's. */
static void test_dtc(void)
{
	static const char source[] =
		"/dts-v1/; /plugin/;\n"
		"&uart { status = \"okay\"; top: x { pic = <&pic &top>; }; };\n"
		"&{/} { soc { my_pic: pic@2 { new; }; }; user { pic = <&my_pic>; }; };\n";
	g_autofree char *dtc = g_find_program_in_path("dtc"), *out = NULL, *log = NULL;
	const char *argv[] = { dtc, "-@", "-q", "-O", "dtb", "-o", NULL, NULL, NULL };
	g_autofree char *dir = NULL, *dts = NULL, *dtbo = NULL;
	struct iol_fdt *fdt = iol_fdt_new();
	struct iol_fdt_blob tree, overlay;
	struct iol_error err = { 0 };
	int status;

	if (!dtc) {
		g_test_skip("dtc is not installed (device-tree-compiler)");
		iol_fdt_free(fdt);
		return;
	}
	iol_fdt_symbols(fdt);
	iol_fdt_begin(fdt, "/");
	iol_fdt_begin(fdt, "soc");
	iol_fdt_begin(fdt, "uart@1");
	iol_fdt_label(fdt, "uart");
	iol_fdt_end(fdt);
	iol_fdt_begin(fdt, "pic@2");
	iol_fdt_label(fdt, "pic");
	iol_fdt_end(fdt);
	iol_fdt_end(fdt);
	iol_fdt_end(fdt);
	g_assert_cmpint(iol_fdt_finish(fdt, &tree, &err), ==, 0);
	iol_fdt_free(fdt);

	dir = g_dir_make_tmp("iolite-fdt-XXXXXX", NULL);
	dts = g_build_filename(dir, "x.dts", NULL);
	dtbo = g_build_filename(dir, "x.dtbo", NULL);
	g_assert_true(g_file_set_contents(dts, source, -1, NULL));
	argv[6] = dtbo;
	argv[7] = dts;
	g_assert_true(g_spawn_sync(NULL, (char **)(uintptr_t)argv, NULL, G_SPAWN_DEFAULT, NULL,
				   NULL, &out, &log, &status, NULL));
	g_assert_cmpstr(log, ==, "");
	g_assert_cmpint(status, ==, 0);
	g_assert_cmpint(iol_fdt_load(dtbo, &overlay, &err), ==, 0);
	g_assert_cmpint(iol_fdt_apply_overlay(&tree, &overlay, "x.dtbo", &err), ==, 0);
	assert_tree(
		&tree,
		"/ { soc { uart@1 { phandle = <1>; status = \"okay\"; x { phandle = <3>; pic = <2 3>; "
		"}; }; pic@2 { phandle = <2>; new; }; }; user { pic = <2>; }; __symbols__ { uart = "
		"\"/soc/uart@1\"; pic = \"/soc/pic@2\"; top = \"/soc/uart@1/x\"; my_pic = "
		"\"/soc/pic@2\"; }; };");
	iol_fdt_blob_finish(&overlay);
	iol_fdt_blob_finish(&tree);
	remove(dts);
	remove(dtbo);
	remove(dir);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fdt-overlay/done", test_done);
	g_test_add_func("/fdt-overlay/refused", test_refused);
	g_test_add_func("/fdt-overlay/base", test_base);
	g_test_add_func("/fdt-overlay/limits", test_limits);
	g_test_add_func("/fdt-overlay/room", test_room);
	g_test_add_func("/fdt-overlay/work", test_work);
	g_test_add_func("/fdt-overlay/no-tree", test_no_tree);
	g_test_add_func("/fdt-overlay/dtc", test_dtc);
	return g_test_run();
}
