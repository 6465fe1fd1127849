/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of the global utilities of Freescale's MPC85xx: the reset register, and who the processor is. */
#ifndef IOLITE_FSL_GUTS_H
#define IOLITE_FSL_GUTS_H

#include <iolite/bus.h>
#include <iolite/device.h>
#include <iolite/event.h>

enum {
	IOL_FSL_GUTS_BYTES = 0x1000,
	IOL_FSL_GUTS_PVR = 0xa0, /* processor version */
	IOL_FSL_GUTS_RSTCR = 0xb0,
	IOL_FSL_GUTS_RSTCR_HRESET = 0x2,
};

/*
 * Makes the device at @base of @bus, on a processor of version @pvr; it raises IOL_EVENT_RESET at @sink. Bus
 * and sink are borrowed and outlive the device. -EEXIST when the registers' place is taken.
 */
int iol_fsl_guts_new(struct iol_bus *bus, uint64_t base, uint32_t pvr, struct iol_event_sink *sink,
		     struct iol_device **dev, struct iol_error *err);

struct iol_fdt;
struct iol_fdt_place;
/* Writes the device's node (global-utilities@). */
void iol_fsl_guts_describe(struct iol_fdt *fdt, const struct iol_fdt_place *place);

#endif
