// SPDX-License-Identifier: Apache-2.0
/*
 * ARM PrimeCell real-time clock (ARM DDI 0224). A counter of seconds: the host's time in UTC plus an offset, which
 * changes when the guest loads the counter and is kept over a reset, as a battery would.
 *
 * The counter always runs, as firmware would have left it: its enable bit reads as one. There is no
 * interrupt line: a match is stored and does nothing, its status reads as zero.
 *
 * Runs on vCPU threads. All numbers are of 32 bits and wrap; a hostile guest can mislead only itself.
 */
#include <iolite/pl031.h>

#include <glib.h>

#include <iolite/describe.h>

#include "primecell.h"
#include "rtc_internal.h"

enum {
	REG_DATA = 0x00,
	REG_MATCH = 0x04,
	REG_LOAD = 0x08,
	REG_CONTROL = 0x0c,
	REG_INTERRUPT_MASK = 0x10,
	CONTROL_ENABLED = 1,
	INTERRUPT_BITS = 1,
	PART = 0x31,
};

struct pl031 {
	struct iol_device dev;
	struct iol_bus *bus;
	uint64_t base;
	const struct rtc_clock *clock;

	pthread_mutex_t lock; /* of what follows */
	uint32_t offset_s; /* the guest's time is the host's plus this */
	uint32_t match, load, interrupt_mask;
};

static uint32_t host_seconds(const struct pl031 *rtc)
{
	return (uint32_t)rtc->clock->now(rtc->clock).s;
}

static uint32_t read_register(const struct pl031 *rtc, uint64_t offset)
{
	if (offset >= PRIMECELL_ID)
		return primecell_id(PART, offset);
	switch (offset) {
	case REG_DATA:
		return host_seconds(rtc) + rtc->offset_s;
	case REG_MATCH:
		return rtc->match;
	case REG_LOAD:
		return rtc->load;
	case REG_CONTROL:
		return CONTROL_ENABLED;
	case REG_INTERRUPT_MASK:
		return rtc->interrupt_mask;
	default: /* interrupt status, raw and masked, and what is reserved */
		return 0;
	}
}

static void write_register(struct pl031 *rtc, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case REG_MATCH:
		rtc->match = value;
		break;
	case REG_LOAD:
		rtc->load = value;
		rtc->offset_s = value - host_seconds(rtc);
		break;
	case REG_INTERRUPT_MASK:
		rtc->interrupt_mask = value & INTERRUPT_BITS;
		break;
	default:
		break;
	}
}

static uint64_t pl031_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct pl031 *rtc = opaque;
	uint32_t value;

	if (!primecell_is_access(offset, len))
		return UINT64_MAX;
	pthread_mutex_lock(&rtc->lock);
	value = read_register(rtc, offset);
	pthread_mutex_unlock(&rtc->lock);
	return value & UINT32_MAX >> (32 - 8 * len);
}

static void pl031_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct pl031 *rtc = opaque;

	/* A part of a word would set a time that nobody meant. */
	if (!primecell_is_access(offset, len) || len != 4)
		return;
	pthread_mutex_lock(&rtc->lock);
	write_register(rtc, offset, (uint32_t)value);
	pthread_mutex_unlock(&rtc->lock);
}

static const struct iol_bus_ops pl031_bus_ops = {
	.read = pl031_read,
	.write = pl031_write,
};

static void pl031_reset(struct iol_device *dev)
{
	struct pl031 *rtc = iol_container_of(dev, struct pl031, dev);

	pthread_mutex_lock(&rtc->lock);
	rtc->match = 0;
	rtc->load = 0;
	rtc->interrupt_mask = 0;
	pthread_mutex_unlock(&rtc->lock);
}

static void pl031_free(struct iol_device *dev)
{
	struct pl031 *rtc = iol_container_of(dev, struct pl031, dev);

	iol_bus_remove(rtc->bus, rtc->base);
	pthread_mutex_destroy(&rtc->lock);
	g_free(rtc);
}

static const struct iol_device_ops pl031_ops = {
	.name = "pl031",
	.reset = pl031_reset,
	.free = pl031_free,
};

int pl031_new_with_clock(struct iol_bus *bus, uint64_t base, const struct rtc_clock *clock,
			 struct iol_device **dev, struct iol_error *err)
{
	struct pl031 *rtc = g_new0(struct pl031, 1);
	struct iol_bus_region region = {
		.base = base,
		.size_bytes = IOL_PL031_BYTES,
		.name = pl031_ops.name,
		.ops = &pl031_bus_ops,
		.dev = rtc,
	};
	int ret;

	rtc->dev.ops = &pl031_ops;
	rtc->bus = bus;
	rtc->base = base;
	rtc->clock = clock;
	pthread_mutex_init(&rtc->lock, NULL);
	ret = iol_bus_add(bus, &region, err);
	if (ret) {
		pthread_mutex_destroy(&rtc->lock);
		g_free(rtc);
		return ret;
	}
	*dev = &rtc->dev;
	return 0;
}

int iol_pl031_new(struct iol_bus *bus, uint64_t base, struct iol_device **dev,
		  struct iol_error *err)
{
	return pl031_new_with_clock(bus, base, &rtc_host_clock, dev, err);
}

void iol_pl031_describe(struct iol_fdt *fdt, const struct iol_fdt_place *place)
{
	iol_fdt_begin(fdt, "rtc@%s", place->unit);
	iol_fdt_strings(fdt, "compatible", "arm,pl031", "arm,primecell", NULL);
	iol_fdt_place(fdt, place);
	iol_fdt_u32(fdt, "clocks", iol_fdt_phandle(fdt, IOL_FDT_APB_CLOCK));
	iol_fdt_string(fdt, "clock-names", "apb_pclk");
	iol_fdt_end(fdt);
}
