// SPDX-License-Identifier: Apache-2.0
/*
 * Disks: from a line of the configuration to a backend and a virtio-blk device in its slot. Runs on
 * the loop's thread before the first vCPU runs.
 *
 * Disk n (from 0) is in slot 1 + n, of the PCI bus or of virtio-mmio: what it is called in the guest
 * depends on its place in the configuration only.
 */
#include <assert.h>
#include <sched.h>

#include <iolite/block.h>
#include <iolite/block_fault.h>
#include <iolite/virtio_blk.h>
#include <iolite/virtio_mmio.h>
#include <iolite/virtio_pci.h>

#include "machine.h"

enum {
	SLOT_FIRST = 1,
	QUEUE_SIZE = 256,
};

/*
 * How long the loop looks for new requests by itself after the last one. Measured: half of it is less than many
 * devices take for a request, and twice as much takes processor time from the interrupts of those that are busy.
 */
#define POLL_NS (100 * IOL_NS_PER_US)

static_assert(SLOT_FIRST + IOL_CONFIG_DISKS_MAX <= IOL_LAYOUT_SLOTS, "every disk has a slot");

uint32_t iol_disks_mmio_slots(const struct iol_config *config)
{
	uint32_t slots = 0;

	for (unsigned int i = 0; i < config->disk_count; i++)
		if (config->disks[i].transport == IOL_TRANSPORT_MMIO)
			slots |= UINT32_C(1) << (SLOT_FIRST + i);
	return slots;
}

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

/* True when a processor is left for the loop while all vCPUs run. */
static bool may_poll(const struct iol_vm *vm)
{
	cpu_set_t set;

	return !sched_getaffinity(0, sizeof(set), &set) &&
	       (unsigned int)CPU_COUNT(&set) > vm->config->cpus;
}

int iol_disks_open(struct iol_vm *vm, struct iol_error *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < vm->config->disk_count && !ret; i++)
		ret = open_disk(vm, i, err);
	if (!ret && vm->config->disk_count && may_poll(vm))
		iol_loop_set_polling(&vm->loop, POLL_NS);
	return ret;
}

static int plug(struct iol_vm *vm, unsigned int slot, enum iol_transport transport,
		struct iol_virtio *v, struct iol_error *err)
{
	unsigned int shared = vm->layout.slot_gsi_count; /* the first of the wires */
	struct iol_irq_wire *wire = shared ? &vm->wires[slot % shared] : NULL;
	const struct iol_virtio_pci_config pci = {
		.host = vm->pci_host,
		.slot = (int)slot,
		.router = vm->router,
		.intx = wire,
	};
	const struct iol_virtio_mmio_config mmio = {
		.bus = &vm->mmio,
		.base = vm->virtio_mmio_base + (uint64_t)slot * IOL_LAYOUT_SLOT_BYTES,
		.irq = wire,
		.gate_lock = &vm->vcpu_lock,
		.gate_cond = &vm->vcpu_cond,
	};
	struct iol_device *dev;
	int ret = transport == IOL_TRANSPORT_PCI ? iol_virtio_pci_new(v, &pci, &dev, err)
						 : iol_virtio_mmio_new(v, &mmio, &dev, err);

	if (ret)
		return ret;
	iol_machine_keep(vm, dev);
	return 0;
}

static int init_disk(struct iol_vm *vm, unsigned int idx, struct iol_error *err)
{
	const struct iol_disk_config *disk = &vm->config->disks[idx];
	const struct iol_virtio_blk_config blk = {
		.name = disk->id,
		.serial = disk->serial ? disk->serial : disk->id,
		.queues = disk->queues,
		.queue_size = QUEUE_SIZE,
	};
	const struct iol_virtio_env env = {
		.loop = &vm->loop,
		.memory = &vm->memory,
		.vm_fd = vm->vm_fd,
	};
	struct iol_virtio *v;
	int ret = iol_virtio_blk_new(vm->disks[idx].block, &blk, &env, &v, err);

	if (ret)
		return iol_error_prefix(err, "disk %s", disk->id);
	vm->disks[idx].block = NULL;
	ret = plug(vm, SLOT_FIRST + idx, disk->transport, v, err);
	if (ret) {
		v->ops->free(v);
		return iol_error_prefix(err, "disk %s", disk->id);
	}
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
		vm->disks[i].virtio = NULL;
	}
}

void iol_vm_refresh_disks(struct iol_vm *vm)
{
	for (unsigned int i = 0; i < vm->config->disk_count; i++)
		if (vm->disks[i].virtio)
			iol_virtio_blk_refresh(vm->disks[i].virtio);
}
