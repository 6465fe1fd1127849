/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine's control socket (include/iolite/control.h): its commands, and what its clients are told of. Nothing of it does
 * anything in a machine without one. All calls on the loop's thread.
 */
#ifndef IOL_VMM_CONTROL_H
#define IOL_VMM_CONTROL_H

#include <iolite/block.h>
#include <iolite/control.h>
#include <iolite/vm.h>

/*
 * Steps of iol_vm_new(): iol_vm_control_open() listens where the configuration says, before anything that costs time, so that a
 * mistake is the user's; clients are let in from iol_vm_control_start() on, when the machine is there.
 */
int iol_vm_control_open(struct iol_vm *vm, struct iol_error *err);
int iol_vm_control_start(struct iol_vm *vm, struct iol_error *err);
/* Gives clients what is on its way to them, within a limit of time, and closes. Before the loop's end. Idempotent. */
void iol_vm_control_finish(struct iol_vm *vm);

/* ---- What clients are told of ---- */

/* The machine may have begun to run or to stand: STOP, RESUME, when that is new to them. */
void iol_vm_control_follow(struct iol_vm *vm);
/* It is STOPPED, for lifecycle.cause and lifecycle.end_wish: SHUTDOWN. */
void iol_vm_control_ended(struct iol_vm *vm);
/* It was reset, for lifecycle.reset_wish, which is none from then on: RESET. */
void iol_vm_control_reset(struct iol_vm *vm);
void iol_vm_control_powerdown(struct iol_vm *vm);
/* The guest's watchdog ran out, and @action is done. */
void iol_vm_control_watchdog(struct iol_vm *vm, enum iol_watchdog_action action);
/* The first of its two stages ended. */
void iol_vm_control_watchdog_pretimeout(struct iol_vm *vm);
/* The guest's kernel panicked, and @action is done: GUEST_PANICKED. */
void iol_vm_control_panicked(struct iol_vm *vm, enum iol_end_action action);
/* The same, and it goes on with a kernel of its own for that: GUEST_CRASHLOADED. */
void iol_vm_control_crash_loaded(struct iol_vm *vm);
/* The link of network card @id changed: x-iolite-NIC-LINK. */
void iol_vm_control_link(struct iol_vm *vm, const char *id, bool up);
/* A request of disk @idx failed with -errno @res, and the guest was told: BLOCK_IO_ERROR, once a second of each disk at most. */
void iol_vm_control_io_error(struct iol_vm *vm, unsigned int idx, enum iol_block_kind kind,
			     int res);

#endif
