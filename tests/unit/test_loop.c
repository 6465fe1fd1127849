// SPDX-License-Identifier: Apache-2.0
#include <iolite/loop.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

/* An operation that counts how often it was done and keeps the last result. */
struct counted {
	struct iol_op op;
	struct iol_loop *loop;
	unsigned int done;
	int res;
	bool stop;
};

static void count(struct iol_op *op, int res)
{
	struct counted *c = iol_container_of(op, struct counted, op);

	g_assert_false(op->in_flight);
	c->done++;
	c->res = res;
	if (c->stop)
		iol_loop_stop(c->loop);
}

static void counted_init(struct counted *c, struct iol_loop *loop, bool stop)
{
	*c = (struct counted){ .op.done = count, .loop = loop, .stop = stop };
}

static void loop_init(struct iol_loop *loop)
{
	struct iol_error err;

	if (iol_loop_init(loop, &err))
		g_error("%s", err.msg);
}

static void run(struct iol_loop *loop)
{
	struct iol_error err;

	if (iol_loop_run(loop, &err))
		g_error("%s", err.msg);
}

static void test_read_write(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	struct counted write, sync, read;
	struct iol_loop loop;
	char buf[8] = "";

	loop_init(&loop);
	counted_init(&write, &loop, true);
	iol_loop_write(&loop, &write.op, fd, "abcdef", 6, 10);
	g_assert_true(write.op.in_flight);
	g_assert_cmpuint(write.done, ==, 0); /* never from within the start */
	run(&loop);
	g_assert_cmpint(write.res, ==, 6);

	counted_init(&sync, &loop, true);
	iol_loop_fsync(&loop, &sync.op, fd, true);
	run(&loop);
	g_assert_cmpint(sync.res, ==, 0);

	counted_init(&read, &loop, true);
	iol_loop_read(&loop, &read.op, fd, buf, sizeof(buf), 12);
	run(&loop);
	g_assert_cmpint(read.res, ==, 4);
	g_assert_cmpstr(buf, ==, "cdef");
	g_assert_cmpuint(write.done + sync.done + read.done, ==, 3);
	iol_loop_finish(&loop);
	close(fd);
}

static void test_errors_are_results(void)
{
	struct counted c;
	struct iol_loop loop;
	char byte;

	loop_init(&loop);
	counted_init(&c, &loop, true);
	iol_loop_read(&loop, &c.op, 1 << 20, &byte, 1, 0);
	run(&loop);
	g_assert_cmpint(c.res, ==, -EBADF);
	iol_loop_finish(&loop);
}

static void test_timeout(void)
{
	uint64_t start_ns = iol_loop_now_ns();
	struct counted c;
	struct iol_loop loop;

	loop_init(&loop);
	counted_init(&c, &loop, true);
	iol_loop_timeout(&loop, &c.op, 20 * IOL_NS_PER_MS);
	run(&loop);
	g_assert_cmpint(c.res, ==, -ETIME);
	g_assert_cmpuint(iol_loop_now_ns() - start_ns, >=, 20 * IOL_NS_PER_MS);
	iol_loop_finish(&loop);
}

static void test_poll(void)
{
	struct counted c;
	struct iol_loop loop;
	int fds[2];

	g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
	loop_init(&loop);
	counted_init(&c, &loop, true);
	iol_loop_poll(&loop, &c.op, fds[0], POLLIN);
	g_assert_cmpint(iol_loop_turn(&loop, false), ==, 0);
	g_assert_cmpuint(c.done, ==, 0);
	g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
	run(&loop);
	g_assert_cmpint(c.res, ==, POLLIN);
	iol_loop_finish(&loop);
	close(fds[0]);
	close(fds[1]);
}

static void test_cancel(void)
{
	struct counted blocked, idle;
	struct iol_loop loop;
	int fds[2];
	char byte;

	g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
	loop_init(&loop);
	counted_init(&blocked, &loop, true);
	counted_init(&idle, &loop, false);
	iol_loop_read(&loop, &blocked.op, fds[0], &byte, 1, (uint64_t)-1);
	iol_loop_cancel(&loop, &blocked.op);
	iol_loop_cancel(&loop, &blocked.op); /* twice is once */
	iol_loop_cancel(&loop, &idle.op); /* not in flight: nothing */
	run(&loop);
	for (int i = 0; i < 3; i++)
		g_assert_cmpint(iol_loop_turn(&loop, false), ==, 0);
	g_assert_cmpint(blocked.res, ==, -ECANCELED);
	g_assert_cmpuint(blocked.done, ==, 1);
	g_assert_cmpuint(idle.done, ==, 0);
	iol_loop_finish(&loop);
	close(fds[0]);
	close(fds[1]);
}

/* More operations than the submission queue holds; all end, each once, also when the loop does. */
static void test_many_at_once(void)
{
	enum { OPS = 1000 };
	g_autofree struct counted *ops = g_new0(struct counted, OPS);
	struct iol_loop loop;

	loop_init(&loop);
	for (int i = 0; i < OPS; i++) {
		counted_init(&ops[i], &loop, false);
		iol_loop_timeout(&loop, &ops[i].op, i % 2 ? 1 : 3600 * IOL_NS_PER_S);
	}
	while (ops[OPS - 1].done == 0)
		g_assert_cmpint(iol_loop_turn(&loop, true), ==, 0);
	iol_loop_finish(&loop);
	for (int i = 0; i < OPS; i++) {
		g_assert_cmpuint(ops[i].done, ==, 1);
		g_assert_cmpint(ops[i].res, ==, i % 2 ? -ETIME : -ECANCELED);
	}
}

/* An operation that starts itself again when it is done, until the loop ends. */
static void again(struct iol_op *op, int res)
{
	struct counted *c = iol_container_of(op, struct counted, op);

	c->done++;
	if (res != -ECANCELED)
		iol_loop_timeout(c->loop, op, 1);
	if (c->done == 10)
		iol_loop_stop(c->loop);
}

static void test_restart_from_done(void)
{
	struct iol_loop loop;
	struct counted c;

	loop_init(&loop);
	counted_init(&c, &loop, false);
	c.op.done = again;
	iol_loop_timeout(&loop, &c.op, 1);
	run(&loop);
	g_assert_cmpuint(c.done, >=, 10);
	iol_loop_finish(&loop);
	g_assert_cmpuint(loop.in_flight, ==, 0);
}

enum { POSTERS = 4, POSTS = 5000 };

struct poster {
	struct iol_post post;
	struct iol_loop *loop;
	unsigned int accepted; /* by the poster */
	unsigned int ran; /* by the loop */
};

static void post_ran(struct iol_post *post)
{
	iol_container_of(post, struct poster, post)->ran++;
}

static void all_finished(struct iol_post *post)
{
	struct poster *p = iol_container_of(post, struct poster, post);

	iol_loop_stop(p->loop);
}

static void *post_many(void *arg)
{
	struct poster *p = arg;

	for (int i = 0; i < POSTS; i++)
		p->accepted += iol_loop_post(p->loop, &p->post);
	return NULL;
}

static void *join_and_stop(void *arg)
{
	struct poster *posters = arg;
	pthread_t threads[POSTERS];

	for (int i = 0; i < POSTERS; i++)
		pthread_create(&threads[i], NULL, post_many, &posters[i]);
	for (int i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	/* The last in the queue: what was accepted before has run when it does. */
	iol_loop_post(posters[POSTERS].loop, &posters[POSTERS].post);
	return NULL;
}

static void test_posts_from_many_threads(void)
{
	struct poster posters[POSTERS + 1] = { 0 };
	struct iol_loop loop;
	pthread_t thread;

	loop_init(&loop);
	for (int i = 0; i <= POSTERS; i++) {
		posters[i].loop = &loop;
		posters[i].post.run = i < POSTERS ? post_ran : all_finished;
	}
	pthread_create(&thread, NULL, join_and_stop, posters);
	run(&loop);
	pthread_join(thread, NULL);
	for (int i = 0; i < POSTERS; i++) {
		g_assert_cmpuint(posters[i].accepted, >, 0);
		g_assert_cmpuint(posters[i].ran, ==, posters[i].accepted);
	}
	iol_loop_finish(&loop);
}

static void test_post_cancel(void)
{
	struct poster a = { .post.run = post_ran }, b = a, c = a;
	struct iol_loop loop;

	loop_init(&loop);
	g_assert_true(iol_loop_post(&loop, &a.post));
	g_assert_true(iol_loop_post(&loop, &b.post));
	g_assert_false(iol_loop_post(&loop, &b.post));
	iol_loop_post_cancel(&loop, &b.post); /* the last */
	g_assert_true(iol_loop_post(&loop, &c.post));
	iol_loop_post_cancel(&loop, &a.post); /* the first */
	iol_loop_post_cancel(&loop, &a.post); /* not there */
	g_assert_true(iol_loop_post(&loop, &a.post));
	iol_loop_post_cancel(&loop, &c.post);
	while (!a.ran)
		g_assert_cmpint(iol_loop_turn(&loop, true), ==, 0);
	g_assert_cmpuint(a.ran, ==, 1);
	g_assert_cmpuint(b.ran + c.ran, ==, 0);
	iol_loop_finish(&loop);
}

/* A turn end that notes the order in which it ran, and may queue or cancel another. */
struct noted {
	struct iol_turn_end end;
	struct iol_loop *loop;
	GString *notes;
	char name;
	struct noted *queues, *cancels;
};

static void note(struct iol_turn_end *end)
{
	struct noted *n = iol_container_of(end, struct noted, end);

	g_assert_false(end->queued);
	g_string_append_c(n->notes, n->name);
	if (n->queues)
		iol_loop_at_turn_end(n->loop, &n->queues->end);
	if (n->cancels)
		iol_loop_turn_end_cancel(n->loop, &n->cancels->end);
}

static void assert_turn(struct iol_loop *loop, GString *notes, const char *expected)
{
	g_string_truncate(notes, 0);
	/* Must not block: nothing is in flight that will end. */
	g_assert_cmpint(iol_loop_turn(loop, *expected != 0), ==, 0);
	g_assert_cmpstr(notes->str, ==, expected);
}

static void test_turn_ends(void)
{
	g_autoptr(GString) notes = g_string_new("");
	struct iol_loop loop;
	struct noted n[4];

	loop_init(&loop);
	for (int i = 0; i < 4; i++)
		n[i] = (struct noted){
			.end.run = note, .loop = &loop, .notes = notes, .name = (char)('a' + i)
		};
	iol_loop_at_turn_end(&loop, &n[0].end);
	iol_loop_at_turn_end(&loop, &n[1].end);
	iol_loop_at_turn_end(&loop, &n[0].end); /* twice is once */
	assert_turn(&loop, notes, "ab");
	assert_turn(&loop, notes, "");

	/* One that queues itself or another that already ran: in the next turn. */
	n[1].queues = &n[1];
	iol_loop_at_turn_end(&loop, &n[0].end);
	iol_loop_at_turn_end(&loop, &n[1].end);
	iol_loop_at_turn_end(&loop, &n[2].end);
	assert_turn(&loop, notes, "abc");
	n[1].queues = &n[0];
	assert_turn(&loop, notes, "b");
	assert_turn(&loop, notes, "a");
	assert_turn(&loop, notes, "");

	/* Cancelled before, and by one that runs; the first, one in the middle and the last. */
	n[1].queues = NULL;
	n[0].cancels = &n[3];
	for (int i = 0; i < 4; i++)
		iol_loop_at_turn_end(&loop, &n[i].end);
	iol_loop_turn_end_cancel(&loop, &n[1].end);
	iol_loop_turn_end_cancel(&loop, &n[1].end); /* not there */
	assert_turn(&loop, notes, "ac");
	iol_loop_at_turn_end(&loop, &n[3].end);
	iol_loop_turn_end_cancel(&loop, &n[3].end);
	assert_turn(&loop, notes, "");
	iol_loop_at_turn_end(&loop, &n[1].end);
	assert_turn(&loop, notes, "b");
	iol_loop_finish(&loop);
}

/* Completions of a turn come before its end. */
struct batch {
	struct iol_turn_end end;
	struct iol_loop *loop;
	struct counted ops[3];
	unsigned int ends, done;
};

static void batch_end(struct iol_turn_end *end)
{
	struct batch *b = iol_container_of(end, struct batch, end);

	b->ends++;
	b->done = b->ops[0].done + b->ops[1].done + b->ops[2].done;
}

static void batch_done(struct iol_op *op, int res)
{
	struct counted *c = iol_container_of(op, struct counted, op);
	struct batch *b = iol_container_of(c - c->res, struct batch, ops[0]);

	g_assert_cmpint(res, ==, POLLOUT);
	c->done++;
	iol_loop_at_turn_end(b->loop, &b->end);
}

static void test_turn_end_after_completions(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct iol_loop loop;
	struct batch b = { .end.run = batch_end, .loop = &loop };

	loop_init(&loop);
	for (int i = 0; i < 3; i++) {
		counted_init(&b.ops[i], &loop, false);
		b.ops[i].op.done = batch_done;
		b.ops[i].res = i; /* its index */
		iol_loop_poll(&loop, &b.ops[i].op, fd, POLLOUT);
	}
	g_assert_cmpint(iol_loop_turn(&loop, true), ==, 0);
	/* All three complete at submission, so one end covers them. */
	g_assert_cmpuint(b.ends, ==, 1);
	g_assert_cmpuint(b.done, ==, 3);
	iol_loop_finish(&loop);
	close(fd);
}

/* Whoever waited frees what was in flight: a completion that comes after all is not looked at. */
static void test_lost(void)
{
	int fd = eventfd(0, EFD_CLOEXEC), ring_fd;
	const uint64_t one = 1;
	struct counted read;
	struct iol_loop loop;
	uint64_t value;

	if (getenv("IOLITE_EMULATED")) {
		g_test_skip("the ring is none of the kernel's");
		close(fd);
		return;
	}
	loop_init(&loop);
	counted_init(&read, &loop, false);
	iol_loop_read(&loop, &read.op, fd, &value, sizeof(value), (uint64_t)-1);
	g_assert_cmpint(iol_loop_turn(&loop, false), ==, 0);
	ring_fd = loop.ring.enter_ring_fd;
	loop.ring.enter_ring_fd = -1;
	g_assert_cmpint(iol_loop_turn(&loop, true), ==, -EBADF);
	loop.ring.enter_ring_fd = ring_fd;
	g_assert_cmpint(write(fd, &one, sizeof(one)), ==, sizeof(one));
	g_assert_cmpint(iol_loop_turn(&loop, false), <, 0);
	g_assert_cmpuint(read.done, ==, 0);
	iol_loop_finish(&loop);
	close(fd);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/loop/read-write", test_read_write);
	g_test_add_func("/loop/errors-are-results", test_errors_are_results);
	g_test_add_func("/loop/timeout", test_timeout);
	g_test_add_func("/loop/poll", test_poll);
	g_test_add_func("/loop/cancel", test_cancel);
	g_test_add_func("/loop/many-at-once", test_many_at_once);
	g_test_add_func("/loop/restart-from-done", test_restart_from_done);
	g_test_add_func("/loop/posts-from-many-threads", test_posts_from_many_threads);
	g_test_add_func("/loop/post-cancel", test_post_cancel);
	g_test_add_func("/loop/lost", test_lost);
	g_test_add_func("/loop/turn-ends", test_turn_ends);
	g_test_add_func("/loop/turn-end-after-completions", test_turn_end_after_completions);
	return g_test_run();
}
