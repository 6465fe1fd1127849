// SPDX-License-Identifier: Apache-2.0
/* A PCI bus whose addresses are not those of CPUs, and configuration accesses by other devices' registers. */
#include "pci_rig.h"

#define FAR_WINDOW UINT64_C(0xc00000000)
#define FAR_WINDOW_PCI UINT64_C(0xe0000000)
#define FAR_WINDOW_BYTES UINT64_C(0x20000000)

/* Replaces the fixture's host by one with that window, without a bridge; @fn is in slot 1. */
static void far_host(struct fixture *f)
{
	struct iol_pci_host_config config = {
		.mmio = &f->mmio,
		.ecam_base = ECAM,
		.ecam_bytes = ECAM_BYTES,
		.window_base = FAR_WINDOW,
		.window_bytes = FAR_WINDOW_BYTES,
		.window_pci_base = FAR_WINDOW_PCI,
		.no_bridge = true,
	};

	f->dev->ops->free(f->dev);
	g_assert_cmpint(iol_pci_host_new(&config, &f->dev, NULL), ==, 0);
	f->host = iol_pci_host_of(f->dev);
	g_assert_cmphex(get(f, 0, PCI_VENDOR_ID, 4), ==, ABSENT);
	f->fn.bar_moved = see_move;
	set_bar(&f->fn, 0, IOL_PCI_BAR_MEM32, 0x1000);
	set_bar(&f->fn, 2, IOL_PCI_BAR_MEM64, 0x4000);
	g_assert_cmpint(iol_pci_add(f->host, 1, &f->fn, NULL), ==, 0);
}

static void test_window_addresses(struct fixture *f, const void *data)
{
	(void)data;
	far_host(f);
	/* Registers have the bus's addresses, at reset and after it. */
	for (int round = 0; round < 2; round++) {
		g_assert_cmphex(get(f, 1, PCI_BASE_ADDRESS_0, 4), ==, 0xe0000000);
		g_assert_cmphex(get(f, 1, PCI_BASE_ADDRESS_2, 4), ==, 0xe0004004);
		g_assert_cmphex(get(f, 1, PCI_BASE_ADDRESS_3, 4), ==, 0);
		g_assert_cmpuint(f->mmio.count, ==, 1);
		put(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
		/* CPUs, and who is told of moves, have theirs. */
		g_assert_true(decoded(&f->mmio, FAR_WINDOW + 0xfff, 0, 0xfff));
		g_assert_true(decoded(&f->mmio, FAR_WINDOW + 0x4000, 2, 0));
		g_assert_false(decoded(&f->mmio, FAR_WINDOW_PCI, 0, 0));
		g_assert_cmphex(f->bases[0], ==, FAR_WINDOW);
		g_assert_cmphex(f->bases[2], ==, FAR_WINDOW + 0x4000);
		g_assert_cmphex(f->fn.bars[2].mapped_base, ==, FAR_WINDOW + 0x4000);
		expect_moves(f, 2, 0);
		/* The same once more is no move. */
		put(f, 1, PCI_BASE_ADDRESS_0, 4, 0xe0000000);
		expect_moves(f, 0, 0);
		put(f, 1, PCI_BASE_ADDRESS_0, 4, 0xf2345000);
		g_assert_true(decoded(&f->mmio, FAR_WINDOW + 0x12345010, 0, 0x10));
		expect_moves(f, 1, 1);
		f->dev->ops->reset(f->dev);
		expect_moves(f, 0, 2);
	}
}

/* Outside of the window, partly or wholly, no CPU reaches it. */
static void test_window_ends(struct fixture *f, const void *data)
{
	static const struct {
		uint32_t high, low;
		bool reached;
	} cases[] = {
		{ 0, 0xe0000000, true },
		{ 0, 0xdfffc000, false },
		{ 0, 0xffff8000, true },
		{ 0, 0xffffc000, true }, /* a 64-bit one may end at 4 GiB */
		{ 1, 0xe0000000, false },
		{ 1, 0, false },
		{ 0, 0, false },
		{ 0, 0x40000000, false },
		{ 0xc, 0, false },
		{ 0xffffffff, 0xe0000000, false },
	};
	uint64_t place;

	(void)data;
	far_host(f);
	put(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	put(f, 1, PCI_BASE_ADDRESS_0, 4, 0xe8000000); /* out of the way */
	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_test_message("0x%08x%08x", cases[i].high, cases[i].low);
		put(f, 1, PCI_BASE_ADDRESS_2, 4, 0);
		put(f, 1, PCI_BASE_ADDRESS_3, 4, cases[i].high);
		put(f, 1, PCI_BASE_ADDRESS_2, 4, cases[i].low);
		place = FAR_WINDOW + cases[i].low - FAR_WINDOW_PCI;
		g_assert_cmphex(f->bases[2], ==, cases[i].reached ? place : 0);
		g_assert_cmpuint(f->mmio.count, ==, cases[i].reached ? 3 : 2);
	}
	/* The last page is where sizing puts one of 32 bits. */
	put(f, 1, PCI_BASE_ADDRESS_0, 4, 0xfffff000);
	g_assert_cmphex(f->bases[0], ==, 0);
	put(f, 1, PCI_BASE_ADDRESS_0, 4, 0xffffe000);
	g_assert_cmphex(f->bases[0], ==, FAR_WINDOW + 0x1fffe000);
}

/* BARs are never given a place where they would not decode: here the window ends at 4 GiB. */
static void test_window_full(struct fixture *f, const void *data)
{
	struct iol_pci_function large;
	struct iol_error err;

	(void)data;
	far_host(f);
	init_function(&large);
	set_bar(&large, 0, IOL_PCI_BAR_MEM32, 0x10000000);
	g_assert_cmpint(iol_pci_add(f->host, 2, &large, &err), ==, -ENOSPC);
	g_assert_cmpstr(err.msg, ==,
			"test function: no room for PCI BAR 0 of 0x10000000 bytes in the window at "
			"0xe0000000");
	set_bar(&large, 0, IOL_PCI_BAR_MEM32, 0x8000000);
	g_assert_cmpint(iol_pci_add(f->host, 2, &large, NULL), ==, 0);
	g_assert_cmphex(get(f, 2, PCI_BASE_ADDRESS_0, 4), ==, 0xe8000000);
	put(f, 2, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	g_assert_true(decoded(&f->mmio, FAR_WINDOW + 0x8000000, 0, 0));
	iol_pci_remove(&large);
}

/* Configuration accesses of other devices' registers. */
static void test_config_access(struct fixture *f, const void *data)
{
	struct iol_pci_place place;

	(void)data;
	add_bars(f);
	g_assert_false(iol_pci_place_of(0x00fffffc, 0, &place));
	g_assert_true(iol_pci_place_of(0x80120b3c, 2, &place));
	g_assert_cmphex(place.bus, ==, 0x12);
	g_assert_cmphex(place.devfn, ==, 0x0b);
	g_assert_cmphex(place.offset, ==, 0x3e);

	g_assert_true(iol_pci_place_of(0x80000800, 0, &place));
	g_assert_cmphex(iol_pci_config_read(f->host, &place, 4), ==, 0x10421af4);
	g_assert_cmphex(iol_pci_config_read(f->host, &place, 8), ==, UINT64_MAX);
	place.offset = PCI_COMMAND;
	iol_pci_config_write(f->host, &place, 8, UINT64_MAX);
	iol_pci_config_write(f->host, &place, 2, PCI_COMMAND_MEMORY);
	g_assert_cmphex(get(f, 1, PCI_COMMAND, 2), ==, PCI_COMMAND_MEMORY);
	g_assert_true(decoded(&f->mmio, 0xc0001000, 0, 0));
	place.offset = IOL_PCI_CONFIG_BYTES;
	g_assert_cmphex(iol_pci_config_read(f->host, &place, 4), ==, UINT64_MAX);
	place = (struct iol_pci_place){ .bus = 1, .devfn = 8 };
	g_assert_cmphex(iol_pci_config_read(f->host, &place, 4), ==, UINT64_MAX);
}

#define ADD(name, fn) g_test_add("/pci-window/" name, struct fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("addresses", test_window_addresses);
	ADD("ends", test_window_ends);
	ADD("full", test_window_full);
	ADD("config-access", test_config_access);
	return g_test_run();
}
