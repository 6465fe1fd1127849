// SPDX-License-Identifier: Apache-2.0
/*
 * The load of network benchmarks, for any VMM with a modern virtio network card (virtio-v1.2 5.1). The
 * command line says where the card is (see vio_open_kind()), for how long: ticks=N of the TSC, and what is
 * done:
 *
 *   op=flood           short frames, as many as the ring takes
 *   op=tso             TCP packets of 64 KiB that the host's side is to cut into segments
 *   op=echo            a ping of the host, whose answer is waited for, then the next one
 *   op=sink, sink_tso  short frames, or such TCP packets, come from the peer (tests/bench/net_peer.c),
 *                      and are counted
 *
 * One line comes of it: "bench requests=N ticks=N p50=N p99=N all=N". Requests are frames, quantiles are
 * those of the time of a ping in ticks; all is what was sent, the warm-up included.
 */
#include <linux/virtio_ids.h>

#include "load_times.h"
#include "net_frames.h"
#include "vio.h"

enum { RX, TX, QUEUES };
enum {
	SIZE = 256,
	WARM_UP = 512,
	RX_BYTES = 4096,
	RX_KICK =
		64, /* buffers are given back one by one, and the device hears of so many at a time */
	PIECE = 32768, /* of a large packet, as stacks allocate them */
	PAYLOADS = 16,
};
#define FEATURES                                                              \
	(VIO_BIT(VIRTIO_F_VERSION_1) | VIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | \
	 VIO_BIT(VIRTIO_RING_F_EVENT_IDX) | VIO_BIT(VIRTIO_NET_F_MRG_RXBUF))
#define SEND_LARGE (VIO_BIT(VIRTIO_NET_F_CSUM) | VIO_BIT(VIRTIO_NET_F_HOST_TSO4))
#define RECEIVE_LARGE (VIO_BIT(VIRTIO_NET_F_GUEST_CSUM) | VIO_BIT(VIRTIO_NET_F_GUEST_TSO4))

/* What one descriptor of the transmit queue sends. */
struct slot {
	struct virtio_net_hdr_mrg_rxbuf header;
	uint8_t frame[NET_SMALL]; /* a short frame, or the headers of a large one */
	struct vring_desc table[3];
} __attribute__((aligned(256)));

static struct vio v;
static struct vio_queue queues[QUEUES];
static struct slot *slots;
static uint8_t *rx_data, *payload;
static uint64_t requests, ticks, all;
static bool large;

static _Noreturn void fail(const char *what)
{
	say("FAIL ");
	say(what);
	say("\n");
	power_off();
}

/* The next used chain of a queue; the device has VIO_WAIT_MS for it. */
static uint16_t await_used(struct vio_queue *q, uint32_t *len)
{
	uint64_t end = rdtsc() + VIO_WAIT_MS * user_ticks_per_ms;
	uint16_t head;

	while ((head = vio_used(q, len)) == UINT16_MAX)
		if (rdtsc() > end)
			fail(q->index == RX ? "no frame comes" : "no frame goes");
	return head;
}

/* --- sending --- */

/* The slot that the next chain has; NULL: all are in flight. */
static struct slot *next_slot(void)
{
	return queues[TX].free_count ? &slots[queues[TX].free_head] : NULL;
}

static void send_small(struct slot *slot)
{
	const struct vio_part part = { (uint64_t)&slot->header, NET_HEADER + NET_SMALL, false };

	vio_submit(&queues[TX], vio_chain(&queues[TX], &part, 1));
	all++;
}

static void send_large(struct slot *slot)
{
	uint64_t data = (uint64_t)payload + (all % PAYLOADS) * 2 * PIECE;
	const struct vio_part parts[] = {
		{ (uint64_t)&slot->header, NET_HEADER + NET_TCP_HEADERS, false },
		{ data, PIECE, false },
		{ data + PIECE, NET_LARGE - NET_TCP_HEADERS - PIECE, false },
	};

	vio_submit(&queues[TX], vio_chain_indirect(&queues[TX], slot->table, parts, 3));
	all++;
}

/* Keeps the ring full until @end and at least @count times. */
static void flood(uint64_t end, uint64_t count)
{
	uint64_t before = requests;
	unsigned int in_flight = 0;

	for (;;) {
		bool more = requests - before + in_flight < count || rdtsc() < end;
		struct slot *slot;

		for (; more && (slot = next_slot()); in_flight++) {
			if (large)
				send_large(slot);
			else
				send_small(slot);
		}
		if (!in_flight)
			return;
		vio_kick(&queues[TX]);
		await_used(&queues[TX], NULL);
		do {
			requests++;
			in_flight--;
		} while (vio_used(&queues[TX], NULL) != UINT16_MAX);
	}
}

/* --- receiving --- */

/* The buffer that the device gave back last, or at the start a new one, is the device's. */
static void give_buffer(void)
{
	struct vio_queue *q = &queues[RX];
	const struct vio_part part = { (uint64_t)rx_data + q->free_head * RX_BYTES, RX_BYTES,
				       true };

	vio_submit(q, vio_chain(q, &part, 1));
}

static void send_credit(void)
{
	struct slot *slot = next_slot();

	if (!slot)
		fail("the card is stuck");
	send_small(slot);
	vio_kick(&queues[TX]);
}

/* Takes what the peer sends, and lets it send more, until @end and at least @count frames. */
static void sink(uint64_t end, uint64_t count)
{
	static unsigned int pieces, uncredited, ungiven;
	unsigned int credit = (large ? NET_WINDOW_LARGE : NET_WINDOW_SMALL) / NET_CREDITS;
	uint64_t before = requests;

	while (requests - before < count || rdtsc() < end) {
		const uint8_t *data;
		uint16_t head = vio_used(&queues[RX], NULL);

		if (head == UINT16_MAX || ungiven == RX_KICK) {
			vio_kick(&queues[RX]);
			ungiven = 0;
		}
		if (head == UINT16_MAX)
			head = await_used(&queues[RX], NULL);
		data = rx_data + head * RX_BYTES;
		if (!pieces) {
			pieces = ((const struct virtio_net_hdr_mrg_rxbuf *)data)->num_buffers;
			if (!pieces)
				fail("a frame without a buffer");
			if (net_is_load(data + NET_HEADER)) {
				requests++;
				uncredited++;
			}
		}
		pieces--;
		give_buffer();
		ungiven++;
		if (uncredited == credit) {
			send_credit();
			uncredited = 0;
		}
		vio_used(&queues[TX], NULL);
	}
}

/* --- both --- */

static void ping(void)
{
	uint64_t start = rdtsc(), end = start + VIO_WAIT_MS * user_ticks_per_ms;
	struct slot *slot = next_slot();
	bool answered;

	if (!slot)
		fail("the card is stuck");
	net_make_ping(slot->frame, (uint16_t)requests);
	send_small(slot);
	vio_kick(&queues[TX]);
	do {
		uint16_t head = await_used(&queues[RX], NULL);

		answered = net_is_pong(rx_data + head * RX_BYTES + NET_HEADER, (uint16_t)requests);
		if (answered)
			load_time_note(rdtsc() - start);
		else if (rdtsc() > end)
			fail("no answer");
		give_buffer();
		vio_kick(&queues[RX]);
	} while (!answered);
	while (vio_used(&queues[TX], NULL) != UINT16_MAX)
		;
	requests++;
}

static void echo(uint64_t end, uint64_t count)
{
	uint64_t before = requests;

	while (requests - before < count || rdtsc() < end)
		ping();
}

static void make_frames(bool sinks)
{
	slots = vio_alloc(queues[TX].size * sizeof(*slots), 256);
	for (unsigned int i = 0; i < queues[TX].size; i++) {
		if (sinks)
			net_make_small(slots[i].frame, NET_HOST, NET_GUEST, NET_TYPE_CREDIT);
		else if (large)
			net_make_large(&slots[i].header.hdr, slots[i].frame, NET_NOBODY, NET_GUEST);
		else
			net_make_small(slots[i].frame, NET_NOBODY, NET_GUEST, NET_TYPE_LOAD);
	}
	if (large && !sinks)
		payload = vio_alloc(PAYLOADS * 2 * PIECE, 4096);
	rx_data = vio_alloc((uint64_t)queues[RX].size * RX_BYTES, 4096);
	for (unsigned int i = 0; i < queues[RX].size; i++)
		give_buffer();
	vio_kick(&queues[RX]);
}

static void run(void)
{
	bool receives_large = option_is("op", "sink_tso"), sends_large = option_is("op", "tso");
	bool sinks = receives_large || option_is("op", "sink");
	void (*load)(uint64_t end, uint64_t count) = sinks                     ? sink
						     : option_is("op", "echo") ? echo
									       : flood;
	uint64_t wanted =
		FEATURES | (sends_large ? SEND_LARGE : 0) | (receives_large ? RECEIVE_LARGE : 0);
	uint64_t start;

	large = sends_large || receives_large;
	if (!vio_open_kind(&v, 0, VIRTIO_ID_NET) || !vio_start(&v, queues, QUEUES, SIZE, wanted))
		fail("no network card");
	if (v.features != wanted)
		fail("the card lacks a feature");
	make_frames(sinks);
	for (unsigned int i = 0; sinks && i < NET_CREDITS; i++)
		send_credit();
	load(0, WARM_UP);
	requests = 0;
	load_times_clear();
	start = rdtsc();
	load(start + option_number("ticks", 0, 100000000), 1);
	ticks = rdtsc() - start;
	say("bench requests=");
	say_number(requests);
	say(" ticks=");
	say_number(ticks);
	say(" p50=");
	say_number(load_time_quantile(requests, 50));
	say(" p99=");
	say_number(load_time_quantile(requests, 99));
	say(" all=");
	say_number(all);
	say("\n");
	power_off();
}

int main(void)
{
	user_run(run);
}
