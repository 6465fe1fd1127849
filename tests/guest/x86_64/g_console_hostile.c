// SPDX-License-Identifier: Apache-2.0
/*
 * A driver that breaks the rules of a console: ../hostile_device_list.h, ../hostile_console_list.h. See
 * hostile.c. What is output comes back from the other end (../frame_peer.py), but for bytes below 0x80; a word
 * that does was output.
 */
#include "hostile_console.h"
#include "hostile_random.h"

#include <linux/virtio_ids.h>

enum { CHECK_AT = Q_SIZE - 1 }; /* the descriptor of the word that asks whether all is well */

#define FEATURES                                                              \
	(VIO_BIT(VIRTIO_F_VERSION_1) | VIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | \
	 VIO_BIT(VIRTIO_RING_F_EVENT_IDX) | VIO_BIT(VIRTIO_CONSOLE_F_SIZE) |  \
	 VIO_BIT(VIRTIO_CONSOLE_F_EMERG_WRITE))

struct console_victim c;

/* --- words --- */

static uint64_t next_word(void)
{
	static uint64_t number;

	return ++number * UINT64_C(0x9e3779b97f4a7c15) | UINT64_C(0x8080808080808080);
}

void put_words(unsigned int count)
{
	uint64_t *words = (uint64_t *)h.data;

	c.valid = next_word();
	c.valid_came = false;
	for (unsigned int i = 0; i < count; i++)
		words[i] = c.valid;
	put(0, h.data, 3, VRING_DESC_F_NEXT, 1);
	put(1, h.data + 3, 3, VRING_DESC_F_NEXT, 2);
	put(2, h.data + 6, 8 * count - 6, 0, 0);
}

void put_valid(void)
{
	put_words(1);
}

void ask(unsigned int count)
{
	put_words(count);
	vio_submit(h.q, 0);
	vio_kick_always(h.q);
}

/* --- input --- */

void put_rx(uint16_t index, uint64_t gpa, uint32_t len, uint16_t flags, uint16_t next)
{
	c.rx.desc[index].addr = gpa;
	c.rx.desc[index].len = len;
	c.rx.desc[index].flags = flags;
	c.rx.desc[index].next = next;
}

static void submit_buffer(uint16_t index)
{
	put_rx((uint16_t)(FIRST_BUFFER + index), (uint64_t)(c.buffers + index * BUFFER_BYTES),
	       BUFFER_BYTES, VRING_DESC_F_WRITE, 0);
	vio_submit(&c.rx, (uint16_t)(FIRST_BUFFER + index));
}

void fill_buffers(void)
{
	for (uint16_t i = 0; i < BUFFERS; i++)
		submit_buffer(i);
	vio_kick(&c.rx);
}

static void look(const uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count && i < BUFFER_BYTES; i++) {
		c.window = c.window >> 8 | (uint64_t)bytes[i] << 56;
		c.valid_came |= c.window == c.valid;
		c.check_came |= c.window == c.check;
	}
}

void take_input(void)
{
	while (__atomic_load_n(&c.rx.used->idx, __ATOMIC_ACQUIRE) != c.rx.used_idx) {
		struct vring_used_elem elem = c.rx.used->ring[c.rx.used_idx++ % Q_SIZE];

		if (elem.id < FIRST_BUFFER || elem.id >= Q_SIZE) {
			c.odd++;
			c.odd_bytes += elem.len;
			continue;
		}
		look(c.buffers + (elem.id - FIRST_BUFFER) * BUFFER_BYTES, elem.len);
		submit_buffer((uint16_t)(elem.id - FIRST_BUFFER));
		vio_kick(&c.rx);
	}
}

/* --- what comes of it --- */

static enum verdict comes_back(const bool *came)
{
	uint64_t end = hostile_deadline(ANSWER_MS);

	do {
		take_input();
		h.q->used_idx = *(volatile uint16_t *)&h.q->used->idx;
		if (*came && h.q->used_idx == h.q->avail_idx)
			return PASS;
		if (vio_needs_reset(h.v))
			return REJECT;
	} while (rdtsc() < end);
	return FAIL;
}

enum verdict outcome(void)
{
	enum verdict verdict = await_used();

	if (verdict != PASS)
		return verdict;
	c.check = next_word();
	c.check_came = false;
	*c.check_word = c.check;
	put(CHECK_AT, c.check_word, 8, 0, 0);
	vio_submit(h.q, CHECK_AT);
	vio_kick_always(h.q);
	verdict = comes_back(&c.check_came);
	return verdict == PASS && !c.valid_came ? REJECT : verdict;
}

bool unanswered(void)
{
	take_input();
	return !c.valid_came;
}

enum verdict still_works(void)
{
	if (vio_needs_reset(h.v))
		return REJECT;
	ask(1);
	return comes_back(&c.valid_came);
}

enum verdict recovers(void)
{
	ask(256);
	return comes_back(&c.valid_came);
}

/* --- set-up --- */

bool set_up_empty(uint64_t features)
{
	vio_arena_reset();
	h.data = vio_alloc(DATA_BYTES, 4096);
	h.table = vio_alloc(128 * sizeof(h.table[0]), 4096);
	c.buffers = vio_alloc(BUFFERS * BUFFER_BYTES, 4096);
	c.in = vio_alloc(DATA_BYTES, 4096);
	c.check_word = vio_alloc(8, 8);
	c.odd = 0;
	c.odd_bytes = 0;
	if (!vio_reset(h.v) || !vio_negotiate(h.v, features))
		return false;
	vio_queue_make(h.v, &c.rx, 0, Q_SIZE);
	vio_queue_make(h.v, h.q, 1, Q_SIZE);
	vio_queue_enable(h.v, &c.rx);
	return true;
}

bool set_up(uint64_t features)
{
	if (!set_up_empty(features))
		return false;
	/* No kick before DRIVER_OK: the device looks when it starts. */
	for (uint16_t i = 0; i < BUFFERS; i++)
		submit_buffer(i);
	return true;
}

/* --- random output: zeros, of which none comes back --- */

unsigned int random_parts(struct vio_part *parts, unsigned int slot, uint64_t *seed)
{
	unsigned int count = 1 + (unsigned int)(random_next(seed) >> 32) % RANDOM_PARTS;

	for (unsigned int i = 0; i < count; i++)
		parts[i] = random_data(seed, slot % 8 ? 16 : 1024, random_once(seed, 2000));
	/* But for some words now and then. */
	if (random_once(seed, 64))
		h.data[random_next(seed) % DATA_BYTES] ^= 0xff;
	return count;
}

void random_tend(void)
{
	take_input();
}

bool open_devices(void)
{
	h.v = &c.v;
	h.q = &c.tx;
	h.q->index = 1;
	h.features = FEATURES;
	h.config_bytes = sizeof(struct virtio_console_config);
	return vio_open_kind(&c.v, 0, VIRTIO_ID_CONSOLE) && open_other();
}

int main(void)
{
	user_run(hostile_run);
}
