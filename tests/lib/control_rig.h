/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine for the commands of its control socket, without KVM and without the socket: what clients would be told is kept here.
 * Programs that use it are linked with --wrap=iol_control_event and --wrap=iol_control_free.
 */
#ifndef TESTS_CONTROL_RIG_H
#define TESTS_CONTROL_RIG_H

#include "fake_vm.h"
#include "vmm/control_internal.h"

enum {
	CONTROL_RIG_CPUS = 2,
	CONTROL_RIG_RAM = 1024 * 1024,
	CONTROL_RIG_EVENTS_MAX = 64,
};

struct control_rig {
	struct iol_config config;
	struct iol_arch arch;
	struct iol_arch_kvm_ops kvm;
	struct iol_arch_debug_ops debug;
	struct iol_vm *vm;
	char *folder; /* for files */
	/* What clients were told, in order. */
	unsigned int event_count;
	struct {
		char *name;
		json_t *data; /* NULL: none */
	} events[CONTROL_RIG_EVENTS_MAX];
	struct iol_error err; /* of the last command */
};

/* Then the test fills config, and control_rig_start() makes the machine of it, which runs. */
void control_rig_init(struct control_rig *rig);
void control_rig_start(struct control_rig *rig);
void control_rig_finish(struct control_rig *rig);

/* What command @name returns with the arguments of @fmt, by json_pack(); the result is to be freed. NULL: none. */
json_t *control_rig_run(struct control_rig *rig, const char *name, const char *fmt, ...);
/* The same of one that is refused with @ret; @words are in its text. */
void control_rig_refused(struct control_rig *rig, int ret, const char *words, const char *name,
			 const char *fmt, ...);

/* All that was posted is done. */
void control_rig_turn(struct control_rig *rig);
/* The oldest event that was not taken is @name, with @data (JSON; NULL: none). */
void control_rig_expect(struct control_rig *rig, const char *name, const char *data);
void control_rig_expect_none(struct control_rig *rig);

#endif
