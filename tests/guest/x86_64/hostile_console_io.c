// SPDX-License-Identifier: Apache-2.0
/* Violations in output, input and configuration of a console. See ../hostile_console_list.h. */
#include "hostile_console.h"

enum {
	NEXT = VRING_DESC_F_NEXT,
	WRITE = VRING_DESC_F_WRITE,
	STORM = 300,
	ROUNDS = 10,
};

/* --- output --- */

enum verdict v_out_writable(void)
{
	put_valid();
	h.q->desc[2].flags = WRITE;
	return answer(0);
}

enum verdict v_out_all_writable(void)
{
	put_valid();
	put(0, h.data, 8, WRITE, 0);
	return answer(0);
}

enum verdict v_out_empty(void)
{
	put_valid();
	put(0, h.data, 0, 0, 0);
	return answer(0) == REJECT && !vio_needs_reset(h.v) ? still_works() : REJECT;
}

enum verdict v_out_part_empty_nowhere(void)
{
	put_valid();
	h.q->desc[0].next = 3;
	put_at(3, NOWHERE, 0, NEXT, 1);
	return answer(0) == PASS ? still_works() : REJECT;
}

enum verdict v_out_in_bytes(void)
{
	put_valid();
	for (uint16_t i = 0; i < 8; i++)
		put(i, h.data + i, 1, i < 7 ? NEXT : 0, (uint16_t)(i + 1));
	return answer(0) == PASS ? still_works() : REJECT;
}

enum verdict v_out_64kib(void)
{
	put_words(DATA_BYTES / 8);
	return answer(0) == PASS ? still_works() : REJECT;
}

static enum verdict output_at(uint64_t gpa, uint32_t len)
{
	put_valid();
	put_at(2, gpa, len, 0, 0);
	return answer(0);
}

enum verdict v_out_in_ecam(void)
{
	return output_at(IOL_X86_ECAM, 512);
}

enum verdict v_out_in_registers(void)
{
	return output_at(h.v->common & ~UINT64_C(0xfff), 512);
}

enum verdict v_out_in_hole(void)
{
	return output_at(NOWHERE, 512);
}

enum verdict v_out_wraps(void)
{
	return output_at(-UINT64_C(256), 512);
}

enum verdict v_out_across_ram_end(void)
{
	return output_at(RAM_END - 256, 512);
}

enum verdict v_out_4gib(void)
{
	return output_at((uint64_t)h.data, UINT32_MAX);
}

/* More than is output before the reset. */
enum verdict v_out_long_reset(void)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		put_valid();
		put_at(2, VIO_ARENA, VIO_ARENA_BYTES, 0, 0);
		vio_submit(h.q, 0);
		vio_kick_always(h.q);
		if (!start_victim(h.features))
			return FAIL;
	}
	return still_works();
}

enum verdict v_out_changes(void)
{
	uint64_t end = hostile_deadline(JUNK_MS), seed = 43;

	load();
	while (rdtsc() < end) {
		uint64_t random = random_next(&seed);

		h.data[random % 8] = (uint8_t)(random >> 32);
		h.q->desc[random >> 8 & (Q_SIZE - 1)].len = random >> 40 & 0xfff;
		if (*(volatile uint16_t *)&h.q->used->idx == h.q->avail_idx) {
			vio_submit(h.q, 0);
			vio_kick_always(h.q);
		}
		take_input();
	}
	return load_ends();
}

/* --- input --- */

static void start(void)
{
	vio_queue_enable(h.v, h.q);
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
}

static bool await_odd(unsigned int count)
{
	uint64_t end = hostile_deadline(ANSWER_MS);

	do {
		take_input();
		if (c.odd >= count)
			return true;
	} while (!vio_needs_reset(h.v) && rdtsc() < end);
	return false;
}

/* The chain of descriptors from 0 on is all there is for input; with good buffers all is well again. */
static enum verdict received(void)
{
	bool odd;

	vio_submit(&c.rx, 0);
	start();
	ask(1);
	odd = await_odd(1);
	if (vio_needs_reset(h.v))
		return REJECT;
	fill_buffers();
	if (recovers() != PASS)
		return FAIL;
	return odd ? PASS : FAIL;
}

static enum verdict input_at(uint64_t gpa, uint32_t len, uint16_t flags)
{
	if (!set_up_empty(h.features))
		return FAIL;
	put_rx(0, gpa, len, flags, 1);
	put_rx(1, (uint64_t)c.in, 64, WRITE, 0);
	return received();
}

enum verdict v_in_readable(void)
{
	return input_at((uint64_t)c.in, 64, 0);
}

enum verdict v_in_readable_first(void)
{
	return input_at((uint64_t)c.in, 64, NEXT);
}

enum verdict v_in_readable_behind(void)
{
	if (!set_up_empty(h.features))
		return FAIL;
	put_rx(0, (uint64_t)c.in, 64, WRITE | NEXT, 1);
	put_rx(1, (uint64_t)c.in, 64, 0, 0);
	return received();
}

enum verdict v_in_empty(void)
{
	return input_at((uint64_t)c.in, 0, WRITE);
}

enum verdict v_in_one_byte(void)
{
	return input_at((uint64_t)c.in, 1, WRITE);
}

enum verdict v_in_bytes(void)
{
	if (!set_up_empty(h.features))
		return FAIL;
	for (uint16_t i = 0; i < 8; i++)
		put_rx(i, (uint64_t)(c.in + i), 1, WRITE | (i < 7 ? NEXT : 0), (uint16_t)(i + 1));
	return received();
}

enum verdict v_in_ecam(void)
{
	return input_at(IOL_X86_ECAM, 64, WRITE);
}

enum verdict v_in_registers(void)
{
	return input_at(h.v->common & ~UINT64_C(0xfff), 64, WRITE);
}

enum verdict v_in_hole(void)
{
	return input_at(NOWHERE, 64, WRITE);
}

enum verdict v_in_wraps(void)
{
	return input_at(-UINT64_C(32), 64, WRITE);
}

enum verdict v_in_across_ram_end(void)
{
	return input_at(RAM_END - 32, 64, WRITE);
}

enum verdict v_in_4gib(void)
{
	return input_at((uint64_t)c.in, UINT32_MAX, WRITE);
}

enum verdict v_in_rest_of_ram(void)
{
	return input_at((uint64_t)c.in, (uint32_t)(RAM_END - (uint64_t)c.in), WRITE);
}

enum verdict v_in_loop(void)
{
	if (!set_up_empty(h.features))
		return FAIL;
	put_rx(0, (uint64_t)c.in, 1, WRITE | NEXT, 0);
	return received();
}

enum verdict v_in_head_beyond(void)
{
	vio_submit(&c.rx, Q_SIZE);
	vio_kick_always(&c.rx);
	ask(1);
	return await_odd(1) ? FAIL : vio_needs_reset(h.v) ? REJECT : FAIL;
}

enum verdict v_in_ring_jump(void)
{
	c.rx.avail_idx += 300;
	vio_submit(&c.rx, FIRST_BUFFER);
	vio_kick_always(&c.rx);
	return await_odd(1) ? FAIL : vio_needs_reset(h.v) ? REJECT : FAIL;
}

static enum verdict input_over(volatile void *target)
{
	if (!set_up_empty(h.features))
		return FAIL;
	for (uint16_t i = 0; i < Q_SIZE; i++) {
		put_rx(i, (uint64_t)target, 64, WRITE, 0);
		vio_submit(&c.rx, i);
	}
	start();
	for (unsigned int i = 0; i < 5; i++) {
		ask(32);
		hostile_pause(SILENCE_MS);
		vio_kick_always(&c.rx);
	}
	return vio_needs_reset(h.v) ? REJECT : PASS;
}

enum verdict v_in_over_descriptors(void)
{
	return input_over(c.rx.desc);
}

enum verdict v_in_over_available(void)
{
	return input_over(c.rx.avail);
}

enum verdict v_in_over_used(void)
{
	return input_over(c.rx.used);
}

enum verdict v_in_over_output(void)
{
	return input_over(h.q->desc);
}

enum verdict v_in_flood_reset(void)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		ask(1000);
		if (!start_victim(h.features))
			return FAIL;
	}
	return still_works();
}

enum verdict v_in_no_buffers_reset(void)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (!set_up_empty(h.features))
			return FAIL;
		start();
		ask(1000);
		hostile_pause(SILENCE_MS);
	}
	return start_victim(h.features) ? still_works() : FAIL;
}

/* --- queues and configuration --- */

enum verdict v_console_kick_storm(void)
{
	load();
	for (unsigned int i = 0; i < STORM; i++) {
		vio_kick_always(&c.rx);
		vio_kick_always(&c.tx);
		take_input();
	}
	return load_ends() == PASS ? still_works() : FAIL;
}

enum verdict v_console_emergency_storm(void)
{
	uint64_t at = h.v->config + offsetof(struct virtio_console_config, emerg_wr);

	load();
	for (unsigned int i = 0; i < STORM; i++) {
		write32(at, 0xff000000u | i);
		take_input();
	}
	return load_ends() == PASS && !read32(at) ? still_works() : FAIL;
}

enum verdict v_console_emergency_widths(void)
{
	uint64_t at = h.v->config + offsetof(struct virtio_console_config, emerg_wr);

	for (unsigned int i = 0; i < 4; i++) {
		write8(at + i, 0x41);
		write16(at + i, 0x4141);
		write32(at - i, 0x41414141);
		write64(at - i, UINT64_C(0x4141414141414141));
	}
	return still_works();
}

enum verdict v_console_emergency_early(void)
{
	uint64_t at = h.v->config + offsetof(struct virtio_console_config, emerg_wr);

	vio_reset(h.v);
	for (unsigned int i = 0; i < STORM; i++)
		write32(at, 0x42);
	return start_victim(h.features) ? still_works() : FAIL;
}

enum verdict v_console_size_written(void)
{
	uint32_t before = read32(h.v->config);

	write16(h.v->config, 80);
	write16(h.v->config + 2, 25);
	return read32(h.v->config) == before ? still_works() : FAIL;
}

enum verdict v_console_ports(void)
{
	vio_reset(h.v);
	vio_set(h.v, VIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER);
	vio_set(h.v, VIO_DRIVER_FEATURES_SELECT, 0);
	vio_set(h.v, VIO_DRIVER_FEATURES, VIO_BIT(VIRTIO_CONSOLE_F_MULTIPORT));
	vio_set(h.v, VIO_DRIVER_FEATURES_SELECT, 1);
	vio_set(h.v, VIO_DRIVER_FEATURES, 1);
	vio_add_status(h.v, VIRTIO_CONFIG_S_FEATURES_OK);
	return vio_get(h.v, VIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK ? PASS : REJECT;
}
