/* SPDX-License-Identifier: Apache-2.0 */
/* Real-time clock: an ARM PrimeCell PL031 that shows the host's time in UTC. */
#ifndef IOLITE_PL031_H
#define IOLITE_PL031_H

#include <iolite/bus.h>
#include <iolite/device.h>

enum { IOL_PL031_BYTES = 0x1000 };

/*
 * Makes a clock of IOL_PL031_BYTES registers at @base of @bus, which is borrowed and outlives it. It has no
 * interrupt. -EEXIST when the registers' place is taken.
 */
int iol_pl031_new(struct iol_bus *bus, uint64_t base, struct iol_device **dev,
		  struct iol_error *err);

struct iol_fdt;
struct iol_fdt_place;
/* Writes the device's node (rtc@), which takes the clock IOL_FDT_APB_CLOCK. */
void iol_pl031_describe(struct iol_fdt *fdt, const struct iol_fdt_place *place);

#endif
