// SPDX-License-Identifier: Apache-2.0
/* A network card for benchmarks. See card.h. */
#include "card.h"

#include <linux/virtio_ids.h>

enum { SIZE = 256 };
#define FEATURES                                                              \
	(VIO_BIT(VIRTIO_F_VERSION_1) | VIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | \
	 VIO_BIT(VIRTIO_RING_F_EVENT_IDX) | VIO_BIT(VIRTIO_NET_F_MRG_RXBUF))

void card_fail(const char *what)
{
	say("FAIL ");
	say(what);
	say("\n");
	power_off();
}

void card_start(struct card *card, uint64_t features)
{
	struct vio_queue queues[CARD_QUEUES];
	uint64_t wanted = FEATURES | features;

	if (!vio_open_kind(&card->v, 0, VIRTIO_ID_NET) ||
	    !vio_start(&card->v, queues, CARD_QUEUES, SIZE, wanted))
		card_fail("no network card");
	if (card->v.features != wanted)
		card_fail("the card lacks a feature");
	card->rx = queues[CARD_RX];
	card->tx = queues[CARD_TX];
	card->slots = vio_alloc(card->tx.size * sizeof(*card->slots), 256);
	card->rx_data = vio_alloc((uint64_t)card->rx.size * CARD_RX_BYTES, 4096);
	for (unsigned int i = 0; i < card->rx.size; i++)
		card_give_buffer(card);
	vio_kick(&card->rx);
}

uint16_t card_await(struct vio_queue *q)
{
	uint64_t end = rdtsc() + VIO_WAIT_MS * user_ticks_per_ms;
	uint16_t head;

	while ((head = vio_used(q, NULL)) == UINT16_MAX)
		if (rdtsc() > end)
			card_fail(q->index == CARD_RX ? "no frame comes" : "no frame goes");
	return head;
}

struct card_slot *card_next_slot(struct card *card)
{
	return card->tx.free_count ? &card->slots[card->tx.free_head] : NULL;
}

void card_send(struct card *card, uint32_t bytes)
{
	const struct vio_part part = { (uint64_t)&card->slots[card->tx.free_head],
				       NET_HEADER + bytes, false };

	vio_submit(&card->tx, vio_chain(&card->tx, &part, 1));
	card->sent++;
}

void card_send_parts(struct card *card, uint32_t bytes, const struct vio_part *more,
		     unsigned int count)
{
	struct card_slot *slot = &card->slots[card->tx.free_head];
	struct vio_part parts[CARD_PARTS_MAX] = { { (uint64_t)slot, NET_HEADER + bytes, false } };

	for (unsigned int i = 0; i < count && i + 1 < CARD_PARTS_MAX; i++)
		parts[i + 1] = more[i];
	vio_submit(&card->tx, vio_chain_indirect(&card->tx, slot->table, parts, count + 1));
	card->sent++;
}

const struct virtio_net_hdr_mrg_rxbuf *card_header(const struct card *card, uint16_t head)
{
	return (const void *)(card->rx_data + head * CARD_RX_BYTES);
}

const uint8_t *card_frame(const struct card *card, uint16_t head)
{
	return card->rx_data + head * CARD_RX_BYTES + NET_HEADER;
}

void card_give_buffer(struct card *card)
{
	const struct vio_part part = { (uint64_t)card->rx_data + card->rx.free_head * CARD_RX_BYTES,
				       CARD_RX_BYTES, true };

	vio_submit(&card->rx, vio_chain(&card->rx, &part, 1));
}

void card_say_result(uint64_t requests, uint64_t ticks, uint64_t p50, uint64_t p99, uint64_t all)
{
	say("bench requests=");
	say_number(requests);
	say(" ticks=");
	say_number(ticks);
	say(" p50=");
	say_number(p50);
	say(" p99=");
	say_number(p99);
	say(" all=");
	say_number(all);
	say("\n");
}
