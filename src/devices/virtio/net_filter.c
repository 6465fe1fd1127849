// SPDX-License-Identifier: Apache-2.0
/*
 * The virtio network device: which received frames the driver wants to see (virtio-v1.2 5.1.6.5.1 to
 * 5.1.6.5.3).
 *
 * Where the driver can say what it wants, the filter begins with nothing but the station's own frames
 * and broadcasts, and with untagged frames; where it cannot, everything passes. Frames that are judged lie in our
 * memory. Runs on the loop's thread.
 */
#include "net_internal.h"

#include <string.h>

enum {
	ETHERTYPE_AT = 12,
	ETHERTYPE_VLAN = 0x8100,
	TAG_AT = 14,
	VLAN_MASK = NET_VLANS - 1,
};

static const uint8_t broadcast[IOL_NET_MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

void virtio_net_start_filter(struct net_device *n)
{
	struct net_filter *filter = &n->filter;

	memset(filter, 0, sizeof(*filter));
	filter->by_mac = iol_virtio_has(&n->v, VIRTIO_NET_F_CTRL_RX);
	filter->by_vlan = iol_virtio_has(&n->v, VIRTIO_NET_F_CTRL_VLAN);
	/* A driver that does not take our address has one that we do not know (5.1.4.2). */
	filter->mac_known = iol_virtio_has(&n->v, VIRTIO_NET_F_MAC);
	memcpy(filter->mac, n->mac, sizeof(filter->mac));
}

bool virtio_net_is_tagged(const uint8_t *frame, size_t bytes)
{
	return bytes >= IOL_NET_ETHERNET_BYTES + NET_TAG_BYTES &&
	       be16_load(frame + ETHERTYPE_AT) == ETHERTYPE_VLAN;
}

static bool is_listed(const struct net_macs *macs, const uint8_t *mac)
{
	for (unsigned int i = 0; i < macs->count; i++)
		if (!memcmp(macs->macs[i], mac, IOL_NET_MAC_BYTES))
			return true;
	return macs->overflow;
}

static bool wants_destination(const struct net_filter *filter, const uint8_t *mac)
{
	if (!memcmp(mac, broadcast, sizeof(broadcast)))
		return !filter->nobcast;
	if (mac[0] & 1)
		return !filter->nomulti && (filter->allmulti || is_listed(&filter->multicast, mac));
	if (filter->nouni)
		return false;
	return filter->alluni || !filter->mac_known ||
	       !memcmp(mac, filter->mac, sizeof(filter->mac)) || is_listed(&filter->unicast, mac);
}

/* VLAN 0 is none: such a tag only carries a priority (IEEE 802.1Q 9.6). */
static bool wants_vlan(const struct net_filter *filter, const uint8_t *frame, size_t bytes)
{
	unsigned int vlan;

	if (!virtio_net_is_tagged(frame, bytes))
		return true;
	vlan = be16_load(frame + TAG_AT) & VLAN_MASK;
	return !vlan || (filter->vlans[vlan / 64] >> vlan % 64 & 1);
}

bool virtio_net_wants(const struct net_filter *filter, const uint8_t *frame, size_t bytes)
{
	if (filter->promisc)
		return true;
	if (filter->by_vlan && !wants_vlan(filter, frame, bytes))
		return false;
	return !filter->by_mac || wants_destination(filter, frame);
}
