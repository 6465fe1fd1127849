/* SPDX-License-Identifier: Apache-2.0 */
/* A PC's PCI host and a function for it, to read and write as a guest, for tests of the host. */
#ifndef IOLITE_TESTS_PCI_RIG_H
#define IOLITE_TESTS_PCI_RIG_H

#include <iolite/pci.h>

#include <errno.h>
#include <glib.h>

#include <iolite/log.h>

enum { CONF1 = 0xcf8, SERIAL = 0x3f8 };

#define ECAM UINT64_C(0xe0000000)
#define ECAM_BYTES (2 * IOL_PCI_ECAM_BUS_BYTES)
#define WINDOW UINT64_C(0xc0001000)
#define WINDOW_BYTES UINT64_C(0x00fff000)
#define ABSENT UINT64_C(0xffffffff)

struct fixture {
	struct iol_event_sink sink;
	unsigned int events[IOL_EVENT_COUNT];
	struct iol_bus pio, mmio;
	struct iol_device *dev;
	struct iol_pci_host *host;
	struct iol_pci_function fn;
	/* What the hooks saw last. */
	unsigned int reads, writes, offset, len;
	/* What bar_moved said: how often of each, and where each BAR is (0: nowhere). */
	unsigned int maps, unmaps;
	uint64_t bases[IOL_PCI_BARS];
};

static inline void count_event(struct iol_event_sink *sink, enum iol_event event)
{
	struct fixture *f = iol_container_of(sink, struct fixture, sink);

	f->events[event]++;
}

/* BAR registers that read as where they are. */
static inline uint64_t bar_read(void *opaque, uint64_t offset, unsigned int len)
{
	(void)len;
	return (uintptr_t)opaque + offset;
}

static inline void bar_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
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

static inline void *bar_tag(unsigned int idx)
{
	return (void *)(uintptr_t)(0x10000 * (idx + 1));
}

static inline void set_bar(struct iol_pci_function *fn, unsigned int idx,
			   enum iol_pci_bar_kind kind, uint64_t size_bytes)
{
	fn->bars[idx].kind = kind;
	fn->bars[idx].size_bytes = size_bytes;
	fn->bars[idx].ops = &bar_ops;
	fn->bars[idx].dev = bar_tag(idx);
}

static inline void init_function(struct iol_pci_function *fn)
{
	static const struct iol_pci_identity identity = {
		.vendor = 0x1af4,
		.device = 0x1042,
		.subsystem_vendor = 0x1234,
		.subsystem = 0x5678,
		.class_code = 0x018000,
		.revision = 1,
	};

	iol_pci_function_init(fn, "test function", &identity);
}

static inline void setup(struct fixture *f, const void *data)
{
	struct iol_pci_host_config config = {
		.pio = &f->pio,
		.conf1_base = CONF1,
		.mmio = &f->mmio,
		.ecam_base = ECAM,
		.ecam_bytes = ECAM_BYTES,
		.window_base = WINDOW,
		.window_bytes = WINDOW_BYTES,
		.sink = &f->sink,
	};

	(void)data;
	f->sink.raise = count_event;
	iol_bus_init(&f->pio);
	iol_bus_init(&f->mmio);
	g_assert_cmpint(iol_pci_host_new(&config, &f->dev, NULL), ==, 0);
	f->host = iol_pci_host_of(f->dev);
	init_function(&f->fn);
}

static inline void teardown(struct fixture *f, const void *data)
{
	(void)data;
	for (unsigned int i = 0; i < IOL_EVENT_COUNT; i++)
		g_assert_cmpuint(i == IOL_EVENT_RESET ? 0 : f->events[i], ==, 0);
	iol_pci_remove(&f->fn);
	f->dev->ops->free(f->dev);
	g_assert_cmpuint(f->pio.count, ==, 0);
	g_assert_cmpuint(f->mmio.count, ==, 0);
	iol_bus_finish(&f->mmio);
	iol_bus_finish(&f->pio);
}

static inline uint64_t mask(unsigned int len)
{
	return UINT64_MAX >> (64 - 8 * len);
}

static inline uint64_t in(struct fixture *f, uint64_t port, unsigned int len)
{
	uint64_t value;

	g_assert_true(iol_bus_read(&f->pio, port, len, &value));
	return value & mask(len);
}

static inline void out(struct fixture *f, uint64_t port, unsigned int len, uint64_t value)
{
	g_assert_true(iol_bus_write(&f->pio, port, len, value));
}

/* Configuration accesses by ECAM. */
static inline uint64_t get(struct fixture *f, unsigned int slot, unsigned int offset,
			   unsigned int len)
{
	uint64_t value;

	g_assert_true(iol_bus_read(&f->mmio, ECAM + slot * UINT64_C(0x8000) + offset, len, &value));
	return value & mask(len);
}

static inline void put(struct fixture *f, unsigned int slot, unsigned int offset, unsigned int len,
		       uint64_t value)
{
	g_assert_true(iol_bus_write(&f->mmio, ECAM + slot * UINT64_C(0x8000) + offset, len, value));
}

static inline bool decoded(struct iol_bus *bus, uint64_t addr, unsigned int idx, uint64_t offset)
{
	uint64_t value;

	return iol_bus_read(bus, addr, 1, &value) && value == (uintptr_t)bar_tag(idx) + offset;
}

static inline void add_bars(struct fixture *f)
{
	set_bar(&f->fn, 0, IOL_PCI_BAR_MEM32, 0x1000);
	set_bar(&f->fn, 1, IOL_PCI_BAR_IO, 0x20);
	set_bar(&f->fn, 2, IOL_PCI_BAR_MEM64, 0x4000);
	f->fn.bars[2].prefetchable = true;
	set_bar(&f->fn, 5, IOL_PCI_BAR_MEM32, 0x1000);
	g_assert_cmpint(iol_pci_add(f->host, 1, &f->fn, NULL), ==, 0);
}

static inline void see_move(struct iol_pci_function *fn, unsigned int bar, bool mapped,
			    uint64_t base)
{
	struct fixture *f = iol_container_of(fn, struct fixture, fn);

	g_assert_cmpuint(bar, <, IOL_PCI_BARS);
	/* It goes before it comes, and comes once. */
	g_assert_true(mapped == !f->bases[bar]);
	g_assert_true(mapped == (base != 0));
	g_assert_true(fn->bars[bar].mapped == mapped);
	f->bases[bar] = base;
	if (mapped)
		f->maps++;
	else
		f->unmaps++;
}

static inline void expect_moves(struct fixture *f, unsigned int maps, unsigned int unmaps)
{
	g_assert_cmpuint(f->maps, ==, maps);
	g_assert_cmpuint(f->unmaps, ==, unmaps);
	f->maps = f->unmaps = 0;
}

#endif
