// SPDX-License-Identifier: Apache-2.0
#include "fdt_validate_rig.h"

#include <libfdt.h>

static void test_machine(void)
{
	static const struct validate_case cases[] = { { "", "", "" } };

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 2.3.3: phandles are unique. */
static void test_phandles(void)
{
	static const struct validate_case cases[] = {
		{ "phandle = <2>;", "phandle = <3>;",
		  "node /soc/disk@2000: property 'interrupts-extended': no node has the phandle 0x2" },
		{ "l2-cache { phandle = <4>; }", "l2-cache { phandle = <4>; linux,phandle = <4>; }",
		  "" },
		{ "reusable;", "reusable; phandle = <4>;",
		  "node /reserved-memory/pool: property 'phandle': 0x4 is the phandle of /cpus/l2-cache, "
		  "too: each is unique (DTSpec-0.4 2.3.3)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 5.3.2: reservations do not overlap. */
static void test_reserved(void)
{
	static const struct validate_case cases[] = {
		{ "/memreserve/ 0x80002000 0x1000;", "/memreserve/ 0x80001000 0x1000;", "" },
		{ "/memreserve/ 0x80002000 0x1000;", "/memreserve/ 0xffffffffffffffff 1;", "" },
		{ "/memreserve/ 0x80002000 0x1000;", "/memreserve/ 0x7ffff000 0x1001;",
		  "node /: /memreserve/ at 0x80000000 overlaps that at 0x7ffff000 (DTSpec-0.4 5.3.2)" },
		{ "/memreserve/ 0x80002000 0x1000;", "/memreserve/ 0x80000fff 1;",
		  "node /: /memreserve/ at 0x80000fff overlaps that at 0x80000000 (DTSpec-0.4 5.3.2)" },
		{ "/memreserve/ 0x80002000 0x1000;", "/memreserve/ 0xffffffffffffffff 2;",
		  "node /: /memreserve/ 0xffffffffffffffff 0x2 is beyond the end of the address space" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* Every flaw is told, and each once. */
static void test_all(void)
{
	struct iol_fdt_blob tree = tree_text("/ { };");
	g_autofree char *flaws = find_flaws(&tree);

	g_assert_cmpstr(flaws, ==,
			"node /: property '#address-cells': is missing (DTSpec-0.4 3.2)\n"
			"node /: property '#size-cells': is missing (DTSpec-0.4 3.2)\n"
			"node /: property 'model': is missing (DTSpec-0.4 3.2)\n"
			"node /: property 'compatible': is missing (DTSpec-0.4 3.2)\n"
			"node /: there is no node /cpus (DTSpec-0.4 3.1)\n"
			"node /: there is no memory node (DTSpec-0.4 3.1)");
	iol_fdt_blob_finish(&tree);
}

static void test_no_tree(void)
{
	uint8_t bytes[64] = { 0 };
	struct iol_fdt_blob none = { bytes, sizeof(bytes) };
	struct iol_error err = { 0 };

	g_assert_cmpint(iol_fdt_validate(&none, NULL, NULL, &err), ==, -EINVAL);
	g_assert_cmpstr(
		err.msg, ==,
		"device tree: no device tree blob: the first bytes are 00000000, not d00dfeed "
		"(DTS source is compiled with dtc first)");
	g_assert_cmpint(iol_fdt_validate(&none, NULL, NULL, NULL), ==, -EINVAL);
}

/* A terminal does not get what a tree has in it. */
static void test_printable(void)
{
	struct iol_fdt_blob tree = tree_text_with(machine, "stdin-path = \"/soc/serial@1000\"",
						  "stdin-path = \"\033[2J\"");
	g_autofree char *flaws = find_flaws(&tree);

	g_assert_cmpstr(
		flaws, ==,
		"node /chosen: property 'stdin-path': '?[2J' is neither the path of a node nor an "
		"alias (DTSpec-0.4 3.6)");
	iol_fdt_blob_finish(&tree);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fdt-validate/machine", test_machine);
	g_test_add_func("/fdt-validate/phandles", test_phandles);
	g_test_add_func("/fdt-validate/reserved", test_reserved);
	g_test_add_func("/fdt-validate/all", test_all);
	g_test_add_func("/fdt-validate/no-tree", test_no_tree);
	g_test_add_func("/fdt-validate/printable", test_printable);
	return g_test_run();
}
