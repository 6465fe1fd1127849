// SPDX-License-Identifier: Apache-2.0
/* Queues through the wrap of all indices, out of order, and between two threads. */
#include <iolite/virtqueue.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <time.h>

#include "virtqueue_rig.h"

/* --- through the wrap of all indices, out of order, with two threads --- */

static void test_wrap(void)
{
	struct virtio_driver_part parts[3] = {
		{ .gpa = RIG_DATA, .len = 16 },
		{ .gpa = RIG_DATA + 0x100, .len = 512, .write = true },
		{ .gpa = RIG_DATA + 0x400, .len = 1, .write = true },
	};
	struct virtio_driver_used used;
	struct rig r;

	for (int event_idx = 0; event_idx < 2; event_idx++) {
		uint16_t away[16];
		unsigned int count = 0;

		rig_init(&r, 16, event_idx, true);
		for (uint32_t i = 0; i < 0x20000; i++) {
			/* One or two chains of three parts in, one out, the youngest every third time. */
			while (virtio_driver_add(&r.driver, parts, 3, i % 4) >= 0)
				;
			virtio_driver_show(&r.driver);
			while (rig_pop(&r) == 1)
				away[count++] = r.chain.head;
			g_assert_cmpuint(r.vq.in_flight, ==, count);
			g_assert_cmpuint(count, >, 0);
			if (i % 3)
				iol_virtqueue_push(&r.vq, away[0], i % 514);
			else
				iol_virtqueue_push(&r.vq, away[count - 1], i % 514);
			if (i % 3)
				away[0] = away[count - 1];
			count--;
			if (i % 5)
				iol_virtqueue_publish(&r.vq);
			while (virtio_driver_take_used(&r.driver, &used) > 0)
				;
			g_assert_cmpstr(virtio_driver_check(&r.driver), ==, NULL);
		}
		while (count)
			iol_virtqueue_push(&r.vq, away[--count], 0);
		iol_virtqueue_publish(&r.vq);
		while (virtio_driver_take_used(&r.driver, &used) > 0)
			;
		g_assert_false(r.vq.dead);
		g_assert_true(virtio_driver_is_drained(&r.driver));
		g_assert_cmpuint(r.driver.used, >=, 0x20000);
		rig_finish(&r);
	}
}

/* G16: the device serves on a thread of its own while the driver fills in what it reads. */
enum { THREAD_CHAINS = 5000 };

static void *serve(void *opaque)
{
	struct rig *r = opaque;
	unsigned int done = 0;

	while (done < THREAD_CHAINS) {
		uint64_t header;

		while (rig_pop(r) == 1) {
			g_assert_true(iol_chain_take_header(&r->chain, &header, sizeof(header)));
			header = le64toh(header);
			header = htole64(header ^ UINT64_MAX);
			g_assert_cmpuint(iol_chain_write(&r->chain, &header, 8), ==, 8);
			iol_virtqueue_push(&r->vq, r->chain.head, 8);
			done++;
		}
		g_assert_false(r->vq.dead);
		iol_virtqueue_publish(&r->vq);
		sched_yield();
	}
	return NULL;
}

static void test_two_threads(void)
{
	struct virtio_driver_used used;
	uint64_t sent = 0, back = 0;
	pthread_t thread;
	struct rig r;

	rig_init(&r, 16, true, true);
	g_assert_cmpint(pthread_create(&thread, NULL, serve, &r), ==, 0);
	while (back < THREAD_CHAINS) {
		/* A slot for each head: a free one is not read or written by the device. */
		uint64_t slot = RIG_DATA + 64u * r.driver.free_head, value;
		const struct virtio_driver_part parts[] = {
			{ .gpa = slot, .len = 8 },
			{ .gpa = slot + 8, .len = 8, .write = true },
		};

		if (sent < THREAD_CHAINS && r.driver.free_count >= 2) {
			value = htole64(sent);
			iol_memory_write(&r.memory, slot, &value, 8);
			g_assert_cmpint(virtio_driver_add(&r.driver, parts, 2, sent % 3), >=, 0);
			virtio_driver_show(&r.driver);
			sent++;
		} else {
			sched_yield();
		}
		while (virtio_driver_take_used(&r.driver, &used) > 0) {
			uint64_t question = 0, answer = 0;

			iol_memory_read(&r.memory, RIG_DATA + 64u * used.head, &question, 8);
			iol_memory_read(&r.memory, RIG_DATA + 64u * used.head + 8, &answer, 8);
			g_assert_cmphex(question ^ UINT64_MAX, ==, answer);
			g_assert_cmpuint(used.len, ==, 8);
			back++;
		}
		g_assert_cmpstr(virtio_driver_check(&r.driver), ==, NULL);
	}
	pthread_join(thread, NULL);
	g_assert_true(virtio_driver_is_drained(&r.driver));
	rig_finish(&r);
}

/*
 * Both sides sleep when they have nothing to do, often at the moment when the other one has something:
 * each must be woken. A missing full barrier (G16) would show here, though not in every run.
 */
enum { SLEEPER_CHAINS = 5000, LIMIT_S = 20 };

struct sleepers {
	struct rig rig;
	sem_t kick, irq;
};

static void sleep_on(sem_t *sem, const char *what)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += LIMIT_S;
	while (sem_timedwait(sem, &limit))
		if (errno != EINTR)
			g_error("%s is lost: none within %d s", what, LIMIT_S);
}

static void *serve_and_sleep(void *opaque)
{
	struct sleepers *s = opaque;
	struct rig *r = &s->rig;

	for (unsigned int done = 0; done < SLEEPER_CHAINS;) {
		while (rig_pop(r) == 1) {
			iol_virtqueue_push(&r->vq, r->chain.head, 0);
			if (iol_virtqueue_publish(&r->vq))
				sem_post(&s->irq);
			done++;
		}
		g_assert_false(r->vq.dead);
		/* Here the driver has its chance, and in the loop below the device. */
		if (done % 2)
			sched_yield();
		if (done < SLEEPER_CHAINS && !iol_virtqueue_want_kicks(&r->vq, true))
			sleep_on(&s->kick, "a kick");
	}
	return NULL;
}

static void check_sleepers(bool event_idx)
{
	const struct virtio_driver_part part = { .gpa = RIG_DATA, .len = 1 };
	struct virtio_driver_used used;
	unsigned int sent = 0, back = 0;
	struct sleepers s;
	pthread_t thread;

	rig_init(&s.rig, 4, event_idx, false);
	sem_init(&s.kick, 0, 0);
	sem_init(&s.irq, 0, 0);
	g_assert_cmpint(pthread_create(&thread, NULL, serve_and_sleep, &s), ==, 0);
	while (back < SLEEPER_CHAINS) {
		if (sent < SLEEPER_CHAINS && sent - back <= sent % 3) {
			g_assert_cmpint(virtio_driver_add(&s.rig.driver, &part, 1, 1), >=, 0);
			sent++;
			if (virtio_driver_show(&s.rig.driver))
				sem_post(&s.kick);
			if (sent % 2)
				sched_yield();
		} else if (!virtio_driver_want_interrupts(&s.rig.driver, true)) {
			sleep_on(&s.irq, "an interrupt");
		}
		virtio_driver_want_interrupts(&s.rig.driver, false);
		while (virtio_driver_take_used(&s.rig.driver, &used) > 0)
			back++;
		g_assert_cmpstr(virtio_driver_check(&s.rig.driver), ==, NULL);
	}
	pthread_join(thread, NULL);
	g_assert_true(virtio_driver_is_drained(&s.rig.driver));
	sem_destroy(&s.kick);
	sem_destroy(&s.irq);
	rig_finish(&s.rig);
}

static void test_sleepers(void)
{
	check_sleepers(false);
	check_sleepers(true);
}

/* An assertion holds what the device owes us. */
int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/virtqueue/wrap", test_wrap);
	g_test_add_func("/virtqueue/two_threads", test_two_threads);
	g_test_add_func("/virtqueue/sleepers", test_sleepers);
	return g_test_run();
}
