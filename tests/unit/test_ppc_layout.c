// SPDX-License-Identifier: Apache-2.0
/* Where RAM and devices of the Power Book E machines lie, what is refused, and what a host is taken for. */
#include "arch/powerpc/ppc.h"

#include <elf.h>
#include <errno.h>
#include <glib.h>
#include <string.h>

static const char *const names[] = { "e500v2", "e500mc", "e5500", "e6500", "e500v2-36" };

static struct iol_layout layout_of(const char *machine, uint64_t bytes, unsigned int cpus)
{
	const struct iol_layout_request request = {
		.memory_bytes = bytes,
		.cpus = cpus,
		.serials = 1,
		.machine = machine,
	};
	struct iol_error err = { 0 };
	struct iol_layout layout;

	iol_arch_powerpc.layout(&request, &layout, &err);
	g_assert_cmpstr(err.msg, ==, "");
	return layout;
}

static void test_machines(void)
{
	g_assert_cmpuint(iol_ppc_machine_count, ==, G_N_ELEMENTS(names));
	for (unsigned int i = 0; i < G_N_ELEMENTS(names); i++) {
		struct iol_layout layout = layout_of(names[i], IOL_GIB, 2);

		g_assert_cmpstr(layout.machine, ==, names[i]);
		g_assert_cmpuint(layout.cpus, ==, 2);
		g_assert_cmpstr(iol_ppc_machine_of(&layout)->name, ==, names[i]);
		g_assert_cmpint(iol_ppc_machine_of(&layout)->is_64bit, ==, i == 2 || i == 3);
	}
	g_assert_cmpstr(layout_of(NULL, IOL_GIB, 1).machine, ==, "e500v2");
	g_assert_null(iol_ppc_machine_find("e500"));
}

/* What KVM takes for the geometry of its TLBs, and what a cache is made of. */
static void test_geometry(void)
{
	for (unsigned int i = 0; i < iol_ppc_machine_count; i++) {
		const struct iol_ppc_machine *m = &iol_ppc_machines[i];
		unsigned int ways = m->l1_bytes / m->cache_line_bytes / m->l1_sets;

		g_assert_cmpuint(m->tlb[1].ways, ==, m->tlb[1].entries);
		g_assert_cmpuint(m->tlb[1].entries, <=, 64);
		g_assert_cmpuint(m->tlb[0].entries % m->tlb[0].ways, ==, 0);
		g_assert_cmpuint(m->tlb[0].entries & (m->tlb[0].entries - 1), ==, 0);
		g_assert_cmpuint(m->tlb[0].ways & (m->tlb[0].ways - 1), ==, 0);
		g_assert_cmpuint(ways, ==, 8);
		g_assert_null(m->isa[IOL_PPC_ISA_MAX - 1]);
	}
}

static void test_ram(void)
{
	static const struct {
		const char *machine;
		uint64_t bytes;
	} cases[] = {
		{ "e500v2", 64 * IOL_MIB }, { "e500v2", 100 * IOL_MIB + 4096 },
		{ "e500v2", 3 * IOL_GIB },  { "e500mc", 64 * IOL_MIB },
		{ "e500mc", 4 * IOL_GIB },  { "e5500", 48 * IOL_GIB },
		{ "e6500", 48 * IOL_GIB },  { "e500v2-36", 48 * IOL_GIB },
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct iol_layout layout = layout_of(cases[i].machine, cases[i].bytes, 1);

		g_assert_cmpuint(layout.ram_count, ==, 1);
		g_assert_cmphex(layout.ram[0].gpa, ==, 0);
		g_assert_cmphex(layout.ram[0].size_bytes, ==, cases[i].bytes);
	}
}

static void test_refused(void)
{
	static const struct {
		const char *machine;
		uint64_t bytes;
		unsigned int cpus;
		const char *message;
	} cases[] = {
		{ "ppce500", IOL_GIB, 1,
		  "machine 'ppce500': powerpc has 'e500v2', 'e500mc', 'e5500', 'e6500' and 'e500v2-36'" },
		{ "", IOL_GIB, 1, "machine '': powerpc has" },
		{ NULL, 0, 1, "memory of 0: an e500v2 machine has 64M to 3G" },
		{ NULL, 64 * IOL_MIB - 4096, 1, "an e500v2 machine has 64M to 3G" },
		{ NULL, 3 * IOL_GIB + 4096, 1, "an e500v2 machine has 64M to 3G" },
		{ NULL, UINT64_MAX, 1, "64M to 3G" },
		{ "e5500", 48 * IOL_GIB + 4096, 1, "an e5500 machine has 64M to 48G" },
		{ "e500v2-36", 48 * IOL_GIB + 4096, 1, "an e500v2-36 machine has 64M to 48G" },
		{ "e500mc", 64 * IOL_MIB + 1, 1, "a multiple of 4K is needed" },
		{ NULL, IOL_GIB, 0, "0 CPUs: an e500v2 machine has 1 to 32" },
		{ "e6500", IOL_GIB, 33, "33 CPUs: an e6500 machine has 1 to 32" },
		{ NULL, IOL_GIB, UINT32_MAX, "4294967295 CPUs" },
	};
	struct iol_layout layout;
	struct iol_error err;

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		const struct iol_layout_request request = {
			.memory_bytes = cases[i].bytes,
			.cpus = cases[i].cpus,
			.serials = 1,
			.machine = cases[i].machine,
		};

		g_assert_cmpint(iol_arch_powerpc.layout(&request, &layout, &err), ==, -EINVAL);
		g_assert_nonnull(strstr(err.msg, cases[i].message));
	}
}

struct span {
	uint64_t base, bytes;
};

static void check_disjoint(const struct span *spans, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		for (unsigned int j = 0; j < i; j++)
			g_assert_true(spans[i].base + spans[i].bytes <= spans[j].base ||
				      spans[j].base + spans[j].bytes <= spans[i].base);
}

/* RAM at its largest, devices, and what KVM and the architecture serve themselves. */
static void test_disjoint(void)
{
	for (unsigned int i = 0; i < G_N_ELEMENTS(names); i++) {
		const struct iol_ppc_map *map = iol_ppc_machine_find(names[i])->map;
		struct iol_layout layout = layout_of(names[i], map->ram_end, 32);
		struct span spans[IOL_LAYOUT_DEVICES_MAX + 3] = {
			{ 0, map->ram_end },
			{ map->ccsr + IOL_PPC_MPIC, IOL_PPC_MPIC_BYTES },
			{ map->spin_table, IOL_PPC_SPIN_TABLE_BYTES },
		};
		unsigned int count = 3;

		for (unsigned int j = 0; j < layout.device_count; j++) {
			const struct iol_layout_device *dev = &layout.devices[j];

			g_assert_cmpint(dev->space, ==, IOL_LAYOUT_MMIO);
			if (dev->size_bytes)
				spans[count++] = (struct span){ dev->base, dev->size_bytes };
			if (dev->bus == IOL_PPC_BUS_SOC)
				g_assert_cmpuint(dev->base - map->ccsr + dev->size_bytes, <=,
						 IOL_PPC_CCSR_BYTES);
		}
		check_disjoint(spans, count);
	}
}

static const struct iol_layout_device *find(const struct iol_layout *layout,
					    enum iol_layout_kind kind)
{
	for (unsigned int i = 0; i < layout->device_count; i++)
		if (layout->devices[i].kind == kind)
			return &layout->devices[i];
	g_assert_not_reached();
}

static void test_devices(void)
{
	static const struct {
		enum iol_layout_kind kind;
		uint64_t base32, base36;
		uint32_t gsi;
	} cases[] = {
		{ IOL_LAYOUT_UART, 0xe0004500, 0xfe0004500, 42 },
		{ IOL_LAYOUT_FSL_GUTS, 0xe00e0000, 0xfe00e0000, 0 },
		{ IOL_LAYOUT_FSL_GPIO, 0xe00ff000, 0xfe00ff000, 47 },
		{ IOL_LAYOUT_FSL_PCI, 0xe0008000, 0xfe0008000, 24 },
		{ IOL_LAYOUT_PCI_WINDOW, 0xc0000000, 0xc00000000, 0 },
		{ IOL_LAYOUT_VIRTIO_MMIO, 0xe8000000, 0xf00000000, 0 },
		{ IOL_LAYOUT_PVPANIC, 0xe8020000, 0xf00020000, 0 },
	};
	struct iol_layout small = layout_of("e500v2", IOL_GIB, 1);
	struct iol_layout large = layout_of("e5500", IOL_GIB, 1);

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		const struct iol_layout_device *dev = find(&small, cases[i].kind);

		g_assert_cmphex(dev->base, ==, cases[i].base32);
		g_assert_cmpuint(dev->gsi, ==, cases[i].gsi);
		/* Sources inside the chip are levels, whatever one asks of them. */
		g_assert_cmpint(dev->level, ==, cases[i].gsi != 0);
		g_assert_cmphex(find(&large, cases[i].kind)->base, ==, cases[i].base36);
	}
	/* The bus has 32 bits: on the larger machines its addresses are other ones. */
	g_assert_cmphex(find(&small, IOL_LAYOUT_PCI_WINDOW)->pci_base, ==, 0xc0000000);
	g_assert_cmphex(find(&large, IOL_LAYOUT_PCI_WINDOW)->pci_base, ==, 0xe0000000);
	g_assert_cmphex(find(&large, IOL_LAYOUT_PCI_WINDOW)->size_bytes, ==, 0x20000000);
	g_assert_cmpuint(small.irq_pins, ==, 256);
	g_assert_cmpuint(small.slot_gsi, ==, 1);
	g_assert_cmpuint(small.slot_gsi_count, ==, 8);
}

static void test_facts(void)
{
	static const uint32_t sc[4] = { 0x3c004b56, 0x60004d21, 0x44000002, 0x60000000 };
	static const uint32_t sc1[4] = { 0x44000022, 0x60000000, 0x60000000, 0x60000000 };
	const struct iol_layout_request request = {
		.memory_bytes = IOL_GIB,
		.cpus = 1, .serials = 1,
		.machine = "e5500",
		.facts = {
			.pvr = 0x80240012,
			.hcall_instructions = { 1, 2, 3, 4 },
			.timebase_hz = 75000000,
			.clock_hz = 1800000000,
		},
	};
	struct iol_layout layout = layout_of("e500v2", IOL_GIB, 1);

	g_assert_cmphex(layout.facts.pvr, ==, 0x80210030);
	g_assert_cmpmem(layout.facts.hcall_instructions, 16, sc, 16);
	g_assert_true(layout.facts.has_idle_hcall);
	g_assert_cmpuint(layout.facts.timebase_hz, ==, 400000000);
	g_assert_cmpuint(layout.facts.clock_hz, ==, 400000000);
	layout = layout_of("e5500", IOL_GIB, 1);
	g_assert_cmphex(layout.facts.pvr, ==, 0x80240020);
	g_assert_cmpmem(layout.facts.hcall_instructions, 16, sc1, 16);

	g_assert_cmpint(iol_arch_powerpc.layout(&request, &layout, NULL), ==, 0);
	g_assert_cmpmem(&layout.facts, sizeof(layout.facts), &request.facts, sizeof(request.facts));
}

static void test_arch(void)
{
	g_assert_true(iol_arch_find("powerpc") == &iol_arch_powerpc);
	g_assert_cmpuint(iol_arch_powerpc.elf_machine, ==, EM_PPC);
	g_assert_true(iol_arch_powerpc.seeds_in_tree);
#if !defined(__powerpc__)
	g_assert_null(iol_arch_powerpc.kvm);
#endif
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ppc/layout/machines", test_machines);
	g_test_add_func("/ppc/layout/geometry", test_geometry);
	g_test_add_func("/ppc/layout/ram", test_ram);
	g_test_add_func("/ppc/layout/refused", test_refused);
	g_test_add_func("/ppc/layout/disjoint", test_disjoint);
	g_test_add_func("/ppc/layout/devices", test_devices);
	g_test_add_func("/ppc/layout/facts", test_facts);
	g_test_add_func("/ppc/layout/arch", test_arch);
	return g_test_run();
}
