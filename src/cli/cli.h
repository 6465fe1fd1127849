/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: its verbs. Only this folder prints to standard output or exits. */
#ifndef IOL_CLI_CLI_H
#define IOL_CLI_CLI_H

#include <iolite/error.h>
#include <iolite/exit_status.h>

/* One verb. argv[0] is the verb's name; returns the exit status. */
struct iol_cmd {
	const char *name;
	const char *summary; /* one line for `iolite help` */
	int (*run)(int argc, char **argv);
};

/* All verbs, ended by one without a name. */
extern const struct iol_cmd iol_cmds[];

int iol_cmd_run(int argc, char **argv);
int iol_cmd_check(int argc, char **argv);
int iol_cmd_dtb(int argc, char **argv);
int iol_cmd_list(int argc, char **argv);
int iol_cmd_info(int argc, char **argv);
int iol_cmd_stat(int argc, char **argv);
int iol_cmd_pause(int argc, char **argv);
int iol_cmd_resume(int argc, char **argv);
int iol_cmd_reset(int argc, char **argv);
int iol_cmd_powerdown(int argc, char **argv);
int iol_cmd_stop(int argc, char **argv);
int iol_cmd_up(int argc, char **argv);
int iol_cmd_down(int argc, char **argv);
int iol_cmd_start(int argc, char **argv);
int iol_cmd_restart(int argc, char **argv);
int iol_cmd_status(int argc, char **argv);
int iol_cmd_console(int argc, char **argv);
int iol_cmd_monitor(int argc, char **argv);
int iol_cmd_doctor(int argc, char **argv);
int iol_cmd_version(int argc, char **argv);
int iol_cmd_help(int argc, char **argv);

/* "iolite: VERB: text" on standard error; returns @status. */
int iol_cli_fail(const char *verb, int status, const char *fmt, ...) iol_printf(3, 4);

#endif
