/* SPDX-License-Identifier: Apache-2.0 */
/* Whether and when a partition that has ended is started again. Pure; the clock is the caller's. */
#ifndef IOL_SYSTEM_RESTART_H
#define IOL_SYSTEM_RESTART_H

#include <iolite/system_config.h>

/* All zero: a new row. */
struct iol_restart {
	unsigned int count; /* restarts of the row */
};

/*
 * A machine has ended that ran for @ran_ns: after a failure, or because its guest is done. True: it is started again after *@delay_ns,
 * which is counted.
 */
bool iol_restart_next(struct iol_restart *restart, const struct iol_restart_config *config,
		      bool failed, uint64_t ran_ns, uint64_t *delay_ns);

#endif
