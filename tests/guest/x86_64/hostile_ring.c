// SPDX-License-Identifier: Apache-2.0
/* Violations in rings, indirect tables and buffers. See ../hostile_list.h. */
#include "hostile.h"

#include "disk_image.h"

enum {
	NEXT = VRING_DESC_F_NEXT,
	WRITE = VRING_DESC_F_WRITE,
	INDIRECT = VRING_DESC_F_INDIRECT,
	READ_BYTES = 4096,
};

static void set_avail_idx(uint16_t idx)
{
	__atomic_store_n(&h.q->avail->idx, idx, __ATOMIC_SEQ_CST);
	vio_kick_always(h.q);
}

/* Every entry of the ring names a valid request. */
static enum verdict jump(uint16_t ahead)
{
	put_request(VIRTIO_BLK_T_IN, 0, 512);
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
	h.dq->indirect = true;
	for (unsigned int i = 0; i < Q_SIZE - 2; i++)
		disk_submit(h.dq, VIRTIO_BLK_T_IN, i, h.data, 512);
	/* The driver keeps two back; offered by hand. */
	for (unsigned int i = 0; i < 2; i++) {
		struct disk_slot *slot = &h.dq->slots[h.q->free_head];
		const struct vio_part parts[] = { { (uint64_t)&slot->header, 16, false },
						  { (uint64_t)h.data, 512, true },
						  { (uint64_t)&slot->status, 1, true } };

		vio_submit(h.q, vio_chain_indirect(h.q, slot->table, parts, 3));
	}
	vio_kick_always(h.q);
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
	put_request(VIRTIO_BLK_T_IN, 0, DATA_BYTES);
	for (unsigned int i = 0; i < 32; i++)
		vio_submit(h.q, 0);
	vio_kick_always(h.q);
	return outcome();
}

static enum verdict next_is(uint16_t next)
{
	put_request(VIRTIO_BLK_T_IN, 0, 512);
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
	put_request(VIRTIO_BLK_T_IN, 0, 512);
	put(1, h.data, 512, NEXT | WRITE, 2);
	put(2, h.data, 512, NEXT | WRITE, 1);
	return answer(0);
}

enum verdict v_loop_of_all(void)
{
	for (uint16_t i = 0; i < Q_SIZE; i++)
		put(i, h.header, 16, NEXT, (uint16_t)((i + 1) % Q_SIZE));
	return answer(0);
}

enum verdict v_used_scribbled(void)
{
	uint16_t idx;

	if (still_works() != PASS)
		return FAIL;
	idx = h.q->used->idx;
	for (unsigned int i = 0; i < Q_SIZE; i++)
		h.q->used->ring[i] = (struct vring_used_elem){ UINT32_MAX, UINT32_MAX };
	h.q->used->idx = 0x7777;
	put_request(VIRTIO_BLK_T_IN, 0, 512);
	vio_submit(h.q, 0);
	h.q->used_idx = 0x7777;
	vio_kick_always(h.q);
	if (outcome() != PASS)
		return FAIL;
	/* Its position is its own. */
	if (*(volatile uint16_t *)&h.q->used->idx != (uint16_t)(idx + 1))
		return FAIL;
	h.q->used_idx = (uint16_t)(idx + 1);
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
	while (rdtsc() < end) {
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

static enum verdict read_over(const volatile void *target)
{
	put_request(VIRTIO_BLK_T_IN, 0, 1024);
	put(1, target, 1024, NEXT | WRITE, 2);
	vio_submit(h.q, 0);
	vio_kick_always(h.q);
	silent();
	vio_kick_always(h.q);
	silent();
	return vio_needs_reset(h.v) ? REJECT : PASS;
}

enum verdict v_data_over_descriptors(void)
{
	return read_over(h.q->desc);
}

enum verdict v_data_over_available(void)
{
	return read_over(h.q->avail);
}

enum verdict v_data_over_used(void)
{
	return read_over(h.q->used);
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
	put_request(VIRTIO_BLK_T_IN, 0, 512);
	put_entry(0, h.header, 16, NEXT, 1);
	for (uint16_t i = 1; i < 127; i++)
		put_entry(i, h.data, 512, NEXT | WRITE, (uint16_t)(i + 1));
	put_entry(127, h.status, 1, WRITE, 0);
	put(0, h.table, 128 * sizeof(h.table[0]), INDIRECT, 0);
	return answer(0);
}

enum verdict v_indirect_huge(void)
{
	return indirect_of((uint64_t)h.table, -16u, 0);
}

enum verdict v_indirect_not_agreed(void)
{
	if (!set_up(FEATURES & ~VIO_BIT(VIRTIO_RING_F_INDIRECT_DESC)))
		return FAIL;
	vio_queue_enable(h.v, h.q);
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
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

/* --- buffers --- */

enum verdict v_writable_first(void)
{
	put_request(VIRTIO_BLK_T_IN, 0, 512);
	put(3, h.data, 512, NEXT | WRITE, 0);
	h.q->desc[0].next = 2;
	return answer(3);
}

enum verdict v_readable_last(void)
{
	put_request(VIRTIO_BLK_T_IN, 0, 512);
	put(2, h.status, 1, NEXT | WRITE, 3);
	put(3, h.data, 512, 0, 0);
	return answer(0);
}

static enum verdict buffer_at(uint64_t gpa, uint32_t len)
{
	enum verdict to, from;

	put_request(VIRTIO_BLK_T_IN, 0, len);
	put_at(1, gpa, len, NEXT | WRITE, 2);
	to = answer(0);
	if (to != REJECT || vio_needs_reset(h.v))
		return to;
	put_request(VIRTIO_BLK_T_OUT, 0, len);
	put_at(1, gpa, len, NEXT, 2);
	from = answer(0);
	return from;
}

enum verdict v_buffer_in_ecam(void)
{
	return buffer_at(IOL_X86_ECAM, 512);
}

enum verdict v_buffer_in_registers(void)
{
	return buffer_at(h.v->common & ~UINT64_C(0xfff), 512);
}

enum verdict v_buffer_in_hole(void)
{
	return buffer_at(NOWHERE, 512);
}

enum verdict v_buffer_wraps(void)
{
	return buffer_at(-UINT64_C(256), 512);
}

enum verdict v_buffer_across_ram_end(void)
{
	return buffer_at(RAM_END - 256, 512);
}

enum verdict v_buffer_4gib(void)
{
	return buffer_at((uint64_t)h.data, UINT32_MAX);
}

enum verdict v_header_outside_ram(void)
{
	put_request(VIRTIO_BLK_T_IN, 0, 512);
	put_at(0, NOWHERE, 16, NEXT, 1);
	return answer(0);
}

enum verdict v_status_outside_ram(void)
{
	put_request(VIRTIO_BLK_T_IN, 0, 512);
	put_at(2, NOWHERE, 1, WRITE, 0);
	return answer(0);
}

enum verdict v_part_empty(void)
{
	put_request(VIRTIO_BLK_T_IN, 0, 512);
	h.q->desc[0].next = 3;
	put(3, h.data, 0, NEXT | WRITE, 1);
	return answer(0) == PASS ? still_works() : REJECT;
}

enum verdict v_parts_all_empty(void)
{
	put_request(VIRTIO_BLK_T_IN, 0, 0);
	put(0, h.header, 0, NEXT, 1);
	put(2, h.status, 0, WRITE, 0);
	return answer(0);
}

enum verdict v_total_above_4gib(void)
{
	const uint32_t part = 100u << 20; /* lies in RAM as a whole */

	put_request(VIRTIO_BLK_T_IN, 0, 512);
	for (uint16_t i = 1; i < 60; i++)
		put_at(i, 0x100000, part, NEXT | WRITE, (uint16_t)(i + 1));
	put(60, h.status, 1, WRITE, 0);
	return answer(0);
}

enum verdict v_flags_unknown(void)
{
	put_request(VIRTIO_BLK_T_IN, 0, 512);
	h.q->desc[1].flags |= 0xfff8;
	return answer(0);
}

enum verdict v_data_over_header(void)
{
	put_request(VIRTIO_BLK_T_IN, 8, 512);
	put(0, h.data, 16, NEXT, 1);
	*(struct virtio_blk_outhdr *)h.data = *h.header;
	return answer(0) == PASS ? still_works() : FAIL;
}

enum verdict v_status_over_header(void)
{
	put_request(VIRTIO_BLK_T_IN, 8, 512);
	put(2, h.header, 1, WRITE, 0);
	h.header->type = VIRTIO_BLK_T_IN;
	*h.status = VIRTIO_BLK_S_OK; /* outcome() looks there */
	return answer(0) == PASS ? still_works() : FAIL;
}

enum verdict v_many_parts(void)
{
	const uint64_t *word;
	uint16_t parts = 60;

	put_request(VIRTIO_BLK_T_IN, 0, 512);
	put(0, h.header, 16, NEXT, 1);
	for (uint16_t i = 0; i < parts; i++)
		put((uint16_t)(i + 1), h.data + (parts - 1 - i) * 512, 512, NEXT | WRITE,
		    (uint16_t)(i + 2));
	put((uint16_t)(parts + 1), h.status, 1, WRITE, 0);
	if (answer(0) != PASS)
		return REJECT;
	/* The first sector of the disk is in the last part. */
	word = (const uint64_t *)(h.data + (parts - 1) * 512);
	return *word == disk_word(0, 0) ? still_works() : FAIL;
}
