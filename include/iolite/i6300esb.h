/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watchdog of Intel's 6300ESB I/O controller hub, a PCI function that Linux has a driver for (i6300esb) on every
 * architecture. It counts in two stages: at the end of the first one it interrupts the guest, if that asked for it, and at the
 * end of the second one the guest has failed to serve it.
 *
 * It counts while vCPUs may run. What becomes of the machine is the user's choice (on-watchdog), not the device's.
 */
#ifndef IOLITE_I6300ESB_H
#define IOLITE_I6300ESB_H

#include <iolite/irq.h>
#include <iolite/loop.h>
#include <iolite/pci.h>

struct iol_i6300esb_config {
	struct iol_loop *loop;
	struct iol_pci_host *host;
	int slot;
	struct iol_irq_wire *intx; /* NULL: none */
	struct iol_event_sink *sink; /* of IOL_EVENT_WATCHDOG_PRETIMEOUT and IOL_EVENT_WATCHDOG */
	unsigned int
		autostart_s; /* both stages together, armed at every start, up to 2046; 0: the guest arms it */
};

struct iol_i6300esb;

/* All that @config points to is borrowed and outlives the device, which stands until iol_i6300esb_run(). */
int iol_i6300esb_new(const struct iol_i6300esb_config *config, struct iol_i6300esb **watchdog,
		     struct iol_error *err);
struct iol_device *iol_i6300esb_device(struct iol_i6300esb *watchdog);

/* vCPUs may run from now on, or (@runs false) stand: the time that is left stays as it is. [loop] */
void iol_i6300esb_run(struct iol_i6300esb *watchdog, bool runs);

#endif
