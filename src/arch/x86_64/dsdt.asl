// SPDX-License-Identifier: Apache-2.0
/*
 * The fixed devices of the x86_64 machine, for operating systems that read ACPI (ACPI-6.5 chapters
 * 5, 6 and 19). Compiled at build time by dsdt.cmake; addresses come from platform.h. The machine
 * is hardware-reduced: no legacy PIC, no SCI, events arrive at the generic event device. Only the number of serial
 * ports is known no sooner than the machine is made.
 *
 * Devices behind virtio-mmio are in ssdt_virtio_mmio.asl.
 */
#include "platform.h"
#include <iolite/acpi_pm_regs.h>

/* INTA of any function in slot n: an IOAPIC pin, level and active low as _PRT means it (6.2.13). */
#define SLOT_ROUTE(n) Package () { (n << 16) | 0xFFFF, 0, 0, \
    IOL_X86_SLOT_GSI + n % IOL_X86_SLOT_GSI_COUNT }

DefinitionBlock ("", "DSDT", 2, "IOLITE", "IOLITEPC", 1)
{
    /* The type S5 has in the sleep control register (7.4.2, 4.8.3.7). No other state exists. */
    Name (\_S5, Package () { IOL_ACPI_PM_SLP_TYP_S5, 0, 0, 0 })

    Scope (\_SB)
    {
        /* How many serial ports there are: the value here is only found and replaced (acpi.c). */
        Name (COMN, IOL_X86_DSDT_SERIALS)

        Method (COMS, 1)
        {
            If (Arg0 < COMN)
            {
                Return (0x0F)
            }
            Return (0)
        }

        /* Serial ports: 16550As whose interrupts are edges, as on ISA. */
        Device (COM1)
        {
            Name (_HID, EisaId ("PNP0501"))
            Name (_UID, 1)
            Method (_STA) { Return (COMS (0)) }
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, IOL_X86_COM1, IOL_X86_COM1, 1, IOL_X86_COM_BYTES)
                Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { IOL_X86_COM1_GSI }
            })
        }

        Device (COM2)
        {
            Name (_HID, EisaId ("PNP0501"))
            Name (_UID, 2)
            Method (_STA) { Return (COMS (1)) }
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, IOL_X86_COM2, IOL_X86_COM2, 1, IOL_X86_COM_BYTES)
                Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { IOL_X86_COM2_GSI }
            })
        }

        Device (COM3)
        {
            Name (_HID, EisaId ("PNP0501"))
            Name (_UID, 3)
            Method (_STA) { Return (COMS (2)) }
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, IOL_X86_COM3, IOL_X86_COM3, 1, IOL_X86_COM_BYTES)
                Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { IOL_X86_COM3_GSI }
            })
        }

        Device (COM4)
        {
            Name (_HID, EisaId ("PNP0501"))
            Name (_UID, 4)
            Method (_STA) { Return (COMS (3)) }
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, IOL_X86_COM4, IOL_X86_COM4, 1, IOL_X86_COM_BYTES)
                Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { IOL_X86_COM4_GSI }
            })
        }

        /* Clock and CMOS RAM, without an interrupt: it has neither alarm nor periodic tick. */
        Device (RTC0)
        {
            Name (_HID, EisaId ("PNP0B00"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, IOL_X86_RTC, IOL_X86_RTC, 1, IOL_X86_RTC_BYTES)
            })
        }

        /* What no driver owns. An MCFG entry counts only when its range is reserved here (PCI
           Firmware 3.3, 4.1.2). */
        Device (MBRD)
        {
            Name (_HID, EisaId ("PNP0C02"))
            Name (_UID, 1)
            Name (_CRS, ResourceTemplate ()
            {
                Memory32Fixed (ReadWrite, IOL_X86_ECAM, IOL_X86_ECAM_BYTES)
                IO (Decode16, IOL_X86_ACPI_PM, IOL_X86_ACPI_PM, 1, IOL_X86_ACPI_PM_BYTES)
            })
        }

        /* Bus 0 and nothing behind it. */
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A08"))
            Name (_CID, EisaId ("PNP0A03"))
            Name (_UID, 0)
            Name (_SEG, 0)
            Name (_BBN, 0)
            Name (_CRS, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
                    0, 0, 0, 0, 1)
                IO (Decode16, IOL_X86_PCI_CONF1, IOL_X86_PCI_CONF1, 1, IOL_X86_PCI_CONF1_BYTES)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                    0, 0x0000, 0x0CF7, 0, 0x0CF8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                    0, 0x0D00, 0xFFFF, 0, 0xF300)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable,
                    ReadWrite, 0, IOL_X86_PCI_WINDOW, IOL_X86_PCI_WINDOW_LAST, 0,
                    IOL_X86_PCI_WINDOW_BYTES)
            })

            /* Slot 0 is the host bridge, which has no interrupt. */
            Name (_PRT, Package ()
            {
                SLOT_ROUTE (1), SLOT_ROUTE (2), SLOT_ROUTE (3), SLOT_ROUTE (4),
                SLOT_ROUTE (5), SLOT_ROUTE (6), SLOT_ROUTE (7), SLOT_ROUTE (8),
                SLOT_ROUTE (9), SLOT_ROUTE (10), SLOT_ROUTE (11), SLOT_ROUTE (12),
                SLOT_ROUTE (13), SLOT_ROUTE (14), SLOT_ROUTE (15), SLOT_ROUTE (16),
                SLOT_ROUTE (17), SLOT_ROUTE (18), SLOT_ROUTE (19), SLOT_ROUTE (20),
                SLOT_ROUTE (21), SLOT_ROUTE (22), SLOT_ROUTE (23), SLOT_ROUTE (24),
                SLOT_ROUTE (25), SLOT_ROUTE (26), SLOT_ROUTE (27), SLOT_ROUTE (28),
                SLOT_ROUTE (29), SLOT_ROUTE (30), SLOT_ROUTE (31)
            })

            /* Hands over all that exists: PCIe hot plug, PME, AER, capability structure (6.2.11,
               PCI Firmware 3.3 4.5.1). There is no standard hot-plug controller. */
            Method (_OSC, 4, Serialized)
            {
                CreateDWordField (Arg3, 0, CDW1)
                If (Arg0 != ToUUID ("33DB4D5B-1FF7-401C-9657-7441C03DD766"))
                {
                    CDW1 |= 0x04 /* unknown UUID */
                    Return (Arg3)
                }
                If (Arg1 != 1)
                {
                    CDW1 |= 0x08 /* unknown revision */
                }
                If (Arg2 >= 3)
                {
                    CreateDWordField (Arg3, 8, CDW3)
                    Local0 = CDW3 & 0x1D
                    If (Local0 != CDW3)
                    {
                        CDW1 |= 0x10 /* some were masked */
                        CDW3 = Local0
                    }
                }
                Return (Arg3)
            }
        }

        /* Where a panic is told (QEMU, docs/specs/pvpanic.rst); Linux: pvpanic-mmio, which knows ports too. */
        Device (PEVT)
        {
            Name (_HID, "QEMU0001")
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, IOL_X86_PVPANIC, IOL_X86_PVPANIC, 1, IOL_X86_PVPANIC_BYTES)
            })
        }

        /* The button that SIGTERM and the control socket press. */
        Device (PWRB)
        {
            Name (_HID, EisaId ("PNP0C0C"))
            Name (_UID, 0)
        }

        /* The generic event device (5.6.9): one edge, and a register that says what happened and is
           cleared by reading, so that _EVT reads it once. */
        Device (GED)
        {
            Name (_HID, "ACPI0013")
            Name (_UID, 0)
            Name (_CRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { IOL_X86_GED_GSI }
            })
            OperationRegion (PMRG, SystemIO, IOL_X86_ACPI_PM, IOL_X86_ACPI_PM_BYTES)
            Field (PMRG, DWordAcc, NoLock, WriteAsZeros)
            {
                Offset (IOL_ACPI_PM_EVENT_STATUS),
                EVST, 32
            }
            Method (_EVT, 1, Serialized)
            {
                Local0 = EVST
                If (Local0 & IOL_ACPI_PM_EVENT_POWER_BUTTON)
                {
                    Notify (PWRB, 0x80)
                }
            }
        }
    }
}
