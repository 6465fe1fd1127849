/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine needs of every device: a name, reset and teardown. A device embeds struct
 * iol_device; the machine keeps the devices in creation order and resets and frees them in
 * reverse.
 */
#ifndef IOLITE_DEVICE_H
#define IOLITE_DEVICE_H

#include <iolite/macros.h>

struct iol_device;

struct iol_device_ops {
	const char *name;
	/* Back to the power-on state. vCPUs stand still. [loop] */
	void (*reset)(struct iol_device *dev);
	/* Frees the device and all it owns. vCPUs are gone; asynchronous operations are over. [loop] */
	void (*free)(struct iol_device *dev);
};

struct iol_device {
	const struct iol_device_ops *ops;
};

#endif
