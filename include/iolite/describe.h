/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a machine's device tree is made from. The tree is put together in src/vmm/tree.c; architectures
 * and devices write their own nodes and know nothing of each other.
 */
#ifndef IOLITE_DESCRIBE_H
#define IOLITE_DESCRIBE_H

#include <iolite/fdt.h>
#include <iolite/layout.h>

struct iol_describe {
	const struct iol_layout *layout;
	uint32_t virtio_mmio_slots; /* bit per slot with a device */
	/* Writes the nodes of the devices on @bus (struct iol_layout_device.bus) below the open node. */
	void (*devices)(const struct iol_describe *d, struct iol_fdt *fdt, unsigned int bus);
	const struct iol_arch *arch;
};

enum { IOL_FDT_PLACE_REG_MAX = 6, IOL_FDT_PLACE_IRQ_MAX = 3 };

/* Where a device is and how it interrupts, as its bus and its interrupt controller say such things. */
struct iol_fdt_place {
	unsigned int nth; /* of its kind, where there are several */
	char unit[24]; /* behind the @ of the node's name */
	unsigned int reg_cells;
	uint32_t reg[IOL_FDT_PLACE_REG_MAX];
	unsigned int irq_cells; /* 0: no interrupt */
	uint32_t irq[IOL_FDT_PLACE_IRQ_MAX];
};

/* Label of the bus clock that an architecture with PrimeCells (PL031 and the like) describes for them. */
#define IOL_FDT_APB_CLOCK "apb_pclk"

/* reg and, where there is one, interrupts of the open node. */
void iol_fdt_place(struct iol_fdt *fdt, const struct iol_fdt_place *place);

/* Fills unit and reg with @base and @size_bytes, in @address_cells and @size_cells cells (1 or 2). */
void iol_fdt_place_reg(struct iol_fdt_place *place, uint64_t base, unsigned int address_cells,
		       uint64_t size_bytes, unsigned int size_cells);

/* Space codes of PCI addresses (IEEE 1275 PCI bus binding 2.2.1.1): the first of three cells. */
enum iol_fdt_pci_space {
	IOL_FDT_PCI_IO = 0x01000000,
	IOL_FDT_PCI_MEM32 = 0x02000000,
	IOL_FDT_PCI_MEM64 = 0x03000000,
};

enum { IOL_FDT_PCI_WINDOWS_MAX = 3, IOL_FDT_PCI_SLOT_IRQS_MAX = 8 };

/* A PCI host bridge with bus 0 alone. */
struct iol_fdt_pci {
	const char *name; /* of the node, "pci" or "pcie" */
	struct iol_fdt_range config; /* reg */
	unsigned int window_count;
	struct {
		enum iol_fdt_pci_space space;
		uint64_t pci_base, cpu_base, size_bytes;
	} windows[IOL_FDT_PCI_WINDOWS_MAX];
	/* INTA of slot n is irqs[n % irq_count], as cells of the interrupt controller @intc (a label). */
	const char *intc;
	unsigned int intc_address_cells; /* #address-cells of its node */
	unsigned int irq_count; /* a power of two */
	unsigned int irq_cells;
	uint32_t irqs[IOL_FDT_PCI_SLOT_IRQS_MAX][IOL_FDT_PLACE_IRQ_MAX];
};

/*
 * Begins the node of a PCI host bridge, below a parent with 2 and 2 cells, with reg, ranges, bus-range and
 * interrupt-map. It stays open for compatible and what else the architecture has to say.
 */
void iol_fdt_pci_begin(struct iol_fdt *fdt, const struct iol_fdt_pci *pci);

#endif
