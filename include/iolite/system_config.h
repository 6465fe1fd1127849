/* SPDX-License-Identifier: Apache-2.0 */
/* What the user asked for as a system of partitions (docs/system.md): one JSON file, a machine for each partition. */
#ifndef IOLITE_SYSTEM_CONFIG_H
#define IOLITE_SYSTEM_CONFIG_H

#include <iolite/config.h>

enum { IOL_SYSTEM_PARTITIONS_MAX = 64 };

enum iol_restart_policy {
	IOL_RESTART_NEVER,
	IOL_RESTART_ON_FAILURE,
	IOL_RESTART_ALWAYS,
};

struct iol_restart_config {
	enum iol_restart_policy policy;
	unsigned int
		delay_ms; /* before the first restart of a row; each further one waits twice as long */
	unsigned int delay_max_ms;
	unsigned int limit; /* restarts in a row; 0: any number */
	unsigned int steady_ms; /* who has run for this long begins a new row */
};

struct iol_partition_config {
	char *name; /* unique */
	struct iol_config machine; /* complete, once it is checked */
	char *console; /* path of the socket that is its only line, if nothing was said of lines; else NULL */
	bool autostart; /* default on */
	struct iol_restart_config restart;
	unsigned int after_count;
	unsigned int
		after[IOL_SYSTEM_PARTITIONS_MAX]; /* places of others in the list; no circles */
	char **after_names; /* as the file has them, ended by NULL, or NULL */
};

enum iol_all_stopped {
	IOL_ALL_STOPPED_EXIT,
	IOL_ALL_STOPPED_STAY,
	IOL_ALL_STOPPED_PROGRAM,
};

struct iol_system_config {
	char *file; /* path */
	char *name; /* never NULL */
	unsigned int count;
	struct iol_partition_config
		*partitions[IOL_SYSTEM_PARTITIONS_MAX]; /* in the order of the file */
	enum iol_all_stopped all_stopped;
	char **program; /* with its arguments, ended by NULL; for IOL_ALL_STOPPED_PROGRAM */
};

/* What this host has, to be asked for by a system. */
enum { IOL_HOST_POOLS_MAX = 8 };

struct iol_host_memory {
	uint64_t total_bytes; /* 0: not known */
	unsigned int pool_count;
	struct {
		uint64_t page_bytes, pages;
	} pools[IOL_HOST_POOLS_MAX]; /* of hugepages */
};

/* From /proc and /sys below the folder @root (NULL: the host's own). */
void iol_host_memory_read(const char *root, struct iol_host_memory *host);

/*
 * Whether the file @path is a system's: JSON, an object with partitions. Anything else is a machine's, or for the
 * reader of those to tell what is wrong with it.
 */
bool iol_system_config_is(const char *path);

/*
 * Reads the file @path into @system, which must be finished in any case, with all that is wrong within partitions and across
 * them in @mistakes. @host: what there is; NULL: is not looked at. Nothing is opened but the file; others are
 * looked at. Before any thread.
 */
void iol_system_config_load(struct iol_system_config *system, const char *path,
			    const struct iol_host_memory *host, struct iol_mistakes *mistakes);
/* The same of @len bytes of @text, which stay there for as long as @mistakes. @name and @folder as iol_config_load_text(). */
void iol_system_config_load_text(struct iol_system_config *system, const char *text, size_t len,
				 const char *name, const char *folder,
				 const struct iol_host_memory *host, struct iol_mistakes *mistakes);
void iol_system_config_finish(struct iol_system_config *system);

/* "never", "on-failure", "always" */
const char *iol_restart_policy_name(enum iol_restart_policy policy);

#endif
