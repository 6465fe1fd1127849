// SPDX-License-Identifier: Apache-2.0
/*
 * See sweeper.h. The process reads a list that is complete before a guest runs, waits for a byte, and removes what is still the
 * same file. A machine that was killed leaves its names behind, as ever: whoever comes next may be about to take them.
 *
 * The list: for each name a struct item and the path with its NUL, then an item without a path.
 */
#include "sweeper.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NAMES_MAX = 64, PIPE_AT = 3 };

struct item {
	uint32_t path_bytes; /* with its NUL; 0: the list is complete */
	dev_t dev;
	ino_t ino;
};

/* False: the end, or an error. */
static bool read_all(int fd, void *buf, size_t len)
{
	while (len) {
		ssize_t got = read(fd, buf, len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		buf = (char *)buf + got;
		len -= (size_t)got;
	}
	return true;
}

static bool write_all(int fd, const void *buf, size_t len)
{
	while (len) {
		ssize_t put = write(fd, buf, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		buf = (const char *)buf + put;
		len -= (size_t)put;
	}
	return true;
}

/* --- in the process --- */

struct name {
	struct item item;
	char path[PATH_MAX];
};

/* Of its own: nothing is allocated behind a fork(). */
static struct name names_of[NAMES_MAX];

/* False: the list is not complete. */
static bool read_names(int fd, unsigned int *count)
{
	struct item item;

	for (*count = 0; read_all(fd, &item, sizeof(item)); (*count)++) {
		struct name *name = &names_of[*count];

		if (!item.path_bytes)
			return true;
		if (*count == NAMES_MAX || item.path_bytes > sizeof(name->path) ||
		    !read_all(fd, name->path, item.path_bytes))
			return false;
		name->item = item;
		name->path[item.path_bytes - 1] = '\0';
	}
	return false;
}

static void sweep(unsigned int count)
{
	struct stat st;

	/* Another machine may have the name by now. */
	for (unsigned int i = 0; i < count; i++)
		if (!lstat(names_of[i].path, &st) && st.st_dev == names_of[i].item.dev &&
		    st.st_ino == names_of[i].item.ino)
			unlink(names_of[i].path);
}

/* Signals to the group, or to all of a service, are not for it: it ends when the machine has. */
static void settle_in(int fd)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setpgid(0, 0);
	prctl(PR_SET_NAME, "sweeper");
	if (fd != PIPE_AT)
		dup2(fd, PIPE_AT);
	close(0);
	close(1);
	close(2);
	syscall(SYS_close_range, PIPE_AT + 1, ~0U, 0);
}

static void __attribute__((noreturn)) main_of(int fd)
{
	int status = EXIT_FAILURE;
	unsigned int count;
	char word;

	settle_in(fd);
	if (read_names(PIPE_AT, &count) && read_all(PIPE_AT, &word, 1)) {
		sweep(count);
		status = EXIT_SUCCESS;
	}
	syscall(SYS_exit_group, status);
	__builtin_unreachable();
}

/* --- in the machine --- */

int iol_sweeper_start(pid_t *pid, int *fd, struct iol_error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return iol_error_errno(err, -errno, "cannot make a pipe");
	*pid = fork();
	if (!*pid) {
		close(ends[1]);
		main_of(ends[0]);
	}
	close(ends[0]);
	if (*pid < 0) {
		*pid = 0;
		close(ends[1]);
		return iol_error_errno(err, -errno,
				       "cannot start the process that removes names at the end");
	}
	*fd = ends[1];
	return 0;
}

static bool give(int fd, const char *name)
{
	struct item item = { .path_bytes = (uint32_t)strlen(name) + 1 };
	struct stat st;

	if (item.path_bytes > PATH_MAX || lstat(name, &st))
		return true;
	item.dev = st.st_dev;
	item.ino = st.st_ino;
	return write_all(fd, &item, sizeof(item)) && write_all(fd, name, item.path_bytes);
}

int iol_sweeper_give(int fd, char *const *names, size_t count, struct iol_error *err)
{
	const struct item end = { 0 };
	bool ok = true;

	g_assert(count <= NAMES_MAX);
	for (size_t i = 0; i < count && ok; i++)
		ok = give(fd, names[i]);
	if (ok && write_all(fd, &end, sizeof(end)))
		return 0;
	return iol_error_errno(err, -errno, "the process that removes names at the end is gone");
}

bool iol_sweeper_finish(pid_t *pid, int *fd)
{
	int status = 0;

	if (*fd >= 0)
		write_all(*fd, "", 1); /* it may be gone; SIGPIPE is ignored */
	iol_fd_close(fd);
	if (*pid)
		while (waitpid(*pid, &status, 0) < 0 && errno == EINTR)
			continue;
	*pid = 0;
	return !status;
}
