// SPDX-License-Identifier: Apache-2.0
/* A virtio network device on the bench. See virtio_net_rig.h. */
#include "virtio_net_rig.h"

#include <glib.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <string.h>

enum {
	FEATURES_OK =
		VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK,
	SETTLE_TURNS_MAX = 100000,
	HEADER = IOL_NET_HEADER_BYTES,
};

const uint8_t net_rig_mac[IOL_NET_MAC_BYTES] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
const uint8_t net_rig_broadcast[IOL_NET_MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static struct net_rig *rig_of(struct iol_virtio_transport *t)
{
	return iol_container_of(t, struct net_rig, transport);
}

static void interrupt_queue(struct iol_virtio_transport *t, unsigned int queue)
{
	g_assert(queue < rig_of(t)->queue_count);
	rig_of(t)->queue_interrupts[queue]++;
}

static void interrupt_config(struct iol_virtio_transport *t)
{
	rig_of(t)->config_interrupts++;
}

static void reset_done(struct iol_virtio_transport *t)
{
	rig_of(t)->resets_done++;
}

static const struct iol_virtio_transport_ops transport_ops = {
	.interrupt_queue = interrupt_queue,
	.interrupt_config = interrupt_config,
	.reset_done = reset_done,
};

void net_rig_init(struct net_rig *r, const struct net_rig_setup *setup)
{
	static const struct iol_memory_region region = { .size_bytes = NET_RIG_RAM_BYTES };
	struct iol_virtio_net_config config = {
		.name = "test",
		.pairs = setup->pairs ? setup->pairs : 1,
		.queue_size = setup->queue_size ? setup->queue_size : 16,
		.mtu = setup->mtu,
	};
	struct iol_virtio_env env = { .memory = &r->memory, .vm_fd = -1 };
	struct iol_error err;

	memset(r, 0, sizeof(*r));
	memcpy(config.mac, net_rig_mac, sizeof(config.mac));
	r->loop = setup->loop ? setup->loop : &r->own_loop;
	if (!setup->loop && iol_loop_init(&r->own_loop, &err))
		g_error("%s", err.msg);
	if (iol_memory_init(&r->memory, &region, 1, &err))
		g_error("%s", err.msg);
	env.loop = r->loop;
	g_assert(config.pairs <= NET_RIG_PAIRS_MAX);
	r->mn = memory_net_new(r->loop);
	r->mn->net.limits = (struct iol_net_limits){
		.send_offloads = setup->send_offloads,
		.receive_offloads = setup->receive_offloads,
		.pairs = config.pairs,
	};
	r->pairs = config.pairs;
	r->queue_count = 2 * config.pairs + 1;
	r->queue_size = config.queue_size;
	if (iol_virtio_net_new(&r->mn->net, &config, &env, &r->v, &err))
		g_error("%s", err.msg);
	r->transport.ops = &transport_ops;
	r->v->transport = &r->transport;
}

void net_rig_finish(struct net_rig *r)
{
	struct iol_quiesce quiesce = { .pending = 1 };

	g_assert(iol_virtio_quiesce(r->v, &quiesce));
	g_assert(!r->v->in_flight);
	r->v->ops->free(r->v);
	iol_memory_finish(&r->memory);
	if (r->loop == &r->own_loop)
		iol_loop_finish(&r->own_loop);
}

uint64_t net_rig_offered(struct net_rig *r)
{
	return iol_virtio_device_features(r->v, 0) | (uint64_t)iol_virtio_device_features(r->v, 1)
							     << 32;
}

uint8_t net_rig_negotiate(struct net_rig *r, uint64_t features)
{
	features &= net_rig_offered(r);
	iol_virtio_set_status(r->v, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	iol_virtio_set_status(r->v, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	iol_virtio_set_driver_features(r->v, 0, (uint32_t)features);
	iol_virtio_set_driver_features(r->v, 1, (uint32_t)(features >> 32));
	iol_virtio_set_status(r->v, FEATURES_OK);
	r->features = r->v->features;
	return iol_virtio_status(r->v);
}

static void set_up_queue(struct net_rig *r, unsigned int i)
{
	const struct virtio_driver_setup *s = &r->drivers[i].setup;

	iol_virtio_queue_write(r->v, i, IOL_VIRTIO_QUEUE_SIZE, s->size);
	iol_virtio_queue_write(r->v, i, IOL_VIRTIO_QUEUE_DESC_LOW, (uint32_t)s->desc_gpa);
	iol_virtio_queue_write(r->v, i, IOL_VIRTIO_QUEUE_AVAIL_LOW, (uint32_t)s->avail_gpa);
	iol_virtio_queue_write(r->v, i, IOL_VIRTIO_QUEUE_USED_LOW, (uint32_t)s->used_gpa);
	iol_virtio_queue_write(r->v, i, IOL_VIRTIO_QUEUE_ENABLED, 1);
}

void net_rig_start(struct net_rig *r, uint64_t features)
{
	uint64_t end = NET_RIG_RINGS;

	features |= NET_RIG_BIT(VIRTIO_F_VERSION_1);
	g_assert(net_rig_negotiate(r, features) == FEATURES_OK);
	for (unsigned int i = 0; i < r->queue_count; i++) {
		struct virtio_driver_setup setup = {
			.size = r->queue_size,
			.event_idx = r->features >> VIRTIO_RING_F_EVENT_IDX & 1,
			.indirect = r->features >> VIRTIO_RING_F_INDIRECT_DESC & 1,
		};

		end = virtio_driver_layout(&setup, end);
		g_assert(end <= NET_RIG_TX);
		g_assert(!virtio_driver_init(&r->drivers[i], &r->memory, &setup));
		set_up_queue(r, i);
	}
	memset(r->rx_next, 0, sizeof(r->rx_next));
	iol_virtio_set_status(r->v, FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	net_rig_settle(r);
}

bool net_rig_reset(struct net_rig *r)
{
	iol_virtio_set_status(r->v, 0);
	net_rig_settle(r);
	return !iol_virtio_status(r->v);
}

/* A kick or a post that the loop has not seen yet. */
static bool is_due(const struct net_rig *r)
{
	struct pollfd fds[NET_RIG_QUEUES_MAX + 1] = { { .fd = r->loop->wake_fd,
							.events = POLLIN } };

	for (unsigned int i = 0; i < r->queue_count; i++)
		fds[i + 1] =
			(struct pollfd){ .fd = r->v->queues[i].kick.eventfd, .events = POLLIN };
	/* Before DRIVER_OK nobody waits for kicks. */
	return poll(fds, r->v->queues[0].kick_op.in_flight ? r->queue_count + 1 : 1, 0) > 0;
}

void net_rig_settle(struct net_rig *r)
{
	unsigned int turns = 0;
	uint64_t kicks;

	do {
		kicks = r->v->kicks;
		g_assert(!iol_loop_turn(r->loop, false));
		g_assert(++turns < SETTLE_TURNS_MAX);
	} while (is_due(r) || r->v->kicks != kicks || r->loop->end_head);
}

int net_rig_add(struct net_rig *r, unsigned int queue, const struct virtio_driver_part *parts,
		unsigned int count)
{
	return virtio_driver_add(&r->drivers[queue], parts, count, count);
}

void net_rig_kick(struct net_rig *r, unsigned int queue)
{
	if (virtio_driver_show(&r->drivers[queue]))
		iol_virtio_notify(r->v, queue);
	net_rig_settle(r);
}

uint8_t *net_rig_ptr(const struct net_rig *r, uint64_t gpa)
{
	uint8_t *p = iol_memory_ptr(&r->memory, gpa, 1);

	g_assert(p);
	return p;
}

unsigned int net_rig_ctrl(const struct net_rig *r)
{
	return r->features >> VIRTIO_NET_F_MQ & 1 ? 2 * r->pairs : 2;
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
	memset(net_rig_ptr(r, gpa), 0, HEADER);
	if (hdr)
		memcpy(net_rig_ptr(r, gpa), hdr, HEADER);
	memcpy(net_rig_ptr(r, gpa) + HEADER, frame, bytes);
	head = net_rig_add(r, net_rig_tx(pair), &part, 1);
	if (head >= 0)
		net_rig_kick(r, net_rig_tx(pair));
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
		head = net_rig_add(r, net_rig_rx(pair), &part, 1);
		all = head >= 0;
		if (all)
			r->buffers[pair][head] = (struct net_rig_buffer){ part.gpa, bytes };
	}
	net_rig_kick(r, net_rig_rx(pair));
	return all;
}

size_t net_rig_receive(struct net_rig *r, unsigned int pair, uint8_t *data)
{
	struct virtio_driver *driver = &r->drivers[net_rig_rx(pair)];
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
		memcpy(data + bytes, net_rig_ptr(r, buffer->gpa), used.len);
		bytes += used.len;
		if (!i) {
			g_assert_cmpuint(used.len, >=, HEADER);
			count = le16_load(data + offsetof(struct virtio_net_hdr_v1, num_buffers));
			g_assert_cmpuint(count, >=, 1);
			if (!(r->features >> VIRTIO_NET_F_MRG_RXBUF & 1))
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
	net_rig_settle(r);
}

uint8_t net_rig_command(struct net_rig *r, uint8_t class, uint8_t command, const void *data,
			uint32_t bytes)
{
	const struct virtio_driver_part parts[] = {
		{ NET_RIG_CTRL, 2, false },
		{ NET_RIG_CTRL + 2, bytes, false },
		{ NET_RIG_ACK, 1, true },
	};
	unsigned int queue = net_rig_ctrl(r);
	struct virtio_driver_used used;
	int head;

	*net_rig_ptr(r, NET_RIG_CTRL) = class;
	*net_rig_ptr(r, NET_RIG_CTRL + 1) = command;
	if (bytes)
		memcpy(net_rig_ptr(r, NET_RIG_CTRL + 2), data, bytes);
	*net_rig_ptr(r, NET_RIG_ACK) = NET_RIG_NO_ACK;
	head = net_rig_add(r, queue, parts, IOL_ARRAY_LEN(parts));
	g_assert_cmpint(head, >=, 0);
	net_rig_kick(r, queue);
	if (virtio_driver_take_used(&r->drivers[queue], &used) != 1)
		g_error("command %u.%u was not answered", class, command);
	g_assert_cmpuint(used.len, ==, 1);
	return *net_rig_ptr(r, NET_RIG_ACK);
}

struct iol_virtio_net_counts net_rig_counts(struct net_rig *r)
{
	struct iol_virtio_net_counts counts;

	iol_virtio_net_counts(r->v, &counts);
	return counts;
}

static void check_send(struct net_rig *r, const uint8_t *frame, size_t bytes)
{
	g_autofree uint8_t *sent = NULL;
	struct virtio_driver_used used;
	size_t sent_bytes = 0;

	while (virtio_driver_take_used(&r->drivers[1], &used) > 0)
		;
	g_assert_cmpint(net_rig_send(r, 0, NULL, frame, bytes), >=, 0);
	sent = memory_net_take(r->mn, 0, &sent_bytes);
	if (!sent)
		g_error("a valid frame of %zu bytes was not sent", bytes);
	g_assert_cmpmem(sent + HEADER, sent_bytes - HEADER, frame, bytes);
	g_assert_cmpint(virtio_driver_take_used(&r->drivers[1], &used), ==, 1);
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
