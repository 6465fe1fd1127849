/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that goes into guest memory at start and at every reset: kernel, initrd. It stays open, so
 * that a file replaced on disk does not change a running machine, and is read with pread(2), never
 * mapped (a file that is cut short must give an error, not a signal).
 */
#ifndef IOLITE_IMAGE_H
#define IOLITE_IMAGE_H

#include <iolite/memory.h>

struct iol_image {
	int fd; /* -1: none */
	uint64_t size_bytes; /* as of the opening */
	const char *path; /* borrowed, for messages */
};

/* Opens @path: a regular file that is not empty, else -errno with a text that starts with the path. */
int iol_image_open(struct iol_image *image, const char *path, struct iol_error *err);

/* Wraps @fd, which the image then owns (tests, memfd). */
int iol_image_from_fd(struct iol_image *image, int fd, const char *name, struct iol_error *err);
void iol_image_close(struct iol_image *image);

/*
 * Reads exactly [offset, offset + len). -EINVAL when the range is not inside the file as it was
 * opened, -EIO when the file became shorter since; the text starts with the path.
 */
int iol_image_read(const struct iol_image *image, uint64_t offset, void *buf, uint64_t len,
		   struct iol_error *err);

/* Reads [offset, offset + len) to guest address @gpa. As above; -ENOSPC when it does not fit RAM. */
int iol_image_load(const struct iol_image *image, uint64_t offset, uint64_t len,
		   const struct iol_memory *mem, uint64_t gpa, struct iol_error *err);

#endif
