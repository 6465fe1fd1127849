// SPDX-License-Identifier: Apache-2.0
/*
 * The process of a partition. See child.h.
 *
 * Between fork() and exec() the child waits until its supervisor has written down who it is: a supervisor that is killed leaves no
 * machine that the next one does not know of, as the end of the pipe ends the child.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CONFIG_FD = 3 };

static int make_config(const char *json, struct iol_error *err)
{
	int fd = memfd_create("iolite-partition", MFD_CLOEXEC);
	size_t len = strlen(json), done = 0;

	if (fd < 0)
		return iol_error_errno(err, -errno, "memfd");
	while (done < len) {
		ssize_t now = write(fd, json + done, len - done);

		if (now < 0 && errno == EINTR)
			continue;
		if (now <= 0) {
			iol_fd_close(&fd);
			return iol_error_errno(err, -errno, "memfd");
		}
		done += (size_t)now;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* In the child, which has one thread: what a process inherits that is not to be known for its parent. */
static void prepare(const struct iol_child_config *config, int config_fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	if (config->log_fd >= 0)
		dup2(config->log_fd, STDERR_FILENO);
	if (config_fd == CONFIG_FD)
		fcntl(config_fd, F_SETFD, 0);
	else
		dup2(config_fd, CONFIG_FD);
	setenv("NOTIFY_SOCKET", config->notify, 1);
}

/* The word, or the end of who would give it. */
static bool may_go(int fd)
{
	ssize_t len;
	char word;

	do {
		len = read(fd, &word, 1);
	} while (len < 0 && errno == EINTR);
	return len == 1;
}

static _Noreturn void become_machine(const struct iol_child_config *config, int config_fd,
				     int go_fd)
{
	static const char path[] = "/proc/self/exe";
	char file[] = "/proc/self/fd/3";
	char program[] = "iolite", verb[] = "run";
	char *const argv[] = { program, verb, file, NULL };

	/* An OFD lock is of all who have it open. */
	if (config->lock_fd >= 0)
		close(config->lock_fd);
	if (!may_go(go_fd))
		_exit(EXIT_FAILURE);
	prepare(config, config_fd);
	execv(path, argv);
	_exit(EXIT_FAILURE);
}

int iol_child_fork(const struct iol_child_config *config, struct iol_child *child,
		   struct iol_error *err)
{
	iol_auto(iol_fd_close) int config_fd = make_config(config->json, err);
	int ends[2];

	if (config_fd < 0)
		return config_fd;
	if (pipe2(ends, O_CLOEXEC))
		return iol_error_errno(err, -errno, "pipe");
	child->pid = fork();
	if (!child->pid) {
		close(ends[1]);
		become_machine(config, config_fd, ends[0]);
	}
	close(ends[0]);
	child->go_fd = ends[1];
	if (child->pid > 0)
		return 0;
	iol_error_errno(err, -errno, "fork");
	iol_fd_close(&child->go_fd);
	return err->code;
}

void iol_child_go(struct iol_child *child)
{
	/* It cannot be full; one that was killed meanwhile is seen by its end. */
	if (write(child->go_fd, "", 1) < 0)
		errno = 0;
	iol_fd_close(&child->go_fd);
}

void iol_child_drop(struct iol_child *child)
{
	iol_fd_close(&child->go_fd);
}
