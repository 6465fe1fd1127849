// SPDX-License-Identifier: Apache-2.0
/* See guest_memory.h. On the loop's thread while the vCPU stands. */
#include "guest_memory.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "debug_internal.h"

enum { PAGE_BYTES = 4096 };

int iol_guest_find(struct iol_vm *vm, struct iol_vcpu *vcpu, uint64_t address, uint64_t bytes,
		   struct iol_guest_place *place)
{
	const struct iol_arch_debug_ops *ops = vm->arch->kvm->debug;
	uint64_t left = PAGE_BYTES;

	place->gpa = address;
	if (vcpu && ops->translate(vcpu, address, &place->gpa, &left))
		return -EFAULT;
	place->len = MIN(MIN(left, bytes), PAGE_BYTES - place->gpa % PAGE_BYTES);
	place->hva = iol_memory_ptr(&vm->memory, place->gpa, place->len);
	return place->hva ? 0 : -ENXIO;
}

long iol_guest_read(struct iol_vm *vm, struct iol_vcpu *vcpu, uint64_t address, void *buf,
		    size_t bytes, struct iol_guest_place *place)
{
	uint8_t *to = buf;
	size_t done = 0;

	while (done < bytes) {
		struct iol_guest_place here;
		int ret = iol_guest_find(vm, vcpu, address + done, bytes - done, &here);

		if (!done)
			*place = here;
		if (ret)
			return done ? (long)done : ret;
		/* vCPUs may write to it at any time. */
		memcpy(to + done, here.hva, here.len);
		if (vm->debug)
			iol_debug_hide_traps(vm->debug, here.gpa, to + done, here.len);
		done += here.len;
	}
	return (long)done;
}
