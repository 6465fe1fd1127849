// SPDX-License-Identifier: Apache-2.0
/* Unix stream sockets by path (unix(7)). See net_stream_path.h. Any thread. */
#include "net_stream_path.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int iol_net_path_check(const char *path, struct iol_error *err)
{
	const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

	if (!*path)
		return iol_error_set(err, -EINVAL, "the path of the socket is empty");
	if (strlen(path) > max)
		return iol_error_set(err, -EINVAL,
				     "the path of the socket is longer than %zu bytes: %.120s", max,
				     path);
	return 0;
}

/* @use is bind() or connect(). */
static int open_with(const char *path,
		     int (*use)(int fd, const struct sockaddr *address, socklen_t len))
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (!use(fd, (const struct sockaddr *)&address, sizeof(address)))
		return fd;
	iol_fd_close(&fd);
	return -errno;
}

static int by_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	return connect(fd, address, len);
}

static int by_bind(int fd, const struct sockaddr *address, socklen_t len)
{
	/* Linux makes the file with the socket's own mode: its owner's alone. */
	fchmod(fd, S_IRUSR | S_IWUSR);
	return bind(fd, address, len);
}

int iol_net_path_connect(const char *path)
{
	return open_with(path, by_connect);
}

/* What is at @path is in the way: 0: it was a socket of the past, and is gone. */
static int clear(const char *path, struct iol_error *err)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) || !S_ISSOCK(st.st_mode))
		return iol_error_set(err, -EEXIST,
				     "cannot listen at %s: it exists and is no socket", path);
	fd = iol_net_path_connect(path);
	if (fd != -ECONNREFUSED) {
		iol_fd_close(&fd);
		return iol_error_set(err, -EADDRINUSE,
				     "cannot listen at %s: another program does; stop it, or name "
				     "another path",
				     path);
	}
	if (unlink(path))
		return iol_error_errno(err, -errno, "cannot remove the old socket %s", path);
	return 0;
}

int iol_net_path_listen(const char *path, struct iol_error *err)
{
	int fd, ret = iol_net_path_check(path, err);

	if (ret)
		return ret;
	fd = open_with(path, by_bind);
	if (fd == -EADDRINUSE) {
		ret = clear(path, err);
		if (ret)
			return ret;
		fd = open_with(path, by_bind);
	}
	if (fd < 0)
		return iol_error_errno(err, fd, "cannot listen at %s", path);
	if (!listen(fd, 1))
		return fd;
	ret = iol_error_errno(err, -errno, "cannot listen at %s", path);
	iol_fd_close(&fd);
	unlink(path);
	return ret;
}
