/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any virtio device between a driver (virtio_driver.h) for each queue and registers accessed as a
 * transport would. For unit tests and fuzzers; what one kind of device needs besides is in the headers
 * that include this one.
 */
#ifndef IOLITE_TESTS_VIRTIO_DEVICE_RIG_H
#define IOLITE_TESTS_VIRTIO_DEVICE_RIG_H

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include <iolite/virtio.h>

#include "virtio_driver.h"

enum { DEVICE_RIG_RINGS = 0x1000 }; /* where the rings of all queues begin */

struct device_rig {
	struct iol_loop *loop;
	struct iol_loop own_loop;
	struct iol_memory memory;
	uint64_t rings_end;
	struct iol_virtio_env env; /* for the device's constructor */
	struct iol_virtio *v;
	uint64_t features; /* as last negotiated, also after a reset */
	struct virtio_driver *drivers; /* of each queue; zeros before the first start */
	/* The transport, and what it was told. */
	struct iol_virtio_transport transport;
	unsigned int *queue_interrupts, config_interrupts, resets_done;
};

/* RAM from 0, with rings below @rings_end, and a loop: its own where @loop is NULL. */
void device_rig_init(struct device_rig *r, struct iol_loop *loop, uint64_t ram_bytes,
		     uint64_t rings_end);
/* The device that was made with r->env; the rig owns it now. */
void device_rig_attach(struct device_rig *r, struct iol_virtio *v);
/* Nothing is in flight. */
void device_rig_finish(struct device_rig *r);

/* Up to FEATURES_OK; what the status reads then. */
uint8_t device_rig_negotiate(struct device_rig *r, uint64_t features);
/* All of initialisation. @features besides VERSION_1; all that is offered: UINT64_MAX. */
void device_rig_start(struct device_rig *r, uint64_t features);
/* Writes 0 to the status; true when it reads 0 then. */
bool device_rig_reset(struct device_rig *r);
uint64_t device_rig_offered(struct device_rig *r);
bool device_rig_is_broken(struct device_rig *r);

/* Lets the loop run until it has nothing more to do by itself, timers apart. */
void device_rig_settle(struct device_rig *r);

/* Adds a chain, not shown yet; the head, or -errno. */
int device_rig_add(struct device_rig *r, unsigned int queue, const struct virtio_driver_part *parts,
		   unsigned int count, bool indirect);
/* Kicks where the device wants to know, and lets the loop run. */
void device_rig_kick(struct device_rig *r, unsigned int queue);
/* A chain of one part, and a kick; its head. */
uint16_t device_rig_send(struct device_rig *r, unsigned int queue, uint64_t gpa, uint32_t len,
			 bool write);

/* Host address of @gpa. */
uint8_t *device_rig_ptr(const struct device_rig *r, uint64_t gpa);

/* Ends the test where the device made a mistake with a queue. */
void device_rig_check(const struct device_rig *r);

#endif
