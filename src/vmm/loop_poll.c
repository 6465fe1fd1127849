// SPDX-License-Identifier: Apache-2.0
/*
 * Polling of the event loop. See include/iolite/loop.h. All of it runs on the loop's thread.
 *
 * While a poller is active the loop goes round without sleeping: every poller is asked, finished
 * operations are taken from the completion ring, and the kernel is entered only to submit or when
 * it says that it has work for us. When nothing had work for poll_window_ns, the pollers are told
 * to sleep, and the loop blocks.
 *
 * The window adapts by how long the pause in the work was, counted from the last work before the
 * loop went to sleep. That pause contains what sleeping itself costs: the guest's kick, the wake, the
 * way through the scheduler, which together can be longer than poll_max_ns. Held against poll_max_ns
 * alone, a loop that once went to sleep under a busy guest would find every pause too long, and never
 * poll again. So a pause of up to four times poll_max_ns means that a longer window would have caught
 * the work, and the window doubles; a longer pause means that polling was in vain, and it halves.
 */
#include "loop_internal.h"

uint64_t iol_loop_window_next(uint64_t window_ns, uint64_t max_ns, uint64_t gap_ns)
{
	uint64_t floor_ns = max_ns < IOL_LOOP_WINDOW_FLOOR_NS ? max_ns : IOL_LOOP_WINDOW_FLOOR_NS;

	/* Doubling cannot wrap: no window is beyond its maximum. */
	if (gap_ns / IOL_LOOP_PAUSE_FACTOR >= max_ns)
		window_ns /= 2;
	else
		window_ns = window_ns > max_ns / 2 ? max_ns : 2 * window_ns;
	return window_ns < floor_ns ? floor_ns : window_ns;
}

void iol_loop_set_polling(struct iol_loop *loop, uint64_t max_ns)
{
	loop->poll_max_ns = max_ns;
	loop->poll_window_ns = max_ns;
}

bool iol_loop_poller_start(struct iol_loop *loop, struct iol_poller *poller)
{
	if (!loop->poll_max_ns || loop->closing)
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

static void relax(void)
{
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

static int spin_round(struct iol_loop *loop, bool *worked)
{
	bool polled = ask_pollers(loop);
	int ret = iol_loop_reap(loop, worked);

	*worked |= polled;
	return ret;
}

int iol_loop_spin(struct iol_loop *loop, uint64_t *idle_ns)
{
	uint64_t now_ns, last_ns = 0; /* of the last work; 0: not read from the clock yet */

	*idle_ns = 0;
	while (loop->pollers && !loop->stop) {
		bool worked;
		int ret = spin_round(loop, &worked);

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
		if (now_ns - last_ns < loop->poll_window_ns) {
			relax();
			continue;
		}
		if (!sleep_pollers(loop))
			*idle_ns = last_ns;
		last_ns = 0;
	}
	return 0;
}
