// SPDX-License-Identifier: Apache-2.0
/*
 * What Linux says of a Power processor in /proc/cpuinfo (arch/powerpc/kernel/setup-common.c). Pure: any thread. The
 * text is the kernel's, and may lack anything.
 */
#include "ppc.h"

#include <stdlib.h>
#include <string.h>

/* What stands behind the colon of the first line that begins with @name; NULL: no such line. */
static const char *value_of(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len) && strspn(line + len, " \t:")) {
			line += len;
			return line + strspn(line, " \t:");
		}
	}
	return NULL;
}

enum { HZ_PER_MHZ = 1000000 };

void iol_ppc_parse_cpuinfo(const char *text, struct iol_host_facts *facts)
{
	const char *clock = value_of(text, "clock"), *timebase = value_of(text, "timebase");
	double mhz = clock ? strtod(clock, NULL) : 0;

	if (mhz >= 1 && mhz < UINT32_MAX / HZ_PER_MHZ)
		facts->clock_hz = (uint32_t)(mhz * HZ_PER_MHZ + 0.5);
	if (timebase) {
		unsigned long long hz = strtoull(timebase, NULL, 10);

		facts->timebase_hz = hz <= UINT32_MAX ? (uint32_t)hz : 0;
	}
}
