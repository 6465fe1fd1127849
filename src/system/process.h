/* SPDX-License-Identifier: Apache-2.0 */
/* Processes by number: one that is told of in a file may have ended, and its number be another's. */
#ifndef IOL_SYSTEM_PROCESS_H
#define IOL_SYSTEM_PROCESS_H

#include <sys/types.h>

#include <iolite/error.h>

/* When the process @pid was started, in the kernel's ticks since the host's (proc(5), stat, field 22); 0: there is none. */
uint64_t iol_process_start_ticks(pid_t pid);

/* A pidfd of the process @pid that was started at @ticks; -ESRCH: it has ended. */
int iol_process_open(pid_t pid, uint64_t ticks);

/* SIGKILL to who is behind @pidfd. */
void iol_process_kill(int pidfd);

#endif
