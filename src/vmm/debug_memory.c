// SPDX-License-Identifier: Apache-2.0
/*
 * Memory of a machine as its debugger sees it: by virtual addresses of a vCPU, or by guest-physical ones, and without our
 * breakpoints. See debug_internal.h.
 *
 * The guest wrote its page tables, and the client chooses the address: whatever comes of a translation goes through the gate to guest
 * memory as any other address.
 */
#include "debug_internal.h"

#include <errno.h>
#include <string.h>

#include "guest_memory.h"

enum { PAGE_BYTES = 4096 };

/* The vCPU whose addresses they are; NULL: they are guest-physical. */
static struct iol_vcpu *vcpu_of(const struct iol_debug *debug, unsigned int thread)
{
	return debug->physical ? NULL : &debug->vm->vcpus[thread];
}

int iol_debug_translate(struct iol_debug *debug, unsigned int thread, uint64_t address,
			uint64_t *gpa, uint64_t *left)
{
	struct iol_guest_place place;
	int ret = iol_guest_find(debug->vm, vcpu_of(debug, thread), address, UINT64_MAX, &place);

	if (ret == -EFAULT)
		return ret;
	*gpa = place.gpa;
	*left = place.len;
	return 0;
}

long iol_debug_read(struct iol_debug *debug, unsigned int thread, uint64_t address, uint8_t *buf,
		    size_t bytes)
{
	struct iol_guest_place place;
	long done = iol_guest_read(debug->vm, vcpu_of(debug, thread), address, buf, bytes, &place);

	return done < 0 ? -EFAULT : done;
}

int iol_debug_write(struct iol_debug *debug, unsigned int thread, uint64_t address,
		    const uint8_t *buf, size_t bytes)
{
	size_t done = 0;

	while (done < bytes) {
		uint8_t page[PAGE_BYTES];
		struct iol_guest_place place;

		if (iol_guest_find(debug->vm, vcpu_of(debug, thread), address + done, bytes - done,
				   &place))
			return -EFAULT;
		memcpy(page, buf + done, place.len);
		iol_debug_keep_traps(debug, place.gpa, page, place.len);
		memcpy(place.hva, page, place.len);
		/* It may be code: processors with caches of instructions are to see it. */
		__builtin___clear_cache((char *)place.hva, (char *)place.hva + place.len);
		done += place.len;
	}
	return 0;
}
