// SPDX-License-Identifier: Apache-2.0
/*
 * A driver that breaks the rules of a network card: ../hostile_device_list.h, ../hostile_net_list.h. See
 * hostile.c. Whether a frame was sent is seen by what comes back from the peer, which keeps their order.
 */
#include "hostile_net.h"
#include "hostile_random.h"

#include <linux/virtio_ids.h>

enum { CHECK_AT = Q_SIZE - PARTS }; /* descriptors of the frame that asks whether all is well */

#define FEATURES                                                                                  \
	(VIO_BIT(VIRTIO_F_VERSION_1) | VIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) |                     \
	 VIO_BIT(VIRTIO_RING_F_EVENT_IDX) | BIT(MAC) | BIT(STATUS) | BIT(MRG_RXBUF) |             \
	 BIT(CTRL_VQ) | BIT(CTRL_RX) | BIT(CTRL_RX_EXTRA) | BIT(CTRL_VLAN) | BIT(CTRL_MAC_ADDR) | \
	 BIT(GUEST_ANNOUNCE) | BIT(CSUM) | BIT(HOST_TSO4) | BIT(HOST_TSO6))

struct net_victim n;

/* --- frames --- */

static uint8_t fill_byte(uint64_t number, unsigned int i)
{
	return (uint8_t)(number + 7 * i);
}

static void make_probe(struct card *card, struct sent *sent)
{
	static const uint8_t peer[MAC] = { 0x02, 0, 0, 0, 0, 0x01 };
	static uint64_t number;
	struct probe *probe = sent->probe;

	*sent->header = (struct virtio_net_hdr_v1){ 0 };
	for (unsigned int i = 0; i < MAC; i++) {
		probe->to[i] = peer[i];
		probe->from[i] = card->mac[i];
	}
	probe->type[0] = 0x88;
	probe->type[1] = 0xb5;
	probe->copies = 1;
	probe->bytes = 0;
	probe->pause_ms = 0;
	probe->number = ++number;
	for (unsigned int i = 0; i < sizeof(probe->fill); i++)
		probe->fill[i] = fill_byte(number, i);
	sent->number = number;
	sent->came = false;
}

static void put_parts(struct card *card, uint16_t at, const struct sent *sent)
{
	const uint16_t next = VRING_DESC_F_NEXT;

	put_in(&card->tx, at, (uint64_t)sent->header, NET_HEADER, next, (uint16_t)(at + 1));
	put_in(&card->tx, (uint16_t)(at + 1), (uint64_t)sent->probe, ETHERNET, next,
	       (uint16_t)(at + 2));
	put_in(&card->tx, (uint16_t)(at + 2), (uint64_t)sent->probe + ETHERNET,
	       sizeof(*sent->probe) - ETHERNET, 0, 0);
}

void put_in(struct vio_queue *q, uint16_t index, uint64_t gpa, uint32_t len, uint16_t flags,
	    uint16_t next)
{
	q->desc[index].addr = gpa;
	q->desc[index].len = len;
	q->desc[index].flags = flags;
	q->desc[index].next = next;
}

void submit_to(struct vio_queue *q, uint16_t head)
{
	vio_submit(q, head);
	vio_kick_always(q);
}

void put_probe(uint16_t copies, uint16_t bytes, uint16_t pause_ms)
{
	struct sent *sent = &n.card.valid;

	make_probe(&n.card, sent);
	sent->probe->copies = copies;
	sent->probe->bytes = bytes;
	sent->probe->pause_ms = pause_ms;
	put_parts(&n.card, 0, sent);
}

void put_valid(void)
{
	put_probe(1, 0, 0);
}

void ask(uint16_t copies, uint16_t bytes, uint16_t pause_ms)
{
	put_probe(copies, bytes, pause_ms);
	submit_to(h.q, 0);
}

/* --- received --- */

static bool is_whole(const struct probe *probe)
{
	for (unsigned int i = 0; i < sizeof(probe->fill); i++)
		if (probe->fill[i] != fill_byte(probe->number, i))
			return false;
	return true;
}

static void match(struct card *card, const struct probe *probe)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct sent *sent = i ? &card->check : &card->valid;

		if (probe->number != sent->number)
			continue;
		if (is_whole(probe))
			sent->came = true;
		else
			card->wrong |= !card->mixed;
	}
}

/* @buffer: the first one of a frame, with @len bytes. */
static void look(struct card *card, const uint8_t *buffer, uint32_t len)
{
	const struct virtio_net_hdr_v1 *header = (const void *)buffer;
	const struct probe *probe = (const void *)(buffer + NET_HEADER);
	bool merging = card->v.features & VIO_BIT(VIRTIO_NET_F_MRG_RXBUF);

	if (!card->mixed && (len < NET_HEADER + ETHERNET || header->gso_type))
		card->wrong = true;
	if (!card->mixed && merging)
		card->rest = header->num_buffers - 1u;
	if (len >= NET_HEADER + sizeof(*probe))
		match(card, probe);
}

static void submit_buffer(struct card *card, uint16_t index)
{
	put_in(&card->rx, (uint16_t)(FIRST_BUFFER + index),
	       (uint64_t)(card->buffers + (uint64_t)index * BUFFER_BYTES), BUFFER_BYTES,
	       VRING_DESC_F_WRITE, 0);
	vio_submit(&card->rx, (uint16_t)(FIRST_BUFFER + index));
}

void fill_buffers(struct card *card)
{
	for (uint16_t i = 0; i < BUFFERS; i++)
		submit_buffer(card, i);
	vio_kick(&card->rx);
}

void take_frames(struct card *card)
{
	struct vio_queue *q = &card->rx;

	while (__atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE) != q->used_idx) {
		struct vring_used_elem elem = q->used->ring[q->used_idx++ % Q_SIZE];

		if (elem.id < FIRST_BUFFER || elem.id >= Q_SIZE) {
			card->odd++;
			card->odd_bytes = elem.len;
			card->rest -= !!card->rest;
			continue;
		}
		if (card->rest)
			card->rest--;
		else
			look(card, card->buffers + (elem.id - FIRST_BUFFER) * BUFFER_BYTES,
			     elem.len);
		submit_buffer(card, (uint16_t)(elem.id - FIRST_BUFFER));
		vio_kick(q);
	}
}

/* --- what comes of it --- */

/* @sent is available: it comes back, and nothing else is left to send. */
static enum verdict comes_back(struct card *card, const struct sent *sent)
{
	uint64_t end = hostile_deadline(ANSWER_MS);
	struct vio_queue *q = &card->tx;

	do {
		take_frames(card);
		if (card->wrong)
			return FAIL;
		q->used_idx = *(volatile uint16_t *)&q->used->idx;
		if (sent->came && q->used_idx == q->avail_idx)
			return PASS;
		if (vio_needs_reset(&card->v))
			return REJECT;
	} while (rdtsc() < end);
	return FAIL;
}

static enum verdict check_all(struct card *card)
{
	make_probe(card, &card->check);
	put_parts(card, CHECK_AT, &card->check);
	submit_to(&card->tx, CHECK_AT);
	return comes_back(card, &card->check);
}

enum verdict outcome(void)
{
	enum verdict verdict = await_used();

	if (verdict == PASS)
		verdict = check_all(&n.card);
	return verdict == PASS && !n.card.valid.came ? REJECT : verdict;
}

bool unanswered(void)
{
	take_frames(&n.card);
	return !n.card.valid.came;
}

enum verdict still_works(void)
{
	if (vio_needs_reset(h.v))
		return REJECT;
	ask(1, 0, 0);
	return comes_back(&n.card, &n.card.valid);
}

enum verdict recovers(void)
{
	n.card.mixed = true;
	n.card.rest = 0;
	ask(2 * FIRST_BUFFER, 0, 0);
	return comes_back(&n.card, &n.card.valid);
}

bool other_works(void)
{
	return check_all(&n.other) == PASS;
}

/* --- set-up --- */

static void make_sent(struct sent *sent)
{
	sent->header = vio_alloc(sizeof(*sent->header), 4096);
	sent->probe = vio_alloc(DATA_BYTES, 4096);
}

/* Memory, reset, features, and all queues but the one that sends are enabled. */
static bool set_up_card(struct card *card, uint64_t features)
{
	struct vio *v = &card->v;
	const struct virtio_net_config *config = (const void *)v->config;

	card->rest = 0;
	card->odd = 0;
	card->mixed = false;
	card->wrong = false;
	make_sent(&card->valid);
	make_sent(&card->check);
	card->buffers = vio_alloc(BUFFERS * BUFFER_BYTES, 4096);
	if (!vio_reset(v) || !vio_negotiate(v, features))
		return false;
	for (unsigned int i = 0; i < MAC; i++)
		card->mac[i] = read8((uint64_t)&config->mac[i]);
	vio_queue_make(v, &card->rx, 0, Q_SIZE);
	vio_queue_make(v, &card->tx, 1, Q_SIZE);
	vio_queue_make(v, &card->ctrl, 2, Q_SIZE);
	vio_queue_enable(v, &card->rx);
	if (v->features & VIO_BIT(VIRTIO_NET_F_CTRL_VQ))
		vio_queue_enable(v, &card->ctrl);
	return true;
}

bool set_up_empty(uint64_t features)
{
	vio_arena_reset();
	h.table = vio_alloc(128 * sizeof(h.table[0]), 4096);
	n.odd = vio_alloc(ODD_BYTES, 4096);
	n.command = vio_alloc(2, 4096);
	n.ack = vio_alloc(1, 4096);
	if (!set_up_card(&n.card, features))
		return false;
	h.data = (uint8_t *)n.card.valid.probe;
	return true;
}

bool set_up(uint64_t features)
{
	if (!set_up_empty(features))
		return false;
	/* No kick before DRIVER_OK: the device looks when it starts. */
	for (uint16_t i = 0; i < BUFFERS; i++)
		submit_buffer(&n.card, i);
	return true;
}

bool restart_other(void)
{
	struct card *card = &n.other;

	if (!set_up_card(card, h.features))
		return false;
	vio_queue_enable(&card->v, &card->tx);
	vio_add_status(&card->v, VIRTIO_CONFIG_S_DRIVER_OK);
	fill_buffers(card);
	return check_all(card) == PASS;
}

/* --- random frames --- */

static struct virtio_net_hdr_v1 headers[Q_SIZE];

static struct virtio_net_hdr_v1 random_header(uint64_t *seed)
{
	uint64_t random = random_next(seed);

	if (!random_once(seed, 16))
		return (struct virtio_net_hdr_v1){ 0 };
	return (struct virtio_net_hdr_v1){
		.flags = random & 7,
		.gso_type = random >> 8 & 0x87,
		.hdr_len = (uint16_t)(random >> 16 & 0xff),
		.gso_size = (uint16_t)(random >> 24 & 0x7ff),
		.csum_start = (uint16_t)(random >> 32 & 0x7f),
		.csum_offset = (uint16_t)(random >> 40 & 0x1f),
	};
}

unsigned int random_parts(struct vio_part *parts, unsigned int slot, uint64_t *seed)
{
	unsigned int count = 1 + (unsigned int)(random_next(seed) >> 32) % (RANDOM_PARTS - 1);

	headers[slot] = random_header(seed);
	parts[0] = (struct vio_part){ (uint64_t)&headers[slot], NET_HEADER, false };
	for (unsigned int i = 1; i <= count; i++)
		parts[i] = random_data(seed, slot % 16 ? 200 : 8000, random_once(seed, 2000));
	if (random_once(seed, 64))
		h.data[random_next(seed) % DATA_BYTES] ^= 0xff;
	return count + 1;
}

void random_tend(void)
{
	take_frames(&n.card);
}

bool open_devices(void)
{
	h.v = &n.card.v;
	h.q = &n.card.tx;
	h.other = &n.other.v;
	h.config_bytes = offsetof(struct virtio_net_config, mtu) + sizeof(uint16_t);
	if (!vio_open_kind(&n.card.v, 0, VIRTIO_ID_NET) ||
	    !vio_open_kind(&n.other.v, 1, VIRTIO_ID_NET))
		return false;
	h.features = FEATURES & vio_offered(h.v);
	h.q->index = 1;
	return true;
}

int main(void)
{
	user_run(hostile_run);
}
