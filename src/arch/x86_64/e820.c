// SPDX-License-Identifier: Apache-2.0
/*
 * The memory map the guest is given (ACPI-6.5 15.1; "E820" after the BIOS call), derived from the
 * layout. Pure.
 */
#include "x86.h"

static void add(struct iol_x86_e820 *map, unsigned int *count, uint64_t start, uint64_t end,
		enum iol_x86_e820_type type)
{
	if (end > start)
		map[(*count)++] = (struct iol_x86_e820){ start, end - start, type };
}

unsigned int iol_x86_e820(const struct iol_layout *layout,
			  struct iol_x86_e820 map[IOL_X86_E820_MAX])
{
	unsigned int count = 0;

	/*
	 * All of the first MiB is RAM, but from the last KiB of the first 640 on it is not the
	 * guest's: systems look for BIOS data, video memory and option ROMs there.
	 */
	add(map, &count, 0, IOL_X86_EBDA, IOL_X86_E820_RAM);
	add(map, &count, IOL_X86_EBDA, IOL_X86_ACPI, IOL_X86_E820_RESERVED);
	add(map, &count, IOL_X86_ACPI, IOL_X86_ACPI + IOL_X86_ACPI_BYTES, IOL_X86_E820_ACPI);
	add(map, &count, IOL_X86_BIOS, IOL_X86_KERNEL_MIN, IOL_X86_E820_RESERVED);
	add(map, &count, IOL_X86_KERNEL_MIN, iol_x86_low_ram_end(layout), IOL_X86_E820_RAM);

	/* Linux takes an MCFG entry only when the map or the DSDT reserves it. Both do. */
	add(map, &count, IOL_X86_ECAM, IOL_X86_ECAM + IOL_X86_ECAM_BYTES, IOL_X86_E820_RESERVED);
	/* Beside the PCI window; said all the same to systems that place BARs by this map alone. */
	add(map, &count, IOL_X86_VIRTIO_MMIO, IOL_X86_VIRTIO_MMIO + IOL_X86_VIRTIO_MMIO_BYTES,
	    IOL_X86_E820_RESERVED);
	add(map, &count, IOL_X86_KVM_IDENTITY_MAP,
	    IOL_X86_KVM_IDENTITY_MAP + IOL_X86_KVM_RESERVED_BYTES, IOL_X86_E820_RESERVED);

	for (unsigned int i = 1; i < layout->ram_count; i++)
		add(map, &count, layout->ram[i].gpa, layout->ram[i].gpa + layout->ram[i].size_bytes,
		    IOL_X86_E820_RAM);
	return count;
}
