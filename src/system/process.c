// SPDX-License-Identifier: Apache-2.0
/* Processes by number. See process.h. */
#include "process.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { START_FIELD = 22, FIRST_FIELD_BEHIND_NAME = 3 };

/* The name, which may have anything, is in parentheses: fields are counted from behind the last one. */
uint64_t iol_process_start_ticks(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
	g_autofree char *text = NULL;
	const char *at;

	if (pid <= 0 || !g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	at = strrchr(text, ')');
	for (int i = FIRST_FIELD_BEHIND_NAME; at && i <= START_FIELD; i++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return at ? g_ascii_strtoull(at, NULL, 10) : 0;
}

int iol_process_open(pid_t pid, uint64_t ticks)
{
	int fd;

	if (pid <= 0 || !ticks)
		return -ESRCH;
	/* First: a number whose process is open does not become another's. */
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return -errno;
	if (iol_process_start_ticks(pid) == ticks)
		return fd;
	iol_fd_close(&fd);
	return -ESRCH;
}

void iol_process_kill(int pidfd)
{
	if (pidfd >= 0)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}
