/* SPDX-License-Identifier: Apache-2.0 */
/* The io_uring ring of a traced process, and requests that its thread submits by it. */
#ifndef ESCAPE_RING_H
#define ESCAPE_RING_H

#include <linux/io_uring.h>

#include "tracee.h"

enum {
	RING_BUSY = TRACEE_ENDED - 1
}; /* the process has requests that it has not submitted yet: later */

/* What the ring answers to one request: a result, -errno, TRACEE_ENDED, RING_BUSY. It leaves nothing behind that the process would see. */
long ring_request(struct tracee *t, const struct io_uring_sqe *sqe);

/* The number of the ring's descriptor in the process. */
int ring_fd(pid_t pid);

#endif
