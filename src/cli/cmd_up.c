// SPDX-License-Identifier: Apache-2.0
/* `iolite up`: the supervisor of a system of partitions, in the foreground or the background. */
#include "cli.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <iolite/log.h>
#include <iolite/system.h>

#include "control_verb.h"
#include "daemon.h"
#include "notify.h"

static const char more[] =
	"SYSTEM.json has partitions, each a machine: iolite-up(1) has its keys. All mistakes are\n"
	"told, and then nothing is started. A supervisor that was killed leaves its partitions\n"
	"running; the next one takes them over.\n"
	"\n"
	"Examples:\n"
	"  iolite up gateway.json\n"
	"      start what is to be started, and stay\n"
	"  iolite up gateway.json --daemonize --pidfile /run/gateway.pid\n"
	"      go into the background once all of that runs\n"
	"\n"
	"SIGTERM shuts all guests down, in the reverse of their order; a second one ends them at\n"
	"once.\n"
	"\n"
	"Exit status: 0 the system was ended, or all partitions are done; of a partition that\n"
	"failed last and was not started again, the status of its machine; 1 the host failed, 2\n"
	"wrong options or a mistaken system.\n";

struct up {
	struct iol_system_config config;
	struct iol_loop loop;
	struct iol_system *system;
	struct iol_daemon daemon;
	struct iol_notify notify;
	int signal_fd;
	struct iol_op signal_op;
	struct signalfd_siginfo info;
	bool asked; /* to end */
};

static void await_signal(struct up *up)
{
	iol_loop_read(&up->loop, &up->signal_op, up->signal_fd, &up->info, sizeof(up->info),
		      (uint64_t)-1);
}

/* The first request is polite, the second is not. */
static void signal_done(struct iol_op *op, int res)
{
	struct up *up = iol_container_of(op, struct up, signal_op);

	if (res != (int)sizeof(up->info))
		return;
	iol_notify_stopping(&up->notify);
	iol_system_down(up->system, up->asked ? 0 : IOL_SYSTEM_WAIT_NS);
	up->asked = true;
	await_signal(up);
}

static int signals_init(struct up *up)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	/* Whoever ignores it has no children to ask about. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	up->signal_op.done = signal_done;
	up->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (up->signal_fd < 0)
		return iol_cli_fail("up", IOL_EXIT_HOST, "signalfd: %s", strerror(errno));
	return 0;
}

static void settled(void *data)
{
	struct up *up = data;

	iol_daemon_ready(&up->daemon);
	iol_system_set_log(up->system, -1); /* ours is the same now */
	iol_notify_ready(&up->notify, &up->loop);
}

static int live(struct up *up)
{
	struct iol_error err = { 0 };

	if (iol_system_new(&up->config, &up->loop, &up->system, &err))
		return iol_cli_fail("up", err.code == -EBUSY ? IOL_EXIT_USAGE : IOL_EXIT_HOST, "%s",
				    err.msg);
	/* Who waits for us to be in the background does not wait for the machines to end. */
	if (up->daemon.background)
		iol_system_set_log(up->system,
				   up->daemon.log_fd >= 0 ? up->daemon.log_fd : up->daemon.null_fd);
	await_signal(up);
	iol_system_start(up->system, settled, up);
	if (iol_loop_run(&up->loop, &err))
		return iol_cli_fail("up", IOL_EXIT_HOST, "%s", err.msg);
	iol_notify_stopping(&up->notify);
	return iol_system_all_stopped(up->system) ? iol_system_status(up->system) : IOL_EXIT_OK;
}

/* In the process that is to stay; the exit status. */
static int supervise(struct up *up, bool *all_stopped)
{
	struct iol_error err = { 0 };
	int status = signals_init(up);

	if (status)
		return status;
	if (iol_loop_init(&up->loop, &err))
		return iol_cli_fail("up", IOL_EXIT_HOST, "%s", err.msg);
	status = live(up);
	*all_stopped = up->system && iol_system_all_stopped(up->system);
	iol_system_free(up->system);
	iol_loop_finish(&up->loop);
	return status;
}

static int load(struct up *up, const char *path)
{
	struct iol_mistakes *mistakes = iol_mistakes_new();
	struct iol_host_memory host;
	size_t count, shown;

	iol_host_memory_read(NULL, &host);
	iol_system_config_load(&up->config, path, &host, mistakes);
	count = iol_mistakes_count(mistakes);
	shown = MIN(count, IOL_MISTAKES_MAX);
	for (size_t i = 0; i < shown; i++)
		iol_cli_fail("up", IOL_EXIT_USAGE, "%s", iol_mistakes_text(mistakes, i));
	if (count > shown)
		iol_cli_fail("up", IOL_EXIT_USAGE, "and %zu mistakes more", count - shown);
	iol_mistakes_free(mistakes);
	return count ? IOL_EXIT_USAGE : 0;
}

/* What all-stopped asks for: in our place, so that a service manager sees how it ends. */
static int run_program(char **program)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execv(program[0], program);
	return iol_cli_fail("up", IOL_EXIT_HOST, "on-all-stopped: %.128s: %s", program[0],
			    strerror(errno));
}

static int run(struct up *up, const char *path)
{
	bool waited = false, all_stopped = false;
	int status = load(up, path);

	if (!status)
		status = iol_daemon_begin(&up->daemon, NULL, &waited);
	if (!status && !waited)
		status = supervise(up, &all_stopped);
	iol_daemon_finish(&up->daemon, status);
	if (all_stopped && up->config.all_stopped == IOL_ALL_STOPPED_PROGRAM)
		status = run_program(up->config.program);
	return status;
}

int iol_cmd_up(int argc, char **argv)
{
	struct up up = { .signal_fd = -1 };
	gboolean verbose = FALSE;
	const GOptionEntry entries[] = {
		{ "daemonize", 0, 0, G_OPTION_ARG_NONE, &up.daemon.daemonize,
		  "Go into the background once the partitions run", NULL },
		{ "pidfile", 0, 0, G_OPTION_ARG_FILENAME, &up.daemon.pidfile,
		  "Keep the number of the process in FILE, which only one can have", "FILE" },
		{ "log-file", 0, 0, G_OPTION_ARG_FILENAME, &up.daemon.log_file,
		  "Append messages to FILE instead of standard error", "FILE" },
		{ "verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose, "Say more", NULL },
		G_OPTION_ENTRY_NULL,
	};
	const struct iol_control_verb verb = { .name = "up",
					       .arguments = "SYSTEM.json",
					       .does = "start a system of partitions, and look "
						       "after them",
					       .entries = entries,
					       .more = more,
					       .args_max = 1 };
	char **args;
	int status;

	iol_daemon_init(&up.daemon);
	up.daemon.verb = "up";
	iol_notify_init(&up.notify);
	status = iol_control_verb_parse(&verb, argc, argv, &args);
	if (verbose)
		iol_log_set_level(IOL_LOG_INFO);
	if (!status && !args[0])
		status = iol_cli_fail("up", IOL_EXIT_USAGE,
				      "which system? name its file, such as `iolite up "
				      "gateway.json`");
	if (!status)
		status = run(&up, args[0]);
	else
		iol_daemon_finish(&up.daemon, status);
	iol_fd_close(&up.signal_fd);
	iol_notify_finish(&up.notify);
	iol_system_config_finish(&up.config);
	g_strfreev(args);
	return status == IOL_CONTROL_VERB_HELP ? IOL_EXIT_OK : status;
}
