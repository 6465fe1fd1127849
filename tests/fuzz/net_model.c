// SPDX-License-Identifier: Apache-2.0
/* What a virtio network device should do. See net_model.h. */
#include "net_model.h"

#include <glib.h>
#include <string.h>

enum { HEADER = IOL_NET_HEADER_BYTES, MACS_KEPT = 64 };

const uint8_t net_model_macs[NET_MODEL_MACS][6] = {
	{ 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 }, /* net_rig_mac */
	{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
	{ 0x02, 0, 0, 0, 0, 1 },
	{ 0x02, 0, 0, 0, 0, 2 },
	{ 0x33, 0x33, 0, 0, 0, 1 },
	{ 0x01, 0, 0x5e, 0, 0, 2 },
};

const uint64_t net_model_guest_offloads =
	NET_RIG_BIT(VIRTIO_NET_F_GUEST_CSUM) | NET_RIG_BIT(VIRTIO_NET_F_GUEST_TSO4) |
	NET_RIG_BIT(VIRTIO_NET_F_GUEST_TSO6) | NET_RIG_BIT(VIRTIO_NET_F_GUEST_ECN) |
	NET_RIG_BIT(VIRTIO_NET_F_GUEST_USO4) | NET_RIG_BIT(VIRTIO_NET_F_GUEST_USO6);

static bool has(const struct net_model *m, unsigned int feature)
{
	return m->features >> feature & 1;
}

void net_model_start(struct net_model *m, uint64_t features, unsigned int pairs, unsigned int mtu)
{
	memset(m, 0, sizeof(*m));
	m->features = features;
	m->pairs_max = pairs;
	m->mtu = mtu;
	m->pairs = 1;
	memcpy(m->mac, net_model_macs[0], sizeof(m->mac));
	m->mac_known = has(m, VIRTIO_NET_F_MAC);
	m->offloads = features & net_model_guest_offloads;
}

static bool model_has_mac(unsigned int table, const uint8_t *mac)
{
	for (unsigned int i = 0; i < NET_MODEL_MACS; i++)
		if (table >> i & 1 && !memcmp(net_model_macs[i], mac, 6))
			return true;
	return table == ~0u;
}

bool net_model_wants(const struct net_model *m, const uint8_t *frame)
{
	unsigned int vlan = be16_load(frame + 14) & 0xfff;

	if (m->modes[0])
		return true;
	if (has(m, VIRTIO_NET_F_CTRL_VLAN) && be16_load(frame + 12) == 0x8100 && vlan &&
	    !m->vlans[vlan])
		return false;
	if (!has(m, VIRTIO_NET_F_CTRL_RX))
		return true;
	if (!memcmp(frame, net_model_macs[1], 6))
		return !m->modes[5];
	if (frame[0] & 1)
		return !m->modes[3] && (m->modes[1] || model_has_mac(m->multicast, frame));
	return !m->modes[4] && (m->modes[2] || !m->mac_known || !memcmp(frame, m->mac, 6) ||
				model_has_mac(m->unicast, frame));
}

/* Whether a frame with this header may come to the driver (5.1.6.4.1, 5.1.4.1). */
bool net_model_may_come(const struct net_model *m, const uint8_t *with_header, size_t frame_bytes)
{
	uint8_t flags = with_header[0], gso = with_header[1];
	const uint64_t uso =
		NET_RIG_BIT(VIRTIO_NET_F_GUEST_USO4) | NET_RIG_BIT(VIRTIO_NET_F_GUEST_USO6);
	uint64_t on = m->offloads;
	size_t tag = be16_load(with_header + HEADER + 12) == 0x8100 ? 4 : 0;

	if (flags & 1 && !(on & NET_RIG_BIT(VIRTIO_NET_F_GUEST_CSUM)))
		return false;
	if (!gso)
		return !has(m, VIRTIO_NET_F_MTU) || frame_bytes <= m->mtu + 14 + tag;
	if (gso & 0x80 && !(on & NET_RIG_BIT(VIRTIO_NET_F_GUEST_ECN)))
		return false;
	switch (gso & 0x7f) {
	case 1:
		return on & NET_RIG_BIT(VIRTIO_NET_F_GUEST_TSO4);
	case 4:
		return on & NET_RIG_BIT(VIRTIO_NET_F_GUEST_TSO6);
	case 5:
		return (on & uso) == uso;
	default:
		return false;
	}
}

/* 5.1.6.2; false: it must not be sent. @header is then what must be sent. */
bool net_model_judge(const struct net_model *m, uint8_t *header, size_t bytes)
{
	unsigned int start = le16_load(header + 6), offset = le16_load(header + 8);
	uint8_t kind = header[1] & 0x7f;
	bool ecn = header[1] & 0x80, ok = true;

	header[0] &= 1;
	if (header[0])
		ok = has(m, VIRTIO_NET_F_CSUM) && start >= 14 && start + offset + 2 <= bytes;
	else
		memset(header + 6, 0, 4);
	if (header[1]) {
		ok = ok && header[0] && le16_load(header + 4);
		ok = ok && ((kind == 1 && has(m, VIRTIO_NET_F_HOST_TSO4)) ||
			    (kind == 4 && has(m, VIRTIO_NET_F_HOST_TSO6)) ||
			    (kind == 5 && has(m, VIRTIO_NET_F_HOST_USO) && !ecn));
		ok = ok && (!ecn || has(m, VIRTIO_NET_F_HOST_ECN));
		le16_store(header + 2, (uint16_t)MIN(le16_load(header + 2), bytes));
	} else {
		memset(header + 2, 0, 4);
	}
	memset(header + 10, 0, 2);
	return ok;
}

static uint8_t model_mode(struct net_model *m, uint8_t command, const uint8_t *data, uint32_t bytes)
{
	unsigned int needs = command < 2 ? VIRTIO_NET_F_CTRL_RX : VIRTIO_NET_F_CTRL_RX_EXTRA;

	if (command > 5 || !has(m, needs) || bytes != 1)
		return VIRTIO_NET_ERR;
	m->modes[command] = data[0];
	return VIRTIO_NET_OK;
}

/* The table at @data, up to @bytes; how long it is, 0: it does not end there. */
static uint32_t model_table(const uint8_t *data, uint32_t bytes, unsigned int *table)
{
	uint64_t count, len;

	if (bytes < 4)
		return 0;
	count = le32_load(data);
	len = 4 + count * 6;
	if (len > bytes)
		return 0;
	*table = count > MACS_KEPT ? ~0u : 0;
	for (uint32_t i = 0; i < count; i++)
		for (unsigned int k = 0; k < NET_MODEL_MACS; k++)
			if (!memcmp(data + 4 + i * 6, net_model_macs[k], 6))
				*table |= 1u << k;
	return (uint32_t)len;
}

static uint8_t model_mac(struct net_model *m, uint8_t command, const uint8_t *data, uint32_t bytes)
{
	unsigned int unicast = 0, multicast = 0;
	uint32_t first, second;

	if (command == 1) {
		if ((!has(m, VIRTIO_NET_F_CTRL_MAC_ADDR) && !has(m, VIRTIO_NET_F_CTRL_RX)) ||
		    bytes != 6 || (data[0] & 1))
			return VIRTIO_NET_ERR;
		memcpy(m->mac, data, 6);
		m->mac_known = true;
		return VIRTIO_NET_OK;
	}
	if (command || !has(m, VIRTIO_NET_F_CTRL_RX))
		return VIRTIO_NET_ERR;
	first = model_table(data, bytes, &unicast);
	second = first ? model_table(data + first, bytes - first, &multicast) : 0;
	if (!second || first + second != bytes)
		return VIRTIO_NET_ERR;
	m->unicast = unicast;
	m->multicast = multicast;
	return VIRTIO_NET_OK;
}

static uint8_t model_vlan(struct net_model *m, uint8_t command, const uint8_t *data, uint32_t bytes)
{
	if (!has(m, VIRTIO_NET_F_CTRL_VLAN) || command > 1 || bytes != 2 || le16_load(data) > 4095)
		return VIRTIO_NET_ERR;
	m->vlans[le16_load(data)] = !command;
	return VIRTIO_NET_OK;
}

static uint8_t model_mq(struct net_model *m, uint8_t command, const uint8_t *data, uint32_t bytes)
{
	if (!has(m, VIRTIO_NET_F_MQ) || command || bytes != 2 || !le16_load(data) ||
	    le16_load(data) > m->pairs_max || m->host_refuses)
		return VIRTIO_NET_ERR;
	m->pairs = le16_load(data);
	return VIRTIO_NET_OK;
}

static uint64_t sound_offloads(uint64_t offloads)
{
	const uint64_t tso =
		NET_RIG_BIT(VIRTIO_NET_F_GUEST_TSO4) | NET_RIG_BIT(VIRTIO_NET_F_GUEST_TSO6);

	if (!(offloads & NET_RIG_BIT(VIRTIO_NET_F_GUEST_CSUM)))
		return 0;
	return offloads & tso ? offloads : offloads & ~NET_RIG_BIT(VIRTIO_NET_F_GUEST_ECN);
}

static uint8_t model_offloads(struct net_model *m, uint8_t command, const uint8_t *data,
			      uint32_t bytes)
{
	if (!has(m, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) || command || bytes != 8 ||
	    (le64_load(data) & ~(m->features & net_model_guest_offloads)) || m->host_refuses)
		return VIRTIO_NET_ERR;
	m->offloads = sound_offloads(le64_load(data));
	return VIRTIO_NET_OK;
}

uint8_t net_model_command(struct net_model *m, uint8_t class, uint8_t command, const uint8_t *data,
			  uint32_t bytes)
{
	switch (class) {
	case 0:
		return model_mode(m, command, data, bytes);
	case 1:
		return model_mac(m, command, data, bytes);
	case 2:
		return model_vlan(m, command, data, bytes);
	case 3:
		return !has(m, VIRTIO_NET_F_GUEST_ANNOUNCE) || command || bytes;
	case 4:
		return model_mq(m, command, data, bytes);
	case 5:
		return model_offloads(m, command, data, bytes);
	default:
		return VIRTIO_NET_ERR;
	}
}
