// SPDX-License-Identifier: Apache-2.0
/*
 * Hardware-reduced ACPI: sleep control and status registers (ACPI 6.5, 4.8.3.7) and the status
 * register behind the generic event device (5.6.9), whose _EVT method reads it and notifies the
 * power button. Only S5, off, is there to be entered.
 *
 * Registers are used on vCPU threads; the button is pressed on any. A hostile guest can switch its
 * machine off and forget events.
 */
#include <iolite/acpi_pm.h>

#include <glib.h>
#include <stdatomic.h>

struct iol_acpi_pm {
	struct iol_device dev;
	struct iol_bus *bus;
	uint64_t base;
	struct iol_irq_line irq;
	struct iol_event_sink *sink;
	_Atomic uint8_t sleep_control; /* SLP_TYP as written last */
	_Atomic uint32_t events; /* not yet read by the guest */
};

/* Takes the @len bytes of pending events at @offset of the register. */
static uint32_t take_events(struct iol_acpi_pm *pm, unsigned int offset, unsigned int len)
{
	unsigned int shift = 8 * offset;
	uint32_t mask = (uint32_t)(UINT32_MAX >> (32 - 8 * len)) << shift;

	return (atomic_fetch_and(&pm->events, ~mask) & mask) >> shift;
}

static uint64_t acpi_pm_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct iol_acpi_pm *pm = opaque;

	if (offset >= IOL_ACPI_PM_EVENT_STATUS)
		return take_events(pm, (unsigned int)(offset - IOL_ACPI_PM_EVENT_STATUS), len);
	if (len != 1)
		return UINT64_MAX;
	if (offset == IOL_ACPI_PM_SLEEP_CONTROL)
		return atomic_load(&pm->sleep_control);
	/* Nothing wakes this machine, so that WAK_STS is never set; its clearing has no effect. */
	return 0;
}

static void acpi_pm_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct iol_acpi_pm *pm = opaque;
	unsigned int type = (value & IOL_ACPI_PM_SLP_TYP_MASK) >> IOL_ACPI_PM_SLP_TYP_SHIFT;

	if (len != 1 || offset != IOL_ACPI_PM_SLEEP_CONTROL)
		return;
	atomic_store(&pm->sleep_control, (uint8_t)(value & IOL_ACPI_PM_SLP_TYP_MASK));
	if ((value & IOL_ACPI_PM_SLP_EN) && type == IOL_ACPI_PM_SLP_TYP_S5)
		pm->sink->raise(pm->sink, IOL_EVENT_POWEROFF);
}

static const struct iol_bus_ops acpi_pm_bus_ops = {
	.read = acpi_pm_read,
	.write = acpi_pm_write,
};

static void acpi_pm_reset(struct iol_device *dev)
{
	struct iol_acpi_pm *pm = iol_container_of(dev, struct iol_acpi_pm, dev);

	atomic_store(&pm->sleep_control, 0);
	atomic_store(&pm->events, 0);
}

static void acpi_pm_free(struct iol_device *dev)
{
	struct iol_acpi_pm *pm = iol_container_of(dev, struct iol_acpi_pm, dev);

	iol_bus_remove(pm->bus, pm->base);
	iol_irq_line_finish(&pm->irq);
	g_free(pm);
}

static const struct iol_device_ops acpi_pm_ops = {
	.name = "acpi-pm",
	.reset = acpi_pm_reset,
	.free = acpi_pm_free,
};

struct iol_device *iol_acpi_pm_device(struct iol_acpi_pm *pm)
{
	return &pm->dev;
}

void iol_acpi_pm_press_power(struct iol_acpi_pm *pm)
{
	atomic_fetch_or(&pm->events, IOL_ACPI_PM_EVENT_POWER_BUTTON);
	/* Also when a press is pending: its edge may have come while the guest was not listening. */
	iol_irq_line_raise(&pm->irq);
}

int iol_acpi_pm_new(struct iol_bus *bus, uint64_t base, struct iol_irq_line irq,
		    struct iol_event_sink *sink, struct iol_acpi_pm **pm, struct iol_error *err)
{
	struct iol_acpi_pm *new = g_new0(struct iol_acpi_pm, 1);
	struct iol_bus_region region = {
		.base = base,
		.size_bytes = IOL_ACPI_PM_BYTES,
		.name = acpi_pm_ops.name,
		.ops = &acpi_pm_bus_ops,
		.dev = new,
	};
	int ret;

	new->dev.ops = &acpi_pm_ops;
	new->bus = bus;
	new->base = base;
	new->irq = irq;
	new->sink = sink;
	ret = iol_bus_add(bus, &region, err);
	if (ret) {
		iol_irq_line_finish(&new->irq);
		g_free(new);
		return ret;
	}
	*pm = new;
	return 0;
}
