/* SPDX-License-Identifier: Apache-2.0 */
/* Exit statuses (iolite-run(1), "Exit status"); scripts rely on these numbers, and a debugger is told them. */
#ifndef IOLITE_EXIT_STATUS_H
#define IOLITE_EXIT_STATUS_H

#include <iolite/lifecycle.h>

/* Why `iolite run` ended, and for other verbs whether they did it. */
enum iol_exit {
	IOL_EXIT_OK = 0, /* the guest powered off or rebooted, or was stopped by its user */
	IOL_EXIT_HOST = 1, /* the host failed: KVM, memory, descriptors */
	IOL_EXIT_USAGE = 2, /* options or configuration are wrong */
	IOL_EXIT_CRASH = 3, /* the guest crashed, or KVM could not run it */
	IOL_EXIT_PANIC = 4, /* the guest's kernel panicked and said so, and that is to end it */
	IOL_EXIT_WATCHDOG = 5, /* the guest's watchdog ran out, and the user wants that to end it */
};

/* Of a machine that has ended for @cause. [any] */
enum iol_exit iol_cause_exit(enum iol_cause cause);

#endif
