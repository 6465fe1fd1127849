// SPDX-License-Identifier: Apache-2.0
/*
 * Interrupt lines as eventfds (KVM_IRQFD, kvm-api 4.75), and levels on shared wires (KVM_IRQ_LINE,
 * kvm-api 4.25). See include/iolite/irq.h; message-signalled interrupts are irq_router.c's. All are
 * used on any thread. A guest reaches nothing here but through its devices.
 */
#include <iolite/irq.h>

#include <assert.h>

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

void iol_irq_wire_init(struct iol_irq_wire *wire, int vm_fd, uint32_t gsi, uint32_t kvm_irq)
{
	*wire = (struct iol_irq_wire){ .vm_fd = vm_fd, .gsi = gsi, .kvm_irq = kvm_irq };
	pthread_mutex_init(&wire->lock, NULL);
}

void iol_irq_wire_finish(struct iol_irq_wire *wire)
{
	pthread_mutex_destroy(&wire->lock);
}

/* Under the wire's lock, so that the kernel hears of levels in their order. */
static void wire_set_level(struct iol_irq_wire *wire, bool level)
{
	struct kvm_irq_level line = { .irq = wire->kvm_irq, .level = level };

	if (wire->vm_fd < 0)
		return;
	/* Fails only in a machine without interrupt controllers, where nobody listens. */
	if (ioctl(wire->vm_fd, KVM_IRQ_LINE, &line))
		return;
}

void iol_irq_pin_set(struct iol_irq_pin *pin, bool level)
{
	struct iol_irq_wire *wire = pin->wire;

	if (!wire)
		return;
	pthread_mutex_lock(&wire->lock);
	if (pin->asserted != level) {
		pin->asserted = level;
		if (level) {
			if (!wire->asserted++)
				wire_set_level(wire, true);
		} else {
			assert(wire->asserted);
			if (!--wire->asserted)
				wire_set_level(wire, false);
		}
	}
	pthread_mutex_unlock(&wire->lock);
}

struct iol_irq_output iol_irq_output_edge(struct iol_irq_line line)
{
	return (struct iol_irq_output){ .line = line };
}

struct iol_irq_output iol_irq_output_level(struct iol_irq_wire *wire)
{
	return (struct iol_irq_output){ .line.eventfd = -1, .pin.wire = wire };
}

void iol_irq_output_finish(struct iol_irq_output *output)
{
	iol_irq_output_set(output, false);
	iol_irq_line_finish(&output->line);
}

void iol_irq_output_set(struct iol_irq_output *output, bool high)
{
	if (high && !output->high) {
		iol_irq_line_raise(&output->line);
		if (output->raised)
			iol_count_add_one(output->raised);
	}
	output->high = high;
	iol_irq_pin_set(&output->pin, high);
}
