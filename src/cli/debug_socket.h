/* SPDX-License-Identifier: Apache-2.0 */
/* A socket for debuggers, made for a machine that makes none itself: it is in a sandbox. */
#ifndef IOL_CLI_DEBUG_SOCKET_H
#define IOL_CLI_DEBUG_SOCKET_H

#include "control_client.h"

/* Has the machine let debuggers in at @address, as of --gdb, by a socket of ours. @text: what to tell; to be freed. Errors as of the client. */
int iol_debug_socket_open(struct iol_client *client, const char *address, char **text,
			  struct iol_error *err);

#endif
