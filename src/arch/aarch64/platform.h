/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every fixed address and interrupt of the aarch64 machine "virt". layout.c holds the static asserts that
 * tie them together. GSIs are numbers of shared peripheral interrupts (SPI), 0 being INTID 32.
 *
 *   0x08000000  GICv3 distributor, then ITS, then redistributors (GICv2: distributor and CPU interface)
 *   0x09000000  16550A, PL031, PL061, then three more 16550As, pvpanic, a page each
 *   0x0a000000  virtio-mmio devices, a page for each of 32 slots
 *   0x10000000  PCI window for 32-bit BARs, up to the configuration space
 *   0x3f000000  PCI configuration space (ECAM), bus 0
 *   0x40000000  RAM, up to 64 GiB of it
 */
#ifndef IOLITE_ARM64_PLATFORM_H
#define IOLITE_ARM64_PLATFORM_H

#define IOL_ARM64_RAM UINT64_C(0x40000000)
#define IOL_ARM64_RAM_MIN_BYTES (16 * IOL_MIB)
#define IOL_ARM64_RAM_MAX_BYTES (64 * IOL_GIB)
#define IOL_ARM64_CPUS_MAX 64

#define IOL_ARM64_GICD UINT64_C(0x08000000)
#define IOL_ARM64_GICD_BYTES UINT64_C(0x10000)
#define IOL_ARM64_GICC UINT64_C(0x08010000) /* GICv2 only */
#define IOL_ARM64_GICC_BYTES UINT64_C(0x10000)
#define IOL_ARM64_ITS UINT64_C(0x08080000)
#define IOL_ARM64_ITS_BYTES UINT64_C(0x20000)
#define IOL_ARM64_GICR UINT64_C(0x080A0000)
#define IOL_ARM64_GICR_CPU_BYTES UINT64_C(0x20000) /* of each CPU */

#define IOL_ARM64_UART UINT64_C(0x09000000)
#define IOL_ARM64_RTC UINT64_C(0x09010000)
#define IOL_ARM64_GPIO UINT64_C(0x09020000)
#define IOL_ARM64_UART1 UINT64_C(0x09030000)
#define IOL_ARM64_UART2 UINT64_C(0x09040000)
#define IOL_ARM64_UART3 UINT64_C(0x09050000)
#define IOL_ARM64_PVPANIC UINT64_C(0x09060000)
#define IOL_ARM64_PVPANIC_BYTES 1
#define IOL_ARM64_PAGE_BYTES UINT64_C(0x1000)

#define IOL_ARM64_VIRTIO_MMIO UINT64_C(0x0a000000)

#define IOL_ARM64_PCI_WINDOW UINT64_C(0x10000000)
#define IOL_ARM64_PCI_WINDOW_BYTES UINT64_C(0x2f000000)
#define IOL_ARM64_ECAM UINT64_C(0x3f000000)
#define IOL_ARM64_ECAM_BYTES UINT64_C(0x00100000)

/* Edges. */
#define IOL_ARM64_UART_GSI 1
#define IOL_ARM64_GPIO_GSI 2
#define IOL_ARM64_UART1_GSI 3
#define IOL_ARM64_UART2_GSI 4
#define IOL_ARM64_UART3_GSI 5
/* Levels that slots share: slot n has the first + n % count. */
#define IOL_ARM64_SLOT_GSI 16
#define IOL_ARM64_SLOT_GSI_COUNT 8
/* SPIs; KVM wants the sum of all interrupts in steps of 32. */
#define IOL_ARM64_IRQ_PINS 32

#endif
