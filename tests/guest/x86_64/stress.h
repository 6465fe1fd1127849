/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Four processors, a queue each of a disk and a pair of queues each of a network card, which are reset and taken away under them
 * again and again. Each processor's loop looks at a device (device_look()) before it uses its queue; who takes the device away
 * does not wait for that until the device has been reset.
 */
#ifndef GUEST_STRESS_H
#define GUEST_STRESS_H

#include "vio.h"

enum {
	CPUS = 4,
	SETS = 2, /* of rings and buffers: after a reset the other one is used, and the old one has to stay as it is */
	QUEUES_MAX = 2 * CPUS + 1,
	LIMIT_MS =
		60000, /* whatever takes longer has stalled: pauses are short, hosts may be slow */
	POISON = 0x5a,
	VECTOR_CONFIG = 0x30,
	VECTOR_DISK = 0x31, /* and those of the other processors */
	VECTOR_NET = VECTOR_DISK + CPUS,
	VECTOR_NAP = VECTOR_NET + CPUS,
};

struct device {
	const char *name;
	struct vio v;
	uint64_t features, maybe; /* wanted always, and each time or not */
	unsigned int queues, size;
	unsigned int vector; /* of the first processor */
	unsigned int period_ms; /* of resets, on average */
	struct vio_queue rings[SETS][QUEUES_MAX];
	/* The device has been started, with these rings; nobody else uses it yet. */
	void (*started)(struct vio_queue *rings, uint64_t *seed);

	volatile uint32_t owner; /* the processor that takes it away, from 1; 0: nobody does */
	volatile uint32_t
		life; /* twice the number of starts, one more: it has been taken away again */
	volatile uint32_t away; /* processors that leave it alone since then */
	volatile uint32_t
		settled; /* processors for whom nothing is in flight, where that is waited for */
	volatile uint64_t due, since;
	volatile uint64_t resets, unbinds, settles;
};

/* A processor's view of a device. */
struct use {
	uint32_t epoch; /* the start that it has seen */
	uint32_t settled; /* the start after which it has settled */
	bool away;
};

enum look {
	LOOK_USE,
	LOOK_NEW, /* it has new rings; what was in flight is gone */
	LOOK_LEAVE, /* it has been reset: retire what was in flight, then device_leave() */
	LOOK_WAIT,
};

/* "FAIL cpu=N @what @value", and the end. */
_Noreturn void stress_fail(unsigned int cpu, const char *what, uint64_t value);
/* Whether LIMIT_MS have gone by since @since. */
bool stress_late(uint64_t since);
bool all_poison(const uint8_t *data, uint64_t bytes);

/* stress_device.c */
void device_open(struct device *d, unsigned int number, unsigned int kind);
void device_start(struct device *d, uint64_t *seed);
enum look device_look(struct device *d, struct use *u);
void device_leave(struct device *d, struct use *u);
/*
 * Whether the next reset waits until all is done that the device was asked for: otherwise none would ever be missed. Nothing more is
 * to be asked for then.
 */
bool device_settles(const struct device *d);
void device_settled(struct device *d, struct use *u);
/* Takes it away when that is due, and gives it back when all have left it. */
void device_drive(struct device *d, unsigned int cpu, uint64_t *seed);
/* Whether queue @index, which is its processor's only one, may interrupt that now; what it has to say meanwhile comes later. */
void device_mask(const struct device *d, unsigned int index, bool masked);
/* Registers that may be read at any time. */
void device_read_registers(struct device *d, uint64_t *seed);

/* The rings of @epoch. */
static inline struct vio_queue *device_rings(struct device *d, uint32_t epoch)
{
	return d->rings[epoch % SETS];
}

/* stress_disk.c */
extern struct device disk_device;
void disk_make(void);
/* What an earlier boot wrote is whole, and nothing is missing. */
void disk_verify(unsigned int cpu);
/* One turn; whether there was anything to do. */
bool disk_work(unsigned int cpu, uint64_t *seed);
uint64_t disk_done(unsigned int cpu);
/* Interrupts that were asked for and came. */
uint64_t disk_interrupts(void);

/* stress_net.c */
extern struct device net_device;
void net_make(void);
bool net_work(unsigned int cpu, uint64_t *seed);
uint64_t net_sent(unsigned int cpu);
uint64_t net_pongs(unsigned int cpu);

#endif
