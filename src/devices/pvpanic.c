// SPDX-License-Identifier: Apache-2.0
/*
 * The pvpanic device (QEMU, docs/specs/pvpanic.rst): one byte, at a port or in memory. It reads as the events that the
 * device knows, and what is written are the events that happened. Other bits mean nothing to it.
 *
 * Runs on vCPU threads; has no state. A hostile guest can say that it panicked as often as it likes: an event that is
 * raised already is one all the same.
 */
#include <iolite/pvpanic.h>

#include <glib.h>

#include <iolite/describe.h>

enum { KNOWN = IOL_PVPANIC_PANICKED | IOL_PVPANIC_CRASH_LOADED };

struct pvpanic {
	struct iol_device dev;
	struct iol_bus *bus;
	uint64_t base;
	struct iol_event_sink *sink;
};

static uint64_t pvpanic_read(void *opaque, uint64_t offset, unsigned int len)
{
	(void)opaque;
	(void)offset;
	(void)len;
	return KNOWN;
}

static void pvpanic_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct pvpanic *pvpanic = opaque;

	(void)offset;
	(void)len;
	if (value & IOL_PVPANIC_PANICKED)
		pvpanic->sink->raise(pvpanic->sink, IOL_EVENT_PANIC);
	else if (value & IOL_PVPANIC_CRASH_LOADED)
		pvpanic->sink->raise(pvpanic->sink, IOL_EVENT_CRASH_LOADED);
}

static const struct iol_bus_ops pvpanic_bus_ops = {
	.read = pvpanic_read,
	.write = pvpanic_write,
};

static void pvpanic_reset(struct iol_device *dev)
{
	(void)dev; /* nothing is kept */
}

static void pvpanic_free(struct iol_device *dev)
{
	struct pvpanic *pvpanic = iol_container_of(dev, struct pvpanic, dev);

	iol_bus_remove(pvpanic->bus, pvpanic->base);
	g_free(pvpanic);
}

static const struct iol_device_ops pvpanic_ops = {
	.name = "pvpanic",
	.reset = pvpanic_reset,
	.free = pvpanic_free,
};

int iol_pvpanic_new(struct iol_bus *bus, uint64_t base, struct iol_event_sink *sink,
		    struct iol_device **dev, struct iol_error *err)
{
	struct pvpanic *pvpanic = g_new0(struct pvpanic, 1);
	struct iol_bus_region region = {
		.base = base,
		.size_bytes = IOL_PVPANIC_BYTES,
		.name = pvpanic_ops.name,
		.ops = &pvpanic_bus_ops,
		.dev = pvpanic,
	};
	int ret;

	pvpanic->dev.ops = &pvpanic_ops;
	pvpanic->bus = bus;
	pvpanic->base = base;
	pvpanic->sink = sink;
	ret = iol_bus_add(bus, &region, err);
	if (ret) {
		g_free(pvpanic);
		return ret;
	}
	*dev = &pvpanic->dev;
	return 0;
}

void iol_pvpanic_describe(struct iol_fdt *fdt, const struct iol_fdt_place *place)
{
	iol_fdt_begin(fdt, "pvpanic@%s", place->unit);
	iol_fdt_string(fdt, "compatible", "qemu,pvpanic-mmio");
	iol_fdt_place(fdt, place);
	iol_fdt_end(fdt);
}
