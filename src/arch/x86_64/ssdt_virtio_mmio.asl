// SPDX-License-Identifier: Apache-2.0
/*
 * The places of virtio-mmio devices (virtio-v1.2 4.2), one for each slot but 0. Which of them there
 * are is known only when the machine is made: acpi.c puts a bit for each into VSLT and leaves the
 * table out when there is none. Compiled at build time by dsdt.cmake.
 */
#include "platform.h"

/* Linux knows a virtio-mmio device by LNRO0005. */
#define SLOT_DEVICE(name, n) Device (name) { \
    Name (_HID, "LNRO0005") \
    Name (_UID, n) \
    Method (_STA) { Return (VSTA (n)) } \
    Method (_CRS) { Return (VCRS (n)) } \
}

DefinitionBlock ("", "SSDT", 2, "IOLITE", "VIRTMMIO", 1)
{
    Scope (\_SB)
    {
        /* A bit for each slot with a device: the value here is only found and replaced. */
        Name (VSLT, IOL_X86_SSDT_SLOTS)

        Method (VSTA, 1)
        {
            If (VSLT & (1 << Arg0))
            {
                Return (0x0F)
            }
            Return (0)
        }

        /* Computed, because iasl folds no constants in resource templates. Registers end at 0x200. */
        Method (VCRS, 1, Serialized)
        {
            Name (CRS, ResourceTemplate ()
            {
                Memory32Fixed (ReadWrite, 0, 0x200, REGS)
                Interrupt (ResourceConsumer, Level, ActiveLow, Shared, , , PIN) { 0 }
            })
            CreateDWordField (CRS, REGS._BAS, BASE)
            CreateDWordField (CRS, PIN._INT, GSI)
            BASE = IOL_X86_VIRTIO_MMIO + Arg0 * IOL_X86_VIRTIO_MMIO_SLOT_BYTES
            GSI = IOL_X86_SLOT_GSI + Arg0 % IOL_X86_SLOT_GSI_COUNT
            Return (CRS)
        }

        SLOT_DEVICE (VM01, 1) SLOT_DEVICE (VM02, 2) SLOT_DEVICE (VM03, 3)
        SLOT_DEVICE (VM04, 4) SLOT_DEVICE (VM05, 5) SLOT_DEVICE (VM06, 6)
        SLOT_DEVICE (VM07, 7) SLOT_DEVICE (VM08, 8) SLOT_DEVICE (VM09, 9)
        SLOT_DEVICE (VM10, 10) SLOT_DEVICE (VM11, 11) SLOT_DEVICE (VM12, 12)
        SLOT_DEVICE (VM13, 13) SLOT_DEVICE (VM14, 14) SLOT_DEVICE (VM15, 15)
        SLOT_DEVICE (VM16, 16) SLOT_DEVICE (VM17, 17) SLOT_DEVICE (VM18, 18)
        SLOT_DEVICE (VM19, 19) SLOT_DEVICE (VM20, 20) SLOT_DEVICE (VM21, 21)
        SLOT_DEVICE (VM22, 22) SLOT_DEVICE (VM23, 23) SLOT_DEVICE (VM24, 24)
        SLOT_DEVICE (VM25, 25) SLOT_DEVICE (VM26, 26) SLOT_DEVICE (VM27, 27)
        SLOT_DEVICE (VM28, 28) SLOT_DEVICE (VM29, 29) SLOT_DEVICE (VM30, 30)
        SLOT_DEVICE (VM31, 31)
    }
}
