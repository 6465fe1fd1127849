/* SPDX-License-Identifier: Apache-2.0 */
/* The virtio network device (virtio-v1.2 5.1). */
#ifndef IOLITE_VIRTIO_NET_H
#define IOLITE_VIRTIO_NET_H

#include <iolite/net.h>
#include <iolite/vhost.h>
#include <iolite/virtio.h>

enum {
	/* A frame in as many parts as its queue has entries still fits one writev(2) with a header. */
	IOL_VIRTIO_NET_QUEUE_SIZE_MAX = 512,
};

struct iol_virtio_net_config {
	const char *name; /* for messages; copied */
	uint8_t mac[IOL_NET_MAC_BYTES]; /* of one station, not all zeros */
	unsigned int pairs; /* of queues: 1 to what the backend has */
	uint16_t queue_size; /* a power of two up to IOL_VIRTIO_NET_QUEUE_SIZE_MAX */
	unsigned int mtu; /* IOL_NET_MTU_MIN to IOL_NET_MTU_MAX; 0: none is offered */
	/*
	 * For each pair, what shall serve it in our place where it can; owned from success on. Filters are then not offered.
	 * NULL: none. The backend has iol_net_vhost_fd().
	 */
	struct iol_vhost_net *const *vhost;
};

/*
 * Makes a device over @net, which it owns from success on. What is offered follows net->limits.
 * -EINVAL with a text that names the value of @config that cannot be.
 */
int iol_virtio_net_new(struct iol_net *net, const struct iol_virtio_net_config *config,
		       const struct iol_virtio_env *env, struct iol_virtio **v,
		       struct iol_error *err);

/* Since the device was made; logged at its end (IOL_LOG_INFO). Bytes are the frames', without the header of virtio. Of
 * what passes by vhost there is no count. */
struct iol_virtio_net_counts {
	uint64_t rx_frames, rx_bytes; /* given to the driver */
	uint64_t rx_dropped; /* too long, or in a form that the driver did not ask for */
	uint64_t rx_filtered; /* that the driver does not want to see */
	uint64_t tx_frames, tx_bytes; /* taken by the backend */
	uint64_t tx_dropped; /* refused by the backend, or broken */
};

/* [loop] */
void iol_virtio_net_counts(struct iol_virtio *v, struct iol_virtio_net_counts *counts);

#endif
