// SPDX-License-Identifier: Apache-2.0
/*
 * The virtio network device (virtio-v1.2 5.1) over any network backend: its life, features, configuration
 * space and queues. See include/iolite/virtio_net.h; net_tx.c sends, net_rx.c receives, net_filter.c chooses,
 * net_ctrl.c has the commands and net_vhost.c what the kernel does in our place.
 *
 * Runs on the loop's thread, but for features_ok() and reset(), which vCPU threads call under the device's lock
 * and which touch registers only.
 *
 * A hostile guest can send and receive what its backend lets it: what it asks of the backend is held
 * against the features before, memory was taken at creation, and a turn's work is bounded.
 */
#include "net_internal.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <linux/virtio_ids.h>
#include <string.h>

enum {
	CONFIG_BYTES = offsetof(struct virtio_net_config, mtu) + sizeof(le16),
	PCI_CLASS = 0x020000, /* network, Ethernet */
	LOG_BURST = 4,
};

/*
 * From the news that the link is up to the wish for an announcement. Linux' driver, told both at once, announces
 * before it turns its carrier on, and what it sends without one is dropped. It takes the news in from its interrupt by a
 * work item: milliseconds, but on a busy host more. Longer would be time in which others cannot reach the guest.
 */
#define ANNOUNCE_NS (500 * IOL_NS_PER_MS)

const uint64_t virtio_net_guest_offloads =
	NET_BIT(VIRTIO_NET_F_GUEST_CSUM) | NET_BIT(VIRTIO_NET_F_GUEST_TSO4) |
	NET_BIT(VIRTIO_NET_F_GUEST_TSO6) | NET_BIT(VIRTIO_NET_F_GUEST_ECN) |
	NET_BIT(VIRTIO_NET_F_GUEST_USO4) | NET_BIT(VIRTIO_NET_F_GUEST_USO6);

static struct net_device *net_of(struct iol_virtio *v)
{
	return iol_container_of(v, struct net_device, v);
}

static struct net_device *net_of_user(struct iol_net_user *user)
{
	return iol_container_of(user, struct net_device, user);
}

/* --- features --- */

/* 5.1.3.1: one bit of @needs, all of whose own needs come first in this list. */
static const struct {
	unsigned int feature;
	uint64_t needs;
} feature_needs[] = {
	{ VIRTIO_NET_F_GUEST_TSO4, NET_BIT(VIRTIO_NET_F_GUEST_CSUM) },
	{ VIRTIO_NET_F_GUEST_TSO6, NET_BIT(VIRTIO_NET_F_GUEST_CSUM) },
	{ VIRTIO_NET_F_GUEST_ECN,
	  NET_BIT(VIRTIO_NET_F_GUEST_TSO4) | NET_BIT(VIRTIO_NET_F_GUEST_TSO6) },
	{ VIRTIO_NET_F_GUEST_USO4, NET_BIT(VIRTIO_NET_F_GUEST_CSUM) },
	{ VIRTIO_NET_F_GUEST_USO6, NET_BIT(VIRTIO_NET_F_GUEST_CSUM) },
	{ VIRTIO_NET_F_HOST_TSO4, NET_BIT(VIRTIO_NET_F_CSUM) },
	{ VIRTIO_NET_F_HOST_TSO6, NET_BIT(VIRTIO_NET_F_CSUM) },
	{ VIRTIO_NET_F_HOST_ECN,
	  NET_BIT(VIRTIO_NET_F_HOST_TSO4) | NET_BIT(VIRTIO_NET_F_HOST_TSO6) },
	{ VIRTIO_NET_F_HOST_USO, NET_BIT(VIRTIO_NET_F_CSUM) },
	{ VIRTIO_NET_F_CTRL_RX, NET_BIT(VIRTIO_NET_F_CTRL_VQ) },
	{ VIRTIO_NET_F_CTRL_RX_EXTRA, NET_BIT(VIRTIO_NET_F_CTRL_RX) },
	{ VIRTIO_NET_F_CTRL_VLAN, NET_BIT(VIRTIO_NET_F_CTRL_VQ) },
	{ VIRTIO_NET_F_GUEST_ANNOUNCE, NET_BIT(VIRTIO_NET_F_CTRL_VQ) },
	{ VIRTIO_NET_F_MQ, NET_BIT(VIRTIO_NET_F_CTRL_VQ) },
	{ VIRTIO_NET_F_CTRL_MAC_ADDR, NET_BIT(VIRTIO_NET_F_CTRL_VQ) },
	{ VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, NET_BIT(VIRTIO_NET_F_CTRL_VQ) },
};

/* @features without those whose needs are not among them. */
static uint64_t sound_features(uint64_t features)
{
	for (size_t i = 0; i < IOL_ARRAY_LEN(feature_needs); i++)
		if (!(features & feature_needs[i].needs))
			features &= ~NET_BIT(feature_needs[i].feature);
	return features;
}

static uint64_t features_of(const struct net_device *n)
{
	static const struct {
		uint32_t offload;
		uint64_t send, receive;
	} offloads[] = {
		{ IOL_NET_CSUM, NET_BIT(VIRTIO_NET_F_CSUM), NET_BIT(VIRTIO_NET_F_GUEST_CSUM) },
		{ IOL_NET_TSO4, NET_BIT(VIRTIO_NET_F_HOST_TSO4), NET_BIT(VIRTIO_NET_F_GUEST_TSO4) },
		{ IOL_NET_TSO6, NET_BIT(VIRTIO_NET_F_HOST_TSO6), NET_BIT(VIRTIO_NET_F_GUEST_TSO6) },
		{ IOL_NET_ECN, NET_BIT(VIRTIO_NET_F_HOST_ECN), NET_BIT(VIRTIO_NET_F_GUEST_ECN) },
		{ IOL_NET_USO, NET_BIT(VIRTIO_NET_F_HOST_USO),
		  NET_BIT(VIRTIO_NET_F_GUEST_USO4) | NET_BIT(VIRTIO_NET_F_GUEST_USO6) },
	};
	uint64_t features = NET_BIT(VIRTIO_NET_F_MAC) | NET_BIT(VIRTIO_NET_F_STATUS) |
			    NET_BIT(VIRTIO_NET_F_MRG_RXBUF) | NET_BIT(VIRTIO_NET_F_CTRL_VQ) |
			    NET_BIT(VIRTIO_NET_F_CTRL_RX) | NET_BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) |
			    NET_BIT(VIRTIO_NET_F_CTRL_VLAN) | NET_BIT(VIRTIO_NET_F_CTRL_MAC_ADDR) |
			    NET_BIT(VIRTIO_NET_F_GUEST_ANNOUNCE);

	for (size_t i = 0; i < IOL_ARRAY_LEN(offloads); i++) {
		if (n->net->limits.send_offloads & offloads[i].offload)
			features |= offloads[i].send;
		if (n->net->limits.receive_offloads & offloads[i].offload)
			features |= offloads[i].receive;
	}
	if (n->net->limits.receive_offloads & IOL_NET_CSUM)
		features |= NET_BIT(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS);
	if (n->pairs > 1)
		features |= NET_BIT(VIRTIO_NET_F_MQ);
	if (n->mtu)
		features |= NET_BIT(VIRTIO_NET_F_MTU);
	return sound_features(features & ~virtio_net_vhost_withheld(n));
}

/*
 * A driver must not take a feature without what it needs (2.2.1). One that does is not refused, but gets nothing
 * by it.
 */
static void features_ok(struct iol_virtio *v)
{
	v->features = sound_features(v->features);
}

/* USO is one to the backend: the driver has to know both kinds. */
uint32_t virtio_net_backend_offloads(uint64_t guest)
{
	const uint64_t uso = NET_BIT(VIRTIO_NET_F_GUEST_USO4) | NET_BIT(VIRTIO_NET_F_GUEST_USO6);
	uint32_t offloads = 0;

	if (guest & NET_BIT(VIRTIO_NET_F_GUEST_CSUM))
		offloads |= IOL_NET_CSUM;
	if (guest & NET_BIT(VIRTIO_NET_F_GUEST_TSO4))
		offloads |= IOL_NET_TSO4;
	if (guest & NET_BIT(VIRTIO_NET_F_GUEST_TSO6))
		offloads |= IOL_NET_TSO6;
	if (guest & NET_BIT(VIRTIO_NET_F_GUEST_ECN))
		offloads |= IOL_NET_ECN;
	if ((guest & uso) == uso)
		offloads |= IOL_NET_USO;
	return offloads;
}

uint64_t virtio_net_sound_offloads(uint64_t features)
{
	return sound_features(features & virtio_net_guest_offloads);
}

/* --- configuration space --- */

#define CONFIG_AT(field) offsetof(struct virtio_net_config, field)

static uint16_t status_of(const struct net_device *n)
{
	return (uint16_t)((n->net->link_up ? VIRTIO_NET_S_LINK_UP : 0) |
			  (n->announcing ? VIRTIO_NET_S_ANNOUNCE : 0));
}

/* Puts @buf there without telling the driver. */
static void set_config_silently(struct iol_virtio *v, unsigned int offset, const void *buf,
				unsigned int len)
{
	pthread_mutex_lock(&v->lock);
	memcpy(v->config + offset, buf, len);
	v->config_changed = true;
	pthread_mutex_unlock(&v->lock);
}

void virtio_net_show_status(struct net_device *n, bool tell)
{
	le16 status = le16_of(status_of(n));

	if (tell)
		iol_virtio_set_config(&n->v, CONFIG_AT(status), &status, sizeof(status));
	else
		set_config_silently(&n->v, CONFIG_AT(status), &status, sizeof(status));
}

void virtio_net_show_mac(struct net_device *n, const uint8_t *mac)
{
	set_config_silently(&n->v, CONFIG_AT(mac), mac, IOL_NET_MAC_BYTES);
}

/* The link is what it is; whether there is one was written on the loop's thread under the lock. */
static void reset(struct iol_virtio *v)
{
	uint8_t *status = v->config + CONFIG_AT(status);

	memcpy(v->config + CONFIG_AT(mac), net_of(v)->mac, IOL_NET_MAC_BYTES);
	le16_store(status, le16_load(status) & VIRTIO_NET_S_LINK_UP);
}

static void fill_config(struct net_device *n)
{
	uint8_t *config = n->v.config;

	memcpy(config + CONFIG_AT(mac), n->mac, sizeof(n->mac));
	le16_store(config + CONFIG_AT(status), status_of(n));
	if (n->pairs > 1)
		le16_store(config + CONFIG_AT(max_virtqueue_pairs), (uint16_t)n->pairs);
	le16_store(config + CONFIG_AT(mtu), (uint16_t)n->mtu);
}

/* --- queues --- */

/* 5.1.2: where the control queue is depends on MQ; a queue of no use is left alone. */
static bool serve(struct iol_virtio *v, unsigned int queue)
{
	struct net_device *n = net_of(v);
	unsigned int ctrl = virtio_net_ctrl_queue(n);

	if (queue < ctrl) {
		if (queue % 2)
			return virtio_net_serve_tx(n, queue / 2);
		virtio_net_run_rx(n, queue / 2);
		return false;
	}
	if (queue == ctrl && iol_virtio_has(v, VIRTIO_NET_F_CTRL_VQ))
		return virtio_net_serve_ctrl(n, queue);
	iol_virtio_pause(v, queue);
	return false;
}

static void readable(struct iol_net_user *user, unsigned int pair)
{
	virtio_net_run_rx(net_of_user(user), pair);
}

static void writable(struct iol_net_user *user, unsigned int pair)
{
	virtio_net_retry_tx(net_of_user(user), pair);
}

/* Whether the driver can be asked to make itself known (5.1.6.5.4): the status is where that is said. */
static bool may_announce(const struct net_device *n)
{
	return net_running(n) && iol_virtio_has(&n->v, VIRTIO_NET_F_GUEST_ANNOUNCE) &&
	       iol_virtio_has(&n->v, VIRTIO_NET_F_STATUS);
}

static void await_announce(struct net_device *n, uint64_t now_ns)
{
	if (!n->announce_op.in_flight)
		iol_loop_timeout(n->v.loop, &n->announce_op, n->announce_at_ns - now_ns);
}

/* done() of announce_op. It may have been started for a link, or a driver, that is gone, and then be early. */
static void announce(struct iol_op *op, int res)
{
	struct net_device *n = iol_container_of(op, struct net_device, announce_op);
	uint64_t now_ns = iol_loop_now_ns();

	if (res != -ETIME || !n->announce_at_ns)
		return;
	if (now_ns < n->announce_at_ns) {
		await_announce(n, now_ns);
		return;
	}
	n->announce_at_ns = 0;
	if (!n->net->link_up || !may_announce(n))
		return;
	n->announcing = true;
	virtio_net_show_status(n, true);
}

/*
 * A link that comes back may lead to another network, or to a bridge that has forgotten where the guest is: the
 * driver is asked to announce itself, but not before it has seen the link. Over one that is down nobody can.
 * What waited for the other state will perhaps not be told by anything else.
 */
static void link_changed(struct iol_net_user *user)
{
	struct net_device *n = net_of_user(user);

	n->announcing = false;
	n->announce_at_ns = 0;
	virtio_net_show_status(n, true);
	if (n->net->link_up && may_announce(n)) {
		uint64_t now_ns = iol_loop_now_ns();

		n->announce_at_ns = now_ns + ANNOUNCE_NS;
		await_announce(n, now_ns);
	}
	virtio_net_vhost_follow(n);
	for (unsigned int i = 0; i < n->pairs; i++)
		virtio_net_retry_tx(n, i);
	for (unsigned int i = 0; i < n->active_pairs && n->net->link_up; i++)
		virtio_net_run_rx(n, i);
}

/* --- life --- */

static void start(struct iol_virtio *v)
{
	struct net_device *n = net_of(v);

	virtio_net_start_filter(n);
	virtio_net_start_host(n);
}

static void broken(struct iol_virtio *v)
{
	virtio_net_vhost_stop(net_of(v), 0);
}

static void stop(struct iol_virtio *v)
{
	struct net_device *n = net_of(v);

	virtio_net_vhost_stop(n, 0);
	n->announcing = false;
	n->announce_at_ns = 0;
	n->pairs_due = n->offloads_due = false;
	for (unsigned int i = 0; i < n->pairs; i++) {
		virtio_net_stop_rx(n, i);
		virtio_net_stop_tx(n, i);
	}
}

static void free_memory(struct net_device *n)
{
	for (unsigned int i = 0; i < n->pairs; i++) {
		g_free(n->rx[i].chains);
		g_free(n->rx[i].parts);
		g_free(n->rx[i].overflow);
		g_free(n->tx[i].iov);
	}
	g_free(n->ctrl_iov);
	g_free(n);
}

static void log_counts(const struct net_device *n)
{
	const struct iol_virtio_net_counts *c = &n->counts;

	iol_log(IOL_LOG_INFO,
		"%s: to the guest %" PRIu64 " frames of %" PRIu64 " bytes, %" PRIu64
		" filtered, %" PRIu64 " dropped; from it %" PRIu64 " frames of %" PRIu64
		" bytes, %" PRIu64 " dropped",
		n->v.name, c->rx_frames, c->rx_bytes, c->rx_filtered, c->rx_dropped, c->tx_frames,
		c->tx_bytes, c->tx_dropped);
}

static void net_free(struct iol_virtio *v)
{
	struct net_device *n = net_of(v);

	log_counts(n);
	/* The loop is turned before all is gone: what the backend has to say then is for nobody. */
	iol_net_start(n->net, NULL);
	iol_loop_cancel(n->net->loop, &n->held_op);
	iol_loop_cancel(n->net->loop, &n->ctrl_op);
	iol_loop_cancel(n->net->loop, &n->announce_op);
	while (n->held_op.in_flight || n->ctrl_op.in_flight || n->announce_op.in_flight)
		if (iol_loop_turn(n->net->loop, true) < 0)
			break;
	virtio_net_vhost_stop(n, 0);
	virtio_net_vhost_free(n);
	iol_virtio_finish(v);
	iol_net_free(n->net);
	free_memory(n);
}

static const struct iol_virtio_ops ops = {
	.name = "virtio-net",
	.device_id = VIRTIO_ID_NET,
	.pci_class = PCI_CLASS,
	.features_ok = features_ok,
	.start = start,
	.serve = serve,
	.stop = stop,
	.broken = broken,
	.reset = reset,
	.free = net_free,
};

static int check_config(const struct iol_net *net, const struct iol_virtio_net_config *config,
			struct iol_error *err)
{
	static const uint8_t none[IOL_NET_MAC_BYTES];

	if ((config->mac[0] & 1) || !memcmp(config->mac, none, sizeof(none)))
		return iol_error_set(
			err, -EINVAL,
			"MAC address %02x:%02x:%02x:%02x:%02x:%02x; give one of a single "
			"station, such as 52:54:00:12:34:56",
			config->mac[0], config->mac[1], config->mac[2], config->mac[3],
			config->mac[4], config->mac[5]);
	if (!config->pairs || config->pairs > net->limits.pairs ||
	    config->pairs > IOL_NET_PAIRS_MAX)
		return iol_error_set(err, -EINVAL,
				     "%u queue pairs; the backend has %u, give 1 to %u",
				     config->pairs, net->limits.pairs,
				     MIN(net->limits.pairs, IOL_NET_PAIRS_MAX));
	if (config->mtu && (config->mtu < IOL_NET_MTU_MIN || config->mtu > IOL_NET_MTU_MAX))
		return iol_error_set(err, -EINVAL, "an MTU of %u; give %u to %u", config->mtu,
				     IOL_NET_MTU_MIN, IOL_NET_MTU_MAX);
	if (!config->queue_size || config->queue_size > IOL_VIRTIO_NET_QUEUE_SIZE_MAX ||
	    (config->queue_size & (config->queue_size - 1)))
		return iol_error_set(err, -EINVAL,
				     "queues of %u entries; give a power of two up to %u",
				     config->queue_size, IOL_VIRTIO_NET_QUEUE_SIZE_MAX);
	return 0;
}

static struct net_device *new_device(struct iol_net *net,
				     const struct iol_virtio_net_config *config)
{
	struct net_device *n = g_new0(struct net_device, 1);

	n->net = net;
	n->pairs = config->pairs;
	n->active_pairs = 1;
	n->host_pairs = net->limits.pairs; /* and no offloads: see iol_net_start() */
	n->queue_size = config->queue_size;
	n->mtu = config->mtu;
	memcpy(n->mac, config->mac, sizeof(n->mac));
	n->log_limit.burst = LOG_BURST;
	n->held_op.done = virtio_net_held_long;
	n->ctrl_op.done = virtio_net_ctrl_may_go_on;
	n->announce_op.done = announce;
	n->user = (struct iol_net_user){
		.readable = readable,
		.writable = writable,
		.link_changed = link_changed,
	};
	for (unsigned int i = 0; i < n->pairs; i++) {
		n->vhost[i].n = n;
		n->vhost[i].vhost = config->vhost ? config->vhost[i] : NULL;
		n->rx[i].chains = g_new(struct net_rx_chain, n->queue_size);
		n->rx[i].parts = g_new(struct iovec, NET_RX_PARTS_MAX);
		n->rx[i].overflow = g_malloc(NET_FRAME_BYTES_MAX);
		n->tx[i].iov = g_new(struct iovec, n->queue_size + 1);
	}
	n->ctrl_iov = g_new(struct iovec, n->queue_size);
	return n;
}

int iol_virtio_net_new(struct iol_net *net, const struct iol_virtio_net_config *config,
		       const struct iol_virtio_env *env, struct iol_virtio **v,
		       struct iol_error *err)
{
	struct net_device *n;
	int ret = check_config(net, config, err);

	if (ret)
		return ret;
	n = new_device(net, config);
	ret = iol_virtio_init(&n->v, &ops, env, config->name, 2 * config->pairs + 1,
			      config->queue_size, features_of(n), CONFIG_BYTES, err);
	if (ret) {
		free_memory(n);
		return ret;
	}
	n->v.offered &= ~virtio_net_vhost_withheld(n); /* those of the core */
	fill_config(n);
	iol_net_start(net, &n->user);
	*v = &n->v;
	return 0;
}

void iol_virtio_net_counts(struct iol_virtio *v, struct iol_virtio_net_counts *counts)
{
	*counts = net_of(v)->counts;
}
