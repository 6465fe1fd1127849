/* SPDX-License-Identifier: Apache-2.0 */
/* Unix stream sockets by path: what all who listen or connect there begin with. Any thread. */
#ifndef IOLITE_UNIX_PATH_H
#define IOLITE_UNIX_PATH_H

#include <sys/types.h>

#include <iolite/error.h>

/* The file of a socket that listens, as it was made. All zero: none. */
struct iol_unix_path_file {
	char *path;
	dev_t dev;
	ino_t ino;
};

/* 0, or -EINVAL with a text: empty, or too long for a socket (struct sockaddr_un). */
int iol_unix_path_check(const char *path, struct iol_error *err);

/* A connected non-blocking descriptor, or -errno, which is in errno, too. Never waits. */
int iol_unix_path_connect(const char *path);
/*
 * A listening non-blocking descriptor, its owner's alone, or -errno with a text. A socket that nobody has bound any more
 * is replaced. Waits for others who begin to listen in the same folder, for a moment. @file is to be removed before the
 * descriptor is closed.
 */
int iol_unix_path_listen(const char *path, int backlog, struct iol_unix_path_file *file,
			 struct iol_error *err);
/* Removes the file where it is still ours. Idempotent. */
void iol_unix_path_remove(struct iol_unix_path_file *file);

#endif
