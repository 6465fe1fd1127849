/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of src/system: a supervisor and its members, each a partition with its process and its connection. */
#ifndef IOL_SYSTEM_MEMBER_H
#define IOL_SYSTEM_MEMBER_H

#include <iolite/control.h>
#include <iolite/system.h>

#include "link.h"
#include "partition.h"
#include "state_file.h"

struct iol_member {
	struct iol_partition partition;
	struct iol_system *system;
	pid_t pid; /* 0: no process */
	uint64_t ticks; /* when that was started */
	int pidfd;
	bool adopted; /* another supervisor's child */
	bool unproven; /* it has not said that it runs: it may be one that waits for that supervisor's word */
	struct iol_op pid_op; /* a poll of pidfd */
	struct iol_link link;
	uint64_t link_ns; /* when to connect again; 0: not at all */
	/* What the machine said about its end. */
	bool told_end;
	struct iol_partition_end end;
	bool told_panic, told_watchdog;
	enum iol_partition_state shown; /* the state that clients were told of last */
};

struct iol_system {
	const struct iol_system_config *config;
	struct iol_loop *loop;
	struct iol_state_file file;
	struct iol_control *control;
	int notify_fd; /* machines say there that they run; a socket of the abstract namespace */
	int log_fd; /* standard error of machines; -1: ours */
	char *notify; /* its name, as NOTIFY_SOCKET has it */
	struct iol_op notify_op; /* a poll of it */
	struct iol_op alarm_op; /* a timer, up to alarm_ns */
	uint64_t alarm_ns;
	struct iol_post work; /* something has changed */
	bool loaded; /* all of a former supervisor's partitions are known: the file may be written */
	bool down; /* all are to stop */
	uint64_t down_wait_ns;
	bool any_ran; /* there was something that could stop */
	bool ended; /* the loop was told to stop */
	int status;
	void (*settled)(void *data);
	void *settled_data;
	unsigned int count;
	struct iol_member *members; /* in the order of the configuration */
	const struct iol_partition *all[IOL_SYSTEM_PARTITIONS_MAX]; /* theirs */
};

/* --- member.c --- */
void iol_member_init(struct iol_member *member, struct iol_system *system,
		     const struct iol_partition_config *config);
void iol_member_finish(struct iol_member *member);
/* What a former supervisor has said of it. */
void iol_member_adopt(struct iol_member *member, const struct iol_state_entry *entry);
void iol_member_entry(const struct iol_member *member, struct iol_state_entry *entry);
/* Its machine says that it runs. */
void iol_member_ready(struct iol_member *member);
/* Connects where it is time to, and lets the partition know of its deadline. The time of the next one; UINT64_MAX: none. */
uint64_t iol_member_look(struct iol_member *member, uint64_t now_ns);

/* --- supervisor.c --- */
/* Something of a member has changed: it is written down now, and acted on in this turn. */
void iol_system_changed(struct iol_system *system);
int iol_system_save(struct iol_system *system, struct iol_error *err);

/* --- commands.c --- */
extern const struct iol_control_command iol_system_commands[];
extern const char *const iol_system_events[];
void iol_system_tell(struct iol_system *system, struct iol_member *member);

#endif
