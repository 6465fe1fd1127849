/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A jail for a machine that root starts: another user, another root folder, another network. It is the process's, and for
 * good. Order:
 *
 *  1. iol_jail_open(): names are looked up and folders opened while the host's are there; the process is as it was.
 *  2. iol_jail_enter_net(): before taps, sockets and children, which belong to the network that they are made in.
 *  3. All is opened: images, devices, sockets, by the rights of root and by the host's paths.
 *  4. iol_jail_enter(): the rest. The guest has not run yet.
 *
 * All of it by the process's only thread.
 */
#ifndef IOLITE_JAIL_H
#define IOLITE_JAIL_H

#include <stdbool.h>
#include <sys/types.h>

#include <iolite/error.h>
#include <iolite/jail_config.h>

struct iol_jail {
	const struct iol_jail_config *config; /* borrowed; outlives the jail */
	bool has_user;
	uid_t uid;
	gid_t gid;
	int root_fd, netns_fd; /* -1: none */
};

void iol_jail_init(struct iol_jail *jail);

/* Finds all that @config names and whether we have the right to it. -errno with a text, which begins with the key. */
int iol_jail_open(struct iol_jail *jail, const struct iol_jail_config *config,
		  struct iol_error *err);

/* Whether iol_jail_enter() takes the paths and rights away by which all was opened. */
bool iol_jail_takes_paths(const struct iol_jail *jail);

/* Into the network namespace, where there is one. */
int iol_jail_enter_net(struct iol_jail *jail, struct iol_error *err);

/*
 * Into the root folder, then the user; where there is either, no right is left, and none to be gained. After an error the
 * process must end.
 */
int iol_jail_enter(struct iol_jail *jail, struct iol_error *err);

/* Closes what was not entered. Idempotent. */
void iol_jail_finish(struct iol_jail *jail);

#endif
