// SPDX-License-Identifier: Apache-2.0
/* The supervisor's control socket: what can be asked of it (docs/system.md, "The wire"). See member.h. */
#include "member.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct iol_member *find(struct iol_system *s, const json_t *args, struct iol_error *err)
{
	const char *name = json_string_value(json_object_get(args, "name"));

	for (unsigned int i = 0; i < s->count; i++)
		if (!g_strcmp0(s->all[i]->config->name, name))
			return &s->members[i];
	iol_error_set(err, -ENODEV, "the system '%.64s' has no partition '%.64s'", s->config->name,
		      name);
	return NULL;
}

static int read_wait(const json_t *args, uint64_t *wait_ns, struct iol_error *err)
{
	json_int_t ms = json_integer_value(json_object_get(args, "wait-ms"));

	if (ms < 0 || ms > 7 * 24 * 60 * 60 * (json_int_t)1000)
		return iol_error_set(err, -EINVAL, "wait-ms: give milliseconds, up to a week");
	*wait_ns = (uint64_t)ms * IOL_NS_PER_MS;
	return 0;
}

static json_t *describe(const struct iol_system *s, unsigned int who)
{
	const struct iol_member *m = &s->members[who];
	const struct iol_partition *p = &m->partition;
	g_autofree char *end = iol_partition_end_text(p->end);
	int other = p->state == IOL_PARTITION_STOPPED && p->wanted
			    ? iol_partition_waits_for(s->all, who)
			    : -1;
	json_t *item = json_pack("{s:s, s:s, s:b, s:s, s:I, s:s, s:s, s:b}", "name",
				 p->config->name, "state", iol_partition_state_name(p->state),
				 "wanted", (int)p->wanted, "cause", end, "restarts",
				 (json_int_t)p->restart.count, "machine", p->config->machine.name,
				 "socket", p->config->machine.control, "adopted", (int)m->adopted);

	if (m->pid)
		json_object_set_new(item, "pid", json_integer(m->pid));
	if (p->config->console)
		json_object_set_new(item, "console", json_string(p->config->console));
	if (p->timer == IOL_PARTITION_TIMER_RESTART) {
		uint64_t now = iol_loop_now_ns();

		json_object_set_new(
			item, "restart-in-ms",
			json_integer((json_int_t)((p->deadline_ns - MIN(now, p->deadline_ns)) /
						  IOL_NS_PER_MS)));
	} else if (other >= 0) {
		json_object_set_new(item, "waits", json_string(s->all[other]->config->name));
	}
	return item;
}

static int partitions(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_system *s = machine;
	json_t *list = json_array();

	(void)args, (void)err;
	for (unsigned int i = 0; i < s->count; i++)
		json_array_append_new(list, describe(s, i));
	*result = json_pack("{s:s, s:i, s:b, s:o}", "system", s->config->name, "pid", (int)getpid(),
			    "ending", (int)s->down, "partitions", list);
	return 0;
}

static int start(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_system *s = machine;
	struct iol_member *m = find(s, args, err);

	(void)result;
	if (!m)
		return err->code;
	if (s->down)
		return iol_error_set(err, -EBUSY, "the system '%.64s' is about to end",
				     s->config->name);
	return iol_partition_start(&m->partition, err);
}

static int stop(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_member *m = find(machine, args, err);
	uint64_t wait_ns = 0;
	int ret = m ? read_wait(args, &wait_ns, err) : err->code;

	(void)result;
	if (!ret)
		iol_partition_stop(&m->partition, wait_ns);
	return ret;
}

static int restart(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_system *s = machine;
	struct iol_member *m = find(s, args, err);
	uint64_t wait_ns = 0;
	int ret = m ? read_wait(args, &wait_ns, err) : err->code;

	(void)result;
	if (!ret && s->down)
		ret = iol_error_set(err, -EBUSY, "the system '%.64s' is about to end",
				    s->config->name);
	if (!ret)
		iol_partition_restart(&m->partition, wait_ns);
	return ret;
}

static int pause_one(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_member *m = find(machine, args, err);

	(void)result;
	return m ? iol_partition_pause(&m->partition, err) : err->code;
}

static int resume(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_member *m = find(machine, args, err);

	(void)result;
	return m ? iol_partition_resume(&m->partition, err) : err->code;
}

static int down(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	uint64_t wait_ns = 0;
	int ret = read_wait(args, &wait_ns, err);

	(void)result;
	if (!ret)
		iol_system_down(machine, wait_ns);
	return ret;
}

static const struct iol_control_arg name_args[] = {
	{ "name", IOL_CONTROL_STR, false },
	{ 0 },
};

static const struct iol_control_arg stop_args[] = {
	{ "name", IOL_CONTROL_STR, false },
	{ "wait-ms", IOL_CONTROL_INT, true },
	{ 0 },
};

static const struct iol_control_arg down_args[] = {
	{ "wait-ms", IOL_CONTROL_INT, true },
	{ 0 },
};

const struct iol_control_command iol_system_commands[] = {
	{ "x-iolite-partitions", NULL, partitions }, { "x-iolite-start", name_args, start },
	{ "x-iolite-stop", stop_args, stop },        { "x-iolite-restart", stop_args, restart },
	{ "x-iolite-pause", name_args, pause_one },  { "x-iolite-resume", name_args, resume },
	{ "x-iolite-down", down_args, down },        { 0 },
};

const char *const iol_system_events[] = { "x-iolite-partition", NULL };

void iol_system_tell(struct iol_system *s, struct iol_member *m)
{
	g_autofree char *end = iol_partition_end_text(m->partition.end);

	iol_control_event(s->control, "x-iolite-partition",
			  json_pack("{s:s, s:s, s:s}", "name", m->partition.config->name, "state",
				    iol_partition_state_name(m->partition.state), "cause", end));
}
