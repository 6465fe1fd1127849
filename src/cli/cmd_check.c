// SPDX-License-Identifier: Apache-2.0
/* `iolite check`: all mistakes of a configuration, without a machine. Opens nothing but the file. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include <iolite/system_config.h>

#include "daemon.h"
#include "options.h"

static const char examples[] =
	"All mistakes are told, one a line, in the order of the file: FILE:LINE:COLUMN, the\n"
	"place as keys, the value, and what would be right. Options are those of run.\n"
	"\n"
	"A file with partitions is a system (iolite-up(1)), and takes no options: its mistakes\n"
	"within partitions and across them are told.\n"
	"\n"
	"Examples:\n"
	"  iolite check web.json\n"
	"      whether this is a machine that run would try to start\n"
	"  iolite check web.json --set disks[0].cache=unsafe -m 2G\n"
	"      the same with what options change\n"
	"  iolite check gateway.json\n"
	"      a system of partitions\n"
	"\n"
	"Exit status: 0 no mistakes, 2 mistakes.\n";

/* For those who make docs/iolite-config.schema.json. */
static int print_schema(void)
{
	g_autofree char *text = iol_config_schema();

	fputs(text, stdout);
	return IOL_EXIT_OK;
}

/* The name of a file may have anything: an error's text is fit for a terminal. */
static void tell_none(const char *file)
{
	struct iol_error told;

	iol_error_set(&told, 0, "%s%sno mistakes", file ? file : "", file ? ": " : "");
	printf("%s\n", told.msg);
}

static int check_system(const char *path)
{
	struct iol_mistakes *mistakes = iol_mistakes_new();
	struct iol_system_config system;
	struct iol_host_memory host;
	size_t count, shown;

	iol_host_memory_read(NULL, &host);
	iol_system_config_load(&system, path, &host, mistakes);
	count = iol_mistakes_count(mistakes);
	shown = MIN(count, IOL_MISTAKES_MAX);
	for (size_t i = 0; i < shown; i++)
		printf("%s\n", iol_mistakes_text(mistakes, i));
	if (count > shown)
		printf("and %zu mistakes more\n", count - shown);
	if (!count)
		tell_none(path);
	iol_system_config_finish(&system);
	iol_mistakes_free(mistakes);
	return count ? IOL_EXIT_USAGE : IOL_EXIT_OK;
}

static int check_machine(int argc, char **argv)
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
	if (!status)
		tell_none(config.file);
	return status;
}

int iol_cmd_check(int argc, char **argv)
{
	if (argc == 2 && iol_system_config_is(argv[1]))
		return check_system(argv[1]);
	return check_machine(argc, argv);
}
