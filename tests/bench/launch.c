// SPDX-License-Identifier: Apache-2.0
/*
 * bench_launch COMMAND [ARGUMENT...]: how long a VMM takes from fork+exec to its guest's first byte
 * on standard output (marker.h). Prints "WALL_NS CPU_NS" and kills it. CPU time is that of the whole
 * process, user and system, the end included. Exit status 1 when the byte did not come.
 *
 * A program of its own, and small, so that neither a large parent's fork nor an interpreter is in
 * the figures.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "marker.h"

enum { LIMIT_MS = 20000 };

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t timeval_ns(struct timeval tv)
{
	return (uint64_t)tv.tv_sec * 1000000000u + (uint64_t)tv.tv_usec * 1000u;
}

/* Reads until the marker; false when the other end closes or takes too long. */
static bool await_marker(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	unsigned char buf[256];

	while (poll(&pfd, 1, LIMIT_MS) > 0) {
		ssize_t len = read(fd, buf, sizeof(buf));

		if (len <= 0)
			return false;
		if (memchr(buf, BENCH_MARKER, (size_t)len))
			return true;
	}
	return false;
}

/*
 * vfork: the child borrows our memory until its exec. posix_spawn would do the same, and reset 64
 * signal handlers first.
 */
static pid_t start(char **argv, int in, int out)
{
	pid_t pid = vfork();

	if (pid)
		return pid;
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	execvp(argv[0], argv);
	_exit(127);
}

int main(int argc, char **argv)
{
	uint64_t start_ns, wall_ns;
	struct rusage usage;
	int pipe_fds[2], null, status;
	bool alive;
	pid_t pid;

	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (argc < 2 || null < 0 || pipe2(pipe_fds, O_CLOEXEC))
		return 2;
	start_ns = now_ns();
	pid = start(argv + 1, null, pipe_fds[1]);
	close(pipe_fds[1]);
	alive = await_marker(pipe_fds[0]);
	wall_ns = now_ns() - start_ns;
	kill(pid, SIGKILL);
	if (wait4(pid, &status, 0, &usage) != pid)
		return 1;
	if (!alive) {
		fprintf(stderr, "%s: %s\n", argv[1],
			WIFEXITED(status) && WEXITSTATUS(status) == 127
				? "cannot be run"
				: "its guest gave no sign of life");
		return 1;
	}
	printf("%ju %ju\n", (uintmax_t)wall_ns,
	       (uintmax_t)(timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime)));
	return 0;
}
