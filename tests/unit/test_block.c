// SPDX-License-Identifier: Apache-2.0
/* The common part, over a backend that does what it is told. */
#include <iolite/block.h>

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "block_rig.h"

struct told {
	struct iol_block blk;
	bool at_once;
	struct iol_block_req *last;
	unsigned int submits, cancels, frees;
	bool refreshed;
};

static unsigned int frees;

static bool told_submit(struct iol_block *blk, struct iol_block_req *req)
{
	struct told *t = iol_container_of(blk, struct told, blk);

	g_assert_cmpuint(blk->in_flight, >, 0);
	g_assert_true(req->owner == blk);
	g_assert_cmpuint(req->done_bytes + req->tag + req->state, ==, 0);
	t->submits++;
	t->last = req;
	req->res = t->at_once ? -ENOSPC : 0;
	return t->at_once;
}

static void told_cancel_all(struct iol_block *blk)
{
	iol_container_of(blk, struct told, blk)->cancels++;
}

static bool told_refresh(struct iol_block *blk)
{
	return iol_container_of(blk, struct told, blk)->refreshed;
}

static void told_free(struct iol_block *blk)
{
	frees++;
	g_free(iol_container_of(blk, struct told, blk));
}

static const struct iol_block_ops told_ops = {
	.name = "told",
	.submit = told_submit,
	.cancel_all = told_cancel_all,
	.refresh = told_refresh,
	.free = told_free,
};
static const struct iol_block_ops bare_ops = {
	.name = "bare",
	.submit = told_submit,
	.free = told_free,
};

enum { SIZE = 64 * 1024 };

static struct told *told_new(const struct iol_block_ops *ops)
{
	struct told *t = g_new0(struct told, 1);

	iol_block_init(&t->blk, ops, NULL, "a name");
	t->blk.limits = (struct iol_block_limits){
		.size_bytes = SIZE,
		.discard = true,
		.write_zeroes = true,
		.range_bytes_max = 8192,
		.iov_max = 2,
	};
	return t;
}

static void test_checks(void)
{
	static const struct {
		uint64_t offset, len;
		enum iol_block_kind kind;
		int res;
	} cases[] = {
		{ 0, 512, IOL_BLOCK_READ, 0 },
		{ SIZE - 512, 512, IOL_BLOCK_READ, 0 },
		{ 0, SIZE, IOL_BLOCK_READ, 0 },
		{ SIZE, 512, IOL_BLOCK_READ, -EINVAL },
		{ SIZE - 512, 1024, IOL_BLOCK_READ, -EINVAL },
		{ UINT64_MAX - 511, 512, IOL_BLOCK_READ, -EINVAL },
		{ 512, UINT64_MAX - 511, IOL_BLOCK_READ, -EINVAL },
		{ 1, 512, IOL_BLOCK_READ, -EINVAL },
		{ 0, 511, IOL_BLOCK_READ, -EINVAL },
		{ 0, 512, IOL_BLOCK_WRITE, 0 },
		{ SIZE, 512, IOL_BLOCK_WRITE, -EINVAL },
		{ 0, 0, IOL_BLOCK_FLUSH, 0 },
		{ 77, 99, IOL_BLOCK_FLUSH, 0 }, /* a flush has no range */
		{ 0, 8192, IOL_BLOCK_DISCARD, 0 },
		{ 0, 8192 + 512, IOL_BLOCK_DISCARD, -EINVAL },
		{ SIZE - 8192, 8192, IOL_BLOCK_WRITE_ZEROES, 0 },
		{ SIZE - 8192 + 512, 8192, IOL_BLOCK_WRITE_ZEROES, -EINVAL },
		{ 0, 16384, IOL_BLOCK_WRITE_ZEROES, -EINVAL },
		{ 0, 512, IOL_BLOCK_KIND_COUNT, -EINVAL },
	};
	g_autofree char *buf = g_malloc(SIZE);
	struct told *t = told_new(&told_ops);

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct block_job job;

		g_test_message("case %zu", i);
		block_job_init(&job, cases[i].kind, cases[i].offset, buf, cases[i].len);
		t->submits = 0;
		block_job_start(&job, &t->blk);
		g_assert_cmpuint(t->submits, ==, !cases[i].res);
		g_assert_cmpint(job.at_once, ==, !!cases[i].res);
		g_assert_cmpint(job.req.res, ==, cases[i].res);
		if (cases[i].res)
			continue;
		g_assert_cmpuint(t->blk.in_flight, ==, 1);
		iol_block_complete(&t->blk, t->last, -EIO);
		g_assert_cmpuint(job.done, ==, 1);
		g_assert_cmpint(job.req.res, ==, -EIO);
		g_assert_cmpuint(t->blk.in_flight, ==, 0);
	}
	iol_block_free(&t->blk);
}

static void test_parts(void)
{
	char buf[1024];
	struct iovec iov[] = { { buf, 512 }, { buf + 512, 512 }, { buf, 0 } };
	struct told *t = told_new(&told_ops);
	struct block_job job;

	block_job_init(&job, IOL_BLOCK_WRITE, 0, buf, 1024);
	job.req.iov = iov;
	job.req.iov_count = 3; /* more than iov_max */
	block_job_start(&job, &t->blk);
	g_assert_cmpint(job.req.res, ==, -EINVAL);
	job.req.iov_count = 1; /* shorter than the length says */
	block_job_start(&job, &t->blk);
	g_assert_cmpint(job.req.res, ==, -EINVAL);
	job.req.iov_count = 2;
	t->at_once = true;
	block_job_start(&job, &t->blk);
	g_assert_true(job.at_once);
	g_assert_cmpint(job.req.res, ==, -ENOSPC);
	g_assert_cmpuint(t->blk.in_flight, ==, 0);
	iol_block_free(&t->blk);
}

static void test_limits(void)
{
	struct told *t = told_new(&told_ops);
	char buf[512];

	g_assert_cmpint(block_read(&t->blk, SIZE, NULL, 0), ==, 0); /* nothing, at the end */
	g_assert_cmpint(block_write(&t->blk, 0, NULL, 0), ==, 0);
	t->blk.limits.discard = false;
	g_assert_cmpint(block_run(&t->blk, IOL_BLOCK_DISCARD, 0, NULL, 512), ==, -EOPNOTSUPP);
	t->blk.limits.write_zeroes = false;
	g_assert_cmpint(block_run(&t->blk, IOL_BLOCK_WRITE_ZEROES, 0, NULL, 512), ==, -EOPNOTSUPP);
	t->blk.limits.read_only = true;
	for (int kind = 0; kind < IOL_BLOCK_KIND_COUNT; kind++) {
		if (kind != IOL_BLOCK_READ && kind != IOL_BLOCK_FLUSH)
			g_assert_cmpint(block_run(&t->blk, (enum iol_block_kind)kind, 0, buf, 512),
					==, -EROFS);
	}
	g_assert_cmpuint(t->submits, ==, 0);
	iol_block_free(&t->blk);
}

static void test_wrapper_is_counted(void)
{
	struct told *inner = told_new(&told_ops), *outer = told_new(&told_ops);
	struct block_job job;
	char buf[512];

	inner->blk.wrapper = &outer->blk;
	block_job_init(&job, IOL_BLOCK_READ, 0, buf, 512);
	block_job_start(&job, &outer->blk);
	g_assert_false(iol_block_submit(&inner->blk, &job.req));
	g_assert_cmpuint(inner->blk.in_flight + outer->blk.in_flight, ==, 2);
	iol_block_complete(&inner->blk, &job.req, 0);
	g_assert_cmpuint(inner->blk.in_flight + outer->blk.in_flight, ==, 0);
	g_assert_cmpuint(job.done, ==, 1);
	iol_block_free(&inner->blk);
	iol_block_free(&outer->blk);
}

static void test_optional_operations(void)
{
	struct told *t = told_new(&told_ops), *bare = told_new(&bare_ops);

	iol_block_cancel_all(&t->blk);
	g_assert_cmpuint(t->cancels, ==, 1);
	g_assert_false(iol_block_refresh(&t->blk));
	t->refreshed = true;
	g_assert_true(iol_block_refresh(&t->blk));
	iol_block_cancel_all(&bare->blk);
	g_assert_false(iol_block_refresh(&bare->blk));
	frees = 0;
	iol_block_free(&t->blk);
	iol_block_free(&bare->blk);
	iol_block_free(NULL);
	g_assert_cmpuint(frees, ==, 2);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/block/checks", test_checks);
	g_test_add_func("/block/parts", test_parts);
	g_test_add_func("/block/limits", test_limits);
	g_test_add_func("/block/wrapper", test_wrapper_is_counted);
	g_test_add_func("/block/optional-operations", test_optional_operations);
	return g_test_run();
}
