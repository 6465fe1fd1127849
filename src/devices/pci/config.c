// SPDX-License-Identifier: Apache-2.0
/*
 * Configuration space of one PCI function: write masks, capabilities, BARs and their decoding (PCI
 * Local Bus 3.0, 6.1, 6.2.5, 6.7).
 *
 * Sizing needs no code: the address bits below a BAR's size are not writable. A BAR is on its bus
 * while the command register enables its space and its address makes sense.
 *
 * Runs on vCPU threads under the host's lock. A hostile guest moves BARs anywhere: onto another
 * device the bus refuses it and the BAR is not decoded, until a write to this function's command
 * register or BARs tries again; onto RAM or the interrupt controllers KVM never exits for it.
 */
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include "pci_internal.h"

enum {
	IO_BAR_BYTES_MAX = 256,
	MEM_BAR_BYTES_MIN = 4096, /* a page, so that no two devices share one */
	CAPABILITIES_START = PCI_STD_HEADER_SIZEOF,
	CAPABILITY_BYTES_MIN = 4,
	DWORD_BYTES = 4,
};

static const uint64_t mem_bar_bytes_max = UINT64_C(1) << 31;
/* I/O BARs are 16 bits wide: the upper half reads as zero (PCI 3.0, 6.2.5.1). */
static const uint64_t io_address_max = 0xffff;

void iol_pci_function_init(struct iol_pci_function *fn, const char *name,
			   const struct iol_pci_identity *identity)
{
	memset(fn, 0, sizeof(*fn));
	fn->name = name;
	fn->capability_end = CAPABILITIES_START;
	le16_store(fn->config + PCI_VENDOR_ID, identity->vendor);
	le16_store(fn->config + PCI_DEVICE_ID, identity->device);
	le32_store(fn->config + PCI_CLASS_REVISION,
		   (identity->class_code & 0xffffff) << 8 | identity->revision);
	le16_store(fn->config + PCI_SUBSYSTEM_VENDOR_ID, identity->subsystem_vendor);
	le16_store(fn->config + PCI_SUBSYSTEM_ID, identity->subsystem);
	le16_store(fn->writable + PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY |
						       PCI_COMMAND_MASTER |
						       PCI_COMMAND_INTX_DISABLE);
	fn->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	fn->writable[PCI_INTERRUPT_LINE] = 0xff;
}

int iol_pci_add_capability(struct iol_pci_function *fn, uint8_t id, unsigned int len,
			   struct iol_error *err)
{
	unsigned int offset = fn->capability_end;

	if (len < CAPABILITY_BYTES_MIN || len > PCI_CFG_SPACE_SIZE - offset)
		return iol_error_set(err, -ENOSPC,
				     "%s: no room for a PCI capability of %u bytes at 0x%x",
				     fn->name, len, offset);
	fn->config[offset + PCI_CAP_LIST_ID] = id;
	fn->config[fn->last_capability ? fn->last_capability + PCI_CAP_LIST_NEXT
				       : PCI_CAPABILITY_LIST] = (uint8_t)offset;
	fn->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	fn->last_capability = offset;
	fn->capability_end = IOL_ALIGN_UP(offset + len, DWORD_BYTES);
	return (int)offset;
}

static unsigned int bar_offset(unsigned int idx)
{
	return PCI_BASE_ADDRESS_0 + DWORD_BYTES * idx;
}

static bool bar_is_sound(const struct iol_pci_function *fn, unsigned int idx)
{
	const struct iol_pci_bar *bar = &fn->bars[idx];
	uint64_t size = bar->size_bytes;

	if (bar->kind == IOL_PCI_BAR_NONE)
		return true;
	if (!bar->ops || !size || (size & (size - 1)))
		return false;
	if (bar->kind == IOL_PCI_BAR_IO)
		return fn->host->setup.pio && size >= 4 && size <= IO_BAR_BYTES_MAX;
	if (bar->kind == IOL_PCI_BAR_MEM64 &&
	    (idx + 1 == IOL_PCI_BARS || fn->bars[idx + 1].kind != IOL_PCI_BAR_NONE))
		return false;
	return size >= MEM_BAR_BYTES_MIN && size <= mem_bar_bytes_max;
}

int pci_bars_init(struct iol_pci_function *fn, struct iol_error *err)
{
	for (unsigned int i = 0; i < IOL_PCI_BARS; i++) {
		struct iol_pci_bar *bar = &fn->bars[i];
		uint64_t address_bits = ~(bar->size_bytes - 1);
		unsigned int offset = bar_offset(i);

		if (!bar_is_sound(fn, i))
			return iol_error_set(err, -EINVAL,
					     "%s: PCI BAR %u of 0x%" PRIx64
					     " bytes is not possible",
					     fn->name, i, bar->size_bytes);
		bar->assigned = 0;
		bar->mapped = false;
		if (bar->kind == IOL_PCI_BAR_NONE)
			continue;
		if (bar->kind == IOL_PCI_BAR_IO)
			address_bits &= io_address_max;
		le32_store(fn->writable + offset, (uint32_t)address_bits);
		if (bar->kind == IOL_PCI_BAR_MEM64)
			le32_store(fn->writable + offset + DWORD_BYTES, UINT32_MAX);
		pci_bar_set_address(fn, i, 0);
	}
	return 0;
}

void pci_bar_set_address(struct iol_pci_function *fn, unsigned int idx, uint64_t address)
{
	const struct iol_pci_bar *bar = &fn->bars[idx];
	uint8_t *reg = fn->config + bar_offset(idx);
	uint32_t type = bar->kind == IOL_PCI_BAR_IO ? PCI_BASE_ADDRESS_SPACE_IO
						    : PCI_BASE_ADDRESS_SPACE_MEMORY;

	if (bar->kind == IOL_PCI_BAR_MEM64)
		type |= PCI_BASE_ADDRESS_MEM_TYPE_64;
	if (bar->prefetchable)
		type |= PCI_BASE_ADDRESS_MEM_PREFETCH;
	le32_store(reg, (uint32_t)address | type);
	if (bar->kind == IOL_PCI_BAR_MEM64)
		le32_store(reg + DWORD_BYTES, (uint32_t)(address >> 32));
}

static uint64_t bar_address(const struct iol_pci_function *fn, unsigned int idx)
{
	const uint8_t *reg = fn->config + bar_offset(idx);
	uint64_t address = le32_load(reg) & le32_load(fn->writable + bar_offset(idx));

	if (fn->bars[idx].kind == IOL_PCI_BAR_MEM64)
		address |= (uint64_t)le32_load(reg + DWORD_BYTES) << 32;
	return address;
}

/*
 * True when BAR @idx answers at @address. Not at 0, where it is before anyone placed it, nor at
 * the end of its space, which is what all ones, written to learn the size, come out as.
 */
static bool bar_decodes(const struct iol_pci_function *fn, unsigned int idx, uint64_t address)
{
	const struct iol_pci_bar *bar = &fn->bars[idx];
	uint16_t command = le16_load(fn->config + PCI_COMMAND);
	uint64_t last = address + (bar->size_bytes - 1);

	switch (bar->kind) {
	case IOL_PCI_BAR_IO:
		return (command & PCI_COMMAND_IO) && address && last < io_address_max;
	case IOL_PCI_BAR_MEM32:
		return (command & PCI_COMMAND_MEMORY) && address && last < UINT32_MAX;
	case IOL_PCI_BAR_MEM64:
		return (command & PCI_COMMAND_MEMORY) && address && last < UINT64_MAX;
	default:
		return false;
	}
}

static struct iol_bus *bar_bus(const struct iol_pci_function *fn, unsigned int idx)
{
	const struct iol_pci_host_config *setup = &fn->host->setup;

	return fn->bars[idx].kind == IOL_PCI_BAR_IO ? setup->pio : setup->mmio;
}

/*
 * Where on its bus BAR @idx answers. False: nowhere; it does not decode, or no CPU reaches it where it is: the
 * host passes on what is in its window.
 */
static bool bar_place(const struct iol_pci_function *fn, unsigned int idx, uint64_t *place)
{
	const struct iol_pci_host_config *setup = &fn->host->setup;
	uint64_t size = fn->bars[idx].size_bytes;
	uint64_t address = bar_address(fn, idx);

	*place = address;
	if (!bar_decodes(fn, idx, address))
		return false;
	if (fn->bars[idx].kind == IOL_PCI_BAR_IO || setup->window_pci_base == setup->window_base)
		return true;
	*place = address - setup->window_pci_base + setup->window_base;
	return address >= setup->window_pci_base && size <= setup->window_bytes &&
	       address - setup->window_pci_base <= setup->window_bytes - size;
}

static void bar_unmap(struct iol_pci_function *fn, unsigned int idx)
{
	struct iol_pci_bar *bar = &fn->bars[idx];

	if (!bar->mapped)
		return;
	iol_bus_remove(bar_bus(fn, idx), bar->mapped_base);
	bar->mapped = false;
	if (fn->bar_moved)
		fn->bar_moved(fn, idx, false, 0);
}

static void bar_map(struct iol_pci_function *fn, unsigned int idx, uint64_t place)
{
	struct iol_pci_bar *bar = &fn->bars[idx];
	struct iol_bus_region region = {
		.base = place,
		.size_bytes = bar->size_bytes,
		.name = fn->name,
		.ops = bar->ops,
		.dev = bar->dev,
	};
	struct iol_error err;

	if (iol_bus_add(bar_bus(fn, idx), &region, &err)) {
		iol_log_limited(&fn->host->log_limit, IOL_LOG_WARN,
				"pci 00:%02x.0: BAR %u is not decoded: %s", fn->slot, idx, err.msg);
		return;
	}
	bar->mapped = true;
	bar->mapped_base = place;
	if (fn->bar_moved)
		fn->bar_moved(fn, idx, true, place);
}

/* Brings the buses in line with command register and BARs. */
static void bars_follow(struct iol_pci_function *fn)
{
	uint64_t place;

	/* First all leave, so that BARs can change places. */
	for (unsigned int i = 0; i < IOL_PCI_BARS; i++)
		if (!bar_place(fn, i, &place) || place != fn->bars[i].mapped_base)
			bar_unmap(fn, i);
	for (unsigned int i = 0; i < IOL_PCI_BARS; i++)
		if (!fn->bars[i].mapped && bar_place(fn, i, &place))
			bar_map(fn, i, place);
}

void pci_bars_unmap(struct iol_pci_function *fn)
{
	for (unsigned int i = 0; i < IOL_PCI_BARS; i++)
		bar_unmap(fn, i);
}

uint32_t pci_config_read(struct iol_pci_function *fn, unsigned int offset, unsigned int len)
{
	if (fn->config_read)
		fn->config_read(fn, offset, len);
	return (uint32_t)iol_le_load(fn->config + offset, len);
}

/* True when [offset, offset + len) touches [start, end). */
static bool touches(unsigned int offset, unsigned int len, unsigned int start, unsigned int end)
{
	return offset < end && offset + len > start;
}

void pci_config_write(struct iol_pci_function *fn, unsigned int offset, unsigned int len,
		      uint32_t value)
{
	uint8_t bytes[DWORD_BYTES];

	iol_le_store(bytes, len, value);
	for (unsigned int i = 0; i < len; i++) {
		uint8_t mask = fn->writable[offset + i];
		uint8_t *byte = &fn->config[offset + i];

		*byte = (uint8_t)((*byte & ~mask) | (bytes[i] & mask));
	}
	if (touches(offset, len, PCI_COMMAND, PCI_COMMAND + 2) ||
	    touches(offset, len, PCI_BASE_ADDRESS_0, bar_offset(IOL_PCI_BARS)))
		bars_follow(fn);
	if (fn->config_written)
		fn->config_written(fn, offset, len);
}

void pci_describe(const struct iol_pci_function *fn, struct iol_pci_info *info)
{
	memset(info, 0, sizeof(*info));
	info->name = fn->name;
	memcpy(info->config, fn->config, sizeof(info->config));
	for (unsigned int i = 0; i < IOL_PCI_BARS; i++) {
		const struct iol_pci_bar *bar = &fn->bars[i];

		info->bars[i].kind = bar->kind;
		info->bars[i].prefetchable = bar->prefetchable;
		info->bars[i].mapped = bar->mapped;
		info->bars[i].size_bytes = bar->size_bytes;
		info->bars[i].address = bar->kind == IOL_PCI_BAR_NONE ? 0 : bar_address(fn, i);
		info->bars[i].base = bar->mapped_base;
	}
}

unsigned int iol_pci_find_capability(const struct iol_pci_info *info, uint8_t id)
{
	unsigned int at = info->config[PCI_CAPABILITY_LIST], left = IOL_PCI_CONFIG_BYTES;

	/* What is read-only there is ours, but a function's author may err: no ring, nothing behind the end. */
	while (at && at <= IOL_PCI_CONFIG_BYTES - DWORD_BYTES && left--) {
		if (info->config[at + PCI_CAP_LIST_ID] == id)
			return at;
		at = info->config[at + PCI_CAP_LIST_NEXT];
	}
	return 0;
}
