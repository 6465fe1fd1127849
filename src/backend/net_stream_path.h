/* SPDX-License-Identifier: Apache-2.0 */
/* Unix stream sockets by path: what the stream backends begin with. Any thread. */
#ifndef IOLITE_BACKEND_NET_STREAM_PATH_H
#define IOLITE_BACKEND_NET_STREAM_PATH_H

#include <iolite/error.h>

/* 0, or -EINVAL with a text: empty, or too long for a socket. */
int iol_net_path_check(const char *path, struct iol_error *err);
/* A connected non-blocking descriptor, or -errno, which is in errno, too. Never waits. */
int iol_net_path_connect(const char *path);
/* A listening non-blocking descriptor, or -errno with a text. A socket that nobody listens at any more is replaced. */
int iol_net_path_listen(const char *path, struct iol_error *err);

#endif
