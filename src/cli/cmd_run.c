// SPDX-License-Identifier: Apache-2.0
/* `iolite run`: makes a machine, lives with it, says by the exit status why it ended. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include <iolite/log.h>
#include <iolite/terminal.h>
#include <iolite/vm.h>

#include "options.h"

static const char examples[] =
	"Options override what CONFIG.json says, and add disks, networks and overlays to it:\n"
	"iolite-config(5) has its keys.\n"
	"\n"
	"Examples:\n"
	"  iolite run -k /boot/vmlinuz -i initrd.img\n"
	"      boot a kernel with 256 MiB and one CPU, its console in this terminal\n"
	"  iolite run web.json\n"
	"      a machine that a file describes\n"
	"  iolite run web.json -m 2G -d more.img\n"
	"      the same with more memory and one more disk\n"
	"  iolite run -k vmlinuz -i initrd.img -a 'console=ttyS0 quiet' -m 2G -c 4\n"
	"      more memory and CPUs, a command line of your own\n"
	"  iolite run -k vmlinuz -i initrd.img -a 'console=ttyS0 root=/dev/vda' -d disk.img\n"
	"      a disk to write to\n"
	"  iolite run -k vmlinuz -i initrd.img -d /dev/vg0/guest,direct -d data.img,ro,id=data\n"
	"      a block device of the host as vda, an image that is only read as vdb\n"
	"  iolite run -k vmlinux -s null < /dev/null\n"
	"      an uncompressed kernel (PVH) without a console\n"
	"\n"
	"In the terminal: Ctrl-A x stops the machine, Ctrl-A h shows the keys.\n"
	"SIGTERM presses the power button; a second one stops the machine at once.\n"
	"\n"
	"Exit status: 0 the guest powered off or was stopped, 1 the host failed,\n"
	"2 wrong options, 3 the guest crashed or this KVM cannot run it, 5 its watchdog\n"
	"ran out (--on-watchdog=stop).\n";

static int parse(int argc, char **argv, struct iol_config *config)
{
	char *on_watchdog = NULL;
	const GOptionEntry entries[] = {
		{ "on-watchdog", 0, 0, G_OPTION_ARG_FILENAME, &on_watchdog,
		  "What a watchdog that runs out does (powerpc): reset (default), "
		  "stop, pause or none",
		  "ACTION" },
		G_OPTION_ENTRY_NULL,
	};
	const struct iol_options options = {
		.verb = "run",
		.does = "start a virtual machine",
		.entries = entries,
		.keys = iol_options_disk_help,
		.examples = examples,
		.runs = true,
	};
	struct iol_error err;
	int status = iol_options_parse(&options, argc, argv, config);

	if (!status && on_watchdog && iol_config_set_on_watchdog(config, on_watchdog, &err))
		status = iol_cli_fail("run", IOL_EXIT_USAGE, "--on-watchdog: %s", err.msg);
	g_free(on_watchdog);
	return status;
}

/* Signals of the person or the init system, as an operation of the loop. */
struct signals {
	struct iol_vm *vm;
	int fd;
	struct iol_op op;
	struct signalfd_siginfo info;
	bool button_pressed;
};

static void await_signal(struct signals *s)
{
	iol_loop_read(&s->vm->loop, &s->op, s->fd, &s->info, sizeof(s->info), (uint64_t)-1);
}

/* The first request is polite, the second is not. */
static void end_requested(struct signals *s)
{
	if (s->button_pressed || !iol_vm_power_button(s->vm)) {
		iol_vm_raise(s->vm, IOL_EVENT_STOP);
		return;
	}
	s->button_pressed = true;
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
			sum[kind] += vm->vcpus[i].exits[kind];
	iol_log(IOL_LOG_INFO,
		"exits to iolite: %" PRIu64 " mmio, %" PRIu64 " pio, %" PRIu64 " other, %" PRIu64
		" kicks",
		sum[IOL_EXIT_MMIO], sum[IOL_EXIT_PIO], sum[IOL_EXIT_OTHER], sum[IOL_EXIT_KICK]);
}

static int status_of(const struct iol_lifecycle *lc)
{
	switch (lc->cause) {
	case IOL_CAUSE_POWEROFF:
		iol_log(IOL_LOG_INFO, "the guest powered off");
		return IOL_EXIT_OK;
	case IOL_CAUSE_STOP:
		iol_log(IOL_LOG_INFO, "stopped");
		return IOL_EXIT_OK;
	case IOL_CAUSE_CRASH:
	case IOL_CAUSE_EMULATION_FAILED:
		return IOL_EXIT_CRASH; /* told when it happened */
	case IOL_CAUSE_WATCHDOG:
		return IOL_EXIT_WATCHDOG; /* told, too */
	case IOL_CAUSE_HOST:
	case IOL_CAUSE_NONE:
		break;
	}
	return iol_cli_fail("run", IOL_EXIT_HOST, "%s", lc->error.msg);
}

static int run_machine(struct signals *s)
{
	struct iol_error err;
	int status;

	await_signal(s);
	tell_terminal_size(s->vm);
	if (iol_vm_run(s->vm, &err))
		return iol_cli_fail("run", IOL_EXIT_HOST, "%s", err.msg);
	status = status_of(&s->vm->lifecycle);
	log_exits(s->vm);
	return status;
}

int iol_cmd_run(int argc, char **argv)
{
	iol_auto(iol_config_finish) struct iol_config config;
	struct iol_error err = { 0 };
	struct signals s = { .fd = -1 };
	int status = parse(argc, argv, &config);

	if (status == IOL_OPTIONS_HELP)
		return IOL_EXIT_OK;
	if (!status)
		status = signals_init(&s);
	if (status)
		return status;
	if (iol_vm_new(&config, &s.vm, &err))
		status = iol_cli_fail("run", err.host_fault ? IOL_EXIT_HOST : IOL_EXIT_USAGE, "%s",
				      err.msg);
	else
		status = run_machine(&s);
	iol_vm_free(s.vm);
	iol_fd_close(&s.fd);
	return status;
}
