// SPDX-License-Identifier: Apache-2.0
/*
 * The load of network benchmarks, for any VMM with a modern virtio network card (virtio-v1.2 5.1). The
 * command line says where the card is (see vio_open()), for how long: ticks=N of the TSC, and what is
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
#include "card.h"
#include "load_times.h"

enum {
	WARM_UP = 512,
	/* Buffers are given back one by one, and the device hears of so many at a time. */
	RX_KICK = 64,
	PIECE = 32768, /* of a large packet, as stacks allocate them */
	PAYLOADS = 16,
};
#define SEND_LARGE (VIO_BIT(VIRTIO_NET_F_CSUM) | VIO_BIT(VIRTIO_NET_F_HOST_TSO4))
#define RECEIVE_LARGE (VIO_BIT(VIRTIO_NET_F_GUEST_CSUM) | VIO_BIT(VIRTIO_NET_F_GUEST_TSO4))

static struct card card;
static uint8_t *payload;
static uint64_t requests;
static bool large;

static void send_large(void)
{
	uint64_t data = (uint64_t)payload + (card.sent % PAYLOADS) * 2 * PIECE;
	const struct vio_part parts[] = {
		{ data, PIECE, false },
		{ data + PIECE, NET_LARGE - NET_TCP_HEADERS - PIECE, false },
	};

	card_send_parts(&card, NET_TCP_HEADERS, parts, 2);
}

/* Keeps the ring full until @end and at least @count times. */
static void flood(uint64_t end, uint64_t count)
{
	uint64_t before = requests;
	unsigned int in_flight = 0;

	for (;;) {
		bool more = requests - before + in_flight < count || rdtsc() < end;

		for (; more && card_next_slot(&card); in_flight++) {
			if (large)
				send_large();
			else
				card_send(&card, NET_SMALL);
		}
		if (!in_flight)
			return;
		vio_kick(&card.tx);
		card_await(&card.tx);
		do {
			requests++;
			in_flight--;
		} while (vio_used(&card.tx, NULL) != UINT16_MAX);
	}
}

static void send_credit(void)
{
	if (!card_next_slot(&card))
		card_fail("the card is stuck");
	card_send(&card, NET_SMALL);
	vio_kick(&card.tx);
}

/* Takes what the peer sends, and lets it send more, until @end and at least @count frames. */
static void sink(uint64_t end, uint64_t count)
{
	static unsigned int pieces, uncredited, ungiven;
	unsigned int credit = (large ? NET_WINDOW_LARGE : NET_WINDOW_SMALL) / NET_CREDITS;
	uint64_t before = requests;

	while (requests - before < count || rdtsc() < end) {
		uint16_t head = vio_used(&card.rx, NULL);

		if (head == UINT16_MAX || ungiven == RX_KICK) {
			vio_kick(&card.rx);
			ungiven = 0;
		}
		if (head == UINT16_MAX)
			head = card_await(&card.rx);
		if (!pieces) {
			pieces = card_header(&card, head)->num_buffers;
			if (!pieces)
				card_fail("a frame without a buffer");
			if (net_is_load(card_frame(&card, head))) {
				requests++;
				uncredited++;
			}
		}
		pieces--;
		card_give_buffer(&card);
		ungiven++;
		if (uncredited == credit) {
			send_credit();
			uncredited = 0;
		}
		vio_used(&card.tx, NULL);
	}
}

static void ping(void)
{
	uint64_t start = rdtsc(), end = start + VIO_WAIT_MS * user_ticks_per_ms;
	struct card_slot *slot = card_next_slot(&card);
	bool answered;

	if (!slot)
		card_fail("the card is stuck");
	net_make_ping(slot->frame, (uint16_t)requests);
	card_send(&card, NET_SMALL);
	vio_kick(&card.tx);
	do {
		uint16_t head = card_await(&card.rx);

		answered = net_is_pong(card_frame(&card, head), (uint16_t)requests);
		if (answered)
			load_time_note(rdtsc() - start);
		else if (rdtsc() > end)
			card_fail("no answer");
		card_give_buffer(&card);
		vio_kick(&card.rx);
	} while (!answered);
	while (vio_used(&card.tx, NULL) != UINT16_MAX)
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
	for (unsigned int i = 0; i < card.tx.size; i++) {
		struct card_slot *slot = &card.slots[i];

		if (sinks)
			net_make_small(slot->frame, NET_HOST, NET_GUEST, NET_TYPE_CREDIT);
		else if (large)
			net_make_large(&slot->header.hdr, slot->frame, NET_NOBODY, NET_GUEST);
		else
			net_make_small(slot->frame, NET_NOBODY, NET_GUEST, NET_TYPE_LOAD);
	}
	if (large && !sinks)
		payload = vio_alloc(PAYLOADS * 2 * PIECE, 4096);
}

static void run(void)
{
	bool receives_large = option_is("op", "sink_tso"), sends_large = option_is("op", "tso");
	bool sinks = receives_large || option_is("op", "sink");
	void (*load)(uint64_t end, uint64_t count) = flood;
	uint64_t start, ticks;

	if (sinks)
		load = sink;
	else if (option_is("op", "echo"))
		load = echo;
	large = sends_large || receives_large;
	card_start(&card, sends_large ? SEND_LARGE : receives_large ? RECEIVE_LARGE : 0);
	make_frames(sinks);
	for (unsigned int i = 0; sinks && i < NET_CREDITS; i++)
		send_credit();
	load(0, WARM_UP);
	requests = 0;
	load_times_clear();
	start = rdtsc();
	load(start + option_number("ticks", 0, 100000000), 1);
	ticks = rdtsc() - start;
	card_say_result(requests, ticks, load_time_quantile(requests, 50),
			load_time_quantile(requests, 99), card.sent);
	power_off();
}

int main(void)
{
	user_run(run);
}
