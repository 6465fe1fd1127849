// SPDX-License-Identifier: Apache-2.0
/*
 * The control socket's query-pci, with QEMU's names and types (qapi/pci.json). See control_internal.h. Runs on the loop's
 * thread.
 *
 * A function's qdev_id is the id of its disk or network card; BARs that are not decoded have the address -1, as in QEMU.
 */
#include "control_internal.h"

#include "monitor_info.h"

/* Those that our functions have, in QEMU's words. NULL: another one. */
static const char *class_text(unsigned int class)
{
	switch (class) {
	case 0x0100:
		return "SCSI controller";
	case 0x0180:
		return "Mass storage controller";
	case 0x0200:
		return "Ethernet controller";
	case 0x0600:
		return "Host bridge";
	case 0x0780:
		return "Communication controller";
	default:
		return NULL;
	}
}

static json_t *describe_id(const struct iol_pci_info *info)
{
	return json_pack("{s:i, s:i, s:i, s:i}", "device",
			 (int)le16_load(info->config + PCI_DEVICE_ID), "vendor",
			 (int)le16_load(info->config + PCI_VENDOR_ID), "subsystem",
			 (int)le16_load(info->config + PCI_SUBSYSTEM_ID), "subsystem-vendor",
			 (int)le16_load(info->config + PCI_SUBSYSTEM_VENDOR_ID));
}

static json_t *describe_bars(const struct iol_pci_info *info)
{
	json_t *regions = json_array();

	for (unsigned int i = 0; i < IOL_PCI_BARS; i++) {
		bool ports = info->bars[i].kind == IOL_PCI_BAR_IO;
		json_int_t address = info->bars[i].mapped ? (json_int_t)info->bars[i].address : -1;
		json_t *region;

		if (info->bars[i].kind == IOL_PCI_BAR_NONE)
			continue;
		region = json_pack("{s:i, s:s, s:I, s:I}", "bar", (int)i, "type",
				   ports ? "io" : "memory", "address", address, "size",
				   (json_int_t)info->bars[i].size_bytes);
		if (!ports) {
			json_object_set_new(region, "prefetch",
					    json_boolean(info->bars[i].prefetchable));
			json_object_set_new(region, "mem_type_64",
					    json_boolean(info->bars[i].kind == IOL_PCI_BAR_MEM64));
		}
		json_array_append_new(regions, region);
	}
	return regions;
}

static json_t *describe_function(const struct iol_vm *vm, unsigned int slot,
				 const struct iol_pci_info *info)
{
	unsigned int class = le32_load(info->config + PCI_CLASS_REVISION) >> 16;
	const char *name = iol_monitor_slot_name(vm->config, slot);

	return json_pack("{s:i, s:i, s:i, s:{s:s*, s:i}, s:o, s:i, s:i, s:s, s:o}", "bus", 0,
			 "slot", (int)slot, "function", 0, "class_info", "desc", class_text(class),
			 "class", (int)class, "id", describe_id(info), "irq",
			 (int)info->config[PCI_INTERRUPT_LINE], "irq_pin",
			 (int)info->config[PCI_INTERRUPT_PIN], "qdev_id", name ? name : "",
			 "regions", describe_bars(info));
}

int iol_vm_control_query_pci(void *machine, const json_t *args, json_t **result,
			     struct iol_error *err)
{
	struct iol_vm *vm = machine;
	json_t *devices = json_array();
	struct iol_pci_info info;

	(void)args;
	(void)err;
	for (unsigned int slot = 0; vm->pci_host && slot < IOL_PCI_SLOTS; slot++)
		if (iol_pci_describe(vm->pci_host, slot, &info))
			json_array_append_new(devices, describe_function(vm, slot, &info));
	*result = json_array();
	if (vm->pci_host)
		json_array_append_new(*result,
				      json_pack("{s:i, s:O}", "bus", 0, "devices", devices));
	json_decref(devices);
	return 0;
}
