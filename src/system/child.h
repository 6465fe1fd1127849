/* SPDX-License-Identifier: Apache-2.0 */
/* The process of a partition: this program again, as `iolite run`. */
#ifndef IOL_SYSTEM_CHILD_H
#define IOL_SYSTEM_CHILD_H

#include <sys/types.h>

#include <iolite/error.h>

/* One that was forked and waits for a word. */
struct iol_child {
	pid_t pid;
	int go_fd; /* its word; closed without one it ends */
};

struct iol_child_config {
	const char *json; /* the machine's configuration */
	const char *notify; /* NOTIFY_SOCKET */
	int log_fd; /* its standard error; -1: ours */
	int lock_fd; /* the supervisor's, which is not the child's; -1: none */
};

/* Forks. The child is in a session of its own and has nothing to end it when we do. */
int iol_child_fork(const struct iol_child_config *config, struct iol_child *child,
		   struct iol_error *err);

/* It may become a machine. */
void iol_child_go(struct iol_child *child);
/* It may not. */
void iol_child_drop(struct iol_child *child);

#endif
