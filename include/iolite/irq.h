/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupt lines into the machine, each an eventfd bound to a GSI (KVM_IRQFD, kvm-api 4.75): a
 * device raises its interrupt with one write(2) from any thread and knows nothing of KVM. GSI
 * routing is the host's default for the in-kernel irqchip (x86: PIC and IOAPIC, pin = GSI).
 */
#ifndef IOLITE_IRQ_H
#define IOLITE_IRQ_H

#include <stdint.h>

#include <iolite/error.h>

/*
 * An edge-triggered line. Devices embed one; the machine binds it before the first vCPU runs. Unit
 * tests bind it to an eventfd of their own and read what was raised.
 */
struct iol_irq_line {
	int eventfd; /* owned; -1 while unbound, when raising does nothing */
};

/* Makes the eventfd and binds it to @gsi of @vm_fd; @vm_fd -1 binds to nothing (tests). */
int iol_irq_line_init(struct iol_irq_line *line, int vm_fd, uint32_t gsi, struct iol_error *err);
void iol_irq_line_finish(struct iol_irq_line *line);

/* One edge. Never blocks, never fails visibly. [any] */
void iol_irq_line_raise(struct iol_irq_line *line);

#endif
