// SPDX-License-Identifier: Apache-2.0
/* Violations in block requests. See ../hostile_disk_list.h. */
#include "hostile_disk.h"

enum {
	NEXT = VRING_DESC_F_NEXT,
	WRITE = VRING_DESC_F_WRITE,
	SECTOR = 512,
};

static enum verdict with_header_bytes(uint32_t len)
{
	put_request(VIRTIO_BLK_T_IN, 0, SECTOR);
	h.q->desc[0].len = len;
	return answer(0);
}

enum verdict v_header_short(void)
{
	return with_header_bytes(sizeof(struct virtio_blk_outhdr) - 1);
}

enum verdict v_header_in_bytes(void)
{
	put_request(VIRTIO_BLK_T_IN, 8, SECTOR);
	for (uint16_t i = 0; i < 16; i++)
		put((uint16_t)(i + 10), (uint8_t *)d.header + i, 1, NEXT,
		    i == 15 ? 1 : (uint16_t)(i + 11));
	return answer(10) == PASS ? still_works() : REJECT;
}

/* load(), each with a header of its own. */
static void load_slots(void)
{
	for (unsigned int i = 0; i < LOAD; i++)
		disk_submit(d.dq, VIRTIO_BLK_T_IN, 8ull * i, h.data, SECTOR);
	vio_kick_always(h.q);
}

enum verdict v_header_changes(void)
{
	uint64_t end = hostile_deadline(JUNK_MS), seed = 11;

	load_slots();
	while (user_ticks() < end) {
		uint64_t random = random_next(&seed);
		struct disk_slot *slot = &d.dq->slots[random % Q_SIZE];

		slot->header.type = random & 64 ? VIRTIO_BLK_T_IN : (uint32_t)(random >> 16);
		slot->header.sector = random & 128 ? 0 : random;
		if (disk_poll(d.dq) != UINT16_MAX) {
			disk_submit(d.dq, VIRTIO_BLK_T_IN, 0, h.data, SECTOR);
			vio_kick_always(h.q);
		}
	}
	return load_ends();
}

enum verdict v_status_missing(void)
{
	put_request(VIRTIO_BLK_T_IN, 0, SECTOR);
	h.q->desc[0].flags = 0;
	return answer(0);
}

enum verdict v_status_alone(void)
{
	put_request(VIRTIO_BLK_T_IN, 0, SECTOR);
	return answer(2);
}

enum verdict v_status_empty(void)
{
	put_request(VIRTIO_BLK_T_OUT, 0, SECTOR);
	h.q->desc[2].len = 0;
	return answer(0);
}

enum verdict v_status_behind_data(void)
{
	put_request(VIRTIO_BLK_T_IN, 0, SECTOR);
	put(1, h.data, SECTOR + 1, WRITE, 0);
	h.data[SECTOR] = DISK_PENDING;
	*d.status = VIRTIO_BLK_S_OK; /* outcome() looks there */
	if (answer(0) != PASS || h.data[SECTOR] != VIRTIO_BLK_S_OK)
		return REJECT;
	return still_works();
}

enum verdict v_read_odd(void)
{
	return request(VIRTIO_BLK_T_IN, 0, 100);
}

enum verdict v_write_odd(void)
{
	return request(VIRTIO_BLK_T_OUT, 0, SECTOR + 1);
}

static enum verdict nothing(uint32_t type)
{
	put_request(type, 0, 0);
	h.q->desc[0].next = 2;
	return answer(0);
}

enum verdict v_read_nothing(void)
{
	return nothing(VIRTIO_BLK_T_IN);
}

enum verdict v_write_nothing(void)
{
	return nothing(VIRTIO_BLK_T_OUT);
}

enum verdict v_sector_last(void)
{
	return request(VIRTIO_BLK_T_IN, UINT64_MAX, SECTOR);
}

enum verdict v_sector_wraps(void)
{
	return request(VIRTIO_BLK_T_IN, UINT64_C(1) << 55, SECTOR);
}

enum verdict v_sector_negative(void)
{
	return request(VIRTIO_BLK_T_IN, UINT64_C(1) << 54, SECTOR);
}

static uint64_t capacity(void)
{
	return read32(h.v->config) | (uint64_t)read32(h.v->config + 4) << 32;
}

enum verdict v_read_beyond(void)
{
	return request(VIRTIO_BLK_T_IN, capacity(), SECTOR);
}

enum verdict v_read_across(void)
{
	return request(VIRTIO_BLK_T_IN, capacity() - 1, 2 * SECTOR);
}

enum verdict v_write_beyond(void)
{
	return request(VIRTIO_BLK_T_OUT, capacity(), SECTOR);
}

enum verdict v_write_across(void)
{
	return request(VIRTIO_BLK_T_OUT, capacity() - 1, 2 * SECTOR);
}

enum verdict v_read_larger(void)
{
	put_request(VIRTIO_BLK_T_IN, 0, SECTOR);
	put_at(1, 0x2000000, 64u << 20, NEXT | WRITE, 2);
	return answer(0);
}

enum verdict v_type_unknown(void)
{
	return request(UINT32_MAX, 0, SECTOR);
}

enum verdict v_type_scsi(void)
{
	return request(2, 0, SECTOR);
}

enum verdict v_type_secure_erase(void)
{
	return request(14, 0, 16);
}

enum verdict v_write_from_writable(void)
{
	put_request(VIRTIO_BLK_T_OUT, 0, SECTOR);
	h.q->desc[1].flags |= WRITE;
	return answer(0);
}

enum verdict v_read_to_readable(void)
{
	put_request(VIRTIO_BLK_T_IN, 0, SECTOR);
	h.q->desc[1].flags = NEXT;
	return answer(0);
}

enum verdict v_get_id_short(void)
{
	enum verdict verdict;

	h.data[5] = 0xa5;
	verdict = request(VIRTIO_BLK_T_GET_ID, 0, 5);
	return h.data[5] == 0xa5 ? verdict : FAIL;
}

enum verdict v_get_id_nowhere(void)
{
	return nothing(VIRTIO_BLK_T_GET_ID);
}

enum verdict v_flush_with_data(void)
{
	return request(VIRTIO_BLK_T_FLUSH, 12345, SECTOR);
}

static bool start_without(unsigned int feature)
{
	return start_victim(h.features & ~VIO_BIT(feature));
}

enum verdict v_flush_not_agreed(void)
{
	return start_without(VIRTIO_BLK_F_FLUSH) ? nothing(VIRTIO_BLK_T_FLUSH) : FAIL;
}

/* --- ranges --- */

static enum verdict range(uint32_t type, uint64_t sector, uint32_t count, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes *r = (void *)h.data;

	r->sector = sector;
	r->num_sectors = count;
	r->flags = flags;
	return request(type, 0, sizeof(*r));
}

enum verdict v_discard_flags(void)
{
	return range(VIRTIO_BLK_T_DISCARD, 0, 8, 0xfffffffe);
}

enum verdict v_discard_unmap(void)
{
	return range(VIRTIO_BLK_T_DISCARD, 0, 8, 1);
}

enum verdict v_discard_nothing(void)
{
	return range(VIRTIO_BLK_T_DISCARD, 0, 0, 0);
}

enum verdict v_discard_huge(void)
{
	return range(VIRTIO_BLK_T_DISCARD, 0, UINT32_MAX, 0);
}

enum verdict v_discard_wraps(void)
{
	return range(VIRTIO_BLK_T_DISCARD, UINT64_MAX, 2, 0);
}

enum verdict v_discard_short(void)
{
	return request(VIRTIO_BLK_T_DISCARD, 0, 15);
}

enum verdict v_discard_no_range(void)
{
	return nothing(VIRTIO_BLK_T_DISCARD);
}

enum verdict v_discard_many(void)
{
	return request(VIRTIO_BLK_T_DISCARD, 0, 1000 * 16);
}

enum verdict v_discard_not_agreed(void)
{
	return start_without(VIRTIO_BLK_F_DISCARD) ? range(VIRTIO_BLK_T_DISCARD, 0, 8, 0) : FAIL;
}

enum verdict v_zeroes_flags(void)
{
	return range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0xfffffffe);
}

enum verdict v_zeroes_huge(void)
{
	return range(VIRTIO_BLK_T_WRITE_ZEROES, 0, UINT32_MAX, 0);
}

enum verdict v_zeroes_wraps(void)
{
	return range(VIRTIO_BLK_T_WRITE_ZEROES, UINT64_MAX, 2, 0);
}

enum verdict v_zeroes_no_range(void)
{
	return nothing(VIRTIO_BLK_T_WRITE_ZEROES);
}

enum verdict v_zeroes_not_agreed(void)
{
	return start_without(VIRTIO_BLK_F_WRITE_ZEROES) ? range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0)
							: FAIL;
}
