// SPDX-License-Identifier: Apache-2.0
/* `iolite dtb`: the device tree of a machine, of any architecture on any host. Needs no KVM. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iolite/fdt.h>
#include <iolite/tree.h>

#include "options.h"
#include "output.h"

static const char examples[] =
	"A kernel is not needed; with one, the tree has the place of the initrd.\n"
	"\n"
	"Examples:\n"
	"  iolite dtb web.json\n"
	"      the tree that the machine of a file would get, as source\n"
	"  iolite dtb -m 4G -c 4 --arch aarch64 -o virt.dtb\n"
	"      a machine of another architecture, as a binary tree\n"
	"  iolite dtb web.json --dtb-overlay test.dtbo | diff <(iolite dtb web.json) -\n"
	"      what an overlay changes\n"
	"\n"
	"Exit status: 0, 1 the host failed, 2 wrong options.\n";

static const char keys[] =
	"Keys of serial lines, disks and network cards (\"below\"): see `iolite help run`;\n"
	"those of CONFIG.json: iolite-config(5).\n";

enum format { DTS, DTB };

/* The verb's own options; strings are owned. */
struct dtb_options {
	char *arch, *output, *format;
};

static int parse(int argc, char **argv, struct dtb_options *own, struct iol_config *config)
{
	const GOptionEntry entries[] = {
		{ "arch", 0, 0, G_OPTION_ARG_FILENAME, &own->arch,
		  "Architecture of the machine (default: this host's)", "NAME" },
		{ "output", 'o', 0, G_OPTION_ARG_FILENAME, &own->output,
		  "File to write, in one piece or not at all (default: standard output)", "FILE" },
		{ "format", 0, 0, G_OPTION_ARG_FILENAME, &own->format,
		  "dts (source) or dtb (binary; default where FILE ends in .dtb)", "NAME" },
		G_OPTION_ENTRY_NULL,
	};
	const struct iol_options options = {
		.verb = "dtb",
		.does = "print the device tree of a machine",
		.entries = entries,
		.keys = keys,
		.examples = examples,
	};

	return iol_options_parse(&options, argc, argv, config);
}

static int find_arch(const char *name, const struct iol_arch **arch)
{
	*arch = name ? iol_arch_find(name) : iol_arch_host();
	if (*arch)
		return 0;
	if (name)
		return iol_cli_fail("dtb", IOL_EXIT_USAGE,
				    "--arch: '%.64s' is no architecture: give %s", name,
				    iol_arch_names());
	return iol_cli_fail("dtb", IOL_EXIT_USAGE,
			    "iolite has no machine for this host: name an architecture with "
			    "--arch: %s",
			    iol_arch_names());
}

static int find_format(const struct dtb_options *own, enum format *format)
{
	if (own->output && !*own->output)
		return iol_cli_fail("dtb", IOL_EXIT_USAGE, "--output: '' is no path: name a file");
	if (own->format && strcmp(own->format, "dts") && strcmp(own->format, "dtb"))
		return iol_cli_fail("dtb", IOL_EXIT_USAGE,
				    "--format: '%.64s' is no format: give dts or dtb", own->format);
	if (own->format)
		*format = strcmp(own->format, "dtb") ? DTS : DTB;
	else
		*format = own->output && g_str_has_suffix(own->output, ".dtb") ? DTB : DTS;
	if (*format == DTB && !own->output && isatty(STDOUT_FILENO))
		return iol_cli_fail("dtb", IOL_EXIT_USAGE,
				    "--format: a binary tree is nothing for a terminal: name a "
				    "file with -o");
	return 0;
}

static int write_tree(const struct iol_fdt_blob *blob, const char *path, enum format format)
{
	struct iol_error err = { 0 };
	char *text = NULL;
	int ret;

	if (format == DTB) {
		ret = iol_output_write(path, blob->data, blob->bytes, &err);
	} else {
		ret = iol_fdt_to_dts(blob, &text, &err);
		if (!ret)
			ret = iol_output_write(path, text, strlen(text), &err);
		free(text);
	}
	if (!ret)
		return IOL_EXIT_OK;
	return iol_cli_fail("dtb", err.host_fault ? IOL_EXIT_HOST : IOL_EXIT_USAGE, "%s", err.msg);
}

static int print_tree(const struct dtb_options *own, const struct iol_config *config)
{
	iol_auto(iol_fdt_blob_finish) struct iol_fdt_blob blob = { 0 };
	struct iol_error err = { 0 };
	const struct iol_arch *arch;
	enum format format = DTS;
	int status = find_arch(own->arch, &arch);

	if (!status)
		status = find_format(own, &format);
	if (status)
		return status;
	if (iol_tree_make(config, arch, &blob, &err))
		return iol_cli_fail("dtb", err.host_fault ? IOL_EXIT_HOST : IOL_EXIT_USAGE, "%s",
				    err.msg);
	return write_tree(&blob, own->output, format);
}

int iol_cmd_dtb(int argc, char **argv)
{
	iol_auto(iol_config_finish) struct iol_config config;
	struct dtb_options own = { NULL, NULL, NULL };
	int status = parse(argc, argv, &own, &config);

	if (status == IOL_OPTIONS_HELP)
		status = IOL_EXIT_OK;
	else if (!status)
		status = print_tree(&own, &config);
	g_free(own.arch);
	g_free(own.output);
	g_free(own.format);
	return status;
}
