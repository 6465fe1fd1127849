/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody can do in a process that gave something up: a child of the test's, which is he. */
#ifndef IOL_TEST_CONFINED_H
#define IOL_TEST_CONFINED_H

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iolite/error.h>

enum { CONFINED_SKIP = 77, CONFINED_FAILED = 78, CONFINED_LIMIT_MS = 20000 };

/* Its wait status. @run is called in the child with @data, and its result is the exit status; nothing else of the test runs there. */
static inline int run_confined(int (*run)(void *data), void *data)
{
	struct pollfd pfd = { .events = POLLIN };
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		int ret = run(data);

		fflush(NULL);
		_exit(ret);
	}
	g_assert_cmpint(pid, >, 0);
	pfd.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pfd.fd >= 0 && poll(&pfd, 1, CONFINED_LIMIT_MS) != 1) {
		kill(pid, SIGKILL);
		g_error("the child does not end");
	}
	iol_fd_close(&pfd.fd);
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	return status;
}

/* 0 is what is right; else the number of what was possible, or CONFINED_... */
static inline void check_confined(int (*run)(void *data), void *data)
{
	int status = run_confined(run, data);

	if (!WIFEXITED(status))
		g_error("wait status 0x%x", (unsigned int)status);
	if (WEXITSTATUS(status) == CONFINED_SKIP)
		g_test_skip("this kernel, or this user, cannot do it");
	else
		g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

/* In the child: @ret of a function under test that must not fail. */
static inline int confined_failed(int ret, const struct iol_error *err)
{
	if (ret >= 0)
		return 0;
	fprintf(stderr, "%s\n", err->msg);
	return CONFINED_FAILED;
}

#endif
