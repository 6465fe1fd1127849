// SPDX-License-Identifier: Apache-2.0
/* The network device: commands of the control queue and what they do to received frames (virtio-v1.2 5.1.6.5). */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "virtio_net_rig.h"

enum {
	HEADER = IOL_NET_HEADER_BYTES,
	OK = VIRTIO_NET_OK,
	ERR = VIRTIO_NET_ERR,
	CLASS_RX = VIRTIO_NET_CTRL_RX,
	CLASS_MAC = VIRTIO_NET_CTRL_MAC,
	CLASS_VLAN = VIRTIO_NET_CTRL_VLAN,
	TABLE_SET = VIRTIO_NET_CTRL_MAC_TABLE_SET,
	ADDR_SET = VIRTIO_NET_CTRL_MAC_ADDR_SET,
	MACS_MAX = 64, /* of each kind that the device keeps */
};

#define BIT(feature) NET_RIG_BIT(VIRTIO_NET_F_##feature)

static uint8_t data[MEMORY_NET_BYTES_MAX];

static const uint8_t multicast[6] = { 0x33, 0x33, 0, 0, 0, 1 };
static const uint8_t other_multicast[6] = { 0x33, 0x33, 0, 0, 0, 2 };
static const uint8_t station[6] = { 0x02, 0, 0, 0, 0, 0x77 };

static void start(struct net_rig *r, uint64_t features)
{
	const struct net_rig_setup setup = { .receive_offloads = NET_RIG_OFFLOADS };

	net_rig_init(r, &setup);
	net_rig_start(r, features);
}

static void finish(struct net_rig *r)
{
	device_rig_check(&r->dev);
	net_rig_finish(r);
}

static bool comes_tagged(struct net_rig *r, const uint8_t *mac, uint16_t type, uint16_t tag)
{
	uint64_t filtered = net_rig_counts(r).rx_filtered;
	uint8_t frame[64];
	bool came;

	net_rig_frame(frame, mac, sizeof(frame), 1);
	be16_store(frame + 12, type);
	be16_store(frame + 14, tag);
	net_rig_post(r, 0, 1, 1526);
	net_rig_give(r, 0, frame, sizeof(frame));
	came = net_rig_receive(r, 0, data);
	if (came)
		g_assert_cmpmem(data + HEADER, sizeof(frame), frame, sizeof(frame));
	/* A frame that is left out leaves its buffer. */
	g_assert_cmpuint(net_rig_counts(r).rx_filtered - filtered, ==, !came);
	g_assert_cmpuint(net_rig_counts(r).rx_dropped, ==, 0);
	if (!came)
		g_assert_cmpuint(r->dev.v->in_flight, >=, 1);
	return came;
}

static bool comes(struct net_rig *r, const uint8_t *mac)
{
	return comes_tagged(r, mac, 0x0800, 0);
}

static uint8_t set_mode(struct net_rig *r, uint8_t mode, uint8_t on)
{
	return net_rig_command(r, CLASS_RX, mode, &on, 1);
}

/* Whether broadcasts, our own, other stations' and multicast frames come. */
static void check_comes(struct net_rig *r, bool broadcast, bool own, bool others, bool multi)
{
	g_assert_cmpint(comes(r, net_rig_broadcast), ==, broadcast);
	g_assert_cmpint(comes(r, net_rig_mac), ==, own);
	g_assert_cmpint(comes(r, station), ==, others);
	g_assert_cmpint(comes(r, multicast), ==, multi);
}

/* --- modes --- */

static void test_modes(void)
{
	struct net_rig r;

	start(&r, UINT64_MAX);
	check_comes(&r, true, true, false, false);
	g_assert_cmpuint(set_mode(&r, VIRTIO_NET_CTRL_RX_ALLMULTI, 1), ==, OK);
	check_comes(&r, true, true, false, true);
	g_assert_cmpuint(set_mode(&r, VIRTIO_NET_CTRL_RX_NOMULTI, 1), ==, OK);
	check_comes(&r, true, true, false, false);
	g_assert_cmpuint(set_mode(&r, VIRTIO_NET_CTRL_RX_ALLUNI, 1), ==, OK);
	check_comes(&r, true, true, true, false);
	g_assert_cmpuint(set_mode(&r, VIRTIO_NET_CTRL_RX_NOUNI, 1), ==, OK);
	check_comes(&r, true, false, false, false);
	g_assert_cmpuint(set_mode(&r, VIRTIO_NET_CTRL_RX_NOBCAST, 1), ==, OK);
	check_comes(&r, false, false, false, false);
	/* "even if one of the other modes" is on */
	g_assert_cmpuint(set_mode(&r, VIRTIO_NET_CTRL_RX_PROMISC, 1), ==, OK);
	check_comes(&r, true, true, true, true);
	g_assert_true(comes_tagged(&r, station, 0x8100, 7));
	for (uint8_t mode = 0; mode < 6; mode++)
		g_assert_cmpuint(set_mode(&r, mode, 0), ==, OK);
	check_comes(&r, true, true, false, false);
	finish(&r);
}

/* Without the features nothing is filtered, and the commands are not there. */
static void test_modes_declined(void)
{
	struct net_rig r;

	start(&r, ~BIT(CTRL_RX));
	check_comes(&r, true, true, true, true);
	for (uint8_t mode = 0; mode < 6; mode++)
		g_assert_cmpuint(set_mode(&r, mode, 1), ==, ERR);
	device_rig_reset(&r.dev);
	net_rig_start(&r, ~BIT(CTRL_RX_EXTRA));
	for (uint8_t mode = 0; mode < 8; mode++)
		g_assert_cmpuint(set_mode(&r, mode, 0), ==, mode < 2 ? OK : ERR);
	device_rig_reset(&r.dev);
	/* Nobody could ask for more. */
	net_rig_start(&r, ~BIT(CTRL_VQ));
	check_comes(&r, true, true, true, true);
	finish(&r);
}

/* --- addresses --- */

static uint8_t set_table(struct net_rig *r, uint32_t unicast, uint32_t multi, bool other)
{
	g_autofree uint8_t *bytes = g_malloc0(8 + 6 * (size_t)(unicast + multi));
	uint8_t *at = bytes + 4;

	le32_store(bytes, unicast);
	for (uint32_t i = 0; i < unicast; i++, at += 6) {
		memcpy(at, station, 6);
		at[4] = (uint8_t)((unicast - 1 - i) >> 8);
		at[5] = (uint8_t)(station[5] + unicast - 1 - i);
	}
	le32_store(at, multi);
	at += 4;
	for (uint32_t i = 0; i < multi; i++, at += 6) {
		memcpy(at, multicast, 6);
		at[4] = (uint8_t)(i >> 8);
		at[5] = (uint8_t)(i + (other ? 100 : 1));
	}
	return net_rig_command(r, CLASS_MAC, TABLE_SET, bytes, (uint32_t)(at - bytes));
}

static void test_table(void)
{
	struct net_rig r;

	start(&r, UINT64_MAX);
	g_assert_cmpuint(set_table(&r, 1, 1, false), ==, OK);
	check_comes(&r, true, true, true, true);
	g_assert_false(comes(&r, other_multicast));
	g_assert_cmpuint(set_table(&r, 0, 2, false), ==, OK);
	check_comes(&r, true, true, false, true);
	g_assert_true(comes(&r, other_multicast));
	g_assert_cmpuint(set_mode(&r, VIRTIO_NET_CTRL_RX_NOMULTI, 1), ==, OK);
	check_comes(&r, true, true, false, false);
	g_assert_cmpuint(set_mode(&r, VIRTIO_NET_CTRL_RX_NOMULTI, 0), ==, OK);
	g_assert_cmpuint(set_table(&r, 0, 0, false), ==, OK);
	check_comes(&r, true, true, false, false);
	finish(&r);
}

/* As many as are kept, and more: then all are let in. */
static void test_table_full(void)
{
	struct net_rig r;

	start(&r, UINT64_MAX);
	g_assert_cmpuint(set_table(&r, MACS_MAX, MACS_MAX, true), ==, OK);
	check_comes(&r, true, true, true, false);
	g_assert_cmpuint(set_table(&r, 0, MACS_MAX + 1, true), ==, OK);
	check_comes(&r, true, true, false, true);
	g_assert_cmpuint(set_table(&r, MACS_MAX + 1, 0, true), ==, OK);
	check_comes(&r, true, true, true, false);
	g_assert_cmpuint(set_table(&r, 1000, 1000, true), ==, OK);
	check_comes(&r, true, true, true, true);
	/* Longer than any is. */
	g_assert_cmpuint(set_table(&r, 2000, 2000, true), ==, ERR);
	finish(&r);
}

/* What is wrong changes nothing. */
static void test_table_wrong(void)
{
	static const uint32_t counts[][2] = { { 2, 0 },          { 0, 2 },
					      { 0xffffffff, 0 }, { 0, 0xffffffff },
					      { 0x2aaaaaab, 0 }, { 0x80000000, 0 } };
	uint8_t bytes[8 + 6] = { 0 };
	struct net_rig r;

	start(&r, UINT64_MAX);
	g_assert_cmpuint(set_table(&r, 1, 1, false), ==, OK);
	for (size_t i = 0; i < IOL_ARRAY_LEN(counts); i++) {
		le32_store(bytes, counts[i][0]);
		le32_store(bytes + 4, counts[i][1]);
		for (uint32_t len = 0; len <= sizeof(bytes); len++)
			g_assert_cmpuint(net_rig_command(&r, CLASS_MAC, TABLE_SET, bytes, len), ==,
					 ERR);
		check_comes(&r, true, true, true, true);
	}
	/* Something behind it. */
	memset(bytes, 0, sizeof(bytes));
	g_assert_cmpuint(net_rig_command(&r, CLASS_MAC, TABLE_SET, bytes, 9), ==, ERR);
	g_assert_cmpuint(net_rig_command(&r, CLASS_MAC, 2, bytes, 8), ==, ERR);
	check_comes(&r, true, true, true, true);
	g_assert_cmpuint(net_rig_command(&r, CLASS_MAC, TABLE_SET, bytes, 8), ==, OK);
	check_comes(&r, true, true, false, false);
	finish(&r);
}

static void check_config_mac(struct net_rig *r, const uint8_t *mac)
{
	for (unsigned int i = 0; i < 6; i++)
		g_assert_cmphex(iol_virtio_config_read(r->dev.v, i, 1), ==, mac[i]);
}

static void test_address(void)
{
	struct net_rig r;

	start(&r, UINT64_MAX);
	g_assert_cmpuint(net_rig_command(&r, CLASS_MAC, ADDR_SET, station, 6), ==, OK);
	check_config_mac(&r, station);
	g_assert_cmpuint(r.dev.config_interrupts, ==, 0);
	check_comes(&r, true, false, true, false);
	g_assert_cmpuint(net_rig_command(&r, CLASS_MAC, ADDR_SET, (uint8_t[7]){ 2 }, 5), ==, ERR);
	g_assert_cmpuint(net_rig_command(&r, CLASS_MAC, ADDR_SET, (uint8_t[7]){ 2 }, 7), ==, ERR);
	g_assert_cmpuint(net_rig_command(&r, CLASS_MAC, ADDR_SET, multicast, 6), ==, ERR);
	check_config_mac(&r, station);
	check_comes(&r, true, false, true, false);
	device_rig_reset(&r.dev);
	net_rig_start(&r, ~(BIT(CTRL_MAC_ADDR) | BIT(CTRL_RX)));
	g_assert_cmpuint(net_rig_command(&r, CLASS_MAC, ADDR_SET, station, 6), ==, ERR);
	check_config_mac(&r, net_rig_mac);
	finish(&r);
}

/* A driver with an address of its own choice gets what is for it, wherever that is from. */
static void test_address_unknown(void)
{
	struct net_rig r;

	start(&r, ~BIT(MAC));
	check_comes(&r, true, true, true, false);
	g_assert_cmpuint(net_rig_command(&r, CLASS_MAC, ADDR_SET, station, 6), ==, OK);
	check_comes(&r, true, false, true, false);
	check_config_mac(&r, net_rig_mac);
	finish(&r);
}

/* --- VLANs --- */

static uint8_t vlan(struct net_rig *r, uint8_t command, uint16_t id)
{
	le16 value = le16_of(id);

	return net_rig_command(r, CLASS_VLAN, command, &value, sizeof(value));
}

static void test_vlans(void)
{
	static const uint16_t ids[] = { 1, 63, 64, 2048, 4095 };
	struct net_rig r;
	uint8_t bytes[3] = { 0 };

	start(&r, UINT64_MAX);
	/* It starts empty; what has no tag, or only a priority, is not its business. */
	g_assert_true(comes_tagged(&r, net_rig_mac, 0x0800, 7));
	g_assert_true(comes_tagged(&r, net_rig_mac, 0x8100, 0xe000));
	for (size_t i = 0; i < IOL_ARRAY_LEN(ids); i++) {
		g_assert_false(comes_tagged(&r, net_rig_mac, 0x8100, ids[i]));
		g_assert_cmpuint(vlan(&r, VIRTIO_NET_CTRL_VLAN_ADD, ids[i]), ==, OK);
		g_assert_true(comes_tagged(&r, net_rig_mac, 0x8100, ids[i] | 0xb000));
		g_assert_false(comes_tagged(&r, net_rig_mac, 0x8100, ids[i] ^ 0x10));
		g_assert_false(comes_tagged(&r, station, 0x8100, ids[i]));
	}
	g_assert_cmpuint(vlan(&r, VIRTIO_NET_CTRL_VLAN_DEL, 63), ==, OK);
	g_assert_cmpuint(vlan(&r, VIRTIO_NET_CTRL_VLAN_DEL, 63), ==, OK);
	g_assert_false(comes_tagged(&r, net_rig_mac, 0x8100, 63));
	g_assert_true(comes_tagged(&r, net_rig_mac, 0x8100, 64));
	g_assert_cmpuint(vlan(&r, VIRTIO_NET_CTRL_VLAN_ADD, 4096), ==, ERR);
	g_assert_cmpuint(vlan(&r, 2, 5), ==, ERR);
	for (uint32_t len = 0; len < 4; len++)
		g_assert_cmpuint(net_rig_command(&r, CLASS_VLAN, 0, bytes, len), ==,
				 len == 2 ? OK : ERR);
	/* A frame that ends before its tag does. */
	net_rig_give(&r, 0,
		     (const uint8_t[17]){ 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 0x81,
					  0, 0, 99, 0 },
		     17);
	g_assert_cmpuint(net_rig_receive(&r, 0, data), ==, HEADER + 17);
	device_rig_reset(&r.dev);
	/* 5.1.6.5.3.1: all, where it was not negotiated. */
	net_rig_start(&r, ~BIT(CTRL_VLAN));
	g_assert_true(comes_tagged(&r, net_rig_mac, 0x8100, 63));
	g_assert_cmpuint(vlan(&r, VIRTIO_NET_CTRL_VLAN_ADD, 1), ==, ERR);
	finish(&r);
}

/* --- offloads --- */

static uint8_t set_offloads(struct net_rig *r, uint64_t offloads)
{
	le64 value = le64_of(offloads);

	return net_rig_command(r, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, &value, sizeof(value));
}

static void give_flags(struct net_rig *r, uint8_t flags)
{
	uint8_t frame[HEADER + 60] = { flags };

	net_rig_frame(frame + HEADER, net_rig_mac, 60, 1);
	memory_net_give(r->mn, 0, frame, sizeof(frame));
	device_rig_settle(&r->dev);
}

static void test_offloads(void)
{
	struct net_rig r;

	start(&r, ~BIT(GUEST_TSO6));
	g_assert_cmpuint(set_offloads(&r, 0), ==, OK);
	g_assert_cmphex(r.mn->offloads, ==, 0);
	net_rig_post(&r, 0, 4, 1526);
	give_flags(&r, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	g_assert_cmpuint(net_rig_receive(&r, 0, data), ==, 0);
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, 1);
	g_assert_cmpuint(set_offloads(&r, BIT(GUEST_CSUM) | BIT(GUEST_TSO4)), ==, OK);
	g_assert_cmphex(r.mn->offloads, ==, IOL_NET_CSUM | IOL_NET_TSO4);
	give_flags(&r, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	g_assert_cmpuint(net_rig_receive(&r, 0, data), ==, HEADER + 60);
	/* Not negotiated; not an offload; one without what it needs; more than a number. */
	g_assert_cmpuint(set_offloads(&r, BIT(GUEST_CSUM) | BIT(GUEST_TSO6)), ==, ERR);
	g_assert_cmpuint(set_offloads(&r, BIT(GUEST_CSUM) | BIT(CTRL_VQ)), ==, ERR);
	g_assert_cmphex(r.mn->offloads, ==, IOL_NET_CSUM | IOL_NET_TSO4);
	g_assert_cmpuint(set_offloads(&r, BIT(GUEST_TSO4)), ==, OK);
	g_assert_cmphex(r.mn->offloads, ==, 0);
	g_assert_cmpuint(net_rig_command(&r, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 1, data, 8), ==, ERR);
	g_assert_cmpuint(net_rig_command(&r, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, data, 4), ==, ERR);
	r.mn->set_error = -EOPNOTSUPP;
	g_assert_cmpuint(set_offloads(&r, BIT(GUEST_CSUM)), ==, ERR);
	device_rig_reset(&r.dev);
	r.mn->set_error = 0;
	net_rig_start(&r, ~BIT(CTRL_GUEST_OFFLOADS));
	g_assert_cmpuint(set_offloads(&r, 0), ==, ERR);
	finish(&r);
}

/* --- the form of commands --- */

static void test_unknown(void)
{
	struct net_rig r;
	uint8_t bytes[16] = { 0 };

	start(&r, UINT64_MAX);
	for (unsigned int class = 6; class < 256; class ++)
		for (uint8_t command = 0; command < 3; command++)
			g_assert_cmpuint(net_rig_command(&r, (uint8_t) class, command, bytes, 2),
					 ==, ERR);
	for (unsigned int class = 0; class < 6; class ++)
		for (unsigned int command = 6; command < 256; command++)
			g_assert_cmpuint(net_rig_command(&r, (uint8_t) class, (uint8_t)command,
							 bytes, 2),
					 ==, ERR);
	net_rig_check_alive(&r);
	finish(&r);
}

/* A command cut into parts anywhere; more room for the answer than it takes: its last byte (5.1.6.5). */
static void test_layouts(void)
{
	struct net_rig r;
	unsigned int queue;

	start(&r, UINT64_MAX);
	queue = net_rig_ctrl(&r);
	for (unsigned int room = 1; room < 6; room++) {
		const struct virtio_driver_part parts[] = {
			{ NET_RIG_CTRL, 1, false },     { NET_RIG_CTRL + 1, 1, false },
			{ NET_RIG_CTRL + 2, 0, false }, { NET_RIG_CTRL + 2, 1, false },
			{ NET_RIG_ACK, room, true },
		};
		struct virtio_driver_used used;

		memcpy(device_rig_ptr(&r.dev, NET_RIG_CTRL), (uint8_t[]){ CLASS_RX, 1, 1 }, 3);
		memset(device_rig_ptr(&r.dev, NET_RIG_ACK), NET_RIG_NO_ACK, 8);
		g_assert_cmpint(device_rig_add(&r.dev, queue, parts, IOL_ARRAY_LEN(parts), false),
				>=, 0);
		device_rig_kick(&r.dev, queue);
		g_assert_cmpint(virtio_driver_take_used(&r.dev.drivers[queue], &used), ==, 1);
		g_assert_cmpuint(used.len, ==, room == 1);
		for (unsigned int i = 0; i < 8; i++)
			g_assert_cmphex(*device_rig_ptr(&r.dev, NET_RIG_ACK + i), ==,
					i == room - 1 ? OK : NET_RIG_NO_ACK);
	}
	finish(&r);
}

/* All entries of the queue at once, more than a turn does. */
static void test_many(void)
{
	const struct net_rig_setup setup = { .queue_size = 128 };
	const struct virtio_driver_part parts[] = {
		{ NET_RIG_CTRL, 3, false },
		{ NET_RIG_ACK, 1, true },
	};
	struct virtio_driver_used used;
	struct net_rig r;
	unsigned int queue;

	net_rig_init(&r, &setup);
	net_rig_start(&r, UINT64_MAX);
	queue = net_rig_ctrl(&r);
	for (unsigned int i = 0; i < 64; i++)
		g_assert_cmpint(device_rig_add(&r.dev, queue, parts, 2, false), >=, 0);
	device_rig_kick(&r.dev, queue);
	for (unsigned int i = 0; i < 64; i++)
		g_assert_cmpint(virtio_driver_take_used(&r.dev.drivers[queue], &used), ==, 1);
	finish(&r);
}

/* --- changes that cost the host --- */

enum {
	COMMANDS = 16,
	AT_ONCE = 8, /* changes that need not wait */
	COMMAND_BYTES = 16,
	PAIRS = VIRTIO_NET_CTRL_MQ,
	OFFLOADS = VIRTIO_NET_CTRL_GUEST_OFFLOADS,
};

static void start_costly(struct net_rig *r, uint64_t change_ns)
{
	const struct net_rig_setup setup = {
		.receive_offloads = NET_RIG_OFFLOADS,
		.pairs = 2,
		.queue_size = 128,
	};

	net_rig_init(r, &setup);
	r->mn->net.limits.change_ns = change_ns;
	net_rig_start(r, UINT64_MAX);
}

/* COMMANDS of @class at once: each a change, or none of them one. */
static void add_commands(struct net_rig *r, uint8_t class, bool changes)
{
	for (unsigned int i = 0; i < COMMANDS; i++) {
		uint64_t gpa = NET_RIG_CTRL + i * COMMAND_BYTES;
		bool change = changes && i % 2 == 0;
		const struct virtio_driver_part parts[] = {
			{ gpa, class == PAIRS ? 4 : 10, false },
			{ NET_RIG_ACK + i, 1, true },
		};

		memset(device_rig_ptr(&r->dev, gpa), 0, COMMAND_BYTES);
		*device_rig_ptr(&r->dev, gpa) = class;
		if (class == PAIRS)
			le16_store(device_rig_ptr(&r->dev, gpa + 2), change ? 2 : 1);
		else
			le64_store(device_rig_ptr(&r->dev, gpa + 2),
				   change ? 0
					  : r->dev.features & (BIT(GUEST_CSUM) | BIT(GUEST_TSO4)));
		*device_rig_ptr(&r->dev, NET_RIG_ACK + i) = NET_RIG_NO_ACK;
		g_assert_cmpint(device_rig_add(&r->dev, net_rig_ctrl(r), parts, 2, false), >=, 0);
	}
	if (virtio_driver_show(&r->dev.drivers[net_rig_ctrl(r)]))
		iol_virtio_notify(r->dev.v, net_rig_ctrl(r));
}

static unsigned int count_answers(struct net_rig *r)
{
	struct virtio_driver_used used;
	unsigned int count = 0;

	while (virtio_driver_take_used(&r->dev.drivers[net_rig_ctrl(r)], &used) == 1)
		count++;
	for (unsigned int i = 0; i < COMMANDS; i++)
		g_assert_cmphex(*device_rig_ptr(&r->dev, NET_RIG_ACK + i), !=, ERR);
	return count;
}

/* A few at once, one a turn; then the queue waits, over a reset, too, and nothing is answered before it was done. */
static void check_changes_wait(uint8_t class)
{
	unsigned int sets, turns = 0;
	struct net_rig r;

	start_costly(&r, 3600 * IOL_NS_PER_S);
	if (class == OFFLOADS) {
		le64 value = le64_of(BIT(GUEST_CSUM) | BIT(GUEST_TSO4));

		g_assert_cmpuint(net_rig_command(&r, class, 0, &value, sizeof(value)), ==, OK);
	}
	for (unsigned int i = 0; i < 10; i++) {
		add_commands(&r, class, false);
		device_rig_settle(&r.dev);
		g_assert_cmpuint(count_answers(&r), ==, COMMANDS);
	}
	add_commands(&r, class, true);
	for (sets = r.mn->sets; turns < 1000; sets = r.mn->sets, turns++) {
		g_assert_cmpint(iol_loop_turn(r.dev.loop, false), ==, 0);
		g_assert_cmpuint(r.mn->sets - sets, <=, 1);
	}
	/* Pairs and offloads were set at the start, and one was taken above. */
	g_assert_cmpuint(count_answers(&r), ==, AT_ONCE - 2 - (class == OFFLOADS));
	net_rig_check_alive(&r);

	g_assert_true(device_rig_reset(&r.dev));
	net_rig_start(&r, UINT64_MAX);
	add_commands(&r, class, true);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(count_answers(&r), ==, 0);
	finish(&r);
}

static void test_pairs_wait(void)
{
	check_changes_wait(PAIRS);
}

static void test_offloads_wait(void)
{
	check_changes_wait(OFFLOADS);
}

/* What waited is answered, and not before its time. */
static void test_changes_go_on(void)
{
	const uint64_t change_ns = 5 * IOL_NS_PER_MS;
	unsigned int answers = 0;
	uint64_t start_ns;
	struct net_rig r;

	start_costly(&r, change_ns);
	start_ns = iol_loop_now_ns();
	add_commands(&r, PAIRS, true);
	while (answers < COMMANDS) {
		g_assert_cmpint(iol_loop_turn(r.dev.loop, true), ==, 0);
		answers += count_answers(&r);
	}
	g_assert_cmpuint(iol_loop_now_ns() - start_ns, >=, (COMMANDS - AT_ONCE) * change_ns);
	g_assert_cmpuint(r.mn->active_pairs, ==, 1);
	finish(&r);
}

/* A frame whose header asks for @flags and @gso_type; whether it comes. */
static bool comes_with(struct net_rig *r, uint8_t flags, uint8_t gso_type)
{
	uint8_t frame[HEADER + 60] = { flags, gso_type };

	net_rig_frame(frame + HEADER, net_rig_mac, 60, 1);
	net_rig_post(r, 0, 1, 1526);
	memory_net_give(r->mn, 0, frame, sizeof(frame));
	device_rig_settle(&r->dev);
	return net_rig_receive(r, 0, data);
}

static void start_anew(struct net_rig *r, uint64_t features)
{
	g_assert_true(device_rig_reset(&r->dev));
	net_rig_start(r, features);
}

/*
 * Starts count like commands, whatever resets come between. A driver that takes less than the host is set to gets none of
 * what it did not ask for, and works meanwhile.
 */
static void test_starts_wait(void)
{
	struct net_rig r;

	start_costly(&r, 3600 * IOL_NS_PER_S);
	g_assert_cmpuint(r.mn->sets, ==, 2);
	/* Nothing to be changed. */
	for (unsigned int i = 0; i < 10; i++)
		start_anew(&r, UINT64_MAX);
	g_assert_cmpuint(r.mn->sets, ==, 2);
	for (unsigned int i = 0; i < 20; i++) {
		start_anew(&r, ~BIT(GUEST_CSUM));
		start_anew(&r, UINT64_MAX);
	}
	g_assert_cmpuint(r.mn->sets, ==, AT_ONCE);
	g_assert_cmphex(r.mn->offloads, ==, NET_RIG_OFFLOADS);
	g_assert_true(comes_with(&r, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_NONE));
	g_assert_true(comes_with(&r, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_UDP_L4));
	/* The backend does not tell the two kinds of it apart. */
	start_anew(&r, ~BIT(GUEST_USO6));
	g_assert_false(comes_with(&r, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_UDP_L4));
	g_assert_true(comes_with(&r, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV4));
	start_anew(&r, ~BIT(GUEST_CSUM));
	g_assert_false(comes_with(&r, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_NONE));
	g_assert_false(comes_with(&r, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV6));
	net_rig_check_alive(&r);
	g_assert_cmpuint(r.mn->sets, ==, AT_ONCE);
	finish(&r);
}

/* What a start could not set is set in time, and before any command is run. */
static void test_starts_go_on(void)
{
	struct net_rig r;

	start_costly(&r, 300 * IOL_NS_PER_MS); /* long: what follows a change is done within */
	for (unsigned int i = 0; i < 2 * AT_ONCE; i++) {
		start_anew(&r, ~BIT(GUEST_CSUM));
		start_anew(&r, UINT64_MAX);
	}
	/* All pairs, by a driver that is gone before it can be changed again. */
	add_commands(&r, PAIRS, true);
	while (r.mn->active_pairs != 2)
		g_assert_cmpint(iol_loop_turn(r.dev.loop, true), ==, 0);
	start_anew(&r, ~BIT(GUEST_CSUM));
	g_assert_cmpuint(r.mn->active_pairs, ==, 2);
	g_assert_cmphex(r.mn->offloads, ==, NET_RIG_OFFLOADS);
	add_commands(&r, PAIRS, false);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(count_answers(&r), ==, 0);
	while (!count_answers(&r))
		g_assert_cmpint(iol_loop_turn(r.dev.loop, true), ==, 0);
	g_assert_cmpuint(r.mn->active_pairs, ==, 1);
	g_assert_cmphex(r.mn->offloads, ==, 0);
	finish(&r);
}

/* A backend that says nothing of costs. */
static void test_changes_free(void)
{
	struct net_rig r;

	start_costly(&r, 0);
	for (unsigned int i = 0; i < 10; i++) {
		add_commands(&r, PAIRS, true);
		device_rig_settle(&r.dev);
		g_assert_cmpuint(count_answers(&r), ==, COMMANDS);
	}
	finish(&r);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/virtio-net-ctrl/modes", test_modes);
	g_test_add_func("/virtio-net-ctrl/modes/declined", test_modes_declined);
	g_test_add_func("/virtio-net-ctrl/table", test_table);
	g_test_add_func("/virtio-net-ctrl/table/full", test_table_full);
	g_test_add_func("/virtio-net-ctrl/table/wrong", test_table_wrong);
	g_test_add_func("/virtio-net-ctrl/address", test_address);
	g_test_add_func("/virtio-net-ctrl/address/unknown", test_address_unknown);
	g_test_add_func("/virtio-net-ctrl/vlans", test_vlans);
	g_test_add_func("/virtio-net-ctrl/offloads", test_offloads);
	g_test_add_func("/virtio-net-ctrl/unknown", test_unknown);
	g_test_add_func("/virtio-net-ctrl/layouts", test_layouts);
	g_test_add_func("/virtio-net-ctrl/many", test_many);
	g_test_add_func("/virtio-net-ctrl/changes/pairs-wait", test_pairs_wait);
	g_test_add_func("/virtio-net-ctrl/changes/offloads-wait", test_offloads_wait);
	g_test_add_func("/virtio-net-ctrl/changes/go-on", test_changes_go_on);
	g_test_add_func("/virtio-net-ctrl/changes/starts-wait", test_starts_wait);
	g_test_add_func("/virtio-net-ctrl/changes/starts-go-on", test_starts_go_on);
	g_test_add_func("/virtio-net-ctrl/changes/free", test_changes_free);
	return g_test_run();
}
