/* SPDX-License-Identifier: Apache-2.0 */
/* What a service manager is told (sd_notify(3)): the machine runs, the loop is alive, the machine ends. */
#ifndef IOL_CLI_NOTIFY_H
#define IOL_CLI_NOTIFY_H

#include <iolite/loop.h>

struct iol_notify {
	int fd; /* connected to the manager; -1: there is none */
	uint64_t period_ns; /* between signs of life; 0: none are wanted */
	struct iol_loop *loop;
	struct iol_op op;
};

/*
 * Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID off the environment, so that children have no part in it. Before any
 * thread and before a fork. A socket that cannot be reached is told of and then left alone.
 */
void iol_notify_init(struct iol_notify *notify);

/* READY=1, and from here on a sign of life from @loop, which outlives it, at half the time that the manager allows. [loop] */
void iol_notify_ready(struct iol_notify *notify, struct iol_loop *loop);

/* One line for people. [loop] */
void iol_notify_status(struct iol_notify *notify, const char *text);

/* STOPPING=1. [loop] */
void iol_notify_stopping(struct iol_notify *notify);

void iol_notify_finish(struct iol_notify *notify);

#endif
