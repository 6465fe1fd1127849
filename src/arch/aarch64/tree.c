// SPDX-License-Identifier: Apache-2.0
/*
 * The aarch64 machine's device tree: all that a guest learns of it. Pure. (Linux
 * Documentation/devicetree/bindings: arm/cpus.yaml, arm/psci.yaml, timer/arm,arch_timer.yaml,
 * interrupt-controller/arm,gic.yaml and arm,gic-v3.yaml, pci/host-generic-pci.yaml, pci/pci-msi.txt.)
 */
#include "arm64.h"

#include <iolite/fdt.h>

/* Interrupts are three cells: kind, number, trigger. */
enum {
	SPI = 0,
	PPI = 1,
	EDGE_RISING = 1,
	LEVEL_HIGH = 4,
	GICV2_CPUS_SHIFT = 8, /* of a PPI's trigger: to which CPUs, a bit each */
};

/* PPIs, which KVM chooses. */
enum { TIMER_SECURE = 13, TIMER_PHYSICAL = 14, TIMER_VIRTUAL = 11, TIMER_HYP = 10 };

enum {
	APB_CLOCK_HZ = 24000000,
	PCI_REQUESTER_IDS = 0x100, /* of bus 0 */
};

static const char intc[] = "intc", its[] = "its";

static void describe_cpus(const struct iol_describe *d, struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "cpus");
	iol_fdt_cells(fdt, 1, 0);
	for (unsigned int i = 0; i < d->layout->cpus; i++) {
		const struct iol_fdt_range mpidr = { .base = iol_arm64_affinity(i) };

		iol_fdt_begin(fdt, "cpu@%x", (unsigned int)mpidr.base);
		iol_fdt_string(fdt, "device_type", "cpu");
		iol_fdt_string(fdt, "compatible", "arm,armv8");
		iol_fdt_reg(fdt, &mpidr, 1);
		iol_fdt_string(fdt, "enable-method", "psci");
		iol_fdt_string(fdt, "status", "okay");
		iol_fdt_end(fdt);
	}
	iol_fdt_end(fdt);
}

static void describe_psci(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "psci");
	iol_fdt_strings(fdt, "compatible", "arm,psci-1.0", "arm,psci-0.2", NULL);
	iol_fdt_string(fdt, "method", "hvc");
	iol_fdt_end(fdt);
}

static void describe_timer(const struct iol_layout *layout, struct iol_fdt *fdt)
{
	uint32_t trigger = LEVEL_HIGH;

	if (layout->facts.gic_version < 3)
		trigger |= ((1u << layout->cpus) - 1) << GICV2_CPUS_SHIFT;
	iol_fdt_begin(fdt, "timer");
	iol_fdt_string(fdt, "compatible", "arm,armv8-timer");
	IOL_FDT_U32S(fdt, "interrupts", PPI, TIMER_SECURE, trigger, PPI, TIMER_PHYSICAL, trigger,
		     PPI, TIMER_VIRTUAL, trigger, PPI, TIMER_HYP, trigger);
	iol_fdt_empty(fdt, "always-on");
	iol_fdt_end(fdt);
}

static void describe_gicv2(struct iol_fdt *fdt)
{
	static const struct iol_fdt_range regs[] = {
		{ IOL_ARM64_GICD, IOL_ARM64_GICD_BYTES },
		{ IOL_ARM64_GICC, IOL_ARM64_GICC_BYTES },
	};

	iol_fdt_begin(fdt, "interrupt-controller@%llx", (unsigned long long)IOL_ARM64_GICD);
	iol_fdt_string(fdt, "compatible", "arm,cortex-a15-gic");
	iol_fdt_reg(fdt, regs, IOL_ARRAY_LEN(regs));
	iol_fdt_empty(fdt, "interrupt-controller");
	iol_fdt_u32(fdt, "#interrupt-cells", 3);
	iol_fdt_u32(fdt, "#address-cells", 0);
	iol_fdt_label(fdt, intc);
	iol_fdt_end(fdt);
}

/* The ITS takes the messages of PCI devices; a GICv2 has nothing like it. */
static void describe_gicv3(const struct iol_layout *layout, struct iol_fdt *fdt)
{
	static const struct iol_fdt_range its_regs = { IOL_ARM64_ITS, IOL_ARM64_ITS_BYTES };
	const struct iol_fdt_range regs[] = {
		{ IOL_ARM64_GICD, IOL_ARM64_GICD_BYTES },
		{ IOL_ARM64_GICR, layout->cpus * IOL_ARM64_GICR_CPU_BYTES },
	};

	iol_fdt_begin(fdt, "interrupt-controller@%llx", (unsigned long long)IOL_ARM64_GICD);
	iol_fdt_string(fdt, "compatible", "arm,gic-v3");
	iol_fdt_reg(fdt, regs, IOL_ARRAY_LEN(regs));
	iol_fdt_empty(fdt, "interrupt-controller");
	iol_fdt_u32(fdt, "#interrupt-cells", 3);
	iol_fdt_cells(fdt, 2, 2);
	iol_fdt_empty(fdt, "ranges");
	iol_fdt_label(fdt, intc);

	iol_fdt_begin(fdt, "msi-controller@%llx", (unsigned long long)IOL_ARM64_ITS);
	iol_fdt_string(fdt, "compatible", "arm,gic-v3-its");
	iol_fdt_reg(fdt, &its_regs, 1);
	iol_fdt_empty(fdt, "msi-controller");
	iol_fdt_u32(fdt, "#msi-cells", 1);
	iol_fdt_label(fdt, its);
	iol_fdt_end(fdt);
	iol_fdt_end(fdt);
}

/* Drivers of PrimeCells ask for one; nothing depends on what it says. */
static void describe_clock(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "apb-pclk");
	iol_fdt_string(fdt, "compatible", "fixed-clock");
	iol_fdt_u32(fdt, "#clock-cells", 0);
	iol_fdt_u32(fdt, "clock-frequency", APB_CLOCK_HZ);
	iol_fdt_string(fdt, "clock-output-names", "clk24mhz");
	iol_fdt_label(fdt, IOL_FDT_APB_CLOCK);
	iol_fdt_end(fdt);
}

static void describe_pci(const struct iol_layout *layout, struct iol_fdt *fdt)
{
	bool has_its = layout->facts.gic_version >= 3;
	struct iol_fdt_pci pci = {
		.name = "pcie",
		.config = { IOL_ARM64_ECAM, IOL_ARM64_ECAM_BYTES },
		.window_count = 1,
		.windows = { { IOL_FDT_PCI_MEM32, IOL_ARM64_PCI_WINDOW, IOL_ARM64_PCI_WINDOW,
			       IOL_ARM64_PCI_WINDOW_BYTES } },
		.intc = intc,
		.intc_address_cells = has_its ? 2 : 0,
		.irq_count = layout->slot_gsi_count,
		.irq_cells = 3,
	};

	for (unsigned int i = 0; i < pci.irq_count; i++) {
		pci.irqs[i][0] = SPI;
		pci.irqs[i][1] = layout->slot_gsi + i;
		pci.irqs[i][2] = LEVEL_HIGH;
	}
	iol_fdt_pci_begin(fdt, &pci);
	iol_fdt_string(fdt, "compatible", "pci-host-ecam-generic");
	iol_fdt_empty(fdt, "dma-coherent");
	/* A function's requester id is its device id at the ITS. */
	if (has_its)
		IOL_FDT_U32S(fdt, "msi-map", 0, iol_fdt_phandle(fdt, its), 0, PCI_REQUESTER_IDS);
	iol_fdt_end(fdt);
}

void iol_arm64_describe(const struct iol_describe *d, struct iol_fdt *fdt)
{
	const struct iol_layout *layout = d->layout;

	iol_fdt_string(fdt, "compatible", "linux,dummy-virt");
	iol_fdt_string(fdt, "model", "iolite aarch64");
	iol_fdt_cells(fdt, 2, 2);
	iol_fdt_u32(fdt, "interrupt-parent", iol_fdt_phandle(fdt, intc));
	describe_cpus(d, fdt);
	describe_psci(fdt);
	describe_timer(layout, fdt);
	if (layout->facts.gic_version >= 3)
		describe_gicv3(layout, fdt);
	else
		describe_gicv2(fdt);
	describe_clock(fdt);
	describe_pci(layout, fdt);
	d->devices(d, fdt, 0);
}

void iol_arm64_place(const struct iol_layout *layout, const struct iol_layout_device *dev,
		     struct iol_fdt_place *place)
{
	(void)layout;
	iol_fdt_place_reg(place, dev->base, 2, dev->size_bytes, 2);
	place->irq_cells = dev->gsi ? 3 : 0;
	place->irq[0] = SPI;
	place->irq[1] = dev->gsi;
	place->irq[2] = dev->level ? LEVEL_HIGH : EDGE_RISING;
}
