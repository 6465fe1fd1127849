/* SPDX-License-Identifier: Apache-2.0 */
/* What the process may use of the host's, once it has all that it needs (getrlimit(2)). */
#ifndef IOLITE_LIMITS_H
#define IOLITE_LIMITS_H

#include <stdint.h>

#include <iolite/error.h>

/* What is still to come. */
struct iol_limits {
	unsigned int descriptors; /* open at one time beyond those that are open now */
	uint64_t locked_bytes; /* of guest memory, locked again after a reset; 0: none */
	unsigned int rt_priority; /* of vCPUs that are still to start; 0: none */
};

/*
 * Limits that cannot be raised again without rights: before capabilities are dropped, so that a limit which is too low for
 * @limits can be raised, and while /proc is there. What is no danger, and what disks need, stays as it was found.
 * -errno with a text. [any]
 */
int iol_limits_set(const struct iol_limits *limits, struct iol_error *err);

#endif
