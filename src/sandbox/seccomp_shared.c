// SPDX-License-Identifier: Apache-2.0
/* System calls that several kinds of threads have. See calls.h. */
#include "calls.h"

#include <linux/mman.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

const struct filter_call sandbox_thread_calls[] = {
	CALL(futex, "locks, the safe point, waiting for work"),
	CALL(futex_time64, "locks, the safe point, waiting for work"),
	CALL(exit, "the end of the thread"),
	CALL(rt_sigprocmask, "the end of the thread, and abort()"),
	CALL(gettid, "abort(): an assertion that failed is to be seen as that"),
	{ .name = "tgkill", .nr = SYS_tgkill, .own_process = true, .why = "abort()" },
	CALL(getpid, "abort()"),
	ANSWER(madvise, ENOSYS, "hints of malloc() and of the end of a thread"),
	{ .name = NULL },
};

#define GROWS "malloc(); no memory becomes code"

const struct filter_call sandbox_memory_calls[] = {
	CALL_WITHOUT(mmap, 2, PROT_EXEC, GROWS),
	CALL_WITHOUT(mmap2, 2, PROT_EXEC, GROWS),
	CALL_WITHOUT(mprotect, 2, PROT_EXEC, GROWS),
	CALL(munmap, "free(), and what a machine had at its end"),
	{ .name = NULL },
};

#define NEWER "a newer way to do what there is an older one for: libc falls back"
#define TRIED "no more files: who may do without (libc's catalogues of messages, say) does"

/*
 * Answered and not ended for: what a libc, another one than we were tried with perhaps, tries of its own accord. It has to get on without any
 * of these on some kernel.
 */
const struct filter_call sandbox_answered_calls[] = {
	ANSWER(clone3, ENOSYS, NEWER),
	ANSWER(rseq, ENOSYS, NEWER),
	ANSWER(futex_waitv, ENOSYS, NEWER),
	ANSWER(futex_wake, ENOSYS, NEWER),
	ANSWER(futex_wait, ENOSYS, NEWER),
	ANSWER(futex_requeue, ENOSYS, NEWER),
	ANSWER(faccessat2, ENOSYS, NEWER),
	ANSWER(openat2, ENOSYS, NEWER),
	ANSWER(close_range, ENOSYS, NEWER),
	ANSWER(epoll_pwait2, ENOSYS, NEWER),
	ANSWER(fchmodat2, ENOSYS, NEWER),
	ANSWER(mseal, ENOSYS, NEWER),
	ANSWER(map_shadow_stack, ENOSYS, NEWER),
#if __SIZEOF_POINTER__ == 8
	ANSWER(statx, ENOSYS, NEWER),
#endif
	ANSWER(mremap, ENOSYS, "realloc() copies then"),
#ifndef IOL_SANDBOX_SANITIZED
	ANSWER(open, EACCES, TRIED),
	ANSWER(openat, EACCES, TRIED),
	ANSWER(readlink, EACCES, TRIED),
	ANSWER(readlinkat, EACCES, TRIED),
#endif
	ANSWER(access, EACCES, TRIED),
	ANSWER(faccessat, EACCES, TRIED),
	{ .name = NULL },
};

#ifdef IOL_SANDBOX_SANITIZED
#define SANITIZER "sanitizers: reports, and the search for leaks, which traces the process"

/* Builds for tests alone: as wide as this is no sandbox; its order and its calls are tried all the same. */
const struct filter_call sandbox_sanitizer_calls[] = {
	CALL(open, SANITIZER),
	CALL(openat, SANITIZER),
	CALL(close, SANITIZER),
	CALL(read, SANITIZER),
	CALL(write, SANITIZER),
	CALL(readlink, SANITIZER),
	CALL(readlinkat, SANITIZER),
	CALL(newfstatat, SANITIZER),
	CALL(fstat, SANITIZER),
	CALL(stat, SANITIZER),
	CALL(lstat, SANITIZER),
	CALL(lseek, SANITIZER),
	CALL(getdents64, SANITIZER),
	CALL(getdents, SANITIZER),
	CALL(pipe, SANITIZER),
	CALL(dup, SANITIZER),
	CALL(madvise, SANITIZER),
	CALL(sigaltstack, SANITIZER),
	CALL(sched_yield, SANITIZER),
	CALL(clock_nanosleep, SANITIZER),
	CALL(nanosleep, SANITIZER),
	CALL(clock_gettime, SANITIZER),
	CALL(gettimeofday, SANITIZER),
	CALL(fcntl, SANITIZER),
	IOCTL(TCGETS, SANITIZER),
	CALL(rt_sigaction, SANITIZER),
	CALL(rt_sigprocmask, SANITIZER),
	CALL(getpid, SANITIZER),
	CALL(getppid, SANITIZER),
	CALL(gettid, SANITIZER),
	CALL(tgkill, SANITIZER),
	CALL(kill, SANITIZER),
	CALL_WITHOUT(clone, 0, CLONE_THREAD, SANITIZER),
	CALL(ptrace, SANITIZER),
	CALL(wait4, SANITIZER),
	CALL(prctl, SANITIZER),
	CALL(arch_prctl, SANITIZER),
	CALL(process_vm_readv, SANITIZER),
	CALL(pipe2, SANITIZER),
	CALL(prlimit64, SANITIZER),
	CALL(getrlimit, SANITIZER),
	CALL(exit_group, SANITIZER),
	CALL(exit, SANITIZER),
	CALL(uname, SANITIZER),
	CALL(sched_getaffinity, SANITIZER),
	CALL(getrandom, SANITIZER),
	CALL(brk, SANITIZER),
	{ .name = NULL },
};
#endif
