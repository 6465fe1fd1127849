/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers of the ACPI power device, by offset from its base, and their bits. Read by the C
 * compiler and by iasl's preprocessor (the DSDT): nothing but #define NAME NUMBER here.
 */
#ifndef IOLITE_ACPI_PM_REGS_H
#define IOLITE_ACPI_PM_REGS_H

#define IOL_ACPI_PM_BYTES 0x08

/* Sleep control, 8 bits (ACPI 6.5, 4.8.3.7.1) */
#define IOL_ACPI_PM_SLEEP_CONTROL 0x00
#define IOL_ACPI_PM_SLP_TYP_SHIFT 0x02
#define IOL_ACPI_PM_SLP_TYP_MASK 0x1C
#define IOL_ACPI_PM_SLP_EN 0x20
#define IOL_ACPI_PM_SLP_TYP_S5 0x05

/* Sleep status, 8 bits (ACPI 6.5, 4.8.3.7.2) */
#define IOL_ACPI_PM_SLEEP_STATUS 0x01
#define IOL_ACPI_PM_WAK_STS 0x80

/* Event status, 32 bits, reading clears; for the generic event device (ACPI 6.5, 5.6.9) */
#define IOL_ACPI_PM_EVENT_STATUS 0x04
#define IOL_ACPI_PM_EVENT_POWER_BUTTON 0x01

#endif
