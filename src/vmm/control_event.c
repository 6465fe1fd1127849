// SPDX-License-Identifier: Apache-2.0
/*
 * What the clients of a machine's control socket are told of, with the names and fields that QMP has. See control.h. Runs on the loop's
 * thread.
 *
 * A guest can bring about any of it as often as it likes: what it can repeat at no cost is told once a second at most, and a
 * client that does not read is sent away by the socket.
 */
#include "control_internal.h"

#include <errno.h>
#include <string.h>

#define EVENT_NIC_LINK "x-iolite-NIC-LINK"

const char *const iol_vm_control_events[] = {
	"SHUTDOWN",
	"POWERDOWN",
	"RESET",
	"STOP",
	"RESUME",
	"WATCHDOG",
	"GUEST_PANICKED",
	"GUEST_CRASHLOADED",
	"BLOCK_IO_ERROR",
	EVENT_NIC_LINK,
	NULL,
};

static void tell(struct iol_vm *vm, const char *event, json_t *data)
{
	iol_control_event(vm->control->control, event, data);
}

/* True once a second. */
static bool is_due(uint64_t *last_ns)
{
	uint64_t now_ns = iol_loop_now_ns();

	if (*last_ns && now_ns - *last_ns < IOL_NS_PER_S)
		return false;
	*last_ns = now_ns;
	return true;
}

/* ---- The life cycle ---- */

void iol_vm_control_follow(struct iol_vm *vm)
{
	const struct iol_lifecycle *lc = &vm->lifecycle;
	bool runs = lc->state == IOL_STATE_RUNNING ||
		    (lc->state == IOL_STATE_RESETTING && !lc->paused_before);

	if (!vm->control || lc->state == IOL_STATE_STOPPED || runs == vm->control->told_runs)
		return;
	vm->control->told_runs = runs;
	tell(vm, runs ? "RESUME" : "STOP", NULL);
}

/* QMP's words ("ShutdownCause") for who ended or reset the machine; @guests: where nobody asked. */
static json_t *reason(enum iol_wish wish, const char *controls, bool guest, const char *guests)
{
	if (wish == IOL_WISH_CONTROL)
		return json_pack("{s:b, s:s}", "guest", 0, "reason", controls);
	if (wish == IOL_WISH_SIGNAL)
		return json_pack("{s:b, s:s}", "guest", 0, "reason", "host-signal");
	return json_pack("{s:b, s:s}", "guest", (int)guest, "reason", guests);
}

void iol_vm_control_ended(struct iol_vm *vm)
{
	const struct iol_lifecycle *lc = &vm->lifecycle;
	json_t *data;

	if (!vm->control)
		return;
	switch (lc->cause) {
	case IOL_CAUSE_STOP:
		data = reason(lc->end_wish, "host-qmp-quit", false, "host-ui");
		break;
	case IOL_CAUSE_POWEROFF:
		data = reason(IOL_WISH_NONE, NULL, true, "guest-shutdown");
		break;
	case IOL_CAUSE_REBOOT:
		data = reason(IOL_WISH_NONE, NULL, true, "guest-reset");
		break;
	case IOL_CAUSE_HOST:
	case IOL_CAUSE_EMULATION_FAILED:
	case IOL_CAUSE_NONE:
		data = reason(IOL_WISH_NONE, NULL, false, "host-error");
		break;
	default: /* it crashed, by its own word or by what is seen of it */
		data = reason(IOL_WISH_NONE, NULL, true, "guest-panic");
	}
	tell(vm, "SHUTDOWN", data);
}

void iol_vm_control_reset(struct iol_vm *vm)
{
	enum iol_wish wish = vm->lifecycle.reset_wish;

	vm->lifecycle.reset_wish = IOL_WISH_NONE;
	if (vm->control)
		tell(vm, "RESET", reason(wish, "host-qmp-system-reset", true, "guest-reset"));
}

void iol_vm_control_powerdown(struct iol_vm *vm)
{
	if (vm->control)
		tell(vm, "POWERDOWN", NULL);
}

void iol_vm_control_watchdog(struct iol_vm *vm, enum iol_watchdog_action action)
{
	static const char *const names[] = {
		[IOL_WATCHDOG_RESET] = "reset",
		[IOL_WATCHDOG_STOP] = "shutdown",
		[IOL_WATCHDOG_PAUSE] = "pause",
		[IOL_WATCHDOG_NONE] = "none",
	};

	if (vm->control && is_due(&vm->control->watchdog_ns))
		tell(vm, "WATCHDOG", json_pack("{s:s}", "action", names[action]));
}

/* QMP has the one event; which of the two ends it is for, a field says that is ours. */
void iol_vm_control_watchdog_pretimeout(struct iol_vm *vm)
{
	if (vm->control && is_due(&vm->control->pretimeout_ns))
		tell(vm, "WATCHDOG",
		     json_pack("{s:s, s:s}", "action", "none", "x-iolite-stage", "pretimeout"));
}

void iol_vm_control_panicked(struct iol_vm *vm, enum iol_end_action action)
{
	static const char *const names[] = {
		[IOL_END_EXIT] = "poweroff",
		[IOL_END_RESET] = "run",
		[IOL_END_PAUSE] = "pause",
	};

	if (vm->control)
		tell(vm, "GUEST_PANICKED", json_pack("{s:s}", "action", names[action]));
}

void iol_vm_control_crash_loaded(struct iol_vm *vm)
{
	if (vm->control)
		tell(vm, "GUEST_CRASHLOADED", json_pack("{s:s}", "action", "run"));
}

/* ---- Devices ---- */

void iol_vm_control_link(struct iol_vm *vm, const char *id, bool up)
{
	if (vm->control)
		tell(vm, EVENT_NIC_LINK, json_pack("{s:s, s:b}", "name", id, "up", (int)up));
}

void iol_vm_control_io_error(struct iol_vm *vm, unsigned int idx, enum iol_block_kind kind, int res)
{
	const char *id = vm->config->disks[idx].id;

	if (!vm->control || !is_due(&vm->control->io_error_ns[idx]))
		return;
	tell(vm, "BLOCK_IO_ERROR",
	     json_pack("{s:s, s:s, s:s, s:s, s:b, s:o}", "device", id, "node-name", id, "operation",
		       kind == IOL_BLOCK_READ ? "read" : "write", "action", "report", "nospace",
		       (int)(res == -ENOSPC), "reason", iol_vm_control_text(strerror(-res))));
}
