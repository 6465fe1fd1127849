// SPDX-License-Identifier: Apache-2.0
/* See fake_vm.h. */
#include "fake_vm.h"

#include <errno.h>
#include <glib.h>

#include "vmm/machine.h"

struct iol_vm *fake_vm_new(const struct iol_config *config, const struct iol_arch *arch,
			   uint64_t ram_bytes, unsigned int cpus)
{
	struct iol_vm *vm = g_new0(struct iol_vm, 1);

	vm->config = config;
	vm->arch = arch;
	vm->kvm_fd = vm->vm_fd = vm->boot.kernel.fd = vm->boot.initrd.fd = -1;
	vm->layout = (struct iol_layout){
		.machine = "fake",
		.cpus = cpus,
		.ram_count = 1,
		.ram = { { .size_bytes = ram_bytes } },
	};
	iol_bus_init(&vm->mmio);
	iol_bus_init(&vm->pio);
	pthread_mutex_init(&vm->vcpu_lock, NULL);
	pthread_cond_init(&vm->vcpu_cond, NULL);
	iol_lifecycle_init(vm);
	g_assert_cmpint(iol_memory_init(&vm->memory, vm->layout.ram, 1, NULL), ==, 0);
	g_assert_cmpint(iol_loop_init(&vm->loop, NULL), ==, 0);
	vm->has_loop = true;
	vm->vcpus = g_new0(struct iol_vcpu, cpus);
	vm->vcpu_count = cpus;
	for (unsigned int i = 0; i < cpus; i++)
		vm->vcpus[i] = (struct iol_vcpu){ .vm = vm, .idx = i, .fd = -1, .stats_fd = -1 };
	return vm;
}

void fake_vm_turn(struct iol_vm *vm)
{
	while (atomic_load(&vm->lifecycle.pending) || vm->loop.post_count)
		g_assert_cmpint(iol_loop_turn(&vm->loop, true), >=, 0);
}

int fake_vm_load(const struct iol_layout *layout, const struct iol_memory *mem,
		 const struct iol_boot *boot, struct iol_entry *entry,
		 struct iol_placement *placement, struct iol_error *err)
{
	(void)layout;
	(void)mem;
	(void)boot;
	(void)err;
	*entry = (struct iol_entry){ 0 };
	*placement = (struct iol_placement){ .no_tree = true };
	return 0;
}

int fake_vm_reset(struct iol_vm *vm, struct iol_error *err)
{
	(void)vm;
	(void)err;
	return 0;
}

int fake_vcpu_reset(struct iol_vcpu *vcpu, struct iol_error *err)
{
	(void)vcpu;
	(void)err;
	return 0;
}

int fake_vm_translate(struct iol_vcpu *vcpu, uint64_t gva, uint64_t *gpa, uint64_t *left)
{
	uint64_t offset = gva - FAKE_VM_BASE, ram = vcpu->vm->layout.ram[0].size_bytes;
	uint64_t in_page = offset % FAKE_VM_PAGE_BYTES;

	if (offset >= ram)
		return -EFAULT;
	*gpa = ram - FAKE_VM_PAGE_BYTES - (offset - in_page) + in_page;
	*left = FAKE_VM_PAGE_BYTES - in_page;
	return 0;
}
