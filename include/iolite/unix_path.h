/* SPDX-License-Identifier: Apache-2.0 */
/* The paths of unix sockets, wherever they come from. Any thread. */
#ifndef IOLITE_UNIX_PATH_H
#define IOLITE_UNIX_PATH_H

#include <iolite/error.h>

/* 0, or -EINVAL with a text: empty, or too long for a socket (struct sockaddr_un). */
int iol_unix_path_check(const char *path, struct iol_error *err);

#endif
