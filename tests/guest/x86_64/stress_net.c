// SPDX-License-Identifier: Apache-2.0
/*
 * The network card of stress.h. Each processor sends pings of any length by its own pair, from an address of its own, and looks at
 * all that comes: the host's kernel answers, and every answer is what its question was. How many pairs are in use changes with
 * each start. Frames may be lost, where the device is reset or its link is down.
 */
#include "net_frames.h"
#include "stress.h"

#include <linux/virtio_ids.h>

enum {
	RING = 32,
	BUFFER = 2048,
	SENDING = 8, /* frames in flight of a pair */
	FIRST_STATION = 16,
	ICMP = NET_ETHERNET + NET_IP,
	ICMP_HEAD = 8,
	LENGTH_MAX = 1500 - 64,
	PROTOCOL_ICMP = 1,
	ACK_PENDING = 0xfd,
	OFTEN_ALL = 4, /* all pairs are in use that many times, of one time each with fewer */
};

static struct processor {
	struct use use;
	struct vio_queue rx, tx;
	uint8_t *rx_data[SETS], *tx_data[SETS]; /* BUFFER for each descriptor */
	uint64_t since[RING]; /* by descriptor of tx; 0: not in flight */
	unsigned int sending;
	uint32_t retired[SETS]; /* at the end of which epoch */
	uint16_t retired_rx[SETS], number;
	volatile uint64_t sent, pongs;
} processors[CPUS];

static struct {
	struct virtio_net_ctrl_hdr head;
	uint16_t value;
	volatile uint8_t ack;
} * command;
static volatile unsigned int pairs; /* in use since the last start */

static void start_pairs(struct vio_queue *rings, uint64_t *seed);

struct device net_device = {
	.name = "no network card",
	.features = VIO_BIT(VIRTIO_F_VERSION_1) | VIO_BIT(VIRTIO_NET_F_MQ) |
		    VIO_BIT(VIRTIO_NET_F_CTRL_VQ) | VIO_BIT(VIRTIO_NET_F_MRG_RXBUF),
	.maybe = VIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | VIO_BIT(VIRTIO_RING_F_EVENT_IDX) |
		 VIO_BIT(VIRTIO_NET_F_STATUS),
	.queues = 2 * CPUS + 1,
	.size = RING,
	.vector = VECTOR_NET,
	.period_ms = 300,
	.started = start_pairs,
};

void net_make(void)
{
	device_open(&net_device, 1, VIRTIO_ID_NET);
	command = vio_alloc(sizeof(*command), 16);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		for (unsigned int set = 0; set < SETS; set++) {
			processors[cpu].rx_data[set] = vio_alloc(RING * BUFFER, 4096);
			processors[cpu].tx_data[set] = vio_alloc(RING * BUFFER, 4096);
		}
}

/* virtio-v1.2 5.1.6.5.6.1: before that, one pair is in use. */
static void start_pairs(struct vio_queue *rings, uint64_t *seed)
{
	struct vio_queue *q = &rings[2 * CPUS];
	const struct vio_part parts[] = {
		{ (uint64_t)&command->head, sizeof(command->head), false },
		{ (uint64_t)&command->value, sizeof(command->value), false },
		{ (uint64_t)&command->ack, 1, true },
	};
	uint64_t since = user_ticks(), random = random_next(seed);

	pairs = random % (CPUS + OFTEN_ALL - 1) + 1;
	pairs = pairs > CPUS ? CPUS : pairs;
	command->head =
		(struct virtio_net_ctrl_hdr){ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET };
	command->value = (uint16_t)pairs;
	command->ack = ACK_PENDING;
	vio_submit(q, vio_chain(q, parts, 3));
	vio_kick(q);
	while (vio_used(q, NULL) == UINT16_MAX)
		if (stress_late(since))
			stress_fail(0, "STALL: a command of the control queue", command->ack);
	if (command->ack != VIRTIO_NET_OK)
		stress_fail(0, "a number of pairs is refused", pairs);
}

/* --- frames --- */

static uint8_t payload(unsigned int cpu, unsigned int number, unsigned int i)
{
	return (uint8_t)(number * 7 + (number >> 8) + cpu * 61 + i);
}

static void make_ping(uint8_t *frame, unsigned int cpu, unsigned int number, unsigned int length)
{
	uint8_t *icmp = frame + ICMP;
	unsigned int bytes = ICMP_HEAD + length;

	net_make_ip(frame, NET_HOST, (enum net_station)(FIRST_STATION + cpu), PROTOCOL_ICMP,
		    NET_IP + bytes);
	frame[11] = NET_GUEST; /* all stations are at one card */
	net_put16(icmp, 8 << 8);
	net_put16(icmp + 2, 0);
	net_put16(icmp + 4, cpu);
	net_put16(icmp + 6, number);
	for (unsigned int i = 0; i < length; i++)
		icmp[ICMP_HEAD + i] = payload(cpu, number, i);
	icmp[bytes] = 0; /* which ends the sum of an odd number */
	net_put16(icmp + 2, ~net_sum(icmp, bytes + bytes % 2, 0));
}

/* Others of the host's, such as its questions for neighbours, are none of ours. */
static void look_at_frame(unsigned int cpu, const uint8_t *frame, unsigned int bytes)
{
	const uint8_t *ip = frame + NET_ETHERNET, *icmp = frame + ICMP;
	unsigned int length, from, number;

	if (bytes < ICMP + ICMP_HEAD || net_get16(frame + 12) != NET_TYPE_IP ||
	    ip[9] != PROTOCOL_ICMP || icmp[0])
		return;
	length = net_get16(ip + 2) - NET_IP - ICMP_HEAD;
	from = net_get16(icmp + 4);
	number = net_get16(icmp + 6);
	if (length != bytes - ICMP - ICMP_HEAD || from >= CPUS ||
	    net_get32(ip + 16) != (NET_ADDRESS | (FIRST_STATION + from)))
		stress_fail(cpu, "an answer is not to what was asked, bytes", bytes);
	for (unsigned int i = 0; i < length; i++)
		if (icmp[ICMP_HEAD + i] != payload(from, number, i))
			stress_fail(cpu, "an answer has other data than its question at", i);
	processors[cpu].pongs++;
}

/* --- rings --- */

static uint8_t *data_of(const struct processor *p, uint8_t *const data[SETS], unsigned int head)
{
	return data[p->use.epoch % SETS] + head * BUFFER;
}

static void give_buffer(struct processor *p)
{
	const struct vio_part part = { (uint64_t)data_of(p, p->rx_data, p->rx.free_head), BUFFER,
				       true };

	vio_submit(&p->rx, vio_chain(&p->rx, &part, 1));
}

static void receive(unsigned int cpu)
{
	struct processor *p = &processors[cpu];
	uint32_t len;
	uint16_t head;

	while ((head = vio_used(&p->rx, &len)) != UINT16_MAX) {
		const uint8_t *data;

		if (head >= RING || len < NET_HEADER || len > BUFFER)
			stress_fail(cpu, "a frame came with length", len);
		data = data_of(p, p->rx_data, head);
		if (((const struct virtio_net_hdr_mrg_rxbuf *)data)->num_buffers != 1)
			stress_fail(cpu, "a short frame is in more than a buffer", len);
		look_at_frame(cpu, data + NET_HEADER, len - NET_HEADER);
		give_buffer(p);
	}
}

static void end_sending(unsigned int cpu)
{
	struct processor *p = &processors[cpu];
	uint16_t head;

	while ((head = vio_used(&p->tx, NULL)) != UINT16_MAX) {
		if (head >= RING || !p->since[head])
			stress_fail(cpu, "the card gives back what it was not given", head);
		p->since[head] = 0;
		p->sending--;
		p->sent++;
	}
}

static void send_ping(unsigned int cpu, unsigned int length)
{
	struct processor *p = &processors[cpu];
	unsigned int head = p->tx.free_head;
	uint8_t *data = data_of(p, p->tx_data, head);
	const struct vio_part part = { (uint64_t)data, NET_HEADER + ICMP + ICMP_HEAD + length,
				       false };

	__builtin_memset(data, 0, NET_HEADER);
	make_ping(data + NET_HEADER, cpu, p->number++, length);
	p->since[head] = user_ticks();
	p->sending++;
	vio_submit(&p->tx, vio_chain(&p->tx, &part, 1));
}

/* --- resets --- */

static void take_queues(unsigned int cpu)
{
	struct processor *p = &processors[cpu];
	struct vio_queue *rings = device_rings(&net_device, p->use.epoch);

	p->rx = rings[2 * cpu];
	p->tx = rings[2 * cpu + 1];
	while (p->rx.free_count)
		give_buffer(p);
	vio_kick(&p->rx);
}

static void retire(unsigned int cpu)
{
	struct processor *p = &processors[cpu];
	unsigned int set = p->use.epoch % SETS, old = (set + 1) % SETS;

	receive(cpu);
	end_sending(cpu);
	for (unsigned int i = 0; i < RING; i++)
		p->since[i] = 0;
	p->sending = 0;
	/* Otherwise the set was used since, without this processor. */
	if (p->retired[old] && p->retired[old] + 1 == p->use.epoch) {
		const struct vio_queue *q = &device_rings(&net_device, p->use.epoch + 1)[2 * cpu];

		if (*(volatile uint16_t *)&q->used->idx != p->retired_rx[old])
			stress_fail(cpu, "the card goes on with a ring after its reset", old);
		if (!all_poison(p->rx_data[old], RING * BUFFER))
			stress_fail(cpu, "the card writes to a buffer after its reset", old);
	}
	__builtin_memset(p->rx_data[set], POISON, RING * BUFFER);
	p->retired_rx[set] = p->rx.used_idx;
	p->retired[set] = p->use.epoch;
}

static void look_for_stall(unsigned int cpu)
{
	const struct processor *p = &processors[cpu];

	for (unsigned int i = 0; i < RING; i++)
		if (p->since[i] && stress_late(p->since[i]))
			stress_fail(cpu, "STALL: a frame is not sent, descriptor", i);
}

bool net_work(unsigned int cpu, uint64_t *seed)
{
	struct processor *p = &processors[cpu];
	unsigned int sending = p->sending;
	uint64_t sent = p->sent, pongs = p->pongs, random = random_next(seed);

	switch (device_look(&net_device, &p->use)) {
	case LOOK_WAIT:
		return false;
	case LOOK_LEAVE:
		retire(cpu);
		device_leave(&net_device, &p->use);
		return true;
	case LOOK_NEW:
		take_queues(cpu);
		break;
	case LOOK_USE:
		break;
	}
	receive(cpu);
	end_sending(cpu);
	vio_kick(&p->rx);
	if (device_settles(&net_device)) {
		if (!p->sending)
			device_settled(&net_device, &p->use);
		look_for_stall(cpu);
		return false;
	}
	/* Of pairs that are not in use the device takes nothing. */
	if (cpu < pairs)
		for (unsigned int n = random & 3; n && p->sending < SENDING; n--)
			send_ping(cpu, random_next(seed) % LENGTH_MAX);
	if (random >> 16 & 63)
		vio_kick(&p->tx);
	else
		vio_kick_always(&p->tx);
	vio_want_interrupts(&p->rx, random >> 24 & 1);
	vio_want_interrupts(&p->tx, random >> 25 & 1);
	if (!(random >> 32 & 255))
		look_for_stall(cpu);
	return p->sent != sent || p->pongs != pongs || p->sending != sending;
}

uint64_t net_sent(unsigned int cpu)
{
	return processors[cpu].sent;
}

uint64_t net_pongs(unsigned int cpu)
{
	return processors[cpu].pongs;
}
