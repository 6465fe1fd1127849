// SPDX-License-Identifier: Apache-2.0
/*
 * What the monitor has to say of addresses and of the PCI bus, as the guest has set them up by now. Runs on the loop's thread.
 *
 * A hostile guest chooses where BARs are, as often as it likes: what is shown was true for a moment, and the number of
 * lines is that of regions, slots and queues.
 */
#include "monitor_info.h"

#include <inttypes.h>

#include <iolite/size.h>
#include <iolite/virtio.h>

#include "control_internal.h"
#include "machine.h"

/* ---- Addresses ---- */

/* Which BAR it is that answers at @base; false: none. */
static bool find_bar(struct iol_vm *vm, bool ports, uint64_t base, unsigned int *slot,
		     unsigned int *bar)
{
	struct iol_pci_info info;

	for (*slot = 0; vm->pci_host && *slot < IOL_PCI_SLOTS; (*slot)++) {
		if (!iol_pci_describe(vm->pci_host, *slot, &info))
			continue;
		for (*bar = 0; *bar < IOL_PCI_BARS; (*bar)++)
			if (info.bars[*bar].mapped && info.bars[*bar].base == base &&
			    (info.bars[*bar].kind == IOL_PCI_BAR_IO) == ports)
				return true;
	}
	return false;
}

/* Doorbells within [base, base + bytes), which KVM passes on without an exit. CPUs stand: none is moved. */
static void append_doorbells(const struct iol_vm *vm, uint64_t base, uint64_t bytes, GString *out)
{
	for (unsigned int slot = 0; slot < IOL_ARRAY_LEN(vm->slots); slot++) {
		const struct iol_virtio *v = vm->slots[slot];

		for (unsigned int i = 0; v && i < v->queue_count; i++) {
			const struct iol_kick *kick = &v->queues[i].kick;

			if (!kick->bound || kick->gpa - base >= bytes)
				continue;
			g_string_append_printf(out, "  ioeventfd 0x%" PRIx64 "  %s queue %u",
					       kick->gpa, v->name, i);
			if (kick->has_value)
				g_string_append_printf(out, ", for the value %" PRIu32,
						       kick->value);
			g_string_append_c(out, '\n');
		}
	}
}

static void append_region(struct iol_vm *vm, bool ports, const struct iol_bus_region *region,
			  GString *out)
{
	unsigned int slot, bar;

	iol_monitor_range(ports, region->base, region->size_bytes, out);
	g_string_append_printf(out, "  %s", region->name);
	if (find_bar(vm, ports, region->base, &slot, &bar))
		g_string_append_printf(out, ", PCI 00:%02x.0 BAR %u", slot, bar);
	g_string_append_c(out, '\n');
	if (!ports)
		append_doorbells(vm, region->base, region->size_bytes, out);
}

/* From *@at on, those that begin below @end. */
static void append_regions(struct iol_vm *vm, bool ports, uint64_t *at, uint64_t end, GString *out)
{
	struct iol_bus *bus = ports ? &vm->pio : &vm->mmio;
	struct iol_bus_region region;

	while (iol_bus_next(bus, *at, &region) && region.base < end) {
		append_region(vm, ports, &region, out);
		if (region.base > UINT64_MAX - region.size_bytes)
			return;
		*at = region.base + region.size_bytes;
	}
}

void iol_monitor_mtree(struct iol_vm *vm, GString *out)
{
	const struct iol_layout *layout = &vm->layout;
	bool ran = iol_vm_control_hold(vm);
	uint64_t at = 0;

	for (unsigned int i = 0; i < layout->ram_count; i++) {
		append_regions(vm, false, &at, layout->ram[i].gpa, out);
		iol_monitor_range(false, layout->ram[i].gpa, layout->ram[i].size_bytes, out);
		g_string_append(out, "  RAM\n");
	}
	append_regions(vm, false, &at, UINT64_MAX, out);
	at = 0;
	append_regions(vm, true, &at, UINT64_MAX, out);
	if (ran)
		iol_vcpus_resume(vm);
}

/* ---- The PCI bus ---- */

static void append_command(const struct iol_pci_info *info, GString *out)
{
	static const struct {
		uint16_t bit;
		const char *name;
	} bits[] = {
		{ PCI_COMMAND_IO, " io" },
		{ PCI_COMMAND_MEMORY, " memory" },
		{ PCI_COMMAND_MASTER, " bus-master" },
		{ PCI_COMMAND_INTX_DISABLE, " intx-disabled" },
	};
	uint16_t command = le16_load(info->config + PCI_COMMAND);

	g_string_append_printf(out, "  command 0x%04x:", command);
	for (size_t i = 0; i < IOL_ARRAY_LEN(bits); i++)
		if (command & bits[i].bit)
			g_string_append(out, bits[i].name);
	g_string_append_c(out, '\n');
}

static void append_interrupts(const struct iol_vm *vm, unsigned int slot,
			      const struct iol_pci_info *info, GString *out)
{
	const struct iol_layout *layout = &vm->layout;
	unsigned int pin = info->config[PCI_INTERRUPT_PIN];
	unsigned int at = iol_pci_find_capability(info, PCI_CAP_ID_MSIX);
	uint16_t flags;

	if (pin && pin <= 4) {
		g_string_append_printf(out, "  INT%c", (int)('A' + pin - 1));
		if (layout->slot_gsi_count)
			g_string_append_printf(out, ", GSI %u",
					       layout->slot_gsi + slot % layout->slot_gsi_count);
		g_string_append_printf(out, ", line %u\n", info->config[PCI_INTERRUPT_LINE]);
	}
	if (!at)
		return;
	flags = le16_load(info->config + at + PCI_MSIX_FLAGS);
	g_string_append_printf(out, "  MSI-X: %u vectors, %s%s\n",
			       (flags & PCI_MSIX_FLAGS_QSIZE) + 1u,
			       flags & PCI_MSIX_FLAGS_ENABLE ? "enabled" : "disabled",
			       flags & PCI_MSIX_FLAGS_MASKALL ? ", all masked" : "");
}

static void append_bar(const struct iol_pci_info *info, unsigned int idx, GString *out)
{
	static const char *const kinds[] = {
		[IOL_PCI_BAR_IO] = "ports",
		[IOL_PCI_BAR_MEM32] = "memory, 32 bits",
		[IOL_PCI_BAR_MEM64] = "memory, 64 bits",
	};
	char size[IOL_SIZE_TEXT_BYTES];

	if (info->bars[idx].kind == IOL_PCI_BAR_NONE)
		return;
	g_string_append_printf(out, "  BAR %u: %s%s, %s at 0x%" PRIx64, idx,
			       kinds[info->bars[idx].kind],
			       info->bars[idx].prefetchable ? ", prefetchable" : "",
			       iol_size_format(info->bars[idx].size_bytes, size),
			       info->bars[idx].address);
	if (!info->bars[idx].mapped)
		g_string_append(out, ", not decoded");
	else if (info->bars[idx].base != info->bars[idx].address)
		g_string_append_printf(out, ", for CPUs at 0x%" PRIx64, info->bars[idx].base);
	g_string_append_c(out, '\n');
}

void iol_monitor_pci(struct iol_vm *vm, GString *out)
{
	struct iol_pci_info info;

	if (!vm->pci_host)
		g_string_append(out, "this machine has no PCI bus\n");
	for (unsigned int slot = 0; vm->pci_host && slot < IOL_PCI_SLOTS; slot++) {
		if (!iol_pci_describe(vm->pci_host, slot, &info))
			continue;
		g_string_append_printf(out,
				       "00:%02x.0  %04x:%04x, subsystem %04x:%04x, class %06x  ",
				       slot, le16_load(info.config + PCI_VENDOR_ID),
				       le16_load(info.config + PCI_DEVICE_ID),
				       le16_load(info.config + PCI_SUBSYSTEM_VENDOR_ID),
				       le16_load(info.config + PCI_SUBSYSTEM_ID),
				       le32_load(info.config + PCI_CLASS_REVISION) >> 8);
		iol_monitor_slot_user(vm, slot, out);
		g_string_append_c(out, '\n');
		append_command(&info, out);
		append_interrupts(vm, slot, &info, out);
		for (unsigned int i = 0; i < IOL_PCI_BARS; i++)
			append_bar(&info, i, out);
	}
}
