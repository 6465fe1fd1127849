// SPDX-License-Identifier: Apache-2.0
/* A virtio block device on the bench. See virtio_blk_rig.h. */
#include "virtio_blk_rig.h"

#include <glib.h>

#include <iolite/endian.h>

const struct iol_block_limits blk_rig_limits = {
	.size_bytes = IOL_MIB,
	.volatile_cache = true,
	.logical_block_bytes = 512,
	.physical_block_bytes = 4096,
	.optimal_io_bytes = 65536,
	.discard = true,
	.discard_align_bytes = 4096,
	.write_zeroes = true,
	.write_zeroes_unmap = true,
	.range_bytes_max = 512 * IOL_KIB,
	.iov_max = 1024,
};

void blk_rig_init(struct blk_rig *r, const struct blk_rig_setup *setup)
{
	const struct iol_virtio_blk_config config = {
		.name = "test",
		.serial = setup->serial ? setup->serial : "iolite",
		.queues = setup->queues ? setup->queues : 1,
		.queue_size = setup->queue_size ? setup->queue_size : 16,
		.failed = setup->failed,
		.owner = setup->owner,
	};
	struct iol_block *blk = setup->blk;
	struct iol_error err;
	struct iol_virtio *v;

	device_rig_init(&r->dev, setup->loop, BLK_RIG_RAM_BYTES, BLK_RIG_DATA);
	r->mb = blk ? NULL : memory_block_new(r->dev.loop, &setup->limits);
	if (iol_virtio_blk_new(blk ? blk : &r->mb->blk, &config, &r->dev.env, &v, &err))
		g_error("%s", err.msg);
	device_rig_attach(&r->dev, v);
}

void blk_rig_check_idle(struct blk_rig *r)
{
	device_rig_check(&r->dev);
	for (unsigned int i = 0; i < r->dev.v->queue_count; i++)
		if (r->dev.drivers[i].memory)
			g_assert_true(virtio_driver_is_drained(&r->dev.drivers[i]));
	g_assert_cmpuint(r->dev.v->in_flight, ==, 0);
	g_assert_true(memory_block_is_whole(r->mb));
}

void blk_rig_put_header(struct blk_rig *r, unsigned int slot, uint32_t type, uint64_t sector)
{
	uint8_t *p = device_rig_ptr(&r->dev, BLK_RIG_HEADER(slot));

	le32_store(p, type);
	le32_store(p + 4, 0);
	le64_store(p + 8, sector);
	*device_rig_ptr(&r->dev, BLK_RIG_STATUS(slot)) = BLK_RIG_NO_STATUS;
}

uint16_t blk_rig_send(struct blk_rig *r, unsigned int queue, unsigned int slot, uint32_t type,
		      uint64_t sector, uint32_t len, bool data_writable)
{
	const struct virtio_driver_part parts[] = {
		{ BLK_RIG_HEADER(slot), 16, false },
		{ BLK_RIG_BUFFER(slot), len, data_writable },
		{ BLK_RIG_STATUS(slot), 1, true },
	};
	bool indirect = r->dev.drivers[queue].setup.indirect;
	int head;

	blk_rig_put_header(r, slot, type, sector);
	head = device_rig_add(&r->dev, queue, parts, G_N_ELEMENTS(parts), indirect);
	g_assert(head >= 0);
	device_rig_kick(&r->dev, queue);
	return (uint16_t)head;
}

struct virtio_driver_used blk_rig_take(struct blk_rig *r, unsigned int queue)
{
	struct virtio_driver_used used = { 0 };
	int ret = virtio_driver_take_used(&r->dev.drivers[queue], &used);

	if (ret != 1)
		g_error("no chain came back on queue %u: %s", queue,
			ret ? virtio_driver_check(&r->dev.drivers[queue]) : "nothing there");
	return used;
}

uint8_t blk_rig_do(struct blk_rig *r, uint32_t type, uint64_t sector, uint32_t len,
		   bool data_writable, uint32_t *used_len)
{
	uint16_t head = blk_rig_send(r, 0, 0, type, sector, len, data_writable);
	struct virtio_driver_used used;

	for (unsigned int i = 0; i < 64 && r->mb && r->mb->pending_count; i++) {
		memory_block_end_all(r->mb);
		device_rig_settle(&r->dev);
	}
	used = blk_rig_take(r, 0);
	g_assert(used.head == head);
	if (used_len)
		*used_len = used.len;
	return *device_rig_ptr(&r->dev, BLK_RIG_STATUS(0));
}
