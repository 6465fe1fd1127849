// SPDX-License-Identifier: Apache-2.0
/*
 * Global utilities of the MPC8544 (its reference manual, chapter "Global Utilities"), of which there are two
 * registers: RSTCR, by which a guest asks for a hard reset (Linux: "fsl,has-rstcr"), and PVR. All others read 0
 * and ignore writes: they are about pins, clocks and power that are not there. All have 32 bits and are
 * big-endian.
 *
 * Runs on vCPU threads; there is no state. A hostile guest can reset its machine.
 */
#include <iolite/fsl_guts.h>

#include <glib.h>

#include <iolite/describe.h>

struct fsl_guts {
	struct iol_device dev;
	struct iol_bus *bus;
	uint64_t base;
	uint32_t pvr;
	struct iol_event_sink *sink;
};

static uint64_t guts_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct fsl_guts *guts = opaque;

	if (len != 4)
		return UINT64_MAX;
	return offset == IOL_FSL_GUTS_PVR ? iol_bus_be32(guts->pvr) : 0;
}

static void guts_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct fsl_guts *guts = opaque;

	if (len == 4 && offset == IOL_FSL_GUTS_RSTCR &&
	    (iol_bus_be32(value) & IOL_FSL_GUTS_RSTCR_HRESET))
		guts->sink->raise(guts->sink, IOL_EVENT_RESET);
}

static const struct iol_bus_ops guts_bus_ops = {
	.read = guts_read,
	.write = guts_write,
};

static void guts_reset(struct iol_device *dev)
{
	(void)dev;
}

static void guts_free(struct iol_device *dev)
{
	struct fsl_guts *guts = iol_container_of(dev, struct fsl_guts, dev);

	iol_bus_remove(guts->bus, guts->base);
	g_free(guts);
}

static const struct iol_device_ops guts_ops = {
	.name = "fsl-guts",
	.reset = guts_reset,
	.free = guts_free,
};

int iol_fsl_guts_new(struct iol_bus *bus, uint64_t base, uint32_t pvr, struct iol_event_sink *sink,
		     struct iol_device **dev, struct iol_error *err)
{
	struct fsl_guts *guts = g_new0(struct fsl_guts, 1);
	struct iol_bus_region region = {
		.base = base,
		.size_bytes = IOL_FSL_GUTS_BYTES,
		.name = guts_ops.name,
		.ops = &guts_bus_ops,
		.dev = guts,
	};
	int ret;

	guts->dev.ops = &guts_ops;
	guts->bus = bus;
	guts->base = base;
	guts->pvr = pvr;
	guts->sink = sink;
	ret = iol_bus_add(bus, &region, err);
	if (ret) {
		g_free(guts);
		return ret;
	}
	*dev = &guts->dev;
	return 0;
}

/* Linux's binding of fsl,guts. */
void iol_fsl_guts_describe(struct iol_fdt *fdt, const struct iol_fdt_place *place)
{
	iol_fdt_begin(fdt, "global-utilities@%s", place->unit);
	iol_fdt_string(fdt, "compatible", "fsl,mpc8544-guts");
	iol_fdt_place(fdt, place);
	iol_fdt_empty(fdt, "fsl,has-rstcr");
	iol_fdt_end(fdt);
}
