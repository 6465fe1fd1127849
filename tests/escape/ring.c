// SPDX-License-Identifier: Apache-2.0
/*
 * See ring.h; io_uring(7). The ring's memory is mapped here, too, by a descriptor of our own (pidfd_getfd(2)). Where its parts
 * lie the kernel tells who makes a ring, and no other: a ring of the same sizes is made for that.
 *
 * The process's library counts what it has submitted by itself (struct io_uring_sq), and is told of one more.
 */
#include "ring.h"

#include <dirent.h>
#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAUSE_US = 1000, ANSWER_PAUSES = 10000 };
enum { PRIVATE_MAX = 16 << 20 }; /* bytes of a mapping in which the library's counters may lie */
#define MARK UINT64_C(0x65736361706564)

struct ring {
	int fd;
	struct io_uring_params params;
	uint8_t *rings;
	struct io_uring_sqe *sqes;
	uint64_t theirs; /* where the process has the rings */
	uint64_t counters; /* struct io_uring_sq in the process */
};

int ring_fd(pid_t pid)
{
	char folder[64], path[400], link[64];
	int fd = -1;
	struct dirent *entry;
	DIR *dir;

	snprintf(folder, sizeof(folder), "/proc/%d/fd", (int)pid);
	dir = opendir(folder);
	while (dir && fd < 0 && (entry = readdir(dir))) {
		ssize_t len;

		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		len = readlink(path, link, sizeof(link) - 1);
		link[len < 0 ? 0 : len] = '\0';
		if (!strcmp(link, "anon_inode:[io_uring]"))
			fd = (int)strtol(entry->d_name, NULL, 10);
	}
	if (dir)
		closedir(dir);
	if (fd < 0)
		die("process %d has no ring", (int)pid);
	return fd;
}

static int take_descriptor(pid_t pid, int fd)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	int got = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, fd, 0);

	if (got < 0)
		die("cannot have the ring of process %d: %s", (int)pid, strerror(errno));
	close(process);
	return got;
}

static void *map(int fd, size_t bytes, off_t offset)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	if (at == MAP_FAILED)
		die("cannot map the ring: %s", strerror(errno));
	return at;
}

static struct io_uring_params params_of(unsigned int sq_entries, unsigned int cq_entries)
{
	struct io_uring_params params = { .flags = IORING_SETUP_CQSIZE, .cq_entries = cq_entries };
	int fd = (int)syscall(SYS_io_uring_setup, sq_entries, &params);

	if (fd < 0)
		die("no ring of our own: %s", strerror(errno));
	close(fd);
	return params;
}

static uint32_t *word(const struct ring *ring, uint32_t offset)
{
	return (uint32_t *)(void *)(ring->rings + offset);
}

static bool is_rings(void *ctx, uint64_t start, uint64_t end, const char *rights, uint64_t offset,
		     const char *name)
{
	struct ring *ring = ctx;

	(void)end;
	(void)rights;
	if (offset != IORING_OFF_SQ_RING || strcmp(name, "anon_inode:[io_uring]") != 0)
		return false;
	ring->theirs = start;
	return true;
}

struct search {
	struct tracee *t;
	struct ring *ring;
};

/* The library's structure begins with the addresses of the queue's head and tail. */
static bool has_counters(void *ctx, uint64_t start, uint64_t end, const char *rights,
			 uint64_t offset, const char *name)
{
	const struct search *search = ctx;
	struct ring *ring = search->ring;
	const uint64_t wanted[2] = { ring->theirs + ring->params.sq_off.head,
				     ring->theirs + ring->params.sq_off.tail };
	size_t bytes = end - start;
	uint8_t *copy;

	(void)offset;
	(void)name;
	if (strncmp(rights, "rw-p", 4) != 0 || bytes > PRIVATE_MAX)
		return false;
	copy = malloc(bytes);
	if (!copy || !tracee_read(search->t, start, copy, bytes))
		bytes = 0;
	for (size_t at = 0; at + sizeof(struct io_uring_sq) <= bytes && !ring->counters; at += 8)
		if (!memcmp(copy + at, wanted, sizeof(wanted)))
			ring->counters = start + at;
	free(copy);
	return ring->counters;
}

static void ring_open(struct ring *ring, struct tracee *t)
{
	struct search search = { t, ring };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	int fd;

	*ring = (struct ring){ .fd = ring_fd(t->pid) };
	fd = take_descriptor(t->pid, ring->fd);
	/* The sizes lie at the beginning, wherever the rest is. */
	ring->params = params_of(1, 2);
	ring->rings = map(fd, page, IORING_OFF_SQ_RING);
	ring->params = params_of(*word(ring, ring->params.sq_off.ring_entries),
				 *word(ring, ring->params.cq_off.ring_entries));
	munmap(ring->rings, page);
	ring->rings =
		map(fd, ring->params.sq_off.array + ring->params.sq_entries * sizeof(uint32_t),
		    IORING_OFF_SQ_RING);
	ring->sqes = map(fd, ring->params.sq_entries * sizeof(*ring->sqes), IORING_OFF_SQES);
	close(fd);
	if (!tracee_maps(t->pid, is_rings, ring) || !tracee_maps(t->pid, has_counters, &search))
		die("process %d does not say how far its ring is", (int)t->pid);
}

/* What the library has given to the kernel, and what it has been asked for. */
struct counts {
	uint32_t given, asked;
};

static struct counts counts_of(const struct ring *ring, const struct tracee *t)
{
	struct counts counts;

	if (!tracee_read(t, ring->counters + offsetof(struct io_uring_sq, sqe_head), &counts,
			 sizeof(counts)))
		die("the counters of the ring are gone");
	return counts;
}

static void count_one(const struct ring *ring, const struct tracee *t)
{
	struct counts counts = counts_of(ring, t);

	counts.given++;
	counts.asked++;
	if (!tracee_write(t, ring->counters + offsetof(struct io_uring_sq, sqe_head), &counts,
			  sizeof(counts)))
		die("the counters of the ring cannot be changed");
}

static bool is_idle(const struct ring *ring, const struct tracee *t)
{
	const struct counts counts = counts_of(ring, t);
	const uint32_t tail = *word(ring, ring->params.sq_off.tail);

	return *word(ring, ring->params.sq_off.head) == tail && counts.given == tail &&
	       counts.asked == tail;
}

static void ring_close(struct ring *ring)
{
	munmap(ring->rings, ring->params.sq_off.array + ring->params.sq_entries * sizeof(uint32_t));
	munmap(ring->sqes, ring->params.sq_entries * sizeof(*ring->sqes));
}

/* Whether ours is among the answers; the process is to take it for one that it does not wait for. */
static bool take_answer(const struct ring *ring, uint32_t from, long *answer)
{
	const struct io_cqring_offsets *off = &ring->params.cq_off;
	struct io_uring_cqe *cqes = (void *)(ring->rings + off->cqes);
	uint32_t to = __atomic_load_n(word(ring, off->tail), __ATOMIC_ACQUIRE);

	for (; from != to; from++) {
		struct io_uring_cqe *cqe = &cqes[from & *word(ring, off->ring_mask)];

		if (cqe->user_data != MARK)
			continue;
		cqe->user_data = 0;
		*answer = cqe->res;
		return true;
	}
	return false;
}

/* The thread's own call, which submits so many and takes in what is there. */
static long enter(const struct ring *ring, struct tracee *t, unsigned int count)
{
	return tracee_call(t, SYS_io_uring_enter,
			   (uint64_t[6]){ (uint64_t)ring->fd, count, 0, IORING_ENTER_GETEVENTS });
}

/* Of a ring that is idle. */
static long submit(struct ring *ring, struct tracee *t, const struct io_uring_sqe *sqe)
{
	const struct io_sqring_offsets *off = &ring->params.sq_off;
	const uint32_t tail = *word(ring, off->tail), slot = tail & *word(ring, off->ring_mask);
	const uint32_t answers = *word(ring, ring->params.cq_off.tail);
	long ret;

	ring->sqes[slot] = *sqe;
	ring->sqes[slot].user_data = MARK;
	word(ring, off->array)[slot] = slot;
	__atomic_store_n(word(ring, off->tail), tail + 1, __ATOMIC_RELEASE);
	ret = enter(ring, t, 1);
	if (ret == TRACEE_ENDED)
		return ret;
	if (*word(ring, off->head) != tail + 1) {
		/* Refused as a whole: nobody is to submit it. */
		__atomic_store_n(word(ring, off->tail), tail, __ATOMIC_RELEASE);
		return ret < 0 ? ret : -EIO;
	}
	count_one(ring, t);
	/* One that is done may be by a worker of the kernel's. */
	for (unsigned int i = 0; i < ANSWER_PAUSES; i++) {
		if (take_answer(ring, answers, &ret))
			return ret;
		usleep(PAUSE_US);
		if (enter(ring, t, 0) == TRACEE_ENDED)
			return TRACEE_ENDED;
	}
	die("the ring does not answer");
}

long ring_request(struct tracee *t, const struct io_uring_sqe *sqe)
{
	struct ring ring;
	long ret;

	ring_open(&ring, t);
	ret = is_idle(&ring, t) ? submit(&ring, t, sqe) : RING_BUSY;
	ring_close(&ring);
	return ret;
}
