// SPDX-License-Identifier: Apache-2.0
/*
 * Virtio over MMIO, version 2 (virtio-v1.2 4.2). See include/iolite/virtio_mmio.h.
 *
 * Registers are accessed on vCPU threads; interrupts come from the loop's. A hostile guest reads
 * and writes any width at any offset: registers know 4 bytes only, what else is there reads as zero
 * and ignores writes.
 *
 * Linux takes a reset for done when the write of 0 to Status returns, so that write lasts until
 * it is (gate.h).
 */
#include <glib.h>
#include <linux/virtio_mmio.h>
#include <stdatomic.h>

#include <iolite/describe.h>
#include <iolite/virtio_mmio.h>

#include "isr.h"

enum {
	MAGIC = 0x74726976, /* "virt" */
	VERSION = 2,
	VENDOR = 0x6c6f69, /* "iol" */
	REGISTER_BYTES = 4,
};

struct virtio_mmio {
	struct iol_device dev;
	struct iol_virtio_transport transport;
	struct iol_virtio *v;
	struct iol_bus *bus;
	uint64_t base;
	struct virtio_isr isr;
	struct iol_gate gate;
	/* Selectors: each access stands for itself, so they need no lock. */
	_Atomic uint32_t device_features_sel, driver_features_sel, queue_sel;
};

/* --- registers --- */

static uint32_t read_register(struct virtio_mmio *m, uint64_t offset)
{
	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return m->v->ops->device_id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return iol_virtio_device_features(m->v, m->device_features_sel);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return iol_virtio_queue_read(m->v, m->queue_sel, IOL_VIRTIO_QUEUE_SIZE_MAX);
	case VIRTIO_MMIO_QUEUE_READY:
		return iol_virtio_queue_read(m->v, m->queue_sel, IOL_VIRTIO_QUEUE_ENABLED);
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return virtio_isr_update(&m->isr, 0, 0);
	case VIRTIO_MMIO_STATUS:
		return iol_virtio_status(m->v);
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return iol_virtio_config_generation(m->v);
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return UINT32_MAX; /* no such region (4.2.2.1) */
	default:
		return 0;
	}
}

/* The queue register that @offset writes; false when it is another register. */
static bool queue_register(uint64_t offset, enum iol_virtio_queue_register *reg)
{
	static const struct {
		uint16_t offset;
		enum iol_virtio_queue_register reg;
	} map[] = {
		{ VIRTIO_MMIO_QUEUE_NUM, IOL_VIRTIO_QUEUE_SIZE },
		{ VIRTIO_MMIO_QUEUE_READY, IOL_VIRTIO_QUEUE_ENABLED },
		{ VIRTIO_MMIO_QUEUE_DESC_LOW, IOL_VIRTIO_QUEUE_DESC_LOW },
		{ VIRTIO_MMIO_QUEUE_DESC_HIGH, IOL_VIRTIO_QUEUE_DESC_HIGH },
		{ VIRTIO_MMIO_QUEUE_AVAIL_LOW, IOL_VIRTIO_QUEUE_AVAIL_LOW },
		{ VIRTIO_MMIO_QUEUE_AVAIL_HIGH, IOL_VIRTIO_QUEUE_AVAIL_HIGH },
		{ VIRTIO_MMIO_QUEUE_USED_LOW, IOL_VIRTIO_QUEUE_USED_LOW },
		{ VIRTIO_MMIO_QUEUE_USED_HIGH, IOL_VIRTIO_QUEUE_USED_HIGH },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(map); i++) {
		if (map[i].offset == offset) {
			*reg = map[i].reg;
			return true;
		}
	}
	return false;
}

static void write_status(struct virtio_mmio *m, uint32_t value)
{
	if (value) {
		iol_virtio_set_status(m->v, value);
		return;
	}
	/* Closed first: the loop may be done before set_status() returns. */
	iol_gate_close(&m->gate);
	if (!iol_virtio_set_status(m->v, 0))
		iol_gate_open(&m->gate);
}

static void write_register(struct virtio_mmio *m, uint64_t offset, uint32_t value)
{
	enum iol_virtio_queue_register reg;

	if (queue_register(offset, &reg)) {
		iol_virtio_queue_write(m->v, m->queue_sel, reg, value);
		return;
	}
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		m->device_features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		iol_virtio_set_driver_features(m->v, m->driver_features_sel, value);
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		m->driver_features_sel = value;
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		m->queue_sel = value;
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		iol_virtio_notify(m->v, value);
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		virtio_isr_update(&m->isr, (uint8_t)value, 0);
		break;
	case VIRTIO_MMIO_STATUS:
		write_status(m, value);
		break;
	default:
		break;
	}
}

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct virtio_mmio *m = opaque;

	if (offset >= VIRTIO_MMIO_CONFIG)
		return iol_virtio_config_read(m->v, offset - VIRTIO_MMIO_CONFIG, len);
	return len == REGISTER_BYTES ? read_register(m, offset) : 0;
}

static void mmio_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct virtio_mmio *m = opaque;

	if (offset >= VIRTIO_MMIO_CONFIG)
		iol_virtio_config_write(m->v, offset - VIRTIO_MMIO_CONFIG, len, value);
	else if (len == REGISTER_BYTES)
		write_register(m, offset, (uint32_t)value);
}

static const struct iol_bus_ops bus_ops = {
	.read = mmio_read,
	.write = mmio_write,
};

/* --- for the core --- */

static struct virtio_mmio *of_transport(struct iol_virtio_transport *t)
{
	return iol_container_of(t, struct virtio_mmio, transport);
}

static void interrupt_queue(struct iol_virtio_transport *t, unsigned int queue)
{
	(void)queue;
	virtio_isr_update(&of_transport(t)->isr, 0, VIRTIO_ISR_QUEUE);
}

static void interrupt_config(struct iol_virtio_transport *t)
{
	virtio_isr_update(&of_transport(t)->isr, 0, VIRTIO_ISR_CONFIG);
}

static void reset_done(struct iol_virtio_transport *t)
{
	struct virtio_mmio *m = of_transport(t);

	m->device_features_sel = 0;
	m->driver_features_sel = 0;
	m->queue_sel = 0;
	virtio_isr_update(&m->isr, UINT8_MAX, 0);
	iol_gate_open(&m->gate);
}

static const struct iol_virtio_transport_ops transport_ops = {
	.interrupt_queue = interrupt_queue,
	.interrupt_config = interrupt_config,
	.reset_done = reset_done,
};

/* --- for the machine --- */

static struct virtio_mmio *of_device(struct iol_device *dev)
{
	return iol_container_of(dev, struct virtio_mmio, dev);
}

static bool virtio_mmio_quiesce(struct iol_device *dev, struct iol_quiesce *quiesce)
{
	return iol_virtio_quiesce(of_device(dev)->v, quiesce);
}

static void virtio_mmio_cancel(struct iol_device *dev)
{
	iol_virtio_cancel(of_device(dev)->v);
}

static void virtio_mmio_reset(struct iol_device *dev)
{
	iol_virtio_reset(of_device(dev)->v);
}

static void virtio_mmio_free(struct iol_device *dev)
{
	struct virtio_mmio *m = of_device(dev);

	iol_bus_remove(m->bus, m->base);
	for (unsigned int i = 0; i < m->v->queue_count; i++)
		iol_kick_unbind(&m->v->queues[i].kick);
	m->v->ops->free(m->v);
	virtio_isr_finish(&m->isr);
	g_free(m);
}

static const struct iol_device_ops device_ops = {
	.name = "virtio-mmio",
	.quiesce = virtio_mmio_quiesce,
	.cancel = virtio_mmio_cancel,
	.reset = virtio_mmio_reset,
	.free = virtio_mmio_free,
};

int iol_virtio_mmio_new(struct iol_virtio *v, const struct iol_virtio_mmio_config *config,
			struct iol_device **dev, struct iol_error *err)
{
	struct virtio_mmio *m = g_new0(struct virtio_mmio, 1);
	struct iol_bus_region region = {
		.base = config->base,
		.size_bytes = IOL_VIRTIO_MMIO_BYTES,
		.name = v->name,
		.ops = &bus_ops,
		.dev = m,
	};
	int ret;

	m->dev.ops = &device_ops;
	m->transport.ops = &transport_ops;
	m->v = v;
	m->bus = config->bus;
	m->base = config->base;
	m->gate.lock = config->gate_lock;
	m->gate.cond = config->gate_cond;
	ret = iol_bus_add(m->bus, &region, err);
	if (ret) {
		g_free(m);
		return ret;
	}
	virtio_isr_init(&m->isr, config->irq);
	v->transport = &m->transport;
	for (uint32_t i = 0; i < v->queue_count; i++)
		iol_kick_bind(&v->queues[i].kick, m->base + VIRTIO_MMIO_QUEUE_NOTIFY, &i);
	*dev = &m->dev;
	return 0;
}

/* virtio-v1.2 4.2.1. */
void iol_virtio_mmio_describe(struct iol_fdt *fdt, const struct iol_fdt_place *place)
{
	iol_fdt_begin(fdt, "virtio_mmio@%s", place->unit);
	iol_fdt_string(fdt, "compatible", "virtio,mmio");
	iol_fdt_place(fdt, place);
	iol_fdt_empty(fdt, "dma-coherent");
	iol_fdt_end(fdt);
}
