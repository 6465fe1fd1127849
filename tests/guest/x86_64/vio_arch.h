/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are in this machine, for ../virtio. */
#ifndef GUEST_VIO_ARCH_H
#define GUEST_VIO_ARCH_H

#include "arch/x86_64/platform.h"

#define VIO_RAM 0ull
#define VIO_ARENA 0x1000000ull
#define VIO_ECAM IOL_X86_ECAM
#define VIO_BAR_PLACE 0xd8000000u
#define VIO_MSI_ADDRESS 0xfee00000u
#define VIO_INTERRUPTS_0 IOL_X86_IOAPIC
#define VIO_INTERRUPTS_1 IOL_X86_LAPIC

#endif
