// SPDX-License-Identifier: Apache-2.0
#include <iolite/loop.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLOTS = 64 };

struct counted {
	struct iol_op op;
	unsigned int done;
	int res;
};

static void count(struct iol_op *op, int res)
{
	struct counted *c = iol_container_of(op, struct counted, op);

	c->done++;
	c->res = res;
}

static void loop_init(struct iol_loop *loop)
{
	struct iol_error err;

	if (iol_loop_init(loop, &err))
		g_error("%s", err.msg);
}

/* Runs turns until @c, just started, is done; its result. */
static int await(struct iol_loop *loop, struct counted *c)
{
	g_assert_true(c->op.in_flight);
	while (!c->done)
		g_assert_cmpint(iol_loop_turn(loop, true), ==, 0);
	g_assert_cmpuint(c->done, ==, 1);
	c->done = 0;
	return c->res;
}

static int memfd(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	return fd;
}

/* Every operation on a file, scattered; @file is on an empty memfd. */
static void check_operations(struct iol_loop *loop, const struct iol_loop_file *file)
{
	char a[3] = "abc", b[5] = "defgh", c[2], d[6];
	struct iovec out[] = { { a, 3 }, { b, 5 } }, in[] = { { c, 2 }, { d, 6 } };
	struct counted op = { .op.done = count };
	struct stat st;

	iol_loop_writev(loop, &op.op, file, out, 2, 4096, 0);
	g_assert_cmpint(await(loop, &op), ==, 8);
	iol_loop_writev(loop, &op.op, file, out, 2, 12288, RWF_DSYNC);
	g_assert_cmpint(await(loop, &op), ==, 8);
	iol_loop_fdatasync(loop, &op.op, file);
	g_assert_cmpint(await(loop, &op), ==, 0);
	iol_loop_readv(loop, &op.op, file, in, 2, 4096, 0);
	g_assert_cmpint(await(loop, &op), ==, 8);
	g_assert_cmpmem(c, 2, "ab", 2);
	g_assert_cmpmem(d, 6, "cdefgh", 6);

	iol_loop_fallocate(loop, &op.op, file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096,
			   4096);
	g_assert_cmpint(await(loop, &op), ==, 0);
	iol_loop_readv(loop, &op.op, file, in, 2, 4096, 0);
	g_assert_cmpint(await(loop, &op), ==, 8);
	g_assert_cmpmem(d, 6, "\0\0\0\0\0\0", 6);
	g_assert_cmpint(fstat(file->fd, &st), ==, 0);
	g_assert_cmpint(st.st_size, ==, 12288 + 8);
	iol_loop_fallocate(loop, &op.op, file, 0, UINT64_C(1) << 63, 4096);
	g_assert_cmpint(await(loop, &op), ==, -EINVAL);
	iol_loop_readv(loop, &op.op, file, in, 2, 12296, 0);
	g_assert_cmpint(await(loop, &op), ==, 0); /* the end of the file */
}

static void test_plain_descriptor(void)
{
	struct iol_loop_file file;
	struct iol_loop loop;
	int fd = memfd();

	loop_init(&loop);
	loop.files_refused = true; /* as after a kernel that knows no registered files */
	iol_loop_file_init(&loop, &file, fd);
	g_assert_cmpint(file.slot, ==, -1);
	check_operations(&loop, &file);
	iol_loop_file_finish(&loop, &file);
	iol_loop_finish(&loop);
	close(fd);
}

static void test_registered_file(void)
{
	struct iol_loop_file file;
	struct iol_loop loop;
	int fd = memfd();

	loop_init(&loop);
	iol_loop_file_init(&loop, &file, fd);
	g_assert_cmpint(file.slot, ==, 0);
	check_operations(&loop, &file);
	iol_loop_file_finish(&loop, &file);
	g_assert_cmpuint(loop.files_used, ==, 0);
	iol_loop_finish(&loop);
	close(fd);
}

/* The slot is what is used, not the descriptor. */
static void test_registered_file_outlives_descriptor(void)
{
	char byte = 'x', back = 0;
	struct iovec out = { &byte, 1 }, in = { &back, 1 };
	struct counted op = { .op.done = count };
	struct iol_loop_file file;
	struct iol_loop loop;
	int fd = memfd();

	loop_init(&loop);
	iol_loop_file_init(&loop, &file, fd);
	g_assert_cmpint(file.slot, >=, 0);
	close(fd);
	iol_loop_writev(&loop, &op.op, &file, &out, 1, 0, 0);
	g_assert_cmpint(await(&loop, &op), ==, 1);
	iol_loop_fdatasync(&loop, &op.op, &file);
	g_assert_cmpint(await(&loop, &op), ==, 0);
	iol_loop_readv(&loop, &op.op, &file, &in, 1, 0, 0);
	g_assert_cmpint(await(&loop, &op), ==, 1);
	g_assert_cmpint(back, ==, 'x');
	iol_loop_file_finish(&loop, &file);
	iol_loop_finish(&loop);
}

static void test_more_files_than_slots(void)
{
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct counted op = { .op.done = count };
	struct iol_loop_file files[SLOTS + 2];
	struct iol_loop loop;

	loop_init(&loop);
	for (int i = 0; i < SLOTS + 2; i++) {
		iol_loop_file_init(&loop, &files[i], memfd());
		g_assert_cmpint(files[i].slot, ==, i < SLOTS ? i : -1);
	}
	iol_loop_writev(&loop, &op.op, &files[SLOTS], &iov, 1, 0, 0);
	g_assert_cmpint(await(&loop, &op), ==, 1);

	/* A slot given back is the next one's. */
	close(files[7].fd);
	iol_loop_file_finish(&loop, &files[7]);
	g_assert_cmpint(files[7].slot, ==, -1);
	iol_loop_file_init(&loop, &files[7], memfd());
	g_assert_cmpint(files[7].slot, ==, 7);
	iol_loop_writev(&loop, &op.op, &files[7], &iov, 1, 4, 0);
	g_assert_cmpint(await(&loop, &op), ==, 1);
	g_assert_cmpint(lseek(files[7].fd, 0, SEEK_END), ==, 5);
	for (int i = 0; i < SLOTS + 2; i++) {
		close(files[i].fd);
		iol_loop_file_finish(&loop, &files[i]);
	}
	g_assert_cmpuint(loop.files_used, ==, 0);
	iol_loop_finish(&loop);
}

static void test_bad_descriptor_is_not_registered(void)
{
	struct counted op = { .op.done = count };
	struct iol_loop_file file;
	struct iol_loop loop;

	loop_init(&loop);
	iol_loop_file_init(&loop, &file, 1 << 20);
	g_assert_cmpint(file.slot, ==, -1);
	iol_loop_fdatasync(&loop, &op.op, &file);
	g_assert_cmpint(await(&loop, &op), ==, -EBADF);
	iol_loop_finish(&loop);
}

/* Starts another write when it is done: while the loop ends, that one is cancelled. */
struct starter {
	struct iol_op op;
	struct iol_loop *loop;
	struct counted next[4];
	struct iovec iov;
	struct iol_loop_file file;
};

static void start_more(struct iol_op *op, int res)
{
	struct starter *s = iol_container_of(op, struct starter, op);

	g_assert_cmpint(res, ==, -ECANCELED);
	iol_loop_writev(s->loop, &s->next[0].op, &s->file, &s->iov, 1, 0, 0);
	iol_loop_readv(s->loop, &s->next[1].op, &s->file, &s->iov, 1, 0, 0);
	iol_loop_fdatasync(s->loop, &s->next[2].op, &s->file);
	iol_loop_fallocate(s->loop, &s->next[3].op, &s->file, 0, 0, 4096);
}

static void test_started_while_finishing(void)
{
	char byte = 'x';
	struct starter s = { .op.done = start_more, .iov = { &byte, 1 } };
	struct iol_loop loop;
	int fd = memfd();

	for (int i = 0; i < 4; i++)
		s.next[i].op.done = count;
	loop_init(&loop);
	s.loop = &loop;
	iol_loop_file_init(&loop, &s.file, fd);
	iol_loop_timeout(&loop, &s.op, 3600 * IOL_NS_PER_S);
	iol_loop_finish(&loop);
	for (int i = 0; i < 4; i++) {
		g_assert_cmpuint(s.next[i].done, ==, 1);
		g_assert_cmpint(s.next[i].res, ==, -ECANCELED);
	}
	g_assert_cmpint(lseek(fd, 0, SEEK_END), ==, 0);
	close(fd);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/loop-ops/plain-descriptor", test_plain_descriptor);
	g_test_add_func("/loop-ops/registered-file", test_registered_file);
	g_test_add_func("/loop-ops/registered-file-outlives-descriptor",
			test_registered_file_outlives_descriptor);
	g_test_add_func("/loop-ops/more-files-than-slots", test_more_files_than_slots);
	g_test_add_func("/loop-ops/bad-descriptor", test_bad_descriptor_is_not_registered);
	g_test_add_func("/loop-ops/started-while-finishing", test_started_while_finishing);
	return g_test_run();
}
