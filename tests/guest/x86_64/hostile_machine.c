// SPDX-License-Identifier: Apache-2.0
/* What violations of the machine share, and those of ports and memory. See ../hostile_machine_list.h. */
#include "hostile_machine.h"

volatile unsigned int machine_wrongs;

/* --- pieces --- */

void want(const char *what, uint64_t got, uint64_t wanted)
{
	if (got == wanted)
		return;
	if (machine_wrongs++ > 3)
		return;
	say("wrong ");
	say(what);
	say(" got=");
	say_hex(got);
	say(" want=");
	say_hex(wanted);
	say("\n");
}

enum verdict nothing_wrong(void)
{
	bool wrong = machine_wrongs != 0;

	machine_wrongs = 0;
	return wrong ? FAIL : still_works();
}

enum verdict at_cpl0(void (*code)(uint64_t))
{
	user_call(USER_PRIVILEGED, (uint64_t)code, 0);
	return nothing_wrong();
}

enum verdict load_and_nothing_wrong(void)
{
	vio_kick_always(h.q);
	return load_ends() == PASS ? nothing_wrong() : FAIL;
}

static uint32_t old_bars[BARS];

uint64_t bar_register(unsigned int idx)
{
	return h.v->function + PCI_BASE_ADDRESS_0 + 4 * idx;
}

void bars_save(void)
{
	for (unsigned int i = 0; i < BARS; i++)
		old_bars[i] = read32(bar_register(i));
}

void bars_restore(void)
{
	for (unsigned int i = 0; i < BARS; i++)
		write32(bar_register(i), old_bars[i]);
}

void bars_set(uint32_t place)
{
	for (unsigned int i = 0; i < BARS; i++)
		write32(bar_register(i), place);
}

void command_set(uint16_t command)
{
	write16(h.v->function + PCI_COMMAND, command);
}

void string_out(uint16_t port, unsigned int width, const volatile void *from, uint64_t count)
{
	if (width == 1)
		__asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(port) : "memory");
	else if (width == 2)
		__asm__ volatile("rep outsw" : "+S"(from), "+c"(count) : "d"(port) : "memory");
	else
		__asm__ volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(port) : "memory");
}

void string_in(uint16_t port, unsigned int width, volatile void *to, uint64_t count)
{
	if (width == 1)
		__asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(port) : "memory");
	else if (width == 2)
		__asm__ volatile("rep insw" : "+D"(to), "+c"(count) : "d"(port) : "memory");
	else
		__asm__ volatile("rep insl" : "+D"(to), "+c"(count) : "d"(port) : "memory");
}

uint32_t port_read(uint16_t port, unsigned int width)
{
	return width == 1 ? inb(port) : width == 2 ? inw(port) : inl(port);
}

void port_write(uint16_t port, unsigned int width, uint32_t value)
{
	if (width == 1)
		outb(port, (uint8_t)value);
	else if (width == 2)
		outw(port, (uint16_t)value);
	else
		outl(port, value);
}

void touch_all_widths(uint64_t at, unsigned int bytes, bool write)
{
	for (uint64_t end = at + bytes; at < end; at++) {
		if (write) {
			write8(at, 0xa5);
			write16(at, 0xa5a5);
			write32(at, 0xa5a5a5a5);
			write64(at, UINT64_C(0xa5a5a5a5a5a5a5a5));
		} else {
			read8(at);
			read16(at);
			read32(at);
			read64(at);
		}
	}
}

void touch_locked(uint64_t at)
{
	volatile uint32_t *where = (volatile uint32_t *)at;
	uint32_t value = 1;

	__asm__ volatile("lock xaddl %0, %1" : "+r"(value), "+m"(*where) : : "memory", "cc");
	__asm__ volatile("xchgl %0, %1" : "+r"(value), "+m"(*where) : : "memory");
	__asm__ volatile("lock orl %1, %0" : "+m"(*where) : "r"(value) : "memory", "cc");
	__asm__ volatile("addl %1, %0" : "+m"(*where) : "r"(value) : "memory", "cc");
	__asm__ volatile("notl %0" : "+m"(*where) : : "memory");
	__asm__ volatile("lock cmpxchgl %1, %0"
			 : "+m"(*where)
			 : "r"(value), "a"(0)
			 : "memory", "cc");
}

void string_copy(uint64_t to, uint64_t from, unsigned int width, uint64_t count)
{
	if (width == 1)
		__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
	else if (width == 4)
		__asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
	else
		__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

/* --- ports without anything --- */

static const struct {
	uint16_t first, bytes;
} taken[] = {
	{ 0x20, 2 }, /* KVM's PICs */
	{ 0xa0, 2 },
	{ 0x4d0, 2 },
	{ IOL_X86_I8042, IOL_X86_I8042_BYTES },
	{ IOL_X86_RTC, IOL_X86_RTC_BYTES },
	{ IOL_X86_COM1, IOL_X86_COM_BYTES },
	{ IOL_X86_COM2, IOL_X86_COM_BYTES },
	{ IOL_X86_PVPANIC, IOL_X86_PVPANIC_BYTES },
	{ IOL_X86_ACPI_PM, IOL_X86_ACPI_PM_BYTES },
	{ IOL_X86_PCI_CONF1, IOL_X86_PCI_CONF1_BYTES },
};

static bool is_taken(uint32_t port, unsigned int width)
{
	for (unsigned int i = 0; i < ITEMS(taken); i++)
		if (port < taken[i].first + taken[i].bytes && port + width > taken[i].first)
			return true;
	return false;
}

/* Some of the first 4096, few of the others. */
static uint32_t next_port(uint32_t port)
{
	return port + (port < 0x1000 ? 7 : 1009);
}

static void read_ports(uint64_t unused)
{
	(void)unused;
	for (uint32_t port = 0; port < 0xfffc; port = next_port(port))
		for (unsigned int width = 1; width <= 4; width *= 2)
			if (!is_taken(port, width))
				want("port", port_read((uint16_t)port, width), ones(width));
}

enum verdict v_ports_read(void)
{
	return at_cpl0(read_ports);
}

static void write_ports(uint64_t unused)
{
	(void)unused;
	for (uint32_t port = 0; port < 0xfffc; port = next_port(port))
		for (unsigned int width = 1; width <= 4; width *= 2)
			if (!is_taken(port, width))
				port_write((uint16_t)port, width, UINT32_MAX);
}

enum verdict v_ports_written(void)
{
	return at_cpl0(write_ports);
}

static void string_ports(uint64_t unused)
{
	static const uint16_t ports[] = { 0x40, 0x80, 0xe9, 0x1f0, 0x510, 0xd00, 0xfffc };

	(void)unused;
	for (unsigned int i = 0; i < ITEMS(ports); i++)
		for (unsigned int width = 1; width <= 4; width *= 2) {
			string_out(ports[i], width, h.data, 1000);
			h.data[0] = 0;
			string_in(ports[i], width, h.data, 1000);
			want("string", h.data[1000 * width - 1], 0xff);
		}
}

enum verdict v_ports_strings(void)
{
	return at_cpl0(string_ports);
}

static void last_ports(uint64_t unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 20; i++) {
		outw(0xffff, 0x5a5a);
		outl(0xfffd, 0x5a5a5a5a);
		outl(0xffff, 0x5a5a5a5a);
		inw(0xffff);
		inl(0xfffe);
		inl(0xffff);
	}
}

enum verdict v_ports_last(void)
{
	return at_cpl0(last_ports);
}

static void across_ports(uint64_t unused)
{
	(void)unused;
	for (unsigned int i = 3; i < ITEMS(taken); i++)
		for (unsigned int width = 2; width <= 4; width *= 2) {
			uint16_t before = (uint16_t)(taken[i].first - 1);
			uint16_t last = (uint16_t)(taken[i].first + taken[i].bytes - 1);

			want("before", port_read(before, width), ones(width));
			want("behind", port_read(last, width), ones(width));
			port_write(before, width, UINT32_MAX);
			port_write(last, width, UINT32_MAX);
		}
}

enum verdict v_ports_across(void)
{
	return at_cpl0(across_ports);
}

/* The memory of the string instruction is a device's. */
static void strings_to_registers(uint64_t unused)
{
	(void)unused;
	string_in(0x80, 1, (volatile void *)(h.v->config), 64);
	string_in(0x80, 4, (volatile void *)(h.v->config), 16);
	string_out(0x80, 1, (volatile void *)h.v->common, 56);
	string_out(0x80, 4, (volatile void *)h.v->common, 14);
	string_out(0x80, 4, (volatile void *)(IOL_X86_ECAM - 64), 32);
}

enum verdict v_ports_string_to_registers(void)
{
	return at_cpl0(strings_to_registers);
}

/* --- memory without anything --- */

static const uint64_t holes[] = {
	0xdfff0000,
	IOL_X86_ECAM + IOL_X86_ECAM_BYTES,
	0xefff0000,
	IOL_X86_VIRTIO_MMIO + 0x5000,
	IOL_X86_VIRTIO_MMIO + IOL_X86_VIRTIO_MMIO_BYTES,
	0xfed00000,
	0xfee10000,
	0xffe00000,
	0x180000000,
	0x1fffff000,
};

enum verdict v_holes_read(void)
{
	for (unsigned int i = 0; i < ITEMS(holes); i++) {
		touch_all_widths(holes[i], 8, false);
		want("hole", read64(holes[i]), UINT64_MAX);
		want("hole", read16(holes[i] + 3), 0xffff);
	}
	return nothing_wrong();
}

enum verdict v_holes_written(void)
{
	for (unsigned int i = 0; i < ITEMS(holes); i++) {
		touch_all_widths(holes[i], 8, true);
		want("hole", read64(holes[i]), UINT64_MAX);
	}
	return nothing_wrong();
}

enum verdict v_holes_across_pages(void)
{
	for (unsigned int i = 0; i < ITEMS(holes) - 1; i++) {
		touch_all_widths(holes[i] + 0xff9, 7, false);
		touch_all_widths(holes[i] + 0xff9, 7, true);
	}
	return nothing_wrong();
}

enum verdict v_holes_strings(void)
{
	uint64_t ram = (uint64_t)h.data;

	for (unsigned int i = 0; i < ITEMS(holes); i++)
		for (unsigned int width = 1; width <= 8; width = width == 1 ? 4 : width * 2) {
			string_copy(holes[i], ram, width, 32);
			string_copy(ram, holes[i], width, 32);
			want("copied", h.data[32 * width - 1], 0xff);
			string_copy(holes[(i + 1) % ITEMS(holes)], holes[i], width, 16);
			string_copy(h.v->config, holes[i], width, 8);
		}
	return nothing_wrong();
}

enum verdict v_holes_locked(void)
{
	for (unsigned int i = 0; i < ITEMS(holes); i++)
		touch_locked(holes[i]);
	return nothing_wrong();
}

enum verdict v_ram_end_across(void)
{
	write64(RAM_END - 8, 0);
	for (unsigned int i = 1; i < 8; i++) {
		read64(RAM_END - i);
		read32(RAM_END - i);
		write64(RAM_END - i, UINT64_MAX);
		write32(RAM_END - i, UINT32_MAX);
		string_copy(RAM_END - 64 + i, (uint64_t)h.data, 8, 16);
		string_copy((uint64_t)h.data, RAM_END - 64 + i, 8, 16);
	}
	want("behind RAM", read64(RAM_END), UINT64_MAX);
	return nothing_wrong();
}

/* The end of the BAR that @at is in, which is the end of a page. */
static uint64_t page_end(uint64_t at)
{
	return (at | 0xfff) + 1;
}

enum verdict v_registers_across_end(void)
{
	uint64_t ends[] = { page_end(h.v->common), page_end(h.v->notify), page_end(h.v->config) };

	for (unsigned int i = 0; i < ITEMS(ends); i++)
		for (unsigned int k = 1; k < 8; k++) {
			read64(ends[i] - k);
			read32(ends[i] - k);
			write64(ends[i] - k, UINT64_MAX);
			write32(ends[i] - k, UINT32_MAX);
		}
	return nothing_wrong();
}

enum verdict v_registers_locked(void)
{
	load();
	for (unsigned int i = 0; i < 64; i += 4) {
		touch_locked(h.v->config + i);
		touch_locked(h.v->isr);
		touch_locked(h.v->notify);
	}
	return load_and_nothing_wrong();
}

enum verdict v_registers_strings(void)
{
	uint64_t ram = (uint64_t)h.data;

	for (unsigned int width = 1; width <= 8; width = width == 1 ? 4 : width * 2) {
		string_copy(ram, h.v->common, width, 128 / width);
		string_copy(ram, h.v->config, width, 256 / width);
		string_copy(ram, h.v->notify, width, 256 / width);
		string_copy(h.v->config, ram, width, 256 / width);
	}
	return nothing_wrong();
}

enum verdict v_ioapic_junk(void)
{
	for (unsigned int i = 0; i < 256; i++) {
		write32(IOL_X86_IOAPIC, i);
		read32(IOL_X86_IOAPIC + 0x10);
		if (i > 0x40)
			write32(IOL_X86_IOAPIC + 0x10, UINT32_MAX);
	}
	for (unsigned int i = 0x20; i < 0x1000; i += 0x130)
		touch_all_widths(IOL_X86_IOAPIC + i, 1, false);
	return nothing_wrong();
}

enum verdict v_lapic_holes(void)
{
	for (unsigned int i = 0; i < 0x1000; i += 0x10)
		if (i < 0x20 || (i > 0x30 && i < 0x80) || i > 0x3e0)
			read32(IOL_X86_LAPIC + i);
	return nothing_wrong();
}
