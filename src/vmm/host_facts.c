// SPDX-License-Identifier: Apache-2.0
/* See host_facts.h. */
#include "host_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iolite/macros.h>
#include <iolite/place_config.h>

bool iol_host_read(const char *path, char *text, size_t size)
{
	iol_auto(iol_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return false;
	do
		len = read(fd, text, size - 1);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return false;
	if (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	return true;
}

bool iol_host_number(const char *path, uint64_t *value)
{
	char text[32], *end;

	if (!iol_host_read(path, text, sizeof(text)))
		return false;
	*value = strtoull(text, &end, 10);
	return end != text;
}

bool iol_host_field(const char *path, const char *key, uint64_t *value)
{
	char text[4096], *at, *end;

	if (!iol_host_read(path, text, sizeof(text)))
		return false;
	at = strstr(text, key);
	if (!at)
		return false;
	at += strlen(key);
	*value = strtoull(at, &end, 10);
	return end != at;
}

static bool read_set(const char *path, void (*add)(void *target, unsigned long number),
		     void *target)
{
	enum { NUMBERS_MAX = 1 << 16 };
	char text[4096], *at = text;

	if (!iol_host_read(path, text, sizeof(text)))
		return false;
	while (g_ascii_isdigit(*at)) {
		unsigned long first = strtoul(at, &at, 10), last = first;

		if (*at == '-')
			last = strtoul(at + 1, &at, 10);
		for (; first <= last && first < NUMBERS_MAX; first++)
			add(target, first);
		at += *at == ',';
	}
	return true;
}

static void add_cpu(void *target, unsigned long number)
{
	cpu_set_t *set = target;

	if (number < CPU_SETSIZE)
		CPU_SET(number, set);
}

bool iol_host_cpus(const char *path, cpu_set_t *set)
{
	CPU_ZERO(set);
	return read_set(path, add_cpu, set);
}

static void add_node(void *target, unsigned long number)
{
	uint64_t *nodes = target;

	if (number < IOL_PLACE_NODES_MAX)
		*nodes |= UINT64_C(1) << number;
}

bool iol_host_nodes(const char *path, uint64_t *nodes)
{
	*nodes = 0;
	return read_set(path, add_node, nodes);
}
