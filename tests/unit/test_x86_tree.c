// SPDX-License-Identifier: Apache-2.0
/*
 * The x86_64 machine's device tree, in the terms that Linux's arch/x86/kernel/devicetree.c reads, and how the
 * zero page leads to it.
 */
#include "arch/x86_64/x86.h"

#include <errno.h>
#include <string.h>

#include <iolite/endian.h>

#include "image_builder.h"
#include "tree_rig.h"

#define IOAPIC "/interrupt-controller@fec00000"
#define LAPIC "/interrupt-controller@fee00000"
#define PCI "/pcie@e0000000"

enum { SETUP_DTB = 2, SETUP_DATA_BYTES = 16, SETUP_DATA = 0x250 /* in the zero page */ };

static void test_root(void)
{
	struct tree_rig rig;

	tree_rig_init(&rig, &iol_arch_x86_64, 2, NULL);
	tree_rig_build(&rig);
	TREE_CHECK_CELLS(&rig, "/", "#address-cells", 2);
	TREE_CHECK_CELLS(&rig, "/", "#size-cells", 2);
	TREE_CHECK_CELLS(&rig, "/", "interrupt-parent", tree_phandle(&rig, IOAPIC));
	TREE_CHECK_CELLS(&rig, "/memory@0", "reg", 0, 0, 0, 0x40000000);
	tree_check_strings(&rig, IOAPIC, "compatible", "intel,ce4100-ioapic");
	TREE_CHECK_CELLS(&rig, IOAPIC, "reg", 0, 0xfec00000, 0, 0x1000);
	tree_check_bytes(&rig, IOAPIC, "interrupt-controller", "", 0);
	TREE_CHECK_CELLS(&rig, IOAPIC, "#interrupt-cells", 2);
	tree_check_strings(&rig, LAPIC, "compatible", "intel,ce4100-lapic");
	TREE_CHECK_CELLS(&rig, LAPIC, "reg", 0, 0xfee00000, 0, 0x1000);
	/* From the last KiB of the first 640 on it is firmware's, as the memory map says. */
	TREE_CHECK_CELLS(&rig, "/reserved-memory/bios@9fc00", "reg", 0, 0x9fc00, 0, 0x60400);
	tree_check_bytes(&rig, "/reserved-memory/bios@9fc00", "no-map", "", 0);
	tree_rig_finish(&rig);
}

/* Two ranges of RAM around the hole. */
static void test_memory(void)
{
	struct tree_rig rig;

	tree_rig_init(&rig, &iol_arch_x86_64, 1, NULL);
	g_assert_cmpint(iol_x86_layout(&(struct iol_layout_request){ .memory_bytes = 5 * IOL_GIB,
								     .cpus = 1,
								     .serials = 1 },
				       &rig.layout, NULL),
			==, 0);
	tree_rig_build(&rig);
	TREE_CHECK_CELLS(&rig, "/memory@0", "reg", 0, 0, 0, 0xc0000000, 1, 0, 0, 0x80000000);
	tree_rig_finish(&rig);
}

/* Local APIC ids, which are the vCPUs' indices. */
static void test_cpus(void)
{
	struct tree_rig rig;

	tree_rig_init(&rig, &iol_arch_x86_64, 17, NULL);
	tree_rig_build(&rig);
	TREE_CHECK_CELLS(&rig, "/cpus", "#address-cells", 1);
	TREE_CHECK_CELLS(&rig, "/cpus", "#size-cells", 0);
	for (unsigned int cpu = 0; cpu < 17; cpu++) {
		g_autofree char *path = g_strdup_printf("/cpus/cpu@%x", cpu);

		TREE_CHECK_CELLS(&rig, path, "reg", cpu);
		tree_check_strings(&rig, path, "device_type", "cpu");
		tree_check_strings(&rig, path, "status", "okay");
	}
	g_assert_false(tree_has(&rig, "/cpus/cpu@11"));
	tree_rig_finish(&rig);
}

/* Ports are addresses on a bus of their own, whose first cell tells them from memory. */
static void test_isa(void)
{
	struct tree_rig rig;

	tree_rig_init(&rig, &iol_arch_x86_64, 1, NULL);
	tree_rig_build(&rig);
	tree_check_strings(&rig, "/isa@i0", "compatible", "isa");
	TREE_CHECK_CELLS(&rig, "/isa@i0", "#address-cells", 2);
	TREE_CHECK_CELLS(&rig, "/isa@i0", "#size-cells", 1);
	TREE_CHECK_CELLS(&rig, "/isa@i0", "ranges", 1, 0, 0, 0, 0x10000);
	TREE_CHECK_CELLS(&rig, "/isa@i0/serial@i3f8", "reg", 1, 0x3f8, 8);
	/* GSI 4, an edge. */
	TREE_CHECK_CELLS(&rig, "/isa@i0/serial@i3f8", "interrupts", 4, 3);
	tree_check_strings(&rig, "/isa@i0/serial@i3f8", "compatible", "ns16550a|ns16550");
	TREE_CHECK_CELLS(&rig, "/isa@i0/serial@i3f8", "clock-frequency", 1843200);
	TREE_CHECK_CELLS(&rig, "/isa@i0/rtc@i70", "reg", 1, 0x70, 2);
	g_assert_false(tree_has_prop(&rig, "/isa@i0/rtc@i70", "interrupts"));
	tree_check_strings(&rig, "/aliases", "serial0", "/isa@i0/serial@i3f8");
	tree_check_strings(&rig, "/__symbols__", "serial0", "/isa@i0/serial@i3f8");
	g_assert_false(tree_has(&rig, "/gpio-keys"));
	tree_rig_finish(&rig);
}

/* As many as were asked for, each with an edge of its own. */
static void test_serials(void)
{
	static const struct {
		const char *path, *alias;
		uint32_t port, gsi;
	} lines[] = {
		{ "/isa@i0/serial@i3f8", "serial0", 0x3f8, 4 },
		{ "/isa@i0/serial@i2f8", "serial1", 0x2f8, 3 },
		{ "/isa@i0/serial@i3e8", "serial2", 0x3e8, 10 },
		{ "/isa@i0/serial@i2e8", "serial3", 0x2e8, 11 },
	};

	for (unsigned int count = 0; count <= 4; count++) {
		struct tree_rig rig;

		tree_rig_init(&rig, &iol_arch_x86_64, 1, NULL);
		tree_rig_set_serials(&rig, count);
		tree_rig_build(&rig);
		g_assert_cmpint(tree_has_prop(&rig, "/chosen", "stdout-path"), ==, count > 0);
		for (unsigned int i = 0; i < 4; i++) {
			g_assert_cmpint(tree_has(&rig, lines[i].path), ==, i < count);
			g_assert_cmpint(tree_has_prop(&rig, "/aliases", lines[i].alias), ==,
					i < count);
			if (i >= count)
				continue;
			TREE_CHECK_CELLS(&rig, lines[i].path, "reg", 1, lines[i].port, 8);
			TREE_CHECK_CELLS(&rig, lines[i].path, "interrupts", lines[i].gsi, 3);
			tree_check_strings(&rig, "/aliases", lines[i].alias, lines[i].path);
		}
		tree_rig_finish(&rig);
	}
}

static void test_pci(void)
{
	uint32_t map[8 * 7], count = 0;
	struct tree_rig rig;

	tree_rig_init(&rig, &iol_arch_x86_64, 1, NULL);
	tree_rig_build(&rig);
	for (unsigned int slot = 0; slot < 8; slot++) {
		const uint32_t entry[] = {
			slot << 11, 0, 0, 1, tree_phandle(&rig, IOAPIC), 16 + slot, 2,
		};

		for (unsigned int i = 0; i < G_N_ELEMENTS(entry); i++)
			map[count++] = entry[i];
	}
	tree_check_strings(&rig, PCI, "compatible", "pci-host-ecam-generic");
	TREE_CHECK_CELLS(&rig, PCI, "reg", 0, 0xe0000000, 0, 0x100000);
	TREE_CHECK_CELLS(&rig, PCI, "ranges", 0x02000000, 0, 0xc0000000, 0, 0xc0000000, 0,
			 0x20000000);
	TREE_CHECK_CELLS(&rig, PCI, "bus-range", 0, 0);
	TREE_CHECK_CELLS(&rig, PCI, "interrupt-map-mask", 0x3800, 0, 0, 7);
	tree_check_cells(&rig, PCI, "interrupt-map", map, count);
	tree_rig_finish(&rig);
}

static void test_virtio_mmio(void)
{
	struct tree_rig rig;

	tree_rig_init(&rig, &iol_arch_x86_64, 1, NULL);
	rig.boot.virtio_mmio_slots = 1u << 9;
	tree_rig_build(&rig);
	TREE_CHECK_CELLS(&rig, "/virtio_mmio@f0009000", "reg", 0, 0xf0009000, 0, 0x200);
	/* Slot 9 has GSI 17, a level that is active when low. */
	TREE_CHECK_CELLS(&rig, "/virtio_mmio@f0009000", "interrupts", 17, 2);
	g_assert_false(tree_has(&rig, "/virtio_mmio@f0001000"));
	tree_rig_finish(&rig);
}

/* Nothing wipes them here: Linux on x86 shows the tree to its users as it was given. */
static void test_chosen(void)
{
	static const uint8_t seed[IOL_TREE_SEED_BYTES] = { 1, 2, 3 };
	struct tree_rig rig;

	tree_rig_init(&rig, &iol_arch_x86_64, 1, NULL);
	rig.boot.cmdline = "quiet";
	rig.seed = seed;
	tree_rig_build(&rig);
	tree_check_strings(&rig, "/chosen", "bootargs", "quiet");
	tree_check_strings(&rig, "/chosen", "stdout-path", "serial0:115200n8");
	g_assert_false(tree_has_prop(&rig, "/chosen", "rng-seed"));
	g_assert_false(tree_has_prop(&rig, "/chosen", "kaslr-seed"));
	tree_rig_finish(&rig);
}

/* A machine with a kernel in memory. */
struct machine {
	struct tree_rig rig;
	struct iol_memory mem;
	struct iol_entry entry;
	struct iol_error err;
};

static void machine_init(struct machine *m, GByteArray *kernel)
{
	struct iol_error err = { 0 };

	memset(m, 0, sizeof(*m));
	tree_rig_init(&m->rig, &iol_arch_x86_64, 1, NULL);
	g_assert_cmpint(iol_memory_init(&m->mem, m->rig.layout.ram, m->rig.layout.ram_count, NULL),
			==, 0);
	build_open(&m->rig.boot.kernel, kernel, "kernel");
	iol_arch_x86_64.load(&m->rig.layout, &m->mem, &m->rig.boot, &m->entry, &m->rig.placement,
			     &err);
	g_assert_cmpstr(err.msg, ==, "");
	tree_rig_build(&m->rig);
}

static int place(struct machine *m)
{
	return iol_arch_x86_64.place_tree(&m->rig.layout, &m->mem, &m->rig.placement, &m->rig.blob,
					  &m->entry, &m->err);
}

static void machine_finish(struct machine *m)
{
	iol_image_close(&m->rig.boot.kernel);
	iol_memory_finish(&m->mem);
	tree_rig_finish(&m->rig);
}

static const uint8_t *peek(const struct machine *m, uint64_t gpa, uint64_t len)
{
	const uint8_t *p = iol_memory_ptr(&m->mem, gpa, len);

	g_assert_nonnull(p);
	return p;
}

static uint64_t setup_data(const struct machine *m)
{
	return le64_load(peek(m, IOL_X86_ZERO_PAGE + SETUP_DATA, 8));
}

/* The list leads to it, and it is whole. */
static void test_placed(void)
{
	struct machine m;
	const uint8_t *head;
	uint64_t gpa;

	machine_init(&m, build_bzimage());
	g_assert_cmphex(setup_data(&m), ==, 0);
	place(&m);
	g_assert_cmpstr(m.err.msg, ==, "");
	gpa = setup_data(&m);
	g_assert_cmphex(gpa, ==, IOL_X86_TREE);
	g_assert_cmphex(gpa % 8, ==, 0);
	head = peek(&m, gpa, SETUP_DATA_BYTES);
	g_assert_cmphex(le64_load(head), ==, 0);
	g_assert_cmpuint(le32_load(head + 8), ==, SETUP_DTB);
	g_assert_cmpuint(le32_load(head + 12), ==, m.rig.blob.bytes);
	g_assert_cmpmem(peek(&m, gpa + SETUP_DATA_BYTES, m.rig.blob.bytes), m.rig.blob.bytes,
			m.rig.blob.data, m.rig.blob.bytes);
	g_assert_cmphex(m.entry.args[0], ==, IOL_X86_ZERO_PAGE);
	machine_finish(&m);
}

/* Others may be in the list already: the newest is its head. */
static void test_linked(void)
{
	const uint64_t other = 0x80000;
	struct machine m;

	machine_init(&m, build_bzimage());
	iol_x86_link_setup_data(&m.mem, other);
	g_assert_cmphex(setup_data(&m), ==, other);
	g_assert_cmpint(place(&m), ==, 0);
	g_assert_cmphex(setup_data(&m), ==, IOL_X86_TREE);
	g_assert_cmphex(le64_load(peek(&m, IOL_X86_TREE, 8)), ==, other);
	g_assert_cmphex(le64_load(peek(&m, other, 8)), ==, 0);
	machine_finish(&m);
}

/* As many bytes as Linux maps at once, and no more; what lies behind its place stays. */
static void test_sizes(void)
{
	const size_t max = IOL_X86_TREE_BYTES - SETUP_DATA_BYTES;
	g_autofree uint8_t *bytes = g_malloc0(max + 1);

	for (unsigned int fits = 0; fits <= 1; fits++) {
		struct machine m;
		struct iol_fdt_blob made;
		int ret;

		machine_init(&m, build_bzimage());
		made = m.rig.blob;
		m.rig.blob = (struct iol_fdt_blob){ bytes, max + !fits };
		memset(bytes, 0x5a, max + 1);
		ret = place(&m);
		g_assert_cmpint(ret, ==, fits ? 0 : -ENOSPC);
		if (!fits)
			build_check_error(&m.err, -ENOSPC, "the device tree has 258033 bytes",
					  "reads at most 258032; make it smaller");
		g_assert_cmphex(setup_data(&m), ==, fits ? IOL_X86_TREE : 0);
		g_assert_cmphex(*peek(&m, IOL_X86_TREE + IOL_X86_TREE_BYTES - 1, 1), ==,
				fits ? 0x5a : 0);
		g_assert_cmphex(*peek(&m, IOL_X86_TREE + IOL_X86_TREE_BYTES, 1), ==, 0);
		m.rig.blob = made;
		machine_finish(&m);
	}
}

/* PVH has no place for one; the 64-bit entry of an ELF file has. */
static void test_kinds(void)
{
	for (unsigned int pvh = 0; pvh <= 1; pvh++) {
		const struct build_elf spec = { .is_64bit = true, .machine = 62, .pvh = pvh };
		struct machine m;

		machine_init(&m, build_elf(&spec));
		g_assert_cmpint(m.rig.placement.no_tree, ==, pvh);
		if (!pvh) {
			g_assert_cmpint(place(&m), ==, 0);
			g_assert_cmphex(setup_data(&m), ==, IOL_X86_TREE);
		}
		machine_finish(&m);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86-tree/root", test_root);
	g_test_add_func("/x86-tree/memory", test_memory);
	g_test_add_func("/x86-tree/cpus", test_cpus);
	g_test_add_func("/x86-tree/isa", test_isa);
	g_test_add_func("/x86/tree/serials", test_serials);
	g_test_add_func("/x86-tree/pci", test_pci);
	g_test_add_func("/x86-tree/virtio-mmio", test_virtio_mmio);
	g_test_add_func("/x86-tree/chosen", test_chosen);
	g_test_add_func("/x86-tree/placed", test_placed);
	g_test_add_func("/x86-tree/linked", test_linked);
	g_test_add_func("/x86-tree/sizes", test_sizes);
	g_test_add_func("/x86-tree/kinds", test_kinds);
	return g_test_run();
}
