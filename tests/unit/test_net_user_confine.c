// SPDX-License-Identifier: Apache-2.0
/* What somebody can do who has taken over the process of libslirp: the test is he. */
#include "backend/net_user_confine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/net_child.h"
#include "net_rig.h"

enum { NO_FILTER = 77, NOT_CONFINED = 78 };

static pid_t parent;
static char parents_memory[64];

/* Runs @attack in a confined child: what it returns, or NO_FILTER. */
static int run_confined(int (*attack)(void))
{
	struct iol_error err = { 0 };
	struct net_child child;
	struct iol_loop loop;
	int pair[2], status;

	g_assert_cmpint(iol_loop_init(&loop, &err), ==, 0);
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
	parent = getpid();
	snprintf(parents_memory, sizeof(parents_memory), "/proc/%d/mem", (int)parent);
	if (!iol_net_child_fork(&child, &loop, pair[1], -1, -1, &err)) {
		int ret = iol_net_user_confine(&err);

		if (ret < 0)
			fprintf(stderr, "%s\n", err.msg);
		_exit(ret < 0 ? NOT_CONFINED : ret ? NO_FILTER : attack());
	}
	if (child.pid <= 0)
		g_error("%s", err.msg);
	iol_net_child_grace(&child, 10000);
	iol_net_child_finish(&child);
	status = child.status;
	iol_fd_close(&pair[0]);
	iol_fd_close(&pair[1]);
	iol_loop_finish(&loop);
	if (!WIFEXITED(status))
		g_error("wait status 0x%x", (unsigned int)status);
	return WEXITSTATUS(status);
}

static void check(int (*attack)(void))
{
	int got = run_confined(attack);

	if (got == NO_FILTER)
		g_test_skip("no filter of system calls here");
	else
		g_assert_cmpint(got, ==, 0);
}

static bool opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	bool ok = fd >= 0;

	iol_fd_close(&fd);
	return ok;
}

/* --- attacks: 0, or the number of what was possible --- */

static int reach_files(void)
{
	struct iovec iov = { .iov_base = parents_memory, .iov_len = 1 };
	struct stat st;

	if (opens(parents_memory, O_RDWR) || opens(parents_memory, O_RDONLY))
		return 1;
	if (opens("/etc/passwd", O_RDONLY) || opens("/etc/passwd", O_WRONLY))
		return 2;
	if (opens("/", O_RDONLY | O_DIRECTORY) || !stat("/etc/passwd", &st) || !access("/", F_OK))
		return 3;
	if (opens("/tmp/iolite-confined", O_WRONLY | O_CREAT) || !unlink("/tmp/iolite-none") ||
	    errno != EPERM)
		return 4;
	if (process_vm_readv(parent, &iov, 1, &iov, 1, 0) >= 0)
		return 5;
	return 0;
}

static int reach_processes(void)
{
	static char *const argv[] = { NULL };
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (pid > 0)
		return 1;
	if (!kill(parent, 0) || !kill(getpid(), 0) || !ptrace(PTRACE_ATTACH, parent, NULL, NULL))
		return 2;
	/* A signal of one's choice by a descriptor's owner. */
	if (!fcntl(IOL_NET_CHILD_FD, F_SETOWN, parent) ||
	    !fcntl(IOL_NET_CHILD_FD, F_SETSIG, SIGKILL))
		return 3;
	if (execve("/proc/self/exe", argv, argv) != -1 || errno != EPERM)
		return 4;
	return 0;
}

static int reach_sockets(void)
{
	static const struct {
		int family, type;
		bool ok;
	} kinds[] = {
		{ AF_INET, SOCK_STREAM | SOCK_CLOEXEC, true },
		{ AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, true },
		{ AF_INET, SOCK_RAW, false },
		{ AF_UNIX, SOCK_STREAM, false },
		{ AF_NETLINK, SOCK_DGRAM, false },
		{ AF_PACKET, SOCK_DGRAM, false },
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(kinds); i++) {
		int fd = socket(kinds[i].family, kinds[i].type, 0);

		if ((fd >= 0) != kinds[i].ok)
			return 1 + (int)i;
		iol_fd_close(&fd);
	}
	return 0;
}

static int make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return 1;
	if (!mprotect(page, 4096, PROT_READ | PROT_EXEC))
		return 2;
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	    MAP_FAILED)
		return 3;
	return mprotect(page, 4096, PROT_READ) ? 4 : 0;
}

/* Before the test: what the child shall find. */
static char *resolv_conf;
static gsize resolv_conf_bytes;

/* As libslirp reads it, as often as it likes. */
static int read_resolv_conf(void)
{
	for (unsigned int i = 0; i < 2000; i++) {
		FILE *file = fopen("/etc/resolv.conf", "re");
		char *text = malloc(resolv_conf_bytes + 1);
		struct stat st;
		size_t len;

		if (!text)
			return 1;
		if (!file)
			return resolv_conf || errno != ENOENT ? 2 : 0;
		len = fread(text, 1, resolv_conf_bytes + 1, file);
		if (!resolv_conf || len != resolv_conf_bytes || memcmp(text, resolv_conf, len))
			return 3;
		fclose(file);
		free(text);
		if (stat("/etc/resolv.conf", &st) || st.st_size != (off_t)len)
			return 4;
	}
	return 0;
}

static void test_files(void)
{
	check(reach_files);
}

static void test_processes(void)
{
	check(reach_processes);
}

static void test_sockets(void)
{
	check(reach_sockets);
}

static void test_code(void)
{
	check(make_code);
}

static void test_resolv_conf(void)
{
	if (!g_file_get_contents("/etc/resolv.conf", &resolv_conf, &resolv_conf_bytes, NULL))
		resolv_conf_bytes = 0;
	check(read_resolv_conf);
	g_free(resolv_conf);
}

/* What holds without a filter, too; looked at from outside, as the child cannot. */
static void test_credentials_and_limits(void)
{
	static const int limits[] = { RLIMIT_NPROC, RLIMIT_FSIZE, RLIMIT_CORE };
	g_autofree char *path = NULL, *text = NULL;
	int ends[2];
	char byte;
	pid_t pid;

	g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
	pid = fork();
	if (!pid) {
		struct iol_error err;

		if (iol_net_user_confine(&err) >= 0 && write(ends[1], "x", 1) == 1)
			poll(NULL, 0, 20000);
		_exit(1);
	}
	g_assert_cmpint(read(ends[0], &byte, 1), ==, 1);
	path = g_strdup_printf("/proc/%d/status", (int)pid);
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	if (!strstr(text, "\nCapPrm:\t0000000000000000\n"))
		g_error("%s", text);
	if (!geteuid() && !strstr(text, "\nUid:\t65534\t65534\t65534\t65534\n"))
		g_error("%s", text);
	if (!geteuid() && !strstr(text, "\nGid:\t65534\t65534\t65534\t65534\n"))
		g_error("%s", text);
	for (unsigned int i = 0; i < G_N_ELEMENTS(limits); i++) {
		struct rlimit limit = { 1, 1 };

		if (prlimit(pid, (__rlimit_resource_t)limits[i], NULL, &limit))
			continue; /* nobody may look into another's, in some containers */
		g_assert_cmpuint(limit.rlim_max, ==, 0);
	}
	g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
	iol_fd_close(&ends[0]);
	iol_fd_close(&ends[1]);
}

/* It has no socket whose end it would see: only the order to the kernel ends it. */
static void test_ends_with_parent(void)
{
	pid_t middle, child = 0;
	int ends[2], status = 0;

	if (getenv("IOLITE_EMULATED")) {
		g_test_skip("qemu-user lets nobody adopt processes");
		return;
	}
	g_assert_cmpint(prctl(PR_SET_CHILD_SUBREAPER, 1), ==, 0);
	g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
	middle = fork();
	if (!middle) {
		child = fork();
		if (!child) {
			struct iol_error err;

			child = getpid();
			if (iol_net_user_confine(&err) >= 0 &&
			    write(ends[1], &child, sizeof(child)) == sizeof(child))
				poll(NULL, 0, 10000);
			_exit(1);
		}
		poll(NULL, 0, 20000);
		_exit(1);
	}
	g_assert_cmpint(read(ends[0], &child, sizeof(child)), ==, sizeof(child));
	g_assert_cmpint(kill(middle, SIGKILL), ==, 0);
	g_assert_cmpint(waitpid(middle, NULL, 0), ==, middle);
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_true(WIFSIGNALED(status));
	g_assert_cmpint(WTERMSIG(status), ==, SIGKILL);
	iol_fd_close(&ends[0]);
	iol_fd_close(&ends[1]);
}

/* An assertion of the library's: its end tells what it was. */
static void test_abort(void)
{
	struct iol_error err;
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGABRT, SIG_DFL);
		if (iol_net_user_confine(&err) < 0)
			_exit(1);
		abort();
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_true(WIFSIGNALED(status));
	g_assert_cmpint(WTERMSIG(status), ==, SIGABRT);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/net-user-confine/files", test_files);
	g_test_add_func("/net-user-confine/processes", test_processes);
	g_test_add_func("/net-user-confine/sockets", test_sockets);
	g_test_add_func("/net-user-confine/code", test_code);
	g_test_add_func("/net-user-confine/resolv-conf", test_resolv_conf);
	g_test_add_func("/net-user-confine/credentials-and-limits", test_credentials_and_limits);
	g_test_add_func("/net-user-confine/ends-with-parent", test_ends_with_parent);
	g_test_add_func("/net-user-confine/abort", test_abort);
	return g_test_run();
}
