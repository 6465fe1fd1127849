// SPDX-License-Identifier: Apache-2.0
/*
 * The machine's life cycle. See include/iolite/lifecycle.h. Events are raised on any thread and acted
 * on here, on the loop's thread.
 */
#include <iolite/vm.h>

#include <errno.h>

#include <iolite/exit_status.h>
#include <iolite/log.h>

#include "control.h"
#include "debug.h"
#include "machine.h"

static void stop(struct iol_vm *vm, enum iol_cause cause)
{
	iol_vcpus_pause(vm);
	vm->lifecycle.state = IOL_STATE_STOPPED;
	vm->lifecycle.cause = cause;
	iol_debug_ended(vm);
	iol_vm_control_ended(vm);
	iol_loop_stop(&vm->loop);
}

/* Memory and devices as at power-on: a machine after a reset is the same as a new one. */
static int restore_power_on(struct iol_vm *vm, struct iol_error *err)
{
	int ret;

	for (unsigned int i = vm->device_count; i-- > 0;)
		vm->devices[i]->ops->reset(vm->devices[i]);
	ret = vm->arch->kvm->vm_reset(vm, err);
	if (!ret)
		ret = iol_memory_clear(&vm->memory, err);
	if (!ret)
		ret = iol_machine_load(vm, err);
	if (!ret)
		ret = iol_vcpus_reset(vm, err);
	return ret;
}

enum {
	LINES_PER_S = 1, /* of each kind; a guest may bring them about as often as it likes */
	CRASH_RESETS_MAX = 5, /* in a row */
};

/* A guest that crashes within this time of a reset has done little but that. */
#define SOON_NS IOL_NS_PER_S

/* A reset that takes longer than this is worth a line. */
#define SLOW_NS (5 * IOL_NS_PER_S)

static void slow_done(struct iol_op *op, int res)
{
	struct iol_lifecycle *lc = iol_container_of(op, struct iol_lifecycle, slow_op);

	if (res == -ETIME && lc->state == IOL_STATE_RESETTING)
		iol_log(IOL_LOG_WARN,
			"the reset waits for %u device(s) whose requests the host does not finish; look at "
			"its storage, or stop the machine",
			lc->quiesce.pending);
}

/* Events that the guest brings about and that leave a vCPU held, and all that it does. */
#define GUEST_ENDS                                                                  \
	(1u << IOL_EVENT_RESET | 1u << IOL_EVENT_POWEROFF | 1u << IOL_EVENT_CRASH | \
	 1u << IOL_EVENT_KVM_ERROR | 1u << IOL_EVENT_EMULATION_FAILED)
#define GUEST_EVENTS                                                         \
	(GUEST_ENDS | 1u << IOL_EVENT_PANIC | 1u << IOL_EVENT_CRASH_LOADED | \
	 1u << IOL_EVENT_WATCHDOG | 1u << IOL_EVENT_WATCHDOG_PRETIMEOUT)

/* What devices had in flight is over: nothing writes to guest memory any more. */
static void quiet(struct iol_quiesce *quiesce)
{
	struct iol_lifecycle *lc = iol_container_of(quiesce, struct iol_lifecycle, quiesce);
	struct iol_vm *vm = iol_container_of(lc, struct iol_vm, lifecycle);

	iol_loop_cancel(&vm->loop, &lc->slow_op);
	if (lc->state != IOL_STATE_RESETTING)
		return; /* stopped meanwhile */
	if (restore_power_on(vm, &lc->error)) {
		iol_error_prefix(&lc->error, "reset");
		stop(vm, IOL_CAUSE_HOST);
		return;
	}
	/* Up to when its vCPUs stood the old guest may have done more, a panicked one its reboot, say. */
	atomic_fetch_and(&lc->pending, ~GUEST_EVENTS);
	lc->reset_count++;
	lc->reset_ns = iol_loop_now_ns();
	lc->needs_reset = false;
	lc->watchdog_late = false;
	iol_log(IOL_LOG_INFO, "machine reset");
	iol_vm_control_reset(vm);
	lc->paused_before |= iol_debug_restored(vm);
	lc->state = lc->paused_before ? IOL_STATE_PAUSED : IOL_STATE_RUNNING;
	if (lc->paused_before)
		iol_debug_paused(vm);
	else
		iol_vcpus_resume(vm);
	iol_vm_control_follow(vm);
}

static void reset(struct iol_vm *vm, enum iol_reset_cause cause)
{
	struct iol_lifecycle *lc = &vm->lifecycle;

	if (lc->state == IOL_STATE_RESETTING)
		return;
	lc->reset_cause = cause;
	lc->paused_before = lc->state == IOL_STATE_PAUSED;
	lc->state = IOL_STATE_RESETTING;
	iol_vcpus_pause(vm);
	lc->quiesce.done = quiet;
	iol_machine_quiesce(vm, &lc->quiesce);
	if (lc->state == IOL_STATE_RESETTING && !lc->slow_op.in_flight)
		iol_loop_timeout(&vm->loop, &lc->slow_op, SLOW_NS);
}

/* True when it asks for a reset. A guest that lets its watchdog run out may do so as often as it likes. */
static bool watchdog_ran_out(struct iol_vm *vm)
{
	struct iol_log_limit *limit = &vm->lifecycle.watchdog_log;

	enum iol_watchdog_action action = vm->lifecycle.has_watchdog_action
						  ? vm->lifecycle.watchdog_action
						  : vm->config->on_watchdog;

	if (vm->lifecycle.state == IOL_STATE_PAUSED && vm->lifecycle.pause == IOL_PAUSE_ASKED)
		vm->lifecycle.watchdog_late = true;
	if (vm->lifecycle.state != IOL_STATE_RUNNING)
		return false;
	iol_vm_control_watchdog(vm, action);
	switch (action) {
	case IOL_WATCHDOG_RESET:
		iol_log_limited(limit, IOL_LOG_WARN,
				"the guest's watchdog ran out: the machine is reset (on-watchdog)");
		return true;
	case IOL_WATCHDOG_STOP:
		iol_log(IOL_LOG_ERROR,
			"the guest's watchdog ran out: the machine is stopped (on-watchdog)");
		stop(vm, IOL_CAUSE_WATCHDOG);
		break;
	case IOL_WATCHDOG_PAUSE:
		iol_log_limited(
			limit, IOL_LOG_WARN,
			"the guest's watchdog ran out: the machine is paused (on-watchdog); "
			"Ctrl-A x or SIGTERM twice end it");
		iol_vm_pause(vm);
		vm->lifecycle.pause = IOL_PAUSE_WATCHDOG;
		break;
	case IOL_WATCHDOG_NONE:
		iol_log_limited(limit, IOL_LOG_WARN,
				"the guest's watchdog ran out: the machine runs on (on-watchdog)");
		break;
	}
	return false;
}

/* ---- What the guest does to the machine as a whole ---- */

/* What can end a machine, the gravest first: only one is acted on. */
static const struct end {
	enum iol_event event;
	enum iol_cause cause;
	const char *what, *option; /* NULL: no choice but to end */
	bool told; /* whoever raised it told of it, with what it knows */
	bool counts; /* as a crash: a row of them is an end */
	bool needs_reset; /* a vCPU is held, or a guest is done */
	enum iol_reset_cause reset_cause; /* where it is to reset */
} ends[] = {
	{ IOL_EVENT_STOP, IOL_CAUSE_STOP, .told = true },
	{ IOL_EVENT_EMULATION_FAILED, IOL_CAUSE_EMULATION_FAILED, "KVM gave the guest up",
	  "on-crash", true, true, true, IOL_RESET_CRASH },
	{ IOL_EVENT_KVM_ERROR, IOL_CAUSE_CRASH, "KVM gave the guest up", "on-crash", true, true,
	  true, IOL_RESET_CRASH },
	{ IOL_EVENT_CRASH, IOL_CAUSE_CRASH, "the guest crashed", "on-crash", true, true, true,
	  IOL_RESET_CRASH },
	{ IOL_EVENT_PANIC, IOL_CAUSE_PANIC, "the guest panicked", "on-panic", false, true, false,
	  IOL_RESET_PANIC },
	{ IOL_EVENT_POWEROFF, IOL_CAUSE_POWEROFF, "the guest powered off", "on-poweroff", true,
	  false, true, IOL_RESET_GUEST },
	{ IOL_EVENT_RESET, IOL_CAUSE_REBOOT, "the guest rebooted", "on-reboot", true, false, true,
	  IOL_RESET_GUEST },
};

const char *iol_reset_cause_name(enum iol_reset_cause cause)
{
	static const char *const names[] = {
		[IOL_RESET_NONE] = NULL,     [IOL_RESET_GUEST] = "guest",
		[IOL_RESET_HOST] = "host",   [IOL_RESET_PANIC] = "panic",
		[IOL_RESET_CRASH] = "crash", [IOL_RESET_WATCHDOG] = "watchdog",
	};

	return names[cause];
}

static enum iol_end_action action_of(const struct iol_config *config, enum iol_event event)
{
	switch (event) {
	case IOL_EVENT_RESET:
		return config->on_reboot;
	case IOL_EVENT_POWEROFF:
		return config->on_poweroff;
	case IOL_EVENT_PANIC:
		return config->on_panic;
	case IOL_EVENT_CRASH:
		return config->on_crash;
	case IOL_EVENT_EMULATION_FAILED:
	case IOL_EVENT_KVM_ERROR:
		/* What this KVM cannot do it cannot do after a reset. */
		return config->on_crash == IOL_END_PAUSE ? IOL_END_PAUSE : IOL_END_EXIT;
	default:
		return IOL_END_EXIT;
	}
}

/* True when the guest does nothing but crash any more. */
static bool crashes_in_a_row(struct iol_lifecycle *lc)
{
	if (!lc->reset_ns || iol_loop_now_ns() - lc->reset_ns > lc->soon_ns)
		lc->crash_resets = 0;
	return ++lc->crash_resets > CRASH_RESETS_MAX;
}

static void end_machine(struct iol_vm *vm, const struct end *end)
{
	if (!end->told)
		iol_log(IOL_LOG_ERROR, "%s: the machine is stopped (%s)", end->what, end->option);
	stop(vm, end->cause);
}

static void pause_machine(struct iol_vm *vm, const struct end *end)
{
	struct iol_lifecycle *lc = &vm->lifecycle;
	uint32_t also;

	/* As often as somebody lets it run again. */
	if (!iol_vm_pause(vm))
		iol_log(IOL_LOG_WARN,
			"%s: the machine is paused (%s); Ctrl-A x or SIGTERM twice end it",
			end->what, end->option);
	if (end->event == IOL_EVENT_PANIC)
		lc->pause = IOL_PAUSE_PANIC;
	/* Until they stood vCPUs went on, a panicked one up to its reboot, say: that would undo the pause. */
	also = atomic_fetch_and(&lc->pending, ~GUEST_ENDS) & GUEST_ENDS;
	lc->needs_reset |= end->needs_reset || also;
}

/* True: the machine is to be reset. */
static bool reset_or_end(struct iol_vm *vm, const struct end *end)
{
	struct iol_lifecycle *lc = &vm->lifecycle;

	if (!end->counts)
		return true;
	if (crashes_in_a_row(lc)) {
		iol_log(IOL_LOG_ERROR,
			"%s, %d times in a row and at once after a reset: the machine is stopped",
			end->what, CRASH_RESETS_MAX + 1);
		stop(vm, end->cause);
		return false;
	}
	iol_log_limited(&lc->action_log, IOL_LOG_WARN, "%s: the machine is reset (%s)", end->what,
			end->option);
	return true;
}

/* Acts on the gravest of @pending; what the machine is to be reset for. @paused: it stands now, because of that. */
static enum iol_reset_cause run_ends(struct iol_vm *vm, uint32_t pending, bool *paused)
{
	const struct end *end = ends;

	while (end < ends + IOL_ARRAY_LEN(ends) && !(pending & (1u << end->event)))
		end++;
	if (end == ends + IOL_ARRAY_LEN(ends))
		return IOL_RESET_NONE;
	if (end->event == IOL_EVENT_PANIC)
		iol_vm_control_panicked(vm, vm->config->on_panic);
	switch (action_of(vm->config, end->event)) {
	case IOL_END_RESET:
		return reset_or_end(vm, end) ? end->reset_cause : IOL_RESET_NONE;
	case IOL_END_PAUSE:
		pause_machine(vm, end);
		*paused = true;
		return IOL_RESET_NONE;
	case IOL_END_EXIT:
		break;
	}
	end_machine(vm, end);
	return IOL_RESET_NONE;
}

/* What is told, and does nothing. */
static void tell_events(struct iol_vm *vm, uint32_t pending)
{
	if (pending & (1u << IOL_EVENT_CRASH_LOADED)) {
		iol_vm_control_crash_loaded(vm);
		iol_log_limited(&vm->lifecycle.crash_loaded_log, IOL_LOG_WARN,
				"the guest panicked, and goes on with its crash kernel");
	}
	if (pending & (1u << IOL_EVENT_WATCHDOG_PRETIMEOUT)) {
		iol_vm_control_watchdog_pretimeout(vm);
		iol_log_limited(&vm->lifecycle.pretimeout_log, IOL_LOG_INFO,
				"the guest's watchdog is at the end of its first stage");
	}
}

static void run_events(struct iol_post *post)
{
	struct iol_lifecycle *lc = iol_container_of(post, struct iol_lifecycle, post);
	struct iol_vm *vm = iol_container_of(lc, struct iol_vm, lifecycle);
	const uint32_t reboot = 1u << IOL_EVENT_RESET;
	uint32_t pending = atomic_exchange(&lc->pending, 0);
	enum iol_reset_cause cause =
		pending & (1u << IOL_EVENT_RESET_NOW) ? IOL_RESET_HOST : IOL_RESET_NONE;
	enum iol_reset_cause end_cause;
	bool paused = false;

	if (lc->state == IOL_STATE_STOPPED)
		return;
	if (lc->state == IOL_STATE_RESETTING)
		pending &= ~GUEST_EVENTS; /* from before the reset */
	tell_events(vm, pending);
	/* A watchdog that ends the machine does so before the guest's own reset. */
	end_cause = run_ends(vm, pending & ~reboot, &paused);
	if (end_cause)
		cause = end_cause;
	if (pending & (1u << IOL_EVENT_WATCHDOG) && lc->state != IOL_STATE_STOPPED &&
	    watchdog_ran_out(vm))
		cause = IOL_RESET_WATCHDOG;
	if (pending & reboot && paused)
		lc->needs_reset = true;
	else if (pending & reboot && !cause && lc->state != IOL_STATE_STOPPED)
		cause = run_ends(vm, reboot, &paused);
	if (cause && lc->state != IOL_STATE_STOPPED)
		reset(vm, cause);
}

static void raise_event(struct iol_event_sink *sink, enum iol_event event)
{
	struct iol_lifecycle *lc = iol_container_of(sink, struct iol_lifecycle, sink);
	struct iol_vm *vm = iol_container_of(lc, struct iol_vm, lifecycle);

	atomic_fetch_or(&lc->pending, 1u << event);
	iol_loop_post(&vm->loop, &lc->post);
}

enum iol_exit iol_cause_exit(enum iol_cause cause)
{
	switch (cause) {
	case IOL_CAUSE_POWEROFF:
	case IOL_CAUSE_STOP:
	case IOL_CAUSE_REBOOT:
		return IOL_EXIT_OK;
	case IOL_CAUSE_CRASH:
	case IOL_CAUSE_EMULATION_FAILED:
		return IOL_EXIT_CRASH;
	case IOL_CAUSE_PANIC:
		return IOL_EXIT_PANIC;
	case IOL_CAUSE_WATCHDOG:
		return IOL_EXIT_WATCHDOG;
	case IOL_CAUSE_HOST:
	case IOL_CAUSE_NONE:
		break;
	}
	return IOL_EXIT_HOST;
}

void iol_lifecycle_init(struct iol_vm *vm)
{
	vm->lifecycle.sink.raise = raise_event;
	vm->lifecycle.post.run = run_events;
	vm->lifecycle.slow_op.done = slow_done;
	vm->lifecycle.watchdog_log.burst = LINES_PER_S;
	vm->lifecycle.pretimeout_log.burst = LINES_PER_S;
	vm->lifecycle.action_log.burst = LINES_PER_S;
	vm->lifecycle.crash_loaded_log.burst = LINES_PER_S;
	vm->lifecycle.soon_ns = SOON_NS;
	vm->lifecycle.state = IOL_STATE_CREATED;
}

int iol_vm_pause(struct iol_vm *vm)
{
	if (vm->lifecycle.state != IOL_STATE_RUNNING)
		return -EBUSY;
	iol_vcpus_pause(vm);
	vm->lifecycle.state = IOL_STATE_PAUSED;
	vm->lifecycle.pause = IOL_PAUSE_ASKED;
	iol_debug_paused(vm);
	iol_vm_control_follow(vm);
	return 0;
}

int iol_vm_resume(struct iol_vm *vm)
{
	if (vm->lifecycle.state != IOL_STATE_PAUSED || iol_debug_holds(vm))
		return -EBUSY;
	vm->lifecycle.state = IOL_STATE_RUNNING;
	vm->lifecycle.has_run = true;
	iol_vm_control_follow(vm);
	if (vm->lifecycle.watchdog_late)
		iol_vm_raise(vm, IOL_EVENT_WATCHDOG);
	vm->lifecycle.watchdog_late = false;
	iol_vcpus_resume(vm);
	return 0;
}
