/* SPDX-License-Identifier: Apache-2.0 */
/* Where the control sockets of machines are: NAME.sock in a folder of the host's, or in one of the user's. */
#ifndef IOL_CLI_CONTROL_FIND_H
#define IOL_CLI_CONTROL_FIND_H

#include <glib.h>

#include <iolite/error.h>

/* A socket that is there, whether somebody listens or not. */
struct iol_found {
	char *name;
	char *path;
};

/*
 * The path of the socket that @name means, to be freed with g_free(): a machine's name, or a path where it has a '/'.
 * -EINVAL: that is no name, or too long a path; -ENOENT: no such machine. The text says which.
 */
int iol_find_machine(const char *name, char **path, struct iol_error *err);

/* All of them (struct iol_found *), by name; where two folders have the same name, the one that the name means. */
GPtrArray *iol_find_all(void);

/* The sockets of supervisors (iolite/system.h), likewise, each by its system's name. */
GPtrArray *iol_find_systems(void);

/* Removes the socket at @path where nobody listens, not even a moment later. True: it is gone. */
bool iol_find_remove_stale(const char *path);

#endif
