/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the validation of trees: a machine that is right, and a table of what changes make of it. */
#ifndef IOLITE_UNIT_FDT_VALIDATE_RIG_H
#define IOLITE_UNIT_FDT_VALIDATE_RIG_H

#include <iolite/fdt.h>

#include <errno.h>
#include <glib.h>

#include <iolite/macros.h>

#include "tree_text.h"

static const char machine[] =
	"/memreserve/ 0x80000000 0x1000; /memreserve/ 0x80002000 0x1000;\n"
	"/ {\n"
	"#address-cells = <2>; #size-cells = <2>;\n"
	"model = \"iolite,test\"; compatible = \"iolite,test\", \"iolite,more\";\n"
	"interrupt-parent = <1>;\n"
	"aliases { serial0 = \"/soc/serial@1000\"; disk-1 = \"/soc/disk@2000\"; };\n"
	"chosen { bootargs = \"quiet\"; stdout-path = \"serial0:115200n8\"; "
	"stdin-path = \"/soc/serial@1000\"; };\n"
	"cpus { #address-cells = <1>; #size-cells = <0>; timebase-frequency = <1000>;\n"
	"  cpu@0 { device_type = \"cpu\"; reg = <0>; status = \"okay\"; next-level-cache = <4>; };\n"
	"  cpu@1 { device_type = \"cpu\"; reg = <1 2>; status = \"disabled\"; "
	"enable-method = \"spin-table\"; cpu-release-addr = <0 0x1000>; clock-frequency = <0 5>; };\n"
	"  l2-cache { phandle = <4>; }; };\n"
	"memory@80000000 { device_type = \"memory\"; reg = <0 0x80000000 0 0x10000000>; };\n"
	"reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;\n"
	"  pool { size = <0 0x1000>; alignment = <0 0x1000>; reusable; };\n"
	"  fb@80100000 { reg = <0 0x80100000 0 0x1000>; no-map; }; };\n"
	"soc { compatible = \"test,soc\", \"simple-bus\"; #address-cells = <1>; #size-cells = <1>;\n"
	"  ranges = <0 0 0x10000000 0x10000>; dma-ranges = <0 0 0 0x80000000>;\n"
	"  pic@0 { compatible = \"test,pic\"; reg = <0 0x1000>; interrupt-controller; "
	"#interrupt-cells = <2>; #address-cells = <0>; phandle = <1>; };\n"
	"  serial@1000 { compatible = \"ns16550\"; reg = <0x1000 0x100>; "
	"clock-frequency = <1843200>; interrupts = <4 1>, <5 1>; };\n"
	"  disk@2000 { compatible = \"virtio,mmio\"; reg = <0x2000 0x200>; dma-coherent; "
	"interrupts-extended = <1 5 1>, <2 7>; };\n"
	"  gpio@3000 { reg = <0x3000 0x100 0x3200 0x100>; interrupt-controller; "
	"#interrupt-cells = <1>; interrupts = <6 1>; phandle = <2>; };\n"
	"  open-pic@4000 { compatible = \"open-pic\"; reg = <0x4000 0x1000>; interrupt-controller; "
	"#interrupt-cells = <2>; #address-cells = <0>; };\n"
	"  bus { #address-cells = <2>; #size-cells = <1>; ranges = <1 0 0x5000 0x100>;\n"
	"    flash@1,20 { reg = <1 0x20 0x10>; }; wide@100000020 { reg = <1 0x20 0x10>; }; };\n"
	"};\n"
	"pcie@30000000 { device_type = \"pci\"; reg = <0 0x30000000 0 0x1000000>;\n"
	"  #address-cells = <3>; #size-cells = <2>; #interrupt-cells = <1>;\n"
	"  ranges = <0x2000000 0 0x40000000 0 0x40000000 0 0x1000000>; bus-range = <0 15>;\n"
	"  interrupt-map-mask = <0xf800 0 0 7>;\n"
	"  interrupt-map = <0x800 0 0 1 1 9 1>, <0x1000 0 0 1 1 10 1>;\n"
	"  eth@1 { reg = <0x800 0 0 0 0>; interrupts = <1>; }; eth@2,3 { reg = <0x1300 0 0 0 0>; };\n"
	"};\n"
	"__symbols__ { a_label_longer_than_thirty_one_characters = \"/soc\"; };\n"
	"};\n";

/* @old, which is in the machine once, becomes @with; "": nothing changes. */
struct validate_case {
	const char *old, *with;
	const char *flaws; /* one a line, "" none */
};

static inline void collect_flaw(void *data, const char *text)
{
	GString *flaws = data;

	g_string_append_printf(flaws, "%s%s", flaws->len ? "\n" : "", text);
}

/* Everything that is wrong with @tree, one a line; what is returned agrees with it. */
static inline char *find_flaws(const struct iol_fdt_blob *tree)
{
	GString *flaws = g_string_new(NULL);
	struct iol_error err = { 0 };
	int rc = iol_fdt_validate(tree, collect_flaw, flaws, &err);
	g_autofree char *first = g_strndup(flaws->str, strcspn(flaws->str, "\n"));
	g_autofree char *text = *first ? g_strdup_printf("device tree: %s", first) : g_strdup("");

	g_assert_cmpstr(err.msg, ==, text);
	g_assert_cmpint(rc, ==, *first ? -EINVAL : 0);
	g_assert_cmpint(iol_fdt_validate(tree, NULL, NULL, NULL), ==, rc);
	return g_string_free(flaws, FALSE);
}

static inline void validate_cases(const struct validate_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct iol_fdt_blob tree =
			cases[i].old[0] ? tree_text_with(machine, cases[i].old, cases[i].with)
					: tree_text(machine);
		g_autofree char *flaws = find_flaws(&tree);

		g_test_message("'%s' -> '%s'", cases[i].old, cases[i].with);
		g_assert_cmpstr(flaws, ==, cases[i].flaws);
		iol_fdt_blob_finish(&tree);
	}
}

#endif
