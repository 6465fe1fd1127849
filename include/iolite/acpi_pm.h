/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power-off and power button of a hardware-reduced ACPI machine. Registers: acpi_pm_regs.h; the
 * DSDT describes them to the guest.
 */
#ifndef IOLITE_ACPI_PM_H
#define IOLITE_ACPI_PM_H

#include <iolite/acpi_pm_regs.h>
#include <iolite/bus.h>
#include <iolite/device.h>
#include <iolite/event.h>
#include <iolite/irq.h>

struct iol_acpi_pm;

/*
 * Makes the device at @base of @bus (IOL_ACPI_PM_BYTES). @irq tells the guest of a new event; its
 * ownership moves to the device, also on failure. @bus and @sink are borrowed and outlive the device.
 * -EEXIST when the registers' place is taken.
 */
int iol_acpi_pm_new(struct iol_bus *bus, uint64_t base, struct iol_irq_line irq,
		    struct iol_event_sink *sink, struct iol_acpi_pm **pm, struct iol_error *err);

/* The device, which owns @pm. */
struct iol_device *iol_acpi_pm_device(struct iol_acpi_pm *pm);

/* Presses the power button. [any] */
void iol_acpi_pm_press_power(struct iol_acpi_pm *pm);

#endif
