/* SPDX-License-Identifier: Apache-2.0 */
/* Assembly of a machine's devices from its layout. */
#ifndef IOL_VMM_MACHINE_H
#define IOL_VMM_MACHINE_H

#include <iolite/vm.h>

/*
 * Opens kernel and initrd of @config for a machine of @arch, as far as it names them. What was opened is @boot's, also on failure:
 * iol_boot_close(). Errors are the user's.
 */
int iol_boot_open(struct iol_boot *boot, const struct iol_config *config,
		  const struct iol_arch *arch, struct iol_error *err);
void iol_boot_close(struct iol_boot *boot);

/* Fills zeroed guest memory with what the machine starts from, the device tree included; sets vm->entry. */
int iol_machine_load(struct iol_vm *vm, struct iol_error *err);

/* Makes all devices of vm->layout; backends are open. The loop, the buses and the VM are there. */
int iol_machine_init(struct iol_vm *vm, struct iol_error *err);

/* Lets the character backends send what is pending, then frees all devices, last made first. */
void iol_machine_finish(struct iol_vm *vm);

/* The source of entropy, the console and the watchdog, where there is one. Parts of iol_machine_init(). */
int iol_rng_init(struct iol_vm *vm, struct iol_error *err);
int iol_watchdog_init(struct iol_vm *vm, struct iol_error *err);
int iol_console_init(struct iol_vm *vm, struct iol_error *err);

/*
 * Opens the far ends of config->serials and of the console; nobody is let in and no file is emptied before their devices
 * are there. Errors are the user's; what was opened is vm's.
 */
int iol_lines_open(struct iol_vm *vm, struct iol_error *err);

/* Hands @dev to the machine, which resets and frees it from now on. */
void iol_machine_keep(struct iol_vm *vm, struct iol_device *dev);

/*
 * Slots of the PCI bus and of virtio-mmio, numbered alike. The first of each kind of device; more of a kind follow
 * it. Names in guests depend on them: they never change.
 */
enum {
	IOL_SLOT_DISKS = 1,
	IOL_SLOT_NETS = 17,
	IOL_SLOT_RNG = 25,
	IOL_SLOT_CONSOLE = 26,
	IOL_SLOT_WATCHDOG = 27, /* of PCI only */
};

/* The level that devices in @slot and some others share; NULL: there is none. */
struct iol_irq_wire *iol_machine_slot_wire(struct iol_vm *vm, unsigned int slot);

/* What virtio devices have of @vm, which outlives them. */
struct iol_virtio_env iol_machine_virtio_env(struct iol_vm *vm);

/* Puts @v into its slot. It is the machine's from now on, which frees it on failure. */
int iol_machine_plug(struct iol_vm *vm, unsigned int slot, enum iol_transport transport,
		     struct iol_virtio *v, struct iol_error *err);

/* The virtio-mmio slots that devices of @config will take, a bit each. */
uint32_t iol_machine_mmio_slots(const struct iol_config *config);

/*
 * Brings all devices to rest; quiesce->done() is called, perhaps at once, when nothing is in flight
 * any more. vCPUs stand still.
 */
void iol_machine_quiesce(struct iol_vm *vm, struct iol_quiesce *quiesce);

/*
 * The same for the end of the machine: turns the loop until all is quiet. What takes longer than a
 * few seconds is cancelled; -ETIMEDOUT when the host does not let go of it even then, and the
 * machine's memory must not be freed.
 */
int iol_machine_drain(struct iol_vm *vm, struct iol_error *err);

/* Opens the backends of config->disks, in order. Errors are the user's; what was opened is vm's. */
int iol_disks_open(struct iol_vm *vm, struct iol_error *err);
/* Makes their devices. Part of iol_machine_init(). */
int iol_disks_init(struct iol_vm *vm, struct iol_error *err);
/* Closes what has no device yet; the rest went with the devices. */
void iol_disks_finish(struct iol_vm *vm);
/* The backend of config->disks[idx], wherever it is by now; NULL: there is none yet. */
const struct iol_block *iol_disk_backend(const struct iol_vm *vm, unsigned int idx);

/* The same three for config->nets. Backends may fork: no thread runs yet. */
int iol_nets_open(struct iol_vm *vm, struct iol_error *err);
int iol_nets_init(struct iol_vm *vm, struct iol_error *err);
void iol_nets_finish(struct iol_vm *vm);

#endif
