/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of sockets as character backends share: one at a path in the rig's folder, and its clients. */
#ifndef CHAR_SOCKET_RIG_H
#define CHAR_SOCKET_RIG_H

#include "char_rig.h"

#include <sys/socket.h>
#include <sys/un.h>

static inline struct sockaddr_un address_of(struct rig *r, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	g_autofree char *path = rig_path(r, name);

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	return address;
}

static inline void open_rig(struct rig *r, const char *keys)
{
	g_autofree char *path = rig_path(r, "con");

	rig_open(r, "unix:%s%s", path, keys);
}

/* -1 when nobody listens. */
static inline int try_client(struct rig *r)
{
	struct sockaddr_un address = address_of(r, "con");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	g_assert_cmpint(fd, >=, 0);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

static inline int client(struct rig *r)
{
	int fd = try_client(r);

	g_assert_cmpint(fd, >=, 0);
	return fd;
}

#endif
