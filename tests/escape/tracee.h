/* SPDX-License-Identifier: Apache-2.0 */
/* A thread of another process that makes a system call for us, ptrace(2): the kernel judges the call as that thread's own. */
#ifndef ESCAPE_TRACEE_H
#define ESCAPE_TRACEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#if defined(__x86_64__)
typedef struct user_regs_struct tracee_regs;
#elif defined(__aarch64__)
typedef struct user_regs_struct tracee_regs;
#else
#error "how does a processor pass arguments to the kernel?"
#endif

enum {
	TRACEE_ROOM = 1024, /* bytes below the thread's stack, for what calls point to */
	TRACEE_ENDED =
		-4096, /* as a call's result: the process has ended; no error has this number */
};

struct tracee {
	pid_t pid, tid;
	int mem; /* /proc/PID/mem */
	tracee_regs regs; /* as it was found */
	uint64_t insn; /* an instruction that enters the kernel */
	uint64_t room, used;
	int kept_signal; /* came meanwhile; 0: none */
	int ended_by; /* the signal that ended the process, -1: it exited; 0: it lives */
};

/* Ends this program with a text where it fails. */
void tracee_stop(struct tracee *t, pid_t pid, pid_t tid);

/* The thread goes on as if nothing had been, unless it has ended. */
void tracee_release(struct tracee *t);

/* The call's result, -errno, or TRACEE_ENDED. */
long tracee_call(struct tracee *t, long nr, const uint64_t args[6]);

/* Copies @len bytes into the thread's room: their address. */
uint64_t tracee_put(struct tracee *t, const void *data, size_t len);

/* False: not all of it is there. */
bool tracee_read(const struct tracee *t, uint64_t at, void *data, size_t len);
bool tracee_write(const struct tracee *t, uint64_t at, const void *data, size_t len);

/* Calls @each with the lines of the process's maps, until it returns true. */
bool tracee_maps(pid_t pid,
		 bool (*each)(void *ctx, uint64_t start, uint64_t end, const char *rights,
			      uint64_t offset, const char *name),
		 void *ctx);

/* One line, and the end of this program: status 2. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
