/* SPDX-License-Identifier: Apache-2.0 */
/* What a supervisor leaves for the next one: a lock, and a file of its partitions (docs/system.md, "What outlives it"). */
#ifndef IOL_SYSTEM_STATE_FILE_H
#define IOL_SYSTEM_STATE_FILE_H

#include <glib.h>
#include <jansson.h>

#include "partition.h"

struct iol_state_file {
	char *path, *lock_path;
	int lock_fd; /* -1: not ours */
};

/* What it says of one partition. */
struct iol_state_entry {
	pid_t pid; /* 0: no process */
	uint64_t ticks; /* when that was started */
	bool wanted, has_run, again;
	unsigned int restarts;
	struct iol_partition_end end;
};

/* Takes the lock of the system @name in @folder. -EBUSY: another supervisor has it, which the text tells of. */
int iol_state_file_open(struct iol_state_file *file, const char *folder, const char *name,
			struct iol_error *err);

/* The partitions of a former supervisor, by name, for iol_state_file_entry(); NULL: there was none. A new reference. */
json_t *iol_state_file_read(const struct iol_state_file *file);
/* False: it does not tell of @name. */
bool iol_state_file_entry(const json_t *partitions, const char *name,
			  struct iol_state_entry *entry);

/* Adds an entry to @partitions. */
void iol_state_file_put(json_t *partitions, const char *name, const struct iol_state_entry *entry);
/* All of the file at once, in place of the last. */
int iol_state_file_write(const struct iol_state_file *file, json_t *partitions,
			 struct iol_error *err);

/* @done: nothing runs any more, and nothing is left behind. */
void iol_state_file_close(struct iol_state_file *file, bool done);

#endif
