// SPDX-License-Identifier: Apache-2.0
/*
 * Virtio devices and their slots. What a device is called in the guest depends on its slot, hence on its place in
 * the configuration only. Runs on the loop's thread before the first vCPU runs.
 */
#include <assert.h>

#include <iolite/virtio_mmio.h>
#include <iolite/virtio_pci.h>

#include "machine.h"

static_assert(IOL_SLOT_DISKS + IOL_CONFIG_DISKS_MAX <= IOL_SLOT_NETS, "every disk has a slot");
static_assert(IOL_SLOT_NETS + IOL_CONFIG_NETS_MAX <= IOL_SLOT_RNG, "every network card has a slot");
static_assert((int)IOL_SLOT_WATCHDOG < (int)IOL_LAYOUT_SLOTS, "the last one is a slot");

uint32_t iol_machine_mmio_slots(const struct iol_config *config)
{
	uint32_t slots = 0;

	for (unsigned int i = 0; i < config->disk_count; i++)
		if (config->disks[i].transport == IOL_TRANSPORT_MMIO)
			slots |= UINT32_C(1) << (IOL_SLOT_DISKS + i);
	for (unsigned int i = 0; i < config->net_count; i++)
		if (config->nets[i].transport == IOL_TRANSPORT_MMIO)
			slots |= UINT32_C(1) << (IOL_SLOT_NETS + i);
	return slots;
}

struct iol_virtio_env iol_machine_virtio_env(struct iol_vm *vm)
{
	return (struct iol_virtio_env){
		.loop = &vm->loop,
		.memory = &vm->memory,
		.vm_fd = vm->vm_fd,
	};
}

struct iol_irq_wire *iol_machine_slot_wire(struct iol_vm *vm, unsigned int slot)
{
	unsigned int shared = vm->layout.slot_gsi_count; /* the first of the wires */

	return shared ? &vm->wires[slot % shared] : NULL;
}

int iol_machine_plug(struct iol_vm *vm, unsigned int slot, enum iol_transport transport,
		     struct iol_virtio *v, struct iol_error *err)
{
	struct iol_irq_wire *wire = iol_machine_slot_wire(vm, slot);
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

	if (ret) {
		v->ops->free(v);
		return ret;
	}
	iol_machine_keep(vm, dev);
	vm->slots[slot] = v;
	return 0;
}
