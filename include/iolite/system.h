/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor of a system of partitions (docs/system.md): a process for each, their order, restarts, and a control socket. It has
 * no thread of its own; all is on its loop's.
 */
#ifndef IOLITE_SYSTEM_H
#define IOLITE_SYSTEM_H

#include <iolite/loop.h>
#include <iolite/system_config.h>

struct iol_system;

/* How long guests have to shut down when nothing else is said. */
#define IOL_SYSTEM_WAIT_NS (30 * IOL_NS_PER_S)

/*
 * The supervisor of @config, which outlives it: -EBUSY where there is one. Partitions that a former one left behind are
 * adopted. Before any thread, with SIGCHLD blocked or at its default.
 */
int iol_system_new(const struct iol_system_config *config, struct iol_loop *loop,
		   struct iol_system **system, struct iol_error *err);

/* Machines that start from here on write their messages to @fd, which is borrowed; -1: to our standard error, as in the beginning. */
void iol_system_set_log(struct iol_system *system, int fd);

/* Starts what is to be started; @settled(data) once all of that runs, or has ended. [loop] */
void iol_system_start(struct iol_system *system, void (*settled)(void *data), void *data);

/* Stops all in the reverse of their order, with @wait_ns for each guest; the loop stops when all have ended. [loop] */
void iol_system_down(struct iol_system *system, uint64_t wait_ns);

/* After the loop: whether there is a program to be run, as nothing runs any more. */
bool iol_system_all_stopped(const struct iol_system *system);
/* 0, or the exit status of the partition that failed last and was not started again. */
int iol_system_status(const struct iol_system *system);

/* What still runs goes on, to be adopted. NULL is allowed. */
void iol_system_free(struct iol_system *system);

/* The suffix of supervisors' sockets in the folder of control sockets. */
#define IOL_SYSTEM_SUFFIX ".system"

#endif
