/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs that speak to supervisors of systems have in common. */
#ifndef IOL_CLI_CONTROL_SYSTEM_H
#define IOL_CLI_CONTROL_SYSTEM_H

#include <glib.h>

#include "control_client.h"

enum { IOL_SYSTEM_VERB_LIMIT_S = 60 }; /* for what a supervisor is asked to come about */

/* Connects to the supervisor of the system @name; NULL: of the only one. 0, or an exit status after it was told why not. */
int iol_system_verb_connect(const char *verb, const char *name, struct iol_client **client);

/* Connects to the supervisor of the partition @name. False: no supervisor has one. */
bool iol_system_verb_find(const char *name, struct iol_client **client);

/* What it says of the partition @name (x-iolite-partitions); NULL: nothing. A new reference. */
json_t *iol_system_verb_partition(struct iol_client *client, const char *name);

/*
 * Has the supervisor do @command with the partition @name, and waits until it is in the state @state, or that is not to
 * be expected any more. @wait_s for the guest, where it is to stop. The exit status, after what failed was told.
 */
int iol_system_verb_run(const char *verb, struct iol_client *client, const char *name,
			const char *command, const char *state, unsigned int wait_s);

/* The text of an option in seconds, up to a week. 0, or IOL_EXIT_USAGE after the mistake was told. */
int iol_system_verb_seconds(const char *verb, const char *text, unsigned int *seconds);

#endif
