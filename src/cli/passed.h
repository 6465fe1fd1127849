/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that a service manager made and hands to the process that it starts (sd_listen_fds(3)): they are there before the
 * machine, and stay when it has ended.
 */
#ifndef IOL_CLI_PASSED_H
#define IOL_CLI_PASSED_H

#include <iolite/config.h>

/* A socket that listens. */
struct iol_passed_socket {
	char *where; /* as the option for it takes it; NULL: none was passed */
	int fd; /* -1: none */
};

struct iol_passed {
	struct iol_passed_socket control, gdb;
};

/*
 * Takes LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES off the environment, so that children have no part in it, and what they pass to
 * this process. 0, or the exit status for what is no socket that a machine has a use for, which was told. Before any
 * thread, a fork, and anything that opens a descriptor.
 */
int iol_passed_init(struct iol_passed *passed);

/* @config, which was set to where they are, has the sockets from here on; they stay ours, and outlive it. */
void iol_passed_lend(const struct iol_passed *passed, struct iol_config *config);

void iol_passed_finish(struct iol_passed *passed);

#endif
