// SPDX-License-Identifier: Apache-2.0
/* Restarts with back-off and limit. See restart.h. */
#include "restart.h"

#include <glib.h>

/* Twice the first delay for each restart before it, up to the longest. */
static uint64_t delay_of(const struct iol_restart_config *config, unsigned int before)
{
	uint64_t delay_ms = config->delay_ms;

	while (before-- && delay_ms < config->delay_max_ms)
		delay_ms *= 2;
	return MIN(delay_ms, MAX(config->delay_max_ms, config->delay_ms)) * IOL_NS_PER_MS;
}

bool iol_restart_next(struct iol_restart *restart, const struct iol_restart_config *config,
		      bool failed, uint64_t ran_ns, uint64_t *delay_ns)
{
	if (config->policy == IOL_RESTART_NEVER ||
	    (config->policy == IOL_RESTART_ON_FAILURE && !failed))
		return false;
	if (ran_ns >= config->steady_ms * IOL_NS_PER_MS)
		restart->count = 0;
	if (config->limit && restart->count >= config->limit)
		return false;
	*delay_ns = delay_of(config, restart->count);
	restart->count++;
	return true;
}
