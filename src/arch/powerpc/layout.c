// SPDX-License-Identifier: Apache-2.0
/*
 * Where RAM and devices of a Power Book E machine lie. Pure. The numbers are platform.h's; here they are
 * checked against each other and cut to the guest's memory size.
 *
 * Memory is whole pages, 64 MiB of them at least, for Linux and secondary processors map as much before they
 * know how much there is. 32-bit Linux maps what it uses directly by three pages of 4^n KiB, up to 256 MiB
 * each: memory that is no such sum (as a multiple of 64 MiB up to 192 MiB is) is in part high memory,
 * or lost to a kernel built without.
 */
#include "ppc.h"

#include <assert.h>
#include <errno.h>

#include <iolite/size.h>

static_assert(IOL_PPC32_RAM_END <= IOL_PPC32_PCI_WINDOW &&
		      IOL_PPC32_PCI_WINDOW + IOL_PPC_PCI_WINDOW_BYTES <= IOL_PPC32_CCSR &&
		      IOL_PPC36_RAM_END <= IOL_PPC36_PCI_WINDOW &&
		      IOL_PPC36_PCI_WINDOW + IOL_PPC_PCI_WINDOW_BYTES <= IOL_PPC36_PLATFORM,
	      "RAM is below everything, then PCI");
static_assert(IOL_PPC32_PCI_WINDOW_PCI + IOL_PPC_PCI_WINDOW_BYTES <= UINT64_C(1) << 32 &&
		      IOL_PPC36_PCI_WINDOW_PCI + IOL_PPC_PCI_WINDOW_BYTES <= UINT64_C(1) << 32,
	      "the window is for 32-bit BARs");
static_assert(IOL_PPC32_CCSR + IOL_PPC_CCSR_BYTES <= IOL_PPC32_PLATFORM &&
		      IOL_PPC32_PLATFORM + IOL_PPC_PLATFORM_BYTES <= IOL_PPC32_SPIN_TABLE,
	      "CCSR, virtio-mmio, spin table");
static_assert(IOL_LAYOUT_SLOTS * IOL_LAYOUT_SLOT_BYTES <= IOL_PPC_PVPANIC &&
		      IOL_PPC_PVPANIC + IOL_PPC_PVPANIC_BYTES <= IOL_PPC_PLATFORM_BYTES,
	      "slots of virtio-mmio, pvpanic");
static_assert(IOL_PPC36_PLATFORM + IOL_PPC_PLATFORM_BYTES <= IOL_PPC36_CCSR &&
		      IOL_PPC36_CCSR + IOL_PPC_CCSR_BYTES <= IOL_PPC36_SPIN_TABLE,
	      "virtio-mmio, CCSR, spin table");
static_assert(IOL_PPC32_CCSR % IOL_PPC_CCSR_BYTES == 0 && IOL_PPC36_CCSR % IOL_PPC_CCSR_BYTES == 0,
	      "the CCSR is aligned to its size");
static_assert(IOL_PPC_UART + IOL_LAYOUT_SERIALS_MAX * IOL_PPC_UART_STEP <= IOL_PPC_PCI &&
		      IOL_PPC_PCI + IOL_PPC_PAGE_BYTES <= IOL_PPC_MPIC &&
		      IOL_PPC_MSI + IOL_PPC_MSI_BYTES <= IOL_PPC_MPIC + IOL_PPC_MPIC_BYTES &&
		      IOL_PPC_MPIC + IOL_PPC_MPIC_BYTES <= IOL_PPC_GUTS &&
		      IOL_PPC_GUTS + IOL_PPC_PAGE_BYTES <= IOL_PPC_GPIO &&
		      IOL_PPC_GPIO + IOL_PPC_PAGE_BYTES <= IOL_PPC_CCSR_BYTES,
	      "the CCSR's registers are disjoint; those for messages are the MPIC's");
static_assert(IOL_PPC_MPIC % IOL_PPC_MPIC_BYTES == 0, "KVM wants its MPIC aligned");
static_assert(IOL_PPC_SLOT_GSI > 0 &&
		      IOL_PPC_SLOT_GSI + IOL_PPC_SLOT_GSI_COUNT <= IOL_PPC_SOURCE_EXTERNAL_COUNT,
	      "slots have pins of the MPIC; 0 would mean none");
static_assert(IOL_PPC_PCI_GSI >= IOL_PPC_SOURCE_INTERNAL &&
		      IOL_PPC_UART_GSI >= IOL_PPC_SOURCE_INTERNAL &&
		      IOL_PPC_GPIO_GSI < IOL_PPC_MSI_SOURCE &&
		      IOL_PPC_MSI_SOURCE + IOL_PPC_MSI_SOURCE_COUNT <= IOL_PPC_IRQ_PINS,
	      "sources");
static_assert(sizeof(struct iol_ppc_spin_entry) == 0x20, "ePAPR-1.1 5.5.2");

/* KVM's guests have the host's core: no machine can run but the host's. */
static int check_host(const struct iol_layout_request *request,
		      const struct iol_ppc_machine *machine, struct iol_error *err)
{
	const struct iol_host_facts *facts = &request->facts;
	const struct iol_ppc_machine *host = iol_ppc_machine_by_pvr(facts->pvr);

	if (!host)
		return iol_error_set(err, -ENOTSUP,
				     "this host's processor (PVR 0x%08x) is none that iolite has a "
				     "machine for: e500v2, e500mc, e5500 or e6500",
				     facts->pvr);
	if (!iol_ppc_machine_has_core(machine, facts->pvr))
		return iol_error_set(err, -EINVAL,
				     "machine '%s': this host's KVM runs '%s' machines only, for a "
				     "guest has the processor of its host; leave the machine out",
				     machine->name, host->name);
	if (facts->cpus_max && request->cpus > facts->cpus_max)
		return iol_error_set(
			err, -EINVAL,
			"%u CPUs: this host's KVM runs at most %u in a machine; its kernel "
			"is built for so many (CONFIG_SMP, CONFIG_NR_CPUS)",
			request->cpus, facts->cpus_max);
	return 0;
}

static int check_request(const struct iol_layout_request *request,
			 const struct iol_ppc_machine *machine, struct iol_error *err)
{
	const uint64_t memory_bytes = request->memory_bytes;
	char text[IOL_SIZE_TEXT_BYTES], max[IOL_SIZE_TEXT_BYTES];

	if (!machine)
		return iol_error_set(err, -EINVAL,
				     "machine '%.64s': powerpc has 'e500v2', 'e500mc', 'e5500', "
				     "'e6500' and 'e500v2-36'",
				     request->machine);
	if (memory_bytes < IOL_PPC_RAM_MIN_BYTES || memory_bytes > machine->map->ram_end)
		return iol_error_set(err, -EINVAL, "memory of %s: an %s machine has 64M to %s",
				     iol_size_format(memory_bytes, text), machine->name,
				     iol_size_format(machine->map->ram_end, max));
	if (memory_bytes % (4 * IOL_KIB))
		return iol_error_set(err, -EINVAL, "memory of %s: a multiple of 4K is needed",
				     iol_size_format(memory_bytes, text));
	if (!request->cpus || request->cpus > IOL_PPC_CPUS_MAX)
		return iol_error_set(err, -EINVAL, "%u CPUs: an %s machine has 1 to %d",
				     request->cpus, machine->name, IOL_PPC_CPUS_MAX);
	return request->runs ? check_host(request, machine, err) : 0;
}

/* The host's where nothing is said, which is the only one that can run there. */
static const struct iol_ppc_machine *choose(const struct iol_layout_request *request)
{
	const struct iol_ppc_machine *host = NULL;

	if (!request->machine)
		host = iol_ppc_machine_by_pvr(request->facts.pvr);
	return host ? host : iol_ppc_machine_find(request->machine);
}

/*
 * What a host of this core has said stays; the rest is as on one that the machine is meant for, for describing
 * it elsewhere.
 */
static void complete_facts(struct iol_host_facts *facts, const struct iol_ppc_machine *machine)
{
	enum { TYPICAL_HZ = 400000000 };

	if (!iol_ppc_machine_has_core(machine, facts->pvr)) {
		facts->pvr = machine->pvr;
		facts->has_idle_hcall = true;
		for (unsigned int i = 0; i < IOL_ARRAY_LEN(facts->hcall_instructions); i++)
			facts->hcall_instructions[i] = machine->hcall_instructions[i];
	}
	if (!facts->timebase_hz)
		facts->timebase_hz = TYPICAL_HZ;
	if (!facts->clock_hz)
		facts->clock_hz = TYPICAL_HZ;
}

static void add_serials(struct iol_layout *layout, const struct iol_ppc_map *map,
			unsigned int count)
{
	for (unsigned int i = 0; i < count && i < IOL_LAYOUT_SERIALS_MAX; i++)
		layout->devices[layout->device_count++] = (struct iol_layout_device){
			.kind = IOL_LAYOUT_UART,
			.base = map->ccsr + IOL_PPC_UART + i * IOL_PPC_UART_STEP,
			.size_bytes = IOL_PPC_UART_BYTES,
			.gsi = IOL_PPC_UART_GSI,
			.level = true,
			.nth = i,
			.bus = IOL_PPC_BUS_SOC,
		};
}

static void add_devices(struct iol_layout *layout, const struct iol_ppc_map *map)
{
	const struct iol_layout_device devices[] = {
		{ .kind = IOL_LAYOUT_FSL_GUTS,
		  .base = map->ccsr + IOL_PPC_GUTS,
		  .size_bytes = IOL_PPC_PAGE_BYTES,
		  .bus = IOL_PPC_BUS_SOC },
		{ .kind = IOL_LAYOUT_FSL_GPIO,
		  .base = map->ccsr + IOL_PPC_GPIO,
		  .size_bytes = IOL_PPC_PAGE_BYTES,
		  .gsi = IOL_PPC_GPIO_GSI,
		  .level = true,
		  .bus = IOL_PPC_BUS_SOC },
		{ .kind = IOL_LAYOUT_FSL_POWER, .bus = IOL_PPC_BUS_POWER },
		{ .kind = IOL_LAYOUT_FSL_PCI,
		  .base = map->ccsr + IOL_PPC_PCI,
		  .size_bytes = IOL_PPC_PAGE_BYTES,
		  .gsi = IOL_PPC_PCI_GSI,
		  .level = true },
		{ .kind = IOL_LAYOUT_PCI_WINDOW,
		  .base = map->pci_window,
		  .size_bytes = IOL_PPC_PCI_WINDOW_BYTES,
		  .pci_base = map->pci_window_pci },
		{ .kind = IOL_LAYOUT_VIRTIO_MMIO,
		  .base = map->platform,
		  .size_bytes = IOL_LAYOUT_SLOTS * IOL_LAYOUT_SLOT_BYTES,
		  .bus = IOL_PPC_BUS_PLATFORM },
		{ .kind = IOL_LAYOUT_PVPANIC,
		  .base = map->platform + IOL_PPC_PVPANIC,
		  .size_bytes = IOL_PPC_PVPANIC_BYTES,
		  .bus = IOL_PPC_BUS_PLATFORM },
	};

	static_assert(IOL_ARRAY_LEN(devices) + IOL_LAYOUT_SERIALS_MAX <= IOL_LAYOUT_DEVICES_MAX,
		      "devices fit the layout");
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(devices); i++)
		layout->devices[layout->device_count++] = devices[i];
}

int iol_ppc_layout(const struct iol_layout_request *request, struct iol_layout *layout,
		   struct iol_error *err)
{
	const struct iol_ppc_machine *machine = choose(request);
	int rc = check_request(request, machine, err);

	if (rc)
		return rc;
	*layout = (struct iol_layout){
		.machine = machine->name,
		.facts = request->facts,
		.cpus = request->cpus,
		.irq_pins = IOL_PPC_IRQ_PINS,
		.slot_gsi = IOL_PPC_SLOT_GSI,
		.slot_gsi_count = IOL_PPC_SLOT_GSI_COUNT,
		.ram_count = 1,
		.ram = { { .size_bytes = request->memory_bytes } },
	};
	complete_facts(&layout->facts, machine);
	add_serials(layout, machine->map, request->serials);
	add_devices(layout, machine->map);
	return 0;
}
