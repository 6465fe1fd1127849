/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: verbs and exit statuses. Only this folder prints to standard output or exits. */
#ifndef IOL_CLI_CLI_H
#define IOL_CLI_CLI_H

#include <iolite/error.h>

/* Why `iolite run` ended, and for other verbs whether they did it; scripts rely on these numbers. */
enum iol_exit {
	IOL_EXIT_OK = 0, /* the guest powered off, or was stopped by its user */
	IOL_EXIT_HOST = 1, /* the host failed: KVM, memory, descriptors */
	IOL_EXIT_USAGE = 2, /* options or configuration are wrong */
	IOL_EXIT_CRASH = 3, /* the guest crashed, or KVM could not run it */
	IOL_EXIT_WATCHDOG = 5, /* the guest's watchdog ran out, and the user wants that to end it */
};

/* One verb. argv[0] is the verb's name; returns the exit status. */
struct iol_cmd {
	const char *name;
	const char *summary; /* one line for `iolite help` */
	int (*run)(int argc, char **argv);
};

/* All verbs, ended by one without a name. */
extern const struct iol_cmd iol_cmds[];

int iol_cmd_run(int argc, char **argv);
int iol_cmd_dtb(int argc, char **argv);
int iol_cmd_doctor(int argc, char **argv);
int iol_cmd_version(int argc, char **argv);
int iol_cmd_help(int argc, char **argv);

/* "iolite: VERB: text" on standard error; returns @status. */
int iol_cli_fail(const char *verb, int status, const char *fmt, ...) iol_printf(3, 4);

#endif
