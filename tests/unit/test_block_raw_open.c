// SPDX-License-Identifier: Apache-2.0
/* Opening files and block devices as disks. */
#include "backend/block_raw.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block_rig.h"
#include "fd_count.h"

static void assert_refused(struct block_rig *rig, const struct iol_block_raw_config *config,
			   int code, const char *text)
{
	struct iol_block *blk = NULL;
	struct iol_error err;

	g_assert_cmpint(iol_block_raw_new(&rig->loop, config, &blk, &err), ==, code);
	g_assert_null(blk);
	g_test_message("%s", err.msg);
	g_assert_true(g_str_has_prefix(err.msg, config->path));
	if (!strstr(err.msg, text))
		g_error("\"%s\" is not in \"%s\"", text, err.msg);
}

static struct iol_block_raw *raw_of(struct iol_block *blk)
{
	return iol_container_of(blk, struct iol_block_raw, blk);
}

static void test_missing(void)
{
	struct block_rig rig;
	struct iol_block_raw_config config;

	block_rig_init(&rig);
	config = block_rig_config(&rig);
	assert_refused(&rig, &config, -ENOENT, "truncate -s");
	g_assert_false(g_file_test(rig.path, G_FILE_TEST_EXISTS));
	block_rig_finish(&rig);
}

static void test_wrong_kinds(void)
{
	struct block_rig rig;
	struct iol_block_raw_config config;

	block_rig_init(&rig);
	config = block_rig_config(&rig);
	for (int read_only = 0; read_only < 2; read_only++) {
		config.read_only = read_only;
		config.path = "/dev/null";
		assert_refused(&rig, &config, -EINVAL, "is a character device");
		config.path = rig.dir;
		assert_refused(&rig, &config, read_only ? -EINVAL : -EISDIR, "is a directory");
		g_assert_cmpint(mkfifo(rig.path, 0600), ==, 0);
		config.path = rig.path;
		assert_refused(&rig, &config, -EINVAL, "is a pipe"); /* and nobody waits for it */
		g_remove(rig.path);
	}
	block_rig_finish(&rig);
}

static void test_sizes(void)
{
	static const struct {
		uint64_t bytes, size;
		const char *text;
	} cases[] = {
		{ 0, 0, "is empty; give it a size, such as with truncate -s" },
		{ 511, 0, "has 511 bytes, less than a sector" },
		{ 512, 512, NULL },
		{ 1023, 512, NULL },
		{ 1024, 1024, NULL },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct iol_block_raw_config config;
		struct block_rig rig;
		struct iol_block *blk;

		block_rig_init(&rig);
		block_rig_file(&rig, cases[i].bytes);
		config = block_rig_config(&rig);
		if (cases[i].text) {
			assert_refused(&rig, &config, -EINVAL, cases[i].text);
		} else {
			blk = block_rig_open(&rig, &config);
			g_assert_cmpuint(blk->limits.size_bytes, ==, cases[i].size);
			iol_block_free(blk);
		}
		block_rig_finish(&rig);
	}
}

static void open_odd(void)
{
	struct block_rig rig;

	block_rig_init(&rig);
	block_rig_file(&rig, 5 * 512 + 77);
	iol_block_free(block_rig_open(&rig, NULL));
	block_rig_finish(&rig);
}

static void test_rest_is_named(void)
{
	if (g_test_subprocess()) {
		open_odd();
		return;
	}
	g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr(
		"*/disk: its last 77 bytes are no whole sector of 512 and are ignored*");
}

static void test_file_limits(void)
{
	struct iol_block_raw_config config;
	struct block_rig rig;
	struct iol_block *blk;

	block_rig_init(&rig);
	block_rig_file(&rig, 65536);
	config = block_rig_config(&rig);
	blk = block_rig_open(&rig, &config);
	g_assert_cmpstr(blk->name, ==, rig.path);
	g_assert_false(blk->limits.read_only);
	g_assert_true(blk->limits.volatile_cache);
	g_assert_cmpuint(blk->limits.logical_block_bytes, ==, 512);
	g_assert_cmpuint(blk->limits.physical_block_bytes, >=, 512);
	g_assert_cmpuint(blk->limits.physical_block_bytes & (blk->limits.physical_block_bytes - 1),
			 ==, 0);
	g_assert_true(blk->limits.write_zeroes);
	g_assert_cmpint(blk->limits.write_zeroes_unmap, ==, blk->limits.discard);
	g_assert_cmpuint(blk->limits.iov_max, ==, 1024);
	iol_block_free(blk);

	config.discard = false;
	blk = block_rig_open(&rig, &config);
	g_assert_false(blk->limits.discard);
	g_assert_false(blk->limits.write_zeroes_unmap);
	g_assert_cmpuint(blk->limits.discard_align_bytes, ==, 0);
	g_assert_true(blk->limits.write_zeroes);
	iol_block_free(blk);

	config.discard = true;
	config.read_only = true;
	blk = block_rig_open(&rig, &config);
	g_assert_true(blk->limits.read_only);
	g_assert_false(blk->limits.volatile_cache);
	g_assert_false(blk->limits.discard);
	g_assert_false(blk->limits.write_zeroes);
	g_assert_cmpint(block_flush(blk), ==, 0);
	iol_block_free(blk);
	block_rig_finish(&rig);
}

/* Ring operations on a descriptor with O_NONBLOCK would fail with EAGAIN instead of waiting. */
static void test_descriptor_flags(void)
{
	struct iol_block_raw_config config;
	struct block_rig rig;
	struct iol_block *blk;
	struct iol_block_raw *raw;

	block_rig_init(&rig);
	block_rig_file(&rig, 65536);
	config = block_rig_config(&rig);
	config.direct = true;
	blk = block_rig_open(&rig, &config);
	raw = raw_of(blk);
	g_assert_cmpint(fcntl(raw->fd, F_GETFL) & (O_NONBLOCK | O_DIRECT | O_ACCMODE), ==, O_RDWR);
	g_assert_cmpint(fcntl(raw->direct_fd, F_GETFL) & (O_NONBLOCK | O_DIRECT | O_ACCMODE), ==,
			O_RDWR | O_DIRECT);
	g_assert_cmpint(fcntl(raw->fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
	g_assert_cmpint(fcntl(raw->direct_fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
	g_assert_cmpuint(raw->direct_offset_align, >=, 1);
	iol_block_free(blk);
	block_rig_finish(&rig);
}

/* A direct disk whose size is no multiple of the direct block keeps sectors of 512. */
static void test_direct_keeps_the_end(void)
{
	struct iol_block_raw_config config;
	struct block_rig rig;
	struct iol_block *blk;
	uint8_t buf[512];

	block_rig_init(&rig);
	block_rig_file(&rig, 65536 + 512);
	config = block_rig_config(&rig);
	config.direct = true;
	blk = block_rig_open(&rig, &config);
	g_assert_cmpuint(blk->limits.logical_block_bytes, ==, 512);
	g_assert_cmpint(block_read(blk, 65536, buf, 512), ==, 0);
	g_assert_cmpuint(buf[511], ==, block_rig_byte(65536 + 511));
	iol_block_free(blk);
	block_rig_finish(&rig);
}

static void test_locks(void)
{
	struct iol_block_raw_config config;
	struct block_rig rig;
	struct iol_block *blk, *second;

	block_rig_init(&rig);
	block_rig_file(&rig, 65536);
	config = block_rig_config(&rig);
	blk = block_rig_open(&rig, &config);
	assert_refused(&rig, &config, -EBUSY, "in use by process");
	config.lock = false;
	second = block_rig_open(&rig, &config);
	iol_block_free(second);
	config.lock = true;
	assert_refused(&rig, &config, -EBUSY, "in use by process"); /* closing took no lock away */
	iol_block_free(blk);

	/* Free again at once, also with the file registered; two readers are welcome. */
	blk = block_rig_open(&rig, &config);
	iol_block_free(blk);
	config.read_only = true;
	blk = block_rig_open(&rig, &config);
	second = block_rig_open(&rig, &config);
	config.read_only = false;
	assert_refused(&rig, &config, -EBUSY, "in use by process");
	iol_block_free(blk);
	iol_block_free(second);
	block_rig_finish(&rig);
}

static void *try_unprivileged(void *arg)
{
	struct iol_block_raw_config config;
	struct block_rig rig;
	(void)arg;

	block_rig_init(&rig);
	block_rig_file(&rig, 65536);
	config = block_rig_config(&rig);
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(rig.dir, rig.dir, NULL, MS_BIND, NULL) ||
	    mount(rig.dir, rig.dir, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL)) {
		g_test_skip("nothing can be mounted (not root?)");
	} else {
		assert_refused(&rig, &config, -EROFS, "or make the disk read-only");
		config.read_only = true;
		iol_block_free(block_rig_open(&rig, &config));
		/* io_uring may hold a file that was registered a moment longer. */
		g_assert_cmpint(umount2(rig.dir, MNT_DETACH), ==, 0);
	}
	block_rig_finish(&rig);
	return NULL;
}

/* On a thread of its own, whose mount namespace ends with it. */
static void test_read_only_file_system(void)
{
	pthread_t thread;

	g_assert_cmpint(pthread_create(&thread, NULL, try_unprivileged, NULL), ==, 0);
	pthread_join(thread, NULL);
}

static void check_device(struct block_rig *rig, struct iol_block_raw_config *config)
{
	uint8_t buf[4096];
	struct iol_block *blk = block_rig_open(rig, config);

	g_assert_true(raw_of(blk)->device);
	g_assert_cmpuint(blk->limits.size_bytes, ==, 4 * IOL_MIB);
	g_assert_cmpuint(blk->limits.logical_block_bytes, >=, 512);
	g_assert_cmpuint(blk->limits.physical_block_bytes, >=, blk->limits.logical_block_bytes);
	g_assert_cmpint(block_read(blk, 8192, buf, sizeof(buf)), ==, 0);
	for (size_t i = 0; i < sizeof(buf); i++)
		g_assert_cmpuint(buf[i], ==, block_rig_byte(8192 + i));
	if (!config->read_only) {
		/* Exclusively ours: neither a second machine nor mount(8) gets it. */
		assert_refused(rig, config, -EBUSY, "in use by process");
		g_assert_cmpint(open(config->path, O_RDONLY | O_EXCL | O_CLOEXEC), ==, -1);
		g_assert_cmpint(errno, ==, EBUSY);
	}
	iol_block_free(blk);
}

static void test_block_device(void)
{
	struct iol_block_raw_config config;
	const char *reason;
	struct block_rig rig;
	char *device;
	int claim;

	block_rig_init(&rig);
	block_rig_file(&rig, 4 * IOL_MIB);
	device = block_rig_loop_device(&rig, &reason);
	if (!device) {
		g_test_skip(reason);
		block_rig_finish(&rig);
		return;
	}
	config = block_rig_config(&rig);
	config.path = device;
	for (int direct = 0; direct < 2; direct++) {
		config.direct = direct;
		config.read_only = false;
		check_device(&rig, &config);
		config.read_only = true;
		check_device(&rig, &config);
	}
	/* What the host uses is left alone, unless told otherwise. */
	claim = open(device, O_RDONLY | O_EXCL | O_CLOEXEC);
	g_assert_cmpint(claim, >=, 0);
	config.read_only = false;
	assert_refused(&rig, &config, -EBUSY, "in use by the host (mounted or part of a volume)");
	config.lock = false;
	iol_block_free(block_rig_open(&rig, &config));
	close(claim);
	block_rig_loop_detach(device);
	block_rig_finish(&rig);
}

/* What a guest can write to the start of its disk: the first bytes of image formats. */
static const struct {
	const char *magic;
	size_t bytes;
} formats[] = {
	/* clang-format off */
	{ "QFI\xfb\0\0\0\3\0\0\0\0\0\0\2\0\0\0\0\x80", 20 }, /* qcow2; the name of its base is at 512 */
	{ "QFI\xfb\0\0\0\1\0\0\0\0\0\0\2\0\0\0\0\x80", 20 }, /* qcow */
	{ "QED\0", 4 },
	{ "KDMV\1\0\0\0", 8 }, /* vmdk */
	{ "# Disk DescriptorFile\nversion=1\n", 32 },
	{ "vhdxfile", 8 },
	{ "conectix", 8 }, /* vpc */
	{ "<<< Oracle VM VirtualBox Disk Image >>>\n", 40 },
	{ "WithoutFreeSpace", 16 }, /* parallels */
	{ "LUKS\xba\xbe\0\1", 8 },
	/* clang-format on */
};

/* Bytes are bytes: a disk that its guest made look like an image of some format is the same disk the next time. */
static void test_formats_are_bytes(void)
{
	g_autofree uint8_t *disk = g_malloc(65536), *back = g_malloc(65536);
	struct block_rig rig;
	struct iol_block *blk;
	unsigned int fds;

	block_rig_init(&rig);
	block_rig_file(&rig, 65536);
	blk = block_rig_open(&rig, NULL);
	fds = fd_count();
	for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
		memset(disk, (int)(0x40 + i), 65536);
		memcpy(disk, formats[i].magic, formats[i].bytes);
		memcpy(disk + 512, "/etc/passwd", sizeof("/etc/passwd"));
		g_assert_cmpint(block_write(blk, 0, disk, 65536), ==, 0);
		iol_block_free(blk);
		blk = block_rig_open(&rig, NULL);
		g_assert_cmpuint(blk->limits.size_bytes, ==, 65536);
		/* No other file was opened for it. */
		g_assert_cmpuint(fd_count(), ==, fds);
		g_assert_cmpint(block_read(blk, 0, back, 65536), ==, 0);
		g_assert_cmpmem(back, 65536, disk, 65536);
	}
	iol_block_free(blk);
	block_rig_finish(&rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/block-raw-open/missing", test_missing);
	g_test_add_func("/block-raw-open/wrong-kinds", test_wrong_kinds);
	g_test_add_func("/block-raw-open/sizes", test_sizes);
	g_test_add_func("/block-raw-open/rest-is-named", test_rest_is_named);
	g_test_add_func("/block-raw-open/file-limits", test_file_limits);
	g_test_add_func("/block-raw-open/descriptor-flags", test_descriptor_flags);
	g_test_add_func("/block-raw-open/direct-keeps-the-end", test_direct_keeps_the_end);
	g_test_add_func("/block-raw-open/locks", test_locks);
	g_test_add_func("/block-raw-open/read-only-file-system", test_read_only_file_system);
	g_test_add_func("/block-raw-open/block-device", test_block_device);
	g_test_add_func("/block-raw-open/formats-are-bytes", test_formats_are_bytes);
	return g_test_run();
}
