// SPDX-License-Identifier: Apache-2.0
/* Violations in commands of a network card. See ../hostile_net_list.h. */
#include "hostile_net.h"

enum {
	NEXT = VRING_DESC_F_NEXT,
	WRITE = VRING_DESC_F_WRITE,
	RX = VIRTIO_NET_CTRL_RX,
	TABLE = VIRTIO_NET_CTRL_MAC_TABLE_SET,
	ADDRESS = VIRTIO_NET_CTRL_MAC_ADDR_SET,
	VLAN = VIRTIO_NET_CTRL_VLAN,
	STORM = 500,
};

static struct vio_queue *ctrl(void)
{
	return &n.card.ctrl;
}

void put_command(uint8_t class, uint8_t command, uint32_t len)
{
	n.command[0] = class;
	n.command[1] = command;
	*n.ack = ACK_PENDING;
	put_in(ctrl(), 0, (uint64_t)n.command, 2, NEXT, len ? 1 : 2);
	put_in(ctrl(), 1, (uint64_t)n.odd, len, NEXT, 2);
	put_in(ctrl(), 2, (uint64_t)n.ack, 1, WRITE, 0);
}

static enum verdict judge_ack(uint8_t ack)
{
	return ack == VIRTIO_NET_OK ? PASS : ack == VIRTIO_NET_ERR ? REJECT : FAIL;
}

/* What the device says to the commands that are available, all of them with one answer. */
static enum verdict answers(void)
{
	uint64_t end = hostile_deadline(ANSWER_MS);

	do {
		ctrl()->used_idx = *(volatile uint16_t *)&ctrl()->used->idx;
		if (ctrl()->used_idx == ctrl()->avail_idx)
			return judge_ack(*n.ack);
		if (vio_needs_reset(h.v))
			return REJECT;
	} while (rdtsc() < end);
	return FAIL;
}

enum verdict answered(uint16_t head)
{
	submit_to(ctrl(), head);
	return answers();
}

/* A command with @len bytes of n.odd as data; unless all is well afterwards, FAIL. */
static enum verdict command(uint8_t class, uint8_t command, uint32_t len)
{
	enum verdict verdict;

	put_command(class, command, len);
	verdict = answered(0);
	if (vio_needs_reset(h.v))
		return verdict;
	return still_works() == PASS ? verdict : FAIL;
}

static void set_data(const uint8_t *bytes, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		n.odd[i] = bytes[i];
}

#define DATA(...) \
	set_data((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* command() on a card without @features; up to 8 bytes of data. */
static enum verdict without(uint64_t features, uint8_t class, uint8_t number, uint32_t len)
{
	uint64_t data = *(uint64_t *)n.odd;

	if (!start_victim(h.features & ~features))
		return FAIL;
	*(uint64_t *)n.odd = data;
	return command(class, number, len);
}

/* --- chains --- */

enum verdict v_ctrl_no_ack(void)
{
	DATA(1);
	put_command(RX, VIRTIO_NET_CTRL_RX_PROMISC, 1);
	ctrl()->desc[1].flags = 0;
	return answered(0);
}

enum verdict v_ctrl_ack_empty(void)
{
	DATA(1);
	put_command(RX, VIRTIO_NET_CTRL_RX_PROMISC, 1);
	ctrl()->desc[2].len = 0;
	return answered(0);
}

enum verdict v_ctrl_ack_readable(void)
{
	DATA(1);
	put_command(RX, VIRTIO_NET_CTRL_RX_PROMISC, 1);
	ctrl()->desc[2].flags = 0;
	return answered(0);
}

enum verdict v_ctrl_ack_alone(void)
{
	put_command(RX, VIRTIO_NET_CTRL_RX_PROMISC, 0);
	return answered(2) == REJECT ? still_works() == PASS ? REJECT : FAIL : FAIL;
}

enum verdict v_ctrl_ack_long(void)
{
	uint8_t *answer = n.odd + 4096;

	DATA(1);
	put_command(RX, VIRTIO_NET_CTRL_RX_PROMISC, 1);
	answer[0] = ACK_PENDING;
	answer[63] = ACK_PENDING;
	put_in(ctrl(), 2, (uint64_t)answer, 64, WRITE, 0);
	*n.ack = VIRTIO_NET_OK; /* answered() looks there */
	if (answered(0) != PASS)
		return FAIL;
	return answer[0] == VIRTIO_NET_OK || answer[63] == VIRTIO_NET_OK ? PASS : REJECT;
}

enum verdict v_ctrl_ack_in_parts(void)
{
	DATA(1);
	put_command(RX, VIRTIO_NET_CTRL_RX_PROMISC, 1);
	put_in(ctrl(), 2, (uint64_t)n.ack, 1, WRITE | NEXT, 3);
	put_in(ctrl(), 3, (uint64_t)n.ack, 1, WRITE, 0);
	return answered(0);
}

enum verdict v_ctrl_ack_outside_ram(void)
{
	put_command(RX, VIRTIO_NET_CTRL_RX_PROMISC, 1);
	ctrl()->desc[2].addr = NOWHERE;
	return answered(0);
}

enum verdict v_ctrl_ack_over_command(void)
{
	DATA(1);
	put_command(RX, VIRTIO_NET_CTRL_RX_PROMISC, 1);
	n.command[0] = RX;
	ctrl()->desc[2].addr = (uint64_t)n.command;
	*n.ack = VIRTIO_NET_OK; /* answered() looks there */
	return answered(0) == PASS ? judge_ack(n.command[0]) : FAIL;
}

enum verdict v_ctrl_ack_over_used(void)
{
	put_command(RX, VIRTIO_NET_CTRL_RX_PROMISC, 1);
	ctrl()->desc[2].addr = (uint64_t)&ctrl()->used->idx;
	submit_to(ctrl(), 0);
	hostile_pause(SILENCE_MS);
	return still_works();
}

enum verdict v_ctrl_readable_behind(void)
{
	DATA(1);
	put_command(RX, VIRTIO_NET_CTRL_RX_PROMISC, 0);
	ctrl()->desc[2].flags = WRITE | NEXT;
	ctrl()->desc[2].next = 1;
	ctrl()->desc[1].len = 1;
	ctrl()->desc[1].flags = 0;
	return answered(0);
}

enum verdict v_ctrl_nothing(void)
{
	put_command(RX, 0, 0);
	put_in(ctrl(), 0, (uint64_t)n.command, 0, 0, 0);
	return answered(0);
}

enum verdict v_ctrl_header_short(void)
{
	put_command(RX, VIRTIO_NET_CTRL_RX_PROMISC, 0);
	ctrl()->desc[0].len = 1;
	return answered(0);
}

enum verdict v_ctrl_in_bytes(void)
{
	DATA(1, 0);
	put_command(VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 0);
	for (uint16_t i = 0; i < 4; i++)
		put_in(ctrl(), (uint16_t)(i + 10),
		       (uint64_t)(i < 2 ? n.command + i : n.odd + i - 2), 1, NEXT,
		       i == 3 ? 2 : (uint16_t)(i + 11));
	return answered(10);
}

enum verdict v_ctrl_loop(void)
{
	put_command(RX, VIRTIO_NET_CTRL_RX_PROMISC, 1);
	ctrl()->desc[1].next = 1;
	return answered(0);
}

enum verdict v_ctrl_head_beyond(void)
{
	return answered(Q_SIZE);
}

enum verdict v_ctrl_ring_jump(void)
{
	put_command(RX, VIRTIO_NET_CTRL_RX_PROMISC, 1);
	ctrl()->avail_idx += Q_SIZE;
	return answered(0);
}

static enum verdict data_at(uint64_t gpa, uint32_t len)
{
	put_command(VIRTIO_NET_CTRL_MAC, TABLE, 1);
	ctrl()->desc[1].addr = gpa;
	ctrl()->desc[1].len = len;
	return answered(0);
}

enum verdict v_ctrl_data_in_registers(void)
{
	return data_at(h.v->common & ~UINT64_C(0xfff), 64);
}

enum verdict v_ctrl_data_in_hole(void)
{
	return data_at(NOWHERE, 64);
}

enum verdict v_ctrl_data_20000(void)
{
	return data_at((uint64_t)n.odd, 20000);
}

enum verdict v_ctrl_data_64mib(void)
{
	return data_at(0x100000, 64 << 20);
}

enum verdict v_ctrl_data_4gib(void)
{
	return data_at((uint64_t)n.odd, UINT32_MAX);
}

/* --- commands --- */

enum verdict v_ctrl_class_unknown(void)
{
	return command(255, 0, 1);
}

/* A class that there is, with every number that is no command of it. */
static enum verdict no_such_command(uint8_t class, unsigned int first)
{
	for (unsigned int i = first; i < 256; i++) {
		put_command(class, (uint8_t)i, 2);
		if (answered(0) != REJECT || vio_needs_reset(h.v))
			return FAIL;
	}
	return still_works() == PASS ? REJECT : FAIL;
}

enum verdict v_ctrl_rx_unknown(void)
{
	return no_such_command(RX, VIRTIO_NET_CTRL_RX_NOBCAST + 1);
}

enum verdict v_ctrl_mac_unknown(void)
{
	return no_such_command(VIRTIO_NET_CTRL_MAC, ADDRESS + 1);
}

enum verdict v_ctrl_vlan_unknown(void)
{
	return no_such_command(VLAN, VIRTIO_NET_CTRL_VLAN_DEL + 1);
}

enum verdict v_ctrl_announce_unknown(void)
{
	return no_such_command(VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK + 1);
}

enum verdict v_ctrl_mq_unknown(void)
{
	return no_such_command(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_HASH_CONFIG + 1);
}

enum verdict v_ctrl_rx_no_data(void)
{
	return command(RX, VIRTIO_NET_CTRL_RX_PROMISC, 0);
}

enum verdict v_ctrl_rx_long(void)
{
	DATA(1, 1);
	return command(RX, VIRTIO_NET_CTRL_RX_PROMISC, 2);
}

enum verdict v_ctrl_rx_value(void)
{
	DATA(0xff);
	return command(RX, VIRTIO_NET_CTRL_RX_PROMISC, 1);
}

enum verdict v_ctrl_rx_not_agreed(void)
{
	DATA(1);
	return without(BIT(CTRL_RX) | BIT(CTRL_RX_EXTRA), RX, VIRTIO_NET_CTRL_RX_PROMISC, 1);
}

enum verdict v_ctrl_rx_extra_not_agreed(void)
{
	DATA(1);
	return without(BIT(CTRL_RX_EXTRA), RX, VIRTIO_NET_CTRL_RX_NOBCAST, 1);
}

/* Two tables of so many addresses as they say, and @len bytes of them. */
static enum verdict tables(uint32_t unicast, uint32_t multicast_at, uint32_t multicast,
			   uint32_t len)
{
	*(uint32_t *)n.odd = unicast;
	*(uint32_t *)(n.odd + multicast_at) = multicast;
	return command(VIRTIO_NET_CTRL_MAC, TABLE, len);
}

enum verdict v_ctrl_table_huge(void)
{
	return tables(UINT32_MAX, 4, 0, 8);
}

enum verdict v_ctrl_table_huge_multicast(void)
{
	return tables(0, 4, UINT32_MAX, 8);
}

enum verdict v_ctrl_table_wraps(void)
{
	return tables(0x2aaaaaab, 6, 0, 10); /* 6 bytes each: 2^32 + 2 */
}

enum verdict v_ctrl_table_short(void)
{
	return tables(2, 10, 0, 14);
}

enum verdict v_ctrl_table_one(void)
{
	return tables(0, 4, 0, 4);
}

enum verdict v_ctrl_table_behind(void)
{
	return tables(0, 4, 0, 9);
}

enum verdict v_ctrl_table_no_data(void)
{
	return command(VIRTIO_NET_CTRL_MAC, TABLE, 0);
}

enum verdict v_ctrl_table_full(void)
{
	return tables(2000, 4 + 2000 * MAC, 700, 8 + 2700 * MAC);
}

enum verdict v_ctrl_mac_multicast(void)
{
	DATA(0x01, 0, 0x5e, 0, 0, 1);
	return command(VIRTIO_NET_CTRL_MAC, ADDRESS, MAC);
}

enum verdict v_ctrl_mac_short(void)
{
	DATA(2, 0, 0, 0, 0);
	return command(VIRTIO_NET_CTRL_MAC, ADDRESS, MAC - 1);
}

enum verdict v_ctrl_mac_long(void)
{
	DATA(2, 0, 0, 0, 0, 1, 1);
	return command(VIRTIO_NET_CTRL_MAC, ADDRESS, MAC + 1);
}

enum verdict v_ctrl_mac_not_agreed(void)
{
	DATA(2, 0, 0, 0, 0, 1);
	return without(BIT(CTRL_MAC_ADDR) | BIT(CTRL_RX) | BIT(CTRL_RX_EXTRA), VIRTIO_NET_CTRL_MAC,
		       ADDRESS, MAC);
}

/* Another address, and back at the next reset. */
enum verdict v_ctrl_mac_reset(void)
{
	uint8_t before = read8(h.v->config + MAC - 1);

	DATA(2, 0, 0, 0, 0, (uint8_t)~before);
	put_command(VIRTIO_NET_CTRL_MAC, ADDRESS, MAC);
	if (answered(0) != PASS || read8(h.v->config + MAC - 1) == before)
		return FAIL;
	if (!start_victim(h.features) || read8(h.v->config + MAC - 1) != before)
		return FAIL;
	return still_works();
}

enum verdict v_ctrl_vlan_65535(void)
{
	DATA(0xff, 0xff);
	return command(VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 2);
}

enum verdict v_ctrl_vlan_4096(void)
{
	DATA(0x00, 0x10);
	return command(VLAN, VIRTIO_NET_CTRL_VLAN_DEL, 2);
}

enum verdict v_ctrl_vlan_short(void)
{
	DATA(1);
	return command(VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 1);
}

enum verdict v_ctrl_vlan_long(void)
{
	DATA(1, 0, 0, 0);
	return command(VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 4);
}

enum verdict v_ctrl_vlan_absent(void)
{
	DATA(7, 0);
	return command(VLAN, VIRTIO_NET_CTRL_VLAN_DEL, 2);
}

enum verdict v_ctrl_vlan_not_agreed(void)
{
	DATA(1, 0);
	return without(BIT(CTRL_VLAN), VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 2);
}

enum verdict v_ctrl_announce_unasked(void)
{
	return command(VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, 0);
}

enum verdict v_ctrl_announce_data(void)
{
	return command(VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, 1);
}

static enum verdict offloads(uint64_t bits, uint32_t len)
{
	*(uint64_t *)n.odd = bits;
	return command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, len);
}

enum verdict v_ctrl_offloads_unknown(void)
{
	return offloads(UINT64_MAX, 8);
}

enum verdict v_ctrl_offloads_short(void)
{
	return offloads(0, 7);
}

enum verdict v_ctrl_junk(void)
{
	uint64_t seed = 37;

	for (unsigned int i = 0; i < STORM; i++) {
		uint32_t len = (uint32_t)(random_next(&seed) >> 60);

		for (unsigned int k = 0; k < len; k++)
			n.odd[k] = (uint8_t)(random_next(&seed) >> 40);
		put_command((uint8_t)(random_next(&seed) >> 61),
			    (uint8_t)(random_next(&seed) >> 61), len);
		if (answered(0) == FAIL)
			return FAIL;
		if (vio_needs_reset(h.v))
			return REJECT;
	}
	return PASS; /* nothing may be let in any more */
}

enum verdict v_ctrl_changes(void)
{
	uint64_t end = hostile_deadline(JUNK_MS), seed = 41;

	put_command(VIRTIO_NET_CTRL_MAC, TABLE, 1000);
	while (rdtsc() < end) {
		uint64_t random = random_next(&seed);

		*(uint32_t *)n.odd = (uint32_t)(random >> 32) & (random & 1 ? 0xff : UINT32_MAX);
		*(uint32_t *)(n.odd + 4) = 0;
		n.command[1] = random >> 8 & 3;
		if (*(volatile uint16_t *)&ctrl()->used->idx == ctrl()->avail_idx)
			submit_to(ctrl(), 0);
	}
	return answered(0);
}

enum verdict v_ctrl_storm(void)
{
	DATA(1, 0);
	put_command(VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 2);
	for (uint16_t i = 3; i < Q_SIZE; i++)
		ctrl()->desc[i] = ctrl()->desc[i == Q_SIZE - 1 ? 2 : i % 3];
	for (uint16_t i = 0; i < Q_SIZE - 1; i++)
		ctrl()->desc[i].next = (uint16_t)(i + 1);
	load();
	for (unsigned int round = 0; round < STORM / LOAD; round++) {
		for (uint16_t i = 0; i < LOAD; i++) {
			vio_submit(ctrl(), (uint16_t)(3 * i));
			vio_kick_always(ctrl());
		}
		if (answers() != PASS)
			return FAIL;
	}
	return load_ends() == PASS ? still_works() : FAIL;
}

/* --- queue pairs --- */

static enum verdict pairs(uint16_t count)
{
	*(uint16_t *)n.odd = count;
	return command(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 2);
}

/*
 * With MQ, if there is such a thing: then the control queue is behind all pairs. Two pairs are set up, the
 * second without buffers, unless @alone. The number of pairs, or 0.
 */
static unsigned int start_pairs(bool alone)
{
	const struct virtio_net_config *config = (const void *)h.v->config;
	struct vio_queue second;
	unsigned int count;

	if (!(vio_offered(h.v) & BIT(MQ)))
		return 0;
	count = read16((uint64_t)&config->max_virtqueue_pairs);
	/* This enables queue 2, too: it receives now. */
	if (!set_up(h.features | BIT(MQ)))
		return 0;
	vio_queue_make(h.v, ctrl(), (uint16_t)(2 * count), Q_SIZE);
	vio_queue_enable(h.v, ctrl());
	vio_queue_enable(h.v, h.q);
	vio_queue_make(h.v, &second, 3, Q_SIZE);
	if (!alone)
		vio_queue_enable(h.v, &second);
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
	return count;
}

enum verdict v_mq_not_agreed(void)
{
	return pairs(1);
}

enum verdict v_mq_zero(void)
{
	start_pairs(false);
	return pairs(0);
}

enum verdict v_mq_65535(void)
{
	start_pairs(false);
	return pairs(65535);
}

enum verdict v_mq_beyond(void)
{
	return pairs((uint16_t)(start_pairs(false) + 1));
}

enum verdict v_mq_not_set_up(void)
{
	start_pairs(true);
	return pairs(2);
}

enum verdict v_mq_under_load(void)
{
	if (start_pairs(false) < 2)
		return pairs(2);
	ask(300, 1000, 0);
	for (uint16_t i = 0; i < 200; i++) {
		*(uint16_t *)n.odd = 1 + (i & 1);
		put_command(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 2);
		if (answered(0) != PASS)
			return FAIL;
		take_frames(&n.card);
	}
	return pairs(1);
}
