// SPDX-License-Identifier: Apache-2.0
/* Violations in rings and indirect tables, of any device. See ../hostile_device_list.h. */
#include "hostile.h"

enum {
	NEXT = VRING_DESC_F_NEXT,
	WRITE = VRING_DESC_F_WRITE,
	INDIRECT = VRING_DESC_F_INDIRECT,
};

static void set_avail_idx(uint16_t idx)
{
	__atomic_store_n(&h.q->avail->idx, idx, __ATOMIC_SEQ_CST);
	vio_kick_always(h.q);
}

/* Every entry of the ring names a valid request. */
static enum verdict jump(uint16_t ahead)
{
	put_valid();
	set_avail_idx((uint16_t)(h.q->avail_idx + ahead));
	return outcome();
}

enum verdict v_avail_jump(void)
{
	return jump(Q_SIZE + 1);
}

enum verdict v_avail_jump_far(void)
{
	return jump(32768);
}

enum verdict v_avail_backwards(void)
{
	if (still_works() != PASS)
		return FAIL;
	return jump(UINT16_MAX);
}

enum verdict v_avail_full(void)
{
	load_ring(Q_SIZE);
	return load_ends() == PASS ? still_works() : FAIL;
}

enum verdict v_head_is_size(void)
{
	return answer(Q_SIZE);
}

enum verdict v_head_65535(void)
{
	return answer(65535);
}

enum verdict v_head_twice(void)
{
	put_valid();
	for (unsigned int i = 0; i < Q_SIZE / 2; i++)
		vio_submit(h.q, 0);
	vio_kick_always(h.q);
	return outcome();
}

static enum verdict next_is(uint16_t next)
{
	put_valid();
	h.q->desc[1].next = next;
	return answer(0);
}

enum verdict v_next_is_size(void)
{
	return next_is(Q_SIZE);
}

enum verdict v_next_65535(void)
{
	return next_is(65535);
}

enum verdict v_loop_of_one(void)
{
	return next_is(1);
}

enum verdict v_loop_of_two(void)
{
	put_valid();
	h.q->desc[2] = h.q->desc[1];
	h.q->desc[1].next = 2;
	h.q->desc[2].next = 1;
	return answer(0);
}

enum verdict v_loop_of_all(void)
{
	put_valid();
	for (uint16_t i = 0; i < Q_SIZE; i++) {
		h.q->desc[i] = h.q->desc[0];
		h.q->desc[i].next = (uint16_t)((i + 1) % Q_SIZE);
	}
	return answer(0);
}

enum verdict v_used_scribbled(void)
{
	if (still_works() != PASS)
		return FAIL;
	for (unsigned int i = 0; i < Q_SIZE; i++)
		h.q->used->ring[i] = (struct vring_used_elem){ UINT32_MAX, UINT32_MAX };
	h.q->used->idx = 0x7777;
	put_valid();
	vio_submit(h.q, 0);
	h.q->used_idx = 0x7777;
	vio_kick_always(h.q);
	if (outcome() != PASS)
		return FAIL;
	/* Its position is its own. */
	if (*(volatile uint16_t *)&h.q->used->idx != h.q->avail_idx)
		return FAIL;
	h.q->used_idx = h.q->avail_idx;
	return still_works();
}

enum verdict v_events_scribbled(void)
{
	uint64_t seed = 3;

	for (unsigned int i = 0; i < 100; i++) {
		h.q->avail->ring[Q_SIZE] = (uint16_t)random_next(&seed);
		h.q->avail->flags = (uint16_t)random_next(&seed);
		write16((uint64_t)&h.q->used->ring[Q_SIZE], (uint16_t)random_next(&seed));
		if (still_works() != PASS)
			return FAIL;
	}
	return PASS;
}

enum verdict v_rings_zeroed(void)
{
	load();
	for (uint16_t i = 0; i < Q_SIZE; i++) {
		put_at(i, 0, 0, 0, 0);
		h.q->avail->ring[i] = 0;
	}
	h.q->avail->idx = 0;
	vio_kick_always(h.q);
	silent();
	return vio_needs_reset(h.v) ? REJECT : PASS;
}

enum verdict v_rings_change(void)
{
	uint64_t end = hostile_deadline(JUNK_MS), seed = 7;

	load();
	while (user_ticks() < end) {
		uint64_t random = random_next(&seed);
		uint16_t i = random >> 8 & (Q_SIZE - 1);

		h.q->desc[i].addr = random & 1 ? (uint64_t)h.data : random;
		h.q->desc[i].len = (uint32_t)(random >> 20 & 0xffff);
		h.q->desc[i].flags = (uint16_t)(random >> 40 & 7);
		h.q->desc[i].next = (uint16_t)(random >> 48 & 127);
		if (random >> 60 == 0)
			vio_kick_always(h.q);
		vio_submit(h.q, i);
	}
	return vio_needs_reset(h.v) ? REJECT : PASS;
}

/* --- indirect tables --- */

enum verdict v_indirect_nested(void)
{
	put_indirect();
	h.table[3] = h.table[0];
	h.table[4] = h.table[1];
	h.table[5] = h.table[2];
	put_entry(0, &h.table[3], 48, INDIRECT, 0);
	return answer(0);
}

enum verdict v_indirect_and_next(void)
{
	put_indirect();
	put(0, h.table, 48, INDIRECT | NEXT, 1);
	return answer(0);
}

static enum verdict indirect_of(uint64_t gpa, uint32_t len, uint16_t flags)
{
	put_indirect();
	put_at(0, gpa, len, INDIRECT | flags, 0);
	return answer(0);
}

enum verdict v_indirect_empty(void)
{
	return indirect_of((uint64_t)h.table, 0, 0);
}

enum verdict v_indirect_odd(void)
{
	return indirect_of((uint64_t)h.table, 40, 0);
}

enum verdict v_indirect_too_long(void)
{
	put_valid();
	for (uint16_t i = 0; i < 128; i++) {
		h.table[i] = h.q->desc[i == 0 ? 0 : i == 127 ? 2 : 1];
		h.table[i].next = (uint16_t)(i + 1);
	}
	put(0, h.table, 128 * sizeof(h.table[0]), INDIRECT, 0);
	return answer(0);
}

enum verdict v_indirect_huge(void)
{
	return indirect_of((uint64_t)h.table, -16u, 0);
}

enum verdict v_indirect_not_agreed(void)
{
	if (!start_victim(h.features & ~VIO_BIT(VIRTIO_RING_F_INDIRECT_DESC)))
		return FAIL;
	return indirect_of((uint64_t)h.table, 48, 0);
}

enum verdict v_indirect_outside_ram(void)
{
	return indirect_of(NOWHERE, 48, 0);
}

enum verdict v_indirect_across_ram_end(void)
{
	return indirect_of(RAM_END - 16, 48, 0);
}

enum verdict v_indirect_in_registers(void)
{
	return indirect_of(h.v->common, 48, 0);
}

enum verdict v_indirect_next_beyond(void)
{
	put_indirect();
	h.table[1].next = 3;
	return answer(0);
}

enum verdict v_indirect_loop(void)
{
	put_indirect();
	h.table[1].next = 1;
	return answer(0);
}

enum verdict v_indirect_writable(void)
{
	return indirect_of((uint64_t)h.table, 48, WRITE);
}

enum verdict v_indirect_unaligned(void)
{
	uint8_t *to = h.data + DATA_BYTES - 4095, *from = (uint8_t *)h.table;

	put_indirect();
	for (unsigned int i = 0; i < 48; i++)
		to[i] = from[i];
	put(0, to, 48, INDIRECT, 0);
	return answer(0);
}

enum verdict v_indirect_in_itself(void)
{
	put_indirect();
	put_entry(0, h.table, 48, INDIRECT, 0);
	return answer(0);
}
