// SPDX-License-Identifier: Apache-2.0
/*
 * Has a thread of a running machine try to get out of its sandbox: the thread itself makes the system call, as one would that a
 * guest has taken over, and the kernel judges it as such. For tests/cli/check_sandbox.py and the lab's scenario sandbox.
 *
 *   escape --list             lines: ATTEMPT, and "harmless" if it does no harm where it succeeds
 *   escape PID THREAD ATTEMPT THREAD: the name that the kernel has for it (iolite, vcpu/0, ...); waits until it has a filter
 *   escape --landlock         the ABI of this kernel's Landlock; 0: it has none
 *   escape --open PID THREAD ATTEMPT      does not wait
 *
 * One line: ATTEMPT THREAD OUTCOME. Exit status: 0 it was answered with an error, 3 it ended the process by SIGSYS, 1 it succeeded, or
 * ended otherwise, 2 it could not be tried.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring.h"
#include "tracee.h"

enum { LIMIT_S = 60, PAUSE_US = 1000, PAUSES = LIMIT_S * 1000, PAGE = 4096 };
enum { ANSWERED = 0, SUCCEEDED = 1, NOT_TRIED = 2, ENDED = 3 };

#define CALL(t, ...) tracee_call((t), ARGS(__VA_ARGS__, 0, 0, 0, 0, 0, 0))
#define ARGS(nr, a, b, c, d, e, f, ...)                                                    \
	(nr), (const uint64_t[6])                                                          \
	{                                                                                  \
		(uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), \
			(uint64_t)(f)                                                      \
	}
#define TEXT(t, text) tracee_put((t), (text), sizeof(text))

static pid_t victim; /* a process of ours, outside */

/* --- files --- */

static long try_openat(struct tracee *t)
{
	return CALL(t, SYS_openat, AT_FDCWD, TEXT(t, "/etc/passwd"), O_RDONLY);
}

static long try_make(struct tracee *t)
{
	return CALL(t, SYS_openat, AT_FDCWD, TEXT(t, "/tmp/escaped"), O_CREAT | O_WRONLY, 0600);
}

/* A file that is there, so that what answers is no mere "no such file". */
static long try_unlink(struct tracee *t)
{
	char path[] = "/tmp/escape-XXXXXX";
	int fd = mkstemp(path);
	long ret;

	if (fd < 0)
		die("cannot make %s: %s", path, strerror(errno));
	close(fd);
	ret = CALL(t, SYS_unlinkat, AT_FDCWD, tracee_put(t, path, sizeof(path)), 0);
	unlink(path);
	return ret;
}

#ifdef SYS_open
static long try_open(struct tracee *t)
{
	return CALL(t, SYS_open, TEXT(t, "/etc/passwd"), O_RDONLY);
}

/* With the numbers of the ABI of 32-bit pointers. */
static long try_x32(struct tracee *t)
{
	return CALL(t, 0x40000000 + SYS_open, TEXT(t, "/etc/passwd"), O_RDONLY);
}
#endif

static long try_openat2(struct tracee *t)
{
	const uint64_t how[3] = { O_RDONLY };

	return CALL(t, SYS_openat2, AT_FDCWD, TEXT(t, "/etc/passwd"),
		    tracee_put(t, how, sizeof(how)), sizeof(how));
}

static long try_handle(struct tracee *t)
{
	const uint8_t handle[128] = { 64 };

	return CALL(t, SYS_name_to_handle_at, AT_FDCWD, TEXT(t, "/"),
		    tracee_put(t, handle, sizeof(handle)), TEXT(t, "mount"), 0);
}

/* --- networks: to one that listens here --- */

static int listening(int family, const struct sockaddr *at, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, at, len) || listen(fd, 1))
		die("cannot listen: %s", strerror(errno));
	return fd;
}

static long connect_by(struct tracee *t, int family, const void *to, socklen_t len)
{
	long fd = CALL(t, SYS_socket, family, SOCK_STREAM | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return fd;
	ret = CALL(t, SYS_connect, fd, tracee_put(t, to, len), len);
	if (ret != TRACEE_ENDED)
		CALL(t, SYS_close, fd);
	return ret;
}

static long try_connect_tcp(struct tracee *t)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(to);

	getsockname(listening(AF_INET, (struct sockaddr *)&to, len), (struct sockaddr *)&to, &len);
	return connect_by(t, AF_INET, &to, sizeof(to));
}

static long try_connect_abstract(struct tracee *t)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	snprintf(to.sun_path + 1, sizeof(to.sun_path) - 1, "escape-%d", (int)getpid());
	listening(AF_UNIX, (struct sockaddr *)&to, sizeof(to));
	return connect_by(t, AF_UNIX, &to, sizeof(to));
}

static long try_listen(struct tracee *t)
{
	const struct sockaddr_in at = { .sin_family = AF_INET };
	long fd = CALL(t, SYS_socket, AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? fd : CALL(t, SYS_bind, fd, tracee_put(t, &at, sizeof(at)), sizeof(at));
}

static long try_packets(struct tracee *t)
{
	return CALL(t, SYS_socket, AF_PACKET, SOCK_RAW, 0);
}

/* --- other processes --- */

static long try_ptrace(struct tracee *t)
{
	return CALL(t, SYS_ptrace, PTRACE_ATTACH, victim);
}

static long try_kill(struct tracee *t)
{
	return CALL(t, SYS_kill, victim, SIGKILL);
}

static long try_tgkill(struct tracee *t)
{
	return CALL(t, SYS_tgkill, victim, victim, SIGKILL);
}

static long try_peek(struct tracee *t)
{
	const uint64_t vec[2] = { t->room, 8 };
	uint64_t at = tracee_put(t, vec, sizeof(vec));

	return CALL(t, SYS_process_vm_readv, victim, at, 1, at, 1, 0);
}

static long try_pidfd(struct tracee *t)
{
	return CALL(t, SYS_pidfd_open, victim, 0);
}

/* --- programs, processes, rights --- */

static long try_exec(struct tracee *t)
{
	uint64_t path = TEXT(t, "/bin/sh");
	const uint64_t argv[2] = { path };

	return CALL(t, SYS_execve, path, tracee_put(t, argv, sizeof(argv)), 0);
}

static long try_execveat(struct tracee *t)
{
	uint64_t path = TEXT(t, "/bin/sh");
	const uint64_t argv[2] = { path };

	return CALL(t, SYS_execveat, AT_FDCWD, path, tracee_put(t, argv, sizeof(argv)), 0, 0);
}

static long try_clone(struct tracee *t)
{
	return CALL(t, SYS_clone, SIGCHLD);
}

static long try_clone3(struct tracee *t)
{
	const uint64_t args[8] = { [4] = SIGCHLD };

	return CALL(t, SYS_clone3, tracee_put(t, args, sizeof(args)), sizeof(args));
}

#ifdef SYS_fork
static long try_fork(struct tracee *t)
{
	return CALL(t, SYS_fork, 0);
}
#endif

static long try_setuid(struct tracee *t)
{
	return CALL(t, SYS_setuid, 0);
}

static long try_setresuid(struct tracee *t)
{
	return CALL(t, SYS_setresuid, 0, 0, 0);
}

static long try_unshare(struct tracee *t)
{
	return CALL(t, SYS_unshare, 0x10000000); /* CLONE_NEWUSER */
}

static long try_bpf(struct tracee *t)
{
	return CALL(t, SYS_bpf, 0, t->room, 16);
}

static long try_prctl(struct tracee *t)
{
	return CALL(t, SYS_prctl, PR_SET_DUMPABLE, 1);
}

/* --- code --- */

static long try_code(struct tracee *t)
{
	return CALL(t, SYS_mmap, 0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
}

static long try_make_code(struct tracee *t)
{
	long page = CALL(t, SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	if (page < 0)
		die("not even memory is to be had: %s", strerror((int)-page));
	return CALL(t, SYS_mprotect, page, PAGE, PROT_READ | PROT_EXEC);
}

static long try_code_file(struct tracee *t)
{
	return CALL(t, SYS_memfd_create, TEXT(t, "code"), 0);
}

#ifdef SYS_pkey_mprotect
static long try_pkey(struct tracee *t)
{
	return CALL(t, SYS_pkey_mprotect, t->room & ~(uint64_t)(PAGE - 1), PAGE,
		    PROT_READ | PROT_WRITE | PROT_EXEC, -1);
}
#endif

/* --- the machine's own ring, and another one --- */

static long try_ring_openat(struct tracee *t)
{
	const struct io_uring_sqe sqe = { .opcode = IORING_OP_OPENAT,
					  .fd = AT_FDCWD,
					  .addr = TEXT(t, "/etc/passwd") };

	return ring_request(t, &sqe);
}

static long try_ring_openat_fixed(struct tracee *t)
{
	const struct io_uring_sqe sqe = { .opcode = IORING_OP_OPENAT,
					  .flags = IOSQE_FIXED_FILE,
					  .fd = AT_FDCWD,
					  .addr = TEXT(t, "/etc/passwd") };

	return ring_request(t, &sqe);
}

static long try_ring_connect(struct tracee *t)
{
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	const struct io_uring_sqe sqe = { .opcode = IORING_OP_CONNECT,
					  .flags = IOSQE_FIXED_FILE,
					  .off = sizeof(to),
					  .addr = tracee_put(t, &to, sizeof(to)) };

	return ring_request(t, &sqe);
}

/* Of descriptors that are open, without the kernel's having been told of them: its standard output. */
static long try_ring_unregistered(struct tracee *t)
{
	const struct io_uring_sqe sqe = { .opcode = IORING_OP_WRITE,
					  .fd = STDOUT_FILENO,
					  .addr = t->room };

	return ring_request(t, &sqe);
}

/* A slot of the table that nobody filled: the ring's own number, which it never has there. */
static long try_ring_empty_slot(struct tracee *t)
{
	const struct io_uring_sqe sqe = { .opcode = IORING_OP_READ,
					  .flags = IOSQE_FIXED_FILE,
					  .fd = ring_fd(t->pid),
					  .addr = t->room,
					  .len = 1 };

	return ring_request(t, &sqe);
}

static long try_ring_probe(struct tracee *t)
{
	return CALL(t, SYS_io_uring_register, ring_fd(t->pid), IORING_REGISTER_PROBE, 0, 0);
}

static long try_ring_setup(struct tracee *t)
{
	const struct io_uring_params params = { 0 };

	return CALL(t, SYS_io_uring_setup, 4, tracee_put(t, &params, sizeof(params)));
}

/* --- */

static const struct attempt {
	const char *name;
	long (*try)(struct tracee *t);
	bool harmless;
} attempts[] = {
	{ "openat", try_openat, true },
	{ "openat-create", try_make, false },
	{ "openat2", try_openat2, true },
#ifdef SYS_open
	{ "open", try_open, true },
	{ "x32-open", try_x32, false },
#endif
	{ "unlinkat", try_unlink, false },
	{ "name_to_handle_at", try_handle, false },
	{ "connect-tcp", try_connect_tcp, true },
	{ "connect-abstract", try_connect_abstract, true },
	{ "bind-tcp", try_listen, false },
	{ "socket-packet", try_packets, false },
	{ "ptrace", try_ptrace, false },
	{ "kill", try_kill, false },
	{ "tgkill", try_tgkill, false },
	{ "process_vm_readv", try_peek, false },
	{ "pidfd_open", try_pidfd, true },
	{ "execve", try_exec, false },
	{ "execveat", try_execveat, false },
	{ "clone", try_clone, false },
	{ "clone3", try_clone3, false },
#ifdef SYS_fork
	{ "fork", try_fork, false },
#endif
	{ "setuid", try_setuid, false },
	{ "setresuid", try_setresuid, false },
	{ "unshare", try_unshare, false },
	{ "bpf", try_bpf, false },
	{ "prctl", try_prctl, false },
	{ "mmap-exec", try_code, true },
	{ "mprotect-exec", try_make_code, true },
#ifdef SYS_pkey_mprotect
	{ "pkey_mprotect-exec", try_pkey, false },
#endif
	{ "memfd_create", try_code_file, true },
	{ "ring-openat", try_ring_openat, true },
	{ "ring-openat-fixed", try_ring_openat_fixed, false },
	{ "ring-connect", try_ring_connect, false },
	{ "ring-unregistered", try_ring_unregistered, true },
	{ "ring-empty-slot", try_ring_empty_slot, false },
	{ "ring-register", try_ring_probe, false },
	{ "io_uring_setup", try_ring_setup, true },
};

static bool file_is(pid_t pid, pid_t tid, const char *name, const char *has)
{
	char path[96], text[4096];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)pid, (int)tid, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	return strstr(text, has);
}

/* The thread of that name; 0: there is none (yet). */
static pid_t thread_of(pid_t pid, const char *name)
{
	char folder[64], line[64];
	struct dirent *entry;
	pid_t found = 0;
	DIR *dir;

	snprintf(folder, sizeof(folder), "/proc/%d/task", (int)pid);
	snprintf(line, sizeof(line), "Name:\t%s\n", name);
	dir = opendir(folder);
	while (dir && !found && (entry = readdir(dir))) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (tid && file_is(pid, tid, "status", line))
			found = tid;
	}
	if (dir)
		closedir(dir);
	return found;
}

static pid_t await_thread(pid_t pid, const char *name, bool closed)
{
	for (unsigned int i = 0; i < PAUSES; i++) {
		pid_t tid = thread_of(pid, name);

		if (tid && (!closed || file_is(pid, tid, "status", "\nSeccomp:\t2\n")))
			return tid;
		usleep(PAUSE_US);
	}
	die("process %d has no thread %s%s", (int)pid, name,
	    closed ? " with a filter of system calls" : "");
}

static long attempt(const struct attempt *attempt, struct tracee *t, pid_t pid, pid_t tid)
{
	long ret = RING_BUSY;

	for (unsigned int i = 0; i < PAUSES && ret == RING_BUSY; i++) {
		tracee_stop(t, pid, tid);
		ret = attempt->try(t);
		tracee_release(t);
		if (ret == RING_BUSY)
			usleep(PAUSE_US);
	}
	if (ret == RING_BUSY)
		die("the ring of process %d is always busy", (int)pid);
	return ret;
}

static int judge(const char *name, const char *thread, const struct tracee *t, long ret)
{
	printf("%s %s ", name, thread);
	if (ret == TRACEE_ENDED && t->ended_by == SIGSYS) {
		puts("SIGSYS");
		return ENDED;
	}
	if (ret == TRACEE_ENDED)
		printf("ended by %d\n", t->ended_by);
	else if (ret < 0)
		printf("%s\n", strerrorname_np((int)-ret) ? strerrorname_np((int)-ret) : "?");
	else
		printf("SUCCEEDED %ld\n", ret);
	return ret < 0 && ret != TRACEE_ENDED ? ANSWERED : SUCCEEDED;
}

static pid_t start_victim(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

static const struct attempt *find(const char *name)
{
	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++)
		if (!strcmp(attempts[i].name, name))
			return &attempts[i];
	die("there is no attempt '%s': see --list", name);
}

int main(int argc, char **argv)
{
	const bool closed = argc < 2 || strcmp(argv[1], "--open") != 0;
	const struct attempt *what;
	struct tracee t;
	long ret;
	pid_t pid;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++)
			printf("%s%s\n", attempts[i].name, attempts[i].harmless ? " harmless" : "");
		return ANSWERED;
	}
	if (argc == 2 && !strcmp(argv[1], "--landlock")) {
		ret = syscall(SYS_landlock_create_ruleset, NULL, 0, 1); /* ..._VERSION */
		printf("%ld\n", ret < 0 ? 0 : ret);
		return ANSWERED;
	}
	argv += !closed;
	if (argc != 4 + !closed)
		die("usage: escape [--open] PID THREAD ATTEMPT, or escape --list");
	alarm(2 * LIMIT_S);
	pid = (pid_t)strtol(argv[1], NULL, 10);
	what = find(argv[3]);
	victim = start_victim();
	ret = attempt(what, &t, pid, await_thread(pid, argv[2], closed));
	if (waitpid(victim, NULL, WNOHANG))
		die("%s has ended a process outside", what->name);
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
	return judge(what->name, argv[2], &t, ret);
}
