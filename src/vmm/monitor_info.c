// SPDX-License-Identifier: Apache-2.0
/*
 * What the monitor has to say of what a machine consists of: memory, devices, interrupts, the device tree. Runs on the
 * loop's thread.
 *
 * A hostile guest chooses what its BARs and routes say; the number of lines is that of slots, of messages and the like.
 */
#include "monitor_info.h"

#include <inttypes.h>
#include <stdlib.h>

#include <iolite/size.h>
#include <iolite/tree.h>
#include <iolite/virtio.h>

#include "machine.h"

static const char *const kind_names[IOL_LAYOUT_KIND_COUNT] = {
	[IOL_LAYOUT_UART] = "serial line",
	[IOL_LAYOUT_RTC] = "clock (MC146818)",
	[IOL_LAYOUT_I8042] = "i8042, reset line",
	[IOL_LAYOUT_ACPI_PM] = "ACPI power",
	[IOL_LAYOUT_PCI_CONF1] = "PCI configuration ports",
	[IOL_LAYOUT_PCI_ECAM] = "PCI configuration space (ECAM)",
	[IOL_LAYOUT_PCI_WINDOW] = "PCI memory window",
	[IOL_LAYOUT_VIRTIO_MMIO] = "virtio-mmio slots",
	[IOL_LAYOUT_PL031] = "clock (PL031)",
	[IOL_LAYOUT_PL061] = "GPIO (PL061), power key",
	[IOL_LAYOUT_FSL_GUTS] = "global utilities (MPC85xx)",
	[IOL_LAYOUT_FSL_GPIO] = "GPIO (MPC85xx), power key",
	[IOL_LAYOUT_FSL_POWER] = "power key",
	[IOL_LAYOUT_FSL_PCI] = "PCI controller (MPC85xx)",
	[IOL_LAYOUT_PVPANIC] = "pvpanic",
};

void iol_monitor_range(bool ports, uint64_t base, uint64_t bytes, GString *out)
{
	char size[IOL_SIZE_TEXT_BYTES];

	g_string_append_printf(out, "%s 0x%0*" PRIx64 "-0x%0*" PRIx64 "  %-6s",
			       ports ? "ports " : "memory", ports ? 4 : 12, base, ports ? 4 : 12,
			       base + bytes - 1, iol_size_format(bytes, size));
}

static void append_kind(GString *out, const struct iol_layout_device *dev)
{
	g_string_append(out, kind_names[dev->kind]);
	if (dev->kind == IOL_LAYOUT_UART)
		g_string_append_printf(out, " %u", dev->nth);
}

/* ---- Memory ---- */

void iol_monitor_memory(struct iol_vm *vm, GString *out)
{
	const struct iol_layout *layout = &vm->layout;

	for (unsigned int i = 0; i < layout->ram_count; i++) {
		iol_monitor_range(false, layout->ram[i].gpa, layout->ram[i].size_bytes, out);
		g_string_append(out, "  RAM\n");
	}
	for (unsigned int i = 0; i < layout->device_count; i++) {
		const struct iol_layout_device *dev = &layout->devices[i];

		if (!dev->size_bytes)
			continue;
		iol_monitor_range(dev->space == IOL_LAYOUT_PIO, dev->base, dev->size_bytes, out);
		g_string_append(out, "  ");
		append_kind(out, dev);
		if (dev->pci_base && dev->pci_base != dev->base)
			g_string_append_printf(out, ", at 0x%" PRIx64 " on the bus", dev->pci_base);
		g_string_append_c(out, '\n');
	}
}

/* ---- Devices ---- */

static void append_char(const struct iol_char_config *config, GString *out)
{
	switch (config->kind) {
	case IOL_CHAR_STDIO:
		g_string_append(out, "standard input and output");
		break;
	case IOL_CHAR_MUX:
		g_string_append(out, "the terminal, shared");
		break;
	case IOL_CHAR_PTY:
		g_string_append(out, "a pseudo terminal");
		break;
	case IOL_CHAR_FILE:
		g_string_append_printf(out, "file %s", config->path);
		break;
	case IOL_CHAR_UNIX:
		g_string_append_printf(out, "socket %s", config->path);
		break;
	case IOL_CHAR_TCP:
		g_string_append_printf(out, "%s, port %u",
				       config->host ? config->host : "127.0.0.1", config->port);
		break;
	case IOL_CHAR_NULL:
	case IOL_CHAR_KIND_COUNT:
		g_string_append(out, "nobody");
		break;
	}
}

void iol_monitor_slot_user(const struct iol_vm *vm, unsigned int slot, GString *out)
{
	static const char *const net_kinds[IOL_NET_KIND_COUNT] = {
		[IOL_NET_KIND_NONE] = "no cable",   [IOL_NET_KIND_TAP] = "a tap",
		[IOL_NET_KIND_BRIDGE] = "a bridge", [IOL_NET_KIND_USER] = "user network",
		[IOL_NET_KIND_PASST] = "passt",     [IOL_NET_KIND_SOCKET] = "a socket",
	};
	const struct iol_config *config = vm->config;
	unsigned int disk = slot - IOL_SLOT_DISKS, net = slot - IOL_SLOT_NETS;

	if (slot >= IOL_SLOT_DISKS && disk < config->disk_count)
		g_string_append_printf(out, "disk %s: %s%s", config->disks[disk].id,
				       config->disks[disk].path,
				       config->disks[disk].read_only ? ", read-only" : "");
	else if (slot >= IOL_SLOT_NETS && net < config->net_count)
		g_string_append_printf(out, "network card %s: %s", config->nets[net].id,
				       net_kinds[config->nets[net].kind]);
	else if (slot == IOL_SLOT_RNG && config->rng)
		g_string_append(out, "entropy");
	else if (slot == IOL_SLOT_CONSOLE && config->has_console) {
		g_string_append(out, "console0: ");
		append_char(&config->console, out);
	} else {
		g_string_append(out, "of the machine");
	}
}

static void append_function(const struct iol_vm *vm, unsigned int slot,
			    const struct iol_pci_info *info, GString *out)
{
	const char *separator = "; BARs at";

	g_string_append_printf(out, "PCI 00:%02x.0  %04x:%04x class %06x  ", slot,
			       le16_load(info->config + PCI_VENDOR_ID),
			       le16_load(info->config + PCI_DEVICE_ID),
			       le32_load(info->config + PCI_CLASS_REVISION) >> 8);
	iol_monitor_slot_user(vm, slot, out);
	for (unsigned int bar = 0; bar < IOL_PCI_BARS; bar++) {
		if (info->bars[bar].kind == IOL_PCI_BAR_NONE)
			continue;
		g_string_append_printf(out, "%s 0x%" PRIx64, separator, info->bars[bar].address);
		separator = ",";
	}
	g_string_append_c(out, '\n');
}

static void append_pci(struct iol_vm *vm, GString *out)
{
	struct iol_pci_info info;

	for (unsigned int slot = 0; vm->pci_host && slot < IOL_PCI_SLOTS; slot++)
		if (iol_pci_describe(vm->pci_host, slot, &info))
			append_function(vm, slot, &info, out);
}

static void append_virtio_mmio(struct iol_vm *vm, GString *out)
{
	uint32_t slots = iol_machine_mmio_slots(vm->config);

	for (unsigned int slot = 0; slot < IOL_LAYOUT_SLOTS; slot++) {
		if (!(slots >> slot & 1))
			continue;
		g_string_append_printf(out, "virtio-mmio 0x%" PRIx64 "  ",
				       vm->virtio_mmio_base +
					       (uint64_t)slot * IOL_LAYOUT_SLOT_BYTES);
		iol_monitor_slot_user(vm, slot, out);
		g_string_append_c(out, '\n');
	}
}

/* What disks have done, whose devices are known. */
static void append_disks(struct iol_vm *vm, GString *out)
{
	for (unsigned int i = 0; i < vm->config->disk_count; i++) {
		const struct iol_virtio *v = vm->disks[i].virtio;

		if (v)
			g_string_append_printf(out,
					       "disk %s  %u in flight, %" PRIu64 " kicks, %" PRIu64
					       " interrupts\n",
					       vm->config->disks[i].id, v->in_flight,
					       v->counts.kicks, v->counts.interrupts);
	}
}

void iol_monitor_devices(struct iol_vm *vm, GString *out)
{
	append_pci(vm, out);
	append_virtio_mmio(vm, out);
	append_disks(vm, out);
	for (unsigned int i = 0; i < vm->layout.device_count; i++) {
		const struct iol_layout_device *dev = &vm->layout.devices[i];

		if (dev->kind != IOL_LAYOUT_UART || dev->nth >= vm->config->serial_count)
			continue;
		g_string_append_printf(out, "serial%u  16550A at %s0x%" PRIx64 ": ", dev->nth,
				       dev->space == IOL_LAYOUT_PIO ? "port " : "", dev->base);
		append_char(&vm->config->serials[dev->nth], out);
		g_string_append_c(out, '\n');
	}
}

/* ---- Interrupts ---- */

static unsigned int asserted(struct iol_irq_wire *wire)
{
	unsigned int count;

	pthread_mutex_lock(&wire->lock);
	count = wire->asserted;
	pthread_mutex_unlock(&wire->lock);
	return count;
}

static void append_wires(struct iol_vm *vm, uint32_t gsi, GString *out)
{
	for (unsigned int i = 0; i < vm->wire_count; i++) {
		unsigned int count = vm->wires[i].gsi == gsi ? asserted(&vm->wires[i]) : 0;

		if (count)
			g_string_append_printf(out, ", asserted by %u", count);
	}
}

const char *iol_monitor_slot_name(const struct iol_config *config, unsigned int slot)
{
	if (slot >= IOL_SLOT_DISKS && slot - IOL_SLOT_DISKS < config->disk_count)
		return config->disks[slot - IOL_SLOT_DISKS].id;
	if (slot >= IOL_SLOT_NETS && slot - IOL_SLOT_NETS < config->net_count)
		return config->nets[slot - IOL_SLOT_NETS].id;
	if (slot == IOL_SLOT_RNG && config->rng)
		return "rng0";
	return slot == IOL_SLOT_CONSOLE && config->has_console ? "console0" : NULL;
}

static void append_slots(struct iol_vm *vm, GString *out)
{
	const struct iol_layout *layout = &vm->layout;

	for (uint32_t i = 0; i < layout->slot_gsi_count; i++) {
		const char *separator = "";

		g_string_append_printf(out, "GSI %u  level  ", layout->slot_gsi + i);
		for (unsigned int slot = i; slot < IOL_LAYOUT_SLOTS;
		     slot += layout->slot_gsi_count) {
			const char *name = iol_monitor_slot_name(vm->config, slot);

			if (!name)
				continue;
			g_string_append_printf(out, "%s%s (slot %u)", separator, name, slot);
			separator = ", ";
		}
		if (!*separator)
			g_string_append(out, "slots, of which none is taken");
		append_wires(vm, layout->slot_gsi + i, out);
		g_string_append_c(out, '\n');
	}
}

static void append_messages(struct iol_vm *vm, GString *out)
{
	struct iol_irq_route route;

	for (uint32_t gsi = 0; vm->router && iol_irq_router_next(vm->router, gsi, &route);
	     gsi = route.gsi + 1) {
		g_string_append_printf(out, "GSI %u  message  ", route.gsi);
		if (route.routed)
			g_string_append_printf(out,
					       "0x%" PRIx32 " to 0x%" PRIx64
					       " from PCI 00:%02x.%u\n",
					       route.data, route.address, route.devid >> 3 & 0x1f,
					       route.devid & 7);
		else
			g_string_append(out, "no route\n");
	}
}

void iol_monitor_irq(struct iol_vm *vm, GString *out)
{
	const struct iol_layout *layout = &vm->layout;

	g_string_append_printf(out, "GSIs below %u are pins of interrupt controllers\n",
			       layout->irq_pins);
	for (unsigned int i = 0; i < layout->device_count; i++) {
		const struct iol_layout_device *dev = &layout->devices[i];

		if (!dev->gsi)
			continue;
		g_string_append_printf(out, "GSI %u  %s  ", dev->gsi,
				       dev->level ? "level" : "edge");
		append_kind(out, dev);
		append_wires(vm, dev->gsi, out);
		g_string_append_c(out, '\n');
	}
	append_slots(vm, out);
	append_messages(vm, out);
}

/* ---- The device tree ---- */

int iol_monitor_tree(struct iol_vm *vm, GString *out)
{
	const struct iol_tree_source source = {
		.config = vm->config,
		.arch = vm->arch,
		.layout = &vm->layout,
		.boot = &vm->boot,
		.placement = &vm->placement,
	};
	struct iol_fdt_blob blob;
	struct iol_error err;
	char *text = NULL;
	int ret = iol_tree_build(&source, &blob, &err);

	if (!ret)
		ret = iol_fdt_to_dts(&blob, &text, &err);
	if (ret) {
		g_string_append_printf(out, "%s\n", err.msg);
	} else {
		if (vm->placement.no_tree)
			g_string_append(out, "/* The kernel was entered in a way that has no place "
					     "for it. */\n");
		else if (vm->arch->seeds_in_tree)
			g_string_append(out, "/* Without the seeds, which each start has its own "
					     "of. */\n");
		g_string_append(out, text);
	}
	free(text);
	iol_fdt_blob_finish(&blob);
	return ret;
}
