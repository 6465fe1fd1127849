/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What violations have to work with: hostile.c has it for devices of every kind, and g_*_hostile.c what
 * is a kind's own. HOSTILE_LIST is the kind's list beside ../hostile_device_list.h, HOSTILE_Q_SIZE the
 * size of its queues here.
 */
#ifndef GUEST_HOSTILE_H
#define GUEST_HOSTILE_H

#include "vio.h"

enum verdict {
	PASS, /* the device coped */
	REJECT, /* it said no */
	FAIL,
	WEDGED, /* a reset did not bring it back */
	EITHER, /* as an expectation */
};

enum {
	Q_SIZE = HOSTILE_Q_SIZE, /* a power of two from 8 on */
	PARTS = 3, /* of a valid request */
	LOAD = Q_SIZE / PARTS - 1, /* requests */
	ANSWER_MS = 10000, /* a machine that is busy with other things is slow */
	SILENCE_MS = 20, /* long enough for a device that answers though it must not */
	JUNK_MS = 20, /* how long to change what a device may be reading */
	DATA_BYTES = 65536,
};

#define NOWHERE 0x7ffffff000ull /* no memory, no device */
#define RAM_END (VIO_RAM + (option_number("ram", 0, 128) << 20))
#define ALL_STATUS                                                                            \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK | \
	 VIRTIO_CONFIG_S_DRIVER_OK)

/* A device, started with all of @features; all memory of it is new for each violation. */
extern struct victim {
	struct vio *v;
	struct vio_queue *q; /* the queue that requests go by */
	const struct vio *other; /* a device that is never reset */
	uint64_t features;
	unsigned int config_bytes;
	uint8_t *data; /* DATA_BYTES */
	struct vring_desc *table; /* 128 entries */
} h;

/* --- of every kind --- */

/* Descriptor @index of the ring. */
void put(uint16_t index, const volatile void *addr, uint32_t len, uint16_t flags, uint16_t next);
void put_at(uint16_t index, uint64_t gpa, uint32_t len, uint16_t flags, uint16_t next);
/* Entry @index of h.table. */
void put_entry(uint16_t index, const volatile void *addr, uint32_t len, uint16_t flags,
	       uint16_t next);
/* The parts of a valid request in h.table, whose address is in descriptor 0. */
void put_indirect(void);

/* Makes @head available and kicks; the verdict of what comes of it. */
enum verdict answer(uint16_t head);
/* Something is used, or the device needs a reset: PASS, REJECT; within ANSWER_MS, or FAIL. */
enum verdict await_used(void);
/* Whether nothing is used within SILENCE_MS. */
bool silent(void);
/* Makes LOAD valid requests available, one kick. */
void load(void);
/* The same with @count of them, at most Q_SIZE, in an indirect table. */
void load_ring(uint16_t count);
/* All that is available is used, or the device needs a reset, within ANSWER_MS. */
enum verdict load_ends(void);

/* Enables the queue, with h.q as it is now, DRIVER_OK, a request; the verdict. */
enum verdict set_up_ends(void);
/* set_up() with @features and DRIVER_OK. */
bool start_victim(uint64_t features);

static inline uint64_t hostile_deadline(unsigned int ms)
{
	return user_ticks() + ms * user_ticks_per_ms;
}

/* While the device works at what it has. */
static inline void hostile_pause(unsigned int ms)
{
	uint64_t end = hostile_deadline(ms);

	while (user_ticks() < end)
		;
}

/* Runs what main() has to: all violations of the kind, for good. */
_Noreturn void hostile_run(void);

/* --- of one kind --- */

/* Opens the victim and starts the other one; fills h up to config_bytes. */
bool open_devices(void);
/* Starts the other one again, with memory that is kept. */
bool restart_other(void);
bool other_works(void);
/* Reset, features, a queue with its rings, of which nothing is told. False: refused. */
bool set_up(uint64_t features);
/* The PARTS descriptors from 0 on: a valid request. */
void put_valid(void);
/* The verdict of a request that is available already. */
enum verdict outcome(void);
/* put_valid()'s request has not been answered. */
bool unanswered(void);
/* PASS: a valid request works without a reset. REJECT: the device needs one. */
enum verdict still_works(void);

/* --- of the machine's list (HOSTILE_MACHINE), which has no other --- */

/* Before a violation resets the machine: what starts anew goes on with the one behind it. */
void hostile_arm(void);
/* At the start: the number of the violation that did so, -1: none did. Says so if it was nobody's wish. */
int hostile_armed(void);
/* Tells what starts anew that number @index is at work. */
void hostile_note(unsigned int index);

#define VIOLATION(name, expected, transports, text) enum verdict v_##name(void);
#ifndef HOSTILE_MACHINE
#include "hostile_device_list.h"
#endif
#include HOSTILE_LIST
#undef VIOLATION

#endif
