/* SPDX-License-Identifier: Apache-2.0 */
/* Virtio over MMIO, version 2 (virtio-v1.2 4.2). */
#ifndef IOLITE_VIRTIO_MMIO_H
#define IOLITE_VIRTIO_MMIO_H

#include <iolite/bus.h>
#include <iolite/gate.h>
#include <iolite/irq.h>
#include <iolite/virtio.h>

enum { IOL_VIRTIO_MMIO_BYTES = 0x200 };

struct iol_virtio_mmio_config {
	struct iol_bus *bus;
	uint64_t base;
	struct iol_irq_wire *irq; /* NULL: none */
	pthread_mutex_t
		*gate_lock; /* see gate.h: drivers take a reset for done when it is written */
	pthread_cond_t *gate_cond;
};

/*
 * Puts @v at its address; from success on it belongs to the returned device, on failure still to the
 * caller. Everything in @config is borrowed and outlives the device.
 */
int iol_virtio_mmio_new(struct iol_virtio *v, const struct iol_virtio_mmio_config *config,
			struct iol_device **dev, struct iol_error *err);

struct iol_fdt;
struct iol_fdt_place;
/* Writes the device's node (virtio_mmio@). */
void iol_virtio_mmio_describe(struct iol_fdt *fdt, const struct iol_fdt_place *place);

#endif
