/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child process that a network backend keeps: it ends with us, however we end, and is always waited for.
 * Runs on the loop's thread.
 */
#ifndef IOLITE_BACKEND_NET_CHILD_H
#define IOLITE_BACKEND_NET_CHILD_H

#include <sys/types.h>

#include <iolite/loop.h>

struct net_child {
	pid_t pid; /* 0: none */
	int pidfd;
	int end_fds[2]; /* a pipe: what is written there ends it */
	struct iol_loop *loop;
	struct iol_op op;
	/* It ended, for the reason that iol_net_child_reason() gives, and was waited for. NULL: nobody is told. */
	void (*ended)(struct net_child *child);
	int status; /* as of waitpid(2) */
};

/* Descriptors of the child beyond the standard ones: the rest is closed. */
enum { IOL_NET_CHILD_FD = 3 };

/*
 * Forks. In the parent: returns the process id, or -errno with a text. In the child: 0, and
 *  - descriptor 0 is /dev/null, 1 is @out (negative: /dev/null), 2 is @errors (negative: as it was), IOL_NET_CHILD_FD
 *    is @fd, and no other is open;
 *  - signals are as in a new program, and those of a terminal's keys do not come: it has a process group of its own;
 *  - it can gain no privileges, and is killed when the calling thread ends.
 * That thread is the process's main one. A process that has others may only fork to execute a program.
 */
pid_t iol_net_child_fork(struct net_child *child, struct iol_loop *loop, int fd, int out,
			 int errors, struct iol_error *err);

/*
 * In the child: becomes the program argv[0], which is searched for as a shell does. Does not return: where there is
 * none it writes "E" and errno to descriptor 1, and ends.
 */
void iol_net_child_execute(char *const *argv) __attribute__((noreturn));

/* Calls ended() when it has ended. */
void iol_net_child_watch(struct net_child *child, void (*ended)(struct net_child *child));

/* Kills it; ended() follows where it is watched. */
void iol_net_child_kill(struct net_child *child);

/* Gives it @ms to end by itself. It is not watched. */
void iol_net_child_grace(struct net_child *child, int ms);

/* Kills it and waits for it; no call comes afterwards. Nothing happens without one. Turns the loop. */
void iol_net_child_finish(struct net_child *child);

enum { IOL_NET_REASON_BYTES = 64 };
/* Why it ended: "exit status 1", "signal 9 (Killed)". Returns @text. */
char *iol_net_child_reason(const struct net_child *child, char text[IOL_NET_REASON_BYTES]);

#endif
