/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that removes names at the end of a machine, which has no right to it any more. It keeps the rights and the root
 * folder that it was started with, and hears of nothing but the end once it has its names: whoever takes the machine's process
 * over cannot reach it.
 */
#ifndef IOL_SANDBOX_SWEEPER_H
#define IOL_SANDBOX_SWEEPER_H

#include <stdbool.h>
#include <sys/types.h>

#include <iolite/error.h>

/* Starts it. The process has one thread. @fd: when that is closed without a word, it ends and removes nothing. -errno with a text. */
int iol_sweeper_start(pid_t *pid, int *fd, struct iol_error *err);

/* Gives it the names of what is there now, and no more after this. -errno with a text. */
int iol_sweeper_give(int fd, char *const *names, size_t count, struct iol_error *err);

/* Lets it remove them, closes *@fd and waits until that is done. Idempotent. False: it could not, and nothing is removed. */
bool iol_sweeper_finish(pid_t *pid, int *fd);

#endif
