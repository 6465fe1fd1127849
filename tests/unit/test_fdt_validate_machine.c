// SPDX-License-Identifier: Apache-2.0
#include "fdt_validate_rig.h"

#include <libfdt.h>

/* DTSpec-0.4 3.2: the root. */
static void test_root(void)
{
	static const struct validate_case cases[] = {
		{ "model = \"iolite,test\"; ", "",
		  "node /: property 'model': is missing (DTSpec-0.4 3.2)" },
		{ "compatible = \"iolite,test\", \"iolite,more\";", "",
		  "node /: property 'compatible': is missing (DTSpec-0.4 3.2)" },
		{ "compatible = \"iolite,test\", \"iolite,more\";", "compatible = \"\";", "" },
		{ "/ {\n#address-cells = <2>; ", "/ {\n",
		  "node /: property '#address-cells': is missing (DTSpec-0.4 3.2)" },
		{ "/ {\n#address-cells = <2>; #size-cells = <2>;", "/ {\n#address-cells = <2>;",
		  "node /: property '#size-cells': is missing (DTSpec-0.4 3.2)\n"
		  "node /reserved-memory: property 'ranges': it is empty, so both buses are one, but it has "
		  "2 address and 2 size cells and its parent 2 and 1 (DTSpec-0.4 2.3.8)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 3.1, 3.4: memory. */
static void test_memory(void)
{
	static const struct validate_case cases[] = {
		{ "memory@80000000 {", "memory {", "" },
		{ "reserved-memory {",
		  "memory@90000000 { device_type = \"memory\"; reg = <0 0x90000000 0 1>; }; "
		  "reserved-memory {",
		  "" },
		{ "memory@80000000 { device_type = \"memory\"; reg = <0 0x80000000 0 0x10000000>; };",
		  "", "node /: there is no memory node (DTSpec-0.4 3.1)" },
		{ "memory@80000000 {", "memories@80000000 {",
		  "node /memories@80000000: property 'device_type': \"memory\" is for nodes called memory "
		  "(DTSpec-0.4 3.4)\n"
		  "node /: there is no memory node (DTSpec-0.4 3.1)" },
		{ "device_type = \"memory\"; ", "",
		  "node /memory@80000000: property 'device_type': is missing (DTSpec-0.4 3.4)" },
		{ "device_type = \"memory\"; ", "device_type = \"ram\"; ",
		  "node /memory@80000000: property 'device_type': 'ram', \"memory\" is needed (DTSpec-0.4 "
		  "3.4)" },
		{ "device_type = \"memory\"; ", "device_type = [00ff]; ",
		  "node /memory@80000000: property 'device_type': a string is needed (DTSpec-0.4 2.3)" },
		{ "memory@80000000 { device_type = \"memory\"; reg = <0 0x80000000 0 0x10000000>; };",
		  "memory { device_type = \"memory\"; };",
		  "node /memory: property 'reg': is missing (DTSpec-0.4 3.4)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 3.7, 3.8: processors. */
static void test_cpus(void)
{
	static const struct validate_case cases[] = {
		{ "cpus {", "processors {", "node /: there is no node /cpus (DTSpec-0.4 3.1)" },
		{ "cpus {", "cpus@0 {",
		  "node /: there is no node /cpus (DTSpec-0.4 3.1)\n"
		  "node /cpus@0: a unit address, and no reg: leave it away (DTSpec-0.4 2.2.1.1)" },
		{ "#address-cells = <1>; #size-cells = <0>;", "#size-cells = <0>;",
		  "node /cpus: property '#address-cells': is missing (DTSpec-0.4 2.3.5: a child has a "
		  "reg)" },
		{ "#address-cells = <1>; #size-cells = <0>;", "#address-cells = <1>;",
		  "node /cpus: property '#size-cells': is missing (DTSpec-0.4 2.3.5: a child has a reg)" },
		{ "#address-cells = <1>; #size-cells = <0>;",
		  "#address-cells = <1>; #size-cells = <1>;",
		  "node /cpus: property '#size-cells': 1, 0 is needed (DTSpec-0.4 3.7)\n"
		  "node /cpus/cpu@0: property 'reg': 4 bytes, a multiple of 8 is needed: its parent says 1 "
		  "address and 1 size cells (DTSpec-0.4 2.3.6)" },
		{ "cpu@0 { device_type = \"cpu\"; ", "cpu@0 { ",
		  "node /cpus/cpu@0: property 'device_type': is missing (DTSpec-0.4 3.8)" },
		{ "cpu@0 { device_type = \"cpu\"; ", "cpu@0 { device_type = \"core\"; ",
		  "node /cpus/cpu@0: property 'device_type': 'core', \"cpu\" is needed (DTSpec-0.4 3.8)" },
		/* One that is called otherwise, as they were once: PowerPC,8544@0. */
		{ "cpu@0 {", "PowerPC,8544@0 {", "" },
		{ "cpu@0 { device_type = \"cpu\"; reg = <0>;", "cpu { device_type = \"cpu\";",
		  "node /cpus/cpu: property 'reg': is missing (DTSpec-0.4 3.8)\n"
		  "node /: boot_cpuid_phys is 0x0, which is in no cpu's reg: see dtc -b (DTSpec-0.4 5.2)" },
		{ "reg = <1 2>;", "reg = <1 0>;",
		  "node /cpus/cpu@1: property 'reg': 0x0 is in reg of /cpus/cpu@0, too: each cpu has its own "
		  "(DTSpec-0.4 3.8)" },
		{ "reg = <1 2>;", "reg = <1 1>;",
		  "node /cpus/cpu@1: property 'reg': 0x1 is in reg of /cpus/cpu@1, too: each cpu has its own "
		  "(DTSpec-0.4 3.8)" },
		/* DTSpec-0.4 3.8.1: status with more than one, and what starts those that are off. */
		{ "status = \"okay\"; next", "next",
		  "node /cpus/cpu@0: property 'status': is missing (DTSpec-0.4 3.8: there is more than one "
		  "cpu)" },
		{ "enable-method = \"spin-table\"; cpu-release-addr = <0 0x1000>; ", "",
		  "node /cpus/cpu@1: property 'enable-method': is missing, and the cpu is \"disabled\" "
		  "(DTSpec-0.4 3.8.1)" },
		{ "enable-method = \"spin-table\"; cpu-release-addr = <0 0x1000>; ",
		  "enable-method = \"psci\"; ", "" },
		{ "enable-method = \"spin-table\"; ", "enable-method; ",
		  "node /cpus/cpu@1: property 'enable-method': a list of strings is needed (DTSpec-0.4 "
		  "3.8.1)" },
		{ "cpu-release-addr = <0 0x1000>; ", "",
		  "node /cpus/cpu@1: property 'cpu-release-addr': is missing, and enable-method is "
		  "\"spin-table\" (DTSpec-0.4 3.8.1)" },
		{ "cpu-release-addr = <0 0x1000>; ", "cpu-release-addr = <0x1000>; ",
		  "node /cpus/cpu@1: property 'cpu-release-addr': 4 bytes, two cells are needed (DTSpec-0.4 "
		  "3.8.1)" },
		/* What all have in common may be in /cpus, 3.8. */
		{ "timebase-frequency = <1000>;",
		  "timebase-frequency = <1000>; enable-method = \"spin-table\";",
		  "node /cpus/cpu@0: property 'cpu-release-addr': is missing, and enable-method is "
		  "\"spin-table\" (DTSpec-0.4 3.8.1)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

#define ONE_CPU                                                                               \
	"/ { #address-cells = <1>; #size-cells = <1>; model = \"m\"; compatible = \"c\"; "    \
	"memory@0 { device_type = \"memory\"; reg = <0 1>; }; cpus { #address-cells = <%u>; " \
	"#size-cells = <0>; %s }; };"

/* Trees with one cpu, which needs no status, with none, and with wide numbers (DTSpec-0.4 5.2). */
static void test_boot_cpu(void)
{
	static const struct {
		unsigned int cells;
		const char *cpus;
		uint32_t boot_id;
		const char *flaws;
	} cases[] = {
		{ 1, "cpu@0 { device_type = \"cpu\"; reg = <0>; };", 0, "" },
		{ 1, "cpu@7 { device_type = \"cpu\"; reg = <7>; };", 7, "" },
		{ 2, "cpu@100000000 { device_type = \"cpu\"; reg = <1 0>; };", 0,
		  "node /: boot_cpuid_phys is 0x0, which is in no cpu's reg: see dtc -b (DTSpec-0.4 5.2)" },
		{ 2, "cpu@7 { device_type = \"cpu\"; reg = <0 7>; };", 7, "" },
		{ 1, "cpu@7 { device_type = \"cpu\"; reg = <7>; };", 0,
		  "node /: boot_cpuid_phys is 0x0, which is in no cpu's reg: see dtc -b (DTSpec-0.4 5.2)" },
		{ 1, "", 0, "node /cpus: there is no cpu in it (DTSpec-0.4 3.8)" },
		{ 1, "cpu-map { };", 0, "node /cpus: there is no cpu in it (DTSpec-0.4 3.8)" },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		g_autofree char *text = g_strdup_printf(ONE_CPU, cases[i].cells, cases[i].cpus);
		struct iol_fdt_blob tree = tree_text(text);
		g_autofree char *flaws = NULL;

		fdt_set_boot_cpuid_phys(tree.data, cases[i].boot_id);
		flaws = find_flaws(&tree);
		g_assert_cmpstr(flaws, ==, cases[i].flaws);
		iol_fdt_blob_finish(&tree);
	}
}

/* DTSpec-0.4 3.3: aliases. */
static void test_aliases(void)
{
	static const struct validate_case cases[] = {
		{ "disk-1 = \"/soc/disk@2000\";", "disk-1 = \"/\"; phandle = <77>;", "" },
		{ "disk-1 = \"/soc/disk@2000\";", "disk-1 = \"/soc/disk\";", "" },
		{ "disk-1 = ", "Disk = ",
		  "node /aliases: property 'Disk': its name is none of an alias: lower case letters, digits "
		  "and - (DTSpec-0.4 3.3)" },
		{ "disk-1 = ", "disk_1 = ",
		  "node /aliases: property 'disk_1': its name is none of an alias: lower case letters, digits "
		  "and - (DTSpec-0.4 3.3)" },
		{ "disk-1 = \"/soc/disk@2000\";", "disk-1 = \"/soc/disk@3000\";",
		  "node /aliases: property 'disk-1': there is no node '/soc/disk@3000' (DTSpec-0.4 3.3)" },
		{ "disk-1 = \"/soc/disk@2000\";", "disk-1 = \"serial0\";",
		  "node /aliases: property 'disk-1': the path of a node is needed, as a string (DTSpec-0.4 "
		  "3.3)" },
		{ "disk-1 = \"/soc/disk@2000\";", "disk-1 = \"/soc\", \"/soc\";",
		  "node /aliases: property 'disk-1': the path of a node is needed, as a string (DTSpec-0.4 "
		  "3.3)" },
		{ "disk-1 = \"/soc/disk@2000\";", "disk-1;",
		  "node /aliases: property 'disk-1': the path of a node is needed, as a string (DTSpec-0.4 "
		  "3.3)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 3.6: chosen. */
static void test_chosen(void)
{
	static const struct validate_case cases[] = {
		{ "stdin-path = \"/soc/serial@1000\";",
		  "linux,stdout-path = \"/soc/serial@1000:9600\";", "" },
		{ "stdin-path = \"/soc/serial@1000\";", "bootsource = \"disk-1\";", "" },
		{ "bootargs = \"quiet\";", "bootargs = \"\";", "" },
		{ "bootargs = \"quiet\";", "bootargs = <1>;",
		  "node /chosen: property 'bootargs': a string is needed (DTSpec-0.4 3.6)" },
		{ "stdin-path = \"/soc/serial@1000\";", "stdin-path = <1>;",
		  "node /chosen: property 'stdin-path': a string is needed (DTSpec-0.4 3.6)" },
		{ "stdin-path = \"/soc/serial@1000\";", "stdin-path = \"serial1\";",
		  "node /chosen: property 'stdin-path': 'serial1' is neither the path of a node nor an alias "
		  "(DTSpec-0.4 3.6)" },
		{ "stdin-path = \"/soc/serial@1000\";", "stdin-path = \"/soc/serial@1:115200\";",
		  "node /chosen: property 'stdin-path': '/soc/serial@1:115200' is neither the path of a node "
		  "nor an alias (DTSpec-0.4 3.6)" },
		{ "stdin-path = \"/soc/serial@1000\";", "bootsource = \":\";",
		  "node /chosen: property 'bootsource': ':' is neither the path of a node nor an alias "
		  "(DTSpec-0.4 3.6)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

/* DTSpec-0.4 3.5: reserved memory. */
static void test_reserved_memory(void)
{
	static const struct validate_case cases[] = {
		{ "#size-cells = <2>; ranges;", "#size-cells = <2>; ranges = <0 0 0 0 0 1>;", "" },
		{ "#size-cells = <2>; ranges;", "#size-cells = <2>;",
		  "node /reserved-memory: property 'ranges': is missing (DTSpec-0.4 3.5.1)" },
		{ "reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;",
		  "reserved-memory { ranges = <0 0 0 0 1>;",
		  "node /reserved-memory: property '#address-cells': is missing (DTSpec-0.4 2.3.5: a child "
		  "has a reg)\n"
		  "node /reserved-memory: property '#size-cells': is missing (DTSpec-0.4 2.3.5: a child has "
		  "a reg)\n"
		  "node /reserved-memory: #address-cells and #size-cells are needed (DTSpec-0.4 3.5.1)\n"
		  "node /reserved-memory/pool: property 'size': 8 bytes, 4 are needed (DTSpec-0.4 3.5.2)\n"
		  "node /reserved-memory/pool: property 'alignment': 8 bytes, 4 are needed (DTSpec-0.4 "
		  "3.5.2)" },
		{ "size = <0 0x1000>; ", "",
		  "node /reserved-memory/pool: reg or size is needed (DTSpec-0.4 3.5.2)" },
		{ "size = <0 0x1000>; ", "size = <0x1000>; ",
		  "node /reserved-memory/pool: property 'size': 4 bytes, 8 are needed (DTSpec-0.4 3.5.2)" },
		{ "alignment = <0 0x1000>; ", "alignment; ",
		  "node /reserved-memory/pool: property 'alignment': 0 bytes, 8 are needed (DTSpec-0.4 "
		  "3.5.2)" },
		{ "reusable;", "reusable; no-map;",
		  "node /reserved-memory/pool: no-map and reusable exclude each other (DTSpec-0.4 3.5.2)" },
	};

	validate_cases(cases, IOL_ARRAY_LEN(cases));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fdt-validate-machine/root", test_root);
	g_test_add_func("/fdt-validate-machine/memory", test_memory);
	g_test_add_func("/fdt-validate-machine/cpus", test_cpus);
	g_test_add_func("/fdt-validate-machine/boot-cpu", test_boot_cpu);
	g_test_add_func("/fdt-validate-machine/aliases", test_aliases);
	g_test_add_func("/fdt-validate-machine/chosen", test_chosen);
	g_test_add_func("/fdt-validate-machine/reserved-memory", test_reserved_memory);
	return g_test_run();
}
