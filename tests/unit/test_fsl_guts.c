// SPDX-License-Identifier: Apache-2.0
/* The reset register of Freescale's global utilities, and what a value on a bus is to a big-endian register. */
#include <iolite/fsl_guts.h>

#include <errno.h>
#include <glib.h>

#include "device_bus.h"

enum { BASE = 0xe0000, PVR = 0x80210030 };

static void setup(struct device_bus *f, const void *data)
{
	(void)data;
	device_bus_init(f);
	g_assert_cmpint(iol_fsl_guts_new(&f->bus, BASE, PVR, &f->sink, &f->dev, NULL), ==, 0);
}

static void teardown(struct device_bus *f, const void *data)
{
	(void)data;
	device_bus_finish(f, 1u << IOL_EVENT_RESET);
}

/* As a guest's stw or stb of @bytes in memory order comes from KVM. */
static void store(struct device_bus *f, uint64_t offset, const uint8_t *bytes, unsigned int len)
{
	g_assert_true(iol_bus_write(&f->bus, BASE + offset, len, iol_le_load(bytes, len)));
}

static uint64_t load(struct device_bus *f, uint64_t offset, unsigned int len)
{
	uint64_t value;

	g_assert_true(iol_bus_read(&f->bus, BASE + offset, len, &value));
	return value;
}

static void test_be32(void)
{
	static const uint8_t bytes[4] = { 0x80, 0x21, 0x00, 0x30 };

	g_assert_cmphex(iol_bus_be32(iol_le_load(bytes, 4)), ==, 0x80210030);
	g_assert_cmphex(iol_bus_be32(UINT64_C(0xffffffff00000002)), ==, 0x02000000);
}

static void test_reset(struct device_bus *f, const void *data)
{
	static const uint8_t hreset[4] = { 0, 0, 0, 2 }, all[4] = { 0xff, 0xff, 0xff, 0xff };

	(void)data;
	store(f, IOL_FSL_GUTS_RSTCR, hreset, 4);
	g_assert_cmpuint(f->events[IOL_EVENT_RESET], ==, 1);
	f->dev->ops->reset(f->dev);
	store(f, IOL_FSL_GUTS_RSTCR, all, 4);
	g_assert_cmpuint(f->events[IOL_EVENT_RESET], ==, 2);
}

static void test_no_reset(struct device_bus *f, const void *data)
{
	static const uint8_t little[8] = { 2 }, others[4] = { 0xff, 0xff, 0xff, 0xfd };
	static const uint8_t hreset[8] = { 0, 0, 0, 2, 0, 0, 0, 2 };

	(void)data;
	store(f, IOL_FSL_GUTS_RSTCR, little, 4); /* the other byte order */
	store(f, IOL_FSL_GUTS_RSTCR, others, 4);
	store(f, IOL_FSL_GUTS_RSTCR, hreset, 8);
	store(f, IOL_FSL_GUTS_RSTCR + 3, hreset + 3, 1);
	store(f, IOL_FSL_GUTS_RSTCR + 2, hreset + 2, 2);
	for (uint64_t offset = 0; offset < IOL_FSL_GUTS_BYTES; offset += 4)
		if (offset != IOL_FSL_GUTS_RSTCR)
			store(f, offset, hreset, 4);
	g_assert_cmpuint(f->events[IOL_EVENT_RESET], ==, 0);
}

static void test_read(struct device_bus *f, const void *data)
{
	(void)data;
	for (uint64_t offset = 0; offset < IOL_FSL_GUTS_BYTES; offset += 4)
		g_assert_cmphex(iol_bus_be32(load(f, offset, 4)), ==,
				offset == IOL_FSL_GUTS_PVR ? PVR : 0);
	g_assert_cmphex(load(f, IOL_FSL_GUTS_PVR, 1), ==, UINT64_MAX);
	g_assert_cmphex(load(f, IOL_FSL_GUTS_PVR, 8), ==, UINT64_MAX);
}

static void test_place(struct device_bus *f, const void *data)
{
	struct iol_device *dev = NULL;
	uint64_t value;

	(void)data;
	g_assert_false(iol_bus_read(&f->bus, BASE + IOL_FSL_GUTS_BYTES, 4, &value));
	g_assert_cmpint(iol_fsl_guts_new(&f->bus, BASE + 4, PVR, &f->sink, &dev, NULL), ==,
			-EEXIST);
	g_assert_null(dev);
}

#define ADD(name, fn) g_test_add("/fsl-guts/" name, struct device_bus, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fsl-guts/be32", test_be32);
	ADD("reset", test_reset);
	ADD("no-reset", test_no_reset);
	ADD("read", test_read);
	ADD("place", test_place);
	return g_test_run();
}
