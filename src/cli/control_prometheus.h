/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine has counted, as Prometheus reads it (text exposition format 0.0.4). */
#ifndef IOL_CLI_CONTROL_PROMETHEUS_H
#define IOL_CLI_CONTROL_PROMETHEUS_H

#include <glib.h>
#include <jansson.h>

/* As the machine tells it, which may be anything: what is not as it should be is left out. */
struct iol_prometheus {
	const char *machine; /* its name, for a label of all samples */
	const json_t *stats; /* x-iolite-stats */
	const json_t *schemas, *kvm; /* query-stats-schemas; all that query-stats has; NULL: none */
};

/* All of it as text, to be freed by the caller: lines, the last one ended. */
GString *iol_prometheus_text(const struct iol_prometheus *what);

#endif
