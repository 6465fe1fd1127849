// SPDX-License-Identifier: Apache-2.0
/*
 * The load of the benchmark of user networks, for any VMM with a modern virtio network card. The command
 * line says where the card is (see vio_open()) and for how long: ticks=N of the TSC.
 *
 * A TCP stream of zeros (RFC 9293) to the gateway, which such networks take for the host itself, in segments
 * as long as the other side takes; no more of TCP than that needs. What is lost, or not taken, is sent again from
 * there on: after three equal acknowledgements, or RESEND_MS. The sum of zeros is 0, so the guest spends nothing on
 * checksums of data.
 *
 * One line comes of it: "bench requests=N ticks=N p50=0 p99=0 all=N", in KiB that were acknowledged; all
 * includes the warm-up.
 */
#include "card.h"

enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
	TCP_HEADER = 20,
	TCP_OPTIONS = 8, /* with SYN */
	TCP_OPTION_END = 0,
	TCP_OPTION_NONE = 1,
	TCP_OPTION_MSS = 2,
	TCP_OPTION_SCALE = 3,
	SCALE_MAX = 14, /* RFC 7323 2.3 */
	MSS_DEFAULT = 536,
	MSS_OURS = 1460, /* nothing comes */
	MSS_MAX = 65535 - NET_IP - TCP_HEADER,
	WINDOW_OURS = 0xffff,
	DUPLICATES = 3,
	RESEND_MS = 200,
	WARM_UP = 2 << 20,
	ARP_BYTES = NET_ETHERNET + 28,
};

static struct card card;
static uint8_t *zeros;

static struct {
	bool found, open;
	uint8_t gateway[6];
	uint32_t una, next, top; /* not acknowledged, to be sent, sent at most */
	uint32_t theirs; /* what we acknowledge */
	uint32_t window, mss;
	unsigned int scale, duplicates;
	bool resent; /* since una was last acknowledged */
	uint64_t acked, progress; /* bytes; when */
} c = { .una = 1000, .next = 1000, .top = 1000, .mss = MSS_DEFAULT };

static struct card_slot *await_slot(void)
{
	struct card_slot *slot = card_next_slot(&card);

	if (slot)
		return slot;
	vio_kick(&card.tx);
	card_await(&card.tx);
	return card_next_slot(&card);
}

/* --- what is sent --- */

/* RFC 826: who is the gateway? */
static void ask_for_gateway(void)
{
	uint8_t *frame = await_slot()->frame, *arp = frame + NET_ETHERNET;

	net_make_small(frame, NET_NOBODY, NET_USER_GUEST, NET_TYPE_ARP);
	for (unsigned int i = 0; i < 6; i++) {
		frame[i] = 0xff;
		arp[8 + i] = frame[6 + i];
	}
	net_put16(arp, 1);
	net_put16(arp + 2, NET_TYPE_IP);
	net_put16(arp + 4, 6 << 8 | 4);
	net_put16(arp + 6, 1);
	net_put32(arp + 14, NET_ADDRESS | NET_USER_GUEST);
	net_put32(arp + 24, NET_ADDRESS | NET_USER_GATEWAY);
	card_send(&card, ARP_BYTES);
	vio_kick(&card.tx);
}

static void put_options(uint8_t *at)
{
	at[0] = TCP_OPTION_MSS;
	at[1] = 4;
	net_put16(at + 2, MSS_OURS);
	at[4] = TCP_OPTION_NONE;
	at[5] = TCP_OPTION_SCALE;
	at[6] = 3;
	at[7] = 0;
}

static void send_segment(uint32_t seq, unsigned int flags, uint32_t bytes)
{
	unsigned int header = TCP_HEADER + (flags & TCP_SYN ? TCP_OPTIONS : 0);
	const struct vio_part data = { (uint64_t)zeros, bytes, false };
	uint8_t *frame = await_slot()->frame, *ip = frame + NET_ETHERNET, *tcp = ip + NET_IP;

	net_make_ip(frame, NET_USER_GATEWAY, NET_USER_GUEST, NET_TCP, NET_IP + header + bytes);
	for (unsigned int i = 0; i < 6; i++)
		frame[i] = c.gateway[i];
	net_put16(tcp, NET_PORT);
	net_put16(tcp + 2, NET_PORT);
	net_put32(tcp + 4, seq);
	net_put32(tcp + 8, c.theirs);
	net_put16(tcp + 12, header / 4 << 12 | flags);
	net_put16(tcp + 14, WINDOW_OURS);
	net_put32(tcp + 16, 0);
	if (flags & TCP_SYN)
		put_options(tcp + TCP_HEADER);
	net_put16(tcp + 16, ~net_sum(tcp, header, net_sum(ip + 12, 8, NET_TCP + header + bytes)));
	if (bytes)
		card_send_parts(&card, NET_ETHERNET + NET_IP + header, &data, 1);
	else
		card_send(&card, NET_ETHERNET + NET_IP + header);
}

/* As much as the window takes; a short segment only when nothing else is on its way. */
static void fill_window(void)
{
	for (;;) {
		uint32_t flying = c.next - c.una;
		uint32_t bytes = c.window > flying ? c.window - flying : 0;

		if (bytes > c.mss)
			bytes = c.mss;
		if (!bytes || (bytes < c.mss && flying) || !card_next_slot(&card))
			break;
		send_segment(c.next, TCP_ACK, bytes);
		c.next += bytes;
		if ((int32_t)(c.next - c.top) > 0)
			c.top = c.next;
	}
	vio_kick(&card.tx);
}

/* --- what comes --- */

static void take_options(const uint8_t *at, unsigned int bytes)
{
	unsigned int i = 0;

	while (i + 1 < bytes && at[i] != TCP_OPTION_END) {
		unsigned int len = at[i] == TCP_OPTION_NONE ? 1 : at[i + 1];

		if (!len)
			break;
		if (at[i] == TCP_OPTION_MSS && len == 4)
			c.mss = net_get16(at + i + 2);
		else if (at[i] == TCP_OPTION_SCALE && len == 3)
			c.scale = at[i + 2];
		i += len;
	}
	if (!c.mss || c.scale > SCALE_MAX)
		card_fail("options of TCP that make no sense");
	if (c.mss > MSS_MAX)
		c.mss = MSS_MAX;
}

/* The answer to our SYN. */
static void take_connection(const uint8_t *tcp, unsigned int flags)
{
	if (flags != (TCP_SYN | TCP_ACK) || net_get32(tcp + 8) != c.una + 1)
		return;
	c.una = c.next = c.top = c.una + 1;
	c.theirs = net_get32(tcp + 4) + 1;
	c.window = net_get16(tcp + 14);
	take_options(tcp + TCP_HEADER, (tcp[12] >> 4) * 4u - TCP_HEADER);
	c.open = true;
	c.progress = rdtsc();
	send_segment(c.next, TCP_ACK, 0);
	vio_kick(&card.tx);
}

static void take_acknowledgement(const uint8_t *tcp)
{
	uint32_t ack = net_get32(tcp + 8), window = net_get16(tcp + 14) << c.scale;

	if ((int32_t)(ack - c.una) > 0 && (int32_t)(c.top - ack) >= 0) {
		c.acked += ack - c.una;
		c.una = ack;
		if ((int32_t)(c.next - c.una) < 0)
			c.next = c.una;
		c.duplicates = 0;
		c.resent = false;
		c.progress = rdtsc();
	} else if (ack == c.una && window == c.window && c.next != c.una && !c.resent &&
		   ++c.duplicates == DUPLICATES) {
		c.next = c.una;
		c.resent = true;
	}
	c.window = window;
}

static void take_frame(const uint8_t *frame)
{
	const uint8_t *ip = frame + NET_ETHERNET, *tcp = ip + (ip[0] & 15) * 4;
	unsigned int type = net_get16(frame + 12), flags = tcp[13] & 0x3f;

	if (type == NET_TYPE_ARP && net_get16(ip + 6) == 2 && !c.found) {
		for (unsigned int i = 0; i < 6; i++)
			c.gateway[i] = ip[8 + i];
		c.found = true;
	}
	if (type != NET_TYPE_IP || ip[9] != NET_TCP || net_get16(tcp + 2) != NET_PORT ||
	    tcp[12] >> 4 < TCP_HEADER / 4)
		return;
	if (flags & (TCP_RST | TCP_FIN))
		card_fail("the connection is refused or gone");
	if (!c.open)
		take_connection(tcp, flags);
	else if (flags & TCP_ACK)
		take_acknowledgement(tcp);
}

static void take_frames(void)
{
	bool any = false;
	uint16_t head;

	while ((head = vio_used(&card.rx, NULL)) != UINT16_MAX) {
		take_frame(card_frame(&card, head));
		card_give_buffer(&card);
		any = true;
	}
	if (any)
		vio_kick(&card.rx);
	while (vio_used(&card.tx, NULL) != UINT16_MAX)
		;
}

/* --- the stream --- */

/* Calls @ask now and then until @answered. */
static void ask_until(const bool *answered, void (*ask)(void), const char *otherwise)
{
	uint64_t end = rdtsc() + VIO_WAIT_MS * user_ticks_per_ms, next = 0;

	while (!*answered) {
		if (rdtsc() > end)
			card_fail(otherwise);
		if (rdtsc() > next) {
			ask();
			next = rdtsc() + RESEND_MS * user_ticks_per_ms;
		}
		take_frames();
	}
}

static void ask_for_connection(void)
{
	send_segment(c.una, TCP_SYN, 0);
	vio_kick(&card.tx);
}

/* Without an acknowledgement: again, were it a single byte into a closed window. */
static void send_again(void)
{
	c.next = c.una;
	c.resent = true;
	if (c.window)
		return;
	send_segment(c.una, TCP_ACK, 1);
	if (c.top == c.una)
		c.top++;
	vio_kick(&card.tx);
}

static void send_stream(uint64_t end, uint64_t count)
{
	uint64_t before = c.acked, tried = rdtsc();

	while (c.acked - before < count || rdtsc() < end) {
		uint64_t now = rdtsc();

		fill_window();
		take_frames();
		if (tried < c.progress)
			tried = c.progress;
		if (now > c.progress + VIO_WAIT_MS * user_ticks_per_ms)
			card_fail("nothing is acknowledged any more");
		if (now > tried + RESEND_MS * user_ticks_per_ms) {
			send_again();
			tried = now;
		}
	}
}

static void run(void)
{
	uint64_t start, ticks, before;

	card_start(&card, 0);
	zeros = vio_alloc(MSS_MAX, 4096);
	ask_until(&c.found, ask_for_gateway, "the gateway does not answer");
	ask_until(&c.open, ask_for_connection, "no connection");
	send_stream(0, WARM_UP);
	before = c.acked;
	start = rdtsc();
	send_stream(start + option_number("ticks", 0, 100000000), 1024);
	ticks = rdtsc() - start;
	card_say_result((c.acked - before) / 1024, ticks, 0, 0, c.acked / 1024);
	power_off();
}

int main(void)
{
	user_run(run);
}
