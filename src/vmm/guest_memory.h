/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory as a person or a debugger looks at it: by virtual addresses of a vCPU, or by guest-physical ones, and without
 * the traps of our debugger. RAM and nothing else: no access reaches a device.
 *
 * The guest wrote its page tables, and who asks chooses the address: whatever comes of a translation goes through the gate to
 * guest memory as any other address.
 */
#ifndef IOL_VMM_GUEST_MEMORY_H
#define IOL_VMM_GUEST_MEMORY_H

#include <iolite/vm.h>

struct iol_guest_place {
	uint8_t *hva; /* NULL: no RAM is there */
	uint64_t gpa;
	uint64_t len; /* bytes next to each other, at least 1, within a page */
};

/*
 * What is at @address for @vcpu, which stands, by its page tables as they are; NULL: at guest-physical @address. place->len is
 * @bytes (not 0) at most. 0; -EFAULT: no page is there, and @place says nothing; -ENXIO: a page, but no RAM behind it. [loop]
 */
int iol_guest_find(struct iol_vm *vm, struct iol_vcpu *vcpu, uint64_t address, uint64_t bytes,
		   struct iol_guest_place *place);

/* Copies up to @bytes from there. How many were, at least 1; or as above, with @place for the first of them. [loop] */
long iol_guest_read(struct iol_vm *vm, struct iol_vcpu *vcpu, uint64_t address, void *buf,
		    size_t bytes, struct iol_guest_place *place);

#endif
