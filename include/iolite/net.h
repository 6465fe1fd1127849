/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network backend: Ethernet frames to and from the host. It sees iovecs and file descriptors, never guest
 * addresses, and does not know what device uses it.
 *
 * In both directions a frame has a header of IOL_NET_HEADER_BYTES before it: struct virtio_net_hdr_v1,
 * little-endian (virtio-v1.2 5.1.6). What sends says in it what is left to do of checksums and segmentation; a
 * backend whose limits have no offloads takes only zeros there and gives only zeros. num_buffers is the device's:
 * a backend ignores it and leaves it 0.
 *
 * Frames go through queue pairs, from 0. A backend with one pair orders nothing between its directions.
 * All of it runs on the loop's thread.
 */
#ifndef IOLITE_NET_H
#define IOLITE_NET_H

#include <errno.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <iolite/loop.h>

enum {
	IOL_NET_HEADER_BYTES = 12,
	IOL_NET_ETHERNET_BYTES = 14, /* addresses and type */
	/* The longest frame: 64 KiB of an IP packet that is to be segmented, with its Ethernet header and one VLAN tag. */
	IOL_NET_FRAME_MAX = 65535 + IOL_NET_ETHERNET_BYTES + 4,
	IOL_NET_MAC_BYTES = 6,
	IOL_NET_PAIRS_MAX = 8,
	IOL_NET_MTU_MIN = 68, /* RFC 791; what virtio asks for, too (5.1.4.1) */
	IOL_NET_MTU_MAX = 65535,
};

/* What a receiver of frames can do itself: checksums to be filled in, packets to be cut into segments. */
enum {
	IOL_NET_CSUM = 1 << 0,
	IOL_NET_TSO4 = 1 << 1,
	IOL_NET_TSO6 = 1 << 2,
	IOL_NET_ECN = 1 << 3, /* with TSO4 and TSO6 */
	IOL_NET_USO = 1 << 4, /* UDP over IPv4 and IPv6 */
};

struct iol_net;

/* The device at the near end. No call comes from within a call of the device's. [loop] */
struct iol_net_user {
	/* Pair @pair may have frames; comes once for each iol_net_await(). */
	void (*readable)(struct iol_net_user *user, unsigned int pair);
	/* Pair @pair takes frames again; comes once for each iol_net_await(). */
	void (*writable)(struct iol_net_user *user, unsigned int pair);
	/* net->link_up changed. */
	void (*link_changed)(struct iol_net_user *user);
};

struct iol_net_ops {
	const char *name; /* "tap" */
	ssize_t (*receive)(struct iol_net *net, unsigned int pair, const struct iovec *iov,
			   unsigned int count);
	int (*send)(struct iol_net *net, unsigned int pair, const struct iovec *iov,
		    unsigned int count);
	void (*await)(struct iol_net *net, unsigned int pair, bool readable, bool writable);
	/* NULL: there is nothing to set. */
	int (*set_offloads)(struct iol_net *net, uint32_t offloads);
	int (*set_pairs)(struct iol_net *net, unsigned int pairs);
	/* NULL: the kernel cannot serve a device with it. */
	int (*vhost_fd)(struct iol_net *net, unsigned int pair);
	/* NULL: the link goes up and down by itself. */
	void (*watch)(struct iol_net *net, bool on);
	/* Ends what is in flight (turning the loop where it must) and what the backend made on the host. */
	void (*free)(struct iol_net *net);
};

struct iol_net_limits {
	uint32_t send_offloads; /* what frames that are sent may leave to the backend */
	uint32_t
		receive_offloads; /* what received frames may leave to us, at most; see iol_net_set_offloads() */
	unsigned int pairs; /* 1 to IOL_NET_PAIRS_MAX */
	unsigned int mtu; /* bytes of a packet; 0: unknown */
	/*
	 * A change of offloads or pairs costs others on the host. A device lets its driver make a few at once, by
	 * commands and by starting anew together, and then one in this time, in ns. 0: changes cost nothing.
	 */
	uint64_t change_ns;
};

/* Who else is to know of a link: called after the device, when link_up has changed. [loop] */
struct iol_net_observer {
	void (*link_changed)(struct iol_net_observer *observer, bool up);
};

struct iol_net {
	const struct iol_net_ops *ops;
	struct iol_loop *loop;
	char *name; /* for messages: "net net0"; owned */
	struct iol_net_user *user; /* NULL: nobody */
	struct iol_net_limits limits;
	struct iol_net_observer *observer; /* NULL: nobody */
	bool link_up;
	bool pulled; /* the cable, by iol_net_plug(); link_up is false then */
	bool up_behind; /* while it is: whether the link would be up */
};

/* Names the device; it outlives the backend or names NULL. At first all limits.pairs are in use, and no offloads. */
void iol_net_start(struct iol_net *net, struct iol_net_user *user);

/*
 * Takes one frame off pair @pair, header first, into @iov (at most IOV_MAX parts; at least a header). Returns the
 * bytes written, header included. -EAGAIN: there is none, see iol_net_await(). -EMSGSIZE: the frame was longer than @iov
 * and is gone. Another -errno: a frame is gone, or the link is down (link_up tells); never a reason to try at once.
 */
static inline ssize_t iol_net_receive(struct iol_net *net, unsigned int pair,
				      const struct iovec *iov, unsigned int count)
{
	return net->pulled ? -ENETDOWN : net->ops->receive(net, pair, iov, count);
}

/*
 * Sends one frame, header first; all of it is read before the return. @iov: at most IOV_MAX parts, a header and
 * something behind it. 0: taken. -EAGAIN: not now; nothing of it was taken, see iol_net_await(). Another -errno: the frame
 * is dropped, as the host does not want it (a header that makes no sense, a link that is down).
 */
static inline int iol_net_send(struct iol_net *net, unsigned int pair, const struct iovec *iov,
			       unsigned int count)
{
	return net->pulled ? -ENETDOWN : net->ops->send(net, pair, iov, count);
}

/* Asks for a call of readable() or writable() or both, once each, after an -EAGAIN. Asking twice is once. */
static inline void iol_net_await(struct iol_net *net, unsigned int pair, bool readable,
				 bool writable)
{
	net->ops->await(net, pair, readable, writable);
}

/* Received frames leave at most @offloads to us from now on. -errno: the host cannot, and it is as before. */
static inline int iol_net_set_offloads(struct iol_net *net, uint32_t offloads)
{
	return net->ops->set_offloads ? net->ops->set_offloads(net, offloads) : 0;
}

/* Frames come by the first @pairs pairs only from now on. -errno: as above. */
static inline int iol_net_set_pairs(struct iol_net *net, unsigned int pairs)
{
	return net->ops->set_pairs ? net->ops->set_pairs(net, pairs) : 0;
}

/*
 * The descriptor by which the kernel's vhost-net (vhost.h) sends and receives the frames of pair @pair in our place, with the
 * same headers; borrowed until the link goes down or the pair is no longer in use. -1: there is none now, or ever; one that
 * was lost just now is found to be, and the link goes down after the call.
 */
static inline int iol_net_vhost_fd(struct iol_net *net, unsigned int pair)
{
	return net->ops->vhost_fd && !net->pulled ? net->ops->vhost_fd(net, pair) : -1;
}

/*
 * While nobody here sends, receives or waits for frames: whether the backend shall look by itself, from time to time, if its
 * link is still there.
 */
static inline void iol_net_watch(struct iol_net *net, bool on)
{
	if (net->ops->watch)
		net->ops->watch(net, on);
}

/*
 * Pulls the cable, or puts it back: the link is down until then, whatever the host does. What the host sent meanwhile and
 * still has comes afterwards.
 */
void iol_net_plug(struct iol_net *net, bool plugged);

/* Frees @net; NULL is fine. No callback comes afterwards. */
void iol_net_free(struct iol_net *net);

/* For implementations: fills the common part. @name is copied. The link is up. */
void iol_net_init(struct iol_net *net, const struct iol_net_ops *ops, struct iol_loop *loop,
		  const char *name);
/* For implementations: says that the link is up or down; tells the device, when that is new. */
void iol_net_set_link(struct iol_net *net, bool up);

/* --- kinds --- */

/* No host at all: what is sent is gone, nothing comes, the link is down. */
int iol_net_none_new(struct iol_loop *loop, const char *name, struct iol_net **net,
		     struct iol_error *err);

struct iol_net_tap_config {
	const char *name; /* for messages */
	const char *
		ifname; /* of the tap; made if there is none, and then gone with us. NULL: the host chooses */
	const char *bridge; /* that the tap joins; NULL: none. The tap is then ours */
	const int *
		fds; /* open taps from a parent, one for each pair, in the place of ifname; taken over on success. NULL: none */
	unsigned int pairs; /* 1 to IOL_NET_PAIRS_MAX */
	unsigned int mtu; /* to be set on the tap if it is ours; 0: as it is */
};

/*
 * A tap (Documentation/networking/tuntap.rst), with vnet_hdr. A persistent one stays as it was. Errors name the
 * interface, the cause and the remedy: no /dev/net/tun, no right to it (who owns it, how to make one for a plain user), no
 * such bridge, already in use, too few queues.
 */
int iol_net_tap_new(struct iol_loop *loop, const struct iol_net_tap_config *config,
		    struct iol_net **net, struct iol_error *err);

struct iol_net_stream_config {
	const char *name; /* for messages */
	const char *path; /* of the unix socket; NULL for passt: a passt of our own is started */
	bool listen; /* waits for the other end, which may come and go */
};

/*
 * Frames over a unix stream socket, each with its length before it in 32 bits, big-endian: what passt speaks, and QEMU's
 * stream and socket backends. When the other end goes, the link is down until one comes again.
 */
int iol_net_socket_new(struct iol_loop *loop, const struct iol_net_stream_config *config,
		       struct iol_net **net, struct iol_error *err);
int iol_net_passt_new(struct iol_loop *loop, const struct iol_net_stream_config *config,
		      struct iol_net **net, struct iol_error *err);

struct iol_net_user_config {
	const char *name; /* for messages */
	const char *hostname; /* of the guest, by DHCP; NULL: none */
	bool restricted; /* nothing but the forwardings */
	bool ipv4, ipv6;
	/* Texts as QEMU's -netdev user has them; NULL: its defaults (10.0.2.0/24, host .2, dns .3, dhcpstart .15; fec0::/64). */
	const char *net4, *host4, *dns4, *dhcp_start, *net6, *host6, *dns6;
	const char *domain;
	const char *const *
		forwards; /* "tcp:127.0.0.1:2222-:22", "udp:[::1]:53-[fec0::15]:53" ...; ended by NULL; NULL: none */
	unsigned int mtu; /* 0: 1500 */
};

/*
 * User-mode networking by libslirp, in a child process of its own behind a socket pair: what goes wrong there ends the
 * child, the link is then down, with one line in the log, and the machine runs on. Errors of the configuration
 * (addresses, a port that is taken) name the value.
 */
int iol_net_user_new(struct iol_loop *loop, const struct iol_net_user_config *config,
		     struct iol_net **net, struct iol_error *err);

#endif
