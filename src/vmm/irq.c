// SPDX-License-Identifier: Apache-2.0
/* Interrupt lines as eventfds. See include/iolite/irq.h. Raising is done on any thread. */
#include <iolite/irq.h>

#include <errno.h>
#include <linux/kvm.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

int iol_irq_line_init(struct iol_irq_line *line, int vm_fd, uint32_t gsi, struct iol_error *err)
{
	struct kvm_irqfd irqfd = { .gsi = gsi };

	line->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (line->eventfd < 0)
		return iol_error_errno(err, -errno, "cannot create an eventfd for interrupt %u",
				       gsi);
	if (vm_fd < 0)
		return 0;
	irqfd.fd = (uint32_t)line->eventfd;
	if (ioctl(vm_fd, KVM_IRQFD, &irqfd)) {
		iol_error_errno(err, -errno, "KVM_IRQFD for interrupt %u", gsi);
		iol_irq_line_finish(line);
		return err ? err->code : -EIO;
	}
	return 0;
}

void iol_irq_line_finish(struct iol_irq_line *line)
{
	/* Closing the last reference also takes the binding out of KVM. */
	iol_fd_close(&line->eventfd);
}

void iol_irq_line_raise(struct iol_irq_line *line)
{
	const uint64_t one = 1;

	if (line->eventfd < 0)
		return;
	/* Fails only when 2^64 - 2 edges are pending: an edge more is no news then. */
	if (write(line->eventfd, &one, sizeof(one)) < 0)
		return;
}
