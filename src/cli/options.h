/* SPDX-License-Identifier: Apache-2.0 */
/* The options that describe a machine, for every verb that takes a machine. */
#ifndef IOL_CLI_OPTIONS_H
#define IOL_CLI_OPTIONS_H

#include <glib.h>

#include <iolite/config.h>

/* How keys of a disk are told of, for descriptions. */
extern const char iol_options_disk_help[];

/* An option of a verb's own that goes into the configuration: where the parser leaves it, and what sets it. */
struct iol_option_setter {
	const char *option; /* "--on-watchdog", for messages */
	char *const *text; /* its value, NULL there: not given; or else */
	const gboolean *flag; /* whether it was given: "on" */
	int (*set)(struct iol_config *config, const char *text, struct iol_error *err);
};

/* A verb, as the parser and its help need it. */
struct iol_options {
	const char *verb;
	const char *does; /* "start a virtual machine" */
	const GOptionEntry *entries; /* its own, ended by G_OPTION_ENTRY_NULL; may be NULL */
	const struct iol_option_setter
		*setters; /* of some of entries, ended by one without option; may be NULL */
	const char *keys; /* help: what values mean; comes first below the options */
	const char *examples; /* help: and what else there is to say */
	bool runs; /* the configuration must be one that can be run, with a kernel */
	const GOptionEntry
		*own; /* of iol_run_options_parse(): one that only this verb has, or NULL */
	const struct iol_passed *
		passed; /* of iol_run_options_parse(): sockets that go before what is said, or NULL */
	bool lists; /* mistakes of the configuration are what was asked for: on standard output, as they are */
};

/* iol_options_parse: help was asked for and given. */
enum { IOL_OPTIONS_HELP = -1 };

/*
 * "[CONFIG.json] [OPTION...]": the file, then the options on top of it. 0; IOL_EXIT_USAGE after all mistakes were told;
 * IOL_OPTIONS_HELP. @config must be finished in any case, and what @options->entries point to.
 */
int iol_options_parse(const struct iol_options *options, int argc, char **argv,
		      struct iol_config *config);

/* The same with the options of `run`; @options has neither entries nor setters. @daemon is initialized. */
struct iol_daemon;
int iol_run_options_parse(struct iol_options *options, int argc, char **argv,
			  struct iol_config *config, struct iol_daemon *daemon);

#endif
