// SPDX-License-Identifier: Apache-2.0
/* The PCI host: both configuration mechanisms, reset control, BARs, capabilities. */
#include "pci_rig.h"

static void test_host_bridge(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_cmphex(get(f, 0, PCI_VENDOR_ID, 4), ==, 0x00081b36);
	g_assert_cmphex(get(f, 0, PCI_CLASS_REVISION, 4), ==, 0x06000000);
	g_assert_cmphex(get(f, 0, PCI_HEADER_TYPE, 1), ==, 0);
	g_assert_cmphex(get(f, 0, PCI_STATUS, 2), ==, 0);
	/* No BARs, no ROM. */
	for (unsigned int offset = PCI_BASE_ADDRESS_0; offset <= PCI_ROM_ADDRESS; offset += 4) {
		put(f, 0, offset, 4, ABSENT);
		g_assert_cmphex(get(f, 0, offset, 4), ==, 0);
	}
	put(f, 0, PCI_VENDOR_ID, 4, 0);
	g_assert_cmphex(get(f, 0, PCI_VENDOR_ID, 4), ==, 0x00081b36);
}

static void test_absent(struct fixture *f, const void *data)
{
	uint64_t value;

	(void)data;
	for (unsigned int devfn = 1; devfn < 256; devfn++) {
		g_assert_true(iol_bus_read(&f->mmio, ECAM + devfn * UINT64_C(0x1000), 4, &value));
		g_assert_cmphex(value & ABSENT, ==, ABSENT);
		g_assert_true(iol_bus_write(&f->mmio, ECAM + devfn * UINT64_C(0x1000), 4, 0));
		out(f, CONF1, 4, 0x80000000 | devfn << 8);
		g_assert_cmphex(in(f, CONF1 + 4, 4), ==, ABSENT);
		out(f, CONF1 + 4, 4, 0);
	}
	/* Another bus, and what lies behind 256 bytes. */
	g_assert_true(iol_bus_read(&f->mmio, ECAM + IOL_PCI_ECAM_BUS_BYTES, 4, &value));
	g_assert_cmphex(value & ABSENT, ==, ABSENT);
	out(f, CONF1, 4, 0x80010000);
	g_assert_cmphex(in(f, CONF1 + 4, 4), ==, ABSENT);
	g_assert_cmphex(get(f, 0, 0x100, 4), ==, ABSENT);
	g_assert_cmphex(get(f, 0, 0xffc, 4), ==, ABSENT);
	put(f, 0, 0xffc, 4, 0);
	/* Accesses that no single register holds. */
	g_assert_cmphex(get(f, 0, 2, 4), ==, ABSENT);
	g_assert_cmphex(get(f, 0, 3, 2), ==, 0xffff);
	g_assert_cmphex(get(f, 0, 0, 8), ==, UINT64_MAX);
	put(f, 0, 0, 8, 0);
	/* The last byte of ECAM and the first past it. */
	g_assert_true(iol_bus_read(&f->mmio, ECAM + ECAM_BYTES - 1, 1, &value));
	g_assert_false(iol_bus_read(&f->mmio, ECAM + ECAM_BYTES, 1, &value));
}

static void test_conf1(struct fixture *f, const void *data)
{
	(void)data;
	/* Linux's pci_check_type1(). */
	out(f, CONF1 + 3, 1, 0x01);
	g_assert_cmphex(in(f, CONF1, 4), ==, 0);
	out(f, CONF1, 4, 0x80000000);
	g_assert_cmphex(in(f, CONF1, 4), ==, 0x80000000);
	g_assert_cmphex(in(f, CONF1 + 4, 4), ==, 0x00081b36);
	g_assert_cmphex(in(f, CONF1 + 4, 2), ==, 0x1b36);
	g_assert_cmphex(in(f, CONF1 + 6, 2), ==, 0x0008);
	g_assert_cmphex(in(f, CONF1 + 5, 1), ==, 0x1b);
	g_assert_cmphex(in(f, CONF1 + 5, 2), ==, 0x081b);
	/* Only whole accesses reach the address register; reserved bits stay 0. */
	out(f, CONF1, 2, 0xffff);
	out(f, CONF1, 1, 0xff);
	out(f, CONF1, 8, UINT64_MAX);
	g_assert_cmphex(in(f, CONF1, 4), ==, 0x80000000);
	g_assert_cmphex(in(f, CONF1, 2), ==, 0xffff);
	g_assert_cmphex(in(f, CONF1 + 2, 4), ==, ABSENT);
	out(f, CONF1, 4, 0xffffffff);
	g_assert_cmphex(in(f, CONF1, 4), ==, 0x80fffffc);
	/* Disabled: nobody answers. */
	out(f, CONF1, 4, 0);
	g_assert_cmphex(in(f, CONF1 + 4, 4), ==, ABSENT);
	/* Byte writes to the data port. */
	out(f, CONF1, 4, 0x8000003c);
	out(f, CONF1 + 4, 1, 0x0b);
	g_assert_cmphex(get(f, 0, PCI_INTERRUPT_LINE, 1), ==, 0x0b);
	out(f, CONF1, 4, 0x80000004);
	out(f, CONF1 + 5, 1, 0xff);
	g_assert_cmphex(get(f, 0, PCI_COMMAND, 2), ==, PCI_COMMAND_INTX_DISABLE);
	f->dev->ops->reset(f->dev);
	g_assert_cmphex(in(f, CONF1, 4), ==, 0);
	g_assert_cmphex(get(f, 0, PCI_COMMAND, 2), ==, 0);
}

static void test_reset_control(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_cmphex(in(f, CONF1 + 1, 1), ==, 0);
	out(f, CONF1 + 1, 1, 0x02);
	g_assert_cmphex(in(f, CONF1 + 1, 1), ==, 0x02);
	out(f, CONF1 + 1, 2, 0x0606);
	out(f, CONF1, 4, 0x06060606);
	g_assert_cmpuint(f->events[IOL_EVENT_RESET], ==, 0);
	out(f, CONF1 + 1, 1, 0x06);
	g_assert_cmpuint(f->events[IOL_EVENT_RESET], ==, 1);
	out(f, CONF1 + 1, 1, 0x0e);
	g_assert_cmpuint(f->events[IOL_EVENT_RESET], ==, 2);
	g_assert_cmphex(in(f, CONF1 + 1, 1), ==, 0x0a);
}

static void test_identity(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_cmpint(iol_pci_add(f->host, 3, &f->fn, NULL), ==, 0);
	g_assert_cmphex(get(f, 3, PCI_VENDOR_ID, 4), ==, 0x10421af4);
	g_assert_cmphex(get(f, 3, PCI_CLASS_REVISION, 4), ==, 0x01800001);
	g_assert_cmphex(get(f, 3, PCI_SUBSYSTEM_VENDOR_ID, 4), ==, 0x56781234);
	put(f, 3, PCI_COMMAND, 2, 0xffff);
	g_assert_cmphex(get(f, 3, PCI_COMMAND, 4), ==, 0x0407);
	/* Only what is declared writable changes. */
	for (unsigned int offset = 0; offset < 256; offset += 4)
		put(f, 3, offset, 4, ABSENT);
	for (unsigned int offset = 0; offset < 256; offset++)
		g_assert_cmphex(get(f, 3, offset, 1), ==,
				f->fn.at_reset[offset] | f->fn.writable[offset]);
	iol_pci_remove(&f->fn);
	g_assert_cmphex(get(f, 3, PCI_VENDOR_ID, 4), ==, ABSENT);
	iol_pci_remove(&f->fn);
}

static void test_slots(struct fixture *f, const void *data)
{
	g_autofree struct iol_pci_function *many = g_new(struct iol_pci_function, 32);
	struct iol_error err;

	(void)data;
	g_assert_cmpint(iol_pci_add(f->host, 0, &f->fn, &err), ==, -EEXIST);
	g_assert_cmpstr(err.msg, ==, "test function: PCI slot 0 is taken by pci host bridge");
	g_assert_cmpint(iol_pci_add(f->host, 32, &f->fn, NULL), ==, -EINVAL);
	g_assert_cmpint(iol_pci_add(f->host, -2, &f->fn, NULL), ==, -EINVAL);
	g_assert_cmpint(iol_pci_add(f->host, 31, &f->fn, NULL), ==, 0);
	for (unsigned int i = 1; i < 31; i++) {
		init_function(&many[i]);
		g_assert_cmpint(iol_pci_add(f->host, IOL_PCI_SLOT_ANY, &many[i], NULL), ==, 0);
		g_assert_cmpuint(many[i].slot, ==, i);
	}
	init_function(&many[31]);
	g_assert_cmpint(iol_pci_add(f->host, IOL_PCI_SLOT_ANY, &many[31], NULL), ==, -ENOSPC);
	for (unsigned int i = 1; i < 32; i++)
		iol_pci_remove(&many[i]);
}

static void test_bar_assignment(struct fixture *f, const void *data)
{
	(void)data;
	add_bars(f);
	/* First fit, naturally aligned; the hole that the large one leaves is used. */
	g_assert_cmphex(get(f, 1, PCI_BASE_ADDRESS_0, 4), ==, 0xc0001000);
	g_assert_cmphex(get(f, 1, PCI_BASE_ADDRESS_1, 4), ==, 0x00000001);
	g_assert_cmphex(get(f, 1, PCI_BASE_ADDRESS_2, 4), ==, 0xc000400c);
	g_assert_cmphex(get(f, 1, PCI_BASE_ADDRESS_3, 4), ==, 0);
	g_assert_cmphex(get(f, 1, PCI_BASE_ADDRESS_4, 4), ==, 0);
	g_assert_cmphex(get(f, 1, PCI_BASE_ADDRESS_5, 4), ==, 0xc0002000);
	g_assert_cmpuint(f->mmio.count, ==, 1);
	put(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	g_assert_cmpuint(f->mmio.count, ==, 4);
	g_assert_cmpuint(f->pio.count, ==, 1);
	g_assert_true(decoded(&f->mmio, 0xc0001fff, 0, 0xfff));
	g_assert_true(decoded(&f->mmio, 0xc0004000, 2, 0));
	g_assert_true(decoded(&f->mmio, 0xc0002010, 5, 0x10));
	put(f, 1, PCI_COMMAND, 2, 0);
	g_assert_cmpuint(f->mmio.count, ==, 1);
}

static void test_bar_sizing(struct fixture *f, const void *data)
{
	static const uint32_t sizes[] = { 0xfffff000, 0x0000ffe1, 0xffffc00c,
					  0xffffffff, 0x00000000, 0xfffff000 };
	uint64_t value;

	(void)data;
	add_bars(f);
	/* Also while decoding is on, which Linux leaves on for some devices. */
	for (unsigned int command = 0; command < 4; command++) {
		put(f, 1, PCI_COMMAND, 2, command);
		for (unsigned int i = 0; i < IOL_PCI_BARS; i++) {
			unsigned int offset = PCI_BASE_ADDRESS_0 + 4 * i;
			uint64_t old = get(f, 1, offset, 4);

			put(f, 1, offset, 4, ABSENT);
			g_assert_cmphex(get(f, 1, offset, 4), ==, sizes[i]);
			/* That is no place, but for the lower half of a 64-bit one. */
			if (f->fn.bars[i].kind != IOL_PCI_BAR_MEM64)
				g_assert_false(iol_bus_read(&f->mmio, 0xffffffff, 1, &value));
			g_assert_false(iol_bus_read(&f->pio, 0xffff, 1, &value));
			put(f, 1, offset, 4, old);
			g_assert_cmphex(get(f, 1, offset, 4), ==, old);
		}
		g_assert_cmpuint(f->mmio.count, ==, command & PCI_COMMAND_MEMORY ? 4 : 1);
		g_assert_cmpuint(f->pio.count, ==, 1);
	}
}

static void test_bar_moves(struct fixture *f, const void *data)
{
	uint64_t value;

	(void)data;
	add_bars(f);
	put(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	put(f, 1, PCI_BASE_ADDRESS_0, 4, 0xd0000abc);
	g_assert_cmphex(get(f, 1, PCI_BASE_ADDRESS_0, 4), ==, 0xd0000000);
	g_assert_true(decoded(&f->mmio, 0xd0000abc, 0, 0xabc));
	g_assert_false(iol_bus_read(&f->mmio, 0xc0001000, 1, &value));
	/* 64-bit, above 4 GiB, one half after the other. */
	put(f, 1, PCI_BASE_ADDRESS_3, 4, 0x12);
	g_assert_true(decoded(&f->mmio, 0x12c0004000, 2, 0));
	put(f, 1, PCI_BASE_ADDRESS_2, 4, 0x80000000);
	g_assert_true(decoded(&f->mmio, 0x1280003fff, 2, 0x3fff));
	g_assert_false(iol_bus_read(&f->mmio, 0x12c0004000, 1, &value));
	/* I/O, byte by byte; the upper half of the register is not there. */
	put(f, 1, PCI_BASE_ADDRESS_1 + 1, 1, 0x10);
	g_assert_true(decoded(&f->pio, 0x101f, 1, 0x1f));
	put(f, 1, PCI_BASE_ADDRESS_1, 4, 0x00012345);
	g_assert_cmphex(get(f, 1, PCI_BASE_ADDRESS_1, 4), ==, 0x2341);
	g_assert_true(decoded(&f->pio, 0x2340, 1, 0));
	g_assert_false(iol_bus_read(&f->pio, 0x1000, 1, &value));
	/* Address 0 is none. */
	put(f, 1, PCI_BASE_ADDRESS_5, 4, 0);
	g_assert_false(iol_bus_read(&f->mmio, 0, 1, &value));
	g_assert_cmpuint(f->mmio.count, ==, 3);
	/* Each space has its own enable bit. */
	put(f, 1, PCI_COMMAND, 2, PCI_COMMAND_IO);
	g_assert_cmpuint(f->mmio.count, ==, 1);
	g_assert_cmpuint(f->pio.count, ==, 2);
	put(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	g_assert_cmpuint(f->mmio.count, ==, 3);
	g_assert_cmpuint(f->pio.count, ==, 1);
	/* A reset puts all back; and so does unplugging. */
	f->dev->ops->reset(f->dev);
	g_assert_cmpuint(f->mmio.count, ==, 1);
	g_assert_cmphex(get(f, 1, PCI_BASE_ADDRESS_0, 4), ==, 0xc0001000);
	g_assert_cmphex(get(f, 1, PCI_COMMAND, 2), ==, 0);
	put(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	g_assert_true(decoded(&f->mmio, 0xc0001000, 0, 0));
	iol_pci_remove(&f->fn);
	g_assert_cmpuint(f->mmio.count, ==, 1);
}

/* A BAR on another device's registers, or on another BAR: refused, and tried again when moved. */
static void test_bar_collisions(struct fixture *f, const void *data)
{
	struct iol_bus_region serial = {
		.base = SERIAL, .size_bytes = 8, .name = "uart", .ops = &bar_ops, .dev = bar_tag(9)
	};

	(void)data;
	g_assert_cmpint(iol_bus_add(&f->pio, &serial, NULL), ==, 0);
	add_bars(f);
	iol_log_set_level(IOL_LOG_ERROR);
	put(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	put(f, 1, PCI_BASE_ADDRESS_1, 4, SERIAL & ~0x1f);
	g_assert_cmphex(get(f, 1, PCI_BASE_ADDRESS_1, 4), ==, 0x3e1);
	g_assert_true(decoded(&f->pio, SERIAL, 9, 0));
	g_assert_cmpuint(f->pio.count, ==, 2);
	put(f, 1, PCI_BASE_ADDRESS_0, 4, ECAM + 0x5000);
	g_assert_cmphex(get(f, 0, PCI_VENDOR_ID, 4), ==, 0x00081b36);
	g_assert_cmphex(get(f, 5, PCI_VENDOR_ID, 4), ==, ABSENT);
	g_assert_cmpuint(f->mmio.count, ==, 3);
	/* Onto the function's own last BAR: the one that is there stays. */
	put(f, 1, PCI_BASE_ADDRESS_0, 4, 0xc0002000);
	g_assert_true(decoded(&f->mmio, 0xc0002000, 5, 0));
	/* The other leaves: now it answers. */
	put(f, 1, PCI_BASE_ADDRESS_5, 4, 0xc0008000);
	g_assert_true(decoded(&f->mmio, 0xc0002000, 0, 0));
	g_assert_true(decoded(&f->mmio, 0xc0008000, 5, 0));
	put(f, 1, PCI_BASE_ADDRESS_1, 4, 0x1000);
	g_assert_true(decoded(&f->pio, 0x1000, 1, 0));
	iol_log_set_level(IOL_LOG_WARN);
	iol_bus_remove(&f->pio, SERIAL);
}

static void test_bad_bars(struct fixture *f, const void *data)
{
	static const struct {
		unsigned int idx;
		enum iol_pci_bar_kind kind;
		uint64_t size_bytes;
	} cases[] = {
		{ 0, IOL_PCI_BAR_MEM32, 0 },      { 0, IOL_PCI_BAR_MEM32, 0x1800 },
		{ 0, IOL_PCI_BAR_MEM32, 0x800 },  { 0, IOL_PCI_BAR_MEM32, UINT64_C(1) << 32 },
		{ 5, IOL_PCI_BAR_MEM64, 0x1000 }, { 0, IOL_PCI_BAR_IO, 2 },
		{ 0, IOL_PCI_BAR_IO, 512 },
	};

	(void)data;
	for (unsigned int i = 0; i < G_N_ELEMENTS(cases); i++) {
		init_function(&f->fn);
		set_bar(&f->fn, cases[i].idx, cases[i].kind, cases[i].size_bytes);
		g_assert_cmpint(iol_pci_add(f->host, 1, &f->fn, NULL), ==, -EINVAL);
		g_assert_cmphex(get(f, 1, PCI_VENDOR_ID, 4), ==, ABSENT);
	}
	init_function(&f->fn);
	set_bar(&f->fn, 0, IOL_PCI_BAR_MEM64, 0x1000);
	set_bar(&f->fn, 1, IOL_PCI_BAR_MEM32, 0x1000);
	g_assert_cmpint(iol_pci_add(f->host, 1, &f->fn, NULL), ==, -EINVAL);
	/* Sound, but larger than the window. */
	init_function(&f->fn);
	set_bar(&f->fn, 0, IOL_PCI_BAR_MEM32, 0x1000000);
	g_assert_cmpint(iol_pci_add(f->host, 1, &f->fn, NULL), ==, -ENOSPC);
	g_assert_cmphex(get(f, 1, PCI_VENDOR_ID, 4), ==, ABSENT);
	/* A failure leaves nothing assigned: half the window is free. */
	init_function(&f->fn);
	set_bar(&f->fn, 0, IOL_PCI_BAR_MEM32, 0x800000);
	set_bar(&f->fn, 1, IOL_PCI_BAR_MEM32, 0x800000);
	g_assert_cmpint(iol_pci_add(f->host, 1, &f->fn, NULL), ==, -ENOSPC);
	f->fn.bars[1].kind = IOL_PCI_BAR_NONE;
	g_assert_cmpint(iol_pci_add(f->host, 1, &f->fn, NULL), ==, 0);
	g_assert_cmphex(get(f, 1, PCI_BASE_ADDRESS_0, 4), ==, 0xc0800000);
}

static void test_capabilities(struct fixture *f, const void *data)
{
	struct iol_error err;
	int msix, vendor;

	(void)data;
	msix = iol_pci_add_capability(&f->fn, PCI_CAP_ID_MSIX, 12, NULL);
	g_assert_cmphex(msix, ==, 0x40);
	vendor = iol_pci_add_capability(&f->fn, PCI_CAP_ID_VNDR, 17, NULL);
	g_assert_cmphex(vendor, ==, 0x4c);
	/* 0x60 to the last byte; one more does not fit. */
	g_assert_cmpint(iol_pci_add_capability(&f->fn, PCI_CAP_ID_VNDR, 161, &err), ==, -ENOSPC);
	g_assert_cmpint(iol_pci_add_capability(&f->fn, PCI_CAP_ID_VNDR, 3, &err), ==, -ENOSPC);
	g_assert_cmpint(iol_pci_add_capability(&f->fn, PCI_CAP_ID_VNDR, UINT_MAX, &err), ==,
			-ENOSPC);
	g_assert_cmphex(iol_pci_add_capability(&f->fn, PCI_CAP_ID_VNDR, 160, NULL), ==, 0x60);
	g_assert_cmpint(iol_pci_add_capability(&f->fn, PCI_CAP_ID_VNDR, 4, &err), ==, -ENOSPC);
	le16_store(f->fn.writable + msix + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE);

	g_assert_cmpint(iol_pci_add(f->host, 1, &f->fn, NULL), ==, 0);
	g_assert_cmphex(get(f, 1, PCI_STATUS, 2), ==, PCI_STATUS_CAP_LIST);
	g_assert_cmphex(get(f, 1, PCI_CAPABILITY_LIST, 1), ==, 0x40);
	g_assert_cmphex(get(f, 1, 0x40, 2), ==, 0x4c11);
	g_assert_cmphex(get(f, 1, 0x4c, 2), ==, 0x6009);
	g_assert_cmphex(get(f, 1, 0x60, 2), ==, 0x0009);
	put(f, 1, 0x40, 4, ABSENT);
	g_assert_cmphex(get(f, 1, 0x40, 4), ==, 0x80004c11);
	f->dev->ops->reset(f->dev);
	g_assert_cmphex(get(f, 1, 0x40, 4), ==, 0x00004c11);
}

static void see_read(struct iol_pci_function *fn, unsigned int offset, unsigned int len)
{
	struct fixture *f = iol_container_of(fn, struct fixture, fn);

	f->reads++;
	f->offset = offset;
	f->len = len;
	fn->config[0xf0] = (uint8_t)f->reads;
}

static void see_write(struct iol_pci_function *fn, unsigned int offset, unsigned int len)
{
	struct fixture *f = iol_container_of(fn, struct fixture, fn);

	f->writes++;
	f->offset = offset;
	f->len = len;
}

static void test_hooks(struct fixture *f, const void *data)
{
	(void)data;
	f->fn.config_read = see_read;
	f->fn.config_written = see_write;
	add_bars(f);
	/* The read hook's bytes are what the guest gets. */
	g_assert_cmphex(get(f, 1, 0xf0, 1), ==, 1);
	g_assert_cmphex(get(f, 1, 0xf0, 4), ==, 2);
	g_assert_cmphex(f->offset, ==, 0xf0);
	g_assert_cmpuint(f->len, ==, 4);
	out(f, CONF1, 4, 0x80000804);
	out(f, CONF1 + 4, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	g_assert_cmpuint(f->writes, ==, 1);
	g_assert_cmphex(f->offset, ==, PCI_COMMAND);
	g_assert_cmpuint(f->len, ==, 2);
	/* An access that reaches no register reaches no hook. */
	put(f, 1, 0x101, 1, 0);
	put(f, 1, 6, 4, 0);
	g_assert_cmpuint(f->writes, ==, 1);
	g_assert_cmpuint(f->reads, ==, 2);
}

static void test_bar_moved(struct fixture *f, const void *data)
{
	(void)data;
	f->fn.bar_moved = see_move;
	add_bars(f);
	put(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	expect_moves(f, 0, 0);
	/* Three of memory; I/O has no place yet. */
	put(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	expect_moves(f, 3, 0);
	g_assert_cmphex(f->bases[0], ==, 0xc0001000);
	g_assert_cmphex(f->bases[2], ==, 0xc0004000);
	g_assert_cmphex(f->bases[5], ==, 0xc0002000);
	put(f, 1, PCI_BASE_ADDRESS_1, 4, 0x1000);
	expect_moves(f, 1, 0);
	g_assert_cmphex(f->bases[1], ==, 0x1000);
	/* The same once more is no move. */
	put(f, 1, PCI_BASE_ADDRESS_1, 4, 0x1000);
	put(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	expect_moves(f, 0, 0);
	put(f, 1, PCI_BASE_ADDRESS_0, 4, 0xd0000000);
	expect_moves(f, 1, 1);
	g_assert_cmphex(f->bases[0], ==, 0xd0000000);
	put(f, 1, PCI_BASE_ADDRESS_3, 4, 1);
	expect_moves(f, 1, 1);
	g_assert_cmphex(f->bases[2], ==, UINT64_C(0x1c0004000));
	/* Sizing takes it away and puts it back. */
	put(f, 1, PCI_BASE_ADDRESS_0, 4, ABSENT);
	expect_moves(f, 0, 1);
	put(f, 1, PCI_BASE_ADDRESS_0, 4, 0xd0000000);
	expect_moves(f, 1, 0);
	put(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	expect_moves(f, 0, 1);
	g_assert_cmphex(f->bases[1], ==, 0);
	f->dev->ops->reset(f->dev);
	expect_moves(f, 0, 3);
	put(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	expect_moves(f, 3, 0);
	iol_pci_remove(&f->fn);
	expect_moves(f, 0, 3);
	iol_pci_remove(&f->fn);
	expect_moves(f, 0, 0);
}

/* A place that is refused is not told of, but that the BAR left where it was is. */
static void test_bar_moved_refused(struct fixture *f, const void *data)
{
	(void)data;
	f->fn.bar_moved = see_move;
	add_bars(f);
	iol_log_set_level(IOL_LOG_ERROR);
	put(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	expect_moves(f, 3, 0);
	put(f, 1, PCI_BASE_ADDRESS_0, 4, ECAM);
	expect_moves(f, 0, 1);
	/* Tried again, refused again. */
	put(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	expect_moves(f, 0, 0);
	/* Onto another of its own, which then goes away: the next try takes the place. */
	put(f, 1, PCI_BASE_ADDRESS_0, 4, 0xc0002000);
	expect_moves(f, 0, 0);
	put(f, 1, PCI_BASE_ADDRESS_5, 4, 0xd0000000);
	expect_moves(f, 2, 1);
	g_assert_cmphex(f->bases[0], ==, 0xc0002000);
	g_assert_cmphex(f->bases[5], ==, 0xd0000000);
	iol_log_set_level(IOL_LOG_WARN);
	put(f, 1, PCI_BASE_ADDRESS_0, 4, 0);
	expect_moves(f, 0, 1);
}

/* Any access anywhere: identities stay, and in the end every region can be accounted for. */
static void test_random(struct fixture *f, const void *data)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(0xcf8);
	uint64_t value;

	(void)data;
	iol_log_set_level(IOL_LOG_ERROR);
	f->fn.bar_moved = see_move;
	add_bars(f);
	for (unsigned int i = 0; i < 300000; i++) {
		unsigned int len = 1u << g_rand_int_range(rand, 0, 4);
		unsigned int offset = g_rand_int(rand) & (g_rand_boolean(rand) ? 0x3f : 0xfff);
		uint32_t random = g_rand_int(rand) << (g_rand_int(rand) & 31);

		switch (g_rand_int_range(rand, 0, 5)) {
		case 0:
			iol_bus_read(&f->mmio, ECAM + 0x8000 + offset, len, &value);
			break;
		case 1:
			iol_bus_write(&f->mmio, ECAM + (g_rand_int(rand) & 0x1fffff), len, random);
			break;
		case 2:
			iol_bus_write(&f->pio, CONF1 + (offset & 7), len, random);
			break;
		case 3:
			iol_bus_write(&f->mmio, ECAM + 0x8000 + PCI_COMMAND, 2, random >> 29);
			break;
		default:
			iol_bus_write(&f->mmio, ECAM + 0x8000 + offset, len, random);
			break;
		}
		g_assert_cmpuint(f->mmio.count, <=, 4);
		g_assert_cmpuint(f->pio.count, <=, 2);
		for (unsigned int bar = 0; bar < IOL_PCI_BARS; bar++)
			g_assert_cmphex(f->bases[bar], ==,
					f->fn.bars[bar].mapped ? f->fn.bars[bar].mapped_base : 0);
	}
	iol_log_set_level(IOL_LOG_WARN);
	g_assert_cmphex(get(f, 0, PCI_VENDOR_ID, 4), ==, 0x00081b36);
	g_assert_cmphex(get(f, 1, PCI_VENDOR_ID, 4), ==, 0x10421af4);
	put(f, 1, PCI_COMMAND, 2, 0);
	g_assert_cmpuint(f->mmio.count, ==, 1);
	g_assert_cmpuint(f->pio.count, ==, 1);
}

static void test_places_taken(struct fixture *f, const void *data)
{
	struct iol_pci_host_config config = {
		.pio = &f->pio,
		.conf1_base = 0x2000,
		.mmio = &f->mmio,
		.ecam_base = ECAM + IOL_MIB,
		.ecam_bytes = IOL_MIB,
		.sink = &f->sink,
	};
	struct iol_device *dev = NULL;

	(void)data;
	/* The second range is taken: the first is given back. */
	g_assert_cmpint(iol_pci_host_new(&config, &dev, NULL), ==, -EEXIST);
	g_assert_cmpuint(f->pio.count, ==, 1);
	config.conf1_base = CONF1 + 7;
	config.ecam_bytes = 0;
	g_assert_cmpint(iol_pci_host_new(&config, &dev, NULL), ==, -EEXIST);
	g_assert_null(dev);
	/* A host without ports (not a PC): no I/O BARs either. */
	config.pio = NULL;
	config.ecam_base = ECAM + 2 * IOL_MIB;
	config.ecam_bytes = IOL_MIB;
	g_assert_cmpint(iol_pci_host_new(&config, &dev, NULL), ==, 0);
	set_bar(&f->fn, 0, IOL_PCI_BAR_IO, 16);
	g_assert_cmpint(iol_pci_add(iol_pci_host_of(dev), 1, &f->fn, NULL), ==, -EINVAL);
	dev->ops->free(dev);
	g_assert_cmpuint(f->mmio.count, ==, 1);
}

#define ADD(name, fn) g_test_add("/pci/" name, struct fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("host-bridge", test_host_bridge);
	ADD("absent", test_absent);
	ADD("conf1", test_conf1);
	ADD("reset-control", test_reset_control);
	ADD("identity", test_identity);
	ADD("slots", test_slots);
	ADD("bar-assignment", test_bar_assignment);
	ADD("bar-sizing", test_bar_sizing);
	ADD("bar-moves", test_bar_moves);
	ADD("bar-collisions", test_bar_collisions);
	ADD("bad-bars", test_bad_bars);
	ADD("capabilities", test_capabilities);
	ADD("hooks", test_hooks);
	ADD("bar-moved", test_bar_moved);
	ADD("bar-moved-refused", test_bar_moved_refused);
	ADD("random", test_random);
	ADD("places-taken", test_places_taken);
	return g_test_run();
}
