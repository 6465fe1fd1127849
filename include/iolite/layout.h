/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where everything of a machine lies: RAM regions and platform devices. Computed by the
 * architecture from sizes alone (no KVM), so any host can say it of any architecture.
 */
#ifndef IOLITE_LAYOUT_H
#define IOLITE_LAYOUT_H

#include <iolite/memory.h>

enum iol_layout_kind {
	IOL_LAYOUT_UART, /* 16550A */
	IOL_LAYOUT_RTC, /* MC146818, index and data port */
	IOL_LAYOUT_I8042, /* only its reset line */
	IOL_LAYOUT_ACPI_PM, /* sleep control, reset, event device */
	IOL_LAYOUT_PCI_CONF1, /* configuration ports 0xcf8..0xcff, with the reset control at 0xcf9 */
	IOL_LAYOUT_PCI_ECAM, /* memory-mapped configuration space */
	IOL_LAYOUT_PCI_WINDOW, /* guest-physical addresses for 32-bit memory BARs, at pci_base for PCI */
	IOL_LAYOUT_VIRTIO_MMIO, /* IOL_LAYOUT_SLOTS places for virtio-mmio devices, one page apart */
	IOL_LAYOUT_PL031, /* real-time clock */
	IOL_LAYOUT_PL061, /* GPIO lines, of which one is the power button */
	IOL_LAYOUT_FSL_GUTS, /* global utilities of MPC85xx: only its reset register */
	IOL_LAYOUT_FSL_GPIO, /* GPIO lines of MPC85xx */
	IOL_LAYOUT_FSL_POWER, /* what hangs on them: no registers, only a node */
	IOL_LAYOUT_FSL_PCI, /* PCI controller of MPC85xx */
	IOL_LAYOUT_PVPANIC, /* one byte by which a guest says that it panicked */
	IOL_LAYOUT_KIND_COUNT,
};

enum iol_layout_space { IOL_LAYOUT_MMIO, IOL_LAYOUT_PIO };

struct iol_layout_device {
	enum iol_layout_kind kind;
	enum iol_layout_space space;
	uint64_t base;
	uint64_t size_bytes;
	uint32_t gsi; /* 0: no interrupt */
	bool level; /* of the interrupt: a level, not an edge */
	unsigned int bus; /* for the device tree; the architecture's own numbers, 0: the root */
	uint64_t pci_base; /* of a PCI window; 0: base */
	unsigned int nth; /* of its kind, where there are several (serial lines) */
};

enum {
	IOL_LAYOUT_DEVICES_MAX = 16,
	IOL_LAYOUT_SERIALS_MAX = 4,
	/* Slots of the PCI bus and of virtio-mmio, numbered alike; slot 0 is the PCI host bridge. */
	IOL_LAYOUT_SLOTS = 32,
	IOL_LAYOUT_SLOT_BYTES = 4096, /* of virtio-mmio */
};

/* What depends on the host rather than on the configuration. Each architecture has its own. */
struct iol_host_facts {
	unsigned int gic_version; /* aarch64: 2 or 3 */
	unsigned int ipa_bits; /* aarch64: of guest-physical addresses */
	uint32_t hcall_instructions[4]; /* powerpc: of KVM's hypercall, see KVM_PPC_GET_PVINFO */
	bool has_idle_hcall; /* powerpc */
	uint32_t pvr; /* powerpc; 0: not known */
	unsigned int cpus_max; /* powerpc: of one machine; 0: not known */
	uint32_t timebase_hz, clock_hz; /* powerpc */
};

/* What a machine is to be. */
struct iol_layout_request {
	uint64_t memory_bytes;
	unsigned int cpus;
	unsigned int serials; /* up to IOL_LAYOUT_SERIALS_MAX */
	const char *machine; /* one of the architecture's machines; NULL: its first */
	struct iol_host_facts facts;
	bool runs; /* here, on the host that the facts are of */
};

struct iol_layout {
	const char *machine; /* static */
	struct iol_host_facts facts;
	unsigned int ram_count;
	struct iol_memory_region ram[IOL_MEMORY_REGIONS_MAX]; /* hva unused */
	unsigned int device_count;
	struct iol_layout_device devices[IOL_LAYOUT_DEVICES_MAX];
	unsigned int cpus;
	uint32_t irq_pins; /* GSIs below are pins of the machine's interrupt controllers */
	/* Level-triggered, shared: slot n has GSI slot_gsi + n % slot_gsi_count. */
	uint32_t slot_gsi, slot_gsi_count;
};

#endif
