// SPDX-License-Identifier: Apache-2.0
/* A driver that breaks the rules of a disk: ../hostile_device_list.h, ../hostile_disk_list.h. See hostile.c. */
#include "hostile_disk.h"

struct disk_victim d;

void put_request(uint32_t type, uint64_t sector, uint32_t len)
{
	bool reads = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;

	*d.header = (struct virtio_blk_outhdr){ .type = type, .sector = sector };
	*d.status = DISK_PENDING;
	put(0, d.header, sizeof(*d.header), VRING_DESC_F_NEXT, 1);
	put(1, h.data, len, VRING_DESC_F_NEXT | (reads ? VRING_DESC_F_WRITE : 0), 2);
	put(2, d.status, 1, VRING_DESC_F_WRITE, 0);
}

void put_valid(void)
{
	put_request(VIRTIO_BLK_T_IN, 0, READ_BYTES);
}

bool unanswered(void)
{
	return *d.status == DISK_PENDING;
}

enum verdict outcome(void)
{
	enum verdict verdict = await_used();

	return verdict == PASS && *d.status != VIRTIO_BLK_S_OK ? REJECT : verdict;
}

enum verdict request(uint32_t type, uint64_t sector, uint32_t len)
{
	put_request(type, sector, len);
	return answer(0);
}

enum verdict still_works(void)
{
	enum verdict verdict;

	if (vio_needs_reset(h.v))
		return REJECT;
	h.data[0] = 0;
	verdict = request(VIRTIO_BLK_T_IN, 1024, READ_BYTES);
	if (verdict == PASS && !disk_data_is_right(0, h.data, 1024))
		return FAIL;
	return verdict == REJECT && !vio_needs_reset(h.v) ? FAIL : verdict;
}

bool set_up(uint64_t features)
{
	vio_arena_reset();
	d.header = vio_alloc(sizeof(*d.header), 4096);
	d.status = vio_alloc(1, 4096);
	h.data = vio_alloc(DATA_BYTES, 4096);
	h.table = vio_alloc(128 * sizeof(h.table[0]), 4096);
	if (!vio_reset(h.v) || !vio_negotiate(h.v, features))
		return false;
	vio_queue_make(h.v, h.q, 0, Q_SIZE);
	d.dq->slots = vio_alloc(Q_SIZE * sizeof(struct disk_slot), 128);
	d.dq->indirect = false;
	return true;
}

bool open_devices(void)
{
	d.dq = &d.disk.queues[0];
	h.v = &d.disk.v;
	h.q = &d.dq->ring;
	h.features = DISK_FEATURES;
	h.config_bytes = sizeof(struct virtio_blk_config);
	return vio_open(&d.disk.v, 0) && open_other();
}

int main(void)
{
	user_run(hostile_run);
}
