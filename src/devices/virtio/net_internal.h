/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the virtio network device share: net.c (life, features, configuration), net_tx.c,
 * net_rx.c, net_filter.c, net_ctrl.c, net_vhost.c. All of it belongs to the loop's thread but where it says otherwise.
 */
#ifndef IOLITE_DEVICES_VIRTIO_NET_INTERNAL_H
#define IOLITE_DEVICES_VIRTIO_NET_INTERNAL_H

#include <limits.h>
#include <linux/virtio_net.h>

#include <iolite/endian.h>
#include <iolite/virtio_net.h>

/* Linux has had these since 6.2. */
#ifndef VIRTIO_NET_F_GUEST_USO4
#define VIRTIO_NET_F_GUEST_USO4 54
#define VIRTIO_NET_F_GUEST_USO6 55
#define VIRTIO_NET_F_HOST_USO 56
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#define NET_BIT(feature) (UINT64_C(1) << (feature))

enum {
	NET_HEADER_BYTES = IOL_NET_HEADER_BYTES,
	NET_TAG_BYTES = 4, /* of a VLAN */
	/* Of a received frame, what is read into our memory and judged there. */
	NET_LOOK_BYTES = NET_HEADER_BYTES + IOL_NET_ETHERNET_BYTES + NET_TAG_BYTES,
	NET_FRAME_BYTES_MAX = NET_HEADER_BYTES + IOL_NET_FRAME_MAX,
	/* What we look at first and what does not fit are parts of ours. */
	NET_RX_PARTS_MAX = IOV_MAX - 2,
	NET_MACS_MAX = 64,
	NET_VLANS = 4096,
};

/* Chains that were taken off a receive queue for frames to come have their parts one after the other. */
struct net_rx_chain {
	uint16_t head;
	uint16_t parts;
	uint32_t bytes;
};

struct net_rx {
	struct net_rx_chain *chains; /* as many as the queue has entries */
	struct iovec *parts; /* NET_RX_PARTS_MAX */
	unsigned int chain_count, part_count;
	uint64_t bytes; /* of all parts */
	/*
	 * A frame that came and needs more chains than there are; with its header. Its start is in
	 * look[], then come the parts up to direct_bytes, then overflow.
	 */
	size_t held_bytes; /* 0: none */
	bool held_long; /* it should be dropped soon */
	size_t direct_bytes;
	uint8_t look[NET_LOOK_BYTES];
	uint8_t *overflow; /* NET_FRAME_BYTES_MAX */
};

struct net_tx {
	bool blocked; /* what is below waits until the backend takes frames again */
	uint16_t head;
	unsigned int count; /* parts, with the header */
	uint32_t frame_bytes;
	const struct iovec *out; /* in iov */
	uint8_t header[NET_HEADER_BYTES];
	struct iovec *iov; /* one for the header and as many as the queue has entries */
};

struct net_macs {
	unsigned int count;
	bool overflow; /* more were asked for than fit: all are let in */
	uint8_t macs[NET_MACS_MAX][IOL_NET_MAC_BYTES];
};

/* What the driver wants to see (5.1.6.5.1 to 5.1.6.5.3). */
struct net_filter {
	bool by_mac, by_vlan; /* the driver can say what it wants, and gets nothing else */
	bool mac_known; /* the driver has our address, or told us its own */
	uint8_t mac[IOL_NET_MAC_BYTES];
	bool promisc, allmulti, alluni, nomulti, nouni, nobcast;
	struct net_macs unicast, multicast;
	uint64_t vlans[NET_VLANS / 64];
};

struct net_device;

/* A pair that the kernel may serve. */
struct net_vhost {
	struct net_device *n;
	struct iol_vhost_net *vhost; /* owned; NULL: none, as of all pairs */
	bool on; /* its queues are lent */
};

struct net_device {
	struct iol_virtio v;
	struct iol_net *net;
	struct iol_net_user user;
	unsigned int pairs;
	unsigned int active_pairs; /* that frames are received by */
	unsigned int queue_size;
	unsigned int mtu; /* 0: none */
	uint8_t mac[IOL_NET_MAC_BYTES]; /* at power-on */
	bool announcing;
	uint64_t announce_at_ns; /* 0: nothing to be announced later */
	struct iol_op announce_op;
	uint64_t
		guest_offloads; /* feature bits: what received frames may leave to the driver now */
	/* As the backend is set. It may leave more to us than guest_offloads: such frames are dropped. */
	unsigned int host_pairs;
	uint32_t host_offloads; /* IOL_NET_CSUM ... */
	bool pairs_due, offloads_due; /* to be set for this driver yet; ctrl_op is in flight then */
	struct iol_log_limit log_limit;
	struct net_filter filter;
	struct iol_virtio_net_counts counts;
	struct net_rx rx[IOL_NET_PAIRS_MAX];
	struct net_tx tx[IOL_NET_PAIRS_MAX];
	struct net_vhost vhost[IOL_NET_PAIRS_MAX];
	bool vhost_off; /* not used, for this driver */
	struct iovec *ctrl_iov; /* as many as the queue has entries */
	struct net_macs unicast, multicast; /* of a command that may still turn out to be wrong */
	struct iol_op held_op; /* frames that wait for chains */
	struct iol_op
		ctrl_op; /* commands and settings that wait until the host may be changed again */
	uint64_t changes_paid_ns; /* the time by which it may be as if there had been no changes */
	struct iovec rx_iov[IOV_MAX]; /* of one call */
};

/* --- net.c --- */

/* Features that are offloads of the driver. */
extern const uint64_t virtio_net_guest_offloads;

static inline bool net_running(const struct net_device *n)
{
	return n->v.state == IOL_VIRTIO_RUNNING;
}

/* The offloads among @features that have what they need. */
uint64_t virtio_net_sound_offloads(uint64_t features);
/* What the backend is told of them. */
uint32_t virtio_net_backend_offloads(uint64_t guest);

/* Shows status as it is; @tell: with an interrupt. */
void virtio_net_show_status(struct net_device *n, bool tell);
void virtio_net_show_mac(struct net_device *n, const uint8_t *mac);

/* --- net_tx.c --- */

/* As iol_virtio_ops.serve. */
bool virtio_net_serve_tx(struct net_device *n, unsigned int pair);
/* Tries again what was blocked. */
void virtio_net_retry_tx(struct net_device *n, unsigned int pair);
void virtio_net_stop_tx(struct net_device *n, unsigned int pair);

/* --- net_rx.c --- */

/* Receives what there is, up to a limit, and arranges for the rest. */
void virtio_net_run_rx(struct net_device *n, unsigned int pair);
/* No frame waits for chains any more. */
void virtio_net_drop_held(struct net_device *n, unsigned int pair);
/* done() of held_op. */
void virtio_net_held_long(struct iol_op *op, int res);
void virtio_net_stop_rx(struct net_device *n, unsigned int pair);

/* --- net_filter.c --- */

/* As it is after DRIVER_OK. */
void virtio_net_start_filter(struct net_device *n);
bool virtio_net_wants(const struct net_filter *filter, const uint8_t *frame, size_t bytes);
/* The frame has a VLAN tag (IEEE 802.1Q). */
bool virtio_net_is_tagged(const uint8_t *frame, size_t bytes);

/* --- net_ctrl.c --- */

/* Depends on what was negotiated (5.1.2). */
static inline unsigned int virtio_net_ctrl_queue(const struct net_device *n)
{
	return iol_virtio_has(&n->v, VIRTIO_NET_F_MQ) ? 2 * n->pairs : 2;
}

/* Pairs and offloads as they are after DRIVER_OK; the backend is set to it now or when it may be changed again. */
void virtio_net_start_host(struct net_device *n);
/* As iol_virtio_ops.serve. */
bool virtio_net_serve_ctrl(struct net_device *n, unsigned int queue);
/* done() of ctrl_op. */
void virtio_net_ctrl_may_go_on(struct iol_op *op, int res);

/* --- net_vhost.c --- */

/* Features that the device does not offer because of it. */
uint64_t virtio_net_vhost_withheld(const struct net_device *n);
/* DRIVER_OK, before the backend is set. */
void virtio_net_vhost_begin(struct net_device *n);
/* The kernel serves the pair, or soon will: frames are not to be touched here while the link is up. */
bool virtio_net_vhost_claims(const struct net_device *n, unsigned int pair);
/*
 * Starts the pairs in use, or stops them, as link and the backend's settings are now. Those that are not in use any more were
 * stopped.
 */
void virtio_net_vhost_follow(struct net_device *n);
/* The kernel has no pair from @from on. */
void virtio_net_vhost_stop(struct net_device *n, unsigned int from);
/* All are stopped. Turns the loop. */
void virtio_net_vhost_free(struct net_device *n);

#endif
