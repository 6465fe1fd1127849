// SPDX-License-Identifier: Apache-2.0
/*
 * Doorbells as eventfds that KVM signals (KVM_IOEVENTFD, kvm-api 4.59). See include/iolite/kick.h.
 *
 * Binding runs on vCPU threads under the lock of the bus that moves the doorbell, ringing on any
 * thread. A hostile guest chooses the address: on RAM or the interrupt controllers it never rings,
 * on another doorbell the kernel refuses it.
 */
#include <iolite/kick.h>

#include <errno.h>
#include <linux/kvm.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <iolite/endian.h>

int iol_kick_init(struct iol_kick *kick, int vm_fd, struct iol_error *err)
{
	*kick = (struct iol_kick){ .vm_fd = vm_fd };
	/* Blocking: an io_uring read of a non-blocking one would not wait for the next ring. */
	kick->eventfd = eventfd(0, EFD_CLOEXEC);
	if (kick->eventfd < 0)
		return iol_error_errno(err, -errno, "cannot create an eventfd for a doorbell");
	return 0;
}

void iol_kick_finish(struct iol_kick *kick)
{
	iol_kick_unbind(kick);
	iol_fd_close(&kick->eventfd);
}

/* Binds, or with KVM_IOEVENTFD_FLAG_DEASSIGN unbinds, where @kick says. */
static bool set_binding(const struct iol_kick *kick, uint32_t flags)
{
	/* A length of 0 is any (KVM_CAP_IOEVENTFD_ANY_LENGTH); a kernel without it refuses that. */
	struct kvm_ioeventfd bell = { .addr = kick->gpa, .fd = kick->eventfd, .flags = flags };

	if (kick->has_value) {
		bell.flags |= KVM_IOEVENTFD_FLAG_DATAMATCH;
		/* KVM reads the access's bytes as a number of the host's order; the register is little-endian. */
		bell.datamatch = le32_of(kick->value).raw;
		bell.len = sizeof(kick->value);
	}
	return kick->vm_fd >= 0 && !ioctl(kick->vm_fd, KVM_IOEVENTFD, &bell);
}

void iol_kick_bind(struct iol_kick *kick, uint64_t gpa, const uint32_t *value)
{
	bool same =
		kick->gpa == gpa && kick->has_value == !!value && (!value || kick->value == *value);

	if (kick->bound && same)
		return;
	iol_kick_unbind(kick);
	kick->gpa = gpa;
	kick->has_value = value;
	kick->value = value ? *value : 0;
	/* Refused: a slower exit for each ring, and nothing that a person could mend. */
	kick->bound = set_binding(kick, 0);
}

void iol_kick_unbind(struct iol_kick *kick)
{
	if (!kick->bound)
		return;
	set_binding(kick, KVM_IOEVENTFD_FLAG_DEASSIGN);
	kick->bound = false;
}

void iol_kick_ring(struct iol_kick *kick)
{
	const uint64_t one = 1;

	if (kick->eventfd < 0)
		return;
	/* Fails only when it already rings 2^64 - 2 times. */
	if (write(kick->eventfd, &one, sizeof(one)) < 0)
		return;
}
