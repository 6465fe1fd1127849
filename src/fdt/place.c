// SPDX-License-Identifier: Apache-2.0
/*
 * Nodes that several architectures write alike: where a device is, and the PCI host bridge. See
 * include/iolite/describe.h. (DTSpec-0.4 2.3.6, 2.4; IEEE 1275 PCI bus binding 2.1.) Any thread.
 */
#include <iolite/describe.h>

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include <iolite/macros.h>

enum {
	PCI_SLOT_SHIFT = 11, /* of the device number in the first cell of a PCI address */
	PCI_INTA = 1,
	/* Child address and interrupt, phandle, parent address, parent interrupt. */
	MAP_ENTRY_CELLS_MAX = 3 + 1 + 1 + 2 + IOL_FDT_PLACE_IRQ_MAX,
	RANGE_CELLS = 3 + 2 + 2,
};

/* Appends @value as @cells cells; returns how many there are then. */
static unsigned int put(uint32_t *to, unsigned int count, uint64_t value, unsigned int cells)
{
	assert(cells == 2 || value <= UINT32_MAX);
	if (cells == 2)
		to[count++] = (uint32_t)(value >> 32);
	to[count++] = (uint32_t)value;
	return count;
}

void iol_fdt_place(struct iol_fdt *fdt, const struct iol_fdt_place *place)
{
	iol_fdt_u32s(fdt, "reg", place->reg, place->reg_cells);
	if (place->irq_cells)
		iol_fdt_u32s(fdt, "interrupts", place->irq, place->irq_cells);
}

void iol_fdt_place_reg(struct iol_fdt_place *place, uint64_t base, unsigned int address_cells,
		       uint64_t size_bytes, unsigned int size_cells)
{
	snprintf(place->unit, sizeof(place->unit), "%" PRIx64, base);
	place->reg_cells = put(place->reg, 0, base, address_cells);
	place->reg_cells = put(place->reg, place->reg_cells, size_bytes, size_cells);
}

static void write_ranges(struct iol_fdt *fdt, const struct iol_fdt_pci *pci)
{
	uint32_t cells[IOL_FDT_PCI_WINDOWS_MAX * RANGE_CELLS];
	unsigned int count = 0;

	for (unsigned int i = 0; i < pci->window_count; i++) {
		cells[count++] = (uint32_t)pci->windows[i].space;
		count = put(cells, count, pci->windows[i].pci_base, 2);
		count = put(cells, count, pci->windows[i].cpu_base, 2);
		count = put(cells, count, pci->windows[i].size_bytes, 2);
	}
	iol_fdt_u32s(fdt, "ranges", cells, count);
}

/* Our devices have INTA alone, and slots that are irq_count apart share one. */
static void write_interrupt_map(struct iol_fdt *fdt, const struct iol_fdt_pci *pci)
{
	uint32_t cells[IOL_FDT_PCI_SLOT_IRQS_MAX * MAP_ENTRY_CELLS_MAX];
	unsigned int count = 0;

	for (unsigned int slot = 0; slot < pci->irq_count; slot++) {
		cells[count++] = slot << PCI_SLOT_SHIFT;
		cells[count++] = 0;
		cells[count++] = 0;
		cells[count++] = PCI_INTA;
		cells[count++] = iol_fdt_phandle(fdt, pci->intc);
		for (unsigned int i = 0; i < pci->intc_address_cells; i++)
			cells[count++] = 0;
		for (unsigned int i = 0; i < pci->irq_cells; i++)
			cells[count++] = pci->irqs[slot][i];
	}
	iol_fdt_u32(fdt, "#interrupt-cells", 1);
	IOL_FDT_U32S(fdt, "interrupt-map-mask", (pci->irq_count - 1) << PCI_SLOT_SHIFT, 0, 0, 7);
	iol_fdt_u32s(fdt, "interrupt-map", cells, count);
}

void iol_fdt_pci_begin(struct iol_fdt *fdt, const struct iol_fdt_pci *pci)
{
	assert(pci->window_count <= IOL_FDT_PCI_WINDOWS_MAX && pci->intc_address_cells <= 2);
	assert(pci->irq_count <= IOL_FDT_PCI_SLOT_IRQS_MAX &&
	       !(pci->irq_count & (pci->irq_count - 1)));
	iol_fdt_begin(fdt, "%s@%" PRIx64, pci->name, pci->config.base);
	iol_fdt_string(fdt, "device_type", "pci");
	iol_fdt_reg(fdt, &pci->config, 1);
	iol_fdt_cells(fdt, 3, 2);
	IOL_FDT_U32S(fdt, "bus-range", 0, 0);
	write_ranges(fdt, pci);
	write_interrupt_map(fdt, pci);
}
