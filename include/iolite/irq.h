/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupts into the machine. Devices raise them from any thread and know nothing of KVM.
 *
 *  - struct iol_irq_line: an edge, an eventfd bound to a GSI (KVM_IRQFD, kvm-api 4.75); raised by one
 *    write(2);
 *  - struct iol_irq_msi: the same, with a GSI of its own whose route the guest chooses (MSI-X);
 *  - struct iol_irq_pin: a level on a wire that several devices share (PCI INTx, virtio-mmio);
 *  - struct iol_irq_output: a level that its machine takes as one or the other.
 */
#ifndef IOLITE_IRQ_H
#define IOLITE_IRQ_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <iolite/count.h>
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

/*
 * The machine's table of GSI routes (KVM_SET_GSI_ROUTING, kvm-api 4.52). The kernel takes the table
 * as a whole; it is written only when a route in use changed.
 */
struct iol_irq_router;

/* One message-signalled interrupt. Fields are irq.c's. */
struct iol_irq_msi {
	struct iol_irq_router *router;
	uint32_t gsi;
	struct iol_irq_line line;
	bool routed;
	uint64_t address;
	uint32_t data;
	uint32_t devid;
};

/*
 * A router of @vm_fd (-1: tests, nothing reaches a kernel). @pins of the in-kernel interrupt
 * controllers keep the routes that KVM gives them by itself: x86: 24, as PIC and IOAPIC;
 * aarch64: shared peripheral interrupts.
 */
struct iol_irq_router *iol_irq_router_new(int vm_fd, uint32_t pins);
void iol_irq_router_free(struct iol_irq_router *router);

/* Routes the pins, where KVM does not do that by itself: GSIs are pins of irqchip 0 (powerpc). [loop] */
int iol_irq_router_route_pins(struct iol_irq_router *router, struct iol_error *err);
/*
 * What the in-kernel controller calls the data of a message, where that is not the number that the device
 * has. Before the first message is routed. [loop]
 */
void iol_irq_router_convert_data(struct iol_irq_router *router,
				 uint32_t (*msi_data)(uint32_t data));

/* Takes a free GSI above the pins. Nothing is delivered before it has a route. */
int iol_irq_msi_init(struct iol_irq_msi *msi, struct iol_irq_router *router, struct iol_error *err);
void iol_irq_msi_finish(struct iol_irq_msi *msi);

/*
 * Where raises go from now on: a write of @data to @address (PCI 3.0, 6.8) by the function that the
 * machine's interrupt controller knows as @devid (on PCI its bus, device and function; what x86 has needs
 * none). Address and data are the guest's; the kernel may refuse them, which is logged, and raises then
 * go nowhere. An unchanged route costs nothing. [any]
 */
void iol_irq_msi_route(struct iol_irq_msi *msi, uint32_t devid, uint64_t address, uint32_t data);

/* A message's route, for a person. */
struct iol_irq_route {
	uint32_t gsi;
	bool routed; /* what follows is in use */
	uint32_t devid;
	uint64_t address;
	uint32_t data;
};

/* The route of the first message with a GSI of @gsi or more; false: there is none. [any] */
bool iol_irq_router_next(struct iol_irq_router *router, uint32_t gsi, struct iol_irq_route *route);

/* [any] */
void iol_irq_msi_raise(struct iol_irq_msi *msi);

/*
 * Whatever is written to @eventfd raises @msi, without our help, until iol_irq_msi_unbind(): then none of it comes
 * any more. An eventfd is bound once at a time. False: @msi has no route, or the kernel refuses. Whoever changes
 * the route unbinds before. [any]
 */
bool iol_irq_msi_bind(struct iol_irq_msi *msi, int eventfd);
void iol_irq_msi_unbind(struct iol_irq_msi *msi, int eventfd);

/* A level-triggered interrupt that is asserted while any of its pins is. */
struct iol_irq_wire {
	int vm_fd; /* -1: tests */
	uint32_t gsi;
	uint32_t kvm_irq; /* what KVM_IRQ_LINE calls it */
	pthread_mutex_t lock;
	unsigned int asserted; /* pins that are; tests read it */
};

struct iol_irq_pin {
	struct iol_irq_wire *wire; /* borrowed; NULL: setting it does nothing */
	bool asserted; /* under the wire's lock */
};

void iol_irq_wire_init(struct iol_irq_wire *wire, int vm_fd, uint32_t gsi, uint32_t kvm_irq);
void iol_irq_wire_finish(struct iol_irq_wire *wire);

/* Sets the level of one device's pin; the kernel hears only of changes of the wire (KVM_IRQ_LINE). [any] */
void iol_irq_pin_set(struct iol_irq_pin *pin, bool level);

/*
 * The interrupt output of a device that is in machines with edges and in such with levels. The device says
 * what its output is; the machine, what becomes of it.
 */
struct iol_irq_output {
	struct iol_irq_line line; /* unbound where there is a wire */
	struct iol_irq_pin pin;
	bool high;
	struct iol_count *raised; /* how often it rose; borrowed; NULL: nobody wants to know */
};

/* An edge for each time that it rises. Ownership of @line moves. */
struct iol_irq_output iol_irq_output_edge(struct iol_irq_line line);
/* A pin of @wire, which is borrowed. */
struct iol_irq_output iol_irq_output_level(struct iol_irq_wire *wire);
/* Lowers it for good. */
void iol_irq_output_finish(struct iol_irq_output *output);

static inline bool iol_irq_output_is_level(const struct iol_irq_output *output)
{
	return output->pin.wire;
}

/* Any thread, but one at a time: the device's lock is held. */
void iol_irq_output_set(struct iol_irq_output *output, bool high);

#endif
