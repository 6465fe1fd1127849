/* SPDX-License-Identifier: Apache-2.0 */
/* What the source files of the tap backend share. Runs on the loop's thread. */
#ifndef IOLITE_BACKEND_NET_TAP_H
#define IOLITE_BACKEND_NET_TAP_H

#include <net/if.h>

#include <iolite/net.h>

struct net_tap;

struct net_tap_pair {
	struct net_tap *tap;
	int fd; /* -1: none */
	bool attached; /* the kernel gives it frames */
	bool want_read, want_write; /* iol_net_await() */
	struct iol_op read_op, write_op; /* polls of fd */
};

struct net_tap {
	struct iol_net net;
	char ifname[IFNAMSIZ];
	char bridge[IFNAMSIZ]; /* that it joins; "": none */
	unsigned int mtu; /* to be set where it is ours; 0: as it is */
	bool made; /* by us: it goes with us */
	bool ours; /* its state is, whoever makes it the next time */
	bool from_parent; /* by descriptors: nobody but the parent can open it again */
	bool lost; /* the interface was deleted */
	bool finished;
	unsigned int active; /* pairs, as set */
	uint32_t offloads; /* as set */
	bool watched; /* nobody waits for frames here: see whether it is still there */
	struct iol_op watch_op; /* the time until the next look */
	struct iol_op retry_op; /* the time until it is looked for again */
	struct iol_error told; /* why it could not be had the last time, if it was there */
	struct iol_turn_end turn_end;
	/* In a sandbox nothing can be opened again: sockets that ask of interfaces, and descriptors that have none. -1: not open. */
	int control_fd, route_fd;
	unsigned int spare_count;
	int spares[IOL_NET_PAIRS_MAX];
	struct net_tap_pair pairs[IOL_NET_PAIRS_MAX];
	uint8_t bounce[IOL_NET_HEADER_BYTES + IOL_NET_FRAME_MAX]; /* for frames in too many parts */
};

/*
 * Opens what @config names: fills ifname, bridge, mtu, made, ours, from_parent, the pairs' descriptors and the limits.
 * -errno with a text; the parent's descriptors are the caller's then.
 */
int iol_tap_open(struct net_tap *tap, const struct iol_net_tap_config *config,
		 struct iol_error *err);

/*
 * Opens the interface that was lost once more, as all was set, with all its queues attached. -errno: it is not there,
 * which has no text, or not to be had.
 */
int iol_tap_reopen(struct net_tap *tap, struct iol_error *err);

void iol_tap_close(struct net_tap *tap);
/*
 * After iol_tap_reopen(), of what is open but no good: closes it. In a sandbox, which has no other descriptors, the
 * interface keeps them, detached, until it is deleted; iol_tap_reopen() then takes them again.
 */
void iol_tap_give_up(struct net_tap *tap);

/* Sets the TUN_F_ flags for @offloads. 0 or -errno. */
int iol_tap_set_offloads(int fd, uint32_t offloads);
/* Attaches or detaches the pair's queue. 0 or -errno. */
int iol_tap_attach(struct net_tap_pair *pair, bool attach);

#endif
