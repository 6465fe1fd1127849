// SPDX-License-Identifier: Apache-2.0
/*
 * GPIO controller of the MPC85xx and QorIQ chips (MPC8572E reference manual, chapter "General Purpose I/O"). What
 * drives the inputs is others' (iol_fsl_gpio_set_input()); of the outputs one goes somewhere. The data
 * register shows what an output was set to. Open drain is stored and means nothing here.
 *
 * An event is a change of an input's level, as ICR says. The interrupt is a level: any event that is
 * not masked.
 *
 * Registers are used on vCPU threads, inputs driven on any. A hostile guest can switch its machine off and raise
 * its own interrupt.
 */
#include <iolite/fsl_gpio.h>

#include <assert.h>
#include <glib.h>

#include <iolite/describe.h>

struct iol_fsl_gpio {
	struct iol_device dev;
	struct iol_bus *bus;
	uint64_t base;
	struct iol_event_sink *sink;
	struct iol_irq_pin irq;

	pthread_mutex_t lock; /* of what follows */
	uint32_t inputs; /* levels from outside */
	uint32_t dir, odr, dat, ier, imr, icr;
};

static uint32_t bit_of(unsigned int line)
{
	return UINT32_C(0x80000000) >> line;
}

static uint32_t outputs(const struct iol_fsl_gpio *gpio)
{
	return gpio->dat & gpio->dir;
}

/* Under the lock, so that the interrupt follows the registers. */
static void update_irq(struct iol_fsl_gpio *gpio)
{
	iol_irq_pin_set(&gpio->irq, gpio->ier & gpio->imr);
}

static uint32_t read_register(const struct iol_fsl_gpio *gpio, uint64_t offset)
{
	switch (offset) {
	case IOL_FSL_GPIO_DIR:
		return gpio->dir;
	case IOL_FSL_GPIO_ODR:
		return gpio->odr;
	case IOL_FSL_GPIO_DAT:
		return outputs(gpio) | (gpio->inputs & ~gpio->dir);
	case IOL_FSL_GPIO_IER:
		return gpio->ier;
	case IOL_FSL_GPIO_IMR:
		return gpio->imr;
	case IOL_FSL_GPIO_ICR:
		return gpio->icr;
	default:
		return 0;
	}
}

static void write_register(struct iol_fsl_gpio *gpio, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case IOL_FSL_GPIO_DIR:
		gpio->dir = value;
		break;
	case IOL_FSL_GPIO_ODR:
		gpio->odr = value;
		break;
	case IOL_FSL_GPIO_DAT:
		gpio->dat = value;
		break;
	case IOL_FSL_GPIO_IER:
		gpio->ier &= ~value;
		break;
	case IOL_FSL_GPIO_IMR:
		gpio->imr = value;
		break;
	case IOL_FSL_GPIO_ICR:
		gpio->icr = value;
		break;
	default:
		break;
	}
}

static uint64_t gpio_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct iol_fsl_gpio *gpio = opaque;
	uint32_t value;

	if (len != 4)
		return UINT64_MAX;
	pthread_mutex_lock(&gpio->lock);
	value = read_register(gpio, offset);
	pthread_mutex_unlock(&gpio->lock);
	return iol_bus_be32(value);
}

static void gpio_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct iol_fsl_gpio *gpio = opaque;
	uint32_t rising;

	if (len != 4)
		return;
	pthread_mutex_lock(&gpio->lock);
	rising = ~outputs(gpio);
	write_register(gpio, offset, iol_bus_be32(value));
	rising &= outputs(gpio);
	update_irq(gpio);
	pthread_mutex_unlock(&gpio->lock);
	if (rising & bit_of(IOL_FSL_GPIO_POWER_OFF))
		gpio->sink->raise(gpio->sink, IOL_EVENT_POWEROFF);
}

void iol_fsl_gpio_set_input(struct iol_fsl_gpio *gpio, unsigned int line, bool level)
{
	uint32_t bit;

	assert(line < IOL_FSL_GPIO_LINES);
	bit = bit_of(line);
	pthread_mutex_lock(&gpio->lock);
	if (level != !!(gpio->inputs & bit)) {
		gpio->inputs ^= bit;
		if (!(gpio->dir & bit) && !(level && (gpio->icr & bit)))
			gpio->ier |= bit;
		update_irq(gpio);
	}
	pthread_mutex_unlock(&gpio->lock);
}

static const struct iol_bus_ops gpio_bus_ops = {
	.read = gpio_read,
	.write = gpio_write,
};

/* Inputs are driven from outside: they stay as they are. */
static void gpio_reset(struct iol_device *dev)
{
	struct iol_fsl_gpio *gpio = iol_container_of(dev, struct iol_fsl_gpio, dev);

	pthread_mutex_lock(&gpio->lock);
	gpio->dir = gpio->odr = gpio->dat = gpio->ier = gpio->imr = gpio->icr = 0;
	update_irq(gpio);
	pthread_mutex_unlock(&gpio->lock);
}

static void gpio_free(struct iol_device *dev)
{
	struct iol_fsl_gpio *gpio = iol_container_of(dev, struct iol_fsl_gpio, dev);

	iol_bus_remove(gpio->bus, gpio->base);
	iol_irq_pin_set(&gpio->irq, false);
	pthread_mutex_destroy(&gpio->lock);
	g_free(gpio);
}

static const struct iol_device_ops gpio_ops = {
	.name = "fsl-gpio",
	.reset = gpio_reset,
	.free = gpio_free,
};

struct iol_device *iol_fsl_gpio_device(struct iol_fsl_gpio *gpio)
{
	return &gpio->dev;
}

int iol_fsl_gpio_new(struct iol_bus *bus, uint64_t base, struct iol_irq_wire *wire,
		     struct iol_event_sink *sink, struct iol_fsl_gpio **gpio, struct iol_error *err)
{
	struct iol_fsl_gpio *new = g_new0(struct iol_fsl_gpio, 1);
	struct iol_bus_region region = {
		.base = base,
		.size_bytes = IOL_FSL_GPIO_BYTES,
		.name = gpio_ops.name,
		.ops = &gpio_bus_ops,
		.dev = new,
	};
	int ret;

	new->dev.ops = &gpio_ops;
	new->bus = bus;
	new->base = base;
	new->sink = sink;
	new->irq.wire = wire;
	pthread_mutex_init(&new->lock, NULL);
	ret = iol_bus_add(bus, &region, err);
	if (ret) {
		pthread_mutex_destroy(&new->lock);
		g_free(new);
		return ret;
	}
	*gpio = new;
	return 0;
}

/* Linux's binding of gpio-mpc8xxx. */
void iol_fsl_gpio_describe(struct iol_fdt *fdt, const struct iol_fdt_place *place)
{
	iol_fdt_begin(fdt, "gpio@%s", place->unit);
	iol_fdt_string(fdt, "compatible", "fsl,qoriq-gpio");
	iol_fdt_place(fdt, place);
	iol_fdt_empty(fdt, "gpio-controller");
	iol_fdt_u32(fdt, "#gpio-cells", 2);
	iol_fdt_label(fdt, IOL_FSL_GPIO_LABEL);
	iol_fdt_end(fdt);
}

/* Linux's binding of gpio-poweroff. */
void iol_fsl_gpio_describe_power_off(struct iol_fdt *fdt)
{
	iol_fdt_begin(fdt, "power-off");
	iol_fdt_string(fdt, "compatible", "gpio-poweroff");
	IOL_FDT_U32S(fdt, "gpios", iol_fdt_phandle(fdt, IOL_FSL_GPIO_LABEL), IOL_FSL_GPIO_POWER_OFF,
		     0);
	iol_fdt_end(fdt);
}
