/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interrupt status of a virtio device and the level that follows it (virtio-v1.2 4.1.4.5,
 * 4.2.2): what INTx of PCI and the one interrupt of MMIO have in common. Its lock makes status and
 * level change together; it is taken last, but for the wire's.
 */
#ifndef DEVICES_VIRTIO_ISR_H
#define DEVICES_VIRTIO_ISR_H

#include <pthread.h>
#include <stdint.h>

#include <iolite/irq.h>

enum {
	VIRTIO_ISR_QUEUE = 1,
	VIRTIO_ISR_CONFIG = 2,
};

struct virtio_isr {
	pthread_mutex_t lock;
	uint8_t bits;
	bool masked; /* the level stays low */
	struct iol_irq_pin pin;
};

static inline void virtio_isr_init(struct virtio_isr *isr, struct iol_irq_wire *wire)
{
	pthread_mutex_init(&isr->lock, NULL);
	isr->pin.wire = wire;
}

/* Changes bits and mask as one step, returns the bits from before. [any] */
static inline uint8_t virtio_isr_update(struct virtio_isr *isr, uint8_t clear, uint8_t set)
{
	uint8_t before;

	pthread_mutex_lock(&isr->lock);
	before = isr->bits;
	isr->bits = (uint8_t)((before & ~clear) | set);
	iol_irq_pin_set(&isr->pin, isr->bits && !isr->masked);
	pthread_mutex_unlock(&isr->lock);
	return before;
}

static inline void virtio_isr_mask(struct virtio_isr *isr, bool masked)
{
	pthread_mutex_lock(&isr->lock);
	isr->masked = masked;
	iol_irq_pin_set(&isr->pin, isr->bits && !isr->masked);
	pthread_mutex_unlock(&isr->lock);
}

static inline void virtio_isr_finish(struct virtio_isr *isr)
{
	virtio_isr_update(isr, UINT8_MAX, 0);
	pthread_mutex_destroy(&isr->lock);
}

#endif
