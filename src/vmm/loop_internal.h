/* SPDX-License-Identifier: Apache-2.0 */
/* What the event loop's source files share. */
#ifndef IOLITE_VMM_LOOP_INTERNAL_H
#define IOLITE_VMM_LOOP_INTERNAL_H

#include <iolite/loop.h>

/*
 * For the ring of a process in a sandbox, made with IORING_SETUP_R_DISABLED: leaves it the operations of a loop, on files of its
 * table, and enables it. -errno.
 */
int iol_loop_confine(struct iol_loop *loop);

/* Takes all files out of the ring's table: they are closed by now, and not only when a worker of the kernel's comes to it. */
void iol_loop_files_finish(struct iol_loop *loop);

/* In a confined loop: @op on @fd, prepared as @sqe, is about to start, and has ended. */
void iol_loop_use(struct iol_loop *loop, struct io_uring_sqe *sqe, struct iol_op *op, int fd);
void iol_loop_used(struct iol_loop *loop, struct iol_op *op);

/* A free submission entry; submits the others when there is none. */
struct io_uring_sqe *iol_loop_sqe(struct iol_loop *loop);

/*
 * Submits what is to be submitted and runs what is due, without waiting: completions, posts, turn
 * ends. *@worked: there was something. 0 or -errno.
 */
int iol_loop_reap(struct iol_loop *loop, bool *worked);

/*
 * Polls until iol_loop_stop() or until no poller is active any more. Then *@idle_ns is when the
 * last work was done, or 0 when the loop did not run out of work. 0 or -errno.
 */
int iol_loop_spin(struct iol_loop *loop, uint64_t *idle_ns);

/*
 * The loop slept, and the next work came @gap_ns after the last. True: it should go to another
 * processor now.
 */
bool iol_poll_window_slept(struct iol_poll_window *w, uint64_t gap_ns);

/* A poller found work that had not been there at its last look. */
void iol_poll_window_caught(struct iol_poll_window *w);

/* Sends the calling thread to another one of the processors that it may use, if there is one. */
void iol_loop_change_processor(void);

/* Windows do not shrink below this (or the maximum, where that is less), lest they never grow. */
enum {
	IOL_LOOP_WINDOW_FLOOR_NS = 4000,
	IOL_LOOP_PAUSE_FACTOR = 2,
	IOL_LOOP_BACKOFF_MAX = 1023,
};

#endif
