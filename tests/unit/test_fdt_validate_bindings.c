// SPDX-License-Identifier: Apache-2.0
#include "fdt_validate_rig.h"

/* DTSpec-0.4 4.5, ePAPR-1.1 6.5: simple-bus. */
static void test_simple_bus(void)
{
	static const struct validate_case cases[] = {
		{ "ranges = <0 0 0x10000000 0x10000>; ", "",
		  "node /soc: property 'ranges': is missing (DTSpec-0.4 4.5)" },
		/* Only where the list has it. */
		{ "compatible = \"test,soc\", \"simple-bus\"; #address-cells = <1>; #size-cells = <1>;\n"
		  "  ranges = <0 0 0x10000000 0x10000>; ",
		  "compatible = \"test,soc\", \"simple-bus-not\"; #address-cells = <1>; #size-cells = <1>;\n"
		  "  ",
		  "" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* PCI-1275-2.1 3.1. */
static void test_pci(void)
{
	static const char node[] = "#address-cells = <3>; #size-cells = <2>; #interrupt-cells";
	const struct validate_case cases[] = {
		{ "bus-range = <0 15>;", "", "" },
		{ "bus-range = <0 15>;", "bus-range = <255 255>;", "" },
		{ "bus-range = <0 15>;", "bus-range = <0 256>;",
		  "node /pcie@30000000: property 'bus-range': from 0 to 256: buses are from 0 to 255" },
		{ "bus-range = <0 15>;", "bus-range = <2 1>;",
		  "node /pcie@30000000: property 'bus-range': from 2 to 1: buses are from 0 to 255" },
		{ "bus-range = <0 15>;", "bus-range = <2>;",
		  "node /pcie@30000000: property 'bus-range': 4 bytes, two cells are needed" },
		{ "ranges = <0x2000000 0 0x40000000 0 0x40000000 0 0x1000000>;", "",
		  "node /pcie@30000000: property 'ranges': is missing (PCI-1275-2.1 3.1.1)" },
		{ node, "#address-cells = <3>; #size-cells = <1>; #interrupt-cells",
		  "node /pcie@30000000: property '#size-cells': 1, 2 is needed (PCI-1275-2.1 3.1.1)\n"
		  "node /pcie@30000000: property 'ranges': 28 bytes, a multiple of 24 is needed: 3 cells of "
		  "its own, 2 of its parent's address, 1 of size (DTSpec-0.4 2.3.8)\n"
		  "node /pcie@30000000/eth@1: property 'reg': 20 bytes, a multiple of 16 is needed: its "
		  "parent says 3 address and 1 size cells (DTSpec-0.4 2.3.6)\n"
		  "node /pcie@30000000/eth@2,3: property 'reg': 20 bytes, a multiple of 16 is needed: its "
		  "parent says 3 address and 1 size cells (DTSpec-0.4 2.3.6)" },
		/* A bridge below is one, too. */
		{ "eth@2,3 { reg = <0x1300 0 0 0 0>; };",
		  "pci@2,3 { device_type = \"pci\"; reg = <0x1300 0 0 0 0>; #address-cells = <3>; "
		  "#size-cells = <2>; ranges; x@1 { reg = <0x10800 0 0 0 0>; }; };",
		  "" },
		{ "eth@2,3 { reg = <0x1300 0 0 0 0>; };",
		  "pci@2,3 { device_type = \"pci\"; reg = <0x1300 0 0 0 0>; };",
		  "node /pcie@30000000/pci@2,3: property '#address-cells': is missing (PCI-1275-2.1 3.1.1)\n"
		  "node /pcie@30000000/pci@2,3: property '#size-cells': is missing (PCI-1275-2.1 3.1.1)\n"
		  "node /pcie@30000000/pci@2,3: property 'ranges': is missing (PCI-1275-2.1 3.1.1)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 4.2.2, ePAPR-1.1 6.2.2: 16550 UARTs. */
static void test_uart(void)
{
	static const struct validate_case cases[] = {
		{ "clock-frequency = <1843200>;", "",
		  "node /soc/serial@1000: property 'clock-frequency': is missing (DTSpec-0.4 4.2.2)" },
		{ "compatible = \"ns16550\"; reg = <0x1000 0x100>; clock-frequency = <1843200>;",
		  "compatible = \"ns16550a\"; reg = <0x1000 0x100>;", "" },
		{ "l2-cache { phandle = <4>; }",
		  "l2-cache { phandle = <4>; compatible = \"a\", \"ns16550\"; clock-frequency = <1>; }",
		  "node /cpus/l2-cache: property 'reg': is missing (DTSpec-0.4 4.2.2)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 4.4, ePAPR-1.1 6.4: Open PIC. */
static void test_open_pic(void)
{
	static const char node[] =
		"compatible = \"open-pic\"; reg = <0x4000 0x1000>; "
		"interrupt-controller; #interrupt-cells = <2>; #address-cells = <0>;";
	const struct validate_case cases[] = {
		{ node,
		  "compatible = \"open-pic\"; reg = <0x4000 0x1000>; interrupt-controller; "
		  "#interrupt-cells = <4>; #address-cells = <1>;",
		  "node /soc/open-pic@4000: property '#interrupt-cells': 4, 2 is needed (DTSpec-0.4 4.4)\n"
		  "node /soc/open-pic@4000: property '#address-cells': 1, 0 is needed (DTSpec-0.4 4.4)" },
		{ node, "compatible = \"open-pic\"; reg = <0x4000 0x1000>;",
		  "node /soc/open-pic@4000: property 'interrupt-controller': is missing (DTSpec-0.4 4.4)\n"
		  "node /soc/open-pic@4000: property '#interrupt-cells': is missing (DTSpec-0.4 4.4)\n"
		  "node /soc/open-pic@4000: property '#address-cells': is missing (DTSpec-0.4 4.4)" },
		{ "l2-cache { phandle = <4>; }",
		  "l2-cache { phandle = <4>; compatible = \"open-pic\"; interrupt-controller; "
		  "#interrupt-cells = <2>; #address-cells = <0>; }",
		  "node /cpus/l2-cache: property 'reg': is missing (DTSpec-0.4 4.4)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fdt-validate-bindings/simple-bus", test_simple_bus);
	g_test_add_func("/fdt-validate-bindings/pci", test_pci);
	g_test_add_func("/fdt-validate-bindings/uart", test_uart);
	g_test_add_func("/fdt-validate-bindings/open-pic", test_open_pic);
	return g_test_run();
}
