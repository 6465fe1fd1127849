// SPDX-License-Identifier: Apache-2.0
/*
 * The machine's life cycle. See include/iolite/lifecycle.h. Events are raised on any thread and acted
 * on here, on the loop's thread.
 */
#include <iolite/vm.h>

#include <errno.h>

#include <iolite/log.h>

#include "machine.h"

static void stop(struct iol_vm *vm, enum iol_cause cause)
{
	iol_vcpus_pause(vm);
	vm->lifecycle.state = IOL_STATE_STOPPED;
	vm->lifecycle.cause = cause;
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

enum { WATCHDOG_LINES_PER_S = 1 };

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
	lc->reset_count++;
	iol_log(IOL_LOG_INFO, "machine reset");
	lc->state = lc->paused_before ? IOL_STATE_PAUSED : IOL_STATE_RUNNING;
	if (!lc->paused_before)
		iol_vcpus_resume(vm);
}

static void reset(struct iol_vm *vm)
{
	struct iol_lifecycle *lc = &vm->lifecycle;

	if (lc->state == IOL_STATE_RESETTING)
		return;
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

	if (vm->lifecycle.state != IOL_STATE_RUNNING)
		return false;
	switch (vm->config->on_watchdog) {
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
		break;
	case IOL_WATCHDOG_NONE:
		iol_log_limited(limit, IOL_LOG_WARN,
				"the guest's watchdog ran out: the machine runs on (on-watchdog)");
		break;
	}
	return false;
}

/* What ends a machine, the gravest first; a reset is done only when nothing ends it. */
static const struct {
	enum iol_event event;
	enum iol_cause cause;
} ends[] = {
	{ IOL_EVENT_STOP, IOL_CAUSE_STOP },
	{ IOL_EVENT_EMULATION_FAILED, IOL_CAUSE_EMULATION_FAILED },
	{ IOL_EVENT_KVM_ERROR, IOL_CAUSE_CRASH },
	{ IOL_EVENT_CRASH, IOL_CAUSE_CRASH },
	{ IOL_EVENT_POWEROFF, IOL_CAUSE_POWEROFF },
};

static void run_events(struct iol_post *post)
{
	struct iol_lifecycle *lc = iol_container_of(post, struct iol_lifecycle, post);
	struct iol_vm *vm = iol_container_of(lc, struct iol_vm, lifecycle);
	uint32_t pending = atomic_exchange(&lc->pending, 0);
	bool wants_reset = pending & (1u << IOL_EVENT_RESET);

	if (lc->state == IOL_STATE_STOPPED)
		return;
	for (size_t i = 0; i < IOL_ARRAY_LEN(ends); i++) {
		if (pending & (1u << ends[i].event)) {
			stop(vm, ends[i].cause);
			return;
		}
	}
	if (pending & (1u << IOL_EVENT_WATCHDOG))
		wants_reset |= watchdog_ran_out(vm);
	if (wants_reset && lc->state != IOL_STATE_STOPPED)
		reset(vm);
}

static void raise_event(struct iol_event_sink *sink, enum iol_event event)
{
	struct iol_lifecycle *lc = iol_container_of(sink, struct iol_lifecycle, sink);
	struct iol_vm *vm = iol_container_of(lc, struct iol_vm, lifecycle);

	atomic_fetch_or(&lc->pending, 1u << event);
	iol_loop_post(&vm->loop, &lc->post);
}

void iol_lifecycle_init(struct iol_vm *vm)
{
	vm->lifecycle.sink.raise = raise_event;
	vm->lifecycle.post.run = run_events;
	vm->lifecycle.slow_op.done = slow_done;
	vm->lifecycle.watchdog_log.burst = WATCHDOG_LINES_PER_S;
	vm->lifecycle.state = IOL_STATE_CREATED;
}

int iol_vm_pause(struct iol_vm *vm)
{
	if (vm->lifecycle.state != IOL_STATE_RUNNING)
		return -EBUSY;
	iol_vcpus_pause(vm);
	vm->lifecycle.state = IOL_STATE_PAUSED;
	return 0;
}

int iol_vm_resume(struct iol_vm *vm)
{
	if (vm->lifecycle.state != IOL_STATE_PAUSED)
		return -EBUSY;
	vm->lifecycle.state = IOL_STATE_RUNNING;
	iol_vcpus_resume(vm);
	return 0;
}
