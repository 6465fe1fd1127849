// SPDX-License-Identifier: Apache-2.0
/*
 * Hostile device trees, overlays and edits.
 *
 * An input is a mode, and a tree: either the bytes of one, or a program that writes one from words that mean
 * something (names of properties, paths, places), with a few of its bytes changed afterwards. The tree is loaded,
 * validated and printed; or it is an overlay onto a fixed tree, or onto one that a program wrote before; or the
 * rest of the input is edits to it.
 */
#include "fuzz.h"
#include "heap.h"

#include <glib.h>
#include <libfdt.h>

#include <iolite/fdt.h>
#include <iolite/macros.h>
#include <iolite/tree_edit.h>

#include "tree_text.h"

enum {
	TREE_BYTES = 64 * 1024, /* of one that a program writes */
	TEXT_BYTES = 256,
	STEPS_MAX = 1024, /* of a program */
	EDITS_MAX = 8,
	PARTS_MAX = 4,
	HEAP_SLACK_BYTES = 64 * 1024, /* libFuzzer's own, and what GLib keeps for the next time */
};

/* A machine that is right but for its labels, so that one change shows what is made of it. */
static const char base_text[] =
	"/memreserve/ 0x1000 0x1000;"
	"/ { #address-cells = <2>; #size-cells = <2>; model = \"m\"; compatible = \"a\", \"b\"; "
	"interrupt-parent = <5>; "
	"cpus { #address-cells = <1>; #size-cells = <0>; "
	"cpu@0 { device_type = \"cpu\"; reg = <0>; status = \"okay\"; next-level-cache = <1>; }; "
	"cpu@1 { device_type = \"cpu\"; reg = <1 2>; status = \"disabled\"; "
	"enable-method = \"spin-table\"; cpu-release-addr = <0 1>; }; cache { phandle = <1>; }; }; "
	"memory@0 { device_type = \"memory\"; reg = <0 0 0 0x1000>; }; "
	"reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; "
	"pool { size = <0 1>; reusable; }; }; "
	"soc { compatible = \"simple-bus\"; #address-cells = <1>; #size-cells = <1>; ranges = <0 0 0 1>; "
	"uart@1 { reg = <1 1>; phandle = <3>; status = \"disabled\"; interrupts = <1 2>; }; "
	"pic@2 { reg = <2 1>; phandle = <5>; interrupt-controller; #interrupt-cells = <2>; "
	"#address-cells = <0>; }; "
	"plain@3 { reg = <3 1>; interrupts-extended = <5 1 2>, <4 1>; }; "
	"gpio@4 { reg = <4 1>; phandle = <4>; interrupt-controller; #interrupt-cells = <1>; "
	"interrupts = <3 1>; }; "
	"b@1 { reg = <1 1>; }; b@2 { #address-cells = <2>; #size-cells = <0>; reg = <2 1>; "
	"a@1,2 { reg = <1 2>; }; }; }; "
	"pci@8 { device_type = \"pci\"; reg = <0 8 0 1>; #address-cells = <3>; #size-cells = <2>; "
	"#interrupt-cells = <1>; ranges = <0 0 0 0 0 0 1>; bus-range = <0 1>; "
	"interrupt-map-mask = <0xf800 0 0 7>; interrupt-map = <0x800 0 0 1 5 9 1>; "
	"a@1 { reg = <0x800 0 0 0 0>; interrupts = <1>; }; }; "
	"chosen { stdout-path = \"serial0\"; }; "
	"aliases { serial0 = \"/soc/uart@1\"; bad = \"bad\"; open = [2f73]; }; "
	"__symbols__ { uart = \"/soc/uart@1\"; pic = \"/soc/pic@2\"; plain = \"/soc/plain@3\"; "
	"gone = \"/gone\"; relative = \"serial0\"; open = [2f]; empty; }; };";

static struct iol_fdt_blob base;

/* Names and values: what the code looks for, and some that are like it. */
/* clang-format off */
static const char *const words[] = {
	"a", "b@1", "fragment@0", "f", "__overlay__", "__fixups__", "__local_fixups__", "__symbols__",
	"target", "target-path", "phandle", "linux,phandle", "reg", "ranges", "dma-ranges",
	"#address-cells", "#size-cells", "#interrupt-cells", "interrupt-controller", "interrupts",
	"interrupts-extended", "interrupt-parent", "interrupt-map", "interrupt-map-mask", "compatible",
	"model", "status", "device_type", "cpus", "cpu@0", "cpu@1", "cpu", "memory", "memory@0",
	"reserved-memory", "size", "alignment", "no-map", "reusable", "chosen", "bootargs", "stdout-path",
	"stdin-path", "aliases", "serial0", "uart", "pic", "plain", "bad", "open", "gone", "relative",
	"empty", "none", "soc", "uart@1", "pic@2", "plain@3", "gpio@4", "b", "b@2", "pool", "cache", "pci@8",
	"a@1", "a@1,2", "simple-bus", "ns16550", "open-pic", "pci", "bus-range", "okay", "disabled",
	"fail-1", "spin-table", "enable-method", "cpu-release-addr", "clock-frequency",
	"next-level-cache", "dma-coherent", "virtual-reg", "/", "/cpus/cpu@0", "/cpus/cpu@1", "/memory@0",
	"/reserved-memory/pool", "/soc", "/soc/uart@1", "/soc/uart", "/soc/pic@2", "/soc/plain@3",
	"/soc/gpio@4", "/soc/b", "/soc/b@2/a@1,2", "/pci@8", "/pci@8/a@1", "/chosen", "/aliases",
	"/__symbols__", "/f/__overlay__", "/f/__overlay__/a", "/fragment@0/__overlay__", "/f:target:0",
	"/f/__overlay__:reg:0", "/f/__overlay__:reg:4", "/fragment@0:target:0", "serial0:115200", "x@", "@",
	"n234567890123456789012345678901", "n2345678901234567890123456789012", "a/b", "",
};
/* clang-format on */

static const char *take_word(struct fuzz_input *in)
{
	return words[fuzz_u8(in) % IOL_ARRAY_LEN(words)];
}

/* A word; words with '/', ':' or '@' between them; or bytes as they come. */
static void take_text(struct fuzz_input *in, char text[TEXT_BYTES])
{
	static const char joints[] = "/:@-";
	uint8_t how = fuzz_u8(in);
	const uint8_t *bytes;
	size_t got;

	if (how < 0xc0) {
		g_strlcpy(text, take_word(in), TEXT_BYTES);
		return;
	}
	if (how < 0xf0) {
		const char *first = take_word(in);

		g_snprintf(text, TEXT_BYTES, "%s%s%c%s", how & 4 ? "/" : "", first, joints[how % 4],
			   take_word(in));
		if (how & 8)
			g_snprintf(text + strlen(text), TEXT_BYTES - strlen(text), ":%u",
				   fuzz_u16(in));
		return;
	}
	bytes = fuzz_take(in, how & 15, &got);
	if (got)
		memcpy(text, bytes, got);
	text[got] = '\0';
}

static uint32_t take_cell(struct fuzz_input *in)
{
	static const uint32_t notable[] = {
		0, 1, 2, 3, 4, 5, 0xffffffff, 0xfffffffe, 0x7fffffff, 8
	};
	uint8_t how = fuzz_u8(in);

	return how < 0xf0 ? notable[how % IOL_ARRAY_LEN(notable)] : (uint32_t)fuzz_number(in, 4);
}

/* A value of cells, strings or bytes; the longest is a few hundred bytes. */
static GByteArray *take_value(struct fuzz_input *in)
{
	GByteArray *value = g_byte_array_new();
	uint8_t how = fuzz_u8(in);
	char text[TEXT_BYTES];
	const uint8_t *bytes;
	size_t got;

	for (unsigned int i = 0; i < how / 8 % 8; i++) {
		be32 cell;

		switch (how % 8) {
		case 0:
		case 1:
		case 2:
		case 3:
			cell = be32_of(take_cell(in));
			g_byte_array_append(value, (const uint8_t *)&cell, sizeof(cell));
			break;
		case 4:
		case 5:
		case 6:
			take_text(in, text);
			g_byte_array_append(value, (const uint8_t *)text, (guint)strlen(text) + 1);
			break;
		default:
			bytes = fuzz_take(in, 3, &got);
			if (got)
				g_byte_array_append(value, bytes, (guint)got);
		}
	}
	return value;
}

/* Writes a tree as the input says. Properties behind children, second names: all is taken. */
static void write_nodes(struct fuzz_input *in, void *fdt)
{
	char name[TEXT_BYTES];
	int depth = 1;

	g_assert_cmpint(fdt_begin_node(fdt, ""), ==, 0);
	for (unsigned int step = 0; step < STEPS_MAX && in->len; step++) {
		uint8_t op = fuzz_u8(in);
		GByteArray *value;

		if (op < 0x50) {
			take_text(in, name);
			if (!fdt_begin_node(fdt, name))
				depth++;
		} else if (op < 0x90) {
			if (depth > 1 && !fdt_end_node(fdt))
				depth--;
		} else if (op < 0xf8) {
			take_text(in, name);
			value = take_value(in);
			fdt_property(fdt, name, value->len ? value->data : (const void *)"",
				     (int)value->len);
			g_byte_array_unref(value);
		} else {
			break;
		}
	}
	while (depth-- > 0)
		fdt_end_node(fdt);
}

/* A tree that a program wrote, with @changes of its numbers changed. */
static struct iol_fdt_blob write_tree(struct fuzz_input *in, unsigned int changes)
{
	/* One buffer for all: it is zeros again for each tree. */
	static be64 buffer[TREE_BYTES / sizeof(be64)];
	void *fdt = memset(buffer, 0, sizeof(buffer));
	struct iol_fdt_blob tree;

	g_assert_cmpint(fdt_create_with_flags(fdt, TREE_BYTES, 0), ==, 0);
	for (unsigned int i = fuzz_u8(in) % 4; i > 0; i--) {
		uint64_t start = fuzz_number(in, 8);

		fdt_add_reservemap_entry(fdt, start, fuzz_u8(in));
	}
	fdt_finish_reservemap(fdt);
	write_nodes(in, fdt);
	/* Without room for its end it is no tree; what is there is tried all the same. */
	tree.bytes = fdt_finish(fdt) ? TREE_BYTES : fdt_totalsize(fdt);
	tree.data = g_memdup2(fdt, tree.bytes);
	for (; changes > 0; changes--) {
		size_t at = fuzz_u16(in) % (tree.bytes / 4) * 4;

		be32_store((uint8_t *)tree.data + at, take_cell(in));
	}
	return tree;
}

/* A tree from the rest of the input, or from a program: not checked. */
static struct iol_fdt_blob take_tree(struct fuzz_input *in, uint8_t how)
{
	struct iol_fdt_blob tree;
	const uint8_t *bytes;

	if (how & 0x40)
		return write_tree(in, how & 0x80 ? 1 + how % 4 : 0);
	bytes = fuzz_take(in, in->len, &tree.bytes);
	tree.data = g_malloc(tree.bytes + 1);
	if (tree.bytes)
		memcpy(tree.data, bytes, tree.bytes);
	return tree;
}

/* What is said of a flaw is one line that was not cut. */
static void check_report(void *data, const char *text)
{
	struct iol_error err = { .code = -1 };
	unsigned int *count = data;

	g_strlcpy(err.msg, text, sizeof(err.msg));
	fuzz_check_error(&err, -1);
	++*count;
}

static void check_text(const struct iol_fdt_blob *tree)
{
	struct iol_error err = { 0 };
	char *text;

	fuzz_check(!iol_fdt_to_dts(tree, &text, &err));
	fuzz_check(g_str_has_prefix(text, "/dts-v1/;\n") && g_str_has_suffix(text, "};\n"));
	fuzz_check(strlen(text) < 64 * tree->bytes);
	for (const char *c = text; *c; c++)
		fuzz_check((*c >= ' ' && *c < 0x7f) || *c == '\n' || *c == '\t');
	free(text);
}

/* What must hold of every tree that was let in, or came out. */
static void check_tree(const struct iol_fdt_blob *tree)
{
	struct iol_fdt_blob again;
	struct iol_error err = { 0 };
	unsigned int flaws = 0;
	int rc;

	fuzz_check(tree->bytes == fdt_totalsize(tree->data) && tree->bytes <= IOL_FDT_BYTES_MAX);
	fuzz_check(!fdt_check_full(tree->data, tree->bytes));
	/* To let it in once more changes nothing. */
	fuzz_check(!iol_fdt_from_bytes(tree->data, tree->bytes, "again", &again, NULL));
	fuzz_check(again.bytes == tree->bytes && !memcmp(again.data, tree->data, tree->bytes));
	iol_fdt_blob_finish(&again);

	rc = iol_fdt_validate(tree, check_report, &flaws, &err);
	fuzz_check(!rc == !flaws);
	if (rc)
		fuzz_check_error(&err, rc);
	check_text(tree);
}

/* Lets in what the input has. false: it is refused. */
static bool load(struct fuzz_input *in, uint8_t how, struct iol_fdt_blob *tree)
{
	struct iol_fdt_blob raw = take_tree(in, how);
	struct iol_error err = { 0 };
	int rc = iol_fdt_from_bytes(raw.data, raw.bytes, "tree", tree, &err);

	if (rc) {
		fuzz_check_error(&err, rc);
		fuzz_check(g_str_has_prefix(err.msg, "tree: ") && !tree->data);
		fuzz_check(iol_fdt_validate(&raw, NULL, NULL, NULL));
	}
	iol_fdt_blob_finish(&raw);
	return !rc;
}

static struct iol_fdt_blob copy_of(const struct iol_fdt_blob *tree)
{
	return (struct iol_fdt_blob){ g_memdup2(tree->data, tree->bytes), tree->bytes };
}

static bool is_same(const struct iol_fdt_blob *a, const struct iol_fdt_blob *b)
{
	return a->bytes == b->bytes && !memcmp(a->data, b->data, a->bytes);
}

/* What a change to @tree, which was @before, must leave behind. */
static void check_change(const struct iol_fdt_blob *tree, const struct iol_fdt_blob *before, int rc,
			 const struct iol_error *err)
{
	if (rc) {
		fuzz_check_error(err, rc);
		fuzz_check(is_same(tree, before));
	} else {
		check_tree(tree);
	}
}

static void try_overlay(struct iol_fdt_blob *tree, struct fuzz_input *in, uint8_t how)
{
	struct iol_fdt_blob overlay, overlay_before, before = copy_of(tree);
	struct iol_error err = { 0 };
	int rc;

	if (load(in, how, &overlay)) {
		overlay_before = copy_of(&overlay);
		rc = iol_fdt_apply_overlay(tree, &overlay, "x.dtbo", &err);
		check_change(tree, &before, rc, &err);
		/* What is checked before leaves nothing for libfdt to find. */
		fuzz_check(!g_str_has_prefix(err.msg, "overlay x.dtbo: it cannot be applied"));
		fuzz_check(is_same(&overlay, &overlay_before));
		iol_fdt_blob_finish(&overlay_before);
		iol_fdt_blob_finish(&overlay);
	}
	iol_fdt_blob_finish(&before);
}

static void take_edit(struct fuzz_input *in, struct iol_tree_edit *edit)
{
	char text[TEXT_BYTES];

	edit->kind = (enum iol_tree_edit_kind)(fuzz_u8(in) % (IOL_TREE_ADD_NODE + 1));
	edit->where = g_strdup("here");
	take_text(in, text);
	edit->node = g_strdup(text);
	if (edit->kind == IOL_TREE_DELETE_NODE || edit->kind == IOL_TREE_ADD_NODE)
		return;
	take_text(in, text);
	edit->prop = g_strdup(text);
	edit->part_count = fuzz_u8(in) % PARTS_MAX;
	edit->parts = g_new0(struct iol_tree_part, PARTS_MAX);
	for (size_t i = 0; i < edit->part_count; i++) {
		GByteArray *value;

		if (fuzz_u8(in) & 1) {
			take_text(in, text);
			edit->parts[i].phandle_of = g_strdup(text);
			continue;
		}
		value = take_value(in);
		edit->parts[i].len = value->len;
		edit->parts[i].bytes = g_byte_array_free(value, FALSE);
		/* No bytes are bytes, too, and no phandle. */
		if (!edit->parts[i].bytes)
			edit->parts[i].bytes = g_malloc(1);
	}
}

static void try_edits(struct iol_fdt_blob *tree, struct fuzz_input *in)
{
	struct iol_tree_edit edits[EDITS_MAX] = { 0 };
	struct iol_fdt_blob before = copy_of(tree);
	struct iol_error err = { 0 };
	size_t count = 0;
	int rc;

	while (count < EDITS_MAX && in->len)
		take_edit(in, &edits[count++]);
	rc = iol_fdt_apply_edits(tree, edits, count, &err);
	check_change(tree, &before, rc, &err);
	iol_fdt_blob_finish(&before);
	for (size_t i = 0; i < count; i++)
		iol_tree_edit_finish(&edits[i]);

	before = copy_of(tree);
	rc = iol_fdt_set(tree, "/chosen", "bootargs", "x", 2, &err);
	check_change(tree, &before, rc, &err);
	iol_fdt_blob_finish(&before);
}

static void run(struct fuzz_input *in)
{
	uint8_t mode = fuzz_u8(in);
	struct iol_fdt_blob tree;

	switch (mode % 4) {
	case 0:
		if (!load(in, mode, &tree))
			return;
		check_tree(&tree);
		break;
	case 1:
		tree = copy_of(&base);
		try_overlay(&tree, in, mode);
		break;
	case 2:
		tree = copy_of(&base);
		try_edits(&tree, in);
		break;
	default:
		/* Two programs, or a program and edits, one after the other. */
		if (!load(in, 0x40, &tree))
			return;
		if (mode & 4)
			try_edits(&tree, in);
		else
			try_overlay(&tree, in, mode | 0x40);
	}
	iol_fdt_blob_finish(&tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = { data, len };
	struct iol_fdt_blob raw;
	size_t heap;

	if (!base.data) {
		raw = tree_text(base_text);
		fuzz_check(!iol_fdt_from_bytes(raw.data, raw.bytes, "base", &base, NULL));
		iol_fdt_blob_finish(&raw);
	}
	heap = heap_bytes();
	run(&in);
	fuzz_check(heap_bytes() <= heap + HEAP_SLACK_BYTES);
	return 0;
}
