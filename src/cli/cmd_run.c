// SPDX-License-Identifier: Apache-2.0
/* `iolite run`: makes a machine, lives with it, says by the exit status why it ended. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include <iolite/jail.h>
#include <iolite/log.h>
#include <iolite/terminal.h>
#include <iolite/vm.h>

#include "daemon.h"
#include "notify.h"
#include "options.h"
#include "output.h"
#include "passed.h"
#include "sandbox_needs.h"

static const char examples[] =
	"Options override what CONFIG.json says, and add disks, networks and overlays to it:\n"
	"iolite-config(5) has its keys.\n"
	"\n"
	"Examples:\n"
	"  iolite run -k /boot/vmlinuz -i initrd.img\n"
	"      boot a kernel with 256 MiB and one CPU, its console in this terminal\n"
	"  iolite run web.json\n"
	"      a machine that a file describes\n"
	"  iolite run web.json --set disks[0].direct=true --dry-run\n"
	"      what it comes to with one value changed, as JSON that starts the same\n"
	"  iolite run web.json -m 2G -d more.img\n"
	"      the same with more memory and one more disk\n"
	"  iolite run -k vmlinuz -i initrd.img -a 'console=ttyS0 quiet' -m 2G -c 4\n"
	"      more memory and CPUs, a command line of your own\n"
	"  iolite run -k vmlinuz -i initrd.img -a 'console=ttyS0 root=/dev/vda' -d disk.img\n"
	"      a disk to write to\n"
	"  iolite run -k vmlinuz -i initrd.img -d /dev/vg0/guest,direct -d data.img,ro,id=data\n"
	"      a block device of the host as vda, an image that is only read as vdb\n"
	"  iolite run -k vmlinuz -i initrd.img -a 'console=ttyS0 nokaslr' --gdb tcp:1234 --gdb-wait\n"
	"      wait for `gdb vmlinux -ex 'target remote :1234'`\n"
	"  iolite run -k vmlinux -s null < /dev/null\n"
	"      an uncompressed kernel (PVH) without a console\n"
	"\n"
	"In the terminal: Ctrl-A x stops the machine, Ctrl-A h shows the keys.\n"
	"SIGTERM presses the power button; a second one stops the machine at once.\n"
	"\n"
	"Exit status: 0 the guest powered off, rebooted (--on-reboot=exit) or was stopped,\n"
	"1 the host failed, 2 wrong options, 3 the guest crashed or this KVM cannot run it,\n"
	"4 its kernel panicked (pvpanic), 5 its watchdog ran out (--on-watchdog=stop).\n"
	"With --daemonize: 0 the machine runs.\n";

/* The options of a run alone, as the parser leaves them. */
struct own {
	char *on_reboot, *on_panic, *on_crash, *on_poweroff, *on_watchdog, *gdb, *control, *sandbox,
		*jail;
	gboolean gdb_wait;
};

static void own_finish(struct own *own)
{
	g_free(own->on_reboot);
	g_free(own->on_panic);
	g_free(own->on_crash);
	g_free(own->on_poweroff);
	g_free(own->on_watchdog);
	g_free(own->gdb);
	g_free(own->control);
	g_free(own->sandbox);
	g_free(own->jail);
}

static int parse_own(struct iol_options *options, const struct own *own, int argc, char **argv,
		     struct iol_config *config)
{
	const struct iol_passed nothing = { 0 };
	const struct iol_passed *passed = options->passed ? options->passed : &nothing;
	char *const passed_gdb = passed->gdb.where, *const passed_control = passed->control.where;
	const struct iol_option_setter setters[] = {
		{ "--on-reboot", &own->on_reboot, NULL, iol_config_set_on_reboot },
		{ "--on-panic", &own->on_panic, NULL, iol_config_set_on_panic },
		{ "--on-crash", &own->on_crash, NULL, iol_config_set_on_crash },
		{ "--on-poweroff", &own->on_poweroff, NULL, iol_config_set_on_poweroff },
		{ "--on-watchdog", &own->on_watchdog, NULL, iol_config_set_on_watchdog },
		{ "--gdb", &own->gdb, NULL, iol_config_set_gdb },
		{ "--gdb-wait", NULL, &own->gdb_wait, iol_config_set_gdb_wait },
		{ "--control", &own->control, NULL, iol_config_set_control },
		{ "--sandbox", &own->sandbox, NULL, iol_config_set_sandbox },
		{ "--jail", &own->jail, NULL, iol_config_set_jail },
		{ "--gdb", &passed_gdb, NULL, iol_config_set_gdb },
		{ "--control", &passed_control, NULL, iol_config_set_control },
		{ .option = NULL },
	};

	options->setters = setters;
	options->runs = true;
	return iol_options_parse(options, argc, argv, config);
}

int iol_run_options_parse(struct iol_options *options, int argc, char **argv,
			  struct iol_config *config, struct iol_daemon *daemon)
{
	const GOptionEntry nothing = G_OPTION_ENTRY_NULL;
	struct own own = { 0 };
	const GOptionEntry entries[] = {
		{ "on-reboot", 0, 0, G_OPTION_ARG_FILENAME, &own.on_reboot,
		  "What a reboot by the guest does: reset (default), exit or pause", "ACTION" },
		{ "on-panic", 0, 0, G_OPTION_ARG_FILENAME, &own.on_panic,
		  "What a panic of its kernel does (pvpanic): exit (default), reset or pause",
		  "ACTION" },
		{ "on-crash", 0, 0, G_OPTION_ARG_FILENAME, &own.on_crash,
		  "What a triple fault does: exit (default), reset or pause", "ACTION" },
		{ "on-poweroff", 0, 0, G_OPTION_ARG_FILENAME, &own.on_poweroff,
		  "What a power-off by the guest does: exit (default) or pause", "ACTION" },
		{ "on-watchdog", 0, 0, G_OPTION_ARG_FILENAME, &own.on_watchdog,
		  "What a watchdog that runs out does: reset (default), "
		  "stop, pause or none",
		  "ACTION" },
		{ "gdb", 0, 0, G_OPTION_ARG_FILENAME, &own.gdb,
		  "Let a debugger connect: tcp:[HOST:]PORT[,expose] or unix:PATH", "ADDRESS" },
		{ "gdb-wait", 0, 0, G_OPTION_ARG_NONE, &own.gdb_wait,
		  "Run nothing of the guest before the debugger says so", NULL },
		{ "control", 0, 0, G_OPTION_ARG_FILENAME, &own.control,
		  "Make the control socket (QMP) there, or none (default: one for a machine with a "
		  "name)",
		  "PATH" },
		{ "jail", 0, 0, G_OPTION_ARG_FILENAME, &own.jail,
		  "Where root's machine ends up: user=USER[:GROUP], chroot=DIR, netns=NAME|PATH",
		  "KEY=VALUE[,...]" },
		{ "sandbox", 0, 0, G_OPTION_ARG_FILENAME, &own.sandbox,
		  "Leave a running machine the system calls that it needs: on (default), log those "
		  "beyond, off",
		  "MODE" },
		{ "daemonize", 0, 0, G_OPTION_ARG_NONE, &daemon->daemonize,
		  "Go into the background once the machine runs", NULL },
		{ "pidfile", 0, 0, G_OPTION_ARG_FILENAME, &daemon->pidfile,
		  "Keep the number of the process in FILE, which only one machine can have",
		  "FILE" },
		{ "log-file", 0, 0, G_OPTION_ARG_FILENAME, &daemon->log_file,
		  "Append messages to FILE instead of standard error", "FILE" },
		options->own ? *options->own : nothing,
		G_OPTION_ENTRY_NULL,
	};
	int status;

	options->entries = entries;
	status = parse_own(options, &own, argc, argv, config);
	own_finish(&own);
	return status;
}

/* Signals of the person or the init system, as an operation of the loop. */
struct signals {
	struct iol_vm *vm;
	struct iol_daemon daemon;
	struct iol_notify notify;
	struct iol_passed passed;
	struct iol_jail jail;
	struct iol_post running; /* the loop's first turn */
	int fd;
	struct iol_op op;
	struct signalfd_siginfo info;
	bool button_pressed;
};

static int parse(int argc, char **argv, struct iol_config *config, struct signals *s,
		 gboolean *dry_run)
{
	const GOptionEntry own = {
		"dry-run",
		0,
		0,
		G_OPTION_ARG_NONE,
		dry_run,
		"Print the whole configuration as JSON, which starts the same machine, and exit",
		NULL
	};
	struct iol_options options = {
		.verb = "run",
		.own = &own,
		.does = "start a virtual machine",
		.keys = iol_options_disk_help,
		.examples = examples,
		.passed = &s->passed,
	};
	int status = iol_run_options_parse(&options, argc, argv, config, &s->daemon);

	if (!status)
		iol_passed_lend(&s->passed, config);
	return status;
}

static int print_config(const struct iol_config *config)
{
	g_autofree char *text = NULL;
	struct iol_error err = { 0 };

	if (iol_config_to_json(config, &text, &err))
		return iol_cli_fail("run", IOL_EXIT_USAGE, "--dry-run: %s", err.msg);
	if (iol_output_write(NULL, text, strlen(text), &err))
		return iol_cli_fail("run", IOL_EXIT_HOST, "%s", err.msg);
	return IOL_EXIT_OK;
}

static void await_signal(struct signals *s)
{
	iol_loop_read(&s->vm->loop, &s->op, s->fd, &s->info, sizeof(s->info), (uint64_t)-1);
}

/* The first request is polite, the second is not. */
static void end_requested(struct signals *s)
{
	if (s->button_pressed || !iol_vm_power_button(s->vm)) {
		iol_vm_ask(s->vm, IOL_EVENT_STOP, IOL_WISH_SIGNAL);
		return;
	}
	s->button_pressed = true;
	iol_notify_status(&s->notify, "power button pressed");
	iol_log(IOL_LOG_WARN, "%s: power button pressed; once more stops the machine at once",
		strsignal((int)s->info.ssi_signo));
}

static void tell_terminal_size(struct iol_vm *vm)
{
	uint16_t cols, rows;

	if (iol_terminal_size(&cols, &rows))
		iol_vm_set_terminal_size(vm, cols, rows);
}

static void signal_done(struct iol_op *op, int res)
{
	struct signals *s = iol_container_of(op, struct signals, op);

	if (res != (int)sizeof(s->info))
		return;
	switch (s->info.ssi_signo) {
	case SIGCONT:
		iol_terminal_reapply();
		/* Its size may have changed while it was another's, who was told. */
		tell_terminal_size(s->vm);
		break;
	case SIGWINCH:
		tell_terminal_size(s->vm);
		break;
	case SIGUSR1:
		iol_vm_refresh_disks(s->vm);
		break;
	default:
		end_requested(s);
	}
	await_signal(s);
}

/* Before any thread starts, so that all of them inherit the mask. */
static int signals_init(struct signals *s)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCONT);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->op.done = signal_done;
	s->fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (s->fd < 0)
		return iol_cli_fail("run", IOL_EXIT_HOST, "signalfd: %s", strerror(errno));
	return 0;
}

static void log_exits(const struct iol_vm *vm)
{
	uint64_t sum[IOL_EXIT_KIND_COUNT] = { 0 };

	for (unsigned int i = 0; i < vm->vcpu_count; i++)
		for (unsigned int kind = 0; kind < IOL_EXIT_KIND_COUNT; kind++)
			sum[kind] += iol_vcpu_exits(&vm->vcpus[i], kind);
	iol_log(IOL_LOG_INFO,
		"exits to iolite: %" PRIu64 " mmio, %" PRIu64 " pio, %" PRIu64 " other, %" PRIu64
		" kicks",
		sum[IOL_EXIT_MMIO], sum[IOL_EXIT_PIO], sum[IOL_EXIT_OTHER], sum[IOL_EXIT_KICK]);
}

/* Says why the machine ended, where that was not said when it happened, and returns the exit status. */
static int tell_end(const struct iol_lifecycle *lc)
{
	switch (lc->cause) {
	case IOL_CAUSE_POWEROFF:
		iol_log(IOL_LOG_INFO, "the guest powered off");
		break;
	case IOL_CAUSE_STOP:
		iol_log(IOL_LOG_INFO, "stopped");
		break;
	case IOL_CAUSE_REBOOT:
		iol_log(IOL_LOG_INFO, "the guest rebooted: the machine is stopped (on-reboot)");
		break;
	case IOL_CAUSE_HOST:
	case IOL_CAUSE_NONE:
		return iol_cli_fail("run", IOL_EXIT_HOST, "%s", lc->error.msg);
	default:
		break;
	}
	return (int)iol_cause_exit(lc->cause);
}

/* vCPUs are started before the loop. */
static void runs(struct iol_post *post)
{
	struct signals *s = iol_container_of(post, struct signals, running);

	iol_daemon_ready(&s->daemon);
	iol_notify_ready(&s->notify, &s->vm->loop);
}

static int run_machine(struct signals *s)
{
	struct iol_error err;
	int status;

	await_signal(s);
	tell_terminal_size(s->vm);
	s->running.run = runs;
	iol_loop_post(&s->vm->loop, &s->running);
	if (iol_vm_run(s->vm, &err))
		return iol_cli_fail("run", IOL_EXIT_HOST, "%s", err.msg);
	iol_notify_stopping(&s->notify);
	status = tell_end(&s->vm->lifecycle);
	log_exits(s->vm);
	return status;
}

/* Before anything is opened that belongs to a network. */
static int prepare_jail(struct signals *s, const struct iol_config *config)
{
	struct iol_error err = { 0 };
	int ret = iol_jail_open(&s->jail, &config->jail, &err);

	if (!ret)
		ret = iol_jail_enter_net(&s->jail, &err);
	if (ret)
		return iol_cli_fail("run", err.host_fault ? IOL_EXIT_HOST : IOL_EXIT_USAGE,
				    "jail: %s", err.msg);
	if (iol_jail_takes_paths(&s->jail))
		iol_sandbox_set_jail(&s->jail);
	return 0;
}

/* Makes the machine and lives with it; the exit status. */
static int make_and_run(struct signals *s, const struct iol_config *config)
{
	struct iol_error err = { 0 };
	int status = signals_init(s);

	if (!status)
		status = prepare_jail(s, config);
	if (!status)
		status = iol_sandbox_needs_of(config, s->daemon.pidfile);
	if (status)
		return status;
	if (iol_vm_new(config, &s->vm, &err))
		return iol_cli_fail("run", err.host_fault ? IOL_EXIT_HOST : IOL_EXIT_USAGE, "%s",
				    err.msg);
	return run_machine(s);
}

/* In the background, where that was asked for; the exit status, also of the process that waits for it. */
static int run(struct signals *s, const struct iol_config *config)
{
	bool waited = false;
	int status = iol_daemon_begin(&s->daemon, config, &waited);

	if (status || waited)
		return status;
	status = make_and_run(s, config);
	iol_vm_free(s->vm);
	iol_sandbox_finish();
	iol_jail_finish(&s->jail);
	return status;
}

int iol_cmd_run(int argc, char **argv)
{
	iol_auto(iol_config_finish) struct iol_config config;
	struct signals s = { .fd = -1 };
	gboolean dry_run = FALSE;
	int status;

	iol_daemon_init(&s.daemon);
	iol_jail_init(&s.jail);
	iol_notify_init(&s.notify);
	memset(&config, 0, sizeof(config));
	status = iol_passed_init(&s.passed);
	if (!status)
		status = parse(argc, argv, &config, &s, &dry_run);
	if (!status)
		status = dry_run ? print_config(&config) : run(&s, &config);
	iol_fd_close(&s.fd);
	iol_notify_finish(&s.notify);
	iol_passed_finish(&s.passed);
	iol_daemon_finish(&s.daemon, status);
	return status == IOL_OPTIONS_HELP ? IOL_EXIT_OK : status;
}
