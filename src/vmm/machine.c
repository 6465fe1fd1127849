// SPDX-License-Identifier: Apache-2.0
/*
 * Assembly: which module makes which kind of device. Runs on the loop's thread before the first vCPU
 * runs.
 */
#include "machine.h"

#include <assert.h>
#include <stdlib.h>

#include <iolite/acpi_pm.h>
#include <iolite/i8042.h>
#include <iolite/pci.h>
#include <iolite/rtc.h>
#include <iolite/uart.h>

/* How long the last words of a guest may take to reach a slow reader when the machine ends. */
#define LAST_WORDS_NS (2 * IOL_NS_PER_S)

static struct iol_bus *bus_of(struct iol_vm *vm, const struct iol_layout_device *where)
{
	return where->space == IOL_LAYOUT_PIO ? &vm->pio : &vm->mmio;
}

static void keep(struct iol_vm *vm, struct iol_device *dev)
{
	assert(vm->device_count < IOL_VM_DEVICES_MAX);
	vm->devices[vm->device_count++] = dev;
}

static int make_uart(struct iol_vm *vm, const struct iol_layout_device *where,
		     struct iol_error *err)
{
	struct iol_irq_line irq;
	struct iol_device *dev;
	int ret = iol_irq_line_init(&irq, vm->vm_fd, where->gsi, err);

	if (!ret)
		ret = iol_uart_new(bus_of(vm, where), where->base, irq, vm->serial, &dev, err);
	if (ret)
		return ret;
	keep(vm, dev);
	iol_char_start(vm->serial, iol_uart_char_user(dev));
	return 0;
}

static int make_rtc(struct iol_vm *vm, const struct iol_layout_device *where, struct iol_error *err)
{
	struct iol_device *dev;
	int ret = iol_rtc_new(bus_of(vm, where), where->base, &dev, err);

	if (!ret)
		keep(vm, dev);
	return ret;
}

static int make_i8042(struct iol_vm *vm, const struct iol_layout_device *where,
		      struct iol_error *err)
{
	struct iol_device *dev;
	int ret = iol_i8042_new(bus_of(vm, where), where->base, &vm->lifecycle.sink, &dev, err);

	if (!ret)
		keep(vm, dev);
	return ret;
}

static int make_acpi_pm(struct iol_vm *vm, const struct iol_layout_device *where,
			struct iol_error *err)
{
	struct iol_irq_line irq;
	int ret = iol_irq_line_init(&irq, vm->vm_fd, where->gsi, err);

	if (!ret)
		ret = iol_acpi_pm_new(bus_of(vm, where), where->base, irq, &vm->lifecycle.sink,
				      &vm->acpi_pm, err);
	if (!ret)
		keep(vm, iol_acpi_pm_device(vm->acpi_pm));
	return ret;
}

static int make_serial(struct iol_vm *vm, struct iol_error *err)
{
	switch (vm->config->serial) {
	case IOL_SERIAL_STDIO:
		return iol_char_stdio_new(&vm->loop, &vm->lifecycle.sink, &vm->serial, err);
	case IOL_SERIAL_NULL:
		break;
	}
	return iol_char_null_new(&vm->loop, &vm->serial, err);
}

static const struct iol_layout_device *find(const struct iol_layout *layout,
					    enum iol_layout_kind kind)
{
	for (unsigned int i = 0; i < layout->device_count; i++)
		if (layout->devices[i].kind == kind)
			return &layout->devices[i];
	abort(); /* a layout with one part of PCI has them all */
}

/* The PCI host takes several ranges of the layout; its ports stand for it. */
static int make_pci(struct iol_vm *vm, const struct iol_layout_device *where, struct iol_error *err)
{
	const struct iol_layout_device *ecam = find(&vm->layout, IOL_LAYOUT_PCI_ECAM);
	const struct iol_layout_device *window = find(&vm->layout, IOL_LAYOUT_PCI_WINDOW);
	struct iol_pci_host_config config = {
		.pio = &vm->pio,
		.conf1_base = where->base,
		.mmio = &vm->mmio,
		.ecam_base = ecam->base,
		.ecam_bytes = ecam->size_bytes,
		.window_base = window->base,
		.window_bytes = window->size_bytes,
		.sink = &vm->lifecycle.sink,
	};
	struct iol_device *dev;
	int ret = iol_pci_host_new(&config, &dev, err);

	if (!ret)
		keep(vm, dev);
	return ret;
}

/* NULL: no device of its own. */
static int (*const makers[IOL_LAYOUT_KIND_COUNT])(struct iol_vm *vm,
						  const struct iol_layout_device *where,
						  struct iol_error *err) = {
	[IOL_LAYOUT_UART] = make_uart,     [IOL_LAYOUT_RTC] = make_rtc,
	[IOL_LAYOUT_I8042] = make_i8042,   [IOL_LAYOUT_ACPI_PM] = make_acpi_pm,
	[IOL_LAYOUT_PCI_CONF1] = make_pci,
};

int iol_machine_init(struct iol_vm *vm, struct iol_error *err)
{
	int ret = make_serial(vm, err);

	for (unsigned int i = 0; i < vm->layout.device_count && !ret; i++) {
		const struct iol_layout_device *where = &vm->layout.devices[i];

		if (makers[where->kind])
			ret = makers[where->kind](vm, where, err);
	}
	return ret;
}

void iol_machine_finish(struct iol_vm *vm)
{
	if (vm->serial)
		iol_char_stop(vm->serial, LAST_WORDS_NS);
	while (vm->device_count) {
		struct iol_device *dev = vm->devices[--vm->device_count];

		dev->ops->free(dev);
	}
	iol_char_free(vm->serial);
	vm->serial = NULL;
	vm->acpi_pm = NULL;
}
