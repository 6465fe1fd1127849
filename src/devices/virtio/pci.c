// SPDX-License-Identifier: Apache-2.0
/*
 * Virtio over PCI, modern interface only (virtio-v1.2 4.1). See include/iolite/virtio_pci.h.
 *
 * BAR 0 holds the structures that the vendor capabilities point to, a page each: common
 * configuration, ISR status, device configuration, notification. BAR 1 is MSI-X. Every queue has a
 * notification address of its own, which KVM turns into a kick by itself.
 *
 * Registers are accessed on vCPU threads, interrupts come from the loop's. A hostile guest
 * accesses BAR 0 at any offset and width: a field answers its own width only, the rest reads as
 * zero and ignores writes.
 */
#include <glib.h>
#include <linux/virtio_pci.h>
#include <stdatomic.h>
#include <stddef.h>

#include <iolite/virtio_pci.h>

#include "isr.h"

enum {
	BAR_VIRTIO = 0,
	BAR_MSIX = 1,
	BAR_BYTES = 0x4000,
	PAGE = 0x1000,
	COMMON_AT = 0x0000,
	ISR_AT = 0x1000,
	DEVICE_AT = 0x2000,
	NOTIFY_AT = 0x3000,
	NOTIFY_BYTES = 4, /* for each queue: the multiplier */
	VENDOR_ID = 0x1af4, /* 4.1.2 */
	DEVICE_ID_BASE = 0x1040,
	REVISION = 1,
};

struct virtio_pci {
	struct iol_device dev;
	struct iol_virtio_transport transport;
	struct iol_virtio *v;
	struct iol_pci_function fn;
	struct iol_msix *msix; /* NULL: INTx only */
	struct virtio_isr isr;
	unsigned int window_at; /* of the configuration access capability in fn.config */
	/* Registers of which each stands for itself, so that they need no lock. */
	_Atomic uint32_t device_feature_select, driver_feature_select;
	_Atomic uint16_t queue_select, config_vector, queue_vectors[IOL_VIRTIO_QUEUES_MAX];
	struct iol_msix_source calls[IOL_VIRTIO_QUEUES_MAX]; /* of lent queues */
};

/* --- common configuration structure (4.1.4.3) --- */

/* The queue register behind a 4-byte address field of the common configuration. */
static bool address_register(uint64_t offset, enum iol_virtio_queue_register *reg)
{
	static const struct {
		uint16_t offset;
		enum iol_virtio_queue_register reg;
	} map[] = {
		{ VIRTIO_PCI_COMMON_Q_DESCLO, IOL_VIRTIO_QUEUE_DESC_LOW },
		{ VIRTIO_PCI_COMMON_Q_DESCHI, IOL_VIRTIO_QUEUE_DESC_HIGH },
		{ VIRTIO_PCI_COMMON_Q_AVAILLO, IOL_VIRTIO_QUEUE_AVAIL_LOW },
		{ VIRTIO_PCI_COMMON_Q_AVAILHI, IOL_VIRTIO_QUEUE_AVAIL_HIGH },
		{ VIRTIO_PCI_COMMON_Q_USEDLO, IOL_VIRTIO_QUEUE_USED_LOW },
		{ VIRTIO_PCI_COMMON_Q_USEDHI, IOL_VIRTIO_QUEUE_USED_HIGH },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(map); i++) {
		if (map[i].offset == offset) {
			*reg = map[i].reg;
			return true;
		}
	}
	return false;
}

static uint64_t common_read32(struct virtio_pci *p, uint64_t offset)
{
	enum iol_virtio_queue_register reg;

	if (address_register(offset, &reg))
		return iol_virtio_queue_read(p->v, p->queue_select, reg);
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		return p->device_feature_select;
	case VIRTIO_PCI_COMMON_DF:
		return iol_virtio_device_features(p->v, p->device_feature_select);
	case VIRTIO_PCI_COMMON_GFSELECT:
		return p->driver_feature_select;
	case VIRTIO_PCI_COMMON_GF:
		return iol_virtio_driver_features(p->v, p->driver_feature_select);
	default:
		return 0;
	}
}

static uint64_t common_read16(struct virtio_pci *p, uint64_t offset)
{
	uint16_t queue = p->queue_select;

	switch (offset) {
	case VIRTIO_PCI_COMMON_MSIX:
		return p->config_vector;
	case VIRTIO_PCI_COMMON_NUMQ:
		return p->v->queue_count;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		return queue;
	case VIRTIO_PCI_COMMON_Q_SIZE:
		return iol_virtio_queue_read(p->v, queue, IOL_VIRTIO_QUEUE_SIZE);
	case VIRTIO_PCI_COMMON_Q_MSIX:
		return queue < p->v->queue_count ? p->queue_vectors[queue] : VIRTIO_MSI_NO_VECTOR;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		return iol_virtio_queue_read(p->v, queue, IOL_VIRTIO_QUEUE_ENABLED);
	case VIRTIO_PCI_COMMON_Q_NOFF:
		return queue < p->v->queue_count ? queue : 0;
	default:
		return 0;
	}
}

static uint64_t common_read(struct virtio_pci *p, uint64_t offset, unsigned int len)
{
	if (len == 4)
		return common_read32(p, offset);
	if (len == 2)
		return common_read16(p, offset);
	if (len == 1 && offset == VIRTIO_PCI_COMMON_STATUS)
		return iol_virtio_status(p->v);
	if (len == 1 && offset == VIRTIO_PCI_COMMON_CFGGENERATION)
		return iol_virtio_config_generation(p->v);
	return 0;
}

static void common_write32(struct virtio_pci *p, uint64_t offset, uint32_t value)
{
	enum iol_virtio_queue_register reg;

	if (address_register(offset, &reg))
		iol_virtio_queue_write(p->v, p->queue_select, reg, value);
	else if (offset == VIRTIO_PCI_COMMON_DFSELECT)
		p->device_feature_select = value;
	else if (offset == VIRTIO_PCI_COMMON_GFSELECT)
		p->driver_feature_select = value;
	else if (offset == VIRTIO_PCI_COMMON_GF)
		iol_virtio_set_driver_features(p->v, p->driver_feature_select, value);
}

/* A vector that there is none of reads back as "none" (4.1.5.1.2.1). */
static uint16_t sound_vector(const struct virtio_pci *p, uint32_t value)
{
	return p->msix && value < iol_msix_vectors(p->msix) ? (uint16_t)value
							    : VIRTIO_MSI_NO_VECTOR;
}

static void set_queue_vector(struct virtio_pci *p, uint16_t queue, uint16_t vector)
{
	p->queue_vectors[queue] = vector;
	if (p->msix)
		iol_msix_move_source(p->msix, &p->calls[queue]);
}

static void common_write16(struct virtio_pci *p, uint64_t offset, uint32_t value)
{
	uint16_t queue = p->queue_select;

	switch (offset) {
	case VIRTIO_PCI_COMMON_MSIX:
		p->config_vector = sound_vector(p, value);
		break;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		p->queue_select = (uint16_t)value;
		break;
	case VIRTIO_PCI_COMMON_Q_SIZE:
		iol_virtio_queue_write(p->v, queue, IOL_VIRTIO_QUEUE_SIZE, value);
		break;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		if (queue < p->v->queue_count)
			set_queue_vector(p, queue, sound_vector(p, value));
		break;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		/* The driver must not write 0 (4.1.4.3.2). */
		if (value == 1)
			iol_virtio_queue_write(p->v, queue, IOL_VIRTIO_QUEUE_ENABLED, 1);
		break;
	default:
		break;
	}
}

static void common_write(struct virtio_pci *p, uint64_t offset, unsigned int len, uint64_t value)
{
	if (len == 4)
		common_write32(p, offset, (uint32_t)value);
	else if (len == 2)
		common_write16(p, offset, (uint32_t)value);
	else if (len == 1 && offset == VIRTIO_PCI_COMMON_STATUS)
		iol_virtio_set_status(p->v, (uint32_t)value);
}

/* --- BAR 0 --- */

static uint64_t bar_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct virtio_pci *p = opaque;
	uint64_t within = offset % PAGE;

	switch (offset - within) {
	case COMMON_AT:
		return common_read(p, within, len);
	case ISR_AT:
		/* Read to clear (4.1.4.5). */
		return within ? 0 : virtio_isr_update(&p->isr, UINT8_MAX, 0);
	case DEVICE_AT:
		return iol_virtio_config_read(p->v, within, len);
	default:
		return 0;
	}
}

static void bar_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct virtio_pci *p = opaque;
	uint64_t within = offset % PAGE;

	switch (offset - within) {
	case COMMON_AT:
		common_write(p, within, len, value);
		break;
	case DEVICE_AT:
		iol_virtio_config_write(p->v, within, len, value);
		break;
	case NOTIFY_AT:
		/* Where KVM did not take it: the address says which queue. */
		iol_virtio_notify(p->v, (uint32_t)(within / NOTIFY_BYTES));
		break;
	default:
		break;
	}
}

static const struct iol_bus_ops bar_ops = {
	.read = bar_read,
	.write = bar_write,
};

/* --- configuration space --- */

static bool uses_msix(const struct virtio_pci *p)
{
	return p->msix && iol_msix_enabled(p->msix);
}

static struct virtio_pci *of_function(struct iol_pci_function *fn)
{
	return iol_container_of(fn, struct virtio_pci, fn);
}

/*
 * The configuration access capability (4.1.4.9): a window through which BAR 0 can be reached before
 * it is mapped. True when the guest described an access that makes sense.
 */
static bool window_access(const struct virtio_pci *p, uint32_t *offset, uint32_t *len)
{
	const uint8_t *cap = p->fn.config + p->window_at;

	*offset = le32_load(cap + offsetof(struct virtio_pci_cap, offset));
	*len = le32_load(cap + offsetof(struct virtio_pci_cap, length));
	return cap[offsetof(struct virtio_pci_cap, bar)] == BAR_VIRTIO &&
	       (*len == 1 || *len == 2 || *len == 4) && *offset % *len == 0 &&
	       *offset <= BAR_BYTES - *len;
}

static bool touches_window_data(const struct virtio_pci *p, unsigned int offset, unsigned int len)
{
	unsigned int data = p->window_at + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);

	return offset < data + 4 && offset + len > data;
}

static void config_read(struct iol_pci_function *fn, unsigned int offset, unsigned int len)
{
	struct virtio_pci *p = of_function(fn);
	uint8_t *data =
		fn->config + p->window_at + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);
	uint32_t at, bytes;

	/* Interrupt status, in the status register (PCI 3.0, 6.2.3): of INTx only (4.1.4.5.1). */
	pthread_mutex_lock(&p->isr.lock);
	fn->config[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTERRUPT;
	if (p->isr.bits && !uses_msix(p))
		fn->config[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
	pthread_mutex_unlock(&p->isr.lock);
	if (touches_window_data(p, offset, len) && window_access(p, &at, &bytes))
		iol_le_store(data, bytes, bar_read(p, at, bytes));
}

static void config_written(struct iol_pci_function *fn, unsigned int offset, unsigned int len)
{
	struct virtio_pci *p = of_function(fn);
	uint8_t *data =
		fn->config + p->window_at + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);
	bool intx_off = le16_load(fn->config + PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE;
	uint32_t at, bytes;

	if (p->msix)
		iol_msix_config_written(p->msix, offset, len);
	virtio_isr_mask(&p->isr, intx_off || uses_msix(p));
	if (touches_window_data(p, offset, len) && window_access(p, &at, &bytes))
		bar_write(p, at, bytes, iol_le_load(data, bytes));
}

static void bar_moved(struct iol_pci_function *fn, unsigned int bar, bool mapped, uint64_t base)
{
	struct virtio_pci *p = of_function(fn);

	for (unsigned int i = 0; i < p->v->queue_count && bar == BAR_VIRTIO; i++) {
		struct iol_kick *kick = &p->v->queues[i].kick;

		if (mapped)
			iol_kick_bind(kick, base + NOTIFY_AT + NOTIFY_BYTES * i, NULL);
		else
			iol_kick_unbind(kick);
	}
}

static int add_capability(struct virtio_pci *p, uint8_t type, unsigned int cap_bytes,
			  uint32_t offset, uint32_t length, struct iol_error *err)
{
	int at = iol_pci_add_capability(&p->fn, PCI_CAP_ID_VNDR, cap_bytes, err);
	uint8_t *cap;

	if (at < 0)
		return at;
	cap = p->fn.config + at;
	cap[offsetof(struct virtio_pci_cap, cap_len)] = (uint8_t)cap_bytes;
	cap[offsetof(struct virtio_pci_cap, cfg_type)] = type;
	cap[offsetof(struct virtio_pci_cap, bar)] = BAR_VIRTIO;
	le32_store(cap + offsetof(struct virtio_pci_cap, offset), offset);
	le32_store(cap + offsetof(struct virtio_pci_cap, length), length);
	return at;
}

/* The capability that is a window: bar, offset, length and data are the guest's to write. */
static int add_window(struct virtio_pci *p, struct iol_error *err)
{
	int at = add_capability(p, VIRTIO_PCI_CAP_PCI_CFG, sizeof(struct virtio_pci_cfg_cap), 0, 0,
				err);
	uint8_t *writable;

	if (at < 0)
		return at;
	writable = p->fn.writable + at;
	p->window_at = (unsigned int)at;
	writable[offsetof(struct virtio_pci_cap, bar)] = 0xff;
	le32_store(writable + offsetof(struct virtio_pci_cap, offset), UINT32_MAX);
	le32_store(writable + offsetof(struct virtio_pci_cap, length), UINT32_MAX);
	le32_store(writable + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data), UINT32_MAX);
	return 0;
}

static int add_notify(struct virtio_pci *p, struct iol_error *err)
{
	int at = add_capability(p, VIRTIO_PCI_CAP_NOTIFY_CFG, sizeof(struct virtio_pci_notify_cap),
				NOTIFY_AT, NOTIFY_BYTES * p->v->queue_count, err);

	if (at < 0)
		return at;
	le32_store(p->fn.config + at +
			   offsetof(struct virtio_pci_notify_cap, notify_off_multiplier),
		   NOTIFY_BYTES);
	return 0;
}

static int add_capabilities(struct virtio_pci *p, struct iol_error *err)
{
	int ret = add_capability(p, VIRTIO_PCI_CAP_COMMON_CFG, sizeof(struct virtio_pci_cap),
				 COMMON_AT, sizeof(struct virtio_pci_common_cfg), err);

	if (ret >= 0)
		ret = add_capability(p, VIRTIO_PCI_CAP_ISR_CFG, sizeof(struct virtio_pci_cap),
				     ISR_AT, 1, err);
	if (ret >= 0 && p->v->config_bytes)
		ret = add_capability(p, VIRTIO_PCI_CAP_DEVICE_CFG, sizeof(struct virtio_pci_cap),
				     DEVICE_AT, p->v->config_bytes, err);
	if (ret >= 0)
		ret = add_notify(p, err);
	if (ret >= 0)
		ret = add_window(p, err);
	return ret < 0 ? ret : 0;
}

/* --- for the core --- */

static struct virtio_pci *of_transport(struct iol_virtio_transport *t)
{
	return iol_container_of(t, struct virtio_pci, transport);
}

static void interrupt(struct virtio_pci *p, uint16_t vector, uint8_t isr_bit)
{
	bool msix = uses_msix(p);

	/* That the configuration changed is told here whatever the interrupt (4.1.4.5.1). */
	if (!msix || isr_bit == VIRTIO_ISR_CONFIG)
		virtio_isr_update(&p->isr, 0, isr_bit);
	if (msix && vector != VIRTIO_MSI_NO_VECTOR)
		iol_msix_raise(p->msix, vector);
}

static void interrupt_queue(struct iol_virtio_transport *t, unsigned int queue)
{
	struct virtio_pci *p = of_transport(t);

	interrupt(p, p->queue_vectors[queue], VIRTIO_ISR_QUEUE);
}

static void interrupt_config(struct iol_virtio_transport *t)
{
	struct virtio_pci *p = of_transport(t);

	interrupt(p, p->config_vector, VIRTIO_ISR_CONFIG);
}

static void bind_call(struct iol_virtio_transport *t, unsigned int queue, int call_fd)
{
	struct virtio_pci *p = of_transport(t);

	if (p->msix)
		iol_msix_set_source(p->msix, &p->calls[queue], call_fd);
}

/* No queue is lent now. */
static void reset_done(struct iol_virtio_transport *t)
{
	struct virtio_pci *p = of_transport(t);

	p->device_feature_select = 0;
	p->driver_feature_select = 0;
	p->queue_select = 0;
	p->config_vector = VIRTIO_MSI_NO_VECTOR;
	for (unsigned int i = 0; i < p->v->queue_count; i++)
		p->queue_vectors[i] = VIRTIO_MSI_NO_VECTOR;
	virtio_isr_update(&p->isr, UINT8_MAX, 0);
	/* No notification comes after a reset (2.4.1). */
	if (p->msix)
		iol_msix_clear_pending(p->msix);
}

static const struct iol_virtio_transport_ops transport_ops = {
	.interrupt_queue = interrupt_queue,
	.interrupt_config = interrupt_config,
	.bind_call = bind_call,
	.reset_done = reset_done,
};

/* --- for the machine --- */

static struct virtio_pci *of_device(struct iol_device *dev)
{
	return iol_container_of(dev, struct virtio_pci, dev);
}

static bool virtio_pci_quiesce(struct iol_device *dev, struct iol_quiesce *quiesce)
{
	return iol_virtio_quiesce(of_device(dev)->v, quiesce);
}

static void virtio_pci_cancel(struct iol_device *dev)
{
	iol_virtio_cancel(of_device(dev)->v);
}

/* The host bridge resets the configuration space. */
static void virtio_pci_reset(struct iol_device *dev)
{
	struct virtio_pci *p = of_device(dev);

	iol_virtio_reset(p->v);
	if (p->msix)
		iol_msix_reset(p->msix);
	virtio_isr_mask(&p->isr, false);
}

static void transport_free(struct virtio_pci *p)
{
	iol_msix_free(p->msix);
	virtio_isr_finish(&p->isr);
	g_free(p);
}

static void virtio_pci_free(struct iol_device *dev)
{
	struct virtio_pci *p = of_device(dev);

	iol_pci_remove(&p->fn);
	p->v->ops->free(p->v);
	transport_free(p);
}

static const struct iol_device_ops device_ops = {
	.name = "virtio-pci",
	.quiesce = virtio_pci_quiesce,
	.cancel = virtio_pci_cancel,
	.reset = virtio_pci_reset,
	.free = virtio_pci_free,
};

static void init_function(struct virtio_pci *p)
{
	const struct iol_pci_identity identity = {
		.vendor = VENDOR_ID,
		.device = (uint16_t)(DEVICE_ID_BASE + p->v->ops->device_id),
		.subsystem_vendor = VENDOR_ID,
		.subsystem = (uint16_t)(DEVICE_ID_BASE + p->v->ops->device_id),
		.class_code = p->v->ops->pci_class,
		.revision = REVISION,
	};

	iol_pci_function_init(&p->fn, p->v->name, &identity);
	p->fn.bars[BAR_VIRTIO] = (struct iol_pci_bar){
		.kind = IOL_PCI_BAR_MEM32,
		.size_bytes = BAR_BYTES,
		.ops = &bar_ops,
		.dev = p,
	};
	if (p->isr.pin.wire) {
		p->fn.config[PCI_INTERRUPT_PIN] = 1; /* INTA# */
		p->fn.config[PCI_INTERRUPT_LINE] = (uint8_t)p->isr.pin.wire->gsi;
	}
	p->fn.config_read = config_read;
	p->fn.config_written = config_written;
	p->fn.bar_moved = bar_moved;
}

int iol_virtio_pci_new(struct iol_virtio *v, const struct iol_virtio_pci_config *config,
		       struct iol_device **dev, struct iol_error *err)
{
	struct virtio_pci *p = g_new0(struct virtio_pci, 1);
	int ret = 0;

	p->dev.ops = &device_ops;
	p->transport.ops = &transport_ops;
	p->v = v;
	virtio_isr_init(&p->isr, config->intx);
	init_function(p);
	reset_done(&p->transport);
	if (config->router)
		ret = iol_msix_new(&p->fn, BAR_MSIX, v->queue_count + 1, config->router, &p->msix,
				   err);
	for (unsigned int i = 0; i < v->queue_count && p->msix; i++)
		iol_msix_add_source(p->msix, &p->calls[i], &p->queue_vectors[i]);
	if (!ret)
		ret = add_capabilities(p, err);
	if (!ret)
		ret = iol_pci_add(config->host, config->slot, &p->fn, err);
	if (ret) {
		transport_free(p);
		return ret;
	}
	v->transport = &p->transport;
	*dev = &p->dev;
	return 0;
}
