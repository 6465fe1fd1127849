// SPDX-License-Identifier: Apache-2.0
#include "fdt_validate_rig.h"

/* DTSpec-0.4 2.4.1.2: interrupt-parent. */
static void test_parent(void)
{
	static const struct validate_case cases[] = {
		{ "dma-coherent;", "interrupt-parent = <2>;", "" },
		{ "dma-coherent;", "interrupt-parent = <9>;",
		  "node /soc/disk@2000: property 'interrupt-parent': no node has the phandle 0x9" },
		{ "dma-coherent;", "interrupt-parent = <4>;",
		  "node /soc/disk@2000: property 'interrupt-parent': /cpus/l2-cache is neither a controller "
		  "nor a nexus with #interrupt-cells (DTSpec-0.4 2.4)" },
		{ "dma-coherent;", "interrupt-parent;",
		  "node /soc/disk@2000: property 'interrupt-parent': 0 bytes, one cell is needed" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 2.4.1.1: interrupts, in cells of the domain's root. */
static void test_interrupts(void)
{
	static const struct validate_case cases[] = {
		{ "interrupts = <4 1>, <5 1>;", "interrupt-parent = <2>; interrupts = <4 1 5>;",
		  "" },
		{ "interrupts = <4 1>, <5 1>;", "interrupts = <4>;",
		  "node /soc/serial@1000: property 'interrupts': 4 bytes, a multiple of 8 is needed: "
		  "#interrupt-cells of /soc/pic@0 is 2 (DTSpec-0.4 2.4.1.1)" },
		{ "interrupts = <4 1>, <5 1>;", "interrupts;",
		  "node /soc/serial@1000: property 'interrupts': 0 bytes, a multiple of 8 is needed: "
		  "#interrupt-cells of /soc/pic@0 is 2 (DTSpec-0.4 2.4.1.1)" },
		{ "interrupts = <4 1>, <5 1>;", "interrupts = [00];",
		  "node /soc/serial@1000: property 'interrupts': 1 bytes, a multiple of 8 is needed: "
		  "#interrupt-cells of /soc/pic@0 is 2 (DTSpec-0.4 2.4.1.1)" },
		/* Without interrupt-parent: the nodes above. */
		{ "interrupt-parent = <1>;", "",
		  "node /soc/serial@1000: property 'interrupts': no interrupt-parent here or above it leads "
		  "to a controller or nexus (DTSpec-0.4 2.4)\n"
		  "node /soc/gpio@3000: property 'interrupts': no interrupt-parent here or above it leads "
		  "to a controller or nexus (DTSpec-0.4 2.4)" },
		{ "eth@1 { reg = <0x800 0 0 0 0>; interrupts = <1>; }",
		  "eth@1 { reg = <0x800 0 0 0 0>; interrupts = <1 2>; x { interrupts = <1>; }; }",
		  "" },
		/* With interrupts-extended it counts for nothing, 2.4.1.3. */
		{ "dma-coherent;", "interrupts = [00];", "" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 2.4.1.3: interrupts-extended. */
static void test_extended(void)
{
	static const struct validate_case cases[] = {
		{ "interrupts-extended = <1 5 1>, <2 7>;", "interrupts-extended = <2 7>, <2 8>;",
		  "" },
		{ "interrupts-extended = <1 5 1>, <2 7>;", "interrupts-extended;",
		  "node /soc/disk@2000: property 'interrupts-extended': 0 bytes, cells are needed" },
		{ "interrupts-extended = <1 5 1>, <2 7>;", "interrupts-extended = [00000001];",
		  "node /soc/disk@2000: property 'interrupts-extended': its last interrupt is cut short: 4 "
		  "bytes, 12 are needed (DTSpec-0.4 2.4.1.3)" },
		{ "interrupts-extended = <1 5 1>, <2 7>;", "interrupts-extended = [0000000100];",
		  "node /soc/disk@2000: property 'interrupts-extended': 5 bytes, cells are needed" },
		{ "interrupts-extended = <1 5 1>, <2 7>;", "interrupts-extended = <2 7>, <1 5>;",
		  "node /soc/disk@2000: property 'interrupts-extended': its last interrupt is cut short: 16 "
		  "bytes, 20 are needed (DTSpec-0.4 2.4.1.3)" },
		{ "interrupts-extended = <1 5 1>, <2 7>;", "interrupts-extended = <9 5 1>;",
		  "node /soc/disk@2000: property 'interrupts-extended': no node has the phandle 0x9" },
		{ "interrupts-extended = <1 5 1>, <2 7>;", "interrupts-extended = <2 7>, <0>;",
		  "node /soc/disk@2000: property 'interrupts-extended': no node has the phandle 0x0" },
		{ "interrupts-extended = <1 5 1>, <2 7>;", "interrupts-extended = <4 5>;",
		  "node /soc/disk@2000: property 'interrupts-extended': /cpus/l2-cache is neither a "
		  "controller nor a nexus with #interrupt-cells (DTSpec-0.4 2.4)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 2.4.2: controllers. */
static void test_controllers(void)
{
	static const struct validate_case cases[] = {
		{ "#interrupt-cells = <1>; interrupts = <6 1>;", "#interrupt-cells = <1>;", "" },
		{ "reg = <0x2000 0x200>;", "reg = <0x2000 0x200>; interrupt-controller;",
		  "node /soc/disk@2000: property '#interrupt-cells': is missing (DTSpec-0.4 2.4.2, 2.4.3)" },
		{ "reg = <0x2000 0x200>;",
		  "reg = <0x2000 0x200>; interrupt-controller; #interrupt-cells = <16>;", "" },
		{ "reg = <0x2000 0x200>;",
		  "reg = <0x2000 0x200>; interrupt-controller; #interrupt-cells = <17>;",
		  "node /soc/disk@2000: property '#interrupt-cells': 17 cells, 1 to 16 are possible" },
		{ "reg = <0x2000 0x200>;",
		  "reg = <0x2000 0x200>; interrupt-controller; #interrupt-cells = <0x40000000>;",
		  "node /soc/disk@2000: property '#interrupt-cells': 1073741824 cells, 1 to 16 are "
		  "possible" },
		{ "reg = <0x2000 0x200>;",
		  "reg = <0x2000 0x200>; interrupt-controller; #interrupt-cells = <0>;",
		  "node /soc/disk@2000: property '#interrupt-cells': 0 cells, 1 to 16 are possible" },
		{ "reg = <0x2000 0x200>;",
		  "reg = <0x2000 0x200>; interrupt-controller = <1>; #interrupt-cells = <1>;",
		  "node /soc/disk@2000: property 'interrupt-controller': no value is needed (DTSpec-0.4 "
		  "2.4.2)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 2.4.3: nexus nodes. */
static void test_map(void)
{
	static const char two[] = "interrupt-map = <0x800 0 0 1 1 9 1>, <0x1000 0 0 1 1 10 1>;";
	const struct validate_case cases[] = {
		{ two, "interrupt-map;", "" },
		{ two, "interrupt-map = <0x800 0 0 1 2 9>;",
		  "node /soc/gpio@3000: property '#address-cells': is missing, and an interrupt-map leads "
		  "here (DTSpec-0.4 2.4.3.1)" },
		{ two, "interrupt-map = <0x800 0 0 1>;",
		  "node /pcie@30000000: property 'interrupt-map': its row at byte 0 is cut short (DTSpec-0.4 "
		  "2.4.3.1)" },
		{ two, "interrupt-map = <0x800 0 0 1 1 9>;",
		  "node /pcie@30000000: property 'interrupt-map': its row at byte 0 has 24 bytes, 28 are "
		  "needed (DTSpec-0.4 2.4.3.1)" },
		{ two, "interrupt-map = <0x800 0 0 1 1 9 1>, [00];",
		  "node /pcie@30000000: property 'interrupt-map': its row at byte 28 is cut short "
		  "(DTSpec-0.4 2.4.3.1)" },
		{ two, "interrupt-map = <0x800 0 0 1 9 9 1>;",
		  "node /pcie@30000000: property 'interrupt-map': no node has the phandle 0x9" },
		{ two, "interrupt-map = <0x800 0 0 1 4 9 1>;",
		  "node /pcie@30000000: property 'interrupt-map': /cpus/l2-cache is neither a controller nor "
		  "a nexus with #interrupt-cells (DTSpec-0.4 2.4)" },
		{ "interrupt-map-mask = <0xf800 0 0 7>;", "", "" },
		{ "interrupt-map-mask = <0xf800 0 0 7>;", "interrupt-map-mask = <0xf800 0 7>;",
		  "node /pcie@30000000: property 'interrupt-map-mask': 12 bytes, 16 are needed: an address "
		  "and an interrupt (DTSpec-0.4 2.4.3.2)" },
		{ "#size-cells = <2>; #interrupt-cells = <1>;", "#size-cells = <2>;",
		  "node /pcie@30000000: property '#interrupt-cells': is missing (DTSpec-0.4 2.4.2, 2.4.3)\n"
		  "node /pcie@30000000/eth@1: property 'interrupts': 4 bytes, a multiple of 8 is needed: "
		  "#interrupt-cells of /soc/pic@0 is 2 (DTSpec-0.4 2.4.1.1)" },
		{ "l2-cache { phandle = <4>; }",
		  "l2-cache { phandle = <4>; #interrupt-cells = <1>; interrupt-map; }",
		  "node /cpus/l2-cache: property '#address-cells': is missing (DTSpec-0.4 2.4.3.1)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 2.4: the interrupt tree has no circles, and none is walked in. */
static void test_circles(void)
{
	static const struct validate_case cases[] = {
		/* The root of the tree, by what all nodes inherit. */
		{ "pic@0 { compatible", "pic@0 { interrupts = <1 1>; compatible", "" },
		{ "pic@0 { compatible", "pic@0 { interrupt-parent = <1>; compatible", "" },
		{ "pic@0 { compatible",
		  "pic@0 { interrupt-parent = <2>; interrupts = <1>; compatible",
		  "node /soc/pic@0: property 'interrupts': its interrupts come back to it: they must end at "
		  "a controller that has none (DTSpec-0.4 2.4)" },
		/* Nodes that are no controllers, and refer to each other; nobody has interrupts there. */
		{ "pool { size", "pool { interrupt-parent = <8>; phandle = <8>; size",
		  "node /reserved-memory/pool: property 'interrupt-parent': /reserved-memory/pool is neither "
		  "a controller nor a nexus with #interrupt-cells (DTSpec-0.4 2.4)" },
		{ "pool { size",
		  "pool { interrupt-parent = <8>; phandle = <8>; interrupts = <1>; size",
		  "node /reserved-memory/pool: property 'interrupt-parent': /reserved-memory/pool is neither "
		  "a controller nor a nexus with #interrupt-cells (DTSpec-0.4 2.4)\n"
		  "node /reserved-memory/pool: property 'interrupts': no interrupt-parent here or above it "
		  "leads to a controller or nexus (DTSpec-0.4 2.4)" },
		{ "pool { size",
		  "a { phandle = <8>; interrupt-parent = <9>; size = <0 0>; b { interrupts = <1>; }; };"
		  "c { phandle = <9>; interrupt-parent = <8>; size = <0 0>; d { interrupts = <1>; }; };"
		  "pool { size",
		  "node /reserved-memory/a: property 'interrupt-parent': /reserved-memory/c is neither a "
		  "controller nor a nexus with #interrupt-cells (DTSpec-0.4 2.4)\n"
		  "node /reserved-memory/a/b: property 'interrupts': no interrupt-parent here or above it "
		  "leads to a controller or nexus (DTSpec-0.4 2.4)\n"
		  "node /reserved-memory/c: property 'interrupt-parent': /reserved-memory/a is neither a "
		  "controller nor a nexus with #interrupt-cells (DTSpec-0.4 2.4)\n"
		  "node /reserved-memory/c/d: property 'interrupts': no interrupt-parent here or above it "
		  "leads to a controller or nexus (DTSpec-0.4 2.4)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* A chain of as many interrupt parents as there can be, each the next node's: every one is looked at once. */
static void test_long_chain(void)
{
	enum { NODES = 15000, CONTROLLERS = 10000 };
	g_autoptr(GString) text = g_string_new("/ { ");
	struct iol_fdt_blob tree;
	struct iol_error err = { 0 };
	gint64 start_us;

	for (unsigned int i = 1; i <= NODES; i++)
		g_string_append_printf(
			text,
			"n%u { phandle = <%u>; interrupt-parent = <%u>; interrupts = <1>; }; ", i,
			i, i % NODES + 1);
	g_string_append(text, "};");
	tree = tree_text(text->str);
	start_us = g_get_monotonic_time();
	g_assert_cmpint(iol_fdt_validate(&tree, NULL, NULL, &err), ==, -EINVAL);
	g_test_message("%" G_GINT64_FORMAT " us", g_get_monotonic_time() - start_us);
	iol_fdt_blob_finish(&tree);

	/* The same of controllers: a circle through all of them. */
	g_string_assign(text, "/ { ");
	for (unsigned int i = 1; i <= CONTROLLERS; i++)
		g_string_append_printf(
			text,
			"n%u { phandle = <%u>; interrupt-parent = <%u>; interrupts = <1>; "
			"#interrupt-cells = <1>; interrupt-map; }; ",
			i, i, i % CONTROLLERS + 1);
	g_string_append(text, "};");
	tree = tree_text(text->str);
	start_us = g_get_monotonic_time();
	g_assert_cmpint(iol_fdt_validate(&tree, NULL, NULL, &err), ==, -EINVAL);
	g_test_message("%" G_GINT64_FORMAT " us", g_get_monotonic_time() - start_us);
	iol_fdt_blob_finish(&tree);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fdt-validate-interrupts/parent", test_parent);
	g_test_add_func("/fdt-validate-interrupts/interrupts", test_interrupts);
	g_test_add_func("/fdt-validate-interrupts/extended", test_extended);
	g_test_add_func("/fdt-validate-interrupts/controllers", test_controllers);
	g_test_add_func("/fdt-validate-interrupts/map", test_map);
	g_test_add_func("/fdt-validate-interrupts/circles", test_circles);
	g_test_add_func("/fdt-validate-interrupts/long-chain", test_long_chain);
	return g_test_run();
}
