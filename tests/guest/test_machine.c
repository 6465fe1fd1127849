// SPDX-License-Identifier: Apache-2.0
/*
 * The machine as a library: making, running, pausing, resetting and freeing it, in one process,
 * many times, from many threads, and with too little of everything. The guest is the architecture's
 * g_spin.c, which counts in its memory, so that one can see whether it runs.
 *
 * Every wait is for an event or has a limit; main() has one for all.
 */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iolite/log.h>
#include <iolite/vm.h>

#include "holdings.h"
#include "spin.h"

enum {
	ALL_LIMIT_S = 280,
	LIMIT_S = 30,
	WARM_UP_CYCLES = 12,
	CYCLES = 300,
	PAUSES = 100,
	RESETS = 50,
	TRAPS = 20,
	STOPS = 40,
	RAISERS = 8,
	RAISES = 200,
	EXIT_SKIP = 77,
};

#define POLL_NS (IOL_NS_PER_MS / 10)
#define KERNEL GUEST_DIR "/spin"

struct machine_kind {
	const char *path;
	const char *order; /* to the guest */
	unsigned int cpus;
	unsigned int watched; /* the counter to look at */
};

struct bad_request {
	const char *kernel, *initrd;
	uint64_t memory_bytes;
	unsigned int cpus;
	int code; /* 0: any */
};

#include "machine_arch.h"

#if defined(__SANITIZE_THREAD__)
/*
 * liburing maps and unmaps rings by system calls that ThreadSanitizer does not see, so that a ring
 * at an address where another thread once had one looks like a race with that thread. A true one,
 * two threads on a ring, is refused by the kernel (IORING_SETUP_SINGLE_ISSUER).
 */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race_top:io_uring_\n";
}
#endif

/* --- a machine --- */

/* Read-only, so that machines of several threads can have the same file. */
static char disk_path[] = "/tmp/iolite-machine-XXXXXX";
static const char *const disk_options[] = { ",ro,queues=4", ",ro,transport=mmio,iops=1000" };

static void make_disk(void)
{
	int fd = g_mkstemp(disk_path);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(ftruncate(fd, IOL_MIB), ==, 0);
	g_assert_cmpint(close(fd), ==, 0);
}

static void config_make(struct iol_config *config, const char *order, unsigned int cpus)
{
	iol_config_init(config);
	config->kernel = g_strdup(KERNEL);
	config->cmdline = g_strdup(order);
	config->memory_bytes = MACHINE_MEMORY_BYTES;
	config->cpus = cpus;
	config->serials[0].kind = IOL_CHAR_NULL;
	for (size_t i = 0; i < IOL_ARRAY_LEN(disk_options); i++) {
		g_autofree char *text = g_strconcat(disk_path, disk_options[i], NULL);
		struct iol_error err;

		if (iol_config_add_disk(config, text, &err))
			g_error("%s", err.msg);
	}
	if (iol_config_check(config, NULL))
		g_error("the configuration is wrong");
}

static struct iol_vm *vm_make(const struct iol_config *config)
{
	struct iol_error err = { 0 };
	struct iol_vm *vm = NULL;

	if (iol_vm_new(config, &vm, &err))
		g_error("iol_vm_new: %s", err.msg);
	return vm;
}

static uint64_t counter(const struct iol_vm *vm, unsigned int idx)
{
	/* A 32-bit host reads it by halves; the upper one stays 0. */
	const volatile uint64_t *p =
		iol_memory_ptr(&vm->memory, SPIN_COUNTERS + SPIN_STRIDE * idx, 8);

	return *p;
}

static bool all_stand(struct iol_vm *vm)
{
	bool all = true;

	pthread_mutex_lock(&vm->vcpu_lock);
	for (unsigned int i = 0; i < vm->vcpu_count; i++)
		all = all && vm->vcpus[i].standing;
	pthread_mutex_unlock(&vm->vcpu_lock);
	return all;
}

/* --- a script: what the loop does to its machine, step by step --- */

struct script {
	struct iol_vm *vm;
	struct iol_op timer;
	/* Called at short intervals on the loop's thread until it returns false, which stops. */
	bool (*step)(struct script *script);
	uint64_t deadline_ns;
	unsigned int round, rounds;
	unsigned int phase;
	bool stands; /* the guest does not count */
	unsigned int watched; /* the counter to look at */
	uint64_t seen, resets;
};

static void script_turn(struct iol_op *op, int res)
{
	struct script *script = iol_container_of(op, struct script, timer);

	if (res == -ECANCELED)
		return;
	g_assert_cmpuint(iol_loop_now_ns(), <, script->deadline_ns);
	if (script->step(script))
		iol_loop_timeout(&script->vm->loop, op, POLL_NS);
	else
		iol_vm_raise(script->vm, IOL_EVENT_STOP);
}

/* What iol_vm_run() says; when it ran, it ended for @cause. */
static int try_script(struct script *script, enum iol_cause cause, struct iol_error *err)
{
	int ret;

	script->timer.done = script_turn;
	script->deadline_ns = iol_loop_now_ns() + LIMIT_S * IOL_NS_PER_S;
	iol_loop_timeout(&script->vm->loop, &script->timer, POLL_NS);
	ret = iol_vm_run(script->vm, err);
	if (ret)
		return ret;
	g_assert_cmpint(script->vm->lifecycle.state, ==, IOL_STATE_STOPPED);
	g_assert_cmpint(script->vm->lifecycle.cause, ==, cause);
	g_assert_true(all_stand(script->vm));
	return 0;
}

static void run_script(struct script *script, enum iol_cause cause)
{
	struct iol_error err = { 0 };

	g_assert_cmpint(try_script(script, cause, &err), ==, 0);
}

static bool has_moved(const struct script *script)
{
	return script->stands || counter(script->vm, script->watched) > script->seen;
}

static void see(struct script *script)
{
	script->seen = counter(script->vm, script->watched);
	g_assert_cmpuint(counter(script->vm, SPIN_WRONG), ==, 0);
}

/* Pauses when the guest has got further; resumes when it provably stands. */
static bool pause_step(struct script *script)
{
	struct iol_vm *vm = script->vm;

	if (script->phase == 0) {
		if (!has_moved(script))
			return true;
		g_assert_cmpint(iol_vm_resume(vm), ==, -EBUSY);
		g_assert_cmpint(iol_vm_pause(vm), ==, 0);
		g_assert_cmpint(iol_vm_pause(vm), ==, -EBUSY);
		g_assert_cmpint(vm->lifecycle.state, ==, IOL_STATE_PAUSED);
		g_assert_true(all_stand(vm));
		see(script);
		script->phase = 1;
		return true;
	}
	g_assert_cmpuint(counter(vm, script->watched), ==, script->seen);
	g_assert_true(all_stand(vm));
	g_assert_cmpint(iol_vm_resume(vm), ==, 0);
	script->phase = 0;
	return ++script->round < script->rounds;
}

/* Resets when the guest has got further: running and paused in turn. */
static bool reset_step(struct script *script)
{
	struct iol_vm *vm = script->vm;
	bool paused = script->round % 2;

	if (script->phase == 0) {
		if (!has_moved(script))
			return true;
		if (paused)
			g_assert_cmpint(iol_vm_pause(vm), ==, 0);
		see(script);
		iol_vm_raise(vm, IOL_EVENT_RESET);
		script->phase = 1;
		return true;
	}
	if (vm->lifecycle.reset_count == script->resets)
		return true;
	g_assert_cmpuint(vm->lifecycle.reset_count, ==, script->resets + 1);
	script->resets++;
	script->phase = 0;
	script->seen = 0;
	if (paused) {
		g_assert_cmpint(vm->lifecycle.state, ==, IOL_STATE_PAUSED);
		g_assert_cmpuint(counter(vm, 0), ==, 0);
		g_assert_cmpuint(counter(vm, script->watched), ==, 0);
		g_assert_cmpint(iol_vm_resume(vm), ==, 0);
	}
	return ++script->round < script->rounds;
}

static bool run_for_a_step(struct script *script)
{
	return !has_moved(script);
}

/* --- pause, resume, reset --- */

static void run_kind(const struct machine_kind *kind, bool (*step)(struct script *),
		     unsigned int rounds)
{
	struct iol_config config;
	struct script script = {
		.step = step,
		.rounds = rounds,
		.stands = !strcmp(kind->order, "halt"),
		.watched = kind->watched,
	};

	config_make(&config, kind->order, MIN(kind->cpus, MACHINE_CPUS_MAX));
	script.vm = vm_make(&config);
	run_script(&script, IOL_CAUSE_STOP);
	g_assert_cmpuint(script.round, ==, rounds);
	iol_vm_free(script.vm);
	iol_config_finish(&config);
}

static void test_pause(gconstpointer kind)
{
	run_kind(kind, pause_step, PAUSES);
}

static void test_reset(gconstpointer kind)
{
	run_kind(kind, reset_step, RESETS);
}

/* --- paused and reset in the middle of an access --- */

/*
 * A register of the test's own. When armed, its reading waits until the vCPU has been told to come
 * to its safe point, so that it does so with the access not completed.
 */
struct trap {
	struct script script;
	uint32_t value; /* what each half of the register reads as; written by the vCPU */
	gint armed, caught;
};

static uint64_t trap_read(void *dev, uint64_t offset, unsigned int len)
{
	struct trap *trap = dev;
	struct kvm_run *run = trap->script.vm->vcpus[0].run;
	uint64_t deadline_ns = iol_loop_now_ns() + LIMIT_S * IOL_NS_PER_S;

	if (offset != SPIN_REGISTER_SPLIT + 4 - SPIN_REGISTER)
		trap->value++;
	if (g_atomic_int_compare_and_exchange(&trap->armed, 1, 0)) {
		g_atomic_int_set(&trap->caught, 1);
		while (!__atomic_load_n(&run->immediate_exit, __ATOMIC_RELAXED))
			g_assert_cmpuint(iol_loop_now_ns(), <, deadline_ns);
	}
	return len == 8 ? trap->value | (uint64_t)trap->value << 32 : trap->value;
}

static void trap_write(void *dev, uint64_t offset, unsigned int len, uint64_t value)
{
	(void)dev;
	(void)offset;
	(void)len;
	(void)value;
}

static const struct iol_bus_ops trap_ops = { .read = trap_read, .write = trap_write };

static bool trap_pause_step(struct script *script)
{
	struct trap *trap = iol_container_of(script, struct trap, script);

	if (script->phase == 0) {
		g_atomic_int_set(&trap->armed, 1);
		script->phase = 1;
	} else if (g_atomic_int_compare_and_exchange(&trap->caught, 1, 0)) {
		g_assert_cmpint(iol_vm_pause(script->vm), ==, 0);
		g_assert_true(vcpu_has(script->vm, trap->value | (uint64_t)trap->value << 32));
		g_assert_cmpint(iol_vm_resume(script->vm), ==, 0);
		script->phase = 0;
		script->round++;
	}
	return script->round < script->rounds;
}

static bool trap_reset_step(struct script *script)
{
	struct trap *trap = iol_container_of(script, struct trap, script);

	if (script->phase == 0) {
		g_atomic_int_set(&trap->armed, 1);
		script->phase = 1;
	} else if (g_atomic_int_compare_and_exchange(&trap->caught, 1, 0)) {
		iol_vm_raise(script->vm, IOL_EVENT_RESET);
		script->phase = 2;
	} else if (script->phase == 2 && script->vm->lifecycle.reset_count > script->resets) {
		/* It reads again, so it has started again. */
		g_assert_cmpuint(counter(script->vm, SPIN_WRONG), ==, 0);
		script->resets++;
		script->phase = 0;
		script->round++;
	}
	return script->round < script->rounds;
}

static void run_trapped(const char *order, bool (*step)(struct script *))
{
	struct trap trap = { .script = { .step = step, .rounds = TRAPS } };
	const struct iol_bus_region region = {
		.base = SPIN_REGISTER,
		.size_bytes = SPIN_REGISTER_BYTES,
		.name = "trap",
		.ops = &trap_ops,
		.dev = &trap,
	};
	struct iol_config config;
	struct iol_error err = { 0 };

	config_make(&config, order, 1);
	trap.script.vm = vm_make(&config);
	g_assert_cmpint(iol_bus_add(&trap.script.vm->mmio, &region, &err), ==, 0);
	run_script(&trap.script, IOL_CAUSE_STOP);
	iol_vm_free(trap.script.vm);
	iol_config_finish(&config);
}

static void test_trap_pause(gconstpointer order)
{
	run_trapped(order, trap_pause_step);
}

static void test_trap_reset(gconstpointer order)
{
	run_trapped(order, trap_reset_step);
}

/* --- many machines, one after the other --- */

/* One machine; how it ends depends on @idx. */
static void cycle(unsigned int idx)
{
	static const struct machine_kind ways[] = {
		{ "never run", "halt", 1, 0 },
		{ "the guest switches it off", "off", 1, 0 },
		{ "stopped", "user", 2, 0 },
		{ "reset and stopped", "pio", 1, 0 },
	};
	const struct machine_kind *way = &ways[idx % IOL_ARRAY_LEN(ways)];
	struct script script = { .watched = way->watched, .rounds = 1 };
	struct iol_config config;

	config_make(&config, way->order, MIN(way->cpus, MACHINE_CPUS_MAX));
	script.vm = vm_make(&config);
	switch (idx % IOL_ARRAY_LEN(ways)) {
	case 0:
		break;
	case 1:
		script.step = run_for_a_step;
		script.stands = false;
		script.seen = UINT64_MAX; /* never moves beyond */
		run_script(&script, IOL_CAUSE_POWEROFF);
		break;
	case 2:
		script.step = run_for_a_step;
		run_script(&script, IOL_CAUSE_STOP);
		break;
	case 3:
		script.step = reset_step;
		run_script(&script, IOL_CAUSE_STOP);
		break;
	}
	iol_vm_free(script.vm);
	iol_config_finish(&config);
}

static void test_cycles(void)
{
	struct holdings before;

	for (unsigned int i = 0; i < WARM_UP_CYCLES; i++)
		cycle(i);
	before = holdings_look_alone();
	for (unsigned int i = 0; i < CYCLES; i++)
		cycle(i);
	holdings_check_same(&before);
}

/* --- requests while it is freed --- */

struct last_device {
	struct iol_device dev;
	struct iol_vm *vm;
	bool freed;
};

/* As a signal does that comes now. */
static void free_last(struct iol_device *dev)
{
	struct last_device *last = iol_container_of(dev, struct last_device, dev);

	iol_vm_refresh_disks(last->vm);
	iol_vm_set_terminal_size(last->vm, 80, 25);
	iol_vm_power_button(last->vm);
	last->freed = true;
}

/* The device that is made first is freed last: all others are gone, which AddressSanitizer knows. */
static void test_requests_at_end(void)
{
	static const struct iol_device_ops ops = { .free = free_last };
	struct last_device last = { .dev.ops = &ops };
	struct iol_config config;
	struct iol_error err;

	config_make(&config, "mmio", 1);
	if (iol_config_set_console(&config, "stdio", &err))
		g_error("%s", err.msg);
	last.vm = vm_make(&config);
	g_assert_cmpuint(last.vm->device_count, <, IOL_VM_DEVICES_MAX);
	memmove(last.vm->devices + 1, last.vm->devices,
		last.vm->device_count++ * sizeof(*last.vm->devices));
	last.vm->devices[0] = &last.dev;
	iol_vm_free(last.vm);
	g_assert_true(last.freed);
	iol_config_finish(&config);
}

/* --- several threads --- */

static gpointer live_a_life(gpointer kind)
{
	for (unsigned int i = 0; i < 3; i++) {
		run_kind(kind, pause_step, 20);
		run_kind(kind, reset_step, 6);
	}
	return NULL;
}

static void test_two_machines(void)
{
	static const struct machine_kind kind = { "two", "mmio", 2, 0 };
	GThread *a = g_thread_new("a", live_a_life, (gpointer)&kind);
	GThread *b = g_thread_new("b", live_a_life, (gpointer)&kind);

	g_thread_join(a);
	g_thread_join(b);
}

struct stopper {
	struct iol_vm *vm;
	unsigned int delay_us;
};

static gpointer stop_after_delay(gpointer arg)
{
	struct stopper *stopper = arg;

	g_usleep(stopper->delay_us);
	iol_vm_raise(stopper->vm, IOL_EVENT_STOP);
	return NULL;
}

/* Stops from another thread at many points of a machine's start. */
static void test_stop(void)
{
	static const char *const orders[] = { "user", "mmio", "pio", "halt" };

	for (unsigned int i = 0; i < STOPS; i++) {
		struct iol_config config;
		struct iol_error err = { 0 };
		struct stopper stopper = { .delay_us = i * 100 };
		GThread *thread;

		config_make(&config, orders[i % IOL_ARRAY_LEN(orders)],
			    MIN(1 + i % 3, MACHINE_CPUS_MAX));
		stopper.vm = vm_make(&config);
		thread = g_thread_new("stop", stop_after_delay, &stopper);
		g_assert_cmpint(iol_vm_run(stopper.vm, &err), ==, 0);
		g_assert_cmpint(stopper.vm->lifecycle.cause, ==, IOL_CAUSE_STOP);
		g_thread_join(thread);
		iol_vm_free(stopper.vm);
		iol_config_finish(&config);
	}
}

struct raiser {
	struct iol_vm *vm;
	gint *left; /* raisers that still raise */
};

static gpointer raise_many(gpointer arg)
{
	struct raiser *raiser = arg;

	for (unsigned int i = 0; i < RAISES; i++) {
		iol_vm_raise(raiser->vm, IOL_EVENT_RESET);
		g_assert_true(iol_vm_power_button(raiser->vm));
		g_thread_yield();
	}
	if (g_atomic_int_dec_and_test(raiser->left))
		iol_vm_raise(raiser->vm, IOL_EVENT_STOP);
	return NULL;
}

static void test_events(void)
{
	gint left = RAISERS;
	GThread *threads[RAISERS];
	struct iol_config config;
	struct iol_error err = { 0 };
	struct raiser raiser = { .left = &left };

	config_make(&config, "mmio", MIN(2, MACHINE_CPUS_MAX));
	raiser.vm = vm_make(&config);
	for (unsigned int i = 0; i < RAISERS; i++)
		threads[i] = g_thread_new("raise", raise_many, &raiser);
	g_assert_cmpint(iol_vm_run(raiser.vm, &err), ==, 0);
	g_assert_cmpint(raiser.vm->lifecycle.cause, ==, IOL_CAUSE_STOP);
	g_assert_cmpuint(raiser.vm->lifecycle.reset_count, <=, RAISERS * RAISES);
	for (unsigned int i = 0; i < RAISERS; i++)
		g_thread_join(threads[i]);
	iol_vm_free(raiser.vm);
	iol_config_finish(&config);
}

/* --- failures --- */

static void check_error(const struct iol_error *err, int ret)
{
	g_assert_cmpint(ret, <, 0);
	g_assert_cmpint(err->code, ==, ret);
	g_assert_cmpint(strlen(err->msg), >, 0);
	g_assert_null(strchr(err->msg, '\n'));
}

static const struct bad_request bad_requests[] = {
	{ GUEST_DIR "/none", NULL, MACHINE_MEMORY_BYTES, 1, -ENOENT },
	{ GUEST_DIR, NULL, MACHINE_MEMORY_BYTES, 1, 0 },
	{ "/dev/null", NULL, MACHINE_MEMORY_BYTES, 1, 0 },
	{ "/proc/self/maps", NULL, MACHINE_MEMORY_BYTES, 1, 0 },
	{ KERNEL, GUEST_DIR "/none", MACHINE_MEMORY_BYTES, 1, -ENOENT },
	MACHINE_BAD_MEMORY,
	{ KERNEL, NULL, MACHINE_MEMORY_BYTES + 1, 1, -EINVAL },
	{ KERNEL, NULL, 65 * IOL_GIB, 1, -EINVAL },
	{ KERNEL, NULL, MACHINE_MEMORY_BYTES, 0, -EINVAL },
	{ KERNEL, NULL, MACHINE_MEMORY_BYTES, 65, -EINVAL },
};

static void check_refused(const struct bad_request *bad)
{
	struct iol_config config;
	struct iol_error err = { 0 };
	struct iol_vm *vm = NULL;
	int ret;

	config_make(&config, "off", bad->cpus);
	g_free(config.kernel);
	config.kernel = g_strdup(bad->kernel);
	config.initrd = g_strdup(bad->initrd);
	config.memory_bytes = bad->memory_bytes;
	ret = iol_vm_new(&config, &vm, &err);
	check_error(&err, ret);
	if (bad->code)
		g_assert_cmpint(ret, ==, bad->code);
	g_assert_false(err.host_fault);
	g_assert_null(vm);
	iol_config_finish(&config);
}

static void test_bad_requests(void)
{
	struct holdings before = { 0 };

	/* The first time over, libc fills caches of its own. */
	for (unsigned int pass = 0; pass < 2; pass++) {
		if (pass == 1)
			before = holdings_look_alone();
		for (size_t i = 0; i < IOL_ARRAY_LEN(bad_requests); i++)
			check_refused(&bad_requests[i]);
	}
	holdings_check_same(&before);
}

/*
 * In a child whose @resource is limited to @limit: a machine is made and runs to its end, or
 * fails with one line; either way the child has what it had before. 0: it was made; 1: it failed.
 */
static int try_limited(int resource, rlim_t limit)
{
	struct holdings before;
	struct rlimit old, low;
	struct iol_config config;
	struct iol_error err = { 0 };
	struct script script = { .step = run_for_a_step, .seen = UINT64_MAX };
	bool made;
	int ret;

	config_make(&config, "off", MIN(2, MACHINE_CPUS_MAX));
	before = holdings_look();
	getrlimit(resource, &old);
	low = (struct rlimit){ .rlim_cur = limit, .rlim_max = old.rlim_max };
	g_assert_cmpint(setrlimit(resource, &low), ==, 0);
	ret = iol_vm_new(&config, &script.vm, &err);
	made = !ret;
	/* What was made may still lack room for the stack of a vCPU's thread. */
	if (made)
		ret = try_script(&script, IOL_CAUSE_POWEROFF, &err);
	iol_vm_free(script.vm);
	setrlimit(resource, &old);
	if (ret) {
		check_error(&err, ret);
		g_assert_true(made || err.host_fault || resource == RLIMIT_NOFILE);
	}
	if (resource == RLIMIT_NOFILE)
		g_assert_cmpuint(holdings_look().fds, ==, before.fds);
	iol_config_finish(&config);
	return ret ? 1 : 0;
}

/* As try_limited(), from the parent. */
static bool is_enough(int resource, rlim_t limit)
{
	pid_t pid = fork();
	int status;

	g_assert_cmpint(pid, >=, 0);
	if (pid == 0)
		_exit(try_limited(resource, limit));
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
		g_error("the child with a limit of %ju ended with wait status 0x%x",
			(uintmax_t)limit, (unsigned int)status);
	return WEXITSTATUS(status) == 0;
}

static void test_few_descriptors(void)
{
	unsigned int failed = 0, made = 0;

	for (unsigned int limit = 3; limit <= 80; limit++) {
		if (is_enough(RLIMIT_NOFILE, limit)) {
			made++;
		} else {
			g_assert_cmpuint(made, ==, 0);
			failed++;
		}
	}
	/* Between none and enough every step of the making has failed once. */
	g_assert_cmpuint(failed, >, 8);
	g_assert_cmpuint(made, >, 0);
}

static void test_little_address_space(void)
{
	struct holdings h = holdings_look();
	unsigned int failed = 0, made = 0;

	if (SANITIZED) {
		g_test_skip("sanitizers need the whole address space");
		return;
	}
	for (unsigned int i = 4; i <= MACHINE_MEMORY_BYTES / IOL_MIB + 24; i++) {
		if (is_enough(RLIMIT_AS, h.mapped_bytes + i * IOL_MIB))
			made++;
		else
			failed++;
	}
	g_assert_cmpuint(failed, >, 8);
	g_assert_cmpuint(made, >, 0);
}

/* Starts over with no thread caches in malloc, whose contents would count as in use. */
static void without_malloc_caches(char **argv)
{
	static const char variable[] = "GLIBC_TUNABLES";

	if (!g_setenv(variable, "glibc.malloc.tcache_count=0", FALSE) || g_getenv("IOL_RESTARTED"))
		return;
	g_setenv("IOL_RESTARTED", "1", TRUE);
	execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	int status;

	without_malloc_caches(argv);
	g_test_init(&argc, &argv, NULL);
	if (access("/dev/kvm", R_OK | W_OK)) {
		printf("1..0 # skipped: /dev/kvm: %s\n", strerror(errno));
		return EXIT_SKIP;
	}
	alarm(ALL_LIMIT_S);
	make_disk();
	holdings_look(); /* what libc allocates for this is not counted as a leak */
	g_test_add_func("/machine/bad-requests", test_bad_requests);
	g_test_add_func("/machine/few-descriptors", test_few_descriptors);
	g_test_add_func("/machine/little-address-space", test_little_address_space);
	g_test_add_func("/machine/cycles", test_cycles);
	for (size_t i = 0; i < IOL_ARRAY_LEN(kinds); i++) {
		g_autofree char *pause = g_strdup_printf("/machine/pause/%s", kinds[i].path);
		g_autofree char *reset = g_strdup_printf("/machine/reset/%s", kinds[i].path);

		g_test_add_data_func(pause, &kinds[i], test_pause);
		g_test_add_data_func(reset, &kinds[i], test_reset);
	}
	for (size_t i = 0; i < IOL_ARRAY_LEN(trap_orders); i++) {
		g_autofree char *pause =
			g_strdup_printf("/machine/access/pause/%s", trap_orders[i]);
		g_autofree char *reset =
			g_strdup_printf("/machine/access/reset/%s", trap_orders[i]);

		g_test_add_data_func(pause, trap_orders[i], test_trap_pause);
		g_test_add_data_func(reset, trap_orders[i], test_trap_reset);
	}
	g_test_add_func("/machine/requests-at-end", test_requests_at_end);
	g_test_add_func("/machine/two", test_two_machines);
	g_test_add_func("/machine/stop", test_stop);
	g_test_add_func("/machine/events", test_events);
	status = g_test_run();
	unlink(disk_path);
	return status;
}
