// SPDX-License-Identifier: Apache-2.0
/*
 * bench_count COMMAND [ARGUMENT...]: the system calls that a VMM, with all its threads, makes from
 * exec to its guest's first byte on standard output (marker.h), by ptrace(2). Prints lines "all N",
 * then "kvm REQUEST N" for each KVM ioctl; an exit to user space is a KVM_RUN. Exit status 1 when
 * the byte did not come, 3 when ptrace is not to be had.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "marker.h"

enum { REQUESTS_MAX = 64, LIMIT_S = 20 };

static struct {
	unsigned int all;
	unsigned int request_count;
	struct {
		uint32_t request;
		unsigned int count;
	} requests[REQUESTS_MAX];
} counts;

static void count_kvm(uint32_t request)
{
	unsigned int i = 0;

	while (i < counts.request_count && counts.requests[i].request != request)
		i++;
	if (i == REQUESTS_MAX)
		return;
	if (i == counts.request_count)
		counts.requests[counts.request_count++].request = request;
	counts.requests[i].count++;
}

static void count_entry(pid_t tid)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	counts.all++;
	if (info.entry.nr == SYS_ioctl && _IOC_TYPE((uint32_t)info.entry.args[1]) == KVMIO)
		count_kvm((uint32_t)info.entry.args[1]);
}

static bool marker_came(int fd)
{
	unsigned char buf[256];
	ssize_t len = read(fd, buf, sizeof(buf));

	return len > 0 && memchr(buf, BENCH_MARKER, (size_t)len);
}

/* Waits for stops and counts until the marker comes; false when everything has ended before. */
static bool trace(int fd)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL)) > 0) {
		int sig = 0;

		if (!WIFSTOPPED(status))
			continue;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			count_entry(tid);
		else if (!(status >> 16) && WSTOPSIG(status) != SIGSTOP)
			sig = WSTOPSIG(status); /* the VMM's own signal */
		if (marker_came(fd))
			return true;
		ptrace(PTRACE_SYSCALL, tid, 0, sig);
	}
	return false;
}

static void child(char **argv, int out)
{
	int null = open("/dev/null", O_RDONLY);

	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	alarm(LIMIT_S); /* survives exec */
	if (ptrace(PTRACE_TRACEME, 0, 0, 0))
		_exit(3);
	raise(SIGSTOP);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(1);
}

static void print_counts(void)
{
	printf("all %u\n", counts.all);
	for (unsigned int i = 0; i < counts.request_count; i++)
		printf("kvm 0x%08x %u\n", counts.requests[i].request, counts.requests[i].count);
}

int main(int argc, char **argv)
{
	int pipe_fds[2], status;
	bool alive;
	pid_t pid;

	if (argc < 2 || pipe2(pipe_fds, O_CLOEXEC) || fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK))
		return 2;
	pid = fork();
	if (!pid)
		child(argv + 1, pipe_fds[1]);
	close(pipe_fds[1]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return 3;
	if (ptrace(PTRACE_SETOPTIONS, pid, 0,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
			   PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)) {
		kill(pid, SIGKILL);
		return 3;
	}
	ptrace(PTRACE_SYSCALL, pid, 0, 0);
	alive = trace(pipe_fds[0]);
	kill(pid, SIGKILL);
	if (!alive) {
		fprintf(stderr, "%s: its guest gave no sign of life\n", argv[1]);
		return 1;
	}
	print_counts();
	return 0;
}
