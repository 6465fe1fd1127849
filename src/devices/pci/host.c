// SPDX-License-Identifier: Apache-2.0
/*
 * PCI host: configuration mechanism #1 at 0xcf8/0xcfc (PCI Local Bus 3.0, 3.2.2.3.2), ECAM (PCI
 * Express 5.0, 7.2.2), and the PC's reset control register at 0xcf9 between the two; or none of these, where
 * another device has the registers. One bus with up to 32 functions, each function 0 of its slot; what is
 * absent reads as all ones.
 *
 * There is no firmware, so the host places memory BARs itself; their decoding is off until the
 * guest turns it on. I/O BARs are left for the guest to place.
 *
 * Runs on vCPU threads. A hostile guest can reset its machine and misplace its BARs (config.c).
 */
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include "pci_internal.h"

enum {
	CONF1_ADDRESS = 0,
	CONF1_RESET = 1,
	CONF1_DATA = 4,
	RESET_NOW = 0x04,
	RESET_STORED = 0x0a, /* system reset, full reset */
	CONFIG_BYTES_EXTENDED = PCI_CFG_SPACE_EXP_SIZE,
	DWORD_BYTES = 4,
	BRIDGE_SLOT = 0,
	HOST_BRIDGE_CLASS = 0x060000,
	LOG_BURST = 4,
};

static const uint32_t address_enable = 0x80000000;

/* The function that answers at @place, or NULL. Under the lock. */
static struct iol_pci_function *find(struct iol_pci_host *host, const struct iol_pci_place *place,
				     unsigned int len)
{
	bool one_dword = place->offset % DWORD_BYTES + len <= DWORD_BYTES;

	if (place->bus || place->devfn % 8 || !one_dword || place->offset >= IOL_PCI_CONFIG_BYTES)
		return NULL;
	return host->slots[place->devfn / 8 % IOL_PCI_SLOTS];
}

static uint64_t read_place(struct iol_pci_host *host, const struct iol_pci_place *place,
			   unsigned int len)
{
	struct iol_pci_function *fn = find(host, place, len);

	return fn ? pci_config_read(fn, place->offset, len) : UINT64_MAX;
}

static void write_place(struct iol_pci_host *host, const struct iol_pci_place *place,
			unsigned int len, uint64_t value)
{
	struct iol_pci_function *fn = find(host, place, len);

	if (fn)
		pci_config_write(fn, place->offset, len, (uint32_t)value);
}

uint64_t iol_pci_config_read(struct iol_pci_host *host, const struct iol_pci_place *place,
			     unsigned int len)
{
	uint64_t value;

	pthread_mutex_lock(&host->lock);
	value = read_place(host, place, len);
	pthread_mutex_unlock(&host->lock);
	return value;
}

void iol_pci_config_write(struct iol_pci_host *host, const struct iol_pci_place *place,
			  unsigned int len, uint64_t value)
{
	pthread_mutex_lock(&host->lock);
	write_place(host, place, len, value);
	pthread_mutex_unlock(&host->lock);
}

bool iol_pci_describe(struct iol_pci_host *host, unsigned int slot, struct iol_pci_info *info)
{
	const struct iol_pci_function *fn;

	pthread_mutex_lock(&host->lock);
	fn = slot < IOL_PCI_SLOTS ? host->slots[slot] : NULL;
	if (fn)
		pci_describe(fn, info);
	pthread_mutex_unlock(&host->lock);
	return fn;
}

static struct iol_pci_place ecam_place(uint64_t offset)
{
	return (struct iol_pci_place){
		.bus = (unsigned int)(offset / IOL_PCI_ECAM_BUS_BYTES),
		.devfn = (unsigned int)(offset / CONFIG_BYTES_EXTENDED % 256),
		.offset = (unsigned int)(offset % CONFIG_BYTES_EXTENDED),
	};
}

static uint64_t ecam_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct iol_pci_place place = ecam_place(offset);

	return iol_pci_config_read(opaque, &place, len);
}

static void ecam_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct iol_pci_place place = ecam_place(offset);

	iol_pci_config_write(opaque, &place, len, value);
}

static const struct iol_bus_ops ecam_ops = {
	.read = ecam_read,
	.write = ecam_write,
};

bool iol_pci_place_of(uint32_t address, unsigned int byte, struct iol_pci_place *place)
{
	if (!(address & address_enable))
		return false;
	place->bus = address >> 16 & 0xff;
	place->devfn = address >> 8 & 0xff;
	place->offset = (address & 0xfc) + byte;
	return true;
}

/* The place that the address register and the data port's byte name. False: none. */
static bool conf1_place(const struct iol_pci_host *host, uint64_t offset,
			struct iol_pci_place *place)
{
	return offset >= CONF1_DATA &&
	       iol_pci_place_of(host->conf1_address, (unsigned int)(offset - CONF1_DATA), place);
}

static uint64_t conf1_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct iol_pci_host *host = opaque;
	uint64_t value = UINT64_MAX;
	struct iol_pci_place place;

	pthread_mutex_lock(&host->lock);
	if (offset == CONF1_ADDRESS && len == 4)
		value = host->conf1_address;
	else if (offset == CONF1_RESET && len == 1)
		value = host->reset_control;
	else if (conf1_place(host, offset, &place))
		value = read_place(host, &place, len);
	pthread_mutex_unlock(&host->lock);
	return value;
}

static void conf1_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct iol_pci_host *host = opaque;
	bool reset = false;
	struct iol_pci_place place;

	pthread_mutex_lock(&host->lock);
	if (offset == CONF1_ADDRESS && len == 4) {
		host->conf1_address = (uint32_t)value & IOL_PCI_ADDRESS_BITS;
	} else if (offset == CONF1_RESET && len == 1) {
		host->reset_control = value & RESET_STORED;
		reset = value & RESET_NOW;
	} else if (conf1_place(host, offset, &place)) {
		write_place(host, &place, len, value);
	}
	pthread_mutex_unlock(&host->lock);
	if (reset)
		host->setup.sink->raise(host->setup.sink, IOL_EVENT_RESET);
}

static const struct iol_bus_ops conf1_ops = {
	.read = conf1_read,
	.write = conf1_write,
};

/* A BAR of any function that was given a place inside [base, base + size), or NULL. */
static const struct iol_pci_bar *assigned_in(const struct iol_pci_host *host, uint64_t base,
					     uint64_t size)
{
	for (unsigned int i = 0; i < IOL_PCI_SLOTS * IOL_PCI_BARS; i++) {
		const struct iol_pci_function *fn = host->slots[i / IOL_PCI_BARS];
		const struct iol_pci_bar *bar = fn ? &fn->bars[i % IOL_PCI_BARS] : NULL;

		if (bar && bar->assigned && bar->assigned < base + size &&
		    base < bar->assigned + bar->size_bytes)
			return bar;
	}
	return NULL;
}

/*
 * First fit in the window, naturally aligned. @fn is in its slot. The last byte below 4 GiB is none that a BAR
 * can have (config.c).
 */
static int assign_bar(struct iol_pci_host *host, struct iol_pci_function *fn, unsigned int idx,
		      struct iol_error *err)
{
	const struct iol_pci_host_config *setup = &host->setup;
	uint64_t end = MIN(setup->window_pci_base + setup->window_bytes, UINT32_MAX);
	uint64_t size = fn->bars[idx].size_bytes;
	uint64_t base = IOL_ALIGN_UP(setup->window_pci_base, size);
	const struct iol_pci_bar *other;

	while (base + size <= end) {
		other = assigned_in(host, base, size);
		if (!other) {
			fn->bars[idx].assigned = base;
			pci_bar_set_address(fn, idx, base);
			return 0;
		}
		base = IOL_ALIGN_UP(other->assigned + other->size_bytes, size);
	}
	return iol_error_set(err, -ENOSPC,
			     "%s: no room for PCI BAR %u of 0x%" PRIx64
			     " bytes in the window at 0x%" PRIx64,
			     fn->name, idx, size, setup->window_pci_base);
}

static int assign_bars(struct iol_pci_host *host, struct iol_pci_function *fn,
		       struct iol_error *err)
{
	for (unsigned int i = 0; i < IOL_PCI_BARS; i++) {
		enum iol_pci_bar_kind kind = fn->bars[i].kind;
		int ret;

		if (kind != IOL_PCI_BAR_MEM32 && kind != IOL_PCI_BAR_MEM64)
			continue;
		ret = assign_bar(host, fn, i, err);
		if (ret)
			return ret;
	}
	return 0;
}

/* The number of the slot that @slot asks for, or -errno. */
static int choose_slot(const struct iol_pci_host *host, int slot, const struct iol_pci_function *fn,
		       struct iol_error *err)
{
	if (slot == IOL_PCI_SLOT_ANY) {
		for (slot = 0; slot < IOL_PCI_SLOTS; slot++)
			if (!host->slots[slot])
				return slot;
		return iol_error_set(err, -ENOSPC, "%s: all %d PCI slots are taken", fn->name,
				     IOL_PCI_SLOTS);
	}
	if (slot < 0 || slot >= IOL_PCI_SLOTS)
		return iol_error_set(err, -EINVAL, "%s: there is no PCI slot %d (0 to %d)",
				     fn->name, slot, IOL_PCI_SLOTS - 1);
	if (host->slots[slot])
		return iol_error_set(err, -EEXIST, "%s: PCI slot %d is taken by %s", fn->name, slot,
				     host->slots[slot]->name);
	return slot;
}

static int add_locked(struct iol_pci_host *host, int slot, struct iol_pci_function *fn,
		      struct iol_error *err)
{
	int ret;

	slot = choose_slot(host, slot, fn, err);
	if (slot < 0)
		return slot;
	fn->host = host;
	fn->slot = (unsigned int)slot;
	ret = pci_bars_init(fn, err);
	if (!ret) {
		host->slots[slot] = fn;
		ret = assign_bars(host, fn, err);
	}
	if (ret) {
		host->slots[slot] = NULL;
		fn->host = NULL;
		return ret;
	}
	memcpy(fn->at_reset, fn->config, sizeof(fn->at_reset));
	return 0;
}

int iol_pci_add(struct iol_pci_host *host, int slot, struct iol_pci_function *fn,
		struct iol_error *err)
{
	int ret;

	pthread_mutex_lock(&host->lock);
	ret = add_locked(host, slot, fn, err);
	pthread_mutex_unlock(&host->lock);
	return ret;
}

void iol_pci_remove(struct iol_pci_function *fn)
{
	struct iol_pci_host *host = fn->host;

	if (!host)
		return;
	pthread_mutex_lock(&host->lock);
	pci_bars_unmap(fn);
	host->slots[fn->slot] = NULL;
	fn->host = NULL;
	pthread_mutex_unlock(&host->lock);
}

/* Functions have their first configuration again; what they derived from it they reset themselves. */
static void pci_host_reset(struct iol_device *dev)
{
	struct iol_pci_host *host = iol_container_of(dev, struct iol_pci_host, dev);

	pthread_mutex_lock(&host->lock);
	host->conf1_address = 0;
	host->reset_control = 0;
	for (unsigned int i = 0; i < IOL_PCI_SLOTS; i++) {
		struct iol_pci_function *fn = host->slots[i];

		if (!fn)
			continue;
		pci_bars_unmap(fn);
		memcpy(fn->config, fn->at_reset, sizeof(fn->config));
	}
	pthread_mutex_unlock(&host->lock);
}

static void host_free(struct iol_pci_host *host)
{
	pthread_mutex_destroy(&host->lock);
	g_free(host);
}

static void remove_registers(struct iol_pci_host *host)
{
	if (host->setup.pio)
		iol_bus_remove(host->setup.pio, host->setup.conf1_base);
	if (host->setup.ecam_bytes)
		iol_bus_remove(host->setup.mmio, host->setup.ecam_base);
}

static void pci_host_free(struct iol_device *dev)
{
	struct iol_pci_host *host = iol_container_of(dev, struct iol_pci_host, dev);

	iol_pci_remove(&host->bridge);
	remove_registers(host);
	host_free(host);
}

static const struct iol_device_ops pci_host_ops = {
	.name = "pci-host",
	.reset = pci_host_reset,
	.free = pci_host_free,
};

struct iol_pci_host *iol_pci_host_of(struct iol_device *dev)
{
	return iol_container_of(dev, struct iol_pci_host, dev);
}

static int add_conf1(struct iol_pci_host *host, struct iol_error *err)
{
	struct iol_bus_region region = {
		.base = host->setup.conf1_base,
		.size_bytes = IOL_PCI_CONF1_BYTES,
		.name = "pci configuration ports",
		.ops = &conf1_ops,
		.dev = host,
	};

	return host->setup.pio ? iol_bus_add(host->setup.pio, &region, err) : 0;
}

static int add_ecam(struct iol_pci_host *host, struct iol_error *err)
{
	struct iol_bus_region region = {
		.base = host->setup.ecam_base,
		.size_bytes = host->setup.ecam_bytes,
		.name = "pci configuration space",
		.ops = &ecam_ops,
		.dev = host,
	};

	return host->setup.ecam_bytes ? iol_bus_add(host->setup.mmio, &region, err) : 0;
}

static int add_registers(struct iol_pci_host *host, struct iol_error *err)
{
	int ret = add_conf1(host, err);

	if (ret)
		return ret;
	ret = add_ecam(host, err);
	if (ret && host->setup.pio)
		iol_bus_remove(host->setup.pio, host->setup.conf1_base);
	return ret;
}

int iol_pci_host_new(const struct iol_pci_host_config *config, struct iol_device **dev,
		     struct iol_error *err)
{
	static const struct iol_pci_identity bridge_identity = {
		.vendor = 0x1b36,
		.device = 0x0008,
		.class_code = HOST_BRIDGE_CLASS,
	};
	struct iol_pci_host *new = g_new0(struct iol_pci_host, 1);
	int ret;

	new->dev.ops = &pci_host_ops;
	new->setup = *config;
	if (!new->setup.window_pci_base)
		new->setup.window_pci_base = new->setup.window_base;
	new->log_limit.burst = LOG_BURST;
	pthread_mutex_init(&new->lock, NULL);
	iol_pci_function_init(&new->bridge, "pci host bridge", &bridge_identity);

	ret = add_registers(new, err);
	if (!ret && !new->setup.no_bridge) {
		ret = iol_pci_add(new, BRIDGE_SLOT, &new->bridge, err);
		if (ret)
			remove_registers(new);
	}
	if (ret) {
		host_free(new);
		return ret;
	}
	*dev = &new->dev;
	return 0;
}
