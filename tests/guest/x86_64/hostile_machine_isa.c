// SPDX-License-Identifier: Apache-2.0
/* Violations of serial port, clock, keyboard controller, power registers, pvpanic. See ../hostile_machine_list.h. */
#include "hostile_machine.h"

#include <iolite/acpi_pm_regs.h>
#include <linux/serial_reg.h>

/* The console is COM1. */
#define UART IOL_X86_COM2
#define RTC_INDEX IOL_X86_RTC
#define RTC_DATA (IOL_X86_RTC + 1)
#define KEYBOARD IOL_X86_I8042
#define PORT_B (IOL_X86_I8042 + 1)
#define KEYBOARD_COMMAND (IOL_X86_I8042 + 4)
#define PM IOL_X86_ACPI_PM
#define OFF (IOL_ACPI_PM_SLP_EN | IOL_ACPI_PM_SLP_TYP_S5 << IOL_ACPI_PM_SLP_TYP_SHIFT)

enum { RTC_BYTES = 128, RTC_B = 0x0b, RTC_HELD = 0x80, RTC_BCD_24H = 0x02 };

/* --- serial port --- */

static void uart_plain(void)
{
	outb(UART + UART_LCR, UART_LCR_WLEN8);
	outb(UART + UART_IER, 0);
	outb(UART + UART_MCR, 0);
	outb(UART + UART_FCR, UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT);
	outb(UART + UART_SCR, 0x5a);
	want("scratch", inb(UART + UART_SCR), 0x5a);
	want("empty", inb(UART + UART_LSR) & UART_LSR_TEMT, UART_LSR_TEMT);
}

static void uart_all_values(uint64_t unused)
{
	(void)unused;
	for (uint16_t reg = 0; reg < 8; reg++)
		for (unsigned int value = 0; value < 256; value++) {
			outb(UART + reg, (uint8_t)value);
			inb(UART + reg);
		}
	uart_plain();
}

enum verdict v_uart_all_values(void)
{
	return at_cpl0(uart_all_values);
}

static void uart_widths(uint64_t unused)
{
	(void)unused;
	uart_plain();
	for (uint16_t reg = 0; reg < 8; reg++)
		for (unsigned int width = 2; width <= 4; width *= 2) {
			port_write(UART + reg, width, UINT32_MAX);
			port_read(UART + reg, width);
		}
	want("scratch", inb(UART + UART_SCR), 0x5a);
	uart_plain();
}

enum verdict v_uart_widths(void)
{
	return at_cpl0(uart_widths);
}

static void uart_divisor(uint64_t unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 2; i++) {
		outb(UART + UART_LCR, UART_LCR_DLAB);
		outb(UART + UART_DLL, i ? 0xff : 0);
		outb(UART + UART_DLM, i ? 0xff : 0);
		outb(UART + UART_LCR, UART_LCR_WLEN8);
		for (unsigned int k = 0; k < 100; k++)
			outb(UART + UART_TX, (uint8_t)k);
		inb(UART + UART_RX);
		inb(UART + UART_LSR);
	}
	uart_plain();
}

enum verdict v_uart_divisor(void)
{
	return at_cpl0(uart_divisor);
}

static void uart_loopback_overrun(uint64_t unused)
{
	unsigned int bytes = 0;

	(void)unused;
	for (unsigned int fifo = 0; fifo < 2; fifo++) {
		uart_plain();
		outb(UART + UART_FCR, fifo ? UART_FCR_ENABLE_FIFO : 0);
		outb(UART + UART_MCR, UART_MCR_LOOP);
		for (unsigned int i = 0; i < 5000; i++)
			outb(UART + UART_TX, (uint8_t)i);
		want("overrun", inb(UART + UART_LSR) & UART_LSR_OE, UART_LSR_OE);
		for (bytes = 0; inb(UART + UART_LSR) & UART_LSR_DR && bytes < 100; bytes++)
			inb(UART + UART_RX);
		want("bytes", bytes, fifo ? 16 : 1);
	}
	uart_plain();
}

enum verdict v_uart_loopback_overrun(void)
{
	return at_cpl0(uart_loopback_overrun);
}

static void uart_loopback_storm(uint64_t unused)
{
	(void)unused;
	uart_plain();
	for (unsigned int i = 0; i < 1000; i++) {
		outb(UART + UART_MCR,
		     (uint8_t)(i & 1 ? UART_MCR_LOOP | (i >> 1 & 0xf) : i >> 1 & 0xf));
		outb(UART + UART_TX, (uint8_t)i);
		inb(UART + UART_MSR);
	}
	uart_plain();
}

enum verdict v_uart_loopback_storm(void)
{
	return at_cpl0(uart_loopback_storm);
}

static void uart_interrupt_storm(uint64_t unused)
{
	(void)unused;
	uart_plain();
	outb(UART + UART_MCR, UART_MCR_OUT2);
	for (unsigned int i = 0; i < 1000; i++) {
		outb(UART + UART_IER, (uint8_t)(i & 1 ? 0x0f : i >> 1 & 0x0f));
		outb(UART + UART_TX, (uint8_t)i);
		inb(UART + UART_IIR);
	}
	uart_plain();
}

enum verdict v_uart_interrupt_storm(void)
{
	return at_cpl0(uart_interrupt_storm);
}

static void uart_fifo_storm(uint64_t unused)
{
	(void)unused;
	uart_plain();
	outb(UART + UART_MCR, UART_MCR_LOOP);
	for (unsigned int i = 0; i < 1000; i++) {
		outb(UART + UART_TX, (uint8_t)i);
		outb(UART + UART_FCR, (uint8_t)(i * 7));
		inb(UART + UART_LSR);
		if (i % 3 == 0)
			inb(UART + UART_RX);
	}
	uart_plain();
}

enum verdict v_uart_fifo_storm(void)
{
	return at_cpl0(uart_fifo_storm);
}

static void uart_strings(uint64_t unused)
{
	(void)unused;
	uart_plain();
	for (unsigned int width = 1; width <= 4; width *= 2)
		for (uint16_t reg = 0; reg < 8; reg++) {
			string_out(UART + reg, width, h.data, 500);
			string_in(UART + reg, width, h.data, 500);
		}
	uart_plain();
}

enum verdict v_uart_strings(void)
{
	return at_cpl0(uart_strings);
}

static void uart_missing(uint64_t unused)
{
	static const uint16_t missing[] = { IOL_X86_COM3, IOL_X86_COM4 };

	(void)unused;
	for (unsigned int i = 0; i < ITEMS(missing); i++)
		for (uint16_t reg = 0; reg < 8; reg++)
			for (unsigned int width = 1; width <= 4; width *= 2) {
				port_write(missing[i] + reg, width, 0);
				/* Across its end, other ports begin. */
				if (reg + width <= 8)
					want("missing", port_read(missing[i] + reg, width),
					     ones(width));
			}
}

enum verdict v_uart_missing(void)
{
	return at_cpl0(uart_missing);
}

static void uart_junk(uint64_t unused)
{
	uint64_t seed = 31;

	(void)unused;
	for (unsigned int i = 0; i < 5000; i++) {
		uint64_t random = random_next(&seed);
		unsigned int width = 1u << (random >> 40 & 1);
		uint16_t port = (uint16_t)(UART + (random >> 16 & 7));

		if (random & 1)
			port_write(port, width, (uint32_t)(random >> 24));
		else
			port_read(port, width);
	}
	uart_plain();
}

enum verdict v_uart_junk(void)
{
	return at_cpl0(uart_junk);
}

/* --- clock --- */

static uint8_t rtc_read(uint8_t index)
{
	outb(RTC_INDEX, index);
	return inb(RTC_DATA);
}

static void rtc_write(uint8_t index, uint8_t value)
{
	outb(RTC_INDEX, index);
	outb(RTC_DATA, value);
}

/* What starts anew after a reset finds here: all else it has forgotten. */
enum { NOTE_STATE = 0x70, NOTE_INDEX = 0x71, AT_WORK = 0xc3, ARMED = 0x3c };

static unsigned int noted;

static void note_at_work(uint64_t unused)
{
	(void)unused;
	rtc_write(NOTE_STATE, AT_WORK);
	rtc_write(NOTE_INDEX, (uint8_t)noted);
}

static void note_armed(uint64_t unused)
{
	(void)unused;
	rtc_write(NOTE_STATE, ARMED);
}

static volatile uint8_t found_state, found_index;

static void notes_read(uint64_t unused)
{
	(void)unused;
	found_state = rtc_read(NOTE_STATE);
	found_index = rtc_read(NOTE_INDEX);
}

void hostile_note(unsigned int index)
{
	noted = index;
	user_call(USER_PRIVILEGED, (uint64_t)note_at_work, 0);
}

void hostile_arm(void)
{
	user_call(USER_PRIVILEGED, (uint64_t)note_armed, 0);
}

int hostile_armed(void)
{
	user_call(USER_PRIVILEGED, (uint64_t)notes_read, 0);
	if (found_state == ARMED)
		return found_index;
	if (found_state == AT_WORK) {
		say("FAIL the machine was reset\n");
		end();
	}
	return -1;
}

static void rtc_plain(void)
{
	note_at_work(0);
	rtc_write(RTC_B, RTC_BCD_24H);
	rtc_write(0x0a, 0x26);
	rtc_write(0x7f, 0x5a);
	want("memory", rtc_read(0x7f), 0x5a);
}

static void rtc_indices(uint64_t unused)
{
	(void)unused;
	for (unsigned int value = 0; value < 256; value += 51)
		for (unsigned int i = 0; i < 256; i++) {
			rtc_write((uint8_t)i, (uint8_t)value);
			rtc_read((uint8_t)i);
		}
	rtc_plain();
}

enum verdict v_rtc_indices(void)
{
	return at_cpl0(rtc_indices);
}

static void rtc_widths(uint64_t unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 256; i++) {
		outw(RTC_INDEX, (uint16_t)(i * 257));
		outl(RTC_INDEX, i * 0x01010101u);
		outw(RTC_DATA, (uint16_t)(i * 257));
		outl(RTC_DATA, i);
		inw(RTC_INDEX);
		inl(RTC_INDEX);
		inw(RTC_DATA);
		inl(RTC_DATA);
		outw(RTC_INDEX - 1, 0);
		inl(RTC_INDEX - 3);
	}
	rtc_plain();
}

enum verdict v_rtc_widths(void)
{
	return at_cpl0(rtc_widths);
}

static void rtc_no_date(uint64_t unused)
{
	static const uint8_t values[] = { 0, 0x0f, 0x3a, 0x7f, 0x80, 0x99, 0xaa, 0xff };
	static const uint8_t modes[] = { 0, 2, 4, 6, 7 };

	(void)unused;
	for (unsigned int mode = 0; mode < ITEMS(modes); mode++)
		for (unsigned int i = 0; i < ITEMS(values); i++) {
			rtc_write(RTC_B, RTC_HELD | modes[mode]);
			for (uint8_t reg = 0; reg < 10; reg++)
				rtc_write(reg, values[(i + reg * mode) % ITEMS(values)]);
			rtc_write(0x32, values[i]);
			rtc_write(RTC_B, modes[mode]);
			for (uint8_t reg = 0; reg < 10; reg++)
				rtc_read(reg);
			/* While it runs, too. */
			for (uint8_t reg = 0; reg < 10; reg++)
				rtc_write(reg, values[i]);
		}
	rtc_plain();
}

enum verdict v_rtc_no_date(void)
{
	return at_cpl0(rtc_no_date);
}

static void rtc_hold_storm(uint64_t unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 500; i++) {
		rtc_write(RTC_B, (uint8_t)(i & 1 ? 0 : RTC_HELD) | (i >> 1 & 7));
		rtc_write(0x0a, (uint8_t)(i & 2 ? 0x26 : 0x66));
		rtc_read(0);
	}
	rtc_plain();
}

enum verdict v_rtc_hold_storm(void)
{
	return at_cpl0(rtc_hold_storm);
}

static void rtc_strings(uint64_t unused)
{
	(void)unused;
	for (unsigned int width = 1; width <= 4; width *= 2)
		for (uint16_t i = 0; i < 2; i++) {
			string_out(RTC_INDEX + i, width, h.data, 500);
			string_in(RTC_INDEX + i, width, h.data, 500);
		}
	rtc_plain();
}

enum verdict v_rtc_strings(void)
{
	return at_cpl0(rtc_strings);
}

/* --- keyboard controller --- */

static void i8042_commands(uint64_t unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 256; i++) {
		/* An even one from 0xf0 on pulls the line that resets. */
		if (i >= 0xf0 && !(i & 1))
			continue;
		outb(KEYBOARD_COMMAND, (uint8_t)i);
		outb(KEYBOARD, 0);
		inb(KEYBOARD);
		want("idle", inb(KEYBOARD_COMMAND) & 3, 0);
	}
}

enum verdict v_i8042_commands(void)
{
	return at_cpl0(i8042_commands);
}

static void i8042_data(uint64_t unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 256; i++)
		outb(KEYBOARD, (uint8_t)i);
	for (unsigned int width = 1; width <= 4; width *= 2) {
		string_out(KEYBOARD, width, h.data, 1000);
		string_in(KEYBOARD, width, h.data, 1000);
		string_in(KEYBOARD_COMMAND, width, h.data, 1000);
	}
}

enum verdict v_i8042_data(void)
{
	return at_cpl0(i8042_data);
}

static void i8042_widths(uint64_t unused)
{
	(void)unused;
	for (uint16_t i = 0; i < 5; i++)
		for (unsigned int width = 2; width <= 4; width *= 2) {
			port_read(KEYBOARD + i, width);
			port_write(KEYBOARD + i, width, UINT32_MAX);
			port_write(KEYBOARD - i, width, 0x01010101);
		}
}

enum verdict v_i8042_widths(void)
{
	return at_cpl0(i8042_widths);
}

static void port_b(uint64_t unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 256; i++) {
		outb(PORT_B, (uint8_t)i);
		want("stored", inb(PORT_B) & 3, i & 3);
	}
}

enum verdict v_port_b(void)
{
	return at_cpl0(port_b);
}

/* --- power and panic --- */

static void sleep_types(uint64_t unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 256; i++) {
		unsigned int type = (i & IOL_ACPI_PM_SLP_TYP_MASK) >> IOL_ACPI_PM_SLP_TYP_SHIFT;

		if (type == IOL_ACPI_PM_SLP_TYP_S5)
			continue;
		outb(PM, (uint8_t)i);
		want("sleep control", inb(PM), i & IOL_ACPI_PM_SLP_TYP_MASK);
	}
}

enum verdict v_sleep_types(void)
{
	return at_cpl0(sleep_types);
}

static void acpi_widths(uint64_t unused)
{
	(void)unused;
	for (uint16_t i = 0; i < 10; i++)
		for (unsigned int width = 1; width <= 4; width *= 2) {
			port_read(PM - 1 + i, width);
			if (i != 1 || width > 1)
				port_write(PM - 1 + i, width, UINT32_MAX);
			string_in(PM - 1 + i, width, h.data, 50);
		}
	want("behind", inb(PM + IOL_ACPI_PM_BYTES), 0xff);
}

enum verdict v_acpi_widths(void)
{
	return at_cpl0(acpi_widths);
}

static void acpi_wide_off(uint64_t unused)
{
	(void)unused;
	outw(PM, OFF);
	outl(PM, OFF);
	outw(PM - 1, OFF << 8);
	for (uint16_t i = 1; i < IOL_ACPI_PM_BYTES; i++)
		outb(PM + i, OFF);
	string_out(PM, 2, h.data, 100);
}

enum verdict v_acpi_wide_off(void)
{
	return at_cpl0(acpi_wide_off);
}

static void acpi_events_storm(uint64_t unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 1000; i++) {
		outl(PM + IOL_ACPI_PM_EVENT_STATUS, UINT32_MAX);
		want("events", inl(PM + IOL_ACPI_PM_EVENT_STATUS), 0);
		outb(PM + IOL_ACPI_PM_EVENT_STATUS + (i & 3), 0xff);
	}
}

enum verdict v_acpi_events_storm(void)
{
	return at_cpl0(acpi_events_storm);
}

/* The two events that there are end the machine, or reset it. */
static void pvpanic_odd(uint64_t unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 256; i += 4)
		outb(IOL_X86_PVPANIC, (uint8_t)i);
	h.data[0] = 0;
	string_out(IOL_X86_PVPANIC, 1, (uint8_t *)h.table, 1000); /* zeros */
	string_in(IOL_X86_PVPANIC, 1, h.data, 1000);
}

enum verdict v_pvpanic_odd(void)
{
	return at_cpl0(pvpanic_odd);
}

static void pvpanic_wide(uint64_t unused)
{
	(void)unused;
	outw(IOL_X86_PVPANIC, 0x0101);
	outl(IOL_X86_PVPANIC, UINT32_MAX);
	outw(IOL_X86_PVPANIC - 1, 0xffff);
	outl(IOL_X86_PVPANIC - 3, UINT32_MAX);
	string_out(IOL_X86_PVPANIC, 2, h.data, 100);
	string_out(IOL_X86_PVPANIC, 4, h.data, 100);
}

enum verdict v_pvpanic_wide(void)
{
	return at_cpl0(pvpanic_wide);
}
