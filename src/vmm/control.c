// SPDX-License-Identifier: Apache-2.0
/* Where a machine's control socket is, and how it comes and goes. See control.h. Runs on the loop's thread. */
#include "control_internal.h"

#include <errno.h>
#include <sys/stat.h>

#include <iolite/log.h>

/* How long the last event may take to reach a slow client when the machine ends. */
#define LAST_WORDS_NS IOL_NS_PER_S

/* The folder of sockets that have no place of their own is made when it is missing; others are the user's to make. */
static int make_folder(const char *path, struct iol_error *err)
{
	g_autofree char *folder = g_path_get_dirname(path);
	g_autofree char *ours = iol_config_control_folder();

	if (g_strcmp0(folder, ours) != 0 || !mkdir(folder, 0700) || errno == EEXIST)
		return 0;
	return iol_error_errno(err, -errno,
			       "control: cannot make the folder %s; give another place with "
			       "--control PATH, or --control none",
			       folder);
}

static struct iol_control_command *all_commands(void)
{
	static const struct iol_control_command *const tables[] = {
		iol_vm_control_run_commands,       iol_vm_control_save_commands,
		iol_vm_control_query_commands,     iol_vm_control_info_commands,
		iol_vm_control_device_commands,    iol_vm_control_stats_commands,
		iol_vm_control_kvm_stats_commands, iol_vm_control_debug_commands,
		iol_vm_control_fdset_commands,
	};
	GArray *all = g_array_new(TRUE, TRUE, sizeof(struct iol_control_command));

	for (size_t i = 0; i < IOL_ARRAY_LEN(tables); i++)
		for (const struct iol_control_command *c = tables[i]; c->name; c++)
			g_array_append_val(all, *c);
	return (struct iol_control_command *)(void *)g_array_free(all, FALSE);
}

int iol_vm_control_open(struct iol_vm *vm, struct iol_error *err)
{
	const struct iol_config *config = vm->config;
	struct iol_vm_control *c;
	struct iol_control_config control = {
		.path = config->control,
		.fd = config->control_fd,
		.events = iol_vm_control_events,
		.machine = vm,
		.name = config->name ? config->name : "the machine",
	};
	int ret;

	if (!config->control) {
		if (config->name && !config->no_control)
			iol_log(IOL_LOG_INFO,
				"no control socket: XDG_RUNTIME_DIR is not set, and no place was "
				"given with --control");
		return 0;
	}
	ret = config->control_fd > 0 ? 0 : make_folder(config->control, err);
	if (ret)
		return ret;
	c = g_new0(struct iol_vm_control, 1);
	c->commands = all_commands();
	control.commands = c->commands;
	ret = iol_control_new(&vm->loop, &control, &c->control, err);
	if (ret) {
		g_free(c->commands);
		g_free(c);
		return ret;
	}
	vm->control = c;
	return 0;
}

int iol_vm_control_start(struct iol_vm *vm, struct iol_error *err)
{
	(void)err;
	if (!vm->control)
		return 0;
	iol_control_start(vm->control->control);
	iol_log(IOL_LOG_INFO, "control socket: %s", vm->config->control);
	return 0;
}

void iol_vm_control_finish(struct iol_vm *vm)
{
	struct iol_vm_control *c = g_steal_pointer(&vm->control);

	if (!c)
		return;
	iol_control_free(c->control, LAST_WORDS_NS);
	iol_vm_control_fdsets_finish(c);
	g_free(c->commands);
	g_free(c);
}
