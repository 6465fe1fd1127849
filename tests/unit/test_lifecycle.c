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

#include "vmm/machine.h"

struct fixture {
	struct iol_config config;
	struct iol_arch arch;
	struct iol_arch_kvm_ops kvm;
	struct iol_vm *vm;
	bool fail_load;
};

static struct fixture *current; /* the architecture's functions have no place for it */

static int fake_layout(const struct iol_layout_request *request, struct iol_layout *layout,
		       struct iol_error *err)
{
	(void)err;
	*layout = (struct iol_layout){
		.machine = "fake",
		.cpus = request->cpus,
		.ram_count = 1,
		.ram = { { .size_bytes = request->memory_bytes } },
	};
	return 0;
}

static int fake_load(const struct iol_layout *layout, const struct iol_memory *mem,
		     const struct iol_boot *boot, struct iol_entry *entry,
		     struct iol_placement *placement, struct iol_error *err)
{
	(void)layout;
	(void)mem;
	(void)boot;
	*entry = (struct iol_entry){ 0 };
	*placement = (struct iol_placement){ .no_tree = true };
	return current->fail_load ? iol_error_set(err, -EIO, "the file is gone") : 0;
}

static int fake_vm_reset(struct iol_vm *vm, struct iol_error *err)
{
	(void)vm;
	(void)err;
	return 0;
}

static void setup(struct fixture *f, const void *data)
{
	const struct iol_layout_request request = { .memory_bytes = IOL_MIB };
	struct iol_vm *vm = g_new0(struct iol_vm, 1);

	(void)data;
	current = f;
	iol_config_init(&f->config);
	f->arch = (struct iol_arch){ .name = "fake", .layout = fake_layout, .load = fake_load };
	f->kvm.vm_reset = fake_vm_reset;
	f->arch.kvm = &f->kvm;
	f->vm = vm;
	vm->config = &f->config;
	vm->arch = &f->arch;
	vm->kvm_fd = vm->vm_fd = vm->boot.kernel.fd = vm->boot.initrd.fd = -1;
	iol_bus_init(&vm->mmio);
	iol_bus_init(&vm->pio);
	pthread_mutex_init(&vm->vcpu_lock, NULL);
	pthread_cond_init(&vm->vcpu_cond, NULL);
	iol_lifecycle_init(vm);
	g_assert_cmpint(vm->arch->layout(&request, &vm->layout, NULL), ==, 0);
	g_assert_cmpint(iol_memory_init(&vm->memory, vm->layout.ram, vm->layout.ram_count, NULL),
			==, 0);
	g_assert_cmpint(iol_loop_init(&vm->loop, NULL), ==, 0);
	vm->has_loop = true;
	vm->lifecycle.state = IOL_STATE_RUNNING;
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
	RESET = 1u << IOL_EVENT_RESET,
	POWEROFF = 1u << IOL_EVENT_POWEROFF,
	STOP = 1u << IOL_EVENT_STOP,
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

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/lifecycle/watchdog/reset", struct fixture, NULL, setup, test_reset, teardown);
	g_test_add("/lifecycle/watchdog/reset-fails", struct fixture, NULL, setup, test_reset_fails,
		   teardown);
	g_test_add("/lifecycle/watchdog/stop", struct fixture, NULL, setup, test_stop, teardown);
	g_test_add("/lifecycle/watchdog/pause", struct fixture, NULL, setup, test_pause, teardown);
	g_test_add("/lifecycle/watchdog/none", struct fixture, NULL, setup, test_none, teardown);
	g_test_add("/lifecycle/watchdog/other-ends", struct fixture, NULL, setup, test_other_ends,
		   teardown);
	return g_test_run();
}
