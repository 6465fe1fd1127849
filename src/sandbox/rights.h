/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sandbox takes from the process but system calls: limits, the jail, capabilities, what is reached by a name. Between
 * the files of src/sandbox; the process's only thread.
 */
#ifndef IOL_SANDBOX_RIGHTS_H
#define IOL_SANDBOX_RIGHTS_H

#include <iolite/sandbox.h>

/* Before children are started and anything is opened. -errno with a text. */
int sandbox_rights_prepare(enum iol_sandbox_mode mode, struct iol_error *err);

/* iol_sandbox_may_remove(): where the process will not, a process is started that does. */
void sandbox_rights_keep_name(const char *path);

/* When all is open. After an error the process must end. */
int sandbox_rights_give_up(struct iol_error *err);

/* In each thread, before a guest runs: what it was left to find its place on the host with goes. */
int sandbox_rights_enter(enum iol_sandbox_thread kind, struct iol_error *err);

#endif
