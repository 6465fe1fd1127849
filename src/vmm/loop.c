// SPDX-License-Identifier: Apache-2.0
/*
 * The event loop on io_uring. See include/iolite/loop.h. All of it runs on the loop's thread but
 * iol_loop_post().
 */
#include "loop_internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <iolite/sandbox.h>

enum { SQ_ENTRIES = 64, CQ_ENTRIES = 256 };
enum { TURN_TRIES = 100, TURN_PAUSE_MS = 1 };

static int setup_error(int code, struct iol_error *err)
{
	if (code == -ENOSYS || code == -EPERM)
		return iol_error_errno(
			err, code,
			"io_uring is not available; set sysctl kernel.io_uring_disabled=0, "
			"allow io_uring_setup in the container's seccomp profile");
	if (code == -ENOMEM)
		return iol_error_errno(err, code,
				       "cannot set up io_uring; raise the limit of locked memory "
				       "(ulimit -l)");
	return iol_error_errno(err, code, "cannot set up io_uring");
}

static int setup_ring(struct io_uring *ring, unsigned int flags)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_CQSIZE | flags,
		.cq_entries = CQ_ENTRIES,
	};
	int ret = io_uring_queue_init_params(SQ_ENTRIES, ring, &params);

	if (ret != -EINVAL)
		return ret;
	/* Linux before 6.1. */
	params = (struct io_uring_params){ .flags = IORING_SETUP_CQSIZE | flags,
					   .cq_entries = CQ_ENTRIES };
	return io_uring_queue_init_params(SQ_ENTRIES, ring, &params);
}

static int make_ring(struct iol_loop *loop, struct iol_error *err)
{
	bool confined = iol_sandbox_mode() != IOL_SANDBOX_OFF;
	int ret = setup_ring(&loop->ring, confined ? IORING_SETUP_R_DISABLED : 0);

	if (ret)
		return setup_error(ret, err);
	if (!confined)
		return 0;
	ret = iol_loop_confine(loop);
	if (!ret)
		return 0;
	io_uring_queue_exit(&loop->ring);
	return iol_error_errno(err, ret,
			       "cannot restrict io_uring; --sandbox=off runs the machine without "
			       "that");
}

static struct iol_post *pop_post(struct iol_loop *loop)
{
	struct iol_post *post;

	pthread_mutex_lock(&loop->post_lock);
	post = loop->post_head;
	if (post) {
		loop->post_head = post->next;
		if (!loop->post_head)
			loop->post_tail = &loop->post_head;
		loop->post_count--;
		/* From here on it may be posted again, by its run() too. */
		post->queued = false;
	}
	pthread_mutex_unlock(&loop->post_lock);
	return post;
}

/* Runs what was queued when it began: a post that posts itself waits for the next turn. */
static void run_posts(struct iol_loop *loop)
{
	unsigned int count;

	pthread_mutex_lock(&loop->post_lock);
	count = loop->post_count;
	__atomic_store_n(&loop->wake_pending, false, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&loop->post_lock);
	while (count--) {
		struct iol_post *post = pop_post(loop);

		if (!post)
			break;
		post->run(post);
	}
}

static void await_posts(struct iol_loop *loop)
{
	iol_loop_read(loop, &loop->wake_op, loop->wake_fd, &loop->wake_count,
		      sizeof(loop->wake_count), (uint64_t)-1);
}

static void wake_done(struct iol_op *op, int res)
{
	struct iol_loop *loop = iol_container_of(op, struct iol_loop, wake_op);

	if (res == -ECANCELED)
		return;
	await_posts(loop);
	run_posts(loop);
}

int iol_loop_init(struct iol_loop *loop, struct iol_error *err)
{
	int ret;

	memset(loop, 0, sizeof(*loop));
	loop->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (loop->wake_fd < 0)
		return iol_error_errno(err, -errno, "cannot create an eventfd for the event loop");
	ret = make_ring(loop, err);
	if (ret) {
		iol_fd_close(&loop->wake_fd);
		return ret;
	}
	pthread_mutex_init(&loop->post_lock, NULL);
	loop->post_tail = &loop->post_head;
	loop->end_tail = &loop->end_head;
	loop->wake_op.done = wake_done;
	iol_loop_keep(loop, loop->wake_fd);
	await_posts(loop);
	return 0;
}

struct io_uring_sqe *iol_loop_sqe(struct iol_loop *loop)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);

	/* A full submission queue empties into the kernel; it takes all of it at once. */
	while (!sqe) {
		io_uring_submit(&loop->ring);
		sqe = io_uring_get_sqe(&loop->ring);
	}
	return sqe;
}

void iol_loop_at_turn_end(struct iol_loop *loop, struct iol_turn_end *end)
{
	if (end->queued)
		return;
	end->queued = true;
	end->next = NULL;
	*loop->end_tail = end;
	loop->end_tail = &end->next;
}

void iol_loop_turn_end_cancel(struct iol_loop *loop, struct iol_turn_end *end)
{
	struct iol_turn_end **link = &loop->end_head;

	if (!end->queued)
		return;
	while (*link != end)
		link = &(*link)->next;
	*link = end->next;
	if (loop->end_tail == &end->next)
		loop->end_tail = link;
	end->queued = false;
}

/* Runs what was queued when it began; the mark divides that from what is queued meanwhile. */
static bool run_turn_ends(struct iol_loop *loop)
{
	struct iol_turn_end mark = { 0 }, *end;

	if (!loop->end_head)
		return false;
	iol_loop_at_turn_end(loop, &mark);
	do {
		end = loop->end_head;
		iol_loop_turn_end_cancel(loop, end);
		if (end != &mark)
			end->run(end);
	} while (end != &mark);
	return true;
}

/*
 * Takes the completions that are there, entering the kernel only where it says that it has some
 * in store (DEFER_TASKRUN). True: there was one.
 */
static bool run_completions(struct iol_loop *loop)
{
	struct io_uring_cqe *cqe;
	bool worked = false;

	while (!io_uring_peek_cqe(&loop->ring, &cqe)) {
		struct iol_op *op = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		worked = true;
		io_uring_cqe_seen(&loop->ring, cqe);
		if (!op)
			continue; /* the answer to a cancel */
		loop->in_flight--;
		loop->workers_in_flight -= op->by_worker;
		op->in_flight = false;
		iol_loop_used(loop, op);
		op->done(op, op->refused ? -ECANCELED : res);
	}
	return worked;
}

/* EBUSY, EAGAIN: the completion queue must be emptied first, which comes next. */
static int submit_result(int ret)
{
	return ret >= 0 || ret == -EINTR || ret == -EBUSY || ret == -EAGAIN ? 0 : ret;
}

static int turn(struct iol_loop *loop, bool wait)
{
	int ret;

	if (wait && !loop->end_head)
		ret = io_uring_submit_and_wait(&loop->ring, 1);
	else
		ret = io_uring_submit_and_get_events(&loop->ring);
	ret = submit_result(ret);
	if (ret)
		return ret;
	run_completions(loop);
	run_turn_ends(loop);
	return 0;
}

/*
 * Who calls this waits for something in flight, to free it: one failure is no reason to do so while the kernel has it. After the last
 * one nothing that completes is looked at, for it may be gone.
 */
int iol_loop_turn(struct iol_loop *loop, bool wait)
{
	int ret = -EIO;

	for (unsigned int i = 0; i < TURN_TRIES && !loop->lost; i++) {
		ret = turn(loop, wait);
		if (!ret)
			return 0;
		poll(NULL, 0, TURN_PAUSE_MS); /* nanosleep() is on no list of src/sandbox */
	}
	loop->lost = true;
	return ret;
}

int iol_loop_reap(struct iol_loop *loop, bool *worked)
{
	int ret = 0;

	*worked = false;
	if (io_uring_sq_ready(&loop->ring))
		ret = submit_result(io_uring_submit(&loop->ring));
	if (ret)
		return ret;
	*worked |= run_completions(loop);
	/* Sooner than by the read of wake_fd, which comes too and then finds nothing to do. */
	if (__atomic_load_n(&loop->wake_pending, __ATOMIC_RELAXED)) {
		run_posts(loop);
		*worked = true;
	}
	*worked |= run_turn_ends(loop);
	return 0;
}

static void cancel_all(struct iol_loop *loop)
{
	struct io_uring_sqe *sqe = iol_loop_sqe(loop);

	io_uring_prep_cancel(sqe, NULL, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
	sqe->flags |= loop->confined ? IOSQE_FIXED_FILE : 0;
	io_uring_sqe_set_data(sqe, NULL);
}

void iol_loop_finish(struct iol_loop *loop)
{
	loop->closing = true;
	while (loop->in_flight) {
		cancel_all(loop);
		if (iol_loop_turn(loop, true) < 0)
			break;
	}
	iol_loop_files_finish(loop);
	io_uring_queue_exit(&loop->ring);
	iol_fd_close(&loop->wake_fd);
	pthread_mutex_destroy(&loop->post_lock);
}

int iol_loop_run(struct iol_loop *loop, struct iol_error *err)
{
	uint64_t idle_ns = 0; /* last work before the pollers went to sleep; 0: they did not */
	bool blocks;
	int ret = 0;

	loop->stop = false;
	while (!ret && !loop->stop) {
		if (loop->pollers) {
			ret = iol_loop_spin(loop, &idle_ns);
			continue;
		}
		blocks = !loop->end_head;
		ret = turn(loop, true);
		if (!idle_ns || !blocks)
			continue;
		if (iol_poll_window_slept(&loop->poll, iol_loop_now_ns() - idle_ns))
			iol_loop_change_processor();
		idle_ns = 0;
	}
	return ret ? iol_error_errno(err, ret, "io_uring_enter") : 0;
}

void iol_loop_stop(struct iol_loop *loop)
{
	loop->stop = true;
}

bool iol_loop_post(struct iol_loop *loop, struct iol_post *post)
{
	const uint64_t one = 1;
	bool wake = false, queued;

	pthread_mutex_lock(&loop->post_lock);
	queued = !post->queued;
	if (queued) {
		post->queued = true;
		post->next = NULL;
		*loop->post_tail = post;
		loop->post_tail = &post->next;
		loop->post_count++;
		wake = !loop->wake_pending;
		__atomic_store_n(&loop->wake_pending, true, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&loop->post_lock);
	/* An eventfd write of 1 fails only at 2^64 - 2 unread wakes. */
	if (wake && write(loop->wake_fd, &one, sizeof(one)) < 0)
		return queued;
	return queued;
}

void iol_loop_post_cancel(struct iol_loop *loop, struct iol_post *post)
{
	struct iol_post **link;

	pthread_mutex_lock(&loop->post_lock);
	for (link = &loop->post_head; *link; link = &(*link)->next) {
		if (*link != post)
			continue;
		*link = post->next;
		if (loop->post_tail == &post->next)
			loop->post_tail = link;
		loop->post_count--;
		post->queued = false;
		break;
	}
	pthread_mutex_unlock(&loop->post_lock);
}
