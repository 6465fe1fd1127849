/* SPDX-License-Identifier: Apache-2.0 */
/* Virtio over PCI, modern interface only (virtio-v1.2 4.1). */
#ifndef IOLITE_VIRTIO_PCI_H
#define IOLITE_VIRTIO_PCI_H

#include <iolite/msix.h>
#include <iolite/virtio.h>

struct iol_virtio_pci_config {
	struct iol_pci_host *host;
	int slot;
	struct iol_irq_router *router; /* of MSI-X; NULL: INTx only */
	struct iol_irq_wire *intx; /* NULL: none */
};

/*
 * Plugs @v into a PCI bus; from success on it belongs to the returned device, on failure still to
 * the caller. Everything in @config is borrowed and outlives the device.
 */
int iol_virtio_pci_new(struct iol_virtio *v, const struct iol_virtio_pci_config *config,
		       struct iol_device **dev, struct iol_error *err);

#endif
