// SPDX-License-Identifier: Apache-2.0
/*
 * MSI-X as a guest meets it: through configuration space and BAR, with messages that arrive at a KVM
 * that is played (fake_kvm.h).
 */
#include <iolite/msix.h>

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fake_kvm.h"

#define ECAM UINT64_C(0xe0000000)
#define BAR UINT64_C(0xc0000000)
#define ADDRESS UINT64_C(0x1fee01004)

enum {
	SLOT = 3,
	VECTORS = 5,
	PINS = 24,
	BAR_IDX = 1,
	PBA = 2048,
	CONTROL = 2, /* message control, from the capability */
	ENABLE = 0x8000,
	MASK_ALL = 0x4000,
};

struct fixture {
	struct iol_event_sink sink;
	struct iol_bus mmio;
	struct iol_device *dev;
	struct iol_pci_function fn;
	struct iol_irq_router *router;
	struct iol_msix *msix;
	unsigned int cap;
};

static void config_written(struct iol_pci_function *fn, unsigned int offset, unsigned int len)
{
	struct fixture *f = iol_container_of(fn, struct fixture, fn);

	iol_msix_config_written(f->msix, offset, len);
}

static uint64_t read_at(struct fixture *f, uint64_t addr, unsigned int len)
{
	uint64_t value;

	g_assert_true(iol_bus_read(&f->mmio, addr, len, &value));
	return value & UINT64_MAX >> (64 - 8 * len);
}

static void write_at(struct fixture *f, uint64_t addr, unsigned int len, uint64_t value)
{
	g_assert_true(iol_bus_write(&f->mmio, addr, len, value));
}

static uint64_t get_config(struct fixture *f, unsigned int offset, unsigned int len)
{
	return read_at(f, ECAM + (SLOT << 15) + offset, len);
}

static void put_config(struct fixture *f, unsigned int offset, unsigned int len, uint64_t value)
{
	write_at(f, ECAM + (SLOT << 15) + offset, len, value);
}

static uint64_t get_table(struct fixture *f, unsigned int vector, unsigned int dword)
{
	return read_at(f, BAR + vector * 16 + dword * 4, 4);
}

static void put_table(struct fixture *f, unsigned int vector, unsigned int dword, uint32_t value)
{
	write_at(f, BAR + vector * 16 + dword * 4, 4, value);
}

static void set_mask(struct fixture *f, unsigned int vector, bool masked)
{
	put_table(f, vector, 3, masked);
}

static void set_control(struct fixture *f, uint16_t flags)
{
	put_config(f, f->cap + CONTROL, 2, flags);
}

static uint64_t pending(struct fixture *f)
{
	return read_at(f, BAR + PBA, 8);
}

/* Vector n has data 0x40 + n. */
static void program(struct fixture *f, unsigned int vector)
{
	put_table(f, vector, 0, (uint32_t)ADDRESS);
	put_table(f, vector, 1, (uint32_t)(ADDRESS >> 32));
	put_table(f, vector, 2, 0x40 + vector);
}

static uint64_t arrived(unsigned int vector)
{
	return fake_kvm_messages(ADDRESS, 0x40 + vector);
}

static void setup_with(struct fixture *f, unsigned int vectors)
{
	static const struct iol_pci_identity identity = { .vendor = 0x1af4, .device = 0x1042 };
	struct iol_pci_host_config config = {
		.mmio = &f->mmio,
		.ecam_base = ECAM,
		.ecam_bytes = IOL_PCI_ECAM_BUS_BYTES,
		.window_base = BAR,
		.window_bytes = IOL_MIB,
		.sink = &f->sink,
	};

	fake_kvm_reset();
	fake_kvm.msi_devid_cap = 1;
	f->router = iol_irq_router_new(FAKE_KVM_FD, PINS);
	iol_bus_init(&f->mmio);
	g_assert_cmpint(iol_pci_host_new(&config, &f->dev, NULL), ==, 0);
	iol_pci_function_init(&f->fn, "test function", &identity);
	f->cap = f->fn.capability_end;
	g_assert_cmpint(iol_msix_new(&f->fn, BAR_IDX, vectors, f->router, &f->msix, NULL), ==, 0);
	f->fn.config_written = config_written;
	g_assert_cmpint(iol_pci_add(iol_pci_host_of(f->dev), SLOT, &f->fn, NULL), ==, 0);
	put_config(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void setup(struct fixture *f, const void *data)
{
	(void)data;
	setup_with(f, VECTORS);
}

static void teardown(struct fixture *f, const void *data)
{
	(void)data;
	iol_pci_remove(&f->fn);
	iol_msix_free(f->msix);
	f->dev->ops->free(f->dev);
	iol_irq_router_free(f->router);
	g_assert_cmpuint(f->mmio.count, ==, 0);
	iol_bus_finish(&f->mmio);
	for (unsigned int i = 0; i < FAKE_KVM_GSIS; i++)
		g_assert_false(fake_kvm.bound[i]);
}

static void test_capability(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_cmphex(get_config(f, PCI_CAPABILITY_LIST, 1), ==, f->cap);
	g_assert_cmphex(get_config(f, f->cap, 2), ==, PCI_CAP_ID_MSIX);
	g_assert_cmphex(get_config(f, f->cap + CONTROL, 2), ==, VECTORS - 1);
	g_assert_cmphex(get_config(f, f->cap + 4, 4), ==, 0 | BAR_IDX);
	g_assert_cmphex(get_config(f, f->cap + 8, 4), ==, PBA | BAR_IDX);
	/* Only enable and function mask are the guest's. */
	for (unsigned int offset = 0; offset < 12; offset += 4)
		put_config(f, f->cap + offset, 4, 0xffffffff);
	g_assert_cmphex(get_config(f, f->cap + CONTROL, 2), ==, ENABLE | MASK_ALL | (VECTORS - 1));
	g_assert_cmphex(get_config(f, f->cap + 4, 4), ==, BAR_IDX);
	g_assert_cmphex(get_config(f, f->cap + 8, 4), ==, PBA | BAR_IDX);
	g_assert_cmpuint(iol_msix_vectors(f->msix), ==, VECTORS);
	/* The BAR's size. */
	put_config(f, PCI_BASE_ADDRESS_1, 4, 0xffffffff);
	g_assert_cmphex(get_config(f, PCI_BASE_ADDRESS_1, 4), ==, 0xfffff000);
}

static void test_table(struct fixture *f, const void *data)
{
	static const uint32_t stored[] = { 0xfffffffc, 0xffffffff, 0xffffffff, 1 };

	(void)data;
	for (unsigned int v = 0; v < VECTORS; v++)
		for (unsigned int dword = 0; dword < 4; dword++)
			g_assert_cmphex(get_table(f, v, dword), ==, dword == 3);
	for (unsigned int v = 0; v < VECTORS; v++)
		for (unsigned int dword = 0; dword < 4; dword++) {
			put_table(f, v, dword, 0xffffffff);
			g_assert_cmphex(get_table(f, v, dword), ==, stored[dword]);
		}
	put_table(f, 0, 3, 0xfffffffe);
	g_assert_cmphex(get_table(f, 0, 3), ==, 0);
	/* Behind the last entry there is nothing. */
	put_table(f, VECTORS, 0, 0xffffffff);
	g_assert_cmphex(get_table(f, VECTORS, 0), ==, 0);
	g_assert_cmphex(get_table(f, VECTORS, 3), ==, 0);
	g_assert_cmphex(read_at(f, BAR + PBA - 4, 4), ==, 0);
	/* Quadwords are two doublewords. */
	write_at(f, BAR + 16, 8, UINT64_C(0x1111111122222220));
	write_at(f, BAR + 24, 8, UINT64_C(0x0000000133333333));
	g_assert_cmphex(get_table(f, 1, 0), ==, 0x22222220);
	g_assert_cmphex(get_table(f, 1, 1), ==, 0x11111111);
	g_assert_cmphex(read_at(f, BAR + 24, 8), ==, UINT64_C(0x0000000133333333));
	g_assert_cmpuint(fake_kvm.tables, ==, 0);
}

static void test_odd_accesses(struct fixture *f, const void *data)
{
	static const struct {
		unsigned int offset, len;
	} odd[] = {
		{ 0, 1 },       { 0, 2 },       { 3, 1 },    { 2, 2 },    { 1, 4 },
		{ 2, 4 },       { 4, 8 },       { 12, 8 },   { 1, 8 },    { PBA, 1 },
		{ PBA, 2 },     { PBA + 2, 4 }, { 2044, 8 }, { 4095, 1 }, { 4094, 2 },
		{ PBA + 4, 8 }, { PBA + 1, 4 },
	};
	uint64_t value;

	(void)data;
	program(f, 0);
	for (unsigned int i = 0; i < G_N_ELEMENTS(odd); i++) {
		unsigned int len = odd[i].len;

		g_test_message("%u bytes at %u", len, odd[i].offset);
		g_assert_cmphex(read_at(f, BAR + odd[i].offset, len), ==,
				UINT64_MAX >> (64 - 8 * len));
		write_at(f, BAR + odd[i].offset, len, 0x5a5a5a5a5a5a5a5a);
	}
	for (unsigned int i = 0; i < IOL_MSIX_BAR_BYTES; i += 4) {
		uint32_t expected = i == 0   ? (uint32_t)ADDRESS
				    : i == 4 ? (uint32_t)(ADDRESS >> 32)
				    : i == 8 ? 0x40
					     : i % 16 == 12 && i < 16 * VECTORS;

		g_assert_cmphex(read_at(f, BAR + i, 4), ==, expected);
	}
	g_assert_cmphex(read_at(f, BAR + 4088, 8), ==, 0);
	g_assert_false(iol_bus_read(&f->mmio, BAR + 4092, 8, &value));
}

/* A message says which function sends it: bus 0, its slot, function 0. */
static void test_devid(struct fixture *f, const void *data)
{
	const struct kvm_irq_routing_entry *r;

	(void)data;
	program(f, 2);
	set_mask(f, 2, false);
	set_control(f, ENABLE);
	g_assert_cmpuint(fake_kvm.route_count, >, 0);
	r = &fake_kvm.routes[fake_kvm.route_count - 1];
	g_assert_cmpuint(r->gsi, ==, PINS + 2);
	g_assert_cmphex(r->u.msi.devid, ==, SLOT << 3);
}

/* Linux's order: enable with all masked, fill in, unmask, and then the function. */
static void test_deliver(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_false(iol_msix_enabled(f->msix));
	iol_msix_raise(f->msix, 0);
	set_control(f, ENABLE | MASK_ALL);
	g_assert_true(iol_msix_enabled(f->msix));
	for (unsigned int v = 0; v < 2; v++) {
		program(f, v);
		set_mask(f, v, false);
	}
	g_assert_cmpuint(fake_kvm.tables, ==, 0);
	set_control(f, ENABLE);
	/* A route for each vector that is on, and none for the others. */
	g_assert_cmpuint(fake_kvm.tables, ==, 2);
	/* What was raised before is lost. */
	g_assert_cmpuint(fake_kvm_all_messages(), ==, 0);
	iol_msix_raise(f->msix, 0);
	iol_msix_raise(f->msix, 1);
	iol_msix_raise(f->msix, 1);
	g_assert_cmpuint(arrived(0), ==, 1);
	g_assert_cmpuint(arrived(1), ==, 2);
	g_assert_cmphex(pending(f), ==, 0);
	/* Masking and unmasking as they were costs no table; a byte write also switches. */
	set_mask(f, 0, true);
	set_mask(f, 0, false);
	g_assert_cmpuint(fake_kvm.tables, ==, 2);
	put_config(f, f->cap + CONTROL + 1, 1, 0);
	g_assert_false(iol_msix_enabled(f->msix));
	iol_msix_raise(f->msix, 0);
	put_config(f, f->cap, 4, (uint64_t)ENABLE << 16);
	g_assert_true(iol_msix_enabled(f->msix));
	g_assert_cmpuint(fake_kvm_all_messages(), ==, 0);
	/* Writes beside the control register change nothing. */
	put_config(f, f->cap, 2, 0);
	put_config(f, f->cap + 4, 4, 0);
	put_config(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	iol_msix_raise(f->msix, 1);
	g_assert_cmpuint(arrived(1), ==, 1);
}

static void test_pending(struct fixture *f, const void *data)
{
	(void)data;
	set_control(f, ENABLE);
	program(f, 0);
	program(f, 4);
	iol_msix_raise(f->msix, 0);
	iol_msix_raise(f->msix, 4);
	iol_msix_raise(f->msix, 4);
	g_assert_cmphex(pending(f), ==, 0x11);
	g_assert_cmphex(read_at(f, BAR + PBA, 4), ==, 0x11);
	g_assert_cmphex(read_at(f, BAR + PBA + 4, 4), ==, 0);
	/* Read-only. */
	write_at(f, BAR + PBA, 8, 0);
	write_at(f, BAR + PBA, 4, 0xffffffff);
	g_assert_cmphex(pending(f), ==, 0x11);
	/* One message however many there were. */
	set_mask(f, 4, false);
	g_assert_cmphex(pending(f), ==, 0x01);
	g_assert_cmpuint(arrived(4), ==, 1);
	/* The function's mask holds all back. */
	set_control(f, ENABLE | MASK_ALL);
	iol_msix_raise(f->msix, 4);
	set_mask(f, 0, false);
	g_assert_cmphex(pending(f), ==, 0x11);
	g_assert_cmpuint(fake_kvm_all_messages(), ==, 0);
	set_control(f, ENABLE);
	g_assert_cmphex(pending(f), ==, 0);
	g_assert_cmpuint(arrived(0), ==, 1);
	g_assert_cmpuint(arrived(4), ==, 1);
	/* Turned off, nothing is kept for the next driver. */
	set_mask(f, 0, true);
	iol_msix_raise(f->msix, 0);
	g_assert_cmphex(pending(f), ==, 1);
	set_control(f, 0);
	g_assert_cmphex(pending(f), ==, 0);
	set_control(f, ENABLE);
	set_mask(f, 0, false);
	g_assert_cmpuint(fake_kvm_all_messages(), ==, 0);
}

/* A guest moves a vector as Linux does, and as nobody should. */
static void test_move(struct fixture *f, const void *data)
{
	(void)data;
	set_control(f, ENABLE);
	program(f, 2);
	set_mask(f, 2, false);
	/* Written while unmasked: taken over at the next unmasking (6.8.2). */
	put_table(f, 2, 2, 0x99);
	iol_msix_raise(f->msix, 2);
	g_assert_cmpuint(arrived(2), ==, 1);
	g_assert_cmphex(get_table(f, 2, 2), ==, 0x99);
	set_mask(f, 2, true);
	iol_msix_raise(f->msix, 2);
	set_mask(f, 2, false);
	g_assert_cmpuint(fake_kvm_messages(ADDRESS, 0x99), ==, 1);
	g_assert_cmpuint(fake_kvm_all_messages(), ==, 0);
	/* Data and unmasking by one quadword. */
	set_mask(f, 2, true);
	write_at(f, BAR + 2 * 16 + 8, 8, 0x77);
	iol_msix_raise(f->msix, 2);
	g_assert_cmpuint(fake_kvm_messages(ADDRESS, 0x77), ==, 1);
}

static void test_reset(struct fixture *f, const void *data)
{
	(void)data;
	set_control(f, ENABLE | MASK_ALL);
	program(f, 0);
	set_mask(f, 0, false);
	iol_msix_raise(f->msix, 0);
	iol_msix_raise(f->msix, 1);
	g_assert_cmphex(pending(f), ==, 3);
	iol_msix_reset(f->msix);
	f->dev->ops->reset(f->dev);
	g_assert_false(iol_msix_enabled(f->msix));
	g_assert_cmphex(get_config(f, f->cap + CONTROL, 2), ==, VECTORS - 1);
	put_config(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	g_assert_cmphex(pending(f), ==, 0);
	for (unsigned int dword = 0; dword < 4; dword++)
		g_assert_cmphex(get_table(f, 0, dword), ==, dword == 3);
	iol_msix_raise(f->msix, 0);
	/* A new driver finds it working. */
	set_control(f, ENABLE);
	program(f, 0);
	set_mask(f, 0, false);
	g_assert_cmpuint(fake_kvm_all_messages(), ==, 0);
	iol_msix_raise(f->msix, 0);
	g_assert_cmpuint(arrived(0), ==, 1);
}

static void test_most_vectors(struct fixture *f, const void *data)
{
	const unsigned int last = IOL_MSIX_VECTORS_MAX - 1;

	(void)data;
	setup_with(f, IOL_MSIX_VECTORS_MAX);
	g_assert_cmphex(get_config(f, f->cap + CONTROL, 2), ==, last);
	set_control(f, ENABLE);
	program(f, last);
	iol_msix_raise(f->msix, last);
	iol_msix_raise(f->msix, 64);
	iol_msix_raise(f->msix, 63);
	g_assert_cmphex(pending(f), ==, UINT64_C(1) << 63);
	g_assert_cmphex(read_at(f, BAR + PBA + 8, 8), ==, UINT64_C(1) << 63 | 1);
	g_assert_cmphex(read_at(f, BAR + PBA + 12, 4), ==, 0x80000000);
	g_assert_cmphex(read_at(f, BAR + PBA + 16, 8), ==, 0);
	set_mask(f, last, false);
	g_assert_cmpuint(arrived(last), ==, 1);
}

static void test_one_vector(struct fixture *f, const void *data)
{
	(void)data;
	setup_with(f, 1);
	g_assert_cmphex(get_config(f, f->cap + CONTROL, 2), ==, 0);
	put_table(f, 1, 0, 0xffffffff);
	g_assert_cmphex(get_table(f, 1, 0), ==, 0);
	set_control(f, ENABLE);
	program(f, 0);
	set_mask(f, 0, false);
	iol_msix_raise(f->msix, 0);
	g_assert_cmpuint(arrived(0), ==, 1);
}

static void test_impossible(void)
{
	static const struct iol_pci_identity identity = { .vendor = 0x1af4, .device = 0x1042 };
	struct iol_irq_router *router;
	struct iol_msix *msix = NULL;
	struct iol_pci_function fn;
	struct iol_error err;

	fake_kvm_reset();
	fake_kvm.routing_cap = 64;
	router = iol_irq_router_new(FAKE_KVM_FD, PINS);
	iol_pci_function_init(&fn, "disk", &identity);
	g_assert_cmpint(iol_msix_new(&fn, 1, 0, router, &msix, &err), ==, -EINVAL);
	g_assert_cmpint(iol_msix_new(&fn, 1, 129, router, &msix, &err), ==, -EINVAL);
	g_assert_cmpstr(err.msg, ==, "disk: 129 interrupt vectors: MSI-X has 1 to 128");
	g_assert_cmpint(iol_msix_new(&fn, IOL_PCI_BARS, 1, router, &msix, &err), ==, -EINVAL);
	fn.bars[2].kind = IOL_PCI_BAR_MEM32;
	g_assert_cmpint(iol_msix_new(&fn, 2, 1, router, &msix, &err), ==, -EINVAL);
	g_assert_cmpstr(err.msg, ==, "disk: PCI BAR 2 is not free for MSI-X");
	/* More than the host routes; what was taken is given back. */
	g_assert_cmpint(iol_msix_new(&fn, 1, 128, router, &msix, &err), ==, -ENOSPC);
	g_assert_nonnull(strstr(err.msg, "disk: interrupt vector "));
	g_assert_cmpint(iol_pci_add_capability(&fn, PCI_CAP_ID_VNDR, 188, NULL), ==, 0x40);
	g_assert_cmpint(iol_msix_new(&fn, 1, 4, router, &msix, &err), ==, -ENOSPC);
	g_assert_null(msix);
	g_assert_cmpint(fn.bars[1].kind, ==, IOL_PCI_BAR_NONE);
	iol_msix_free(NULL);
	iol_irq_router_free(router);
}

static gpointer mask_and_unmask(gpointer opaque)
{
	struct fixture *f = opaque;

	for (unsigned int i = 0; i < 4000; i++) {
		set_mask(f, 0, true);
		put_table(f, 0, 2, 0x40 + i % 4);
		if (i % 16 == 0)
			set_control(f, ENABLE | MASK_ALL);
		pending(f);
		set_mask(f, 0, false);
		if (i % 16 == 0)
			set_control(f, ENABLE);
	}
	return NULL;
}

/* None is lost while a guest masks, moves and unmasks: the last raise of each round arrives. */
static void test_threads(struct fixture *f, const void *data)
{
	uint64_t raised = 0, got;
	GThread *vcpu;

	(void)data;
	set_control(f, ENABLE);
	program(f, 0);
	set_mask(f, 0, false);
	vcpu = g_thread_new("vcpu", mask_and_unmask, f);
	for (; raised < 20000; raised++)
		iol_msix_raise(f->msix, 0);
	g_thread_join(vcpu);
	g_assert_true(iol_msix_enabled(f->msix));
	g_assert_cmphex(pending(f), ==, 0);
	got = fake_kvm_all_messages();
	g_test_message("%" G_GUINT64_FORMAT " raised, %" G_GUINT64_FORMAT " arrived", raised, got);
	g_assert_cmpuint(got, >, 0);
	g_assert_cmpuint(got, <=, raised);
	iol_msix_raise(f->msix, 0);
	g_assert_cmpuint(fake_kvm_all_messages(), ==, 1);
}

/* A vector whose mask was seen set is not sent: raised by one thread, masked by another. */
static gpointer raise_much(gpointer opaque)
{
	struct fixture *f = opaque;

	for (unsigned int i = 0; i < 20000; i++)
		iol_msix_raise(f->msix, 0);
	return NULL;
}

static void test_mask_holds(struct fixture *f, const void *data)
{
	GThread *loop;

	(void)data;
	set_control(f, ENABLE);
	program(f, 0);
	loop = g_thread_new("loop", raise_much, f);
	for (unsigned int i = 0; i < 500; i++) {
		set_mask(f, 0, false);
		set_mask(f, 0, true);
		fake_kvm_all_messages();
		g_thread_yield();
		g_assert_cmpuint(fake_kvm_all_messages(), ==, 0);
	}
	g_thread_join(loop);
}

/* --- sources --- */

struct source {
	struct iol_msix_source source;
	_Atomic uint16_t vector;
	int fd;
};

static void add_source(struct fixture *f, struct source *s, uint16_t vector)
{
	s->vector = vector;
	s->fd = eventfd(0, EFD_CLOEXEC);
	g_assert_cmpint(s->fd, >=, 0);
	iol_msix_add_source(f->msix, &s->source, &s->vector);
}

static void move_source(struct fixture *f, struct source *s, uint16_t vector)
{
	s->vector = vector;
	iol_msix_move_source(f->msix, &s->source);
}

static void ask(struct source *s)
{
	const uint64_t one = 1;

	g_assert_cmpint(write(s->fd, &one, sizeof(one)), ==, sizeof(one));
}

/* What nobody took: as the loop does, it is read and raised. */
static bool left_over(struct fixture *f, struct source *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	uint64_t count;

	if (poll(&p, 1, 0) != 1)
		return false;
	g_assert_cmpint(read(s->fd, &count, sizeof(count)), ==, sizeof(count));
	if (s->vector < VECTORS)
		iol_msix_raise(f->msix, s->vector);
	return true;
}

/* It comes by the kernel alone. */
static void expect_bound(struct fixture *f, struct source *s, unsigned int vector)
{
	ask(s);
	g_assert_cmpuint(arrived(vector), ==, 1);
	g_assert_false(left_over(f, s));
	g_assert_cmpuint(fake_kvm_all_messages(), ==, 0);
}

static void expect_unbound(struct fixture *f, struct source *s)
{
	ask(s);
	g_assert_cmpuint(fake_kvm_all_messages(), ==, 0);
	g_assert_true(left_over(f, s));
}

static void test_source(struct fixture *f, const void *data)
{
	struct source s;

	(void)data;
	add_source(f, &s, 1);
	program(f, 1);
	program(f, 2);
	/* Neither eventfd nor vector. */
	set_mask(f, 1, false);
	set_control(f, ENABLE);
	expect_unbound(f, &s);
	g_assert_cmpuint(fake_kvm_all_messages(), ==, 1);
	iol_msix_set_source(f->msix, &s.source, s.fd);
	expect_bound(f, &s, 1);
	/* Masked: it is pending, and sent once when it is not any more. */
	set_mask(f, 1, true);
	expect_unbound(f, &s);
	g_assert_cmphex(pending(f), ==, 1 << 1);
	set_mask(f, 1, false);
	g_assert_cmpuint(arrived(1), ==, 1);
	expect_bound(f, &s, 1);
	/* What was asked while it was masked and nobody read before. */
	set_mask(f, 1, true);
	ask(&s);
	set_mask(f, 1, false);
	left_over(f, &s);
	g_assert_cmpuint(fake_kvm_all_messages(), >=, 1);
	/* The function's mask. */
	set_control(f, ENABLE | MASK_ALL);
	expect_unbound(f, &s);
	set_control(f, ENABLE);
	g_assert_cmpuint(arrived(1), ==, 1);
	expect_bound(f, &s, 1);
	iol_msix_set_source(f->msix, &s.source, -1);
	expect_unbound(f, &s);
	iol_fd_close(&s.fd);
}

static void test_source_moves(struct fixture *f, const void *data)
{
	struct source s;

	(void)data;
	for (unsigned int i = 0; i < VECTORS; i++)
		program(f, i);
	set_control(f, ENABLE);
	set_mask(f, 1, false);
	set_mask(f, 2, false);
	add_source(f, &s, UINT16_MAX);
	iol_msix_set_source(f->msix, &s.source, s.fd);
	expect_unbound(f, &s);
	move_source(f, &s, 1);
	expect_bound(f, &s, 1);
	move_source(f, &s, 2);
	expect_bound(f, &s, 2);
	/* Another's mask is no business of it. */
	set_mask(f, 1, true);
	expect_bound(f, &s, 2);
	move_source(f, &s, 1);
	expect_unbound(f, &s);
	set_mask(f, 1, false);
	fake_kvm_all_messages();
	expect_bound(f, &s, 1);
	/* Another message under the same number. */
	set_mask(f, 1, true);
	put_table(f, 1, 2, 0x77);
	set_mask(f, 1, false);
	ask(&s);
	g_assert_cmpuint(fake_kvm_messages(ADDRESS, 0x77), ==, 1);
	/* What waits in the eventfd goes to the message of now, not to the one before. */
	set_mask(f, 1, true);
	put_table(f, 1, 2, 0x78);
	ask(&s);
	set_mask(f, 1, false);
	g_assert_cmpuint(fake_kvm_messages(ADDRESS, 0x78), ==, 1);
	g_assert_cmpuint(fake_kvm_all_messages(), ==, 0);
	move_source(f, &s, VECTORS);
	expect_unbound(f, &s);
	move_source(f, &s, 2);
	expect_bound(f, &s, 2);
	set_control(f, 0);
	expect_unbound(f, &s);
	set_control(f, ENABLE);
	expect_bound(f, &s, 2);
	iol_msix_reset(f->msix);
	expect_unbound(f, &s);
	iol_msix_set_source(f->msix, &s.source, -1);
	iol_fd_close(&s.fd);
}

static void test_source_shared(struct fixture *f, const void *data)
{
	struct source s[3];

	(void)data;
	program(f, 0);
	set_mask(f, 0, false);
	set_control(f, ENABLE);
	for (unsigned int i = 0; i < 3; i++) {
		add_source(f, &s[i], 0);
		iol_msix_set_source(f->msix, &s[i].source, s[i].fd);
	}
	for (unsigned int i = 0; i < 3; i++)
		expect_bound(f, &s[i], 0);
	set_mask(f, 0, true);
	for (unsigned int i = 0; i < 3; i++)
		expect_unbound(f, &s[i]);
	set_mask(f, 0, false);
	g_assert_cmpuint(arrived(0), ==, 1);
	iol_msix_set_source(f->msix, &s[1].source, -1);
	expect_bound(f, &s[0], 0);
	expect_unbound(f, &s[1]);
	fake_kvm_all_messages();
	expect_bound(f, &s[2], 0);
	iol_msix_set_source(f->msix, &s[0].source, -1);
	iol_msix_set_source(f->msix, &s[2].source, -1);
	for (unsigned int i = 0; i < 3; i++)
		iol_fd_close(&s[i].fd);
}

/* The loop is left with it. */
static void test_source_refused(struct fixture *f, const void *data)
{
	struct source s;

	(void)data;
	add_source(f, &s, 3);
	iol_msix_set_source(f->msix, &s.source, s.fd);
	program(f, 3);
	set_control(f, ENABLE);
	fake_kvm.refuse_routing = EINVAL;
	set_mask(f, 3, false);
	fake_kvm.refuse_routing = 0;
	expect_unbound(f, &s);
	set_mask(f, 3, true);
	set_mask(f, 3, false);
	expect_bound(f, &s, 3);
	set_mask(f, 3, true);
	fake_kvm.refuse_irqfd = ENOSPC;
	set_mask(f, 3, false);
	expect_unbound(f, &s);
	g_assert_cmpuint(arrived(3), ==, 1);
	iol_msix_set_source(f->msix, &s.source, -1);
	iol_fd_close(&s.fd);
}

#define ADD(name, fn) g_test_add("/msix/" name, struct fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("capability", test_capability);
	ADD("table", test_table);
	ADD("odd-accesses", test_odd_accesses);
	ADD("devid", test_devid);
	ADD("deliver", test_deliver);
	ADD("pending", test_pending);
	ADD("move", test_move);
	ADD("reset", test_reset);
	g_test_add("/msix/most-vectors", struct fixture, NULL, NULL, test_most_vectors, teardown);
	g_test_add("/msix/one-vector", struct fixture, NULL, NULL, test_one_vector, teardown);
	g_test_add_func("/msix/impossible", test_impossible);
	ADD("source", test_source);
	ADD("source/moves", test_source_moves);
	ADD("source/shared", test_source_shared);
	ADD("source/refused", test_source_refused);
	ADD("threads", test_threads);
	ADD("mask-holds", test_mask_holds);
	return g_test_run();
}
