/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left to this process once everything is open and a guest runs: docs/sandbox.md. It is the whole process's, and
 * for good, so that its state is one of the few that do not hang off a machine.
 *
 * Order: iol_sandbox_prepare() before anything is opened; then all is opened; iol_sandbox_begin() while the loop's thread is alone;
 * threads are started, and each enters by iol_sandbox_enter(), the loop's as the last one; then the guest runs.
 */
#ifndef IOLITE_SANDBOX_H
#define IOLITE_SANDBOX_H

#include <stdbool.h>

#include <iolite/error.h>
#include <iolite/limits.h>

struct iol_jail;

enum iol_sandbox_mode {
	IOL_SANDBOX_DEFAULT, /* on, and what this host cannot do is said once */
	IOL_SANDBOX_OFF,
	IOL_SANDBOX_LOG, /* what would end the process is reported, and done */
	IOL_SANDBOX_ON, /* or the machine does not start */
	IOL_SANDBOX_MODE_COUNT,
};

/* Kinds of threads: each has system calls of its own. */
enum iol_sandbox_thread {
	IOL_SANDBOX_MAIN, /* the loop's */
	IOL_SANDBOX_VCPU,
	IOL_SANDBOX_IO, /* workers of disks (discards) */
	IOL_SANDBOX_THREAD_COUNT,
};

/* What only some machines do once they run; whoever opens something that asks for it says so. */
enum iol_sandbox_need {
	IOL_SANDBOX_NEEDS_DISK = 1 << 0,
	IOL_SANDBOX_NEEDS_NET = 1 << 1,
	IOL_SANDBOX_NEEDS_TAP = 1 << 2, /* and vhost-net */
	IOL_SANDBOX_NEEDS_CHILD = 1 << 3, /* processes of networks */
	IOL_SANDBOX_NEEDS_LISTEN = 1 << 4, /* peers come by sockets */
	IOL_SANDBOX_NEEDS_CONNECT =
		1 << 5, /* to where a line or a network was told to go, again and again */
	IOL_SANDBOX_NEEDS_CLIENT =
		1 << 6, /* control socket, debuggers: who asks may look into the machine */
	IOL_SANDBOX_NEEDS_TERMINAL = 1 << 7,
	IOL_SANDBOX_NEEDS_FILE = 1 << 8, /* a line's */
	IOL_SANDBOX_NEEDS_MEMORY = 1 << 9, /* that is placed on the host */
	IOL_SANDBOX_NEEDS_REMOVE = 1 << 10, /* follows from iol_sandbox_may_remove() */
	IOL_SANDBOX_NEEDS_ALL = (1 << 11) - 1,
};

/* Sanitizers look into /proc, and at their end trace their own process: such builds have longer lists (docs/sandbox.md). */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IOL_SANDBOX_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define IOL_SANDBOX_SANITIZED
#endif
#endif

/* Says that this process will be put into a sandbox; without this nothing below does anything. Before any thread. */
int iol_sandbox_prepare(enum iol_sandbox_mode mode, struct iol_error *err);

/*
 * What is at @path (NULL: nothing) when iol_sandbox_begin() is called, is removed by iol_sandbox_finish(), where the process will
 * have no right to remove names itself. For that a process is started: before anything is opened, and threads.
 */
void iol_sandbox_may_remove(const char *path);

/* Bits of enum iol_sandbox_need. Before iol_sandbox_begin(). */
void iol_sandbox_need(unsigned int needs);

/* A TCP port that may be connected to again; listening ones are open by then. Before iol_sandbox_begin(). */
void iol_sandbox_may_connect(uint16_t port);

/* What is to be had once the machine runs. Before iol_sandbox_begin(). */
void iol_sandbox_set_limits(const struct iol_limits *limits);

/*
 * iol_sandbox_begin() enters @jail, which takes paths away, also in IOL_SANDBOX_OFF. Borrowed; it is opened, and outlives that
 * call. Before iol_sandbox_may_remove().
 */
void iol_sandbox_set_jail(struct iol_jail *jail);

/*
 * Something to be done by iol_sandbox_begin() when the rights are given up, such as to start a thread, which is then without
 * them as well. Without a sandbox it is never called. Before iol_sandbox_begin(), or taken back before its owner goes.
 */
struct iol_sandbox_hook {
	void (*run)(struct iol_sandbox_hook *hook);
	struct iol_sandbox_hook *next; /* private */
};
void iol_sandbox_at_begin(struct iol_sandbox_hook *hook);
void iol_sandbox_hook_cancel(struct iol_sandbox_hook *hook);

/* Whether this process is, or will be, in a sandbox; IOL_SANDBOX_OFF when it was not prepared. [any] */
enum iol_sandbox_mode iol_sandbox_mode(void);

/* Whether what is not open by now can be opened no more. [any] */
bool iol_sandbox_closed(void);

/*
 * Gives up the rights of the process: threads started from now on have none of them, either. Everything is open, and the
 * calling thread is the only one. -errno with a text where IOL_SANDBOX_ON cannot be had. [loop]
 */
int iol_sandbox_begin(struct iol_error *err);

/* Leaves the calling thread the system calls of its kind. [any] */
int iol_sandbox_enter(enum iol_sandbox_thread kind, struct iol_error *err);

/* At the end of the machine: waits until names are removed. Idempotent. [loop] */
void iol_sandbox_finish(void);

#endif
