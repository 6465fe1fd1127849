/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's vhost-net (linux/vhost.h, drivers/vhost): one queue pair of a network device, served by a thread of the
 * kernel between the guest's rings and a tap.
 *
 * What is given here was checked by the core's queues. The kernel judges descriptors by itself, against the table of
 * memory that it got; it filters nothing and looks at no header. All of it runs on the loop's thread.
 */
#ifndef IOLITE_VHOST_H
#define IOLITE_VHOST_H

#include <iolite/loop.h>

#define IOL_VHOST_NET_DEVICE "/dev/vhost-net"

enum {
	IOL_VHOST_RX, /* the ring for frames to the guest */
	IOL_VHOST_TX, /* from it */
	IOL_VHOST_RINGS,
	IOL_VHOST_REGIONS_MAX = 8,
};

/* Guest memory as the kernel shall find it. */
struct iol_vhost_region {
	uint64_t gpa, size_bytes; /* page aligned */
	void *hva;
};

struct iol_vhost_ring {
	uint16_t size; /* entries */
	uint16_t avail_idx; /* of the next chain to take */
	void *desc, *avail, *used; /* host addresses, aligned as virtio has it */
	int kick_fd, call_fd; /* eventfds; borrowed until the stop */
};

struct iol_vhost_net_setup {
	uint64_t
		features; /* as agreed with the driver; those that vhost does not know are left out */
	struct iol_vhost_region regions[IOL_VHOST_REGIONS_MAX];
	unsigned int region_count;
	struct iol_vhost_ring rings[IOL_VHOST_RINGS];
	int tap_fd; /* with headers of 12 bytes, little-endian; borrowed until the stop */
	/* The kernel found a mistake in a ring. It goes on with others. Comes until the stop, from the loop. */
	void (*mistake)(void *opaque);
	void *opaque;
};

struct iol_vhost_net;

/*
 * Opens @device. -errno with a text that names the remedy: no such module, no right, features lacking.
 */
int iol_vhost_net_new(struct iol_loop *loop, const char *device, struct iol_vhost_net **vhost,
		      struct iol_error *err);
/* Stops it first; turns the loop. NULL is fine. */
void iol_vhost_net_free(struct iol_vhost_net *vhost);

/* Of a virtio-net device, those that vhost has to know and does. All others need no help of it. */
uint64_t iol_vhost_net_features(const struct iol_vhost_net *vhost);
/* Those that a device must not offer with it. */
uint64_t iol_vhost_net_lacks(const struct iol_vhost_net *vhost);

/*
 * Both rings are served from now on; @setup is not kept. -errno with a text: the kernel does not, and lets go of all it
 * was given; the rings' avail_idx in @setup then say where the next server goes on.
 */
int iol_vhost_net_start(struct iol_vhost_net *vhost, struct iol_vhost_net_setup *setup,
			struct iol_error *err);
/*
 * No ring, no eventfd and no tap is touched any more, and nothing is in flight; @avail_idx says where the next server
 * goes on. -errno with a text: it does not, as the kernel does not say.
 */
int iol_vhost_net_stop(struct iol_vhost_net *vhost, uint16_t avail_idx[IOL_VHOST_RINGS],
		       struct iol_error *err);

#endif
