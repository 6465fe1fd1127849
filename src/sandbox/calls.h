/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of system calls, and how a row is written. */
#ifndef SANDBOX_CALLS_H
#define SANDBOX_CALLS_H

#include <errno.h>
#include <sys/syscall.h>

#include <iolite/sandbox.h>

#include "filter.h"

/* Not every architecture, and not every libc, has a number for them. */
#ifndef SYS_getdents
#define SYS_getdents FILTER_NO_CALL
#endif
#ifndef SYS_pipe
#define SYS_pipe FILTER_NO_CALL
#endif
#ifndef SYS_dup2
#define SYS_dup2 FILTER_NO_CALL
#endif
#ifndef SYS_open
#define SYS_open FILTER_NO_CALL
#endif
#ifndef SYS_access
#define SYS_access FILTER_NO_CALL
#endif
#ifndef SYS_stat
#define SYS_stat FILTER_NO_CALL
#endif
#ifndef SYS_lstat
#define SYS_lstat FILTER_NO_CALL
#endif
#ifndef SYS_unlink
#define SYS_unlink FILTER_NO_CALL
#endif
#ifndef SYS_readlink
#define SYS_readlink FILTER_NO_CALL
#endif
#ifndef SYS_poll
#define SYS_poll FILTER_NO_CALL
#endif
#ifndef SYS_fork
#define SYS_fork FILTER_NO_CALL
#endif
#ifndef SYS_vfork
#define SYS_vfork FILTER_NO_CALL
#endif
#ifndef SYS_clone3
#define SYS_clone3 FILTER_NO_CALL
#endif
#ifndef SYS_rseq
#define SYS_rseq FILTER_NO_CALL
#endif
#ifndef SYS_statx
#define SYS_statx FILTER_NO_CALL
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 FILTER_NO_CALL
#endif
#ifndef SYS_openat2
#define SYS_openat2 FILTER_NO_CALL
#endif
#ifndef SYS_close_range
#define SYS_close_range FILTER_NO_CALL
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv FILTER_NO_CALL
#endif
#ifndef SYS_futex_wake
#define SYS_futex_wake FILTER_NO_CALL
#endif
#ifndef SYS_futex_wait
#define SYS_futex_wait FILTER_NO_CALL
#endif
#ifndef SYS_futex_requeue
#define SYS_futex_requeue FILTER_NO_CALL
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 FILTER_NO_CALL
#endif
#ifndef SYS_mseal
#define SYS_mseal FILTER_NO_CALL
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 FILTER_NO_CALL
#endif
#ifndef SYS_newfstatat
#define SYS_newfstatat FILTER_NO_CALL
#endif
#ifndef SYS_fstatat64
#define SYS_fstatat64 FILTER_NO_CALL
#endif
#ifndef SYS_fstat64
#define SYS_fstat64 FILTER_NO_CALL
#endif
#ifndef SYS_fstat
#define SYS_fstat FILTER_NO_CALL
#endif
#ifndef SYS_mmap
#define SYS_mmap FILTER_NO_CALL
#endif
#ifndef SYS_mmap2
#define SYS_mmap2 FILTER_NO_CALL
#endif
#ifndef SYS_ftruncate64
#define SYS_ftruncate64 FILTER_NO_CALL
#endif
#ifndef SYS_fallocate
#define SYS_fallocate FILTER_NO_CALL
#endif
#ifndef SYS_sigreturn
#define SYS_sigreturn FILTER_NO_CALL
#endif
#ifndef SYS_futex_time64
#define SYS_futex_time64 FILTER_NO_CALL
#endif
#ifndef SYS_clock_gettime64
#define SYS_clock_gettime64 FILTER_NO_CALL
#endif
#ifndef SYS_ppoll_time64
#define SYS_ppoll_time64 FILTER_NO_CALL
#endif
#ifndef SYS_clock_nanosleep_time64
#define SYS_clock_nanosleep_time64 FILTER_NO_CALL
#endif
#ifndef SYS_clock_gettime
#define SYS_clock_gettime FILTER_NO_CALL
#endif
#ifndef SYS_ppoll
#define SYS_ppoll FILTER_NO_CALL
#endif
#ifndef SYS_sched_yield
#define SYS_sched_yield FILTER_NO_CALL
#endif
#ifndef SYS__llseek
#define SYS__llseek FILTER_NO_CALL
#endif
#ifndef SYS_lseek
#define SYS_lseek FILTER_NO_CALL
#endif
#ifndef SYS_map_shadow_stack
#define SYS_map_shadow_stack FILTER_NO_CALL
#endif
#ifndef SYS_cachestat
#define SYS_cachestat FILTER_NO_CALL
#endif
#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node FILTER_NO_CALL
#endif
#ifndef SYS_eventfd2
#define SYS_eventfd2 FILTER_NO_CALL
#endif
#ifndef SYS_arch_prctl
#define SYS_arch_prctl FILTER_NO_CALL
#endif
#ifndef SYS_process_vm_readv
#define SYS_process_vm_readv FILTER_NO_CALL
#endif
#ifndef SYS_getrlimit
#define SYS_getrlimit FILTER_NO_CALL
#endif
#ifndef SYS_ugetrlimit
#define SYS_ugetrlimit FILTER_NO_CALL
#endif
#ifndef SYS_fcntl64
#define SYS_fcntl64 FILTER_NO_CALL
#endif
#ifndef SYS_fcntl
#define SYS_fcntl FILTER_NO_CALL
#endif
#ifndef SYS_sigreturn
#define SYS_sigreturn FILTER_NO_CALL
#endif
#ifndef SYS_time
#define SYS_time FILTER_NO_CALL
#endif
#ifndef SYS_gettimeofday
#define SYS_gettimeofday FILTER_NO_CALL
#endif

#define CALL(call, reason)                                     \
	{                                                      \
		.name = #call, .nr = SYS_##call, .why = reason \
	}
#define CALL_FOR(needs, call, reason)                                           \
	{                                                                       \
		.name = #call, .nr = SYS_##call, .need = (needs), .why = reason \
	}
/* Only with this value of an argument, of which the kernel looks at 32 bits. */
#define CALL_IF(call, arg, is, reason)                                           \
	{                                                                        \
		.name = #call, .nr = SYS_##call,                                 \
		.args = { { (arg), UINT32_MAX, (uint32_t)(is) } }, .why = reason \
	}
#define CALL_IF_FOR(needs, call, arg, is, reason)                                \
	{                                                                        \
		.name = #call, .nr = SYS_##call, .need = (needs),                \
		.args = { { (arg), UINT32_MAX, (uint32_t)(is) } }, .why = reason \
	}
#define CALL_WITHOUT(call, arg, bits, reason)                                                    \
	{                                                                                        \
		.name = #call, .nr = SYS_##call, .args = { { (arg), (bits), 0 } }, .why = reason \
	}
#define IOCTL(request, reason) CALL_IF(ioctl, 1, request, #request ": " reason)
#define IOCTL_FOR(needs, request, reason) \
	CALL_IF_FOR(needs, ioctl, 1, request, #request ": " reason)
#define ANSWER(call, error, reason)                                                \
	{                                                                          \
		.name = #call, .nr = SYS_##call, .answer = -(error), .why = reason \
	}

extern const struct filter_list sandbox_main_list, sandbox_vcpu_list, sandbox_io_list;

/* Shared tables: each ended by a row without a name. */
extern const struct filter_call
	sandbox_thread_calls[]; /* of those that the loop's thread started */
extern const struct filter_call sandbox_memory_calls[];
extern const struct filter_call sandbox_answered_calls[];
extern const struct filter_call sandbox_kvm_vcpu_calls[];
extern const struct filter_call sandbox_kvm_main_calls[];
#ifdef IOL_SANDBOX_SANITIZED
extern const struct filter_call sandbox_sanitizer_calls[];
#endif

#endif
