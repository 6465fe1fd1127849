// SPDX-License-Identifier: Apache-2.0
/*
 * The spin table on the bus: a write releases a vCPU (spin_table.c says when). On vCPU threads; restored on the
 * loop's, while they stand still.
 *
 * The vCPU that releases another one gives it its registers, and lets it go then. Nobody else touches it
 * meanwhile: its thread leaves it alone while it is parked, it is released once, and the loop pauses the machine
 * before it resets anything, which waits for the one that releases.
 */
#include "kvm_ppc.h"

#include <glib.h>

#include <iolite/log.h>

struct iol_ppc_spin {
	struct iol_vm *vm;
	uint64_t base;
	int (*start)(struct iol_vcpu *vcpu, const struct iol_ppc_boot_state *state,
		     struct iol_error *err);
	pthread_mutex_t lock;
	struct iol_ppc_spin_table table; /* under the lock */
};

static uint64_t spin_read(void *dev, uint64_t offset, unsigned int len)
{
	struct iol_ppc_spin *spin = dev;
	uint64_t value;

	pthread_mutex_lock(&spin->lock);
	value = iol_ppc_spin_read(&spin->table, offset, len);
	pthread_mutex_unlock(&spin->lock);
	return value;
}

static void release(struct iol_ppc_spin *spin, unsigned int cpu,
		    const struct iol_ppc_spin_entry *entry)
{
	struct iol_vm *vm = spin->vm;
	struct iol_ppc_boot_state state;
	struct iol_error err;

	iol_ppc_release_state(&vm->layout, entry, cpu, &state);
	if (spin->start(&vm->vcpus[cpu], &state, &err)) {
		iol_log(IOL_LOG_ERROR, "vCPU %u cannot start: %s", cpu, err.msg);
		iol_vm_raise(vm, IOL_EVENT_KVM_ERROR);
		return;
	}
	iol_vcpu_release(&vm->vcpus[cpu]);
}

static void spin_write(void *dev, uint64_t offset, unsigned int len, uint64_t value)
{
	struct iol_ppc_spin *spin = dev;
	struct iol_ppc_spin_entry entry;
	int cpu;

	pthread_mutex_lock(&spin->lock);
	cpu = iol_ppc_spin_write(&spin->table, offset, len, value);
	if (cpu > 0)
		entry = spin->table.entries[cpu];
	pthread_mutex_unlock(&spin->lock);
	if (cpu > 0)
		release(spin, (unsigned int)cpu, &entry);
}

static const struct iol_bus_ops spin_ops = { .read = spin_read, .write = spin_write };

int iol_ppc_spin_new(struct iol_vm *vm,
		     int (*start)(struct iol_vcpu *vcpu, const struct iol_ppc_boot_state *state,
				  struct iol_error *err),
		     struct iol_ppc_spin **spin, struct iol_error *err)
{
	struct iol_ppc_spin *new = g_new0(struct iol_ppc_spin, 1);
	const struct iol_bus_region region = {
		.base = iol_ppc_machine_of(&vm->layout)->map->spin_table,
		.size_bytes = IOL_PPC_SPIN_TABLE_BYTES,
		.name = "spin table",
		.ops = &spin_ops,
		.dev = new,
	};

	new->vm = vm;
	new->base = region.base;
	new->start = start;
	pthread_mutex_init(&new->lock, NULL);
	iol_ppc_spin_restore(new);
	*spin = new;
	return iol_bus_add(&vm->mmio, &region, err);
}

void iol_ppc_spin_restore(struct iol_ppc_spin *spin)
{
	pthread_mutex_lock(&spin->lock);
	iol_ppc_spin_reset(&spin->table, spin->vm->layout.cpus);
	pthread_mutex_unlock(&spin->lock);
}

void iol_ppc_spin_free(struct iol_ppc_spin *spin)
{
	if (!spin)
		return;
	iol_bus_remove(&spin->vm->mmio, spin->base);
	pthread_mutex_destroy(&spin->lock);
	g_free(spin);
}
