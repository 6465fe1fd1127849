/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam between the machine and an architecture. The pure half (layout, load) needs no KVM and is
 * compiled on every host; the KVM half exists only where host and guest architecture are the same.
 */
#ifndef IOLITE_ARCH_H
#define IOLITE_ARCH_H

#include <iolite/arch_debug.h>
#include <iolite/describe.h>
#include <iolite/image.h>
#include <iolite/layout.h>

struct iol_vm;
struct iol_vcpu;

/* What is loaded into a machine at start and at each reset. */
struct iol_boot {
	struct iol_image kernel;
	bool kernel_is_raw; /* goes to kernel_gpa as it is, and is entered there */
	uint64_t kernel_gpa; /* a multiple of 4 */
	struct iol_image initrd; /* fd -1: none */
	const char *cmdline;
	struct iol_fdt_blob dtb; /* the user's instead of the generated one; no data: none */
	unsigned int overlay_count;
	struct iol_fdt_blob *overlays; /* as named in the configuration, in order */
	uint32_t
		virtio_mmio_slots; /* bit per slot with a virtio-mmio device that the guest is told of */
};

/* What load() put where, as far as others must know. Half-open ranges, empty where there is none. */
struct iol_placement {
	uint64_t kernel_start, kernel_end; /* with all that the kernel needs behind its file */
	uint64_t initrd_start, initrd_end;
	bool no_tree; /* the kernel's way of being entered has no place for a device tree */
};

enum { IOL_ENTRY_ARGS_MAX = 4 };

/* How vCPU 0 starts; the meaning of mode and args is the architecture's. */
struct iol_entry {
	uint64_t pc;
	unsigned int mode;
	uint64_t args[IOL_ENTRY_ARGS_MAX];
};

/* What a vCPU does after an exit was handled. */
enum iol_vcpu_action {
	IOL_VCPU_CONTINUE, /* enter the guest again */
	IOL_VCPU_HOLD, /* stand still until the life cycle resets or stops the machine */
	IOL_VCPU_STAND, /* stand still until the debugger has looked */
};

/* A KVM capability (kvm-api 4.4), and what is lost without it. */
struct iol_kvm_cap {
	int cap; /* KVM_CAP_* */
	const char *name;
	const char *without; /* NULL: iolite needs it */
};

enum iol_host_verdict {
	IOL_HOST_OK,
	IOL_HOST_FAULTY,
	IOL_HOST_UNKNOWN,
};

struct iol_arch_kvm_ops {
	/* Asks KVM for what layout() has to know of this host. NULL: nothing. */
	int (*probe)(int kvm_fd, struct iol_host_facts *facts, struct iol_error *err);
	/* The type for KVM_CREATE_VM (kvm-api 4.2). NULL: 0. */
	unsigned long (*vm_type)(const struct iol_host_facts *facts);
	/* What the architecture asks of KVM, ended by an entry without a name. */
	const struct iol_kvm_cap *caps;
	/* What to do where there is no /dev/kvm, and where kernel-mode code is emulated; a clause each. */
	const char *no_device_remedy, *emulated_remedy;
	/*
	 * Looks for faults of the host's kernel by which a guest hangs or breaks the host, without running into one. @try:
	 * what nothing but a guest can show is tried, in a child process; the kernel's log may get a trace of it. @why
	 * gets a line, also for IOL_HOST_OK. NULL: none are known. No other thread is there yet.
	 */
	enum iol_host_verdict (*host_faults)(int kvm_fd, bool try, struct iol_error *why);
	/*
	 * Runs some @iterations turns of a loop of two instructions in kernel mode, in a machine of
	 * its own; @ns is the best time of a few runs.
	 */
	int (*time_kernel_loop)(int kvm_fd, uint32_t iterations, uint64_t *ns,
				struct iol_error *err);
	/* After KVM_CREATE_VM and before the first vCPU: interrupt controller and the like. */
	int (*vm_init)(struct iol_vm *vm, struct iol_error *err);
	void (*vm_finish)(struct iol_vm *vm);
	/*
	 * After all vCPUs were made and before the first device: interrupts can be wired up from
	 * here on. NULL: nothing.
	 */
	int (*vm_ready)(struct iol_vm *vm, struct iol_error *err);
	/* Tells vm->router, which is new, what is different here. NULL: nothing. */
	int (*init_router)(struct iol_vm *vm, struct iol_error *err);
	/* What KVM_IRQ_LINE calls pin @gsi (kvm-api 4.25). NULL: the same. */
	uint32_t (*irq_of_gsi)(uint32_t gsi);
	/* After KVM_CREATE_VCPU: features; takes down what vcpu_reset will restore. */
	int (*vcpu_init)(struct iol_vcpu *vcpu, struct iol_error *err);
	/* Boot state, at start and at each reset; may park it. All vCPUs stand still. */
	int (*vcpu_reset)(struct iol_vcpu *vcpu, struct iol_error *err);
	/* Machine-wide state in the kernel (interrupt controllers) back to power-on. */
	int (*vm_reset)(struct iol_vm *vm, struct iol_error *err);
	/* Exits that the generic code does not know, and KVM_EXIT_SHUTDOWN. [vcpu] */
	enum iol_vcpu_action (*handle_exit)(struct iol_vcpu *vcpu);
	/* Registers to the log, one line each at IOL_LOG_INFO. [vcpu] */
	void (*dump)(struct iol_vcpu *vcpu);
	/* NULL: guests cannot be debugged (yet). */
	const struct iol_arch_debug_ops *debug;
};

struct iol_arch {
	const char *name; /* as uname -m says it */
	uint16_t elf_machine;
	bool takes_raw_kernel; /* load() knows boot->kernel_is_raw */
	/* Linux takes its seeds from /chosen, and wipes them there. */
	bool seeds_in_tree;
	/* The facts of a host like those that this machine is meant for, for describing it on another. */
	struct iol_host_facts typical_host;
	/* Places RAM and the platform devices. -EINVAL when a size has no place or the machine is unknown. */
	int (*layout)(const struct iol_layout_request *request, struct iol_layout *layout,
		      struct iol_error *err);
	/*
	 * Fills zeroed guest memory: kernel, initrd, command line, tables; says how to enter. All
	 * limits (RAM too small, command line too long) are found here.
	 */
	int (*load)(const struct iol_layout *layout, const struct iol_memory *mem,
		    const struct iol_boot *boot, struct iol_entry *entry,
		    struct iol_placement *placement, struct iol_error *err);
	/*
	 * Properties of the root node, which is open, and the nodes of what is the architecture's own:
	 * processors, interrupt controllers, buses; d->devices() puts the devices there. Memory, /chosen and
	 * /aliases are others' (src/vmm/tree.c).
	 */
	void (*describe)(const struct iol_describe *d, struct iol_fdt *fdt);
	/* Where @dev is and how it interrupts, in the terms of its bus. */
	void (*place)(const struct iol_layout *layout, const struct iol_layout_device *dev,
		      struct iol_fdt_place *place);
	/*
	 * Puts the tree into guest memory, beside what load() placed, and tells the kernel by @entry.
	 * -ENOSPC when it does not fit.
	 */
	int (*place_tree)(const struct iol_layout *layout, const struct iol_memory *mem,
			  const struct iol_placement *placement, const struct iol_fdt_blob *tree,
			  struct iol_entry *entry, struct iol_error *err);
	const struct iol_arch_kvm_ops *kvm; /* NULL on other hosts */
};

extern const struct iol_arch iol_arch_x86_64;
extern const struct iol_arch iol_arch_aarch64;
extern const struct iol_arch iol_arch_powerpc;

/* -ENOTSUP with the capability's name when @kvm_fd lacks one that is needed. */
int iol_arch_check_caps(const struct iol_arch *arch, int kvm_fd, struct iol_error *err);

/* The architecture that this host's KVM runs, or NULL when iolite has none for it. */
const struct iol_arch *iol_arch_host(void);

/* The architecture of that name, or NULL. */
const struct iol_arch *iol_arch_find(const char *name);

/* All names, "a, b or c", for messages. Static. */
const char *iol_arch_names(void);

#endif
