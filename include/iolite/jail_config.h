/* SPDX-License-Identifier: Apache-2.0 */
/* What the user asked for as to where a machine that root starts ends up. All NULL: nothing. */
#ifndef IOLITE_JAIL_CONFIG_H
#define IOLITE_JAIL_CONFIG_H

struct iol_jail_config {
	char *user; /* a name or a number; NULL: who started us */
	char *group; /* a name or a number; NULL: the user's own */
	char *chroot; /* a folder that becomes the root; NULL: the host's */
	char *netns; /* a network namespace: a path, or a name of ip-netns(8); NULL: who started us has it */
};

#endif
