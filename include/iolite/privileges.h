/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rights of the process that are given up, none of which comes back. Capabilities and the promise of no new privileges are
 * the calling thread's, and of those that it starts later: call it before there are others. [any]
 */
#ifndef IOLITE_PRIVILEGES_H
#define IOLITE_PRIVILEGES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <iolite/error.h>

/* No program that is executed from here on gains rights by its file (no_new_privs). -errno with a text. */
int iol_privileges_allow_none_new(struct iol_error *err);

/* Whether the calling thread has @capability (CAP_... of linux/capability.h) in effect. */
bool iol_privileges_have(unsigned int capability);

/*
 * The user @uid with the group @gid alone, no others, as real, effective and saved ones. @must: it is an error when the kernel
 * does not let us, and when a way back is left; else what is refused for lack of rights (a container's root) stays as it was.
 * -errno with a text.
 */
int iol_privileges_become(uid_t uid, gid_t gid, bool must, struct iol_error *err);

/*
 * No program that is executed gets a capability again. Where we may not (CAP_SETPCAP) nothing happens: then there are none to
 * speak of, and iol_privileges_allow_none_new() does for the rest.
 */
void iol_privileges_drop_bounding(void);

/* The same, and no capability is left: effective, permitted, inheritable, ambient. -errno with a text. */
int iol_privileges_drop_capabilities(struct iol_error *err);

/* The same, but the calling thread keeps those of @keep (bits by CAP_... of linux/capability.h) that it has. -errno with a text. */
int iol_privileges_keep_capabilities(uint64_t keep, struct iol_error *err);

#endif
