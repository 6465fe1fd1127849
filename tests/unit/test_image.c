// SPDX-License-Identifier: Apache-2.0
/* Opening and reading image files: every wrong kind of file, edges of ranges, files that shrink. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image_builder.h"

static void make_fifo(const char *path)
{
	g_assert_cmpint(mkfifo(path, 0600), ==, 0);
}

static void make_directory(const char *path)
{
	g_assert_cmpint(mkdir(path, 0700), ==, 0);
}

static void make_empty(const char *path)
{
	g_assert_true(g_file_set_contents(path, "", 0, NULL));
}

static void make_nothing(const char *path)
{
	(void)path;
}

static void make_loop(const char *path)
{
	g_assert_cmpint(symlink(path, path), ==, 0);
}

static void test_open_errors(void)
{
	static const struct {
		const char *name;
		void (*make)(const char *path);
		int code;
		const char *message;
	} cases[] = {
		{ "missing", make_nothing, -ENOENT, ": name a file that is there: No such file" },
		{ "directory", make_directory, -EISDIR, "is a directory; a regular file" },
		{ "fifo", make_fifo, -EINVAL, "is a pipe; a regular file" },
		{ "empty", make_empty, -EINVAL, "the file is empty" },
		{ "loop", make_loop, -ELOOP, "symbolic links" },
	};
	g_autofree char *dir = g_dir_make_tmp("iolite-image-XXXXXX", NULL);
	struct iol_image image;
	struct iol_error err;

	g_assert_nonnull(dir);
	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *path = g_build_filename(dir, cases[i].name, NULL);

		cases[i].make(path);
		g_assert_cmpint(iol_image_open(&image, path, &err), ==, cases[i].code);
		build_check_error(&err, cases[i].code, path, cases[i].message);
		g_assert_cmpint(image.fd, ==, -1);
		g_remove(path);
	}
	g_assert_cmpint(iol_image_open(&image, "/dev/null", &err), ==, -EINVAL);
	build_check_error(&err, -EINVAL, "/dev/null", "is a character device");
	g_assert_cmpint(iol_image_open(&image, "", &err), ==, -ENOENT);
	g_rmdir(dir);
}

static void test_unreadable(void)
{
	g_autofree char *path = NULL;
	struct iol_image image;
	struct iol_error err;
	int fd;

	if (!geteuid()) {
		g_test_skip("root reads everything");
		return;
	}
	fd = g_file_open_tmp("iolite-image-XXXXXX", &path, NULL);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(fchmod(fd, 0), ==, 0);
	g_assert_cmpint(iol_image_open(&image, path, &err), ==, -EACCES);
	build_check_error(&err, -EACCES, path, "Permission denied");
	close(fd);
	g_remove(path);
}

static void test_open_and_close(void)
{
	g_autofree char *path = NULL;
	struct iol_image image;
	int fd = g_file_open_tmp("iolite-image-XXXXXX", &path, NULL);

	g_assert_cmpint(write(fd, "abc", 3), ==, 3);
	close(fd);
	g_assert_cmpint(iol_image_open(&image, path, NULL), ==, 0);
	g_assert_cmpuint(image.size_bytes, ==, 3);
	g_assert_cmpint(fcntl(image.fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
	g_remove(path);
	iol_image_close(&image);
	g_assert_cmpint(image.fd, ==, -1);
	iol_image_close(&image);
}

static void test_read_edges(void)
{
	static const struct {
		uint64_t offset, len;
		int code;
	} cases[] = {
		{ 0, 100, 0 },
		{ 99, 1, 0 },
		{ 100, 0, 0 },
		{ 0, 101, -EINVAL },
		{ 100, 1, -EINVAL },
		{ 101, 0, -EINVAL },
		{ UINT64_MAX, 1, -EINVAL },
		{ 1, UINT64_MAX, -EINVAL },
		{ UINT64_MAX, UINT64_MAX, -EINVAL },
		{ UINT64_C(1) << 63, 1, -EINVAL },
	};
	struct iol_image image;
	struct iol_error err;
	uint8_t buf[128];

	build_open(&image, build_blob(100), "blob");
	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		uint64_t offset = cases[i].offset, len = cases[i].len;

		g_assert_cmpint(iol_image_read(&image, offset, buf, len, &err), ==, cases[i].code);
		if (cases[i].code)
			build_check_error(&err, cases[i].code, "blob: ", "the file has 0x64");
		for (uint64_t j = 0; !cases[i].code && j < len; j++)
			g_assert_cmpuint(buf[j], ==, build_pattern(offset + j));
	}
	iol_image_close(&image);
}

static void test_shrunk(void)
{
	struct iol_image image;
	struct iol_error err;
	uint8_t buf[100];

	build_open(&image, build_blob(100), "blob");
	g_assert_cmpint(ftruncate(image.fd, 60), ==, 0);
	g_assert_cmpint(iol_image_read(&image, 0, buf, 60, &err), ==, 0);
	g_assert_cmpint(iol_image_read(&image, 0, buf, 100, &err), ==, -EIO);
	build_check_error(&err, -EIO, "blob: ", "became shorter");
	iol_image_close(&image);
}

/* What is added to a file behind our back is not there: its size at opening is what ranges are held against. */
static void test_grown(void)
{
	struct iol_image image;
	struct iol_error err;
	uint8_t buf[200];

	build_open(&image, build_blob(100), "blob");
	g_assert_cmpint(ftruncate(image.fd, 200), ==, 0);
	g_assert_cmpint(iol_image_read(&image, 0, buf, 100, &err), ==, 0);
	g_assert_cmpint(iol_image_read(&image, 0, buf, 101, &err), ==, -EINVAL);
	g_assert_cmpint(iol_image_read(&image, 100, buf, 1, &err), ==, -EINVAL);
	build_check_error(&err, -EINVAL, "blob: ", "the file has 0x64");
	g_assert_cmpuint(image.size_bytes, ==, 100);
	iol_image_close(&image);
}

static void test_load(void)
{
	const struct iol_memory_region region = { .gpa = 0x10000, .size_bytes = 0x1000 };
	struct iol_image image;
	struct iol_memory mem;
	struct iol_error err;
	uint8_t last;

	g_assert_cmpint(iol_memory_init(&mem, &region, 1, NULL), ==, 0);
	build_open(&image, build_blob(0x1001), "blob");
	g_assert_cmpint(iol_image_load(&image, 1, 0x1000, &mem, 0x10000, &err), ==, 0);
	g_assert_cmpint(iol_memory_read(&mem, 0x10fff, &last, 1), ==, 0);
	g_assert_cmpuint(last, ==, build_pattern(0x1000));

	g_assert_cmpint(iol_image_load(&image, 0, 0x1001, &mem, 0x10000, &err), ==, -ENOSPC);
	build_check_error(&err, -ENOSPC, "blob: ", "0x1001 bytes at guest address 0x10000");
	g_assert_cmpint(iol_image_load(&image, 0, 1, &mem, UINT64_MAX, &err), ==, -ENOSPC);
	g_assert_cmpint(iol_image_load(&image, 0x1001, 1, &mem, 0x10000, &err), ==, -EINVAL);
	g_assert_cmpint(iol_image_load(&image, 0, 0, &mem, 0, &err), ==, 0);
	iol_image_close(&image);
	iol_memory_finish(&mem);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/image/open-errors", test_open_errors);
	g_test_add_func("/image/unreadable", test_unreadable);
	g_test_add_func("/image/open-and-close", test_open_and_close);
	g_test_add_func("/image/read-edges", test_read_edges);
	g_test_add_func("/image/shrunk", test_shrunk);
	g_test_add_func("/image/grown", test_grown);
	g_test_add_func("/image/load", test_load);
	return g_test_run();
}
