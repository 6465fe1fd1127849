// SPDX-License-Identifier: Apache-2.0
/*
 * Commands of a person to a machine. See monitor.h. What they have to say is in monitor_*.c. Runs on the loop's thread.
 *
 * A line comes from a client that is hostile: nothing of it is repeated, and output is bounded whatever the guest did.
 */
#include "monitor.h"

#include <errno.h>
#include <string.h>

#include <iolite/log.h>
#include <iolite/version.h>

#include "control_internal.h"
#include "debug.h"
#include "monitor_info.h"

enum {
	WORDS_MAX = 8, /* of a line; what is behind them is one too many */
	OUT_BYTES_MAX = 256 * 1024,
	NAME_COLUMNS = 27, /* with those that say something about it, a line of 80 */
};

#define GDBSERVER_ADDRESS "tcp::1234" /* QEMU's */

struct command {
	const char *name; /* one word or two */
	/*
	 * The words that follow, NULL: none. Those in [] may be left out; those with a capital letter stand for any word, and with
	 * "..." for any number of them; "a|b": one of these.
	 */
	const char *usage;
	const char *help; /* a line; what is behind it is for `help NAME` */
	/* @args: those words, ended by NULL. */
	int (*run)(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out);
};

static int run_words(struct iol_vm *vm, unsigned int cpu, char *const *words, GString *out);

/* ---- info ---- */

static int run_version(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out)
{
	(void)cpu;
	(void)args;
	g_string_append_printf(out, "iolite %s, %s machine %s\n", iol_version, vm->arch->name,
			       vm->layout.machine);
	return 0;
}

static int run_status(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out)
{
	(void)cpu;
	(void)args;
	g_string_append_printf(out, "%s, for %.1f s since its start, reset %u times\n",
			       iol_vm_control_status(vm), iol_vm_control_uptime(vm),
			       (unsigned int)vm->lifecycle.reset_count);
	return 0;
}

static int run_cpus(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out)
{
	(void)cpu;
	(void)args;
	iol_monitor_cpus(vm, out);
	return 0;
}

static int run_registers(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out)
{
	bool ran = iol_vm_control_hold(vm);
	int ret = iol_monitor_registers(vm, cpu, args[0], out);

	if (ran)
		iol_vcpus_resume(vm);
	return ret;
}

/* Topics that need nothing but the machine. */
#define TOPIC(name)                                                                   \
	static int run_##name(struct iol_vm *vm, unsigned int cpu, char *const *args, \
			      GString *out)                                           \
	{                                                                             \
		(void)cpu;                                                            \
		(void)args;                                                           \
		iol_monitor_##name(vm, out);                                          \
		return 0;                                                             \
	}

TOPIC(memory)
TOPIC(mtree)
TOPIC(devices)
TOPIC(pci)
TOPIC(block)
TOPIC(net)
TOPIC(irq)
TOPIC(stats)

static int run_tree(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out)
{
	(void)cpu;
	(void)args;
	return iol_monitor_tree(vm, out);
}

/* ---- Memory ---- */

static int run_x(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out)
{
	return iol_monitor_memory_at(vm, cpu, false, args, out);
}

static int run_xp(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out)
{
	return iol_monitor_memory_at(vm, cpu, true, args, out);
}

/* Nobody's choice is kept here: of those who ask there are several, and each line is for itself. */
static int run_cpu(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out)
{
	guint64 number;

	(void)cpu;
	if (!g_ascii_string_to_unsigned(args[0], 10, 0, G_MAXUINT, &number, NULL)) {
		g_string_append(out, "which CPU? Give its number, as of `info cpus`\n");
		return -EINVAL;
	}
	if (number >= vm->vcpu_count)
		return iol_monitor_no_cpu(vm, (unsigned int)number, out);
	return args[1] ? run_words(vm, (unsigned int)number, args + 1, out) : 0;
}

/* ---- Debuggers, the log ---- */

static int run_gdb_info(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out)
{
	g_autofree char *where = iol_debug_server_where(vm);

	(void)cpu;
	(void)args;
	if (where)
		g_string_append_printf(out, "debuggers connect at %s: target remote %s; %s\n",
				       where, strchr(where, ':') + 1,
				       iol_debug_server_has_client(vm) ? "one is there"
								       : "none is there");
	else
		g_string_append(out,
				"no debugger can connect: `gdb open tcp:127.0.0.1:1234` changes "
				"that\n");
	return 0;
}

static int open_gdb(struct iol_vm *vm, const char *address, GString *out)
{
	g_autofree char *where = NULL;
	struct iol_error err;
	int ret = iol_debug_server_open_at(vm, address, 0, &err);

	if (ret) {
		g_string_append_printf(out, "%s\n", err.msg);
		return ret;
	}
	where = iol_debug_server_where(vm);
	g_string_append_printf(out, "debuggers connect at %s: target remote %s\n", where,
			       strchr(where, ':') + 1);
	return 0;
}

static int run_gdb_open(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out)
{
	(void)cpu;
	return open_gdb(vm, args[0], out);
}

static int run_gdb_close(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out)
{
	struct iol_error err;
	int ret = iol_debug_server_close(vm, &err);

	(void)cpu;
	(void)args;
	g_string_append_printf(out, "%s\n", ret ? err.msg : "no debugger can connect any more");
	return ret;
}

static int run_gdbserver(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out)
{
	if (args[0] && !strcmp(args[0], "none"))
		return run_gdb_close(vm, cpu, args, out);
	return open_gdb(vm, args[0] ? args[0] : GDBSERVER_ADDRESS, out);
}

static int run_log(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out)
{
	enum iol_log_level level;

	(void)vm;
	(void)cpu;
	if (args[0] && iol_log_level_parse(args[0], &level))
		iol_log_set_level(level);
	g_string_append_printf(out, "lines are shown up to the level %s\n",
			       iol_log_level_name(iol_log_level()));
	return 0;
}

/* ---- The machine's life ---- */

static int run_reset(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out)
{
	(void)cpu;
	(void)args;
	g_string_append(out, "the machine is reset\n");
	iol_vm_ask(vm, IOL_EVENT_RESET_NOW, IOL_WISH_CONTROL);
	return 0;
}

static int run_quit(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out)
{
	(void)cpu;
	(void)args;
	g_string_append(out, "the machine is stopped\n");
	iol_vm_ask(vm, IOL_EVENT_STOP, IOL_WISH_CONTROL);
	return 0;
}

/* ---- All of them ---- */

#define FORMAT_HELP                                                                                  \
	"FORMAT is a count, how values are written (x hexadecimal, d decimal, u decimal without a "  \
	"sign,\no octal, c characters, s strings that end with a zero) and their size (b, h, w, g: " \
	"1, 2, 4, 8 bytes);\nall may be left out: /1xw. ADDRESS is a number, or a register such as " \
	"$pc, and may have + or - a number\nbehind it, without blanks. Only RAM is read, never a "   \
	"device's registers."

#define GDB_HELP                                                                                        \
	"ADDRESS is as of `iolite run --gdb`: tcp:PORT, tcp:HOST:PORT or unix:PATH, of a whole path.\n" \
	"Whoever connects has the whole guest."

static int run_help(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out);

static const struct command commands[] = {
	{ "help", "[COMMAND...]", "this text, or more of one command", run_help },
	{ "info version", NULL, "of iolite, and what machine this is", run_version },
	{ "info status", NULL, "whether the machine runs, and since when", run_status },
	{ "info cpus", NULL, "what each CPU does", run_cpus },
	{ "info registers", "[all]",
	  "registers of the CPU; all: also floats, vectors ...\n"
	  "Of a machine that runs, as they are at a moment. `cpu N info registers` are another CPU's.",
	  run_registers },
	{ "info memory", NULL, "RAM, and the addresses of devices", run_memory },
	{ "info mtree", NULL,
	  "who answers at which address now\n"
	  "RAM, registers of devices with the PCI BARs that are decoded, ports, and the doorbells that "
	  "KVM passes\non by itself (ioeventfd).",
	  run_mtree },
	{ "info devices", NULL, "devices, and what they are connected to", run_devices },
	{ "info pci", NULL, "functions of the PCI bus, interrupts, BARs", run_pci },
	{ "info block", NULL, "disks, and the files behind them", run_block },
	{ "info net", NULL, "network cards, and who passes their frames", run_net },
	{ "info irq", NULL, "interrupts, and who has them", run_irq },
	{ "info tree", NULL, "the device tree that the guest was given", run_tree },
	{ "info stats", NULL, "exits of CPUs, what devices have done, KVM's counters", run_stats },
	{ "info gdb", NULL, "where debuggers connect", run_gdb_info },
	{ "info log", NULL, "the level of iolite's own lines", run_log },
	{ "cpu", "N [COMMAND...]",
	  "does it for CPU N; alone in a shell: all that follow\n"
	  "Without it commands about one CPU are for the first one, or for the debugger's current "
	  "thread.",
	  run_cpu },
	{ "x", "[/FORMAT] ADDRESS", "memory by the page tables of the CPU\n" FORMAT_HELP, run_x },
	{ "xp", "[/FORMAT] ADDRESS", "memory at a guest-physical address\n" FORMAT_HELP, run_xp },
	{ "log", "error|warn|info|debug",
	  "the level of iolite's own lines\n"
	  "They go to its standard error, as with -v (info) and -vv (debug) of `iolite run`.",
	  run_log },
	{ "gdb open", "ADDRESS", "lets debuggers in there\n" GDB_HELP, run_gdb_open },
	{ "gdb close", NULL,
	  "lets no debugger in any more\n"
	  "One that is connected is sent away: its breakpoints are gone, and the guest runs on.",
	  run_gdb_close },
	{ "gdbserver", "[ADDRESS|none]",
	  "as gdb open (" GDBSERVER_ADDRESS "); none: as gdb close\n" GDB_HELP, run_gdbserver },
	{ "reset", NULL, "reset the machine", run_reset },
	{ "quit", NULL, "stop the machine", run_quit },
};

/* ---- help ---- */

/* How many of @words the name of @c is; 0: it is another command. @part: a beginning of its name will do. */
static unsigned int matches(const struct command *c, char *const *words, bool part)
{
	g_auto(GStrv) name = g_strsplit(c->name, " ", -1);
	unsigned int len = 0;

	while (name[len] && words[len] && !strcmp(name[len], words[len]))
		len++;
	return name[len] && !(part && !words[len]) ? 0 : len;
}

static void append_usage(const struct command *c, GString *out)
{
	g_string_append(out, c->name);
	if (c->usage)
		g_string_append_printf(out, " %s", c->usage);
}

static void append_help(const struct command *c, bool all, GString *out)
{
	gsize start = out->len;
	size_t line = strcspn(c->help, "\n");

	append_usage(c, out);
	/* Two blanks at least: they end the usage for those who complete words. */
	while (out->len - start < NAME_COLUMNS || !g_str_has_suffix(out->str, "  "))
		g_string_append_c(out, ' ');
	g_string_append_len(out, c->help, (gssize)line);
	g_string_append_c(out, '\n');
	if (all && c->help[line])
		g_string_append_printf(out, "%s\n", c->help + line + 1);
}

/* Of those that begin as @words does, in one line. */
static int say_what_there_is(char *const *words, GString *out)
{
	bool group = false;
	const char *separator, *last = "";

	for (size_t i = 0; i < IOL_ARRAY_LEN(commands) && words[0]; i++)
		group |= strchr(commands[i].name, ' ') &&
			 matches(&commands[i], (char *[]){ words[0], NULL }, true);
	if (group)
		g_string_append(out, words[0]);
	separator = group ? " what? " : "no such command; there are ";
	for (size_t i = 0; i < IOL_ARRAY_LEN(commands); i++) {
		const char *name = commands[i].name;
		size_t len = strcspn(name, " ");

		if (group && (!name[len] || strncmp(name, words[0], len) || words[0][len]))
			continue;
		if (!group && !strncmp(name, last, len) && (last[len] == ' ' || !last[len]))
			continue; /* of a group that was named */
		g_string_append(out, separator);
		g_string_append_len(out, group ? name + len + 1 : name, group ? -1 : (gssize)len);
		separator = ", ";
		last = name;
	}
	g_string_append_c(out, '\n');
	return -EINVAL;
}

static int run_help(struct iol_vm *vm, unsigned int cpu, char *const *args, GString *out)
{
	bool found = false;

	(void)vm;
	(void)cpu;
	for (size_t i = 0; i < IOL_ARRAY_LEN(commands); i++) {
		if (args[0] && !matches(&commands[i], args, true))
			continue;
		append_help(&commands[i], args[0], out);
		found = true;
	}
	return found ? 0 : say_what_there_is(args, out);
}

/* ---- A line ---- */

static bool is_one_of(const char *choices, const char *word)
{
	g_auto(GStrv) all = g_strsplit(choices, "|", -1);

	return g_strv_contains((const char *const *)all, word);
}

/* Whether @args are as @usage says. */
static bool fits(const char *usage, char *const *args)
{
	g_auto(GStrv) wanted = g_strsplit(usage ? usage : "", " ", -1);
	unsigned int least = 0, most = 0, count = g_strv_length((char **)args);

	for (; wanted[most]; most++) {
		char *word = wanted[most];

		least += *word != '[';
		if (g_str_has_suffix(word, "...]"))
			most = WORDS_MAX - 1;
		g_strdelimit(word, "[]", ' ');
		g_strstrip(word);
		if (most == WORDS_MAX - 1)
			break;
		if (most < count && strpbrk(word, G_CSET_A_2_Z) == NULL &&
		    !is_one_of(word, args[most]))
			return false;
	}
	return count >= least && count <= most;
}

static int run_words(struct iol_vm *vm, unsigned int cpu, char *const *words, GString *out)
{
	for (size_t i = 0; i < IOL_ARRAY_LEN(commands); i++) {
		const struct command *c = &commands[i];
		unsigned int len = matches(c, words, false);

		if (!len)
			continue;
		if (fits(c->usage, words + len))
			return c->run(vm, cpu, words + len, out);
		if (c->usage) {
			g_string_append(out, "it is written as: ");
			append_usage(c, out);
			g_string_append_c(out, '\n');
		} else {
			g_string_append_printf(out, "%s takes no argument\n", c->name);
		}
		return -EINVAL;
	}
	return say_what_there_is(words, out);
}

/* "x/8xw" are two words. How many bytes the first one has. */
static size_t word_len(const char *line, const char *blanks)
{
	size_t len = strcspn(line, blanks);

	if (g_str_has_prefix(line, "x/"))
		return 1;
	return g_str_has_prefix(line, "xp/") ? 2 : len;
}

/* The words of @line, one more than WORDS_MAX at most, for a mistake; ended by NULL. */
static void split(const char *line, char *words[WORDS_MAX + 2])
{
	static const char blanks[] = " \t\r\n";
	unsigned int count = 0;

	while (count <= WORDS_MAX) {
		size_t len;

		line += strspn(line, blanks);
		len = word_len(line, blanks);
		if (!len)
			break;
		words[count++] = g_strndup(line, len);
		line += len;
	}
	words[count] = NULL;
}

int iol_monitor_run(struct iol_vm *vm, unsigned int cpu, const char *line, GString *out)
{
	static const char cut[] = "\n... and more, which is too long to be shown here\n";
	char *words[WORDS_MAX + 2];
	gsize before = out->len;
	int ret;

	split(line, words);
	ret = run_words(vm, cpu, words, out);
	for (char **word = words; *word; word++)
		g_free(*word);
	if (out->len - before > OUT_BYTES_MAX) {
		g_string_truncate(out, before + OUT_BYTES_MAX - sizeof(cut));
		g_string_append(out, cut);
	}
	return ret;
}
