/* SPDX-License-Identifier: Apache-2.0 */
/* What the host says of itself in /proc and /sys. Any thread. */
#ifndef IOL_VMM_HOST_FACTS_H
#define IOL_VMM_HOST_FACTS_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The beginning of the file @path, as text without its last newline; false: it is not to be read. */
bool iol_host_read(const char *path, char *text, size_t size);

/* A file with one number. */
bool iol_host_number(const char *path, uint64_t *value);

/* The number behind @key in the file @path, such as "MemAvailable:" in /proc/meminfo. */
bool iol_host_field(const char *path, const char *key, uint64_t *value);

/* Files with sets, such as "0-3,5". Nodes from IOL_PLACE_NODES_MAX on are left out. */
bool iol_host_cpus(const char *path, cpu_set_t *set);
bool iol_host_nodes(const char *path, uint64_t *nodes);

#endif
