/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of a person to a machine, in words: "info registers". Of the debugger's `monitor` and of the control socket's. */
#ifndef IOL_VMM_MONITOR_H
#define IOL_VMM_MONITOR_H

#include <glib.h>

#include <iolite/vm.h>

/*
 * Runs @line and appends text for a person to @out. @cpu: whom commands about one CPU are for. -EINVAL: there is no such command, or not with these
 * arguments; @out says what there is. What it asks of the machine (reset, quit) comes after the return. The machine
 * may run or stand; what needs it to stand says so in @out. [loop]
 */
int iol_monitor_run(struct iol_vm *vm, unsigned int cpu, const char *line, GString *out);

#endif
