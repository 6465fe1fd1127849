// SPDX-License-Identifier: Apache-2.0
/* Sleep registers and power button of hardware-reduced ACPI. */
#include <iolite/acpi_pm.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <unistd.h>

#include "device_bus.h"

enum {
	BASE = 0x600,
	CONTROL = BASE + IOL_ACPI_PM_SLEEP_CONTROL,
	STATUS = BASE + IOL_ACPI_PM_SLEEP_STATUS,
	EVENTS = BASE + IOL_ACPI_PM_EVENT_STATUS,
};

struct fixture {
	struct device_bus on;
	struct iol_acpi_pm *pm;
	int irq_fd;
};

static void setup(struct fixture *f, const void *data)
{
	struct iol_irq_line irq;

	(void)data;
	device_bus_init(&f->on);
	g_assert_cmpint(iol_irq_line_init(&irq, -1, 0, NULL), ==, 0);
	f->irq_fd = irq.eventfd;
	g_assert_cmpint(iol_acpi_pm_new(&f->on.bus, BASE, irq, &f->on.sink, &f->pm, NULL), ==, 0);
	f->on.dev = iol_acpi_pm_device(f->pm);
}

static void teardown(struct fixture *f, const void *data)
{
	(void)data;
	device_bus_finish(&f->on, 1u << IOL_EVENT_POWEROFF);
	g_assert_cmpint(fcntl(f->irq_fd, F_GETFD), ==, -1);
}

static uint64_t in(struct fixture *f, uint64_t port, unsigned int len)
{
	uint64_t value;

	g_assert_true(iol_bus_read(&f->on.bus, port, len, &value));
	return value;
}

static void out(struct fixture *f, uint64_t port, unsigned int len, uint64_t value)
{
	g_assert_true(iol_bus_write(&f->on.bus, port, len, value));
}

static unsigned int edges(struct fixture *f)
{
	uint64_t count;

	return read(f->irq_fd, &count, sizeof(count)) == sizeof(count) ? (unsigned int)count : 0;
}

static void test_poweroff(struct fixture *f, const void *data)
{
	(void)data;
	/* As Linux does it: clear WAK_STS, then SLP_TYP 5 and SLP_EN. */
	out(f, STATUS, 1, IOL_ACPI_PM_WAK_STS);
	g_assert_cmphex(in(f, STATUS, 1), ==, 0);
	out(f, CONTROL, 1, 0x34);
	g_assert_cmpuint(f->on.events[IOL_EVENT_POWEROFF], ==, 1);
	/* SLP_EN reads as 0. */
	g_assert_cmphex(in(f, CONTROL, 1), ==, 0x14);
	f->on.dev->ops->reset(f->on.dev);
	g_assert_cmphex(in(f, CONTROL, 1), ==, 0);
}

static void test_no_other_state(struct fixture *f, const void *data)
{
	(void)data;
	for (unsigned int value = 0; value < 256; value++)
		if ((value & 0x3c) != 0x34)
			out(f, CONTROL, 1, value);
	out(f, CONTROL, 2, 0x3434);
	out(f, CONTROL, 4, 0x34343434);
	out(f, CONTROL, 8, 0x3434343434343434);
	out(f, BASE + 2, 1, 0x34);
	out(f, EVENTS, 1, 0x34);
	g_assert_cmpuint(f->on.events[IOL_EVENT_POWEROFF], ==, 0);
}

static void test_power_button(struct fixture *f, const void *data)
{
	static const unsigned int widths[] = { 1, 2, 4 };

	(void)data;
	g_assert_cmphex(in(f, EVENTS, 4), ==, 0);
	for (unsigned int i = 0; i < G_N_ELEMENTS(widths); i++) {
		iol_acpi_pm_press_power(f->pm);
		g_assert_cmpuint(edges(f), ==, 1);
		/* Other bytes and other registers do not take the event. */
		g_assert_cmphex(in(f, EVENTS + 1, 1), ==, 0);
		g_assert_cmphex(in(f, EVENTS + 2, 2), ==, 0);
		g_assert_cmphex(in(f, BASE + 2, 4), ==, UINT64_MAX);
		g_assert_cmphex(in(f, BASE, 8), ==, UINT64_MAX);
		g_assert_cmphex(in(f, EVENTS, widths[i]), ==, 1);
		g_assert_cmphex(in(f, EVENTS, widths[i]), ==, 0);
	}
	g_assert_cmpuint(edges(f), ==, 0);
}

/* A press that the guest slept through does not make the button dead. */
static void test_pressed_again(struct fixture *f, const void *data)
{
	(void)data;
	iol_acpi_pm_press_power(f->pm);
	g_assert_cmpuint(edges(f), ==, 1);
	iol_acpi_pm_press_power(f->pm);
	g_assert_cmpuint(edges(f), ==, 1);
	g_assert_cmphex(in(f, EVENTS, 4), ==, 1);
	g_assert_cmphex(in(f, EVENTS, 4), ==, 0);
	iol_acpi_pm_press_power(f->pm);
	f->on.dev->ops->reset(f->on.dev);
	g_assert_cmphex(in(f, EVENTS, 4), ==, 0);
}

static void *press_often(void *opaque)
{
	struct fixture *f = opaque;

	for (unsigned int i = 0; i < 1000; i++)
		iol_acpi_pm_press_power(f->pm);
	return NULL;
}

/* Pressed on other threads while the guest reads: no press after the last read is lost. */
static void test_threads(struct fixture *f, const void *data)
{
	GThread *threads[2];
	unsigned int seen = 0;

	(void)data;
	for (unsigned int i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("press", press_often, f);
	for (unsigned int i = 0; i < 1000; i++)
		seen += in(f, EVENTS, 4) == 1;
	for (unsigned int i = 0; i < G_N_ELEMENTS(threads); i++)
		g_thread_join(threads[i]);
	seen += in(f, EVENTS, 4) == 1;
	g_assert_cmpuint(seen, >=, 1);
	g_assert_cmpuint(edges(f), ==, 2000);
	g_assert_cmphex(in(f, EVENTS, 4), ==, 0);
}

static void test_place_taken(struct fixture *f, const void *data)
{
	struct iol_acpi_pm *pm = NULL;
	struct iol_irq_line irq;

	(void)data;
	g_assert_cmpint(iol_irq_line_init(&irq, -1, 0, NULL), ==, 0);
	g_assert_cmpint(iol_acpi_pm_new(&f->on.bus, BASE - 1, irq, &f->on.sink, &pm, NULL), ==,
			-EEXIST);
	g_assert_null(pm);
	g_assert_cmpint(fcntl(irq.eventfd, F_GETFD), ==, -1);
}

#define ADD(name, fn) g_test_add("/acpi-pm/" name, struct fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("poweroff", test_poweroff);
	ADD("no-other-state", test_no_other_state);
	ADD("power-button", test_power_button);
	ADD("pressed-again", test_pressed_again);
	ADD("threads", test_threads);
	ADD("place-taken", test_place_taken);
	return g_test_run();
}
