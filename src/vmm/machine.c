// SPDX-License-Identifier: Apache-2.0
/*
 * Assembly: which module makes which kind of device. Runs on the loop's thread before the first vCPU
 * runs.
 */
#include "machine.h"

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <stdio.h>

#include <iolite/acpi_pm.h>
#include <iolite/char.h>
#include <iolite/fsl_gpio.h>
#include <iolite/fsl_guts.h>
#include <iolite/fsl_pci.h>
#include <iolite/i8042.h>
#include <iolite/pci.h>
#include <iolite/pl031.h>
#include <iolite/pl061.h>
#include <iolite/power_key.h>
#include <iolite/pvpanic.h>
#include <iolite/rtc.h>
#include <iolite/uart.h>

#include "cpu_place.h"

/* How long the last words of a guest may take to reach a slow reader when the machine ends. */
#define LAST_WORDS_NS (2 * IOL_NS_PER_S)
/* How long requests may take at the end of the machine: by themselves, then once cancelled. */
#define DRAIN_NS (4 * IOL_NS_PER_S)
#define CANCEL_NS (1 * IOL_NS_PER_S)

/*
 * How long the loop looks for new requests by itself after the last one. Measured: half of it is less than many
 * devices take for a request, and twice as much takes processor time from the interrupts of those that are busy.
 */
#define POLL_NS (100 * IOL_NS_PER_US)

static struct iol_bus *bus_of(struct iol_vm *vm, const struct iol_layout_device *where)
{
	return where->space == IOL_LAYOUT_PIO ? &vm->pio : &vm->mmio;
}

void iol_machine_keep(struct iol_vm *vm, struct iol_device *dev)
{
	assert(vm->device_count < IOL_VM_DEVICES_MAX);
	vm->devices[vm->device_count++] = dev;
}

static uint32_t irq_of(const struct iol_vm *vm, uint32_t gsi)
{
	return vm->arch->kvm->irq_of_gsi ? vm->arch->kvm->irq_of_gsi(gsi) : gsi;
}

static struct iol_irq_wire *add_wire(struct iol_vm *vm, uint32_t gsi)
{
	struct iol_irq_wire *wire = &vm->wires[vm->wire_count++];

	assert(vm->wire_count <= IOL_VM_WIRES_MAX);
	iol_irq_wire_init(wire, vm->vm_fd, gsi, irq_of(vm, gsi));
	return wire;
}

/* Devices share one that is their own: those of slots come first and are not for them. */
static struct iol_irq_wire *share_wire(struct iol_vm *vm, uint32_t gsi)
{
	for (unsigned int i = vm->layout.slot_gsi_count; i < vm->wire_count; i++)
		if (vm->wires[i].gsi == gsi)
			return &vm->wires[i];
	return add_wire(vm, gsi);
}

static int make_output(struct iol_vm *vm, const struct iol_layout_device *where,
		       struct iol_irq_output *output, struct iol_error *err)
{
	struct iol_irq_line line;
	int ret;

	if (where->level) {
		*output = iol_irq_output_level(share_wire(vm, where->gsi));
		return 0;
	}
	ret = iol_irq_line_init(&line, vm->vm_fd, where->gsi, err);
	if (!ret)
		*output = iol_irq_output_edge(line);
	return ret;
}

static int make_uart(struct iol_vm *vm, const struct iol_layout_device *where,
		     struct iol_error *err)
{
	struct iol_irq_output irq;
	struct iol_device *dev;
	int ret = make_output(vm, where, &irq, err);

	if (ret)
		return ret;
	irq.raised = &vm->serial_interrupts[where->nth];
	ret = iol_uart_new(bus_of(vm, where), where->base, irq, vm->serials[where->nth], &dev, err);
	if (ret)
		return ret;
	iol_machine_keep(vm, dev);
	iol_char_start(vm->serials[where->nth], iol_uart_char_user(dev));
	return 0;
}

static int make_rtc(struct iol_vm *vm, const struct iol_layout_device *where, struct iol_error *err)
{
	struct iol_device *dev;
	int ret = iol_rtc_new(bus_of(vm, where), where->base, &dev, err);

	if (!ret)
		iol_machine_keep(vm, dev);
	return ret;
}

static int make_pl031(struct iol_vm *vm, const struct iol_layout_device *where,
		      struct iol_error *err)
{
	struct iol_device *dev;
	int ret = iol_pl031_new(bus_of(vm, where), where->base, &dev, err);

	if (!ret)
		iol_machine_keep(vm, dev);
	return ret;
}

static void add_power_key(struct iol_vm *vm, struct iol_gpio_input input)
{
	vm->power_key = iol_power_key_new(&vm->loop, input);
	iol_machine_keep(vm, iol_power_key_device(vm->power_key));
}

/* With the power button on one of its lines. */
static int make_pl061(struct iol_vm *vm, const struct iol_layout_device *where,
		      struct iol_error *err)
{
	struct iol_irq_line irq;
	struct iol_pl061 *gpio;
	int ret = iol_irq_line_init(&irq, vm->vm_fd, where->gsi, err);

	if (!ret)
		ret = iol_pl061_new(bus_of(vm, where), where->base, irq, &gpio, err);
	if (ret)
		return ret;
	iol_machine_keep(vm, iol_pl061_device(gpio));
	add_power_key(vm, iol_pl061_input(gpio, IOL_POWER_KEY_LINE));
	return 0;
}

static int make_fsl_guts(struct iol_vm *vm, const struct iol_layout_device *where,
			 struct iol_error *err)
{
	struct iol_device *dev;
	int ret = iol_fsl_guts_new(bus_of(vm, where), where->base, vm->layout.facts.pvr,
				   &vm->lifecycle.sink, &dev, err);

	if (!ret)
		iol_machine_keep(vm, dev);
	return ret;
}

static int make_fsl_gpio(struct iol_vm *vm, const struct iol_layout_device *where,
			 struct iol_error *err)
{
	struct iol_fsl_gpio *gpio;
	int ret = iol_fsl_gpio_new(bus_of(vm, where), where->base, add_wire(vm, where->gsi),
				   &vm->lifecycle.sink, &gpio, err);

	if (ret)
		return ret;
	iol_machine_keep(vm, iol_fsl_gpio_device(gpio));
	add_power_key(vm, iol_fsl_gpio_input(gpio, IOL_POWER_KEY_LINE));
	return 0;
}

static int make_i8042(struct iol_vm *vm, const struct iol_layout_device *where,
		      struct iol_error *err)
{
	struct iol_device *dev;
	int ret = iol_i8042_new(bus_of(vm, where), where->base, &vm->lifecycle.sink, &dev, err);

	if (!ret)
		iol_machine_keep(vm, dev);
	return ret;
}

static int make_pvpanic(struct iol_vm *vm, const struct iol_layout_device *where,
			struct iol_error *err)
{
	struct iol_device *dev;
	int ret = iol_pvpanic_new(bus_of(vm, where), where->base, &vm->lifecycle.sink, &dev, err);

	if (!ret)
		iol_machine_keep(vm, dev);
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
		iol_machine_keep(vm, iol_acpi_pm_device(vm->acpi_pm));
	return ret;
}

/* The line whose terminal others share. */
static struct iol_char *find_mux(const struct iol_vm *vm)
{
	for (unsigned int i = 0; i < vm->config->serial_count; i++)
		if (vm->config->serials[i].over_stdio)
			return vm->serials[i];
	return NULL;
}

/* The far end of a serial line or console, called @name; it may share the terminal with those that are there. */
static int open_line(struct iol_vm *vm, const struct iol_char_config *config, const char *name,
		     struct iol_char **line, struct iol_error *err)
{
	struct iol_char *first = config->over_stdio ? NULL : find_mux(vm);

	if (config->kind == IOL_CHAR_MUX && first)
		return iol_char_mux_join(first, config, name, line, err);
	return iol_char_new(&vm->loop, &vm->lifecycle.sink, config, name, line, err);
}

int iol_lines_open(struct iol_vm *vm, struct iol_error *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < vm->config->serial_count && !ret; i++) {
		char name[IOL_CHAR_NAME_BYTES];

		snprintf(name, sizeof(name), "serial%u", i);
		ret = open_line(vm, &vm->config->serials[i], name, &vm->serials[i], err);
	}
	/* Behind those whose terminal it may share. */
	if (!ret && vm->config->has_console)
		ret = open_line(vm, &vm->config->console, "console0", &vm->console, err);
	return ret;
}

static const struct iol_layout_device *find(const struct iol_layout *layout,
					    enum iol_layout_kind kind)
{
	for (unsigned int i = 0; i < layout->device_count; i++)
		if (layout->devices[i].kind == kind)
			return &layout->devices[i];
	return NULL;
}

/* @config without buses and window. */
static int make_pci_host(struct iol_vm *vm, struct iol_pci_host_config *config,
			 struct iol_error *err)
{
	const struct iol_layout_device *window = find(&vm->layout, IOL_LAYOUT_PCI_WINDOW);
	struct iol_device *dev;
	int ret;

	assert(window);
	config->mmio = &vm->mmio;
	config->window_base = window->base;
	config->window_bytes = window->size_bytes;
	config->window_pci_base = window->pci_base;
	config->sink = &vm->lifecycle.sink;
	ret = iol_pci_host_new(config, &dev, err);
	if (ret)
		return ret;
	iol_machine_keep(vm, dev);
	vm->pci_host = iol_pci_host_of(dev);
	return 0;
}

/* The PCI host takes several ranges of the layout; ECAM stands for it. Not all machines have ports. */
static int make_pci(struct iol_vm *vm, const struct iol_layout_device *where, struct iol_error *err)
{
	const struct iol_layout_device *conf1 = find(&vm->layout, IOL_LAYOUT_PCI_CONF1);
	struct iol_pci_host_config config = {
		.pio = conf1 ? &vm->pio : NULL,
		.conf1_base = conf1 ? conf1->base : 0,
		.ecam_base = where->base,
		.ecam_bytes = where->size_bytes,
	};

	return make_pci_host(vm, &config, err);
}

static int make_fsl_pci(struct iol_vm *vm, const struct iol_layout_device *where,
			struct iol_error *err)
{
	struct iol_pci_host_config config = { .no_bridge = true };
	struct iol_device *dev;
	int ret = make_pci_host(vm, &config, err);

	if (!ret)
		ret = iol_fsl_pci_new(bus_of(vm, where), where->base, vm->pci_host, &dev, err);
	if (!ret)
		iol_machine_keep(vm, dev);
	return ret;
}

static int note_virtio_mmio(struct iol_vm *vm, const struct iol_layout_device *where,
			    struct iol_error *err)
{
	(void)err;
	vm->virtio_mmio_base = where->base;
	return 0;
}

/* What every slot can use: messages through the router, levels on wires that slots share. */
static int init_interrupts(struct iol_vm *vm, struct iol_error *err)
{
	vm->router = iol_irq_router_new(vm->vm_fd, vm->layout.irq_pins);
	for (unsigned int i = 0; i < vm->layout.slot_gsi_count; i++)
		add_wire(vm, vm->layout.slot_gsi + i);
	return vm->arch->kvm->init_router ? vm->arch->kvm->init_router(vm, err) : 0;
}

static void finish_interrupts(struct iol_vm *vm)
{
	while (vm->wire_count)
		iol_irq_wire_finish(&vm->wires[--vm->wire_count]);
	if (vm->router)
		iol_irq_router_free(vm->router);
	vm->router = NULL;
}

/* NULL: no device of its own. */
static int (*const makers[IOL_LAYOUT_KIND_COUNT])(struct iol_vm *vm,
						  const struct iol_layout_device *where,
						  struct iol_error *err) = {
	[IOL_LAYOUT_UART] = make_uart,         [IOL_LAYOUT_RTC] = make_rtc,
	[IOL_LAYOUT_I8042] = make_i8042,       [IOL_LAYOUT_ACPI_PM] = make_acpi_pm,
	[IOL_LAYOUT_PCI_ECAM] = make_pci,      [IOL_LAYOUT_VIRTIO_MMIO] = note_virtio_mmio,
	[IOL_LAYOUT_PL031] = make_pl031,       [IOL_LAYOUT_PL061] = make_pl061,
	[IOL_LAYOUT_FSL_GUTS] = make_fsl_guts, [IOL_LAYOUT_FSL_GPIO] = make_fsl_gpio,
	[IOL_LAYOUT_FSL_PCI] = make_fsl_pci,   [IOL_LAYOUT_PVPANIC] = make_pvpanic,
};

int iol_machine_init(struct iol_vm *vm, struct iol_error *err)
{
	int ret = init_interrupts(vm, err);

	for (unsigned int i = 0; i < vm->layout.device_count && !ret; i++) {
		const struct iol_layout_device *where = &vm->layout.devices[i];

		if (makers[where->kind])
			ret = makers[where->kind](vm, where, err);
	}
	if (!ret)
		ret = iol_disks_init(vm, err);
	if (!ret)
		ret = iol_nets_init(vm, err);
	if (!ret)
		ret = iol_rng_init(vm, err);
	if (!ret)
		ret = iol_console_init(vm, err);
	if (!ret)
		ret = iol_watchdog_init(vm, err);
	if (!ret && (vm->config->disk_count || vm->config->net_count) &&
	    iol_cpu_place_loop_has_own(vm))
		iol_loop_set_polling(&vm->loop, POLL_NS);
	return ret;
}

void iol_machine_quiesce(struct iol_vm *vm, struct iol_quiesce *quiesce)
{
	/* One for ourselves: done() is not called before all were asked. */
	quiesce->pending = 1;
	for (unsigned int i = vm->device_count; i-- > 0;) {
		struct iol_device *dev = vm->devices[i];

		if (!dev->ops->quiesce)
			continue;
		quiesce->pending++;
		if (dev->ops->quiesce(dev, quiesce))
			quiesce->pending--;
	}
	iol_quiesce_done(quiesce);
}

static void drained(struct iol_quiesce *quiesce)
{
	(void)quiesce; /* pending says it all */
}

static void deadline_done(struct iol_op *op, int res)
{
	(void)op;
	(void)res;
}

/* Turns the loop until @quiesce is done or @ns have passed. */
static void await_quiet(struct iol_vm *vm, const struct iol_quiesce *quiesce, uint64_t ns)
{
	struct iol_op *deadline = &vm->drain_deadline;

	/* A loop that failed us with it in flight still has it. */
	if (deadline->in_flight)
		return;
	deadline->done = deadline_done;
	iol_loop_timeout(&vm->loop, deadline, ns);
	while (quiesce->pending && deadline->in_flight)
		if (iol_loop_turn(&vm->loop, true) < 0)
			return;
	iol_loop_cancel(&vm->loop, deadline);
	while (deadline->in_flight)
		if (iol_loop_turn(&vm->loop, true) < 0)
			return;
}

int iol_machine_drain(struct iol_vm *vm, struct iol_error *err)
{
	vm->drain.done = drained;
	iol_machine_quiesce(vm, &vm->drain);
	if (vm->drain.pending)
		await_quiet(vm, &vm->drain, DRAIN_NS);
	if (!vm->drain.pending)
		return 0;
	for (unsigned int i = 0; i < vm->device_count; i++)
		if (vm->devices[i]->ops->cancel)
			vm->devices[i]->ops->cancel(vm->devices[i]);
	await_quiet(vm, &vm->drain, CANCEL_NS);
	if (!vm->drain.pending)
		return 0;
	return iol_error_set(err, -ETIMEDOUT,
			     "the host did not end the requests of %u disk(s) within %d s of being "
			     "asked to cancel them; look at its storage",
			     vm->drain.pending, (int)(CANCEL_NS / IOL_NS_PER_S));
}

/* All within one time. */
static void stop_lines(struct iol_vm *vm)
{
	uint64_t end_ns = iol_loop_now_ns() + LAST_WORDS_NS;

	for (unsigned int i = 0; i <= IOL_CONFIG_SERIALS_MAX; i++) {
		struct iol_char *line = i < IOL_CONFIG_SERIALS_MAX ? vm->serials[i] : vm->console;
		uint64_t now_ns = iol_loop_now_ns();

		if (line)
			iol_char_stop(line, now_ns < end_ns ? end_ns - now_ns : 0);
	}
}

/*
 * Devices that requests from outside are for. Freeing one may turn the loop, which then has a signal, say, that is
 * about another which is gone already.
 */
static void hide_devices(struct iol_vm *vm)
{
	for (unsigned int i = 0; i < vm->config->disk_count; i++)
		vm->disks[i].virtio = NULL;
	vm->console_virtio = NULL;
	vm->acpi_pm = NULL;
	vm->power_key = NULL;
	vm->watchdog = NULL;
}

void iol_machine_finish(struct iol_vm *vm)
{
	stop_lines(vm);
	hide_devices(vm);
	while (vm->device_count) {
		struct iol_device *dev = vm->devices[--vm->device_count];

		dev->ops->free(dev);
	}
	iol_nets_finish(vm);
	iol_disks_finish(vm);
	finish_interrupts(vm);
	vm->pci_host = NULL;
	for (unsigned int i = 0; i < IOL_CONFIG_SERIALS_MAX; i++)
		iol_char_free(g_steal_pointer(&vm->serials[i]));
	iol_char_free(g_steal_pointer(&vm->console));
}
