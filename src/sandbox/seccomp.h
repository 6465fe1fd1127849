/* SPDX-License-Identifier: Apache-2.0 */
/* The filters of a process: made once, entered by each thread. */
#ifndef SANDBOX_SECCOMP_H
#define SANDBOX_SECCOMP_H

#include <iolite/sandbox.h>

#include "filter.h"

/* Whether the kernel has filters: -errno with a text. */
int seccomp_probe(struct iol_error *err);

/* @mode: IOL_SANDBOX_LOG reports what is not on a list, all others end the process. -errno with a text. */
int seccomp_make(enum iol_sandbox_mode mode, unsigned int needs, struct iol_error *err);

/* The calling thread is left the calls of its kind. -errno with a text. */
int seccomp_enter(enum iol_sandbox_thread kind, struct iol_error *err);

const struct filter_list *seccomp_list(enum iol_sandbox_thread kind);

#endif
