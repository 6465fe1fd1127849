// SPDX-License-Identifier: Apache-2.0
/* A driver that breaks the rules of a disk: ../hostile_device_list.h, ../hostile_disk_list.h. See hostile.c. */
#include "hostile_disk.h"
#include "hostile_random.h"

#include "disk_image.h"

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

/* --- random requests: what they write is in the second half of the disk --- */

static struct {
	struct virtio_blk_outhdr header;
	struct virtio_blk_discard_write_zeroes range;
	uint8_t status;
} slots[Q_SIZE] __attribute__((aligned(64)));

static uint32_t random_type(uint64_t *seed)
{
	static const uint8_t types[] = { VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_GET_ID,
					 VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES };

	if (random_once(seed, 1000))
		return VIRTIO_BLK_T_FLUSH;
	if (random_once(seed, 50))
		return (uint32_t)random_next(seed) | 0x100;
	if (random_once(seed, 3))
		return types[random_next(seed) >> 32 & 3];
	return VIRTIO_BLK_T_IN;
}

static uint64_t random_sector(uint32_t type, uint64_t *seed)
{
	uint64_t half = d.disk.sectors / 2;

	if (random_once(seed, 64))
		return random_next(seed) | UINT64_C(1) << 40;
	if (random_once(seed, 64))
		return 2 * half - 1;
	return type == VIRTIO_BLK_T_IN ? random_next(seed) % (2 * half - 16)
				       : half + random_next(seed) % (half - 128);
}

unsigned int random_parts(struct vio_part *parts, unsigned int slot, uint64_t *seed)
{
	uint32_t type = random_type(seed);
	bool ranges = type == VIRTIO_BLK_T_DISCARD || type == VIRTIO_BLK_T_WRITE_ZEROES;
	bool written = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	unsigned int count = 1, data = ranges ? 1 : (unsigned int)(random_next(seed) >> 32) % 5;

	slots[slot].header =
		(struct virtio_blk_outhdr){ .type = type, .sector = random_sector(type, seed) };
	slots[slot].range = (struct virtio_blk_discard_write_zeroes){
		.sector = random_sector(type, seed),
		.num_sectors = (uint32_t)(random_next(seed) >> 58),
	};
	parts[0] = (struct vio_part){ (uint64_t)&slots[slot].header, sizeof(slots[slot].header),
				      false };
	for (; count <= data; count++) {
		parts[count] = random_data(seed, 2048, written);
		/* Whole sectors, most of the time. */
		if (!random_once(seed, 64))
			parts[count].len = (parts[count].len / DISK_SECTOR + 1) * DISK_SECTOR;
		if (parts[count].gpa + parts[count].len > (uint64_t)h.data + DATA_BYTES)
			parts[count].gpa = (uint64_t)h.data;
	}
	if (ranges)
		parts[1] = (struct vio_part){ (uint64_t)&slots[slot].range,
					      sizeof(slots[slot].range), false };
	parts[count++] = (struct vio_part){ (uint64_t)&slots[slot].status, 1, true };
	return count;
}

void random_tend(void)
{
}

bool open_devices(void)
{
	d.dq = &d.disk.queues[0];
	h.v = &d.disk.v;
	h.q = &d.dq->ring;
	h.features = DISK_FEATURES;
	h.config_bytes = sizeof(struct virtio_blk_config);
	if (!vio_open(&d.disk.v, 0))
		return false;
	d.disk.sectors = read32(d.disk.v.config);
	return open_other();
}

int main(void)
{
	user_run(hostile_run);
}
