// SPDX-License-Identifier: Apache-2.0
/*
 * Into the background, and the pidfile. See daemon.h.
 *
 * The pidfile is locked as long as its process lives (fcntl(2), F_SETLK: children of ours do not have that lock),
 * so that one which a killed process left is known for what it is. It takes its name complete, by rename(2): who reads
 * it never finds half a number.
 */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iolite/error.h>

#include "cli.h"

enum { PIDFILE_TRIES = 100 }; /* others may be starting and ending all the while */

void iol_daemon_init(struct iol_daemon *daemon)
{
	*daemon = (struct iol_daemon){
		.verb = "run", .ready_fd = -1, .pid_fd = -1, .log_fd = -1, .null_fd = -1
	};
}

/* ---- the pidfile ---- */

static struct flock whole_file(void)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
}

/* The file that is at @path now, locked. -EAGAIN: another file took the name meanwhile. -EBUSY: *@owner has it. */
static int lock_there(const char *path, int *fd, pid_t *owner)
{
	struct flock lock = whole_file();
	struct stat there, ours;

	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
	if (*fd < 0)
		return -errno;
	if (fstat(*fd, &ours))
		return -errno;
	if (!S_ISREG(ours.st_mode))
		return -EINVAL;
	if (fcntl(*fd, F_SETLK, &lock)) {
		if (errno != EACCES && errno != EAGAIN)
			return -errno;
		if (fcntl(*fd, F_GETLK, &lock) || lock.l_type == F_UNLCK)
			return -EAGAIN; /* it ended just now */
		*owner = lock.l_pid;
		return -EBUSY;
	}
	if (stat(path, &there))
		return errno == ENOENT ? -EAGAIN : -errno;
	return there.st_dev == ours.st_dev && there.st_ino == ours.st_ino ? 0 : -EAGAIN;
}

/* A new file with our number takes the place of @path. */
static int put_number(const char *path, int *fd)
{
	g_autofree char *temporary = g_strdup_printf("%s.XXXXXX", path);
	struct flock lock = whole_file();
	char text[24];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid()), ret = 0;

	*fd = g_mkstemp_full(temporary, O_RDWR | O_CLOEXEC, 0644);
	if (*fd < 0)
		return -errno;
	errno = EIO; /* less than all */
	if (write(*fd, text, (size_t)len) != len)
		ret = -errno;
	else if (fcntl(*fd, F_SETLK, &lock) || rename(temporary, path))
		ret = -errno;
	if (ret)
		unlink(temporary);
	return ret;
}

/* What lock_there() may have made: a file with nothing in it is nobody's. */
static void remove_empty(const char *path, int fd)
{
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && !st.st_size)
		unlink(path);
}

static int take_pidfile(struct iol_daemon *daemon)
{
	const char *path = daemon->pidfile;
	int old = -1, ret = -EAGAIN;
	pid_t owner = 0;

	for (int i = 0; i < PIDFILE_TRIES && ret == -EAGAIN; i++) {
		iol_fd_close(&old);
		ret = lock_there(path, &old, &owner);
	}
	if (!ret)
		ret = put_number(path, &daemon->pid_fd);
	if (ret && ret != -EBUSY)
		remove_empty(path, old);
	iol_fd_close(&old);
	if (!ret)
		return 0;
	iol_fd_close(&daemon->pid_fd);
	if (ret == -EBUSY)
		return iol_cli_fail(daemon->verb, IOL_EXIT_USAGE,
				    "--pidfile: %.128s belongs to process %d, which runs: end that "
				    "one first, or name another file",
				    path, (int)owner);
	return iol_cli_fail(daemon->verb, iol_error_is_hosts(ret) ? IOL_EXIT_HOST : IOL_EXIT_USAGE,
			    "--pidfile: %.128s: %s", path,
			    ret == -EINVAL ? "this is no file" : strerror(-ret));
}

/* Ours, that is: another's that took its place stays. */
static void remove_pidfile(struct iol_daemon *daemon)
{
	struct stat there, ours;

	if (daemon->pid_fd < 0)
		return;
	if (!fstat(daemon->pid_fd, &ours) && !stat(daemon->pidfile, &there) &&
	    there.st_dev == ours.st_dev && there.st_ino == ours.st_ino)
		unlink(daemon->pidfile);
	iol_fd_close(&daemon->pid_fd);
}

/* ---- the background ---- */

static bool needs_terminal(const struct iol_char_config *line)
{
	return line->kind == IOL_CHAR_STDIO || line->kind == IOL_CHAR_MUX;
}

static int check_lines(const struct iol_config *config)
{
	for (unsigned int i = 0; i < config->serial_count; i++)
		if (needs_terminal(&config->serials[i]))
			return iol_cli_fail(
				"run", IOL_EXIT_USAGE,
				"--daemonize: serial line %u is at the terminal, which a machine in "
				"the background has not: give it another end, such as -s null, "
				"-s pty,link=PATH or -s unix:PATH",
				i);
	if (config->has_console && needs_terminal(&config->console))
		return iol_cli_fail("run", IOL_EXIT_USAGE,
				    "--daemonize: the console is at the terminal, which a machine "
				    "in the background has not: give it another end, such as "
				    "--console unix:PATH");
	return 0;
}

/* What the process in the background says, or that it ended without a word. */
static int await(const struct iol_daemon *daemon, int fd)
{
	unsigned char status;
	ssize_t len;

	do {
		len = read(fd, &status, 1);
	} while (len < 0 && errno == EINTR);
	if (len == 1)
		return status;
	return iol_cli_fail(daemon->verb, IOL_EXIT_HOST,
			    "--daemonize: the process in the background was killed before it "
			    "was ready");
}

/* Twice: who is no leader of a session gets no terminal by opening one. */
static int fork_away(struct iol_daemon *daemon, bool *waited)
{
	int ends[2], status;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return iol_cli_fail(daemon->verb, IOL_EXIT_HOST, "pipe: %s", strerror(errno));
	child = fork();
	if (child < 0) {
		status = iol_cli_fail(daemon->verb, IOL_EXIT_HOST, "fork: %s", strerror(errno));
		close(ends[0]);
		close(ends[1]);
		return status;
	}
	if (child) {
		close(ends[1]);
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			continue;
		status = await(daemon, ends[0]);
		close(ends[0]);
		*waited = true;
		return status;
	}
	close(ends[0]);
	setsid();
	child = fork();
	if (child)
		_exit(0); /* had it failed, the end of the pipe tells */
	daemon->ready_fd = ends[1];
	daemon->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	daemon->background = true;
	return 0;
}

static void tell(struct iol_daemon *daemon, int status)
{
	unsigned char byte = (unsigned char)status;

	if (daemon->ready_fd < 0)
		return;
	/* Who does not wait any more need not be told. */
	if (write(daemon->ready_fd, &byte, 1) < 0)
		errno = 0;
	iol_fd_close(&daemon->ready_fd);
}

static int open_log(struct iol_daemon *daemon)
{
	daemon->log_fd =
		open(daemon->log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
	if (daemon->log_fd < 0)
		return iol_cli_fail(daemon->verb,
				    iol_error_is_hosts(-errno) ? IOL_EXIT_HOST : IOL_EXIT_USAGE,
				    "--log-file: %.128s: %s", daemon->log_file, strerror(errno));
	/* In the background what goes wrong before the machine runs is for who waits. */
	if (!daemon->daemonize)
		dup2(daemon->log_fd, STDERR_FILENO);
	return 0;
}

int iol_daemon_begin(struct iol_daemon *daemon, const struct iol_config *config, bool *waited)
{
	int status = 0;

	*waited = false;
	if (daemon->daemonize) {
		status = config ? check_lines(config) : 0;
		if (!status)
			status = fork_away(daemon, waited);
	}
	if (status || *waited)
		return status;
	if (daemon->pidfile)
		status = take_pidfile(daemon);
	if (!status && daemon->log_file)
		status = open_log(daemon);
	return status;
}

void iol_daemon_ready(struct iol_daemon *daemon)
{
	const int null = daemon->null_fd;

	if (!daemon->background)
		return;
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(daemon->log_fd >= 0 ? daemon->log_fd : null, STDERR_FILENO);
	}
	iol_fd_close(&daemon->null_fd);
	tell(daemon, IOL_EXIT_OK);
}

void iol_daemon_finish(struct iol_daemon *daemon, int status)
{
	tell(daemon, status);
	remove_pidfile(daemon);
	iol_fd_close(&daemon->log_fd);
	iol_fd_close(&daemon->null_fd);
	g_free(daemon->pidfile);
	g_free(daemon->log_file);
}
