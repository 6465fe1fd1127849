/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debugging a machine: the machine as the target of a GDB session (debug.c, debug_points.c, debug_memory.c), and where its
 * clients come in (debug_server.c). Only a machine whose configuration has a debugger's address has any of it; the others
 * pay a comparison in exits that are rare.
 */
#ifndef IOL_VMM_DEBUG_H
#define IOL_VMM_DEBUG_H

#include <iolite/gdb.h>
#include <iolite/vm.h>

/*
 * ---- The target ----
 *
 * A step of iol_vm_new(): makes vm->debug where a debugger was asked for, and finds out what this KVM can do. Before memory and
 * threads are made.
 */
int iol_debug_init(struct iol_vm *vm, struct iol_error *err);
/* The same for a machine that lives, while its vCPUs stand. Nothing where vm->debug is there already. */
int iol_debug_make(struct iol_vm *vm, struct iol_error *err);
/* The vCPUs are over. */
void iol_debug_finish(struct iol_vm *vm);

/* vm->debug as a target; NULL: none. */
struct iol_gdb_target *iol_debug_target(struct iol_vm *vm);

/* ---- What the machine tells it; nothing where there is none ---- */

/* KVM_EXIT_DEBUG, of a machine that has a debugger. [vcpu] */
enum iol_vcpu_action iol_debug_caught(struct iol_vcpu *vcpu);
/* The guest wrote one byte to @port: true when that is a breakpoint, and the vCPU is to stand. [vcpu] */
bool iol_debug_caught_port(struct iol_vcpu *vcpu, uint16_t port);
/* A vCPU stands for what it caught. [vcpu] */
void iol_debug_stands(struct iol_vcpu *vcpu);

/* The debugger has the machine stand: nobody else may let it run. [loop] */
bool iol_debug_holds(const struct iol_vm *vm);
/* A command of a person's at the debugger is being done. [loop] */
bool iol_debug_asks(const struct iol_vm *vm);
/* Memory and vCPUs are as at power-on. True: the machine is to stand now. [loop] */
bool iol_debug_restored(struct iol_vm *vm);
/* The machine came to stand by somebody else's doing. [loop] */
void iol_debug_paused(struct iol_vm *vm);
/* It is over. [loop] */
void iol_debug_ended(struct iol_vm *vm);

/*
 * ---- The server ----
 *
 * iol_debug_server_open() listens, before anything that costs time, so that a mistake is the user's; clients are let in
 * from iol_debug_server_start() on, when the target is there.
 */
int iol_debug_server_open(struct iol_vm *vm, struct iol_error *err);
int iol_debug_server_start(struct iol_vm *vm, struct iol_error *err);
/* Where it listens: "tcp:127.0.0.1:1234" or "unix:/PATH", to be freed with g_free(); NULL: there is none. */
char *iol_debug_server_where(const struct iol_vm *vm);
bool iol_debug_server_has_client(const struct iol_vm *vm);
/*
 * The same two for a machine that lives, of which nothing was said by its configuration. @address: as of --gdb. -EBUSY: there is one
 * already; -EINVAL and the host's -errno; all is as before then. Turns the loop.
 */
/* @fd: > 0: a non-blocking socket that listens there already; borrowed. */
int iol_debug_server_open_at(struct iol_vm *vm, const char *address, int fd, struct iol_error *err);
/*
 * Whoever is connected is sent away; breakpoints are gone, and the machine goes on as it would without. -ENOENT: there is
 * nothing to close; -EBUSY: it is the debugger that asks. Turns the loop.
 */
int iol_debug_server_close(struct iol_vm *vm, struct iol_error *err);
/* Gives the client what is on its way to it, within a limit of time, and closes. Before the loop's end. Idempotent. */
void iol_debug_server_finish(struct iol_vm *vm);

#endif
