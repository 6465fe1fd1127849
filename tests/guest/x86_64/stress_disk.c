// SPDX-License-Identifier: Apache-2.0
/*
 * The disk of stress.h. Each processor has places of its own, which it writes versions of and reads back. A write that was in
 * flight at a reset was done or was not: what is read next says which. Each place holds as well what was acknowledged for the next
 * place when it was written, so that a boot that knows of nothing finds what is lost.
 */
#include "cpu.h"
#include "disk.h"
#include "stress.h"

#include <linux/virtio_ids.h>

enum {
	RING = 32,
	DEPTH = 8,
	PLACES = 64, /* of each processor */
	CHUNK = 4096,
	SECTOR = 512,
	WORDS = CHUNK / 8,
	SECTOR_WORDS = SECTOR / 8,
	SECTORS = CHUNK / SECTOR,
	OP_FLUSH = 0,
	OP_ID = 1,
	OPS = 16,
	INTERRUPTS_OF = 32, /* one of so many chances to ask for an interrupt is taken */
};
#define MAGIC UINT64_C(0x7353657254730000)
#define MIX UINT64_C(0x9e3779b97f4a7c15)

struct place {
	uint32_t acked,
		newest; /* versions; between these two is what may be there while in doubt */
	bool busy, doubt;
};

struct request {
	uint32_t type, version;
	uint16_t place;
	bool busy;
	uint64_t since;
};

static struct processor {
	struct use use;
	struct disk_queue queues[SETS];
	uint8_t *buffers[SETS]; /* CHUNK for each head */
	struct request requests[RING];
	struct place places[PLACES];
	unsigned int in_flight;
	uint32_t retired[SETS]; /* at the end of which epoch */
	uint16_t retired_idx[SETS];
	uint64_t asked; /* since when an interrupt has been waited for; 0: none is */
	uint64_t asked_done; /* of done at that time */
	uint32_t seen;
	bool masked;
	uint32_t last_of; /* the start whose last request is made */
	volatile uint64_t done, interrupts;
} processors[CPUS];

struct device disk_device = {
	.name = "no disk",
	.features = VIO_BIT(VIRTIO_F_VERSION_1) | VIO_BIT(VIRTIO_BLK_F_MQ) |
		    VIO_BIT(VIRTIO_BLK_F_FLUSH),
	.maybe = VIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | VIO_BIT(VIRTIO_RING_F_EVENT_IDX),
	.queues = CPUS,
	.size = RING,
	.vector = VECTOR_DISK,
	.period_ms = 40,
};

/* --- what is written --- */

static uint64_t identity(unsigned int cpu, unsigned int place)
{
	return MAGIC | cpu << 8 | place;
}

static uint64_t filling(uint64_t id, uint64_t version, unsigned int word)
{
	return (version * WORDS + word) * MIX ^ id;
}

static void fill(uint64_t *data, uint64_t id, uint64_t version, uint64_t next_acked)
{
	for (unsigned int i = 0; i < WORDS; i++)
		data[i] = filling(id, version, i);
	for (unsigned int i = 0; i < WORDS; i += SECTOR_WORDS) {
		data[i] = id;
		data[i + 1] = version;
		data[i + 2] = next_acked;
	}
}

/* Whether it is all of one version, which a place that was never written is, too. */
static bool is_whole(const uint64_t *data, uint64_t id)
{
	bool zero = !data[0];

	for (unsigned int i = 0; i < WORDS; i++) {
		unsigned int in_sector = i % SECTOR_WORDS;
		uint64_t want = in_sector == 0  ? id
				: in_sector < 3 ? data[in_sector]
						: filling(id, data[1], i);

		if (data[i] != (zero ? 0 : want))
			return false;
	}
	return true;
}

/* --- setting up --- */

void disk_make(void)
{
	device_open(&disk_device, 0, VIRTIO_ID_BLOCK);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		for (unsigned int set = 0; set < SETS; set++) {
			processors[cpu].queues[set].slots =
				vio_alloc(RING * sizeof(struct disk_slot), 128);
			processors[cpu].buffers[set] = vio_alloc(RING * CHUNK, 4096);
		}
}

static struct disk_queue *queue_of(unsigned int cpu)
{
	struct processor *p = &processors[cpu];

	return &p->queues[p->use.epoch % SETS];
}

static uint8_t *buffer_of(const struct processor *p, unsigned int head)
{
	return p->buffers[p->use.epoch % SETS] + head * CHUNK;
}

/* With the new rings. */
static void take_queue(unsigned int cpu)
{
	struct disk_queue *q = queue_of(cpu);

	q->ring = device_rings(&disk_device, processors[cpu].use.epoch)[cpu];
	q->indirect = disk_device.v.features & VIO_BIT(VIRTIO_RING_F_INDIRECT_DESC);
	processors[cpu].asked = 0;
	processors[cpu].masked = false;
}

static uint64_t sector_of(unsigned int cpu, unsigned int place)
{
	return (uint64_t)(cpu * PLACES + place) * SECTORS;
}

void disk_verify(unsigned int cpu)
{
	struct processor *p = &processors[cpu];
	uint32_t next_acked[PLACES];

	device_look(&disk_device, &p->use);
	take_queue(cpu);
	for (unsigned int i = 0; i < PLACES; i++) {
		uint64_t *data = (uint64_t *)buffer_of(p, 0);
		uint16_t head =
			disk_submit(queue_of(cpu), VIRTIO_BLK_T_IN, sector_of(cpu, i), data, CHUNK);

		vio_kick(&queue_of(cpu)->ring);
		if (disk_wait(queue_of(cpu), head, LIMIT_MS) != VIRTIO_BLK_S_OK)
			stress_fail(cpu, "STALL: a read at boot of place", i);
		if (!is_whole(data, identity(cpu, i)))
			stress_fail(cpu, "after a boot there is a torn or strange place", i);
		p->places[i].acked = p->places[i].newest = (uint32_t)data[1];
		next_acked[i] = (uint32_t)data[2];
	}
	for (unsigned int i = 0; i < PLACES; i++)
		if (p->places[(i + 1) % PLACES].acked < next_acked[i])
			stress_fail(cpu, "after a boot an acknowledged write is lost at place",
				    (i + 1) % PLACES);
}

/* --- requests --- */

static void end_read(unsigned int cpu, const struct request *r, const uint64_t *data)
{
	struct place *place = &processors[cpu].places[r->place];
	uint32_t version = (uint32_t)data[1];

	if (!is_whole(data, identity(cpu, r->place)))
		stress_fail(cpu, "a read gives a torn or strange place", r->place);
	if (version != place->acked && !(place->doubt && version == place->newest))
		stress_fail(cpu, "a read gives an old version of place", r->place);
	place->acked = version;
	place->doubt = false;
}

static void end_requests(unsigned int cpu)
{
	struct processor *p = &processors[cpu];
	struct disk_queue *q = queue_of(cpu);
	uint16_t head;

	while ((head = disk_poll(q)) != UINT16_MAX) {
		struct request *r = &p->requests[head];

		if (head >= RING || !r->busy)
			stress_fail(cpu, "the disk gives back what it was not given", head);
		if (q->slots[head].status != VIRTIO_BLK_S_OK)
			stress_fail(cpu, "a request ends with status", q->slots[head].status);
		if (r->type == VIRTIO_BLK_T_IN)
			end_read(cpu, r, (const uint64_t *)buffer_of(p, head));
		else if (r->type == VIRTIO_BLK_T_OUT)
			p->places[r->place].acked = r->version;
		if (r->type == VIRTIO_BLK_T_IN || r->type == VIRTIO_BLK_T_OUT)
			p->places[r->place].busy = false;
		r->busy = false;
		p->in_flight--;
		p->done++;
	}
}

static void submit(unsigned int cpu, struct request r, uint32_t len)
{
	struct processor *p = &processors[cpu];
	struct disk_queue *q = queue_of(cpu);
	uint8_t *data = buffer_of(p, q->ring.free_head);

	if (r.type == VIRTIO_BLK_T_OUT)
		fill((uint64_t *)data, identity(cpu, r.place), r.version,
		     p->places[(r.place + 1) % PLACES].acked);
	r.busy = true;
	r.since = user_ticks();
	p->requests[q->ring.free_head] = r;
	p->in_flight++;
	if (disk_submit(q, r.type, len == CHUNK ? sector_of(cpu, r.place) : 0, data, len) ==
	    UINT16_MAX)
		stress_fail(cpu, "the queue has lost descriptors", q->ring.free_count);
}

static void submit_some(unsigned int cpu, uint64_t random)
{
	struct processor *p = &processors[cpu];
	struct request r = { .place = (uint16_t)(random >> 8) % PLACES };
	struct place *place = &p->places[r.place];

	if (random % OPS == OP_FLUSH) {
		r.type = VIRTIO_BLK_T_FLUSH;
		submit(cpu, r, 0);
	} else if (random % OPS == OP_ID) {
		r.type = VIRTIO_BLK_T_GET_ID;
		submit(cpu, r, VIRTIO_BLK_ID_BYTES);
	} else if (!place->busy) {
		place->busy = true;
		r.type = place->doubt || random >> 63 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT;
		if (r.type == VIRTIO_BLK_T_OUT)
			r.version = ++place->newest;
		submit(cpu, r, CHUNK);
	}
}

/* --- interrupts: one that was asked for comes --- */

static void look_for_interrupt(unsigned int cpu, struct disk_queue *q)
{
	struct processor *p = &processors[cpu];

	if (!p->asked)
		return;
	if (cpu_interrupts[VECTOR_DISK + cpu] != p->seen) {
		p->asked = 0;
		p->interrupts++;
		vio_want_interrupts(&q->ring, false);
	} else if (p->done != p->asked_done && !disk_device.owner && stress_late(p->asked)) {
		stress_fail(cpu, "STALL: an interrupt of the disk is lost", p->seen);
	}
}

/* Only with nothing in flight it is certain that the next chain interrupts. */
static void ask_for_interrupt(unsigned int cpu, struct disk_queue *q)
{
	struct processor *p = &processors[cpu];

	if (p->asked || p->in_flight)
		return;
	p->seen = cpu_interrupts[VECTOR_DISK + cpu];
	p->asked = user_ticks();
	p->asked_done = p->done;
	vio_want_interrupts(&q->ring, true);
}

static void set_mask(unsigned int cpu, bool masked)
{
	processors[cpu].masked = masked;
	device_mask(&disk_device, cpu, masked);
}

/* --- resets --- */

/* Nothing may be written any more: what was in flight before the last reset still is as it was left. */
static void check_retired(unsigned int cpu, unsigned int set)
{
	struct processor *p = &processors[cpu];

	/* Otherwise the set was used since, without this processor. */
	if (!p->retired[set] || p->retired[set] + 1 != p->use.epoch)
		return;
	if (*(volatile uint16_t *)&p->queues[set].ring.used->idx != p->retired_idx[set])
		stress_fail(cpu, "the disk goes on with a ring after its reset", set);
	if (!all_poison(p->buffers[set], RING * CHUNK))
		stress_fail(cpu, "the disk writes to a buffer after its reset", set);
}

static void retire(unsigned int cpu)
{
	struct processor *p = &processors[cpu];
	unsigned int set = p->use.epoch % SETS;

	end_requests(cpu);
	for (unsigned int i = 0; i < RING; i++) {
		struct request *r = &p->requests[i];

		if (!r->busy)
			continue;
		r->busy = false;
		if (r->type != VIRTIO_BLK_T_IN && r->type != VIRTIO_BLK_T_OUT)
			continue;
		p->places[r->place].busy = false;
		if (r->type == VIRTIO_BLK_T_OUT)
			p->places[r->place].doubt = true;
	}
	p->in_flight = 0;
	check_retired(cpu, (set + 1) % SETS);
	__builtin_memset(p->buffers[set], POISON, RING * CHUNK);
	p->retired_idx[set] = p->queues[set].ring.used_idx;
	p->retired[set] = p->use.epoch;
}

static void look_for_stall(unsigned int cpu)
{
	const struct processor *p = &processors[cpu];

	for (unsigned int i = 0; i < RING; i++)
		if (p->requests[i].busy && stress_late(p->requests[i].since))
			stress_fail(cpu, "STALL: a disk request of type", p->requests[i].type);
}

/* No request is open, and no interrupt, that of a last request included. */
static void settle(unsigned int cpu, bool mask)
{
	struct processor *p = &processors[cpu];

	look_for_stall(cpu);
	if (p->in_flight)
		return;
	if (p->masked)
		set_mask(cpu, false);
	if (p->done == p->asked_done)
		p->asked = 0; /* after which nothing was requested */
	if (p->asked)
		return;
	if (p->last_of == p->use.epoch) {
		device_settled(&disk_device, &p->use);
		return;
	}
	p->last_of = p->use.epoch;
	set_mask(cpu, mask);
	ask_for_interrupt(cpu, queue_of(cpu));
	submit(cpu, (struct request){ .type = VIRTIO_BLK_T_GET_ID }, VIRTIO_BLK_ID_BYTES);
	vio_kick(&queue_of(cpu)->ring);
}

bool disk_work(unsigned int cpu, uint64_t *seed)
{
	struct processor *p = &processors[cpu];
	struct disk_queue *q;
	unsigned int in_flight = p->in_flight;
	uint64_t done = p->done, random = random_next(seed);

	switch (device_look(&disk_device, &p->use)) {
	case LOOK_WAIT:
		return false;
	case LOOK_LEAVE:
		retire(cpu);
		device_leave(&disk_device, &p->use);
		return true;
	case LOOK_NEW:
		take_queue(cpu);
		break;
	case LOOK_USE:
		break;
	}
	q = queue_of(cpu);
	end_requests(cpu);
	look_for_interrupt(cpu, q);
	if (device_settles(&disk_device)) {
		settle(cpu, random >> 63);
		return false;
	}
	if (!(random % INTERRUPTS_OF))
		ask_for_interrupt(cpu, q);
	if (!(random >> 40 & 15))
		set_mask(cpu, !p->masked);
	for (unsigned int n = random >> 8 & 7; n && p->in_flight < DEPTH; n--)
		submit_some(cpu, random_next(seed));
	if (random >> 16 & 63)
		vio_kick(&q->ring);
	else
		vio_kick_always(&q->ring);
	if (!(random >> 24 & 255))
		look_for_stall(cpu);
	return p->done != done || p->in_flight != in_flight;
}

uint64_t disk_done(unsigned int cpu)
{
	return processors[cpu].done;
}

uint64_t disk_interrupts(void)
{
	uint64_t sum = 0;

	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		sum += processors[cpu].interrupts;
	return sum;
}
