/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can happen to a machine as a whole, said by a device, a vCPU or a person, and acted on by
 * the life cycle on the loop thread.
 */
#ifndef IOLITE_EVENT_H
#define IOLITE_EVENT_H

enum iol_event {
	IOL_EVENT_RESET, /* the guest asked for a reset; on-reboot says what becomes of that */
	IOL_EVENT_RESET_NOW, /* a person or the control socket: reset, whatever on-reboot says */
	IOL_EVENT_POWEROFF, /* the guest switched the machine off */
	IOL_EVENT_PANIC, /* the guest's kernel says that it panicked (pvpanic); a vCPU that raises it goes on */
	IOL_EVENT_CRASH_LOADED, /* it panicked and goes on with a kernel of its own for that; it is let */
	IOL_EVENT_CRASH, /* triple fault or the like, with no reset asked for */
	IOL_EVENT_EMULATION_FAILED, /* KVM could not emulate an instruction */
	IOL_EVENT_KVM_ERROR, /* KVM says the machine is dead */
	/*
	 * The guest did not serve its watchdog in time. What happens is the user's choice, so a vCPU that
	 * raises it goes on (IOL_VCPU_CONTINUE) until the life cycle halts it.
	 */
	IOL_EVENT_WATCHDOG,
	IOL_EVENT_WATCHDOG_PRETIMEOUT, /* the first of two stages ended: it can still be served */
	IOL_EVENT_STOP, /* a person or the control socket: stop now */
	IOL_EVENT_COUNT,
};

/* Where a device reports an event. raise() may be called on any thread, any number of times. */
struct iol_event_sink {
	void (*raise)(struct iol_event_sink *sink, enum iol_event event);
};

#endif
