/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any virtio device of few queues between a driver (virtio_driver.h) for each queue and registers
 * accessed as a transport would. For unit tests and fuzzers of the small devices.
 */
#ifndef IOLITE_TESTS_VIRTIO_SMALL_RIG_H
#define IOLITE_TESTS_VIRTIO_SMALL_RIG_H

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include <iolite/virtio.h>

#include "virtio_driver.h"

enum {
	SMALL_RIG_QUEUES_MAX = 2,
	SMALL_RIG_RAM_BYTES = 0x100000,
	SMALL_RIG_RINGS = 0x1000,
	SMALL_RIG_DATA = 0x40000, /* up to the end */
	SMALL_RIG_DATA_BYTES = SMALL_RIG_RAM_BYTES - SMALL_RIG_DATA,
};

struct small_rig {
	struct iol_loop *loop;
	struct iol_loop own_loop;
	struct iol_memory memory;
	struct iol_virtio_env env; /* for the device's constructor */
	struct iol_virtio *v;
	struct virtio_driver drivers[SMALL_RIG_QUEUES_MAX];
	/* The transport, and what it was told. */
	struct iol_virtio_transport transport;
	unsigned int queue_interrupts[SMALL_RIG_QUEUES_MAX], config_interrupts, resets_done;
};

/* Memory and a loop, its own where @loop is NULL. */
void small_rig_init(struct small_rig *r, struct iol_loop *loop);
/* The device that was made with r->env. */
void small_rig_attach(struct small_rig *r, struct iol_virtio *v);
/* Resets and frees the device. */
void small_rig_finish(struct small_rig *r);

/* Up to FEATURES_OK; what the status reads then. */
uint8_t small_rig_negotiate(struct small_rig *r, uint64_t features);
/* All of initialisation. @features besides VERSION_1; all that is offered: UINT64_MAX. */
void small_rig_start(struct small_rig *r, uint64_t features);
/* Writes 0 to the status; true when it reads 0 then. */
bool small_rig_reset(struct small_rig *r);
uint64_t small_rig_offered(struct small_rig *r);
bool small_rig_is_broken(struct small_rig *r);

/* Lets the loop run until it has nothing more to do by itself, timers apart. */
void small_rig_settle(struct small_rig *r);

/* Adds a chain, not shown yet; the head, or -errno. */
int small_rig_add(struct small_rig *r, unsigned int queue, const struct virtio_driver_part *parts,
		  unsigned int count, bool indirect);
/* Kicks where the device wants to know, and lets the loop run. */
void small_rig_kick(struct small_rig *r, unsigned int queue);
/* A chain of one part, and a kick; its head. */
uint16_t small_rig_send(struct small_rig *r, unsigned int queue, uint64_t gpa, uint32_t len,
			bool write);

/* Host address of @gpa. */
uint8_t *small_rig_ptr(const struct small_rig *r, uint64_t gpa);

#endif
