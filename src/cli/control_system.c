// SPDX-License-Identifier: Apache-2.0
/* What the verbs that speak to supervisors have in common. See control_system.h. */
#include "control_system.h"

#include <errno.h>
#include <string.h>

#include "cli.h"
#include "control_find.h"
#include "control_verb.h"

enum { WAIT_S_MAX = 7 * 24 * 60 * 60, LOOK_MS = 1000 };

int iol_system_verb_connect(const char *verb, const char *name, struct iol_client **client)
{
	g_autoptr(GPtrArray) all = iol_find_systems();
	struct iol_error err = { 0 };
	unsigned int count = 0;

	*client = NULL;
	for (guint i = 0; i < all->len; i++) {
		const struct iol_found *found = g_ptr_array_index(all, i);
		struct iol_client *one;

		if (name && strcmp(found->name, name) != 0)
			continue;
		if (iol_client_open(found->path, IOL_CLIENT_LIMIT_MS, &one, &err)) {
			iol_find_remove_stale(found->path);
			continue;
		}
		if (count++)
			iol_client_close(one);
		else
			*client = one;
	}
	if (count == 1)
		return 0;
	iol_client_close(*client);
	*client = NULL;
	if (count)
		return iol_cli_fail(verb, IOL_EXIT_USAGE,
				    "%u systems run here: say which; `iolite status` shows them",
				    count);
	if (name)
		return iol_cli_fail(
			verb, IOL_EXIT_HOST,
			"no system named '%.64s' runs here; `iolite status` shows those "
			"that do",
			name);
	return iol_cli_fail(verb, IOL_EXIT_HOST,
			    "no system runs here; `iolite up SYSTEM.json` starts one");
}

json_t *iol_system_verb_partition(struct iol_client *client, const char *name)
{
	json_t *answer = NULL, *item, *found = NULL;
	size_t i;

	if (iol_client_execute(client, "x-iolite-partitions", NULL, &answer, NULL))
		return NULL;
	json_array_foreach(json_object_get(answer, "partitions"), i, item)
	{
		const char *its = json_string_value(json_object_get(item, "name"));

		if (!found && !g_strcmp0(its, name))
			found = json_incref(item);
	}
	json_decref(answer);
	return found;
}

bool iol_system_verb_find(const char *name, struct iol_client **client)
{
	g_autoptr(GPtrArray) all = iol_find_systems();

	*client = NULL;
	for (guint i = 0; i < all->len && !*client && !strchr(name, '/'); i++) {
		const struct iol_found *found = g_ptr_array_index(all, i);
		json_t *partition;

		if (iol_client_open(found->path, IOL_CLIENT_LIMIT_MS, client, NULL)) {
			*client = NULL;
			continue;
		}
		partition = iol_system_verb_partition(*client, name);
		if (!partition) {
			iol_client_close(*client);
			*client = NULL;
		}
		json_decref(partition);
	}
	return *client != NULL;
}

/* It has ended, and nobody starts it: whatever was waited for does not come. */
static bool is_over(const json_t *partition, const char *wanted)
{
	const char *state = json_string_value(json_object_get(partition, "state"));

	return !g_strcmp0(state, "stopped") && strcmp(wanted, "stopped") != 0 &&
	       !json_is_true(json_object_get(partition, "wanted"));
}

/* 0: it is in @state; -ECANCELED: it will not be, with the cause; -ETIMEDOUT. */
static int await_state(struct iol_client *client, const char *name, const char *state,
		       unsigned int seconds, struct iol_error *err)
{
	gint64 end = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;

	for (;;) {
		json_auto_t *partition = iol_system_verb_partition(client, name);
		const char *is = json_string_value(json_object_get(partition, "state"));
		const char *cause = json_string_value(json_object_get(partition, "cause"));
		json_t *event = NULL;
		int ret;

		if (!partition)
			return iol_error_set(err, -ECONNRESET, "its supervisor has ended");
		if (!g_strcmp0(is, state))
			return 0;
		if (is_over(partition, state))
			return iol_error_set(err, -ECANCELED, "it has stopped: %.100s",
					     cause ? cause : "");
		if (g_get_monotonic_time() > end)
			return iol_error_set(err, -ETIMEDOUT,
					     "it is not %s after %u s, but %.32s; `iolite status` "
					     "shows more",
					     state, seconds, is ? is : "?");
		ret = iol_client_event(client, LOOK_MS, &event, err);
		json_decref(event);
		if (ret && ret != -ETIMEDOUT)
			return ret;
	}
}

int iol_system_verb_run(const char *verb, struct iol_client *client, const char *name,
			const char *command, const char *state, unsigned int wait_s)
{
	json_t *args = json_pack("{s:s}", "name", name);
	struct iol_error err = { 0 };
	int ret;

	if (wait_s)
		json_object_set_new(args, "wait-ms", json_integer((json_int_t)wait_s * 1000));
	ret = iol_client_execute(client, command, args, NULL, &err);
	if (!ret)
		ret = await_state(client, name, state, IOL_SYSTEM_VERB_LIMIT_S + wait_s, &err);
	return ret ? iol_control_verb_fail(verb, name, &err) : IOL_EXIT_OK;
}

int iol_system_verb_seconds(const char *verb, const char *text, unsigned int *seconds)
{
	guint64 value;

	if (!text)
		return 0;
	if (!g_ascii_string_to_unsigned(text, 10, 0, WAIT_S_MAX, &value, NULL))
		return iol_cli_fail(verb, IOL_EXIT_USAGE,
				    "--wait: '%.64s' is no number of seconds: give 0 to %d", text,
				    WAIT_S_MAX);
	*seconds = (unsigned int)value;
	return 0;
}
