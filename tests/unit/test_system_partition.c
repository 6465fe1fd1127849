// SPDX-License-Identifier: Apache-2.0
/* A partition's states, its restarts on a clock of the test's, and the order of several. */
#include <system/partition.h>

#include <errno.h>
#include <glib.h>
#include <string.h>

#include <iolite/exit_status.h>

/* What was asked of the owner, a letter each: launch, pause, resume, button, quit, kill. */
struct rig {
	struct iol_partition partition;
	struct iol_partition_config config;
	uint64_t now_ns;
	GString *asked;
	unsigned int changes;
	int answer; /* of pause, resume, button, quit */
	int launches; /* 0, or -errno */
};

static struct rig *rig_of(struct iol_partition *p)
{
	return iol_container_of(p, struct rig, partition);
}

static uint64_t now_ns(struct iol_partition *p)
{
	return rig_of(p)->now_ns;
}

static int launch(struct iol_partition *p, struct iol_error *err)
{
	g_string_append_c(rig_of(p)->asked, 'L');
	return rig_of(p)->launches ? iol_error_set(err, rig_of(p)->launches, "no") : 0;
}

static int asked(struct iol_partition *p, char what, struct iol_error *err)
{
	g_string_append_c(rig_of(p)->asked, what);
	return rig_of(p)->answer ? iol_error_set(err, rig_of(p)->answer, "no") : 0;
}

static int pause_machine(struct iol_partition *p, struct iol_error *err)
{
	return asked(p, 'P', err);
}

static int resume_machine(struct iol_partition *p, struct iol_error *err)
{
	return asked(p, 'R', err);
}

static int button(struct iol_partition *p, struct iol_error *err)
{
	return asked(p, 'B', err);
}

static int quit(struct iol_partition *p, struct iol_error *err)
{
	return asked(p, 'Q', err);
}

static void kill_process(struct iol_partition *p)
{
	g_string_append_c(rig_of(p)->asked, 'K');
}

static void changed(struct iol_partition *p)
{
	rig_of(p)->changes++;
}

static const struct iol_partition_ops ops = { now_ns, launch, pause_machine, resume_machine,
					      button, quit,   kill_process,  changed };

static void rig_init(struct rig *rig, enum iol_restart_policy policy)
{
	memset(rig, 0, sizeof(*rig));
	rig->config = (struct iol_partition_config){
		.name = (char *)"p",
		.restart = { policy, .delay_ms = 100, .delay_max_ms = 500, .limit = 4,
			     .steady_ms = 1000 },
	};
	rig->now_ns = 1000 * IOL_NS_PER_S;
	rig->asked = g_string_new(NULL);
	iol_partition_init(&rig->partition, &rig->config, &ops);
}

static void rig_finish(struct rig *rig)
{
	g_string_free(rig->asked, TRUE);
}

/* Since the last time. */
static void expect_asked(struct rig *rig, const char *wanted)
{
	g_assert_cmpstr(rig->asked->str, ==, wanted);
	g_string_truncate(rig->asked, 0);
}

static void expect_state(struct rig *rig, const char *wanted)
{
	g_assert_cmpstr(iol_partition_state_name(rig->partition.state), ==, wanted);
}

static void pass(struct rig *rig, uint64_t ms)
{
	struct iol_partition *p = &rig->partition;

	rig->now_ns += ms * IOL_NS_PER_MS;
	if (p->deadline_ns && p->deadline_ns <= rig->now_ns)
		iol_partition_expired(p);
	if (iol_partition_may_launch(p))
		iol_partition_launch(p);
}

static void end_with(struct rig *rig, int status)
{
	iol_partition_ended(&rig->partition, (struct iol_partition_end){
						     .cause = IOL_PARTITION_ENDED_STATUS,
						     .number = status,
					     });
}

/* It runs. */
static void bring_up(struct rig *rig)
{
	g_assert_cmpint(iol_partition_start(&rig->partition, NULL), ==, 0);
	pass(rig, 0);
	expect_state(rig, "starting");
	iol_partition_ready(&rig->partition, false);
	expect_state(rig, "running");
	expect_asked(rig, "L");
}

static void expect_end(struct rig *rig, const char *wanted)
{
	g_autofree char *text = iol_partition_end_text(rig->partition.end);

	g_assert_cmpstr(text, ==, wanted);
}

static void test_life(void)
{
	struct rig rig;
	struct iol_partition *p = &rig.partition;
	struct iol_error err;

	rig_init(&rig, IOL_RESTART_NEVER);
	expect_state(&rig, "stopped");
	expect_end(&rig, "");
	g_assert_cmpint(iol_partition_pause(p, &err), ==, -EINVAL);
	g_assert_cmpstr(err.msg, ==, "'p' is stopped: it must be running for that");
	bring_up(&rig);
	g_assert_cmpint(iol_partition_pause(p, NULL), ==, 0);
	expect_state(&rig, "pausing");
	iol_partition_paused(p);
	expect_state(&rig, "paused");
	g_assert_cmpint(iol_partition_resume(p, NULL), ==, 0);
	expect_state(&rig, "resuming");
	iol_partition_resumed(p);
	expect_state(&rig, "running");
	expect_asked(&rig, "PR");
	/* Another client's doing. */
	iol_partition_paused(p);
	expect_state(&rig, "paused");
	iol_partition_resumed(p);
	expect_state(&rig, "running");
	end_with(&rig, IOL_EXIT_PANIC);
	expect_state(&rig, "stopped");
	expect_end(&rig, "panic");
	g_assert_false(p->wanted);
	pass(&rig, 1000000);
	expect_asked(&rig, "");
	rig_finish(&rig);
}

/* Who cannot be told stays as it is, and says so. */
static void test_refused(void)
{
	struct rig rig;
	struct iol_partition *p = &rig.partition;

	rig_init(&rig, IOL_RESTART_NEVER);
	bring_up(&rig);
	rig.answer = -ENOTCONN;
	g_assert_cmpint(iol_partition_pause(p, NULL), ==, -ENOTCONN);
	expect_state(&rig, "running");
	rig.answer = 0;
	g_assert_cmpint(iol_partition_pause(p, NULL), ==, 0);
	iol_partition_refused(p);
	expect_state(&rig, "running");
	iol_partition_paused(p);
	g_assert_cmpint(iol_partition_resume(p, NULL), ==, 0);
	iol_partition_refused(p);
	expect_state(&rig, "paused");
	rig_finish(&rig);
}

/* Each wait is twice the last one, up to the longest; then it is given up. */
static void test_back_off(void)
{
	static const uint64_t delays_ms[] = { 100, 200, 400, 500 };
	struct rig rig;

	rig_init(&rig, IOL_RESTART_ON_FAILURE);
	bring_up(&rig);
	for (size_t i = 0; i < IOL_ARRAY_LEN(delays_ms); i++) {
		end_with(&rig, IOL_EXIT_CRASH);
		expect_state(&rig, "stopped");
		expect_end(&rig, "crash");
		pass(&rig, delays_ms[i] - 1);
		expect_asked(&rig, "");
		pass(&rig, 1);
		expect_asked(&rig, "L");
		iol_partition_ready(&rig.partition, false);
	}
	end_with(&rig, IOL_EXIT_CRASH);
	g_assert_false(rig.partition.wanted);
	pass(&rig, 1000000);
	expect_asked(&rig, "");
	/* A person's word begins a new row. */
	bring_up(&rig);
	end_with(&rig, IOL_EXIT_CRASH);
	pass(&rig, 100);
	expect_asked(&rig, "L");
	rig_finish(&rig);
}

static void test_steady(void)
{
	struct rig rig;

	rig_init(&rig, IOL_RESTART_ON_FAILURE);
	bring_up(&rig);
	for (unsigned int i = 0; i < 20; i++) {
		pass(&rig, 1000);
		end_with(&rig, IOL_EXIT_WATCHDOG);
		g_assert_cmpuint(rig.partition.restart.count, ==, 1);
		pass(&rig, 100);
		expect_asked(&rig, "L");
		iol_partition_ready(&rig.partition, false);
	}
	/* One that was long in starting has not run. */
	end_with(&rig, IOL_EXIT_CRASH);
	pass(&rig, 200);
	expect_asked(&rig, "L");
	pass(&rig, 5000);
	end_with(&rig, IOL_EXIT_CRASH);
	g_assert_cmpuint(rig.partition.restart.count, ==, 3);
	rig_finish(&rig);
}

static void test_policies(void)
{
	static const struct {
		enum iol_restart_policy policy;
		struct iol_partition_end end;
		bool again;
	} cases[] = {
		{ IOL_RESTART_NEVER, { IOL_PARTITION_ENDED_STATUS, IOL_EXIT_CRASH }, false },
		{ IOL_RESTART_NEVER, { IOL_PARTITION_ENDED_STATUS, IOL_EXIT_OK }, false },
		{ IOL_RESTART_ON_FAILURE, { IOL_PARTITION_ENDED_STATUS, IOL_EXIT_OK }, false },
		{ IOL_RESTART_ON_FAILURE, { IOL_PARTITION_ENDED_STATUS, IOL_EXIT_HOST }, true },
		{ IOL_RESTART_ON_FAILURE, { IOL_PARTITION_ENDED_STATUS, IOL_EXIT_USAGE }, true },
		{ IOL_RESTART_ON_FAILURE, { IOL_PARTITION_ENDED_SIGNAL, 9 }, true },
		{ IOL_RESTART_ON_FAILURE, { IOL_PARTITION_ENDED_LOST, 0 }, true },
		{ IOL_RESTART_ON_FAILURE, { IOL_PARTITION_ENDED_STOPPED, 0 }, false },
		{ IOL_RESTART_ALWAYS, { IOL_PARTITION_ENDED_STATUS, IOL_EXIT_OK }, true },
		{ IOL_RESTART_ALWAYS, { IOL_PARTITION_ENDED_STATUS, IOL_EXIT_USAGE }, true },
		{ IOL_RESTART_ALWAYS, { IOL_PARTITION_ENDED_STOPPED, 0 }, false },
	};

	for (size_t i = 0; i < IOL_ARRAY_LEN(cases); i++) {
		struct rig rig;

		g_test_message("case %zu", i);
		rig_init(&rig, cases[i].policy);
		bring_up(&rig);
		iol_partition_ended(&rig.partition, cases[i].end);
		g_assert_cmpint(rig.partition.wanted, ==, cases[i].again);
		pass(&rig, 100);
		expect_asked(&rig, cases[i].again ? "L" : "");
		rig_finish(&rig);
	}
}

/* What could not be run at first will not be better; what has been run was right. */
static void test_usage(void)
{
	struct rig rig;

	rig_init(&rig, IOL_RESTART_ALWAYS);
	iol_partition_start(&rig.partition, NULL);
	pass(&rig, 0);
	end_with(&rig, IOL_EXIT_USAGE);
	g_assert_false(rig.partition.wanted);
	expect_end(&rig, "usage");
	pass(&rig, 100000);
	expect_asked(&rig, "L");
	rig_finish(&rig);
}

/* A process that was none of it: nothing has been tried, and nothing is counted. */
static void test_unlaunched(void)
{
	struct rig rig;

	rig_init(&rig, IOL_RESTART_NEVER);
	iol_partition_start(&rig.partition, NULL);
	pass(&rig, 0);
	iol_partition_unlaunched(&rig.partition);
	expect_state(&rig, "stopped");
	expect_end(&rig, "");
	pass(&rig, 0);
	expect_asked(&rig, "LL");
	g_assert_cmpuint(rig.partition.restart.count, ==, 0);
	rig_finish(&rig);
}

/* The button, then the word, then the signal; and who is in a hurry later need not wait. */
static void test_stop(void)
{
	struct rig rig;
	struct iol_partition *p = &rig.partition;

	rig_init(&rig, IOL_RESTART_ALWAYS);
	bring_up(&rig);
	iol_partition_stop(p, 3 * IOL_NS_PER_S);
	expect_state(&rig, "stopping");
	expect_asked(&rig, "B");
	g_assert_cmpint(iol_partition_start(p, NULL), ==, -EBUSY);
	pass(&rig, 2999);
	expect_asked(&rig, "");
	pass(&rig, 1);
	expect_asked(&rig, "Q");
	pass(&rig, 4999);
	expect_asked(&rig, "");
	pass(&rig, 1);
	expect_asked(&rig, "K");
	/* It is stuck: nothing else has ended it. */
	pass(&rig, 1000000);
	expect_state(&rig, "stopping");
	iol_partition_ended(p, (struct iol_partition_end){ IOL_PARTITION_ENDED_SIGNAL, 9 });
	expect_state(&rig, "stopped");
	expect_end(&rig, "stopped");
	pass(&rig, 1000000);
	expect_asked(&rig, "");

	bring_up(&rig);
	iol_partition_stop(p, 3 * IOL_NS_PER_S);
	iol_partition_stop(p, 0);
	expect_asked(&rig, "BQ");
	iol_partition_stop(p, 0);
	expect_asked(&rig, "");
	end_with(&rig, IOL_EXIT_OK);
	expect_end(&rig, "stopped");
	/* Paused, it would not notice the button. */
	bring_up(&rig);
	iol_partition_paused(p);
	iol_partition_stop(p, IOL_NS_PER_S);
	expect_asked(&rig, "RB");
	end_with(&rig, IOL_EXIT_OK);
	/* One that starts is in nobody's hands. */
	iol_partition_start(p, NULL);
	pass(&rig, 0);
	rig.answer = -ENOTCONN;
	iol_partition_stop(p, IOL_NS_PER_S);
	expect_asked(&rig, "LQK");
	end_with(&rig, IOL_EXIT_HOST);
	expect_end(&rig, "stopped");
	/* During the wait for a restart it is just not started. */
	rig.answer = 0;
	bring_up(&rig);
	end_with(&rig, IOL_EXIT_CRASH);
	iol_partition_stop(p, 0);
	pass(&rig, 100000);
	expect_asked(&rig, "");
	expect_end(&rig, "crash");
	rig_finish(&rig);
}

static void test_restart(void)
{
	struct rig rig;
	struct iol_partition *p = &rig.partition;

	rig_init(&rig, IOL_RESTART_NEVER);
	bring_up(&rig);
	iol_partition_restart(p, 0);
	expect_asked(&rig, "Q");
	end_with(&rig, IOL_EXIT_OK);
	expect_state(&rig, "stopped");
	pass(&rig, 0);
	expect_asked(&rig, "L");
	/* A stop that comes later holds. */
	iol_partition_ready(p, false);
	iol_partition_restart(p, 0);
	iol_partition_stop(p, 0);
	end_with(&rig, IOL_EXIT_OK);
	pass(&rig, 0);
	expect_asked(&rig, "Q");
	rig_finish(&rig);
}

static void test_launch_fails(void)
{
	struct rig rig;

	rig_init(&rig, IOL_RESTART_ON_FAILURE);
	rig.launches = -EAGAIN;
	iol_partition_start(&rig.partition, NULL);
	for (unsigned int i = 0; i < 5; i++)
		pass(&rig, 500);
	expect_asked(&rig, "LLLLL");
	pass(&rig, 100000);
	expect_asked(&rig, "");
	expect_end(&rig, "host-failure");
	expect_state(&rig, "stopped");
	rig_finish(&rig);
}

/* c after b after a; d has nothing to do with them. */
static void test_order(void)
{
	struct rig rigs[4];
	const struct iol_partition *all[4];

	for (unsigned int i = 0; i < 4; i++) {
		rig_init(&rigs[i], IOL_RESTART_NEVER);
		all[i] = &rigs[i].partition;
		rigs[i].config.after_count = i == 1 || i == 2;
		rigs[i].config.after[0] = i - 1;
		iol_partition_start(&rigs[i].partition, NULL);
	}
	g_assert_cmpint(iol_partition_waits_for(all, 0), ==, -1);
	g_assert_cmpint(iol_partition_waits_for(all, 1), ==, 0);
	g_assert_cmpint(iol_partition_waits_for(all, 2), ==, 1);
	g_assert_cmpint(iol_partition_waits_for(all, 3), ==, -1);
	iol_partition_launch(&rigs[0].partition);
	g_assert_cmpint(iol_partition_waits_for(all, 1), ==, 0);
	iol_partition_ready(&rigs[0].partition, false);
	g_assert_cmpint(iol_partition_waits_for(all, 1), ==, -1);
	/* Its work done, it has still been there first. */
	end_with(&rigs[0], IOL_EXIT_OK);
	g_assert_cmpint(iol_partition_waits_for(all, 1), ==, -1);
	/* Who is not to run is not waited for. */
	iol_partition_stop(&rigs[1].partition, 0);
	g_assert_cmpint(iol_partition_waits_for(all, 2), ==, -1);
	for (unsigned int i = 0; i < 4; i++)
		rig_finish(&rigs[i]);
}

static void test_order_down(void)
{
	struct rig rigs[3];
	const struct iol_partition *all[3];

	for (unsigned int i = 0; i < 3; i++) {
		rig_init(&rigs[i], IOL_RESTART_NEVER);
		all[i] = &rigs[i].partition;
		rigs[i].config.after_count = i > 0;
		rigs[i].config.after[0] = i - 1;
		bring_up(&rigs[i]);
	}
	g_assert_false(iol_partition_may_stop(all, 3, 0));
	g_assert_false(iol_partition_may_stop(all, 3, 1));
	g_assert_true(iol_partition_may_stop(all, 3, 2));
	iol_partition_stop(&rigs[2].partition, 0);
	g_assert_false(iol_partition_may_stop(all, 3, 1));
	end_with(&rigs[2], IOL_EXIT_OK);
	g_assert_true(iol_partition_may_stop(all, 3, 1));
	g_assert_false(iol_partition_may_stop(all, 3, 0));
	for (unsigned int i = 0; i < 3; i++)
		rig_finish(&rigs[i]);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/system/partition/life", test_life);
	g_test_add_func("/system/partition/refused", test_refused);
	g_test_add_func("/system/partition/back-off", test_back_off);
	g_test_add_func("/system/partition/steady", test_steady);
	g_test_add_func("/system/partition/policies", test_policies);
	g_test_add_func("/system/partition/usage", test_usage);
	g_test_add_func("/system/partition/unlaunched", test_unlaunched);
	g_test_add_func("/system/partition/stop", test_stop);
	g_test_add_func("/system/partition/restart", test_restart);
	g_test_add_func("/system/partition/launch-fails", test_launch_fails);
	g_test_add_func("/system/partition/order", test_order);
	g_test_add_func("/system/partition/order-down", test_order_down);
	return g_test_run();
}
