// SPDX-License-Identifier: Apache-2.0
/* Requests to virtio disks. See disk.h. */
#include "disk.h"

static void take_queue(struct disk *d, unsigned int index, struct vio_queue ring)
{
	d->queues[index] = (struct disk_queue){
		.ring = ring,
		.slots = vio_alloc(ring.size * sizeof(struct disk_slot), 128),
		.indirect = d->v.features & VIO_BIT(VIRTIO_RING_F_INDIRECT_DESC),
	};
	d->sectors = read32(d->v.config) | (uint64_t)read32(d->v.config + 4) << 32;
}

bool disk_restart(struct disk *d, unsigned int count, uint16_t size, uint64_t wanted)
{
	struct vio_queue rings[VIO_QUEUES_MAX];

	if (!vio_start(&d->v, rings, count, size, wanted))
		return false;
	for (unsigned int i = 0; i < count; i++)
		take_queue(d, i, rings[i]);
	return true;
}

bool disk_restart_with_vector(struct disk *d, uint16_t size, uint64_t wanted, uint16_t entry)
{
	struct vio_queue ring;
	uint16_t max;

	if (!vio_reset(&d->v) || !vio_negotiate(&d->v, wanted))
		return false;
	max = vio_queue_max(&d->v, 0);
	vio_queue_make(&d->v, &ring, 0, size < max ? size : max);
	if (vio_queue_vector(&d->v, 0, entry) != entry)
		return false;
	vio_queue_enable(&d->v, &ring);
	take_queue(d, 0, ring);
	vio_add_status(&d->v, VIRTIO_CONFIG_S_DRIVER_OK);
	return !vio_needs_reset(&d->v);
}

bool disk_start(struct disk *d, unsigned int number, unsigned int count, uint16_t size,
		uint64_t wanted)
{
	return vio_open(&d->v, number) && disk_restart(d, count, size, wanted);
}

uint16_t disk_submit(struct disk_queue *q, uint32_t type, uint64_t sector, void *data, uint32_t len)
{
	bool reads = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	uint16_t next = q->ring.free_head;
	struct disk_slot *slot = &q->slots[next];
	struct vio_part parts[3] = { { (uint64_t)&slot->header, sizeof(slot->header), false } };
	unsigned int count = 1;
	uint16_t head;

	if (q->ring.free_count < 3)
		return UINT16_MAX;
	if (len)
		parts[count++] = (struct vio_part){ (uint64_t)data, len, reads };
	parts[count++] = (struct vio_part){ (uint64_t)&slot->status, 1, true };
	slot->header = (struct virtio_blk_outhdr){ .type = type, .sector = sector };
	slot->status = DISK_PENDING;
	slot->done = false;
	head = q->indirect ? vio_chain_indirect(&q->ring, slot->table, parts, count)
			   : vio_chain(&q->ring, parts, count);
	vio_submit(&q->ring, head);
	return head;
}

uint16_t disk_poll(struct disk_queue *q)
{
	uint32_t len;
	uint16_t head = vio_used(&q->ring, &len);

	if (head != UINT16_MAX) {
		q->slots[head].used_len = len;
		q->slots[head].done = true;
	}
	return head;
}

uint8_t disk_wait(struct disk_queue *q, uint16_t head, unsigned int limit_ms)
{
	uint64_t end = user_ticks() + limit_ms * user_ticks_per_ms;

	if (head == UINT16_MAX)
		return DISK_NEVER;
	while (!q->slots[head].done)
		if (disk_poll(q) == UINT16_MAX && user_ticks() > end)
			return DISK_NEVER;
	return q->slots[head].status;
}

uint8_t disk_request(struct disk_queue *q, uint32_t type, uint64_t sector, void *data, uint32_t len)
{
	uint16_t head = disk_submit(q, type, sector, data, len);

	vio_kick(&q->ring);
	return disk_wait(q, head, VIO_WAIT_MS);
}
