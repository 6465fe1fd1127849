// SPDX-License-Identifier: Apache-2.0
/* The aarch64 machine's device tree, node by node: a guest knows nothing else of its machine. */
#include "arch/aarch64/arm64.h"

#include <glib.h>
#include <string.h>

#include "tree_rig.h"

static const struct iol_host_facts gicv2 = { .gic_version = 2, .ipa_bits = 40 };

#define GIC "/interrupt-controller@8000000"
#define ITS GIC "/msi-controller@8080000"
#define PCI "/pcie@3f000000"

static void test_root(void)
{
	struct tree_rig rig;

	tree_rig_init(&rig, &iol_arch_aarch64, 1, NULL);
	tree_rig_build(&rig);
	tree_check_strings(&rig, "/", "compatible", "linux,dummy-virt");
	tree_check_strings(&rig, "/", "model", "iolite aarch64");
	TREE_CHECK_CELLS(&rig, "/", "#address-cells", 2);
	TREE_CHECK_CELLS(&rig, "/", "#size-cells", 2);
	TREE_CHECK_CELLS(&rig, "/", "interrupt-parent", tree_phandle(&rig, GIC));
	TREE_CHECK_CELLS(&rig, "/memory@40000000", "reg", 0, 0x40000000, 0, 0x40000000);
	tree_check_strings(&rig, "/psci", "compatible", "arm,psci-1.0|arm,psci-0.2");
	tree_check_strings(&rig, "/psci", "method", "hvc");
	tree_check_strings(&rig, "/timer", "compatible", "arm,armv8-timer");
	tree_check_bytes(&rig, "/timer", "always-on", "", 0);
	/* Secure, physical, virtual, hypervisor. */
	TREE_CHECK_CELLS(&rig, "/timer", "interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);
	tree_check_strings(&rig, "/apb-pclk", "compatible", "fixed-clock");
	TREE_CHECK_CELLS(&rig, "/apb-pclk", "#clock-cells", 0);
	TREE_CHECK_CELLS(&rig, "/apb-pclk", "clock-frequency", 24000000);
	tree_rig_finish(&rig);
}

/* Each with the MPIDR that KVM gives it: 16 in a cluster. */
static void test_cpus(void)
{
	static const unsigned int counts[] = { 1, 2, 16, 17, 64 };

	for (unsigned int i = 0; i < G_N_ELEMENTS(counts); i++) {
		struct tree_rig rig;

		tree_rig_init(&rig, &iol_arch_aarch64, counts[i], NULL);
		tree_rig_build(&rig);
		TREE_CHECK_CELLS(&rig, "/cpus", "#address-cells", 1);
		TREE_CHECK_CELLS(&rig, "/cpus", "#size-cells", 0);
		for (unsigned int cpu = 0; cpu <= 64; cpu++) {
			uint32_t mpidr = cpu % 16 + cpu / 16 * 0x100;
			g_autofree char *path = g_strdup_printf("/cpus/cpu@%x", mpidr);

			g_assert_cmpint(tree_has(&rig, path), ==, cpu < counts[i]);
			if (cpu >= counts[i])
				continue;
			TREE_CHECK_CELLS(&rig, path, "reg", mpidr);
			tree_check_strings(&rig, path, "device_type", "cpu");
			tree_check_strings(&rig, path, "compatible", "arm,armv8");
			tree_check_strings(&rig, path, "enable-method", "psci");
			tree_check_strings(&rig, path, "status", "okay");
		}
		TREE_CHECK_CELLS(&rig, GIC, "reg", 0, 0x08000000, 0, 0x10000, 0, 0x080a0000, 0,
				 counts[i] * 0x20000);
		tree_rig_finish(&rig);
	}
}

static void test_gicv3(void)
{
	struct tree_rig rig;

	tree_rig_init(&rig, &iol_arch_aarch64, 2, NULL);
	tree_rig_build(&rig);
	tree_check_strings(&rig, GIC, "compatible", "arm,gic-v3");
	tree_check_bytes(&rig, GIC, "interrupt-controller", "", 0);
	TREE_CHECK_CELLS(&rig, GIC, "#interrupt-cells", 3);
	TREE_CHECK_CELLS(&rig, GIC, "#address-cells", 2);
	TREE_CHECK_CELLS(&rig, GIC, "#size-cells", 2);
	tree_check_bytes(&rig, GIC, "ranges", "", 0);
	tree_check_strings(&rig, ITS, "compatible", "arm,gic-v3-its");
	TREE_CHECK_CELLS(&rig, ITS, "reg", 0, 0x08080000, 0, 0x20000);
	tree_check_bytes(&rig, ITS, "msi-controller", "", 0);
	TREE_CHECK_CELLS(&rig, ITS, "#msi-cells", 1);
	TREE_CHECK_CELLS(&rig, PCI, "msi-map", 0, tree_phandle(&rig, ITS), 0, 0x100);
	tree_rig_finish(&rig);
}

/* No ITS, so no messages; private interrupts say which CPUs they are of. */
static void test_gicv2(void)
{
	struct tree_rig rig;

	tree_rig_init(&rig, &iol_arch_aarch64, 8, &gicv2);
	tree_rig_build(&rig);
	tree_check_strings(&rig, GIC, "compatible", "arm,cortex-a15-gic");
	TREE_CHECK_CELLS(&rig, GIC, "reg", 0, 0x08000000, 0, 0x10000, 0, 0x08010000, 0, 0x10000);
	TREE_CHECK_CELLS(&rig, GIC, "#interrupt-cells", 3);
	TREE_CHECK_CELLS(&rig, GIC, "#address-cells", 0);
	g_assert_false(tree_has(&rig, ITS));
	g_assert_false(tree_has_prop(&rig, PCI, "msi-map"));
	TREE_CHECK_CELLS(&rig, "/timer", "interrupts", 1, 13, 0xff04, 1, 14, 0xff04, 1, 11, 0xff04,
			 1, 10, 0xff04);
	tree_rig_finish(&rig);
	tree_rig_init(&rig, &iol_arch_aarch64, 1, &gicv2);
	tree_rig_build(&rig);
	TREE_CHECK_CELLS(&rig, "/timer", "interrupts", 1, 13, 0x104, 1, 14, 0x104, 1, 11, 0x104, 1,
			 10, 0x104);
	tree_rig_finish(&rig);
}

/* INTA of slot n is SPI 16 + n % 8, behind as many cells of the controller's addresses as it has. */
static void check_pci(const struct tree_rig *rig, unsigned int address_cells)
{
	uint32_t map[8 * 10];
	unsigned int count = 0;

	for (unsigned int slot = 0; slot < 8; slot++) {
		const uint32_t child[] = { slot << 11, 0, 0, 1, tree_phandle(rig, GIC) };
		const uint32_t irq[] = { 0, 16 + slot, 4 };

		for (unsigned int i = 0; i < G_N_ELEMENTS(child); i++)
			map[count++] = child[i];
		for (unsigned int i = 0; i < address_cells; i++)
			map[count++] = 0;
		for (unsigned int i = 0; i < G_N_ELEMENTS(irq); i++)
			map[count++] = irq[i];
	}
	tree_check_cells(rig, PCI, "interrupt-map", map, count);
	TREE_CHECK_CELLS(rig, PCI, "interrupt-map-mask", 0x3800, 0, 0, 7);
	TREE_CHECK_CELLS(rig, PCI, "#interrupt-cells", 1);
	tree_check_strings(rig, PCI, "compatible", "pci-host-ecam-generic");
	tree_check_strings(rig, PCI, "device_type", "pci");
	tree_check_bytes(rig, PCI, "dma-coherent", "", 0);
	TREE_CHECK_CELLS(rig, PCI, "reg", 0, 0x3f000000, 0, 0x100000);
	TREE_CHECK_CELLS(rig, PCI, "bus-range", 0, 0);
	TREE_CHECK_CELLS(rig, PCI, "#address-cells", 3);
	TREE_CHECK_CELLS(rig, PCI, "#size-cells", 2);
	TREE_CHECK_CELLS(rig, PCI, "ranges", 0x02000000, 0, 0x10000000, 0, 0x10000000, 0,
			 0x2f000000);
}

static void test_pci(void)
{
	struct tree_rig rig;

	tree_rig_init(&rig, &iol_arch_aarch64, 1, NULL);
	tree_rig_build(&rig);
	check_pci(&rig, 2);
	tree_rig_finish(&rig);
	tree_rig_init(&rig, &iol_arch_aarch64, 1, &gicv2);
	tree_rig_build(&rig);
	check_pci(&rig, 0);
	tree_rig_finish(&rig);
}

/* As many as were asked for, each with an edge of its own. */
static void test_serials(void)
{
	static const uint32_t bases[] = { 0x09000000, 0x09030000, 0x09040000, 0x09050000 };
	static const uint32_t spis[] = { 1, 3, 4, 5 };

	for (unsigned int count = 0; count <= 4; count++) {
		struct tree_rig rig;

		tree_rig_init(&rig, &iol_arch_aarch64, 1, NULL);
		tree_rig_set_serials(&rig, count);
		tree_rig_build(&rig);
		g_assert_cmpint(tree_has_prop(&rig, "/chosen", "stdout-path"), ==, count > 0);
		for (unsigned int i = 0; i < 4; i++) {
			g_autofree char *path = g_strdup_printf("/serial@%x", bases[i]);
			g_autofree char *alias = g_strdup_printf("serial%u", i);

			g_assert_cmpint(tree_has(&rig, path), ==, i < count);
			g_assert_cmpint(tree_has_prop(&rig, "/aliases", alias), ==, i < count);
			if (i >= count)
				continue;
			TREE_CHECK_CELLS(&rig, path, "reg", 0, bases[i], 0, 8);
			TREE_CHECK_CELLS(&rig, path, "interrupts", 0, spis[i], 1);
			tree_check_strings(&rig, "/aliases", alias, path);
		}
		tree_rig_finish(&rig);
	}
}

static void test_devices(void)
{
	uint32_t clock;
	struct tree_rig rig;

	tree_rig_init(&rig, &iol_arch_aarch64, 1, NULL);
	tree_rig_build(&rig);
	clock = tree_phandle(&rig, "/apb-pclk");
	tree_check_strings(&rig, "/serial@9000000", "compatible", "ns16550a|ns16550");
	TREE_CHECK_CELLS(&rig, "/serial@9000000", "reg", 0, 0x09000000, 0, 8);
	TREE_CHECK_CELLS(&rig, "/serial@9000000", "interrupts", 0, 1, 1);
	tree_check_strings(&rig, "/aliases", "serial0", "/serial@9000000");
	tree_check_strings(&rig, "/chosen", "stdout-path", "serial0:115200n8");

	tree_check_strings(&rig, "/rtc@9010000", "compatible", "arm,pl031|arm,primecell");
	TREE_CHECK_CELLS(&rig, "/rtc@9010000", "reg", 0, 0x09010000, 0, 0x1000);
	g_assert_false(tree_has_prop(&rig, "/rtc@9010000", "interrupts"));
	TREE_CHECK_CELLS(&rig, "/rtc@9010000", "clocks", clock);
	tree_check_strings(&rig, "/rtc@9010000", "clock-names", "apb_pclk");

	tree_check_strings(&rig, "/pvpanic@9060000", "compatible", "qemu,pvpanic-mmio");
	TREE_CHECK_CELLS(&rig, "/pvpanic@9060000", "reg", 0, 0x09060000, 0, 1);
	g_assert_false(tree_has_prop(&rig, "/pvpanic@9060000", "interrupts"));

	tree_check_strings(&rig, "/gpio@9020000", "compatible", "arm,pl061|arm,primecell");
	TREE_CHECK_CELLS(&rig, "/gpio@9020000", "reg", 0, 0x09020000, 0, 0x1000);
	TREE_CHECK_CELLS(&rig, "/gpio@9020000", "interrupts", 0, 2, 1);
	TREE_CHECK_CELLS(&rig, "/gpio@9020000", "#gpio-cells", 2);
	tree_check_bytes(&rig, "/gpio@9020000", "gpio-controller", "", 0);
	tree_check_bytes(&rig, "/gpio@9020000", "interrupt-controller", "", 0);
	TREE_CHECK_CELLS(&rig, "/gpio@9020000", "#interrupt-cells", 2);
	TREE_CHECK_CELLS(&rig, "/gpio@9020000", "#address-cells", 0);
	TREE_CHECK_CELLS(&rig, "/gpio@9020000", "clocks", clock);
	tree_check_strings(&rig, "/gpio-keys", "compatible", "gpio-keys");
	TREE_CHECK_CELLS(&rig, "/gpio-keys/power", "gpios", tree_phandle(&rig, "/gpio@9020000"), 3,
			 0);
	TREE_CHECK_CELLS(&rig, "/gpio-keys/power", "linux,code", 116);
	tree_rig_finish(&rig);
}

/* Those that are there, each a page, with the interrupts of their slots. */
static void test_virtio_mmio(void)
{
	const uint32_t slots = 1u << 0 | 1u << 1 | 1u << 9 | 1u << 31;
	struct tree_rig rig;

	tree_rig_init(&rig, &iol_arch_aarch64, 1, NULL);
	rig.boot.virtio_mmio_slots = slots;
	tree_rig_build(&rig);
	for (unsigned int slot = 0; slot < IOL_LAYOUT_SLOTS; slot++) {
		uint32_t base = 0x0a000000 + slot * 0x1000;
		g_autofree char *path = g_strdup_printf("/virtio_mmio@%x", base);

		g_assert_cmpint(tree_has(&rig, path), ==, slots >> slot & 1);
		if (!(slots >> slot & 1))
			continue;
		tree_check_strings(&rig, path, "compatible", "virtio,mmio");
		TREE_CHECK_CELLS(&rig, path, "reg", 0, base, 0, 0x200);
		TREE_CHECK_CELLS(&rig, path, "interrupts", 0, 16 + slot % 8, 4);
		tree_check_bytes(&rig, path, "dma-coherent", "", 0);
	}
	tree_rig_finish(&rig);
}

static void test_chosen(void)
{
	uint8_t seed[IOL_TREE_SEED_BYTES];
	struct tree_rig rig;

	for (unsigned int i = 0; i < sizeof(seed); i++)
		seed[i] = (uint8_t)(i + 1);
	tree_rig_init(&rig, &iol_arch_aarch64, 1, NULL);
	tree_rig_build(&rig);
	g_assert_false(tree_has_prop(&rig, "/chosen", "bootargs"));
	g_assert_false(tree_has_prop(&rig, "/chosen", "linux,initrd-start"));
	g_assert_false(tree_has_prop(&rig, "/chosen", "rng-seed"));
	g_assert_false(tree_has_prop(&rig, "/chosen", "kaslr-seed"));
	g_assert_false(tree_has_prop(&rig, "/chosen", "iolite,reset-cause"));

	rig.boot.cmdline = "console=ttyS0 root=/dev/vda";
	rig.placement.initrd_start = 0x5000000000;
	rig.placement.initrd_end = 0x5000001234;
	rig.seed = seed;
	rig.reset_cause = "watchdog";
	tree_rig_build(&rig);
	tree_check_strings(&rig, "/chosen", "iolite,reset-cause", "watchdog");
	tree_check_strings(&rig, "/chosen", "bootargs", "console=ttyS0 root=/dev/vda");
	TREE_CHECK_CELLS(&rig, "/chosen", "linux,initrd-start", 0x50, 0);
	TREE_CHECK_CELLS(&rig, "/chosen", "linux,initrd-end", 0x50, 0x1234);
	tree_check_bytes(&rig, "/chosen", "kaslr-seed", seed, 8);
	tree_check_bytes(&rig, "/chosen", "rng-seed", seed + 8, 56);
	tree_rig_finish(&rig);
}

/* What overlays name. */
static void test_symbols(void)
{
	struct tree_rig rig;

	tree_rig_init(&rig, &iol_arch_aarch64, 1, NULL);
	tree_rig_build(&rig);
	tree_check_strings(&rig, "/__symbols__", "serial0", "/serial@9000000");
	tree_check_strings(&rig, "/__symbols__", "intc", GIC);
	tree_check_strings(&rig, "/__symbols__", "its", ITS);
	tree_check_strings(&rig, "/__symbols__", "gpio0", "/gpio@9020000");
	tree_check_strings(&rig, "/__symbols__", "apb_pclk", "/apb-pclk");
	tree_rig_finish(&rig);
}

/* The largest machine's tree leaves room for what its owner adds. */
static void test_size(void)
{
	struct tree_rig rig;

	tree_rig_init(&rig, &iol_arch_aarch64, 64, NULL);
	rig.boot.virtio_mmio_slots = UINT32_MAX;
	tree_rig_build(&rig);
	g_assert_cmpuint(rig.blob.bytes, <, 32 * IOL_KIB);
	tree_rig_finish(&rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm64-tree/root", test_root);
	g_test_add_func("/arm64-tree/cpus", test_cpus);
	g_test_add_func("/arm64-tree/gicv3", test_gicv3);
	g_test_add_func("/arm64-tree/gicv2", test_gicv2);
	g_test_add_func("/arm64-tree/pci", test_pci);
	g_test_add_func("/arm64-tree/devices", test_devices);
	g_test_add_func("/arm64-tree/virtio-mmio", test_virtio_mmio);
	g_test_add_func("/arm64-tree/chosen", test_chosen);
	g_test_add_func("/arm64-tree/symbols", test_symbols);
	g_test_add_func("/arm64-tree/size", test_size);
	g_test_add_func("/arm64/tree/serials", test_serials);
	return g_test_run();
}
