/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One partition as its supervisor sees it: what it is to do, what it does, why it ended last. Pure: the clock and the process
 * are the owner's, behind operations.
 *
 *           launch               ready                pause                 has paused
 *   STOPPED ------> STARTING -----------> RUNNING -----------> PAUSING -------------> PAUSED
 *      ^               |   stop           |  ^                                         |
 *      |  has ended    v                  v  |              RESUMING <-----------------+ resume
 *      +------------ STOPPING <-----------+  +--- has resumed --+
 *
 * A process that has ended leads to STOPPED from anywhere; nothing else does: who does not end is STOPPING for as long.
 */
#ifndef IOL_SYSTEM_PARTITION_H
#define IOL_SYSTEM_PARTITION_H

#include <sys/types.h>

#include "restart.h"

enum iol_partition_state {
	IOL_PARTITION_STOPPED,
	IOL_PARTITION_STARTING,
	IOL_PARTITION_RUNNING,
	IOL_PARTITION_PAUSING,
	IOL_PARTITION_PAUSED,
	IOL_PARTITION_RESUMING,
	IOL_PARTITION_STOPPING,
};

/* Why it ended. */
enum iol_partition_cause {
	IOL_PARTITION_NEVER_RAN,
	IOL_PARTITION_ENDED_STOPPED, /* somebody stopped it */
	IOL_PARTITION_ENDED_STATUS, /* by itself; see exit_status.h */
	IOL_PARTITION_ENDED_SIGNAL,
	IOL_PARTITION_ENDED_LOST, /* nobody of ours saw how */
};

struct iol_partition_end {
	enum iol_partition_cause cause;
	int number; /* the exit status, the signal */
};

enum iol_partition_timer {
	IOL_PARTITION_TIMER_NONE,
	IOL_PARTITION_TIMER_RESTART, /* back-off */
	IOL_PARTITION_TIMER_BUTTON, /* the guest has this long to shut down */
	IOL_PARTITION_TIMER_QUIT, /* the process has this long to end */
};

struct iol_partition;

/* What the owner does for it. None is called back from within. */
struct iol_partition_ops {
	uint64_t (*now_ns)(struct iol_partition *partition);
	int (*launch)(struct iol_partition *partition, struct iol_error *err);
	/* Told to the machine; -errno: it cannot be told now. */
	int (*pause)(struct iol_partition *partition, struct iol_error *err);
	int (*resume)(struct iol_partition *partition, struct iol_error *err);
	int (*button)(struct iol_partition *partition, struct iol_error *err);
	int (*quit)(struct iol_partition *partition, struct iol_error *err);
	void (*kill)(struct iol_partition *partition);
	/* Its state, wish or cause is another one now. */
	void (*changed)(struct iol_partition *partition);
};

#define IOL_PARTITION_QUIT_NS (5 * IOL_NS_PER_S)

struct iol_partition {
	const struct iol_partition_config *config;
	const struct iol_partition_ops *ops;
	enum iol_partition_state state;
	bool wanted; /* it is to run: what ends is started again by its policy, what stands waits for its turn */
	bool has_run; /* since it has been wanted */
	bool again; /* it is started once it has stopped */
	struct iol_partition_end end;
	struct iol_restart restart;
	uint64_t ready_ns; /* when it began to run; 0: not yet */
	enum iol_partition_timer timer;
	uint64_t deadline_ns; /* of the timer */
	uint64_t delay_ns; /* of the last restart */
};

void iol_partition_init(struct iol_partition *partition, const struct iol_partition_config *config,
			const struct iol_partition_ops *ops);

/* It is to run, with a new row of restarts. -EBUSY: it is about to stop. */
int iol_partition_start(struct iol_partition *partition, struct iol_error *err);
/* Its turn has come: it is STOPPED and may_launch(). */
bool iol_partition_may_launch(const struct iol_partition *partition);
void iol_partition_launch(struct iol_partition *partition);
/* It is to stop and to stay so; @wait_ns for its guest to shut down. Of one that has stopped: it is not started. */
void iol_partition_stop(struct iol_partition *partition, uint64_t wait_ns);
/* The same, and then it is started. */
void iol_partition_restart(struct iol_partition *partition, uint64_t wait_ns);
int iol_partition_pause(struct iol_partition *partition, struct iol_error *err);
int iol_partition_resume(struct iol_partition *partition, struct iol_error *err);

/* What the owner sees: */
void iol_partition_ready(struct iol_partition *partition, bool paused); /* the machine answers */
void iol_partition_paused(struct iol_partition *partition);
void iol_partition_resumed(struct iol_partition *partition);
void iol_partition_refused(
	struct iol_partition *partition); /* the machine did not pause or resume */
void iol_partition_ended(struct iol_partition *partition, struct iol_partition_end end);
/* What was taken for its process ended before it was a machine: it is as if it had not been launched. */
void iol_partition_unlaunched(struct iol_partition *partition);
void iol_partition_expired(struct iol_partition *partition); /* its deadline has come */

/* Whether @end is a failure, as "on-failure" means it. */
bool iol_partition_failed(struct iol_partition_end end);

/* "running"; "power-off", "killed by signal 9" ... to be freed with g_free() */
const char *iol_partition_state_name(enum iol_partition_state state);
char *iol_partition_end_text(struct iol_partition_end end);

/* --- the order, order.c --- */

/* The place of one that the partition @who of @all waits for before it starts; -1: none. */
int iol_partition_waits_for(const struct iol_partition *const *all, unsigned int who);
/* Whether others that come after it have stopped, so that it may. */
bool iol_partition_may_stop(const struct iol_partition *const *all, unsigned int count,
			    unsigned int who);

#endif
