// SPDX-License-Identifier: Apache-2.0
/*
 * Polling of the event loop. See include/iolite/loop.h. All of it runs on the loop's thread.
 *
 * While a poller is active the loop goes round without sleeping: every poller is asked, finished
 * operations are taken from the completion ring, and the kernel is entered only to submit or when
 * it says that it has work for us. When nothing had work for the length of a window, the pollers are told
 * to sleep, and the loop blocks.
 *
 * The window adapts by how long the pause in the work was, counted from the last work before the
 * loop went to sleep:
 *
 *  - so long that polling was in vain: it halves;
 *  - shorter, and the window had not been at its maximum: a longer one might have caught the work,
 *    so it doubles;
 *  - shorter, and the maximum did not catch it: then it is our polling that keeps the work from coming,
 *    because the guest's vCPU waits for the very processor that we spin on. (The scheduler likes to
 *    wake us where the kick was made, and a window is too short for it to think again.) The first
 *    time we go to another processor. If that did not help there is none to spare: the window falls to
 *    its floor and does not grow for a number of sleeps that doubles with each such failure, until
 *    a poller does catch something.
 *
 * A pause contains what sleeping itself costs: the guest's kick, the wake, the way through the
 * scheduler, which together can be longer than the maximum. So "long" begins at twice that.
 */
#include "loop_internal.h"

#include <sched.h>

static void set_window(struct iol_poll_window *w, uint64_t ns)
{
	uint64_t floor_ns =
		w->max_ns < IOL_LOOP_WINDOW_FLOOR_NS ? w->max_ns : IOL_LOOP_WINDOW_FLOOR_NS;

	w->now_ns = ns < floor_ns ? floor_ns : ns;
}

/* The maximum failed. True: try again on another processor. */
static bool window_failed(struct iol_poll_window *w)
{
	w->moved = !w->moved;
	if (w->moved)
		return true;
	w->backoff =
		w->backoff > IOL_LOOP_BACKOFF_MAX / 2 ? IOL_LOOP_BACKOFF_MAX : 2 * w->backoff + 1;
	w->sit_out = w->backoff;
	set_window(w, 0);
	return false;
}

bool iol_poll_window_slept(struct iol_poll_window *w, uint64_t gap_ns)
{
	if (w->sit_out) {
		w->sit_out--;
		return false;
	}
	if (gap_ns / IOL_LOOP_PAUSE_FACTOR >= w->max_ns) {
		set_window(w, w->now_ns / 2);
	} else if (w->now_ns < w->max_ns) {
		/* Doubling cannot wrap: no window is beyond its maximum. */
		set_window(w, w->now_ns > w->max_ns / 2 ? w->max_ns : 2 * w->now_ns);
	} else {
		return window_failed(w);
	}
	return false;
}

void iol_poll_window_caught(struct iol_poll_window *w)
{
	w->backoff = 0;
	w->sit_out = 0;
	w->moved = false;
}

/* By forbidding the present one for a moment. */
void iol_loop_change_processor(void)
{
	cpu_set_t allowed, others;
	int cpu = sched_getcpu();

	if (cpu < 0 || sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	others = allowed;
	CPU_CLR(cpu, &others);
	if (CPU_COUNT(&others) && !sched_setaffinity(0, sizeof(others), &others))
		sched_setaffinity(0, sizeof(allowed), &allowed);
}

void iol_loop_set_polling(struct iol_loop *loop, uint64_t max_ns)
{
	loop->poll = (struct iol_poll_window){ .max_ns = max_ns, .now_ns = max_ns };
}

bool iol_loop_poller_start(struct iol_loop *loop, struct iol_poller *poller)
{
	if (!loop->poll.max_ns || loop->closing)
		return false;
	if (poller->active)
		return true;
	poller->active = true;
	poller->next = loop->pollers;
	loop->pollers = poller;
	return true;
}

void iol_loop_poller_stop(struct iol_loop *loop, struct iol_poller *poller)
{
	struct iol_poller **link = &loop->pollers;

	if (!poller->active)
		return;
	while (*link != poller)
		link = &(*link)->next;
	*link = poller->next;
	/* The walk that is under way, if any, must not step onto it. */
	if (loop->poll_next == poller)
		loop->poll_next = poller->next;
	poller->active = false;
}

/*
 * Nothing to do this time round. A kernel worker that has work for us may wait for this very
 * processor, with the guest on the others: then it is its turn. At any other time yielding is a
 * mistake, because it may be the guest's vCPU that waits here, and that one takes a whole time slice.
 */
static void relax(const struct iol_loop *loop)
{
	if (loop->workers_in_flight) {
		sched_yield();
		return;
	}
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

/* Pollers may stop themselves and each other while they are asked. */
static bool ask_pollers(struct iol_loop *loop)
{
	bool worked = false;

	for (struct iol_poller *p = loop->pollers; p; p = loop->poll_next) {
		loop->poll_next = p->next;
		worked |= p->poll(p);
	}
	return worked;
}

/* True: one of them found work after all. */
static bool sleep_pollers(struct iol_loop *loop)
{
	bool worked = false;

	for (struct iol_poller *p = loop->pollers; p; p = loop->poll_next) {
		loop->poll_next = p->next;
		if (p->sleep(p))
			worked = true;
		else
			iol_loop_poller_stop(loop, p);
	}
	return worked;
}

/* @idle: the last round had no work. */
static int spin_round(struct iol_loop *loop, bool idle, bool *worked)
{
	bool polled = ask_pollers(loop);
	int ret = iol_loop_reap(loop, worked);

	if (polled && idle)
		iol_poll_window_caught(&loop->poll);
	*worked |= polled;
	return ret;
}

int iol_loop_spin(struct iol_loop *loop, uint64_t *idle_ns)
{
	uint64_t now_ns, last_ns = 0; /* of the last work; 0: not read from the clock yet */

	*idle_ns = 0;
	while (loop->pollers && !loop->stop) {
		bool worked;
		int ret = spin_round(loop, last_ns, &worked);

		if (ret)
			return ret;
		if (worked) {
			last_ns = 0;
			*idle_ns = 0;
			continue;
		}
		now_ns = iol_loop_now_ns();
		if (!last_ns)
			last_ns = now_ns;
		if (now_ns - last_ns < loop->poll.now_ns) {
			relax(loop);
			continue;
		}
		if (!sleep_pollers(loop))
			*idle_ns = last_ns;
		last_ns = 0;
	}
	return 0;
}
