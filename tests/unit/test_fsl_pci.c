// SPDX-License-Identifier: Apache-2.0
/*
 * Freescale's PCI controller: each register, configuration accesses by all widths, its own function, and a
 * bus whose addresses are not those of CPUs.
 */
#include <iolite/fsl_pci.h>

#include <errno.h>
#include <glib.h>

#define BASE UINT64_C(0xfe0008000)
#define WINDOW UINT64_C(0xc00000000)
#define WINDOW_PCI UINT64_C(0xe0000000)
#define WINDOW_BYTES UINT64_C(0x20000000)

enum { SLOT = 3, BAR_BYTES = 0x1000, ABSENT_SLOT = 5 };

struct fixture {
	struct iol_bus bus;
	struct iol_device *host_dev, *dev;
	struct iol_pci_host *host;
	struct iol_pci_function fn;
};

static uint64_t bar_read(void *opaque, uint64_t offset, unsigned int len)
{
	(void)opaque;
	(void)len;
	return 0x1000000 | offset;
}

static void bar_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	(void)opaque;
	(void)offset;
	(void)len;
	(void)value;
}

static const struct iol_bus_ops bar_ops = {
	.read = bar_read,
	.write = bar_write,
};

static void add_function(struct fixture *f)
{
	static const struct iol_pci_identity identity = {
		.vendor = 0x1af4,
		.device = 0x1042,
		.class_code = 0x018000,
	};

	iol_pci_function_init(&f->fn, "test function", &identity);
	f->fn.bars[0] = (struct iol_pci_bar){
		.kind = IOL_PCI_BAR_MEM32,
		.size_bytes = BAR_BYTES,
		.ops = &bar_ops,
	};
	g_assert_cmpint(iol_pci_add(f->host, SLOT, &f->fn, NULL), ==, 0);
}

static void setup(struct fixture *f, const void *data)
{
	const struct iol_pci_host_config config = {
		.mmio = &f->bus,
		.window_base = WINDOW,
		.window_bytes = WINDOW_BYTES,
		.window_pci_base = WINDOW_PCI,
		.no_bridge = true,
	};

	(void)data;
	iol_bus_init(&f->bus);
	g_assert_cmpint(iol_pci_host_new(&config, &f->host_dev, NULL), ==, 0);
	/* It has no registers of its own. */
	g_assert_cmpuint(f->bus.count, ==, 0);
	f->host = iol_pci_host_of(f->host_dev);
	g_assert_cmpint(iol_fsl_pci_new(&f->bus, BASE, f->host, &f->dev, NULL), ==, 0);
	add_function(f);
}

static void teardown(struct fixture *f, const void *data)
{
	(void)data;
	iol_pci_remove(&f->fn);
	f->dev->ops->free(f->dev);
	g_assert_cmpuint(f->bus.count, ==, 0);
	f->host_dev->ops->free(f->host_dev);
	iol_bus_finish(&f->bus);
}

static void reset(struct fixture *f)
{
	f->dev->ops->reset(f->dev);
	f->host_dev->ops->reset(f->host_dev);
}

static uint64_t load_bytes(struct fixture *f, uint64_t offset, unsigned int len)
{
	uint64_t value;

	g_assert_true(iol_bus_read(&f->bus, BASE + offset, len, &value));
	return value & (UINT64_MAX >> (64 - 8 * len));
}

static void store_bytes(struct fixture *f, uint64_t offset, unsigned int len, uint64_t value)
{
	g_assert_true(iol_bus_write(&f->bus, BASE + offset, len, value));
}

/* As in_be32() and out_be32() of a guest. */
static uint32_t load(struct fixture *f, uint64_t offset)
{
	return iol_bus_be32(load_bytes(f, offset, 4));
}

static void store(struct fixture *f, uint64_t offset, uint32_t value)
{
	store_bytes(f, offset, 4, iol_bus_be32(value));
}

/* Linux's indirect_pci.c: the register's address, big-endian, then the bytes in the order of PCI. */
static uint64_t config_load(struct fixture *f, unsigned int slot, unsigned int offset,
			    unsigned int len)
{
	store(f, IOL_FSL_PCI_CFG_ADDR, 0x80000000 | slot << 11 | (offset & 0xfc));
	return load_bytes(f, IOL_FSL_PCI_CFG_DATA + (offset & 3), len);
}

static void config_store(struct fixture *f, unsigned int slot, unsigned int offset,
			 unsigned int len, uint64_t value)
{
	store(f, IOL_FSL_PCI_CFG_ADDR, 0x80000000 | slot << 11 | (offset & 0xfc));
	store_bytes(f, IOL_FSL_PCI_CFG_DATA + (offset & 3), len, value);
}

static void test_config_address(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_cmphex(load(f, IOL_FSL_PCI_CFG_ADDR), ==, 0);
	/* Not enabled: nobody answers, and nothing is written. */
	store(f, IOL_FSL_PCI_CFG_ADDR, SLOT << 11);
	g_assert_cmphex(load_bytes(f, IOL_FSL_PCI_CFG_DATA, 4), ==, UINT32_MAX);
	store(f, IOL_FSL_PCI_CFG_ADDR, SLOT << 11 | PCI_COMMAND);
	store_bytes(f, IOL_FSL_PCI_CFG_DATA, 4, UINT32_MAX);
	g_assert_cmphex(config_load(f, SLOT, PCI_COMMAND, 2), ==, 0);
	/* Reserved bits stay 0. Big-endian: the enable bit is in the byte at the address itself. */
	store(f, IOL_FSL_PCI_CFG_ADDR, UINT32_MAX);
	g_assert_cmphex(load(f, IOL_FSL_PCI_CFG_ADDR), ==, 0x80fffffc);
	store_bytes(f, IOL_FSL_PCI_CFG_ADDR, 4, 0x00000080);
	g_assert_cmphex(load(f, IOL_FSL_PCI_CFG_ADDR), ==, 0x80000000);
	/* Whole accesses only. */
	store_bytes(f, IOL_FSL_PCI_CFG_ADDR, 1, 0);
	store_bytes(f, IOL_FSL_PCI_CFG_ADDR, 2, 0);
	store_bytes(f, IOL_FSL_PCI_CFG_ADDR, 8, 0);
	store_bytes(f, IOL_FSL_PCI_CFG_ADDR + 1, 4, 0);
	g_assert_cmphex(load(f, IOL_FSL_PCI_CFG_ADDR), ==, 0x80000000);
	g_assert_cmphex(load_bytes(f, IOL_FSL_PCI_CFG_ADDR, 1), ==, 0xff);
	g_assert_cmphex(load_bytes(f, IOL_FSL_PCI_CFG_ADDR, 2), ==, 0xffff);
	g_assert_cmphex(load_bytes(f, IOL_FSL_PCI_CFG_ADDR, 8), ==, UINT64_MAX);
	g_assert_cmphex(load_bytes(f, IOL_FSL_PCI_CFG_ADDR + 2, 4), ==, UINT32_MAX);
	reset(f);
	g_assert_cmphex(load(f, IOL_FSL_PCI_CFG_ADDR), ==, 0);
}

static void test_config_data(struct fixture *f, const void *data)
{
	static const uint8_t bytes[] = { 0xf4, 0x1a, 0x42, 0x10 };

	(void)data;
	g_assert_cmphex(config_load(f, SLOT, PCI_VENDOR_ID, 4), ==, 0x10421af4);
	g_assert_cmphex(config_load(f, SLOT, PCI_VENDOR_ID, 2), ==, 0x1af4);
	g_assert_cmphex(config_load(f, SLOT, PCI_DEVICE_ID, 2), ==, 0x1042);
	for (unsigned int i = 0; i < G_N_ELEMENTS(bytes); i++)
		g_assert_cmphex(config_load(f, SLOT, i, 1), ==, bytes[i]);
	/* A processor that does not turn them sees them turned. */
	config_load(f, SLOT, PCI_VENDOR_ID, 4);
	g_assert_cmphex(load(f, IOL_FSL_PCI_CFG_DATA), ==, 0xf41a4210);

	config_store(f, SLOT, PCI_COMMAND, 2, PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	g_assert_cmphex(config_load(f, SLOT, PCI_COMMAND, 4), ==, 0x0404);
	config_store(f, SLOT, PCI_COMMAND + 1, 1, 0);
	g_assert_cmphex(config_load(f, SLOT, PCI_COMMAND, 2), ==, 0x0004);
	config_store(f, SLOT, PCI_INTERRUPT_LINE, 1, 0x5a);
	g_assert_cmphex(config_load(f, SLOT, PCI_INTERRUPT_LINE, 1), ==, 0x5a);
	config_store(f, SLOT, PCI_COMMAND, 4, 0);
	g_assert_cmphex(config_load(f, SLOT, PCI_COMMAND, 2), ==, 0);
	g_assert_cmphex(config_load(f, SLOT, PCI_INTERRUPT_LINE, 1), ==, 0x5a);
}

static void test_config_absent(struct fixture *f, const void *data)
{
	static const struct {
		unsigned int offset, len;
	} wrong[] = { { 0, 8 }, { 1, 4 }, { 2, 4 }, { 3, 2 }, { 3, 4 }, { 3, 8 } };

	(void)data;
	g_assert_cmphex(config_load(f, ABSENT_SLOT, PCI_VENDOR_ID, 4), ==, UINT32_MAX);
	config_store(f, ABSENT_SLOT, PCI_COMMAND, 2, UINT16_MAX);
	/* Another function, another bus, the special cycles of slot 31. */
	store(f, IOL_FSL_PCI_CFG_ADDR, 0x80000000 | SLOT << 11 | 1 << 8);
	g_assert_cmphex(load_bytes(f, IOL_FSL_PCI_CFG_DATA, 4), ==, UINT32_MAX);
	store(f, IOL_FSL_PCI_CFG_ADDR, 0x80010000 | SLOT << 11);
	g_assert_cmphex(load_bytes(f, IOL_FSL_PCI_CFG_DATA, 4), ==, UINT32_MAX);
	store(f, IOL_FSL_PCI_CFG_ADDR, 0x8000ff00);
	g_assert_cmphex(load_bytes(f, IOL_FSL_PCI_CFG_DATA, 4), ==, UINT32_MAX);
	store_bytes(f, IOL_FSL_PCI_CFG_DATA, 4, 0);
	/* No error is noted for any of them. */
	g_assert_cmphex(load(f, IOL_FSL_PCI_ERR_DR), ==, 0);
	/* What no register holds. */
	config_load(f, SLOT, PCI_COMMAND, 4);
	for (unsigned int i = 0; i < G_N_ELEMENTS(wrong); i++) {
		uint64_t at = IOL_FSL_PCI_CFG_DATA + wrong[i].offset;

		g_assert_cmphex(load_bytes(f, at, wrong[i].len), ==,
				UINT64_MAX >> (64 - 8 * wrong[i].len));
		store_bytes(f, at, wrong[i].len, UINT64_MAX);
	}
	g_assert_cmphex(config_load(f, SLOT, PCI_COMMAND, 2), ==, 0);
}

/* All of the 4 KiB: what is at reset, what can be written, what a reset makes of it. */
static void test_registers(struct fixture *f, const void *data)
{
	static const struct {
		uint64_t offset;
		uint32_t at_reset, writable;
	} known[] = {
		{ 0x000, 0, 0x80fffffc }, /* CFG_ADDR */
		{ 0xc00, 0, 0xffffffff }, /* POTAR0 */
		{ 0xc04, 0, 0x000fffff }, /* POTEAR0 */
		{ 0xc10, 0x8004401f, 0x100ff000 }, /* POWAR0 */
		{ 0xc20, 0, 0xffffffff }, /* POTAR1 */
		{ 0xc24, 0, 0x000fffff }, /* POTEAR1 */
		{ 0xc28, 0, 0x00ffffff }, /* POWBAR1 */
		{ 0xc30, 0, 0x900ff03f }, /* POWAR1 */
		{ 0xc40, 0, 0xffffffff },          { 0xc44, 0, 0x000fffff },
		{ 0xc48, 0, 0x00ffffff },          { 0xc50, 0, 0x900ff03f },
		{ 0xc60, 0, 0xffffffff },          { 0xc64, 0, 0x000fffff },
		{ 0xc68, 0, 0x00ffffff },          { 0xc70, 0, 0x900ff03f },
		{ 0xc80, 0, 0xffffffff },          { 0xc84, 0, 0x000fffff },
		{ 0xc88, 0, 0x00ffffff },          { 0xc90, 0, 0x900ff03f },
		{ 0xda0, 0, 0x00ffffff }, /* PITAR3 */
		{ 0xda8, 0, 0xffffffff }, /* PIWBAR3 */
		{ 0xdac, 0, 0x000fffff }, /* PIWBEAR3 */
		{ 0xdb0, 0, 0xa0fff03f }, /* PIWAR3 */
		{ 0xdc0, 0, 0x00ffffff },          { 0xdc8, 0, 0xffffffff },
		{ 0xdcc, 0, 0x000fffff },          { 0xdd0, 0, 0xa0fff03f },
		{ 0xde0, 0, 0x00ffffff },          { 0xde8, 0, 0x000fffff }, /* PIWBAR1 */
		{ 0xdf0, 0, 0xa0fff03f },          { 0xe04, 0, 0x000007ff }, /* ERR_CAP_DR */
		{ 0xe08, 0, 0x000007ff }, /* ERR_EN */
		{ 0xe0c, 0, 0xffffffff },          { 0xe10, 0, 0xffffffff },
		{ 0xe14, 0, 0xffffffff },          { 0xe18, 0, 0xffffffff },
		{ 0xe1c, 0, 0xffffffff },          { 0xe20, 0, 0xffffffff }, /* GAS_TIMR */
	};
	unsigned int next = 0;

	(void)data;
	for (uint64_t offset = 0; offset < IOL_FSL_PCI_BYTES; offset += 4) {
		bool is_known = next < G_N_ELEMENTS(known) && known[next].offset == offset;
		uint32_t at_reset = is_known ? known[next].at_reset : 0;
		uint32_t writable = is_known ? known[next].writable : 0;

		if (offset == IOL_FSL_PCI_CFG_DATA || offset == IOL_FSL_PCI_INT_ACK)
			continue;
		g_test_message("0x%03x", (unsigned int)offset);
		g_assert_cmphex(load(f, offset), ==, at_reset);
		store(f, offset, UINT32_MAX);
		g_assert_cmphex(load(f, offset), ==, at_reset | writable);
		store(f, offset, 0);
		g_assert_cmphex(load(f, offset), ==, at_reset & ~writable);
		store(f, offset, 0x12345678);
		g_assert_cmphex(load(f, offset), ==,
				(at_reset & ~writable) | (0x12345678 & writable));
		next += is_known;
	}
	g_assert_cmpuint(next, ==, G_N_ELEMENTS(known));
	reset(f);
	for (unsigned int i = 0; i < G_N_ELEMENTS(known); i++)
		g_assert_cmphex(load(f, known[i].offset), ==, known[i].at_reset);
}

static void test_widths(struct fixture *f, const void *data)
{
	(void)data;
	store(f, IOL_FSL_PCI_POTAR(1), 0x11223344);
	/* 32 bits, aligned, and nothing else. */
	g_assert_cmphex(load_bytes(f, IOL_FSL_PCI_POTAR(1), 1), ==, 0xff);
	g_assert_cmphex(load_bytes(f, IOL_FSL_PCI_POTAR(1), 2), ==, 0xffff);
	g_assert_cmphex(load_bytes(f, IOL_FSL_PCI_POTAR(1), 8), ==, UINT64_MAX);
	g_assert_cmphex(load_bytes(f, IOL_FSL_PCI_POTAR(1) + 2, 4), ==, UINT32_MAX);
	store_bytes(f, IOL_FSL_PCI_POTAR(1), 1, 0);
	store_bytes(f, IOL_FSL_PCI_POTAR(1), 2, 0);
	store_bytes(f, IOL_FSL_PCI_POTAR(1), 8, 0);
	store_bytes(f, IOL_FSL_PCI_POTAR(1) - 2, 4, 0);
	g_assert_cmphex(load(f, IOL_FSL_PCI_POTAR(1)), ==, 0x11223344);
	/* The last bytes. */
	g_assert_cmphex(load(f, IOL_FSL_PCI_BYTES - 4), ==, 0);
	g_assert_cmphex(load_bytes(f, IOL_FSL_PCI_BYTES - 1, 1), ==, 0xff);
	g_assert_false(iol_bus_read(&f->bus, BASE + IOL_FSL_PCI_BYTES - 4, 8, &(uint64_t){ 0 }));
	/* Nobody answers an interrupt acknowledge. */
	g_assert_cmphex(load(f, IOL_FSL_PCI_INT_ACK), ==, UINT32_MAX);
	store(f, IOL_FSL_PCI_INT_ACK, 0);
}

/* What Linux does with it: fsl_pci.c, setup_pci_cmd() and setup_pci_atmu(). */
static void test_bridge(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_cmphex(config_load(f, 0, PCI_VENDOR_ID, 4), ==, 0x00081057);
	/* A processor, in host mode: Linux hides its BARs then. */
	g_assert_cmphex(config_load(f, 0, PCI_CLASS_REVISION, 4) >> 8, ==, 0x0b2000);
	g_assert_cmphex(config_load(f, 0, PCI_HEADER_TYPE, 1), ==, 0);
	g_assert_cmphex(config_load(f, 0, PCI_STATUS, 2), ==, 0);
	config_store(f, 0, PCI_COMMAND, 2, UINT16_MAX);
	g_assert_cmphex(config_load(f, 0, PCI_COMMAND, 2), ==, 0x0547);
	config_store(f, 0, PCI_LATENCY_TIMER, 1, 0x87);
	g_assert_cmphex(config_load(f, 0, PCI_LATENCY_TIMER, 1), ==, 0x80);
	/* PCSRBAR is 1 MiB, and nothing is mapped for it. */
	g_assert_cmphex(config_load(f, 0, PCI_BASE_ADDRESS_0, 4), ==, 0);
	config_store(f, 0, PCI_BASE_ADDRESS_0, 4, UINT32_MAX);
	g_assert_cmphex(config_load(f, 0, PCI_BASE_ADDRESS_0, 4), ==, 0xfff00000);
	config_store(f, 0, PCI_BASE_ADDRESS_0, 4, 0xe0000000);
	g_assert_cmphex(config_load(f, 0, PCI_BASE_ADDRESS_0, 4), ==, 0xe0000000);
	g_assert_cmpuint(f->bus.count, ==, 1);
	for (unsigned int offset = PCI_BASE_ADDRESS_1; offset <= PCI_ROM_ADDRESS; offset += 4) {
		config_store(f, 0, offset, 4, UINT32_MAX);
		g_assert_cmphex(config_load(f, 0, offset, 4), ==, 0);
	}
	reset(f);
	g_assert_cmphex(config_load(f, 0, PCI_BASE_ADDRESS_0, 4), ==, 0);
	g_assert_cmphex(config_load(f, 0, PCI_COMMAND, 2), ==, 0);
}

static bool answers(struct fixture *f, uint64_t addr, uint64_t offset)
{
	uint64_t value;

	return iol_bus_read(&f->bus, addr, 4, &value) && value == (0x1000000 | offset);
}

/* The window is where it is, whatever its registers say. */
static void test_window(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_cmphex(config_load(f, SLOT, PCI_BASE_ADDRESS_0, 4), ==, WINDOW_PCI);
	config_store(f, SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	g_assert_true(answers(f, WINDOW + 0x10, 0x10));
	config_store(f, SLOT, PCI_BASE_ADDRESS_0, 4, WINDOW_PCI + 0x123000);
	g_assert_true(answers(f, WINDOW + 0x123010, 0x10));
	g_assert_false(answers(f, WINDOW + 0x10, 0x10));
	store(f, IOL_FSL_PCI_POTAR(1), 0x80000);
	store(f, IOL_FSL_PCI_POWBAR(1), 0x80000);
	store(f, IOL_FSL_PCI_POWAR(1), 0x8004401c);
	store(f, IOL_FSL_PCI_PIWAR(1), 0);
	g_assert_true(answers(f, WINDOW + 0x123010, 0x10));
	/* No CPU reaches what is outside, and I/O BARs there are none. */
	config_store(f, SLOT, PCI_BASE_ADDRESS_0, 4, WINDOW_PCI - BAR_BYTES);
	g_assert_cmpuint(f->bus.count, ==, 1);
	config_store(f, SLOT, PCI_BASE_ADDRESS_0, 4, WINDOW_PCI);
	g_assert_cmpuint(f->bus.count, ==, 2);
}

static void test_places(struct fixture *f, const void *data)
{
	struct iol_device *dev = NULL;
	struct iol_error err;

	(void)data;
	/* Slot 0 is taken by the first. */
	g_assert_cmpint(iol_fsl_pci_new(&f->bus, BASE + IOL_FSL_PCI_BYTES, f->host, &dev, &err), ==,
			-EEXIST);
	g_assert_cmpstr(err.msg, ==, "fsl-pci bridge: PCI slot 0 is taken by fsl-pci bridge");
	g_assert_cmpuint(f->bus.count, ==, 1);
	/* The registers' place is: the function goes again. */
	f->dev->ops->free(f->dev);
	g_assert_cmpint(iol_bus_add(&f->bus,
				    &(struct iol_bus_region){ .base = BASE + 0xffc,
							      .size_bytes = 4,
							      .name = "other",
							      .ops = &bar_ops },
				    NULL),
			==, 0);
	g_assert_cmpint(iol_fsl_pci_new(&f->bus, BASE, f->host, &dev, NULL), ==, -EEXIST);
	g_assert_null(dev);
	iol_bus_remove(&f->bus, BASE + 0xffc);
	g_assert_cmpint(iol_fsl_pci_new(&f->bus, BASE, f->host, &f->dev, NULL), ==, 0);
}

#define ADD(name, fn) g_test_add("/fsl-pci/" name, struct fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("config-address", test_config_address);
	ADD("config-data", test_config_data);
	ADD("config-absent", test_config_absent);
	ADD("registers", test_registers);
	ADD("widths", test_widths);
	ADD("bridge", test_bridge);
	ADD("window", test_window);
	ADD("places", test_places);
	return g_test_run();
}
