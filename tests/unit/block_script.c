// SPDX-License-Identifier: Apache-2.0
#include "block_script.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct answer {
	enum script_call call;
	int res; /* <= 0: the answer; > 0 for READV, WRITEV: no more bytes than that */
};

static struct answer script[64];
static unsigned int script_len, script_pos;
unsigned int calls[SCRIPT_CALLS];
int last_flags;
bool last_by_worker;
const struct iol_loop_file *last_file;

static struct {
	struct iol_op *op;
	void (*done)(struct iol_op *op, int res);
	int res;
} injected[64];

void script_clear(void)
{
	script_len = script_pos = 0;
	memset(calls, 0, sizeof(calls));
	last_flags = 0;
}

void script_add(enum script_call call, int res)
{
	g_assert_cmpuint(script_len, <, G_N_ELEMENTS(script));
	script[script_len++] = (struct answer){ call, res };
}

/* The next answer where it is for @call. */
static const struct answer *script_next(enum script_call call)
{
	calls[call]++;
	if (script_pos == script_len || script[script_pos].call != call)
		return NULL;
	return &script[script_pos++];
}

static void injected_done(struct iol_op *op, int res)
{
	size_t i = 0;

	while (injected[i].op != op)
		i++;
	injected[i].op = NULL;
	op->done = injected[i].done;
	op->done(op, res == -ECANCELED ? res : injected[i].res);
}

/* Something that ends soon, in the place of the operation. */
static void inject(struct iol_loop *loop, struct iol_op *op, int res)
{
	size_t i = 0;

	while (injected[i].op)
		i++;
	injected[i].op = op;
	injected[i].done = op->done;
	injected[i].res = res;
	op->done = injected_done;
	iol_loop_timeout(loop, op, 1);
}

/* The first @max bytes of @iov. */
static unsigned int cut(const struct iovec *iov, unsigned int count, struct iovec *to, size_t max)
{
	unsigned int n = 0;

	for (; n < count && max; n++) {
		to[n].iov_base = iov[n].iov_base;
		to[n].iov_len = MIN(iov[n].iov_len, max);
		max -= to[n].iov_len;
	}
	return n;
}

static struct iovec cut_iov[64];

#define WRAP(ret, name, ...)            \
	ret __real_##name(__VA_ARGS__); \
	ret __wrap_##name(__VA_ARGS__); \
	ret __wrap_##name(__VA_ARGS__)

WRAP(void, iol_loop_readv, struct iol_loop *loop, struct iol_op *op,
     const struct iol_loop_file *file, const struct iovec *iov, unsigned int count, uint64_t offset,
     int flags)
{
	const struct answer *a = script_next(READV);

	last_file = file;
	last_flags = flags;
	last_by_worker = op->by_worker;
	if (a && a->res <= 0) {
		inject(loop, op, a->res);
		return;
	}
	if (a) {
		count = cut(iov, count, cut_iov, (size_t)a->res);
		iov = cut_iov;
	}
	__real_iol_loop_readv(loop, op, file, iov, count, offset, flags);
}

WRAP(void, iol_loop_writev, struct iol_loop *loop, struct iol_op *op,
     const struct iol_loop_file *file, const struct iovec *iov, unsigned int count, uint64_t offset,
     int flags)
{
	const struct answer *a = script_next(WRITEV);

	last_file = file;
	last_flags = flags;
	last_by_worker = op->by_worker;
	if (a && a->res <= 0) {
		inject(loop, op, a->res);
		return;
	}
	if (a) {
		count = cut(iov, count, cut_iov, (size_t)a->res);
		iov = cut_iov;
	}
	__real_iol_loop_writev(loop, op, file, iov, count, offset, flags);
}

WRAP(void, iol_loop_fdatasync, struct iol_loop *loop, struct iol_op *op,
     const struct iol_loop_file *file)
{
	const struct answer *a = script_next(FDATASYNC);

	if (a)
		inject(loop, op, a->res);
	else
		__real_iol_loop_fdatasync(loop, op, file);
}

WRAP(void, iol_loop_fallocate, struct iol_loop *loop, struct iol_op *op,
     const struct iol_loop_file *file, int mode, uint64_t offset, uint64_t len)
{
	const struct answer *a = script_next(FALLOCATE);

	if (a)
		inject(loop, op, a->res);
	else
		__real_iol_loop_fallocate(loop, op, file, mode, offset, len);
}

WRAP(void, iol_loop_write, struct iol_loop *loop, struct iol_op *op, int fd, const void *buf,
     unsigned int len, uint64_t offset)
{
	const struct answer *a = script_next(WRITE);

	if (a && a->res <= 0)
		inject(loop, op, a->res);
	else
		__real_iol_loop_write(loop, op, fd, buf, a ? (unsigned int)a->res : len, offset);
}

/* qemu-user has none of the two: what they are asked for here never waits. */
static bool emulated(void)
{
	return getenv("IOLITE_EMULATED") != NULL;
}

WRAP(ssize_t, preadv2, int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	const struct answer *a = script_next(PREADV2);

	g_assert_cmpint(flags, ==, RWF_NOWAIT);
	if (a && a->res > 0) {
		count = (int)cut(iov, (unsigned int)count, cut_iov, (size_t)a->res);
		iov = cut_iov;
	}
	if (!a || a->res > 0)
		return emulated() ? preadv(fd, iov, count, offset)
				  : __real_preadv2(fd, iov, count, offset, flags);
	errno = -a->res;
	return a->res ? -1 : 0;
}

WRAP(ssize_t, pwritev2, int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	const struct answer *a = script_next(PWRITEV2);

	g_assert_cmpint(flags, ==, RWF_NOWAIT);
	if (a && a->res > 0)
		return pwritev(fd, cut_iov,
			       (int)cut(iov, (unsigned int)count, cut_iov, (size_t)a->res), offset);
	if (!a)
		return emulated() ? pwritev(fd, iov, count, offset)
				  : __real_pwritev2(fd, iov, count, offset, flags);
	errno = -a->res;
	return a->res ? -1 : 0;
}

struct iol_block_raw *raw_of(struct iol_block *blk)
{
	return iol_container_of(blk, struct iol_block_raw, blk);
}

void assert_pattern(const uint8_t *buf, uint64_t offset, size_t len)
{
	for (size_t i = 0; i < len; i++)
		g_assert_cmpuint(buf[i], ==, block_rig_byte(offset + i));
}

void assert_file(const struct block_rig *rig, uint64_t offset, const void *bytes, size_t len)
{
	g_autofree char *got = g_malloc(len);
	int fd = open(rig->path, O_RDONLY | O_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(pread(fd, got, len, (off_t)offset), ==, len);
	g_assert_cmpmem(got, len, bytes, len);
	close(fd);
}

bool is_whole_and_zero(struct iol_block *blk, uint64_t offset, uint64_t len)
{
	g_autofree uint8_t *buf = g_malloc(len + 1024);

	g_assert_cmpint(block_read(blk, offset - 512, buf, len + 1024), ==, 0);
	assert_pattern(buf, offset - 512, 512);
	assert_pattern(buf + 512 + len, offset + len, 512);
	for (uint64_t i = 0; i < len; i++)
		if (buf[512 + i])
			return false;
	return true;
}

struct iol_block *script_start_cache(struct block_rig *rig, enum iol_block_cache cache, bool direct)
{
	struct iol_block_raw_config config;

	block_rig_init(rig);
	block_rig_file(rig, SIZE);
	script_clear();
	config = block_rig_config(rig);
	config.cache = cache;
	config.direct = direct;
	return block_rig_open(rig, &config);
}

struct iol_block *script_start(struct block_rig *rig)
{
	return script_start_cache(rig, IOL_BLOCK_WRITEBACK, false);
}

void script_end(struct block_rig *rig, struct iol_block *blk)
{
	g_assert_cmpuint(script_pos, ==, script_len);
	g_assert_cmpuint(blk->in_flight, ==, 0);
	iol_block_free(blk);
	block_rig_finish(rig);
}
