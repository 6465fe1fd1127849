// SPDX-License-Identifier: Apache-2.0
/*
 * The life cycle of a machine without processors and devices, on a loop of its own: what the guest's watchdog does,
 * and what it does beside other events.
 */
#include <iolite/vm.h>

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "fake_vm.h"
#include "vmm/machine.h"

struct fixture {
	struct iol_config config;
	struct iol_arch arch;
	struct iol_arch_kvm_ops kvm;
	struct iol_vm *vm;
	bool fail_load;
	unsigned int late; /* events that come while the machine is reset */
};

static struct fixture *current; /* the architecture's functions have no place for it */

static int raise_and_load(const struct iol_layout *layout, const struct iol_memory *mem,
			  const struct iol_boot *boot, struct iol_entry *entry,
			  struct iol_placement *placement, struct iol_error *err)
{
	for (unsigned int i = 0; i < IOL_EVENT_COUNT; i++)
		if (current->late & 1u << i)
			iol_vm_raise(current->vm, (enum iol_event)i);
	fake_vm_load(layout, mem, boot, entry, placement, err);
	return current->fail_load ? iol_error_set(err, -EIO, "the file is gone") : 0;
}

static void setup(struct fixture *f, const void *data)
{
	(void)data;
	current = f;
	iol_config_init(&f->config);
	f->arch = (struct iol_arch){ .name = "fake", .load = raise_and_load };
	f->kvm.vm_reset = fake_vm_reset;
	f->arch.kvm = &f->kvm;
	f->vm = fake_vm_new(&f->config, &f->arch, IOL_MIB, 0);
	f->vm->lifecycle.state = IOL_STATE_RUNNING;
}

static void teardown(struct fixture *f, const void *data)
{
	(void)data;
	iol_vm_free(f->vm);
	iol_config_finish(&f->config);
}

/* All @events (a bit each) are there before the loop looks; then it has dealt with them. */
static void raise_events(struct fixture *f, unsigned int events)
{
	for (unsigned int i = 0; i < IOL_EVENT_COUNT; i++)
		if (events & 1u << i)
			iol_vm_raise(f->vm, (enum iol_event)i);
	while (atomic_load(&f->vm->lifecycle.pending))
		g_assert_cmpint(iol_loop_turn(&f->vm->loop, true), >=, 0);
}

/* The same; what the log said of it. */
static char *heard(struct fixture *f, unsigned int events)
{
	char text[2048] = "";
	int ends[2], saved = dup(STDERR_FILENO);
	ssize_t len;

	g_assert_cmpint(pipe(ends), ==, 0);
	g_assert_cmpint(dup2(ends[1], STDERR_FILENO), >=, 0);
	raise_events(f, events);
	g_assert_cmpint(dup2(saved, STDERR_FILENO), >=, 0);
	close(saved);
	close(ends[1]);
	len = read(ends[0], text, sizeof(text) - 1);
	g_assert_cmpint(len, >=, 0);
	close(ends[0]);
	g_test_message("%s", text);
	return g_strdup(text);
}

static void check(const struct fixture *f, enum iol_state state, enum iol_cause cause,
		  uint64_t resets)
{
	const struct iol_lifecycle *lc = &f->vm->lifecycle;

	g_assert_cmpint(lc->state, ==, state);
	g_assert_cmpint(lc->cause, ==, cause);
	g_assert_cmpuint(lc->reset_count, ==, resets);
	g_assert_cmpint(f->vm->vcpus_run, ==, state == IOL_STATE_RUNNING);
}

enum {
	WATCHDOG = 1u << IOL_EVENT_WATCHDOG,
	PRETIMEOUT = 1u << IOL_EVENT_WATCHDOG_PRETIMEOUT,
	RESET = 1u << IOL_EVENT_RESET,
	POWEROFF = 1u << IOL_EVENT_POWEROFF,
	STOP = 1u << IOL_EVENT_STOP,
	RESET_NOW = 1u << IOL_EVENT_RESET_NOW,
	PANIC = 1u << IOL_EVENT_PANIC,
	CRASH_LOADED = 1u << IOL_EVENT_CRASH_LOADED,
	CRASH = 1u << IOL_EVENT_CRASH,
	KVM_ERROR = 1u << IOL_EVENT_KVM_ERROR,
	EMULATION_FAILED = 1u << IOL_EVENT_EMULATION_FAILED,
};

static void test_reset(struct fixture *f, const void *data)
{
	g_autofree char *said = NULL;

	(void)data;
	iol_vcpus_resume(f->vm);
	said = heard(f, WATCHDOG);
	g_assert_cmpstr(
		said, ==,
		"iolite: the guest's watchdog ran out: the machine is reset (on-watchdog)\n");
	check(f, IOL_STATE_RUNNING, IOL_CAUSE_NONE, 1);
	/* Together with the guest's own it is one. */
	raise_events(f, WATCHDOG | RESET);
	check(f, IOL_STATE_RUNNING, IOL_CAUSE_NONE, 2);
}

static void test_reset_fails(struct fixture *f, const void *data)
{
	(void)data;
	iol_vcpus_resume(f->vm);
	f->fail_load = true;
	raise_events(f, WATCHDOG | RESET);
	check(f, IOL_STATE_STOPPED, IOL_CAUSE_HOST, 0);
	g_assert_cmpstr(f->vm->lifecycle.error.msg, ==, "reset: the file is gone");
}

static void test_stop(struct fixture *f, const void *data)
{
	g_autofree char *said = NULL;

	(void)data;
	iol_vcpus_resume(f->vm);
	f->config.on_watchdog = IOL_WATCHDOG_STOP;
	said = heard(f, WATCHDOG | RESET);
	g_assert_cmpstr(
		said, ==,
		"iolite: the guest's watchdog ran out: the machine is stopped (on-watchdog)\n");
	check(f, IOL_STATE_STOPPED, IOL_CAUSE_WATCHDOG, 0);
	raise_events(f, WATCHDOG | POWEROFF);
	check(f, IOL_STATE_STOPPED, IOL_CAUSE_WATCHDOG, 0);
}

static void test_pause(struct fixture *f, const void *data)
{
	g_autofree char *said = NULL;

	(void)data;
	iol_vcpus_resume(f->vm);
	f->config.on_watchdog = IOL_WATCHDOG_PAUSE;
	said = heard(f, WATCHDOG);
	g_assert_cmpstr(
		said, ==,
		"iolite: the guest's watchdog ran out: the machine is paused (on-watchdog); "
		"Ctrl-A x or SIGTERM twice end it\n");
	check(f, IOL_STATE_PAUSED, IOL_CAUSE_NONE, 0);
	g_free(said);
	/* From another processor, in a machine that stands already. */
	said = heard(f, WATCHDOG);
	g_assert_cmpstr(said, ==, "");
	check(f, IOL_STATE_PAUSED, IOL_CAUSE_NONE, 0);
	g_assert_cmpint(iol_vm_resume(f->vm), ==, 0);
	check(f, IOL_STATE_RUNNING, IOL_CAUSE_NONE, 0);
	/* What is reset for the guest's own reason stays halted. */
	raise_events(f, WATCHDOG | RESET);
	check(f, IOL_STATE_PAUSED, IOL_CAUSE_NONE, 1);
	raise_events(f, STOP);
	check(f, IOL_STATE_STOPPED, IOL_CAUSE_STOP, 1);
}

static void test_none(struct fixture *f, const void *data)
{
	g_autofree char *said = NULL;

	(void)data;
	iol_vcpus_resume(f->vm);
	f->config.on_watchdog = IOL_WATCHDOG_NONE;
	said = heard(f, WATCHDOG);
	g_assert_cmpstr(
		said, ==,
		"iolite: the guest's watchdog ran out: the machine runs on (on-watchdog)\n");
	check(f, IOL_STATE_RUNNING, IOL_CAUSE_NONE, 0);
	/* Not a line each. */
	f->vm->lifecycle.watchdog_log.window_start_ns = UINT64_MAX;
	for (unsigned int i = 0; i < 100; i++)
		raise_events(f, WATCHDOG);
	g_assert_cmpuint(f->vm->lifecycle.watchdog_log.suppressed, >=, 90);
	check(f, IOL_STATE_RUNNING, IOL_CAUSE_NONE, 0);
	raise_events(f, WATCHDOG | RESET);
	check(f, IOL_STATE_RUNNING, IOL_CAUSE_NONE, 1);
}

/* It ran out in the turn in which its user paused the machine: it has not been served, and nothing serves it now. */
static void test_ran_out_late(struct fixture *f, const void *data)
{
	(void)data;
	iol_vcpus_resume(f->vm);
	f->config.on_watchdog = IOL_WATCHDOG_STOP;
	g_assert_cmpint(iol_vm_pause(f->vm), ==, 0);
	raise_events(f, WATCHDOG);
	check(f, IOL_STATE_PAUSED, IOL_CAUSE_NONE, 0);
	/* A reset forgets it. */
	raise_events(f, RESET_NOW);
	check(f, IOL_STATE_PAUSED, IOL_CAUSE_NONE, 1);
	g_assert_cmpint(iol_vm_resume(f->vm), ==, 0);
	raise_events(f, 0);
	check(f, IOL_STATE_RUNNING, IOL_CAUSE_NONE, 1);
	g_assert_cmpint(iol_vm_pause(f->vm), ==, 0);
	raise_events(f, WATCHDOG);
	g_assert_cmpint(iol_vm_resume(f->vm), ==, 0);
	raise_events(f, 0);
	check(f, IOL_STATE_STOPPED, IOL_CAUSE_WATCHDOG, 1);
}

/* The end of its first stage does nothing. */
static void test_pretimeout(struct fixture *f, const void *data)
{
	g_autofree char *said = NULL;

	(void)data;
	iol_vcpus_resume(f->vm);
	f->config.on_watchdog = IOL_WATCHDOG_STOP;
	said = heard(f, PRETIMEOUT);
	g_assert_cmpstr(said, ==, "");
	check(f, IOL_STATE_RUNNING, IOL_CAUSE_NONE, 0);
}

static void check_cause(struct fixture *f, unsigned int events, const char *name)
{
	raise_events(f, events);
	g_assert_cmpstr(iol_reset_cause_name(f->vm->lifecycle.reset_cause), ==, name);
}

/* A guest is told why it was reset, by what weighs most. */
static void test_reset_cause(struct fixture *f, const void *data)
{
	(void)data;
	iol_vcpus_resume(f->vm);
	f->config.on_panic = IOL_END_RESET;
	f->config.on_crash = IOL_END_RESET;
	f->vm->lifecycle.soon_ns = 0;
	check_cause(f, 0, NULL);
	check_cause(f, PRETIMEOUT, NULL);
	check_cause(f, RESET, "guest");
	check_cause(f, RESET_NOW, "host");
	check_cause(f, PANIC | RESET, "panic");
	check_cause(f, CRASH, "crash");
	check_cause(f, WATCHDOG, "watchdog");
	check_cause(f, WATCHDOG | RESET | PANIC, "watchdog");
	/* What does not reset it leaves it as it was. */
	f->config.on_watchdog = IOL_WATCHDOG_NONE;
	check_cause(f, RESET, "guest");
	check_cause(f, WATCHDOG, "guest");
	f->late = WATCHDOG | CRASH;
	check_cause(f, RESET_NOW, "host");
	check_cause(f, 0, "host");
}

/* What the guest or a person ends was not ended by the watchdog. */
static void test_other_ends(struct fixture *f, const void *data)
{
	g_autofree char *said = NULL;

	(void)data;
	f->config.on_watchdog = IOL_WATCHDOG_STOP;
	said = heard(f, WATCHDOG | POWEROFF);
	g_assert_cmpstr(said, ==, "");
	check(f, IOL_STATE_STOPPED, IOL_CAUSE_POWEROFF, 0);
}

/* ---- on-reboot, on-panic, on-crash, on-poweroff ---- */

#define KEYS "Ctrl-A x or SIGTERM twice end it\n"

struct action_case {
	unsigned int events;
	enum iol_end_action action; /* of all four */
	enum iol_state state;
	enum iol_cause cause;
	uint64_t resets;
	bool needs_reset;
	const char *said;
};

static const struct action_case action_cases[] = {
	{ PANIC, IOL_END_EXIT, IOL_STATE_STOPPED, IOL_CAUSE_PANIC, 0, false,
	  "iolite: the guest panicked: the machine is stopped (on-panic)\n" },
	{ PANIC, IOL_END_RESET, IOL_STATE_RUNNING, IOL_CAUSE_NONE, 1, false,
	  "iolite: the guest panicked: the machine is reset (on-panic)\n" },
	{ PANIC, IOL_END_PAUSE, IOL_STATE_PAUSED, IOL_CAUSE_NONE, 0, false,
	  "iolite: the guest panicked: the machine is paused (on-panic); " KEYS },
	{ CRASH, IOL_END_EXIT, IOL_STATE_STOPPED, IOL_CAUSE_CRASH, 0, false, "" },
	{ CRASH, IOL_END_RESET, IOL_STATE_RUNNING, IOL_CAUSE_NONE, 1, false,
	  "iolite: the guest crashed: the machine is reset (on-crash)\n" },
	{ CRASH, IOL_END_PAUSE, IOL_STATE_PAUSED, IOL_CAUSE_NONE, 0, true,
	  "iolite: the guest crashed: the machine is paused (on-crash); " KEYS },
	{ POWEROFF, IOL_END_EXIT, IOL_STATE_STOPPED, IOL_CAUSE_POWEROFF, 0, false, "" },
	{ POWEROFF, IOL_END_PAUSE, IOL_STATE_PAUSED, IOL_CAUSE_NONE, 0, true,
	  "iolite: the guest powered off: the machine is paused (on-poweroff); " KEYS },
	{ RESET, IOL_END_EXIT, IOL_STATE_STOPPED, IOL_CAUSE_REBOOT, 0, false, "" },
	{ RESET, IOL_END_RESET, IOL_STATE_RUNNING, IOL_CAUSE_NONE, 1, false, "" },
	{ RESET, IOL_END_PAUSE, IOL_STATE_PAUSED, IOL_CAUSE_NONE, 0, true,
	  "iolite: the guest rebooted: the machine is paused (on-reboot); " KEYS },
	/* What this KVM cannot do it cannot do after a reset. */
	{ KVM_ERROR, IOL_END_RESET, IOL_STATE_STOPPED, IOL_CAUSE_CRASH, 0, false, "" },
	{ EMULATION_FAILED, IOL_END_RESET, IOL_STATE_STOPPED, IOL_CAUSE_EMULATION_FAILED, 0, false,
	  "" },
	{ EMULATION_FAILED, IOL_END_PAUSE, IOL_STATE_PAUSED, IOL_CAUSE_NONE, 0, true,
	  "iolite: KVM gave the guest up: the machine is paused (on-crash); " KEYS },
	/* A person's wish is not the guest's. */
	{ RESET_NOW, IOL_END_EXIT, IOL_STATE_RUNNING, IOL_CAUSE_NONE, 1, false, "" },
	{ RESET_NOW, IOL_END_PAUSE, IOL_STATE_RUNNING, IOL_CAUSE_NONE, 1, false, "" },
	{ STOP, IOL_END_PAUSE, IOL_STATE_STOPPED, IOL_CAUSE_STOP, 0, false, "" },
	/* The gravest counts. */
	{ PANIC | CRASH, IOL_END_EXIT, IOL_STATE_STOPPED, IOL_CAUSE_CRASH, 0, false, "" },
	{ PANIC | STOP, IOL_END_RESET, IOL_STATE_STOPPED, IOL_CAUSE_STOP, 0, false, "" },
	{ PANIC | RESET, IOL_END_RESET, IOL_STATE_RUNNING, IOL_CAUSE_NONE, 1, false,
	  "iolite: the guest panicked: the machine is reset (on-panic)\n" },
	{ CRASH | RESET, IOL_END_PAUSE, IOL_STATE_PAUSED, IOL_CAUSE_NONE, 0, true,
	  "iolite: the guest crashed: the machine is paused (on-crash); " KEYS },
	{ PANIC | RESET, IOL_END_PAUSE, IOL_STATE_PAUSED, IOL_CAUSE_NONE, 0, true,
	  "iolite: the guest panicked: the machine is paused (on-panic); " KEYS },
	{ CRASH_LOADED, IOL_END_EXIT, IOL_STATE_RUNNING, IOL_CAUSE_NONE, 0, false,
	  "iolite: the guest panicked, and goes on with its crash kernel\n" },
};

static void test_action(struct fixture *f, const void *data)
{
	const struct action_case *c = data;
	g_autofree char *said = NULL;

	f->config.on_reboot = f->config.on_panic = f->config.on_crash = c->action;
	f->config.on_poweroff = c->action == IOL_END_RESET ? IOL_END_EXIT : c->action;
	iol_vcpus_resume(f->vm);
	said = heard(f, c->events);
	g_assert_cmpstr(said, ==, c->said);
	check(f, c->state, c->cause, c->resets);
	g_assert_cmpint(f->vm->lifecycle.needs_reset, ==, c->needs_reset);
	if (c->state != IOL_STATE_PAUSED)
		return;
	/* A person can look at it, reset it, and end it. */
	raise_events(f, RESET_NOW);
	check(f, IOL_STATE_PAUSED, IOL_CAUSE_NONE, 1);
	g_assert_false(f->vm->lifecycle.needs_reset);
	g_assert_cmpint(iol_vm_resume(f->vm), ==, 0);
	raise_events(f, STOP);
	check(f, IOL_STATE_STOPPED, IOL_CAUSE_STOP, 1);
}

enum { ROW = 5 }; /* resets that crashes in a row bring about */

/* A guest that does nothing but crash is an end; one that has run in between starts another row. */
static void test_row(struct fixture *f, const void *data)
{
	g_autofree char *said = NULL;

	(void)data;
	f->config.on_crash = f->config.on_panic = IOL_END_RESET;
	iol_vcpus_resume(f->vm);
	f->vm->lifecycle.soon_ns = UINT64_MAX;
	for (uint64_t i = 1; i <= ROW; i++) {
		raise_events(f, i % 2 ? PANIC : CRASH);
		check(f, IOL_STATE_RUNNING, IOL_CAUSE_NONE, i);
	}
	/* It ran for long enough. */
	f->vm->lifecycle.reset_ns = 1;
	f->vm->lifecycle.soon_ns = 0;
	for (uint64_t i = 1; i <= ROW; i++) {
		raise_events(f, PANIC);
		check(f, IOL_STATE_RUNNING, IOL_CAUSE_NONE, ROW + i);
		f->vm->lifecycle.soon_ns = UINT64_MAX;
	}
	said = heard(f, PANIC);
	g_assert_cmpstr(said, ==,
			"iolite: the guest panicked, 6 times in a row and at once after a reset: "
			"the machine is stopped\n");
	check(f, IOL_STATE_STOPPED, IOL_CAUSE_PANIC, 2 * ROW);
}

/* What the old guest did until its vCPUs stood is not the new one's doing; what a person wants is still wanted. */
static void test_late(struct fixture *f, const void *data)
{
	(void)data;
	f->config.on_panic = IOL_END_RESET;
	f->config.on_reboot = IOL_END_EXIT;
	f->late = PANIC | RESET | CRASH | POWEROFF | KVM_ERROR | EMULATION_FAILED | WATCHDOG |
		  CRASH_LOADED;
	iol_vcpus_resume(f->vm);
	raise_events(f, PANIC | RESET);
	check(f, IOL_STATE_RUNNING, IOL_CAUSE_NONE, 1);
	f->late |= STOP;
	raise_events(f, RESET_NOW);
	check(f, IOL_STATE_STOPPED, IOL_CAUSE_STOP, 2);
}

/* Reboots are nobody's fault, however many. */
static void test_reboots(struct fixture *f, const void *data)
{
	(void)data;
	f->vm->lifecycle.soon_ns = UINT64_MAX;
	iol_vcpus_resume(f->vm);
	for (uint64_t i = 1; i <= 20; i++) {
		raise_events(f, RESET);
		check(f, IOL_STATE_RUNNING, IOL_CAUSE_NONE, i);
	}
}

static void add_actions(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(action_cases); i++) {
		g_autofree char *path = g_strdup_printf("/lifecycle/action/%zu", i);

		g_test_add(path, struct fixture, &action_cases[i], setup, test_action, teardown);
	}
	g_test_add("/lifecycle/row", struct fixture, NULL, setup, test_row, teardown);
	g_test_add("/lifecycle/late", struct fixture, NULL, setup, test_late, teardown);
	g_test_add("/lifecycle/reboots", struct fixture, NULL, setup, test_reboots, teardown);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/lifecycle/watchdog/reset", struct fixture, NULL, setup, test_reset, teardown);
	g_test_add("/lifecycle/watchdog/reset-fails", struct fixture, NULL, setup, test_reset_fails,
		   teardown);
	g_test_add("/lifecycle/watchdog/stop", struct fixture, NULL, setup, test_stop, teardown);
	g_test_add("/lifecycle/watchdog/pause", struct fixture, NULL, setup, test_pause, teardown);
	g_test_add("/lifecycle/watchdog/none", struct fixture, NULL, setup, test_none, teardown);
	g_test_add("/lifecycle/watchdog/late", struct fixture, NULL, setup, test_ran_out_late,
		   teardown);
	g_test_add("/lifecycle/watchdog/pretimeout", struct fixture, NULL, setup, test_pretimeout,
		   teardown);
	g_test_add("/lifecycle/reset-cause", struct fixture, NULL, setup, test_reset_cause,
		   teardown);
	g_test_add("/lifecycle/watchdog/other-ends", struct fixture, NULL, setup, test_other_ends,
		   teardown);
	add_actions();
	return g_test_run();
}
