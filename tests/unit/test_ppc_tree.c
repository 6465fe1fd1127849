// SPDX-License-Identifier: Apache-2.0
/* What a Power Book E machine says of itself in its device tree, property by property. */
#include "arch/powerpc/ppc.h"

#include <glib.h>
#include <libfdt.h>
#include <string.h>

#include <iolite/tree.h>

struct machine {
	struct iol_layout layout;
	struct iol_boot boot;
	struct iol_placement placement;
	struct iol_fdt_blob tree;
};

static unsigned int serials = 1;

static void machine_init(struct machine *m, const char *name, uint64_t bytes, unsigned int cpus,
			 uint32_t slots)
{
	static const uint8_t seed[IOL_TREE_SEED_BYTES] = { 1, 2, 3 };
	const struct iol_layout_request request = {
		.memory_bytes = bytes,
		.cpus = cpus,
		.serials = serials,
		.machine = name,
	};
	const struct iol_config config = { .cpus = cpus };
	const struct iol_tree_source source = {
		.config = &config,
		.arch = &iol_arch_powerpc,
		.layout = &m->layout,
		.boot = &m->boot,
		.placement = &m->placement,
		.seed = seed,
	};
	struct iol_error err = { 0 };

	*m = (struct machine){
		.boot = { .cmdline = "console=ttyS0", .virtio_mmio_slots = slots },
		.placement = { .initrd_start = 0x1210000, .initrd_end = 0x1213039 },
	};
	g_assert_cmpint(iol_ppc_layout(&request, &m->layout, NULL), ==, 0);
	iol_tree_build(&source, &m->tree, &err);
	g_assert_cmpstr(err.msg, ==, "");
	g_assert_cmpint(fdt_check_full(m->tree.data, m->tree.bytes), ==, 0);
}

static void machine_finish(struct machine *m)
{
	iol_fdt_blob_finish(&m->tree);
}

static int node(const struct machine *m, const char *path)
{
	int at = fdt_path_offset(m->tree.data, path);

	g_test_message("%s", path);
	g_assert_cmpint(at, >=, 0);
	return at;
}

static const void *prop(const struct machine *m, const char *path, const char *name, int *len)
{
	const void *value = fdt_getprop(m->tree.data, node(m, path), name, len);

	g_test_message("%s", name);
	g_assert_nonnull(value);
	return value;
}

static void check_absent(const struct machine *m, const char *path, const char *name)
{
	g_assert_null(fdt_getprop(m->tree.data, node(m, path), name, NULL));
}

static void check_empty(const struct machine *m, const char *path, const char *name)
{
	int len;

	prop(m, path, name, &len);
	g_assert_cmpint(len, ==, 0);
}

/* @text with its NUL, and further strings in it each with theirs. */
static void check_text(const struct machine *m, const char *path, const char *name,
		       const char *text, size_t bytes)
{
	int len;
	const void *value = prop(m, path, name, &len);

	g_assert_cmpmem(value, len, text, bytes);
}

#define CHECK_TEXT(m, path, name, text) check_text((m), (path), (name), text, sizeof(text))

static void check_cells(const struct machine *m, const char *path, const char *name,
			const uint32_t *cells, size_t count)
{
	int len;
	const uint8_t *value = prop(m, path, name, &len);

	g_assert_cmpint(len, ==, count * sizeof(uint32_t));
	for (size_t i = 0; i < count; i++)
		g_assert_cmphex(be32_load(value + 4 * i), ==, cells[i]);
}

#define CHECK_CELLS(m, path, name, ...)                                     \
	check_cells((m), (path), (name), (const uint32_t[]){ __VA_ARGS__ }, \
		    sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static uint32_t phandle(const struct machine *m, const char *path)
{
	uint32_t value = fdt_get_phandle(m->tree.data, node(m, path));

	g_assert_cmpuint(value, !=, 0);
	return value;
}

static void test_root(void)
{
	static const char *const models[] = { "iolite e500v2", "iolite e500mc", "iolite e5500",
					      "iolite e6500", "iolite e500v2-36" };
	struct machine m;

	for (unsigned int i = 0; i < iol_ppc_machine_count; i++) {
		bool low = i == 0;

		machine_init(&m, iol_ppc_machines[i].name, 2 * IOL_GIB, 1, 0);
		CHECK_TEXT(&m, "/", "compatible", "fsl,qemu-e500");
		check_text(&m, "/", "model", models[i], strlen(models[i]) + 1);
		CHECK_CELLS(&m, "/", "#address-cells", 2);
		CHECK_CELLS(&m, "/", "#size-cells", 2);
		CHECK_CELLS(&m, "/memory@0", "reg", 0, 0, 0, 0x80000000);
		CHECK_TEXT(&m, "/memory@0", "device_type", "memory");
		CHECK_CELLS(&m, "/", "interrupt-parent",
			    phandle(&m,
				    low ? "/soc@e0000000/pic@40000" : "/soc@fe0000000/pic@40000"));
		machine_finish(&m);
	}
	machine_init(&m, "e5500", 6 * IOL_GIB, 1, 0);
	CHECK_CELLS(&m, "/memory@0", "reg", 0, 0, 1, 0x80000000);
	machine_finish(&m);
}

static void test_cpus(void)
{
	struct machine m;

	machine_init(&m, "e500v2", IOL_GIB, 3, 0);
	CHECK_CELLS(&m, "/cpus", "#address-cells", 1);
	CHECK_CELLS(&m, "/cpus", "#size-cells", 0);
	CHECK_TEXT(&m, "/cpus", "mmu-type", "power-embedded");
	CHECK_TEXT(&m, "/cpus/cpu@0", "device_type", "cpu");
	CHECK_TEXT(&m, "/cpus/cpu@0", "compatible", "PowerPC,8544");
	CHECK_CELLS(&m, "/cpus/cpu@0", "reg", 0);
	CHECK_CELLS(&m, "/cpus/cpu@0", "timebase-frequency", 400000000);
	CHECK_CELLS(&m, "/cpus/cpu@0", "clock-frequency", 400000000);
	CHECK_TEXT(&m, "/cpus/cpu@0", "status", "okay");
	check_absent(&m, "/cpus/cpu@0", "enable-method");
	check_absent(&m, "/cpus/cpu@0", "cpu-release-addr");
	CHECK_CELLS(&m, "/cpus/cpu@2", "reg", 2);
	CHECK_TEXT(&m, "/cpus/cpu@2", "status", "disabled");
	CHECK_TEXT(&m, "/cpus/cpu@2", "enable-method", "spin-table");
	CHECK_CELLS(&m, "/cpus/cpu@1", "cpu-release-addr", 0, 0xef000020);
	CHECK_CELLS(&m, "/cpus/cpu@2", "cpu-release-addr", 0, 0xef000040);
	g_assert_cmpint(fdt_path_offset(m.tree.data, "/cpus/cpu@3"), ==, -FDT_ERR_NOTFOUND);
	machine_finish(&m);

	machine_init(&m, "e6500", IOL_GIB, 32, 0);
	CHECK_CELLS(&m, "/cpus/cpu@1f", "reg", 31);
	CHECK_CELLS(&m, "/cpus/cpu@1f", "cpu-release-addr", 0xf, 0xef0003e0);
	machine_finish(&m);
}

static void check_cache(const struct machine *m, uint32_t line, uint32_t sets)
{
	static const char *const lines[] = {
		"cache-op-block-size", "reservation-granule-size", "d-cache-line-size",
		"d-cache-block-size",  "i-cache-line-size",        "i-cache-block-size",
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(lines); i++)
		CHECK_CELLS(m, "/cpus/cpu@0", lines[i], line);
	CHECK_CELLS(m, "/cpus/cpu@0", "d-cache-size", 0x8000);
	CHECK_CELLS(m, "/cpus/cpu@0", "i-cache-size", 0x8000);
	CHECK_CELLS(m, "/cpus/cpu@0", "d-cache-sets", sets);
	CHECK_CELLS(m, "/cpus/cpu@0", "i-cache-sets", sets);
}

/* The categories that tell the cores apart, and none that KVM keeps for itself. */
static void test_cores(void)
{
	static const struct {
		const char *machine, *compatible, *version;
		bool spe, fp, is_64bit, vector;
	} cases[] = {
		{ "e500v2", "PowerPC,8544", "2.03", true, false, false, false },
		{ "e500v2-36", "PowerPC,8544", "2.03", true, false, false, false },
		{ "e500mc", "PowerPC,e500mc", "2.06", false, true, false, false },
		{ "e5500", "PowerPC,e5500", "2.06", false, true, true, false },
		{ "e6500", "PowerPC,e6500", "2.06", false, true, true, true },
	};
	static const char *const kept[] = { "power-isa-e.hv", "power-isa-e.hv.lrat",
					    "power-isa-e.pt", "power-isa-e.pm", "power-isa-e.em" };
	struct machine m;

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		machine_init(&m, cases[i].machine, IOL_GIB, 1, 0);
		check_text(&m, "/cpus/cpu@0", "compatible", cases[i].compatible,
			   strlen(cases[i].compatible) + 1);
		check_text(&m, "/cpus", "power-isa-version", cases[i].version,
			   strlen(cases[i].version) + 1);
		check_empty(&m, "/cpus", "power-isa-b");
		check_empty(&m, "/cpus", "power-isa-e");
		(cases[i].spe ? check_empty : check_absent)(&m, "/cpus", "power-isa-sp.fd");
		(cases[i].fp ? check_empty : check_absent)(&m, "/cpus", "power-isa-fp");
		(cases[i].fp ? check_empty : check_absent)(&m, "/cpus", "fsl,eref-deo");
		(cases[i].fp ? check_empty : check_absent)(&m, "/cpus", "power-isa-exp");
		(cases[i].is_64bit ? check_empty : check_absent)(&m, "/cpus", "power-isa-64");
		(cases[i].vector ? check_empty : check_absent)(&m, "/cpus", "power-isa-v");
		(cases[i].vector ? check_empty : check_absent)(&m, "/cpus", "fsl,eref-er");
		for (unsigned int j = 0; j < G_N_ELEMENTS(kept); j++)
			check_absent(&m, "/cpus", kept[j]);
		check_cache(&m, cases[i].spe ? 32 : 64, cases[i].spe ? 128 : 64);
		machine_finish(&m);
	}
}

static void test_hypervisor(void)
{
	struct machine m;

	machine_init(&m, "e500v2", IOL_GIB, 1, 0);
	CHECK_TEXT(&m, "/hypervisor", "compatible", "linux,kvm");
	CHECK_CELLS(&m, "/hypervisor", "hcall-instructions", 0x3c004b56, 0x60004d21, 0x44000002,
		    0x60000000);
	check_empty(&m, "/hypervisor", "has-idle");
	machine_finish(&m);
	machine_init(&m, "e500mc", IOL_GIB, 1, 0);
	CHECK_CELLS(&m, "/hypervisor", "hcall-instructions", 0x44000022, 0x60000000, 0x60000000,
		    0x60000000);
	machine_finish(&m);
}

static void test_soc(void)
{
	struct machine m;

	machine_init(&m, "e500v2", IOL_GIB, 1, 0);
	CHECK_TEXT(&m, "/soc@e0000000", "device_type", "soc");
	CHECK_TEXT(&m, "/soc@e0000000", "compatible", "fsl,mpc8544-immr\0simple-bus");
	CHECK_CELLS(&m, "/soc@e0000000", "#address-cells", 1);
	CHECK_CELLS(&m, "/soc@e0000000", "#size-cells", 1);
	CHECK_CELLS(&m, "/soc@e0000000", "ranges", 0, 0, 0xe0000000, 0x100000);

	CHECK_TEXT(&m, "/soc@e0000000/pic@40000", "device_type", "open-pic");
	CHECK_TEXT(&m, "/soc@e0000000/pic@40000", "compatible", "fsl,mpic");
	CHECK_CELLS(&m, "/soc@e0000000/pic@40000", "reg", 0x40000, 0x40000);
	CHECK_CELLS(&m, "/soc@e0000000/pic@40000", "#interrupt-cells", 2);
	CHECK_CELLS(&m, "/soc@e0000000/pic@40000", "#address-cells", 0);
	check_empty(&m, "/soc@e0000000/pic@40000", "interrupt-controller");

	CHECK_TEXT(&m, "/soc@e0000000/msi@41600", "compatible", "fsl,mpic-msi");
	CHECK_CELLS(&m, "/soc@e0000000/msi@41600", "reg", 0x41600, 0x200);
	CHECK_CELLS(&m, "/soc@e0000000/msi@41600", "msi-available-ranges", 0, 0x100);
	CHECK_CELLS(&m, "/soc@e0000000/msi@41600", "interrupts", 0xe0, 0, 0xe1, 0, 0xe2, 0, 0xe3, 0,
		    0xe4, 0, 0xe5, 0, 0xe6, 0, 0xe7, 0);

	CHECK_TEXT(&m, "/soc@e0000000/serial@4500", "device_type", "serial");
	CHECK_CELLS(&m, "/soc@e0000000/serial@4500", "reg", 0x4500, 8);
	CHECK_CELLS(&m, "/soc@e0000000/serial@4500", "interrupts", 42, 2);

	CHECK_TEXT(&m, "/soc@e0000000/global-utilities@e0000", "compatible", "fsl,mpc8544-guts");
	CHECK_CELLS(&m, "/soc@e0000000/global-utilities@e0000", "reg", 0xe0000, 0x1000);
	check_empty(&m, "/soc@e0000000/global-utilities@e0000", "fsl,has-rstcr");
	check_absent(&m, "/soc@e0000000/global-utilities@e0000", "interrupts");

	CHECK_TEXT(&m, "/soc@e0000000/gpio@ff000", "compatible", "fsl,qoriq-gpio");
	CHECK_CELLS(&m, "/soc@e0000000/gpio@ff000", "reg", 0xff000, 0x1000);
	CHECK_CELLS(&m, "/soc@e0000000/gpio@ff000", "interrupts", 47, 2);
	CHECK_CELLS(&m, "/soc@e0000000/gpio@ff000", "#gpio-cells", 2);
	check_empty(&m, "/soc@e0000000/gpio@ff000", "gpio-controller");
	CHECK_CELLS(&m, "/power/power-off", "gpios", phandle(&m, "/soc@e0000000/gpio@ff000"), 0, 0);
	CHECK_TEXT(&m, "/power/power-off", "compatible", "gpio-poweroff");
	CHECK_TEXT(&m, "/power/gpio-keys", "compatible", "gpio-keys");
	CHECK_CELLS(&m, "/power/gpio-keys/power", "linux,code", 116);
	CHECK_CELLS(&m, "/power/gpio-keys/power", "gpios", phandle(&m, "/soc@e0000000/gpio@ff000"),
		    3, 0);
	CHECK_TEXT(&m, "/power", "compatible", "soc");
	machine_finish(&m);

	machine_init(&m, "e5500", IOL_GIB, 1, 0);
	CHECK_CELLS(&m, "/soc@fe0000000", "ranges", 0, 0xf, 0xe0000000, 0x100000);
	CHECK_CELLS(&m, "/soc@fe0000000/serial@4500", "reg", 0x4500, 8);
	machine_finish(&m);
}

/* Slot n has source 1 + n % 8, low when it asks. */
static void check_interrupt_map(const struct machine *m, const char *path, uint32_t pic)
{
	uint32_t map[8 * 7];

	for (uint32_t slot = 0; slot < 8; slot++) {
		const uint32_t entry[7] = { slot << 11, 0, 0, 1, pic, 1 + slot, 1 };

		memcpy(&map[7 * slot], entry, sizeof(entry));
	}
	CHECK_CELLS(m, path, "#interrupt-cells", 1);
	CHECK_CELLS(m, path, "interrupt-map-mask", 0x3800, 0, 0, 7);
	check_cells(m, path, "interrupt-map", map, G_N_ELEMENTS(map));
}

static void test_pci(void)
{
	static const char path[] = "/pci@e0008000", path36[] = "/pci@fe0008000";
	struct machine m;

	machine_init(&m, "e500v2", IOL_GIB, 1, 0);
	CHECK_TEXT(&m, path, "compatible", "fsl,mpc8540-pci");
	CHECK_TEXT(&m, path, "device_type", "pci");
	CHECK_CELLS(&m, path, "reg", 0, 0xe0008000, 0, 0x1000);
	CHECK_CELLS(&m, path, "#address-cells", 3);
	CHECK_CELLS(&m, path, "#size-cells", 2);
	CHECK_CELLS(&m, path, "bus-range", 0, 0);
	CHECK_CELLS(&m, path, "ranges", 0x02000000, 0, 0xc0000000, 0, 0xc0000000, 0, 0x20000000);
	CHECK_CELLS(&m, path, "clock-frequency", 66666666);
	CHECK_CELLS(&m, path, "interrupts", 24, 2);
	CHECK_CELLS(&m, path, "fsl,msi", phandle(&m, "/soc@e0000000/msi@41600"));
	check_interrupt_map(&m, path, phandle(&m, "/soc@e0000000/pic@40000"));
	machine_finish(&m);

	machine_init(&m, "e5500", IOL_GIB, 1, 0);
	CHECK_CELLS(&m, path36, "reg", 0xf, 0xe0008000, 0, 0x1000);
	CHECK_CELLS(&m, path36, "ranges", 0x02000000, 0, 0xe0000000, 0xc, 0, 0, 0x20000000);
	CHECK_CELLS(&m, path36, "fsl,msi", phandle(&m, "/soc@fe0000000/msi@41600"));
	check_interrupt_map(&m, path36, phandle(&m, "/soc@fe0000000/pic@40000"));
	CHECK_TEXT(&m, "/aliases", "pci0", "/pci@fe0008000");
	machine_finish(&m);
}

static void test_virtio(void)
{
	struct machine m;

	machine_init(&m, "e500v2", IOL_GIB, 1, 1u << 1 | 1u << 8 | 1u << 31);
	CHECK_TEXT(&m, "/platform@e8000000", "compatible", "simple-bus");
	CHECK_CELLS(&m, "/platform@e8000000", "ranges", 0, 0, 0xe8000000, 0x21000);
	CHECK_TEXT(&m, "/platform@e8000000/pvpanic@20000", "compatible", "qemu,pvpanic-mmio");
	CHECK_CELLS(&m, "/platform@e8000000/pvpanic@20000", "reg", 0x20000, 1);
	CHECK_TEXT(&m, "/platform@e8000000/virtio_mmio@1000", "compatible", "virtio,mmio");
	CHECK_CELLS(&m, "/platform@e8000000/virtio_mmio@1000", "reg", 0x1000, 0x200);
	/* Slots have pins 1 to 8 of the MPIC, low when they ask, as PCI. */
	CHECK_CELLS(&m, "/platform@e8000000/virtio_mmio@1000", "interrupts", 2, 1);
	CHECK_CELLS(&m, "/platform@e8000000/virtio_mmio@8000", "interrupts", 1, 1);
	CHECK_CELLS(&m, "/platform@e8000000/virtio_mmio@1f000", "interrupts", 8, 1);
	g_assert_cmpint(fdt_path_offset(m.tree.data, "/platform@e8000000/virtio_mmio@2000"), ==,
			-FDT_ERR_NOTFOUND);
	machine_finish(&m);
	machine_init(&m, "e6500", IOL_GIB, 1, 1u << 1);
	CHECK_CELLS(&m, "/platform@f00000000", "ranges", 0, 0xf, 0, 0x21000);
	CHECK_CELLS(&m, "/platform@f00000000/virtio_mmio@1000", "reg", 0x1000, 0x200);
	machine_finish(&m);
}

static void test_chosen(void)
{
	struct machine m;
	int len;

	machine_init(&m, NULL, IOL_GIB, 1, 0);
	CHECK_TEXT(&m, "/chosen", "bootargs", "console=ttyS0");
	CHECK_CELLS(&m, "/chosen", "linux,initrd-start", 0, 0x1210000);
	CHECK_CELLS(&m, "/chosen", "linux,initrd-end", 0, 0x1213039);
	prop(&m, "/chosen", "rng-seed", &len);
	g_assert_cmpint(len, ==, 56);
	prop(&m, "/chosen", "kaslr-seed", &len);
	g_assert_cmpint(len, ==, 8);
	CHECK_TEXT(&m, "/aliases", "serial0", "/soc@e0000000/serial@4500");
	CHECK_TEXT(&m, "/aliases", "pci0", "/pci@e0008000");
	CHECK_TEXT(&m, "/chosen", "stdout-path", "serial0:115200n8");
	machine_finish(&m);
}

/* As many as were asked for, on one source, which is a level. */
static void test_serials(void)
{
	for (serials = 0; serials <= 4; serials++) {
		struct machine m;

		machine_init(&m, NULL, IOL_GIB, 1, 0);
		for (unsigned int i = 0; i < 4; i++) {
			g_autofree char *path =
				g_strdup_printf("/soc@e0000000/serial@%x", 0x4500 + 0x100 * i);
			g_autofree char *alias = g_strdup_printf("serial%u", i);

			g_assert_cmpint(fdt_path_offset(m.tree.data, path) >= 0, ==, i < serials);
			g_assert_cmpint(fdt_path_offset(m.tree.data, alias) >= 0, ==, i < serials);
			if (i >= serials)
				continue;
			CHECK_CELLS(&m, path, "reg", 0x4500 + 0x100 * i, 8);
			CHECK_CELLS(&m, path, "interrupts", 42, 2);
			g_assert_cmpstr(fdt_get_alias(m.tree.data, alias), ==, path);
		}
		machine_finish(&m);
	}
	serials = 1;
}

/* No device that there is not. */
static void test_nothing_else(void)
{
	static const char *const absent[] = {
		"/soc@e0000000/i2c@3000",
		"/soc@e0000000/serial@4600",
		"/soc@e0000000/sdhc@2e000",
	};
	struct machine m;

	machine_init(&m, NULL, IOL_GIB, 1, 0);
	for (unsigned int i = 0; i < G_N_ELEMENTS(absent); i++)
		g_assert_cmpint(fdt_path_offset(m.tree.data, absent[i]), ==, -FDT_ERR_NOTFOUND);
	machine_finish(&m);
}

/* Disks are on PCI if not told otherwise, and PCI finds them by itself. */
static void test_disks(void)
{
	iol_auto(iol_config_finish) struct iol_config config;
	iol_auto(iol_fdt_blob_finish) struct iol_fdt_blob blob = { 0 };
	struct iol_error err = { 0 };

	iol_config_init(&config);
	g_assert_cmpint(iol_config_add_disk(&config, "/dev/null,transport=mmio", NULL), ==, 0);
	g_assert_cmpint(iol_config_add_disk(&config, "/dev/zero", NULL), ==, 0);
	iol_tree_make(&config, &iol_arch_powerpc, &blob, &err);
	g_assert_cmpstr(err.msg, ==, "");
	g_assert_cmpint(fdt_path_offset(blob.data, "/platform@e8000000/virtio_mmio@1000"), >, 0);
	g_assert_cmpint(fdt_path_offset(blob.data, "/platform@e8000000/virtio_mmio@2000"), ==,
			-FDT_ERR_NOTFOUND);
	g_assert_cmpint(fdt_path_offset(blob.data, "/pci@e0008000"), >, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ppc/tree/root", test_root);
	g_test_add_func("/ppc/tree/cpus", test_cpus);
	g_test_add_func("/ppc/tree/cores", test_cores);
	g_test_add_func("/ppc/tree/hypervisor", test_hypervisor);
	g_test_add_func("/ppc/tree/soc", test_soc);
	g_test_add_func("/ppc/tree/pci", test_pci);
	g_test_add_func("/ppc/tree/virtio", test_virtio);
	g_test_add_func("/ppc/tree/chosen", test_chosen);
	g_test_add_func("/ppc/tree/nothing-else", test_nothing_else);
	g_test_add_func("/ppc/tree/disks", test_disks);
	g_test_add_func("/ppc/tree/serials", test_serials);
	return g_test_run();
}
