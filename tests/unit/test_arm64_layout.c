// SPDX-License-Identifier: Apache-2.0
/* Where RAM and devices of the aarch64 machine are, for every size, and which sizes a host has no room for. */
#include "arch/aarch64/arm64.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

static const struct iol_host_facts typical = { .gic_version = 3, .ipa_bits = 40 };

static void layout_of(uint64_t bytes, struct iol_layout *layout)
{
	const struct iol_layout_request request = {
		.memory_bytes = bytes,
		.cpus = 4,
		.serials = 1,
		.facts = typical,
	};
	struct iol_error err = { 0 };

	iol_arch_aarch64.layout(&request, layout, &err);
	g_assert_cmpstr(err.msg, ==, "");
}

static const struct iol_layout_device *device_of(const struct iol_layout *layout,
						 enum iol_layout_kind kind)
{
	for (unsigned int i = 0; i < layout->device_count; i++)
		if (layout->devices[i].kind == kind)
			return &layout->devices[i];
	return NULL;
}

static void test_arch(void)
{
	g_assert_true(iol_arch_find("aarch64") == &iol_arch_aarch64);
	g_assert_true(iol_arch_aarch64.seeds_in_tree);
	g_assert_cmpuint(iol_arch_aarch64.typical_host.gic_version, ==, 3);
	g_assert_cmpuint(iol_arch_aarch64.typical_host.ipa_bits, ==, 40);
	g_assert_cmpuint(iol_arch_aarch64.elf_machine, ==, 183);
	g_assert_null(iol_arch_find("arm64"));
	g_assert_null(iol_arch_find(""));
}

/* The text for messages names exactly those that can be found. */
static void test_names(void)
{
	g_auto(GStrv) names = g_regex_split_simple(", | or ", iol_arch_names(), 0, 0);

	g_assert_cmpuint(g_strv_length(names), >=, 2);
	for (unsigned int i = 0; names[i]; i++) {
		g_assert_nonnull(iol_arch_find(names[i]));
		g_assert_cmpstr(iol_arch_find(names[i])->name, ==, names[i]);
	}
	g_assert_true(g_strv_contains((const char *const *)names, "x86_64"));
	g_assert_true(g_strv_contains((const char *const *)names, "aarch64"));
	g_assert_nonnull(strstr(iol_arch_names(), " or "));
}

static void test_ram(void)
{
	static const uint64_t sizes[] = { 16 * IOL_MIB, 16 * IOL_MIB + 64 * IOL_KIB, IOL_GIB,
					  63 * IOL_GIB, 64 * IOL_GIB };
	struct iol_layout layout;

	for (unsigned int i = 0; i < G_N_ELEMENTS(sizes); i++) {
		layout_of(sizes[i], &layout);
		g_assert_cmpuint(layout.ram_count, ==, 1);
		g_assert_cmphex(layout.ram[0].gpa, ==, 0x40000000);
		g_assert_cmphex(layout.ram[0].size_bytes, ==, sizes[i]);
		g_assert_cmpuint(layout.cpus, ==, 4);
		g_assert_cmpstr(layout.machine, ==, "virt");
		g_assert_cmpuint(layout.facts.gic_version, ==, 3);
	}
}

/* Within the host's physical addresses, to the page. */
static void test_ipa_bits(void)
{
	/* clang-format off */
	static const struct {
		unsigned int bits;
		uint64_t bytes; /* the most that fits */
		const char *said;
	} cases[] = {
		{ 32, 3 * IOL_GIB, "32 bits of physical addresses, of which 3G are for memory" },
		{ 33, 7 * IOL_GIB, "33 bits of physical addresses, of which 7G are for memory" },
		{ 36, 63 * IOL_GIB, "36 bits of physical addresses, of which 63G are for memory" },
		{ 37, 64 * IOL_GIB, "memory of 65537M: an aarch64 machine has 16M to 64G" },
		{ 52, 64 * IOL_GIB, "16M to 64G" },
		{ 64, 64 * IOL_GIB, "16M to 64G" },
		{ 200, 64 * IOL_GIB, "16M to 64G" },
	};
	/* clang-format on */

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct iol_layout_request request = {
			.memory_bytes = cases[i].bytes,
			.cpus = 1,
			.serials = 1,
			.facts = { .gic_version = 3, .ipa_bits = cases[i].bits },
		};
		struct iol_layout layout;
		struct iol_error err = { 0 };

		iol_arch_aarch64.layout(&request, &layout, &err);
		g_assert_cmpstr(err.msg, ==, "");
		request.memory_bytes += IOL_MIB;
		g_assert_cmpint(iol_arch_aarch64.layout(&request, &layout, &err), ==, -EINVAL);
		g_assert_nonnull(strstr(err.msg, cases[i].said));
		g_assert_nonnull(strstr(err.msg, "memory of "));
	}
}

static void test_refused(void)
{
	/* clang-format off */
	static const struct {
		uint64_t bytes;
		unsigned int cpus, gic_version, ipa_bits;
		const char *machine;
		const char *message;
	} cases[] = {
		{ 0, 1, 3, 40, NULL, "memory of 0: an aarch64 machine has 16M to 64G" },
		{ 16 * IOL_MIB - 64 * IOL_KIB, 1, 3, 40, NULL, "16M to 64G" },
		{ 64 * IOL_GIB + 64 * IOL_KIB, 1, 3, 40, NULL, "16M to 64G" },
		{ UINT64_MAX, 1, 3, 40, NULL, "16M to 64G" },
		{ 16 * IOL_MIB + 4096, 1, 3, 40, NULL, "memory of 16388K: a multiple of 64K is needed" },
		{ IOL_GIB + 1, 1, 3, 40, NULL, "multiple of 64K" },
		{ 16 * IOL_MIB, 1, 3, 30, NULL,
		  "memory of 16M: this host gives a guest 30 bits of physical addresses, of which 0 are" },
		{ 16 * IOL_MIB, 1, 3, 0, NULL, "0 bits of physical addresses" },
		{ IOL_GIB, 0, 3, 40, NULL, "0 CPUs: an aarch64 machine has 1 to 64" },
		{ IOL_GIB, 65, 3, 40, NULL, "65 CPUs" },
		{ IOL_GIB, UINT32_MAX, 3, 40, NULL, "4294967295 CPUs" },
		{ IOL_GIB, 9, 2, 40, NULL,
		  "9 CPUs: this host's interrupt controller, a GICv2, takes 1 to 8" },
		{ IOL_GIB, 64, 2, 40, NULL, "a GICv2" },
		{ IOL_GIB, 1, 3, 40, "pc", "machine 'pc': aarch64 has only 'virt'" },
		{ IOL_GIB, 1, 3, 40, "", "machine '': aarch64 has only 'virt'" },
	};
	/* clang-format on */
	struct iol_layout layout;

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		const struct iol_layout_request request = {
			.memory_bytes = cases[i].bytes,
			.cpus = cases[i].cpus,
			.serials = 1,
			.machine = cases[i].machine,
			.facts = { .gic_version = cases[i].gic_version,
				   .ipa_bits = cases[i].ipa_bits },
		};
		struct iol_error err = { 0 };

		g_assert_cmpint(iol_arch_aarch64.layout(&request, &layout, &err), ==, -EINVAL);
		g_test_message("%s", err.msg);
		g_assert_nonnull(strstr(err.msg, cases[i].message));
	}
}

static void test_most_cpus(void)
{
	struct iol_layout_request request = {
		.memory_bytes = IOL_GIB,
		.cpus = 64,
		.serials = 1,
		.machine = "virt",
		.facts = typical,
	};
	struct iol_layout layout;

	g_assert_cmpint(iol_arch_aarch64.layout(&request, &layout, NULL), ==, 0);
	g_assert_cmpuint(layout.cpus, ==, 64);
	request.cpus = 8;
	request.facts.gic_version = 2;
	g_assert_cmpint(iol_arch_aarch64.layout(&request, &layout, NULL), ==, 0);
}

/* Devices are disjoint, outside RAM and the interrupt controller, and each is there once. */
static void test_devices(void)
{
	const uint64_t gic_end = IOL_ARM64_GICR + 64 * IOL_ARM64_GICR_CPU_BYTES;
	unsigned int kinds = 0;
	struct iol_layout layout;

	g_assert_cmphex(gic_end, ==, 0x088a0000);
	layout_of(64 * IOL_GIB, &layout);
	for (unsigned int i = 0; i < layout.device_count; i++) {
		const struct iol_layout_device *a = &layout.devices[i];

		kinds |= 1u << a->kind;
		g_assert_cmpint(a->space, ==, IOL_LAYOUT_MMIO);
		g_assert_cmpuint(a->size_bytes, >, 0);
		g_assert_cmpuint(a->bus, ==, 0);
		g_assert_cmphex(a->base, >=, gic_end);
		g_assert_cmphex(a->base + a->size_bytes, <=, layout.ram[0].gpa);
		g_assert_cmpuint(a->gsi, <, layout.irq_pins);
		g_assert_true(!a->gsi || a->gsi < layout.slot_gsi);
		for (unsigned int j = 0; j < i; j++) {
			const struct iol_layout_device *b = &layout.devices[j];

			g_assert_true(a->kind != b->kind);
			g_assert_true(a->base + a->size_bytes <= b->base ||
				      b->base + b->size_bytes <= a->base);
			g_assert_true(!a->gsi || a->gsi != b->gsi);
		}
	}
	g_assert_cmphex(kinds, ==,
			1u << IOL_LAYOUT_UART | 1u << IOL_LAYOUT_PL031 | 1u << IOL_LAYOUT_PL061 |
				1u << IOL_LAYOUT_VIRTIO_MMIO | 1u << IOL_LAYOUT_PCI_ECAM |
				1u << IOL_LAYOUT_PCI_WINDOW | 1u << IOL_LAYOUT_PVPANIC);
}

static void test_places(void)
{
	/* clang-format off */
	static const struct iol_layout_device expected[] = {
		{ IOL_LAYOUT_UART, IOL_LAYOUT_MMIO, 0x09000000, 8, 1, false, 0, 0, 0 },
		{ IOL_LAYOUT_PL031, IOL_LAYOUT_MMIO, 0x09010000, 0x1000, 0, false, 0, 0, 0 },
		{ IOL_LAYOUT_PL061, IOL_LAYOUT_MMIO, 0x09020000, 0x1000, 2, false, 0, 0, 0 },
		{ IOL_LAYOUT_VIRTIO_MMIO, IOL_LAYOUT_MMIO, 0x0a000000, 0x20000, 0, false, 0, 0, 0 },
		{ IOL_LAYOUT_PCI_ECAM, IOL_LAYOUT_MMIO, 0x3f000000, 0x100000, 0, false, 0, 0, 0 },
		{ IOL_LAYOUT_PCI_WINDOW, IOL_LAYOUT_MMIO, 0x10000000, 0x2f000000, 0, false, 0, 0, 0 },
		{ IOL_LAYOUT_PVPANIC, IOL_LAYOUT_MMIO, 0x09060000, 1, 0, false, 0, 0, 0 },
	};
	/* clang-format on */
	struct iol_layout layout;

	layout_of(IOL_GIB, &layout);
	for (unsigned int i = 0; i < G_N_ELEMENTS(expected); i++) {
		const struct iol_layout_device *dev = device_of(&layout, expected[i].kind);

		g_assert_nonnull(dev);
		g_assert_cmphex(dev->base, ==, expected[i].base);
		g_assert_cmphex(dev->size_bytes, ==, expected[i].size_bytes);
		g_assert_cmpuint(dev->gsi, ==, expected[i].gsi);
		g_assert_cmpint(dev->level, ==, expected[i].level);
		g_assert_cmphex(dev->pci_base, ==, expected[i].pci_base);
	}
	g_assert_cmpuint(layout.irq_pins, ==, 32);
	g_assert_cmpuint(layout.slot_gsi, ==, 16);
	g_assert_cmpuint(layout.slot_gsi_count, ==, 8);
}

/* As KVM numbers its vCPUs: 16 in a cluster. */
static void test_affinity(void)
{
	g_assert_cmphex(iol_arm64_affinity(0), ==, 0);
	g_assert_cmphex(iol_arm64_affinity(15), ==, 0xf);
	g_assert_cmphex(iol_arm64_affinity(16), ==, 0x100);
	g_assert_cmphex(iol_arm64_affinity(63), ==, 0x30f);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/arm64-layout/arch", test_arch);
	g_test_add_func("/arm64-layout/names", test_names);
	g_test_add_func("/arm64-layout/ram", test_ram);
	g_test_add_func("/arm64-layout/ipa-bits", test_ipa_bits);
	g_test_add_func("/arm64-layout/refused", test_refused);
	g_test_add_func("/arm64-layout/most-cpus", test_most_cpus);
	g_test_add_func("/arm64-layout/devices", test_devices);
	g_test_add_func("/arm64-layout/places", test_places);
	g_test_add_func("/arm64-layout/affinity", test_affinity);
	return g_test_run();
}
