// SPDX-License-Identifier: Apache-2.0
/* A virtio block device on the bench. See virtio_blk_rig.h. */
#include "virtio_blk_rig.h"

#include <glib.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <string.h>

#include <iolite/endian.h>

enum {
	FEATURES_OK =
		VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK,
	SETTLE_TURNS_MAX = 100000,
};

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

static struct blk_rig *rig_of(struct iol_virtio_transport *t)
{
	return iol_container_of(t, struct blk_rig, transport);
}

static void interrupt_queue(struct iol_virtio_transport *t, unsigned int queue)
{
	g_assert(queue < rig_of(t)->queue_count);
	rig_of(t)->queue_interrupts[queue]++;
}

static void interrupt_config(struct iol_virtio_transport *t)
{
	rig_of(t)->config_interrupts++;
}

static void reset_done(struct iol_virtio_transport *t)
{
	rig_of(t)->resets_done++;
}

static const struct iol_virtio_transport_ops transport_ops = {
	.interrupt_queue = interrupt_queue,
	.interrupt_config = interrupt_config,
	.reset_done = reset_done,
};

void blk_rig_init(struct blk_rig *r, const struct blk_rig_setup *setup)
{
	static const struct iol_memory_region region = { .size_bytes = BLK_RIG_RAM_BYTES };
	const struct iol_virtio_blk_config config = {
		.name = "test",
		.serial = setup->serial ? setup->serial : "iolite",
		.queues = setup->queues ? setup->queues : 1,
		.queue_size = setup->queue_size ? setup->queue_size : 16,
	};
	struct iol_virtio_env env = { .memory = &r->memory, .vm_fd = -1 };
	struct iol_block *blk = setup->blk;
	struct iol_error err;

	memset(r, 0, sizeof(*r));
	r->loop = setup->loop ? setup->loop : &r->own_loop;
	if (!setup->loop && iol_loop_init(&r->own_loop, &err))
		g_error("%s", err.msg);
	if (iol_memory_init(&r->memory, &region, 1, &err))
		g_error("%s", err.msg);
	env.loop = r->loop;
	if (!blk) {
		r->mb = memory_block_new(r->loop, &setup->limits);
		blk = &r->mb->blk;
	}
	g_assert(config.queues <= BLK_RIG_QUEUES_MAX);
	r->queue_count = config.queues;
	r->queue_size = config.queue_size;
	if (iol_virtio_blk_new(blk, &config, &env, &r->v, &err))
		g_error("%s", err.msg);
	r->transport.ops = &transport_ops;
	r->v->transport = &r->transport;
}

void blk_rig_finish(struct blk_rig *r)
{
	r->v->ops->free(r->v);
	iol_memory_finish(&r->memory);
	if (r->loop == &r->own_loop)
		iol_loop_finish(&r->own_loop);
}

uint64_t blk_rig_offered(struct blk_rig *r)
{
	return iol_virtio_device_features(r->v, 0) | (uint64_t)iol_virtio_device_features(r->v, 1)
							     << 32;
}

uint8_t blk_rig_negotiate(struct blk_rig *r, uint64_t features)
{
	features &= blk_rig_offered(r);
	iol_virtio_set_status(r->v, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	iol_virtio_set_status(r->v, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	iol_virtio_set_driver_features(r->v, 0, (uint32_t)features);
	iol_virtio_set_driver_features(r->v, 1, (uint32_t)(features >> 32));
	iol_virtio_set_status(r->v, FEATURES_OK);
	return iol_virtio_status(r->v);
}

static void set_up_queue(struct blk_rig *r, unsigned int i)
{
	const struct virtio_driver_setup *s = &r->drivers[i].setup;

	iol_virtio_queue_write(r->v, i, IOL_VIRTIO_QUEUE_SIZE, s->size);
	iol_virtio_queue_write(r->v, i, IOL_VIRTIO_QUEUE_DESC_LOW, (uint32_t)s->desc_gpa);
	iol_virtio_queue_write(r->v, i, IOL_VIRTIO_QUEUE_AVAIL_LOW, (uint32_t)s->avail_gpa);
	iol_virtio_queue_write(r->v, i, IOL_VIRTIO_QUEUE_USED_LOW, (uint32_t)s->used_gpa);
	iol_virtio_queue_write(r->v, i, IOL_VIRTIO_QUEUE_ENABLED, 1);
}

void blk_rig_start(struct blk_rig *r, uint64_t features)
{
	uint64_t end = BLK_RIG_RINGS;

	features |= BLK_RIG_BIT(VIRTIO_F_VERSION_1);
	g_assert(blk_rig_negotiate(r, features) == FEATURES_OK);
	for (unsigned int i = 0; i < r->queue_count; i++) {
		struct virtio_driver_setup setup = {
			.size = r->queue_size,
			.event_idx = features >> VIRTIO_RING_F_EVENT_IDX & 1,
			.indirect = features >> VIRTIO_RING_F_INDIRECT_DESC & 1,
		};

		end = virtio_driver_layout(&setup, end);
		g_assert(end <= BLK_RIG_DATA);
		g_assert(!virtio_driver_init(&r->drivers[i], &r->memory, &setup));
		set_up_queue(r, i);
	}
	iol_virtio_set_status(r->v, FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	blk_rig_settle(r);
}

bool blk_rig_reset(struct blk_rig *r)
{
	iol_virtio_set_status(r->v, 0);
	blk_rig_settle(r);
	return !iol_virtio_status(r->v);
}

/* A kick or a post that the loop has not seen yet. */
static bool is_due(const struct blk_rig *r)
{
	struct pollfd fds[BLK_RIG_QUEUES_MAX + 1] = { { .fd = r->loop->wake_fd,
							.events = POLLIN } };

	for (unsigned int i = 0; i < r->queue_count; i++)
		fds[i + 1] =
			(struct pollfd){ .fd = r->v->queues[i].kick.eventfd, .events = POLLIN };
	/* Before DRIVER_OK nobody waits for kicks. */
	return poll(fds, r->v->queues[0].kick_op.in_flight ? r->queue_count + 1 : 1, 0) > 0;
}

void blk_rig_settle(struct blk_rig *r)
{
	unsigned int turns = 0;
	uint64_t kicks;

	do {
		kicks = r->v->kicks;
		g_assert(!iol_loop_turn(r->loop, false));
		g_assert(++turns < SETTLE_TURNS_MAX);
	} while (is_due(r) || r->v->kicks != kicks || r->loop->end_head);
}

int blk_rig_add(struct blk_rig *r, unsigned int queue, const struct virtio_driver_part *parts,
		unsigned int count, bool indirect)
{
	return virtio_driver_add(&r->drivers[queue], parts, count, indirect ? 0 : count);
}

void blk_rig_kick(struct blk_rig *r, unsigned int queue)
{
	if (virtio_driver_show(&r->drivers[queue]))
		iol_virtio_notify(r->v, queue);
	blk_rig_settle(r);
}

uint8_t *blk_rig_ptr(const struct blk_rig *r, uint64_t gpa)
{
	uint8_t *p = iol_memory_ptr(&r->memory, gpa, 1);

	g_assert(p);
	return p;
}

void blk_rig_put_header(struct blk_rig *r, unsigned int slot, uint32_t type, uint64_t sector)
{
	uint8_t *p = blk_rig_ptr(r, BLK_RIG_HEADER(slot));

	le32_store(p, type);
	le32_store(p + 4, 0);
	le64_store(p + 8, sector);
	*blk_rig_ptr(r, BLK_RIG_STATUS(slot)) = BLK_RIG_NO_STATUS;
}

uint16_t blk_rig_send(struct blk_rig *r, unsigned int queue, unsigned int slot, uint32_t type,
		      uint64_t sector, uint32_t len, bool data_writable)
{
	const struct virtio_driver_part parts[] = {
		{ BLK_RIG_HEADER(slot), 16, false },
		{ BLK_RIG_BUFFER(slot), len, data_writable },
		{ BLK_RIG_STATUS(slot), 1, true },
	};
	bool indirect = r->drivers[queue].setup.indirect;
	int head;

	blk_rig_put_header(r, slot, type, sector);
	head = blk_rig_add(r, queue, parts, G_N_ELEMENTS(parts), indirect);
	g_assert(head >= 0);
	blk_rig_kick(r, queue);
	return (uint16_t)head;
}

struct virtio_driver_used blk_rig_take(struct blk_rig *r, unsigned int queue)
{
	struct virtio_driver_used used = { 0 };
	int ret = virtio_driver_take_used(&r->drivers[queue], &used);

	if (ret != 1)
		g_error("no chain came back on queue %u: %s", queue,
			ret ? virtio_driver_check(&r->drivers[queue]) : "nothing there");
	return used;
}

uint8_t blk_rig_do(struct blk_rig *r, uint32_t type, uint64_t sector, uint32_t len,
		   bool data_writable, uint32_t *used_len)
{
	uint16_t head = blk_rig_send(r, 0, 0, type, sector, len, data_writable);
	struct virtio_driver_used used;

	for (unsigned int i = 0; i < 64 && r->mb && r->mb->pending_count; i++) {
		memory_block_end_all(r->mb);
		blk_rig_settle(r);
	}
	used = blk_rig_take(r, 0);
	g_assert(used.head == head);
	if (used_len)
		*used_len = used.len;
	return *blk_rig_ptr(r, BLK_RIG_STATUS(0));
}
