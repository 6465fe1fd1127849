// SPDX-License-Identifier: Apache-2.0
/* Violations in buffers for frames that are received. See ../hostile_net_list.h. */
#include "hostile_net.h"

enum {
	NEXT = VRING_DESC_F_NEXT,
	WRITE = VRING_DESC_F_WRITE,
	INDIRECT = VRING_DESC_F_INDIRECT,
	FRAME = sizeof(struct probe),
	RECEIVED = NET_HEADER + FRAME,
	LONG = 9000,
	NEVER_MS = 1000, /* a frame that has not come by then will not */
	ROUNDS = 10,
};

#define MERGE VIO_BIT(VIRTIO_NET_F_MRG_RXBUF)

static struct vio_queue *rx(void)
{
	return &n.card.rx;
}

static void put_rx(uint16_t index, const volatile void *addr, uint32_t len, uint16_t flags,
		   uint16_t next)
{
	put_in(rx(), index, (uint64_t)addr, len, flags, next);
}

static void start(void)
{
	vio_queue_enable(h.v, h.q);
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
}

/* Waits until @count of the violation's chains are used; false: the device broke, or they were not within @ms. */
static bool await_odd(unsigned int count, unsigned int ms)
{
	uint64_t end = hostile_deadline(ms);

	do {
		take_frames(&n.card);
		if (n.card.odd >= count)
			return true;
	} while (!vio_needs_reset(h.v) && rdtsc() < end);
	return false;
}

/*
 * The chains that are available to receive are to be all there is: starts, has a frame of @bytes sent, and
 * sees whether it is in them. With good buffers all is well again then.
 */
static enum verdict received_within(uint16_t bytes, unsigned int ms)
{
	bool odd;

	start();
	ask(1, bytes, 0);
	odd = await_odd(1, ms);
	if (vio_needs_reset(h.v))
		return REJECT;
	fill_buffers(&n.card);
	if (recovers() != PASS)
		return vio_needs_reset(h.v) ? REJECT : FAIL;
	return odd ? PASS : REJECT;
}

static enum verdict received(void)
{
	return received_within(0, ANSWER_MS);
}

/* The same where no chain is long enough, and stays the next one: REJECT. */
static enum verdict dropped(void)
{
	start();
	ask(1, 0, 0);
	if (await_odd(1, NEVER_MS))
		return FAIL;
	return load_ends() == FAIL ? FAIL : REJECT;
}

/* One chain of the descriptors from 0 on, and received(). */
static enum verdict receives_by_chain(void)
{
	vio_submit(rx(), 0);
	return received();
}

static bool odd_is_right(void)
{
	const struct probe *got = (const void *)(n.odd + NET_HEADER);

	return got->number == n.card.valid.number && got->type[1] == n.card.valid.probe->type[1] &&
	       got->fill[100] == n.card.valid.probe->fill[100];
}

/* --- chains --- */

enum verdict v_rx_readable(void)
{
	if (!set_up_empty(h.features))
		return FAIL;
	put_rx(0, n.odd, BUFFER_BYTES, 0, 0);
	return receives_by_chain();
}

enum verdict v_rx_readable_first(void)
{
	if (!set_up_empty(h.features))
		return FAIL;
	put_rx(0, n.odd, BUFFER_BYTES, NEXT, 1);
	put_rx(1, n.odd, BUFFER_BYTES, WRITE, 0);
	return receives_by_chain();
}

enum verdict v_rx_readable_behind(void)
{
	if (!set_up_empty(h.features))
		return FAIL;
	put_rx(0, n.odd, BUFFER_BYTES, WRITE | NEXT, 1);
	put_rx(1, n.odd, BUFFER_BYTES, 0, 0);
	return receives_by_chain();
}

static enum verdict buffer_of(uint64_t features, uint32_t bytes)
{
	if (!set_up_empty(features))
		return FAIL;
	put_rx(0, n.odd, bytes, WRITE, 0);
	return receives_by_chain();
}

enum verdict v_rx_empty(void)
{
	return buffer_of(h.features, 0);
}

enum verdict v_rx_short(void)
{
	return buffer_of(h.features, NET_HEADER - 1);
}

enum verdict v_rx_header_alone(void)
{
	if (!set_up_empty(h.features))
		return FAIL;
	put_rx(0, n.odd, NET_HEADER, WRITE, 0);
	vio_submit(rx(), 0);
	return received_within(0, NEVER_MS);
}

static enum verdict dropped_unmerged(uint32_t bytes)
{
	if (!set_up_empty(h.features & ~MERGE))
		return FAIL;
	put_rx(0, n.odd, bytes, WRITE, 0);
	vio_submit(rx(), 0);
	return dropped();
}

enum verdict v_rx_header_alone_unmerged(void)
{
	return dropped_unmerged(NET_HEADER);
}

enum verdict v_rx_one_missing_unmerged(void)
{
	if (dropped_unmerged(RECEIVED - 1) != REJECT)
		return FAIL;
	if (vio_needs_reset(h.v))
		return REJECT;
	/* A shorter one has room. */
	ask(1, FRAME - 1, 0);
	return await_odd(1, ANSWER_MS) ? REJECT : FAIL;
}

enum verdict v_rx_exact_unmerged(void)
{
	enum verdict verdict = buffer_of(h.features & ~MERGE, RECEIVED);

	return verdict == PASS && n.card.odd_bytes != RECEIVED ? FAIL : verdict;
}

enum verdict v_rx_in_bytes(void)
{
	const uint16_t last = FIRST_BUFFER - 1;

	if (!set_up_empty(h.features))
		return FAIL;
	for (uint16_t i = 0; i < last; i++)
		put_rx(i, n.odd + i, 1, WRITE | NEXT, (uint16_t)(i + 1));
	put_rx(last, n.odd + last, BUFFER_BYTES, WRITE, 0);
	vio_submit(rx(), 0);
	start();
	ask(1, 0, 0);
	return await_odd(1, ANSWER_MS) && odd_is_right() && n.card.odd_bytes == RECEIVED ? PASS
											 : FAIL;
}

enum verdict v_rx_parts_empty(void)
{
	if (!set_up_empty(h.features))
		return FAIL;
	for (uint16_t i = 0; i < 20; i++)
		put_rx(i, (void *)NOWHERE, 0, WRITE | NEXT, (uint16_t)(i + 1));
	put_rx(20, n.odd, BUFFER_BYTES, WRITE, 0);
	return receives_by_chain();
}

/* As many buffers of @bytes as a violation has. */
static bool small_buffers(uint64_t features, uint32_t bytes)
{
	if (!set_up_empty(features))
		return false;
	for (uint16_t i = 0; i < FIRST_BUFFER; i++) {
		put_rx(i, n.odd + i * bytes, bytes, WRITE, 0);
		vio_submit(rx(), i);
	}
	return true;
}

enum verdict v_rx_small_merged(void)
{
	const unsigned int bytes = NET_HEADER + 1, count = (RECEIVED + bytes - 1) / bytes;
	const struct virtio_net_hdr_v1 *header = (const void *)n.odd;

	if (!small_buffers(h.features, bytes))
		return FAIL;
	start();
	ask(1, 0, 0);
	if (!await_odd(count, ANSWER_MS) || n.card.odd != count || !odd_is_right())
		return FAIL;
	return header->num_buffers == count ? PASS : FAIL;
}

enum verdict v_rx_small_unmerged(void)
{
	return small_buffers(h.features & ~MERGE, 100) ? dropped() : FAIL;
}

enum verdict v_rx_never_enough(void)
{
	if (!small_buffers(h.features, 100))
		return FAIL;
	return received_within(LONG, NEVER_MS);
}

/* The ring is full, and all of it is less than the frame. */
enum verdict v_rx_ring_too_little(void)
{
	if (!small_buffers(h.features, 40))
		return FAIL;
	for (uint16_t i = FIRST_BUFFER; i < Q_SIZE; i++) {
		put_rx(i, n.odd + i * 40, 40, WRITE, 0);
		vio_submit(rx(), i);
	}
	start();
	ask(1, LONG, 0);
	if (await_odd(1, NEVER_MS) || vio_needs_reset(h.v))
		return FAIL;
	/* A shorter one has room. */
	ask(1, 0, 0);
	return await_odd(1, ANSWER_MS) && odd_is_right() ? PASS : FAIL;
}

enum verdict v_rx_long_unmerged(void)
{
	if (!start_victim(h.features & ~MERGE))
		return FAIL;
	put_probe(1, LONG, 0);
	return answer(0);
}

/* --- addresses --- */

static enum verdict buffer_at(uint64_t gpa, uint32_t len)
{
	if (!set_up_empty(h.features))
		return FAIL;
	put_in(rx(), 0, gpa, len, WRITE, 0);
	return receives_by_chain();
}

enum verdict v_rx_in_ecam(void)
{
	return buffer_at(IOL_X86_ECAM, BUFFER_BYTES);
}

enum verdict v_rx_in_registers(void)
{
	return buffer_at(h.v->common & ~UINT64_C(0xfff), BUFFER_BYTES);
}

enum verdict v_rx_in_hole(void)
{
	return buffer_at(NOWHERE, BUFFER_BYTES);
}

enum verdict v_rx_wraps(void)
{
	return buffer_at(-UINT64_C(256), BUFFER_BYTES);
}

enum verdict v_rx_across_ram_end(void)
{
	return buffer_at(RAM_END - 256, BUFFER_BYTES);
}

enum verdict v_rx_4gib(void)
{
	return buffer_at((uint64_t)n.odd, UINT32_MAX);
}

enum verdict v_rx_rest_of_ram(void)
{
	if (!set_up_empty(h.features))
		return FAIL;
	put_rx(0, n.odd, (uint32_t)(RAM_END - (uint64_t)n.odd), WRITE, 0);
	return receives_by_chain();
}

enum verdict v_rx_total_above_4gib(void)
{
	if (!set_up_empty(h.features))
		return FAIL;
	put_rx(0, n.odd, 4096, WRITE | NEXT, 1);
	for (uint16_t i = 1; i < Q_SIZE; i++)
		put_in(rx(), i, 0x100000, 100u << 20, WRITE | (i + 1 < Q_SIZE ? NEXT : 0),
		       (uint16_t)(i + 1));
	return receives_by_chain();
}

/* Buffers of 50 times the memory there is, each chain valid. */
enum verdict v_rx_more_than_ram(void)
{
	if (!set_up_empty(h.features))
		return FAIL;
	for (uint16_t i = 0; i < FIRST_BUFFER; i++) {
		put_rx(i, n.odd, (uint32_t)(RAM_END - (uint64_t)n.odd), WRITE, 0);
		vio_submit(rx(), i);
	}
	return received();
}

/* --- links and tables --- */

enum verdict v_rx_head_beyond(void)
{
	if (!set_up_empty(h.features))
		return FAIL;
	vio_submit(rx(), Q_SIZE);
	return received();
}

enum verdict v_rx_next_beyond(void)
{
	if (!set_up_empty(h.features))
		return FAIL;
	put_rx(0, n.odd, BUFFER_BYTES, WRITE | NEXT, Q_SIZE);
	return receives_by_chain();
}

enum verdict v_rx_loop(void)
{
	if (!set_up_empty(h.features))
		return FAIL;
	put_rx(0, n.odd, 1, WRITE | NEXT, 1);
	put_rx(1, n.odd, 1, WRITE | NEXT, 0);
	return receives_by_chain();
}

static enum verdict by_table(uint64_t gpa, uint32_t len, uint16_t flags)
{
	put_in(rx(), 0, gpa, len, INDIRECT | flags, 1);
	return receives_by_chain();
}

static bool set_up_table(void)
{
	if (!set_up_empty(h.features))
		return false;
	put_entry(0, n.odd, 1000, WRITE | NEXT, 1);
	put_entry(1, n.odd + 1000, 1000, WRITE, 0);
	return true;
}

enum verdict v_rx_indirect(void)
{
	return set_up_table() ? by_table((uint64_t)h.table, 32, 0) : FAIL;
}

enum verdict v_rx_indirect_empty(void)
{
	return set_up_table() ? by_table((uint64_t)h.table, 0, 0) : FAIL;
}

enum verdict v_rx_indirect_odd(void)
{
	return set_up_table() ? by_table((uint64_t)h.table, 31, 0) : FAIL;
}

enum verdict v_rx_indirect_huge(void)
{
	return set_up_table() ? by_table((uint64_t)h.table, -16u, 0) : FAIL;
}

enum verdict v_rx_indirect_and_next(void)
{
	return set_up_table() ? by_table((uint64_t)h.table, 32, NEXT) : FAIL;
}

enum verdict v_rx_indirect_outside_ram(void)
{
	return set_up_table() ? by_table(NOWHERE, 32, 0) : FAIL;
}

enum verdict v_rx_indirect_across_ram_end(void)
{
	return set_up_table() ? by_table(RAM_END - 16, 32, 0) : FAIL;
}

enum verdict v_rx_indirect_loop(void)
{
	if (!set_up_table())
		return FAIL;
	h.table[1].flags |= NEXT;
	return by_table((uint64_t)h.table, 32, 0);
}

enum verdict v_rx_indirect_nested(void)
{
	if (!set_up_table())
		return FAIL;
	h.table[2] = h.table[0];
	h.table[3] = h.table[1];
	put_entry(0, &h.table[2], 32, INDIRECT, 0);
	return by_table((uint64_t)h.table, 32, 0);
}

/* --- rings --- */

enum verdict v_rx_ring_of_one(void)
{
	if (!set_up_empty(h.features))
		return FAIL;
	put_rx(0, n.odd, BUFFER_BYTES, WRITE, 0);
	for (unsigned int i = 0; i < Q_SIZE; i++)
		vio_submit(rx(), 0);
	start();
	ask(Q_SIZE, 0, 0);
	return await_odd(Q_SIZE, ANSWER_MS) ? PASS : REJECT;
}

enum verdict v_rx_more_than_ring(void)
{
	if (!set_up_empty(h.features))
		return FAIL;
	put_rx(0, n.odd, BUFFER_BYTES, WRITE, 0);
	for (unsigned int i = 0; i < Q_SIZE + 1; i++)
		vio_submit(rx(), 0);
	return received();
}

enum verdict v_rx_ring_jump(void)
{
	if (still_works() != PASS)
		return FAIL;
	rx()->avail_idx += 300;
	submit_to(rx(), 0);
	ask(BUFFERS + 1, 0, 0); /* a ring is looked at when buffers are needed */
	return await_odd(1, NEVER_MS) ? FAIL : vio_needs_reset(h.v) ? REJECT : PASS;
}

enum verdict v_rx_ring_back(void)
{
	if (still_works() != PASS)
		return FAIL;
	rx()->avail_idx -= 2;
	submit_to(rx(), FIRST_BUFFER);
	ask(BUFFERS + 1, 0, 0);
	return await_odd(1, NEVER_MS) ? FAIL : vio_needs_reset(h.v) ? REJECT : PASS;
}

/* Frames over a part of the ring: what they make of it is not foretold. */
static enum verdict receive_over(void *target)
{
	for (uint16_t i = 0; i < FIRST_BUFFER; i++) {
		put_rx(i, target, 1024, WRITE, 0);
		vio_submit(rx(), i);
	}
	start();
	ask(FIRST_BUFFER, 1000, 0);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		hostile_pause(SILENCE_MS);
		vio_kick_always(rx());
	}
	return vio_needs_reset(h.v) ? REJECT : PASS;
}

enum verdict v_rx_over_descriptors(void)
{
	return set_up_empty(h.features) ? receive_over((void *)rx()->desc) : FAIL;
}

enum verdict v_rx_over_available(void)
{
	return set_up_empty(h.features) ? receive_over(rx()->avail) : FAIL;
}

enum verdict v_rx_over_used(void)
{
	return set_up_empty(h.features) ? receive_over(rx()->used) : FAIL;
}

enum verdict v_rx_over_sent(void)
{
	return set_up_empty(h.features) ? receive_over((void *)h.q->desc) : FAIL;
}

enum verdict v_rx_over_table(void)
{
	if (!set_up_table())
		return FAIL;
	h.table[0].addr = (uint64_t)h.table;
	return by_table((uint64_t)h.table, 32, 0);
}

enum verdict v_rx_over_each_other(void)
{
	if (!set_up_empty(h.features))
		return FAIL;
	for (uint16_t i = 0; i < 20; i++) {
		put_rx(i, n.odd, BUFFER_BYTES, WRITE, 0);
		vio_submit(rx(), i);
	}
	start();
	ask(20, 0, 0);
	return await_odd(20, ANSWER_MS) ? PASS : FAIL;
}

enum verdict v_rx_descriptors_change(void)
{
	uint64_t end, seed = 29;

	if (!set_up(h.features))
		return FAIL;
	start();
	ask(500, 0, 0);
	end = hostile_deadline(JUNK_MS);
	while (rdtsc() < end) {
		uint64_t random = random_next(&seed);
		uint16_t i = random >> 8 & (Q_SIZE - 1);

		rx()->desc[i].addr = random & 3 ? (uint64_t)n.odd : random;
		rx()->desc[i].len = (uint32_t)(random >> 20 & 0xfff);
		rx()->desc[i].flags = (uint16_t)(random >> 40 & 7);
		rx()->desc[i].next = (uint16_t)(random >> 48 & 127);
		submit_to(rx(), i);
	}
	return vio_needs_reset(h.v) ? REJECT : PASS;
}

enum verdict v_rx_used_scribbled(void)
{
	if (still_works() != PASS)
		return FAIL;
	for (unsigned int i = 0; i < Q_SIZE; i++)
		rx()->used->ring[i] = (struct vring_used_elem){ UINT32_MAX, UINT32_MAX };
	rx()->used->flags = 0xffff;
	return still_works();
}

enum verdict v_rx_events_scribbled(void)
{
	uint64_t seed = 31;

	for (unsigned int i = 0; i < 50; i++) {
		rx()->avail->ring[Q_SIZE] = (uint16_t)random_next(&seed);
		rx()->avail->flags = (uint16_t)random_next(&seed);
		write16((uint64_t)&rx()->used->ring[Q_SIZE], (uint16_t)random_next(&seed));
		if (still_works() != PASS)
			return FAIL;
		vio_kick_always(rx());
	}
	return PASS;
}

/* --- floods and resets --- */

enum verdict v_rx_flood_stalled(void)
{
	ask(4 * Q_SIZE, 0, 0);
	for (unsigned int i = 0; i < 3; i++)
		hostile_pause(SILENCE_MS);
	/* What waited comes, and the ring goes round. */
	return still_works();
}

enum verdict v_rx_flood_reset(void)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		ask(200, 1000, 0);
		if (!start_victim(h.features))
			return FAIL;
	}
	return still_works();
}

enum verdict v_rx_no_buffers_reset(void)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (!set_up_empty(h.features))
			return FAIL;
		start();
		ask(200, 1000, 0);
		hostile_pause(SILENCE_MS);
	}
	return start_victim(h.features) ? still_works() : FAIL;
}

enum verdict v_rx_held_reset(void)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (!small_buffers(h.features, 100))
			return FAIL;
		start();
		ask(1, LONG, 0);
		hostile_pause(SILENCE_MS);
		vio_kick_always(rx());
	}
	if (!start_victim(h.features))
		return FAIL;
	/* The frame that waited does not come with the half of it that is in the buffers of the past. */
	hostile_pause(SILENCE_MS);
	take_frames(&n.card);
	return n.card.wrong ? FAIL : still_works();
}

enum verdict v_rx_held_changes(void)
{
	if (!small_buffers(h.features, 100))
		return FAIL;
	start();
	ask(1, LONG, 0);
	hostile_pause(SILENCE_MS);
	/* Chains that the device has taken are its own. */
	for (uint16_t i = 0; i < FIRST_BUFFER; i++)
		put_in(rx(), i, NOWHERE, UINT32_MAX, NEXT, i);
	fill_buffers(&n.card);
	return recovers();
}

enum verdict v_rx_held_broken(void)
{
	if (!small_buffers(h.features, 100))
		return FAIL;
	start();
	ask(1, LONG, 0);
	hostile_pause(SILENCE_MS);
	submit_to(rx(), Q_SIZE);
	await_odd(1, NEVER_MS);
	return vio_needs_reset(h.v) ? REJECT : PASS;
}

enum verdict v_reset_both_ways(void)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		ask(100, 1000, 0);
		load();
		if (!vio_reset(h.v) || !start_victim(h.features))
			return FAIL;
	}
	return still_works();
}
