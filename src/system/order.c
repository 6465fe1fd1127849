// SPDX-License-Identifier: Apache-2.0
/* What "after" means for partitions that start and stop. See partition.h; configurations have no circles. */
#include "partition.h"

/* Who is not to run, or has run already, is not waited for: it is an order, and no need. */
int iol_partition_waits_for(const struct iol_partition *const *all, unsigned int who)
{
	const struct iol_partition_config *config = all[who]->config;

	for (unsigned int i = 0; i < config->after_count; i++) {
		const struct iol_partition *other = all[config->after[i]];

		if (other->wanted && !other->has_run)
			return (int)config->after[i];
	}
	return -1;
}

static bool comes_after(const struct iol_partition *partition, unsigned int who)
{
	for (unsigned int i = 0; i < partition->config->after_count; i++)
		if (partition->config->after[i] == who)
			return true;
	return false;
}

bool iol_partition_may_stop(const struct iol_partition *const *all, unsigned int count,
			    unsigned int who)
{
	for (unsigned int i = 0; i < count; i++)
		if (all[i]->state != IOL_PARTITION_STOPPED && comes_after(all[i], who))
			return false;
	return true;
}
