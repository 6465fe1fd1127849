/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of a machine's control socket. */
#ifndef IOL_VMM_CONTROL_INTERNAL_H
#define IOL_VMM_CONTROL_INTERNAL_H

#include <glib.h>

#include "control.h"

enum { IOL_VM_FDSETS_MAX = 8 };

/* A descriptor that a client passed. */
struct iol_vm_control_fdset {
	json_int_t id;
	int fd; /* owned; 0: none */
};

struct iol_vm_control {
	struct iol_control *control;
	struct iol_control_command *commands; /* of all tables together */
	bool told_runs; /* what clients know */
	uint64_t watchdog_ns; /* when they were last told; 0: never */
	uint64_t pretimeout_ns; /* the same of its first stage */
	uint64_t io_error_ns[IOL_CONFIG_DISKS_MAX];
	struct iol_vm_control_fdset fdsets[IOL_VM_FDSETS_MAX];
};

/* Commands, by what they do: the machine, its memory, questions. Tables that end with one without a name. */
extern const struct iol_control_command iol_vm_control_run_commands[];
extern const struct iol_control_command iol_vm_control_save_commands[];
extern const struct iol_control_command iol_vm_control_query_commands[];
extern const struct iol_control_command iol_vm_control_device_commands[];
extern const struct iol_control_command iol_vm_control_info_commands[];
extern const struct iol_control_command iol_vm_control_stats_commands[];
extern const struct iol_control_command iol_vm_control_kvm_stats_commands[];
extern const struct iol_control_command iol_vm_control_debug_commands[];
extern const struct iol_control_command iol_vm_control_fdset_commands[];

/* All events that the machine has; ended by NULL. */
extern const char *const iol_vm_control_events[];

/* One of QMP's states ("RunState"). */
const char *iol_vm_control_status(const struct iol_vm *vm);

/* @text as a string, which JSON has in UTF-8 only: other bytes are replaced. NULL: null. */
json_t *iol_vm_control_text(const char *text);

/* What a kind of requests of a disk is called. Static. [any] */
const char *iol_vm_control_disk_kind(enum iol_block_kind kind);
/* A number, which JSON has up to 2^63 - 1 here: the largest stands for what is beyond. */
json_t *iol_vm_control_count(uint64_t count);

/* Seconds since the machine began to run. */
double iol_vm_control_uptime(const struct iol_vm *vm);

/* What /dev/fdset/N stands for, borrowed: a descriptor; -ENOENT: @name is none of those; -EBADF: there is none of that number. */
int iol_vm_control_fdset(const struct iol_vm *vm, const char *name);
void iol_vm_control_fdsets_finish(struct iol_vm_control *control);

/* query-pci; a command's run(). */
int iol_vm_control_query_pci(void *machine, const json_t *args, json_t **result,
			     struct iol_error *err);
/* query-chardev's, with the names of serial lines and the console. */
json_t *iol_vm_control_lines(struct iol_vm *vm);
/* Where debuggers connect: "tcp:127.0.0.1:1234"; null: nowhere. */
json_t *iol_vm_control_gdb(const struct iol_vm *vm);
/* The place in the configuration of the disk or network card @id, or -ENODEV with those that there are. */
int iol_vm_control_disk(const struct iol_vm *vm, const char *id, struct iol_error *err);
int iol_vm_control_card(const struct iol_vm *vm, const char *id, struct iol_error *err);

/*
 * All vCPUs stand, whatever the machine does. True: they ran, and iol_vcpus_resume() is to follow. Between the two the guest sees nothing but
 * time.
 */
bool iol_vm_control_hold(struct iol_vm *vm);

#endif
