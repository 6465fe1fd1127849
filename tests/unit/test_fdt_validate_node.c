// SPDX-License-Identifier: Apache-2.0
#include "fdt_validate_rig.h"

#define N31 "n234567890123456789012345678901"

/* DTSpec-0.4 2.2.1.1: names of nodes. */
static void test_node_names(void)
{
#define NO_NAME                                                                                  \
	"its name is none: a letter and up to 30 letters, digits and ,._+-, then perhaps @ and " \
	"an address (DTSpec-0.4 2.2.1.1)"
	static const struct validate_case cases[] = {
		{ "pool {", N31 " {", "" },
		{ "pool {", "A,b._+-9 {", "" },
		{ "fb@80100000 {", N31 "@80100000 {", "" },
		{ "pool {", N31 "x {", "node /reserved-memory/" N31 "x: " NO_NAME },
		{ "pool {", "9pool {", "node /reserved-memory/9pool: " NO_NAME },
		{ "pool {", "_pool {", "node /reserved-memory/_pool: " NO_NAME },
		{ "pool {", "po*ol {", "node /reserved-memory/po*ol: " NO_NAME },
		{ "pool {", "po#ol {", "node /reserved-memory/po#ol: " NO_NAME },
		{ "fb@80100000 {", "fb@80100000@0 {",
		  "node /reserved-memory/fb@80100000@0: " NO_NAME "\n"
		  "node /reserved-memory/fb@80100000@0: its unit address is not the first address of its "
		  "reg, which starts with 0x0 (DTSpec-0.4 2.2.1.1)" },
		/* Of dtc's own nodes nothing is asked. */
		{ "__symbols__ {", "__fixups__ {", "" },
		/* Without a unit address a name is unlike those of the properties beside it. */
		{ "pool {", "rang {", "" },
		{ "pool {", "ranges {",
		  "node /reserved-memory/ranges: a property beside it has the same name (DTSpec-0.4 "
		  "2.2.1.1)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 2.2.4.1: names of properties. */
static void test_prop_names(void)
{
#define NO_PROP_NAME "its name is none: 1 to 31 letters, digits and ,._+?#- (DTSpec-0.4 2.2.4.1)"
	static const struct validate_case cases[] = {
		{ "reusable;", "reusable; " N31 ";", "" },
		{ "reusable;", "reusable; #9,._+?#-Z;", "" },
		{ "reusable;", "reusable; " N31 "x;",
		  "node /reserved-memory/pool: property '" N31 "x': " NO_PROP_NAME },
		{ "reusable;", "reusable; a*;",
		  "node /reserved-memory/pool: property 'a*': " NO_PROP_NAME },
		{ "reusable;", "reusable; a@0;",
		  "node /reserved-memory/pool: property 'a@0': " NO_PROP_NAME },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 2.2.1.1: the unit address is the first address of reg. */
static void test_units(void)
{
#define WRONG_UNIT(first)                                                                \
	"its unit address is not the first address of its reg, which starts with " first \
	" (DTSpec-0.4 2.2.1.1)"
	static const struct validate_case cases[] = {
		/* One cell. */
		{ "gpio@3000 {", "gpio@00003000 {", "" },
		{ "gpio@3000 {", "gpio {", "" },
		{ "gpio@3000 {", "gpio@3200 {", "node /soc/gpio@3200: " WRONG_UNIT("0x3000") },
		{ "gpio@3000 {", "gpio@3000,0 {", "node /soc/gpio@3000,0: " WRONG_UNIT("0x3000") },
		{ "gpio@3000 {", "gpio@300g {", "node /soc/gpio@300g: " WRONG_UNIT("0x3000") },
		{ "gpio@3000 {", "gpio@0x3000 {", "node /soc/gpio@0x3000: " WRONG_UNIT("0x3000") },
		{ "gpio@3000 {", "gpio@100003000 {",
		  "node /soc/gpio@100003000: " WRONG_UNIT("0x3000") },
		{ "gpio@3000 {", "gpio@10000000000003000 {",
		  "node /soc/gpio@10000000000003000: " WRONG_UNIT("0x3000") },
		/* Two. */
		{ "fb@80100000 {", "fb@0,80100000 {", "" },
		{ "fb@80100000 {", "fb@180100000 {",
		  "node /reserved-memory/fb@180100000: " WRONG_UNIT("0x0") },
		{ "flash@1,20 {", "flash@20 {", "node /soc/bus/flash@20: " WRONG_UNIT("0x1") },
		{ "flash@1,20 {", "flash@1,21 {", "node /soc/bus/flash@1,21: " WRONG_UNIT("0x1") },
		{ "flash@1,20 {", "flash@1, {", "node /soc/bus/flash@1,: " WRONG_UNIT("0x1") },
		{ "wide@100000020 {", "wide@100000021 {",
		  "node /soc/bus/wide@100000021: " WRONG_UNIT("0x1") },
		/* PCI: device, function. */
		{ "eth@1 {", "eth@1,0 {", "" },
		{ "eth@1 {", "eth@800 {", "node /pcie@30000000/eth@800: " WRONG_UNIT("0x800") },
		{ "eth@1 {", "eth@1,1 {", "node /pcie@30000000/eth@1,1: " WRONG_UNIT("0x800") },
		{ "eth@2,3 {", "eth@2 {", "node /pcie@30000000/eth@2: " WRONG_UNIT("0x1300") },
		/* Without reg there is none; a bus may be called after its window. */
		{ "pool {", "pool@0 {",
		  "node /reserved-memory/pool@0: a unit address, and no reg: leave it away (DTSpec-0.4 "
		  "2.2.1.1)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* ISA-1275 2.2.1.2: "i" and a port, or an address of memory; bit 0 of the first cell says which. */
static void test_isa_units(void)
{
#define ISA(nodes)                                                                                          \
	"pool { size = <0 0>; isa { device_type = \"isa\"; #address-cells = <2>; #size-cells = <1>; " nodes \
	" }; }; old { size"
	static const struct validate_case cases[] = {
		{ "pool { size",
		  ISA("rtc@i70 { reg = <1 0x70 2>; }; rom@f0000 { reg = <0 0xf0000 1>; };"), "" },
		{ "pool { size", ISA("rtc@70 { reg = <1 0x70 2>; };"),
		  "node /reserved-memory/pool/isa/rtc@70: " WRONG_UNIT("0x1") },
		{ "pool { size", ISA("rtc@i71 { reg = <1 0x70 2>; };"),
		  "node /reserved-memory/pool/isa/rtc@i71: " WRONG_UNIT("0x1") },
		{ "pool { size", ISA("rtc@i { reg = <1 0x70 2>; };"),
		  "node /reserved-memory/pool/isa/rtc@i: " WRONG_UNIT("0x1") },
		{ "pool { size", ISA("rom@if0000 { reg = <0 0xf0000 1>; };"),
		  "node /reserved-memory/pool/isa/rom@if0000: " WRONG_UNIT("0x0") },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* A bus that is called after its window: no reg, ranges that are not empty. */
static void test_window(void)
{
	static const struct validate_case cases[] = {
		{ "  bus {", "  bus@5000 {", "" },
		{ "  bus { #address-cells = <2>; #size-cells = <1>; ranges = <1 0 0x5000 0x100>;",
		  "  bus@5000 { #address-cells = <2>; #size-cells = <1>;",
		  "node /soc/bus@5000: a unit address, and no reg: leave it away (DTSpec-0.4 2.2.1.1)" },
		{ "reserved-memory {", "reserved-memory@0 {",
		  "node /reserved-memory@0: a unit address, and no reg: leave it away (DTSpec-0.4 "
		  "2.2.1.1)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 2.3.5: #address-cells and #size-cells. */
static void test_cells(void)
{
	static const struct validate_case cases[] = {
		/* Nobody counts on those of a node without such children. */
		{ "l2-cache { phandle = <4>; }", "l2-cache { phandle = <4>; l3 { }; }", "" },
		{ "l2-cache { phandle = <4>; }",
		  "l2-cache { phandle = <4>; #address-cells = <4>; }", "" },
		{ "#address-cells = <2>; #size-cells = <1>;", "#size-cells = <1>;",
		  "node /soc/bus: property '#address-cells': is missing (DTSpec-0.4 2.3.5: a child has a "
		  "reg)" },
		{ "#address-cells = <2>; #size-cells = <1>;", "#address-cells = <2>;",
		  "node /soc/bus: property '#size-cells': is missing (DTSpec-0.4 2.3.5: a child has a "
		  "reg)" },
		{ "l2-cache { phandle = <4>; }",
		  "l2-cache { phandle = <4>; #address-cells = <5>; }",
		  "node /cpus/l2-cache: property '#address-cells': 5 cells, at most 4 are possible" },
		{ "l2-cache { phandle = <4>; }",
		  "l2-cache { phandle = <4>; #size-cells = <0xffffffff>; }",
		  "node /cpus/l2-cache: property '#size-cells': 4294967295 cells, at most 4 are possible" },
		{ "l2-cache { phandle = <4>; }", "l2-cache { phandle = <4>; #size-cells = <0 1>; }",
		  "node /cpus/l2-cache: property '#size-cells': 8 bytes, one cell is needed" },
		{ "l2-cache { phandle = <4>; }", "l2-cache { phandle = <4>; #address-cells; }",
		  "node /cpus/l2-cache: property '#address-cells': 0 bytes, one cell is needed" },
		/* What follows from a wrong number is not told, too. */
		{ "#address-cells = <2>; #size-cells = <1>;",
		  "#address-cells = <9>; #size-cells = <1>;",
		  "node /soc/bus: property '#address-cells': 9 cells, at most 4 are possible" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 2.3.6: reg. */
static void test_reg(void)
{
	static const struct validate_case cases[] = {
		{ "reg = <0x2000 0x200>;", "reg = <0x2000 0x200 0x2200 1 0x2300 1>;", "" },
		{ "reg = <0x2000 0x200>;", "reg = <0x2000>;",
		  "node /soc/disk@2000: property 'reg': 4 bytes, a multiple of 8 is needed: its parent says "
		  "1 address and 1 size cells (DTSpec-0.4 2.3.6)" },
		{ "reg = <0x2000 0x200>;", "reg = <0x2000 0x200 0>;",
		  "node /soc/disk@2000: property 'reg': 12 bytes, a multiple of 8 is needed: its parent "
		  "says 1 address and 1 size cells (DTSpec-0.4 2.3.6)" },
		{ "reg = <0x2000 0x200>;", "reg;",
		  "node /soc/disk@2000: property 'reg': 0 bytes, a multiple of 8 is needed: its parent says "
		  "1 address and 1 size cells (DTSpec-0.4 2.3.6)" },
		{ "reg = <0x2000 0x200>;", "reg = [0000];",
		  "node /soc/disk@2000: property 'reg': 2 bytes, a multiple of 8 is needed: its parent says "
		  "1 address and 1 size cells (DTSpec-0.4 2.3.6)" },
		{ "l2-cache { phandle = <4>; }",
		  "l2-cache { phandle = <4>; #address-cells = <0>; #size-cells = <0>; x { reg = <0>; }; }",
		  "node /cpus/l2-cache/x: property 'reg': its parent has no addresses: #address-cells is 0 "
		  "(DTSpec-0.4 2.3.6)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 2.3.8, 2.3.9: ranges and dma-ranges. */
static void test_ranges(void)
{
	static const struct validate_case cases[] = {
		{ "ranges = <0 0 0x10000000 0x10000>;",
		  "ranges = <0 0 0x10000000 1 1 0 0x20000000 1>;", "" },
		{ "ranges = <0 0 0x10000000 0x10000>;", "ranges = <0 0x10000000 0x10000>;",
		  "node /soc: property 'ranges': 12 bytes, a multiple of 16 is needed: 1 cells of its own, 2 "
		  "of its parent's address, 1 of size (DTSpec-0.4 2.3.8)" },
		{ "ranges = <0 0 0x10000000 0x10000>;", "ranges;",
		  "node /soc: property 'ranges': it is empty, so both buses are one, but it has 1 address "
		  "and 1 size cells and its parent 2 and 2 (DTSpec-0.4 2.3.8)" },
		{ "dma-ranges = <0 0 0 0x80000000>;", "dma-ranges = <0 0 0>;",
		  "node /soc: property 'dma-ranges': 12 bytes, a multiple of 16 is needed: 1 cells of its "
		  "own, 2 of its parent's address, 1 of size (DTSpec-0.4 2.3.8)" },
		{ "model =", "ranges; model =",
		  "node /: property 'ranges': the root is no bus below another (DTSpec-0.4 2.3.8)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 2.3: values of fixed types. */
static void test_types(void)
{
	static const struct validate_case cases[] = {
		/* compatible, 2.3.1. */
		{ "compatible = \"virtio,mmio\";", "compatible = \"\";", "" },
		{ "compatible = \"virtio,mmio\";", "compatible;",
		  "node /soc/disk@2000: property 'compatible': a list of strings is needed (DTSpec-0.4 "
		  "2.3.1)" },
		{ "compatible = \"virtio,mmio\";", "compatible = [61];",
		  "node /soc/disk@2000: property 'compatible': a list of strings is needed (DTSpec-0.4 "
		  "2.3.1)" },
		/* model, 2.3.2. */
		{ "model = \"iolite,test\";", "model = \"a\", \"b\";",
		  "node /: property 'model': a string is needed (DTSpec-0.4 2.3.2)" },
		/* phandle, 2.3.3. */
		{ "reusable;", "reusable; phandle = <0xfffffffe>;", "" },
		{ "reusable;", "reusable; phandle = <0>;",
		  "node /reserved-memory/pool: property 'phandle': a cell from 0x1 to 0xfffffffe is needed "
		  "(DTSpec-0.4 2.3.3)" },
		{ "reusable;", "reusable; phandle = <0xffffffff>;",
		  "node /reserved-memory/pool: property 'phandle': a cell from 0x1 to 0xfffffffe is needed "
		  "(DTSpec-0.4 2.3.3)" },
		{ "reusable;", "reusable; phandle = [0001];",
		  "node /reserved-memory/pool: property 'phandle': a cell from 0x1 to 0xfffffffe is needed "
		  "(DTSpec-0.4 2.3.3)" },
		{ "reusable;", "reusable; linux,phandle = <7>;", "" },
		{ "reusable;", "reusable; phandle = <7>; linux,phandle = <8>;",
		  "node /reserved-memory/pool: property 'linux,phandle': it differs from phandle (DTSpec-0.4 "
		  "2.3.3)" },
		/* status, 2.3.4. */
		{ "dma-coherent;", "status = \"okay\";", "" },
		{ "dma-coherent;", "status = \"disabled\";", "" },
		{ "dma-coherent;", "status = \"reserved\";", "" },
		{ "dma-coherent;", "status = \"fail\";", "" },
		{ "dma-coherent;", "status = \"fail-7\";", "" },
#define NO_STATUS                                                                                    \
	"node /soc/disk@2000: property 'status': \"okay\", \"disabled\", \"reserved\", \"fail\" or " \
	"\"fail-...\" is needed (DTSpec-0.4 2.3.4)"
		{ "dma-coherent;", "status = \"ok\";", NO_STATUS },
		{ "dma-coherent;", "status = \"fail-\";", NO_STATUS },
		{ "dma-coherent;", "status = \"okay\", \"okay\";", NO_STATUS },
		{ "dma-coherent;", "status = [6f6b6179];", NO_STATUS },
		{ "dma-coherent;", "status;", NO_STATUS },
		/* virtual-reg, 2.3.7. */
		{ "dma-coherent;", "virtual-reg = <1>;", "" },
		{ "dma-coherent;", "virtual-reg = <1 2>;", "" },
		{ "dma-coherent;", "virtual-reg = <1 2 3>;",
		  "node /soc/disk@2000: property 'virtual-reg': one or two cells are needed (DTSpec-0.4 "
		  "2.3.7)" },
		/* dma-coherent, 2.3.10. */
		{ "dma-coherent;", "dma-coherent = <1>;",
		  "node /soc/disk@2000: property 'dma-coherent': no value is needed (DTSpec-0.4 2.3.10)" },
		/* device_type, 2.3.12. */
		{ "dma-coherent;", "device_type = \"block\";", "" },
		{ "dma-coherent;", "device_type = <1>;",
		  "node /soc/disk@2000: property 'device_type': a string is needed (DTSpec-0.4 2.3)" },
		/* Frequencies, 3.8 and 4.1.2. */
		{ "timebase-frequency = <1000>;", "timebase-frequency = <1 1000>;", "" },
		{ "timebase-frequency = <1000>;", "timebase-frequency = [10];",
		  "node /cpus: property 'timebase-frequency': one or two cells are needed (DTSpec-0.4 3.8)" },
		{ "clock-frequency = <0 5>;", "clock-frequency;",
		  "node /cpus/cpu@1: property 'clock-frequency': one or two cells are needed (DTSpec-0.4 "
		  "4.1.2)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 3.9, 4.3.2.3: links to other nodes. */
static void test_links(void)
{
	static const struct validate_case cases[] = {
		{ "dma-coherent;", "phy-handle = <4>;", "" },
		{ "dma-coherent;", "phy-handle = <5>;",
		  "node /soc/disk@2000: property 'phy-handle': no node has the phandle 0x5" },
		{ "next-level-cache = <4>;", "next-level-cache = <0>;",
		  "node /cpus/cpu@0: property 'next-level-cache': no node has the phandle 0x0" },
		{ "next-level-cache = <4>;", "next-level-cache = <4 0>;",
		  "node /cpus/cpu@0: property 'next-level-cache': 8 bytes, one cell is needed" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fdt-validate-node/node-names", test_node_names);
	g_test_add_func("/fdt-validate-node/prop-names", test_prop_names);
	g_test_add_func("/fdt-validate-node/units", test_units);
	g_test_add_func("/fdt-validate-node/isa-units", test_isa_units);
	g_test_add_func("/fdt-validate-node/window", test_window);
	g_test_add_func("/fdt-validate-node/cells", test_cells);
	g_test_add_func("/fdt-validate-node/reg", test_reg);
	g_test_add_func("/fdt-validate-node/ranges", test_ranges);
	g_test_add_func("/fdt-validate-node/types", test_types);
	g_test_add_func("/fdt-validate-node/links", test_links);
	return g_test_run();
}
