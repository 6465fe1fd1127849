// SPDX-License-Identifier: Apache-2.0
/*
 * The Power Book E machines as device trees (ePAPR-1.1 3; DTSpec-0.4 3; Linux's bindings of fsl,mpic, fsl,mpic-msi
 * and gpio-poweroff). Pure.
 *
 * Linux's platform for "fsl,qemu-e500" makes devices of what is below buses only: "simple-bus", "soc" and some
 * more, below the root (mpc85xx_common_publish_devices()).
 *
 * Nothing is here that the machine does not have: no I2C, and no more serial lines than were asked for.
 */
#include "ppc.h"

#include <inttypes.h>

/* The second cell of an interrupt (Linux's binding of open-pic). */
enum { EDGE_RISING = 0, LEVEL_LOW = 1, LEVEL_HIGH = 2 };

static const char mpic[] = "mpic", msi[] = "msi";

/* Nobody measures it; boards have this. */
enum { PCI_CLOCK_HZ = 66666666 };

/* ePAPR-1.1 3.7. What differs from core to core, and what all have, is in /cpus. */
static void describe_cpu(const struct iol_layout *layout, const struct iol_ppc_machine *machine,
			 struct iol_fdt *fdt, unsigned int cpu)
{
	const struct iol_fdt_range pir = { .base = cpu };

	iol_fdt_begin(fdt, "cpu@%x", cpu);
	iol_fdt_string(fdt, "device_type", "cpu");
	iol_fdt_string(fdt, "compatible", machine->cpu_compatible);
	iol_fdt_reg(fdt, &pir, 1);
	iol_fdt_u32(fdt, "timebase-frequency", layout->facts.timebase_hz);
	iol_fdt_u32(fdt, "clock-frequency", layout->facts.clock_hz);
	iol_fdt_u32(fdt, "cache-op-block-size", machine->cache_line_bytes);
	iol_fdt_u32(fdt, "reservation-granule-size", machine->cache_line_bytes);
	iol_fdt_u32(fdt, "d-cache-line-size", machine->cache_line_bytes);
	iol_fdt_u32(fdt, "d-cache-block-size", machine->cache_line_bytes);
	iol_fdt_u32(fdt, "d-cache-size", machine->l1_bytes);
	iol_fdt_u32(fdt, "d-cache-sets", machine->l1_sets);
	iol_fdt_u32(fdt, "i-cache-line-size", machine->cache_line_bytes);
	iol_fdt_u32(fdt, "i-cache-block-size", machine->cache_line_bytes);
	iol_fdt_u32(fdt, "i-cache-size", machine->l1_bytes);
	iol_fdt_u32(fdt, "i-cache-sets", machine->l1_sets);
	iol_fdt_string(fdt, "status", cpu ? "disabled" : "okay");
	if (cpu) {
		iol_fdt_string(fdt, "enable-method", "spin-table");
		iol_fdt_u64(fdt, "cpu-release-addr",
			    machine->map->spin_table + cpu * sizeof(struct iol_ppc_spin_entry));
	}
	iol_fdt_end(fdt);
}

static void describe_cpus(const struct iol_layout *layout, const struct iol_ppc_machine *machine,
			  struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "cpus");
	iol_fdt_cells(fdt, 1, 0);
	iol_fdt_string(fdt, "mmu-type", "power-embedded");
	iol_fdt_string(fdt, "power-isa-version", machine->isa_version);
	for (unsigned int i = 0; i < IOL_PPC_ISA_MAX && machine->isa[i]; i++)
		iol_fdt_empty(fdt, machine->isa[i]);
	for (unsigned int i = 0; i < layout->cpus; i++)
		describe_cpu(layout, machine, fdt, i);
	iol_fdt_end(fdt);
}

/* ePAPR-1.1 7.5 for the instructions; what is called is KVM's (Linux, virt/kvm/ppc-pv.rst). */
static void describe_hypervisor(const struct iol_layout *layout, struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "hypervisor");
	iol_fdt_string(fdt, "compatible", "linux,kvm");
	iol_fdt_u32s(fdt, "hcall-instructions", layout->facts.hcall_instructions,
		     IOL_ARRAY_LEN(layout->facts.hcall_instructions));
	if (layout->facts.has_idle_hcall)
		iol_fdt_empty(fdt, "has-idle");
	iol_fdt_end(fdt);
}

/* KVM has both, at one place. */
static void describe_interrupt_controllers(struct iol_fdt *fdt)
{
	static const struct iol_fdt_range mpic_regs = { IOL_PPC_MPIC, IOL_PPC_MPIC_BYTES };
	static const struct iol_fdt_range msi_regs = { IOL_PPC_MSI, IOL_PPC_MSI_BYTES };
	uint32_t sources[IOL_PPC_MSI_SOURCE_COUNT][2];

	iol_fdt_begin(fdt, "pic@%" PRIx64, mpic_regs.base);
	iol_fdt_string(fdt, "device_type", "open-pic");
	iol_fdt_string(fdt, "compatible", "fsl,mpic");
	iol_fdt_reg(fdt, &mpic_regs, 1);
	iol_fdt_empty(fdt, "interrupt-controller");
	iol_fdt_u32(fdt, "#interrupt-cells", 2);
	iol_fdt_u32(fdt, "#address-cells", 0);
	iol_fdt_label(fdt, mpic);
	iol_fdt_end(fdt);

	for (unsigned int i = 0; i < IOL_PPC_MSI_SOURCE_COUNT; i++) {
		sources[i][0] = IOL_PPC_MSI_SOURCE + i;
		sources[i][1] = EDGE_RISING;
	}
	iol_fdt_begin(fdt, "msi@%" PRIx64, msi_regs.base);
	iol_fdt_string(fdt, "compatible", "fsl,mpic-msi");
	iol_fdt_reg(fdt, &msi_regs, 1);
	IOL_FDT_U32S(fdt, "msi-available-ranges", 0, 0x100);
	iol_fdt_u32s(fdt, "interrupts", &sources[0][0], 2 * IOL_PPC_MSI_SOURCE_COUNT);
	iol_fdt_label(fdt, msi);
	iol_fdt_end(fdt);
}

static void describe_soc(const struct iol_describe *d, const struct iol_ppc_map *map,
			 struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "soc@%" PRIx64, map->ccsr);
	iol_fdt_string(fdt, "device_type", "soc");
	iol_fdt_strings(fdt, "compatible", "fsl,mpc8544-immr", "simple-bus", NULL);
	iol_fdt_cells(fdt, 1, 1);
	IOL_FDT_U32S(fdt, "ranges", 0, (uint32_t)(map->ccsr >> 32), (uint32_t)map->ccsr,
		     IOL_PPC_CCSR_BYTES);
	describe_interrupt_controllers(fdt);
	d->devices(d, fdt, IOL_PPC_BUS_SOC);
	iol_fdt_end(fdt);
}

/* Pins that slots share, PCI's and others', are low when they ask; sources inside the chip high. */
static uint32_t level_of(uint32_t source)
{
	return source < IOL_PPC_SOURCE_INTERNAL ? LEVEL_LOW : LEVEL_HIGH;
}

/*
 * Linux's fsl_pci.c and fsl_msi.c: "fsl,msi" leads to who takes messages; without I/O ports in ranges there are
 * none. The domain's number is that of the alias.
 */
static void describe_pci(const struct iol_layout *layout, const struct iol_ppc_map *map,
			 struct iol_fdt *fdt)
{
	struct iol_fdt_pci pci = {
		.name = "pci",
		.config = { map->ccsr + IOL_PPC_PCI, IOL_PPC_PAGE_BYTES },
		.window_count = 1,
		.windows = { { IOL_FDT_PCI_MEM32, map->pci_window_pci, map->pci_window,
			       IOL_PPC_PCI_WINDOW_BYTES } },
		.intc = mpic,
		.irq_count = layout->slot_gsi_count,
		.irq_cells = 2,
	};

	for (unsigned int i = 0; i < pci.irq_count; i++) {
		pci.irqs[i][0] = layout->slot_gsi + i;
		pci.irqs[i][1] = level_of(pci.irqs[i][0]);
	}
	iol_fdt_pci_begin(fdt, &pci);
	iol_fdt_string(fdt, "compatible", "fsl,mpc8540-pci");
	IOL_FDT_U32S(fdt, "interrupts", IOL_PPC_PCI_GSI, level_of(IOL_PPC_PCI_GSI));
	iol_fdt_u32(fdt, "clock-frequency", PCI_CLOCK_HZ);
	iol_fdt_u32(fdt, "fsl,msi", iol_fdt_phandle(fdt, msi));
	iol_fdt_label(fdt, "pci0");
	iol_fdt_end(fdt);
}

static void describe_platform(const struct iol_describe *d, const struct iol_ppc_map *map,
			      struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "platform@%" PRIx64, map->platform);
	iol_fdt_string(fdt, "compatible", "simple-bus");
	iol_fdt_cells(fdt, 1, 1);
	IOL_FDT_U32S(fdt, "ranges", 0, (uint32_t)(map->platform >> 32), (uint32_t)map->platform,
		     IOL_PPC_PLATFORM_BYTES);
	d->devices(d, fdt, IOL_PPC_BUS_PLATFORM);
	iol_fdt_end(fdt);
}

/* What has no address, but needs a bus to become a device. */
static void describe_power(const struct iol_describe *d, struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "power");
	iol_fdt_string(fdt, "compatible", "soc");
	d->devices(d, fdt, IOL_PPC_BUS_POWER);
	iol_fdt_end(fdt);
}

void iol_ppc_describe(const struct iol_describe *d, struct iol_fdt *fdt)
{
	const struct iol_ppc_machine *machine = iol_ppc_machine_of(d->layout);

	iol_fdt_string(fdt, "compatible", "fsl,qemu-e500");
	iol_fdt_string(fdt, "model", machine->model);
	iol_fdt_cells(fdt, 2, 2);
	iol_fdt_u32(fdt, "interrupt-parent", iol_fdt_phandle(fdt, mpic));
	describe_cpus(d->layout, machine, fdt);
	describe_hypervisor(d->layout, fdt);
	describe_soc(d, machine->map, fdt);
	describe_pci(d->layout, machine->map, fdt);
	describe_platform(d, machine->map, fdt);
	describe_power(d, fdt);
	d->devices(d, fdt, IOL_PPC_BUS_ROOT);
}

void iol_ppc_place(const struct iol_layout *layout, const struct iol_layout_device *dev,
		   struct iol_fdt_place *place)
{
	const struct iol_ppc_map *map = iol_ppc_machine_of(layout)->map;

	if (dev->bus == IOL_PPC_BUS_SOC)
		iol_fdt_place_reg(place, dev->base - map->ccsr, 1, dev->size_bytes, 1);
	else if (dev->bus == IOL_PPC_BUS_PLATFORM)
		iol_fdt_place_reg(place, dev->base - map->platform, 1, dev->size_bytes, 1);
	else
		iol_fdt_place_reg(place, dev->base, 2, dev->size_bytes, 2);
	place->irq_cells = dev->gsi ? 2 : 0;
	place->irq[0] = dev->gsi;
	place->irq[1] = dev->level ? level_of(dev->gsi) : EDGE_RISING;
}
