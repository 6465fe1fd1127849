// SPDX-License-Identifier: Apache-2.0
/*
 * The virtio network device: frames from the driver (virtio-v1.2 5.1.6.2).
 *
 * Runs on the loop's thread. A chain's readable bytes are a header and a frame. The header is copied,
 * judged, and the copy sent with the frame, which the backend reads from guest memory once (G2, G3). A frame
 * that the backend does not take now stays the queue's pending one; the queue is paused meanwhile, so nothing
 * is lost or turned round.
 *
 * A hostile guest can send any frame; what its header asks of the backend lies within the frame and within
 * what was negotiated.
 */
#include "net_internal.h"

#include <errno.h>

static unsigned int queue_of(unsigned int pair)
{
	return 2 * pair + 1;
}

#define LOAD(header, field) le16_load((header) + offsetof(struct virtio_net_hdr_v1, field))
#define STORE(header, field, value) \
	le16_store((header) + offsetof(struct virtio_net_hdr_v1, field), value)

/* Whether frames of this kind may be left to the backend to cut. */
static bool may_segment(const struct net_device *n, uint8_t gso_type)
{
	bool ecn = gso_type & VIRTIO_NET_HDR_GSO_ECN;

	if (ecn && !iol_virtio_has(&n->v, VIRTIO_NET_F_HOST_ECN))
		return false;
	switch (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return iol_virtio_has(&n->v, VIRTIO_NET_F_HOST_TSO4);
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return iol_virtio_has(&n->v, VIRTIO_NET_F_HOST_TSO6);
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return !ecn && iol_virtio_has(&n->v, VIRTIO_NET_F_HOST_USO);
	default:
		return false;
	}
}

/* Leaves in our copy of the header only what means something; false: it cannot be meant. */
static bool judge_header(const struct net_device *n, uint8_t *header, uint32_t frame_bytes)
{
	uint8_t *flags = header + offsetof(struct virtio_net_hdr_v1, flags);
	uint8_t gso_type = header[offsetof(struct virtio_net_hdr_v1, gso_type)];
	unsigned int start = LOAD(header, csum_start), offset = LOAD(header, csum_offset);
	unsigned int hdr_len = LOAD(header, hdr_len), gso_size = LOAD(header, gso_size);
	bool segment = gso_type != VIRTIO_NET_HDR_GSO_NONE;

	/* Flags that we do not know are ignored; without this one the checksum's place is not used. */
	*flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (*flags) {
		if (!iol_virtio_has(&n->v, VIRTIO_NET_F_CSUM))
			return false;
		if (start < IOL_NET_ETHERNET_BYTES || start + offset + sizeof(le16) > frame_bytes)
			return false;
	}
	if (segment && (!*flags || !gso_size || !may_segment(n, gso_type)))
		return false;
	STORE(header, csum_start, (uint16_t)(*flags ? start : 0));
	STORE(header, csum_offset, (uint16_t)(*flags ? offset : 0));
	STORE(header, gso_size, (uint16_t)(segment ? gso_size : 0));
	/* A hint that need not be right; the backend may trust it to lie in the frame. */
	if (hdr_len > frame_bytes)
		hdr_len = frame_bytes;
	STORE(header, hdr_len, (uint16_t)(segment ? hdr_len : 0));
	STORE(header, num_buffers, 0);
	return true;
}

/* Tries to send what is in @tx; what comes of it ends the chain, or blocks the queue. */
static void send_frame(struct net_device *n, unsigned int pair)
{
	struct net_tx *tx = &n->tx[pair];
	int ret = iol_net_send(n->net, pair, tx->out, tx->count);

	tx->blocked = ret == -EAGAIN;
	if (tx->blocked) {
		iol_virtio_pause(&n->v, queue_of(pair));
		iol_net_await(n->net, pair, false, true);
		return;
	}
	if (ret) {
		n->counts.tx_dropped++;
	} else {
		n->counts.tx_frames++;
		n->counts.tx_bytes += tx->frame_bytes;
	}
	/* Nothing is ever written: what is writable in the chain is left alone (2.7.5.1). */
	iol_virtio_push(&n->v, queue_of(pair), tx->head, 0);
}

/* Fills @tx with the chain; false: there is no frame in it. */
static bool take_frame(struct net_device *n, unsigned int pair, struct iol_chain *chain)
{
	struct net_tx *tx = &n->tx[pair];
	struct iovec *first;

	/* A driver must not use a queue that it did not ask for (5.1.6.5.6). */
	if (pair >= n->active_pairs)
		return false;
	if (!iol_chain_take_header(chain, tx->header, sizeof(tx->header)))
		return false;
	tx->frame_bytes = chain->readable_bytes;
	if (tx->frame_bytes < IOL_NET_ETHERNET_BYTES || tx->frame_bytes > IOL_NET_FRAME_MAX)
		return false;
	if (!judge_header(n, tx->header, tx->frame_bytes))
		return false;
	/* There is room: the chain began behind the first of tx->iov. */
	first = chain->iov - 1;
	*first = (struct iovec){ .iov_base = tx->header, .iov_len = sizeof(tx->header) };
	tx->out = first;
	tx->count = chain->readable_count + 1U;
	return true;
}

bool virtio_net_serve_tx(struct net_device *n, unsigned int pair)
{
	unsigned int queue = queue_of(pair), budget = n->v.queues[queue].vq.size;
	struct net_tx *tx = &n->tx[pair];

	if (n->net->link_up && virtio_net_vhost_claims(n, pair)) {
		iol_virtio_pause(&n->v, queue);
		return false;
	}
	for (; budget && !tx->blocked; budget--) {
		struct iol_chain chain;

		if (!iol_virtio_pop(&n->v, queue, &chain, tx->iov + 1, n->queue_size))
			return false;
		tx->head = chain.head;
		if (take_frame(n, pair, &chain)) {
			send_frame(n, pair);
			continue;
		}
		n->counts.tx_dropped++;
		iol_virtio_push(&n->v, queue, chain.head, 0);
	}
	return !tx->blocked;
}

void virtio_net_retry_tx(struct net_device *n, unsigned int pair)
{
	struct net_tx *tx = &n->tx[pair];

	if (!net_running(n) || !tx->blocked)
		return;
	send_frame(n, pair);
	if (!tx->blocked)
		iol_virtio_resume(&n->v, queue_of(pair));
}

void virtio_net_stop_tx(struct net_device *n, unsigned int pair)
{
	struct net_tx *tx = &n->tx[pair];

	if (!tx->blocked)
		return;
	tx->blocked = false;
	n->counts.tx_dropped++;
	iol_virtio_push(&n->v, queue_of(pair), tx->head, 0);
}
