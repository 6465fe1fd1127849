/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCI bus 0: a host bridge with the PC's two configuration mechanisms, or with registers of another device's
 * (fsl_pci.h), and functions that devices plug in (PCI Local Bus 3.0 chapter 6, PCI Express 5.0 chapter 7.2).
 *
 * A function is data: identity, capabilities and BARs are filled in, then iol_pci_add() checks them,
 * gives each memory BAR an address and shows the function to the guest. From then on the host
 * changes the configuration space, under its own lock.
 *
 * Locks: hooks are called with the host's lock held and may take the device's. Register accesses
 * in BARs come without the host's lock, on vCPU threads, several at a time; so a device does not look
 * into config[] there but at what its hook kept under the device's lock.
 */
#ifndef IOLITE_PCI_H
#define IOLITE_PCI_H

#include <linux/pci_regs.h>

#include <iolite/bus.h>
#include <iolite/device.h>
#include <iolite/endian.h>
#include <iolite/event.h>

enum {
	/* Bytes behind these, up to 4096 by ECAM, read as all ones: no extended capabilities. */
	IOL_PCI_CONFIG_BYTES = PCI_CFG_SPACE_SIZE,
	IOL_PCI_BARS = PCI_STD_NUM_BARS,
	IOL_PCI_SLOTS = 32,
	IOL_PCI_SLOT_ANY = -1,
	IOL_PCI_CONF1_BYTES = 8,
};

/* One bus of ECAM. */
#define IOL_PCI_ECAM_BUS_BYTES IOL_MIB

struct iol_pci_host;
struct iol_pci_function;

enum iol_pci_bar_kind {
	IOL_PCI_BAR_NONE,
	IOL_PCI_BAR_IO,
	IOL_PCI_BAR_MEM32,
	IOL_PCI_BAR_MEM64, /* takes the next BAR too, which stays NONE */
};

struct iol_pci_bar {
	enum iol_pci_bar_kind kind;
	bool prefetchable;
	uint64_t size_bytes; /* a power of two: memory 4 KiB to 2 GiB, I/O 4 to 256 */
	const struct iol_bus_ops *ops;
	void *dev;

	/* The host's. */
	uint64_t assigned; /* PCI address at reset; 0: none */
	bool mapped; /* on the mmio or pio bus, at mapped_base */
	uint64_t mapped_base;
};

struct iol_pci_function {
	const char *name; /* borrowed, for messages */
	uint8_t config[IOL_PCI_CONFIG_BYTES]; /* little-endian, as the guest reads it */
	uint8_t writable[IOL_PCI_CONFIG_BYTES]; /* bits of config[] that the guest may change */
	struct iol_pci_bar bars[IOL_PCI_BARS];
	/*
	 * NULL: none. The guest is about to read config[offset, offset + len), resp. has written it
	 * (writable bits only; BARs and their decoding already follow). [vcpu]
	 */
	void (*config_read)(struct iol_pci_function *fn, unsigned int offset, unsigned int len);
	void (*config_written)(struct iol_pci_function *fn, unsigned int offset, unsigned int len);
	/*
	 * NULL: none. BAR @bar answers at @base, as CPUs know it, from now on, or (@mapped false) no
	 * longer. [any]
	 */
	void (*bar_moved)(struct iol_pci_function *fn, unsigned int bar, bool mapped,
			  uint64_t base);

	/* The host's. */
	struct iol_pci_host *host; /* NULL: not on a bus */
	unsigned int slot;
	unsigned int last_capability; /* offset, 0: none yet */
	unsigned int capability_end; /* where the next one goes */
	uint8_t at_reset[IOL_PCI_CONFIG_BYTES];
};

struct iol_pci_identity {
	uint16_t vendor, device;
	uint16_t subsystem_vendor, subsystem;
	uint32_t class_code; /* 24 bits: base class, subclass, interface */
	uint8_t revision;
};

/* Clears @fn and fills in what every function has. */
void iol_pci_function_init(struct iol_pci_function *fn, const char *name,
			   const struct iol_pci_identity *identity);

/*
 * Appends a capability of @len bytes (4 and up), header included, zero behind the header and all
 * read-only; the caller fills config[] and writable[] from the returned offset on. -ENOSPC when
 * the configuration space is full. Before iol_pci_add().
 */
int iol_pci_add_capability(struct iol_pci_function *fn, uint8_t id, unsigned int len,
			   struct iol_error *err);

struct iol_pci_host_config {
	struct iol_bus *pio; /* NULL: no conf1, no I/O BARs */
	uint64_t conf1_base; /* IOL_PCI_CONF1_BYTES: address, reset control (+1), data (+4) */
	struct iol_bus *mmio;
	uint64_t ecam_base;
	uint64_t ecam_bytes; /* 0: no ECAM; buses above 0 are empty */
	/*
	 * Where memory BARs are placed: window_bytes of the mmio bus from window_base on, which are at
	 * window_pci_base (below 4 GiB; 0: window_base) on the PCI bus and so in BAR registers. Where the two
	 * are the same, PCI addresses outside the window are mmio addresses too; where they differ, no CPU
	 * reaches a BAR there.
	 */
	uint64_t window_base;
	uint64_t window_bytes;
	uint64_t window_pci_base;
	bool no_bridge; /* 00.0 is left free, for who brings the host's registers */
	struct iol_event_sink *sink; /* of IOL_EVENT_RESET by the reset control, with pio only */
};

/*
 * Makes the bus with its host bridge at 00.0. Buses and sink are borrowed and outlive the device.
 * All functions are removed before it is freed. -EEXIST when a register's place is taken.
 */
int iol_pci_host_new(const struct iol_pci_host_config *config, struct iol_device **dev,
		     struct iol_error *err);

/* The host that @dev is, for iol_pci_add(). */
struct iol_pci_host *iol_pci_host_of(struct iol_device *dev);

/* The place of a configuration access. */
struct iol_pci_place {
	unsigned int bus;
	unsigned int devfn; /* slot and function as one number, as PCI_DEVFN() has it */
	unsigned int offset;
};

/* Bits of a configuration address (PCI Local Bus 3.0, 3.2.2.3.2) that mean something. */
#define IOL_PCI_ADDRESS_BITS UINT32_C(0x80fffffc)

/* The place that @address and byte @byte (0 to 3) of its data register name. False: it is not enabled. */
bool iol_pci_place_of(uint32_t address, unsigned int byte, struct iol_pci_place *place);

/*
 * A configuration access of 1 to 8 bytes; values are little-endian numbers, as in bus.h. Where no register
 * holds all of it, it reads as all ones and writes to nowhere. [any]
 */
uint64_t iol_pci_config_read(struct iol_pci_host *host, const struct iol_pci_place *place,
			     unsigned int len);
void iol_pci_config_write(struct iol_pci_host *host, const struct iol_pci_place *place,
			  unsigned int len, uint64_t value);

/* A function as it is now, for a person. */
struct iol_pci_info {
	const char *name; /* the function's, which stays plugged in */
	uint8_t config[IOL_PCI_CONFIG_BYTES];
	struct {
		enum iol_pci_bar_kind kind;
		bool prefetchable;
		bool mapped; /* CPUs reach it, at base */
		uint64_t size_bytes;
		uint64_t address; /* as its registers have it */
		uint64_t base; /* on the mmio or pio bus */
	} bars[IOL_PCI_BARS];
};

/* What is in @slot; false: nothing. [any] */
bool iol_pci_describe(struct iol_pci_host *host, unsigned int slot, struct iol_pci_info *info);

/* The offset of the capability @id (PCI_CAP_ID_MSIX) in a configuration space that was described; 0: there is none. */
unsigned int iol_pci_find_capability(const struct iol_pci_info *info, uint8_t id);

/*
 * Plugs @fn, borrowed until iol_pci_remove(), into @slot or the first free one
 * (IOL_PCI_SLOT_ANY). -EINVAL: slot or BARs make no sense; -EEXIST: the slot is taken; -ENOSPC: no
 * slot is free or the window has no room for a BAR. [any]
 */
int iol_pci_add(struct iol_pci_host *host, int slot, struct iol_pci_function *fn,
		struct iol_error *err);

/* Unplugs @fn and its BARs; nothing happens when it is not plugged in. [any] */
void iol_pci_remove(struct iol_pci_function *fn);

#endif
