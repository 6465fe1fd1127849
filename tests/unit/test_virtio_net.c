// SPDX-License-Identifier: Apache-2.0
/*
 * The network device: frames to and from the driver (virtio-v1.2 5.1.6.2 to 5.1.6.4). Its life is in
 * test_virtio_net_life.c, commands in test_virtio_net_ctrl.c, hostile drivers in test_virtio_net_hostile.c.
 */
#include <errno.h>
#include <glib.h>
#include <linux/virtio_config.h>
#include <string.h>

#include "virtio_net_rig.h"

enum { HEADER = IOL_NET_HEADER_BYTES, NEEDS_CSUM = VIRTIO_NET_HDR_F_NEEDS_CSUM };

#define MRG NET_RIG_BIT(VIRTIO_NET_F_MRG_RXBUF)

static _Alignas(8) uint8_t data[MEMORY_NET_BYTES_MAX];
static uint8_t frame[NET_RIG_FRAME_MAX];

static void start(struct net_rig *r, uint32_t offloads, uint64_t features)
{
	const struct net_rig_setup setup = {
		.send_offloads = offloads,
		.receive_offloads = offloads,
		.queue_size = 64,
	};

	net_rig_init(r, &setup);
	net_rig_start(r, features);
}

static void finish(struct net_rig *r)
{
	device_rig_check(&r->dev);
	net_rig_finish(r);
}

static void assert_sent(struct net_rig *r, unsigned int pair, const uint8_t *want, size_t bytes)
{
	size_t got_bytes = 0;
	g_autofree uint8_t *got = memory_net_take(r->mn, pair, &got_bytes);

	if (!got)
		g_error("a frame of %zu bytes was not sent", bytes);
	g_assert_cmpmem(got + HEADER, got_bytes - HEADER, want, bytes);
}

static struct virtio_net_hdr_v1 header_of(uint8_t flags, uint8_t gso_type, uint16_t hdr_len,
					  uint16_t gso_size, uint16_t start, uint16_t offset)
{
	struct virtio_net_hdr_v1 hdr = { .flags = flags, .gso_type = gso_type };

	le16_store(&hdr.hdr_len, hdr_len);
	le16_store(&hdr.gso_size, gso_size);
	le16_store(&hdr.csum_start, start);
	le16_store(&hdr.csum_offset, offset);
	return hdr;
}

/* --- to the backend --- */

static void test_send(void)
{
	static const size_t lengths[] = { 14, 60, 1514, 1518, 9018, 65535, NET_RIG_FRAME_MAX };
	struct virtio_driver_used used;
	struct net_rig r;

	start(&r, 0, UINT64_MAX);
	for (size_t i = 0; i < IOL_ARRAY_LEN(lengths); i++) {
		net_rig_frame(frame, net_rig_broadcast, lengths[i], (uint8_t)i);
		net_rig_send(&r, 0, NULL, frame, lengths[i]);
		assert_sent(&r, 0, frame, lengths[i]);
		g_assert_cmpint(virtio_driver_take_used(&r.dev.drivers[1], &used), ==, 1);
		g_assert_cmpuint(used.len, ==, 0);
		g_assert_cmpuint(net_rig_counts(&r).tx_frames, ==, i + 1);
	}
	g_assert_cmpuint(net_rig_counts(&r).tx_bytes, ==,
			 14 + 60 + 1514 + 1518 + 9018 + 65535 + NET_RIG_FRAME_MAX);
	g_assert_cmpuint(net_rig_counts(&r).tx_dropped, ==, 0);
	g_assert_cmpuint(r.dev.v->in_flight, ==, 0);
	finish(&r);
}

/* 2.7.4.1: parts cut anywhere, also within the header; what is writable is left alone. */
static void test_send_layouts(void)
{
	struct net_rig r;

	start(&r, 0, UINT64_MAX);
	net_rig_frame(frame, net_rig_mac, 300, 3);
	for (unsigned int cut = 1; cut < 40; cut++) {
		uint64_t gpa = NET_RIG_TX + cut * 0x1000;
		const struct virtio_driver_part parts[] = {
			{ gpa, cut, false },
			{ gpa + cut, 1, false },
			{ gpa + cut + 1, HEADER + 300 - cut - 1, false },
			{ NET_RIG_RX, 64, true },
		};
		struct virtio_driver_used used;

		memset(device_rig_ptr(&r.dev, gpa), 0, HEADER);
		memcpy(device_rig_ptr(&r.dev, gpa) + HEADER, frame, 300);
		memset(device_rig_ptr(&r.dev, NET_RIG_RX), 0x77, 64);
		g_assert_cmpint(virtio_driver_add(&r.dev.drivers[1], parts, 4, cut % 2 ? 4 : 0), >=,
				0);
		device_rig_kick(&r.dev, 1);
		assert_sent(&r, 0, frame, 300);
		g_assert_cmpint(virtio_driver_take_used(&r.dev.drivers[1], &used), ==, 1);
		g_assert_cmpuint(used.len, ==, 0);
		for (unsigned int i = 0; i < 64; i++)
			g_assert_cmphex(*device_rig_ptr(&r.dev, NET_RIG_RX + i), ==, 0x77);
	}
	finish(&r);
}

static void test_send_as_many_parts_as_entries(void)
{
	const struct net_rig_setup setup = { .queue_size = 256 };
	struct virtio_driver_part parts[256];
	struct net_rig r;

	net_rig_init(&r, &setup);
	net_rig_start(&r, UINT64_MAX);
	memset(device_rig_ptr(&r.dev, NET_RIG_TX), 0, 4096);
	for (unsigned int i = 0; i < 256; i++)
		parts[i] = (struct virtio_driver_part){ NET_RIG_TX + i * 13, 13, false };
	g_assert_cmpint(device_rig_add(&r.dev, 1, parts, 256, false), >=, 0);
	device_rig_kick(&r.dev, 1);
	g_assert_cmpuint(net_rig_counts(&r).tx_frames, ==, 1);
	g_assert_cmpuint(net_rig_counts(&r).tx_bytes, ==, 256 * 13 - HEADER);
	finish(&r);
}

struct header_case {
	const char *name;
	uint32_t offloads; /* of the backend, all of them taken */
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, start, offset;
	bool sent;
	/* As the backend sees it. */
	uint8_t flags_out;
	uint16_t hdr_len_out, gso_size_out, start_out, offset_out;
};

enum {
	TSO = IOL_NET_CSUM | IOL_NET_TSO4 | IOL_NET_TSO6,
	TCPV4 = VIRTIO_NET_HDR_GSO_TCPV4,
	TCPV6 = VIRTIO_NET_HDR_GSO_TCPV6,
	UDP_L4 = VIRTIO_NET_HDR_GSO_UDP_L4,
	ECN = VIRTIO_NET_HDR_GSO_ECN,
};

/* All of a frame of 1000 bytes. */
static const struct header_case header_cases[] = {
	{ .name = "zeros", .sent = true },
	{ "unknown flags are ignored", 0, 0xf2, 0, 0, 0, 0, 0, true, 0, 0, 0, 0, 0 },
	{ "without the flag no place", 0, 0, 0, 7, 7, 5000, 5000, true, 0, 0, 0, 0, 0 },
	{ "checksum", IOL_NET_CSUM, 1, 0, 54, 0, 34, 16, true, 1, 0, 0, 34, 16 },
	{ "checksum not negotiated", 0, 1, 0, 0, 0, 34, 16, false, 0, 0, 0, 0, 0 },
	{ "checksum at the end", IOL_NET_CSUM, 1, 0, 0, 0, 998, 0, true, 1, 0, 0, 998, 0 },
	{ "checksum half outside", IOL_NET_CSUM, 1, 0, 0, 0, 999, 0, false, 0, 0, 0, 0, 0 },
	{ "checksum outside", IOL_NET_CSUM, 1, 0, 0, 0, 34, 1000, false, 0, 0, 0, 0, 0 },
	{ "sum wraps", IOL_NET_CSUM, 1, 0, 0, 0, 0xffff, 0xffff, false, 0, 0, 0, 0, 0 },
	{ "start in the ethernet header", IOL_NET_CSUM, 1, 0, 0, 0, 13, 6, false, 0, 0, 0, 0, 0 },
	{ "tso4", TSO, 1, TCPV4, 54, 500, 34, 16, true, 1, 54, 500, 34, 16 },
	{ "tso6", TSO, 1, TCPV6, 74, 500, 54, 16, true, 1, 74, 500, 54, 16 },
	{ "tso without checksum", TSO, 0, TCPV4, 54, 500, 34, 16, false, 0, 0, 0, 0, 0 },
	{ "tso without a size", TSO, 1, TCPV4, 54, 0, 34, 16, false, 0, 0, 0, 0, 0 },
	{ "header beyond the frame", TSO, 1, TCPV4, 0xffff, 9, 34, 16, true, 1, 1000, 9, 34, 16 },
	{ "header of nothing", TSO, 1, TCPV4, 0, 9, 34, 16, true, 1, 0, 9, 34, 16 },
	{ "tso not negotiated", IOL_NET_CSUM, 1, TCPV4, 54, 9, 34, 16, false, 0, 0, 0, 0, 0 },
	{ "ecn not negotiated", TSO, 1, TCPV4 | ECN, 54, 9, 34, 16, false, 0, 0, 0, 0, 0 },
	{ "ecn", TSO | IOL_NET_ECN, 1, TCPV6 | ECN, 54, 9, 34, 16, true, 1, 54, 9, 34, 16 },
	{ "ecn of nothing", TSO | IOL_NET_ECN, 1, ECN, 54, 9, 34, 16, false, 0, 0, 0, 0, 0 },
	{ "uso", TSO | IOL_NET_USO, 1, UDP_L4, 42, 9, 34, 6, true, 1, 42, 9, 34, 6 },
	{ "uso not negotiated", TSO, 1, UDP_L4, 42, 9, 34, 6, false, 0, 0, 0, 0, 0 },
	{ "uso with ecn", NET_RIG_OFFLOADS, 1, UDP_L4 | ECN, 42, 9, 34, 6, false, 0, 0, 0, 0, 0 },
	{ "ufo", NET_RIG_OFFLOADS, 1, 3, 42, 9, 34, 6, false, 0, 0, 0, 0, 0 },
	{ "unknown kind", NET_RIG_OFFLOADS, 1, 2, 42, 9, 34, 6, false, 0, 0, 0, 0, 0 },
};

static void check_header_out(const struct header_case *c, const uint8_t *out)
{
	const struct virtio_net_hdr_v1 *hdr = (const void *)out;

	g_assert_cmpuint(hdr->flags, ==, c->flags_out);
	g_assert_cmpuint(hdr->gso_type, ==, c->gso_type);
	g_assert_cmpuint(le16_load(&hdr->hdr_len), ==, c->hdr_len_out);
	g_assert_cmpuint(le16_load(&hdr->gso_size), ==, c->gso_size_out);
	g_assert_cmpuint(le16_load(&hdr->csum_start), ==, c->start_out);
	g_assert_cmpuint(le16_load(&hdr->csum_offset), ==, c->offset_out);
	g_assert_cmpuint(le16_load(&hdr->num_buffers), ==, 0);
}

static void test_send_headers(gconstpointer arg)
{
	const struct header_case *c = arg;
	struct virtio_net_hdr_v1 hdr =
		header_of(c->flags, c->gso_type, c->hdr_len, c->gso_size, c->start, c->offset);
	g_autofree uint8_t *out = NULL;
	struct virtio_driver_used used;
	size_t bytes;
	struct net_rig r;

	start(&r, c->offloads, UINT64_MAX);
	net_rig_frame(frame, net_rig_broadcast, 1000, 1);
	le16_store(&hdr.num_buffers, 0x1234);
	net_rig_send(&r, 0, &hdr, frame, 1000);
	out = memory_net_take(r.mn, 0, &bytes);
	g_assert_cmpint(out != NULL, ==, c->sent);
	if (out)
		check_header_out(c, out);
	/* Either way the chain comes back and the device goes on. */
	g_assert_cmpint(virtio_driver_take_used(&r.dev.drivers[1], &used), ==, 1);
	g_assert_cmpuint(net_rig_counts(&r).tx_dropped, ==, !c->sent);
	net_rig_check_alive(&r);
	finish(&r);
}

/* What was offered and not taken may not be used. */
static void test_send_declined(void)
{
	const struct virtio_net_hdr_v1 csum = header_of(NEEDS_CSUM, 0, 0, 0, 34, 16);
	const struct virtio_net_hdr_v1 tso = header_of(NEEDS_CSUM, TCPV4, 54, 500, 34, 16);
	struct net_rig r;

	start(&r, NET_RIG_OFFLOADS, ~NET_RIG_BIT(VIRTIO_NET_F_CSUM));
	net_rig_send(&r, 0, &csum, frame, 1000);
	net_rig_send(&r, 0, &tso, frame, 1000);
	g_assert_cmpuint(net_rig_counts(&r).tx_dropped, ==, 2);
	g_assert_true(device_rig_reset(&r.dev));
	net_rig_start(&r, ~NET_RIG_BIT(VIRTIO_NET_F_HOST_TSO4));
	net_rig_send(&r, 0, &csum, frame, 1000);
	net_rig_send(&r, 0, &tso, frame, 1000);
	g_assert_cmpuint(net_rig_counts(&r).tx_dropped, ==, 3);
	g_assert_cmpuint(net_rig_counts(&r).tx_frames, ==, 1);
	finish(&r);
}

static void test_send_lengths(void)
{
	static const size_t wrong[] = { 0, 1, 13, NET_RIG_FRAME_MAX + 1 };
	static uint8_t longer[NET_RIG_FRAME_MAX + 1];
	struct net_rig r;

	start(&r, 0, UINT64_MAX);
	for (size_t i = 0; i < IOL_ARRAY_LEN(wrong); i++) {
		g_assert_cmpint(net_rig_send(&r, 0, NULL, longer, wrong[i]), >=, 0);
		g_assert_cmpuint(net_rig_counts(&r).tx_dropped, ==, i + 1);
	}
	g_assert_cmpuint(r.mn->pairs[0].sends, ==, 0);
	g_assert_cmpuint(r.dev.v->in_flight, ==, 0);
	net_rig_check_alive(&r);
	finish(&r);
}

/* Nothing is lost, nothing is sent twice, the order stays, and nobody turns round meanwhile. */
static void test_send_busy(void)
{
	struct virtio_driver_used used;
	uint64_t kicks;
	struct net_rig r;

	start(&r, 0, UINT64_MAX);
	r.mn->busy_after = 2;
	for (unsigned int i = 0; i < 10; i++) {
		net_rig_frame(frame, net_rig_broadcast, 100, (uint8_t)i);
		net_rig_send(&r, 0, NULL, frame, 100);
	}
	g_assert_cmpuint(r.mn->pairs[0].sent_count, ==, 2);
	g_assert_cmpuint(r.mn->pairs[0].sends, ==, 3);
	g_assert_cmpuint(r.dev.v->in_flight, ==, 1);
	g_assert_true(r.mn->pairs[0].await_writable);
	/* Kicks that come anyway change nothing. */
	kicks = r.dev.v->counts.kicks;
	iol_virtio_notify(r.dev.v, 1);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(r.dev.v->counts.kicks - kicks, ==, 1);
	g_assert_cmpuint(r.mn->pairs[0].sends, ==, 3);
	memory_net_unblock(r.mn);
	device_rig_settle(&r.dev);
	for (unsigned int i = 0; i < 10; i++) {
		net_rig_frame(frame, net_rig_broadcast, 100, (uint8_t)i);
		assert_sent(&r, 0, frame, 100);
		g_assert_cmpint(virtio_driver_take_used(&r.dev.drivers[1], &used), ==, 1);
	}
	g_assert_cmpuint(net_rig_counts(&r).tx_frames, ==, 10);
	g_assert_cmpuint(net_rig_counts(&r).tx_dropped, ==, 0);
	/* And again from a queue that is empty. */
	net_rig_send(&r, 0, NULL, frame, 100);
	assert_sent(&r, 0, frame, 100);
	finish(&r);
}

static void test_send_errors(void)
{
	static const int errors[] = { -ENETDOWN, -EINVAL, -EIO };
	struct virtio_driver_used used;
	struct net_rig r;

	start(&r, 0, UINT64_MAX);
	for (size_t i = 0; i < IOL_ARRAY_LEN(errors); i++) {
		r.mn->send_error = errors[i];
		net_rig_send(&r, 0, NULL, frame, 100);
		g_assert_cmpint(virtio_driver_take_used(&r.dev.drivers[1], &used), ==, 1);
		g_assert_cmpuint(net_rig_counts(&r).tx_dropped, ==, i + 1);
	}
	r.mn->send_error = 0;
	net_rig_check_alive(&r);
	finish(&r);
}

/* What was blocked when the link went is told by the link alone. */
static void test_send_blocked_then_down(void)
{
	struct net_rig r;

	start(&r, 0, UINT64_MAX);
	r.mn->busy = true;
	net_rig_send(&r, 0, NULL, frame, 100);
	g_assert_cmpuint(r.dev.v->in_flight, ==, 1);
	r.mn->busy = false;
	iol_net_set_link(&r.mn->net, false);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(r.dev.v->in_flight, ==, 0);
	g_assert_cmpuint(net_rig_counts(&r).tx_dropped, ==, 1);
	iol_net_set_link(&r.mn->net, true);
	device_rig_settle(&r.dev);
	net_rig_check_alive(&r);
	finish(&r);
}

/* --- from the backend --- */

static void check_received(struct net_rig *r, size_t bytes)
{
	g_assert_cmpuint(net_rig_receive(r, 0, data), ==, HEADER + bytes);
	g_assert_cmpmem(data + HEADER, bytes, frame, bytes);
}

/* Buffers of all sizes, frames of all sizes; with merging, num_buffers is checked by the rig. */
static void test_receive(void)
{
	static const size_t lengths[] = {
		14, 17, 18, 19, 60, 1514, 9018, 40000, NET_RIG_FRAME_MAX
	};
	static const uint32_t buffers[] = { 12, 13, 29, 30, 31, 100, 1526, 4096, 66000 };
	struct net_rig r;
	uint64_t frames = 0;

	start(&r, NET_RIG_OFFLOADS, UINT64_MAX);
	for (size_t b = 0; b < IOL_ARRAY_LEN(buffers); b++)
		for (size_t l = 0; l < IOL_ARRAY_LEN(lengths); l++) {
			unsigned int count =
				(unsigned int)((HEADER + lengths[l] - 1) / buffers[b]) + 1;

			if (count > r.dev.v->queues[0].size_max)
				continue;
			net_rig_frame(frame, net_rig_mac, lengths[l], (uint8_t)(b + l));
			g_assert_true(net_rig_post(&r, 0, count, buffers[b]));
			net_rig_give(&r, 0, frame, lengths[l]);
			check_received(&r, lengths[l]);
			g_assert_cmpuint(net_rig_counts(&r).rx_frames, ==, ++frames);
			g_assert_cmpuint(r.dev.v->in_flight, ==, 0);
		}
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, 0);
	finish(&r);
}

/* 2.7.5.1: what is readable in a receive buffer is none of its room. */
static void test_receive_readable_part(void)
{
	const struct virtio_driver_part parts[] = {
		{ NET_RIG_TX, 100, false },
		{ NET_RIG_TX + 0x1000, 40, true },
		{ NET_RIG_TX + 0x2000, 1000, true },
	};
	struct virtio_driver_used used;
	struct net_rig r;

	start(&r, 0, UINT64_MAX);
	memset(device_rig_ptr(&r.dev, NET_RIG_TX), 0x77, 0x3000);
	g_assert_cmpint(device_rig_add(&r.dev, 0, parts, 3, false), >=, 0);
	device_rig_kick(&r.dev, 0);
	net_rig_frame(frame, net_rig_mac, 500, 1);
	net_rig_give(&r, 0, frame, 500);
	g_assert_cmpint(virtio_driver_take_used(&r.dev.drivers[0], &used), ==, 1);
	g_assert_cmpuint(used.len, ==, HEADER + 500);
	for (unsigned int i = 0; i < 100; i++)
		g_assert_cmphex(*device_rig_ptr(&r.dev, NET_RIG_TX + i), ==, 0x77);
	g_assert_cmpmem(device_rig_ptr(&r.dev, NET_RIG_TX + 0x1000 + HEADER), 28, frame, 28);
	g_assert_cmphex(*device_rig_ptr(&r.dev, NET_RIG_TX + 0x1000 + 40), ==, 0x77);
	g_assert_cmpmem(device_rig_ptr(&r.dev, NET_RIG_TX + 0x2000), 472, frame + 28, 472);
	g_assert_cmphex(*device_rig_ptr(&r.dev, NET_RIG_TX + 0x2000 + 472), ==, 0x77);
	finish(&r);
}

/* One frame a buffer, and one buffer a frame. */
static void test_receive_unmerged(void)
{
	static const size_t lengths[] = { 14, 19, 60, 1514 };
	struct net_rig r;

	start(&r, 0, ~MRG);
	g_assert_true(net_rig_post(&r, 0, 20, 1526));
	for (unsigned int i = 0; i < 20; i++) {
		size_t bytes = lengths[i % IOL_ARRAY_LEN(lengths)];

		net_rig_frame(frame, net_rig_mac, bytes, (uint8_t)i);
		net_rig_give(&r, 0, frame, bytes);
		check_received(&r, bytes);
	}
	/* Too long for the buffer: dropped, and the buffer stays. */
	net_rig_post(&r, 0, 1, 100);
	net_rig_give(&r, 0, frame, 89);
	g_assert_cmpuint(net_rig_receive(&r, 0, data), ==, 0);
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, 1);
	net_rig_give(&r, 0, frame, 88);
	check_received(&r, 88);
	net_rig_post(&r, 0, 1, 12);
	net_rig_give(&r, 0, frame, 14);
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, 2);
	finish(&r);
}

/* Frames come one behind the other into what is left; several in one turn. */
static void test_receive_many(void)
{
	struct net_rig r;
	unsigned int seen = 0;

	start(&r, 0, UINT64_MAX);
	net_rig_post(&r, 0, 64, 200);
	for (unsigned int i = 0; i < 200; i++) {
		uint8_t with_header[HEADER + 300] = { 0 };

		net_rig_frame(with_header + HEADER, net_rig_mac, 300, (uint8_t)i);
		g_assert_true(memory_net_give(r.mn, 0, with_header, sizeof(with_header)));
	}
	while (seen < 200) {
		device_rig_settle(&r.dev);
		net_rig_frame(frame, net_rig_mac, 300, (uint8_t)seen++);
		check_received(&r, 300);
		net_rig_post(&r, 0, 2, 200);
	}
	g_assert_cmpuint(net_rig_counts(&r).rx_frames, ==, 200);
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, 0);
	finish(&r);
}

/* Without buffers frames stay where they are and the device leaves the backend alone. */
static void test_receive_without_buffers(void)
{
	unsigned int receives;
	struct net_rig r;

	start(&r, 0, UINT64_MAX);
	net_rig_frame(frame, net_rig_mac, 100, 1);
	net_rig_give(&r, 0, frame, 100);
	net_rig_give(&r, 0, frame, 100);
	g_assert_cmpuint(r.mn->pairs[0].receives, ==, 0);
	g_assert_false(r.mn->pairs[0].await_readable);
	net_rig_post(&r, 0, 1, 1526);
	check_received(&r, 100);
	receives = r.mn->pairs[0].receives;
	for (unsigned int i = 0; i < 10; i++)
		device_rig_settle(&r.dev);
	g_assert_cmpuint(r.mn->pairs[0].receives, ==, receives);
	net_rig_post(&r, 0, 4, 1526);
	check_received(&r, 100);
	g_assert_cmpuint(r.mn->pairs[0].given_count, ==, 0);
	/* Now frames are awaited, and buffers are there: none is asked for. */
	g_assert_true(r.mn->pairs[0].await_readable);
	g_assert_true(r.dev.v->queues[0].paused);
	g_assert_true(net_rig_post(&r, 0, 3, 1526));
	g_assert_cmpuint(r.mn->pairs[0].receives, ==, receives + 2);
	finish(&r);
}

/* A frame that is half there waits for the rest of its buffers. */
static void test_receive_held(void)
{
	struct net_rig r;

	start(&r, NET_RIG_OFFLOADS, UINT64_MAX);
	for (unsigned int first = 12; first < 60; first += 3) {
		net_rig_frame(frame, net_rig_mac, 5000, (uint8_t)first);
		net_rig_post(&r, 0, 1, first);
		net_rig_give(&r, 0, frame, 5000);
		net_rig_give(&r, 0, frame, 60);
		g_assert_cmpuint(net_rig_receive(&r, 0, data), ==, 0);
		g_assert_cmpuint(r.dev.v->in_flight, ==, 1);
		net_rig_post(&r, 0, 2, 1000);
		g_assert_cmpuint(net_rig_receive(&r, 0, data), ==, 0);
		net_rig_post(&r, 0, 3, 2000);
		check_received(&r, 5000);
		net_rig_post(&r, 0, 1, 2000);
		check_received(&r, 60);
		while (r.dev.v->in_flight) {
			net_rig_give(&r, 0, frame, 60);
			check_received(&r, 60);
		}
	}
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, 0);
	finish(&r);
}

/* One for which the driver has no buffers at all does not keep others away for ever. */
static void test_receive_held_long(void)
{
	struct net_rig r;

	start(&r, NET_RIG_OFFLOADS, UINT64_MAX);
	net_rig_post(&r, 0, 3, 100);
	net_rig_frame(frame, net_rig_mac, 5000, 1);
	net_rig_give(&r, 0, frame, 5000);
	net_rig_frame(frame, net_rig_mac, 60, 2);
	net_rig_give(&r, 0, frame, 60);
	for (unsigned int i = 0; i < 100 && !net_rig_counts(&r).rx_dropped; i++)
		g_assert_cmpint(iol_loop_turn(r.dev.loop, true), ==, 0);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, 1);
	check_received(&r, 60);
	finish(&r);
}

/* All entries of the queue are too little. */
static void test_receive_never_fits(void)
{
	struct net_rig r;

	start(&r, NET_RIG_OFFLOADS, UINT64_MAX);
	net_rig_post(&r, 0, 64, 20);
	net_rig_frame(frame, net_rig_mac, 64 * 20, 1);
	net_rig_give(&r, 0, frame, 64 * 20);
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, 1);
	net_rig_give(&r, 0, frame, 64 * 20 - HEADER);
	check_received(&r, 64 * 20 - HEADER);
	finish(&r);
}

/*
 * Chains of so many parts that those at hand would be more than the device has room for. It takes as many as it has
 * room for; a frame that fits those comes, and one that does not is dropped.
 */
static void test_receive_many_parts(void)
{
	enum { PARTS = 64 };
	struct virtio_driver_part parts[PARTS];
	struct net_rig r;

	start(&r, NET_RIG_OFFLOADS, UINT64_MAX);
	for (unsigned int i = 0; i < 64; i++) {
		uint64_t gpa = NET_RIG_RX + i * PARTS;
		int head;

		for (unsigned int p = 0; p < PARTS; p++)
			parts[p] = (struct virtio_driver_part){ gpa + p, 1, true };
		head = device_rig_add(&r.dev, 0, parts, PARTS, true);
		g_assert_cmpint(head, >=, 0);
		r.buffers[0][head] = (struct net_rig_buffer){ gpa, PARTS };
	}
	device_rig_kick(&r.dev, 0);
	g_assert_cmpuint(r.dev.v->in_flight, >, 1);
	g_assert_cmpuint(r.dev.v->in_flight * PARTS, <=, IOV_MAX);
	net_rig_frame(frame, net_rig_mac, 2000, 1);
	net_rig_give(&r, 0, frame, 900);
	check_received(&r, 900);
	net_rig_give(&r, 0, frame, 2000);
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, 1);
	net_rig_give(&r, 0, frame, 60);
	check_received(&r, 60);
	finish(&r);
}

struct rx_header_case {
	const char *name;
	uint64_t declined;
	uint8_t flags, gso_type;
	bool received;
	uint8_t flags_out;
};

static const struct rx_header_case rx_header_cases[] = {
	{ "checksum", 0, 1, 0, true, 1 },
	{ "valid", 0, 2, 0, true, 2 },
	{ "unknown flags", 0, 0xfe, 0, true, 2 },
	{ "checksum declined", NET_RIG_BIT(VIRTIO_NET_F_GUEST_CSUM), 1, 0, false, 0 },
	{ "valid declined", NET_RIG_BIT(VIRTIO_NET_F_GUEST_CSUM), 2, 0, true, 0 },
	{ "tso4", 0, 1, TCPV4, true, 1 },
	{ "tso6", 0, 1, TCPV6, true, 1 },
	{ "ecn", 0, 1, TCPV6 | ECN, true, 1 },
	{ "uso", 0, 1, UDP_L4, true, 1 },
	{ "ufo", 0, 1, VIRTIO_NET_HDR_GSO_UDP, false, 0 },
	{ "tso4 declined", NET_RIG_BIT(VIRTIO_NET_F_GUEST_TSO4), 1, TCPV4, false, 0 },
	{ "tso6 declined", NET_RIG_BIT(VIRTIO_NET_F_GUEST_TSO6), 1, TCPV6, false, 0 },
	{ "ecn declined", NET_RIG_BIT(VIRTIO_NET_F_GUEST_ECN), 1, TCPV4 | ECN, false, 0 },
	{ "uso declined",
	  NET_RIG_BIT(VIRTIO_NET_F_GUEST_USO4) | NET_RIG_BIT(VIRTIO_NET_F_GUEST_USO6), 1, UDP_L4,
	  false, 0 },
	{ "tso without csum", NET_RIG_BIT(VIRTIO_NET_F_GUEST_CSUM), 0, TCPV4, false, 0 },
};

/* 5.1.6.4.1, whatever the backend says. */
static void test_receive_headers(gconstpointer arg)
{
	const struct rx_header_case *c = arg;
	struct virtio_net_hdr_v1 hdr = header_of(c->flags, c->gso_type, 54, 500, 34, 16);
	struct net_rig r;

	start(&r, NET_RIG_OFFLOADS, ~c->declined);
	net_rig_post(&r, 0, 2, 1526);
	net_rig_frame(frame, net_rig_mac, 1000, 1);
	memcpy(data, &hdr, HEADER);
	memcpy(data + HEADER, frame, 1000);
	memory_net_give(r.mn, 0, data, HEADER + 1000);
	device_rig_settle(&r.dev);
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, !c->received);
	if (c->received) {
		const struct virtio_net_hdr_v1 *out = (const void *)data;

		check_received(&r, 1000);
		g_assert_cmpuint(out->flags, ==, c->flags_out);
		g_assert_cmpuint(out->gso_type, ==, c->gso_type);
		g_assert_cmpuint(le16_load(&out->csum_start), ==, 34);
		g_assert_cmpuint(le16_load(&out->num_buffers), ==, 1);
	}
	finish(&r);
}

/* 5.1.4.1: none that exceeds the mtu, a VLAN tag apart; only if the driver knows it. */
static void test_receive_mtu(void)
{
	const struct net_rig_setup setup = { .mtu = 1280, .queue_size = 64 };
	struct net_rig r;

	net_rig_init(&r, &setup);
	net_rig_start(&r, ~NET_RIG_BIT(VIRTIO_NET_F_CTRL_VLAN));
	net_rig_post(&r, 0, 10, 2000);
	net_rig_frame(frame, net_rig_mac, 1299, 1);
	net_rig_give(&r, 0, frame, 1294);
	check_received(&r, 1294);
	net_rig_give(&r, 0, frame, 1295);
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, 1);
	be16_store(frame + 12, 0x8100);
	net_rig_give(&r, 0, frame, 1298);
	check_received(&r, 1298);
	net_rig_give(&r, 0, frame, 1299);
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, 2);
	g_assert_true(device_rig_reset(&r.dev));
	net_rig_start(&r, ~(NET_RIG_BIT(VIRTIO_NET_F_CTRL_VLAN) | NET_RIG_BIT(VIRTIO_NET_F_MTU)));
	net_rig_post(&r, 0, 10, 2000);
	net_rig_give(&r, 0, frame, 1299);
	check_received(&r, 1299);
	finish(&r);
}

static void test_receive_errors(void)
{
	struct net_rig r;

	start(&r, 0, UINT64_MAX);
	net_rig_post(&r, 0, 4, 1526);
	net_rig_frame(frame, net_rig_mac, 60, 1);
	r.mn->receive_error = -EIO;
	net_rig_give(&r, 0, frame, 60);
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, 1);
	r.mn->receive_error = -EMSGSIZE;
	net_rig_give(&r, 0, frame, 60);
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, 2);
	r.mn->receive_error = 0;
	/* What is no frame. */
	for (size_t bytes = 0; bytes < 14; bytes++)
		net_rig_give(&r, 0, frame, bytes);
	g_assert_cmpuint(net_rig_counts(&r).rx_dropped, ==, 16);
	net_rig_give(&r, 0, frame, 60);
	check_received(&r, 60);
	finish(&r);
}

static void add_case(const char *folder, const char *name, gconstpointer row, GTestDataFunc test)
{
	g_autofree char *path = g_strdup_printf("/virtio-net/%s/%s", folder, name);

	g_test_add_data_func(path, row, test);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/virtio-net/send", test_send);
	g_test_add_func("/virtio-net/send/layouts", test_send_layouts);
	g_test_add_func("/virtio-net/send/all-entries", test_send_as_many_parts_as_entries);
	for (size_t i = 0; i < IOL_ARRAY_LEN(header_cases); i++)
		add_case("send/header", header_cases[i].name, &header_cases[i], test_send_headers);
	g_test_add_func("/virtio-net/send/declined", test_send_declined);
	g_test_add_func("/virtio-net/send/lengths", test_send_lengths);
	g_test_add_func("/virtio-net/send/busy", test_send_busy);
	g_test_add_func("/virtio-net/send/errors", test_send_errors);
	g_test_add_func("/virtio-net/send/blocked-then-down", test_send_blocked_then_down);
	g_test_add_func("/virtio-net/receive", test_receive);
	g_test_add_func("/virtio-net/receive/readable-part", test_receive_readable_part);
	g_test_add_func("/virtio-net/receive/unmerged", test_receive_unmerged);
	g_test_add_func("/virtio-net/receive/many", test_receive_many);
	g_test_add_func("/virtio-net/receive/without-buffers", test_receive_without_buffers);
	g_test_add_func("/virtio-net/receive/held", test_receive_held);
	g_test_add_func("/virtio-net/receive/held-long", test_receive_held_long);
	g_test_add_func("/virtio-net/receive/never-fits", test_receive_never_fits);
	g_test_add_func("/virtio-net/receive/many-parts", test_receive_many_parts);
	for (size_t i = 0; i < IOL_ARRAY_LEN(rx_header_cases); i++)
		add_case("receive/header", rx_header_cases[i].name, &rx_header_cases[i],
			 test_receive_headers);
	g_test_add_func("/virtio-net/receive/mtu", test_receive_mtu);
	g_test_add_func("/virtio-net/receive/errors", test_receive_errors);
	return g_test_run();
}
