// SPDX-License-Identifier: Apache-2.0
/* Files as block backends: reads, writes and flushes, with a kernel whose answers are scripted. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block_script.h"

/* ---- Reads and writes ---- */

static void test_read_at_once(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start(&rig);
	struct block_job job;
	uint8_t buf[4096];

	block_job_init(&job, IOL_BLOCK_READ, 8192, buf, sizeof(buf));
	block_job_start(&job, blk);
	g_assert_cmpint(block_job_wait(&job, blk), ==, 0);
	assert_pattern(buf, 8192, sizeof(buf));
	if (!job.at_once)
		g_test_message("the file system here knows no RWF_NOWAIT");
	else
		g_assert_cmpuint(calls[READV], ==, 0);
	script_end(&rig, blk);
}

/* What preadv2() cannot give is read through the ring, from where it stopped. */
static void test_read_falls_back(void)
{
	static const struct {
		int res;
		bool again; /* asked again with the next read */
	} cases[] = { { -EAGAIN, true }, { 512, true },  { 700, true },         { 0, true },
		      { -EINTR, true },  { -EIO, true }, { -EOPNOTSUPP, false } };

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct block_rig rig;
		struct iol_block *blk = script_start(&rig);
		uint8_t buf[4096];

		script_add(PREADV2, cases[i].res);
		memset(buf, 0xee, sizeof(buf));
		g_assert_cmpint(block_read(blk, 512, buf, sizeof(buf)), ==, 0);
		assert_pattern(buf, 512, sizeof(buf));
		g_assert_cmpuint(calls[READV], ==, 1);
		g_assert_cmpint(block_read(blk, 1024, buf, sizeof(buf)), ==, 0);
		assert_pattern(buf, 1024, sizeof(buf));
		g_assert_cmpuint(calls[PREADV2], ==, cases[i].again ? 2 : 1);
		script_end(&rig, blk);
	}
}

static void test_write_falls_back(void)
{
	static const int results[] = { -EAGAIN, 512, 700, -EIO, -EOPNOTSUPP };

	for (size_t i = 0; i < G_N_ELEMENTS(results); i++) {
		struct block_rig rig;
		struct iol_block *blk = script_start(&rig);
		uint8_t buf[4096];

		script_add(PWRITEV2, results[i]);
		memset(buf, 0xa5, sizeof(buf));
		g_assert_cmpint(block_write(blk, 512, buf, sizeof(buf)), ==, 0);
		g_assert_cmpuint(calls[WRITEV], ==, 1);
		g_assert_cmpint(last_flags, ==, 0);
		memset(buf, 0xa5, sizeof(buf));
		assert_file(&rig, 512, buf, sizeof(buf));
		block_write(blk, 512, buf, sizeof(buf));
		g_assert_cmpuint(calls[PWRITEV2], ==, results[i] == -EOPNOTSUPP ? 1 : 2);
		g_assert_true(is_whole_and_zero(blk, 512, 4096) == false);
		script_end(&rig, blk);
	}
}

/* Scattered, with short transfers at every kind of border, interrupted in between. */
static void test_short_transfers(void)
{
	uint8_t a[512], b[1536], c[2048];
	struct iovec iov[] = { { a, 512 }, { b, 1536 }, { c, 2048 } };
	struct block_rig rig;
	struct iol_block *blk = script_start(&rig);
	struct block_job job;

	for (int write = 0; write < 2; write++) {
		const enum script_call call = write ? WRITEV : READV;

		script_add(write ? PWRITEV2 : PREADV2, 100);
		script_add(call, 412);
		script_add(call, -EINTR);
		script_add(call, 1);
		script_add(call, -EAGAIN);
		script_add(call, 1535 + 7);
		iov[0] = (struct iovec){ a, 512 };
		iov[1] = (struct iovec){ b, 1536 };
		iov[2] = (struct iovec){ c, 2048 };
		block_job_init(&job, write ? IOL_BLOCK_WRITE : IOL_BLOCK_READ, write ? 65536 : 4096,
			       NULL, 4096);
		job.req.iov = iov;
		job.req.iov_count = 3;
		block_job_start(&job, blk);
		g_assert_cmpint(block_job_wait(&job, blk), ==, 0);
	}
	assert_pattern(a, 4096, 512);
	assert_pattern(b, 4096 + 512, 1536);
	assert_pattern(c, 4096 + 2048, 2048);
	assert_file(&rig, 65536, a, 512);
	assert_file(&rig, 65536 + 512, b, 1536);
	assert_file(&rig, 65536 + 2048, c, 2048);
	script_end(&rig, blk);
}

static void test_interrupted_for_ever(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start(&rig);
	uint8_t buf[512];

	script_add(PREADV2, -EAGAIN);
	for (int i = 0; i < 32; i++)
		script_add(READV, i % 2 ? -EINTR : -EAGAIN);
	g_assert_cmpint(block_read(blk, 0, buf, sizeof(buf)), <, 0);
	g_assert_cmpuint(calls[READV], ==, 32);
	script_end(&rig, blk);
}

/* No progress is an error, never a loop. */
static void test_no_progress(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start(&rig);
	uint8_t buf[1024];

	script_add(PWRITEV2, -EAGAIN);
	script_add(WRITEV, 512);
	script_add(WRITEV, 0);
	g_assert_cmpint(block_write(blk, 0, buf, sizeof(buf)), ==, -EIO);
	script_end(&rig, blk);
}

static void test_shrunken_file(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start(&rig);
	uint8_t buf[4096];

	/* Unlinked: the descriptor is enough. */
	g_assert_cmpint(block_read(blk, SIZE - 4096, buf, sizeof(buf)), ==, 0);
	g_assert_cmpint(truncate(rig.path, SIZE - 1000), ==, 0);
	g_assert_cmpint(g_remove(rig.path), ==, 0);
	g_assert_cmpint(block_read(blk, SIZE - 4096, buf, sizeof(buf)), ==, -EIO);
	g_assert_cmpint(block_read(blk, SIZE - 512, buf, 512), ==, -EIO);
	g_assert_cmpint(block_read(blk, 0, buf, sizeof(buf)), ==, 0);
	assert_pattern(buf, 0, sizeof(buf));
	script_end(&rig, blk);
}

static void test_refresh(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start(&rig);
	uint8_t buf[512];

	g_assert_false(iol_block_refresh(blk));
	g_assert_cmpint(block_read(blk, SIZE, buf, 512), ==, -EINVAL);
	g_assert_cmpint(truncate(rig.path, SIZE + 1023), ==, 0);
	g_assert_true(iol_block_refresh(blk));
	g_assert_cmpuint(blk->limits.size_bytes, ==, SIZE + 512);
	g_assert_cmpint(block_read(blk, SIZE, buf, 512), ==, 0);
	g_assert_cmpint(truncate(rig.path, 1024), ==, 0);
	g_assert_true(iol_block_refresh(blk));
	g_assert_false(iol_block_refresh(blk));
	g_assert_cmpuint(blk->limits.size_bytes, ==, 1024);
	g_assert_cmpint(block_read(blk, 1024, buf, 512), ==, -EINVAL);
	g_assert_cmpint(block_read(blk, 512, buf, 512), ==, 0);
	script_end(&rig, blk);
}

static void test_errors(void)
{
	static const int errors[] = { -EIO, -ENOSPC, -EDQUOT, -EFBIG, -EPERM, -ENOMEM };

	for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
		struct block_rig rig;
		struct iol_block *blk = script_start(&rig);
		uint8_t buf[512];

		script_add(PREADV2, -EAGAIN);
		script_add(READV, errors[i]);
		script_add(PWRITEV2, -EAGAIN);
		script_add(WRITEV, errors[i]);
		script_add(FALLOCATE, errors[i]);
		script_add(FALLOCATE, errors[i]);
		g_assert_cmpint(block_read(blk, 0, buf, 512), ==, errors[i]);
		g_assert_cmpint(block_write(blk, 0, buf, 512), ==, errors[i]);
		g_assert_cmpint(block_run(blk, IOL_BLOCK_DISCARD, 0, NULL, 4096), ==, errors[i]);
		g_assert_cmpint(block_run(blk, IOL_BLOCK_WRITE_ZEROES, 0, NULL, 4096), ==,
				errors[i]);
		/* None of them sticks. */
		g_assert_cmpuint(raw_of(blk)->failing, ==, 0x1b);
		g_assert_cmpint(block_read(blk, 0, buf, 512), ==, 0);
		g_assert_cmpint(block_write(blk, 0, buf, 512), ==, 0);
		g_assert_cmpint(block_run(blk, IOL_BLOCK_DISCARD, 0, NULL, 4096), ==, 0);
		g_assert_cmpint(block_run(blk, IOL_BLOCK_WRITE_ZEROES, 0, NULL, 4096), ==, 0);
		g_assert_cmpint(block_flush(blk), ==, 0);
		g_assert_cmpuint(raw_of(blk)->failing, ==, 0);
		script_end(&rig, blk);
	}
}

/* ---- Caching ---- */

static void test_flush(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start(&rig);

	g_assert_true(blk->limits.volatile_cache);
	g_assert_cmpint(block_flush(blk), ==, 0);
	g_assert_cmpuint(calls[FDATASYNC], ==, 1);
	script_add(FDATASYNC, -EINTR);
	g_assert_cmpint(block_flush(blk), ==, 0);
	g_assert_cmpuint(calls[FDATASYNC], ==, 3);
	script_end(&rig, blk);
}

/* After one failure every flush fails, without asking the kernel. */
static void test_flush_failure_sticks(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start(&rig);
	uint8_t buf[512] = { 0 };

	script_add(FDATASYNC, -ENOSPC);
	g_assert_cmpint(block_flush(blk), ==, -EIO);
	for (int i = 0; i < 3; i++) {
		g_assert_cmpint(block_write(blk, 0, buf, 512), ==, 0);
		g_assert_cmpint(block_flush(blk), ==, -EIO);
	}
	g_assert_cmpuint(calls[FDATASYNC], ==, 1);
	script_end(&rig, blk);
}

/* The sync of a stable write or discard may take the report that a flush should have had. */
static void test_failed_sync_fails_flushes(void)
{
	for (int kind = IOL_BLOCK_WRITE; kind < IOL_BLOCK_KIND_COUNT; kind++) {
		struct block_rig rig;
		struct iol_block *blk = script_start(&rig);
		struct block_job job;
		uint8_t buf[4096] = { 0 };

		if (kind == IOL_BLOCK_FLUSH) {
			script_end(&rig, blk);
			continue;
		}
		script_add(kind == IOL_BLOCK_WRITE ? WRITEV : FDATASYNC, -EIO);
		block_job_init(&job, (enum iol_block_kind)kind, 0, buf, 4096);
		job.req.stable = true;
		block_job_start(&job, blk);
		g_assert_cmpint(block_job_wait(&job, blk), ==, -EIO);
		g_assert_cmpint(block_flush(blk), ==, -EIO);
		script_end(&rig, blk);
	}
}

static void test_stable_requests(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start(&rig);
	struct block_job job;
	uint8_t buf[4096] = { 1 };

	block_job_init(&job, IOL_BLOCK_WRITE, 4096, buf, 4096);
	job.req.stable = true;
	block_job_start(&job, blk);
	g_assert_cmpint(block_job_wait(&job, blk), ==, 0);
	g_assert_cmpint(last_flags, ==, RWF_DSYNC);
	g_assert_cmpuint(calls[PWRITEV2], ==, 0);
	g_assert_cmpuint(calls[WRITEV], ==, 1);
	for (int kind = IOL_BLOCK_DISCARD; kind <= IOL_BLOCK_WRITE_ZEROES; kind++) {
		calls[FDATASYNC] = 0;
		g_assert_cmpint(block_run(blk, (enum iol_block_kind)kind, 0, NULL, 4096), ==, 0);
		g_assert_cmpuint(calls[FDATASYNC], ==, 0);
		block_job_init(&job, (enum iol_block_kind)kind, 0, NULL, 4096);
		job.req.stable = true;
		block_job_start(&job, blk);
		g_assert_cmpint(block_job_wait(&job, blk), ==, 0);
		g_assert_cmpuint(calls[FDATASYNC], ==, 1);
	}
	script_end(&rig, blk);
}

static void test_writethrough(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start_cache(&rig, IOL_BLOCK_WRITETHROUGH, false);
	uint8_t buf[512] = { 0 };

	g_assert_false(blk->limits.volatile_cache);
	g_assert_cmpint(block_write(blk, 0, buf, 512), ==, 0);
	g_assert_cmpint(last_flags, ==, RWF_DSYNC);
	g_assert_cmpint(block_flush(blk), ==, 0);
	g_assert_cmpuint(calls[FDATASYNC] + calls[PWRITEV2], ==, 0);
	g_assert_cmpint(block_run(blk, IOL_BLOCK_DISCARD, 0, NULL, 4096), ==, 0);
	g_assert_cmpuint(calls[FDATASYNC], ==, 1);
	script_end(&rig, blk);
}

static void test_unsafe(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start_cache(&rig, IOL_BLOCK_UNSAFE, false);
	struct block_job job;
	uint8_t buf[512] = { 0 };

	g_assert_false(blk->limits.volatile_cache);
	for (int kind = 0; kind < IOL_BLOCK_KIND_COUNT; kind++) {
		block_job_init(&job, (enum iol_block_kind)kind, 0, buf, 512);
		job.req.stable = true;
		block_job_start(&job, blk);
		g_assert_cmpint(block_job_wait(&job, blk), ==, 0);
		g_assert_cmpint(last_flags, ==, 0);
		if (kind == IOL_BLOCK_FLUSH)
			g_assert_true(job.at_once);
	}
	g_assert_cmpuint(calls[FDATASYNC], ==, 0);
	script_end(&rig, blk);
}

/* ---- Cancelling ---- */

static void test_cancel(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start(&rig);
	struct block_job jobs[4];
	uint8_t buf[1024];
	static const enum iol_block_kind kinds[] = { IOL_BLOCK_READ, IOL_BLOCK_FLUSH,
						     IOL_BLOCK_DISCARD, IOL_BLOCK_WRITE_ZEROES };

	script_add(PREADV2, -EAGAIN);
	/* The answers never come before the cancel: nothing was submitted by then. */
	for (int i = 0; i < 4; i++) {
		block_job_init(&jobs[i], kinds[i], 0, buf, 1024);
		block_job_start(&jobs[i], blk);
		g_assert_false(jobs[i].at_once);
	}
	g_assert_cmpuint(blk->in_flight, ==, 4);
	iol_block_cancel_all(blk);
	for (int i = 0; i < 4; i++) {
		int res = block_job_wait(&jobs[i], blk);

		g_assert_true(res == 0 || res == -ECANCELED);
	}
	g_assert_false(raw_of(blk)->flush_failed);
	g_assert_cmpuint(raw_of(blk)->failing, ==, 0);
	script_end(&rig, blk);
}

/* What goes on after a short transfer ends there when it was cancelled meanwhile. */
static void test_cancel_between_steps(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start(&rig);
	struct block_job job;

	script_add(FALLOCATE, -EOPNOTSUPP);
	script_add(WRITE, 512);
	block_job_init(&job, IOL_BLOCK_WRITE_ZEROES, 0, NULL, 8192);
	block_job_start(&job, blk);
	while (!calls[WRITE])
		g_assert_cmpint(iol_loop_turn(&rig.loop, true), ==, 0);
	iol_block_cancel_all(blk);
	g_assert_cmpint(block_job_wait(&job, blk), ==, -ECANCELED);
	g_assert_cmpuint(calls[WRITE], ==, 1);
	script_end(&rig, blk);
}

/* ---- A full file system ---- */

static const char *mount_small(const struct block_rig *rig)
{
	if (unshare(CLONE_NEWNS))
		return "no mount namespace of our own (not root?)";
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("small", rig->dir, "tmpfs", 0, "size=256k"))
		return "no tmpfs can be mounted";
	return NULL;
}

static void test_full_file_system(void)
{
	g_autofree uint8_t *buf = g_malloc0(128 * 1024);
	g_autofree char *ballast = NULL;
	struct block_rig rig;
	struct iol_block *blk;
	const char *reason;
	int fd;

	block_rig_init(&rig);
	script_clear();
	reason = mount_small(&rig);
	if (reason) {
		g_test_skip(reason);
		block_rig_finish(&rig);
		return;
	}
	ballast = g_build_filename(rig.dir, "ballast", NULL);
	g_assert_true(g_file_set_contents(ballast, (char *)buf, 128 * 1024, NULL));
	fd = open(rig.path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	g_assert_cmpint(ftruncate(fd, SIZE), ==, 0);
	close(fd);
	blk = block_rig_open(&rig, NULL);
	g_assert_cmpint(block_write(blk, 0, buf, 96 * 1024), ==, 0);
	for (int i = 0; i < 3; i++)
		g_assert_cmpint(block_write(blk, 512 * 1024, buf, 96 * 1024), ==, -ENOSPC);
	/* What has its place can still be written, and read. */
	g_assert_cmpint(block_write(blk, 0, buf, 4096), ==, 0);
	g_assert_cmpint(block_read(blk, 0, buf, 96 * 1024), ==, 0);
	g_assert_cmpint(g_remove(ballast), ==, 0);
	g_assert_cmpint(block_write(blk, 512 * 1024, buf, 96 * 1024), ==, 0);
	g_assert_cmpint(block_flush(blk), ==, 0);
	iol_block_free(blk);
	g_assert_cmpint(g_remove(rig.path), ==, 0);
	/* io_uring may hold a file that was registered a moment longer. */
	g_assert_cmpint(umount2(rig.dir, MNT_DETACH), ==, 0);
	block_rig_finish(&rig);
}

static void *full_file_system_thread(void *arg)
{
	test_full_file_system();
	return arg;
}

/* On a thread of its own, whose mount namespace ends with it. */
static void test_full_file_system_apart(void)
{
	pthread_t thread;

	g_assert_cmpint(pthread_create(&thread, NULL, full_file_system_thread, NULL), ==, 0);
	pthread_join(thread, NULL);
}

/* ---- Messages ---- */

/* What @run writes to standard error. */
static char *stderr_of(void (*run)(void))
{
	g_autofree char *path = NULL;
	char *text;
	int fd = g_file_open_tmp("iolite-stderr-XXXXXX", &path, NULL), saved = dup(STDERR_FILENO);

	g_assert_cmpint(fd, >=, 0);
	dup2(fd, STDERR_FILENO);
	run();
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fd);
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_remove(path);
	return text;
}

static unsigned int count_of(const char *text, const char *part)
{
	unsigned int n = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		n++;
	}
	return n;
}

static void fail_and_heal(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start(&rig);
	uint8_t buf[512] = { 0 };

	for (int i = 0; i < 5; i++) {
		script_add(PWRITEV2, -EAGAIN);
		script_add(WRITEV, -ENOSPC);
		block_write(blk, 1024, buf, 512);
	}
	block_write(blk, 1024, buf, 512);
	block_write(blk, 1024, buf, 512);
	script_add(FDATASYNC, -EIO);
	for (int i = 0; i < 5; i++)
		block_flush(blk);
	script_end(&rig, blk);
}

static void test_messages(void)
{
	g_autofree char *text = stderr_of(fail_and_heal);

	g_test_message("%s", text);
	g_assert_cmpuint(count_of(text, "\n"), ==, 3);
	g_assert_cmpuint(count_of(text, "/disk: write of 512 bytes at byte 1024 failed: "
					"No space left on device"),
			 ==, 1);
	g_assert_cmpuint(count_of(text, "/disk: write works again"), ==, 1);
	g_assert_cmpuint(count_of(text, "/disk: flush failed: Input/output error"), ==, 1);
}

/* ---- Many at once ---- */

static void test_many_at_once(void)
{
	enum { JOBS = 200 };
	g_autofree struct block_job *jobs = g_new0(struct block_job, JOBS);
	g_autofree uint8_t *bufs = g_malloc(JOBS * 4096);
	struct block_rig rig;
	struct iol_block *blk = script_start(&rig);

	raw_of(blk)->nowait_read = false;
	raw_of(blk)->nowait_write = false;
	for (int write = 0; write < 2; write++) {
		for (size_t i = 0; i < JOBS; i++) {
			block_job_init(&jobs[i], write ? IOL_BLOCK_WRITE : IOL_BLOCK_READ,
				       (write ? JOBS - 1 - i : i) * 4096, bufs + i * 4096, 4096);
			block_job_start(&jobs[i], blk);
		}
		for (size_t i = 0; i < JOBS; i++)
			g_assert_cmpint(block_job_wait(&jobs[i], blk), ==, 0);
	}
	/* The blocks are now in the opposite order. */
	for (size_t i = 0; i < JOBS; i++) {
		g_assert_cmpint(block_read(blk, i * 4096, bufs, 4096), ==, 0);
		assert_pattern(bufs, (JOBS - 1 - i) * 4096, 4096);
	}
	script_end(&rig, blk);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/block-raw/read-at-once", test_read_at_once);
	g_test_add_func("/block-raw/read-falls-back", test_read_falls_back);
	g_test_add_func("/block-raw/write-falls-back", test_write_falls_back);
	g_test_add_func("/block-raw/short-transfers", test_short_transfers);
	g_test_add_func("/block-raw/interrupted-for-ever", test_interrupted_for_ever);
	g_test_add_func("/block-raw/no-progress", test_no_progress);
	g_test_add_func("/block-raw/shrunken-file", test_shrunken_file);
	g_test_add_func("/block-raw/refresh", test_refresh);
	g_test_add_func("/block-raw/errors", test_errors);
	g_test_add_func("/block-raw/flush", test_flush);
	g_test_add_func("/block-raw/flush-failure-sticks", test_flush_failure_sticks);
	g_test_add_func("/block-raw/failed-sync-fails-flushes", test_failed_sync_fails_flushes);
	g_test_add_func("/block-raw/stable-requests", test_stable_requests);
	g_test_add_func("/block-raw/writethrough", test_writethrough);
	g_test_add_func("/block-raw/unsafe", test_unsafe);
	g_test_add_func("/block-raw/cancel", test_cancel);
	g_test_add_func("/block-raw/cancel-between-steps", test_cancel_between_steps);
	g_test_add_func("/block-raw/full-file-system", test_full_file_system_apart);
	g_test_add_func("/block-raw/messages", test_messages);
	g_test_add_func("/block-raw/many-at-once", test_many_at_once);
	return g_test_run();
}
