/* SPDX-License-Identifier: Apache-2.0 */
/* What the event loop's source files share. */
#ifndef IOLITE_VMM_LOOP_INTERNAL_H
#define IOLITE_VMM_LOOP_INTERNAL_H

#include <iolite/loop.h>

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
 * The window of polling that follows @window_ns when the next work came @gap_ns after the last:
 * doubled where a window within @max_ns would have caught it, halved where none would.
 */
uint64_t iol_loop_window_next(uint64_t window_ns, uint64_t max_ns, uint64_t gap_ns);

/* Windows do not shrink below this (or the maximum, where that is less), lest they never grow. */
enum { IOL_LOOP_WINDOW_FLOOR_NS = 4000, IOL_LOOP_PAUSE_FACTOR = 4 };

#endif
