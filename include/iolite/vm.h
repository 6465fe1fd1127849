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
#include <iolite/irq.h>
#include <iolite/lifecycle.h>
#include <iolite/net.h>
#include <iolite/pci.h>
#include <iolite/vcpu.h>

enum {
	IOL_VM_DEVICES_MAX = 64,
	IOL_VM_WIRES_MAX = 12,
};

struct iol_acpi_pm;
struct iol_block;
struct iol_debug;
struct iol_debug_server;
struct iol_i6300esb;
struct iol_net;
struct iol_power_key;
struct iol_virtio;
struct iol_vm;
struct iol_vm_control;

struct iol_vm_disk {
	struct iol_vm *vm;
	struct iol_block *block; /* owned until virtio is there */
	struct iol_virtio *virtio; /* NULL: not yet; belongs to one of devices[] */
};

struct iol_vm_card {
	struct iol_vm *vm;
	struct iol_net *net; /* its backend, which belongs to one of devices[]; NULL: not yet */
	struct iol_net_observer observer;
};

struct iol_vm {
	const struct iol_config *config; /* borrowed; outlives the machine */
	const struct iol_arch *arch;
	int kvm_fd;
	int vm_fd;
	struct iol_loop loop;
	bool has_loop;
	pid_t loop_tid;
	cpu_set_t
		host_cpus; /* that we were started with, where threads are to be placed (place.h) */
	struct iol_layout layout;
	struct iol_memory memory;
	struct iol_bus mmio;
	struct iol_bus pio;
	struct iol_boot boot;
	struct iol_entry entry;
	struct iol_placement placement; /* of what was loaded last */
	void *arch_state; /* the architecture's, from vm_init to vm_finish */

	struct iol_irq_router *router;
	unsigned int wire_count;
	struct iol_irq_wire
		wires[IOL_VM_WIRES_MAX]; /* of slots, see layout.slot_gsi, then of devices */
	struct iol_pci_host *pci_host; /* one of devices[]; NULL: none */
	uint64_t virtio_mmio_base; /* of slot 0 */

	unsigned int device_count;
	struct iol_device *devices[IOL_VM_DEVICES_MAX];
	bool stuck; /* the host holds on to requests; memory and devices cannot be freed */
	struct iol_quiesce drain; /* at the end of the machine */
	struct iol_op drain_deadline;
	struct iol_virtio *slots
		[IOL_LAYOUT_SLOTS]; /* who is there; each belongs to one of devices[]; NULL: nobody */
	struct iol_vm_disk disks[IOL_CONFIG_DISKS_MAX]; /* config->disk_count of them */
	struct iol_char *serials[IOL_CONFIG_SERIALS_MAX]; /* config->serial_count of them */
	struct iol_count serial_interrupts[IOL_CONFIG_SERIALS_MAX];
	struct iol_char *console; /* NULL: none */
	struct iol_virtio *console_virtio; /* NULL: not yet; belongs to one of devices[] */
	struct iol_net
		*nets[IOL_CONFIG_NETS_MAX]; /* config->net_count of them; NULL: its card has it */
	struct iol_vm_card cards[IOL_CONFIG_NETS_MAX]; /* config->net_count of them */
	/* The power button, which is one of devices[]; NULL: this machine's is no such one. */
	struct iol_acpi_pm *acpi_pm;
	struct iol_power_key *power_key;
	struct iol_i6300esb *watchdog; /* one of devices[]; NULL: none */

	struct iol_lifecycle lifecycle;
	struct iol_debug *debug; /* NULL: no debugger was asked for */
	struct iol_debug_server *debug_server;
	struct iol_vm_control *control; /* NULL: no control socket */
	uint64_t started_ns; /* when iol_vm_run() began, by iol_loop_now_ns(); 0: it has not */

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

/*
 * Runs the machine and its loop until it is STOPPED; lifecycle.cause says why. When it returns, the
 * disks have nothing in flight, or the cause is that the host does not let go of it. [loop]
 */
int iol_vm_run(struct iol_vm *vm, struct iol_error *err);

/* Reports an event of the whole machine. [any] */
void iol_vm_raise(struct iol_vm *vm, enum iol_event event);

/* The same of a reset or a stop that somebody asked for, who is named to those that are told of it. [loop] */
void iol_vm_ask(struct iol_vm *vm, enum iol_event event, enum iol_wish wish);

/* Presses the power button; false when the machine has none. [loop] */
bool iol_vm_power_button(struct iol_vm *vm);

/* Looks at the size of every disk again and tells the guest of changes. [loop] */
void iol_vm_refresh_disks(struct iol_vm *vm);

/* The size of the terminal, for the guest where the virtio console is there; it is told of a change. 0: not known. [loop] */
void iol_vm_set_terminal_size(struct iol_vm *vm, uint16_t cols, uint16_t rows);

/* RUNNING -> PAUSED and back; -EBUSY in any other state, and while a debugger has the machine stand. [loop] */
int iol_vm_pause(struct iol_vm *vm);
int iol_vm_resume(struct iol_vm *vm);

#endif
