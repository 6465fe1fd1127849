// SPDX-License-Identifier: Apache-2.0
/*
 * Where RAM and devices of the aarch64 machine lie. Pure. The numbers are platform.h's; here they are
 * checked against each other, against the host's limits, and cut to the guest's memory size.
 */
#include "arm64.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <iolite/size.h>

enum {
	UART_BYTES = 8, /* a 16550A's registers; the rest of its page is empty */
	GICV2_CPUS_MAX = 8, /* ARM IHI 0048B 1.1 */
	RAM_STEP_BYTES = 64 * 1024, /* the largest page of hosts and guests */
	PCI_BUS_BYTES = 1024 * 1024, /* of configuration space */
};

static_assert(IOL_ARM64_GICD + IOL_ARM64_GICD_BYTES <= IOL_ARM64_GICC &&
		      IOL_ARM64_GICC + IOL_ARM64_GICC_BYTES <= IOL_ARM64_ITS &&
		      IOL_ARM64_ITS + IOL_ARM64_ITS_BYTES <= IOL_ARM64_GICR &&
		      IOL_ARM64_GICR + IOL_ARM64_CPUS_MAX * IOL_ARM64_GICR_CPU_BYTES <=
			      IOL_ARM64_UART,
	      "the parts of the interrupt controller, then devices");
static_assert(IOL_ARM64_UART + IOL_ARM64_PAGE_BYTES <= IOL_ARM64_RTC &&
		      IOL_ARM64_RTC + IOL_ARM64_PAGE_BYTES <= IOL_ARM64_GPIO &&
		      IOL_ARM64_GPIO + IOL_ARM64_PAGE_BYTES <= IOL_ARM64_UART1 &&
		      IOL_ARM64_UART1 + IOL_ARM64_PAGE_BYTES <= IOL_ARM64_UART2 &&
		      IOL_ARM64_UART2 + IOL_ARM64_PAGE_BYTES <= IOL_ARM64_UART3 &&
		      IOL_ARM64_UART3 + IOL_ARM64_PAGE_BYTES <= IOL_ARM64_PVPANIC &&
		      IOL_ARM64_PVPANIC + IOL_ARM64_PAGE_BYTES <= IOL_ARM64_VIRTIO_MMIO,
	      "small devices are disjoint");
static_assert(IOL_ARM64_VIRTIO_MMIO + IOL_LAYOUT_SLOTS * IOL_LAYOUT_SLOT_BYTES <=
		      IOL_ARM64_PCI_WINDOW,
	      "virtio-mmio, then PCI");
static_assert(IOL_ARM64_PCI_WINDOW + IOL_ARM64_PCI_WINDOW_BYTES <= IOL_ARM64_ECAM &&
		      IOL_ARM64_ECAM + IOL_ARM64_ECAM_BYTES <= IOL_ARM64_RAM,
	      "PCI, then RAM");
static_assert(IOL_ARM64_ECAM_BYTES == PCI_BUS_BYTES && IOL_ARM64_ECAM % IOL_ARM64_ECAM_BYTES == 0,
	      "ECAM is bus 0's");
static_assert(IOL_ARM64_UART_GSI > 0 && IOL_ARM64_GPIO_GSI > IOL_ARM64_UART_GSI &&
		      IOL_ARM64_UART1_GSI > IOL_ARM64_GPIO_GSI &&
		      IOL_ARM64_UART2_GSI > IOL_ARM64_UART1_GSI &&
		      IOL_ARM64_UART3_GSI > IOL_ARM64_UART2_GSI &&
		      IOL_ARM64_SLOT_GSI > IOL_ARM64_UART3_GSI &&
		      IOL_ARM64_SLOT_GSI + IOL_ARM64_SLOT_GSI_COUNT <= IOL_ARM64_IRQ_PINS,
	      "every interrupt has a pin; 0 would say none");

static const struct iol_layout_device devices[] = {
	{ .kind = IOL_LAYOUT_UART,
	  .base = IOL_ARM64_UART,
	  .size_bytes = UART_BYTES,
	  .gsi = IOL_ARM64_UART_GSI },
	{ .kind = IOL_LAYOUT_PL031, .base = IOL_ARM64_RTC, .size_bytes = IOL_ARM64_PAGE_BYTES },
	{ .kind = IOL_LAYOUT_PL061,
	  .base = IOL_ARM64_GPIO,
	  .size_bytes = IOL_ARM64_PAGE_BYTES,
	  .gsi = IOL_ARM64_GPIO_GSI },
	{ .kind = IOL_LAYOUT_UART,
	  .base = IOL_ARM64_UART1,
	  .size_bytes = UART_BYTES,
	  .gsi = IOL_ARM64_UART1_GSI,
	  .nth = 1 },
	{ .kind = IOL_LAYOUT_UART,
	  .base = IOL_ARM64_UART2,
	  .size_bytes = UART_BYTES,
	  .gsi = IOL_ARM64_UART2_GSI,
	  .nth = 2 },
	{ .kind = IOL_LAYOUT_UART,
	  .base = IOL_ARM64_UART3,
	  .size_bytes = UART_BYTES,
	  .gsi = IOL_ARM64_UART3_GSI,
	  .nth = 3 },
	{ .kind = IOL_LAYOUT_VIRTIO_MMIO,
	  .base = IOL_ARM64_VIRTIO_MMIO,
	  .size_bytes = IOL_LAYOUT_SLOTS * IOL_LAYOUT_SLOT_BYTES },
	{ .kind = IOL_LAYOUT_PCI_ECAM, .base = IOL_ARM64_ECAM, .size_bytes = IOL_ARM64_ECAM_BYTES },
	{ .kind = IOL_LAYOUT_PCI_WINDOW,
	  .base = IOL_ARM64_PCI_WINDOW,
	  .size_bytes = IOL_ARM64_PCI_WINDOW_BYTES },
	{ .kind = IOL_LAYOUT_PVPANIC,
	  .base = IOL_ARM64_PVPANIC,
	  .size_bytes = IOL_ARM64_PVPANIC_BYTES },
};

static const char machine[] = "virt";

static int check_memory(const struct iol_layout_request *request, struct iol_error *err)
{
	const uint64_t bytes = request->memory_bytes;
	const unsigned int bits = request->facts.ipa_bits;
	char text[IOL_SIZE_TEXT_BYTES], limit[IOL_SIZE_TEXT_BYTES];
	uint64_t end;

	iol_size_format(bytes, text);
	if (bytes < IOL_ARM64_RAM_MIN_BYTES || bytes > IOL_ARM64_RAM_MAX_BYTES)
		return iol_error_set(err, -EINVAL,
				     "memory of %s: an aarch64 machine has 16M to 64G", text);
	if (bytes % RAM_STEP_BYTES)
		return iol_error_set(err, -EINVAL, "memory of %s: a multiple of 64K is needed",
				     text);
	end = bits < 64 ? UINT64_C(1) << bits : UINT64_MAX;
	if (end < IOL_ARM64_RAM + bytes)
		return iol_error_set(err, -EINVAL,
				     "memory of %s: this host gives a guest %u bits of physical "
				     "addresses, of which %s are for memory; give it less",
				     text, bits,
				     iol_size_format(end > IOL_ARM64_RAM ? end - IOL_ARM64_RAM : 0,
						     limit));
	return 0;
}

static int check_cpus(const struct iol_layout_request *request, struct iol_error *err)
{
	const unsigned int cpus = request->cpus;

	if (!cpus || cpus > IOL_ARM64_CPUS_MAX)
		return iol_error_set(err, -EINVAL, "%u CPUs: an aarch64 machine has 1 to %d", cpus,
				     IOL_ARM64_CPUS_MAX);
	if (request->facts.gic_version < 3 && cpus > GICV2_CPUS_MAX)
		return iol_error_set(
			err, -EINVAL,
			"%u CPUs: this host's interrupt controller, a GICv2, takes 1 to "
			"%d",
			cpus, GICV2_CPUS_MAX);
	return 0;
}

int iol_arm64_layout(const struct iol_layout_request *request, struct iol_layout *layout,
		     struct iol_error *err)
{
	int rc = check_memory(request, err);

	if (!rc)
		rc = check_cpus(request, err);
	if (rc)
		return rc;
	if (request->machine && strcmp(request->machine, machine) != 0)
		return iol_error_set(err, -EINVAL, "machine '%.64s': aarch64 has only '%s'",
				     request->machine, machine);
	*layout = (struct iol_layout){
		.machine = machine,
		.facts = request->facts,
		.ram_count = 1,
		.ram = { { .gpa = IOL_ARM64_RAM, .size_bytes = request->memory_bytes } },
		.cpus = request->cpus,
		.irq_pins = IOL_ARM64_IRQ_PINS,
		.slot_gsi = IOL_ARM64_SLOT_GSI,
		.slot_gsi_count = IOL_ARM64_SLOT_GSI_COUNT,
	};
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(devices); i++)
		if (devices[i].kind != IOL_LAYOUT_UART || devices[i].nth < request->serials)
			layout->devices[layout->device_count++] = devices[i];
	return 0;
}
