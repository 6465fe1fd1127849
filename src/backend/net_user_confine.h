/* SPDX-License-Identifier: Apache-2.0 */
/* What is left to the process of libslirp once it serves a guest. */
#ifndef IOLITE_BACKEND_NET_USER_CONFINE_H
#define IOLITE_BACKEND_NET_USER_CONFINE_H

#include <stdbool.h>

#include <iolite/error.h>

/*
 * Confines the calling process, which has one thread, comes from iol_net_child_fork() and has put its sockets into place:
 *  - who was root is nobody (65534), where the kernel lets it; capabilities are gone; it is killed with its parent;
 *  - it can start no process, write no file and leave no core;
 *  - the filter of system calls leaves it plain sockets of IPv4 and IPv6, its memory and its clocks. No file can be opened
 *    but /etc/resolv.conf, the one of now, which takes a descriptor. Handles SIGSYS.
 * 0; 1: all but the filter, which this build or the kernel does not have; -errno with a text. Without an error the text is
 * a warning, to be read behind "the process", or empty: why there is no filter, or that /etc/resolv.conf cannot be read.
 */
int iol_net_user_confine(struct iol_error *err);

#endif
