// SPDX-License-Identifier: Apache-2.0
/* Commands of the control socket that do something, and what clients are told of it, on a machine without KVM. */
#include "control_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iolite/log.h>
#include <iolite/virtio_blk.h>

#include "vmm/machine.h"

static void do_it(struct control_rig *rig, const char *name)
{
	json_t *result = control_rig_run(rig, name, NULL);

	g_assert_null(result);
}

static void start(struct control_rig *rig)
{
	control_rig_init(rig);
	control_rig_start(rig);
}

/* ---- The life of the machine ---- */

static void test_stop_and_cont(void)
{
	struct control_rig rig;

	start(&rig);
	do_it(&rig, "cont");
	control_rig_expect_none(&rig);
	do_it(&rig, "stop");
	control_rig_expect(&rig, "STOP", NULL);
	g_assert_cmpint(rig.vm->lifecycle.state, ==, IOL_STATE_PAUSED);
	g_assert_false(rig.vm->vcpus_run);
	do_it(&rig, "stop");
	control_rig_expect_none(&rig);
	do_it(&rig, "cont");
	control_rig_expect(&rig, "RESUME", NULL);
	g_assert_cmpint(rig.vm->lifecycle.state, ==, IOL_STATE_RUNNING);
	g_assert_true(rig.vm->vcpus_run);
	control_rig_expect_none(&rig);
	control_rig_finish(&rig);
}

#define BY_CONTROL "{\"guest\": false, \"reason\": \"host-qmp-system-reset\"}"
#define BY_GUEST "{\"guest\": true, \"reason\": \"guest-reset\"}"

static void test_reset(void)
{
	struct control_rig rig;

	start(&rig);
	do_it(&rig, "system_reset");
	control_rig_turn(&rig);
	control_rig_expect(&rig, "RESET", BY_CONTROL);
	iol_vm_raise(rig.vm, IOL_EVENT_RESET);
	control_rig_turn(&rig);
	control_rig_expect(&rig, "RESET", BY_GUEST);
	do_it(&rig, "stop");
	control_rig_expect(&rig, "STOP", NULL);
	do_it(&rig, "system_reset");
	control_rig_turn(&rig);
	control_rig_expect(&rig, "RESET", BY_CONTROL);
	g_assert_cmpint(rig.vm->lifecycle.state, ==, IOL_STATE_PAUSED);
	control_rig_expect_none(&rig);
	control_rig_finish(&rig);
}

/* A reset that waits for a device: what is asked for meanwhile holds when it is done. */
static void test_during_a_reset(void)
{
	struct control_rig rig;

	start(&rig);
	rig.vm->lifecycle.state = IOL_STATE_RESETTING;
	do_it(&rig, "stop");
	control_rig_expect(&rig, "STOP", NULL);
	g_assert_true(rig.vm->lifecycle.paused_before);
	g_assert_cmpstr(iol_vm_control_status(rig.vm), ==, "paused");
	do_it(&rig, "cont");
	control_rig_expect(&rig, "RESUME", NULL);
	g_assert_false(rig.vm->lifecycle.paused_before);
	g_assert_cmpstr(iol_vm_control_status(rig.vm), ==, "running");
	rig.vm->lifecycle.state = IOL_STATE_RUNNING;
	control_rig_finish(&rig);
}

static void check_end(enum iol_event event, enum iol_wish wish, const char *data)
{
	struct control_rig rig;

	start(&rig);
	iol_vm_ask(rig.vm, event, wish);
	control_rig_turn(&rig);
	control_rig_expect(&rig, "SHUTDOWN", data);
	control_rig_expect_none(&rig);
	control_rig_refused(&rig, -EBUSY, "has ended", "stop", NULL);
	control_rig_refused(&rig, -EBUSY, "has ended", "cont", NULL);
	control_rig_refused(&rig, -EBUSY, "has ended", "system_reset", NULL);
	control_rig_refused(&rig, -EBUSY, "has ended", "system_powerdown", NULL);
	do_it(&rig, "quit");
	control_rig_turn(&rig);
	control_rig_expect_none(&rig);
	control_rig_finish(&rig);
}

static void test_ends(void)
{
	check_end(IOL_EVENT_STOP, IOL_WISH_CONTROL,
		  "{\"guest\": false, \"reason\": \"host-qmp-quit\"}");
	check_end(IOL_EVENT_STOP, IOL_WISH_SIGNAL,
		  "{\"guest\": false, \"reason\": \"host-signal\"}");
	check_end(IOL_EVENT_STOP, IOL_WISH_NONE, "{\"guest\": false, \"reason\": \"host-ui\"}");
	check_end(IOL_EVENT_POWEROFF, IOL_WISH_NONE,
		  "{\"guest\": true, \"reason\": \"guest-shutdown\"}");
	check_end(IOL_EVENT_CRASH, IOL_WISH_NONE, "{\"guest\": true, \"reason\": \"guest-panic\"}");
	check_end(IOL_EVENT_EMULATION_FAILED, IOL_WISH_NONE,
		  "{\"guest\": false, \"reason\": \"host-error\"}");
}

static void test_quit(void)
{
	struct control_rig rig;

	start(&rig);
	do_it(&rig, "quit");
	control_rig_turn(&rig);
	control_rig_expect(&rig, "SHUTDOWN", "{\"guest\": false, \"reason\": \"host-qmp-quit\"}");
	g_assert_cmpint(rig.vm->lifecycle.cause, ==, IOL_CAUSE_STOP);
	control_rig_finish(&rig);
}

static void test_no_button(void)
{
	struct control_rig rig;

	start(&rig);
	control_rig_refused(&rig, -ENOTSUP, "no power button", "system_powerdown", NULL);
	control_rig_expect_none(&rig);
	control_rig_finish(&rig);
}

static void run_out(struct control_rig *rig, const char *action, const char *told)
{
	g_autofree char *data = g_strdup_printf("{\"action\": \"%s\"}", told);

	json_decref(control_rig_run(rig, "watchdog-set-action", "{s:s}", "action", action));
	rig->vm->control->watchdog_ns = 0;
	iol_vm_raise(rig->vm, IOL_EVENT_WATCHDOG);
	control_rig_turn(rig);
	control_rig_expect(rig, "WATCHDOG", data);
}

static void test_watchdog(void)
{
	struct control_rig rig;

	start(&rig);
	run_out(&rig, "none", "none");
	iol_vm_raise(rig.vm, IOL_EVENT_WATCHDOG);
	control_rig_turn(&rig);
	control_rig_expect_none(&rig); /* within a second */
	/* Its first stage is told for itself, as often: neither keeps the other from being told. */
	for (unsigned int i = 0; i < 2; i++) {
		iol_vm_raise(rig.vm, IOL_EVENT_WATCHDOG_PRETIMEOUT);
		control_rig_turn(&rig);
		if (!i)
			control_rig_expect(
				&rig, "WATCHDOG",
				"{\"action\": \"none\", \"x-iolite-stage\": \"pretimeout\"}");
	}
	control_rig_expect_none(&rig);
	run_out(&rig, "reset", "reset");
	control_rig_expect(&rig, "RESET", BY_GUEST);
	run_out(&rig, "pause", "pause");
	control_rig_expect(&rig, "STOP", NULL);
	g_assert_cmpstr(iol_vm_control_status(rig.vm), ==, "watchdog");
	do_it(&rig, "cont");
	control_rig_expect(&rig, "RESUME", NULL);
	control_rig_refused(&rig, -EINVAL, "reset, shutdown", "watchdog-set-action", "{s:s}",
			    "action", "inject-nmi");
	run_out(&rig, "shutdown", "shutdown");
	control_rig_expect(&rig, "SHUTDOWN", "{\"guest\": true, \"reason\": \"guest-panic\"}");
	g_assert_cmpint(rig.vm->lifecycle.cause, ==, IOL_CAUSE_WATCHDOG);
	g_assert_cmpint(rig.config.on_watchdog, ==, IOL_WATCHDOG_RESET);
	control_rig_finish(&rig);
}

static void test_panic(void)
{
	struct control_rig rig;

	start(&rig);
	iol_vm_control_panicked(rig.vm, IOL_END_PAUSE);
	control_rig_expect(&rig, "GUEST_PANICKED", "{\"action\": \"pause\"}");
	iol_vm_control_panicked(rig.vm, IOL_END_EXIT);
	control_rig_expect(&rig, "GUEST_PANICKED", "{\"action\": \"poweroff\"}");
	iol_vm_control_panicked(rig.vm, IOL_END_RESET);
	control_rig_expect(&rig, "GUEST_PANICKED", "{\"action\": \"run\"}");
	iol_vm_control_crash_loaded(rig.vm);
	control_rig_expect(&rig, "GUEST_CRASHLOADED", "{\"action\": \"run\"}");
	control_rig_finish(&rig);
}

/* Without a socket nobody is told, and nothing else is different. */
static void test_no_socket(void)
{
	struct control_rig rig;

	start(&rig);
	iol_vm_control_finish(rig.vm);
	iol_vm_control_finish(rig.vm);
	g_assert_null(rig.vm->control);
	g_assert_cmpint(iol_vm_pause(rig.vm), ==, 0);
	g_assert_cmpint(iol_vm_resume(rig.vm), ==, 0);
	iol_vm_control_panicked(rig.vm, IOL_END_EXIT);
	iol_vm_control_crash_loaded(rig.vm);
	iol_vm_control_powerdown(rig.vm);
	iol_vm_control_watchdog(rig.vm, IOL_WATCHDOG_NONE);
	iol_vm_control_watchdog_pretimeout(rig.vm);
	iol_vm_control_link(rig.vm, "net0", true);
	iol_vm_raise(rig.vm, IOL_EVENT_RESET);
	control_rig_turn(&rig);
	g_assert_cmpint(rig.vm->lifecycle.state, ==, IOL_STATE_RUNNING);
	iol_vm_raise(rig.vm, IOL_EVENT_POWEROFF);
	control_rig_turn(&rig);
	control_rig_expect_none(&rig);
	control_rig_finish(&rig);
}

/* ---- Processors and words ---- */

static void test_no_nmi(void)
{
	struct control_rig rig;

	start(&rig);
	control_rig_refused(&rig, -ENOTSUP, "no NMI", "inject-nmi", NULL);
	g_assert_true(rig.vm->vcpus_run);
	control_rig_finish(&rig);
}

static void test_words(void)
{
	struct control_rig rig;
	json_t *text;

	start(&rig);
	text = control_rig_run(&rig, "human-monitor-command", "{s:s}", "command-line", "info cpus");
	g_assert_true(g_str_has_prefix(json_string_value(text), "CPU 0 "));
	json_decref(text);
	text = control_rig_run(&rig, "human-monitor-command", "{s:s, s:i}", "command-line",
			       "\x1b[2J", "cpu-index", CONTROL_RIG_CPUS - 1);
	g_assert_true(g_str_has_prefix(json_string_value(text), "no such command"));
	json_decref(text);
	text = control_rig_run(&rig, "x-iolite-monitor", "{s:s}", "command-line", "info cpus");
	g_assert_true(json_is_true(json_object_get(text, "done")));
	g_assert_true(g_str_has_prefix(json_string_value(json_object_get(text, "text")), "CPU 0 "));
	json_decref(text);
	text = control_rig_run(&rig, "x-iolite-monitor", "{s:s}", "command-line", "");
	g_assert_true(json_is_false(json_object_get(text, "done")));
	json_decref(text);
	control_rig_refused(&rig, -EINVAL, "0 to 1", "x-iolite-monitor", "{s:s, s:i}",
			    "command-line", "info cpus", "cpu-index", -1);
	control_rig_refused(&rig, -EINVAL, "0 to 1", "human-monitor-command", "{s:s, s:i}",
			    "command-line", "info cpus", "cpu-index", CONTROL_RIG_CPUS);
	control_rig_refused(&rig, -EINVAL, "0 to 1", "human-monitor-command", "{s:s, s:i}",
			    "command-line", "info cpus", "cpu-index", -1);
	control_rig_finish(&rig);
}

/* ---- Looking into it ---- */

static void expect_level(struct control_rig *rig, const char *level, const char *wanted)
{
	json_t *result = level ? control_rig_run(rig, "x-iolite-log-level", "{s:s}", "level", level)
			       : control_rig_run(rig, "x-iolite-log-level", NULL);

	g_assert_cmpstr(json_string_value(json_object_get(result, "level")), ==, wanted);
	json_decref(result);
}

static void test_log_level(void)
{
	enum iol_log_level before = iol_log_level();
	struct control_rig rig;

	start(&rig);
	iol_log_set_level(IOL_LOG_WARN);
	expect_level(&rig, NULL, "warn");
	expect_level(&rig, "debug", "debug");
	g_assert_true(iol_log_enabled(IOL_LOG_DEBUG));
	expect_level(&rig, "error", "error");
	g_assert_false(iol_log_enabled(IOL_LOG_WARN));
	control_rig_refused(&rig, -EINVAL, "give error, warn, info or debug", "x-iolite-log-level",
			    "{s:s}", "level", "errors");
	expect_level(&rig, NULL, "error");
	iol_log_set_level(before);
	control_rig_finish(&rig);
}

static void test_no_debugger(void)
{
	struct control_rig rig;

	start(&rig);
	control_rig_refused(&rig, -ENOENT, "nothing to close", "x-iolite-gdb-close", NULL);
	control_rig_refused(&rig, -EINVAL, "give tcp:PORT", "x-iolite-gdb-open", "{s:s}", "address",
			    "pty");
	control_rig_refused(&rig, -EINVAL, "the whole path", "x-iolite-gdb-open", "{s:s}",
			    "address", "unix:gdb");
	g_assert_null(rig.vm->debug);
	g_assert_null(rig.vm->debug_server);
	g_assert_true(rig.vm->vcpus_run);
	rig.kvm.debug = NULL;
	control_rig_refused(&rig, -ENOTSUP, "cannot be debugged", "x-iolite-gdb-open", "{s:s}",
			    "address", "tcp:0");
	g_assert_true(rig.vm->vcpus_run);
	control_rig_expect_none(&rig);
	control_rig_finish(&rig);
}

/* ---- Memory ---- */

static void save(struct control_rig *rig, const char *command, uint64_t val, size_t size,
		 const char *path, char **contents)
{
	gsize len;

	json_decref(control_rig_run(rig, command, "{s:I, s:I, s:s}", "val", (json_int_t)val, "size",
				    (json_int_t)size, "filename", path));
	g_assert_true(g_file_get_contents(path, contents, &len, NULL));
	g_assert_cmpuint(len, ==, size);
}

static void refuse_save(struct control_rig *rig, int ret, const char *words, const char *command,
			int64_t val, int64_t size, const char *path)
{
	control_rig_refused(rig, ret, words, command, "{s:I, s:I, s:s}", "val", (json_int_t)val,
			    "size", (json_int_t)size, "filename", path);
}

static void test_save(void)
{
	struct control_rig rig;
	g_autofree char *path = NULL, *got = NULL, *again = NULL, *virtual = NULL, *none = NULL;
	uint8_t *ram;

	start(&rig);
	path = g_build_filename(rig.folder, "memory", NULL);
	ram = iol_memory_ptr(&rig.vm->memory, 0, CONTROL_RIG_RAM);
	for (size_t i = 0; i < CONTROL_RIG_RAM; i++)
		ram[i] = (uint8_t)(i * 7 + i / 4096);
	save(&rig, "pmemsave", 0, CONTROL_RIG_RAM, path, &got);
	g_assert_cmpmem(got, CONTROL_RIG_RAM, ram, CONTROL_RIG_RAM);
	save(&rig, "pmemsave", 4095, 4098, path, &again);
	g_assert_cmpmem(again, 4098, ram + 4095, 4098);
	save(&rig, "pmemsave", 0, 0, path, &none);
	/* Pages that are neighbours by virtual addresses are none in memory. */
	save(&rig, "memsave", FAKE_VM_BASE + 4000, 200, path, &virtual);
	g_assert_cmpmem(virtual, 96, ram + CONTROL_RIG_RAM - 4096 + 4000, 96);
	g_assert_cmpmem(virtual + 96, 104, ram + CONTROL_RIG_RAM - 2 * 4096, 104);
	g_assert_true(rig.vm->vcpus_run);
	control_rig_expect_none(&rig); /* it stood for that, and nobody is told */
	control_rig_finish(&rig);
}

static void test_save_refused(void)
{
	const int64_t base = (int64_t)FAKE_VM_BASE;
	struct control_rig rig;
	g_autofree char *path = NULL, *fifo = NULL;
	struct stat st;

	start(&rig);
	path = g_build_filename(rig.folder, "memory", NULL);
	fifo = g_build_filename(rig.folder, "fifo", NULL);
	refuse_save(&rig, -EFAULT, "no memory at 0x100000", "pmemsave", CONTROL_RIG_RAM - 1, 2,
		    path);
	refuse_save(&rig, -EFAULT, "no memory", "pmemsave", -1, 2, path);
	refuse_save(&rig, -EFAULT, "no memory at 0xffffffffffffffff", "pmemsave", -1, 1, path);
	refuse_save(&rig, -EINVAL, "size", "pmemsave", 0, -1, path);
	refuse_save(&rig, -EINVAL, "size", "pmemsave", 0, INT64_MAX, path);
	refuse_save(&rig, -EINVAL, "size", "pmemsave", 0, 256 * (int64_t)IOL_MIB + 1, path);
	refuse_save(&rig, -EFAULT, "no memory", "pmemsave", 0, 256 * (int64_t)IOL_MIB, path);
	refuse_save(&rig, -EFAULT, "no memory at 0x1000", "memsave", 0x1000, 1, path);
	refuse_save(&rig, -EFAULT, "no memory", "memsave", base + CONTROL_RIG_RAM - 1, 2, path);
	g_assert_cmpint(stat(path, &st), ==, -1);
	control_rig_refused(&rig, -EINVAL, "0 to 1", "memsave", "{s:I, s:i, s:s, s:i}", "val",
			    (json_int_t)base, "size", 1, "filename", path, "cpu-index",
			    CONTROL_RIG_CPUS);
	g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
	refuse_save(&rig, -ENXIO, "Could not open", "pmemsave", 0, 1, fifo);
	refuse_save(&rig, -EISDIR, "Could not open", "pmemsave", 0, 1, rig.folder);
	refuse_save(&rig, -EINVAL, "regular", "pmemsave", 0, 1, "/dev/null");
	refuse_save(&rig, -ENOENT, "Could not open", "pmemsave", 0, 1, "");
	rig.kvm.debug = NULL;
	refuse_save(&rig, -ENOTSUP, "pmemsave", "memsave", base, 1, path);
	g_assert_true(rig.vm->vcpus_run);
	control_rig_finish(&rig);
}

/* ---- Devices ---- */

/* A disk without a slot. */
static char *add_disk(struct control_rig *rig, const char *keys)
{
	char *path = g_build_filename(rig->folder, "disk", NULL);
	g_autofree char *text = g_strconcat(path, keys, NULL);
	struct iol_error err;

	g_assert_true(g_file_set_contents(path, "", 0, NULL));
	g_assert_cmpint(truncate(path, IOL_MIB), ==, 0);
	if (iol_config_add_disk(&rig->config, text, &err))
		g_error("%s", err.msg);
	iol_config_complete(&rig->config);
	return path;
}

static void make_disk(struct control_rig *rig)
{
	const struct iol_virtio_blk_config config = {
		.name = "root",
		.serial = "root",
		.queues = 1,
		.queue_size = 16,
	};
	const struct iol_virtio_env env = iol_machine_virtio_env(rig->vm);
	struct iol_error err = { 0 };

	if (iol_disks_open(rig->vm, &err) ||
	    iol_virtio_blk_new(rig->vm->disks[0].block, &config, &env, &rig->vm->disks[0].virtio,
			       &err))
		g_error("%s", err.msg);
	rig->vm->disks[0].vm = rig->vm;
	rig->vm->disks[0].block = NULL;
}

static uint64_t size_of(struct control_rig *rig)
{
	return iol_virtio_blk_backend(rig->vm->disks[0].virtio)->limits.size_bytes;
}

static void free_disk(struct control_rig *rig)
{
	struct iol_virtio *v = rig->vm->disks[0].virtio;

	v->ops->free(v);
}

static void resize(struct control_rig *rig, uint64_t bytes)
{
	json_decref(control_rig_run(rig, "block_resize", "{s:s, s:I}", "device", "root", "size",
				    (json_int_t)bytes));
}

static void test_resize(void)
{
	struct control_rig rig;
	g_autofree char *path = NULL;
	struct stat st;

	control_rig_init(&rig);
	path = add_disk(&rig, ",id=root,iops=5");
	control_rig_start(&rig);
	make_disk(&rig);
	resize(&rig, 2 * IOL_MIB);
	g_assert_cmpint(stat(path, &st), ==, 0);
	g_assert_cmpint(st.st_size, ==, 2 * IOL_MIB);
	g_assert_cmpuint(size_of(&rig), ==, 2 * IOL_MIB);
	resize(&rig, 2 * IOL_MIB);
	/* Its owner made it larger than was asked for: it is what it is. */
	g_assert_cmpint(truncate(path, 4 * IOL_MIB), ==, 0);
	control_rig_refused(&rig, -EINVAL, "shrinks no disk", "block_resize", "{s:s, s:I}",
			    "node-name", "root", "size", (json_int_t)(3 * IOL_MIB));
	g_assert_cmpuint(size_of(&rig), ==, 4 * IOL_MIB);
	control_rig_refused(&rig, -EINVAL, "multiple of 512", "block_resize", "{s:s, s:I}",
			    "device", "root", "size", (json_int_t)(4 * IOL_MIB + 1));
	control_rig_refused(&rig, -EINVAL, "multiple of 512", "block_resize", "{s:s, s:I}",
			    "device", "root", "size", (json_int_t)INT64_MIN);
	control_rig_refused(&rig, -EINVAL, "one of", "block_resize", "{s:s, s:s, s:i}", "device",
			    "root", "node-name", "root", "size", 512);
	control_rig_refused(&rig, -EINVAL, "one of", "block_resize", "{s:i}", "size", 512);
	control_rig_refused(&rig, -ENODEV, "'vda' not found: of disks there are root",
			    "block_resize", "{s:s, s:i}", "device", "vda", "size", 512);
	free_disk(&rig);
	control_rig_finish(&rig);
}

static void test_resize_read_only(void)
{
	struct control_rig rig;
	g_autofree char *path = NULL;

	control_rig_init(&rig);
	path = add_disk(&rig, ",id=root,ro");
	control_rig_start(&rig);
	make_disk(&rig);
	control_rig_refused(&rig, -EROFS, "read-only", "block_resize", "{s:s, s:I}", "device",
			    "root", "size", (json_int_t)(2 * IOL_MIB));
	resize(&rig, IOL_MIB);
	free_disk(&rig);
	control_rig_finish(&rig);
}

static void test_io_errors(void)
{
	struct control_rig rig;
	g_autofree char *path = NULL;

	control_rig_init(&rig);
	path = add_disk(&rig, ",id=root");
	control_rig_start(&rig);
	iol_vm_control_io_error(rig.vm, 0, IOL_BLOCK_WRITE, -ENOSPC);
	control_rig_expect(&rig, "BLOCK_IO_ERROR",
			   "{\"device\": \"root\", \"node-name\": \"root\", \"operation\": "
			   "\"write\", \"action\": \"report\", \"nospace\": true, \"reason\": "
			   "\"No space left on device\"}");
	iol_vm_control_io_error(rig.vm, 0, IOL_BLOCK_READ, -EIO);
	control_rig_expect_none(&rig); /* within a second */
	rig.vm->control->io_error_ns[0] = 0;
	iol_vm_control_io_error(rig.vm, 0, IOL_BLOCK_READ, -EIO);
	control_rig_expect(&rig, "BLOCK_IO_ERROR",
			   "{\"device\": \"root\", \"node-name\": \"root\", \"operation\": "
			   "\"read\", \"action\": \"report\", \"nospace\": false, \"reason\": "
			   "\"Input/output error\"}");
	control_rig_finish(&rig);
}

static void test_no_such_device(void)
{
	g_autofree char *longest = g_strnfill(100000, 'x');
	struct control_rig rig;

	start(&rig);
	control_rig_refused(&rig, -ENODEV, "'net0' not found: there is no network card", "set_link",
			    "{s:s, s:b}", "name", "net0", "up", 1);
	control_rig_refused(&rig, -ENODEV, "there is no disk", "block_resize", "{s:s, s:i}",
			    "device", longest, "size", 512);
	/* What is repeated of a name ends with a whole character. */
	control_rig_refused(&rig, -ENODEV, "not found", "set_link", "{s:s, s:b}", "name",
			    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3"
			    "\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
			    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3"
			    "\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
			    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
			    "up", 0);
	g_assert_true(g_utf8_validate(rig.err.msg, -1, NULL));
	control_rig_finish(&rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/control/run/stop-and-cont", test_stop_and_cont);
	g_test_add_func("/control/run/reset", test_reset);
	g_test_add_func("/control/run/during-a-reset", test_during_a_reset);
	g_test_add_func("/control/run/ends", test_ends);
	g_test_add_func("/control/run/quit", test_quit);
	g_test_add_func("/control/run/no-button", test_no_button);
	g_test_add_func("/control/run/watchdog", test_watchdog);
	g_test_add_func("/control/run/panic", test_panic);
	g_test_add_func("/control/run/no-socket", test_no_socket);
	g_test_add_func("/control/run/no-nmi", test_no_nmi);
	g_test_add_func("/control/run/words", test_words);
	g_test_add_func("/control/run/log-level", test_log_level);
	g_test_add_func("/control/run/no-debugger", test_no_debugger);
	g_test_add_func("/control/run/save", test_save);
	g_test_add_func("/control/run/save-refused", test_save_refused);
	g_test_add_func("/control/run/resize", test_resize);
	g_test_add_func("/control/run/resize-read-only", test_resize_read_only);
	g_test_add_func("/control/run/io-errors", test_io_errors);
	g_test_add_func("/control/run/no-such-device", test_no_such_device);
	return g_test_run();
}
