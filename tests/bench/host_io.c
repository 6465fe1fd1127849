// SPDX-License-Identifier: Apache-2.0
/*
 * bench_host_io FILE key=value...: the load of tests/guest/x86_64/g_bench.c without a machine around it,
 * and its result line. One request at a time is a loop of pread(2) or pwrite(2), more are a ring of
 * io_uring with one io_uring_enter(2) a turn. Keys: op=read|write bytes= depth= span= seed= ticks=
 * stream direct.
 *
 * bench_host_io tsc: the frequency of the time stamp counter in ticks a millisecond.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "load_times.h"

enum { WARM_UP = 64, DEPTH_MAX = 256, ALIGN = 4096, TSC_MS = 100 };

static struct {
	const char *path;
	uint64_t bytes, depth, places, seed, ticks;
	bool write, stream, direct;
} o = { .bytes = 4096, .depth = 1, .seed = 1, .ticks = 100000000 };

static int fd;
static uint8_t *data;
static struct io_uring ring;
static uint64_t requests, next_place;

static void fail(const char *what, int code)
{
	fprintf(stderr, "bench_host_io: %s: %s\n", what, strerror(code));
	exit(1);
}

/* xorshift64*, as the guest's. */
static uint64_t random_next(void)
{
	o.seed ^= o.seed >> 12;
	o.seed ^= o.seed << 25;
	o.seed ^= o.seed >> 27;
	return o.seed * UINT64_C(2685821657736338717);
}

static off_t next_offset(void)
{
	uint64_t place = o.stream ? next_place++ : random_next();

	return (off_t)(place % o.places * o.bytes);
}

static void one_by_one(uint64_t end, uint64_t count)
{
	uint64_t last = __rdtsc(), before = requests;

	while (requests - before < count || last < end) {
		off_t at = next_offset();
		uint64_t start = last;
		ssize_t n = o.write ? pwrite(fd, data, o.bytes, at) : pread(fd, data, o.bytes, at);

		if (n != (ssize_t)o.bytes)
			fail(o.path, n < 0 ? errno : EIO);
		last = __rdtsc();
		load_time_note(last - start);
		requests++;
	}
}

static void submit(uint64_t slot)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	uint8_t *buf = data + slot % o.depth * o.bytes;

	if (o.write)
		io_uring_prep_write_fixed(sqe, 0, buf, (unsigned int)o.bytes,
					  (uint64_t)next_offset(), 0);
	else
		io_uring_prep_read_fixed(sqe, 0, buf, (unsigned int)o.bytes,
					 (uint64_t)next_offset(), 0);
	sqe->flags |= IOSQE_FIXED_FILE;
}

static unsigned int take(void)
{
	struct io_uring_cqe *cqe;
	unsigned int head, count = 0;

	io_uring_for_each_cqe(&ring, head, cqe)
	{
		if (cqe->res != (int)o.bytes)
			fail(o.path, cqe->res < 0 ? -cqe->res : EIO);
		count++;
	}
	io_uring_cq_advance(&ring, count);
	return count;
}

static void keep_busy(uint64_t end, uint64_t count)
{
	uint64_t before = requests, in_flight = 0;

	if (o.depth == 1) {
		one_by_one(end, count);
		return;
	}
	for (;;) {
		bool more = requests - before + in_flight < count || __rdtsc() < end;
		unsigned int done;
		int rc;

		for (; more && in_flight < o.depth; in_flight++)
			submit(in_flight);
		if (!in_flight)
			return;
		rc = io_uring_submit_and_wait(&ring, 1);
		if (rc < 0 && rc != -EINTR)
			fail("io_uring_enter", -rc);
		done = take();
		requests += done;
		in_flight -= done;
	}
}

static void set_up(uint64_t span)
{
	struct iovec iov;
	int rc;

	fd = open(o.path, (o.write ? O_RDWR : O_RDONLY) | O_CLOEXEC | (o.direct ? O_DIRECT : 0));
	if (fd < 0)
		fail(o.path, errno);
	o.places = span / o.bytes;
	data = aligned_alloc(ALIGN, o.depth * o.bytes);
	if (!data || !o.places)
		fail("buffers", ENOMEM);
	memset(data, 0xa5, o.depth * o.bytes);
	if (o.depth == 1)
		return;
	rc = io_uring_queue_init((unsigned int)o.depth, &ring,
				 IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	if (rc == -EINVAL)
		rc = io_uring_queue_init((unsigned int)o.depth, &ring, 0);
	if (rc)
		fail("io_uring_setup", -rc);
	iov = (struct iovec){ data, o.depth * o.bytes };
	rc = io_uring_register_files(&ring, &fd, 1);
	if (!rc)
		rc = io_uring_register_buffers(&ring, &iov, 1);
	if (rc)
		fail("io_uring_register", -rc);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int print_tsc(void)
{
	uint64_t ns = now_ns(), tsc = __rdtsc(), passed;

	do
		passed = now_ns() - ns;
	while (passed < TSC_MS * 1000000u);
	printf("%ju\n", (uintmax_t)((__rdtsc() - tsc) * 1000000u / passed));
	return 0;
}

static bool take_key(const char *word, const char *key, uint64_t *value)
{
	size_t len = strlen(key);

	if (strncmp(word, key, len) != 0 || word[len] != '=')
		return false;
	*value = strtoull(word + len + 1, NULL, 0);
	return true;
}

int main(int argc, char **argv)
{
	uint64_t span = 64 << 20, start, ticks;

	if (argc == 2 && !strcmp(argv[1], "tsc"))
		return print_tsc();
	if (argc < 2) {
		fprintf(stderr, "usage: bench_host_io FILE key=value... | tsc\n");
		return 2;
	}
	o.path = argv[1];
	for (int i = 2; i < argc; i++) {
		o.write = o.write || !strcmp(argv[i], "op=write");
		o.stream = o.stream || !strcmp(argv[i], "stream");
		o.direct = o.direct || !strcmp(argv[i], "direct");
		if (!take_key(argv[i], "bytes", &o.bytes) &&
		    !take_key(argv[i], "depth", &o.depth) && !take_key(argv[i], "span", &span) &&
		    !take_key(argv[i], "seed", &o.seed))
			take_key(argv[i], "ticks", &o.ticks);
	}
	o.seed = o.seed * 2 + 1;
	if (!o.bytes || !o.depth || o.depth > DEPTH_MAX)
		return 2;
	set_up(span);
	keep_busy(0, WARM_UP);
	requests = 0;
	load_times_clear();
	start = __rdtsc();
	keep_busy(start + o.ticks, 1);
	ticks = __rdtsc() - start;
	printf("bench requests=%ju ticks=%ju p50=%ju p99=%ju\n", (uintmax_t)requests,
	       (uintmax_t)ticks, (uintmax_t)load_time_quantile(requests, 50),
	       (uintmax_t)load_time_quantile(requests, 99));
	return 0;
}
