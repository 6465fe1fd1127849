/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every fixed address and interrupt of the Power Book E machines. layout.c holds the static asserts that tie
 * them together. GSIs are source numbers of the MPIC.
 *
 * Two maps, which differ in their base alone: for kernels that may know 32 bits of physical addresses, as QEMU's
 * mpc8544ds has it, and for those that always know 36, as QEMU's ppce500 has it:
 *
 *   0x0_00000000  0x0_00000000  RAM
 *   0x0_c0000000  0xc_00000000  end of RAM; PCI memory, 512 MiB
 *   0x0_e0000000  0xf_e0000000  configuration registers (CCSR), 1 MiB
 *   0x0_e8000000  0xf_00000000  virtio-mmio devices, a page for each of 32 slots; pvpanic
 *   0x0_ef000000  0xf_ef000000  spin table
 */
#ifndef IOLITE_PPC_PLATFORM_H
#define IOLITE_PPC_PLATFORM_H

#define IOL_PPC_RAM_MIN_BYTES UINT64_C(0x4000000)
/* Destinations of the MPIC, and entries of the spin table. */
#define IOL_PPC_CPUS_MAX 32

#define IOL_PPC32_RAM_END UINT64_C(0xc0000000)
#define IOL_PPC32_PCI_WINDOW UINT64_C(0xc0000000)
#define IOL_PPC32_PCI_WINDOW_PCI UINT64_C(0xc0000000)
#define IOL_PPC32_CCSR UINT64_C(0xe0000000)
#define IOL_PPC32_PLATFORM UINT64_C(0xe8000000)
#define IOL_PPC32_SPIN_TABLE UINT64_C(0xef000000)

#define IOL_PPC36_RAM_END UINT64_C(0xc00000000)
#define IOL_PPC36_PCI_WINDOW UINT64_C(0xc00000000)
#define IOL_PPC36_PCI_WINDOW_PCI UINT64_C(0xe0000000)
#define IOL_PPC36_CCSR UINT64_C(0xfe0000000)
#define IOL_PPC36_PLATFORM UINT64_C(0xf00000000)
#define IOL_PPC36_SPIN_TABLE UINT64_C(0xfef000000)

#define IOL_PPC_PCI_WINDOW_BYTES UINT64_C(0x20000000)

/* On the platform bus, behind the slots of virtio-mmio. */
#define IOL_PPC_PVPANIC UINT64_C(0x20000)
#define IOL_PPC_PVPANIC_BYTES 1
#define IOL_PPC_PLATFORM_BYTES UINT64_C(0x21000)

/* In the CCSR. */
#define IOL_PPC_CCSR_BYTES UINT64_C(0x100000)
#define IOL_PPC_UART UINT64_C(0x4500)
#define IOL_PPC_UART_STEP UINT64_C(0x100) /* to the next one */
#define IOL_PPC_UART_BYTES UINT64_C(0x8)
#define IOL_PPC_PCI UINT64_C(0x8000)
#define IOL_PPC_MPIC UINT64_C(0x40000)
#define IOL_PPC_MPIC_BYTES UINT64_C(0x40000)
#define IOL_PPC_MSI UINT64_C(0x41600)
#define IOL_PPC_MSI_BYTES UINT64_C(0x200)
#define IOL_PPC_GUTS UINT64_C(0xe0000)
#define IOL_PPC_GPIO UINT64_C(0xff000)
#define IOL_PPC_PAGE_BYTES UINT64_C(0x1000)

/* Sources below are pins from outside, edges or levels as the tree says; the others are internal: levels. */
#define IOL_PPC_SOURCE_INTERNAL 16
/* Levels that slots share: slot n has the first + n % count. */
#define IOL_PPC_SLOT_GSI 1
#define IOL_PPC_SLOT_GSI_COUNT 8
#define IOL_PPC_SOURCE_EXTERNAL_COUNT 12
#define IOL_PPC_PCI_GSI 24
#define IOL_PPC_UART_GSI 42 /* of all of them, as of a DUART's two */
#define IOL_PPC_GPIO_GSI 47
#define IOL_PPC_MSI_SOURCE 0xe0
#define IOL_PPC_MSI_SOURCE_COUNT 8
#define IOL_PPC_IRQ_PINS 256

#endif
