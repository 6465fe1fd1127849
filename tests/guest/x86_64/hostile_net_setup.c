// SPDX-License-Identifier: Apache-2.0
/* Violations in features, queues and configuration of a network card. See ../hostile_net_list.h. */
#include "hostile_net.h"

enum { KICKS = 500 };

/* --- features --- */

/* @features as they are, offered or not, with the queues of a card. */
static enum verdict with_features(uint64_t features)
{
	if (!set_up(VIO_BIT(VIRTIO_F_VERSION_1)))
		return FAIL;
	/* The rings are there; the rest again. */
	vio_reset(h.v);
	vio_set(h.v, VIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER);
	for (unsigned int half = 0; half < 2; half++) {
		vio_set(h.v, VIO_DRIVER_FEATURES_SELECT, half);
		vio_set(h.v, VIO_DRIVER_FEATURES, features >> 32 * half & UINT32_MAX);
	}
	vio_add_status(h.v, VIRTIO_CONFIG_S_FEATURES_OK);
	if (!(vio_get(h.v, VIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK))
		return REJECT;
	h.v->features = features;
	vio_queue_enable(h.v, &n.card.rx);
	return set_up_ends();
}

static enum verdict alone(uint64_t features)
{
	return with_features(VIO_BIT(VIRTIO_F_VERSION_1) | BIT(MAC) | features);
}

#define ALONE(name, ...)                   \
	enum verdict v_##name(void)        \
	{                                  \
		return alone(__VA_ARGS__); \
	}

ALONE(feature_none, 0)
ALONE(feature_ctrl_rx, BIT(CTRL_RX))
ALONE(feature_ctrl_rx_extra, BIT(CTRL_RX_EXTRA) | BIT(CTRL_VQ))
ALONE(feature_ctrl_vlan, BIT(CTRL_VLAN))
ALONE(feature_ctrl_mac_addr, BIT(CTRL_MAC_ADDR))
ALONE(feature_announce, BIT(GUEST_ANNOUNCE) | BIT(STATUS))
ALONE(feature_mq, BIT(MQ))
ALONE(feature_guest_tso4, BIT(GUEST_TSO4))
ALONE(feature_guest_tso6, BIT(GUEST_TSO6))
ALONE(feature_guest_ecn, BIT(GUEST_ECN) | BIT(GUEST_CSUM))
ALONE(feature_guest_ufo, BIT(GUEST_UFO) | BIT(GUEST_CSUM))
ALONE(feature_guest_uso, VIO_BIT(54) | VIO_BIT(55))
ALONE(feature_host_tso4, BIT(HOST_TSO4))
ALONE(feature_host_tso6, BIT(HOST_TSO6))
ALONE(feature_host_ecn, BIT(HOST_ECN) | BIT(CSUM))
ALONE(feature_host_ufo, BIT(HOST_UFO) | BIT(CSUM))
ALONE(feature_host_uso, VIO_BIT(56))
ALONE(feature_offloads, BIT(CTRL_GUEST_OFFLOADS))
ALONE(feature_rss, VIO_BIT(60))
ALONE(feature_rsc_ext, VIO_BIT(61))

/* A command by a queue that has no meaning. */
enum verdict v_ctrl_not_agreed(void)
{
	if (!set_up(h.features & ~(BIT(CTRL_VQ) | BIT(CTRL_RX) | BIT(CTRL_RX_EXTRA) |
				   BIT(CTRL_VLAN) | BIT(CTRL_MAC_ADDR) | BIT(GUEST_ANNOUNCE))))
		return FAIL;
	vio_queue_enable(h.v, &n.card.ctrl);
	vio_queue_enable(h.v, h.q);
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
	n.odd[0] = 1;
	put_command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1);
	submit_to(&n.card.ctrl, 0);
	hostile_pause(SILENCE_MS);
	if (*n.ack == VIRTIO_NET_OK)
		return FAIL;
	return still_works();
}

/* --- queues --- */

static void kick_all(void)
{
	vio_kick_always(&n.card.rx);
	vio_kick_always(&n.card.tx);
	vio_kick_always(&n.card.ctrl);
}

/* Queues that are not enabled do nothing; those that are serve. */
static bool start_without(const struct vio_queue *q)
{
	struct vio_queue *all[] = { &n.card.rx, &n.card.tx, &n.card.ctrl };

	if (!set_up(h.features))
		return false;
	vio_reset(h.v);
	if (!vio_negotiate(h.v, h.features))
		return false;
	for (unsigned int i = 0; i < 3; i++)
		if (q && q != all[i])
			vio_queue_enable(h.v, all[i]);
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
	kick_all();
	return true;
}

enum verdict v_queues_none(void)
{
	if (!start_without(NULL))
		return FAIL;
	ask(1, 0, 0);
	return silent() && !vio_needs_reset(h.v) ? PASS : REJECT;
}

enum verdict v_queues_no_rx(void)
{
	if (!start_without(&n.card.rx))
		return FAIL;
	load();
	return load_ends();
}

enum verdict v_queues_no_tx(void)
{
	if (!start_without(&n.card.tx))
		return FAIL;
	ask(1, 0, 0);
	if (!silent())
		return FAIL;
	n.odd[0] = 1;
	put_command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1);
	return answered(0);
}

enum verdict v_queues_no_ctrl(void)
{
	if (!start_without(&n.card.ctrl))
		return FAIL;
	put_command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1);
	submit_to(&n.card.ctrl, 0);
	hostile_pause(SILENCE_MS);
	return *n.ack == ACK_PENDING ? still_works() : FAIL;
}

enum verdict v_queues_one_ring(void)
{
	if (!set_up(h.features))
		return FAIL;
	/* What is received goes where what is sent comes from. */
	n.card.tx = (struct vio_queue){ .desc = n.card.rx.desc,
					.avail = n.card.rx.avail,
					.used = n.card.rx.used,
					.notify = n.card.tx.notify,
					.wide_notify = n.card.tx.wide_notify,
					.index = 1,
					.size = Q_SIZE };
	vio_queue_enable(h.v, h.q);
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
	for (unsigned int i = 0; i < 5; i++) {
		kick_all();
		hostile_pause(SILENCE_MS);
	}
	return vio_needs_reset(h.v) ? REJECT : PASS;
}

enum verdict v_kick_storm(void)
{
	ask(200, 0, 0);
	load();
	for (unsigned int i = 0; i < KICKS; i++) {
		kick_all();
		take_frames(&n.card);
	}
	return load_ends() == PASS ? still_works() : FAIL;
}

/* --- configuration --- */

enum verdict v_mac_written(void)
{
	uint32_t before = read32(h.v->config);

	for (unsigned int i = 0; i < h.config_bytes; i++)
		write8(h.v->config + i, 0xff);
	write16(h.v->config + MAC, 0); /* the link's status */
	return read32(h.v->config) == before ? still_works() : FAIL;
}

enum verdict v_config_across_end(void)
{
	for (unsigned int i = h.config_bytes - 8; i < h.config_bytes + 8; i++) {
		read64(h.v->config + i);
		read32(h.v->config + i);
		read16(h.v->config + i);
		write64(h.v->config + i, UINT64_MAX);
		write32(h.v->config + i, UINT32_MAX);
	}
	return still_works();
}
