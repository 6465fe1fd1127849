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

/* Makes the backends and all devices of vm->layout. The loop, the buses and the VM are there. */
int iol_machine_init(struct iol_vm *vm, struct iol_error *err);

/* Lets the character backends send what is pending, then frees all devices, last made first. */
void iol_machine_finish(struct iol_vm *vm);

/* Hands @dev to the machine, which resets and frees it from now on. */
void iol_machine_keep(struct iol_vm *vm, struct iol_device *dev);

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
/* The virtio-mmio slots that config->disks will take, a bit each. */
uint32_t iol_disks_mmio_slots(const struct iol_config *config);

#endif
