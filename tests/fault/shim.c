// SPDX-License-Identifier: Apache-2.0
/*
 * Preloaded into iolite, it counts calls that a host can refuse, by kind, and makes one of them fail. What to do comes
 * from a page that is shared with tests/fault/sweep.py, in the file that IOLITE_SHIM names: `struct page` is laid out in both.
 *
 * Most calls are interposed as functions of libc. io_uring's are made by liburing itself, which is part of the program: a
 * seccomp filter turns them into SIGSYS, and the handler makes the call, or not. The sanitizers' own calls are not seen.
 *
 * Kind "sqe" lets io_uring_enter() succeed, and what the Nth entry asks for fail.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <termios.h>
#include <ucontext.h>
#include <unistd.h>

/* KIND_NAMES of sweep.py has them in this order. */
enum kind {
	KIND_NONE,
	KIND_IOCTL,
	KIND_RUN, /* KVM_RUN, of which there are many */
	KIND_MMAP, /* and madvise, mlock */
	KIND_OPEN,
	KIND_ALLOC,
	KIND_RING, /* io_uring_setup, _enter, _register */
	KIND_SQE,
	KIND_FD, /* descriptors of other things than files */
	KIND_SOCKET,
	KIND_THREAD,
	KIND_PROCESS,
	KIND_READ,
	KIND_WRITE,
	KIND_FILE, /* what is done to files and descriptors, their contents aside */
	KIND_SYSTEM, /* limits, signals, scheduling, terminals */
	KIND_COUNT,
};

enum { CALLERS = 10, NAME_BYTES = 32 };

struct page {
	_Atomic uint32_t kind; /* that is to fail; the last that is written */
	uint32_t nth; /* from 1 on, of those since it was written */
	int32_t error;
	uint32_t child; /* of the children's calls, and not of the process itself */
	_Atomic uint32_t seen; /* calls of the kind since then */
	_Atomic uint32_t fired;
	_Atomic uint32_t main_pid;
	uint32_t caller_count;
	uint32_t counts[2][KIND_COUNT]; /* the process's, its children's */
	char call[NAME_BYTES];
	uint64_t detail; /* of ioctl: which */
	uint64_t callers[CALLERS]; /* offsets in the program */
};

static struct page *page; /* from main() on */
static struct page *shared;
static uintptr_t program;
static bool is_child;
static __thread bool inside; /* calls of the shim's own are none */

/* --- what is to fail --- */

static void note(const char *call, uint64_t detail)
{
	void *at[CALLERS + 4];
	int count;

	inside = true;
	count = backtrace(at, CALLERS + 4);
	page->caller_count = 0;
	for (int i = 2; i < count && page->caller_count < CALLERS; i++) {
		Dl_info info;

		if (dladdr(at[i], &info) && (uintptr_t)info.dli_fbase == program)
			page->callers[page->caller_count++] = (uintptr_t)at[i] - program;
	}
	strncpy(page->call, call, NAME_BYTES - 1);
	page->detail = detail;
	inside = false;
}

/* Whether this call is the one, with errno. */
static __attribute__((noinline)) bool fails(enum kind kind, const char *call, uint64_t detail)
{
	if (!page || inside)
		return false;
	__atomic_fetch_add(&page->counts[is_child][kind], 1, __ATOMIC_RELAXED);
	if (atomic_load(&page->kind) != kind || page->child != is_child)
		return false;
	if (atomic_fetch_add(&page->seen, 1) + 1 != page->nth)
		return false;
	note(call, detail);
	/* A sanitizer's own, where a thread begins. */
	if (!page->caller_count)
		return false;
	atomic_fetch_add(&page->fired, 1);
	errno = page->error;
	return true;
}

/* Finds the function behind the one that is interposed. */
static void *next(const char *name, void **found)
{
	if (!*found)
		*found = dlsym(RTLD_NEXT, name);
	return *found;
}

/*
 * INTERPOSE(kind, failure, type, name, parameters, arguments, detail): a function that fails with -1 or NULL and errno.
 */
#define INTERPOSE(kind, failure, type, name, parameters, arguments, detail) \
	__attribute__((visibility("default"))) type name parameters         \
	{                                                                   \
		static void *found;                                         \
                                                                            \
		if (fails(kind, #name, (uint64_t)(detail)))                 \
			return failure;                                     \
		return ((type(*) parameters)next(#name, &found))arguments;  \
	}
/* The same for those that return an error. */
#define INTERPOSE_ERROR(kind, name, parameters, arguments) \
	INTERPOSE(kind, errno, int, name, parameters, arguments, 0)
/* With one optional argument, which is passed on as it is: in a register, whatever it is. */
#define INTERPOSE_OPTIONAL(kind, type, name, parameters, last, arguments, detail) \
	__attribute__((visibility("default"))) type name parameters               \
	{                                                                         \
		static void *found;                                               \
		unsigned long more;                                               \
		va_list list;                                                     \
                                                                                  \
		va_start(list, last);                                             \
		more = va_arg(list, unsigned long);                               \
		va_end(list);                                                     \
		if (fails(kind, #name, (uint64_t)(detail)))                       \
			return -1;                                                \
		return ((type(*) parameters)next(#name, &found))arguments;        \
	}

INTERPOSE_OPTIONAL(what == KVM_RUN ? KIND_RUN : KIND_IOCTL, int, ioctl,
		   (int fd, unsigned long what, ...), what, (fd, what, more), what)

INTERPOSE(KIND_MMAP, MAP_FAILED, void *, mmap,
	  (void *at, size_t bytes, int prot, int flags, int fd, off_t offset),
	  (at, bytes, prot, flags, fd, offset), bytes)
INTERPOSE(KIND_MMAP, MAP_FAILED, void *, mmap64,
	  (void *at, size_t bytes, int prot, int flags, int fd, off_t offset),
	  (at, bytes, prot, flags, fd, offset), bytes)
INTERPOSE(KIND_MMAP, -1, int, madvise, (void *at, size_t bytes, int advice), (at, bytes, advice),
	  advice)
INTERPOSE(KIND_MMAP, -1, int, mlock2, (const void *at, size_t bytes, unsigned int flags),
	  (at, bytes, flags), bytes)
INTERPOSE(KIND_MMAP, -1, int, mprotect, (void *at, size_t bytes, int prot), (at, bytes, prot), prot)

INTERPOSE_OPTIONAL(KIND_OPEN, int, open, (const char *path, int flags, ...), flags,
		   (path, flags, more), flags)
INTERPOSE_OPTIONAL(KIND_OPEN, int, open64, (const char *path, int flags, ...), flags,
		   (path, flags, more), flags)
INTERPOSE_OPTIONAL(KIND_OPEN, int, openat, (int dir, const char *path, int flags, ...), flags,
		   (dir, path, flags, more), flags)
INTERPOSE_OPTIONAL(KIND_OPEN, int, openat64, (int dir, const char *path, int flags, ...), flags,
		   (dir, path, flags, more), flags)
INTERPOSE(KIND_OPEN, NULL, FILE *, fopen, (const char *path, const char *mode), (path, mode), 0)
INTERPOSE(KIND_OPEN, NULL, FILE *, fopen64, (const char *path, const char *mode), (path, mode), 0)
INTERPOSE(KIND_OPEN, NULL, FILE *, fdopen, (int fd, const char *mode), (fd, mode), 0)
INTERPOSE(KIND_OPEN, NULL, DIR *, opendir, (const char *path), (path), 0)
INTERPOSE(KIND_OPEN, NULL, DIR *, fdopendir, (int fd), (fd), 0)
INTERPOSE(KIND_OPEN, -1, int, mkostemp, (char *path, int flags), (path, flags), 0)
INTERPOSE(KIND_OPEN, -1, int, mkostemp64, (char *path, int flags), (path, flags), 0)
INTERPOSE(KIND_OPEN, -1, int, posix_openpt, (int flags), (flags), 0)

/* Which descriptors are eventfds: a write to one cannot fail. */
static bool is_eventfd[1024];

__attribute__((visibility("default"))) int eventfd(unsigned int count, int flags)
{
	static void *found;
	int fd;

	if (fails(KIND_FD, "eventfd", count))
		return -1;
	fd = ((int (*)(unsigned int, int))next("eventfd", &found))(count, flags);
	if (fd >= 0 && fd < (int)sizeof(is_eventfd))
		is_eventfd[fd] = true;
	return fd;
}

__attribute__((visibility("default"))) int close(int fd)
{
	static void *found;

	if (fd >= 0 && fd < (int)sizeof(is_eventfd))
		is_eventfd[fd] = false;
	return ((int (*)(int))next("close", &found))(fd);
}

static bool write_can_fail(int fd)
{
	return fd != STDERR_FILENO && !(fd >= 0 && fd < (int)sizeof(is_eventfd) && is_eventfd[fd]);
}

INTERPOSE(KIND_FD, -1, int, timerfd_create, (int clock, int flags), (clock, flags), 0)
INTERPOSE(KIND_FD, -1, int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags), 0)
INTERPOSE(KIND_FD, -1, int, epoll_create1, (int flags), (flags), 0)
INTERPOSE(KIND_FD, -1, int, epoll_ctl, (int fd, int op, int of, struct epoll_event *event),
	  (fd, op, of, event), op)
INTERPOSE(KIND_FD, -1, int, memfd_create, (const char *name, unsigned int flags), (name, flags), 0)
INTERPOSE(KIND_FD, -1, int, pipe, (int fds[2]), (fds), 0)
INTERPOSE(KIND_FD, -1, int, pipe2, (int fds[2], int flags), (fds, flags), 0)
INTERPOSE(KIND_FD, -1, int, dup, (int fd), (fd), 0)
INTERPOSE(KIND_FD, -1, int, dup2, (int fd, int to), (fd, to), 0)
INTERPOSE(KIND_FD, -1, int, socketpair, (int domain, int type, int protocol, int fds[2]),
	  (domain, type, protocol, fds), 0)

INTERPOSE(KIND_SOCKET, -1, int, socket, (int domain, int type, int protocol),
	  (domain, type, protocol), domain)
INTERPOSE(KIND_SOCKET, -1, int, bind, (int fd, const struct sockaddr *at, socklen_t bytes),
	  (fd, at, bytes), 0)
INTERPOSE(KIND_SOCKET, -1, int, listen, (int fd, int backlog), (fd, backlog), 0)
INTERPOSE(KIND_SOCKET, -1, int, accept4, (int fd, struct sockaddr *at, socklen_t *bytes, int flags),
	  (fd, at, bytes, flags), 0)
INTERPOSE(KIND_SOCKET, -1, int, connect, (int fd, const struct sockaddr *to, socklen_t bytes),
	  (fd, to, bytes), 0)
INTERPOSE(KIND_SOCKET, -1, int, setsockopt,
	  (int fd, int level, int name, const void *value, socklen_t bytes),
	  (fd, level, name, value, bytes), name)
INTERPOSE(KIND_SOCKET, -1, int, getsockopt,
	  (int fd, int level, int name, void *value, socklen_t *bytes),
	  (fd, level, name, value, bytes), name)
INTERPOSE(KIND_SOCKET, -1, int, getsockname, (int fd, struct sockaddr *at, socklen_t *bytes),
	  (fd, at, bytes), 0)
INTERPOSE(KIND_SOCKET, -1, int, getpeername, (int fd, struct sockaddr *at, socklen_t *bytes),
	  (fd, at, bytes), 0)

INTERPOSE_ERROR(KIND_THREAD, pthread_create,
		(pthread_t * thread, const pthread_attr_t *attr, void *(*run)(void *), void *with),
		(thread, attr, run, with))
INTERPOSE_ERROR(KIND_PROCESS, posix_spawn,
		(pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions,
		 const posix_spawnattr_t *attr, char *const argv[], char *const env[]),
		(pid, path, actions, attr, argv, env))
INTERPOSE_ERROR(KIND_PROCESS, posix_spawnp,
		(pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions,
		 const posix_spawnattr_t *attr, char *const argv[], char *const env[]),
		(pid, path, actions, attr, argv, env))
INTERPOSE(KIND_PROCESS, -1, int, execvp, (const char *path, char *const argv[]), (path, argv), 0)
INTERPOSE(KIND_PROCESS, -1, pid_t, waitpid, (pid_t pid, int *status, int options),
	  (pid, status, options), options)
INTERPOSE(KIND_PROCESS, -1, pid_t, setsid, (void), (), 0)

INTERPOSE(KIND_READ, -1, ssize_t, read, (int fd, void *to, size_t bytes), (fd, to, bytes), fd)
INTERPOSE(KIND_READ, -1, ssize_t, pread, (int fd, void *to, size_t bytes, off_t at),
	  (fd, to, bytes, at), fd)
INTERPOSE(KIND_READ, -1, ssize_t, pread64, (int fd, void *to, size_t bytes, off64_t at),
	  (fd, to, bytes, at), fd)
INTERPOSE(KIND_READ, -1, ssize_t, readv, (int fd, const struct iovec *to, int count),
	  (fd, to, count), fd)
INTERPOSE(KIND_READ, -1, ssize_t, preadv2,
	  (int fd, const struct iovec *to, int count, off_t at, int flags),
	  (fd, to, count, at, flags), fd)
INTERPOSE(KIND_READ, -1, ssize_t, preadv64v2,
	  (int fd, const struct iovec *to, int count, off64_t at, int flags),
	  (fd, to, count, at, flags), fd)
INTERPOSE(KIND_READ, -1, ssize_t, recv, (int fd, void *to, size_t bytes, int flags),
	  (fd, to, bytes, flags), fd)
INTERPOSE(KIND_READ, -1, ssize_t, recvmsg, (int fd, struct msghdr *to, int flags), (fd, to, flags),
	  fd)
INTERPOSE(KIND_READ, -1, ssize_t, getrandom, (void *to, size_t bytes, unsigned int flags),
	  (to, bytes, flags), 0)

/* What is said on standard error is the verdict's, and is never lost. */
__attribute__((visibility("default"))) ssize_t write(int fd, const void *from, size_t bytes)
{
	static void *found;

	if (write_can_fail(fd) && fails(KIND_WRITE, "write", (uint64_t)fd))
		return -1;
	return ((ssize_t(*)(int, const void *, size_t))next("write", &found))(fd, from, bytes);
}

INTERPOSE(KIND_WRITE, -1, ssize_t, writev, (int fd, const struct iovec *from, int count),
	  (fd, from, count), fd)
INTERPOSE(KIND_WRITE, -1, ssize_t, pwritev2,
	  (int fd, const struct iovec *from, int count, off_t at, int flags),
	  (fd, from, count, at, flags), fd)
INTERPOSE(KIND_WRITE, -1, ssize_t, pwritev64v2,
	  (int fd, const struct iovec *from, int count, off64_t at, int flags),
	  (fd, from, count, at, flags), fd)
INTERPOSE(KIND_WRITE, -1, ssize_t, send, (int fd, const void *from, size_t bytes, int flags),
	  (fd, from, bytes, flags), fd)
INTERPOSE(KIND_WRITE, -1, ssize_t, sendmsg, (int fd, const struct msghdr *from, int flags),
	  (fd, from, flags), fd)

INTERPOSE(KIND_FILE, -1, int, fstat, (int fd, struct stat *st), (fd, st), 0)
INTERPOSE(KIND_FILE, -1, int, fstat64, (int fd, struct stat64 *st), (fd, st), 0)
INTERPOSE(KIND_FILE, -1, int, stat, (const char *path, struct stat *st), (path, st), 0)
INTERPOSE(KIND_FILE, -1, int, stat64, (const char *path, struct stat64 *st), (path, st), 0)
INTERPOSE(KIND_FILE, -1, int, lstat, (const char *path, struct stat *st), (path, st), 0)
INTERPOSE(KIND_FILE, -1, int, lstat64, (const char *path, struct stat64 *st), (path, st), 0)
INTERPOSE(KIND_FILE, -1, int, statx,
	  (int dir, const char *path, int flags, unsigned int mask, struct statx *st),
	  (dir, path, flags, mask, st), 0)
INTERPOSE(KIND_FILE, -1, int, access, (const char *path, int mode), (path, mode), 0)
INTERPOSE(KIND_FILE, -1, int, ftruncate, (int fd, off_t bytes), (fd, bytes), 0)
INTERPOSE(KIND_FILE, -1, int, ftruncate64, (int fd, off64_t bytes), (fd, bytes), 0)
INTERPOSE(KIND_FILE, -1, int, fallocate, (int fd, int mode, off_t at, off_t bytes),
	  (fd, mode, at, bytes), mode)
INTERPOSE(KIND_FILE, -1, int, fallocate64, (int fd, int mode, off64_t at, off64_t bytes),
	  (fd, mode, at, bytes), mode)
INTERPOSE(KIND_FILE, -1, int, fsync, (int fd), (fd), 0)
INTERPOSE(KIND_FILE, -1, int, flock, (int fd, int what), (fd, what), what)
INTERPOSE(KIND_FILE, -1, int, fchmod, (int fd, mode_t mode), (fd, mode), 0)
INTERPOSE(KIND_FILE, -1, int, chmod, (const char *path, mode_t mode), (path, mode), 0)
INTERPOSE(KIND_FILE, -1, int, unlink, (const char *path), (path), 0)
INTERPOSE(KIND_FILE, -1, int, rename, (const char *from, const char *to), (from, to), 0)
INTERPOSE(KIND_FILE, -1, int, mkdir, (const char *path, mode_t mode), (path, mode), 0)
INTERPOSE(KIND_FILE, -1, int, chdir, (const char *path), (path), 0)
INTERPOSE(KIND_FILE, NULL, char *, getcwd, (char *to, size_t bytes), (to, bytes), 0)
INTERPOSE(KIND_FILE, NULL, char *, realpath, (const char *path, char *to), (path, to), 0)
INTERPOSE(KIND_FILE, -1, ssize_t, readlink, (const char *path, char *to, size_t bytes),
	  (path, to, bytes), 0)
INTERPOSE(KIND_FILE, -1, off_t, lseek, (int fd, off_t at, int from), (fd, at, from), from)
INTERPOSE(KIND_FILE, -1, off64_t, lseek64, (int fd, off64_t at, int from), (fd, at, from), from)
INTERPOSE_OPTIONAL(KIND_FILE, int, fcntl, (int fd, int what, ...), what, (fd, what, more), what)
INTERPOSE_OPTIONAL(KIND_FILE, int, fcntl64, (int fd, int what, ...), what, (fd, what, more), what)

INTERPOSE(KIND_SYSTEM, -1, int, tcgetattr, (int fd, struct termios *to), (fd, to), 0)
INTERPOSE(KIND_SYSTEM, -1, int, tcsetattr, (int fd, int when, const struct termios *from),
	  (fd, when, from), 0)
INTERPOSE(KIND_SYSTEM, -1, int, grantpt, (int fd), (fd), 0)
INTERPOSE(KIND_SYSTEM, -1, int, unlockpt, (int fd), (fd), 0)
INTERPOSE_ERROR(KIND_SYSTEM, ptsname_r, (int fd, char *to, size_t bytes), (fd, to, bytes))
INTERPOSE(KIND_SYSTEM, -1, int, getrlimit, (__rlimit_resource_t what, struct rlimit *to),
	  (what, to), 0)
INTERPOSE(KIND_SYSTEM, -1, int, setrlimit, (__rlimit_resource_t what, const struct rlimit *from),
	  (what, from), 0)
INTERPOSE(KIND_SYSTEM, -1, int, setrlimit64,
	  (__rlimit_resource_t what, const struct rlimit64 *from), (what, from), 0)
INTERPOSE(KIND_SYSTEM, -1, int, sched_getaffinity, (pid_t pid, size_t bytes, cpu_set_t *to),
	  (pid, bytes, to), 0)
INTERPOSE(KIND_SYSTEM, -1, int, sched_setaffinity, (pid_t pid, size_t bytes, const cpu_set_t *from),
	  (pid, bytes, from), 0)
INTERPOSE(KIND_SYSTEM, -1, int, sched_setscheduler,
	  (pid_t pid, int policy, const struct sched_param *with), (pid, policy, with), 0)
INTERPOSE(KIND_SYSTEM, -1, int, poll, (struct pollfd * fds, nfds_t count, int ms), (fds, count, ms),
	  0)

/* Children count apart from the process. */
__attribute__((visibility("default"))) pid_t fork(void)
{
	static void *found;
	pid_t pid;

	if (fails(KIND_PROCESS, "fork", 0))
		return -1;
	pid = ((pid_t(*)(void))next("fork", &found))();
	is_child |= !pid;
	return pid;
}

/* By number. */
__attribute__((visibility("default"))) long syscall(long number, ...)
{
	static void *found;
	unsigned long a[6];
	enum kind kind = number == SYS_pidfd_open ? KIND_FD : KIND_SYSTEM;
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, unsigned long);
	va_end(list);
	if (fails(kind, "syscall", (uint64_t)number))
		return -1;
	return ((long (*)(long, ...))next("syscall", &found))(number, a[0], a[1], a[2], a[3], a[4],
							      a[5]);
}

/* --- memory --- */

static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static int (*next_memalign)(void **, size_t, size_t);
static void (*next_free)(void *);

/* For whoever asks while the functions are looked up; never given back. */
static char early[65536];
static size_t early_used;

static void *early_alloc(size_t bytes)
{
	void *at = early + early_used;

	early_used += (bytes + 31) & ~(size_t)15;
	if (early_used > sizeof(early))
		abort();
	return at;
}

/* Libraries allocate before the shim's constructor runs. False: the functions are being looked up. */
static bool memory_is_found(void)
{
	static bool looking;

	if (next_malloc)
		return true;
	if (looking)
		return false;
	looking = true;
	next_free = dlsym(RTLD_NEXT, "free");
	next_realloc = dlsym(RTLD_NEXT, "realloc");
	next_memalign = dlsym(RTLD_NEXT, "posix_memalign");
	next_calloc = dlsym(RTLD_NEXT, "calloc");
	next_malloc = dlsym(RTLD_NEXT, "malloc");
	return true;
}

static bool is_early(const void *at)
{
	return (const char *)at >= early && (const char *)at < early + sizeof(early);
}

__attribute__((visibility("default"))) void *malloc(size_t bytes)
{
	if (!memory_is_found())
		return early_alloc(bytes);
	return fails(KIND_ALLOC, "malloc", bytes) ? NULL : next_malloc(bytes);
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t bytes)
{
	if (!memory_is_found())
		return early_alloc(count * bytes);
	return fails(KIND_ALLOC, "calloc", count * bytes) ? NULL : next_calloc(count, bytes);
}

__attribute__((visibility("default"))) void *realloc(void *at, size_t bytes)
{
	if (!memory_is_found())
		abort();
	if (is_early(at)) {
		void *to = next_malloc(bytes);
		size_t left = (size_t)(early + sizeof(early) - (char *)at);

		return to ? memcpy(to, at, bytes < left ? bytes : left) : NULL;
	}
	return fails(KIND_ALLOC, "realloc", bytes) ? NULL : next_realloc(at, bytes);
}

__attribute__((visibility("default"))) int posix_memalign(void **at, size_t align, size_t bytes)
{
	if (!memory_is_found())
		abort();
	if (fails(KIND_ALLOC, "posix_memalign", bytes))
		return errno;
	return next_memalign(at, align, bytes);
}

__attribute__((visibility("default"))) void free(void *at)
{
	if (at && !is_early(at) && next_free)
		next_free(at);
}

/* --- io_uring --- */

/* Where the system calls of this file are made: the filter lets them pass. */
__asm__(".text\n"
	"shim_raw_syscall:\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	mov %rdx, %rsi\n"
	"	mov %rcx, %rdx\n"
	"	mov %r8, %r10\n"
	"	mov %r9, %r8\n"
	"	mov 8(%rsp), %r9\n"
	"	syscall\n"
	"shim_after_syscall:\n"
	"	ret\n");
long shim_raw_syscall(long number, long a, long b, long c, long d, long e, long f);
extern char shim_after_syscall[];

static struct {
	int fd;
	uint32_t *head, *array, entries;
	struct io_uring_sqe *sqes;
} ring = { .fd = -1 };

static void *map_ring(int fd, size_t bytes, uint64_t what)
{
	long at = shim_raw_syscall(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
				   (long)what);

	return at < 0 && at > -4096 ? NULL : (void *)at;
}

/* The first ring is the loop's. */
static void look_at_ring(int fd, const struct io_uring_params *params)
{
	size_t bytes = params->sq_off.array + params->sq_entries * sizeof(uint32_t);
	char *at;

	if (ring.fd >= 0)
		return;
	at = map_ring(fd, bytes, IORING_OFF_SQ_RING);
	ring.sqes = map_ring(fd, params->sq_entries * sizeof(*ring.sqes), IORING_OFF_SQES);
	if (!at || !ring.sqes)
		return;
	ring.head = (uint32_t *)(at + params->sq_off.head);
	ring.array = (uint32_t *)(at + params->sq_off.array);
	ring.entries = params->sq_entries;
	ring.fd = fd;
}

/* An operation that the kernel does not have is answered with -EINVAL, and by newer ones with an error of choice. */
static void spoil(struct io_uring_sqe *sqe)
{
	uint64_t data = sqe->user_data;

	memset(sqe, 0, sizeof(*sqe));
	sqe->user_data = data;
	sqe->fd = -1;
	sqe->opcode = IORING_OP_NOP;
	sqe->rw_flags = 1; /* IORING_NOP_INJECT_RESULT */
	sqe->len = (uint32_t)-page->error;
}

static void enter_entries(int fd, uint32_t count)
{
	if (fd != ring.fd)
		return;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = ring.array[(*ring.head + i) & (ring.entries - 1)];
		struct io_uring_sqe *sqe = &ring.sqes[at];

		/* What is cancelled is never waited for. */
		if (sqe->user_data && fails(KIND_SQE, "sqe", sqe->opcode))
			spoil(sqe);
	}
}

static void on_sigsys(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *r = uc->uc_mcontext.gregs;
	int saved = errno;
	long ret;

	(void)signal;
	if (fails(KIND_RING, "io_uring", (uint64_t)info->si_syscall)) {
		r[REG_RAX] = -errno;
		errno = saved;
		return;
	}
	if (info->si_syscall == SYS_io_uring_enter)
		enter_entries((int)r[REG_RDI], (uint32_t)r[REG_RSI]);
	ret = shim_raw_syscall(info->si_syscall, r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10],
			       r[REG_R8], r[REG_R9]);
	if (info->si_syscall == SYS_io_uring_setup && ret >= 0)
		look_at_ring((int)ret, (void *)r[REG_RSI]);
	r[REG_RAX] = ret;
	errno = saved;
}

/* Nobody takes SIGSYS away. */
__attribute__((visibility("default"))) int sigaction(int sig, const struct sigaction *action,
						     struct sigaction *old)
{
	static void *found;
	int (*real)(int, const struct sigaction *, struct sigaction *) = next("sigaction", &found);

	if (shared && sig == SIGSYS && !is_child && !inside)
		return 0;
	return real(sig, action, old);
}

static void trap_rings(void)
{
	const uint64_t pass = (uint64_t)(uintptr_t)shim_after_syscall;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SYS_io_uring_register, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, instruction_pointer)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)pass, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, instruction_pointer) + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(pass >> 32), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program_of = { sizeof(filter) / sizeof(filter[0]), filter };
	struct sigaction action = { .sa_sigaction = on_sigsys,
				    .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSYS, &action, NULL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program_of))
		abort();
}

/* --- the beginning --- */

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("IOLITE_SHIM");
	struct page *mapped;
	Dl_info info;
	void *warm[4];
	uint32_t nobody = 0;
	long fd;

	if (!path)
		return;
	backtrace(warm, 4); /* loads what it needs */
	fd = shim_raw_syscall(SYS_open, (long)path, O_RDWR | O_CLOEXEC, 0, 0, 0, 0);
	if (fd < 0)
		abort();
	mapped = (void *)shim_raw_syscall(SYS_mmap, 0, sizeof(*page), PROT_READ | PROT_WRITE,
					  MAP_SHARED, fd, 0);
	shim_raw_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	/* Where its program headers are, the program is. */
	if (dladdr((void *)getauxval(AT_PHDR), &info))
		program = (uintptr_t)info.dli_fbase;
	is_child = !atomic_compare_exchange_strong(&mapped->main_pid, &nobody, (uint32_t)getpid());
	if (!is_child)
		trap_rings();
	shared = mapped;
}

static int (*real_main)(int, char **, char **);

/* What libraries do before main() is theirs: GLib's constructor ends a process that has no memory, and can say nothing. */
static int counted_main(int argc, char **argv, char **env)
{
	page = shared;
	return real_main(argc, argv, env);
}

int __libc_start_main(int (*start)(int, char **, char **), int argc, char **argv,
		      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
		      void *stack_end);

__attribute__((visibility("default"))) int
__libc_start_main(int (*start)(int, char **, char **), int argc, char **argv, void (*init)(void),
		  void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
	static void *found;
	int (*real)(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
		    void (*)(void), void *) = next("__libc_start_main", &found);

	real_main = start;
	return real(counted_main, argc, argv, init, fini, rtld_fini, stack_end);
}
