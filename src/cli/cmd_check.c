// SPDX-License-Identifier: Apache-2.0
/* `iolite check`: all mistakes of a configuration, without a machine. Opens nothing but the file. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "daemon.h"
#include "options.h"

static const char examples[] =
	"All mistakes are told, one a line, in the order of the file: FILE:LINE:COLUMN, the\n"
	"place as keys, the value, and what would be right. Options are those of run.\n"
	"\n"
	"Examples:\n"
	"  iolite check web.json\n"
	"      whether this is a machine that run would try to start\n"
	"  iolite check web.json --set disks[0].cache=unsafe -m 2G\n"
	"      the same with what options change\n"
	"\n"
	"Exit status: 0 no mistakes, 2 mistakes.\n";

/* For those who make docs/iolite-config.schema.json. */
static int print_schema(void)
{
	g_autofree char *text = iol_config_schema();

	fputs(text, stdout);
	return IOL_EXIT_OK;
}

int iol_cmd_check(int argc, char **argv)
{
	iol_auto(iol_config_finish) struct iol_config config;
	struct iol_options options = {
		.verb = "check",
		.does = "tell the mistakes of a configuration",
		.keys = iol_options_disk_help,
		.examples = examples,
		.lists = true,
	};
	struct iol_daemon daemon; /* what is said of it is taken, and nothing comes of it */
	struct iol_error told;
	int status;

	if (argc == 2 && !strcmp(argv[1], "--schema")) {
		memset(&config, 0, sizeof(config));
		return print_schema();
	}
	iol_daemon_init(&daemon);
	status = iol_run_options_parse(&options, argc, argv, &config, &daemon);
	iol_daemon_finish(&daemon, status);
	if (status == IOL_OPTIONS_HELP)
		return IOL_EXIT_OK;
	if (!status) {
		/* The name of a file may have anything: an error's text is fit for a terminal. */
		iol_error_set(&told, 0, "%s%sno mistakes", config.file ? config.file : "",
			      config.file ? ": " : "");
		printf("%s\n", told.msg);
	}
	return status;
}
