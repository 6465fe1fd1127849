// SPDX-License-Identifier: Apache-2.0
/* Sets of CPUs and nodes as texts. See include/iolite/place_config.h. Any thread. */
#include <iolite/place_config.h>

#include <stdio.h>
#include <string.h>

/* A range and what may follow it. */
enum { ROOM_BYTES = 32 };

/* @has says whether a number is in @set. */
static char *format(const void *set, unsigned int end,
		    bool (*has)(const void *set, unsigned int number), char *text, size_t max)
{
	size_t len = 0;

	text[0] = '\0';
	for (unsigned int first = 0; first < end; first++) {
		unsigned int last = first;

		if (!has(set, first))
			continue;
		if (len + ROOM_BYTES > max) {
			snprintf(text + len, max - len, "...");
			return text;
		}
		while (last + 1 < end && has(set, last + 1))
			last++;
		len += (size_t)snprintf(text + len, ROOM_BYTES, "%s%u", len ? "," : "", first);
		if (last > first)
			len += (size_t)snprintf(text + len, ROOM_BYTES / 2, "-%u", last);
		first = last;
	}
	return len ? text : strcpy(text, "none");
}

static bool has_cpu(const void *set, unsigned int number)
{
	return CPU_ISSET(number, (const cpu_set_t *)set);
}

char *iol_cpu_set_format(const cpu_set_t *set, char text[IOL_PLACE_SET_TEXT_BYTES])
{
	return format(set, CPU_SETSIZE, has_cpu, text, IOL_PLACE_SET_TEXT_BYTES);
}

char *iol_cpu_set_format_whole(const cpu_set_t *set, char text[IOL_PLACE_SET_WHOLE_BYTES])
{
	return format(set, CPU_SETSIZE, has_cpu, text, IOL_PLACE_SET_WHOLE_BYTES);
}

static bool has_node(const void *set, unsigned int number)
{
	return *(const uint64_t *)set >> number & 1;
}

char *iol_node_set_format(uint64_t nodes, char text[IOL_PLACE_SET_TEXT_BYTES])
{
	return format(&nodes, IOL_PLACE_NODES_MAX, has_node, text, IOL_PLACE_SET_TEXT_BYTES);
}
