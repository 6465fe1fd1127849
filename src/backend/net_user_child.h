/* SPDX-License-Identifier: Apache-2.0 */
/* The process in which libslirp runs. */
#ifndef IOLITE_BACKEND_NET_USER_CHILD_H
#define IOLITE_BACKEND_NET_USER_CHILD_H

#include "net_user_config.h"

/* The first message that comes from the process: it has begun, or why it cannot. */
struct net_user_hello {
	int32_t code; /* 0, or -errno */
	char text[480]; /* the error; without one: what the process is not confined by, or empty */
};

/* In the process, after iol_net_child_fork(): serves @fd, a packet socket with a frame in each message, until its end. */
void iol_net_user_child(int fd, const struct net_user_setup *setup) __attribute__((noreturn));

/* False: this build has no libslirp. */
bool iol_net_user_built(void);

#endif
