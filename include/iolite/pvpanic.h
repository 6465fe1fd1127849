/* SPDX-License-Identifier: Apache-2.0 */
/* The pvpanic device: one byte by which the guest's kernel says that it panicked. */
#ifndef IOLITE_PVPANIC_H
#define IOLITE_PVPANIC_H

#include <iolite/bus.h>
#include <iolite/device.h>
#include <iolite/event.h>

enum { IOL_PVPANIC_BYTES = 1 };

/* What the register reads as, and what is written to it: a bit for each event. */
enum {
	IOL_PVPANIC_PANICKED = 1 << 0,
	IOL_PVPANIC_CRASH_LOADED = 1 << 1, /* it panicked and starts a kernel of its own for that */
};

/*
 * Makes the device at @base of @bus, be that a space of ports or of memory; it raises IOL_EVENT_PANIC or
 * IOL_EVENT_CRASH_LOADED at @sink, as often as the guest says so. Both are borrowed and outlive the device. It has no interrupt. -EEXIST
 * when the register's place is taken.
 */
int iol_pvpanic_new(struct iol_bus *bus, uint64_t base, struct iol_event_sink *sink,
		    struct iol_device **dev, struct iol_error *err);

struct iol_fdt;
struct iol_fdt_place;
/* Writes the device's node (pvpanic@). */
void iol_pvpanic_describe(struct iol_fdt *fdt, const struct iol_fdt_place *place);

#endif
