// SPDX-License-Identifier: Apache-2.0
/*
 * The load of benchmarks, for any VMM with modern virtio disks. The command line says where the disk is
 * (see vio_open()) and:
 *
 *   op=read|write      requests of bytes=N, at random places of the first span=N bytes, or one after
 *                      the other with "stream"; depth=N at a time, for ticks=N of the TSC
 *   op=get|set         count=N reads or writes of a device register; at=ADDRESS instead of a disk's
 *   irq                the end of requests is learned by MSI-X interrupts; without it by polling
 *
 * One line comes of it: "bench requests=N ticks=N p50=N p99=N", with quantiles of the time of a
 * request in ticks when there is one at a time.
 */
#include "cpu.h"
#include "disk.h"
#include "load_times.h"

enum { VECTOR = 0x31, SIZE = 256, DEPTH_MAX = 128, WARM_UP = 64 };
#define FEATURES                                                              \
	(VIO_BIT(VIRTIO_F_VERSION_1) | VIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | \
	 VIO_BIT(VIRTIO_RING_F_EVENT_IDX) | VIO_BIT(VIRTIO_BLK_F_FLUSH))

static struct disk disk;
static uint64_t requests, ticks;

/* --- requests --- */

static struct load {
	uint32_t type, bytes, depth;
	uint64_t places, next_place, seed;
	bool stream, irq;
	uint8_t *data;
	uint64_t started; /* at depth 1 */
} l;

static void submit(unsigned int slot)
{
	uint64_t place = random_next(&l.seed) % l.places;

	if (l.stream)
		place = l.next_place++ % l.places;
	disk_submit(&disk.queues[0], l.type, place * (l.bytes / 512),
		    l.data + (uint64_t)(slot % l.depth) * l.bytes, l.bytes);
}

static void wait_for_interrupt(void)
{
	struct vio_queue *q = &disk.queues[0].ring;
	uint32_t seen = cpu_interrupts[VECTOR];

	vio_want_interrupts(q, true);
	if (*(volatile uint16_t *)&q->used->idx != q->used_idx)
		return; /* came before it was asked for */
	while (cpu_interrupts[VECTOR] == seen)
		__asm__ volatile("pause");
}

/* Takes what is done; how many. */
static unsigned int take(void)
{
	unsigned int count = 0;
	uint16_t head;

	if (l.irq)
		wait_for_interrupt();
	while ((head = disk_poll(&disk.queues[0])) != UINT16_MAX) {
		if (disk.queues[0].slots[head].status != VIRTIO_BLK_S_OK) {
			say("FAIL a request\n");
			power_off();
		}
		count++;
	}
	return count;
}

/* Keeps the disk busy until @end and at least @count times. */
static void keep_busy(uint64_t end, uint64_t count)
{
	uint64_t before = requests, last = rdtsc();
	unsigned int in_flight = 0, done;

	while (in_flight || requests - before < count || last < end) {
		bool more = requests - before + in_flight < count || last < end;

		for (; more && in_flight < l.depth; in_flight++)
			submit(in_flight);
		vio_kick(&disk.queues[0].ring);
		do
			done = take();
		while (!done);
		if (l.depth == 1)
			load_time_note(rdtsc() - last);
		last = rdtsc();
		requests += done;
		in_flight -= done;
	}
}

static bool start_disk(void)
{
	struct vio *v = &disk.v;

	if (!l.irq || v->mmio)
		return disk_start(&disk, 0, 1, SIZE, FEATURES);
	if (!vio_open(v, 0) || !v->msix)
		return false;
	vio_msix_set(v, 0, VECTOR, false);
	vio_msix_enable(v, true);
	return disk_restart_with_vector(&disk, SIZE, FEATURES, 0);
}

static void run_requests(void)
{
	uint64_t start;

	l.type = option_is("op", "write") ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
	l.bytes = (uint32_t)option_number("bytes", 0, 4096);
	l.depth = (uint32_t)option_number("depth", 0, 1);
	l.stream = option("stream", 0);
	l.irq = option("irq", 0);
	l.places = option_number("span", 0, 64 << 20) / l.bytes;
	l.seed = option_number("seed", 0, 1) * 2 + 1;
	if (l.depth > DEPTH_MAX || !start_disk()) {
		say("FAIL no disk\n");
		power_off();
	}
	l.data = vio_alloc((uint64_t)l.depth * l.bytes, 4096);
	keep_busy(0, WARM_UP);
	requests = 0;
	load_times_clear();
	start = rdtsc();
	keep_busy(start + option_number("ticks", 0, 100000000), 1);
	ticks = rdtsc() - start;
}

/* --- register accesses --- */

static void run_accesses(bool write)
{
	uint64_t count = option_number("count", 0, 1000), at = option_number("at", 0, 0), start;

	if (!at) {
		if (!vio_open(&disk.v, 0)) {
			say("FAIL no disk\n");
			power_off();
		}
		at = vio_address(&disk.v, VIO_DEVICE_FEATURES_SELECT);
	}
	read32(at);
	start = rdtsc();
	for (requests = 0; requests < count; requests++) {
		uint64_t before = rdtsc();

		if (write)
			write32(at, 0);
		else
			read32(at);
		load_time_note(rdtsc() - before);
	}
	ticks = rdtsc() - start;
}

static void run(void)
{
	if (option_is("op", "get") || option_is("op", "set"))
		run_accesses(option_is("op", "set"));
	else
		run_requests();
	say("bench requests=");
	say_number(requests);
	say(" ticks=");
	say_number(ticks);
	say(" p50=");
	say_number(load_time_quantile(requests, 50));
	say(" p99=");
	say_number(load_time_quantile(requests, 99));
	say("\n");
	power_off();
}

int main(void)
{
	user_run(run);
}
