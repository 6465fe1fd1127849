// SPDX-License-Identifier: Apache-2.0
/*
 * The files that the kernel keeps open for the ring, and what a ring of a process in a sandbox may do. See include/iolite/loop.h. Runs on
 * the loop's thread.
 *
 * A filter of system calls does not see what a ring is asked for. So such a ring is made disabled, is told for good which operations it does,
 * and that each names its file by a slot of the ring's table; then it is enabled (io_uring_register(2),
 * IORING_REGISTER_RESTRICTIONS). A file's slot is its descriptor's number. It is in the table while an operation
 * on it is in flight, as numbers are used again; what is used all the time, and says when it is closed, stays there (iol_loop_keep()).
 */
#include "loop_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILE_SLOTS = 64 };

static const uint8_t sqe_ops[] = {
	IORING_OP_NOP,     IORING_OP_READ,         IORING_OP_WRITE,     IORING_OP_READV,
	IORING_OP_WRITEV,  IORING_OP_FSYNC,        IORING_OP_FALLOCATE, IORING_OP_POLL_ADD,
	IORING_OP_TIMEOUT, IORING_OP_ASYNC_CANCEL,
};

/* The last only until a filter of system calls leaves but those before. */
static const uint8_t register_ops[] = { IORING_REGISTER_FILES_UPDATE, IORING_UNREGISTER_FILES,
					IORING_REGISTER_IOWQ_AFF };

static int ring_register(struct io_uring *ring, unsigned int op, const void *arg,
			 unsigned int count)
{
	return syscall(SYS_io_uring_register, ring->ring_fd, op, arg, count) < 0 ? -errno : 0;
}

static int restrict_ring(struct io_uring *ring)
{
	struct io_uring_restriction rules[IOL_ARRAY_LEN(sqe_ops) + IOL_ARRAY_LEN(register_ops) + 1];
	unsigned int count = 0;

	memset(rules, 0, sizeof(rules));
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(sqe_ops); i++, count++) {
		rules[count].opcode = IORING_RESTRICTION_SQE_OP;
		rules[count].sqe_op = sqe_ops[i];
	}
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(register_ops); i++, count++) {
		rules[count].opcode = IORING_RESTRICTION_REGISTER_OP;
		rules[count].register_op = register_ops[i];
	}
	/* Those without a file take the flag as well. */
	rules[count].opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED;
	rules[count++].sqe_flags = IOSQE_FIXED_FILE;
	return ring_register(ring, IORING_REGISTER_RESTRICTIONS, rules, count);
}

/* As many as there can be descriptors, up to a limit: a machine with all it can have has some 600. */
static unsigned int table_size(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > IOL_LOOP_FILES_MAX)
		return IOL_LOOP_FILES_MAX;
	return (unsigned int)limit.rlim_cur;
}

int iol_loop_confine(struct iol_loop *loop)
{
	int fds[IOL_LOOP_FILES_MAX], ret;

	loop->file_slots = table_size();
	for (unsigned int i = 0; i < loop->file_slots; i++)
		fds[i] = -1;
	ret = ring_register(&loop->ring, IORING_REGISTER_FILES, fds, loop->file_slots);
	if (!ret)
		ret = restrict_ring(&loop->ring);
	if (!ret)
		ret = ring_register(&loop->ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	loop->confined = !ret;
	return ret;
}

static bool set_slot(struct iol_loop *loop, int slot, int fd)
{
	return io_uring_register_files_update(&loop->ring, (unsigned int)slot, &fd, 1) == 1;
}

static bool has_slot(const struct iol_loop *loop, int fd)
{
	return fd >= 0 && (unsigned int)fd < loop->file_slots;
}

/* --- of a confined ring --- */

void iol_loop_use(struct iol_loop *loop, struct io_uring_sqe *sqe, struct iol_op *op, int fd)
{
	struct iol_loop_slot *slot;

	op->fd = -1;
	if (!loop->confined || !has_slot(loop, fd))
		return; /* a descriptor beyond the table: the kernel refuses the operation */
	slot = &loop->slots[fd];
	/* Also where it is there already: the number may be another file's by now. */
	if (!slot->kept)
		set_slot(loop, fd, fd);
	slot->users++;
	op->fd = fd;
	sqe->fd = fd;
}

void iol_loop_used(struct iol_loop *loop, struct iol_op *op)
{
	struct iol_loop_slot *slot;

	if (!loop->confined || op->fd < 0)
		return;
	slot = &loop->slots[op->fd];
	if (!--slot->users && !slot->kept)
		set_slot(loop, op->fd, -1);
	op->fd = -1;
}

void iol_loop_keep(struct iol_loop *loop, int fd)
{
	if (!loop->confined || !has_slot(loop, fd) || loop->slots[fd].kept)
		return;
	loop->slots[fd].kept = set_slot(loop, fd, fd);
}

void iol_loop_drop(struct iol_loop *loop, int fd)
{
	if (!loop->confined || !has_slot(loop, fd) || !loop->slots[fd].kept)
		return;
	loop->slots[fd].kept = false;
	if (!loop->slots[fd].users)
		set_slot(loop, fd, -1);
}

void iol_loop_files_finish(struct iol_loop *loop)
{
	if (loop->confined || loop->files_ready)
		ring_register(&loop->ring, IORING_UNREGISTER_FILES, NULL, 0);
}

/* --- of any other, for speed alone --- */

/* An empty table; an array of -1 is understood by every kernel with io_uring_enter's flags. */
static bool prepare_files(struct iol_loop *loop)
{
	int fds[FILE_SLOTS];
	struct rlimit limit;

	if (loop->files_ready || loop->files_refused)
		return loop->files_ready;
	/* The kernel refuses a table above the limit, and liburing would then raise the user's limit. */
	loop->files_refused = getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < FILE_SLOTS;
	if (loop->files_refused)
		return false;
	for (int i = 0; i < FILE_SLOTS; i++)
		fds[i] = -1;
	loop->files_ready = io_uring_register_files(&loop->ring, fds, FILE_SLOTS) == 0;
	loop->files_refused = !loop->files_ready;
	return loop->files_ready;
}

void iol_loop_file_init(struct iol_loop *loop, struct iol_loop_file *file, int fd)
{
	int slot;

	*file = (struct iol_loop_file){ .fd = fd, .slot = -1 };
	if (loop->confined) {
		iol_loop_keep(loop, fd);
		return;
	}
	if (loop->files_used == UINT64_MAX || !prepare_files(loop))
		return;
	slot = __builtin_ctzll(~loop->files_used);
	if (!set_slot(loop, slot, fd))
		return;
	loop->files_used |= UINT64_C(1) << slot;
	file->slot = slot;
}

void iol_loop_file_finish(struct iol_loop *loop, struct iol_loop_file *file)
{
	if (loop->confined) {
		iol_loop_drop(loop, file->fd);
	} else if (file->slot >= 0) {
		/* The kernel cannot fail to empty a slot that exists. */
		set_slot(loop, file->slot, -1);
		loop->files_used &= ~(UINT64_C(1) << file->slot);
	}
	*file = (struct iol_loop_file){ .fd = -1, .slot = -1 };
}
