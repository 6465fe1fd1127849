// SPDX-License-Identifier: Apache-2.0
/*
 * A hostile guest at the devices of the x86_64 machine and the PrimeCells of the aarch64 one: register accesses of
 * any place, width and value on its two buses, in any order with input and back-pressure of the serial line, the power
 * button, resets and the passing of time. Plugged in are two PCI functions with BARs of all kinds,
 * and one with MSI-X whose device raises its vectors when the input says so; its messages go to a KVM
 * that is played (fake_kvm.h), as a model of the table says they must.
 *
 * An input is a sequence of operations (ops[] below). Each begins with a machine just made and ends with
 * one that was reset and must work. The clock of the RTC is the input's; the loop is shared.
 *
 * Linked with --wrap=write: lines of the log are counted instead of written.
 */
#include "fuzz.h"
#include "heap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/serial_reg.h>
#include <unistd.h>

#include <iolite/acpi_pm.h>
#include <iolite/i8042.h>
#include <iolite/pl061.h>
#include <iolite/pvpanic.h>
#include <iolite/uart.h>

#include "arch/aarch64/platform.h"
#include "arch/x86_64/platform.h"
#include "devices/rtc_internal.h"
#include "pci_functions.h"

enum {
	DEVICES_MAX = 9,
	OPS_MAX = 4096,
	RING_FILLS_MAX = 3,
	HEAP_SLACK_BYTES = 8192, /* what a bus may grow by */
	LOG_LINES_PER_S = 8,
	RTC_REG_D = 0x0d,
	RTC_D_VALID = 0x80,
};

struct machine {
	struct iol_event_sink sink;
	bool reset_asked;
	struct rtc_clock clock;
	struct rtc_time now;
	struct iol_bus pio, mmio;
	unsigned int pio_regions, mmio_regions; /* without BARs */
	struct iol_char *chr;
	unsigned int device_count;
	struct iol_device *devices[DEVICES_MAX];
	struct iol_acpi_pm *acpi_pm;
	struct iol_pl061 *gpio;
	struct pci_functions functions;
	int uart_irq, acpi_irq, gpio_irq; /* borrowed */
	uint64_t gpio_edges_allowed; /* one for each write to memory and each change of an input */
	unsigned int ring_fills;
	uint64_t out_allowed; /* bytes that may have come out of the serial line */
};

/* Made once: setting these up would take longer than an input. */
static struct iol_loop loop;
static int in_pipe[2], out_pipe[2];

static unsigned int log_lines;

ssize_t __wrap_write(int fd, const void *buf, size_t len);
ssize_t __real_write(int fd, const void *buf, size_t len);

ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
	if (fd != STDERR_FILENO || len < 8 || memcmp(buf, "iolite: ", 8))
		return __real_write(fd, buf, len);
	log_lines++;
	return (ssize_t)len;
}

static void on_event(struct iol_event_sink *sink, enum iol_event event)
{
	struct machine *m = iol_container_of(sink, struct machine, sink);

	fuzz_check(event == IOL_EVENT_RESET || event == IOL_EVENT_POWEROFF ||
		   event == IOL_EVENT_PANIC || event == IOL_EVENT_CRASH_LOADED);
	if (event == IOL_EVENT_RESET)
		m->reset_asked = true;
}

static struct rtc_time clock_now(const struct rtc_clock *clock)
{
	return ((const struct machine *)(const void *)((const char *)clock -
						       offsetof(struct machine, clock)))
		->now;
}

static uint64_t width_mask(unsigned int len)
{
	return UINT64_MAX >> (64 - 8 * len);
}

static void make_serial(struct machine *m)
{
	fuzz_check(!iol_char_null_new(&loop, &m->chr, NULL));
	m->chr->in_fd = dup(in_pipe[0]);
	m->chr->out_fd = dup(out_pipe[1]);
	fuzz_check(m->chr->in_fd >= 0 && m->chr->out_fd >= 0);
}

static struct iol_device **next_device(struct machine *m)
{
	fuzz_check(m->device_count < DEVICES_MAX);
	return &m->devices[m->device_count++];
}

/* Where a device is, there is no other. */
static void check_no_second(struct machine *m)
{
	struct iol_device *dev;
	struct iol_error err;

	fuzz_check(iol_pvpanic_new(&m->pio, IOL_X86_PVPANIC, &m->sink, &dev, &err) == -EEXIST);
	fuzz_check(iol_i8042_new(&m->pio, IOL_X86_I8042, &m->sink, &dev, &err) == -EEXIST);
	fuzz_check(rtc_new_with_clock(&m->pio, IOL_X86_RTC, &m->clock, &dev, &err) == -EEXIST);
	fuzz_check(iol_pl031_new(&m->mmio, IOL_ARM64_RTC, &dev, &err) == -EEXIST);
}

static void machine_init(struct machine *m)
{
	const struct iol_pci_host_config pci = {
		.pio = &m->pio,
		.conf1_base = IOL_X86_PCI_CONF1,
		.mmio = &m->mmio,
		.ecam_base = IOL_X86_ECAM,
		.ecam_bytes = IOL_X86_ECAM_BYTES,
		.window_base = IOL_X86_PCI_WINDOW,
		.window_bytes = IOL_X86_PCI_WINDOW_BYTES,
		.sink = &m->sink,
	};
	struct iol_irq_line irq;
	struct iol_device *uart;

	*m = (struct machine){ .sink.raise = on_event, .clock.now = clock_now };
	m->now.s = 1709215198;
	iol_bus_init(&m->pio);
	iol_bus_init(&m->mmio);
	make_serial(m);
	fuzz_check(!iol_i8042_new(&m->pio, IOL_X86_I8042, &m->sink, next_device(m), NULL));
	fuzz_check(!rtc_new_with_clock(&m->pio, IOL_X86_RTC, &m->clock, next_device(m), NULL));

	fuzz_check(!iol_irq_line_init(&irq, -1, 0, NULL));
	m->uart_irq = irq.eventfd;
	fuzz_check(!iol_uart_new(&m->pio, IOL_X86_COM1, iol_irq_output_edge(irq), m->chr, &uart,
				 NULL));
	*next_device(m) = uart;
	iol_char_start(m->chr, iol_uart_char_user(uart));

	fuzz_check(!iol_pvpanic_new(&m->pio, IOL_X86_PVPANIC, &m->sink, next_device(m), NULL));
	fuzz_check(!iol_irq_line_init(&irq, -1, 0, NULL));
	m->acpi_irq = irq.eventfd;
	fuzz_check(!iol_acpi_pm_new(&m->pio, IOL_X86_ACPI_PM, irq, &m->sink, &m->acpi_pm, NULL));
	*next_device(m) = iol_acpi_pm_device(m->acpi_pm);

	fuzz_check(!pl031_new_with_clock(&m->mmio, IOL_ARM64_RTC, &m->clock, next_device(m), NULL));
	fuzz_check(!iol_irq_line_init(&irq, -1, 0, NULL));
	m->gpio_irq = irq.eventfd;
	fuzz_check(!iol_pl061_new(&m->mmio, IOL_ARM64_GPIO, irq, &m->gpio, NULL));
	*next_device(m) = iol_pl061_device(m->gpio);

	fuzz_check(!iol_pci_host_new(&pci, next_device(m), NULL));
	pci_functions_add(&m->functions, iol_pci_host_of(m->devices[m->device_count - 1]));
	check_no_second(m);
	m->pio_regions = m->pio.count;
	m->mmio_regions = m->mmio.count;
}

static void reset_machine(struct machine *m)
{
	msix_model_reset(&m->functions.msix);
	for (unsigned int i = m->device_count; i-- > 0;)
		m->devices[i]->ops->reset(m->devices[i]);
}

static void machine_finish(struct machine *m)
{
	iol_char_stop(m->chr, 0);
	pci_functions_remove(&m->functions);
	while (m->device_count) {
		struct iol_device *dev = m->devices[--m->device_count];

		dev->ops->free(dev);
	}
	iol_char_free(m->chr);
	fuzz_check(!m->pio.count && !m->mmio.count);
	iol_bus_finish(&m->pio);
	iol_bus_finish(&m->mmio);
}

/* Reads @fd until it is empty; how many bytes. */
static uint64_t drain(int fd)
{
	static uint8_t bytes[IOL_CHAR_RING_BYTES];
	uint64_t total = 0;
	ssize_t got;

	while ((got = read(fd, bytes, sizeof(bytes))) > 0)
		total += (uint64_t)got;
	return total;
}

static void take_output(struct machine *m)
{
	uint64_t got = drain(out_pipe[0]);

	fuzz_check(got <= m->out_allowed);
	m->out_allowed -= got;
}

static void turn(unsigned int count)
{
	while (count--)
		fuzz_check(!iol_loop_turn(&loop, false));
}

static void check_bus(const struct iol_bus *bus)
{
	for (unsigned int i = 0; i < bus->count; i++) {
		const struct iol_bus_region *r = &bus->regions[i];

		fuzz_check(r->size_bytes && r->base <= UINT64_MAX - (r->size_bytes - 1));
		fuzz_check(!i || r[-1].base + (r[-1].size_bytes - 1) < r->base);
	}
}

static void check_buses(const struct machine *m)
{
	check_bus(&m->pio);
	check_bus(&m->mmio);
	fuzz_check(m->pio.count ==
		   m->pio_regions + pci_functions_count_bars(&m->functions, &m->pio, true));
	fuzz_check(m->mmio.count ==
		   m->mmio_regions + pci_functions_count_bars(&m->functions, &m->mmio, false));
}

static uint64_t bus_read(struct iol_bus *bus, uint64_t addr, unsigned int len)
{
	uint64_t value = 0;
	bool hit = iol_bus_read(bus, addr, len, &value);

	fuzz_check(value <= width_mask(len) || value == UINT64_MAX);
	fuzz_check(hit || value == UINT64_MAX);
	return value;
}

static void bus_write(struct machine *m, struct iol_bus *bus, uint64_t addr, unsigned int len,
		      uint64_t value)
{
	/* Each write to the line may be a byte that comes out. */
	if (bus == &m->pio && addr == IOL_X86_COM1)
		m->out_allowed++;
	if (bus == &m->mmio)
		m->gpio_edges_allowed++;
	iol_bus_write(bus, addr, len, value & width_mask(len));
}

/* One access: @how has the width in its lower bits and the direction in bit 7. */
static void do_access(struct machine *m, struct fuzz_input *in, struct iol_bus *bus, uint64_t addr,
		      uint8_t how)
{
	unsigned int len = 1u << how % 4;

	if (how & 0x80)
		bus_read(bus, addr, len);
	else
		bus_write(m, bus, addr, len, fuzz_number(in, len));
}

static void op_uart_write(struct machine *m, struct fuzz_input *in)
{
	uint8_t reg = fuzz_u8(in) % IOL_UART_BYTES;

	bus_write(m, &m->pio, IOL_X86_COM1 + reg, 1, fuzz_u8(in));
}

static void op_uart_read(struct machine *m, struct fuzz_input *in)
{
	uint8_t reg = fuzz_u8(in);

	/* Many at once: that is how polling is recognised. */
	for (unsigned int i = 0; i <= reg / 32u * 4; i++)
		bus_read(&m->pio, IOL_X86_COM1 + reg % IOL_UART_BYTES, 1);
}

static void op_rtc_write(struct machine *m, struct fuzz_input *in)
{
	bus_write(m, &m->pio, IOL_X86_RTC, 1, fuzz_u8(in));
	bus_write(m, &m->pio, IOL_X86_RTC + 1, 1, fuzz_u8(in));
}

static void op_rtc_read(struct machine *m, struct fuzz_input *in)
{
	bus_write(m, &m->pio, IOL_X86_RTC, 1, fuzz_u8(in));
	bus_read(&m->pio, IOL_X86_RTC + 1, 1);
}

/* Seconds either way, years too, but not so many that the host could not have them. */
static void op_clock(struct machine *m, struct fuzz_input *in)
{
	int64_t s = m->now.s + (int32_t)fuzz_number(in, 4);

	m->now.ns = (uint32_t)(fuzz_number(in, 4) % IOL_NS_PER_S);
	if (s > -(INT64_C(1) << 40) && s < INT64_C(1) << 40)
		m->now.s = s;
}

static void op_conf1(struct machine *m, struct fuzz_input *in)
{
	uint8_t slot = fuzz_u8(in), offset = fuzz_u8(in), how = fuzz_u8(in);
	uint32_t address = 0x80000000u | (slot % 4u) << 11 | (offset & 0xfcu);

	bus_write(m, &m->pio, IOL_X86_PCI_CONF1, 4, address | (slot & 0xf0u) << 4);
	do_access(m, in, &m->pio, IOL_X86_PCI_CONF1 + 4 + (offset & 3), how);
}

static void op_ecam(struct machine *m, struct fuzz_input *in)
{
	uint8_t slot = fuzz_u8(in);
	uint16_t offset = fuzz_u16(in);
	uint8_t how = fuzz_u8(in);

	do_access(m, in, &m->mmio, IOL_X86_ECAM + ((slot % 4u) << 15) + offset % 0x1010, how);
}

/* A BAR to some place, and decoding on: what takes a random guest long. */
static void op_place_bar(struct machine *m, struct fuzz_input *in)
{
	uint8_t which = fuzz_u8(in);
	uint64_t function = IOL_X86_ECAM + ((1u + which % PCI_FUNCTIONS) << 15);
	uint8_t idx = which / 8 % IOL_PCI_BARS;

	bus_write(m, &m->mmio, function + PCI_BASE_ADDRESS_0 + 4u * idx, 4, fuzz_number(in, 4));
	bus_write(m, &m->mmio, function + PCI_COMMAND, 2, which >> 6);
}

static void op_pio(struct machine *m, struct fuzz_input *in)
{
	uint16_t addr = fuzz_u16(in);
	uint8_t how = fuzz_u8(in);

	do_access(m, in, &m->pio, addr, how);
}

static void op_mmio(struct machine *m, struct fuzz_input *in)
{
	uint8_t how = fuzz_u8(in);

	do_access(m, in, &m->mmio, fuzz_number(in, 8), how);
}

/* Into a BAR, or over its end. */
static void op_bar(struct machine *m, struct fuzz_input *in)
{
	uint8_t which = fuzz_u8(in), how = fuzz_u8(in);
	const struct iol_pci_function *fn = m->functions.all[which % PCI_FUNCTIONS];
	const struct iol_pci_bar *bar = &fn->bars[which / 8 % IOL_PCI_BARS];

	if (bar->kind == IOL_PCI_BAR_NONE)
		return;
	do_access(m, in, bar->kind == IOL_PCI_BAR_IO ? &m->pio : &m->mmio,
		  bar->mapped_base + fuzz_u16(in), how);
}

/* What a random guest seldom finds: MSI-X on or off, an entry's dword, a raise. */
static void op_msix(struct machine *m, struct fuzz_input *in)
{
	const uint64_t config = IOL_X86_ECAM + ((uint64_t)PCI_FUNCTIONS << 15);
	const struct iol_pci_bar *bar = &m->functions.msix.fn.bars[0];
	uint8_t what = fuzz_u8(in);
	unsigned int vector = what / 4u % MSIX_VECTORS;

	switch (what % 4) {
	case 0:
		bus_write(m, &m->mmio,
			  config + m->functions.msix.fn.last_capability + PCI_MSIX_FLAGS, 2,
			  (uint64_t)(what & 0xc0) << 8);
		bus_write(m, &m->mmio, config + PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
		break;
	case 1:
		if (bar->mapped)
			bus_write(m, &m->mmio, bar->mapped_base + 16 * vector + 4 * (what >> 6), 4,
				  fuzz_u8(in));
		break;
	default:
		msix_model_raise(&m->functions.msix, vector);
		break;
	}
}

/* It sends a vector, and holds back one that is masked. */
static void check_msix(struct machine *m)
{
	const uint64_t config = IOL_X86_ECAM + ((uint64_t)PCI_FUNCTIONS << 15);
	const struct iol_pci_bar *bar = &m->functions.msix.fn.bars[0];

	bus_write(m, &m->mmio, config + PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	fuzz_check(bar->mapped && bar->mapped_base == bar->assigned);
	bus_write(m, &m->mmio, config + m->functions.msix.fn.last_capability + PCI_MSIX_FLAGS, 2,
		  PCI_MSIX_FLAGS_ENABLE);
	bus_write(m, &m->mmio, bar->mapped_base + PCI_MSIX_ENTRY_VECTOR_CTRL, 4, 0);
	msix_model_raise(&m->functions.msix, 0);
	msix_model_raise(&m->functions.msix, 1);
	fuzz_check(m->functions.msix.vectors[0].live && m->functions.msix.vectors[1].pending);
	fuzz_check(bus_read(&m->mmio, bar->mapped_base + 2048, 8) == 2);
	reset_machine(m);
}

/* Registers of a PrimeCell, most of them; @where has more of its offset. */
static void do_primecell(struct machine *m, struct fuzz_input *in, uint8_t where, uint8_t how)
{
	static const uint64_t bases[] = { IOL_ARM64_RTC, IOL_ARM64_GPIO };
	uint64_t offset = fuzz_u8(in) * 4u + (how & 0x20 ? 0x400 : 0) + (how & 0x10 ? where : 0);

	do_access(m, in, &m->mmio, bases[where % 2] + offset, how);
}

/* How often the PL061 interrupted: no more than there was reason for. */
static uint64_t take_gpio_edges(struct machine *m)
{
	uint64_t edges = 0;

	if (read(m->gpio_irq, &edges, sizeof(edges)) == sizeof(edges))
		fuzz_check(edges <= m->gpio_edges_allowed);
	m->gpio_edges_allowed = 0;
	return edges;
}

static void op_small_devices(struct machine *m, struct fuzz_input *in)
{
	static const uint16_t bases[] = { IOL_X86_I8042, IOL_X86_ACPI_PM, IOL_X86_I8042,
					  IOL_X86_PVPANIC };
	uint8_t where = fuzz_u8(in), how = fuzz_u8(in);

	if (how & 0x40) {
		do_primecell(m, in, where, how);
		return;
	}
	do_access(m, in, &m->pio, bases[where % 4] + where / 4u % 10, how);
}

static void op_input(struct machine *m, struct fuzz_input *in)
{
	uint8_t want = fuzz_u8(in);
	size_t got;
	const uint8_t *data = fuzz_take(in, want, &got);

	(void)m;
	/* A full pipe takes no more, as from any peer. */
	if (got && write(in_pipe[1], data, got) < 0)
		return;
	turn(2);
}

static void op_turn(struct machine *m, struct fuzz_input *in)
{
	uint8_t count = fuzz_u8(in);

	turn(1 + count % 4);
	if (count & 0x80)
		take_output(m);
}

/* Output that fills the ring, and at the second time the pipe behind it too. */
static void op_fill_ring(struct machine *m, struct fuzz_input *in)
{
	static const uint8_t bytes[IOL_CHAR_RING_BYTES];
	struct iol_char *chr = m->chr;

	if (m->ring_fills == RING_FILLS_MAX)
		return;
	m->ring_fills++;
	m->out_allowed += iol_char_write(chr, bytes, IOL_CHAR_RING_BYTES - chr->ring_fill);
	/* Seldom the reader has been gone for long. */
	if (fuzz_u8(in) >= 0xc0)
		chr->progress_ns -= IOL_CHAR_STALL_NS;
}

static void drive_gpio(struct machine *m, unsigned int line, bool level)
{
	const struct iol_gpio_input input = iol_pl061_input(m->gpio, line);

	m->gpio_edges_allowed++;
	input.set(&input, level);
}

static void op_machine(struct machine *m, struct fuzz_input *in)
{
	uint8_t what = fuzz_u8(in);

	if (what % 4 == 0)
		reset_machine(m);
	else if (what % 4 == 1)
		m->reset_asked = false;
	else if (what % 4 == 2)
		iol_acpi_pm_press_power(m->acpi_pm);
	else
		drive_gpio(m, what / 4 % IOL_PL061_LINES, what & 0x80);
}

static void (*const ops[])(struct machine *m, struct fuzz_input *in) = {
	op_uart_write, op_uart_write,    op_uart_read, op_uart_read, op_rtc_write,
	op_rtc_read,   op_clock,         op_conf1,     op_ecam,      op_place_bar,
	op_pio,        op_mmio,          op_bar,       op_input,     op_turn,
	op_fill_ring,  op_small_devices, op_machine,   op_msix,      op_msix,
};

static void run(struct machine *m, struct fuzz_input *in)
{
	for (unsigned int i = 0; in->len && i < OPS_MAX; i++) {
		ops[fuzz_u8(in) % IOL_ARRAY_LEN(ops)](m, in);
		check_buses(m);
		/* The life cycle's part, on the loop's thread. */
		if (m->reset_asked) {
			m->reset_asked = false;
			reset_machine(m);
		}
	}
	pci_functions_check_config(&m->functions);
	take_gpio_edges(m);
}

static uint8_t in8(struct machine *m, uint16_t port)
{
	uint64_t value = bus_read(&m->pio, port, 1);

	fuzz_check(value <= 0xff);
	return (uint8_t)value;
}

/* The clock can be set and goes; an edge of a line interrupts once. */
static void check_primecells(struct machine *m)
{
	const uint64_t gpio = IOL_ARM64_GPIO, line3 = gpio + (8 << 2);
	bool was_high = bus_read(&m->mmio, line3, 1);

	bus_write(m, &m->mmio, IOL_ARM64_RTC + 8, 4, 0x12345678);
	fuzz_check(bus_read(&m->mmio, IOL_ARM64_RTC, 4) == 0x12345678);
	take_gpio_edges(m);
	bus_write(m, &m->mmio, gpio + 0x408, 4, 0xff);
	bus_write(m, &m->mmio, gpio + 0x410, 4, 0xff);
	for (unsigned int i = 0; i < 4; i++) {
		drive_gpio(m, 3, i % 2);
		bus_write(m, &m->mmio, gpio + 0x41c, 4, 0xff);
		fuzz_check(bus_read(&m->mmio, line3, 1) == 8 * (i % 2));
	}
	fuzz_check(take_gpio_edges(m) == UINT64_C(3) + was_high);
	reset_machine(m);
}

static void check_serial(struct machine *m)
{
	uint64_t edges;

	/* Let all that was on its way go. */
	for (int i = 0; i < 4; i++) {
		turn(4);
		take_output(m);
	}
	fuzz_check(!m->chr->ring_fill);
	bus_write(m, &m->pio, IOL_X86_COM1 + UART_MCR, 1, UART_MCR_LOOP);
	bus_write(m, &m->pio, IOL_X86_COM1, 1, 0x5a);
	fuzz_check(in8(m, IOL_X86_COM1 + UART_LSR) ==
		   (UART_LSR_DR | UART_LSR_THRE | UART_LSR_TEMT));
	fuzz_check(in8(m, IOL_X86_COM1) == 0x5a);
	bus_write(m, &m->pio, IOL_X86_COM1 + UART_MCR, 1, 0);
	bus_write(m, &m->pio, IOL_X86_COM1, 1, 'x');
	turn(4);
	fuzz_check(drain(out_pipe[0]) == 1);

	drain(m->uart_irq);
	bus_write(m, &m->pio, IOL_X86_COM1 + UART_MCR, 1, UART_MCR_OUT2);
	bus_write(m, &m->pio, IOL_X86_COM1 + UART_IER, 1, UART_IER_THRI);
	fuzz_check(read(m->uart_irq, &edges, sizeof(edges)) == sizeof(edges) && edges == 1);
	fuzz_check(in8(m, IOL_X86_COM1 + UART_IIR) == UART_IIR_THRI);
}

/* PC16550D, table I; what was on its way is gone. */
static void check_uart_registers(struct machine *m)
{
	static const struct {
		uint8_t reg, value;
	} expected[] = {
		{ UART_RX, 0 },     { UART_IER, 0 }, { UART_IIR, UART_IIR_NO_INT },
		{ UART_LCR, 0 },    { UART_MCR, 0 }, { UART_LSR, 0x60 },
		{ UART_MSR, 0xb0 }, { UART_SCR, 0 },
	};

	for (unsigned int i = 0; i < IOL_ARRAY_LEN(expected); i++)
		fuzz_check(in8(m, (uint16_t)(IOL_X86_COM1 + expected[i].reg)) == expected[i].value);
}

/* After a reset everything answers as if nothing had happened. */
static void check_works(struct machine *m)
{
	reset_machine(m);
	check_uart_registers(m);
	check_buses(m);
	fuzz_check(!pci_functions_count_bars(&m->functions, &m->pio, true) &&
		   !pci_functions_count_bars(&m->functions, &m->mmio, false));
	pci_functions_check_reset(&m->functions);
	fuzz_check(bus_read(&m->pio, IOL_X86_PCI_CONF1, 4) == 0);
	bus_write(m, &m->pio, IOL_X86_PCI_CONF1, 4, 0x80000000u | 1u << 11);
	fuzz_check(bus_read(&m->pio, IOL_X86_PCI_CONF1 + 4, 4) == 0x10421af4);
	fuzz_check(bus_read(&m->mmio, IOL_X86_ECAM + (2u << 15), 4) == 0x10421af4);

	bus_write(m, &m->pio, IOL_X86_RTC, 1, RTC_REG_D);
	fuzz_check(in8(m, IOL_X86_RTC + 1) == RTC_D_VALID);
	fuzz_check(in8(m, IOL_X86_I8042 + IOL_I8042_STATUS) == 0x14);

	fuzz_check(bus_read(&m->pio, IOL_X86_ACPI_PM + IOL_ACPI_PM_EVENT_STATUS, 4) == 0);
	drain(m->acpi_irq);
	iol_acpi_pm_press_power(m->acpi_pm);
	fuzz_check(drain(m->acpi_irq) == 8);
	fuzz_check(bus_read(&m->pio, IOL_X86_ACPI_PM + IOL_ACPI_PM_EVENT_STATUS, 4) ==
		   IOL_ACPI_PM_EVENT_POWER_BUTTON);
	fuzz_check(bus_read(&m->pio, IOL_X86_ACPI_PM + IOL_ACPI_PM_EVENT_STATUS, 4) == 0);
	check_serial(m);
	check_primecells(m);
	check_msix(m);
}

static void init_once(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	fuzz_check(!iol_loop_init(&loop, NULL));
	fuzz_check(!pipe2(in_pipe, O_NONBLOCK | O_CLOEXEC));
	fuzz_check(!pipe2(out_pipe, O_NONBLOCK | O_CLOEXEC));
}

/* The number that the next file descriptor gets. */
static int next_fd(void)
{
	int fd = dup(in_pipe[0]);

	close(fd);
	return fd;
}

static void check_log(uint64_t since_ns)
{
	uint64_t seconds = (iol_loop_now_ns() - since_ns) / IOL_NS_PER_S;

	fuzz_check(log_lines <= LOG_LINES_PER_S * (1 + seconds));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = { data, len };
	uint64_t start_ns = iol_loop_now_ns();
	struct machine m;
	size_t heap, heap_before;
	int fd;

	init_once();
	log_lines = 0;
	fd = next_fd();
	heap_before = heap_bytes();
	machine_init(&m);
	heap = heap_bytes();
	run(&m, &in);
	fuzz_check(heap_bytes() <= heap + HEAP_SLACK_BYTES);
	check_works(&m);
	machine_finish(&m);
	drain(in_pipe[0]);
	drain(out_pipe[0]);
	/* libFuzzer's own threads use the heap too; small leaks are LeakSanitizer's to find. */
	fuzz_check(heap_bytes() <= heap_before + HEAP_SLACK_BYTES);
	fuzz_check(next_fd() == fd);
	check_log(start_ns);
	return 0;
}
