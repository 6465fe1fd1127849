/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every fixed address, port and interrupt of the x86_64 machine. Read by C and, through iasl's
 * preprocessor, by dsdt.asl and ssdt_virtio_mmio.asl: plain numbers only, no suffixes, no expressions, no other includes.
 * layout.c holds the static asserts that tie them together.
 */
#ifndef IOLITE_X86_PLATFORM_H
#define IOLITE_X86_PLATFORM_H

/*
 * RAM. The hole between 3 and 4 GiB:
 *
 *   0xc0000000  PCI window for 32-bit BARs
 *   0xe0000000  PCI configuration space (ECAM), bus 0
 *   0xf0000000  virtio-mmio devices, a page for each of 32 slots
 *   0xfec00000  IOAPIC
 *   0xfee00000  local APICs
 *   0xfffbc000  KVM's identity page table and TSS (hosts that need them)
 */
#define IOL_X86_RAM_MIN_BYTES 0x100000
#define IOL_X86_RAM_MAX_BYTES 0x1000000000
#define IOL_X86_RAM_LOW_END 0xC0000000
#define IOL_X86_RAM_HIGH 0x100000000
#define IOL_X86_CPUS_MAX 64

#define IOL_X86_PCI_WINDOW 0xC0000000
#define IOL_X86_PCI_WINDOW_LAST 0xDFFFFFFF
#define IOL_X86_PCI_WINDOW_BYTES 0x20000000
#define IOL_X86_ECAM 0xE0000000
#define IOL_X86_ECAM_BYTES 0x00100000
#define IOL_X86_VIRTIO_MMIO 0xF0000000
#define IOL_X86_VIRTIO_MMIO_BYTES 0x20000
#define IOL_X86_VIRTIO_MMIO_SLOT_BYTES 0x1000
#define IOL_X86_IOAPIC 0xFEC00000
#define IOL_X86_LAPIC 0xFEE00000

/* One page, then three (kvm-api 4.49 and 4.40). */
#define IOL_X86_KVM_IDENTITY_MAP 0xFFFBC000
#define IOL_X86_KVM_TSS 0xFFFBD000
#define IOL_X86_KVM_RESERVED_BYTES 0x4000

/* Low memory: what load() writes before the first instruction. */
#define IOL_X86_GDT 0x1000
#define IOL_X86_ZERO_PAGE 0x2000
#define IOL_X86_START_INFO 0x3000
#define IOL_X86_START_INFO_MODLIST 0x3100
#define IOL_X86_START_INFO_MEMMAP 0x3200
#define IOL_X86_PAGE_TABLES 0x4000
#define IOL_X86_CMDLINE 0x10000
#define IOL_X86_CMDLINE_BYTES 0x10000
#define IOL_X86_TREE 0x20000
#define IOL_X86_TREE_BYTES 0x3F000
#define IOL_X86_EBDA 0x9FC00
#define IOL_X86_ACPI 0xE0000
#define IOL_X86_ACPI_BYTES 0x10000
#define IOL_X86_BIOS 0xF0000
#define IOL_X86_RESET_VECTOR 0xFFFF0
#define IOL_X86_KERNEL_MIN 0x100000

/*
 * The PC BIOS reset flag, one word. An operating system writes 0 (cold) or 0x1234 (warm) there
 * before it resets the machine; Linux does so before every emergency restart, whose last resort is
 * a triple fault. load() seeds it with a value that is neither: while that still stands, a triple
 * fault is a crash, not a reboot.
 */
#define IOL_X86_RESET_FLAG 0x472
#define IOL_X86_RESET_FLAG_SENTINEL 0x694F

/* Ports. */
#define IOL_X86_I8042 0x60
#define IOL_X86_I8042_BYTES 5
#define IOL_X86_RTC 0x70
#define IOL_X86_RTC_BYTES 2
#define IOL_X86_COM1 0x3F8
#define IOL_X86_COM2 0x2F8
#define IOL_X86_COM3 0x3E8
#define IOL_X86_COM4 0x2E8
#define IOL_X86_COM_BYTES 8
#define IOL_X86_PVPANIC 0x505
#define IOL_X86_PVPANIC_BYTES 1
#define IOL_X86_ACPI_PM 0x600
#define IOL_X86_ACPI_PM_BYTES 8
#define IOL_X86_PCI_CONF1 0xCF8
#define IOL_X86_PCI_CONF1_BYTES 8

/* The reset control register of the PIIX and ICH chips, inside the PCI ports; 6 resets at once. */
#define IOL_X86_RESET_PORT 0xCF9
#define IOL_X86_RESET_VALUE 0x06

/*
 * Global system interrupts, which are IOAPIC pins. These are edges, which cannot be shared: the third and fourth serial
 * ports have pins of their own, unlike a PC's.
 */
#define IOL_X86_COM1_GSI 4
#define IOL_X86_COM2_GSI 3
#define IOL_X86_COM3_GSI 10
#define IOL_X86_COM4_GSI 11
#define IOL_X86_GED_GSI 5

/*
 * Levels, active low as PCI's are, that slots of PCI and virtio-mmio share: slot n has the first GSI
 * + n % count. The IOAPIC has 24 pins, of which the last 8 are no ISA interrupts.
 */
#define IOL_X86_SLOT_GSI 16
#define IOL_X86_SLOT_GSI_COUNT 8
#define IOL_X86_IRQ_PINS 24

/* Stands in ssdt_virtio_mmio.asl, once, for the bits of slots with a device. */
#define IOL_X86_SSDT_SLOTS 0x56534C54

/* Stands in dsdt.asl, once, for the number of serial ports. */
#define IOL_X86_DSDT_SERIALS 0x5345524C

#endif
