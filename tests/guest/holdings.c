// SPDX-License-Identifier: Apache-2.0
/* What this process has of what a machine must give back. See holdings.h. */
#include "holdings.h"

#include <glib.h>
#include <malloc.h>
#include <stdio.h>

#include <iolite/loop.h>

enum { LIMIT_S = 30 };

static unsigned int count_entries(const char *path)
{
	GDir *dir = g_dir_open(path, 0, NULL);
	unsigned int count = 0;

	g_assert_nonnull(dir);
	while (g_dir_read_name(dir))
		count++;
	g_dir_close(dir);
	return count;
}

static void read_maps(struct holdings *h)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	char line[512];

	g_assert_nonnull(maps);
	while (fgets(line, sizeof(line), maps)) {
		g_assert_cmpint(sscanf(line, "%lx-%lx", &start, &end), ==, 2);
		h->mappings++;
		h->mapped_bytes += end - start;
	}
	fclose(maps);
}

struct holdings holdings_look(void)
{
	struct holdings h = { 0 };

	h.fds = count_entries("/proc/self/fd");
	h.threads = count_entries("/proc/self/task");
	h.heap_bytes = mallinfo2().uordblks;
	read_maps(&h);
	return h;
}

struct holdings holdings_look_alone(void)
{
	uint64_t deadline_ns = iol_loop_now_ns() + LIMIT_S * IOL_NS_PER_S;
	struct holdings now = holdings_look();

	while (now.threads > 1 && iol_loop_now_ns() < deadline_ns) {
		g_usleep(1000);
		now = holdings_look();
	}
	return now;
}

void holdings_check_same(const struct holdings *before)
{
	struct holdings now = holdings_look_alone();

	g_assert_cmpuint(now.fds, ==, before->fds);
	g_assert_cmpuint(now.threads, ==, before->threads);
	/* Sanitizers find leaks at the exit. */
	if (SANITIZED)
		return;
	g_assert_cmpuint(now.mappings, ==, before->mappings);
	g_assert_cmpuint(now.mapped_bytes, ==, before->mapped_bytes);
	g_assert_cmpuint(now.heap_bytes, ==, before->heap_bytes);
}
