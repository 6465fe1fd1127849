// SPDX-License-Identifier: Apache-2.0
/* Violations in frames that are sent. See ../hostile_net_list.h. */
#include "hostile_net.h"

enum {
	NEXT = VRING_DESC_F_NEXT,
	WRITE = VRING_DESC_F_WRITE,
	FRAME = sizeof(struct probe),
	CSUM = VIRTIO_NET_HDR_F_NEEDS_CSUM,
	GSO_UDP_L4 = 5, /* which Linux has since 6.2 */
};

static struct virtio_net_hdr_v1 *header(void)
{
	return n.card.valid.header;
}

static uint8_t *frame(void)
{
	return (uint8_t *)n.card.valid.probe;
}

/* A valid frame whose last part has so many bytes that the frame has @bytes. */
static enum verdict with_frame_bytes(uint32_t bytes)
{
	put_probe(1, FRAME, 0);
	h.q->desc[2].len = bytes - ETHERNET;
	return answer(0);
}

/* --- lengths and parts --- */

enum verdict v_tx_nothing(void)
{
	put_valid();
	put(0, header(), 0, 0, 0);
	return answer(0);
}

enum verdict v_tx_no_header(void)
{
	put_valid();
	put(0, frame(), FRAME, 0, 0);
	return answer(0);
}

enum verdict v_tx_header_alone(void)
{
	put_valid();
	h.q->desc[0].flags = 0;
	return answer(0);
}

enum verdict v_tx_header_short(void)
{
	put_valid();
	put(0, header(), NET_HEADER - 1, 0, 0);
	return answer(0);
}

enum verdict v_tx_header_in_bytes(void)
{
	put_valid();
	for (uint16_t i = 0; i < NET_HEADER; i++)
		put((uint16_t)(i + 10), (uint8_t *)header() + i, 1, NEXT,
		    i == NET_HEADER - 1 ? 1 : (uint16_t)(i + 11));
	return answer(10) == PASS ? still_works() : REJECT;
}

enum verdict v_tx_one_part(void)
{
	uint8_t *whole = frame() + 4096;

	put_valid();
	for (unsigned int i = 0; i < NET_HEADER; i++)
		whole[i] = 0;
	for (unsigned int i = 0; i < FRAME; i++)
		whole[NET_HEADER + i] = frame()[i];
	put(0, whole, NET_HEADER + FRAME, 0, 0);
	return answer(0) == PASS ? still_works() : REJECT;
}

enum verdict v_tx_small_parts(void)
{
	const uint16_t bytes = FRAME / 50;

	put_valid();
	for (uint16_t i = 0; i < 50; i++)
		put((uint16_t)(i + 1), frame() + i * bytes, bytes, i < 49 ? NEXT : 0,
		    (uint16_t)(i + 2));
	return answer(0) == PASS ? still_works() : REJECT;
}

enum verdict v_tx_frame_of_13(void)
{
	put_valid();
	put(1, frame(), ETHERNET - 1, 0, 0);
	return answer(0);
}

enum verdict v_tx_frame_of_14(void)
{
	put_valid();
	h.q->desc[1].flags = 0;
	return answer(0); /* nothing tells the peer to send it back */
}

enum verdict v_tx_frame_longest(void)
{
	return with_frame_bytes(FRAME_MAX);
}

enum verdict v_tx_frame_too_long(void)
{
	return with_frame_bytes(FRAME_MAX + 1);
}

enum verdict v_tx_frame_1mib(void)
{
	return with_frame_bytes(1 << 20);
}

enum verdict v_tx_part_empty(void)
{
	put_valid();
	h.q->desc[1].next = 3;
	put(3, frame(), 0, NEXT, 2);
	return answer(0) == PASS ? still_works() : REJECT;
}

enum verdict v_tx_part_empty_nowhere(void)
{
	put_valid();
	h.q->desc[1].next = 3;
	put_at(3, NOWHERE, 0, NEXT, 2);
	return answer(0) == PASS ? still_works() : REJECT;
}

enum verdict v_tx_parts_all_empty(void)
{
	put_valid();
	for (unsigned int i = 0; i < PARTS; i++)
		h.q->desc[i].len = 0;
	return answer(0);
}

enum verdict v_tx_writable(void)
{
	put_valid();
	for (unsigned int i = 0; i < PARTS; i++)
		h.q->desc[i].flags |= WRITE;
	return answer(0);
}

enum verdict v_tx_header_writable(void)
{
	put_valid();
	h.q->desc[0].flags |= WRITE;
	return answer(0);
}

enum verdict v_tx_writable_behind(void)
{
	put_valid();
	h.q->desc[2].flags = NEXT;
	h.q->desc[2].next = 3;
	put(3, n.odd, 4096, WRITE, 0);
	for (unsigned int i = 0; i < 4096; i++)
		n.odd[i] = 0xa5;
	if (answer(0) != PASS)
		return REJECT;
	for (unsigned int i = 0; i < 4096; i++)
		if (n.odd[i] != 0xa5)
			return FAIL;
	return still_works();
}

/* --- addresses --- */

static enum verdict frame_at(uint64_t gpa, uint32_t len)
{
	put_valid();
	put_at(2, gpa, len, 0, 0);
	return answer(0);
}

enum verdict v_tx_in_ecam(void)
{
	return frame_at(IOL_X86_ECAM, 512);
}

enum verdict v_tx_in_registers(void)
{
	return frame_at(h.v->common & ~UINT64_C(0xfff), 512);
}

enum verdict v_tx_in_hole(void)
{
	return frame_at(NOWHERE, 512);
}

enum verdict v_tx_wraps(void)
{
	return frame_at(-UINT64_C(256), 512);
}

enum verdict v_tx_across_ram_end(void)
{
	return frame_at(RAM_END - 256, 512);
}

enum verdict v_tx_4gib(void)
{
	return frame_at((uint64_t)frame(), UINT32_MAX);
}

enum verdict v_tx_total_above_4gib(void)
{
	put_valid();
	for (uint16_t i = 2; i < 60; i++)
		put_at(i, 0x100000, 100u << 20, NEXT, (uint16_t)(i + 1));
	put(60, frame(), 64, 0, 0);
	return answer(0);
}

enum verdict v_tx_header_outside_ram(void)
{
	put_valid();
	put_at(0, NOWHERE, NET_HEADER, NEXT, 1);
	return answer(0);
}

/* --- what the header says --- */

static enum verdict with_header(const struct virtio_net_hdr_v1 *value)
{
	put_valid();
	*header() = *value;
	return answer(0);
}

#define WITH_HEADER(...) with_header(&(const struct virtio_net_hdr_v1){ __VA_ARGS__ })

/* A checksum that is the device's to make, and a packet that it is to cut. */
#define CUT(type, ...)                                                                      \
	WITH_HEADER(.flags = CSUM, .csum_start = 34, .csum_offset = 16, .gso_type = (type), \
		    .gso_size = 100, __VA_ARGS__)

enum verdict v_tx_flags_unknown(void)
{
	return WITH_HEADER(.flags = 0xfe) == PASS ? still_works() : REJECT;
}

enum verdict v_tx_csum_not_agreed(void)
{
	if (!start_victim(h.features &
			  ~(VIO_BIT(VIRTIO_NET_F_CSUM) | VIO_BIT(VIRTIO_NET_F_HOST_TSO4) |
			    VIO_BIT(VIRTIO_NET_F_HOST_TSO6))))
		return FAIL;
	return WITH_HEADER(.flags = CSUM, .csum_start = 34, .csum_offset = 16);
}

enum verdict v_tx_csum_start_beyond(void)
{
	return WITH_HEADER(.flags = CSUM, .csum_start = 65535, .csum_offset = 16);
}

enum verdict v_tx_csum_offset_beyond(void)
{
	return WITH_HEADER(.flags = CSUM, .csum_start = 34, .csum_offset = 65535);
}

enum verdict v_tx_csum_across_end(void)
{
	return WITH_HEADER(.flags = CSUM, .csum_start = FRAME - 17, .csum_offset = 16);
}

enum verdict v_tx_csum_sum_wraps(void)
{
	return WITH_HEADER(.flags = CSUM, .csum_start = 65535, .csum_offset = 17);
}

enum verdict v_tx_csum_in_ethernet(void)
{
	return WITH_HEADER(.flags = CSUM, .csum_start = 0, .csum_offset = 0);
}

enum verdict v_tx_csum_not_asked(void)
{
	enum verdict verdict = WITH_HEADER(.csum_start = 65535, .csum_offset = 65535);

	return verdict == PASS ? still_works() : REJECT;
}

enum verdict v_tx_gso_unknown(void)
{
	return CUT(0x7f);
}

enum verdict v_tx_gso_not_agreed(void)
{
	if (!start_victim(h.features &
			  ~(VIO_BIT(VIRTIO_NET_F_HOST_TSO4) | VIO_BIT(VIRTIO_NET_F_HOST_TSO6))))
		return FAIL;
	return CUT(VIRTIO_NET_HDR_GSO_TCPV4);
}

enum verdict v_tx_gso_ufo(void)
{
	return CUT(VIRTIO_NET_HDR_GSO_UDP);
}

enum verdict v_tx_gso_uso(void)
{
	return CUT(GSO_UDP_L4);
}

enum verdict v_tx_gso_ecn_alone(void)
{
	return CUT(VIRTIO_NET_HDR_GSO_ECN);
}

enum verdict v_tx_gso_ecn_not_agreed(void)
{
	return CUT(VIRTIO_NET_HDR_GSO_ECN | VIRTIO_NET_HDR_GSO_TCPV4);
}

enum verdict v_tx_gso_no_csum(void)
{
	return WITH_HEADER(.gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 100);
}

enum verdict v_tx_gso_size_zero(void)
{
	return WITH_HEADER(.flags = CSUM, .csum_start = 34, .csum_offset = 16,
			   .gso_type = VIRTIO_NET_HDR_GSO_TCPV4);
}

enum verdict v_tx_gso_size_one(void)
{
	return WITH_HEADER(.flags = CSUM, .csum_start = 34, .csum_offset = 16,
			   .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1);
}

enum verdict v_tx_gso_size_huge(void)
{
	return WITH_HEADER(.flags = CSUM, .csum_start = 34, .csum_offset = 16,
			   .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 65535);
}

enum verdict v_tx_gso_size_alone(void)
{
	enum verdict verdict = WITH_HEADER(.gso_size = 65535);

	return verdict == PASS ? still_works() : REJECT;
}

enum verdict v_tx_gso_hdr_len_beyond(void)
{
	return CUT(VIRTIO_NET_HDR_GSO_TCPV4, .hdr_len = 65535);
}

enum verdict v_tx_hdr_len_beyond(void)
{
	return WITH_HEADER(.hdr_len = 65535) == PASS ? still_works() : REJECT;
}

enum verdict v_tx_num_buffers(void)
{
	return WITH_HEADER(.num_buffers = 65535) == PASS ? still_works() : REJECT;
}

enum verdict v_tx_header_junk(void)
{
	uint64_t seed = 17;

	for (unsigned int i = 0; i < 200; i++) {
		put_valid();
		for (unsigned int k = 0; k < NET_HEADER; k++)
			((uint8_t *)header())[k] = (uint8_t)(random_next(&seed) >> 24);
		submit_to(h.q, 0);
		if (load_ends() != PASS)
			return FAIL;
		take_frames(&n.card);
	}
	return still_works();
}

/* --- while it is read --- */

static enum verdict while_changing(uint8_t *target, unsigned int bytes)
{
	uint64_t end = hostile_deadline(JUNK_MS), seed = 19;

	load();
	while (rdtsc() < end) {
		uint64_t random = random_next(&seed);

		target[random % bytes] = (uint8_t)(random >> 32);
		if (*(volatile uint16_t *)&h.q->used->idx == h.q->avail_idx)
			submit_to(h.q, 0);
		take_frames(&n.card);
	}
	if (load_ends() != PASS)
		return FAIL;
	n.card.wrong = false;
	return still_works();
}

enum verdict v_tx_header_changes(void)
{
	put_valid();
	return while_changing((uint8_t *)header(), NET_HEADER);
}

enum verdict v_tx_frame_changes(void)
{
	put_valid();
	/* Not the peer's orders. */
	return while_changing(n.card.valid.probe->fill, sizeof(n.card.valid.probe->fill));
}

enum verdict v_tx_lengths_change(void)
{
	uint64_t end = hostile_deadline(JUNK_MS), seed = 23;

	load();
	while (rdtsc() < end) {
		uint64_t random = random_next(&seed);

		h.q->desc[random % Q_SIZE].len = (uint32_t)(random >> 44);
		vio_submit(h.q, (uint16_t)(random >> 8 & (Q_SIZE - 1)));
		vio_kick_always(h.q);
		take_frames(&n.card);
	}
	return vio_needs_reset(h.v) ? REJECT : PASS;
}

enum verdict v_tx_chains_share(void)
{
	put_valid();
	for (uint16_t i = 0; i < 60; i++)
		vio_submit(h.q, i % PARTS);
	vio_kick_always(h.q);
	if (load_ends() != PASS)
		return REJECT;
	return still_works();
}

/* --- more than the peer takes --- */

/* All of the ring with the longest frames, while the peer sleeps. */
static void block(void)
{
	ask(1, FRAME, 200);
	hostile_pause(SILENCE_MS);
	/* The others neither come back nor let the peer sleep. */
	n.card.valid.probe->copies = 0;
	n.card.valid.probe->pause_ms = 0;
	for (uint16_t i = PARTS; i + 1 < Q_SIZE - PARTS; i += 2) {
		put(i, header(), NET_HEADER, NEXT, (uint16_t)(i + 1));
		put((uint16_t)(i + 1), frame(), FRAME_MAX, 0, 0);
		vio_submit(h.q, i);
	}
	vio_kick_always(h.q);
	hostile_pause(SILENCE_MS);
}

enum verdict v_tx_blocked_reset(void)
{
	for (unsigned int i = 0; i < 3; i++) {
		block();
		if (!start_victim(h.features))
			return FAIL;
	}
	return still_works();
}

enum verdict v_tx_blocked_kicks(void)
{
	block();
	for (unsigned int i = 0; i < 500; i++)
		vio_kick_always(h.q);
	return load_ends() == PASS ? still_works() : FAIL;
}

enum verdict v_tx_blocked_changes(void)
{
	block();
	for (uint16_t i = PARTS; i < Q_SIZE; i++)
		put_at(i, NOWHERE, UINT32_MAX, NEXT, i);
	*header() =
		(struct virtio_net_hdr_v1){ .flags = 0xff, .gso_type = 0xff, .csum_start = 0xffff };
	vio_kick_always(h.q);
	return load_ends() == PASS ? still_works() : REJECT;
}

enum verdict v_tx_blocked_ring_jump(void)
{
	block();
	__atomic_store_n(&h.q->avail->idx, h.q->avail_idx + 200, __ATOMIC_SEQ_CST);
	vio_kick_always(h.q);
	return load_ends();
}
