// SPDX-License-Identifier: Apache-2.0
/* Where RAM and devices of the x86_64 machine lie, and the memory map made of it. */
#include "arch/x86_64/x86.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

static void layout_of(uint64_t bytes, struct iol_layout *layout)
{
	struct iol_error err = { 0 };

	iol_arch_x86_64.layout(
		&(struct iol_layout_request){ .memory_bytes = bytes, .cpus = 1, .serials = 1 },
		layout, &err);
	g_assert_cmpstr(err.msg, ==, "");
}

static void test_ram(void)
{
	static const struct {
		uint64_t bytes;
		unsigned int count;
		uint64_t low, high;
	} cases[] = {
		{ IOL_MIB, 1, IOL_MIB, 0 },
		{ 128 * IOL_MIB, 1, 128 * IOL_MIB, 0 },
		{ 3 * IOL_GIB - 4096, 1, 3 * IOL_GIB - 4096, 0 },
		{ 3 * IOL_GIB, 1, 3 * IOL_GIB, 0 },
		{ 3 * IOL_GIB + 4096, 2, 3 * IOL_GIB, 4096 },
		{ 5 * IOL_GIB, 2, 3 * IOL_GIB, 2 * IOL_GIB },
		{ 64 * IOL_GIB, 2, 3 * IOL_GIB, 61 * IOL_GIB },
	};
	struct iol_layout layout;

	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		layout_of(cases[i].bytes, &layout);
		g_assert_cmpuint(layout.ram_count, ==, cases[i].count);
		g_assert_cmpuint(layout.ram[0].gpa, ==, 0);
		g_assert_cmpuint(layout.ram[0].size_bytes, ==, cases[i].low);
		g_assert_cmpuint(iol_x86_low_ram_end(&layout), ==, cases[i].low);
		if (layout.ram_count == 1)
			continue;
		g_assert_cmpuint(layout.ram[1].gpa, ==, 4 * IOL_GIB);
		g_assert_cmpuint(layout.ram[1].size_bytes, ==, cases[i].high);
	}
}

static void test_refused(void)
{
	static const struct {
		uint64_t bytes;
		unsigned int cpus;
		const char *message;
		const char *machine;
	} cases[] = {
		{ IOL_GIB, 1, "machine 'q35': x86_64 has only 'pc'", "q35" },
		{ IOL_GIB, 1, "machine '': x86_64 has only 'pc'", "" },
		{ 0, 1, "memory of 0: an x86_64 machine has 1M to 64G", NULL },
		{ IOL_MIB - 4096, 1, "1M to 64G", NULL },
		{ 64 * IOL_GIB + 4096, 1, "1M to 64G", NULL },
		{ UINT64_MAX, 1, "1M to 64G", NULL },
		{ IOL_MIB + 1, 1, "multiple of 4K", NULL },
		{ 2 * IOL_MIB - 2048, 1, "multiple of 4K", NULL },
		{ IOL_GIB, 0, "0 CPUs: an x86_64 machine has 1 to 64", NULL },
		{ IOL_GIB, 65, "65 CPUs", NULL },
		{ IOL_GIB, UINT32_MAX, "4294967295 CPUs", NULL },
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

		g_assert_cmpint(iol_arch_x86_64.layout(&request, &layout, &err), ==, -EINVAL);
		g_assert_nonnull(strstr(err.msg, cases[i].message));
	}
}

/* Devices are disjoint in their space, outside RAM, and one of each kind. */
static void test_devices(void)
{
	static const enum iol_layout_kind ours[] = {
		IOL_LAYOUT_UART,       IOL_LAYOUT_RTC,         IOL_LAYOUT_I8042,
		IOL_LAYOUT_ACPI_PM,    IOL_LAYOUT_PCI_CONF1,   IOL_LAYOUT_PCI_ECAM,
		IOL_LAYOUT_PCI_WINDOW, IOL_LAYOUT_VIRTIO_MMIO, IOL_LAYOUT_PVPANIC,
	};
	unsigned int kinds = 0, wanted = 0;
	struct iol_layout layout;

	layout_of(64 * IOL_GIB, &layout);
	for (unsigned int i = 0; i < layout.device_count; i++) {
		const struct iol_layout_device *a = &layout.devices[i];

		kinds |= 1u << a->kind;
		g_assert_cmpuint(a->size_bytes, >, 0);
		for (unsigned int j = 0; j < i; j++) {
			const struct iol_layout_device *b = &layout.devices[j];

			g_assert_true(a->kind != b->kind);
			g_assert_true(a->space != b->space || a->base + a->size_bytes <= b->base ||
				      b->base + b->size_bytes <= a->base);
			g_assert_true(!a->gsi || a->gsi != b->gsi);
		}
		if (a->space == IOL_LAYOUT_PIO) {
			g_assert_cmpuint(a->base + a->size_bytes, <=, 0x10000);
			continue;
		}
		for (unsigned int j = 0; j < layout.ram_count; j++)
			g_assert_true(a->base + a->size_bytes <= layout.ram[j].gpa ||
				      a->base >= layout.ram[j].gpa + layout.ram[j].size_bytes);
	}
	for (unsigned int i = 0; i < G_N_ELEMENTS(ours); i++)
		wanted |= 1u << ours[i];
	g_assert_cmphex(kinds, ==, wanted);
}

/* Serial ports have an edge each that nobody else has. */
static void test_serials(void)
{
	for (unsigned int count = 0; count <= IOL_LAYOUT_SERIALS_MAX; count++) {
		const struct iol_layout_request request = {
			.memory_bytes = IOL_GIB,
			.cpus = 1,
			.serials = count,
		};
		unsigned int found = 0, gsis = 0;
		struct iol_layout layout;

		g_assert_cmpint(iol_arch_x86_64.layout(&request, &layout, NULL), ==, 0);
		for (unsigned int i = 0; i < layout.device_count; i++) {
			const struct iol_layout_device *dev = &layout.devices[i];

			g_assert_true(!dev->gsi || !(gsis >> dev->gsi & 1));
			gsis |= 1u << dev->gsi & ~1u;
			if (dev->kind == IOL_LAYOUT_UART)
				g_assert_cmpuint(dev->nth, ==, found++);
		}
		g_assert_cmpuint(found, ==, count);
	}
}

/* What virtio-mmio devices and PCI functions build upon. */
static void test_slots(void)
{
	struct iol_layout layout;

	layout_of(IOL_GIB, &layout);
	g_assert_cmpuint(layout.irq_pins, ==, 24);
	g_assert_cmpuint(layout.slot_gsi, ==, 16);
	g_assert_cmpuint(layout.slot_gsi_count, ==, 8);
	for (unsigned int i = 0; i < layout.device_count; i++) {
		const struct iol_layout_device *dev = &layout.devices[i];

		if (dev->kind == IOL_LAYOUT_VIRTIO_MMIO) {
			g_assert_cmphex(dev->base, ==, 0xf0000000);
			g_assert_cmphex(dev->size_bytes, ==,
					IOL_LAYOUT_SLOTS * IOL_LAYOUT_SLOT_BYTES);
		}
		/* No edge of a device of the board on a pin that slots share. */
		g_assert_cmpuint(dev->gsi, <, layout.slot_gsi);
	}
}

static enum iol_x86_e820_type type_at(const struct iol_x86_e820 *map, unsigned int count,
				      uint64_t gpa)
{
	for (unsigned int i = 0; i < count; i++) {
		if (gpa >= map[i].base && gpa - map[i].base < map[i].size_bytes)
			return map[i].type;
	}
	return 0;
}

static void test_e820(void)
{
	static const uint64_t sizes[] = { IOL_MIB,     IOL_MIB + 4096, IOL_GIB,
					  3 * IOL_GIB, 5 * IOL_GIB,    64 * IOL_GIB };
	struct iol_x86_e820 map[IOL_X86_E820_MAX];
	struct iol_layout layout;

	for (unsigned int i = 0; i < G_N_ELEMENTS(sizes); i++) {
		uint64_t end = 0, ram = 0;
		unsigned int count;

		layout_of(sizes[i], &layout);
		count = iol_x86_e820(&layout, map);
		g_assert_cmpuint(count, <=, IOL_X86_E820_MAX);
		for (unsigned int j = 0; j < count; j++) {
			g_assert_cmpuint(map[j].base, >=, end);
			g_assert_cmpuint(map[j].size_bytes, >, 0);
			end = map[j].base + map[j].size_bytes;
			if (map[j].type == IOL_X86_E820_RAM)
				ram += map[j].size_bytes;
			if (map[j].type == IOL_X86_E820_RAM && map[j].base >= IOL_MIB)
				g_assert_cmpuint(map[j].base % 4096 + end % 4096, ==, 0);
		}
		g_assert_cmpuint(ram, ==, sizes[i] - (IOL_MIB - IOL_X86_EBDA));

		g_assert_cmpint(type_at(map, count, 0), ==, IOL_X86_E820_RAM);
		g_assert_cmpint(type_at(map, count, 0x9fbff), ==, IOL_X86_E820_RAM);
		g_assert_cmpint(type_at(map, count, 0x9fc00), ==, IOL_X86_E820_RESERVED);
		g_assert_cmpint(type_at(map, count, 0xdffff), ==, IOL_X86_E820_RESERVED);
		g_assert_cmpint(type_at(map, count, 0xe0000), ==, IOL_X86_E820_ACPI);
		g_assert_cmpint(type_at(map, count, 0xeffff), ==, IOL_X86_E820_ACPI);
		g_assert_cmpint(type_at(map, count, 0xf0000), ==, IOL_X86_E820_RESERVED);
		g_assert_cmpint(type_at(map, count, 0xfffff), ==, IOL_X86_E820_RESERVED);
		g_assert_cmpint(type_at(map, count, IOL_X86_PCI_WINDOW), ==, 0);
		g_assert_cmpint(type_at(map, count, IOL_X86_ECAM), ==, IOL_X86_E820_RESERVED);
		g_assert_cmpint(type_at(map, count, IOL_X86_ECAM + IOL_MIB - 1), ==,
				IOL_X86_E820_RESERVED);
		g_assert_cmpint(type_at(map, count, IOL_X86_VIRTIO_MMIO - 1), ==, 0);
		g_assert_cmpint(type_at(map, count, IOL_X86_VIRTIO_MMIO), ==,
				IOL_X86_E820_RESERVED);
		g_assert_cmpint(type_at(map, count, 0xf001ffff), ==, IOL_X86_E820_RESERVED);
		g_assert_cmpint(type_at(map, count, 0xf0020000), ==, 0);
		g_assert_cmpint(type_at(map, count, IOL_X86_KVM_TSS), ==, IOL_X86_E820_RESERVED);
		g_assert_cmpint(type_at(map, count, sizes[i] - 1), ==,
				sizes[i] == IOL_MIB ? IOL_X86_E820_RESERVED
				: sizes[i] > 3 * IOL_GIB && sizes[i] <= 4 * IOL_GIB
					? 0
					: IOL_X86_E820_RAM);
	}
}

static void test_host(void)
{
	const struct iol_arch *host = iol_arch_host();

#if defined(__x86_64__)
	g_assert_true(host == &iol_arch_x86_64);
#else
	g_assert_true(host != &iol_arch_x86_64);
#endif
	g_assert_cmpstr(iol_arch_x86_64.name, ==, "x86_64");
	g_assert_cmpuint(iol_arch_x86_64.elf_machine, ==, 62);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/x86/layout/ram", test_ram);
	g_test_add_func("/x86/layout/refused", test_refused);
	g_test_add_func("/x86/layout/devices", test_devices);
	g_test_add_func("/x86/layout/serials", test_serials);
	g_test_add_func("/x86/layout/slots", test_slots);
	g_test_add_func("/x86/layout/e820", test_e820);
	g_test_add_func("/x86/layout/host", test_host);
	return g_test_run();
}
