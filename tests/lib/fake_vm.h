/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine without KVM and without devices: memory from 0 on, buses, a loop, and vCPUs without threads. And what an
 * architecture does for such a machine: nothing to load, nothing to reset, page tables that are arithmetic.
 */
#ifndef TESTS_FAKE_VM_H
#define TESTS_FAKE_VM_H

#include <iolite/vm.h>

/* What is virtual: all of RAM, its pages in reverse order, so that neighbours are none in memory. */
#define FAKE_VM_BASE UINT64_C(0xffff800000000000)
enum { FAKE_VM_PAGE_BYTES = 4096 };

/* Paused, as a machine is before it begins; freed by iol_vm_free(). @config and @arch stay the caller's. */
struct iol_vm *fake_vm_new(const struct iol_config *config, const struct iol_arch *arch,
			   uint64_t ram_bytes, unsigned int cpus);

/* All that was posted or raised is done. */
void fake_vm_turn(struct iol_vm *vm);

int fake_vm_load(const struct iol_layout *layout, const struct iol_memory *mem,
		 const struct iol_boot *boot, struct iol_entry *entry,
		 struct iol_placement *placement, struct iol_error *err);
int fake_vm_reset(struct iol_vm *vm, struct iol_error *err);
int fake_vcpu_reset(struct iol_vcpu *vcpu, struct iol_error *err);
/* -EFAULT: nothing is mapped at @gva. */
int fake_vm_translate(struct iol_vcpu *vcpu, uint64_t gva, uint64_t *gpa, uint64_t *left);

#endif
