// SPDX-License-Identifier: Apache-2.0
/* Freescale's GPIO controller: registers, events and their interrupt, and the line that switches off. */
#include <iolite/fsl_gpio.h>

#include <errno.h>
#include <glib.h>

#include "device_bus.h"

enum { BASE = 0xff000, INPUT = 3 };

static const uint32_t off_bit = 0x80000000, input_bit = 0x10000000;

struct fixture {
	struct device_bus on;
	struct iol_irq_wire wire;
	struct iol_fsl_gpio *gpio;
};

static void setup(struct fixture *f, const void *data)
{
	(void)data;
	device_bus_init(&f->on);
	iol_irq_wire_init(&f->wire, -1, 47, 47);
	g_assert_cmpint(iol_fsl_gpio_new(&f->on.bus, BASE, &f->wire, &f->on.sink, &f->gpio, NULL),
			==, 0);
	f->on.dev = iol_fsl_gpio_device(f->gpio);
}

static void teardown(struct fixture *f, const void *data)
{
	(void)data;
	device_bus_finish(&f->on, 1u << IOL_EVENT_POWEROFF);
	g_assert_cmpuint(f->wire.asserted, ==, 0);
	iol_irq_wire_finish(&f->wire);
}

static void store(struct fixture *f, uint64_t offset, uint32_t value)
{
	g_assert_true(iol_bus_write(&f->on.bus, BASE + offset, 4, iol_bus_be32(value)));
}

static uint32_t load(struct fixture *f, uint64_t offset)
{
	uint64_t value;

	g_assert_true(iol_bus_read(&f->on.bus, BASE + offset, 4, &value));
	return iol_bus_be32(value);
}

static unsigned int poweroffs(const struct fixture *f)
{
	return f->on.events[IOL_EVENT_POWEROFF];
}

/* Linux's gpio-poweroff: low output when found; at the end high, low, high. */
static void test_power_off(struct fixture *f, const void *data)
{
	(void)data;
	store(f, IOL_FSL_GPIO_DAT, 0);
	store(f, IOL_FSL_GPIO_DIR, off_bit);
	g_assert_cmpuint(poweroffs(f), ==, 0);
	store(f, IOL_FSL_GPIO_DAT, off_bit);
	g_assert_cmpuint(poweroffs(f), ==, 1);
	/* Once for each time that it rises. */
	store(f, IOL_FSL_GPIO_DAT, off_bit | 1);
	g_assert_cmpuint(poweroffs(f), ==, 1);
	store(f, IOL_FSL_GPIO_DAT, 0);
	store(f, IOL_FSL_GPIO_DAT, off_bit);
	g_assert_cmpuint(poweroffs(f), ==, 2);
}

/* The level was there before it became an output. */
static void test_power_off_by_direction(struct fixture *f, const void *data)
{
	(void)data;
	store(f, IOL_FSL_GPIO_DAT, off_bit);
	g_assert_cmpuint(poweroffs(f), ==, 0);
	store(f, IOL_FSL_GPIO_DIR, off_bit);
	g_assert_cmpuint(poweroffs(f), ==, 1);
}

static void test_no_power_off(struct fixture *f, const void *data)
{
	(void)data;
	store(f, IOL_FSL_GPIO_DIR, UINT32_MAX);
	store(f, IOL_FSL_GPIO_DAT, ~off_bit);
	store(f, IOL_FSL_GPIO_DAT, 0x80); /* the other byte order */
	iol_bus_write(&f->on.bus, BASE + IOL_FSL_GPIO_DAT, 1, 0x80);
	iol_bus_write(&f->on.bus, BASE + IOL_FSL_GPIO_DAT, 8, UINT64_MAX);
	g_assert_cmpuint(poweroffs(f), ==, 0);
}

static void test_registers(struct fixture *f, const void *data)
{
	static const uint64_t stored[] = { IOL_FSL_GPIO_DIR, IOL_FSL_GPIO_ODR, IOL_FSL_GPIO_IMR,
					   IOL_FSL_GPIO_ICR };
	uint64_t value;

	(void)data;
	for (unsigned int i = 0; i < G_N_ELEMENTS(stored); i++) {
		g_assert_cmphex(load(f, stored[i]), ==, 0);
		store(f, stored[i], 0x12345670 + i);
	}
	for (unsigned int i = 0; i < G_N_ELEMENTS(stored); i++)
		g_assert_cmphex(load(f, stored[i]), ==, 0x12345670 + i);
	/* Outputs read as set, inputs as driven: here low. */
	store(f, IOL_FSL_GPIO_DAT, UINT32_MAX);
	g_assert_cmphex(load(f, IOL_FSL_GPIO_DAT), ==, 0x12345670);
	store(f, 0x18, UINT32_MAX);
	g_assert_cmphex(load(f, 0x18), ==, 0);
	g_assert_cmphex(load(f, IOL_FSL_GPIO_BYTES - 4), ==, 0);
	g_assert_true(iol_bus_read(&f->on.bus, BASE, 2, &value));
	g_assert_cmphex(value, ==, UINT64_MAX);
	f->on.dev->ops->reset(f->on.dev);
	for (unsigned int i = 0; i < G_N_ELEMENTS(stored); i++)
		g_assert_cmphex(load(f, stored[i]), ==, 0);
	g_assert_cmphex(load(f, IOL_FSL_GPIO_DAT), ==, 0);
}

static void test_input(struct fixture *f, const void *data)
{
	struct iol_gpio_input input = iol_fsl_gpio_input(f->gpio, INPUT);

	(void)data;
	input.set(&input, true);
	g_assert_cmphex(load(f, IOL_FSL_GPIO_DAT), ==, input_bit);
	store(f, IOL_FSL_GPIO_DIR, input_bit);
	g_assert_cmphex(load(f, IOL_FSL_GPIO_DAT), ==, 0);
	store(f, IOL_FSL_GPIO_DIR, 0);
	f->on.dev->ops->reset(f->on.dev);
	g_assert_cmphex(load(f, IOL_FSL_GPIO_DAT), ==, input_bit);
	iol_fsl_gpio_set_input(f->gpio, INPUT, false);
	g_assert_cmphex(load(f, IOL_FSL_GPIO_DAT), ==, 0);
}

static void test_interrupt(struct fixture *f, const void *data)
{
	(void)data;
	/* Masked, then not. */
	iol_fsl_gpio_set_input(f->gpio, INPUT, true);
	g_assert_cmphex(load(f, IOL_FSL_GPIO_IER), ==, input_bit);
	g_assert_cmpuint(f->wire.asserted, ==, 0);
	store(f, IOL_FSL_GPIO_IMR, input_bit);
	g_assert_cmpuint(f->wire.asserted, ==, 1);
	/* Other bits do not clear it. */
	store(f, IOL_FSL_GPIO_IER, ~input_bit);
	g_assert_cmpuint(f->wire.asserted, ==, 1);
	store(f, IOL_FSL_GPIO_IER, input_bit);
	g_assert_cmphex(load(f, IOL_FSL_GPIO_IER), ==, 0);
	g_assert_cmpuint(f->wire.asserted, ==, 0);
	/* No change, no event; the other edge. */
	iol_fsl_gpio_set_input(f->gpio, INPUT, true);
	g_assert_cmpuint(f->wire.asserted, ==, 0);
	iol_fsl_gpio_set_input(f->gpio, INPUT, false);
	g_assert_cmpuint(f->wire.asserted, ==, 1);
	f->on.dev->ops->reset(f->on.dev);
	g_assert_cmpuint(f->wire.asserted, ==, 0);
	g_assert_cmphex(load(f, IOL_FSL_GPIO_IER), ==, 0);
	/* Left asserted for teardown, which must take it back. */
	store(f, IOL_FSL_GPIO_IMR, input_bit);
	iol_fsl_gpio_set_input(f->gpio, INPUT, true);
	g_assert_cmpuint(f->wire.asserted, ==, 1);
}

static void test_falling_only(struct fixture *f, const void *data)
{
	(void)data;
	store(f, IOL_FSL_GPIO_ICR, input_bit);
	iol_fsl_gpio_set_input(f->gpio, INPUT, true);
	g_assert_cmphex(load(f, IOL_FSL_GPIO_IER), ==, 0);
	iol_fsl_gpio_set_input(f->gpio, INPUT, false);
	g_assert_cmphex(load(f, IOL_FSL_GPIO_IER), ==, input_bit);
	/* An output's level is the guest's own business. */
	store(f, IOL_FSL_GPIO_IER, UINT32_MAX);
	store(f, IOL_FSL_GPIO_ICR, 0);
	store(f, IOL_FSL_GPIO_DIR, input_bit);
	iol_fsl_gpio_set_input(f->gpio, INPUT, true);
	g_assert_cmphex(load(f, IOL_FSL_GPIO_IER), ==, 0);
}

static void test_place(struct fixture *f, const void *data)
{
	struct iol_fsl_gpio *gpio = NULL;
	uint64_t value;

	(void)data;
	g_assert_false(iol_bus_read(&f->on.bus, BASE + IOL_FSL_GPIO_BYTES, 4, &value));
	g_assert_cmpint(iol_fsl_gpio_new(&f->on.bus, BASE, &f->wire, &f->on.sink, &gpio, NULL), ==,
			-EEXIST);
	g_assert_null(gpio);
}

#define ADD(name, fn) g_test_add("/fsl-gpio/" name, struct fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("power-off", test_power_off);
	ADD("power-off-by-direction", test_power_off_by_direction);
	ADD("no-power-off", test_no_power_off);
	ADD("registers", test_registers);
	ADD("input", test_input);
	ADD("interrupt", test_interrupt);
	ADD("falling-only", test_falling_only);
	ADD("place", test_place);
	return g_test_run();
}
