// SPDX-License-Identifier: Apache-2.0
/* A virtio network device on the bench. See virtio_net_rig.h. */
#include "virtio_net_rig.h"

#include <fcntl.h>
#include <glib.h>
#include <string.h>

enum { HEADER = IOL_NET_HEADER_BYTES };

const uint8_t net_rig_mac[IOL_NET_MAC_BYTES] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
const uint8_t net_rig_broadcast[IOL_NET_MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

void net_rig_init(struct net_rig *r, const struct net_rig_setup *setup)
{
	struct iol_virtio_net_config config = {
		.name = "test",
		.pairs = setup->pairs ? setup->pairs : 1,
		.queue_size = setup->queue_size ? setup->queue_size : 16,
		.mtu = setup->mtu,
	};
	struct iol_vhost_net *vhost[NET_RIG_PAIRS_MAX];
	struct iol_error err;
	struct iol_virtio *v;

	memset(r, 0, sizeof(*r));
	memcpy(config.mac, net_rig_mac, sizeof(config.mac));
	device_rig_init(&r->dev, setup->loop, NET_RIG_RAM_BYTES, NET_RIG_TX);
	g_assert(config.pairs <= NET_RIG_PAIRS_MAX);
	r->mn = memory_net_new(r->dev.loop);
	r->mn->net.limits = (struct iol_net_limits){
		.send_offloads = setup->send_offloads,
		.receive_offloads = setup->receive_offloads,
		.pairs = config.pairs,
	};
	r->pairs = config.pairs;
	for (unsigned int i = 0; setup->vhost && i < config.pairs; i++)
		g_assert(!iol_vhost_net_new(r->dev.loop, "/dev/null", &vhost[i], NULL));
	if (setup->vhost) {
		config.vhost = vhost;
		r->mn->vhost_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	}
	if (iol_virtio_net_new(&r->mn->net, &config, &r->dev.env, &v, &err))
		g_error("%s", err.msg);
	device_rig_attach(&r->dev, v);
}

void net_rig_finish(struct net_rig *r)
{
	struct iol_quiesce quiesce = { .pending = 1 };

	g_assert(iol_virtio_quiesce(r->dev.v, &quiesce));
	g_assert(!r->dev.v->in_flight);
	device_rig_finish(&r->dev);
}

void net_rig_start(struct net_rig *r, uint64_t features)
{
	memset(r->rx_next, 0, sizeof(r->rx_next));
	device_rig_start(&r->dev, features);
}

unsigned int net_rig_ctrl(const struct net_rig *r)
{
	return r->dev.features >> VIRTIO_NET_F_MQ & 1 ? 2 * r->pairs : 2;
}

void net_rig_frame(uint8_t *frame, const uint8_t *mac, size_t bytes, uint8_t seed)
{
	static const uint8_t behind[] = { 0x02, 0, 0, 0, 0, 1, 0x88, 0xb5 };

	for (size_t i = 0; i < bytes; i++)
		frame[i] = (uint8_t)(seed + i * 7 + (i >> 8));
	memcpy(frame, mac, IOL_NET_MAC_BYTES);
	memcpy(frame + IOL_NET_MAC_BYTES, behind, sizeof(behind));
}

int net_rig_send(struct net_rig *r, unsigned int pair, const struct virtio_net_hdr_v1 *hdr,
		 const uint8_t *frame, size_t bytes)
{
	uint64_t gpa =
		NET_RIG_TX + (uint64_t)(r->tx_next++ % NET_RIG_TX_SLOTS) * NET_RIG_TX_SLOT_BYTES;
	const struct virtio_driver_part part = { gpa, (uint32_t)(HEADER + bytes), false };
	int head;

	g_assert(HEADER + bytes <= NET_RIG_TX_SLOT_BYTES);
	memset(device_rig_ptr(&r->dev, gpa), 0, HEADER);
	if (hdr)
		memcpy(device_rig_ptr(&r->dev, gpa), hdr, HEADER);
	memcpy(device_rig_ptr(&r->dev, gpa) + HEADER, frame, bytes);
	head = device_rig_add(&r->dev, net_rig_tx(pair), &part, 1, false);
	if (head >= 0)
		device_rig_kick(&r->dev, net_rig_tx(pair));
	return head;
}

bool net_rig_post(struct net_rig *r, unsigned int pair, unsigned int count, uint32_t bytes)
{
	bool all = true;

	for (unsigned int i = 0; i < count && all; i++) {
		uint64_t at = r->rx_next[pair];
		struct virtio_driver_part part = { .len = bytes, .write = true };
		int head;

		if (at + bytes > NET_RIG_RX_BYTES)
			at = 0;
		r->rx_next[pair] = at + bytes;
		part.gpa = NET_RIG_RX + (uint64_t)pair * NET_RIG_RX_BYTES + at;
		head = device_rig_add(&r->dev, net_rig_rx(pair), &part, 1, false);
		all = head >= 0;
		if (all)
			r->buffers[pair][head] = (struct net_rig_buffer){ part.gpa, bytes };
	}
	device_rig_kick(&r->dev, net_rig_rx(pair));
	return all;
}

size_t net_rig_receive(struct net_rig *r, unsigned int pair, uint8_t *data)
{
	struct virtio_driver *driver = &r->dev.drivers[net_rig_rx(pair)];
	struct virtio_driver_used used;
	unsigned int count = 1;
	size_t bytes = 0;

	for (unsigned int i = 0; i < count; i++) {
		const struct net_rig_buffer *buffer;
		int ret = virtio_driver_take_used(driver, &used);

		g_assert_cmpstr(virtio_driver_check(driver), ==, NULL);
		if (!i && !ret)
			return 0;
		/* "at least num_buffers are observed by driver as used" */
		g_assert_cmpint(ret, ==, 1);
		buffer = &r->buffers[pair][used.head];
		g_assert_cmpuint(bytes + used.len, <=, MEMORY_NET_BYTES_MAX);
		memcpy(data + bytes, device_rig_ptr(&r->dev, buffer->gpa), used.len);
		bytes += used.len;
		if (!i) {
			g_assert_cmpuint(used.len, >=, HEADER);
			count = le16_load(data + offsetof(struct virtio_net_hdr_v1, num_buffers));
			g_assert_cmpuint(count, >=, 1);
			if (!(r->dev.features >> VIRTIO_NET_F_MRG_RXBUF & 1))
				g_assert_cmpuint(count, ==, 1);
		}
		/* "completely up to the full length" */
		if (i + 1 < count)
			g_assert_cmpuint(used.len, ==, buffer->bytes);
		else
			g_assert_cmpuint(used.len, >, 0);
	}
	return bytes;
}

void net_rig_give(struct net_rig *r, unsigned int pair, const uint8_t *frame, size_t bytes)
{
	g_autofree uint8_t *data = g_malloc0(HEADER + bytes);

	memcpy(data + HEADER, frame, bytes);
	g_assert(memory_net_give(r->mn, pair, data, HEADER + bytes));
	device_rig_settle(&r->dev);
}

void net_rig_start_command(struct net_rig *r, uint8_t class, uint8_t command, const void *data,
			   uint32_t bytes)
{
	const struct virtio_driver_part parts[] = {
		{ NET_RIG_CTRL, 2, false },
		{ NET_RIG_CTRL + 2, bytes, false },
		{ NET_RIG_ACK, 1, true },
	};
	unsigned int queue = net_rig_ctrl(r);
	int head;

	*device_rig_ptr(&r->dev, NET_RIG_CTRL) = class;
	*device_rig_ptr(&r->dev, NET_RIG_CTRL + 1) = command;
	if (bytes)
		memcpy(device_rig_ptr(&r->dev, NET_RIG_CTRL + 2), data, bytes);
	*device_rig_ptr(&r->dev, NET_RIG_ACK) = NET_RIG_NO_ACK;
	head = device_rig_add(&r->dev, queue, parts, IOL_ARRAY_LEN(parts), false);
	g_assert_cmpint(head, >=, 0);
	device_rig_kick(&r->dev, queue);
}

uint8_t net_rig_answer(struct net_rig *r)
{
	struct virtio_driver_used used;

	if (virtio_driver_take_used(&r->dev.drivers[net_rig_ctrl(r)], &used) != 1) {
		g_assert_cmphex(*device_rig_ptr(&r->dev, NET_RIG_ACK), ==, NET_RIG_NO_ACK);
		return NET_RIG_NO_ACK;
	}
	g_assert_cmpuint(used.len, ==, 1);
	return *device_rig_ptr(&r->dev, NET_RIG_ACK);
}

uint8_t net_rig_command(struct net_rig *r, uint8_t class, uint8_t command, const void *data,
			uint32_t bytes)
{
	uint8_t answer;

	net_rig_start_command(r, class, command, data, bytes);
	answer = net_rig_answer(r);
	if (answer == NET_RIG_NO_ACK)
		g_error("command %u.%u was not answered", class, command);
	return answer;
}

struct iol_virtio_net_counts net_rig_counts(struct net_rig *r)
{
	struct iol_virtio_net_counts counts;

	iol_virtio_net_counts(r->dev.v, &counts);
	return counts;
}

static void check_send(struct net_rig *r, const uint8_t *frame, size_t bytes)
{
	g_autofree uint8_t *sent = NULL;
	struct virtio_driver_used used;
	size_t sent_bytes = 0;

	while (virtio_driver_take_used(&r->dev.drivers[1], &used) > 0)
		;
	g_assert_cmpint(net_rig_send(r, 0, NULL, frame, bytes), >=, 0);
	sent = memory_net_take(r->mn, 0, &sent_bytes);
	if (!sent)
		g_error("a valid frame of %zu bytes was not sent", bytes);
	g_assert_cmpmem(sent + HEADER, sent_bytes - HEADER, frame, bytes);
	g_assert_cmpint(virtio_driver_take_used(&r->dev.drivers[1], &used), ==, 1);
	g_assert_cmpuint(used.len, ==, 0);
}

void net_rig_check_alive(struct net_rig *r)
{
	static const size_t lengths[] = { 60, 14, 1514 };
	g_autofree uint8_t *data = g_malloc(MEMORY_NET_BYTES_MAX);
	uint8_t frame[1514];

	for (size_t i = 0; i < IOL_ARRAY_LEN(lengths); i++) {
		net_rig_frame(frame, net_rig_mac, lengths[i], (uint8_t)i);
		check_send(r, frame, lengths[i]);
		while (net_rig_receive(r, 0, data))
			;
		net_rig_post(r, 0, 1, 1526);
		net_rig_give(r, 0, frame, lengths[i]);
		g_assert_cmpuint(net_rig_receive(r, 0, data), ==, HEADER + lengths[i]);
		g_assert_cmpmem(data + HEADER, lengths[i], frame, lengths[i]);
	}
}
