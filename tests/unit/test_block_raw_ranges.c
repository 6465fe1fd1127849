// SPDX-License-Identifier: Apache-2.0
/* Files as block backends: discards, zeroes and O_DIRECT, with a kernel whose answers are scripted. */
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>

#include "block_script.h"

/* ---- Discards and zeroes ---- */

static void test_discard_makes_holes(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start(&rig);
	struct stat before, after;

	if (!blk->limits.discard) {
		g_test_skip("no holes can be made in files here");
		script_end(&rig, blk);
		return;
	}
	g_assert_cmpint(block_flush(blk), ==, 0);
	g_assert_cmpint(stat(rig.path, &before), ==, 0);
	g_assert_cmpint(block_run(blk, IOL_BLOCK_DISCARD, 65536, NULL, 262144), ==, 0);
	g_assert_cmpint(stat(rig.path, &after), ==, 0);
	g_assert_cmpint(after.st_blocks, <, before.st_blocks);
	g_assert_cmpint(after.st_size, ==, SIZE);
	g_assert_true(is_whole_and_zero(blk, 65536, 262144));
	script_end(&rig, blk);
}

/* Every way to write zeroes reads back as zeroes, and what was refused is not tried again. */
static void test_write_zeroes(void)
{
	static const struct {
		bool unmap;
		int refusals;
		unsigned int fallocates; /* of the first and of both requests */
		unsigned int fallocates_both;
		bool writes;
	} cases[] = {
		{ true, 0, 1, 2, false }, { false, 0, 1, 2, false }, { true, 1, 2, 3, false },
		{ true, 2, 2, 2, true },  { false, 1, 1, 1, true },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct block_rig rig;
		struct iol_block *blk = script_start(&rig);
		const uint64_t len = 512 * 1024 + 1536;

		for (int n = 0; n < cases[i].refusals; n++)
			script_add(FALLOCATE, -EOPNOTSUPP);
		if (cases[i].writes) {
			script_add(WRITE, 1000);
			script_add(WRITE, -EINTR);
		}
		for (int n = 0; n < 2; n++) {
			struct block_job job;

			block_job_init(&job, IOL_BLOCK_WRITE_ZEROES, 1024, NULL, len);
			job.req.unmap = cases[i].unmap;
			block_job_start(&job, blk);
			g_assert_cmpint(block_job_wait(&job, blk), ==, 0);
			g_assert_true(is_whole_and_zero(blk, 1024, len));
			g_assert_cmpuint(calls[FALLOCATE], ==,
					 n ? cases[i].fallocates_both : cases[i].fallocates);
			g_assert_cmpint(calls[WRITE] > 0, ==, cases[i].writes);
		}
		script_end(&rig, blk);
	}
}

static void test_zero_write_errors(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start(&rig);

	script_add(FALLOCATE, -EOPNOTSUPP);
	script_add(WRITE, 512);
	script_add(WRITE, -ENOSPC);
	g_assert_cmpint(block_run(blk, IOL_BLOCK_WRITE_ZEROES, 0, NULL, 4096), ==, -ENOSPC);
	script_add(WRITE, 0);
	g_assert_cmpint(block_run(blk, IOL_BLOCK_WRITE_ZEROES, 0, NULL, 4096), ==, -EIO);
	script_end(&rig, blk);
}

static void test_discard_is_a_hint(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start(&rig);

	script_add(FALLOCATE, -EOPNOTSUPP);
	for (int i = 0; i < 3; i++)
		g_assert_cmpint(block_run(blk, IOL_BLOCK_DISCARD, 0, NULL, 4096), ==, 0);
	g_assert_cmpuint(calls[FALLOCATE], ==, 1);
	script_end(&rig, blk);
}

/* ---- O_DIRECT ---- */

static void test_direct(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start_cache(&rig, IOL_BLOCK_WRITEBACK, true);
	const size_t align = 4096;
	g_autofree uint8_t *block = g_malloc(4 * align);
	uint8_t *buf = (uint8_t *)IOL_ALIGN_UP((uintptr_t)block, align);
	struct iol_block_raw *raw = raw_of(blk);

	g_test_message("alignment: offsets %u, memory %u", raw->direct_offset_align,
		       raw->direct_mem_align);
	g_assert_cmpint(block_read(blk, 8192, buf, align), ==, 0);
	g_assert_true(last_file == &raw->direct_file);
	g_assert_cmpuint(calls[PREADV2], ==, 0);
	assert_pattern(buf, 8192, align);
	memset(buf, 0x5a, align);
	g_assert_cmpint(block_write(blk, 8192, buf, align), ==, 0);
	g_assert_true(last_file == &raw->direct_file);
	g_assert_false(last_by_worker);
	assert_file(&rig, 8192, buf, align);

	/* Memory that does not fit: the same bytes by way of the page cache. */
	g_assert_cmpint(block_read(blk, 8192, buf + 1, align), ==, 0);
	g_assert_true(last_file == &raw->file);
	g_assert_false(last_by_worker);
	g_assert_cmpuint(buf[1] + buf[align], ==, 2 * 0x5a);
	memset(buf, 0x77, 2 * align);
	g_assert_cmpint(block_write(blk, 8192 + 512, buf + 1, 1024), ==, 0);
	g_assert_true(last_file == &raw->file);
	g_assert_true(last_by_worker);
	/* And the direct read sees what is still dirty there. */
	g_assert_cmpint(block_read(blk, 8192, buf, align), ==, 0);
	g_assert_true(last_file == &raw->direct_file);
	g_assert_cmpuint(buf[511], ==, 0x5a);
	g_assert_cmpuint(buf[512], ==, 0x77);
	g_assert_cmpuint(buf[1535], ==, 0x77);
	g_assert_cmpuint(buf[1536], ==, 0x5a);
	script_end(&rig, blk);
}

static void test_direct_misaligned_parts(void)
{
	struct block_rig rig;
	struct iol_block *blk = script_start_cache(&rig, IOL_BLOCK_WRITEBACK, true);
	struct iol_block_raw *raw = raw_of(blk);
	g_autofree uint8_t *block = g_malloc(16384);
	uint8_t *buf = (uint8_t *)IOL_ALIGN_UP((uintptr_t)block, 4096);
	struct iovec iov[2] = { { buf, 100 }, { buf + 4096, 3996 } };
	struct block_job job;

	block_job_init(&job, IOL_BLOCK_READ, 4096, NULL, 4096);
	job.req.iov = iov;
	job.req.iov_count = 2;
	block_job_start(&job, blk);
	g_assert_cmpint(block_job_wait(&job, blk), ==, 0);
	g_assert_true(last_file == &raw->file);
	assert_pattern(buf, 4096, 100);
	assert_pattern(buf + 4096, 4096 + 100, 3996);

	/* A place that the file's alignment does not allow. */
	raw->direct_offset_align = 4096;
	g_assert_cmpint(block_read(blk, 512, buf, 4096), ==, 0);
	g_assert_true(last_file == &raw->file);
	assert_pattern(buf, 512, 4096);
	g_assert_cmpint(block_read(blk, 8192, buf, 512), ==, 0);
	g_assert_true(last_file == &raw->file);
	/* A short transfer that ends between two blocks goes on by the page cache. */
	raw->direct_offset_align = 512;
	script_add(READV, 512);
	raw->direct_offset_align = 1024;
	g_assert_cmpint(block_read(blk, 8192, buf, 4096), ==, 0);
	g_assert_true(last_file == &raw->file);
	assert_pattern(buf, 8192, 4096);
	script_end(&rig, blk);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/block-raw-ranges/discard-makes-holes", test_discard_makes_holes);
	g_test_add_func("/block-raw-ranges/write-zeroes", test_write_zeroes);
	g_test_add_func("/block-raw-ranges/zero-write-errors", test_zero_write_errors);
	g_test_add_func("/block-raw-ranges/discard-is-a-hint", test_discard_is_a_hint);
	g_test_add_func("/block-raw-ranges/direct", test_direct);
	g_test_add_func("/block-raw-ranges/direct-misaligned-parts", test_direct_misaligned_parts);
	return g_test_run();
}
