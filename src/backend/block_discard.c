// SPDX-License-Identifier: Apache-2.0
/*
 * Discards of block devices: BLKDISCARD waits, so it has a thread, made with the first discard, or in a
 * sandbox, where no thread can be made later, before the guest runs.
 * Results come back to the loop as a post. See block_raw.h.
 *
 * A hostile guest chooses ranges and their number; the queue is made of its requests, which the
 * device bounds.
 */
#include "block_raw.h"

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <iolite/log.h>
#include <iolite/sandbox.h>

struct list {
	struct iol_block_req *head;
	struct iol_block_req **tail;
};

struct iol_discarder {
	struct iol_loop *loop;
	int fd;
	pthread_t thread;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t wake;
	bool stop;
	struct list queue; /* done_bytes and tag are the range, until the result is in res */
	struct list done;
	struct iol_post post;
};

static void list_init(struct list *list)
{
	list->head = NULL;
	list->tail = &list->head;
}

static void list_push(struct list *list, struct iol_block_req *req)
{
	req->next = NULL;
	*list->tail = req;
	list->tail = &req->next;
}

static struct iol_block_req *list_pop(struct list *list)
{
	struct iol_block_req *req = list->head;

	if (req) {
		list->head = req->next;
		if (!list->head)
			list->tail = &list->head;
	}
	return req;
}

static int discard(int fd, uint64_t offset, uint64_t len)
{
	uint64_t range[2] = { offset, len };

	return ioctl(fd, BLKDISCARD, range) ? -errno : 0;
}

static void *run(void *arg)
{
	struct iol_discarder *d = arg;
	struct iol_error err;

	/* By itself: libc names another thread through a file, which Landlock has taken away by now. */
	pthread_setname_np(pthread_self(), "discard");
	if (iol_sandbox_enter(IOL_SANDBOX_IO, &err)) {
		iol_log(IOL_LOG_ERROR, "the thread that discards cannot enter the sandbox: %s",
			err.msg);
		abort(); /* rather than to serve a guest without */
	}
	pthread_mutex_lock(&d->lock);
	while (!d->stop) {
		struct iol_block_req *req = list_pop(&d->queue);

		if (!req) {
			pthread_cond_wait(&d->wake, &d->lock);
			continue;
		}
		pthread_mutex_unlock(&d->lock);
		req->res = discard(d->fd, req->done_bytes, req->tag);
		pthread_mutex_lock(&d->lock);
		list_push(&d->done, req);
		iol_loop_post(d->loop, &d->post);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static void deliver(struct iol_post *post)
{
	struct iol_discarder *d = iol_container_of(post, struct iol_discarder, post);
	struct iol_block_req *req, *next;

	pthread_mutex_lock(&d->lock);
	req = d->done.head;
	list_init(&d->done);
	pthread_mutex_unlock(&d->lock);
	for (; req; req = next) {
		next = req->next;
		iol_raw_discarded(req, req->res);
	}
}

/* Signals are the loop's: the thread starts with all of them blocked. */
static int start_thread(struct iol_discarder *d)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&d->thread, NULL, run, d);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ret;
}

struct iol_discarder *iol_discarder_new(struct iol_loop *loop, int fd)
{
	struct iol_discarder *d = g_new0(struct iol_discarder, 1);

	d->loop = loop;
	d->fd = fd;
	d->post.run = deliver;
	list_init(&d->queue);
	list_init(&d->done);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->wake, NULL);
	if (!start_thread(d))
		return d;
	pthread_cond_destroy(&d->wake);
	pthread_mutex_destroy(&d->lock);
	g_free(d);
	return NULL;
}

void iol_discarder_submit(struct iol_discarder *d, struct iol_block_req *req, uint64_t offset,
			  uint64_t len)
{
	req->done_bytes = offset;
	req->tag = len;
	pthread_mutex_lock(&d->lock);
	list_push(&d->queue, req);
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->lock);
}

void iol_discarder_cancel(struct iol_discarder *d)
{
	struct iol_block_req *req;

	pthread_mutex_lock(&d->lock);
	while ((req = list_pop(&d->queue))) {
		req->res = -ECANCELED;
		list_push(&d->done, req);
	}
	if (d->done.head)
		iol_loop_post(d->loop, &d->post);
	pthread_mutex_unlock(&d->lock);
}

void iol_discarder_free(struct iol_discarder *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	assert(!d->queue.head && !d->done.head);
	d->stop = true;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->thread, NULL);
	iol_loop_post_cancel(d->loop, &d->post);
	pthread_cond_destroy(&d->wake);
	pthread_mutex_destroy(&d->lock);
	g_free(d);
}
