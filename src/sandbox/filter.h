/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters of system calls for seccomp(2), as programs of classic BPF. Written here, as libseccomp's way to the same few
 * instructions takes longer than the rest of the sandbox (docs/sandbox.md), and is not there on every host.
 */
#ifndef SANDBOX_FILTER_H
#define SANDBOX_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iolite/error.h>

/* That holds of an argument; the kernel looks at 32 bits of all that are compared. mask 0: no condition. */
struct filter_arg {
	unsigned int number; /* 0 to 5 */
	uint32_t mask, value;
};

enum { FILTER_ARGS_MAX = 3, FILTER_NO_CALL = -1 };

/* One system call that is allowed, or answered with an error. */
struct filter_call {
	const char *name;
	int nr; /* FILTER_NO_CALL: this architecture has none of that name */
	int answer; /* 0: allowed; -errno */
	unsigned int need; /* bits of enum iol_sandbox_need, of which one is there; 0: always */
	struct filter_arg args[FILTER_ARGS_MAX];
	bool own_process; /* argument 0 is our process's number; beside no other condition */
	const char *why; /* never NULL */
};

/* Rows up to one whose name is NULL. */
struct filter_list {
	const struct filter_call *const *tables; /* ended by NULL */
	const char *kind; /* of thread, for messages */
};

struct filter {
	struct sock_filter *code; /* to be freed with g_free() */
	unsigned short len;
};

/* What is not in @list ends in @otherwise, SECCOMP_RET_...; calls at [@open_start, + @open_bytes) all pass, 0: nowhere. */
void filter_build(struct filter *filter, const struct filter_list *list, unsigned int needs,
		  uint32_t otherwise, uintptr_t open_start, size_t open_bytes);

/* Distinct system calls of @list that are allowed, with these @needs. */
unsigned int filter_count(const struct filter_list *list, unsigned int needs);

/* The calling thread has the filter from now on. -errno with a text. */
int filter_enter(const struct filter *filter, struct iol_error *err);

#endif
