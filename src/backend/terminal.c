// SPDX-License-Identifier: Apache-2.0
/*
 * The process's terminal. See include/iolite/terminal.h. Called on the loop's thread; restore also
 * from signal handlers.
 */
#include <iolite/terminal.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

/* Signals that end the process by our own fault; those of other people arrive at the loop. */
static const int fatal_signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGQUIT };

static struct termios saved, raw;
static volatile sig_atomic_t raw_fd = -1;

void iol_terminal_restore(void)
{
	int fd = raw_fd;

	raw_fd = -1;
	if (fd >= 0)
		tcsetattr(fd, TCSANOW, &saved);
}

void iol_terminal_reapply(void)
{
	if (raw_fd >= 0)
		tcsetattr(raw_fd, TCSANOW, &raw);
}

bool iol_terminal_size(uint16_t *cols, uint16_t *rows)
{
	struct winsize size;

	if (raw_fd < 0 || ioctl(raw_fd, TIOCGWINSZ, &size))
		return false;
	*cols = size.ws_col;
	*rows = size.ws_row;
	return true;
}

static void on_fatal_signal(int sig)
{
	iol_terminal_restore();
	/* SA_RESETHAND: the second one ends the process as it would have without us. */
	raise(sig);
}

static void restore_at_exit(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	atexit(iol_terminal_restore);
}

int iol_terminal_raw(int fd, struct iol_error *err)
{
	struct sigaction action = { .sa_handler = on_fatal_signal, .sa_flags = SA_RESETHAND };

	if (raw_fd >= 0)
		return iol_error_set(err, -EBUSY,
				     "the terminal already belongs to another serial line");
	if (tcgetattr(fd, &saved))
		return iol_error_errno(err, -errno, "cannot read the terminal's settings");
	raw = saved;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST;
	raw_fd = fd;
	restore_at_exit();
	for (size_t i = 0; i < IOL_ARRAY_LEN(fatal_signals); i++)
		sigaction(fatal_signals[i], &action, NULL);
	if (tcsetattr(fd, TCSANOW, &raw)) {
		raw_fd = -1;
		return iol_error_errno(err, -errno, "cannot set the terminal to raw mode");
	}
	return 0;
}
