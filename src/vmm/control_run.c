// SPDX-License-Identifier: Apache-2.0
/*
 * Commands of the control socket that act on the machine: as QMP has them, with their names, fields and effects. See
 * control_internal.h. Runs on the loop's thread.
 */
#include "control_internal.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "debug.h"
#include "monitor.h"

bool iol_vm_control_hold(struct iol_vm *vm)
{
	bool ran;

	pthread_mutex_lock(&vm->vcpu_lock);
	ran = vm->vcpus_run;
	pthread_mutex_unlock(&vm->vcpu_lock);
	if (ran)
		iol_vcpus_pause(vm);
	return ran;
}

static int refuse_ended(struct iol_error *err)
{
	return iol_error_set(err, -EBUSY, "the machine has ended");
}

/* ---- Running and standing ---- */

static int run_stop(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_vm *vm = machine;

	(void)args;
	(void)result;
	switch (vm->lifecycle.state) {
	case IOL_STATE_RUNNING:
		iol_vm_pause(vm);
		break;
	case IOL_STATE_RESETTING: /* it will stand when that is done */
		vm->lifecycle.paused_before = true;
		iol_vm_control_follow(vm);
		break;
	case IOL_STATE_STOPPED:
		return refuse_ended(err);
	case IOL_STATE_PAUSED:
	case IOL_STATE_CREATED:
		break;
	}
	return 0;
}

static int run_cont(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_vm *vm = machine;

	(void)args;
	(void)result;
	if (vm->lifecycle.state == IOL_STATE_STOPPED)
		return refuse_ended(err);
	if (vm->lifecycle.state == IOL_STATE_RUNNING)
		return 0;
	if (vm->lifecycle.needs_reset && vm->lifecycle.state == IOL_STATE_PAUSED)
		return iol_error_set(
			err, -EBUSY,
			"the guest is done: reset the machine (system_reset) or end it");
	if (iol_debug_holds(vm))
		return iol_error_set(err, -EBUSY,
				     "a debugger has the machine stand: it alone lets it run");
	if (vm->lifecycle.state == IOL_STATE_RESETTING) {
		vm->lifecycle.paused_before = false;
		iol_vm_control_follow(vm);
	} else {
		iol_vm_resume(vm);
	}
	return 0;
}

static int run_reset(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_vm *vm = machine;

	(void)args;
	(void)result;
	if (vm->lifecycle.state == IOL_STATE_STOPPED)
		return refuse_ended(err);
	iol_vm_ask(vm, IOL_EVENT_RESET_NOW, IOL_WISH_CONTROL);
	return 0;
}

static int run_powerdown(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_vm *vm = machine;

	(void)args;
	(void)result;
	if (vm->lifecycle.state == IOL_STATE_STOPPED)
		return refuse_ended(err);
	if (!iol_vm_power_button(vm))
		return iol_error_set(err, -ENOTSUP,
				     "this machine has no power button: quit ends it at once");
	return 0;
}

static int run_quit(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	(void)args;
	(void)result;
	(void)err;
	iol_vm_ask(machine, IOL_EVENT_STOP, IOL_WISH_CONTROL);
	return 0;
}

/* ---- Processors ---- */

/* kvm-api 4.64; a vCPU takes no ioctl while it runs. */
static int run_nmi(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_vm *vm = machine;
	bool ran;
	int ret = 0;

	(void)args;
	(void)result;
	if (ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_USER_NMI) <= 0)
		return iol_error_set(err, -ENOTSUP,
				     "machines of this architecture have no NMI that can be sent");
	ran = iol_vm_control_hold(vm);
	for (unsigned int i = 0; i < vm->vcpu_count && !ret; i++)
		if (ioctl(vm->vcpus[i].fd, KVM_NMI))
			ret = iol_error_errno(err, -errno, "cannot send an NMI to CPU %u", i);
	if (ran)
		iol_vcpus_resume(vm);
	return ret;
}

/* ---- The watchdog ---- */

static int run_watchdog(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	static const struct {
		const char *name;
		enum iol_watchdog_action action;
	} actions[] = {
		{ "reset", IOL_WATCHDOG_RESET },   { "shutdown", IOL_WATCHDOG_STOP },
		{ "poweroff", IOL_WATCHDOG_STOP }, { "pause", IOL_WATCHDOG_PAUSE },
		{ "none", IOL_WATCHDOG_NONE },
	};
	struct iol_vm *vm = machine;
	const char *name = json_string_value(json_object_get(args, "action"));

	(void)result;
	for (size_t i = 0; i < IOL_ARRAY_LEN(actions); i++) {
		if (strcmp(actions[i].name, name) != 0)
			continue;
		vm->lifecycle.has_watchdog_action = true;
		vm->lifecycle.watchdog_action = actions[i].action;
		return 0;
	}
	return iol_error_set(err, -EINVAL,
			     "Parameter 'action' does not accept this value: give reset, shutdown, "
			     "poweroff, pause or none");
}

static const struct iol_control_arg watchdog_args[] = {
	{ .name = "action", .type = IOL_CONTROL_STR },
	{ .name = NULL },
};

/* ---- Words ---- */

/* What cannot be done is said in the text, as QMP has it. */
/* @done: whether the machine did it; else the text says why not. */
static int say(struct iol_vm *vm, const json_t *args, json_t **text, bool *done,
	       struct iol_error *err)
{
	const char *line = json_string_value(json_object_get(args, "command-line"));
	json_int_t cpu = json_integer_value(json_object_get(args, "cpu-index"));
	g_autoptr(GString) out = g_string_new(NULL);

	if (cpu < 0 || cpu >= vm->vcpu_count)
		return iol_error_set(err, -EINVAL,
				     "Parameter 'cpu-index' expects a CPU number: 0 to %u",
				     vm->vcpu_count - 1);
	*done = !iol_monitor_run(vm, (unsigned int)cpu, line, out);
	*text = iol_vm_control_text(out->str);
	return 0;
}

/* As QEMU's: also a mistake is told as text. */
static int run_words(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	bool done;

	return say(machine, args, result, &done, err);
}

/* The same for programs that want to know. */
static int run_monitor(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	json_t *text = NULL;
	bool done = false;
	int ret = say(machine, args, &text, &done, err);

	if (!ret)
		*result = json_pack("{s:o, s:b}", "text", text, "done", (int)done);
	return ret;
}

static const struct iol_control_arg words_args[] = {
	{ .name = "command-line", .type = IOL_CONTROL_STR },
	{ .name = "cpu-index", .type = IOL_CONTROL_INT, .optional = true },
	{ .name = NULL },
};

const struct iol_control_command iol_vm_control_run_commands[] = {
	{ .name = "stop", .run = run_stop },
	{ .name = "cont", .run = run_cont },
	{ .name = "system_reset", .run = run_reset },
	{ .name = "system_powerdown", .run = run_powerdown },
	{ .name = "quit", .run = run_quit },
	{ .name = "inject-nmi", .run = run_nmi },
	{ .name = "watchdog-set-action", .args = watchdog_args, .run = run_watchdog },
	{ .name = "human-monitor-command", .args = words_args, .run = run_words },
	{ .name = "x-iolite-monitor", .args = words_args, .run = run_monitor },
	{ .name = NULL },
};
