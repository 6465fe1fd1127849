// SPDX-License-Identifier: Apache-2.0
/*
 * Builds the image that a power cut would have left of a disk:
 *
 *   powercut LOG IMAGE_SIZE POINT SEED OUT [BASE]
 *
 * LOG was written by a disk with fault=log=LOG, POINT is a number of records or "last", OUT is made anew
 * from BASE, or from zeros. Prints what it did; exit status 2: wrong use.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iolite/size.h>

#include "powercut.h"

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "powercut: %s: %s\n", what, why);
	return 1;
}

static bool copy_base(const char *path, uint8_t *image, uint64_t size)
{
	iol_auto(iol_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t at = 0;

	while (fd >= 0 && at < size) {
		ssize_t n = pread(fd, image + at, size - at, (off_t)at);

		if (n <= 0)
			return n == 0;
		at += (uint64_t)n;
	}
	return fd >= 0;
}

static int build(char **argv, uint64_t size, const char *base)
{
	iol_auto(iol_fd_close) int fd = open(argv[5], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct powercut cut = { 0 };
	g_autofree char *error = NULL;
	uint64_t point;
	uint8_t *image;

	if (fd < 0 || ftruncate(fd, (off_t)size))
		return fail(argv[5], strerror(errno));
	image = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (image == MAP_FAILED)
		return fail(argv[5], strerror(errno));
	if (base && !copy_base(base, image, size))
		return fail(base, strerror(errno));
	error = powercut_load(&cut, argv[1]);
	if (!error) {
		point = strcmp(argv[3], "last") ? strtoull(argv[3], NULL, 0) : cut.records->len;
		powercut_apply(&cut, image, size, point, strtoull(argv[4], NULL, 0));
		printf("%s: cut after %" PRIu64 " of %u records\n", argv[5], point,
		       cut.records->len);
	}
	powercut_finish(&cut);
	munmap(image, size);
	return error ? fail(argv[1], error) : 0;
}

int main(int argc, char **argv)
{
	struct iol_error err;
	uint64_t size;

	if (argc != 6 && argc != 7) {
		fprintf(stderr, "usage: powercut LOG IMAGE_SIZE POINT SEED OUT [BASE]\n");
		return 2;
	}
	if (iol_size_parse(argv[2], &size, &err) || !size) {
		fprintf(stderr, "powercut: IMAGE_SIZE %s is no size\n", argv[2]);
		return 2;
	}
	return build(argv, size, argv[6]);
}
