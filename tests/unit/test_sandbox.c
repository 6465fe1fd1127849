// SPDX-License-Identifier: Apache-2.0
/* The lists of system calls, and attempts to get out, each by a process of its own that has entered a filter. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <liburing.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iolite/loop.h>
#include <iolite/sandbox.h>

#include "sandbox/calls.h"
#include "sandbox/seccomp.h"

enum { KILLED = 1 }; /* as a result; all others are 0 or -errno */

static long result_of(long ret)
{
	return ret < 0 ? -errno : 0;
}

static long try_open(void)
{
	return result_of(open("/etc/passwd", O_RDONLY));
}

static long try_socket(void)
{
	return result_of(socket(AF_INET, SOCK_STREAM, 0));
}

static long try_connect(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };

	return result_of(connect(0, (struct sockaddr *)&to, sizeof(to)));
}

static long try_ptrace(void)
{
	return result_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static long try_kill(void)
{
	return result_of(kill(getppid(), 0));
}

static long try_tgkill_other(void)
{
	return result_of(syscall(SYS_tgkill, 1, 1, 0));
}

static long try_setuid(void)
{
	return result_of(syscall(SYS_setuid, 65534));
}

static long try_exec(void)
{
	char *const argv[] = { (char *)"/bin/true", NULL };

	return result_of(execv(argv[0], argv));
}

static long try_fork(void)
{
	return result_of(fork());
}

static void *nothing(void *arg)
{
	return arg;
}

static long try_thread(void)
{
	pthread_t thread;

	return -pthread_create(&thread, NULL, nothing, NULL);
}

static long try_code(void)
{
	return result_of((long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
				    -1, 0) == -1
				 ? -1
				 : 0);
}

static long try_memory(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || mprotect(page, 4096, PROT_READ))
		return -errno;
	return result_of(munmap(page, 4096));
}

static long try_make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return result_of(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static long try_ring(void)
{
	struct io_uring_params params = { 0 };

	return result_of(syscall(SYS_io_uring_setup, 4, &params));
}

static long try_register(void)
{
	return result_of(syscall(SYS_io_uring_register, 0, IORING_REGISTER_PROBE, NULL, 0));
}

static long try_create_vm(void)
{
	return result_of(syscall(SYS_ioctl, 0, 0xae01, 0)); /* KVM_CREATE_VM */
}

static long try_tiocsti(void)
{
	return result_of(
		syscall(SYS_ioctl, 0, 0x5412, "x")); /* TIOCSTI: types for who uses the terminal */
}

static long try_write(void)
{
	return result_of(write(STDOUT_FILENO, "", 0));
}

static long try_abort(void)
{
	abort();
}

struct attempt {
	const char *name;
	enum iol_sandbox_thread kind;
	unsigned int needs;
	long (*try)(void);
	long result;
	bool sanitized; /* what a build with sanitizers leaves open */
};

#define ALL_KINDS IOL_SANDBOX_THREAD_COUNT

static const struct attempt attempts[] = {
	{ "open", ALL_KINDS, 0, try_open, -EACCES, true },
	{ "socket", ALL_KINDS, 0, try_socket, KILLED, false },
	{ "connect", ALL_KINDS, 0, try_connect, KILLED, false },
	{ "ptrace", ALL_KINDS, 0, try_ptrace, KILLED, true },
	{ "kill", ALL_KINDS, 0, try_kill, KILLED, true },
	{ "tgkill", ALL_KINDS, 0, try_tgkill_other, KILLED, true },
	{ "setuid", ALL_KINDS, 0, try_setuid, KILLED, false },
	{ "exec", ALL_KINDS, 0, try_exec, KILLED, false },
	{ "fork", IOL_SANDBOX_VCPU, 0, try_fork, KILLED, true },
	{ "fork-main", IOL_SANDBOX_MAIN, 0, try_fork, -EAGAIN, true },
	{ "thread", IOL_SANDBOX_MAIN, 0, try_thread, -EAGAIN, true },
	{ "code", ALL_KINDS, 0, try_code, KILLED, false },
	{ "make-code", ALL_KINDS, 0, try_make_code, KILLED, false },
	{ "io_uring_setup", ALL_KINDS, 0, try_ring, KILLED, false },
	{ "io_uring_register", ALL_KINDS, 0, try_register, KILLED, false },
	{ "create-vm", ALL_KINDS, 0, try_create_vm, KILLED, false },
	{ "tiocsti", ALL_KINDS, IOL_SANDBOX_NEEDS_ALL, try_tiocsti, KILLED, false },
	/* What has to work does, and an abort is seen as one. */
	{ "memory", ALL_KINDS, 0, try_memory, 0, false },
	{ "write", ALL_KINDS, 0, try_write, 0, false },
	{ "abort", ALL_KINDS, 0, try_abort, -SIGABRT, false },
	{ "connect-allowed", IOL_SANDBOX_MAIN, IOL_SANDBOX_NEEDS_CONNECT, try_socket, 0, false },
};

/* Runs @attempt in a child; KILLED, -SIGABRT, or what it returned. */
static long run(const struct attempt *attempt, enum iol_sandbox_thread kind, int mode)
{
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, result;
	pid_t child;

	*shared = -ECHILD;
	child = fork();
	if (!child) {
		struct iol_error err;
		pthread_t first;

		/* With which libc prepares for others, as in a machine that has vCPUs. */
		pthread_create(&first, NULL, nothing, NULL);
		pthread_join(first, NULL);
		if (!seccomp_make(mode, attempt->needs, &err) && !seccomp_enter(kind, &err))
			*shared = (int)attempt->try();
		syscall(kind == IOL_SANDBOX_MAIN ? SYS_exit_group : SYS_exit, 0);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	result = *shared;
	munmap(shared, 4096);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? KILLED : -WTERMSIG(status);
	return result;
}

static void test_attempt(gconstpointer data)
{
	const struct attempt *attempt = data;

#ifdef IOL_SANDBOX_SANITIZED
	if (attempt->sanitized) {
		g_test_skip("builds with sanitizers have it");
		return;
	}
#endif
	for (unsigned int kind = 0; kind < IOL_SANDBOX_THREAD_COUNT; kind++) {
		long got;

		if (attempt->kind != ALL_KINDS && attempt->kind != kind)
			continue;
		got = run(attempt, kind, IOL_SANDBOX_ON);
		if (got != attempt->result)
			g_error("%s in a thread of kind %u: %ld, not %ld", attempt->name, kind, got,
				attempt->result);
	}
}

static void test_log(void)
{
#if defined(__x86_64__) || defined(__aarch64__) || (defined(__powerpc__) && !defined(__powerpc64__))
	const struct attempt socket = { .try = try_socket };

	/* Reported, and done. */
	g_assert_cmpint(run(&socket, IOL_SANDBOX_MAIN, IOL_SANDBOX_LOG), ==, 0);
#else
	g_test_skip("the kernel reports it here");
#endif
}

/* ---- The tables ---- */

static void test_counts(void)
{
	static const struct {
		const char *name;
		enum iol_sandbox_thread kind;
		unsigned int needs, max;
	} limits[] = {
		{ "vcpu", IOL_SANDBOX_VCPU, IOL_SANDBOX_NEEDS_ALL, 12 },
		{ "io", IOL_SANDBOX_IO, IOL_SANDBOX_NEEDS_ALL, 20 },
		{ "main, of every machine", IOL_SANDBOX_MAIN, 0, 30 },
		{ "main, with all that there is", IOL_SANDBOX_MAIN, IOL_SANDBOX_NEEDS_ALL, 70 },
	};
	for (unsigned int i = 0; i < G_N_ELEMENTS(limits); i++) {
		unsigned int count = filter_count(seccomp_list(limits[i].kind), limits[i].needs);

		g_test_message("%s: %u distinct system calls", limits[i].name, count);
#ifndef IOL_SANDBOX_SANITIZED
		/* 32-bit kernels have some of them twice, such as with the time in 32 and in 64 bits. */
		g_assert_cmpuint(count, <=, limits[i].max + (sizeof(long) == 4 ? 10 : 0));
#endif
	}
}

/* What check_sandbox.py holds a machine's calls against. */
static void tell(const struct filter_list *list, bool answered)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (const struct filter_call *const *table = list->tables; *table; table++)
		for (const struct filter_call *call = *table; call->name; call++)
			if (call->nr != FILTER_NO_CALL && !call->answer == !answered)
				g_string_append_printf(names, " %s", call->name);
	g_test_message("list %s %s:%s", list->kind, answered ? "answers" : "allows", names->str);
}

static void test_lists(void)
{
	for (unsigned int kind = 0; kind < IOL_SANDBOX_THREAD_COUNT; kind++) {
		tell(seccomp_list(kind), false);
		tell(seccomp_list(kind), true);
	}
}

static bool same_conditions(const struct filter_call *a, const struct filter_call *b)
{
	return a->nr == b->nr && !memcmp(a->args, b->args, sizeof(a->args)) &&
	       a->own_process == b->own_process && a->need == b->need;
}

/* A row that another one makes idle is a mistake; every one says why it is there. */
static void check_rows(const struct filter_list *list)
{
	g_autoptr(GPtrArray) rows = g_ptr_array_new();

	for (const struct filter_call *const *table = list->tables; *table; table++) {
#ifdef IOL_SANDBOX_SANITIZED
		if (*table == sandbox_sanitizer_calls)
			continue;
#endif
		for (const struct filter_call *call = *table; call->name; call++) {
			g_assert_nonnull(call->why);
			g_assert_cmpuint(strlen(call->why), >, 3);
			for (unsigned int i = 0; i < rows->len && call->nr >= 0; i++)
				if (same_conditions(rows->pdata[i], call))
					g_error("%s: two rows for %s (%s)", list->kind, call->name,
						call->why);
			g_ptr_array_add(rows, (gpointer)call);
		}
	}
}

static void test_rows(void)
{
	for (unsigned int kind = 0; kind < IOL_SANDBOX_THREAD_COUNT; kind++)
		check_rows(seccomp_list(kind));
}

/* ---- The ring ---- */

static struct io_uring_sqe *entry(struct iol_loop *loop)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);

	if (!sqe)
		g_error("the submission queue is full");
	return sqe;
}

static int submit(struct iol_loop *loop, struct io_uring_sqe *sqe, unsigned int flags)
{
	struct io_uring_cqe *cqe;
	int res;

	sqe->flags |= (uint8_t)flags;
	io_uring_sqe_set_data(sqe, loop);
	g_assert_cmpint(io_uring_submit_and_wait(&loop->ring, 1), >=, 1);
	do {
		g_assert_cmpint(io_uring_wait_cqe(&loop->ring, &cqe), ==, 0);
		res = io_uring_cqe_get_data(cqe) == loop ? cqe->res : INT_MAX;
		io_uring_cqe_seen(&loop->ring, cqe);
	} while (res == INT_MAX);
	return res;
}

static void read_done(struct iol_op *op, int res)
{
	*(int *)(void *)(op + 1) = res;
}

static void check_ring(void)
{
	struct {
		struct iol_op op;
		int res;
	} read = { .op.done = read_done, .res = INT_MAX };
	struct iol_error err;
	struct iol_loop loop;
	struct io_uring_sqe *sqe;
	uint64_t count = 0;
	int fd;

	g_assert_cmpint(iol_sandbox_prepare(IOL_SANDBOX_ON, &err), ==, 0);
	g_assert_cmpint(iol_loop_init(&loop, &err), ==, 0);
	g_assert_true(loop.confined);
	fd = eventfd(1, EFD_CLOEXEC);
	sqe = entry(&loop);
	io_uring_prep_openat(sqe, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
	g_assert_cmpint(submit(&loop, sqe, 0), ==, -EACCES);
	sqe = entry(&loop);
	io_uring_prep_openat(sqe, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
	g_assert_cmpint(submit(&loop, sqe, IOSQE_FIXED_FILE), ==, -EACCES);
	sqe = entry(&loop);
	io_uring_prep_connect(sqe, fd, NULL, 0);
	g_assert_cmpint(submit(&loop, sqe, IOSQE_FIXED_FILE), ==, -EACCES);
	/* A descriptor that is open, as such, and as a slot that nobody filled. */
	sqe = entry(&loop);
	io_uring_prep_read(sqe, fd, &count, sizeof(count), 0);
	g_assert_cmpint(submit(&loop, sqe, 0), ==, -EACCES);
	sqe = entry(&loop);
	io_uring_prep_read(sqe, fd, &count, sizeof(count), 0);
	g_assert_cmpint(submit(&loop, sqe, IOSQE_FIXED_FILE), ==, -EBADF);
	g_assert_cmpint(io_uring_register_buffers(&loop.ring,
						  &(struct iovec){ &count, sizeof(count) }, 1),
			==, -EACCES);
	/* The loop's own way works, and leaves nothing behind. */
	iol_loop_read(&loop, &read.op, fd, &count, sizeof(count), (uint64_t)-1);
	while (read.op.in_flight)
		g_assert_cmpint(iol_loop_turn(&loop, true), ==, 0);
	g_assert_cmpint(read.res, ==, sizeof(count));
	g_assert_cmpuint(count, ==, 1);
	g_assert_cmpuint(loop.slots[fd].users, ==, 0);
	sqe = entry(&loop);
	io_uring_prep_read(sqe, fd, &count, sizeof(count), 0);
	g_assert_cmpint(submit(&loop, sqe, IOSQE_FIXED_FILE), ==, -EBADF);
	close(fd);
	iol_loop_finish(&loop);
}

/* A number that is used again is another file. */
static void check_reuse(void)
{
	struct {
		struct iol_op op;
		int res;
	} read = { .op.done = read_done };
	struct iol_error err;
	struct iol_loop loop;
	int fd = -1;

	g_assert_cmpint(iol_sandbox_prepare(IOL_SANDBOX_ON, &err), ==, 0);
	g_assert_cmpint(iol_loop_init(&loop, &err), ==, 0);
	for (uint64_t i = 1; i < 4; i++) {
		uint64_t count = 0;
		int next = eventfd((unsigned int)i, EFD_CLOEXEC);

		g_assert_true(fd < 0 || fd == next);
		fd = next;
		if (i > 1)
			iol_loop_keep(&loop, fd);
		read.res = INT_MAX;
		iol_loop_read(&loop, &read.op, fd, &count, sizeof(count), (uint64_t)-1);
		while (read.op.in_flight)
			g_assert_cmpint(iol_loop_turn(&loop, true), ==, 0);
		g_assert_cmpuint(count, ==, i);
		iol_loop_drop(&loop, fd);
		close(fd);
	}
	iol_loop_finish(&loop);
}

/* In a process of its own: nobody leaves a sandbox. */
static void in_child(const char *self)
{
	g_test_trap_subprocess(self, 30 * G_USEC_PER_SEC, G_TEST_SUBPROCESS_INHERIT_STDERR);
	g_test_trap_assert_passed();
}

static void test_ring(void)
{
	if (g_test_subprocess())
		check_ring();
	else
		in_child(NULL);
}

/* A ring that fails is tried for a while, and then told of: what that takes is on the list. */
static void check_lost(void)
{
	struct iol_error err;
	struct iol_loop loop;

	g_assert_cmpint(iol_sandbox_prepare(IOL_SANDBOX_ON, &err), ==, 0);
	g_assert_cmpint(iol_loop_init(&loop, &err), ==, 0);
	g_assert_cmpint(seccomp_make(IOL_SANDBOX_ON, 0, &err), ==, 0);
	g_assert_cmpint(seccomp_enter(IOL_SANDBOX_MAIN, &err), ==, 0);
	close(loop.ring.ring_fd);
	syscall(SYS_exit_group, iol_loop_turn(&loop, false) == -EBADF ? 0 : 1);
}

static void test_lost(void)
{
	if (g_test_subprocess())
		check_lost();
	else
		in_child(NULL);
}

static void test_reuse(void)
{
	if (g_test_subprocess())
		check_reuse();
	else
		in_child(NULL);
}

int main(int argc, char **argv)
{
#ifdef __SANITIZE_THREAD__
	puts("1..0 # SKIP ThreadSanitizer has a thread and calls of its own, which no list has");
	return 77;
#endif
	if (getenv("IOLITE_EMULATED")) {
		puts("1..0 # SKIP qemu-user has no filters of system calls");
		return 77;
	}
	g_test_init(&argc, &argv, NULL);
	for (unsigned int i = 0; i < G_N_ELEMENTS(attempts); i++) {
		g_autofree char *path = g_strconcat("/sandbox/attempt/", attempts[i].name, NULL);

		g_test_add_data_func(path, &attempts[i], test_attempt);
	}
	g_test_add_func("/sandbox/log", test_log);
	g_test_add_func("/sandbox/counts", test_counts);
	g_test_add_func("/sandbox/lists", test_lists);
	g_test_add_func("/sandbox/rows", test_rows);
	g_test_add_func("/sandbox/ring", test_ring);
	g_test_add_func("/sandbox/ring/reuse", test_reuse);
	g_test_add_func("/sandbox/lost-ring", test_lost);
	return g_test_run();
}
