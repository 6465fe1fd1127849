// SPDX-License-Identifier: Apache-2.0
/* See control_rig.h. */
#include "control_rig.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

static struct control_rig *current; /* the socket's functions have no place for it */

void __wrap_iol_control_event(struct iol_control *control, const char *event, json_t *data);
void __wrap_iol_control_event(struct iol_control *control, const char *event, json_t *data)
{
	(void)control;
	g_assert_cmpuint(current->event_count, <, CONTROL_RIG_EVENTS_MAX);
	g_assert_true(g_strv_contains(iol_vm_control_events, event));
	current->events[current->event_count].name = g_strdup(event);
	current->events[current->event_count++].data = data;
}

void __wrap_iol_control_free(struct iol_control *control, uint64_t wait_ns);
void __wrap_iol_control_free(struct iol_control *control, uint64_t wait_ns)
{
	(void)control;
	(void)wait_ns;
}

static int fake_get_pc(struct iol_vcpu *vcpu, uint64_t *pc)
{
	*pc = 0x1000 + vcpu->idx;
	return 0;
}

void control_rig_init(struct control_rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	current = rig;
	iol_config_init(&rig->config);
	rig->config.memory_bytes = CONTROL_RIG_RAM;
	rig->config.cpus = CONTROL_RIG_CPUS;
	rig->debug.translate = fake_vm_translate;
	rig->debug.get_pc = fake_get_pc;
	rig->kvm = (struct iol_arch_kvm_ops){
		.vm_reset = fake_vm_reset,
		.vcpu_reset = fake_vcpu_reset,
		.debug = &rig->debug,
	};
	rig->arch = (struct iol_arch){ .name = "powerpc", .load = fake_vm_load, .kvm = &rig->kvm };
	rig->folder = g_dir_make_tmp("iolite-control-XXXXXX", NULL);
	g_assert_nonnull(rig->folder);
}

void control_rig_start(struct control_rig *rig)
{
	struct iol_vm *vm =
		fake_vm_new(&rig->config, &rig->arch, CONTROL_RIG_RAM, CONTROL_RIG_CPUS);

	rig->vm = vm;
	vm->control = g_new0(struct iol_vm_control, 1);
	vm->control->told_runs = true;
	vm->lifecycle.state = IOL_STATE_RUNNING;
	vm->lifecycle.has_run = true;
	iol_vcpus_resume(vm);
}

void control_rig_finish(struct control_rig *rig)
{
	g_autoptr(GDir) dir = g_dir_open(rig->folder, 0, NULL);
	const char *file;

	iol_vm_free(rig->vm);
	iol_config_finish(&rig->config);
	for (unsigned int i = 0; i < rig->event_count; i++) {
		g_free(rig->events[i].name);
		json_decref(rig->events[i].data);
	}
	while ((file = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(rig->folder, file, NULL);

		unlink(path);
	}
	rmdir(rig->folder);
	g_free(rig->folder);
}

static const struct iol_control_command *find(const char *name)
{
	const struct iol_control_command *const tables[] = {
		iol_vm_control_run_commands,       iol_vm_control_save_commands,
		iol_vm_control_query_commands,     iol_vm_control_info_commands,
		iol_vm_control_device_commands,    iol_vm_control_stats_commands,
		iol_vm_control_kvm_stats_commands, iol_vm_control_debug_commands,
	};

	for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
		for (const struct iol_control_command *c = tables[i]; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	g_error("there is no command %s", name);
}

/* That the arguments are as the socket lets them through. */
static void check_args(const struct iol_control_command *command, json_t *args)
{
	const char *name;
	json_t *value;

	json_object_foreach(args, name, value)
	{
		const struct iol_control_arg *a = command->args;

		while (a && a->name && strcmp(a->name, name) != 0)
			a++;
		if (!a || !a->name)
			g_error("%s has no argument %s", command->name, name);
	}
}

static int run(struct control_rig *rig, const char *name, const char *fmt, va_list list,
	       json_t **result)
{
	const struct iol_control_command *command = find(name);
	json_error_t error;
	json_t *args = fmt ? json_vpack_ex(&error, 0, fmt, list) : json_object();
	int ret;

	if (!args)
		g_error("%s: %s: %s", name, fmt, error.text);
	check_args(command, args);
	rig->err = (struct iol_error){ 0 };
	*result = NULL;
	ret = command->run(rig->vm, args, result, &rig->err);
	json_decref(args);
	return ret;
}

json_t *control_rig_run(struct control_rig *rig, const char *name, const char *fmt, ...)
{
	json_t *result;
	va_list list;
	int ret;

	va_start(list, fmt);
	ret = run(rig, name, fmt, list, &result);
	va_end(list);
	if (ret)
		g_error("%s: %d: %s", name, ret, rig->err.msg);
	return result;
}

void control_rig_refused(struct control_rig *rig, int ret, const char *words, const char *name,
			 const char *fmt, ...)
{
	json_t *result;
	va_list list;
	int got;

	va_start(list, fmt);
	got = run(rig, name, fmt, list, &result);
	va_end(list);
	if (got != ret || !strstr(rig->err.msg, words))
		g_error("%s: %d, '%s'; not %d with '%s'", name, got, rig->err.msg, ret, words);
	g_assert_null(result);
}

void control_rig_turn(struct control_rig *rig)
{
	fake_vm_turn(rig->vm);
}

void control_rig_expect(struct control_rig *rig, const char *name, const char *data)
{
	json_t *wanted = data ? json_loads(data, 0, NULL) : NULL;
	g_autofree char *got = NULL;

	if (!rig->event_count)
		g_error("no event %s", name);
	g_assert_true(!data || wanted);
	got = json_dumps(rig->events[0].data, JSON_COMPACT);
	g_test_message("%s %s", rig->events[0].name, got ? got : "");
	g_assert_cmpstr(rig->events[0].name, ==, name);
	if (data && !json_equal(rig->events[0].data, wanted))
		g_error("%s with %s, not %s", name, got, data);
	g_assert_true(!rig->events[0].data == !data);
	g_free(rig->events[0].name);
	json_decref(rig->events[0].data);
	json_decref(wanted);
	rig->event_count--;
	memmove(rig->events, rig->events + 1, rig->event_count * sizeof(rig->events[0]));
}

void control_rig_expect_none(struct control_rig *rig)
{
	if (rig->event_count)
		g_error("an event %s too many", rig->events[0].name);
}
