// SPDX-License-Identifier: Apache-2.0
/* Violations in the buffers of a disk's requests. See ../hostile_disk_list.h. */
#include "hostile_disk.h"

#include "disk_image.h"

enum {
	NEXT = VRING_DESC_F_NEXT,
	WRITE = VRING_DESC_F_WRITE,
};

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
	put(2, d.status, 1, NEXT | WRITE, 3);
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
	return buffer_at(VIO_ECAM, 512);
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
	put(0, d.header, 0, NEXT, 1);
	put(2, d.status, 0, WRITE, 0);
	return answer(0);
}

enum verdict v_total_above_4gib(void)
{
	const uint32_t part = 100u << 20; /* lies in RAM as a whole */

	put_request(VIRTIO_BLK_T_IN, 0, 512);
	for (uint16_t i = 1; i < 60; i++)
		put_at(i, 0x100000, part, NEXT | WRITE, (uint16_t)(i + 1));
	put(60, d.status, 1, WRITE, 0);
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
	*(struct virtio_blk_outhdr *)h.data = *d.header;
	return answer(0) == PASS ? still_works() : FAIL;
}

enum verdict v_status_over_header(void)
{
	put_request(VIRTIO_BLK_T_IN, 8, 512);
	put(2, d.header, 1, WRITE, 0);
	d.header->type = VIRTIO_BLK_T_IN;
	*d.status = VIRTIO_BLK_S_OK; /* outcome() looks there */
	return answer(0) == PASS ? still_works() : FAIL;
}

enum verdict v_many_parts(void)
{
	const uint64_t *word;
	uint16_t parts = 60;

	put_request(VIRTIO_BLK_T_IN, 0, 512);
	put(0, d.header, 16, NEXT, 1);
	for (uint16_t i = 0; i < parts; i++)
		put((uint16_t)(i + 1), h.data + (parts - 1 - i) * 512, 512, NEXT | WRITE,
		    (uint16_t)(i + 2));
	put((uint16_t)(parts + 1), d.status, 1, WRITE, 0);
	if (answer(0) != PASS)
		return REJECT;
	/* The first sector of the disk is in the last part. */
	word = (const uint64_t *)(h.data + (parts - 1) * 512);
	return *word == disk_word(0, 0) ? still_works() : FAIL;
}
