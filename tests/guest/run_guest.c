// SPDX-License-Identifier: Apache-2.0
/*
 * Runs one guest under iolite and judges what it said and how it ended.
 *
 *   run_guest IOLITE GUEST_DIR CASE    one case: exit status 0 passed, 1 failed, 77 cannot run here
 *   run_guest --list                   the names of all cases
 *
 * A guest reports "ok NAME" or "FAIL NAME ..." per check and "end" at its end. A case passes when
 * no check failed, the end was reached, the expected lines came in their order, the exit status is
 * right, the log holds what it should and nothing else, and disks hold what they should. Disks are
 * in memory; no files are written.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk_image.h"

enum {
	LIMIT_S = 60,
	ARGS_MAX = 8,
	STEPS_MAX = 4,
	EXPECT_MAX = 6,
	DISKS_MAX = 2,
	ARGV_MAX = ARGS_MAX + 10 + 2 * DISKS_MAX,
	EXIT_SKIP = 77,
	EXIT_EXEC = 126,
};

/* What the person at the machine does once the guest, or iolite's log, said something. */
struct guest_step {
	const char *after; /* on the console */
	const char *after_log;
	const char *send; /* to the guest's serial line */
	int signal; /* to iolite */
};

/* A disk whose bytes are those of disk_image.h. */
struct guest_disk {
	uint64_t bytes; /* 0: no disk */
	const char *options; /* behind the path: ",key=value"; NULL: none */
	bool changed; /* at the end it is as g_disk.c leaves it; otherwise nothing has changed */
};

struct guest_case {
	const char *name;
	const char *guest; /* file */
	const char *args[ARGS_MAX]; /* of `iolite run` besides -k, -i and -s */
	unsigned int initrd_bytes; /* 0: none; byte i is i * 7 */
	struct guest_disk disks[DISKS_MAX];
	struct guest_step steps[STEPS_MAX];
	const char *expect[EXPECT_MAX]; /* in this order on the console */
	/* NULL: "end" is the last line. Otherwise an exact judge of the console. */
	const char *(*check)(const GString *console);
	bool ends_early; /* without "end" */
	int status; /* not 0: the guest dies, without "end" */
	const char *log; /* part of what iolite logs; NULL: it logs nothing */
};

/* The architecture's. */
#include "cases.h"

/* A run under way. */
struct run {
	const struct guest_case *c;
	pid_t pid;
	int in, out, log_fd, pid_fd; /* -1: closed */
	int disk_fds[DISKS_MAX];
	GString *console, *log;
	unsigned int steps_done;
	bool timed_out;
	int wait_status;
};

static int fail(const struct run *run, const char *why)
{
	printf("--- console\n%s--- log\n%s---\n%s: %s (wait status 0x%x)\n", run->console->str,
	       run->log->str, run->c->name, why, (unsigned int)run->wait_status);
	return EXIT_FAILURE;
}

static int make_initrd(unsigned int bytes)
{
	/* Inherited by iolite, which opens it by its number. */
	int fd = memfd_create("initrd", 0);

	for (unsigned int i = 0; i < bytes; i++) {
		unsigned char byte = (unsigned char)(i * 7);

		if (write(fd, &byte, 1) != 1)
			return -1;
	}
	return fd;
}

/* Inherited by iolite. */
static int make_disk(unsigned int number, uint64_t bytes)
{
	g_autofree uint64_t *data = g_malloc(bytes);
	int fd = memfd_create("disk", 0);

	for (uint64_t at = 0; at < bytes; at += 8)
		data[at / 8] = disk_word(number, at);
	if (fd < 0 || write(fd, data, bytes) != (ssize_t)bytes) {
		perror("run_guest: no disk");
		exit(EXIT_FAILURE);
	}
	return fd;
}

static void exec_iolite(const struct run *run, const char *iolite, const char *guest_dir)
{
	const struct guest_case *c = run->c;
	const char *argv[ARGV_MAX] = { iolite, "run", "-s", "stdio", "-k" };
	unsigned int argc = 5;

	argv[argc++] = g_build_filename(guest_dir, c->guest, NULL);
	for (unsigned int i = 0; i < ARGS_MAX && c->args[i]; i++)
		argv[argc++] = c->args[i];
	if (c->initrd_bytes) {
		argv[argc++] = "-i";
		argv[argc++] = g_strdup_printf("/proc/self/fd/%d", make_initrd(c->initrd_bytes));
	}
	for (unsigned int i = 0; i < DISKS_MAX && c->disks[i].bytes; i++) {
		argv[argc++] = "-d";
		argv[argc++] = g_strdup_printf("/proc/self/fd/%d%s", run->disk_fds[i],
					       c->disks[i].options ? c->disks[i].options : "");
	}
	execv(iolite, (char *const *)argv);
	fprintf(stderr, "cannot run %s: %s\n", iolite, strerror(errno));
	_exit(EXIT_EXEC);
}

static void start(struct run *run, const char *iolite, const char *guest_dir)
{
	int in[2], out[2], log_fd[2];

	for (unsigned int i = 0; i < DISKS_MAX && run->c->disks[i].bytes; i++)
		run->disk_fds[i] = make_disk(i, run->c->disks[i].bytes);
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(log_fd, O_CLOEXEC))
		exit(EXIT_FAILURE);
	run->pid = fork();
	if (run->pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(log_fd[1], STDERR_FILENO);
		exec_iolite(run, iolite, guest_dir);
	}
	close(in[0]);
	close(out[1]);
	close(log_fd[1]);
	run->in = in[1];
	run->out = out[0];
	run->log_fd = log_fd[0];
	run->pid_fd = (int)syscall(SYS_pidfd_open, run->pid, 0);
}

/* Takes what there is; closes @fd at its end. */
static void take(int *fd, GString *to)
{
	char buf[4096];
	ssize_t len = read(*fd, buf, sizeof(buf));

	if (len > 0) {
		g_string_append_len(to, buf, len);
		return;
	}
	close(*fd);
	*fd = -1;
}

static bool is_due(const struct run *run, const struct guest_step *step)
{
	if (step->after)
		return strstr(run->console->str, step->after);
	return step->after_log && strstr(run->log->str, step->after_log);
}

static void do_steps(struct run *run)
{
	while (run->steps_done < STEPS_MAX) {
		const struct guest_step *step = &run->c->steps[run->steps_done];

		if (!is_due(run, step))
			return;
		if (step->send && write(run->in, step->send, strlen(step->send)) < 0)
			return;
		if (step->signal)
			kill(run->pid, step->signal);
		run->steps_done++;
	}
}

static void follow(struct run *run)
{
	gint64 deadline = g_get_monotonic_time() + LIMIT_S * G_USEC_PER_SEC;

	while (run->out >= 0 || run->log_fd >= 0 || run->pid_fd >= 0) {
		struct pollfd fds[] = { { .fd = run->out, .events = POLLIN },
					{ .fd = run->log_fd, .events = POLLIN },
					{ .fd = run->pid_fd, .events = POLLIN } };
		gint64 left_ms = (deadline - g_get_monotonic_time()) / 1000;

		if (left_ms <= 0 && !run->timed_out) {
			run->timed_out = true;
			kill(run->pid, SIGKILL);
		}
		if (poll(fds, G_N_ELEMENTS(fds), left_ms > 0 ? (int)left_ms + 1 : -1) < 0)
			continue;
		if (fds[0].revents)
			take(&run->out, run->console);
		if (fds[1].revents)
			take(&run->log_fd, run->log);
		if (fds[2].revents) {
			waitpid(run->pid, &run->wait_status, 0);
			close(run->pid_fd);
			run->pid_fd = -1;
		}
		do_steps(run);
	}
	close(run->in);
}

static bool has_line(const GString *console, const char *start)
{
	const char *at = console->str;

	while (strncmp(at, start, strlen(start)) != 0) {
		at = strchr(at, '\n');
		if (!at)
			return false;
		at++;
	}
	return true;
}

static const char *judge_console(const struct run *run)
{
	const struct guest_case *c = run->c;
	const char *at = run->console->str;

	if (c->check)
		return c->check(run->console);
	if (has_line(run->console, "FAIL "))
		return "a check failed";
	for (unsigned int i = 0; i < EXPECT_MAX && c->expect[i]; i++) {
		at = strstr(at, c->expect[i]);
		if (!at)
			return "an expected line is missing";
		at += strlen(c->expect[i]);
	}
	if (!c->ends_early && !c->status && !g_str_has_suffix(run->console->str, "\nend\n"))
		return "the guest did not come to its end";
	return NULL;
}

static const char *judge_end(const struct run *run)
{
	const struct guest_case *c = run->c;

	if (run->timed_out)
		return "it took too long";
	if (!WIFEXITED(run->wait_status))
		return "iolite died of a signal";
	if (WEXITSTATUS(run->wait_status) != c->status)
		return "wrong exit status";
	if (!c->log && run->log->len)
		return "iolite logged something";
	if (c->log && !strstr(run->log->str, c->log))
		return "the log lacks an expected line";
	return NULL;
}

static bool in_sectors(uint64_t offset, unsigned int first)
{
	return offset / DISK_SECTOR >= first && offset / DISK_SECTOR < first + DISK_CHANGED_SECTORS;
}

/* False when the word at @offset is not what it has to be after the guest. */
static bool word_is_right(const struct guest_disk *disk, unsigned int number, uint64_t offset,
			  uint64_t word)
{
	uint64_t before = disk_word(number, offset);

	if (!disk->changed)
		return word == before;
	if (in_sectors(offset, DISK_WRITTEN))
		return word == ~before;
	if (in_sectors(offset, DISK_ZEROED))
		return word == 0;
	return word == before || in_sectors(offset, DISK_DISCARDED);
}

static const char *judge_disk(const struct run *run, unsigned int number)
{
	const struct guest_disk *disk = &run->c->disks[number];
	g_autofree uint64_t *data = g_malloc(disk->bytes);

	if (pread(run->disk_fds[number], data, disk->bytes, 0) != (ssize_t)disk->bytes ||
	    lseek(run->disk_fds[number], 0, SEEK_END) != (off_t)disk->bytes)
		return "a disk has another size";
	for (uint64_t at = 0; at < disk->bytes; at += 8) {
		if (word_is_right(disk, number, at, data[at / 8]))
			continue;
		printf("disk %u: 0x%016jx at byte %ju\n", number, (uintmax_t)data[at / 8],
		       (uintmax_t)at);
		return "a disk holds something else";
	}
	return NULL;
}

static const char *judge_disks(const struct run *run)
{
	const char *why = NULL;

	for (unsigned int i = 0; i < DISKS_MAX && run->c->disks[i].bytes; i++) {
		if (!why)
			why = judge_disk(run, i);
		close(run->disk_fds[i]);
	}
	return why;
}

static int run_case(const struct guest_case *c, const char *iolite, const char *guest_dir)
{
	struct run run = { .c = c, .console = g_string_new(NULL), .log = g_string_new(NULL) };
	const char *why;
	int status = EXIT_SUCCESS;

	start(&run, iolite, guest_dir);
	follow(&run);
	why = judge_end(&run);
	if (!why)
		why = judge_console(&run);
	if (!why)
		why = judge_disks(&run);
	if (why)
		status = fail(&run, why);
	g_string_free(run.console, TRUE);
	g_string_free(run.log, TRUE);
	return status;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
			puts(cases[i].name);
		return 0;
	}
	if (argc != 4) {
		fputs("usage: run_guest IOLITE GUEST_DIR CASE | run_guest --list\n", stderr);
		return 2;
	}
	if (access("/dev/kvm", R_OK | W_OK)) {
		printf("%s: skipped: /dev/kvm: %s\n", argv[3], strerror(errno));
		return EXIT_SKIP;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		if (!strcmp(cases[i].name, argv[3]))
			return run_case(&cases[i], argv[1], argv[2]);
	fprintf(stderr, "run_guest: no case '%s'\n", argv[3]);
	return 2;
}
