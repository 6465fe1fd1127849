// SPDX-License-Identifier: Apache-2.0
/* Faults on order, over a real file. */
#include <iolite/block_fault.h>

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/block_fault_log.h"
#include "block_rig.h"
#include "powercut.h"

enum { SIZE = 256 * 1024 };

struct rig {
	struct block_rig block;
	struct iol_block *blk;
	struct iol_block *inner;
};

static void rig_init(struct rig *rig, const char *spec)
{
	struct iol_error err;

	block_rig_init(&rig->block);
	block_rig_file(&rig->block, SIZE);
	rig->inner = block_rig_open(&rig->block, NULL);
	if (iol_block_fault_new(rig->inner, spec, &rig->blk, &err))
		g_error("%s", err.msg);
	g_assert_cmpuint(rig->blk->limits.size_bytes, ==, SIZE);
	g_assert_cmpstr(rig->blk->name, ==, rig->block.path);
}

static void rig_finish(struct rig *rig)
{
	g_assert_cmpuint(rig->blk->in_flight, ==, 0);
	g_assert_cmpuint(rig->inner->in_flight, ==, 0);
	iol_block_free(rig->blk);
	block_rig_finish(&rig->block);
}

static int run(struct rig *rig, int kind, uint64_t offset)
{
	uint8_t buf[4096] = { 0xaa };

	return block_run(rig->blk, (enum iol_block_kind)kind, offset, buf, sizeof(buf));
}

static const char *const kind_names[] = { "read", "write", "flush", "discard", "zeroes" };

/* Every kind with every error a host may give, at once and after a delay; then all is well again. */
static void test_every_kind_and_error(void)
{
	static const char *const names[] = { "EIO",       "ENOSPC", "EDQUOT", "EINVAL",
					     "EAGAIN",    "EINTR",  "ENOMEM", "EROFS",
					     "ETIMEDOUT", "EFBIG",  "ENODEV" };
	static const int codes[] = { EIO,    ENOSPC, EDQUOT,    EINVAL, EAGAIN, EINTR,
				     ENOMEM, EROFS,  ETIMEDOUT, EFBIG,  ENODEV };

	for (int kind = 0; kind < IOL_BLOCK_KIND_COUNT; kind++) {
		for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
			g_autofree char *spec =
				g_strdup_printf("%s:2=%s;%s:3=slow:100us+%s", kind_names[kind],
						names[i], kind_names[kind], names[i]);
			struct rig rig;

			rig_init(&rig, spec);
			for (int n = 1; n <= 5; n++)
				g_assert_cmpint(run(&rig, kind, 0), ==,
						n == 2 || n == 3 ? -codes[i] : 0);
			for (int other = 0; other < IOL_BLOCK_KIND_COUNT; other++)
				g_assert_cmpint(run(&rig, other, 0), ==, 0);
			rig_finish(&rig);
		}
	}
}

/* What fails does not happen, and what is lost does not either. */
static void test_nothing_happens(void)
{
	uint8_t buf[512];
	struct rig rig;

	rig_init(&rig, "write:1=EIO;write:2=lost;zeroes=lost");
	memset(buf, 0xee, sizeof(buf));
	g_assert_cmpint(block_write(rig.blk, 1024, buf, 512), ==, -EIO);
	g_assert_cmpint(block_write(rig.blk, 1024, buf, 512), ==, 0);
	g_assert_cmpint(run(&rig, IOL_BLOCK_WRITE_ZEROES, 0), ==, 0);
	g_assert_cmpint(block_read(rig.blk, 1024, buf, 512), ==, 0);
	for (unsigned int i = 0; i < 512; i++)
		g_assert_cmpuint(buf[i], ==, block_rig_byte(1024 + i));
	rig_finish(&rig);
}

static void test_counts_and_ranges(void)
{
	struct rig rig;

	rig_init(&rig, "any:3=EIO;write@8K-16K=ENOSPC;read@0-512=EINVAL");
	g_assert_cmpint(run(&rig, IOL_BLOCK_WRITE, 0), ==, 0);
	g_assert_cmpint(run(&rig, IOL_BLOCK_READ, 4096), ==, 0);
	g_assert_cmpint(run(&rig, IOL_BLOCK_FLUSH, 0), ==, -EIO); /* the third of any kind */
	g_assert_cmpint(run(&rig, IOL_BLOCK_FLUSH, 0), ==, 0); /* touches no range */
	g_assert_cmpint(run(&rig, IOL_BLOCK_WRITE, 4096), ==, 0);
	g_assert_cmpint(run(&rig, IOL_BLOCK_WRITE, 4096 + 512), ==, -ENOSPC);
	g_assert_cmpint(run(&rig, IOL_BLOCK_WRITE, 16384 - 512), ==, -ENOSPC);
	g_assert_cmpint(run(&rig, IOL_BLOCK_WRITE, 16384), ==, 0);
	g_assert_cmpint(run(&rig, IOL_BLOCK_READ, 0), ==, -EINVAL);
	g_assert_cmpint(run(&rig, IOL_BLOCK_READ, 512), ==, 0);
	rig_finish(&rig);
}

static void test_short(void)
{
	uint8_t a[1536], b[2560], back[4096];
	struct iovec iov[] = { { a, sizeof(a) }, { b, sizeof(b) } };
	struct block_job job;
	struct rig rig;

	rig_init(&rig, "read=short:512;write=short:1024;zeroes=short:1024");
	for (int write = 0; write < 2; write++) {
		block_job_init(&job, write ? IOL_BLOCK_WRITE : IOL_BLOCK_READ, write ? 65536 : 4096,
			       NULL, 4096);
		job.req.iov = iov;
		job.req.iov_count = 2;
		block_job_start(&job, rig.blk);
		g_assert_cmpint(block_job_wait(&job, rig.blk), ==, 0);
	}
	g_assert_cmpint(block_read(rig.blk, 65536, back, 4096), ==, 0);
	for (unsigned int i = 0; i < 4096; i++)
		g_assert_cmpuint(back[i], ==, block_rig_byte(4096 + i));
	g_assert_cmpint(run(&rig, IOL_BLOCK_WRITE_ZEROES, 65536), ==, 0);
	g_assert_cmpint(block_read(rig.blk, 65536, back, 4096), ==, 0);
	for (unsigned int i = 0; i < 4096; i++)
		g_assert_cmpuint(back[i], ==, 0);
	rig_finish(&rig);
}

static void test_slow(void)
{
	uint64_t start_ns = iol_loop_now_ns();
	struct rig rig;

	rig_init(&rig, "read=slow:30ms");
	g_assert_cmpint(run(&rig, IOL_BLOCK_READ, 0), ==, 0);
	g_assert_cmpuint(iol_loop_now_ns() - start_ns, >=, 30 * IOL_NS_PER_MS);
	rig_finish(&rig);
}

/* Held, slow and passed on: cancelling ends all of them. */
static void test_cancel(void)
{
	static uint8_t buf[4096];
	struct block_job jobs[4];
	struct rig rig;

	rig_init(&rig, "read:1=never;read:2=slow:1000s;read:3=slow:100us+never");
	for (int i = 0; i < 4; i++) {
		block_job_init(&jobs[i], i < 3 ? IOL_BLOCK_READ : IOL_BLOCK_FLUSH, 0, buf, 4096);
		block_job_start(&jobs[i], rig.blk);
		g_assert_false(jobs[i].at_once);
	}
	g_assert_cmpint(block_job_wait(&jobs[3], rig.blk), ==, 0);
	g_assert_cmpuint(rig.blk->in_flight, ==, 3);
	iol_block_cancel_all(rig.blk);
	for (int i = 0; i < 3; i++)
		g_assert_cmpint(block_job_wait(&jobs[i], rig.blk), ==, -ECANCELED);
	g_assert_cmpint(run(&rig, IOL_BLOCK_READ, 0), ==, 0);
	rig_finish(&rig);
}

/* The same seed, the same faults; another seed, others. */
static void test_dice(void)
{
	static const char *const specs[] = { "seed=5;read%30=EIO", "seed=5;read%30=EIO",
					     "seed=6;read%30=EIO" };
	uint64_t failed[3] = { 0 };

	for (int i = 0; i < 3; i++) {
		unsigned int count = 0;
		struct rig rig;

		rig_init(&rig, specs[i]);
		for (int n = 0; n < 64; n++) {
			if (!run(&rig, IOL_BLOCK_READ, 0))
				continue;
			failed[i] |= UINT64_C(1) << n;
			count++;
		}
		g_assert_cmpuint(count, >, 8);
		g_assert_cmpuint(count, <, 32);
		rig_finish(&rig);
	}
	g_assert_cmphex(failed[0], ==, failed[1]);
	g_assert_cmphex(failed[0], !=, failed[2]);
}

static const struct powercut_record *record_of(const struct powercut *cut, unsigned int i)
{
	return &g_array_index(cut->records, struct powercut_record, i - 1);
}

/* In the order of ends, with what was begun before them. */
static void test_log(void)
{
	g_autofree char *path = NULL, *spec = NULL, *error = NULL;
	struct powercut cut = { 0 };
	struct block_job slow, flush;
	unsigned int kinds = 0;
	uint8_t buf[1024];
	struct rig rig;

	path = g_strdup_printf("%s/iolite-fault-log-%d", g_get_tmp_dir(), (int)getpid());
	spec = g_strdup_printf("log=%s;write:2=slow:2ms;write:4=EIO;flush:1=slow:2ms", path);
	rig_init(&rig, spec);
	memset(buf, 1, sizeof(buf));
	g_assert_cmpint(block_write(rig.blk, 512, buf, 1024), ==, 0);
	block_job_init(&slow, IOL_BLOCK_WRITE, 4096, buf, 512);
	slow.req.stable = true;
	block_job_start(&slow, rig.blk);
	block_job_init(&flush, IOL_BLOCK_FLUSH, 0, NULL, 0);
	block_job_start(&flush, rig.blk);
	g_assert_cmpint(run(&rig, IOL_BLOCK_DISCARD, 8192), ==, 0);
	g_assert_cmpint(block_job_wait(&slow, rig.blk), ==, 0);
	g_assert_cmpint(block_job_wait(&flush, rig.blk), ==, 0);
	g_assert_cmpint(run(&rig, IOL_BLOCK_READ, 0), ==, 0); /* leaves no trace */
	g_assert_cmpint(run(&rig, IOL_BLOCK_WRITE_ZEROES, 12288), ==, 0);
	g_assert_cmpint(run(&rig, IOL_BLOCK_WRITE, 0), ==, 0);
	g_assert_cmpint(run(&rig, IOL_BLOCK_WRITE, 0), ==, -EIO); /* neither does this */
	rig_finish(&rig);

	error = powercut_load(&cut, path);
	g_assert_cmpstr(error, ==, NULL);
	g_assert_cmpuint(cut.records->len, ==, 6);
	g_assert_cmpuint(record_of(&cut, 1)->kind, ==, IOL_BLOCK_WRITE);
	g_assert_cmpuint(record_of(&cut, 1)->offset_bytes, ==, 512);
	g_assert_cmpuint(record_of(&cut, 1)->len_bytes, ==, 1024);
	g_assert_cmpuint(record_of(&cut, 1)->begun, ==, 0);
	g_assert_cmpuint(record_of(&cut, 1)->flags, ==, 0);
	g_assert_cmpmem(record_of(&cut, 1)->data, 1024, buf, 1024);
	/* Three at once, in the order that the host chose; the flush covers the first write, no more. */
	for (unsigned int i = 2; i <= 4; i++) {
		const struct powercut_record *r = record_of(&cut, i);

		kinds |= 1u << r->kind;
		g_assert_cmpuint(r->begun, ==, 1);
		g_assert_cmpuint(r->flags, ==,
				 r->kind == IOL_BLOCK_WRITE ? IOL_FAULT_LOG_STABLE : 0);
	}
	g_assert_cmphex(kinds, ==,
			1u << IOL_BLOCK_WRITE | 1u << IOL_BLOCK_FLUSH | 1u << IOL_BLOCK_DISCARD);
	g_assert_cmpuint(record_of(&cut, 5)->kind, ==, IOL_BLOCK_WRITE_ZEROES);
	g_assert_cmpuint(record_of(&cut, 6)->kind, ==, IOL_BLOCK_WRITE);
	powercut_finish(&cut);

	/* Cut off and damaged logs are seen as such. */
	g_assert_cmpint(truncate(path, 2 * sizeof(struct iol_fault_record) + 1000), ==, 0);
	error = powercut_load(&cut, path);
	g_assert_cmpstr(error, ==, NULL);
	g_assert_cmpuint(cut.records->len, ==, 1);
	powercut_finish(&cut);
	g_assert_true(g_file_set_contents(path, (char *)buf, sizeof(buf), NULL));
	error = powercut_load(&cut, path);
	g_assert_cmpstr(error, ==, "record 1 at byte 0 is damaged");
	powercut_finish(&cut);
	unlink(path);
}

static void test_mistakes(void)
{
	struct iol_block *blk = NULL;
	struct block_rig rig;
	struct iol_block *inner;
	struct iol_error err;

	block_rig_init(&rig);
	block_rig_file(&rig, SIZE);
	inner = block_rig_open(&rig, NULL);
	g_assert_cmpint(iol_block_fault_new(inner, "write=EWHAT", &blk, &err), ==, -EINVAL);
	g_assert_cmpint(iol_block_fault_new(inner, "log=/nowhere/at/all", &blk, &err), ==, -ENOENT);
	g_assert_nonnull(strstr(err.msg, "/nowhere/at/all"));
	g_assert_null(blk);
	iol_block_free(inner); /* still the caller's */
	block_rig_finish(&rig);
}

static void test_refresh(void)
{
	struct rig rig;

	rig_init(&rig, "");
	g_assert_false(iol_block_refresh(rig.blk));
	g_assert_cmpint(truncate(rig.block.path, (off_t)SIZE * 2), ==, 0);
	g_assert_true(iol_block_refresh(rig.blk));
	g_assert_cmpuint(rig.blk->limits.size_bytes, ==, SIZE * 2);
	rig_finish(&rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/block-fault/every-kind-and-error", test_every_kind_and_error);
	g_test_add_func("/block-fault/nothing-happens", test_nothing_happens);
	g_test_add_func("/block-fault/counts-and-ranges", test_counts_and_ranges);
	g_test_add_func("/block-fault/short", test_short);
	g_test_add_func("/block-fault/slow", test_slow);
	g_test_add_func("/block-fault/cancel", test_cancel);
	g_test_add_func("/block-fault/dice", test_dice);
	g_test_add_func("/block-fault/log", test_log);
	g_test_add_func("/block-fault/mistakes", test_mistakes);
	g_test_add_func("/block-fault/refresh", test_refresh);
	return g_test_run();
}
