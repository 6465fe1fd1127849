// SPDX-License-Identifier: Apache-2.0
/* What a running machine says about itself. See control_summary.h. */
#include "control_summary.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* proc(5), /proc/PID/stat: the start is field 22, 20 fields behind the name in parentheses, which may hold anything. */
enum { START_FIELD = 20 };

bool iol_summary_uptime(pid_t pid, uint64_t *seconds)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
	g_autofree char *text = NULL;
	long ticks_per_s = sysconf(_SC_CLK_TCK);
	struct timespec now;
	uint64_t start_s;
	const char *at;

	if (pid <= 0 || ticks_per_s <= 0 || !g_file_get_contents(path, &text, NULL, NULL) ||
	    clock_gettime(CLOCK_BOOTTIME, &now))
		return false;
	at = strrchr(text, ')');
	for (int field = 0; at && field < START_FIELD; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return false;
	start_s = g_ascii_strtoull(at + 1, NULL, 10) / (uint64_t)ticks_per_s;
	*seconds = (uint64_t)now.tv_sec > start_s ? (uint64_t)now.tv_sec - start_s : 0;
	return true;
}

/* NULL: refused. */
static int ask(struct iol_client *client, const char *question, json_t **answer,
	       struct iol_error *err)
{
	int ret = iol_client_execute(client, question, NULL, answer, err);

	return ret == -EREMOTEIO ? 0 : ret;
}

int iol_summary_ask(struct iol_client *client, struct iol_summary *summary, struct iol_error *err)
{
	json_t *answer;
	const char *status;
	json_int_t bytes;
	int ret;

	memset(summary, 0, sizeof(*summary));
	summary->pid = iol_client_pid(client);
	summary->has_uptime = iol_summary_uptime(summary->pid, &summary->uptime_s);
	ret = ask(client, "query-status", &answer, err);
	if (ret)
		return ret;
	status = json_string_value(json_object_get(answer, "status"));
	g_strlcpy(summary->status, status ? status : "", sizeof(summary->status));
	json_decref(answer);
	ret = ask(client, "query-cpus-fast", &answer, err);
	if (ret)
		return ret;
	summary->cpus = (unsigned int)json_array_size(answer);
	json_decref(answer);
	ret = ask(client, "query-memory-size-summary", &answer, err);
	if (ret)
		return ret;
	bytes = json_integer_value(json_object_get(answer, "base-memory"));
	summary->memory_bytes = bytes > 0 ? (uint64_t)bytes : 0;
	json_decref(answer);
	return 0;
}
