/* SPDX-License-Identifier: Apache-2.0 */
/* The options that describe a machine, for every verb that takes a machine. */
#ifndef IOL_CLI_OPTIONS_H
#define IOL_CLI_OPTIONS_H

#include <glib.h>

#include <iolite/config.h>

/* How keys of a disk are told of, for descriptions. */
extern const char iol_options_disk_help[];

/* A verb, as the parser and its help need it. */
struct iol_options {
	const char *verb;
	const char *does; /* "start a virtual machine" */
	const GOptionEntry *entries; /* its own, ended by G_OPTION_ENTRY_NULL; may be NULL */
	const char *keys; /* help: what values mean; comes first below the options */
	const char *examples; /* help: and what else there is to say */
	bool runs; /* the configuration must be one that can be run, with a kernel */
};

/* iol_options_parse: help was asked for and given. */
enum { IOL_OPTIONS_HELP = -1 };

/*
 * "[CONFIG.json] [OPTION...]": the file, then the options on top of it. 0; IOL_EXIT_USAGE after the mistake was told;
 * IOL_OPTIONS_HELP. @config must be finished in any case, and what @options->entries point to.
 */
int iol_options_parse(const struct iol_options *options, int argc, char **argv,
		      struct iol_config *config);

#endif
