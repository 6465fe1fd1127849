// SPDX-License-Identifier: Apache-2.0
/* The discarder's thread, and discards of a loop device where one can be had. */
#include "backend/block_raw.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "block_rig.h"

/*
 * The linker puts this in the place of ioctl(). A discard of /dev/null's descriptor is answered here,
 * when the gate is open; others go to the kernel.
 */
static int fake_fd = -1;
static int answer;
/* Not GLib's, which ThreadSanitizer does not see. */
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static bool gate_open;
static unsigned int begun;

int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (fd != fake_fd || fd < 0)
		return __real_ioctl(fd, request, arg);
	g_assert_cmpuint(request, ==, BLKDISCARD);
	pthread_mutex_lock(&gate_lock);
	begun++;
	pthread_cond_broadcast(&gate_moved);
	while (!gate_open)
		pthread_cond_wait(&gate_moved, &gate_lock);
	pthread_mutex_unlock(&gate_lock);
	errno = answer;
	return answer ? -1 : 0;
}

static void gate_set(bool open_it)
{
	pthread_mutex_lock(&gate_lock);
	gate_open = open_it;
	begun = 0;
	pthread_cond_broadcast(&gate_moved);
	pthread_mutex_unlock(&gate_lock);
}

static void gate_await_first(void)
{
	pthread_mutex_lock(&gate_lock);
	while (!begun)
		pthread_cond_wait(&gate_moved, &gate_lock);
	pthread_mutex_unlock(&gate_lock);
}

/* A file that is taken for a block device whose discards are answered above. */
static struct iol_block *open_fake(struct block_rig *rig)
{
	struct iol_block *blk;
	struct iol_block_raw *raw;

	block_rig_init(rig);
	block_rig_file(rig, 1024 * 1024);
	blk = block_rig_open(rig, NULL);
	raw = iol_container_of(blk, struct iol_block_raw, blk);
	raw->device = true;
	raw->discard = true;
	blk->limits.discard = true;
	fake_fd = raw->fd;
	answer = 0;
	gate_set(true);
	return blk;
}

static void close_fake(struct block_rig *rig, struct iol_block *blk)
{
	g_assert_cmpuint(blk->in_flight, ==, 0);
	fake_fd = -1;
	iol_block_free(blk);
	block_rig_finish(rig);
}

static void test_results_come_back(void)
{
	enum { JOBS = 100 };
	g_autofree struct block_job *jobs = g_new0(struct block_job, JOBS);
	struct block_rig rig;
	struct iol_block *blk = open_fake(&rig);

	for (size_t i = 0; i < JOBS; i++) {
		block_job_init(&jobs[i], IOL_BLOCK_DISCARD, i * 4096, NULL, 4096);
		jobs[i].req.stable = i % 2;
		block_job_start(&jobs[i], blk);
		g_assert_false(jobs[i].at_once);
	}
	for (size_t i = 0; i < JOBS; i++)
		g_assert_cmpint(block_job_wait(&jobs[i], blk), ==, 0);
	answer = EIO;
	g_assert_cmpint(block_run(blk, IOL_BLOCK_DISCARD, 0, NULL, 4096), ==, -EIO);
	close_fake(&rig, blk);
}

/* Refused once, it is not tried again, and is no error either time. */
static void test_refused(void)
{
	struct block_rig rig;
	struct iol_block *blk = open_fake(&rig);

	answer = EOPNOTSUPP;
	g_assert_cmpint(block_run(blk, IOL_BLOCK_DISCARD, 0, NULL, 4096), ==, 0);
	g_assert_cmpuint(begun, ==, 1);
	g_assert_cmpint(block_run(blk, IOL_BLOCK_DISCARD, 0, NULL, 4096), ==, 0);
	g_assert_cmpuint(begun, ==, 1);
	close_fake(&rig, blk);
}

/* One is under way and comes to its end; those behind it are cancelled. */
static void test_cancel(void)
{
	struct block_rig rig;
	struct iol_block *blk = open_fake(&rig);
	struct block_job jobs[3];

	gate_set(false);
	for (int i = 0; i < 3; i++) {
		block_job_init(&jobs[i], IOL_BLOCK_DISCARD, 0, NULL, 4096);
		block_job_start(&jobs[i], blk);
	}
	gate_await_first();
	iol_block_cancel_all(blk);
	g_assert_cmpint(block_job_wait(&jobs[1], blk), ==, -ECANCELED);
	g_assert_cmpint(block_job_wait(&jobs[2], blk), ==, -ECANCELED);
	g_assert_cmpuint(jobs[0].done, ==, 0);
	gate_set(true);
	g_assert_cmpint(block_job_wait(&jobs[0], blk), ==, 0);
	close_fake(&rig, blk);
}

static void test_only_whole_blocks(void)
{
	struct block_rig rig;
	struct iol_block *blk = open_fake(&rig);

	blk->limits.logical_block_bytes = 4096;
	g_assert_cmpint(block_run(blk, IOL_BLOCK_DISCARD, 512, NULL, 4096), ==, 0);
	g_assert_cmpuint(begun, ==, 0); /* no whole block in it */
	g_assert_cmpint(block_run(blk, IOL_BLOCK_DISCARD, 512, NULL, 8192), ==, 0);
	g_assert_cmpuint(begun, ==, 1);
	close_fake(&rig, blk);
}

static void test_loop_device(void)
{
	enum { AT = 1024 * 1024, LEN = 512 * 1024 };
	g_autofree uint8_t *buf = g_malloc(LEN + 1024);
	struct iol_block_raw_config config;
	const char *reason;
	struct block_rig rig;
	struct iol_block *blk;
	struct block_job job;
	char *device;

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
	blk = block_rig_open(&rig, &config);
	g_assert_true(blk->limits.discard);
	for (int kind = IOL_BLOCK_DISCARD; kind <= IOL_BLOCK_WRITE_ZEROES; kind++) {
		for (int n = 0; n < 2; n++) {
			const uint64_t at =
				(uint64_t)AT * (unsigned int)(kind - IOL_BLOCK_DISCARD) * 2 +
				(unsigned int)n * LEN;

			block_job_init(&job, (enum iol_block_kind)kind, at, NULL, LEN);
			job.req.unmap = n;
			job.req.stable = n;
			block_job_start(&job, blk);
			g_assert_cmpint(block_job_wait(&job, blk), ==, 0);
			g_assert_cmpint(block_read(blk, at, buf, LEN + 512), ==, 0);
			for (unsigned int i = 0; i < LEN; i++)
				g_assert_cmpuint(buf[i], ==, 0);
			for (unsigned int i = LEN; i < LEN + 512; i++)
				g_assert_cmpuint(buf[i], ==, block_rig_byte(at + i));
		}
	}
	g_assert_cmpint(block_flush(blk), ==, 0);
	iol_block_free(blk);
	block_rig_loop_detach(device);
	block_rig_finish(&rig);
}

/* The medium goes away under the disk: reads and writes fail, the process does not. */
static void test_loop_device_over_cut_file(void)
{
	struct iol_block_raw_config config;
	uint8_t buf[4096] = { 0 };
	const char *reason;
	struct block_rig rig;
	struct iol_block *blk;
	char *device;

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
	blk = block_rig_open(&rig, &config);
	g_assert_cmpint(truncate(rig.path, 65536), ==, 0);
	g_assert_cmpint(block_read(blk, 0, buf, sizeof(buf)), ==, 0);
	g_assert_cmpint(block_read(blk, 3 * IOL_MIB, buf, sizeof(buf)), ==, -EIO);
	g_assert_cmpint(block_read(blk, 0, buf, sizeof(buf)), ==, 0);
	iol_block_free(blk);
	block_rig_loop_detach(device);
	block_rig_finish(&rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/block-discard/results-come-back", test_results_come_back);
	g_test_add_func("/block-discard/refused", test_refused);
	g_test_add_func("/block-discard/cancel", test_cancel);
	g_test_add_func("/block-discard/only-whole-blocks", test_only_whole_blocks);
	g_test_add_func("/block-discard/loop-device", test_loop_device);
	g_test_add_func("/block-discard/cut-file", test_loop_device_over_cut_file);
	return g_test_run();
}
