// SPDX-License-Identifier: Apache-2.0
/* What somebody can do who has taken over the process of libslirp: the test is he. */
#include "backend/net_user_confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/net_child.h"
#include "net_rig.h"

enum { NOT_PREPARED = 76, NO_FILTER = 77, NOT_CONFINED = 78 };

static pid_t parent;
static char parents_memory[64];
static struct iol_error said; /* by the function under test */

/* Runs @attack in a child that is confined after @prepare, if any: what it returns, or NOT_PREPARED, or NO_FILTER. */
static int run_confined(bool (*prepare)(void), int (*attack)(void))
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
		int ret;

		if (prepare && !prepare())
			_exit(NOT_PREPARED);
		ret = iol_net_user_confine(&said);
		if (ret < 0)
			fprintf(stderr, "%s\n", said.msg);
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

static void check_prepared(bool (*prepare)(void), int (*attack)(void))
{
	int got = run_confined(prepare, attack);

	if (got == NO_FILTER)
		g_test_skip("no filter of system calls here");
	else if (got == NOT_PREPARED)
		g_test_skip("needs the right to mount");
	else
		g_assert_cmpint(got, ==, 0);
}

static void check(int (*attack)(void))
{
	check_prepared(NULL, attack);
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

/* The filter's answer to what it does not know is EPERM; the kernel has others for what it does not have. */
static int reach_sockets(void)
{
	static const struct {
		int family, type, protocol;
		bool ok;
	} kinds[] = {
		{ AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, true },
		{ AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0, true },
		{ AF_INET, SOCK_DGRAM, IPPROTO_ICMP, true },
		{ AF_INET6, SOCK_STREAM, 0, true },
		{ AF_INET6, SOCK_DGRAM, 0, true },
		{ AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, true },
		{ AF_INET, SOCK_RAW, 0, false },
		{ AF_INET, SOCK_RAW, IPPROTO_ICMP, false },
		{ AF_INET, SOCK_STREAM, IPPROTO_SCTP, false },
		{ AF_INET6, SOCK_STREAM, IPPROTO_SCTP, false },
		{ AF_INET, SOCK_STREAM, IPPROTO_MPTCP, false },
		{ AF_INET6, SOCK_STREAM, IPPROTO_MPTCP, false },
		{ AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, false },
		{ AF_UNIX, SOCK_STREAM, 0, false },
		{ AF_NETLINK, SOCK_DGRAM, 0, false },
		{ AF_PACKET, SOCK_DGRAM, 0, false },
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(kinds); i++) {
		int fd = socket(kinds[i].family, kinds[i].type, kinds[i].protocol);
		bool ok = fd >= 0 || (kinds[i].family == AF_INET6 && errno == EAFNOSUPPORT) ||
			  (kinds[i].protocol && errno == EACCES); /* sysctl ping_group_range */

		if (ok != kinds[i].ok || (!ok && errno != EPERM))
			return 1 + (int)i;
		iol_fd_close(&fd);
	}
	return 0;
}

/* As libslirp does for a name server with a scope, such as fe80::1%lo. */
static int find_interface(void)
{
	return if_nametoindex("lo") ? 0 : 1;
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

static bool hide_resolv_conf(void)
{
	static const char text[] = "nameserver 192.0.2.53\n";
	char path[] = "/tmp/iolite-resolv-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
		  !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
		  !mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL);

	iol_fd_close(&fd);
	unlink(path);
	resolv_conf = g_strdup(text);
	resolv_conf_bytes = strlen(text);
	return ok;
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

/* A file that only root can read: it is his who started iolite, not the child's. */
static void test_resolv_conf_of_root(void)
{
	if (geteuid())
		g_test_skip("needs root");
	else
		check_prepared(hide_resolv_conf, read_resolv_conf);
}

static bool hide_resolv_conf_from_user(void)
{
	return hide_resolv_conf() && !setresuid(65534, 65534, 65534);
}

static int warn_of_resolv_conf(void)
{
	if (strcmp(said.msg, "has no name server to forward to: cannot open /etc/resolv.conf: "
			     "Permission denied"))
		return 1;
	return opens("/etc/resolv.conf", O_RDONLY) || errno != ENOENT ? 2 : 0;
}

/* Who started iolite cannot read it: the guest's name server is dead, and a warning says why. */
static void test_resolv_conf_of_another(void)
{
	if (geteuid())
		g_test_skip("needs root");
	else
		check_prepared(hide_resolv_conf_from_user, warn_of_resolv_conf);
}

static void test_interface(void)
{
	check(find_interface);
}

/* A child that has been confined after @prepare, if any, and waits to be killed. */
static pid_t start_confined_after(void (*prepare)(void))
{
	int ends[2];
	char byte;
	pid_t pid;

	g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
	pid = fork();
	if (!pid) {
		struct iol_error err;

		if (prepare)
			prepare();
		if (iol_net_user_confine(&err) < 0)
			fprintf(stderr, "%s\n", err.msg);
		else if (write(ends[1], "x", 1) == 1)
			poll(NULL, 0, 20000);
		_exit(1);
	}
	iol_fd_close(&ends[1]); /* so that read() ends with who should write */
	g_assert_cmpint(read(ends[0], &byte, 1), ==, 1);
	iol_fd_close(&ends[0]);
	return pid;
}

static pid_t start_confined(void)
{
	return start_confined_after(NULL);
}

static void end_confined(pid_t pid)
{
	g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

enum { CAN_BE_GROUP = 1, CAN_BE_USER = 2 };

/* What root may become here: not all that it may elsewhere, in containers and user namespaces. */
static int probe_nobody(void)
{
	int status = 0, can = 0;
	pid_t pid = fork();

	if (!pid) {
		if (!setgroups(0, NULL) && !setresgid(65534, 65534, 65534))
			can |= CAN_BE_GROUP;
		if (!setresuid(65534, 65534, 65534))
			can |= CAN_BE_USER;
		_exit(can);
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_true(WIFEXITED(status));
	return geteuid() ? 0 : WEXITSTATUS(status);
}

/* What holds without a filter, too; looked at from outside, as the child cannot. */
static void test_credentials_and_limits(void)
{
	static const int limits[] = { RLIMIT_NPROC, RLIMIT_FSIZE, RLIMIT_CORE };
	int can = probe_nobody();
	pid_t pid = start_confined();

	net_expect_status(pid, "CapPrm:\t0000000000000000");
	if (can & CAN_BE_USER)
		net_expect_status(pid, "Uid:\t65534\t65534\t65534\t65534");
	if (can & CAN_BE_GROUP)
		net_expect_status(pid, "Gid:\t65534\t65534\t65534\t65534");
	for (unsigned int i = 0; i < G_N_ELEMENTS(limits); i++) {
		struct rlimit limit = { 1, 1 };

		if (prlimit(pid, (__rlimit_resource_t)limits[i], NULL, &limit))
			continue; /* nobody may look into another's, in some containers */
		g_assert_cmpuint(limit.rlim_max, ==, 0);
	}
	end_confined(pid);
}

static void drop_right_to_groups(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, caps))
		_exit(1);
	caps[0].effective &= ~(1U << CAP_SETGID);
	caps[0].permitted &= ~(1U << CAP_SETGID);
	if (syscall(SYS_capset, &head, caps))
		_exit(1);
}

/* Who may not change the group can still change the user. */
static void test_user_without_group(void)
{
	pid_t pid;

	if (!(probe_nobody() & CAN_BE_USER)) {
		g_test_skip("cannot become another user");
		return;
	}
	pid = start_confined_after(drop_right_to_groups);
	net_expect_status(pid, "Uid:\t65534\t65534\t65534\t65534");
	end_confined(pid);
}

/* It has no socket whose end it would see: only the order to the kernel ends it. */
static void test_ends_with_parent(void)
{
	int status = net_status_without_parent(start_confined);

	if (status == -1)
		return;
	g_assert_true(WIFSIGNALED(status));
	g_assert_cmpint(WTERMSIG(status), ==, SIGKILL);
}

/* An assertion of the library's: its end tells what it was. */
static void test_abort(void)
{
	struct iol_error err;
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGABRT, SIG_DFL);
		if (iol_net_user_confine(&err) < 0) {
			fprintf(stderr, "%s\n", err.msg);
			_exit(1);
		}
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
	g_test_add_func("/net-user-confine/resolv-conf/of-root", test_resolv_conf_of_root);
	g_test_add_func("/net-user-confine/resolv-conf/of-another", test_resolv_conf_of_another);
	g_test_add_func("/net-user-confine/interface", test_interface);
	g_test_add_func("/net-user-confine/credentials-and-limits", test_credentials_and_limits);
	g_test_add_func("/net-user-confine/user-without-group", test_user_without_group);
	g_test_add_func("/net-user-confine/ends-with-parent", test_ends_with_parent);
	g_test_add_func("/net-user-confine/abort", test_abort);
	return g_test_run();
}
