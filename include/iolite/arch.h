/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam between the machine and an architecture. The pure half (layout, load) needs no KVM and is
 * compiled on every host; the KVM half exists only where host and guest architecture are the same.
 */
#ifndef IOLITE_ARCH_H
#define IOLITE_ARCH_H

#include <iolite/image.h>
#include <iolite/layout.h>

struct iol_vm;
struct iol_vcpu;

/* What is loaded into a machine at start and at each reset. */
struct iol_boot {
	struct iol_image kernel;
	struct iol_image initrd; /* fd -1: none */
	const char *cmdline;
	uint32_t
		virtio_mmio_slots; /* bit per slot with a virtio-mmio device that the guest is told of */
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
};

/* A KVM capability (kvm-api 4.4), and what is lost without it. */
struct iol_kvm_cap {
	int cap; /* KVM_CAP_* */
	const char *name;
	const char *without; /* NULL: iolite needs it */
};

struct iol_arch_kvm_ops {
	/* What the architecture asks of KVM, ended by an entry without a name. */
	const struct iol_kvm_cap *caps;
	/*
	 * Runs some @iterations turns of a loop of two instructions in kernel mode, in a machine of
	 * its own; @ns is the best time of a few runs.
	 */
	int (*time_kernel_loop)(int kvm_fd, uint32_t iterations, uint64_t *ns,
				struct iol_error *err);
	/* After KVM_CREATE_VM and before the first vCPU: interrupt controller and the like. */
	int (*vm_init)(struct iol_vm *vm, struct iol_error *err);
	void (*vm_finish)(struct iol_vm *vm);
	/* After KVM_CREATE_VCPU: features; takes down what vcpu_reset will restore. */
	int (*vcpu_init)(struct iol_vcpu *vcpu, struct iol_error *err);
	/* Boot state, at start and at each reset. All vCPUs stand still. */
	int (*vcpu_reset)(struct iol_vcpu *vcpu, struct iol_error *err);
	/* Machine-wide state in the kernel (interrupt controllers) back to power-on. */
	int (*vm_reset)(struct iol_vm *vm, struct iol_error *err);
	/* Exits that the generic code does not know, and KVM_EXIT_SHUTDOWN. [vcpu] */
	enum iol_vcpu_action (*handle_exit)(struct iol_vcpu *vcpu);
	/* Registers to the log, one line each at IOL_LOG_INFO. [vcpu] */
	void (*dump)(struct iol_vcpu *vcpu);
};

struct iol_arch {
	const char *name; /* as uname -m says it */
	uint16_t elf_machine;
	/* Places @memory_bytes of RAM and the platform devices. -EINVAL when the size has no place. */
	int (*layout)(uint64_t memory_bytes, unsigned int cpus, struct iol_layout *layout,
		      struct iol_error *err);
	/*
	 * Fills zeroed guest memory: kernel, initrd, command line, tables; says how to enter. All
	 * limits (RAM too small, command line too long) are found here.
	 */
	int (*load)(const struct iol_layout *layout, const struct iol_memory *mem,
		    const struct iol_boot *boot, struct iol_entry *entry, struct iol_error *err);
	const struct iol_arch_kvm_ops *kvm; /* NULL on other hosts */
};

extern const struct iol_arch iol_arch_x86_64;

/* -ENOTSUP with the capability's name when @kvm_fd lacks one that is needed. */
int iol_arch_check_caps(const struct iol_arch *arch, int kvm_fd, struct iol_error *err);

/* The architecture that this host's KVM runs, or NULL when iolite has none for it. */
const struct iol_arch *iol_arch_host(void);

#endif
