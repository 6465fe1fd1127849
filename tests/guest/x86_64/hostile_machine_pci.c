// SPDX-License-Identifier: Apache-2.0
/* Violations of configuration space, by ports and in memory, and of BARs. See ../hostile_machine_list.h. */
#include "hostile_machine.h"

#include <linux/virtio_pci.h>

#define ADDRESS IOL_X86_PCI_CONF1
#define DATA (IOL_X86_PCI_CONF1 + 4)
#define ENABLE 0x80000000u
#define ADDRESS_BITS 0x80fffffcu
#define ID_BRIDGE read32(IOL_X86_ECAM)
#define ECAM_END (IOL_X86_ECAM + IOL_X86_ECAM_BYTES)

/* --- by ports --- */

static uint32_t victim_address(unsigned int offset)
{
	return ENABLE | (uint32_t)((h.v->function - IOL_X86_ECAM) >> 4 & 0xff00) | (offset & 0xfc);
}

static void conf1_widths(uint64_t unused)
{
	(void)unused;
	outl(ADDRESS, victim_address(0));
	outb(ADDRESS, 0xff);
	outw(ADDRESS, 0xffff);
	outw(ADDRESS + 2, 0);
	outb(ADDRESS + 2, 0);
	outb(ADDRESS + 3, 0);
	want("address", inl(ADDRESS), victim_address(0));
	want("address, byte", inb(ADDRESS), 0xff);
	want("address, word", inw(ADDRESS), 0xffff);
	want("identity", inl(DATA), read32(h.v->function));
	want("vendor", inw(DATA), read16(h.v->function));
	want("device", inw(DATA + 2), read16(h.v->function + 2));
}

enum verdict v_conf1_widths(void)
{
	return at_cpl0(conf1_widths);
}

static void conf1_disabled(uint64_t unused)
{
	(void)unused;
	outl(ADDRESS, victim_address(PCI_COMMAND) & ~ENABLE);
	for (unsigned int width = 1; width <= 4; width *= 2) {
		port_write(DATA, width, 0);
		want("data", port_read(DATA, width), ones(width));
	}
}

enum verdict v_conf1_disabled(void)
{
	return at_cpl0(conf1_disabled);
}

static void conf1_reserved_bits(uint64_t unused)
{
	(void)unused;
	outl(ADDRESS, UINT32_MAX);
	want("address", inl(ADDRESS), ADDRESS_BITS);
	want("data", inl(DATA), UINT32_MAX);
	outl(DATA, 0);
	outl(ADDRESS, victim_address(0) | 0x7f000003);
	want("address", inl(ADDRESS), victim_address(0));
	want("identity", inl(DATA), read32(h.v->function));
}

enum verdict v_conf1_reserved_bits(void)
{
	return at_cpl0(conf1_reserved_bits);
}

static void conf1_absent(uint32_t address)
{
	outl(ADDRESS, address);
	for (unsigned int width = 1; width <= 4; width *= 2) {
		port_write(DATA, width, 0);
		want("nothing", port_read(DATA, width), ones(width));
	}
}

static void conf1_buses(uint64_t unused)
{
	(void)unused;
	for (uint32_t bus = 1; bus < 256; bus++)
		conf1_absent(victim_address(bus & 0x3c) | bus << 16);
}

enum verdict v_conf1_buses(void)
{
	return at_cpl0(conf1_buses);
}

static void conf1_functions(uint64_t unused)
{
	(void)unused;
	for (uint32_t devfn = 0; devfn < 256; devfn++)
		if (devfn % 8)
			conf1_absent(ENABLE | devfn << 8 | PCI_COMMAND);
}

enum verdict v_conf1_functions(void)
{
	return at_cpl0(conf1_functions);
}

static void conf1_slots(uint64_t unused)
{
	(void)unused;
	for (uint32_t slot = 0; slot < SLOT_COUNT; slot++)
		if (read32(IOL_X86_ECAM + (slot << 15)) == UINT32_MAX)
			for (uint32_t offset = 0; offset < 256; offset += 52)
				conf1_absent(ENABLE | slot << 11 | offset);
}

enum verdict v_conf1_slots(void)
{
	return at_cpl0(conf1_slots);
}

static void conf1_across(uint64_t unused)
{
	(void)unused;
	outl(ADDRESS, victim_address(PCI_COMMAND));
	for (uint16_t i = 1; i < 4; i++) {
		want("data", inl((uint16_t)(DATA + i)), UINT32_MAX);
		outl((uint16_t)(DATA + i), 0);
		outl((uint16_t)(ADDRESS + i), 0);
		inl((uint16_t)(ADDRESS + i));
	}
	want("data", inw(DATA + 3), 0xffff);
	outw(DATA + 3, 0);
	want("address", inl(ADDRESS), victim_address(PCI_COMMAND));
}

enum verdict v_conf1_across(void)
{
	return at_cpl0(conf1_across);
}

static void conf1_strings(uint64_t unused)
{
	volatile uint32_t *data = (volatile uint32_t *)h.data;

	(void)unused;
	outl(ADDRESS, victim_address(0));
	string_out(DATA, 1, h.data, 300);
	string_out(DATA, 2, h.data, 300);
	string_out(DATA, 4, h.data, 300);
	string_in(DATA, 4, h.data, 300);
	want("identity", data[299], read32(h.v->function));
	string_in(DATA, 1, h.data, 300);
	string_in(ADDRESS, 4, h.data, 300);
	string_in(ADDRESS, 1, h.data, 300);
	string_out(ADDRESS, 2, h.data, 300);
}

enum verdict v_conf1_strings(void)
{
	return at_cpl0(conf1_strings);
}

static void conf1_junk(uint64_t unused)
{
	uint64_t seed = 17;

	(void)unused;
	for (unsigned int i = 0; i < 5000; i++) {
		uint64_t random = random_next(&seed);
		uint16_t port = (uint16_t)(DATA + (random >> 32 & 3));
		unsigned int width = 1u << (random >> 34 & 3);

		outl(ADDRESS, (random & 0x100) ? victim_address((unsigned int)random & 0xff)
					       : ENABLE | 0x10000 | ((uint32_t)random & 0xffff00));
		if (width == 8)
			port_read(port, 4);
		else
			port_write(port, width, (uint32_t)(random >> 24));
	}
}

enum verdict v_conf1_junk(void)
{
	bars_save();
	user_call(USER_PRIVILEGED, (uint64_t)conf1_junk, 0);
	/* What junk made of MSI-X is no matter of ours: that the device comes back is what counts. */
	return PASS;
}

static void conf1_reset_register(uint64_t unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 256; i++)
		if (!(i & 4))
			outb(IOL_X86_RESET_PORT, (uint8_t)i);
	want("reset register", inb(IOL_X86_RESET_PORT), 0xfb & 0x0a);
	outb(IOL_X86_RESET_PORT, 0);
	outw(IOL_X86_RESET_PORT, 0x0606);
	outl(IOL_X86_RESET_PORT, 0x06060606);
	want("reset register", inb(IOL_X86_RESET_PORT), 0);
	inw(IOL_X86_RESET_PORT);
	inl(IOL_X86_RESET_PORT);
}

enum verdict v_conf1_reset_register(void)
{
	return at_cpl0(conf1_reset_register);
}

/* --- headers --- */

enum verdict v_bridge_junk(void)
{
	uint32_t identity = ID_BRIDGE, class_code = read32(IOL_X86_ECAM + PCI_CLASS_REVISION);
	uint64_t seed = 19;

	for (unsigned int round = 0; round < 8; round++)
		for (unsigned int i = 0; i < 4096; i += 4)
			write32(IOL_X86_ECAM + i,
				round ? (uint32_t)random_next(&seed) : UINT32_MAX);
	write32(IOL_X86_ECAM + PCI_COMMAND, 0);
	want("identity", ID_BRIDGE, identity);
	want("class", read32(IOL_X86_ECAM + PCI_CLASS_REVISION), class_code);
	return nothing_wrong();
}

static void write_and_want_same(unsigned int offset)
{
	uint64_t at = h.v->function + offset;
	uint32_t old = read32(at);

	write32(at, ~old);
	want("doubleword", read32(at), old);
	write16(at + 2, (uint16_t) ~(old >> 16));
	for (unsigned int i = 0; i < 4; i++)
		write8(at + i, (uint8_t) ~(old >> 8 * i));
	want("bytes", read32(at), old);
}

enum verdict v_identity_written(void)
{
	write_and_want_same(PCI_VENDOR_ID);
	write_and_want_same(PCI_CLASS_REVISION);
	write_and_want_same(PCI_SUBSYSTEM_VENDOR_ID);
	write_and_want_same(PCI_CARDBUS_CIS);
	write8(h.v->function + PCI_HEADER_TYPE, 0x81);
	want("header type", read8(h.v->function + PCI_HEADER_TYPE), 0);
	return nothing_wrong();
}

enum verdict v_capabilities_written(void)
{
	unsigned int at = read8(h.v->function + PCI_CAPABILITY_LIST);

	for (unsigned int steps = 0; at && steps < 48; steps++) {
		uint16_t head = read16(h.v->function + at);

		write16(h.v->function + at, (uint16_t)~head);
		want("head", read16(h.v->function + at), head);
		write8(h.v->function + at + 1, (uint8_t)at);
		want("head", read16(h.v->function + at), head);
		at = head >> 8;
	}
	return nothing_wrong();
}

enum verdict v_capability_pointer_written(void)
{
	write_and_want_same(PCI_CAPABILITY_LIST);
	return nothing_wrong();
}

enum verdict v_command_bytes(void)
{
	load();
	for (unsigned int i = 0; i < 256; i++) {
		write8(h.v->function + PCI_COMMAND + 1, (uint8_t)i);
		write8(h.v->function + PCI_COMMAND, (uint8_t)(i | PCI_COMMAND_MASTER));
	}
	write8(h.v->function + PCI_COMMAND + 1, 0);
	write8(h.v->function + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return load_and_nothing_wrong();
}

enum verdict v_status_cleared(void)
{
	write16(h.v->function + PCI_STATUS, 0xffff);
	want("capabilities", read16(h.v->function + PCI_STATUS) & PCI_STATUS_CAP_LIST,
	     PCI_STATUS_CAP_LIST);
	write32(h.v->function + PCI_COMMAND, 0xffff0000u | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return nothing_wrong();
}

enum verdict v_intx_disable_storm(void)
{
	uint16_t on = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	vio_want_interrupts(h.q, true);
	load();
	for (unsigned int i = 0; i < 1000; i++)
		command_set(i & 1 ? on : on | PCI_COMMAND_INTX_DISABLE);
	vio_want_interrupts(h.q, false);
	return load_and_nothing_wrong();
}

enum verdict v_master_off_storm(void)
{
	load();
	for (unsigned int i = 0; i < 200; i++)
		command_set(i & 1 ? PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER : PCI_COMMAND_MEMORY);
	return vio_get(h.v, VIO_STATUS) == ALL_STATUS ? load_and_nothing_wrong() : REJECT;
}

enum verdict v_expansion_rom(void)
{
	uint64_t at = h.v->function + PCI_ROM_ADDRESS;

	write32(at, UINT32_MAX);
	want("expansion ROM", read32(at), 0);
	write32(at, 0xdc000001);
	want("expansion ROM", read32(0xdc000000), UINT32_MAX);
	return nothing_wrong();
}

/* --- in memory --- */

enum verdict v_ecam_first_last(void)
{
	uint64_t last = ECAM_END;

	want("first", read8(IOL_X86_ECAM), ID_BRIDGE & 0xff);
	for (unsigned int width = 1; width <= 8; width *= 2) {
		touch_all_widths(IOL_X86_ECAM, 1, false);
		want("last", read8(last - 1), 0xff);
	}
	read16(last - 2);
	read32(last - 4);
	read64(last - 8);
	write8(last - 1, 0);
	write16(last - 2, 0);
	write32(last - 4, 0);
	write64(last - 8, 0);
	write64(IOL_X86_ECAM, 0);
	return nothing_wrong();
}

static void across(uint64_t edge)
{
	for (unsigned int i = 1; i < 8; i++) {
		read64(edge - i);
		write64(edge - i, UINT64_MAX);
		if (i < 4) {
			read32(edge - i);
			write32(edge - i, 0);
		}
	}
	read16(edge - 1);
	write16(edge - 1, 0);
}

enum verdict v_ecam_across_end(void)
{
	across(ECAM_END);
	return nothing_wrong();
}

enum verdict v_ecam_across_begin(void)
{
	across(IOL_X86_ECAM);
	want("identity", ID_BRIDGE & 0xffff, read16(IOL_X86_ECAM));
	return nothing_wrong();
}

enum verdict v_ecam_buses(void)
{
	for (uint64_t at = ECAM_END; at < IOL_X86_VIRTIO_MMIO; at += IOL_X86_ECAM_BYTES) {
		want("bus", read32(at + (h.v->function & 0xfffff)), UINT32_MAX);
		write32(at + (h.v->function & 0xfffff) + PCI_COMMAND, 0);
	}
	return nothing_wrong();
}

enum verdict v_ecam_functions(void)
{
	for (uint64_t devfn = 0; devfn < 256; devfn++) {
		uint64_t at = IOL_X86_ECAM + (devfn << 12);

		if (devfn % 8 == 0)
			continue;
		want("function", read32(at), UINT32_MAX);
		write32(at + PCI_COMMAND, 0);
		write32(at + PCI_BASE_ADDRESS_0, UINT32_MAX);
	}
	return nothing_wrong();
}

enum verdict v_ecam_quads(void)
{
	for (unsigned int i = 0; i < 4096; i += 8) {
		want("quad", read64(h.v->function + i), UINT64_MAX);
		write64(h.v->function + i, 0);
	}
	return nothing_wrong();
}

enum verdict v_ecam_unaligned(void)
{
	for (unsigned int i = 0; i < 256; i += 4) {
		want("across", read32(h.v->function + i + 1), UINT32_MAX);
		want("across", read16(h.v->function + i + 3), 0xffff);
		write32(h.v->function + i + 2, 0);
		write16(h.v->function + i + 3, 0);
	}
	return nothing_wrong();
}

enum verdict v_ecam_extended(void)
{
	for (unsigned int i = 256; i < 4096; i += 4) {
		write32(h.v->function + i, 0x5a5a5a5a);
		want("extended", read32(h.v->function + i) == 0x5a5a5a5a, 0);
	}
	return nothing_wrong();
}

enum verdict v_ecam_strings(void)
{
	uint64_t ram = (uint64_t)h.data;

	for (unsigned int width = 1; width <= 8; width = width == 1 ? 4 : width * 2) {
		string_copy(ram, h.v->function, width, 4096 / width);
		string_copy(h.v->function + 256, ram, width, 3840 / width);
		string_copy(h.v->function + 256, h.v->function, width, 256 / width);
	}
	return nothing_wrong();
}

enum verdict v_ecam_locked(void)
{
	touch_locked(h.v->function + PCI_VENDOR_ID);
	touch_locked(h.v->function + PCI_CLASS_REVISION);
	touch_locked(h.v->function + PCI_CACHE_LINE_SIZE);
	touch_locked(h.v->function + 0x800);
	touch_locked(IOL_X86_ECAM + IOL_X86_ECAM_BYTES - 4);
	return nothing_wrong();
}

/* --- BARs --- */

/* All BARs to @place for a moment, both halves, with requests in flight. */
static void bars_to(uint64_t place)
{
	load();
	for (unsigned int i = 0; i < BARS; i++)
		write32(bar_register(i), (uint32_t)(i & 1 ? place >> 32 : place));
	write16(h.q->notify, 0);
	read32(h.v->common);
	bars_restore();
	vio_kick_always(h.q);
	if (load_ends() != PASS)
		want("load", 0, 1);
}

enum verdict v_bar_far(void)
{
	static const uint64_t places[] = { 1ull << 40, 1ull << 46,         1ull << 52,
					   1ull << 63, 0xfffffffffff00000, 0xffffffffffffc000,
					   0x100000000 };

	bars_save();
	for (unsigned int i = 0; i < ITEMS(places); i++)
		bars_to(places[i]);
	return nothing_wrong();
}

enum verdict v_bar_one_place(void)
{
	bars_save();
	for (unsigned int i = 0; i < 20; i++)
		bars_to(0xdc000000 + 0x100000ull * i);
	return nothing_wrong();
}

enum verdict v_bar_over_configuration(void)
{
	bars_save();
	bars_to(IOL_X86_ECAM);
	bars_to(IOL_X86_ECAM + IOL_X86_ECAM_BYTES - 0x8000);
	bars_to(IOL_X86_ECAM - 0x4000);
	bars_to(IOL_X86_VIRTIO_MMIO);
	bars_to(IOL_X86_VIRTIO_MMIO + 0x1000);
	want("bridge", read16(IOL_X86_ECAM) == 0xffff, 0);
	return nothing_wrong();
}

enum verdict v_bar_over_kernel(void)
{
	bars_save();
	bars_to((uint64_t)v_bar_over_kernel & ~0x3fffull);
	bars_to(0x100000);
	bars_to(0x4000);
	bars_to((uint64_t)h.q->desc & ~0x3fffull);
	return nothing_wrong();
}

enum verdict v_bar_across_ram_end(void)
{
	bars_save();
	for (unsigned int i = 0; i < 4; i++)
		bars_to(RAM_END - 0x4000 + 0x2000ull * i);
	return nothing_wrong();
}

enum verdict v_bar_storm(void)
{
	uint64_t seed = 23;

	bars_save();
	load();
	for (unsigned int i = 0; i < 300; i++)
		write32(bar_register((unsigned int)random_next(&seed) % BARS),
			(uint32_t)random_next(&seed));
	bars_set(0);
	bars_restore();
	return load_and_nothing_wrong();
}

enum verdict v_bar_halves(void)
{
	uint32_t low = read32(bar_register(0));

	bars_save();
	load();
	for (unsigned int i = 1; i < 25; i++) {
		write32(bar_register(1), i);
		write32(bar_register(0), low + (i << 20));
		write32(bar_register(1), 0);
		write32(bar_register(0), low);
	}
	bars_restore();
	return load_and_nothing_wrong();
}

enum verdict v_bar_bytes(void)
{
	bars_save();
	load();
	for (unsigned int i = 0; i < 200; i++)
		write8(bar_register(0) + i % (4 * BARS), (uint8_t)(i * 37));
	bars_restore();
	return load_and_nothing_wrong();
}

enum verdict v_bar_decode_storm(void)
{
	load();
	for (unsigned int i = 0; i < 150; i++) {
		command_set(i & 1 ? PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER : PCI_COMMAND_MASTER);
		write16(h.q->notify, 0);
	}
	return load_and_nothing_wrong();
}
