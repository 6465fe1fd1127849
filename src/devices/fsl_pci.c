// SPDX-License-Identifier: Apache-2.0
/*
 * PCI controller of the MPC8540 (its reference manual, chapter "PCI/PCI-X Bus Interface"; the MPC8544 and others
 * have the same), as registers of a PCI host. See include/iolite/fsl_pci.h.
 *
 * Registers are big-endian. CFG_DATA is a window on four bytes of a configuration space: the byte at its
 * offset n is byte n of those, whatever the width of the access, so that a processor that loads big-endian
 * numbers has to turn them (Linux: in_le32()).
 *
 * Outbound, what CPUs see of the bus is fixed (struct iol_pci_host_config). Inbound, devices reach all of
 * RAM at its own addresses. So the window registers only keep what is written. Errors do not happen: a
 * function that is absent reads as all ones and no master abort is noted, and the controller never asks for
 * its interrupt.
 *
 * The controller is a function too, at 00.0. Its BAR 0 (PCSRBAR) is where bus masters find the
 * CCSR. Of the CCSR they use the message register alone, and messages go their own way (irq.h); so the BAR
 * is storage. Linux computes from it the address of messages.
 *
 * Runs on vCPU threads. Lock order: none is held while the host is called. A hostile guest can do to
 * configuration spaces what they allow, and see what it wrote.
 */
#include <iolite/fsl_pci.h>

#include <glib.h>
#include <string.h>

enum {
	STORED = IOL_FSL_PCI_POTAR(0), /* registers from here on are storage */
	STORED_WORDS = (IOL_FSL_PCI_BYTES - STORED) / 4,
	CFG_DATA_END = IOL_FSL_PCI_CFG_DATA + 4,
	BRIDGE_SLOT = 0,
	BRIDGE_CLASS = 0x0b2000, /* PowerPC processor, host mode */
	LATENCY_TIMER_BITS = 0xf8,
};

static const uint32_t pcsrbar_bits = 0xfff00000; /* 1 MiB, as the CCSR */

/* Window 0 is open: memory reads and writes, 4 GiB. */
static const uint32_t powar0_reset = 0x8004401f;

struct fsl_pci {
	struct iol_device dev;
	struct iol_bus *bus;
	uint64_t base;
	struct iol_pci_host *host;
	struct iol_pci_function bridge;

	pthread_mutex_t lock; /* of what follows */
	uint32_t cfg_addr;
	uint32_t stored[STORED_WORDS];
};

#define WORD(offset) (((offset)-STORED) / 4)

/* Addresses are in pages: 64 bits of PCI in two registers, 36 of CPUs in one. */
#define OUTBOUND(window)                                 \
	[WORD(IOL_FSL_PCI_POTAR(window))] = 0xffffffff,  \
	[WORD(IOL_FSL_PCI_POTEAR(window))] = 0x000fffff, \
	[WORD(IOL_FSL_PCI_POWBAR(window))] = 0x00ffffff, \
	[WORD(IOL_FSL_PCI_POWAR(window))] = 0x900ff03f
#define INBOUND(window)                                   \
	[WORD(IOL_FSL_PCI_PITAR(window))] = 0x00ffffff,   \
	[WORD(IOL_FSL_PCI_PIWBAR(window))] = 0xffffffff,  \
	[WORD(IOL_FSL_PCI_PIWBEAR(window))] = 0x000fffff, \
	[WORD(IOL_FSL_PCI_PIWAR(window))] = 0xa0fff03f

/* Bits that a guest can write. */
static const uint32_t writable[STORED_WORDS] = {
	[WORD(IOL_FSL_PCI_POTAR(0))] = 0xffffffff,
	[WORD(IOL_FSL_PCI_POTEAR(0))] = 0x000fffff,
	[WORD(IOL_FSL_PCI_POWAR(0))] = 0x100ff000, /* neither whether it is open nor its size */
	OUTBOUND(1),
	OUTBOUND(2),
	OUTBOUND(3),
	OUTBOUND(4),
	INBOUND(3),
	INBOUND(2),
	[WORD(IOL_FSL_PCI_PITAR(1))] = 0x00ffffff,
	[WORD(IOL_FSL_PCI_PIWBAR(1))] = 0x000fffff, /* 32 bits of PCI */
	[WORD(IOL_FSL_PCI_PIWAR(1))] = 0xa0fff03f,
	[WORD(IOL_FSL_PCI_ERR_CAP_DR)] = 0x000007ff,
	[WORD(IOL_FSL_PCI_ERR_EN)] = 0x000007ff,
	[WORD(IOL_FSL_PCI_ERR_ATTRIB)] = 0xffffffff,
	[WORD(IOL_FSL_PCI_ERR_ADDR)] = 0xffffffff,
	[WORD(IOL_FSL_PCI_ERR_EXT_ADDR)] = 0xffffffff,
	[WORD(IOL_FSL_PCI_ERR_DL)] = 0xffffffff,
	[WORD(IOL_FSL_PCI_ERR_DH)] = 0xffffffff,
	[WORD(IOL_FSL_PCI_GAS_TIMR)] = 0xffffffff,
};

/* The place that an access to CFG_DATA is for. False: none. */
static bool data_place(struct fsl_pci *pci, uint64_t offset, struct iol_pci_place *place)
{
	uint32_t address;

	pthread_mutex_lock(&pci->lock);
	address = pci->cfg_addr;
	pthread_mutex_unlock(&pci->lock);
	return iol_pci_place_of(address, (unsigned int)(offset - IOL_FSL_PCI_CFG_DATA), place);
}

static bool is_data(uint64_t offset)
{
	return offset >= IOL_FSL_PCI_CFG_DATA && offset < CFG_DATA_END;
}

static uint32_t read_register(struct fsl_pci *pci, uint64_t offset)
{
	uint32_t value = 0;

	if (offset == IOL_FSL_PCI_INT_ACK)
		return UINT32_MAX;
	pthread_mutex_lock(&pci->lock);
	if (offset == IOL_FSL_PCI_CFG_ADDR)
		value = pci->cfg_addr;
	else if (offset >= STORED)
		value = pci->stored[WORD(offset)];
	pthread_mutex_unlock(&pci->lock);
	return value;
}

static void write_register(struct fsl_pci *pci, uint64_t offset, uint32_t value)
{
	pthread_mutex_lock(&pci->lock);
	if (offset == IOL_FSL_PCI_CFG_ADDR) {
		pci->cfg_addr = value & IOL_PCI_ADDRESS_BITS;
	} else if (offset >= STORED) {
		uint32_t *stored = &pci->stored[WORD(offset)];
		uint32_t mask = writable[WORD(offset)];

		*stored = (*stored & ~mask) | (value & mask);
	}
	pthread_mutex_unlock(&pci->lock);
}

static uint64_t fsl_pci_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct fsl_pci *pci = opaque;
	struct iol_pci_place place;

	if (is_data(offset))
		return data_place(pci, offset, &place) ? iol_pci_config_read(pci->host, &place, len)
						       : UINT64_MAX;
	if (len != 4 || offset % 4)
		return UINT64_MAX;
	return iol_bus_be32(read_register(pci, offset));
}

static void fsl_pci_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct fsl_pci *pci = opaque;
	struct iol_pci_place place;

	if (is_data(offset)) {
		if (data_place(pci, offset, &place))
			iol_pci_config_write(pci->host, &place, len, value);
	} else if (len == 4 && offset % 4 == 0) {
		write_register(pci, offset, iol_bus_be32(value));
	}
}

static const struct iol_bus_ops fsl_pci_bus_ops = {
	.read = fsl_pci_read,
	.write = fsl_pci_write,
};

/* Under the lock, or before the first use. The bridge's configuration is the host's to reset. */
static void reset_registers(struct fsl_pci *pci)
{
	pci->cfg_addr = 0;
	memset(pci->stored, 0, sizeof(pci->stored));
	pci->stored[WORD(IOL_FSL_PCI_POWAR(0))] = powar0_reset;
}

static void fsl_pci_reset(struct iol_device *dev)
{
	struct fsl_pci *pci = iol_container_of(dev, struct fsl_pci, dev);

	pthread_mutex_lock(&pci->lock);
	reset_registers(pci);
	pthread_mutex_unlock(&pci->lock);
}

static void fsl_pci_free(struct iol_device *dev)
{
	struct fsl_pci *pci = iol_container_of(dev, struct fsl_pci, dev);

	iol_bus_remove(pci->bus, pci->base);
	iol_pci_remove(&pci->bridge);
	pthread_mutex_destroy(&pci->lock);
	g_free(pci);
}

static const struct iol_device_ops fsl_pci_ops = {
	.name = "fsl-pci",
	.reset = fsl_pci_reset,
	.free = fsl_pci_free,
};

static void init_bridge(struct iol_pci_function *fn)
{
	static const struct iol_pci_identity identity = {
		.vendor = 0x1057, /* Motorola */
		.device = 0x0008, /* MPC8540 */
		.class_code = BRIDGE_CLASS,
	};

	iol_pci_function_init(fn, "fsl-pci bridge", &identity);
	fn->writable[PCI_COMMAND] |= PCI_COMMAND_PARITY;
	fn->writable[PCI_COMMAND + 1] |= PCI_COMMAND_SERR >> 8;
	fn->writable[PCI_LATENCY_TIMER] = LATENCY_TIMER_BITS;
	le32_store(fn->writable + PCI_BASE_ADDRESS_0, pcsrbar_bits);
}

int iol_fsl_pci_new(struct iol_bus *bus, uint64_t base, struct iol_pci_host *host,
		    struct iol_device **dev, struct iol_error *err)
{
	struct fsl_pci *new = g_new0(struct fsl_pci, 1);
	struct iol_bus_region region = {
		.base = base,
		.size_bytes = IOL_FSL_PCI_BYTES,
		.name = fsl_pci_ops.name,
		.ops = &fsl_pci_bus_ops,
		.dev = new,
	};
	int ret;

	new->dev.ops = &fsl_pci_ops;
	new->bus = bus;
	new->base = base;
	new->host = host;
	pthread_mutex_init(&new->lock, NULL);
	reset_registers(new);
	init_bridge(&new->bridge);

	ret = iol_pci_add(host, BRIDGE_SLOT, &new->bridge, err);
	if (!ret)
		ret = iol_bus_add(bus, &region, err);
	if (ret) {
		iol_pci_remove(&new->bridge);
		pthread_mutex_destroy(&new->lock);
		g_free(new);
		return ret;
	}
	*dev = &new->dev;
	return 0;
}
