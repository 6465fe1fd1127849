/* SPDX-License-Identifier: Apache-2.0 */
/* The fake device on a PCI bus, with the driver's steps through its registers. */
#ifndef IOLITE_TESTS_VIRTIO_PCI_RIG_H
#define IOLITE_TESTS_VIRTIO_PCI_RIG_H

#include <iolite/virtio_pci.h>

#include <linux/virtio_pci.h>
#include <string.h>

#include "fake_kvm.h"
#include "virtio_rig.h"

#define CONF1 UINT64_C(0xcf8)
#define ECAM UINT64_C(0xe0000000)
#define WINDOW UINT64_C(0xc0000000)
#define WINDOW_BYTES UINT64_C(0x01000000)

enum {
	SLOT = 3,
	BAR_BYTES = 0x4000,
	NO_VECTOR = VIRTIO_MSI_NO_VECTOR,
	PBA = IOL_MSIX_BAR_BYTES / 2,
};

struct fixture {
	struct virtio_rig rig;
	struct iol_virtio *v;
	struct iol_event_sink sink;
	struct iol_bus pio, mmio;
	struct iol_device *host, *dev;
	struct iol_irq_router *router; /* NULL: a device without MSI-X */
	struct iol_irq_wire wire;
	uint64_t bars[2];
	/* Structures by type (4.1.4): where they are in BAR 0, and the capability. */
	uint64_t at[VIRTIO_PCI_CAP_PCI_CFG + 1];
	unsigned int caps[VIRTIO_PCI_CAP_PCI_CFG + 1];
	unsigned int msix_cap;
	int kvm_fd, vm_fd;
	bool fake_router; /* messages go to a KVM that is played (fake_kvm.h) */
};

static inline void no_event(struct iol_event_sink *sink, enum iol_event event)
{
	(void)sink;
	g_error("event %d", (int)event);
}

static inline uint64_t read_bus(struct fixture *f, uint64_t addr, unsigned int len)
{
	uint64_t value;

	g_assert_true(iol_bus_read(&f->mmio, addr, len, &value));
	return value & UINT64_MAX >> (64 - 8 * len);
}

static inline void write_bus(struct fixture *f, uint64_t addr, unsigned int len, uint64_t value)
{
	g_assert_true(iol_bus_write(&f->mmio, addr, len, value));
}

static inline uint64_t cfg_get(struct fixture *f, unsigned int offset, unsigned int len)
{
	return read_bus(f, ECAM + SLOT * UINT64_C(0x8000) + offset, len);
}

static inline void cfg_put(struct fixture *f, unsigned int offset, unsigned int len, uint64_t value)
{
	write_bus(f, ECAM + SLOT * UINT64_C(0x8000) + offset, len, value);
}

static inline uint64_t common(struct fixture *f, unsigned int offset, unsigned int len)
{
	return read_bus(f, f->bars[0] + f->at[VIRTIO_PCI_CAP_COMMON_CFG] + offset, len);
}

static inline void put_common(struct fixture *f, unsigned int offset, unsigned int len,
			      uint64_t value)
{
	write_bus(f, f->bars[0] + f->at[VIRTIO_PCI_CAP_COMMON_CFG] + offset, len, value);
}

static inline uint64_t isr(struct fixture *f)
{
	return read_bus(f, f->bars[0] + f->at[VIRTIO_PCI_CAP_ISR_CFG], 1);
}

static inline uint8_t status(struct fixture *f)
{
	return (uint8_t)common(f, VIRTIO_PCI_COMMON_STATUS, 1);
}

static inline void put_status(struct fixture *f, uint8_t value)
{
	put_common(f, VIRTIO_PCI_COMMON_STATUS, 1, value);
}

/* The capabilities in their order; each says what it must. */
static inline void find_capabilities(struct fixture *f)
{
	unsigned int at = (unsigned int)cfg_get(f, PCI_CAPABILITY_LIST, 1), type;

	memset(f->caps, 0, sizeof(f->caps));
	f->msix_cap = 0;
	for (int n = 0; at; at = (unsigned int)cfg_get(f, at + PCI_CAP_LIST_NEXT, 1)) {
		g_assert_cmpint(n++, <, 16);
		g_assert_cmpuint(at, >=, PCI_STD_HEADER_SIZEOF);
		g_assert_cmpuint(at % 4, ==, 0);
		if (cfg_get(f, at, 1) == PCI_CAP_ID_MSIX) {
			f->msix_cap = at;
			continue;
		}
		g_assert_cmphex(cfg_get(f, at, 1), ==, PCI_CAP_ID_VNDR);
		type = (unsigned int)cfg_get(f, at + offsetof(struct virtio_pci_cap, cfg_type), 1);
		g_assert_cmpuint(type, <=, VIRTIO_PCI_CAP_PCI_CFG);
		g_assert_cmpuint(f->caps[type], ==, 0);
		f->caps[type] = at;
		f->at[type] = cfg_get(f, at + offsetof(struct virtio_pci_cap, offset), 4);
	}
}

static inline void decode(struct fixture *f)
{
	cfg_put(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	for (unsigned int i = 0; i < 2; i++)
		f->bars[i] = cfg_get(f, PCI_BASE_ADDRESS_0 + 4 * i, 4) & ~UINT64_C(15);
	find_capabilities(f);
}

static inline void plug(struct fixture *f, bool msix)
{
	const struct iol_pci_host_config host = {
		.pio = &f->pio,
		.conf1_base = CONF1,
		.mmio = &f->mmio,
		.ecam_base = ECAM,
		.ecam_bytes = IOL_PCI_ECAM_BUS_BYTES,
		.window_base = WINDOW,
		.window_bytes = WINDOW_BYTES,
		.sink = &f->sink,
	};
	struct iol_virtio_pci_config config = { .slot = SLOT, .intx = &f->wire };
	struct iol_error err;

	virtio_rig_init(&f->rig, f->vm_fd);
	f->v = f->rig.v;
	f->sink.raise = no_event;
	iol_bus_init(&f->pio);
	iol_bus_init(&f->mmio);
	iol_irq_wire_init(&f->wire, -1, 17, 17);
	g_assert_cmpint(iol_pci_host_new(&host, &f->host, NULL), ==, 0);
	f->router = msix ? iol_irq_router_new(f->fake_router ? FAKE_KVM_FD : -1, 24) : NULL;
	config.host = iol_pci_host_of(f->host);
	config.router = f->router;
	if (iol_virtio_pci_new(f->v, &config, &f->dev, &err))
		g_error("%s", err.msg);
	decode(f);
}

static inline void setup(struct fixture *f, const void *data)
{
	f->kvm_fd = f->vm_fd = -1;
	plug(f, !data);
}

static inline void teardown(struct fixture *f, const void *data)
{
	(void)data;
	f->dev->ops->free(f->dev);
	g_assert_cmpuint(f->wire.asserted, ==, 0);
	f->host->ops->free(f->host);
	g_assert_cmpuint(f->mmio.count + f->pio.count, ==, 0);
	virtio_rig_finish(&f->rig);
	iol_irq_router_free(f->router);
	iol_irq_wire_finish(&f->wire);
	iol_bus_finish(&f->pio);
	iol_bus_finish(&f->mmio);
	if (f->vm_fd >= 0)
		close(f->vm_fd);
	if (f->kvm_fd >= 0)
		close(f->kvm_fd);
}

static inline void reset(struct fixture *f)
{
	put_status(f, 0);
	rig_settle(&f->rig);
	g_assert_cmphex(status(f), ==, 0);
}

static inline void negotiate(struct fixture *f, uint64_t features)
{
	put_status(f, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	put_status(f, STATUS_DRIVER);
	for (uint32_t word = 0; word < 2; word++) {
		put_common(f, VIRTIO_PCI_COMMON_GFSELECT, 4, word);
		put_common(f, VIRTIO_PCI_COMMON_GF, 4, (uint32_t)(features >> 32 * word));
	}
	put_status(f, STATUS_FEATURES);
	g_assert_cmphex(status(f), ==, STATUS_FEATURES);
}

static inline void put_queue(struct fixture *f, uint16_t queue,
			     const struct virtio_driver_setup *setup)
{
	put_common(f, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
	put_common(f, VIRTIO_PCI_COMMON_Q_SIZE, 2, setup->size);
	put_common(f, VIRTIO_PCI_COMMON_Q_DESCLO, 4, (uint32_t)setup->desc_gpa);
	put_common(f, VIRTIO_PCI_COMMON_Q_DESCHI, 4, (uint32_t)(setup->desc_gpa >> 32));
	put_common(f, VIRTIO_PCI_COMMON_Q_AVAILLO, 4, (uint32_t)setup->avail_gpa);
	put_common(f, VIRTIO_PCI_COMMON_Q_AVAILHI, 4, (uint32_t)(setup->avail_gpa >> 32));
	put_common(f, VIRTIO_PCI_COMMON_Q_USEDLO, 4, (uint32_t)setup->used_gpa);
	put_common(f, VIRTIO_PCI_COMMON_Q_USEDHI, 4, (uint32_t)(setup->used_gpa >> 32));
	put_common(f, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	g_assert_cmpuint(common(f, VIRTIO_PCI_COMMON_Q_ENABLE, 2), ==, 1);
}

static inline void start(struct fixture *f, uint64_t features)
{
	negotiate(f, features | RIG_VERSION_1);
	for (uint16_t i = 0; i < RIG_QUEUES; i++)
		put_queue(f, i, &rig_make_rings(&f->rig, i, features)->setup);
	put_status(f, STATUS_OK);
	rig_settle(&f->rig);
	g_assert_cmphex(status(f), ==, STATUS_OK);
	g_assert_cmpint(f->v->state, ==, IOL_VIRTIO_RUNNING);
}

/* 4.1.5.2: where the device says that queue @queue is notified. */
static inline uint64_t notify_address(struct fixture *f, uint16_t queue)
{
	unsigned int cap = f->caps[VIRTIO_PCI_CAP_NOTIFY_CFG];
	uint64_t multiplier =
		cfg_get(f, cap + offsetof(struct virtio_pci_notify_cap, notify_off_multiplier), 4);

	put_common(f, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
	return f->bars[0] + f->at[VIRTIO_PCI_CAP_NOTIFY_CFG] +
	       common(f, VIRTIO_PCI_COMMON_Q_NOFF, 2) * multiplier;
}

static inline void request(struct fixture *f, uint16_t queue)
{
	if (rig_request(&f->rig, queue))
		write_bus(f, notify_address(f, queue), 2, queue);
	rig_settle(&f->rig);
}

static inline void assert_works(struct fixture *f)
{
	f->rig.fake.mode = VIRTIO_FAKE_NOW;
	start(f, 0);
	for (uint16_t i = 0; i < RIG_QUEUES; i++) {
		request(f, i);
		g_assert_cmpuint(rig_answers(&f->rig, i), ==, 1);
	}
}

static inline void msix_flags(struct fixture *f, uint16_t flags)
{
	cfg_put(f, f->msix_cap + PCI_MSIX_FLAGS, 2, flags);
}

/* Vectors that wait because they or the function are masked. */
static inline uint64_t pending(struct fixture *f)
{
	return read_bus(f, f->bars[1] + PBA, 8);
}

static inline void mask_vector(struct fixture *f, unsigned int vector, bool masked)
{
	write_bus(f, f->bars[1] + vector * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL, 4,
		  masked);
}

static inline void put_vectors(struct fixture *f, uint16_t config, uint16_t q0, uint16_t q1)
{
	put_common(f, VIRTIO_PCI_COMMON_MSIX, 2, config);
	put_common(f, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	put_common(f, VIRTIO_PCI_COMMON_Q_MSIX, 2, q0);
	put_common(f, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
	put_common(f, VIRTIO_PCI_COMMON_Q_MSIX, 2, q1);
}

/* The configuration access capability (4.1.4.9): what it points at, and where its data is. */
static inline void window_at(struct fixture *f, uint8_t bar, uint32_t offset, uint32_t len)
{
	unsigned int cap = f->caps[VIRTIO_PCI_CAP_PCI_CFG];

	cfg_put(f, cap + offsetof(struct virtio_pci_cap, bar), 1, bar);
	cfg_put(f, cap + offsetof(struct virtio_pci_cap, offset), 4, offset);
	cfg_put(f, cap + offsetof(struct virtio_pci_cap, length), 4, len);
}

static inline unsigned int window_data(struct fixture *f)
{
	return f->caps[VIRTIO_PCI_CAP_PCI_CFG] + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);
}

#endif
