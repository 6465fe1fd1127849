/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtual machine: the owner of everything. All of it hangs off struct iol_vm and is torn down in
 * reverse by iol_vm_free(); any number of machines fit in one process, each with its own loop.
 */
#ifndef IOLITE_VM_H
#define IOLITE_VM_H

#include <iolite/arch.h>
#include <iolite/bus.h>
#include <iolite/char.h>
#include <iolite/config.h>
#include <iolite/device.h>
#include <iolite/lifecycle.h>
#include <iolite/vcpu.h>

enum { IOL_VM_DEVICES_MAX = 32 };

struct iol_acpi_pm;

struct iol_vm {
	const struct iol_config *config; /* borrowed; outlives the machine */
	const struct iol_arch *arch;
	int kvm_fd;
	int vm_fd;
	struct iol_loop loop;
	bool has_loop;
	struct iol_layout layout;
	struct iol_memory memory;
	struct iol_bus mmio;
	struct iol_bus pio;
	struct iol_boot boot;
	struct iol_entry entry;
	void *arch_state; /* the architecture's, from vm_init to vm_finish */

	unsigned int device_count;
	struct iol_device *devices[IOL_VM_DEVICES_MAX];
	struct iol_char *serial;
	struct iol_acpi_pm *acpi_pm; /* one of devices[]; NULL: the machine has no power button */

	struct iol_lifecycle lifecycle;

	pthread_mutex_t vcpu_lock;
	pthread_cond_t vcpu_cond;
	bool vcpus_run; /* what all vCPUs are to do; under vcpu_lock */
	bool vcpus_exit;
	unsigned int vcpu_count;
	struct iol_vcpu *vcpus;
};

/*
 * Makes a machine of @config, ready to start: RAM filled, devices in place, vCPUs in their boot
 * state. On failure nothing is left behind, and err->host_fault says whom to blame. The calling
 * thread becomes the loop's thread; SIGRTMIN is used to kick vCPUs.
 */
int iol_vm_new(const struct iol_config *config, struct iol_vm **vm, struct iol_error *err);
void iol_vm_free(struct iol_vm *vm);

/* Runs the machine and its loop until it is STOPPED; lifecycle.cause says why. [loop] */
int iol_vm_run(struct iol_vm *vm, struct iol_error *err);

/* Reports an event of the whole machine. [any] */
void iol_vm_raise(struct iol_vm *vm, enum iol_event event);

/* Presses the power button; false when the machine has none. [any] */
bool iol_vm_power_button(struct iol_vm *vm);

/* RUNNING -> PAUSED and back; -EBUSY in any other state. [loop] */
int iol_vm_pause(struct iol_vm *vm);
int iol_vm_resume(struct iol_vm *vm);

#endif
