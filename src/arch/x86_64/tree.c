// SPDX-License-Identifier: Apache-2.0
/*
 * The x86_64 machine as a device tree, beside its ACPI tables: for kernels that were built to read one. Pure.
 *
 * x86 has bindings of its own only for what Linux's arch/x86/kernel/devicetree.c reads, those of the CE4100: local
 * APIC ids are the processors' reg, interrupts are a pin of the IOAPIC and one of four triggers. Ports are
 * behind a node "isa", whose addresses begin with a cell that tells ports from memory (IEEE 1275 ISA
 * binding 2.2.1). Such a kernel takes memory, command line and initrd from the zero page all the same.
 *
 * The tree goes into the zero page's setup_data as SETUP_DTB (boot.rst, "setup_data"). PVH has no
 * place for one: there the tables are all.
 */
#include "x86.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <iolite/endian.h>

/* The second cell of an interrupt: of_ioapic_type[] in Linux's arch/x86/kernel/devicetree.c. */
enum { LEVEL_ACTIVE_LOW = 2, EDGE_RISING = 3 };

enum {
	IOAPIC_BYTES = 0x1000,
	LAPIC_BYTES = 0x1000,
	ISA_IO = 1, /* the first cell of an address on the ISA bus: a port */
	ISA_PORTS = 0x10000,
	SETUP_DTB = 2,
};

/* struct setup_data; the tree follows. */
struct __attribute__((packed)) setup_data {
	le64 next;
	le32 type;
	le32 len;
};

static const char ioapic[] = "ioapic";

static void describe_cpus(const struct iol_describe *d, struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "cpus");
	iol_fdt_cells(fdt, 1, 0);
	for (unsigned int i = 0; i < d->layout->cpus; i++) {
		const struct iol_fdt_range apic_id = { .base = i };

		iol_fdt_begin(fdt, "cpu@%x", i);
		iol_fdt_string(fdt, "device_type", "cpu");
		iol_fdt_string(fdt, "compatible", "iolite,x86-64");
		iol_fdt_reg(fdt, &apic_id, 1);
		iol_fdt_string(fdt, "status", "okay");
		iol_fdt_end(fdt);
	}
	iol_fdt_end(fdt);
}

static void describe_interrupt_controllers(struct iol_fdt *fdt)
{
	static const struct iol_fdt_range ioapic_regs = { IOL_X86_IOAPIC, IOAPIC_BYTES };
	static const struct iol_fdt_range lapic_regs = { IOL_X86_LAPIC, LAPIC_BYTES };

	iol_fdt_begin(fdt, "interrupt-controller@%x", IOL_X86_IOAPIC);
	iol_fdt_string(fdt, "compatible", "intel,ce4100-ioapic");
	iol_fdt_reg(fdt, &ioapic_regs, 1);
	iol_fdt_empty(fdt, "interrupt-controller");
	iol_fdt_u32(fdt, "#interrupt-cells", 2);
	iol_fdt_u32(fdt, "#address-cells", 0);
	iol_fdt_label(fdt, ioapic);
	iol_fdt_end(fdt);

	iol_fdt_begin(fdt, "interrupt-controller@%x", IOL_X86_LAPIC);
	iol_fdt_string(fdt, "compatible", "intel,ce4100-lapic");
	iol_fdt_reg(fdt, &lapic_regs, 1);
	iol_fdt_end(fdt);
}

static void describe_pci(const struct iol_describe *d, struct iol_fdt *fdt)
{
	struct iol_fdt_pci pci = {
		.name = "pcie",
		.config = { IOL_X86_ECAM, IOL_X86_ECAM_BYTES },
		.window_count = 1,
		.windows = { { IOL_FDT_PCI_MEM32, IOL_X86_PCI_WINDOW, IOL_X86_PCI_WINDOW,
			       IOL_X86_PCI_WINDOW_BYTES } },
		.intc = ioapic,
		.irq_count = d->layout->slot_gsi_count,
		.irq_cells = 2,
	};

	for (unsigned int i = 0; i < pci.irq_count; i++) {
		pci.irqs[i][0] = d->layout->slot_gsi + i;
		pci.irqs[i][1] = LEVEL_ACTIVE_LOW;
	}
	iol_fdt_pci_begin(fdt, &pci);
	iol_fdt_string(fdt, "compatible", "pci-host-ecam-generic");
	iol_fdt_end(fdt);
}

static void describe_isa(const struct iol_describe *d, struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "isa@i0");
	iol_fdt_string(fdt, "compatible", "isa");
	iol_fdt_string(fdt, "device_type", "isa");
	iol_fdt_cells(fdt, 2, 1);
	IOL_FDT_U32S(fdt, "ranges", ISA_IO, 0, 0, 0, ISA_PORTS);
	d->devices(d, fdt, IOL_X86_BUS_ISA);
	iol_fdt_end(fdt);
}

/* DTSpec-0.4 3.5: what lies in RAM and is not the guest's, as the memory map says it too (e820.c). */
static void describe_reserved(struct iol_fdt *fdt)
{
	static const struct iol_fdt_range bios = { IOL_X86_EBDA,
						   IOL_X86_KERNEL_MIN - IOL_X86_EBDA };

	iol_fdt_begin(fdt, "reserved-memory");
	iol_fdt_cells(fdt, 2, 2);
	iol_fdt_empty(fdt, "ranges");
	iol_fdt_begin(fdt, "bios@%x", IOL_X86_EBDA);
	iol_fdt_reg(fdt, &bios, 1);
	iol_fdt_empty(fdt, "no-map");
	iol_fdt_end(fdt);
	iol_fdt_end(fdt);
}

void iol_x86_describe(const struct iol_describe *d, struct iol_fdt *fdt)
{
	iol_fdt_string(fdt, "compatible", "iolite,x86-64");
	iol_fdt_string(fdt, "model", "iolite x86_64");
	iol_fdt_cells(fdt, 2, 2);
	iol_fdt_u32(fdt, "interrupt-parent", iol_fdt_phandle(fdt, ioapic));
	describe_cpus(d, fdt);
	describe_interrupt_controllers(fdt);
	describe_reserved(fdt);
	describe_isa(d, fdt);
	describe_pci(d, fdt);
	d->devices(d, fdt, IOL_X86_BUS_ROOT);
}

void iol_x86_place(const struct iol_layout *layout, const struct iol_layout_device *dev,
		   struct iol_fdt_place *place)
{
	(void)layout;
	if (dev->bus == IOL_X86_BUS_ISA) {
		snprintf(place->unit, sizeof(place->unit), "i%x", (unsigned int)dev->base);
		place->reg_cells = 3;
		place->reg[0] = ISA_IO;
		place->reg[1] = (uint32_t)dev->base;
		place->reg[2] = (uint32_t)dev->size_bytes;
	} else {
		iol_fdt_place_reg(place, dev->base, 2, dev->size_bytes, 2);
	}
	place->irq_cells = dev->gsi ? 2 : 0;
	place->irq[0] = dev->gsi;
	place->irq[1] = dev->level ? LEVEL_ACTIVE_LOW : EDGE_RISING;
}

int iol_x86_place_tree(const struct iol_layout *layout, const struct iol_memory *mem,
		       const struct iol_placement *placement, const struct iol_fdt_blob *tree,
		       struct iol_entry *entry, struct iol_error *err)
{
	struct setup_data *head = iol_memory_ptr(mem, IOL_X86_TREE, IOL_X86_TREE_BYTES);
	const size_t max = IOL_X86_TREE_BYTES - sizeof(*head);

	(void)layout;
	(void)placement;
	(void)entry; /* it names the zero page already */
	if (tree->bytes > max)
		return iol_error_set(err, -ENOSPC,
				     "the device tree has %zu bytes, Linux on x86_64 reads at most "
				     "%zu; make it smaller",
				     tree->bytes, max);
	head->type = le32_of(SETUP_DTB);
	head->len = le32_of((uint32_t)tree->bytes);
	memcpy(head + 1, tree->data, tree->bytes);
	iol_x86_link_setup_data(mem, IOL_X86_TREE);
	return 0;
}
