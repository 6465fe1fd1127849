/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock: what the process may reach by a name is taken away, whoever its user is (landlock(7)). Descriptors that are open
 * go on as they are. All of it is the calling thread's, and of those that it starts later: call it before there are others;
 * it needs no rights but the promise of no new privileges (iolite/privileges.h). [any]
 */
#ifndef IOLITE_LANDLOCK_H
#define IOLITE_LANDLOCK_H

#include <stddef.h>
#include <stdint.h>

#include <iolite/error.h>

enum {
	IOL_LANDLOCK_ABI_NET = 4, /* TCP */
	IOL_LANDLOCK_ABI_SCOPES = 6, /* abstract unix sockets and signals */
};

/* The running kernel's; 0: it has none, or it is not switched on (lsm= of its command line). */
int iol_landlock_abi(void);

/*
 * From here on signals reach no process but ours and those that come of it from here on. Before children that are to be
 * signalled are started: one that was there is outside (EPERM). 0; 1: the kernel has no such scope; -errno with a text.
 */
int iol_landlock_scope_signals(struct iol_error *err);

/*
 * From here on: nothing of the file system can be opened, made, removed, renamed or executed; where the ABI has it no TCP
 * port can be bound, and none connected to but the @connect_count in @connect_ports; no abstract unix socket of others can be
 * connected to. Signals are as iol_landlock_scope_signals() left them.
 *
 * 0; 1: the kernel has no Landlock; -errno with a text. What the ABI does not have is left as it is.
 */
int iol_landlock_restrict(const uint16_t *connect_ports, size_t connect_count,
			  struct iol_error *err);

#endif
