// SPDX-License-Identifier: Apache-2.0
/*
 * The virtio core's registers (virtio-v1.2 2.1 to 2.4, 3.1): status, features, queue geometry and
 * configuration space, as both transports show them. See include/iolite/virtio.h.
 *
 * Runs on vCPU threads under the device's lock. A hostile guest writes anything at any time: what the
 * drawing in virtio.h does not allow is ignored, so the loop only ever takes over a geometry that
 * was written between FEATURES_OK and DRIVER_OK.
 */
#include "core.h"

#include <errno.h>
#include <glib.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include <iolite/endian.h>

enum { LOG_BURST = 4 };

static const uint64_t core_features = UINT64_C(1) << VIRTIO_F_VERSION_1 |
				      UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC |
				      UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX;

/* Makes the doorbells; those made so far are finished on failure. */
static int init_queues(struct iol_virtio *v, const struct iol_virtio_env *env, uint16_t size,
		       struct iol_error *err)
{
	for (unsigned int i = 0; i < v->queue_count; i++) {
		struct iol_virtio_queue *q = &v->queues[i];
		int ret = iol_kick_init(&q->kick, env->vm_fd, err);

		if (ret) {
			while (i--)
				iol_kick_finish(&v->queues[i].kick);
			return ret;
		}
		q->owner = v;
		q->call_fd = -1;
		q->size_max = size;
	}
	return 0;
}

int iol_virtio_init(struct iol_virtio *v, const struct iol_virtio_ops *ops,
		    const struct iol_virtio_env *env, const char *name, unsigned int queue_count,
		    uint16_t queue_size, uint64_t features, unsigned int config_bytes,
		    struct iol_error *err)
{
	int ret;

	g_assert(queue_count && queue_count <= IOL_VIRTIO_QUEUES_MAX);
	g_assert(queue_size && queue_size <= IOL_VIRTQUEUE_SIZE_MAX);
	g_assert(config_bytes <= IOL_VIRTIO_CONFIG_BYTES);
	memset(v, 0, sizeof(*v));
	v->ops = ops;
	v->loop = env->loop;
	v->memory = env->memory;
	v->queue_count = queue_count;
	v->queues = g_new0(struct iol_virtio_queue, queue_count);
	ret = init_queues(v, env, queue_size, err);
	if (ret) {
		g_free(v->queues);
		v->queues = NULL;
		return ret;
	}
	v->name = g_strdup(name);
	v->offered = features | core_features;
	v->config_bytes = config_bytes;
	v->log_limit.burst = LOG_BURST;
	pthread_mutex_init(&v->lock, NULL);
	virtio_run_init(v);
	virtio_reset_registers(v);
	v->config_changed = false; /* nobody has read it before */
	return 0;
}

void iol_virtio_finish(struct iol_virtio *v)
{
	virtio_run_finish(v);
	virtio_lend_finish(v);
	for (unsigned int i = 0; i < v->queue_count; i++) {
		iol_loop_drop(v->loop, v->queues[i].kick.eventfd);
		iol_kick_finish(&v->queues[i].kick);
	}
	g_free(v->queues);
	g_free((char *)v->name);
	pthread_mutex_destroy(&v->lock);
}

/* A driver that read before sees that @change changed values (4.1.4.3.1). */
static void change_config(struct iol_virtio *v, void (*change)(struct iol_virtio *v))
{
	uint8_t before[IOL_VIRTIO_CONFIG_BYTES];

	if (!change)
		return;
	memcpy(before, v->config, v->config_bytes);
	change(v);
	if (memcmp(before, v->config, v->config_bytes) != 0)
		v->config_changed = true;
}

void virtio_reset_registers(struct iol_virtio *v)
{
	v->status = 0;
	v->driver_features = 0;
	v->features = 0;
	v->resetting = false;
	v->loop_has_it = false;
	for (unsigned int i = 0; i < v->queue_count; i++) {
		struct iol_virtio_queue *q = &v->queues[i];

		q->size = q->size_max;
		q->enabled = false;
		q->desc_gpa = 0;
		q->avail_gpa = 0;
		q->used_gpa = 0;
	}
	change_config(v, v->ops->reset);
	if (v->transport)
		v->transport->ops->reset_done(v->transport);
}

/* --- features --- */

uint32_t iol_virtio_device_features(struct iol_virtio *v, uint32_t select)
{
	return select < 2 ? (uint32_t)(v->offered >> 32 * select) : 0; /* never changes */
}

uint32_t iol_virtio_driver_features(struct iol_virtio *v, uint32_t select)
{
	uint32_t value;

	pthread_mutex_lock(&v->lock);
	value = select < 2 ? (uint32_t)(v->driver_features >> 32 * select) : 0;
	pthread_mutex_unlock(&v->lock);
	return value;
}

/* The status bits that the driver has set, while it may go on setting up. */
static uint8_t setup_status(const struct iol_virtio *v)
{
	return v->resetting ? 0 : v->status;
}

void iol_virtio_set_driver_features(struct iol_virtio *v, uint32_t select, uint32_t value)
{
	uint8_t status;

	pthread_mutex_lock(&v->lock);
	status = setup_status(v);
	if (select < 2 && (status & VIRTIO_CONFIG_S_DRIVER) &&
	    !(status & VIRTIO_CONFIG_S_FEATURES_OK)) {
		v->driver_features &= ~((uint64_t)UINT32_MAX << 32 * select);
		v->driver_features |= (uint64_t)value << 32 * select;
	}
	pthread_mutex_unlock(&v->lock);
}

/* --- status --- */

uint8_t iol_virtio_status(struct iol_virtio *v)
{
	uint8_t status;

	pthread_mutex_lock(&v->lock);
	status = v->status;
	pthread_mutex_unlock(&v->lock);
	return status;
}

/* 3.1.1 step 5, 6.1: the subset must be one that we can live with. */
static bool features_are_sound(const struct iol_virtio *v)
{
	return !(v->driver_features & ~v->offered) &&
	       (v->driver_features >> VIRTIO_F_VERSION_1 & 1);
}

/* Takes the bits of @value that are due in their order; see the drawing in virtio.h. */
static void advance_status(struct iol_virtio *v, uint8_t value)
{
	static const struct {
		uint8_t bit, needs;
	} order[] = {
		{ VIRTIO_CONFIG_S_ACKNOWLEDGE, 0 },
		{ VIRTIO_CONFIG_S_DRIVER, VIRTIO_CONFIG_S_ACKNOWLEDGE },
		{ VIRTIO_CONFIG_S_FEATURES_OK, VIRTIO_CONFIG_S_DRIVER },
		{ VIRTIO_CONFIG_S_DRIVER_OK, VIRTIO_CONFIG_S_FEATURES_OK },
		{ VIRTIO_CONFIG_S_FAILED, 0 },
	};

	/* The driver must not clear a bit (2.1.1); NEEDS_RESET is not its to set or keep. */
	if (v->status & ~value & ~VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	for (size_t i = 0; i < IOL_ARRAY_LEN(order); i++) {
		uint8_t bit = order[i].bit;

		if (!(value & bit) || (v->status & bit) ||
		    (v->status & order[i].needs) != order[i].needs)
			continue;
		if (bit == VIRTIO_CONFIG_S_FEATURES_OK) {
			if (!features_are_sound(v))
				continue;
			v->features = v->driver_features;
			change_config(v, v->ops->features_ok);
		}
		v->status |= bit;
		if (bit == VIRTIO_CONFIG_S_DRIVER_OK) {
			v->loop_has_it = true;
			iol_loop_post(v->loop, &v->post);
		}
	}
}

/* True when the loop has to finish it. */
static bool begin_reset(struct iol_virtio *v)
{
	if (!v->loop_has_it) {
		virtio_reset_registers(v);
		return false;
	}
	v->resetting = true;
	iol_loop_post(v->loop, &v->post);
	return true;
}

bool iol_virtio_set_status(struct iol_virtio *v, uint32_t value)
{
	bool wait = false;

	pthread_mutex_lock(&v->lock);
	if (!value)
		wait = v->resetting || begin_reset(v);
	else if (!v->resetting)
		advance_status(v, (uint8_t)value);
	pthread_mutex_unlock(&v->lock);
	return wait;
}

/* --- queues --- */

uint32_t iol_virtio_queue_read(struct iol_virtio *v, uint32_t queue,
			       enum iol_virtio_queue_register reg)
{
	struct iol_virtio_queue *q;
	uint32_t value = 0;

	if (queue >= v->queue_count)
		return 0;
	q = &v->queues[queue];
	pthread_mutex_lock(&v->lock);
	switch (reg) {
	case IOL_VIRTIO_QUEUE_SIZE_MAX:
		value = q->size_max;
		break;
	case IOL_VIRTIO_QUEUE_SIZE:
		value = q->size;
		break;
	case IOL_VIRTIO_QUEUE_ENABLED:
		value = q->enabled;
		break;
	case IOL_VIRTIO_QUEUE_DESC_LOW:
		value = (uint32_t)q->desc_gpa;
		break;
	case IOL_VIRTIO_QUEUE_DESC_HIGH:
		value = (uint32_t)(q->desc_gpa >> 32);
		break;
	case IOL_VIRTIO_QUEUE_AVAIL_LOW:
		value = (uint32_t)q->avail_gpa;
		break;
	case IOL_VIRTIO_QUEUE_AVAIL_HIGH:
		value = (uint32_t)(q->avail_gpa >> 32);
		break;
	case IOL_VIRTIO_QUEUE_USED_LOW:
		value = (uint32_t)q->used_gpa;
		break;
	case IOL_VIRTIO_QUEUE_USED_HIGH:
		value = (uint32_t)(q->used_gpa >> 32);
		break;
	}
	pthread_mutex_unlock(&v->lock);
	return value;
}

static void set_low(uint64_t *address, uint32_t value)
{
	*address = (*address & ~(uint64_t)UINT32_MAX) | value;
}

static void set_high(uint64_t *address, uint32_t value)
{
	*address = (*address & UINT32_MAX) | (uint64_t)value << 32;
}

/* A size that no queue can have leaves the register as it was: the driver reads that back. */
static void set_size(struct iol_virtio_queue *q, uint32_t value)
{
	if (value && value <= q->size_max && !(value & (value - 1)))
		q->size = (uint16_t)value;
}

static void write_geometry(struct iol_virtio_queue *q, enum iol_virtio_queue_register reg,
			   uint32_t value)
{
	switch (reg) {
	case IOL_VIRTIO_QUEUE_SIZE:
		set_size(q, value);
		break;
	case IOL_VIRTIO_QUEUE_DESC_LOW:
		set_low(&q->desc_gpa, value);
		break;
	case IOL_VIRTIO_QUEUE_DESC_HIGH:
		set_high(&q->desc_gpa, value);
		break;
	case IOL_VIRTIO_QUEUE_AVAIL_LOW:
		set_low(&q->avail_gpa, value);
		break;
	case IOL_VIRTIO_QUEUE_AVAIL_HIGH:
		set_high(&q->avail_gpa, value);
		break;
	case IOL_VIRTIO_QUEUE_USED_LOW:
		set_low(&q->used_gpa, value);
		break;
	case IOL_VIRTIO_QUEUE_USED_HIGH:
		set_high(&q->used_gpa, value);
		break;
	case IOL_VIRTIO_QUEUE_SIZE_MAX:
	case IOL_VIRTIO_QUEUE_ENABLED:
		break;
	}
}

void iol_virtio_queue_write(struct iol_virtio *v, uint32_t queue,
			    enum iol_virtio_queue_register reg, uint32_t value)
{
	struct iol_virtio_queue *q;
	uint8_t status;

	if (queue >= v->queue_count)
		return;
	q = &v->queues[queue];
	pthread_mutex_lock(&v->lock);
	status = setup_status(v);
	/* G11: between FEATURES_OK and DRIVER_OK, and not while the queue is enabled. */
	if ((status & VIRTIO_CONFIG_S_FEATURES_OK) && !(status & VIRTIO_CONFIG_S_DRIVER_OK)) {
		if (reg == IOL_VIRTIO_QUEUE_ENABLED)
			q->enabled = value & 1;
		else if (!q->enabled)
			write_geometry(q, reg, value);
	}
	pthread_mutex_unlock(&v->lock);
}

void iol_virtio_notify(struct iol_virtio *v, uint32_t queue)
{
	if (queue < v->queue_count)
		iol_kick_ring(&v->queues[queue].kick);
}

/* --- device configuration space --- */

uint8_t iol_virtio_config_generation(struct iol_virtio *v)
{
	uint8_t generation;

	pthread_mutex_lock(&v->lock);
	generation = v->config_generation;
	pthread_mutex_unlock(&v->lock);
	return generation;
}

uint64_t iol_virtio_config_read(struct iol_virtio *v, uint64_t offset, unsigned int len)
{
	uint8_t bytes[8] = { 0 };

	if (offset < v->config_bytes) {
		size_t n = MIN(len, v->config_bytes - (unsigned int)offset);

		pthread_mutex_lock(&v->lock);
		/* Here, not where it changes, lest 256 changes look like none (4.1.4.3.1). */
		v->config_generation += v->config_changed;
		v->config_changed = false;
		memcpy(bytes, v->config + offset, n);
		pthread_mutex_unlock(&v->lock);
	}
	return iol_le_load(bytes, len);
}

void iol_virtio_config_write(struct iol_virtio *v, uint64_t offset, unsigned int len,
			     uint64_t value)
{
	uint8_t bytes[8];
	bool touched = false;

	if (offset >= v->config_bytes || len > v->config_bytes - (unsigned int)offset)
		return;
	iol_le_store(bytes, len, value);
	pthread_mutex_lock(&v->lock);
	for (unsigned int i = 0; i < len; i++) {
		uint8_t mask = v->config_writable[offset + i];
		uint8_t *byte = &v->config[offset + i];

		*byte = (uint8_t)((*byte & ~mask) | (bytes[i] & mask));
		touched = touched || mask;
	}
	if (touched && v->ops->config_written)
		v->ops->config_written(v, (unsigned int)offset, len);
	pthread_mutex_unlock(&v->lock);
}

void iol_virtio_set_config(struct iol_virtio *v, unsigned int offset, const void *buf,
			   unsigned int len)
{
	bool tell;

	g_assert(offset + len <= v->config_bytes);
	pthread_mutex_lock(&v->lock);
	memcpy(v->config + offset, buf, len);
	v->config_changed = true;
	tell = (setup_status(v) & VIRTIO_CONFIG_S_DRIVER_OK) && v->transport;
	pthread_mutex_unlock(&v->lock);
	if (tell)
		v->transport->ops->interrupt_config(v->transport);
}
