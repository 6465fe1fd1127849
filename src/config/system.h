/* SPDX-License-Identifier: Apache-2.0 */
/* A system's file, within src/config: reading (system.c), merging (system_merge.c), what is found across partitions. */
#ifndef IOL_CONFIG_SYSTEM_H
#define IOL_CONFIG_SYSTEM_H

#include <iolite/system_config.h>

#include "json_reader.h"

/* @own on top of @defaults (NULL: there are none): objects by key, anything else as a whole. A new reference. */
json_t *iol_system_merge(const json_t *defaults, const json_t *own);

/* What order the partitions have: fills after[] from the names. */
void iol_system_check_order(struct iol_system_config *system, struct iol_mistakes *mistakes);
/* What two partitions cannot both have; what @host (NULL: not known) has not. */
void iol_system_check_shared(const struct iol_system_config *system, struct iol_mistakes *mistakes);
void iol_system_check_memory(const struct iol_system_config *system,
			     const struct iol_host_memory *host, struct iol_mistakes *mistakes);

/* The place of a partition of the file, for messages: room for two places. */
const struct iol_json_place *iol_system_place(const struct iol_partition_config *partition,
					      struct iol_json_place room[2]);

#endif
