// SPDX-License-Identifier: Apache-2.0
/*
 * Buses and devices whose nodes are described by DTSpec-0.4 4 (ePAPR-1.1 6), and PCI, whose nodes are described
 * by the PCI Bus Binding to IEEE 1275, revision 2.1. See validate.h. Any thread.
 */
#include "validate.h"

#include <inttypes.h>

#include <iolite/endian.h>

/* A cell that has to have one value, 0 included. */
static void require_value(struct iol_fdt_validation *v, unsigned int node, const char *prop,
			  uint32_t needed, const char *section)
{
	uint32_t value;

	if (iol_fdt_require(v, node, prop, section) && iol_fdt_get_u32(v, node, prop, &value) &&
	    value != needed)
		iol_fdt_flaw(v, node, prop, "%" PRIu32 ", %" PRIu32 " is needed (%s)", value,
			     needed, section);
}

static void check_bus_range(struct iol_fdt_validation *v, unsigned int node)
{
	const struct iol_fdt_prop *prop = iol_fdt_index_prop(&v->index, node, "bus-range");
	uint32_t first, last;

	if (!prop)
		return;
	if (prop->len != 8) {
		iol_fdt_flaw(v, node, prop->name, "%" PRIu32 " bytes, two cells are needed",
			     prop->len);
		return;
	}
	first = be32_load(prop->value);
	last = be32_load(prop->value + 4);
	if (first > last || last > 255)
		iol_fdt_flaw(v, node, prop->name,
			     "from %" PRIu32 " to %" PRIu32 ": buses are from 0 to 255", first,
			     last);
}

static void check_pci(struct iol_fdt_validation *v, unsigned int node)
{
	require_value(v, node, "#address-cells", 3, "PCI-1275-2.1 3.1.1");
	require_value(v, node, "#size-cells", 2, "PCI-1275-2.1 3.1.1");
	iol_fdt_require(v, node, "ranges", "PCI-1275-2.1 3.1.1");
	check_bus_range(v, node);
}

/* DTSpec-0.4 4.2.2. */
static void check_uart(struct iol_fdt_validation *v, unsigned int node)
{
	iol_fdt_require(v, node, "reg", "DTSpec-0.4 4.2.2");
	iol_fdt_require(v, node, "clock-frequency", "DTSpec-0.4 4.2.2");
}

/* DTSpec-0.4 4.4. */
static void check_open_pic(struct iol_fdt_validation *v, unsigned int node)
{
	iol_fdt_require(v, node, "reg", "DTSpec-0.4 4.4");
	iol_fdt_require(v, node, "interrupt-controller", "DTSpec-0.4 4.4");
	require_value(v, node, "#interrupt-cells", 2, "DTSpec-0.4 4.4");
	require_value(v, node, "#address-cells", 0, "DTSpec-0.4 4.4");
}

void iol_fdt_validate_bindings(struct iol_fdt_validation *v, unsigned int node)
{
	if (iol_fdt_says(v, node, "device_type", "pci"))
		check_pci(v, node);
	/* DTSpec-0.4 4.5. */
	if (iol_fdt_says(v, node, "compatible", "simple-bus"))
		iol_fdt_require(v, node, "ranges", "DTSpec-0.4 4.5");
	if (iol_fdt_says(v, node, "compatible", "ns16550"))
		check_uart(v, node);
	if (iol_fdt_says(v, node, "compatible", "open-pic"))
		check_open_pic(v, node);
}
