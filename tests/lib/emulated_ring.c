// SPDX-License-Identifier: Apache-2.0
/*
 * Cross builds only: the io_uring that qemu-user lacks, as far as iolite's loop uses it, so that devices
 * and disks are tested under emulation, too. It takes the place of liburing's calls into the kernel; the
 * queues themselves are liburing's. Operations run when they are submitted; what would block waits until
 * somebody asks for completions. A ring is its thread's, as the loop's is.
 * In use only with IOLITE_EMULATED in the environment, and where the kernel has none.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "iolite/loop.h"

enum {
	NO_FD = -77, /* ring_fd of ours */
	CQ_ENTRIES = 4096, /* more than any test leaves unread: none overflows */
	FILES = 64,
	WAITS = 1 << 30, /* no result of an operation */
};

struct pending {
	struct io_uring_sqe sqe;
	uint64_t deadline_ns;
};

struct ring {
	unsigned int sq_head, sq_tail, cq_head, cq_tail, flags;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe cqes[CQ_ENTRIES];
	GArray *pending; /* of struct pending, oldest first */
	int files[FILES];
};

int __real_io_uring_queue_init_params(unsigned int entries, struct io_uring *io,
				      struct io_uring_params *params);
int __wrap_io_uring_queue_init_params(unsigned int entries, struct io_uring *io,
				      struct io_uring_params *params);
void __real_io_uring_queue_exit(struct io_uring *io);
void __wrap_io_uring_queue_exit(struct io_uring *io);
int __real_io_uring_submit(struct io_uring *io);
int __wrap_io_uring_submit(struct io_uring *io);
int __real_io_uring_submit_and_wait(struct io_uring *io, unsigned int count);
int __wrap_io_uring_submit_and_wait(struct io_uring *io, unsigned int count);
int __real_io_uring_submit_and_get_events(struct io_uring *io);
int __wrap_io_uring_submit_and_get_events(struct io_uring *io);
int __real___io_uring_get_cqe(struct io_uring *io, struct io_uring_cqe **cqe, unsigned int submit,
			      unsigned int count, sigset_t *mask);
int __wrap___io_uring_get_cqe(struct io_uring *io, struct io_uring_cqe **cqe, unsigned int submit,
			      unsigned int count, sigset_t *mask);
int __real_io_uring_register_files(struct io_uring *io, const int *fds, unsigned int count);
int __wrap_io_uring_register_files(struct io_uring *io, const int *fds, unsigned int count);
int __real_io_uring_register_files_update(struct io_uring *io, unsigned int at, const int *fds,
					  unsigned int count);
int __wrap_io_uring_register_files_update(struct io_uring *io, unsigned int at, const int *fds,
					  unsigned int count);

static uint64_t now_ns(void)
{
	return (uint64_t)g_get_monotonic_time() * 1000;
}

int __wrap_io_uring_queue_init_params(unsigned int entries, struct io_uring *io,
				      struct io_uring_params *params)
{
	int ret = __real_io_uring_queue_init_params(entries, io, params);
	struct ring *ring;

	if (ret != -ENOSYS || !getenv("IOLITE_EMULATED"))
		return ret;
	ring = g_new0(struct ring, 1);
	ring->sqes = g_new0(struct io_uring_sqe, entries);
	for (unsigned int i = 0; i < FILES; i++)
		ring->files[i] = -1;
	ring->pending = g_array_new(FALSE, FALSE, sizeof(struct pending));
	*io = (struct io_uring){
		.ring_fd = NO_FD,
		.sq = { .khead = &ring->sq_head,
			.ktail = &ring->sq_tail,
			.kflags = &ring->flags,
			.sqes = ring->sqes,
			.ring_mask = entries - 1,
			.ring_entries = entries },
		.cq = { .khead = &ring->cq_head,
			.ktail = &ring->cq_tail,
			.cqes = ring->cqes,
			.ring_ptr = ring,
			.ring_mask = CQ_ENTRIES - 1,
			.ring_entries = CQ_ENTRIES },
	};
	return 0;
}

static struct ring *ours(struct io_uring *io)
{
	return io->ring_fd == NO_FD ? io->cq.ring_ptr : NULL;
}

void __wrap_io_uring_queue_exit(struct io_uring *io)
{
	struct ring *ring = ours(io);

	if (!ring) {
		__real_io_uring_queue_exit(io);
		return;
	}
	for (unsigned int i = 0; i < FILES; i++)
		iol_fd_close(&ring->files[i]);
	g_array_free(ring->pending, TRUE);
	g_free(ring->sqes);
	g_free(ring);
}

static void complete(struct ring *ring, const struct io_uring_sqe *sqe, int res)
{
	g_assert_cmpuint(ring->cq_tail - ring->cq_head, <, CQ_ENTRIES);
	ring->cqes[ring->cq_tail % CQ_ENTRIES] =
		(struct io_uring_cqe){ .user_data = sqe->user_data, .res = res };
	ring->cq_tail++;
}

/* @fd for poll(): what @sqe waits for. */
static struct pollfd wait_of(const struct ring *ring, const struct io_uring_sqe *sqe)
{
	struct pollfd wait = { .fd = sqe->fd };
	uint32_t events = sqe->poll32_events;

	if (sqe->flags & IOSQE_FIXED_FILE)
		wait.fd = ring->files[sqe->fd];
	if (sqe->opcode == IORING_OP_POLL_ADD) {
		if (G_BYTE_ORDER == G_BIG_ENDIAN) /* io_uring_enter(2): its halves are swapped */
			events = events << 16 | events >> 16;
		wait.events = (short)events;
	} else if (sqe->opcode == IORING_OP_READ || sqe->opcode == IORING_OP_READV) {
		wait.events = POLLIN;
	} else if (sqe->opcode == IORING_OP_WRITE || sqe->opcode == IORING_OP_WRITEV) {
		wait.events = POLLOUT;
	} else {
		wait.fd = -1;
	}
	return wait;
}

static ssize_t transfer(const struct io_uring_sqe *sqe, int fd)
{
	void *buf = (void *)(uintptr_t)sqe->addr;
	bool stream = sqe->off == UINT64_MAX;
	ssize_t ret = -1;

	switch (sqe->opcode) {
	case IORING_OP_READ:
		return stream ? read(fd, buf, sqe->len) : pread(fd, buf, sqe->len, (off_t)sqe->off);
	case IORING_OP_WRITE:
		return stream ? write(fd, buf, sqe->len)
			      : pwrite(fd, buf, sqe->len, (off_t)sqe->off);
	case IORING_OP_READV:
		return preadv(fd, buf, (int)sqe->len, (off_t)sqe->off);
	case IORING_OP_WRITEV:
		ret = pwritev(fd, buf, (int)sqe->len, (off_t)sqe->off);
		if (ret >= 0 && sqe->rw_flags & RWF_DSYNC && fdatasync(fd))
			ret = -1;
		return ret;
	default:
		return -1;
	}
}

/* Reads and writes. A pipe takes what there is room for, as it does from io_uring. */
static int try_transfer(const struct io_uring_sqe *sqe, const struct pollfd *wait)
{
	int flags = fcntl(wait->fd, F_GETFL), code;
	bool blocks = flags >= 0 && !(flags & O_NONBLOCK);
	ssize_t ret;

	if (flags < 0)
		return -errno;
	if (blocks && poll(&(struct pollfd){ wait->fd, wait->events, 0 }, 1, 0) == 0)
		return WAITS;
	if (blocks)
		fcntl(wait->fd, F_SETFL, flags | O_NONBLOCK);
	do {
		ret = transfer(sqe, wait->fd);
	} while (ret < 0 && errno == EINTR);
	code = ret < 0 ? -errno : (int)ret;
	if (blocks)
		fcntl(wait->fd, F_SETFL, flags);
	return blocks && code == -EAGAIN ? WAITS : code;
}

/* Its result, or WAITS. */
static int try(struct ring *ring, const struct pending *p)
{
	const struct io_uring_sqe *sqe = &p->sqe;
	struct pollfd wait = wait_of(ring, sqe);
	int fd = sqe->flags & IOSQE_FIXED_FILE ? ring->files[sqe->fd] : sqe->fd;

	switch (sqe->opcode) {
	case IORING_OP_NOP:
		return 0;
	case IORING_OP_POLL_ADD:
		return poll(&wait, 1, 0) > 0 ? wait.revents : WAITS;
	case IORING_OP_TIMEOUT:
		return now_ns() >= p->deadline_ns ? -ETIME : WAITS;
	case IORING_OP_FSYNC:
		return (sqe->fsync_flags & IORING_FSYNC_DATASYNC ? fdatasync(fd) : fsync(fd))
			       ? -errno
			       : 0;
	case IORING_OP_FALLOCATE:
		return fallocate(fd, (int)sqe->len, (off_t)sqe->off, (off_t)sqe->addr) ? -errno : 0;
	case IORING_OP_READ:
	case IORING_OP_WRITE:
	case IORING_OP_READV:
	case IORING_OP_WRITEV:
		return try_transfer(sqe, &wait);
	default:
		g_error("io_uring of tests: opcode %u is not there", sqe->opcode);
	}
}

static void cancel(struct ring *ring, const struct io_uring_sqe *sqe)
{
	int count = 0;

	for (unsigned int i = 0; i < ring->pending->len;) {
		struct io_uring_sqe other = g_array_index(ring->pending, struct pending, i).sqe;

		if (!(sqe->cancel_flags & IORING_ASYNC_CANCEL_ANY) &&
		    other.user_data != sqe->addr) {
			i++;
			continue;
		}
		g_array_remove_index(ring->pending, i);
		complete(ring, &other, -ECANCELED);
		count++;
		if (!(sqe->cancel_flags & IORING_ASYNC_CANCEL_ALL))
			break;
	}
	if (sqe->cancel_flags & IORING_ASYNC_CANCEL_ALL)
		complete(ring, sqe, count);
	else
		complete(ring, sqe, count ? 0 : -ENOENT);
}

static void begin(struct ring *ring, const struct io_uring_sqe *sqe)
{
	struct pending p = { .sqe = *sqe };
	int res;

	if (sqe->opcode == IORING_OP_ASYNC_CANCEL) {
		cancel(ring, sqe);
		return;
	}
	if (sqe->opcode == IORING_OP_TIMEOUT) {
		const struct __kernel_timespec *ts = (const void *)(uintptr_t)sqe->addr;

		p.deadline_ns =
			now_ns() + (uint64_t)ts->tv_sec * IOL_NS_PER_S + (uint64_t)ts->tv_nsec;
	}
	res = try(ring, &p);
	if (res == WAITS)
		g_array_append_val(ring->pending, p);
	else
		complete(ring, sqe, res);
}

static int submit(struct io_uring *io, struct ring *ring)
{
	unsigned int head = ring->sq_head;

	for (; ring->sq_head != io->sq.sqe_tail; ring->sq_head++)
		begin(ring, &ring->sqes[ring->sq_head & io->sq.ring_mask]);
	io->sq.sqe_head = io->sq.sqe_tail;
	return (int)(ring->sq_head - head);
}

static void progress(struct ring *ring)
{
	for (unsigned int i = 0; i < ring->pending->len;) {
		struct pending p = g_array_index(ring->pending, struct pending, i);
		int res = try(ring, &p);

		if (res == WAITS) {
			i++;
			continue;
		}
		g_array_remove_index(ring->pending, i);
		complete(ring, &p.sqe, res);
	}
}

/* Until something that is pending may go on: 0, or -EINTR. */
static int block(struct ring *ring)
{
	g_autofree struct pollfd *waits = g_new0(struct pollfd, ring->pending->len);
	uint64_t now = now_ns(), first = UINT64_MAX, ns;
	struct timespec ts;

	for (unsigned int i = 0; i < ring->pending->len; i++) {
		const struct pending *p = &g_array_index(ring->pending, struct pending, i);

		waits[i] = wait_of(ring, &p->sqe);
		if (p->sqe.opcode == IORING_OP_TIMEOUT)
			first = MIN(first, p->deadline_ns);
	}
	ns = first > now ? first - now : 0;
	ts.tv_sec = (time_t)(ns / IOL_NS_PER_S);
	ts.tv_nsec = (long)(ns % IOL_NS_PER_S);
	return ppoll(waits, ring->pending->len, first == UINT64_MAX ? NULL : &ts, NULL) < 0 ? -errno
											    : 0;
}

int __wrap_io_uring_submit(struct io_uring *io)
{
	struct ring *ring = ours(io);

	return ring ? submit(io, ring) : __real_io_uring_submit(io);
}

int __wrap_io_uring_submit_and_wait(struct io_uring *io, unsigned int count)
{
	struct ring *ring = ours(io);
	int submitted, ret = 0;

	if (!ring)
		return __real_io_uring_submit_and_wait(io, count);
	submitted = submit(io, ring);
	progress(ring);
	while (!ret && ring->cq_tail - ring->cq_head < count) {
		ret = block(ring);
		progress(ring);
	}
	return ret && !submitted ? ret : submitted;
}

int __wrap_io_uring_submit_and_get_events(struct io_uring *io)
{
	struct ring *ring = ours(io);
	int submitted;

	if (!ring)
		return __real_io_uring_submit_and_get_events(io);
	submitted = submit(io, ring);
	progress(ring);
	return submitted;
}

/* What io_uring_peek_cqe() calls where it sees nothing. */
int __wrap___io_uring_get_cqe(struct io_uring *io, struct io_uring_cqe **cqe,
			      unsigned int to_submit, unsigned int count, sigset_t *mask)
{
	struct ring *ring = ours(io);

	if (!ring)
		return __real___io_uring_get_cqe(io, cqe, to_submit, count, mask);
	progress(ring);
	*cqe = ring->cq_tail == ring->cq_head ? NULL : &ring->cqes[ring->cq_head % CQ_ENTRIES];
	return *cqe ? 0 : -EAGAIN;
}

int __wrap_io_uring_register_files(struct io_uring *io, const int *fds, unsigned int count)
{
	return ours(io) ? __wrap_io_uring_register_files_update(io, 0, fds, count) < 0
			: __real_io_uring_register_files(io, fds, count);
}

int __wrap_io_uring_register_files_update(struct io_uring *io, unsigned int at, const int *fds,
					  unsigned int count)
{
	struct ring *ring = ours(io);

	if (!ring)
		return __real_io_uring_register_files_update(io, at, fds, count);
	if (at + count > FILES)
		return -EINVAL;
	/* A slot keeps its file when the descriptor is closed. */
	for (unsigned int i = 0; i < count; i++) {
		iol_fd_close(&ring->files[at + i]);
		if (fds[i] < 0)
			continue;
		ring->files[at + i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		if (ring->files[at + i] < 0)
			return -errno;
	}
	return (int)count;
}
