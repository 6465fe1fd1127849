// SPDX-License-Identifier: Apache-2.0
/*
 * The operations of the event loop. See include/iolite/loop.h. All of it
 * runs on the loop's thread but iol_loop_now_ns().
 */
#include "loop_internal.h"

#include <time.h>

uint64_t iol_loop_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * IOL_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* @sqe is prepared: the kernel gets it with the next turn. @fd: -1: none. */
static void start(struct iol_loop *loop, struct io_uring_sqe *sqe, struct iol_op *op, int fd)
{
	/* The end of the loop waits for what is in flight, so nothing new may take long. */
	op->refused = loop->closing;
	if (op->refused)
		io_uring_prep_nop(sqe);
	iol_loop_use(loop, sqe, op, op->refused ? -1 : fd);
	sqe->flags |= loop->confined ? IOSQE_FIXED_FILE : 0;
	io_uring_sqe_set_data(sqe, op);
	op->in_flight = true;
	loop->in_flight++;
	loop->workers_in_flight += op->by_worker;
}

void iol_loop_read(struct iol_loop *loop, struct iol_op *op, int fd, void *buf, unsigned int len,
		   uint64_t offset)
{
	struct io_uring_sqe *sqe = iol_loop_sqe(loop);

	io_uring_prep_read(sqe, fd, buf, len, offset);
	start(loop, sqe, op, fd);
}

void iol_loop_write(struct iol_loop *loop, struct iol_op *op, int fd, const void *buf,
		    unsigned int len, uint64_t offset)
{
	struct io_uring_sqe *sqe = iol_loop_sqe(loop);

	io_uring_prep_write(sqe, fd, buf, len, offset);
	start(loop, sqe, op, fd);
}

void iol_loop_fsync(struct iol_loop *loop, struct iol_op *op, int fd, bool data_only)
{
	struct io_uring_sqe *sqe = iol_loop_sqe(loop);

	io_uring_prep_fsync(sqe, fd, data_only ? IORING_FSYNC_DATASYNC : 0);
	start(loop, sqe, op, fd);
}

void iol_loop_poll(struct iol_loop *loop, struct iol_op *op, int fd, unsigned int events)
{
	struct io_uring_sqe *sqe = iol_loop_sqe(loop);

	io_uring_prep_poll_add(sqe, fd, events);
	start(loop, sqe, op, fd);
}

void iol_loop_timeout(struct iol_loop *loop, struct iol_op *op, uint64_t ns)
{
	struct io_uring_sqe *sqe = iol_loop_sqe(loop);

	op->timeout.tv_sec = (long long)(ns / IOL_NS_PER_S);
	op->timeout.tv_nsec = (long long)(ns % IOL_NS_PER_S);
	io_uring_prep_timeout(sqe, &op->timeout, 0, 0);
	start(loop, sqe, op, -1);
}

void iol_loop_cancel(struct iol_loop *loop, struct iol_op *op)
{
	struct io_uring_sqe *sqe;

	if (!op->in_flight)
		return;
	sqe = iol_loop_sqe(loop);
	io_uring_prep_cancel(sqe, op, 0);
	sqe->flags |= loop->confined ? IOSQE_FIXED_FILE : 0;
	io_uring_sqe_set_data(sqe, NULL);
}

/* Turns the prepared @sqe to the registered file, where there is one. */
static void start_on(struct iol_loop *loop, struct io_uring_sqe *sqe, struct iol_op *op,
		     const struct iol_loop_file *file)
{
	if (file->slot >= 0) {
		sqe->fd = file->slot;
		sqe->flags |= IOSQE_FIXED_FILE;
	}
	start(loop, sqe, op, file->fd);
}

void iol_loop_readv(struct iol_loop *loop, struct iol_op *op, const struct iol_loop_file *file,
		    const struct iovec *iov, unsigned int count, uint64_t offset, int flags)
{
	struct io_uring_sqe *sqe = iol_loop_sqe(loop);

	io_uring_prep_readv2(sqe, file->fd, iov, count, offset, flags);
	start_on(loop, sqe, op, file);
}

void iol_loop_writev(struct iol_loop *loop, struct iol_op *op, const struct iol_loop_file *file,
		     const struct iovec *iov, unsigned int count, uint64_t offset, int flags)
{
	struct io_uring_sqe *sqe = iol_loop_sqe(loop);

	io_uring_prep_writev2(sqe, file->fd, iov, count, offset, flags);
	start_on(loop, sqe, op, file);
}

void iol_loop_fdatasync(struct iol_loop *loop, struct iol_op *op, const struct iol_loop_file *file)
{
	struct io_uring_sqe *sqe = iol_loop_sqe(loop);

	io_uring_prep_fsync(sqe, file->fd, IORING_FSYNC_DATASYNC);
	start_on(loop, sqe, op, file);
}

void iol_loop_fallocate(struct iol_loop *loop, struct iol_op *op, const struct iol_loop_file *file,
			int mode, uint64_t offset, uint64_t len)
{
	struct io_uring_sqe *sqe = iol_loop_sqe(loop);

	/* As io_uring_prep_fallocate(), whose offset and length are off_t in liburing 2.3. */
	io_uring_prep_rw(IORING_OP_FALLOCATE, sqe, file->fd, NULL, (unsigned int)mode, offset);
	sqe->addr = len;
	start_on(loop, sqe, op, file);
}
