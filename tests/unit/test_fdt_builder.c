// SPDX-License-Identifier: Apache-2.0
#include <iolite/fdt.h>

#include <errno.h>
#include <glib.h>
#include <libfdt.h>

#include <iolite/endian.h>
#include <iolite/macros.h>

/* Finishes @fdt, which must work, and frees it. */
static struct iol_fdt_blob finish(struct iol_fdt *fdt)
{
	struct iol_fdt_blob blob;
	struct iol_error err = { 0 };
	int rc = iol_fdt_finish(fdt, &blob, &err);

	g_assert_cmpstr(err.msg, ==, "");
	g_assert_cmpint(rc, ==, 0);
	g_assert_cmpuint(blob.bytes, ==, fdt_totalsize(blob.data));
	g_assert_cmpint(fdt_check_full(blob.data, blob.bytes), ==, 0);
	g_assert_cmpuint((uintptr_t)blob.data % 8, ==, 0);
	iol_fdt_free(fdt);
	return blob;
}

static struct iol_fdt *new_tree(void)
{
	struct iol_fdt *fdt = iol_fdt_new();

	iol_fdt_begin(fdt, "/");
	return fdt;
}

static const void *prop(const struct iol_fdt_blob *blob, const char *path, const char *name,
			int *len)
{
	int node = fdt_path_offset(blob->data, path);
	const void *value;

	g_test_message("%s %s", path, name);
	g_assert_cmpint(node, >=, 0);
	value = fdt_getprop(blob->data, node, name, len);
	g_assert_nonnull(value);
	return value;
}

static void check_bytes(const struct iol_fdt_blob *blob, const char *path, const char *name,
			const void *bytes, size_t bytes_len)
{
	int len;
	const void *value = prop(blob, path, name, &len);

	g_assert_cmpmem(value, len, bytes, bytes_len);
}

static void check_cells(const struct iol_fdt_blob *blob, const char *path, const char *name,
			const uint32_t *cells, size_t count)
{
	int len;
	const uint8_t *value = prop(blob, path, name, &len);

	g_assert_cmpint(len, ==, count * sizeof(uint32_t));
	for (size_t i = 0; i < count; i++)
		g_assert_cmphex(be32_load(value + 4 * i), ==, cells[i]);
}

#define CHECK_CELLS(blob, path, name, ...)                                     \
	check_cells((blob), (path), (name), (const uint32_t[]){ __VA_ARGS__ }, \
		    sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static void test_values(void)
{
	static const uint32_t none[1];
	struct iol_fdt *fdt = new_tree();
	struct iol_fdt_blob blob;

	iol_fdt_string(fdt, "model", "iolite");
	iol_fdt_strings(fdt, "compatible", "a,b", "c", NULL);
	iol_fdt_empty(fdt, "dma-coherent");
	iol_fdt_bytes(fdt, "mac", "\x01\x02\x03", 3);
	iol_fdt_u32(fdt, "u32", 0x12345678);
	iol_fdt_u64(fdt, "u64", 0x1122334455667788);
	IOL_FDT_U32S(fdt, "interrupts", 0, 5, 4);
	iol_fdt_u32s(fdt, "nothing", none, 0);
	iol_fdt_begin(fdt, "child@%x", 0xab0);
	iol_fdt_string(fdt, "status", "okay");
	iol_fdt_end(fdt);
	iol_fdt_begin(fdt, "second");
	iol_fdt_begin(fdt, "deep");
	iol_fdt_end(fdt);
	iol_fdt_end(fdt);
	iol_fdt_end(fdt);
	blob = finish(fdt);

	check_bytes(&blob, "/", "model", "iolite", 7);
	check_bytes(&blob, "/", "compatible", "a,b\0c", 6);
	check_bytes(&blob, "/", "dma-coherent", "", 0);
	check_bytes(&blob, "/", "mac", "\x01\x02\x03", 3);
	check_bytes(&blob, "/", "u32", "\x12\x34\x56\x78", 4);
	check_bytes(&blob, "/", "u64", "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
	CHECK_CELLS(&blob, "/", "interrupts", 0, 5, 4);
	check_bytes(&blob, "/", "nothing", "", 0);
	check_bytes(&blob, "/child@ab0", "status", "okay", 5);
	g_assert_cmpint(fdt_path_offset(blob.data, "/second/deep"), >, 0);
	g_assert_cmpint(fdt_path_offset(blob.data, "/__symbols__"), ==, -FDT_ERR_NOTFOUND);
	iol_fdt_blob_finish(&blob);
	g_assert_null(blob.data);
}

/* reg in all widths that a parent may ask for. */
static void test_reg(void)
{
	static const struct iol_fdt_range low[] = { { 0x1000, 0x100 }, { 0x2000, 0x200 } };
	static const struct iol_fdt_range high = { 0x123456789a, 0x1000000000 };
	static const struct iol_fdt_range number = { 3, 0 };
	static const struct iol_fdt_range top = { UINT32_MAX, UINT32_MAX };
	struct iol_fdt *fdt = new_tree();
	struct iol_fdt_blob blob;

	iol_fdt_begin(fdt, "default");
	iol_fdt_reg(fdt, low, 2);
	iol_fdt_begin(fdt, "default-too");
	iol_fdt_reg(fdt, low, 1);
	iol_fdt_end(fdt);
	iol_fdt_end(fdt);
	iol_fdt_begin(fdt, "wide");
	iol_fdt_cells(fdt, 2, 2);
	iol_fdt_begin(fdt, "a");
	iol_fdt_reg(fdt, &high, 1);
	iol_fdt_end(fdt);
	iol_fdt_end(fdt);
	iol_fdt_begin(fdt, "narrow");
	iol_fdt_cells(fdt, 1, 1);
	iol_fdt_begin(fdt, "a");
	iol_fdt_reg(fdt, &top, 1);
	iol_fdt_end(fdt);
	iol_fdt_end(fdt);
	iol_fdt_begin(fdt, "cpus");
	iol_fdt_cells(fdt, 1, 0);
	iol_fdt_begin(fdt, "cpu@3");
	iol_fdt_reg(fdt, &number, 1);
	iol_fdt_end(fdt);
	iol_fdt_end(fdt);
	iol_fdt_begin(fdt, "pci");
	iol_fdt_cells(fdt, 3, 2);
	iol_fdt_end(fdt);
	iol_fdt_end(fdt);
	blob = finish(fdt);

	CHECK_CELLS(&blob, "/default", "reg", 0, 0x1000, 0x100, 0, 0x2000, 0x200);
	CHECK_CELLS(&blob, "/default/default-too", "reg", 0, 0x1000, 0x100);
	CHECK_CELLS(&blob, "/wide/a", "reg", 0x12, 0x3456789a, 0x10, 0);
	CHECK_CELLS(&blob, "/narrow/a", "reg", UINT32_MAX, UINT32_MAX);
	CHECK_CELLS(&blob, "/cpus/cpu@3", "reg", 3);
	CHECK_CELLS(&blob, "/cpus", "#address-cells", 1);
	CHECK_CELLS(&blob, "/cpus", "#size-cells", 0);
	CHECK_CELLS(&blob, "/pci", "#address-cells", 3);
	iol_fdt_blob_finish(&blob);
}

static void make_labels(struct iol_fdt *fdt)
{
	iol_fdt_u32(fdt, "interrupt-parent", iol_fdt_phandle(fdt, "pic"));
	iol_fdt_begin(fdt, "soc");
	iol_fdt_label(fdt, "soc");
	iol_fdt_begin(fdt, "pic@0");
	iol_fdt_label(fdt, "pic");
	iol_fdt_end(fdt);
	iol_fdt_end(fdt);
	iol_fdt_begin(fdt, "last");
	IOL_FDT_U32S(fdt, "both", iol_fdt_phandle(fdt, "soc"), iol_fdt_phandle(fdt, "pic"));
	iol_fdt_end(fdt);
	iol_fdt_end(fdt);
}

static void test_labels(void)
{
	struct iol_fdt *fdt = new_tree();
	struct iol_fdt_blob blob;

	g_assert_null(iol_fdt_path_of(fdt, "soc"));
	make_labels(fdt);
	g_assert_cmpstr(iol_fdt_path_of(fdt, "soc"), ==, "/soc");
	g_assert_cmpstr(iol_fdt_path_of(fdt, "pic"), ==, "/soc/pic@0");
	g_assert_null(iol_fdt_path_of(fdt, "none"));
	blob = finish(fdt);
	CHECK_CELLS(&blob, "/", "interrupt-parent", 1);
	CHECK_CELLS(&blob, "/soc/pic@0", "phandle", 1);
	CHECK_CELLS(&blob, "/soc", "phandle", 2);
	CHECK_CELLS(&blob, "/last", "both", 2, 1);
	g_assert_cmpint(fdt_path_offset(blob.data, "/__symbols__"), ==, -FDT_ERR_NOTFOUND);
	iol_fdt_blob_finish(&blob);
}

static void test_symbols(void)
{
	struct iol_fdt *fdt = new_tree();
	struct iol_fdt_blob blob;

	iol_fdt_symbols(fdt);
	make_labels(fdt);
	blob = finish(fdt);
	check_bytes(&blob, "/__symbols__", "pic", "/soc/pic@0", 11);
	check_bytes(&blob, "/__symbols__", "soc", "/soc", 5);
	CHECK_CELLS(&blob, "/last", "both", 2, 1);
	iol_fdt_blob_finish(&blob);

	/* Nothing to say: no node. */
	fdt = new_tree();
	iol_fdt_symbols(fdt);
	iol_fdt_end(fdt);
	blob = finish(fdt);
	g_assert_cmpint(fdt_path_offset(blob.data, "/__symbols__"), ==, -FDT_ERR_NOTFOUND);
	iol_fdt_blob_finish(&blob);
}

static void test_reserve(void)
{
	struct iol_fdt *fdt = iol_fdt_new();
	struct iol_fdt_blob blob;
	uint64_t base, size;

	iol_fdt_reserve(fdt, 0x100000000, 0x2000);
	for (unsigned int i = 0; i < 1000; i++)
		iol_fdt_reserve(fdt, i * UINT64_C(0x1000), 0x1000);
	iol_fdt_begin(fdt, "/");
	iol_fdt_end(fdt);
	blob = finish(fdt);
	g_assert_cmpint(fdt_num_mem_rsv(blob.data), ==, 1001);
	g_assert_cmpint(fdt_get_mem_rsv(blob.data, 0, &base, &size), ==, 0);
	g_assert_cmphex(base, ==, 0x100000000);
	g_assert_cmphex(size, ==, 0x2000);
	iol_fdt_blob_finish(&blob);
}

/* The buffer grows at every kind of call, and what is written stays whole. */
static void test_growth(void)
{
	enum { NODES = 4000 };
	g_autofree uint8_t *big = g_malloc(300 * 1024);
	struct iol_fdt *fdt = new_tree();
	struct iol_fdt_blob blob;

	memset(big, 0x5a, 300 * 1024);
	iol_fdt_bytes(fdt, "big", big, 300 * 1024);
	for (unsigned int i = 0; i < NODES; i++) {
		g_autofree char *label = g_strdup_printf("l%u", i);
		g_autofree char *name = g_strdup_printf("prop-%u", i % 500);

		iol_fdt_begin(fdt, "node@%x", i);
		iol_fdt_label(fdt, label);
		iol_fdt_u32(fdt, name, i);
		iol_fdt_end(fdt);
	}
	iol_fdt_symbols(fdt);
	iol_fdt_end(fdt);
	blob = finish(fdt);
	check_bytes(&blob, "/", "big", big, 300 * 1024);
	CHECK_CELLS(&blob, "/node@0", "prop-0", 0);
	CHECK_CELLS(&blob, "/node@f9f", "prop-499", 3999);
	CHECK_CELLS(&blob, "/node@f9f", "phandle", 4000);
	check_bytes(&blob, "/__symbols__", "l3999", "/node@f9f", 10);
	iol_fdt_blob_finish(&blob);
}

static void m_no_root(struct iol_fdt *fdt)
{
	(void)fdt;
}

static void m_root_name(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "root");
}

static void m_prop_first(struct iol_fdt *fdt)
{
	iol_fdt_empty(fdt, "a");
}

static void m_end_first(struct iol_fdt *fdt)
{
	iol_fdt_end(fdt);
}

static void m_not_ended(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_begin(fdt, "soc");
	iol_fdt_end(fdt);
}

static void m_child_not_ended(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_begin(fdt, "soc");
}

static void m_end_twice(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_end(fdt);
	iol_fdt_end(fdt);
}

static void m_begin_behind(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_end(fdt);
	iol_fdt_begin(fdt, "late");
}

static void m_prop_behind(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_end(fdt);
	iol_fdt_empty(fdt, "late");
}

static void m_prop_after_child(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_begin(fdt, "soc");
	iol_fdt_begin(fdt, "a");
	iol_fdt_end(fdt);
	iol_fdt_u32(fdt, "late", 1);
}

static void m_node_name(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_begin(fdt, "a/b");
}

static void m_node_unit(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_begin(fdt, "a@");
}

static void m_node_long(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_begin(fdt, "abcdefghijklmnopqrstuvwxyz012345@0");
}

static void m_prop_name(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_empty(fdt, "a b");
}

static void m_prop_long(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_empty(fdt, "abcdefghijklmnopqrstuvwxyz012345");
}

static void m_prop_size(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_bytes(fdt, "a", "", (size_t)IOL_FDT_BYTES_MAX + 1);
}

static void m_tree_size(struct iol_fdt *fdt)
{
	g_autofree uint8_t *bytes = g_malloc0(IOL_FDT_BYTES_MAX);

	iol_fdt_begin(fdt, "/");
	iol_fdt_bytes(fdt, "a", bytes, IOL_FDT_BYTES_MAX);
}

static void m_depth(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	for (unsigned int i = 0; i < IOL_FDT_DEPTH_MAX; i++)
		iol_fdt_begin(fdt, "%u", i % 10);
}

static void m_cells(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_cells(fdt, 4, 2);
}

static void m_reg_root(struct iol_fdt *fdt)
{
	static const struct iol_fdt_range range = { 0, 1 };

	iol_fdt_begin(fdt, "/");
	iol_fdt_reg(fdt, &range, 1);
}

/* A child of a node with these cells, and its reg. */
static void reg_in(struct iol_fdt *fdt, unsigned int address, unsigned int size, uint64_t base,
		   uint64_t size_bytes)
{
	const struct iol_fdt_range range = { base, size_bytes };

	iol_fdt_begin(fdt, "/");
	iol_fdt_cells(fdt, address, size);
	iol_fdt_begin(fdt, "a");
	iol_fdt_reg(fdt, &range, 1);
}

static void m_reg_pci(struct iol_fdt *fdt)
{
	reg_in(fdt, 3, 2, 0, 1);
}

static void m_reg_no_cells(struct iol_fdt *fdt)
{
	reg_in(fdt, 0, 0, 0, 0);
}

static void m_reg_base(struct iol_fdt *fdt)
{
	reg_in(fdt, 1, 1, 0x100000000, 1);
}

static void m_reg_bytes(struct iol_fdt *fdt)
{
	reg_in(fdt, 1, 1, 0, 0x100000000);
}

static void m_reg_no_size(struct iol_fdt *fdt)
{
	reg_in(fdt, 1, 0, 0, 1);
}

static void m_reg_none(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_begin(fdt, "a");
	iol_fdt_reg(fdt, NULL, 0);
}

static void m_label_nowhere(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_u32(fdt, "interrupt-parent", iol_fdt_phandle(fdt, "pic"));
	iol_fdt_end(fdt);
}

static void m_label_twice(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_begin(fdt, "a");
	iol_fdt_label(fdt, "x");
	iol_fdt_end(fdt);
	iol_fdt_begin(fdt, "b");
	iol_fdt_label(fdt, "x");
}

static void m_label_second(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_begin(fdt, "a");
	iol_fdt_label(fdt, "x");
	iol_fdt_label(fdt, "y");
}

static void m_label_name(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_label(fdt, "0x");
}

static void m_reserve_late(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "/");
	iol_fdt_reserve(fdt, 0, 1);
}

static void m_reserve_nothing(struct iol_fdt *fdt)
{
	iol_fdt_reserve(fdt, 0x1000, 0);
}

static void m_reserve_wraps(struct iol_fdt *fdt)
{
	iol_fdt_reserve(fdt, UINT64_MAX, 2);
}

/* Each mistake is told with its place, and only the first one. */
static void test_mistakes(void)
{
	static const struct {
		void (*make)(struct iol_fdt *fdt);
		const char *text;
	} cases[] = {
		{ m_no_root, "node /: was never begun" },
		{ m_root_name, "node /: the first node is the root, \"/\", not 'root'" },
		{ m_prop_first, "node /: property 'a': there is no open node" },
		{ m_end_first, "node /: an end without a begin" },
		{ m_not_ended, "node /: is not ended" },
		{ m_child_not_ended, "node /soc: is not ended" },
		{ m_end_twice, "node /: an end without a begin" },
		{ m_begin_behind, "node /: 'late' begins behind the end of the root" },
		{ m_prop_behind, "node /: property 'late': there is no open node" },
		{ m_prop_after_child,
		  "node /soc: property 'late': comes behind a child of its node" },
		{ m_node_name,
		  "node /: 'a/b' is no name of a node (1 to 31 characters, then @ and an address)" },
		{ m_node_unit,
		  "node /: 'a@' is no name of a node (1 to 31 characters, then @ and an address)" },
		{ m_node_long,
		  "node /: 'abcdefghijklmnopqrstuvwxyz012345@0' is no name of a node (1 to 31 "
		  "characters, then @ and an address)" },
		{ m_prop_name,
		  "node /: property 'a b': is no name of a property (1 to 31 characters)" },
		{ m_prop_long,
		  "node /: property 'abcdefghijklmnopqrstuvwxyz012345': is no name of a property "
		  "(1 to 31 characters)" },
		{ m_prop_size,
		  "node /: property 'a': 2097153 bytes, at most 2097152 are possible" },
		{ m_tree_size, "node /: the tree is larger than 2097152 bytes" },
		{ m_depth,
		  "node /0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0: '1' is "
		  "deeper than 32 levels" },
		{ m_cells, "node /: 4 address and 2 size cells, at most 3 and 2 are possible" },
		{ m_reg_root, "node /: property 'reg': the root has no parent to say its cells" },
		{ m_reg_pci, "node /a: property 'reg': 1 ranges in 3 address cells" },
		{ m_reg_no_cells, "node /a: property 'reg': 1 ranges in 0 address cells" },
		{ m_reg_base, "node /a: property 'reg': 0x100000000 with 0x1 bytes does not fit "
			      "1+1 cells" },
		{ m_reg_bytes, "node /a: property 'reg': 0x0 with 0x100000000 bytes does not fit "
			       "1+1 cells" },
		{ m_reg_no_size,
		  "node /a: property 'reg': 0x0 with 0x1 bytes does not fit 1+0 cells" },
		{ m_reg_none, "node /a: property 'reg': 0 ranges in 2 address cells" },
		{ m_label_nowhere, "node /: the label 'pic' is given to no node" },
		{ m_label_twice, "node /b: the label 'x' is given already, to /a" },
		{ m_label_second, "node /a: the label 'y' is the second one of its node" },
		{ m_label_name, "node /: '0x' is no label (1 to 31 letters, digits and _)" },
		{ m_reserve_late, "node /: memory is reserved before the root begins" },
		{ m_reserve_nothing, "node /: reserved memory: 0x0 bytes at 0x1000" },
		{ m_reserve_wraps, "node /: reserved memory: 0x2 bytes at 0xffffffffffffffff" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		g_autofree char *text = g_strdup_printf("device tree: %s", cases[i].text);
		struct iol_fdt *fdt = iol_fdt_new();
		struct iol_fdt_blob blob;
		struct iol_error err = { 0 };

		cases[i].make(fdt);
		g_assert_cmpint(iol_fdt_finish(fdt, &blob, &err), ==, -EINVAL);
		g_assert_cmpstr(err.msg, ==, text);
		g_assert_null(blob.data);

		/* What comes afterwards changes nothing and harms nothing. */
		iol_fdt_begin(fdt, "more");
		iol_fdt_label(fdt, "more");
		iol_fdt_empty(fdt, "more");
		iol_fdt_end(fdt);
		g_assert_cmpint(iol_fdt_finish(fdt, &blob, &err), ==, -EINVAL);
		g_assert_cmpstr(err.msg, ==, text);
		iol_fdt_free(fdt);
	}
}

static void test_finish_once(void)
{
	struct iol_fdt *fdt = new_tree();
	struct iol_fdt_blob blob, second;
	struct iol_error err = { 0 };

	iol_fdt_end(fdt);
	g_assert_cmpint(iol_fdt_finish(fdt, &blob, &err), ==, 0);
	g_assert_cmpint(iol_fdt_finish(fdt, &second, &err), ==, -EINVAL);
	g_assert_cmpstr(err.msg, ==, "device tree: node /: the tree is finished already");
	iol_fdt_free(fdt);
	iol_fdt_free(NULL);
	iol_fdt_blob_finish(&blob);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fdt-builder/values", test_values);
	g_test_add_func("/fdt-builder/reg", test_reg);
	g_test_add_func("/fdt-builder/labels", test_labels);
	g_test_add_func("/fdt-builder/symbols", test_symbols);
	g_test_add_func("/fdt-builder/reserve", test_reserve);
	g_test_add_func("/fdt-builder/growth", test_growth);
	g_test_add_func("/fdt-builder/mistakes", test_mistakes);
	g_test_add_func("/fdt-builder/finish-once", test_finish_once);
	return g_test_run();
}
