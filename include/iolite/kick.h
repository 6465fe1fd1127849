/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A doorbell: an eventfd that KVM signals when the guest writes to an address (KVM_IOEVENTFD, kvm-api
 * 4.59), so that no exit to user space is needed. The opposite of an interrupt line (irq.h).
 */
#ifndef IOLITE_KICK_H
#define IOLITE_KICK_H

#include <iolite/error.h>

struct iol_kick {
	int vm_fd; /* -1: tests; bound to nothing */
	int eventfd; /* owned; -1: not initialised */
	bool bound;
	uint64_t gpa;
	bool has_value; /* only a 4-byte write of @value, as a little-endian number, rings */
	uint32_t value;
};

int iol_kick_init(struct iol_kick *kick, int vm_fd, struct iol_error *err);
void iol_kick_finish(struct iol_kick *kick);

/*
 * Binds to guest-physical @gpa, in place of what it was bound to. With @value, only a 4-byte write
 * of that little-endian number rings; without, a write of any width and value. A host that cannot leaves it
 * unbound: the writes then reach the device's registers, which ring by iol_kick_ring(). [any]
 */
void iol_kick_bind(struct iol_kick *kick, uint64_t gpa, const uint32_t *value);
void iol_kick_unbind(struct iol_kick *kick);

/* Never blocks. [any] */
void iol_kick_ring(struct iol_kick *kick);

#endif
