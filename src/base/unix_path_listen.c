// SPDX-License-Identifier: Apache-2.0
/*
 * Unix stream sockets by path (unix(7)). See include/iolite/unix_path.h. Any thread.
 *
 * Who was killed leaves its socket behind, which is in the way of the next one: it is told from a live one by that
 * no process has it bound, and removed. Whoever has it bound is not to notice: a stream that is connected is a client,
 * and gets what is kept for the first one. A datagram socket cannot be, and is told so (EPROTOTYPE).
 *
 * That is several steps, which two that start at once must not mix: both find the same socket left over, and the second
 * removes the one that the first has put in its place. So they are made under a lock on the folder. It is advice:
 * others may hold it for reasons of their own, or may not let us have it, and then it is done without.
 */
#include <iolite/unix_path.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <iolite/leftover.h>
#include <iolite/log.h>

enum { LOCK_LOOK_US = 10 * 1000, LOCK_LOOKS_MAX = 200 }; /* two seconds */

/* @use is bind() or connect(). */
static int open_with(const char *path, int type,
		     int (*use)(int fd, const struct sockaddr *address, socklen_t len))
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

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

int iol_unix_path_connect(const char *path)
{
	return open_with(path, SOCK_STREAM, by_connect);
}

/*
 * The folder whose lock was last waited for in vain. Who holds it, holds it: a machine with several sockets there
 * does not wait for each of them.
 */
static struct {
	pthread_mutex_t lock;
	bool known;
	dev_t dev;
	ino_t ino;
} given_up = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool was_given_up(const struct stat *folder)
{
	bool was;

	pthread_mutex_lock(&given_up.lock);
	was = given_up.known && given_up.dev == folder->st_dev && given_up.ino == folder->st_ino;
	pthread_mutex_unlock(&given_up.lock);
	return was;
}

static void set_given_up(const struct stat *folder, bool known)
{
	pthread_mutex_lock(&given_up.lock);
	given_up.known = known;
	given_up.dev = folder->st_dev;
	given_up.ino = folder->st_ino;
	pthread_mutex_unlock(&given_up.lock);
}

/* Takes the lock on the open folder @fd; false: it is not to be had. */
static bool lock_fd(int fd, const struct stat *folder, const char *path)
{
	bool waits = !was_given_up(folder);
	unsigned int looks = 0;

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK) {
			iol_log(IOL_LOG_DEBUG, "cannot lock the folder of %s: %s; going on without",
				path, strerror(errno));
			return false;
		}
		if (!waits)
			return false;
		if (++looks > LOCK_LOOKS_MAX) {
			iol_log(IOL_LOG_WARN,
				"cannot lock the folder of %s: another program holds it; going on "
				"without; put the socket into a folder of your own",
				path);
			set_given_up(folder, true);
			return false;
		}
		g_usleep(LOCK_LOOK_US);
	}
	if (!waits)
		set_given_up(folder, false);
	return true;
}

/* A descriptor that holds the lock on the folder of @path; -1: none. */
static int lock_folder(const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) || !lock_fd(fd, &st, path)))
		iol_fd_close(&fd);
	return fd;
}

/* 0: nobody has the socket at @path bound; 1: it is gone; -errno with a text. */
static int probe(const char *path, struct iol_error *err)
{
	int fd = open_with(path, SOCK_DGRAM, by_connect);

	switch (fd) {
	case -ECONNREFUSED:
		return 0;
	case -ENOENT: /* its owner has removed it */
		return 1;
	case -EAGAIN:
	case -EPROTOTYPE:
		break;
	default:
		if (fd < 0)
			return iol_error_errno(err, fd,
					       "cannot tell whether somebody listens at '%s'; "
					       "remove it if not, or give another path",
					       path);
		iol_fd_close(&fd);
	}
	return iol_error_set(err, -EADDRINUSE,
			     "'%s' is in use: somebody listens there; stop them, or give "
			     "another path",
			     path);
}

/* What is at @path is in the way: 0: it was a socket of the past, and is gone. */
static int clear(const char *path, struct iol_error *err)
{
	struct stat st;
	int ret;

	if (lstat(path, &st))
		return errno == ENOENT ? 0
				       : iol_error_errno(err, -errno, "cannot look at '%s'", path);
	if (!S_ISSOCK(st.st_mode))
		return iol_error_set(err, -EEXIST,
				     "'%s' is there and is no socket: take it away, or give "
				     "another path",
				     path);
	ret = probe(path, err);
	if (ret)
		return ret < 0 ? ret : 0;
	if (unlink(path) && errno != ENOENT)
		return iol_error_errno(err, -errno,
				       "cannot remove '%s', a socket that nobody listens at", path);
	return 0;
}

/* -errno: whose file it is cannot be told, and at the end nobody would remove it. */
static int note_file(const char *path, struct iol_unix_path_file *file)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	*file = (struct iol_unix_path_file){ g_strdup(path), st.st_dev, st.st_ino };
	return 0;
}

static int listen_once(const char *path, int backlog, struct iol_unix_path_file *file,
		       struct iol_error *err)
{
	iol_auto(iol_fd_close) int lock = -1;
	int fd, ret;

	lock = lock_folder(path);
	fd = open_with(path, SOCK_STREAM, by_bind);
	if (fd == -EADDRINUSE) {
		ret = clear(path, err);
		if (ret)
			return ret;
		fd = open_with(path, SOCK_STREAM, by_bind);
	}
	if (fd < 0)
		return iol_error_errno(err, fd, "cannot listen at '%s'%s", path,
				       fd == -ENOENT ? ": make its folder first" : "");
	ret = note_file(path, file);
	if (!ret && !listen(fd, backlog))
		return fd;
	ret = iol_error_errno(err, ret ? ret : -errno, "cannot listen at '%s'", path);
	if (file->path)
		iol_unix_path_remove(file);
	else
		unlink(path); /* bound just now */
	iol_fd_close(&fd);
	return ret;
}

int iol_unix_path_listen(const char *path, int backlog, struct iol_unix_path_file *file,
			 struct iol_error *err)
{
	unsigned int looks = 0;
	int ret = iol_unix_path_check(path, err);

	if (ret)
		return ret;
	while ((ret = listen_once(path, backlog, file, err)) == -EADDRINUSE &&
	       iol_leftover_wait(&looks))
		;
	return ret;
}

void iol_unix_path_remove(struct iol_unix_path_file *file)
{
	struct stat st;

	/* Another one may listen there by now. */
	if (file->path && !lstat(file->path, &st) && st.st_dev == file->dev &&
	    st.st_ino == file->ino)
		unlink(file->path);
	g_clear_pointer(&file->path, g_free);
}
