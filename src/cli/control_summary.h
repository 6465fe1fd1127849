/* SPDX-License-Identifier: Apache-2.0 */
/* What a running machine says about itself, for `iolite list` and `iolite info`. */
#ifndef IOL_CLI_CONTROL_SUMMARY_H
#define IOL_CLI_CONTROL_SUMMARY_H

#include "control_client.h"

/* What a machine did not say is "" or 0. */
struct iol_summary {
	char status[32]; /* "running", "paused" ... as of query-status */
	pid_t pid;
	unsigned int cpus;
	uint64_t memory_bytes;
	bool has_uptime;
	uint64_t uptime_s; /* of its process */
};

/* Asks; -errno of the first question that got no answer, with those before answered. A machine may refuse any question. */
int iol_summary_ask(struct iol_client *client, struct iol_summary *summary, struct iol_error *err);

/* How long the process @pid has been running; false: not known. */
bool iol_summary_uptime(pid_t pid, uint64_t *seconds);

#endif
