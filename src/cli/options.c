// SPDX-License-Identifier: Apache-2.0
/* The options that describe a machine. See options.h. */
#include "options.h"

#include <locale.h>
#include <stdio.h>

#include <iolite/log.h>

#include "cli.h"

/* What the option parser leaves behind; all strings are owned. */
struct raw_options {
	char *name, *machine, *kernel, *kernel_address, *initrd, *cmdline, *memory, *cpus, *console,
		*dtb;
	int verbosity;
	gboolean help;
	char **overlays;
	char **disks;
	char **serials;
	char **nets;
	gboolean rng;
	char **rest;
};

static void raw_finish(struct raw_options *raw)
{
	g_free(raw->name);
	g_free(raw->machine);
	g_free(raw->kernel);
	g_free(raw->kernel_address);
	g_free(raw->initrd);
	g_free(raw->cmdline);
	g_free(raw->memory);
	g_free(raw->cpus);
	g_free(raw->console);
	g_free(raw->dtb);
	g_strfreev(raw->overlays);
	g_strfreev(raw->disks);
	g_strfreev(raw->serials);
	g_strfreev(raw->nets);
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

const char iol_options_disk_help[] =
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
	"\n"
	"Serial lines and the console are stdio, null (nobody), pty, file:PATH, unix:PATH,\n"
	"tcp:HOST:PORT, mux:stdio and then mux (several at one terminal). Keys:\n"
	"  connect          unix, tcp: to one who listens, instead of listening\n"
	"  expose           tcp: other machines may connect\n"
	"  append           file: keep what it has\n"
	"  link=PATH        pty: a symbolic link to the terminal\n"
	"  log=PATH         a copy of the output, at the end of a file\n"
	"  block=on         a slow reader holds the guest (default: for a second)\n"
	"  ring=SIZE        output kept for a reader, 4K to 16M (default: 64K)\n"
	"\n"
	"Network cards are slots 17 to 24, in the order given. Keys of all kinds:\n"
	"  id=NAME          for messages (default: net0, net1 ...)\n"
	"  mac=ADDRESS      (default: one that follows from the machine's name and the place)\n"
	"  mtu=N            bytes of a packet\n"
	"  transport=KIND   pci (default) or mmio\n"
	"and of each kind:\n"
	"  tap[,ifname=NAME][,queues=N]   a tap, made if there is none of this name; or fd=N\n"
	"  bridge,br=NAME                 a tap of its own on a bridge\n"
	"    vhost=MODE     tap, bridge: frames are passed by the kernel: auto (default: if it\n"
	"                   has /dev/vhost-net), on or off\n"
	"  user[,hostfwd=RULE]...         no rights needed; RULE is tcp:[ADDR]:PORT-[ADDR]:PORT\n"
	"                                 or udp:...; restrict, net, host, dns, dhcpstart,\n"
	"                                 ipv4, ipv6, hostname ... as of QEMU's user network\n"
	"  passt[,path=SOCKET]            through passt, started unless a socket is named\n"
	"  socket,path=SOCKET[,listen]    frames to another machine\n"
	"  none                           a card without a cable\n"
	"A comma within a path or value is written twice.\n";

static void print_help(GOptionContext *context, const struct iol_options *options)
{
	g_autofree char *text = NULL;

	setlocale(LC_ALL, "");
	text = g_option_context_get_help(context, TRUE, NULL);
	printf("%s%s\n%s", text, options->keys, options->examples);
}

/* Values are bytes, as the kernel gives them: FILENAME keeps the parser from converting them. */
static gboolean parse(const struct iol_options *options, int *argc, char ***argv,
		      struct raw_options *raw, GError **error)
{
	const GOptionEntry machine[] = {
		{ "name", 0, 0, G_OPTION_ARG_FILENAME, &raw->name,
		  "The machine's name; network addresses follow from it", "NAME" },
		{ "machine", 'M', 0, G_OPTION_ARG_FILENAME, &raw->machine,
		  "Kind of machine (default: the architecture's)", "NAME" },
		{ "kernel", 'k', 0, G_OPTION_ARG_FILENAME, &raw->kernel,
		  "Linux bzImage or ELF (PVH or 64-bit entry); arm64: Image; powerpc: ELF, uImage",
		  "FILE" },
		{ "kernel-address", 0, 0, G_OPTION_ARG_FILENAME, &raw->kernel_address,
		  "Load FILE as it is to this address and enter it there (powerpc)", "ADDR" },
		{ "initrd", 'i', 0, G_OPTION_ARG_FILENAME, &raw->initrd, "Initial RAM disk",
		  "FILE" },
		{ "cmdline", 'a', 0, G_OPTION_ARG_FILENAME, &raw->cmdline,
		  "Kernel command line (default: " IOL_CONFIG_CMDLINE_DEFAULT ")", "TEXT" },
		{ "memory", 'm', 0, G_OPTION_ARG_FILENAME, &raw->memory,
		  "Guest memory, 1M to 64G (default: 256M)", "SIZE" },
		{ "cpus", 'c', 0, G_OPTION_ARG_FILENAME, &raw->cpus,
		  "Virtual CPUs, 1 to 64 (default: 1)", "N" },
		{ "serial", 's', 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->serials,
		  "Serial line (below) ttyS0, then ttyS1 ...; up to 4 times (default: stdio)",
		  "KIND[,KEY...]" },
		{ "console", 0, 0, G_OPTION_ARG_FILENAME, &raw->console,
		  "Virtio console hvc0, with the kinds and keys of serial lines", "KIND[,KEY...]" },
		{ "disk", 'd', 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->disks,
		  "Disk image (raw) or block device, and keys (below); up to 16 times",
		  "PATH[,KEY...]" },
		{ "net", 'n', 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->nets,
		  "Network card: tap, bridge, user, passt, socket or none, and keys (below); up to "
		  "8 times",
		  "KIND[,KEY...]" },
		{ "rng", 0, 0, G_OPTION_ARG_NONE, &raw->rng,
		  "Give the guest a source of entropy (virtio-rng)", NULL },
		{ "dtb", 0, 0, G_OPTION_ARG_FILENAME, &raw->dtb,
		  "Device tree in the place of the machine's own", "FILE" },
		{ "dtb-overlay", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->overlays,
		  "Device tree overlay; up to 16 times", "FILE" },
		{ "verbose", 'v', G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, more_verbose,
		  "Say more; twice: say much more", NULL },
		{ "help", 'h', 0, G_OPTION_ARG_NONE, &raw->help, "Show this help", NULL },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->rest, NULL,
		  "[CONFIG.json]" },
		G_OPTION_ENTRY_NULL,
	};
	g_autofree char *does = g_strdup_printf("- %s", options->does);
	g_autoptr(GOptionContext) context = g_option_context_new(does);
	GOptionGroup *group = g_option_group_new("main", "", "", raw, NULL);

	if (options->entries)
		g_option_group_add_entries(group, options->entries);
	g_option_group_add_entries(group, machine);
	g_option_context_set_main_group(context, group);
	g_option_context_set_help_enabled(context, FALSE);
	if (!g_option_context_parse(context, argc, argv, error))
		return FALSE;
	if (raw->help)
		print_help(context, options);
	return TRUE;
}

static int load(const struct iol_options *options, char **files, struct iol_config *config)
{
	struct iol_error err;

	if (!files)
		return 0;
	if (files[1])
		return iol_cli_fail(options->verb, IOL_EXIT_USAGE,
				    "unexpected argument '%.64s' behind the configuration '%.64s'; "
				    "a kernel is named with -k, a disk with -d",
				    files[1], files[0]);
	if (iol_config_load(config, files[0], &err))
		return iol_cli_fail(options->verb, IOL_EXIT_USAGE, "%s", err.msg);
	return 0;
}

static int set(const struct iol_options *options, struct iol_config *config, const char *option,
	       const char *text,
	       int (*setter)(struct iol_config *, const char *, struct iol_error *))
{
	struct iol_error err;

	if (!text || !setter(config, text, &err))
		return 0;
	return iol_cli_fail(options->verb, IOL_EXIT_USAGE, "%s: %s", option, err.msg);
}

static int set_each(const struct iol_options *options, struct iol_config *config,
		    const char *option, char **texts,
		    int (*setter)(struct iol_config *, const char *, struct iol_error *))
{
	int status = 0;

	for (; !status && texts && *texts; texts++)
		status = set(options, config, option, *texts, setter);
	return status;
}

/* In the place of the default or a file's. */
static int set_serials(const struct iol_options *options, struct iol_config *config, char **texts)
{
	int status;

	if (!texts || !*texts)
		return 0;
	status = set(options, config, "--serial", *texts, iol_config_set_serial);
	return status ? status
		      : set_each(options, config, "--serial", texts + 1, iol_config_add_serial);
}

/* On top of what a file said. */
static int apply(const struct iol_options *options, struct raw_options *raw,
		 struct iol_config *config)
{
	const struct {
		const char *option, *text;
		int (*setter)(struct iol_config *, const char *, struct iol_error *);
	} single[] = {
		{ "--name", raw->name, iol_config_set_name },
		{ "--machine", raw->machine, iol_config_set_machine },
		{ "--kernel", raw->kernel, iol_config_set_kernel },
		{ "--kernel-address", raw->kernel_address, iol_config_set_kernel_address },
		{ "--initrd", raw->initrd, iol_config_set_initrd },
		{ "--cmdline", raw->cmdline, iol_config_set_cmdline },
		{ "--memory", raw->memory, iol_config_set_memory },
		{ "--cpus", raw->cpus, iol_config_set_cpus },
		{ "--dtb", raw->dtb, iol_config_set_dtb },
	};
	struct iol_error err;
	int status = 0;

	for (size_t i = 0; !status && i < IOL_ARRAY_LEN(single); i++)
		status = set(options, config, single[i].option, single[i].text, single[i].setter);
	if (!status)
		status = set_each(options, config, "--disk", raw->disks, iol_config_add_disk);
	if (!status)
		status = set_each(options, config, "--net", raw->nets, iol_config_add_net);
	if (!status && raw->rng)
		status = set(options, config, "--rng", "on", iol_config_set_rng);
	if (!status)
		status = set_serials(options, config, raw->serials);
	if (!status)
		status = set(options, config, "--console", raw->console, iol_config_set_console);
	if (!status)
		status = set_each(options, config, "--dtb-overlay", raw->overlays,
				  iol_config_add_dtb_overlay);
	if (!status && options->runs && iol_config_check(config, &err))
		status = iol_cli_fail(options->verb, IOL_EXIT_USAGE, "%s", err.msg);
	if (!status)
		iol_config_complete(config);
	return status;
}

static int read_all(const struct iol_options *options, struct raw_options *raw,
		    struct iol_config *config)
{
	int status;

	if (raw->help)
		return IOL_OPTIONS_HELP;
	iol_log_set_level(raw->verbosity > 1 ? IOL_LOG_DEBUG
			  : raw->verbosity   ? IOL_LOG_INFO
					     : IOL_LOG_WARN);
	status = load(options, raw->rest, config);
	return status ? status : apply(options, raw, config);
}

int iol_options_parse(const struct iol_options *options, int argc, char **argv,
		      struct iol_config *config)
{
	g_autofree char *program = g_strdup_printf("iolite %s", options->verb);
	struct raw_options raw = { 0 };
	g_autoptr(GError) error = NULL;
	int status;

	g_set_prgname(program);
	iol_config_init(config);
	if (parse(options, &argc, &argv, &raw, &error))
		status = read_all(options, &raw, config);
	else
		status = iol_cli_fail(options->verb, IOL_EXIT_USAGE,
				      "%s; `iolite help %s` lists the options", error->message,
				      options->verb);
	raw_finish(&raw);
	return status;
}
