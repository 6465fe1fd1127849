// SPDX-License-Identifier: Apache-2.0
/* The options of `iolite run`. */
#include "cli.h"

#include <glib.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include <iolite/log.h>

/* What the option parser leaves behind; all strings are owned. */
struct raw_options {
	char *kernel, *initrd, *cmdline, *memory, *cpus, *serial;
	int verbosity;
	gboolean help;
	char **disks;
	char **rest;
};

static void raw_finish(struct raw_options *raw)
{
	g_free(raw->kernel);
	g_free(raw->initrd);
	g_free(raw->cmdline);
	g_free(raw->memory);
	g_free(raw->cpus);
	g_free(raw->serial);
	g_strfreev(raw->disks);
	g_strfreev(raw->rest);
}

static gboolean more_verbose(const gchar *name, const gchar *value, gpointer data, GError **error)
{
	struct raw_options *raw = data;

	(void)name;
	(void)value;
	(void)error;
	raw->verbosity++;
	return TRUE;
}

static const char description[] =
	"Sizes are whole numbers with K, M, G or T (powers of 1024).\n"
	"\n"
	"Disks are vda, vdb ... in the order given. Keys, a comma before each:\n"
	"  id=NAME          for messages (default: disk0, disk1 ...)\n"
	"  ro               read-only\n"
	"  direct           past the host's page cache\n"
	"  cache=MODE       writeback (default), writethrough, unsafe: flushes do nothing\n"
	"  discard=off      do not give back what the guest discards (default: on)\n"
	"  lock=off         do not lock the file against a second user (default: on)\n"
	"  queues=N         request queues, 1 to 16 (default: one for each CPU)\n"
	"  transport=KIND   pci (default) or mmio\n"
	"  serial=TEXT      what the guest reads as serial number (default: the id)\n"
	"  bps=SIZE         bytes a second at most\n"
	"  iops=N           requests a second at most\n"
	"A comma within a path or value is written twice.\n"
	"\n"
	"Examples:\n"
	"  iolite run -k /boot/vmlinuz -i initrd.img\n"
	"      boot a kernel with 256 MiB and one CPU, its console in this terminal\n"
	"  iolite run -k vmlinuz -i initrd.img -a 'console=ttyS0 quiet' -m 2G -c 4\n"
	"      more memory and CPUs, a command line of your own\n"
	"  iolite run -k vmlinuz -i initrd.img -a 'console=ttyS0 root=/dev/vda' -d disk.img\n"
	"      a disk to write to\n"
	"  iolite run -k vmlinuz -i initrd.img -d /dev/vg0/guest,direct -d data.img,ro,id=data\n"
	"      a block device of the host as vda, an image that is only read as vdb\n"
	"  iolite run -k vmlinux -s null < /dev/null\n"
	"      an uncompressed kernel (PVH) without a console\n"
	"\n"
	"In the terminal: Ctrl-A x stops the machine, Ctrl-A h shows the keys.\n"
	"SIGTERM presses the power button; a second one stops the machine at once.\n"
	"\n"
	"Exit status: 0 the guest powered off or was stopped, 1 the host failed,\n"
	"2 wrong options, 3 the guest crashed or this KVM cannot run it.\n";

/* Values are bytes, as the kernel gives them: FILENAME keeps the parser from converting them. */
static gboolean parse(int *argc, char ***argv, struct raw_options *raw, GError **error)
{
	GOptionEntry entries[] = {
		{ "kernel", 'k', 0, G_OPTION_ARG_FILENAME, &raw->kernel,
		  "Linux bzImage, or ELF with a PVH or 64-bit entry", "FILE" },
		{ "initrd", 'i', 0, G_OPTION_ARG_FILENAME, &raw->initrd, "Initial RAM disk",
		  "FILE" },
		{ "cmdline", 'a', 0, G_OPTION_ARG_FILENAME, &raw->cmdline,
		  "Kernel command line (default: " IOL_CONFIG_CMDLINE_DEFAULT ")", "TEXT" },
		{ "memory", 'm', 0, G_OPTION_ARG_FILENAME, &raw->memory,
		  "Guest memory, 1M to 64G (default: 256M)", "SIZE" },
		{ "cpus", 'c', 0, G_OPTION_ARG_FILENAME, &raw->cpus,
		  "Virtual CPUs, 1 to 64 (default: 1)", "N" },
		{ "serial", 's', 0, G_OPTION_ARG_FILENAME, &raw->serial,
		  "Serial line ttyS0: stdio or null (default: stdio)", "KIND" },
		{ "disk", 'd', 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->disks,
		  "Disk image (raw) or block device, and keys (below); up to 16 times",
		  "PATH[,KEY...]" },
		{ "help", 'h', 0, G_OPTION_ARG_NONE, &raw->help, "Show this help", NULL },
		{ "verbose", 'v', G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, more_verbose,
		  "Say more; twice: say much more", NULL },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->rest, NULL, NULL },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- start a virtual machine");
	GOptionGroup *group = g_option_group_new("run", "", "", raw, NULL);

	g_option_group_add_entries(group, entries);
	g_option_context_set_main_group(context, group);
	g_option_context_set_description(context, description);
	g_option_context_set_help_enabled(context, FALSE);
	if (!g_option_context_parse(context, argc, argv, error))
		return FALSE;
	if (raw->help) {
		g_autofree char *text = NULL;

		setlocale(LC_ALL, "");
		text = g_option_context_get_help(context, TRUE, NULL);
		fputs(text, stdout);
	}
	return TRUE;
}

static int set(struct iol_config *config, const char *option, const char *text,
	       int (*setter)(struct iol_config *, const char *, struct iol_error *))
{
	struct iol_error err;

	if (!text || !setter(config, text, &err))
		return 0;
	return iol_cli_fail("run", IOL_EXIT_USAGE, "%s: %s", option, err.msg);
}

static int apply(struct raw_options *raw, struct iol_config *config)
{
	struct iol_error err;
	int status;

	if (raw->rest)
		return iol_cli_fail("run", IOL_EXIT_USAGE,
				    "unexpected argument '%s'; a kernel is named with -k",
				    raw->rest[0]);
	iol_log_set_level(raw->verbosity > 1 ? IOL_LOG_DEBUG
			  : raw->verbosity   ? IOL_LOG_INFO
					     : IOL_LOG_WARN);
	config->kernel = g_steal_pointer(&raw->kernel);
	config->initrd = g_steal_pointer(&raw->initrd);
	config->cmdline = g_steal_pointer(&raw->cmdline);
	status = set(config, "--memory", raw->memory, iol_config_set_memory);
	if (!status)
		status = set(config, "--cpus", raw->cpus, iol_config_set_cpus);
	if (!status)
		status = set(config, "--serial", raw->serial, iol_config_set_serial);
	for (char **disk = raw->disks; !status && disk && *disk; disk++)
		status = set(config, "--disk", *disk, iol_config_add_disk);
	if (!status && iol_config_check(config, &err))
		status = iol_cli_fail("run", IOL_EXIT_USAGE, "%s", err.msg);
	return status;
}

int iol_options_parse(int argc, char **argv, struct iol_config *config)
{
	struct raw_options raw = { 0 };
	g_autoptr(GError) error = NULL;
	int status;

	g_set_prgname("iolite run");
	iol_config_init(config);
	if (parse(&argc, &argv, &raw, &error))
		status = raw.help ? IOL_OPTIONS_HELP : apply(&raw, config);
	else
		status = iol_cli_fail("run", IOL_EXIT_USAGE,
				      "%s; `iolite help run` lists the options", error->message);
	raw_finish(&raw);
	return status;
}
