// SPDX-License-Identifier: Apache-2.0
/* Polling of the event loop, mostly on a clock that the test turns. */
#include "vmm/loop_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { US = 1000 };

/* The linker puts this in the place of iol_loop_now_ns(); 0: the real clock. */
static uint64_t fake_ns;

uint64_t __real_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void)
{
	return fake_ns ? fake_ns : __real_iol_loop_now_ns();
}

static unsigned int yields;

int __real_sched_yield(void);
int __wrap_sched_yield(void);
int __wrap_sched_yield(void)
{
	yields++;
	return __real_sched_yield();
}

/* A poller with a script: each poll takes @step_ns of the fake clock. */
struct scripted {
	struct iol_poller poller;
	struct iol_loop *loop;
	uint64_t step_ns;
	uint64_t asleep_ns; /* the time when it was put to sleep */
	unsigned int polls, sleeps;
	unsigned int work; /* polls that still find work */
	unsigned int work_at_sleep; /* sleeps that find work after all */
	struct scripted *stops; /* is stopped by the first poll */
	bool stop_at_sleep; /* ends the loop when put to sleep */
};

static bool scripted_poll(struct iol_poller *poller)
{
	struct scripted *s = iol_container_of(poller, struct scripted, poller);

	g_assert_true(poller->active);
	s->polls++;
	fake_ns += s->step_ns;
	if (s->stops)
		iol_loop_poller_stop(s->loop, &s->stops->poller);
	s->stops = NULL;
	if (!s->work)
		return false;
	s->work--;
	return true;
}

static bool scripted_sleep(struct iol_poller *poller)
{
	struct scripted *s = iol_container_of(poller, struct scripted, poller);

	s->sleeps++;
	s->asleep_ns = fake_ns;
	if (s->work_at_sleep) {
		s->work_at_sleep--;
		return true;
	}
	if (s->stop_at_sleep)
		iol_loop_stop(s->loop);
	return false;
}

static void scripted_init(struct scripted *s, struct iol_loop *loop)
{
	*s = (struct scripted){
		.poller = { .poll = scripted_poll, .sleep = scripted_sleep },
		.loop = loop,
		.stop_at_sleep = true,
	};
}

static void loop_init(struct iol_loop *loop, uint64_t max_ns)
{
	struct iol_error err;

	fake_ns = 0;
	if (iol_loop_init(loop, &err))
		g_error("%s", err.msg);
	iol_loop_set_polling(loop, max_ns);
}

static void run(struct iol_loop *loop)
{
	struct iol_error err;

	if (iol_loop_run(loop, &err))
		g_error("%s", err.msg);
}

static void finish(struct iol_loop *loop)
{
	fake_ns = 0;
	iol_loop_finish(loop);
}

static void test_window_rule(void)
{
	static const struct {
		uint64_t now, max, gap, next;
	} cases[] = {
		{ 20 * US, 100 * US, 50 * US, 40 * US }, /* it would have caught it */
		{ 60 * US, 100 * US, 61 * US, 100 * US }, /* no further than the maximum */
		{ 50 * US, 100 * US, 150 * US, 100 * US }, /* most of it was the sleep's own */
		{ 50 * US, 100 * US, 200 * US - 1, 100 * US }, /* just in time */
		{ 100 * US, 100 * US, 200 * US, 50 * US }, /* just too late */
		{ 5 * US, 100 * US, IOL_NS_PER_S, 4 * US }, /* not below the floor */
		{ 0, 100 * US, 50 * US, 4 * US }, /* from nothing to the floor */
		{ 1 * US, 1 * US, IOL_NS_PER_S, 1 * US }, /* a maximum below the floor */
		{ 100 * US, 100 * US, 150 * US, 100 * US }, /* polling was in the way: elsewhere */
		{ 0, 0, 1, 0 }, /* polling was switched off meanwhile */
		{ UINT64_MAX / 2, UINT64_MAX, 1, UINT64_MAX - 1 },
		{ UINT64_MAX / 2 + 1, UINT64_MAX, 1, UINT64_MAX },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct iol_poll_window w = { .max_ns = cases[i].max, .now_ns = cases[i].now };

		iol_poll_window_slept(&w, cases[i].gap);
		g_assert_cmpuint(w.now_ns, ==, cases[i].next);
	}
}

/* Sleeps with work right behind them until the window is at its maximum and fails again. */
static unsigned int sleeps_to_failure(struct iol_poll_window *w)
{
	unsigned int count = 0;

	do {
		bool at_max = !w->sit_out && w->now_ns == w->max_ns, moved = w->moved;

		g_assert_cmpuint(++count, <, 5000);
		g_assert_cmpint(iol_poll_window_slept(w, w->max_ns), ==, at_max && !moved);
	} while (!w->sit_out || w->sit_out != w->backoff);
	return count;
}

static void test_window_backs_off(void)
{
	struct iol_poll_window w = { .max_ns = 64 * US, .now_ns = 64 * US };
	/* To 8, 16, 32, 64; the one that fails, and the one that fails elsewhere too. */
	const unsigned int grow = 6;

	g_assert_cmpuint(sleeps_to_failure(&w), ==, 2);
	g_assert_cmpuint(w.now_ns, ==, IOL_LOOP_WINDOW_FLOOR_NS);
	g_assert_cmpuint(sleeps_to_failure(&w), ==, 1 + grow);
	g_assert_cmpuint(sleeps_to_failure(&w), ==, 3 + grow);
	g_assert_cmpuint(sleeps_to_failure(&w), ==, 7 + grow);
	for (int i = 0; i < 12; i++)
		sleeps_to_failure(&w);
	g_assert_cmpuint(sleeps_to_failure(&w), ==, IOL_LOOP_BACKOFF_MAX + grow);
	/* One success, and all is forgiven. */
	iol_poll_window_caught(&w);
	g_assert_cmpuint(sleeps_to_failure(&w), ==, grow);
	g_assert_cmpuint(w.sit_out, ==, 1);
}

static void test_change_processor(void)
{
	cpu_set_t before, after, one;
	int cpu = sched_getcpu();

	g_assert_cmpint(sched_getaffinity(0, sizeof(before), &before), ==, 0);
	iol_loop_change_processor();
	g_assert_cmpint(sched_getaffinity(0, sizeof(after), &after), ==, 0);
	g_assert_true(CPU_EQUAL(&before, &after));
	/* With a single one there is nowhere to go. */
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	g_assert_cmpint(sched_setaffinity(0, sizeof(one), &one), ==, 0);
	iol_loop_change_processor();
	g_assert_cmpint(sched_getaffinity(0, sizeof(after), &after), ==, 0);
	g_assert_true(CPU_EQUAL(&one, &after));
	g_assert_cmpint(sched_setaffinity(0, sizeof(before), &before), ==, 0);
}

static void test_no_polling(void)
{
	struct scripted s;
	struct iol_loop loop;

	loop_init(&loop, 0);
	scripted_init(&s, &loop);
	g_assert_false(iol_loop_poller_start(&loop, &s.poller));
	g_assert_false(s.poller.active);
	iol_loop_poller_stop(&loop, &s.poller); /* not active: nothing */
	finish(&loop);
}

static void test_sleeps_after_the_window(void)
{
	struct scripted s;
	struct iol_loop loop;

	loop_init(&loop, 50 * US);
	scripted_init(&s, &loop);
	fake_ns = 1000 * US;
	s.step_ns = 10 * US;
	s.work = 3;
	g_assert_true(iol_loop_poller_start(&loop, &s.poller));
	g_assert_true(iol_loop_poller_start(&loop, &s.poller)); /* twice is once */
	run(&loop);
	/* Three with work; the clock starts with the first idle one and ends at the window. */
	g_assert_cmpuint(s.polls, ==, 3 + 1 + 5);
	g_assert_cmpuint(s.asleep_ns, ==, (1000 + 90) * US);
	g_assert_cmpuint(s.sleeps, ==, 1);
	g_assert_false(s.poller.active);
	g_assert_null(loop.pollers);
	finish(&loop);
}

static void test_work_at_sleep_keeps_it_awake(void)
{
	struct scripted s;
	struct iol_loop loop;

	loop_init(&loop, 50 * US);
	scripted_init(&s, &loop);
	fake_ns = 1000 * US;
	s.step_ns = 10 * US;
	s.work_at_sleep = 2;
	iol_loop_poller_start(&loop, &s.poller);
	run(&loop);
	g_assert_cmpuint(s.sleeps, ==, 3);
	g_assert_cmpuint(s.polls, ==, 18);
	finish(&loop);
}

/* A poller that makes something else happen, once, and ends the loop when that came through. */
struct trigger {
	struct scripted s; /* the first: its poll and sleep do the rest */
	void (*fire)(struct trigger *t);
	struct iol_op op;
	struct iol_post post;
	int fd;
	bool came;
	bool slept_first;
};

static bool trigger_poll(struct iol_poller *poller)
{
	struct trigger *t = iol_container_of(poller, struct trigger, s.poller);

	scripted_poll(poller);
	if (t->s.polls == 3)
		t->fire(t);
	return false;
}

static bool trigger_sleep(struct iol_poller *poller)
{
	struct trigger *t = iol_container_of(poller, struct trigger, s.poller);

	t->slept_first |= !t->came;
	return scripted_sleep(poller);
}

static void trigger_op_done(struct iol_op *op, int res)
{
	struct trigger *t = iol_container_of(op, struct trigger, op);

	if (res == -ECANCELED)
		return;
	g_assert_cmpint(res, >, 0);
	t->came = true;
	iol_loop_stop(t->s.loop);
}

static void trigger_post_run(struct iol_post *post)
{
	struct trigger *t = iol_container_of(post, struct trigger, post);

	t->came = true;
	iol_loop_stop(t->s.loop);
}

static void fire_write(struct trigger *t)
{
	g_assert_cmpint(eventfd_write(t->fd, 1), ==, 0);
}

static void fire_signal(struct trigger *t)
{
	(void)t;
	raise(SIGUSR1);
}

static void *post_from_thread(void *arg)
{
	struct trigger *t = arg;

	iol_loop_post(t->s.loop, &t->post);
	return NULL;
}

static void fire_post(struct trigger *t)
{
	pthread_t thread;

	g_assert_cmpint(pthread_create(&thread, NULL, post_from_thread, t), ==, 0);
	pthread_join(thread, NULL);
}

static void fire_stop(struct trigger *t)
{
	t->came = true;
	iol_loop_stop(t->s.loop);
}

static void trigger_init(struct trigger *t, struct iol_loop *loop, void (*fire)(struct trigger *))
{
	memset(t, 0, sizeof(*t));
	scripted_init(&t->s, loop);
	t->s.poller.poll = trigger_poll;
	t->s.poller.sleep = trigger_sleep;
	t->s.step_ns = 10 * US;
	t->fire = fire;
	t->op.done = trigger_op_done;
	t->post.run = trigger_post_run;
	fake_ns = 1000 * US;
}

/* What @t fires in its third poll comes through in the same round, long before the window ends. */
static void check_comes_while_polling(struct trigger *t)
{
	g_assert_true(iol_loop_poller_start(t->s.loop, &t->s.poller));
	run(t->s.loop);
	g_assert_true(t->came);
	g_assert_false(t->slept_first);
	g_assert_cmpuint(t->s.polls, ==, 3);
	g_assert_true(t->s.poller.active);
	iol_loop_poller_stop(t->s.loop, &t->s.poller);
}

/* Not a pipe: Linux 6.1 reads those by a worker, which may need our processor. */
static void test_completion_while_polling(void)
{
	struct iol_loop loop;
	struct trigger t;
	eventfd_t value;

	loop_init(&loop, 1000 * US);
	trigger_init(&t, &loop, fire_write);
	t.fd = eventfd(0, EFD_CLOEXEC);
	iol_loop_read(&loop, &t.op, t.fd, &value, sizeof(value), (uint64_t)-1);
	check_comes_while_polling(&t);
	finish(&loop);
	close(t.fd);
}

/* A kernel worker may need the processor that we spin on; a vCPU must not get it by that way. */
static void test_makes_way_for_workers_only(void)
{
	for (int by_worker = 0; by_worker < 2; by_worker++) {
		struct iol_loop loop;
		struct trigger t;
		eventfd_t value;

		loop_init(&loop, 1000 * US);
		trigger_init(&t, &loop, fire_write);
		t.fd = eventfd(0, EFD_CLOEXEC);
		t.op.by_worker = by_worker;
		iol_loop_read(&loop, &t.op, t.fd, &value, sizeof(value), (uint64_t)-1);
		g_assert_cmpuint(loop.workers_in_flight, ==, by_worker);
		yields = 0;
		check_comes_while_polling(&t);
		g_assert_cmpint(yields > 0, ==, by_worker);
		g_assert_cmpuint(loop.workers_in_flight, ==, 0);
		finish(&loop);
		close(t.fd);
	}
}

static void test_signal_while_polling(void)
{
	struct signalfd_siginfo info;
	struct iol_loop loop;
	struct trigger t;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	g_assert_cmpint(fd, >=, 0);
	loop_init(&loop, 1000 * US);
	trigger_init(&t, &loop, fire_signal);
	iol_loop_read(&loop, &t.op, fd, &info, sizeof(info), (uint64_t)-1);
	check_comes_while_polling(&t);
	finish(&loop);
	close(fd);
}

static void test_post_while_polling(void)
{
	struct iol_loop loop;
	struct trigger t;

	loop_init(&loop, 1000 * US);
	trigger_init(&t, &loop, fire_post);
	check_comes_while_polling(&t);
	/* The wake that belongs to it finds nothing more to run, and further posts still wake. */
	t.came = false;
	fire_post(&t);
	run(&loop);
	g_assert_true(t.came);
	finish(&loop);
}

static void test_stop_while_polling(void)
{
	struct iol_loop loop;
	struct trigger t;

	loop_init(&loop, 1000 * US);
	trigger_init(&t, &loop, fire_stop);
	check_comes_while_polling(&t);
	finish(&loop);
}

static void test_pollers_stop_pollers(void)
{
	struct scripted s[3];
	struct iol_loop loop;

	for (int victim = 0; victim < 3; victim++) {
		loop_init(&loop, 50 * US);
		fake_ns = 1000 * US;
		/* The last to start is asked first. */
		for (int i = 2; i >= 0; i--) {
			scripted_init(&s[i], &loop);
			s[i].step_ns = 5 * US;
			iol_loop_poller_start(&loop, &s[i].poller);
		}
		s[0].stops = &s[victim]; /* itself, the next, the last */
		run(&loop);
		for (int i = 0; i < 3; i++) {
			g_assert_false(s[i].poller.active);
			if (i == victim)
				g_assert_cmpuint(s[i].polls, ==, i == 0);
			else
				g_assert_cmpuint(s[i].polls, >, 1);
			g_assert_cmpuint(s[i].sleeps, ==, i != victim);
		}
		finish(&loop);
	}
}

/* Asleep, the poller waits for a timer; how late that comes decides the next window. */
struct sleeper {
	struct iol_poller poller;
	struct iol_loop *loop;
	struct iol_op timer;
	uint64_t gap_ns; /* from the last work to the wake */
	uint64_t last_ns;
};

static bool sleeper_poll(struct iol_poller *poller)
{
	struct sleeper *s = iol_container_of(poller, struct sleeper, poller);

	if (!s->last_ns)
		s->last_ns = fake_ns;
	fake_ns += 10 * US;
	return false;
}

static bool sleeper_sleep(struct iol_poller *poller)
{
	struct sleeper *s = iol_container_of(poller, struct sleeper, poller);

	iol_loop_timeout(s->loop, &s->timer, 1);
	return false;
}

static void sleeper_woken(struct iol_op *op, int res)
{
	struct sleeper *s = iol_container_of(op, struct sleeper, timer);

	g_assert_cmpint(res, ==, -ETIME);
	/* The clock of the loop starts after the first idle poll. */
	fake_ns = s->last_ns + 10 * US + s->gap_ns;
	iol_loop_stop(s->loop);
}

static void test_window_follows_the_gaps(void)
{
	static const struct {
		uint64_t gap_ns, window_ns;
	} steps[] = {
		{ IOL_NS_PER_S, 100 * US }, { IOL_NS_PER_S, 50 * US }, { 401 * US, 25 * US },
		{ 399 * US, 50 * US },      { 300 * US, 100 * US },    { 150 * US, 200 * US },
	};
	struct sleeper s = { .poller = { .poll = sleeper_poll, .sleep = sleeper_sleep },
			     .timer.done = sleeper_woken };
	struct iol_loop loop;

	loop_init(&loop, 200 * US);
	s.loop = &loop;
	fake_ns = 1000 * US;
	g_assert_cmpuint(loop.poll.now_ns, ==, 200 * US);
	for (size_t i = 0; i < IOL_ARRAY_LEN(steps); i++) {
		s.gap_ns = steps[i].gap_ns;
		s.last_ns = 0;
		g_assert_true(iol_loop_poller_start(&loop, &s.poller));
		run(&loop);
		g_assert_cmpuint(loop.poll.now_ns, ==, steps[i].window_ns);
	}
	/* Switched off under a poller: the next idle round puts it to sleep. */
	g_assert_true(iol_loop_poller_start(&loop, &s.poller));
	iol_loop_set_polling(&loop, 0);
	run(&loop);
	g_assert_false(s.poller.active);
	g_assert_cmpuint(loop.poll.now_ns, ==, 0);
	finish(&loop);
}

/* A turn end per round, each once, also when the pollers never sleep. */
struct round_end {
	struct scripted s;
	struct iol_turn_end end;
	unsigned int ends;
};

static void round_end_run(struct iol_turn_end *end)
{
	struct round_end *r = iol_container_of(end, struct round_end, end);

	g_assert_cmpuint(++r->ends, ==, r->s.polls);
	if (r->ends == 5)
		iol_loop_stop(r->s.loop);
}

static bool round_end_poll(struct iol_poller *poller)
{
	struct round_end *r = iol_container_of(poller, struct round_end, s.poller);

	scripted_poll(poller);
	iol_loop_at_turn_end(r->s.loop, &r->end);
	iol_loop_at_turn_end(r->s.loop, &r->end);
	return false;
}

static void test_turn_ends_while_polling(void)
{
	struct round_end r = { .end.run = round_end_run };
	struct iol_loop loop;

	loop_init(&loop, 50 * US);
	scripted_init(&r.s, &loop);
	r.s.poller.poll = round_end_poll;
	fake_ns = 1000 * US;
	iol_loop_poller_start(&loop, &r.s.poller);
	run(&loop);
	g_assert_cmpuint(r.ends, ==, 5);
	g_assert_cmpuint(r.s.sleeps, ==, 0);
	iol_loop_poller_stop(&loop, &r.s.poller);
	finish(&loop);
}

static void refuse_to_poll(struct iol_op *op, int res)
{
	struct trigger *t = iol_container_of(op, struct trigger, op);

	g_assert_cmpint(res, ==, -ECANCELED);
	g_assert_false(iol_loop_poller_start(t->s.loop, &t->s.poller));
	t->came = true;
}

static void test_no_polling_while_finishing(void)
{
	struct iol_loop loop;
	struct trigger t;

	loop_init(&loop, 50 * US);
	trigger_init(&t, &loop, fire_stop);
	t.op.done = refuse_to_poll;
	iol_loop_timeout(&loop, &t.op, 3600 * IOL_NS_PER_S);
	finish(&loop);
	g_assert_true(t.came);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/loop-poll/window-rule", test_window_rule);
	g_test_add_func("/loop-poll/window-backs-off", test_window_backs_off);
	g_test_add_func("/loop-poll/change-processor", test_change_processor);
	g_test_add_func("/loop-poll/no-polling", test_no_polling);
	g_test_add_func("/loop-poll/sleeps-after-the-window", test_sleeps_after_the_window);
	g_test_add_func("/loop-poll/work-at-sleep", test_work_at_sleep_keeps_it_awake);
	g_test_add_func("/loop-poll/completion", test_completion_while_polling);
	g_test_add_func("/loop-poll/makes-way-for-workers", test_makes_way_for_workers_only);
	g_test_add_func("/loop-poll/signal", test_signal_while_polling);
	g_test_add_func("/loop-poll/post", test_post_while_polling);
	g_test_add_func("/loop-poll/stop", test_stop_while_polling);
	g_test_add_func("/loop-poll/pollers-stop-pollers", test_pollers_stop_pollers);
	g_test_add_func("/loop-poll/window-follows-the-gaps", test_window_follows_the_gaps);
	g_test_add_func("/loop-poll/turn-ends", test_turn_ends_while_polling);
	g_test_add_func("/loop-poll/no-polling-while-finishing", test_no_polling_while_finishing);
	return g_test_run();
}
