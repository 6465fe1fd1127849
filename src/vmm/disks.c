// SPDX-License-Identifier: Apache-2.0
/*
 * Disks: from a line of the configuration to a backend and a virtio-blk device in its slot. Runs on
 * the loop's thread before the first vCPU runs.
 */
#include <iolite/block.h>
#include <iolite/block_fault.h>
#include <iolite/virtio_blk.h>

#include "control.h"
#include "machine.h"

enum { QUEUE_SIZE = 256 };

/* Wraps *@blk as @disk asks; it stays valid on failure. */
static int wrap(const struct iol_disk_config *disk, struct iol_block **blk, struct iol_error *err)
{
#ifdef IOLITE_TEST_FAULTS
	if (disk->fault) {
		int ret = iol_block_fault_new(*blk, disk->fault, blk, err);

		if (ret)
			return ret;
	}
#endif
	(void)err;
	if (disk->bytes_per_s || disk->requests_per_s)
		*blk = iol_block_throttle_new(*blk, disk->bytes_per_s, disk->requests_per_s);
	return 0;
}

static int open_disk(struct iol_vm *vm, unsigned int idx, struct iol_error *err)
{
	const struct iol_disk_config *disk = &vm->config->disks[idx];
	const struct iol_block_raw_config raw = {
		.path = disk->path,
		.read_only = disk->read_only,
		.direct = disk->direct,
		.cache = disk->cache,
		.discard = disk->discard,
		.lock = disk->lock,
	};
	struct iol_block **blk = &vm->disks[idx].block;
	int ret = iol_block_raw_new(&vm->loop, &raw, blk, err);

	if (!ret)
		ret = wrap(disk, blk, err);
	return ret ? iol_error_prefix(err, "disk %s", disk->id) : 0;
}

int iol_disks_open(struct iol_vm *vm, struct iol_error *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < vm->config->disk_count && !ret; i++)
		ret = open_disk(vm, i, err);
	return ret;
}

static void request_failed(void *owner, enum iol_block_kind kind, int res)
{
	struct iol_vm_disk *disk = owner;

	iol_vm_control_io_error(disk->vm, (unsigned int)(disk - disk->vm->disks), kind, res);
}

static int init_disk(struct iol_vm *vm, unsigned int idx, struct iol_error *err)
{
	const struct iol_disk_config *disk = &vm->config->disks[idx];
	const struct iol_virtio_blk_config blk = {
		.name = disk->id,
		.serial = disk->serial ? disk->serial : disk->id,
		.queues = disk->queues,
		.queue_size = QUEUE_SIZE,
		.failed = request_failed,
		.owner = &vm->disks[idx],
	};
	const struct iol_virtio_env env = iol_machine_virtio_env(vm);
	struct iol_virtio *v;
	int ret = iol_virtio_blk_new(vm->disks[idx].block, &blk, &env, &v, err);

	vm->disks[idx].vm = vm;
	if (!ret) {
		vm->disks[idx].block = NULL;
		ret = iol_machine_plug(vm, IOL_SLOT_DISKS + idx, disk->transport, v, err);
	}
	if (ret)
		return iol_error_prefix(err, "disk %s", disk->id);
	vm->disks[idx].virtio = v;
	return 0;
}

int iol_disks_init(struct iol_vm *vm, struct iol_error *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < vm->config->disk_count && !ret; i++)
		ret = init_disk(vm, i, err);
	return ret;
}

void iol_disks_finish(struct iol_vm *vm)
{
	for (unsigned int i = 0; i < vm->config->disk_count; i++) {
		iol_block_free(vm->disks[i].block);
		vm->disks[i].block = NULL;
	}
}

const struct iol_block *iol_disk_backend(const struct iol_vm *vm, unsigned int idx)
{
	struct iol_virtio *v = vm->disks[idx].virtio;

	return v ? iol_virtio_blk_backend(v) : vm->disks[idx].block;
}

void iol_vm_refresh_disks(struct iol_vm *vm)
{
	for (unsigned int i = 0; i < vm->config->disk_count; i++)
		if (vm->disks[i].virtio)
			iol_virtio_blk_refresh(vm->disks[i].virtio);
}
