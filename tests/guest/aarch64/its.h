/* SPDX-License-Identifier: Apache-2.0 */
/* The GIC's interrupt translation service (ARM IHI 0069, chapter 5), as far as a message needs it. */
#ifndef GUEST_ITS_H
#define GUEST_ITS_H

#include "irq.h"

enum {
	GITS_CTLR = 0x0000,
	GITS_CBASER = 0x0080,
	GITS_CWRITER = 0x0088,
	GITS_CREADR = 0x0090,
	GITS_BASER = 0x0100,
	GITS_CTLR_ENABLED = 1,
};
#define GITS_CTLR_QUIESCENT 0x80000000u
#define ITS_ADDRESS UINT64_C(0x000ffffffffff000)

enum { ITS_LPI = 8192 + 5 };

/*
 * Puts tables behind 16 MiB of RAM, maps a message of a device to ITS_LPI on vCPU 0, and sends it, so that it
 * waits for the vCPU to take interrupts. Reports what fails.
 */
void its_make_pending(void);

#endif
