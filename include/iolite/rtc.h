/* SPDX-License-Identifier: Apache-2.0 */
/* Real-time clock and CMOS RAM: an MC146818 that shows the host's time in UTC. */
#ifndef IOLITE_RTC_H
#define IOLITE_RTC_H

#include <iolite/bus.h>
#include <iolite/device.h>

enum { IOL_RTC_BYTES = 2 };

/*
 * Makes an RTC with its index register at @base of @bus and its data register at @base + 1. @bus is
 * borrowed and outlives the device. It has no interrupt. -EEXIST when the registers' place is taken.
 */
int iol_rtc_new(struct iol_bus *bus, uint64_t base, struct iol_device **dev, struct iol_error *err);

struct iol_fdt;
struct iol_fdt_place;
/* Writes the device's node (rtc@). */
void iol_rtc_describe(struct iol_fdt *fdt, const struct iol_fdt_place *place);

#endif
