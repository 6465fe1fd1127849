// SPDX-License-Identifier: Apache-2.0
/*
 * Filling guest memory by several threads. See memory_host.h. Workers take pieces from a counter; the caller waits,
 * tells of the progress and looks for signals.
 */
#include "memory_host.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <iolite/log.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define PIECE_BYTES (32 * IOL_MIB)
#define STACK_BYTES (256 * 1024)
#define STEP_NS (100 * IOL_NS_PER_MS)

enum {
	WORKERS_MAX = 16, /* more than these find no memory bandwidth */
	QUIET_STEPS = 5, /* half a second in which nobody wonders */
	BASE_PAGE_BYTES = 4096, /* the smallest of all hosts */
};

struct work {
	const struct iol_memory_fill *fill;
	uint64_t piece_bytes;
	unsigned int piece_count; /* far fewer than the type has numbers */
	_Atomic unsigned int next; /* piece */
	_Atomic unsigned int done; /* pieces */
	_Atomic int error; /* -errno: nobody begins another piece */
	unsigned int working; /* threads; under lock */
	pthread_mutex_t lock;
	pthread_cond_t cond;
};

static void touch(volatile uint8_t *at, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i += BASE_PAGE_BYTES)
		at[i] = 0;
}

static int populate(const struct iol_memory_fill *fill, uint8_t *at, uint64_t bytes)
{
	int ret;

	do
		ret = madvise(at, bytes, MADV_POPULATE_WRITE);
	while (ret && (errno == EINTR || errno == EAGAIN));
	if (!ret)
		return 0;
	if (errno != EINVAL)
		return -errno;
	if (!fill->may_touch)
		return -ENOTSUP;
	touch(at, bytes);
	return 0;
}

static void do_pieces(struct work *work)
{
	const struct iol_memory_fill *fill = work->fill;
	unsigned int piece;

	while (!work->error && (piece = work->next++) < work->piece_count) {
		uint64_t offset = piece * work->piece_bytes;
		uint64_t rest = fill->bytes - offset;
		uint64_t bytes = rest < work->piece_bytes ? rest : work->piece_bytes;
		int ret = 0;

		if (fill->kind == IOL_MEMORY_POPULATE)
			ret = populate(fill, fill->base + offset, bytes);
		else
			memset(fill->base + offset, 0, bytes);
		if (ret)
			work->error = ret;
		work->done++;
	}
}

static void *worker(void *arg)
{
	struct work *work = arg;

	/* The caller may be pinned, where all of us would wait for each other. A wish. */
	sched_setaffinity(0, sizeof(work->fill->cpus), &work->fill->cpus);
	do_pieces(work);
	pthread_mutex_lock(&work->lock);
	work->working--;
	pthread_cond_signal(&work->cond);
	pthread_mutex_unlock(&work->lock);
	return NULL;
}

/* One that would end the program waits, as it is blocked until the loop runs. */
static bool is_to_end(void)
{
	sigset_t set;

	return !sigpending(&set) && (sigismember(&set, SIGINT) || sigismember(&set, SIGTERM) ||
				     sigismember(&set, SIGHUP));
}

static void show(const struct work *work)
{
	char text[80];

	snprintf(text, sizeof(text), "guest memory: %u%% of %u MiB",
		 (unsigned int)(UINT64_C(100) * work->done / work->piece_count),
		 (unsigned int)(work->fill->bytes / IOL_MIB));
	iol_log_progress(text);
}

static void wait_step(struct work *work)
{
	struct timespec end;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &end);
	ns = (uint64_t)end.tv_nsec + STEP_NS;
	end.tv_sec += (time_t)(ns / IOL_NS_PER_S);
	end.tv_nsec = (long)(ns % IOL_NS_PER_S);
	pthread_cond_timedwait(&work->cond, &work->lock, &end);
}

static void wait_for_workers(struct work *work)
{
	unsigned int steps = 0;
	bool working = true;

	while (working) {
		pthread_mutex_lock(&work->lock);
		if (work->working)
			wait_step(work);
		working = work->working > 0;
		pthread_mutex_unlock(&work->lock);
		/* Also woken by workers that end: then all are about to. */
		if (working && ++steps > QUIET_STEPS)
			show(work);
		if (work->fill->kind == IOL_MEMORY_POPULATE && is_to_end() && !work->error)
			work->error = -EINTR;
	}
	iol_log_progress(NULL);
}

static unsigned int workers_for(const struct work *work)
{
	unsigned int cpus = (unsigned int)CPU_COUNT(&work->fill->cpus);
	unsigned int count = cpus < WORKERS_MAX ? cpus : WORKERS_MAX;

	return count < work->piece_count ? count : work->piece_count;
}

static void run_workers(struct work *work)
{
	pthread_t threads[WORKERS_MAX];
	unsigned int count = 0, wanted = workers_for(work);
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (; count < wanted; count++) {
		pthread_mutex_lock(&work->lock);
		work->working++;
		pthread_mutex_unlock(&work->lock);
		if (!pthread_create(&threads[count], &attr, worker, work))
			continue;
		pthread_mutex_lock(&work->lock);
		work->working--;
		pthread_mutex_unlock(&work->lock);
		break;
	}
	pthread_attr_destroy(&attr);
	if (count)
		wait_for_workers(work);
	while (count)
		pthread_join(threads[--count], NULL);
}

int iol_memory_fill(const struct iol_memory_fill *fill)
{
	struct work work = {
		.fill = fill,
		.piece_bytes = IOL_ALIGN_UP(PIECE_BYTES, fill->page_bytes),
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	pthread_condattr_t attr;

	work.piece_count = (unsigned int)((fill->bytes + work.piece_bytes - 1) / work.piece_bytes);
	if (work.piece_count > 1) {
		pthread_condattr_init(&attr);
		pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
		pthread_cond_init(&work.cond, &attr);
		pthread_condattr_destroy(&attr);
		run_workers(&work);
		pthread_cond_destroy(&work.cond);
	}
	/* What is left where threads are not to be had; too little for any. */
	do_pieces(&work);
	return work.error;
}
