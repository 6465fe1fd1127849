/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states of a machine, and why it ended.
 *
 *             start            reset event
 *   CREATED --------> RUNNING <-----------> RESETTING (until devices have nothing in flight)
 *                      |   ^                    |
 *                pause |   | resume             | a step of the reset failed
 *                      v   |                    v
 *                     PAUSED ---- stop ----> STOPPED (cause)
 *
 * The guest's watchdog does what struct iol_config's on_watchdog says: a reset, STOPPED, PAUSED, or nothing but a
 * line in the log. It does nothing in a machine that does not run; one that ran out as its user paused the machine does it
 * afterwards. What the guest's reboot, panic, crash and power-off do is
 * said there, too (on_reboot and so on). A machine that is PAUSED by one of them, but a panic, needs a reset: a vCPU of it
 * may be held for ever (needs_reset). A crash or panic soon after the reset that the last one caused, some times over, is
 * an end.
 *
 * Any state goes to STOPPED; STOPPED is final. All transitions happen on the loop's thread; events
 * come from any thread through the sink.
 */
#ifndef IOLITE_LIFECYCLE_H
#define IOLITE_LIFECYCLE_H

#include <stdatomic.h>

#include <iolite/config.h>
#include <iolite/device.h>
#include <iolite/event.h>
#include <iolite/log.h>
#include <iolite/loop.h>

enum iol_state {
	IOL_STATE_CREATED,
	IOL_STATE_RUNNING,
	IOL_STATE_PAUSED,
	IOL_STATE_RESETTING,
	IOL_STATE_STOPPED,
};

enum iol_cause {
	IOL_CAUSE_NONE, /* not stopped */
	IOL_CAUSE_POWEROFF, /* by the guest */
	IOL_CAUSE_STOP, /* by the user */
	IOL_CAUSE_REBOOT, /* the guest rebooted, and that is to end the machine */
	IOL_CAUSE_PANIC, /* the guest's kernel says that it panicked */
	IOL_CAUSE_CRASH, /* triple fault, KVM internal error */
	IOL_CAUSE_EMULATION_FAILED, /* KVM gave up on an instruction */
	IOL_CAUSE_WATCHDOG, /* the guest's watchdog ran out, and that is to end the machine */
	IOL_CAUSE_HOST, /* the host failed us; lifecycle.error says how */
};

/* Who asked for a reset or for the end, besides the guest and the terminal's keys. */
enum iol_wish {
	IOL_WISH_NONE,
	IOL_WISH_CONTROL, /* a client of the control socket, or a command of a debugger's */
	IOL_WISH_SIGNAL,
};

/* Why the machine was last reset: its guest can read it (tree.h). */
enum iol_reset_cause {
	IOL_RESET_NONE, /* it was not, since it was switched on */
	IOL_RESET_GUEST, /* the guest rebooted */
	IOL_RESET_HOST, /* a person or the control socket */
	IOL_RESET_PANIC,
	IOL_RESET_CRASH,
	IOL_RESET_WATCHDOG,
};

/* What the machine stands for while it is PAUSED. */
enum iol_pause {
	IOL_PAUSE_ASKED, /* by its user or a debugger */
	IOL_PAUSE_WATCHDOG,
	IOL_PAUSE_PANIC,
};

struct iol_lifecycle {
	struct iol_event_sink sink;
	enum iol_state state;
	enum iol_cause cause;
	struct iol_error error; /* for IOL_CAUSE_HOST: what failed */
	uint64_t reset_count;
	enum iol_reset_cause reset_cause; /* of the last reset, also while it is under way */
	bool paused_before; /* the reset under way */
	bool has_run; /* ever */
	enum iol_pause pause;
	enum iol_wish end_wish, reset_wish; /* of the events that are raised and not acted on yet */
	bool has_watchdog_action; /* chosen while the machine runs, in the place of the configuration's */
	enum iol_watchdog_action watchdog_action;
	bool watchdog_late; /* it ran out as the user paused the machine */
	struct iol_quiesce quiesce; /* of the reset under way */
	struct iol_op slow_op; /* tells when that takes long */
	_Atomic uint32_t pending; /* bit per enum iol_event */
	struct iol_post post;
	struct iol_log_limit watchdog_log, pretimeout_log, action_log, crash_loaded_log;
	bool needs_reset; /* the guest is at its end, though PAUSED: to let it run would be of no use */
	uint64_t reset_ns; /* when the last reset was done */
	uint64_t soon_ns; /* a crash within this time of a reset is one of a row */
	unsigned int crash_resets; /* in a row */
};

struct iol_vm;

void iol_lifecycle_init(struct iol_vm *vm);

/* "guest", "watchdog" ...; NULL: IOL_RESET_NONE. Static. [any] */
const char *iol_reset_cause_name(enum iol_reset_cause cause);

#endif
