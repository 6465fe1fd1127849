// SPDX-License-Identifier: Apache-2.0
/*
 * The virtio network device: frames to the driver (virtio-v1.2 5.1.6.3, 5.1.6.4).
 *
 * Runs on the loop's thread. Chains are taken off the queue as frames need them and kept for the next one.
 * The backend writes a frame straight to guest memory, but for two parts of ours: its first bytes, which are judged
 * where the guest cannot change them and then copied, and what does not fit the chains at hand. Such a frame
 * waits a little for more of them, at most one for each queue; no other is received meanwhile, so
 * frames stay in the backend while the driver gives no buffers.
 *
 * While frames are awaited the queue is paused: buffers that the driver adds then need no kick. While buffers are
 * awaited the backend is left alone.
 *
 * A hostile guest can lose its own frames. Writes stay inside its chains, work is bounded by turn, and all
 * memory was taken when the device was made.
 */
#include "net_internal.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

/* Frames a turn; then others have theirs (G13). */
enum { FRAMES_PER_TURN = 64 };

/*
 * A frame waits this long for chains, and not twice as long: a driver whose buffers are too few for it would
 * wait for frames meanwhile.
 */
#define HELD_NS (100 * IOL_NS_PER_MS)

static unsigned int queue_of(unsigned int pair)
{
	return 2 * pair;
}

/* --- chains at hand --- */

static bool is_merging(const struct net_device *n)
{
	return iol_virtio_has(&n->v, VIRTIO_NET_F_MRG_RXBUF);
}

/* Whether one more chain, in as many parts as it may have, can be taken. */
static bool has_room(const struct net_device *n, const struct net_rx *rx)
{
	unsigned int pair = (unsigned int)(rx - n->rx);

	return rx->chain_count < n->v.queues[queue_of(pair)].vq.size &&
	       rx->part_count + n->queue_size <= NET_RX_PARTS_MAX;
}

/* Takes one more chain; false when there is none, or the device broke. */
static bool take_chain(struct net_device *n, unsigned int pair)
{
	struct net_rx *rx = &n->rx[pair];
	struct iovec *parts = rx->parts + rx->part_count;
	struct iol_chain chain;

	if (!has_room(n, rx) ||
	    !iol_virtio_pop(&n->v, queue_of(pair), &chain, parts, n->queue_size))
		return false;
	/* 5.1.6.3.1 */
	if (chain.writable_bytes < NET_HEADER_BYTES) {
		iol_virtio_break(&n->v,
				 "queue %u: a receive buffer of %u bytes, less than a header",
				 queue_of(pair), chain.writable_bytes);
		iol_virtio_push(&n->v, queue_of(pair), chain.head, 0);
		return false;
	}
	/* Readable parts have no business here. */
	memmove(parts, chain.iov + chain.readable_count, chain.writable_count * sizeof(*parts));
	rx->chains[rx->chain_count++] = (struct net_rx_chain){
		.head = chain.head,
		.parts = chain.writable_count,
		.bytes = chain.writable_bytes,
	};
	rx->part_count += chain.writable_count;
	rx->bytes += chain.writable_bytes;
	return true;
}

/* The longest frame, with its header, that is to be expected. More is not wrong. */
static size_t expected_bytes(const struct net_device *n)
{
	unsigned int mtu = MAX(MAX(n->net->limits.mtu, n->mtu), 1500);

	if (n->guest_offloads & ~NET_BIT(VIRTIO_NET_F_GUEST_CSUM))
		return NET_FRAME_BYTES_MAX;
	return (size_t)NET_LOOK_BYTES + mtu;
}

/* Takes chains until there are @bytes; without merging one is all that a frame gets. */
static void take_chains(struct net_device *n, unsigned int pair, size_t bytes)
{
	struct net_rx *rx = &n->rx[pair];

	if (!is_merging(n))
		bytes = 1;
	while (rx->bytes < bytes && take_chain(n, pair))
		;
}

/* --- frames --- */

/* Bytes @from up to @to of the parts, as iovecs; the parts have that many. */
static unsigned int list_parts(const struct iovec *parts, size_t from, size_t to, struct iovec *iov)
{
	unsigned int listed = 0;

	for (size_t at = 0; at < to; at += parts++->iov_len) {
		size_t skip = at < from ? from - at : 0;
		size_t end = MIN(to - at, parts->iov_len);

		if (skip < end)
			iov[listed++] = (struct iovec){
				.iov_base = (uint8_t *)parts->iov_base + skip,
				.iov_len = end - skip,
			};
	}
	return listed;
}

/* Copies @len bytes to the parts from their byte @at on; all of them fit. */
static void copy_to_parts(const struct iovec *parts, size_t at, const uint8_t *from, size_t len)
{
	for (; len; parts++) {
		size_t bytes;

		if (at >= parts->iov_len) {
			at -= parts->iov_len;
			continue;
		}
		bytes = MIN(len, parts->iov_len - at);
		memcpy((uint8_t *)parts->iov_base + at, from, bytes);
		from += bytes;
		len -= bytes;
		at = 0;
	}
}

/* How many chains a frame of @bytes takes. */
static unsigned int chains_for(const struct net_rx *rx, size_t bytes)
{
	unsigned int count = 0;

	for (uint64_t room = 0; room < bytes; count++)
		room += rx->chains[count].bytes;
	return count;
}

/* Ends the first @count chains with @bytes over all of them. */
static void push_chains(struct net_device *n, unsigned int pair, unsigned int count, size_t bytes)
{
	struct net_rx *rx = &n->rx[pair];
	unsigned int parts = 0;

	for (unsigned int i = 0; i < count; i++) {
		const struct net_rx_chain *chain = &rx->chains[i];
		uint32_t written = (uint32_t)MIN(bytes, chain->bytes);

		iol_virtio_push(&n->v, queue_of(pair), chain->head, written);
		bytes -= written;
		rx->bytes -= chain->bytes;
		parts += chain->parts;
	}
	rx->chain_count -= count;
	rx->part_count -= parts;
	memmove(rx->chains, rx->chains + count, rx->chain_count * sizeof(*rx->chains));
	memmove(rx->parts, rx->parts + parts, rx->part_count * sizeof(*rx->parts));
}

/* The frame of @bytes that is in rx->look and behind; there are chains for it. */
static void deliver(struct net_device *n, unsigned int pair, size_t bytes)
{
	struct net_rx *rx = &n->rx[pair];
	unsigned int count = chains_for(rx, bytes);

	le16_store(rx->look + offsetof(struct virtio_net_hdr_v1, num_buffers), (uint16_t)count);
	copy_to_parts(rx->parts, 0, rx->look, MIN(bytes, sizeof(rx->look)));
	if (bytes > rx->direct_bytes)
		copy_to_parts(rx->parts, rx->direct_bytes, rx->overflow, bytes - rx->direct_bytes);
	n->counts.rx_frames++;
	n->counts.rx_bytes += bytes - NET_HEADER_BYTES;
	push_chains(n, pair, count, bytes);
}

static bool may_segment(const struct net_device *n, uint8_t gso_type)
{
	const uint64_t uso = NET_BIT(VIRTIO_NET_F_GUEST_USO4) | NET_BIT(VIRTIO_NET_F_GUEST_USO6);
	uint64_t on = n->guest_offloads;

	if ((gso_type & VIRTIO_NET_HDR_GSO_ECN) && !(on & NET_BIT(VIRTIO_NET_F_GUEST_ECN)))
		return false;
	switch (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return on & NET_BIT(VIRTIO_NET_F_GUEST_TSO4);
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return on & NET_BIT(VIRTIO_NET_F_GUEST_TSO6);
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		/* The header does not say which; a backend is asked for none when the driver knows but one. */
		return (on & uso) == uso;
	default:
		return false;
	}
}

/*
 * Whether the driver may get this frame (5.1.4.1, 5.1.6.4.1). What a backend still had when offloads were
 * turned off, or gives while it waits to be told so, may leave more to the driver than it now takes.
 */
static bool judge_frame(const struct net_device *n, struct net_rx *rx, size_t bytes)
{
	uint8_t *flags = rx->look + offsetof(struct virtio_net_hdr_v1, flags);
	uint8_t gso_type = rx->look[offsetof(struct virtio_net_hdr_v1, gso_type)];
	const uint8_t *frame = rx->look + NET_HEADER_BYTES;
	size_t frame_bytes = bytes - NET_HEADER_BYTES;
	bool csum = n->guest_offloads & NET_BIT(VIRTIO_NET_F_GUEST_CSUM);
	size_t header_bytes = IOL_NET_ETHERNET_BYTES;

	if ((*flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) && !csum)
		return false;
	*flags &= csum ? VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID : 0;
	if (gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return may_segment(n, gso_type);
	if (!iol_virtio_has(&n->v, VIRTIO_NET_F_MTU))
		return true;
	if (virtio_net_is_tagged(frame, frame_bytes))
		header_bytes += NET_TAG_BYTES;
	return frame_bytes <= header_bytes + n->mtu;
}

/* The frame of @bytes waits for more chains. */
static void hold(struct net_device *n, struct net_rx *rx, size_t bytes)
{
	rx->held_bytes = bytes;
	rx->held_long = false;
	if (!n->held_op.in_flight)
		iol_loop_timeout(n->v.loop, &n->held_op, HELD_NS);
}

/* A frame of @bytes came. */
static void take_frame(struct net_device *n, unsigned int pair, size_t bytes)
{
	struct net_rx *rx = &n->rx[pair];

	if (bytes < NET_HEADER_BYTES + IOL_NET_ETHERNET_BYTES || bytes > NET_FRAME_BYTES_MAX ||
	    !judge_frame(n, rx, bytes)) {
		n->counts.rx_dropped++;
		return;
	}
	if (!virtio_net_wants(&n->filter, rx->look + NET_HEADER_BYTES, bytes - NET_HEADER_BYTES)) {
		n->counts.rx_filtered++;
		return;
	}
	if (bytes <= (is_merging(n) ? rx->bytes : rx->chains[0].bytes))
		deliver(n, pair, bytes);
	else if (is_merging(n))
		hold(n, rx, bytes);
	else
		n->counts.rx_dropped++; /* 5.1.6.3.1: such buffers are the driver's mistake */
}

/* What iol_net_receive() returns. There is a chain. */
static ssize_t receive(struct net_device *n, unsigned int pair)
{
	struct net_rx *rx = &n->rx[pair];
	uint64_t room = is_merging(n) ? rx->bytes : rx->chains[0].bytes;
	struct iovec *iov = n->rx_iov;
	unsigned int count = 1;

	room = MIN(room, NET_FRAME_BYTES_MAX);
	iov[0] = (struct iovec){ .iov_base = rx->look, .iov_len = sizeof(rx->look) };
	count += list_parts(rx->parts, sizeof(rx->look), room, iov + count);
	rx->direct_bytes = MAX(room, sizeof(rx->look));
	if (is_merging(n) && rx->direct_bytes < NET_FRAME_BYTES_MAX)
		iov[count++] = (struct iovec){
			.iov_base = rx->overflow,
			.iov_len = NET_FRAME_BYTES_MAX - rx->direct_bytes,
		};
	return iol_net_receive(n->net, pair, iov, count);
}

/* --- a turn --- */

enum step {
	STEP_ON, /* there may be more */
	STEP_NEEDS_CHAINS,
	STEP_NEEDS_FRAMES,
	STEP_NEEDS_LINK,
};

static enum step finish_held(struct net_device *n, unsigned int pair)
{
	struct net_rx *rx = &n->rx[pair];

	take_chains(n, pair, rx->held_bytes);
	if (rx->bytes >= rx->held_bytes) {
		deliver(n, pair, rx->held_bytes);
		rx->held_bytes = 0;
		return STEP_ON;
	}
	if (has_room(n, rx))
		return STEP_NEEDS_CHAINS;
	/* All that the driver can give at once is too little. */
	virtio_net_drop_held(n, pair);
	return STEP_ON;
}

static enum step step(struct net_device *n, unsigned int pair)
{
	struct net_rx *rx = &n->rx[pair];
	ssize_t ret;

	if (rx->held_bytes)
		return finish_held(n, pair);
	take_chains(n, pair, expected_bytes(n));
	if (!net_running(n) || !rx->chain_count)
		return STEP_NEEDS_CHAINS;
	ret = receive(n, pair);
	if (ret >= 0) {
		take_frame(n, pair, (size_t)ret);
		return STEP_ON;
	}
	if (ret == -EAGAIN)
		return STEP_NEEDS_FRAMES;
	n->counts.rx_dropped += n->net->link_up;
	if (ret == -EMSGSIZE)
		return STEP_ON;
	return n->net->link_up ? STEP_NEEDS_FRAMES : STEP_NEEDS_LINK;
}

void virtio_net_run_rx(struct net_device *n, unsigned int pair)
{
	enum step next = STEP_ON;

	if (!net_running(n))
		return;
	if (pair >= n->active_pairs) {
		/* Without MQ there are none behind the first, whatever a driver before this one had: but the control queue. */
		if (queue_of(pair) < virtio_net_ctrl_queue(n))
			iol_virtio_pause(&n->v, queue_of(pair));
		return;
	}
	if (virtio_net_vhost_claims(n, pair)) {
		iol_virtio_pause(&n->v, queue_of(pair));
		return;
	}
	for (unsigned int i = 0; i < FRAMES_PER_TURN && next == STEP_ON; i++)
		next = step(n, pair);
	if (next == STEP_NEEDS_CHAINS) {
		iol_virtio_resume(&n->v, queue_of(pair));
		return;
	}
	iol_virtio_pause(&n->v, queue_of(pair));
	if (next != STEP_NEEDS_LINK)
		iol_net_await(n->net, pair, true, false);
}

void virtio_net_drop_held(struct net_device *n, unsigned int pair)
{
	n->counts.rx_dropped += n->rx[pair].held_bytes != 0;
	n->rx[pair].held_bytes = 0;
}

void virtio_net_held_long(struct iol_op *op, int res)
{
	struct net_device *n = iol_container_of(op, struct net_device, held_op);
	bool again = false;

	if (res != -ETIME)
		return;
	for (unsigned int i = 0; i < n->pairs; i++) {
		struct net_rx *rx = &n->rx[i];

		if (rx->held_bytes && rx->held_long) {
			virtio_net_drop_held(n, i);
			virtio_net_run_rx(n, i);
		}
		rx->held_long = rx->held_bytes;
		again = again || rx->held_bytes;
	}
	if (again && !op->in_flight)
		iol_loop_timeout(n->v.loop, op, HELD_NS);
}

void virtio_net_stop_rx(struct net_device *n, unsigned int pair)
{
	virtio_net_drop_held(n, pair);
	push_chains(n, pair, n->rx[pair].chain_count, 0);
}
