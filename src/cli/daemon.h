/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine in the background: the process that was started waits until the machine runs, and returns how that went;
 * and a file that says which process it is, which exists as long as that does.
 */
#ifndef IOL_CLI_DAEMON_H
#define IOL_CLI_DAEMON_H

#include <glib.h>

#include <iolite/config.h>

/* What the command line says, and what is open. */
struct iol_daemon {
	const char *verb; /* for messages; "run" unless it is set */
	gboolean daemonize;
	char *pidfile, *log_file; /* NULL: none; owned */
	bool background; /* this process is the one that was put there */
	int ready_fd; /* the waiting parent reads it, -1: nobody does */
	int pid_fd, log_fd;
	int null_fd; /* /dev/null, in the background: nothing can be opened later */
};

/* All of its fields may be options of the parser from here on. */
void iol_daemon_init(struct iol_daemon *daemon);

/*
 * Goes into the background where that was asked for, and takes the pidfile; opens the log file. Before any thread and
 * before anything is opened. Returns in the process that is to run the machine, with 0 or the exit status of what went
 * wrong, which was told. @config may be NULL: nobody needs the terminal. The process that waits does not come back but in *@waited: then the value is its exit status.
 */
int iol_daemon_begin(struct iol_daemon *daemon, const struct iol_config *config, bool *waited);

/* The machine runs: whoever waits is told so, and the terminal is let go. */
void iol_daemon_ready(struct iol_daemon *daemon);

/* At the end, with the exit status: told to who still waits. Removes the pidfile. */
void iol_daemon_finish(struct iol_daemon *daemon, int status);

#endif
