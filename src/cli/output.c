// SPDX-License-Identifier: Apache-2.0
/* Output to a file in one piece. See output.h. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t done = write(fd, data, len);

		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			data += done;
			len -= (size_t)done;
		}
	}
	return 0;
}

static int host_error(struct iol_error *err, int code, const char *name)
{
	iol_error_errno(err, code, "%.128s", name);
	err->host_fault = true;
	return code;
}

/* What is no regular file cannot be replaced, and would not be missed: a pipe, /dev/null. */
static int write_through(const char *path, const void *data, size_t len, struct iol_error *err)
{
	iol_auto(iol_fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	int ret;

	if (fd < 0)
		return iol_error_errno(err, -errno, "--output: %.128s", path);
	ret = write_all(fd, data, len);
	return ret ? host_error(err, ret, path) : 0;
}

/* A file beside @path, on the disk before it takes that name. */
static int write_beside(const char *path, mode_t mode, const void *data, size_t len,
			struct iol_error *err)
{
	g_autofree char *temporary = g_strdup_printf("%s.XXXXXX", path);
	iol_auto(iol_fd_close) int fd = g_mkstemp_full(temporary, O_WRONLY | O_CLOEXEC, 0666);
	int ret;

	if (fd < 0)
		return iol_error_errno(err, -errno, "--output: %.128s", path);
	ret = write_all(fd, data, len);
	if (!ret && ((mode && fchmod(fd, mode)) || fsync(fd) || rename(temporary, path)))
		ret = -errno;
	if (ret) {
		unlink(temporary);
		return host_error(err, ret, path);
	}
	return 0;
}

int iol_output_write(const char *path, const void *data, size_t len, struct iol_error *err)
{
	char resolved[PATH_MAX];
	struct stat st;
	int ret;

	if (!path) {
		ret = write_all(STDOUT_FILENO, data, len);
		return ret ? host_error(err, ret, "standard output") : 0;
	}
	if (stat(path, &st))
		return write_beside(path, 0, data, len, err);
	if (!S_ISREG(st.st_mode))
		return write_through(path, data, len, err);
	/* Through a symbolic link its target is meant. */
	if (!realpath(path, resolved))
		return iol_error_errno(err, -errno, "--output: %.128s", path);
	return write_beside(resolved, st.st_mode & 07777, data, len, err);
}
