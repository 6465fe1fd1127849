/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are in this machine, for ../virtio. */
#ifndef GUEST_VIO_ARCH_H
#define GUEST_VIO_ARCH_H

#include "guest.h"

#define VIO_RAM IOL_ARM64_RAM
#define VIO_ARENA (IOL_ARM64_RAM + 0x1000000)
#define VIO_ECAM IOL_ARM64_ECAM
#define VIO_BAR_PLACE 0x28000000u
#define VIO_MSI_ADDRESS 0x08090040u /* GITS_TRANSLATER */
#define VIO_INTERRUPTS_0 IOL_ARM64_GICD
#define VIO_INTERRUPTS_1 IOL_ARM64_GICR

/* Registers are device memory: what is not aligned gets no further than the processor (Arm ARM, B2.5). */
#define VIO_ALIGNED(at, width) (!((at) & ((width) / 8 - 1)))
#define read16(at) (VIO_ALIGNED(at, 16) ? read16(at) : 0)
#define read32(at) (VIO_ALIGNED(at, 32) ? read32(at) : 0)
#define read64(at) (VIO_ALIGNED(at, 64) ? read64(at) : 0)
#define write16(at, value) (VIO_ALIGNED(at, 16) ? write16(at, value) : (void)0)
#define write32(at, value) (VIO_ALIGNED(at, 32) ? write32(at, value) : (void)0)
#define write64(at, value) (VIO_ALIGNED(at, 64) ? write64(at, value) : (void)0)

#endif
