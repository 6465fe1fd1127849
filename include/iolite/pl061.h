/* SPDX-License-Identifier: Apache-2.0 */
/* General purpose lines: an ARM PrimeCell PL061, eight of them, whose inputs can interrupt. */
#ifndef IOLITE_PL061_H
#define IOLITE_PL061_H

#include <iolite/bus.h>
#include <iolite/device.h>
#include <iolite/irq.h>

enum { IOL_PL061_BYTES = 0x1000, IOL_PL061_LINES = 8 };

/* Label of its node, for those that are wired to it: two cells, line and flags (0: active high). */
#define IOL_PL061_LABEL "gpio0"

struct iol_pl061;

/*
 * Makes a PL061 of IOL_PL061_BYTES registers at @base of @bus; all its inputs are low. @irq gets an edge whenever an
 * interrupt of a line becomes pending; its ownership moves to the device, also on failure. @bus is
 * borrowed and outlives the device. -EEXIST when the registers' place is taken.
 */
int iol_pl061_new(struct iol_bus *bus, uint64_t base, struct iol_irq_line irq,
		  struct iol_pl061 **gpio, struct iol_error *err);

/* The device, which owns @gpio. */
struct iol_device *iol_pl061_device(struct iol_pl061 *gpio);

/* Drives input @line from outside; a reset leaves it as it is. [any] */
void iol_pl061_set_input(struct iol_pl061 *gpio, unsigned int line, bool level);

struct iol_fdt;
struct iol_fdt_place;
/* Writes the device's node (gpio@), which takes the clock IOL_FDT_APB_CLOCK. */
void iol_pl061_describe(struct iol_fdt *fdt, const struct iol_fdt_place *place);

#endif
