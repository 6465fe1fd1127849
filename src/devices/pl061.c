// SPDX-License-Identifier: Apache-2.0
/*
 * ARM PrimeCell general purpose input/output (ARM DDI 0190). Eight lines; what drives the inputs is others'
 * (iol_pl061_set_input()), what the guest puts on outputs goes nowhere.
 *
 * The chip's interrupt output is a level, the OR of all lines' masked status. Here it is a line of edges, and there
 * is one whenever any bit of that status becomes set: were there one only when the OR rises, an interrupt that
 * comes while another is pending would be lost to a guest that looks once for each edge.
 *
 * Registers are used on vCPU threads, inputs driven on any. A hostile guest can only interrupt itself: each of its
 * accesses makes one edge at most.
 */
#include <iolite/pl061.h>

#include <assert.h>
#include <glib.h>

#include <iolite/describe.h>

#include "primecell.h"

enum {
	DATA_END = 0x400, /* below, address bits 9:2 say which lines an access means */
	REG_DIRECTION = 0x400, /* 1: output */
	REG_SENSE = 0x404, /* 1: level, 0: edge */
	REG_BOTH_EDGES = 0x408,
	REG_EVENT = 0x40c, /* 1: high or rising, 0: low or falling */
	REG_ENABLE = 0x410,
	REG_RAW_STATUS = 0x414,
	REG_STATUS = 0x418,
	REG_CLEAR = 0x41c,
	REG_ALTERNATE = 0x420, /* other functions of the pins, of which there are none */
	PART = 0x61,
};

struct iol_pl061 {
	struct iol_device dev;
	struct iol_bus *bus;
	uint64_t base;
	struct iol_irq_line irq;

	pthread_mutex_t lock; /* of what follows: a bit per line */
	uint8_t inputs; /* as driven from outside */
	uint8_t outputs;
	uint8_t direction, sense, both_edges, event, enable, alternate;
	uint8_t edges; /* seen and not yet cleared */
	uint8_t pending; /* masked status when it was last looked at */
};

static uint8_t raw_status(const struct iol_pl061 *gpio)
{
	uint8_t levels = gpio->sense & (uint8_t) ~(gpio->direction | (gpio->inputs ^ gpio->event));

	return levels | (gpio->edges & (uint8_t)~gpio->sense);
}

/* After every change. Under the lock, so that the order of edges is that of changes. */
static void update(struct iol_pl061 *gpio)
{
	uint8_t before = gpio->pending;

	gpio->pending = raw_status(gpio) & gpio->enable;
	if (gpio->pending & ~before)
		iol_irq_line_raise(&gpio->irq);
}

static uint8_t read_register(const struct iol_pl061 *gpio, uint64_t offset)
{
	if (offset < DATA_END)
		return (uint8_t)(offset >> 2) & ((gpio->outputs & gpio->direction) |
						 (gpio->inputs & (uint8_t)~gpio->direction));
	if (offset >= PRIMECELL_ID)
		return primecell_id(PART, offset);
	switch (offset) {
	case REG_DIRECTION:
		return gpio->direction;
	case REG_SENSE:
		return gpio->sense;
	case REG_BOTH_EDGES:
		return gpio->both_edges;
	case REG_EVENT:
		return gpio->event;
	case REG_ENABLE:
		return gpio->enable;
	case REG_RAW_STATUS:
		return raw_status(gpio);
	case REG_STATUS:
		return raw_status(gpio) & gpio->enable;
	case REG_ALTERNATE:
		return gpio->alternate;
	default:
		return 0;
	}
}

static void write_register(struct iol_pl061 *gpio, uint64_t offset, uint8_t value)
{
	uint8_t lines = (uint8_t)(offset >> 2) & gpio->direction;

	if (offset < DATA_END) {
		gpio->outputs = (gpio->outputs & (uint8_t)~lines) | (value & lines);
		return;
	}
	switch (offset) {
	case REG_DIRECTION:
		gpio->direction = value;
		break;
	case REG_SENSE:
		gpio->sense = value;
		break;
	case REG_BOTH_EDGES:
		gpio->both_edges = value;
		break;
	case REG_EVENT:
		gpio->event = value;
		break;
	case REG_ENABLE:
		gpio->enable = value;
		break;
	case REG_CLEAR:
		gpio->edges &= (uint8_t)~value;
		break;
	case REG_ALTERNATE:
		gpio->alternate = value;
		break;
	default:
		return;
	}
	update(gpio);
}

static uint64_t pl061_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct iol_pl061 *gpio = opaque;
	uint8_t value;

	if (!primecell_is_access(offset, len))
		return UINT64_MAX;
	pthread_mutex_lock(&gpio->lock);
	value = read_register(gpio, offset);
	pthread_mutex_unlock(&gpio->lock);
	return value;
}

static void pl061_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct iol_pl061 *gpio = opaque;

	if (!primecell_is_access(offset, len))
		return;
	pthread_mutex_lock(&gpio->lock);
	write_register(gpio, offset, (uint8_t)value);
	pthread_mutex_unlock(&gpio->lock);
}

static const struct iol_bus_ops pl061_bus_ops = {
	.read = pl061_read,
	.write = pl061_write,
};

void iol_pl061_set_input(struct iol_pl061 *gpio, unsigned int line, bool level)
{
	uint8_t bit = (uint8_t)(1u << line), wanted;

	assert(line < IOL_PL061_LINES);
	pthread_mutex_lock(&gpio->lock);
	if (level != !!(gpio->inputs & bit)) {
		gpio->inputs ^= bit;
		wanted = gpio->both_edges | (level ? gpio->event : (uint8_t)~gpio->event);
		gpio->edges |= bit & wanted & (uint8_t) ~(gpio->sense | gpio->direction);
		update(gpio);
	}
	pthread_mutex_unlock(&gpio->lock);
}

static void pl061_reset(struct iol_device *dev)
{
	struct iol_pl061 *gpio = iol_container_of(dev, struct iol_pl061, dev);

	pthread_mutex_lock(&gpio->lock);
	gpio->outputs = gpio->direction = gpio->alternate = 0;
	gpio->sense = gpio->both_edges = gpio->event = gpio->enable = 0;
	gpio->edges = gpio->pending = 0;
	pthread_mutex_unlock(&gpio->lock);
}

static void pl061_free(struct iol_device *dev)
{
	struct iol_pl061 *gpio = iol_container_of(dev, struct iol_pl061, dev);

	iol_bus_remove(gpio->bus, gpio->base);
	iol_irq_line_finish(&gpio->irq);
	pthread_mutex_destroy(&gpio->lock);
	g_free(gpio);
}

static const struct iol_device_ops pl061_ops = {
	.name = "pl061",
	.reset = pl061_reset,
	.free = pl061_free,
};

struct iol_device *iol_pl061_device(struct iol_pl061 *gpio)
{
	return &gpio->dev;
}

int iol_pl061_new(struct iol_bus *bus, uint64_t base, struct iol_irq_line irq,
		  struct iol_pl061 **gpio, struct iol_error *err)
{
	struct iol_pl061 *new = g_new0(struct iol_pl061, 1);
	struct iol_bus_region region = {
		.base = base,
		.size_bytes = IOL_PL061_BYTES,
		.name = pl061_ops.name,
		.ops = &pl061_bus_ops,
		.dev = new,
	};
	int ret;

	new->dev.ops = &pl061_ops;
	new->bus = bus;
	new->base = base;
	new->irq = irq;
	pthread_mutex_init(&new->lock, NULL);
	ret = iol_bus_add(bus, &region, err);
	if (ret) {
		pthread_mutex_destroy(&new->lock);
		iol_irq_line_finish(&new->irq);
		g_free(new);
		return ret;
	}
	*gpio = new;
	return 0;
}

void iol_pl061_describe(struct iol_fdt *fdt, const struct iol_fdt_place *place)
{
	iol_fdt_begin(fdt, "gpio@%s", place->unit);
	iol_fdt_strings(fdt, "compatible", "arm,pl061", "arm,primecell", NULL);
	iol_fdt_place(fdt, place);
	iol_fdt_empty(fdt, "gpio-controller");
	iol_fdt_u32(fdt, "#gpio-cells", 2);
	iol_fdt_empty(fdt, "interrupt-controller");
	iol_fdt_u32(fdt, "#interrupt-cells", 2);
	iol_fdt_u32(fdt, "#address-cells", 0);
	iol_fdt_u32(fdt, "clocks", iol_fdt_phandle(fdt, IOL_FDT_APB_CLOCK));
	iol_fdt_string(fdt, "clock-names", "apb_pclk");
	iol_fdt_label(fdt, IOL_PL061_LABEL);
	iol_fdt_end(fdt);
}
