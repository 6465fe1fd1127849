// SPDX-License-Identifier: Apache-2.0
/*
 * Where RAM and devices of the x86_64 machine lie. Pure. The numbers are platform.h's; here they
 * are checked against each other and cut to the guest's memory size.
 */
#include "x86.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <iolite/size.h>

static_assert(IOL_X86_PCI_WINDOW == IOL_X86_RAM_LOW_END, "the PCI window starts where RAM ends");
static_assert(IOL_X86_PCI_WINDOW + IOL_X86_PCI_WINDOW_BYTES - 1 == IOL_X86_PCI_WINDOW_LAST,
	      "PCI window size");
static_assert(IOL_X86_ECAM > IOL_X86_PCI_WINDOW_LAST, "ECAM is not for BARs");
static_assert(IOL_X86_ECAM % (256 * IOL_MIB) == 0, "MCFG bases are for bus 0, 256 MiB aligned");
static_assert(IOL_X86_ECAM + IOL_X86_ECAM_BYTES <= IOL_X86_VIRTIO_MMIO, "ECAM, then virtio-mmio");
static_assert(IOL_X86_VIRTIO_MMIO_SLOT_BYTES == IOL_LAYOUT_SLOT_BYTES &&
		      IOL_X86_VIRTIO_MMIO_BYTES == IOL_LAYOUT_SLOTS * IOL_LAYOUT_SLOT_BYTES,
	      "virtio-mmio has as many places as there are slots");
static_assert(IOL_X86_VIRTIO_MMIO + IOL_X86_VIRTIO_MMIO_BYTES <= IOL_X86_IOAPIC,
	      "virtio-mmio below the IOAPIC");
static_assert(IOL_X86_SLOT_GSI >= 16 &&
		      IOL_X86_SLOT_GSI + IOL_X86_SLOT_GSI_COUNT <= IOL_X86_IRQ_PINS,
	      "slots share pins of the IOAPIC that no ISA device has");
static_assert(IOL_X86_KVM_IDENTITY_MAP + 0x1000 == IOL_X86_KVM_TSS, "KVM's pages are adjacent");
static_assert(IOL_X86_KVM_IDENTITY_MAP + IOL_X86_KVM_RESERVED_BYTES < IOL_X86_RAM_HIGH,
	      "KVM's pages are in the hole");
static_assert(IOL_X86_RESET_PORT > IOL_X86_PCI_CONF1 &&
		      IOL_X86_RESET_PORT < IOL_X86_PCI_CONF1 + IOL_X86_PCI_CONF1_BYTES,
	      "the reset control register is among the PCI ports");
static_assert(IOL_X86_CMDLINE + IOL_X86_CMDLINE_BYTES <= IOL_X86_TREE &&
		      IOL_X86_TREE + IOL_X86_TREE_BYTES <= IOL_X86_EBDA,
	      "the tree is behind the command line");
static_assert(IOL_X86_RESET_FLAG_SENTINEL != 0 && IOL_X86_RESET_FLAG_SENTINEL != 0x1234,
	      "the sentinel is nothing a guest would write");
static_assert(IOL_X86_RESET_FLAG + 2 <= IOL_X86_GDT &&
		      IOL_X86_GDT + IOL_X86_GDT_LIMIT < IOL_X86_ZERO_PAGE &&
		      IOL_X86_ZERO_PAGE + 0x1000 <= IOL_X86_START_INFO &&
		      IOL_X86_START_INFO_MEMMAP + 0x400 <= IOL_X86_PAGE_TABLES &&
		      IOL_X86_PAGE_TABLES + IOL_X86_PAGE_TABLES_BYTES <= IOL_X86_CMDLINE &&
		      IOL_X86_CMDLINE + IOL_X86_CMDLINE_BYTES <= IOL_X86_EBDA,
	      "low memory is disjoint");
static_assert(IOL_X86_ACPI + IOL_X86_ACPI_BYTES == IOL_X86_BIOS &&
		      IOL_X86_RESET_VECTOR + 16 == IOL_X86_KERNEL_MIN &&
		      IOL_X86_KERNEL_MIN <= IOL_X86_RAM_MIN_BYTES,
	      "tables, then the reset vector, then kernels");

static const struct iol_layout_device devices[] = {
	{ .kind = IOL_LAYOUT_I8042,
	  .space = IOL_LAYOUT_PIO,
	  .base = IOL_X86_I8042,
	  .size_bytes = IOL_X86_I8042_BYTES,
	  .bus = IOL_X86_BUS_ISA },
	{ .kind = IOL_LAYOUT_RTC,
	  .space = IOL_LAYOUT_PIO,
	  .base = IOL_X86_RTC,
	  .size_bytes = IOL_X86_RTC_BYTES,
	  .bus = IOL_X86_BUS_ISA },
	{ .kind = IOL_LAYOUT_UART,
	  .space = IOL_LAYOUT_PIO,
	  .base = IOL_X86_COM1,
	  .size_bytes = IOL_X86_COM_BYTES,
	  .gsi = IOL_X86_COM1_GSI,
	  .nth = 0,
	  .bus = IOL_X86_BUS_ISA },
	{ .kind = IOL_LAYOUT_UART,
	  .space = IOL_LAYOUT_PIO,
	  .base = IOL_X86_COM2,
	  .size_bytes = IOL_X86_COM_BYTES,
	  .gsi = IOL_X86_COM2_GSI,
	  .nth = 1,
	  .bus = IOL_X86_BUS_ISA },
	{ .kind = IOL_LAYOUT_UART,
	  .space = IOL_LAYOUT_PIO,
	  .base = IOL_X86_COM3,
	  .size_bytes = IOL_X86_COM_BYTES,
	  .gsi = IOL_X86_COM3_GSI,
	  .nth = 2,
	  .bus = IOL_X86_BUS_ISA },
	{ .kind = IOL_LAYOUT_UART,
	  .space = IOL_LAYOUT_PIO,
	  .base = IOL_X86_COM4,
	  .size_bytes = IOL_X86_COM_BYTES,
	  .gsi = IOL_X86_COM4_GSI,
	  .nth = 3,
	  .bus = IOL_X86_BUS_ISA },
	{ .kind = IOL_LAYOUT_ACPI_PM,
	  .space = IOL_LAYOUT_PIO,
	  .base = IOL_X86_ACPI_PM,
	  .size_bytes = IOL_X86_ACPI_PM_BYTES,
	  .gsi = IOL_X86_GED_GSI,
	  .bus = IOL_X86_BUS_ISA },
	{ .kind = IOL_LAYOUT_PCI_CONF1,
	  .space = IOL_LAYOUT_PIO,
	  .base = IOL_X86_PCI_CONF1,
	  .size_bytes = IOL_X86_PCI_CONF1_BYTES,
	  .bus = IOL_X86_BUS_ISA },
	{ .kind = IOL_LAYOUT_PCI_ECAM, .base = IOL_X86_ECAM, .size_bytes = IOL_X86_ECAM_BYTES },
	{ .kind = IOL_LAYOUT_PCI_WINDOW,
	  .base = IOL_X86_PCI_WINDOW,
	  .size_bytes = IOL_X86_PCI_WINDOW_BYTES },
	{ .kind = IOL_LAYOUT_VIRTIO_MMIO,
	  .base = IOL_X86_VIRTIO_MMIO,
	  .size_bytes = IOL_X86_VIRTIO_MMIO_BYTES },
	{ .kind = IOL_LAYOUT_PVPANIC,
	  .space = IOL_LAYOUT_PIO,
	  .base = IOL_X86_PVPANIC,
	  .size_bytes = IOL_X86_PVPANIC_BYTES,
	  .bus = IOL_X86_BUS_ISA },
};

static_assert(IOL_ARRAY_LEN(devices) <= IOL_LAYOUT_DEVICES_MAX, "devices fit the layout");

static const char machine[] = "pc";

static int check_request(const struct iol_layout_request *request, struct iol_error *err)
{
	const uint64_t memory_bytes = request->memory_bytes;
	const unsigned int cpus = request->cpus;
	char text[IOL_SIZE_TEXT_BYTES];

	if (memory_bytes < IOL_X86_RAM_MIN_BYTES || memory_bytes > IOL_X86_RAM_MAX_BYTES)
		return iol_error_set(err, -EINVAL, "memory of %s: an x86_64 machine has 1M to 64G",
				     iol_size_format(memory_bytes, text));
	if (memory_bytes % (4 * IOL_KIB))
		return iol_error_set(err, -EINVAL, "memory of %s: a multiple of 4K is needed",
				     iol_size_format(memory_bytes, text));
	if (!cpus || cpus > IOL_X86_CPUS_MAX)
		return iol_error_set(err, -EINVAL, "%u CPUs: an x86_64 machine has 1 to %d", cpus,
				     IOL_X86_CPUS_MAX);
	if (request->machine && strcmp(request->machine, machine) != 0)
		return iol_error_set(err, -EINVAL, "machine '%.64s': x86_64 has only '%s'",
				     request->machine, machine);
	return 0;
}

int iol_x86_layout(const struct iol_layout_request *request, struct iol_layout *layout,
		   struct iol_error *err)
{
	const uint64_t memory_bytes = request->memory_bytes;
	uint64_t low_bytes = memory_bytes;
	int rc;

	rc = check_request(request, err);
	if (rc)
		return rc;
	*layout = (struct iol_layout){
		.machine = machine,
		.facts = request->facts,
		.cpus = request->cpus,
		.irq_pins = IOL_X86_IRQ_PINS,
		.slot_gsi = IOL_X86_SLOT_GSI,
		.slot_gsi_count = IOL_X86_SLOT_GSI_COUNT,
	};

	if (low_bytes > IOL_X86_RAM_LOW_END)
		low_bytes = IOL_X86_RAM_LOW_END;
	layout->ram[layout->ram_count++] = (struct iol_memory_region){ .size_bytes = low_bytes };
	if (memory_bytes > low_bytes)
		layout->ram[layout->ram_count++] = (struct iol_memory_region){
			.gpa = IOL_X86_RAM_HIGH,
			.size_bytes = memory_bytes - low_bytes,
		};

	for (unsigned int i = 0; i < IOL_ARRAY_LEN(devices); i++)
		if (devices[i].kind != IOL_LAYOUT_UART || devices[i].nth < request->serials)
			layout->devices[layout->device_count++] = devices[i];
	return 0;
}

uint64_t iol_x86_low_ram_end(const struct iol_layout *layout)
{
	return layout->ram[0].gpa + layout->ram[0].size_bytes;
}
