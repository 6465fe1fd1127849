// SPDX-License-Identifier: Apache-2.0
/*
 * A driver that breaks the rules of a source of entropy: ../hostile_device_list.h, ../hostile_rng_list.h. See
 * hostile.c. The device has a limit of bytes in the long run: requests are small.
 */
#include "hostile.h"
#include "hostile_other.h"
#include "hostile_random.h"

#include <linux/virtio_ids.h>

enum {
	NEXT = VRING_DESC_F_NEXT,
	WRITE = VRING_DESC_F_WRITE,
	PART = 16, /* bytes */
	PART_AT = 4096, /* from one to the next */
};

#define FEATURES                                                              \
	(VIO_BIT(VIRTIO_F_VERSION_1) | VIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | \
	 VIO_BIT(VIRTIO_RING_F_EVENT_IDX))

static struct vio rng;
static struct vio_queue queue;

/* --- of every kind --- */

void put_valid(void)
{
	for (uint16_t i = 0; i < PARTS; i++) {
		put(i, h.data + i * PART_AT, PART, WRITE | (i + 1 < PARTS ? NEXT : 0),
		    (uint16_t)(i + 1));
		for (unsigned int k = 0; k < PART; k++)
			h.data[i * PART_AT + k] = 0;
	}
}

bool unanswered(void)
{
	for (unsigned int i = 0; i < PART; i++)
		if (h.data[i])
			return false;
	return true;
}

enum verdict outcome(void)
{
	return await_used();
}

/* How many bytes came last. */
static uint32_t last_bytes(void)
{
	return h.q->used->ring[(uint16_t)(h.q->avail_idx - 1) % Q_SIZE].len;
}

enum verdict still_works(void)
{
	enum verdict verdict;

	if (vio_needs_reset(h.v))
		return REJECT;
	put_valid();
	vio_submit(h.q, 0);
	vio_kick_always(h.q);
	verdict = load_ends();
	if (verdict == PASS && (!last_bytes() || last_bytes() > PARTS * PART || unanswered()))
		return FAIL;
	return verdict;
}

bool set_up(uint64_t features)
{
	vio_arena_reset();
	h.data = vio_alloc(DATA_BYTES, 4096);
	h.table = vio_alloc(128 * sizeof(h.table[0]), 4096);
	if (!vio_reset(h.v) || !vio_negotiate(h.v, features))
		return false;
	vio_queue_make(h.v, h.q, 0, Q_SIZE);
	return true;
}

bool open_devices(void)
{
	h.v = &rng;
	h.q = &queue;
	h.features = FEATURES;
	return vio_open_kind(&rng, 0, VIRTIO_ID_RNG) && open_other();
}

/* --- random requests --- */

unsigned int random_parts(struct vio_part *parts, unsigned int slot, uint64_t *seed)
{
	unsigned int count = 1 + (unsigned int)(random_next(seed) >> 32) % RANDOM_PARTS;

	(void)slot;
	for (unsigned int i = 0; i < count; i++)
		parts[i] = random_data(seed, PART / 4, !random_once(seed, 2000));
	return count;
}

void random_tend(void)
{
}

/* --- requests --- */

static enum verdict request_at(uint64_t gpa, uint32_t len, uint16_t flags)
{
	put_at(0, gpa, len, flags, 0);
	return answer(0);
}

enum verdict v_rng_readable(void)
{
	return request_at((uint64_t)h.data, PART, 0);
}

enum verdict v_rng_readable_first(void)
{
	put_valid();
	h.q->desc[0].flags = NEXT;
	return answer(0);
}

enum verdict v_rng_readable_last(void)
{
	put_valid();
	h.q->desc[2].flags = 0;
	return answer(0);
}

enum verdict v_rng_empty(void)
{
	return request_at((uint64_t)h.data, 0, WRITE);
}

enum verdict v_rng_parts_all_empty(void)
{
	put_valid();
	for (unsigned int i = 0; i < PARTS; i++)
		h.q->desc[i].len = 0;
	return answer(0);
}

enum verdict v_rng_part_empty_nowhere(void)
{
	put_valid();
	put_at(1, NOWHERE, 0, WRITE | NEXT, 2);
	return answer(0) == PASS ? still_works() : REJECT;
}

enum verdict v_rng_one_byte(void)
{
	h.data[1] = 0xa5;
	if (request_at((uint64_t)h.data, 1, WRITE) != PASS || last_bytes() != 1)
		return FAIL;
	return h.data[1] == 0xa5 ? still_works() : FAIL;
}

enum verdict v_rng_in_bytes(void)
{
	for (uint16_t i = 0; i < Q_SIZE; i++)
		put(i, h.data + i, 1, WRITE | (i + 1 < Q_SIZE ? NEXT : 0), (uint16_t)(i + 1));
	if (answer(0) != PASS || last_bytes() > Q_SIZE)
		return FAIL;
	return still_works();
}

enum verdict v_rng_64kib(void)
{
	if (request_at((uint64_t)h.data, DATA_BYTES, WRITE) != PASS || !last_bytes() ||
	    last_bytes() > DATA_BYTES)
		return FAIL;
	return still_works();
}

enum verdict v_rng_rest_of_ram(void)
{
	uint64_t at = (uint64_t)h.data;

	return request_at(at, (uint32_t)(RAM_END - at), WRITE) == PASS ? still_works() : FAIL;
}

enum verdict v_rng_4gib(void)
{
	return request_at((uint64_t)h.data, UINT32_MAX, WRITE);
}

enum verdict v_rng_in_ecam(void)
{
	return request_at(IOL_X86_ECAM, PART, WRITE);
}

enum verdict v_rng_in_registers(void)
{
	return request_at(h.v->common & ~UINT64_C(0xfff), PART, WRITE);
}

enum verdict v_rng_in_hole(void)
{
	return request_at(NOWHERE, PART, WRITE);
}

enum verdict v_rng_wraps(void)
{
	return request_at(-UINT64_C(8), PART, WRITE);
}

enum verdict v_rng_across_ram_end(void)
{
	return request_at(RAM_END - 8, PART, WRITE);
}

/* --- rings --- */

static enum verdict over(volatile void *target)
{
	for (uint16_t i = 0; i < Q_SIZE; i++) {
		put(i, target, 64, WRITE, 0);
		vio_submit(h.q, i);
	}
	for (unsigned int i = 0; i < 3; i++) {
		vio_kick_always(h.q);
		hostile_pause(SILENCE_MS);
	}
	return vio_needs_reset(h.v) ? REJECT : PASS;
}

enum verdict v_rng_over_descriptors(void)
{
	return over(h.q->desc);
}

enum verdict v_rng_over_available(void)
{
	return over(h.q->avail);
}

enum verdict v_rng_over_used(void)
{
	return over(h.q->used);
}

enum verdict v_rng_over_table(void)
{
	put_indirect();
	h.table[0].addr = (uint64_t)h.table;
	h.table[0].len = PARTS * sizeof(h.table[0]);
	return answer(0) == PASS ? still_works() : FAIL;
}

/* As much as the device gives, with all of the ring. */
static void drain_limit(void)
{
	for (uint16_t i = 0; i < Q_SIZE; i++) {
		put(i, h.data, DATA_BYTES, WRITE, 0);
		vio_submit(h.q, i);
	}
	vio_kick_always(h.q);
}

enum verdict v_rng_drained(void)
{
	for (unsigned int i = 0; i < 8; i++) {
		drain_limit();
		if (load_ends() != PASS)
			return FAIL;
	}
	return still_works();
}

enum verdict v_rng_drained_kicks(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		drain_limit();
		for (unsigned int k = 0; k < 100; k++)
			vio_kick_always(h.q);
		if (load_ends() != PASS)
			return FAIL;
	}
	return still_works();
}

enum verdict v_rng_drained_reset(void)
{
	for (unsigned int i = 0; i < 20; i++) {
		drain_limit();
		if (!start_victim(h.features))
			return FAIL;
	}
	drain_limit();
	return start_victim(h.features) ? still_works() : FAIL;
}

enum verdict v_rng_held_changes(void)
{
	for (unsigned int i = 0; i < 8; i++) {
		drain_limit();
		for (uint16_t k = 0; k < Q_SIZE; k++)
			put_at(k, NOWHERE, UINT32_MAX, NEXT, k);
		if (load_ends() == FAIL)
			return FAIL;
		if (vio_needs_reset(h.v))
			return REJECT;
	}
	return still_works();
}

enum verdict v_rng_held_broken(void)
{
	drain_limit();
	load_ends();
	drain_limit();
	vio_submit(h.q, Q_SIZE);
	vio_kick_always(h.q);
	return load_ends();
}

int main(void)
{
	user_run(hostile_run);
}
