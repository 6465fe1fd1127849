/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine needs of every device: a name, reset and teardown. A device embeds struct
 * iol_device; the machine keeps the devices in creation order and resets and frees them in
 * reverse.
 */
#ifndef IOLITE_DEVICE_H
#define IOLITE_DEVICE_H

#include <stdbool.h>

#include <iolite/macros.h>

struct iol_device;

/* Waits for the end of what devices have in flight. */
struct iol_quiesce {
	unsigned int pending; /* devices that are not quiet yet */
	void (*done)(struct iol_quiesce *quiesce); /* pending fell to 0; [loop] */
};

struct iol_device_ops {
	const char *name;
	/*
	 * NULL: nothing is ever in flight. Starts nothing more until reset() and lets what is in
	 * flight come to its end; false while that takes longer, then iol_quiesce_done() is called
	 * once. vCPUs stand still. [loop]
	 */
	bool (*quiesce)(struct iol_device *dev, struct iol_quiesce *quiesce);
	/* NULL: none. Asks for an early end of what is in flight; errors are as good as success. [loop] */
	void (*cancel)(struct iol_device *dev);
	/* Back to the power-on state. vCPUs stand still, nothing is in flight. [loop] */
	void (*reset)(struct iol_device *dev);
	/* Frees the device and all it owns. vCPUs are gone; asynchronous operations are over. [loop] */
	void (*free)(struct iol_device *dev);
};

struct iol_device {
	const struct iol_device_ops *ops;
};

/* One device became quiet later than its quiesce() returned. [loop] */
static inline void iol_quiesce_done(struct iol_quiesce *quiesce)
{
	if (!--quiesce->pending)
		quiesce->done(quiesce);
}

#endif
