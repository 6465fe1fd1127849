// SPDX-License-Identifier: Apache-2.0
#include <iolite/fdt.h>

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <libfdt.h>
#include <unistd.h>

#include <iolite/endian.h>
#include <iolite/macros.h>

#include "fdt/work.h"
#include "tree_text.h"

static const char some[] = "/memreserve/ 0x1000 0x2000;"
			   "/ { a = <1>; n@1 { b = \"text\"; m { }; }; };";

/* A file of @bytes with @data in a folder of its own. Owned by the caller: remove_file(). */
static char *make_file(const void *data, size_t bytes)
{
	g_autofree char *dir = g_dir_make_tmp("iolite-fdt-XXXXXX", NULL);
	char *path = g_build_filename(dir, "some.dtb", NULL);

	g_assert_nonnull(dir);
	g_assert_true(g_file_set_contents(path, data, (gssize)bytes, NULL));
	return path;
}

static void remove_file(char *path)
{
	g_autofree char *dir = g_path_get_dirname(path);

	g_unlink(path);
	g_rmdir(dir);
	g_free(path);
}

static void test_load(void)
{
	struct iol_fdt_blob tree = tree_text(some), blob;
	char *path = make_file(tree.data, tree.bytes);
	struct iol_error err = { 0 };

	g_assert_cmpint(iol_fdt_load(path, &blob, &err), ==, 0);
	g_assert_cmpstr(err.msg, ==, "");
	g_assert_cmpuint(blob.bytes, ==, fdt_totalsize(blob.data));
	g_assert_cmpint(fdt_check_full(blob.data, blob.bytes), ==, 0);
	assert_tree(&blob, some);
	iol_fdt_blob_finish(&blob);
	iol_fdt_blob_finish(&tree);
	remove_file(path);
}

/* Loads a file of @bytes with @data, which must fail, and returns what is said behind its path. */
static char *load_error(const void *data, size_t bytes)
{
	char *path = make_file(data, bytes);
	g_autofree char *prefix = g_strdup_printf("%s: ", path);
	struct iol_error err = { 0 };
	struct iol_fdt_blob blob;

	g_assert_cmpint(iol_fdt_load(path, &blob, &err), <, 0);
	g_assert_null(blob.data);
	g_assert_true(g_str_has_prefix(err.msg, prefix));
	remove_file(path);
	return g_strdup(err.msg + strlen(prefix));
}

static void test_load_errors(void)
{
	static const char source[] = "/dts-v1/;\n/ { compatible = \"a\"; model = \"something\"; };";
	struct iol_fdt_blob tree = tree_text(some), blob;
	g_autofree uint8_t *big = g_malloc0(IOL_FDT_BYTES_MAX + 1);
	struct iol_error err = { 0 };
	char *text;

	text = load_error("", 0);
	g_assert_cmpstr(text, ==, "the file is empty");
	g_free(text);
	text = load_error("x", 1);
	g_assert_cmpstr(text, ==, "1 bytes are no device tree blob: its header alone has 40");
	g_free(text);
	text = load_error(source, sizeof(source) - 1);
	g_assert_cmpstr(text, ==,
			"no device tree blob: the first bytes are 2f647473, not d00dfeed (DTS "
			"source is compiled with dtc first)");
	g_free(text);
	text = load_error(tree.data, tree.bytes - 1);
	g_assert_cmpstr(text, ==, "cut short: totalsize is 160 bytes, 159 are there");
	g_free(text);
	text = load_error(big, IOL_FDT_BYTES_MAX + 1);
	g_assert_cmpstr(text, ==, "2097153 bytes; a device tree has at most 2097152");
	g_free(text);

	g_assert_cmpint(iol_fdt_load("/nowhere/x.dtb", &blob, &err), ==, -ENOENT);
	g_assert_cmpstr(err.msg, ==,
			"/nowhere/x.dtb: name a file that is there: No such file or directory");
	g_assert_cmpint(iol_fdt_load("/", &blob, &err), ==, -EISDIR);
	g_assert_cmpstr(err.msg, ==, "/: is a directory; a regular file is needed");
	iol_fdt_blob_finish(&tree);
}

static void copy(void *to, uint32_t to_offset, const void *from, uint32_t offset, size_t bytes)
{
	memcpy((uint8_t *)to + to_offset, (const uint8_t *)from + offset, bytes);
}

/* What comes in is brought in order: no matter how its blocks lay, and what lay between them. */
static void test_order(void)
{
	enum { STRINGS_AT = 48, GAP = 100, ROOM = 200 };
	struct iol_fdt_blob tree = tree_text(some), blob, plain;
	uint32_t reserved = fdt_off_mem_rsvmap(tree.data), structure = fdt_off_dt_struct(tree.data);
	uint32_t strings = fdt_off_dt_strings(tree.data);
	void *mixed = g_malloc0(tree.bytes + GAP + ROOM);
	const void *from = tree.data;
	uint32_t at = STRINGS_AT;
	struct iol_error err = { 0 };

	/* Strings, structure, reservations; and room behind them. */
	memcpy(mixed, from, sizeof(struct fdt_header));
	copy(mixed, at, from, strings, fdt_size_dt_strings(from));
	fdt_set_off_dt_strings(mixed, at);
	at = IOL_ALIGN_UP(at + fdt_size_dt_strings(from) + GAP / 2, 4U);
	copy(mixed, at, from, structure, fdt_size_dt_struct(from));
	fdt_set_off_dt_struct(mixed, at);
	at = IOL_ALIGN_UP(at + fdt_size_dt_struct(from), 8U);
	copy(mixed, at, from, reserved, 32);
	fdt_set_off_mem_rsvmap(mixed, at);
	fdt_set_totalsize(mixed, (uint32_t)tree.bytes + GAP + ROOM);
	fdt_set_boot_cpuid_phys(mixed, 3);
	fdt_set_version(mixed, 18);

	g_assert_cmpint(iol_fdt_from_bytes(mixed, tree.bytes + GAP + ROOM, "mixed", &blob, &err),
			==, 0);
	assert_tree(&blob, some);
	g_assert_cmpuint(fdt_boot_cpuid_phys(blob.data), ==, 3);
	g_assert_cmpuint(fdt_version(blob.data), ==, 17);
	g_assert_cmpuint(blob.bytes, ==, fdt_totalsize(blob.data));
	g_assert_cmpint(fdt_check_full(blob.data, blob.bytes), ==, 0);

	/* Bytes behind the tree are none of it. */
	g_assert_cmpint(iol_fdt_from_bytes(tree.data, tree.bytes, "plain", &plain, &err), ==, 0);
	g_assert_cmpuint(plain.bytes, ==, blob.bytes);
	iol_fdt_blob_finish(&plain);
	iol_fdt_blob_finish(&blob);
	iol_fdt_blob_finish(&tree);
	g_free(mixed);
}

/* At an odd address, as part of something longer. */
static void test_odd(void)
{
	struct iol_fdt_blob tree = tree_text(some), blob;
	uint8_t *odd = g_malloc0(tree.bytes + 8);
	struct iol_error err = { 0 };

	memcpy(odd + 1, tree.data, tree.bytes);
	g_assert_cmpint(iol_fdt_from_bytes(odd + 1, tree.bytes + 7, "odd", &blob, &err), ==, 0);
	assert_tree(&blob, some);
	iol_fdt_blob_finish(&blob);
	g_assert_cmpint(iol_fdt_from_bytes(odd, tree.bytes, "odd", &blob, &err), ==, -EINVAL);
	g_assert_cmpstr(err.msg, ==,
			"odd: no device tree blob: the first bytes are 00d00dfe, not d00dfeed (DTS "
			"source is compiled with dtc first)");
	iol_fdt_blob_finish(&tree);
	g_free(odd);
}

/* A tree that is being changed grows to the limit and no further; what it was made of stays. */
static void test_growth(void)
{
	struct iol_fdt_blob tree = tree_text(some), blob;
	g_autofree uint8_t *big = g_malloc0(IOL_FDT_BYTES_MAX);
	struct iol_error err = { 0 };
	size_t last = 0;

	g_assert_cmpint(iol_fdt_from_bytes(tree.data, tree.bytes, "some", &blob, &err), ==, 0);
	for (size_t len = 1; len <= IOL_FDT_BYTES_MAX; len = len * 3 + 1) {
		struct iol_fdt_work work;
		unsigned int grown = 0;
		int rc;

		iol_fdt_work_init(&work, &blob, 0);
		do {
			rc = fdt_setprop(work.fdt, 0, "big", big, (int)len);
			g_assert_cmpuint(work.bytes, <=, IOL_FDT_BYTES_MAX);
			grown++;
		} while (iol_fdt_work_grow(&work, rc));
		g_assert_cmpint(rc, ==, 0);
		g_assert_cmpuint(grown, >, 1);
		last = len;
		iol_fdt_work_finish(&work);
	}
	g_assert_cmpuint(last, >, IOL_FDT_BYTES_MAX / 3);

	g_assert_cmpint(iol_fdt_set(&blob, "/", "big", big, IOL_FDT_BYTES_MAX - 100, &err), ==,
			-EINVAL);
	g_assert_cmpstr(err.msg, ==,
			"device tree: node /: property 'big': the tree would be larger than 2 MiB");
	g_assert_cmpint(iol_fdt_set(&blob, "/", "big", big, (size_t)IOL_FDT_BYTES_MAX + 1, &err),
			==, -EINVAL);
	g_assert_cmpstr(err.msg, ==,
			"device tree: node /: property 'big': 2097153 bytes, at most 2097152 are "
			"possible");
	assert_tree(&blob, some);
	iol_fdt_blob_finish(&blob);
	iol_fdt_blob_finish(&tree);
}

/* A change that breaks a limit of the walk is refused as a whole. */
static void test_commit(void)
{
	struct iol_fdt_blob tree = tree_text(some), blob;
	struct iol_error err = { 0 };
	struct iol_fdt_work work;
	int node = 0;

	g_assert_cmpint(iol_fdt_from_bytes(tree.data, tree.bytes, "some", &blob, &err), ==, 0);
	iol_fdt_work_init(&work, &blob, 4096);
	for (unsigned int depth = 1; depth <= IOL_FDT_DEPTH_MAX; depth++)
		node = fdt_add_subnode(work.fdt, node, "deep");
	g_assert_cmpint(node, >, 0);
	g_assert_cmpint(iol_fdt_work_commit(&work, &blob, &err), ==, -EINVAL);
	g_assert_true(g_str_has_suffix(err.msg, "'deep' is deeper than 32 levels"));
	g_assert_null(work.fdt);
	assert_tree(&blob, some);
	iol_fdt_blob_finish(&blob);
	iol_fdt_blob_finish(&tree);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fdt-blob/load", test_load);
	g_test_add_func("/fdt-blob/load-errors", test_load_errors);
	g_test_add_func("/fdt-blob/order", test_order);
	g_test_add_func("/fdt-blob/odd", test_odd);
	g_test_add_func("/fdt-blob/growth", test_growth);
	g_test_add_func("/fdt-blob/commit", test_commit);
	return g_test_run();
}
