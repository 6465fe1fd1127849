/* SPDX-License-Identifier: Apache-2.0 */
/* `iolite monitor NAME` without a command: a shell for a person, whose commands the machine carries out. */
#ifndef IOL_CLI_CONTROL_SHELL_H
#define IOL_CLI_CONTROL_SHELL_H

#include "control_client.h"

/*
 * Has the machine run @line, for CPU @cpu; its text in @text, to be freed with g_free(). As iol_client_execute(); -ENOSYS: this is no
 * command, or it did not do (all of) it: the last line, which says why, is in @err, and @text has what came before.
 */
int iol_shell_command(struct iol_client *client, unsigned int cpu, const char *line, char **text,
		      struct iol_error *err);

/* Until the user leaves or the machine ends. Returns the exit status. */
int iol_shell_run(struct iol_client *client, const char *name);

#endif
