// SPDX-License-Identifier: Apache-2.0
/* The states of a partition. See partition.h. */
#include "partition.h"

#include <errno.h>
#include <glib.h>

#include <iolite/exit_status.h>

void iol_partition_init(struct iol_partition *partition, const struct iol_partition_config *config,
			const struct iol_partition_ops *ops)
{
	*partition = (struct iol_partition){ .config = config, .ops = ops };
}

const char *iol_partition_state_name(enum iol_partition_state state)
{
	static const char *const names[] = {
		[IOL_PARTITION_STOPPED] = "stopped",   [IOL_PARTITION_STARTING] = "starting",
		[IOL_PARTITION_RUNNING] = "running",   [IOL_PARTITION_PAUSING] = "pausing",
		[IOL_PARTITION_PAUSED] = "paused",     [IOL_PARTITION_RESUMING] = "resuming",
		[IOL_PARTITION_STOPPING] = "stopping",
	};

	return names[state];
}

char *iol_partition_end_text(struct iol_partition_end end)
{
	static const char *const statuses[] = {
		[IOL_EXIT_OK] = "power-off", [IOL_EXIT_HOST] = "host-failure",
		[IOL_EXIT_USAGE] = "usage",  [IOL_EXIT_CRASH] = "crash",
		[IOL_EXIT_PANIC] = "panic",  [IOL_EXIT_WATCHDOG] = "watchdog",
	};

	switch (end.cause) {
	case IOL_PARTITION_NEVER_RAN:
		return g_strdup("");
	case IOL_PARTITION_ENDED_STOPPED:
		return g_strdup("stopped");
	case IOL_PARTITION_ENDED_SIGNAL:
		return g_strdup_printf("killed by signal %d", end.number);
	case IOL_PARTITION_ENDED_LOST:
		return g_strdup("lost");
	case IOL_PARTITION_ENDED_STATUS:
		break;
	}
	if (end.number >= 0 && (size_t)end.number < IOL_ARRAY_LEN(statuses))
		return g_strdup(statuses[end.number]);
	return g_strdup_printf("exit status %d", end.number);
}

bool iol_partition_failed(struct iol_partition_end end)
{
	switch (end.cause) {
	case IOL_PARTITION_ENDED_STATUS:
		return end.number != IOL_EXIT_OK;
	case IOL_PARTITION_ENDED_SIGNAL:
	case IOL_PARTITION_ENDED_LOST:
		return true;
	default:
		return false;
	}
}

static uint64_t now_ns(struct iol_partition *p)
{
	return p->ops->now_ns(p);
}

static void set_timer(struct iol_partition *p, enum iol_partition_timer timer, uint64_t after_ns)
{
	p->timer = timer;
	p->deadline_ns = now_ns(p) + after_ns;
}

static void clear_timer(struct iol_partition *p)
{
	p->timer = IOL_PARTITION_TIMER_NONE;
	p->deadline_ns = 0;
}

static void enter(struct iol_partition *p, enum iol_partition_state state)
{
	p->state = state;
	p->ops->changed(p);
}

/* --- starting --- */

int iol_partition_start(struct iol_partition *p, struct iol_error *err)
{
	if (p->state == IOL_PARTITION_STOPPING && !p->again)
		return iol_error_set(err, -EBUSY,
				     "'%.64s' is about to stop: start it when it has stopped, or "
				     "restart it",
				     p->config->name);
	if (p->state != IOL_PARTITION_STOPPED)
		return 0;
	clear_timer(p);
	p->restart = (struct iol_restart){ 0 };
	p->wanted = true;
	p->has_run = false;
	p->ops->changed(p);
	return 0;
}

bool iol_partition_may_launch(const struct iol_partition *p)
{
	return p->wanted && p->state == IOL_PARTITION_STOPPED &&
	       p->timer == IOL_PARTITION_TIMER_NONE;
}

void iol_partition_launch(struct iol_partition *p)
{
	struct iol_error err = { 0 };

	p->state = IOL_PARTITION_STARTING;
	p->ready_ns = 0;
	if (p->ops->launch(p, &err))
		iol_partition_ended(p, (struct iol_partition_end){
					       .cause = IOL_PARTITION_ENDED_STATUS,
					       .number = IOL_EXIT_HOST,
				       });
	else
		p->ops->changed(p);
}

void iol_partition_ready(struct iol_partition *p, bool paused)
{
	if (p->state != IOL_PARTITION_STARTING)
		return;
	p->has_run = true;
	p->ready_ns = now_ns(p);
	enter(p, paused ? IOL_PARTITION_PAUSED : IOL_PARTITION_RUNNING);
}

/* --- stopping --- */

static void kill_now(struct iol_partition *p)
{
	clear_timer(p);
	p->ops->kill(p);
}

static void quit(struct iol_partition *p)
{
	if (p->ops->quit(p, NULL))
		kill_now(p);
	else
		set_timer(p, IOL_PARTITION_TIMER_QUIT, IOL_PARTITION_QUIT_NS);
}

/* One that stands would not notice. */
static bool press_button(struct iol_partition *p)
{
	if (p->state == IOL_PARTITION_PAUSED || p->state == IOL_PARTITION_PAUSING)
		p->ops->resume(p, NULL);
	return !p->ops->button(p, NULL);
}

void iol_partition_stop(struct iol_partition *p, uint64_t wait_ns)
{
	bool starting = p->state == IOL_PARTITION_STARTING;

	p->wanted = false;
	p->again = false;
	if (p->state == IOL_PARTITION_STOPPED) {
		clear_timer(p);
		p->ops->changed(p);
		return;
	}
	/* Who is in a hurry now need not wait for who was not. */
	if (p->state == IOL_PARTITION_STOPPING) {
		if (p->timer == IOL_PARTITION_TIMER_BUTTON && !wait_ns)
			quit(p);
		p->ops->changed(p);
		return;
	}
	/* What is told to others is written down before it is done. */
	if (starting || !wait_ns || !press_button(p)) {
		enter(p, IOL_PARTITION_STOPPING);
		quit(p);
	} else {
		enter(p, IOL_PARTITION_STOPPING);
		set_timer(p, IOL_PARTITION_TIMER_BUTTON, wait_ns);
	}
}

void iol_partition_restart(struct iol_partition *p, uint64_t wait_ns)
{
	if (p->state == IOL_PARTITION_STOPPED) {
		iol_partition_start(p, NULL);
		return;
	}
	iol_partition_stop(p, wait_ns);
	p->again = true;
	p->ops->changed(p);
}

/* --- pausing --- */

static int refuse_state(const struct iol_partition *p, const char *wanted, struct iol_error *err)
{
	return iol_error_set(err, -EINVAL, "'%.64s' is %s: it must be %s for that", p->config->name,
			     iol_partition_state_name(p->state), wanted);
}

int iol_partition_pause(struct iol_partition *p, struct iol_error *err)
{
	int ret;

	if (p->state == IOL_PARTITION_PAUSED || p->state == IOL_PARTITION_PAUSING)
		return 0;
	if (p->state != IOL_PARTITION_RUNNING)
		return refuse_state(p, "running", err);
	ret = p->ops->pause(p, err);
	if (!ret)
		enter(p, IOL_PARTITION_PAUSING);
	return ret;
}

int iol_partition_resume(struct iol_partition *p, struct iol_error *err)
{
	int ret;

	if (p->state == IOL_PARTITION_RUNNING || p->state == IOL_PARTITION_RESUMING)
		return 0;
	if (p->state != IOL_PARTITION_PAUSED)
		return refuse_state(p, "paused", err);
	ret = p->ops->resume(p, err);
	if (!ret)
		enter(p, IOL_PARTITION_RESUMING);
	return ret;
}

/* A debugger, a watchdog or another client may be behind either of these, too. */
void iol_partition_paused(struct iol_partition *p)
{
	if (p->state == IOL_PARTITION_RUNNING || p->state == IOL_PARTITION_PAUSING)
		enter(p, IOL_PARTITION_PAUSED);
}

void iol_partition_resumed(struct iol_partition *p)
{
	if (p->state == IOL_PARTITION_PAUSED || p->state == IOL_PARTITION_RESUMING)
		enter(p, IOL_PARTITION_RUNNING);
}

void iol_partition_refused(struct iol_partition *p)
{
	if (p->state == IOL_PARTITION_PAUSING)
		enter(p, IOL_PARTITION_RUNNING);
	else if (p->state == IOL_PARTITION_RESUMING)
		enter(p, IOL_PARTITION_PAUSED);
}

/* --- the end --- */

/*
 * A configuration that could not be run will not be better next time. One that has been run was right: what is in its way then, as
 * a disk that is in use, may go.
 */
static bool is_final(const struct iol_partition *p)
{
	return !p->has_run && p->end.cause == IOL_PARTITION_ENDED_STATUS &&
	       p->end.number == IOL_EXIT_USAGE;
}

static void plan_restart(struct iol_partition *p)
{
	uint64_t ran_ns = p->ready_ns ? now_ns(p) - p->ready_ns : 0, delay_ns = 0;

	if (p->wanted && !is_final(p) &&
	    iol_restart_next(&p->restart, &p->config->restart, iol_partition_failed(p->end), ran_ns,
			     &delay_ns)) {
		p->delay_ns = delay_ns;
		set_timer(p, IOL_PARTITION_TIMER_RESTART, delay_ns);
		return;
	}
	p->wanted = false;
}

void iol_partition_ended(struct iol_partition *p, struct iol_partition_end end)
{
	bool asked = p->state == IOL_PARTITION_STOPPING;

	clear_timer(p);
	p->end = asked ? (struct iol_partition_end){ .cause = IOL_PARTITION_ENDED_STOPPED } : end;
	if (asked || end.cause == IOL_PARTITION_ENDED_STOPPED) {
		p->wanted = p->again;
		if (p->again)
			p->restart = (struct iol_restart){ 0 };
		p->has_run = false;
	} else {
		plan_restart(p);
	}
	p->again = false;
	p->ready_ns = 0;
	enter(p, IOL_PARTITION_STOPPED);
}

void iol_partition_unlaunched(struct iol_partition *p)
{
	clear_timer(p);
	p->ready_ns = 0;
	enter(p, IOL_PARTITION_STOPPED);
}

void iol_partition_expired(struct iol_partition *p)
{
	enum iol_partition_timer timer = p->timer;

	clear_timer(p);
	switch (timer) {
	case IOL_PARTITION_TIMER_BUTTON:
		quit(p);
		break;
	case IOL_PARTITION_TIMER_QUIT:
		kill_now(p);
		break;
	default:
		p->ops->changed(p);
	}
}
