// SPDX-License-Identifier: Apache-2.0
/* The options that describe a machine. See options.h. */
#include "options.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include <iolite/log.h>

#include "cli.h"

/* What the option parser leaves behind; all strings are owned. */
struct raw_options {
	char *name, *machine, *kernel, *kernel_address, *initrd, *cmdline, *memory, *cpus, *console,
		*watchdog, *dtb;
	int verbosity;
	gboolean help;
	char **overlays;
	char **disks;
	char **serials;
	char **nets;
	char **sets;
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
	g_free(raw->watchdog);
	g_free(raw->dtb);
	g_strfreev(raw->overlays);
	g_strfreev(raw->disks);
	g_strfreev(raw->serials);
	g_strfreev(raw->nets);
	g_strfreev(raw->sets);
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
	"Keys of memory, and of CPUs:\n"
	"  hugepages=SIZE   pages of the host's pool: 2M or 1G; or transparent, none\n"
	"  prealloc         all of it is there before the guest starts\n"
	"  lock             what is there never leaves memory\n"
	"  share            a memfd, mapped shared\n"
	"  dump             it is in core dumps of iolite\n"
	"  node=N           NUMA node of the host, or some: 0-1\n"
	"  pin=CPUS         host CPUs: 2-3 for all vCPUs together, 2:3 for one each\n"
	"  policy=POLICY    of vCPUs: fifo:PRIORITY, rr:PRIORITY, other or batch\n"
	"  loop-pin=CPUS    host CPUs of all threads that are no vCPUs\n"
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
		  "Guest memory, 1M to 64G (default: 256M), and keys (below)", "SIZE[,KEY...]" },
		{ "cpus", 'c', 0, G_OPTION_ARG_FILENAME, &raw->cpus,
		  "Virtual CPUs, 1 to 64 (default: 1), and keys (below)", "N[,KEY...]" },
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
		{ "watchdog", 0, 0, G_OPTION_ARG_FILENAME, &raw->watchdog,
		  "Watchdog i6300esb, and its key autostart=SECONDS: it counts from the start",
		  "KIND[,KEY]" },
		{ "dtb", 0, 0, G_OPTION_ARG_FILENAME, &raw->dtb,
		  "Device tree in the place of the machine's own", "FILE" },
		{ "dtb-overlay", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->overlays,
		  "Device tree overlay; up to 16 times", "FILE" },
		{ "set", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->sets,
		  "Set a value over CONFIG.json's, such as disks[0].direct=true; may be repeated",
		  "PATH=VALUE" },
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

/* What is being read, and where mistakes go. */
struct reading {
	struct iol_config *config;
	struct iol_mistakes *mistakes;
};

static void set(const struct reading *to, const char *option, const char *text,
		int (*setter)(struct iol_config *, const char *, struct iol_error *))
{
	struct iol_error err;

	if (!text)
		return;
	iol_mistakes_forget(to->mistakes, option + strlen("--"));
	if (!setter(to->config, text, &err))
		return;
	iol_error_prefix(&err, "%s", option);
	iol_mistakes_add(to->mistakes, err.msg);
}

static void set_each(const struct reading *to, const char *option, char **texts,
		     int (*setter)(struct iol_config *, const char *, struct iol_error *))
{
	for (; texts && *texts; texts++)
		set(to, option, *texts, setter);
}

/* In the place of the default or a file's. */
static void set_serials(const struct reading *to, char **texts)
{
	if (!texts || !*texts)
		return;
	iol_mistakes_forget(to->mistakes, "serials");
	set(to, "--serial", *texts, iol_config_set_serial);
	set_each(to, "--serial", texts + 1, iol_config_add_serial);
}

/* Those of the verb. */
static void apply_own(const struct iol_options *options, const struct reading *to)
{
	for (const struct iol_option_setter *own = options->setters; own && own->option; own++)
		set(to, own->option, own->text ? *own->text : *own->flag ? "on" : NULL, own->set);
}

/* On top of what a file said. */
static void apply(const struct iol_options *options, struct raw_options *raw,
		  const struct reading *to)
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

	for (size_t i = 0; i < IOL_ARRAY_LEN(single); i++)
		set(to, single[i].option, single[i].text, single[i].setter);
	set_each(to, "--disk", raw->disks, iol_config_add_disk);
	set_each(to, "--net", raw->nets, iol_config_add_net);
	set(to, "--rng", raw->rng ? "on" : NULL, iol_config_set_rng);
	set_serials(to, raw->serials);
	set(to, "--console", raw->console, iol_config_set_console);
	set(to, "--watchdog", raw->watchdog, iol_config_set_watchdog);
	set_each(to, "--dtb-overlay", raw->overlays, iol_config_add_dtb_overlay);
	apply_own(options, to);
}

static void tell_one(const struct iol_options *options, const char *text)
{
	if (options->lists)
		printf("%s\n", text);
	else
		iol_cli_fail(options->verb, IOL_EXIT_USAGE, "%s", text);
}

/* All of them. */
static int tell(const struct iol_options *options, const struct iol_mistakes *mistakes)
{
	size_t count = iol_mistakes_count(mistakes), shown = MIN(count, IOL_MISTAKES_MAX);

	for (size_t i = 0; i < shown; i++)
		tell_one(options, iol_mistakes_text(mistakes, i));
	if (count > shown) {
		g_autofree char *more = g_strdup_printf("and %zu mistakes more", count - shown);

		tell_one(options, more);
	}
	return count ? IOL_EXIT_USAGE : 0;
}

static int read_all(const struct iol_options *options, struct raw_options *raw,
		    struct iol_config *config)
{
	struct reading to = { config, iol_mistakes_new() };
	const char *file = raw->rest ? raw->rest[0] : NULL;
	int status;

	if (file || raw->sets)
		iol_config_load_all(config, file, raw->sets, to.mistakes);
	apply(options, raw, &to);
	if (options->runs)
		iol_config_check_all(config, to.mistakes);
	else
		iol_config_complete(config);
	status = tell(options, to.mistakes);
	iol_mistakes_free(to.mistakes);
	return status;
}

static int read_options(const struct iol_options *options, struct raw_options *raw,
			struct iol_config *config)
{
	if (raw->help)
		return IOL_OPTIONS_HELP;
	iol_log_set_level(raw->verbosity > 1 ? IOL_LOG_DEBUG
			  : raw->verbosity   ? IOL_LOG_INFO
					     : IOL_LOG_WARN);
	if (raw->rest && raw->rest[1])
		return iol_cli_fail(options->verb, IOL_EXIT_USAGE,
				    "unexpected argument '%.64s' behind the configuration '%.64s'; "
				    "a kernel is named with -k, a disk with -d",
				    raw->rest[1], raw->rest[0]);
	return read_all(options, raw, config);
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
		status = read_options(options, &raw, config);
	else
		status = iol_cli_fail(options->verb, IOL_EXIT_USAGE,
				      "%s; `iolite help %s` lists the options", error->message,
				      options->verb);
	raw_finish(&raw);
	return status;
}
