/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of the PC's keyboard controller: its reset line and system control port B. */
#ifndef IOLITE_I8042_H
#define IOLITE_I8042_H

#include <iolite/bus.h>
#include <iolite/device.h>
#include <iolite/event.h>

/* Places of the registers, one byte each, from the base (0x60 on a PC). */
enum {
	IOL_I8042_DATA = 0,
	IOL_I8042_PORT_B = 1,
	IOL_I8042_STATUS = 4, /* written: command */
};

/*
 * Makes a controller with no keyboard at @base of @bus that raises IOL_EVENT_RESET at @sink. Both
 * are borrowed and outlive the device. -EEXIST when a register's place is taken.
 */
int iol_i8042_new(struct iol_bus *bus, uint64_t base, struct iol_event_sink *sink,
		  struct iol_device **dev, struct iol_error *err);

#endif
