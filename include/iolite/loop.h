/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: one io_uring, run by one thread. Whatever waits (reads, writes, polls, timers)
 * is a struct iol_op embedded in its owner.
 *
 * Rules of an operation:
 *  - it is started on the loop's thread, and not again before done() was called;
 *  - done() is called exactly once per start, on the loop's thread, never from within the start;
 *    res is the io_uring result: >= 0, or -errno, -ECANCELED after a cancel that came in time;
 *  - one started while the loop is being finished is cancelled; it must not be started again then;
 *  - its memory and its buffers stay valid until then;
 *  - cancelling is only a request: the operation may still succeed.
 */
#ifndef IOLITE_LOOP_H
#define IOLITE_LOOP_H

#include <liburing.h>
#include <linux/time_types.h>
#include <pthread.h>
#include <sys/uio.h>

#include <iolite/error.h>

struct iol_op {
	void (*done)(struct iol_op *op, int res);
	bool in_flight; /* set from start until just before done(); read on the loop's thread */
	bool refused; /* started while the loop was being finished */
	int fd; /* of a confined loop: whose slot it uses; -1: none */
	/*
	 * Set by whoever starts the operation: the kernel gives it to a worker thread of its own, which
	 * needs a processor. While one is in flight, polling makes way for it.
	 */
	bool by_worker;
	struct __kernel_timespec timeout; /* used by iol_loop_timeout only */
};

/* Work for the loop's thread, sent from any thread. Embedded in its owner. */
struct iol_post {
	void (*run)(struct iol_post *post);
	struct iol_post *next;
	bool queued; /* under the loop's post_lock */
};

/* Work for the end of the present turn, after its callbacks: what is done once for a whole batch. */
struct iol_turn_end {
	void (*run)(struct iol_turn_end *end);
	struct iol_turn_end *next;
	bool queued;
};

/*
 * Something worth looking at without being woken: while a poller is active, the loop does not sleep
 * but calls poll() again and again. When no poller found work for a while, each is told to sleep and
 * is no longer active. Embedded in its owner.
 */
struct iol_poller {
	bool (*poll)(
		struct iol_poller *poller); /* true: there was work, and it was done or started */
	/*
	 * Arranges to be woken by an operation of the loop instead. True: work had come meanwhile and
	 * was done or started; the poller stays active.
	 */
	bool (*sleep)(struct iol_poller *poller);
	struct iol_poller *next;
	bool active;
};

/* How long a loop polls before it sleeps; see loop_poll.c. */
struct iol_poll_window {
	uint64_t max_ns; /* 0: never poll */
	uint64_t now_ns; /* adapts up to max_ns */
	unsigned int backoff; /* sleeps to sit out after the next failure */
	unsigned int sit_out; /* sleeps before the window may grow again */
	bool moved; /* the last failure made the loop change its processor */
};

/* A file that the kernel keeps open for the ring, so that an operation need not look it up. */
struct iol_loop_file {
	int fd; /* borrowed */
	int slot; /* -1: not registered, the descriptor itself is used */
};

enum { IOL_LOOP_FILES_MAX = 1024 };

/* One of a confined loop. */
struct iol_loop_slot {
	uint16_t users; /* operations in flight */
	bool kept;
};

struct iol_loop {
	struct io_uring ring;
	unsigned int in_flight; /* operations whose done() is still to come */
	unsigned int workers_in_flight; /* of them, those marked by_worker */
	bool stop;
	bool lost; /* the kernel takes and gives nothing any more */
	bool closing; /* iol_loop_finish() is under way: what is started now is cancelled at once */
	int wake_fd; /* eventfd; written by iol_loop_post */
	uint64_t wake_count;
	struct iol_op wake_op;
	pthread_mutex_t post_lock;
	struct iol_post *post_head;
	struct iol_post **post_tail;
	unsigned int post_count;
	bool wake_pending; /* wake_fd was written since the posts last ran */
	struct iol_turn_end *end_head;
	struct iol_turn_end **end_tail;
	struct iol_poller *pollers; /* the active ones */
	struct iol_poller *poll_next; /* of the walk over them that is under way */
	struct iol_poll_window poll;
	uint64_t files_used; /* bit per slot of registered files */
	bool files_ready, files_refused;
	bool confined; /* its files are in slots of their numbers, and it does what a loop does (sandbox.h) */
	unsigned int file_slots;
	struct iol_loop_slot slots[IOL_LOOP_FILES_MAX];
};

/*
 * Sets up the ring for use by the calling thread. -errno with a text that says how to make io_uring
 * usable where the host forbids it.
 */
int iol_loop_init(struct iol_loop *loop, struct iol_error *err);

/* Cancels what is in flight, waits until every done() was called, drops posts not yet run. [loop] */
void iol_loop_finish(struct iol_loop *loop);

/* Runs until iol_loop_stop(). 0, or -errno from the kernel. [loop] */
int iol_loop_run(struct iol_loop *loop, struct iol_error *err);

/* Makes iol_loop_run() return after the present callbacks. [loop] */
void iol_loop_stop(struct iol_loop *loop);

/*
 * One turn: submits, waits for at least one completion if @wait, runs what is due. Tries again for 100 ms where the kernel refuses.
 * 0 or -errno: what is in flight stays so for good, no done() is called any more. [loop]
 */
int iol_loop_turn(struct iol_loop *loop, bool wait);

/*
 * Start an operation. @offset as in pread(2), or -1 for the file's position and for streams. The
 * iovecs are copied by the kernel at submission, the buffers are not. [loop]
 */
void iol_loop_read(struct iol_loop *loop, struct iol_op *op, int fd, void *buf, unsigned int len,
		   uint64_t offset);
void iol_loop_write(struct iol_loop *loop, struct iol_op *op, int fd, const void *buf,
		    unsigned int len, uint64_t offset);
void iol_loop_fsync(struct iol_loop *loop, struct iol_op *op, int fd, bool data_only);
/* One shot: res is the mask of events (poll(2)) that came true. */
void iol_loop_poll(struct iol_loop *loop, struct iol_op *op, int fd, unsigned int events);
/* done(-ETIME) after @ns on CLOCK_MONOTONIC. */
void iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns);

/*
 * Scattered reads and writes; @flags as preadv2(2) (RWF_DSYNC ...). @iov is copied by the kernel when
 * the turn submits, the buffers are not: both stay valid until done(). [loop]
 */
void iol_loop_readv(struct iol_loop *loop, struct iol_op *op, const struct iol_loop_file *file,
		    const struct iovec *iov, unsigned int count, uint64_t offset, int flags);
void iol_loop_writev(struct iol_loop *loop, struct iol_op *op, const struct iol_loop_file *file,
		     const struct iovec *iov, unsigned int count, uint64_t offset, int flags);
void iol_loop_fdatasync(struct iol_loop *loop, struct iol_op *op, const struct iol_loop_file *file);
void iol_loop_fallocate(struct iol_loop *loop, struct iol_op *op, const struct iol_loop_file *file,
			int mode, uint64_t offset, uint64_t len);

/* Registers @fd where the kernel and the table have room; else @file works by its descriptor. [loop] */
void iol_loop_file_init(struct iol_loop *loop, struct iol_loop_file *file, int fd);
/* Nothing of @file is in flight. Does not close the descriptor. [loop] */
void iol_loop_file_finish(struct iol_loop *loop, struct iol_loop_file *file);

/* Calls @end->run() once at the end of this turn, or of this round of polling. [loop] */
void iol_loop_at_turn_end(struct iol_loop *loop, struct iol_turn_end *end);
void iol_loop_turn_end_cancel(struct iol_loop *loop, struct iol_turn_end *end);

/*
 * Lets iol_loop_run() poll for up to @max_ns after the last work before it sleeps; 0: not at all,
 * which is right where the loop's thread would take the processor from a vCPU. [loop]
 */
void iol_loop_set_polling(struct iol_loop *loop, uint64_t max_ns);

/* Makes @poller active. False: this loop does not poll; arrange to be woken instead. [loop] */
bool iol_loop_poller_start(struct iol_loop *loop, struct iol_poller *poller);
void iol_loop_poller_stop(struct iol_loop *loop, struct iol_poller *poller);

/* CLOCK_MONOTONIC. [any] */
uint64_t iol_loop_now_ns(void);

/*
 * @fd is used again and again: a loop that has to tell the kernel of each file need not do so each time, from keep to drop,
 * which comes before it is closed. Neither is needed for what is used now and then. [loop]
 */
void iol_loop_keep(struct iol_loop *loop, int fd);
void iol_loop_drop(struct iol_loop *loop, int fd);

/* Asks for the end of @op; nothing happens when it is not in flight. [loop] */
void iol_loop_cancel(struct iol_loop *loop, struct iol_op *op);

/*
 * Queues @post; its run() is called once on the loop's thread. Posting one that is still queued
 * does nothing. Returns false then. [any]
 */
bool iol_loop_post(struct iol_loop *loop, struct iol_post *post);

/* Takes @post out of the queue before its owner goes away. Nobody may be posting it. [loop] */
void iol_loop_post_cancel(struct iol_loop *loop, struct iol_post *post);

#endif
