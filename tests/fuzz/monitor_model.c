// SPDX-License-Identifier: Apache-2.0
/*
 * Lines for the monitor: words that it has, nearly right, and just bytes. What must hold: the answer is text of whole lines, bounded, without a
 * byte that a terminal acts on; a refusal has words; memory is read where there is some and shown as it is.
 */
#include "monitor_model.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>

#include <iolite/log.h>
#include <iolite/vm.h>

#include "fake_vm.h"
#include "vmm/monitor.h"
#include "vmm/monitor_format.h"

enum { CPUS = 2, PIECES_MAX = 12, ANSWER_BYTES_MAX = 256 * 1024 };
#define RAM_BYTES (16 * IOL_MIB)

static const struct iol_gdb_register registers[] = {
	{ .name = "a", .bits = 64 },
	{ .name = "b", .bits = 32 },
	{ .name = "v", .bits = 128 },
};
static const struct iol_gdb_feature feature = { .registers = registers, .count = 3 };
static const struct iol_gdb_description description = {
	.feature_count = 1,
	.features = { &feature },
	.general_features = 1,
};

static const struct iol_gdb_description *describe(struct iol_vm *vm)
{
	(void)vm;
	return &description;
}

static int read_registers(struct iol_vcpu *vcpu, uint8_t *buf)
{
	memset(buf, (int)(0x11 * (vcpu->idx + 1)), 28);
	return 0;
}

static int get_pc(struct iol_vcpu *vcpu, uint64_t *pc)
{
	*pc = FAKE_VM_BASE + RAM_BYTES - 8192 + 4096 * vcpu->idx;
	return 0;
}

static const struct iol_arch_debug_ops debug = {
	.describe = describe,
	.read_registers = read_registers,
	.get_pc = get_pc,
	.translate = fake_vm_translate,
};

/* Whoever looks at memory does not touch registers. */
static uint64_t read_register(void *dev, uint64_t offset, unsigned int len)
{
	(void)dev;
	(void)offset;
	(void)len;
	abort();
}

static void write_register(void *dev, uint64_t offset, unsigned int len, uint64_t value)
{
	(void)value;
	read_register(dev, offset, len);
}

static const struct iol_bus_ops no_registers = { .read = read_register, .write = write_register };

#define REGISTERS UINT64_C(0x18446744) /* of a device, where lines come to */

static struct {
	struct iol_config config;
	struct iol_arch arch;
	struct iol_arch_kvm_ops kvm;
	struct iol_vm *vm;
} model;

/* Every byte that there is, and texts. */
static void fill_memory(struct iol_vm *vm)
{
	uint8_t *ram = iol_memory_ptr(&vm->memory, 0, 8192);

	fuzz_check(ram);
	for (unsigned int i = 0; i < 4096; i++)
		ram[i] = (uint8_t)(i * 7);
	memset(ram + 4096, 'a', 4096);
}

/* For what libraries keep: GLib its translations of messages, which a number that is none makes it look for. */
static void warm_up(struct iol_vm *vm)
{
	static const char *const lines[] = { "xp /3s 0x1000",
					     "xp /9xw 0",
					     "info tree",
					     "help info",
					     "cpu 1 info registers all",
					     "x $a+1",
					     "cpu x",
					     "cpu 99999999999999999999" };

	for (unsigned int i = 0; i < G_N_ELEMENTS(lines); i++) {
		GString *out = g_string_new(NULL);

		iol_monitor_run(vm, 0, lines[i], out);
		g_string_free(out, TRUE);
	}
}

void monitor_model_init(void)
{
	const struct iol_layout_request request = {
		.memory_bytes = RAM_BYTES,
		.cpus = CPUS,
		.serials = 1,
	};
	struct iol_vm *vm;
	struct iol_error err;

	if (model.vm)
		return;
	iol_config_init(&model.config);
	fuzz_check(!iol_config_add_disk(&model.config, "/dev/zero,ro", &err));
	fuzz_check(!iol_config_add_net(&model.config, "none", &err));
	model.arch = iol_arch_x86_64;
	model.kvm.debug = &debug;
	model.arch.kvm = &model.kvm;
	vm = model.vm = fake_vm_new(&model.config, &model.arch, RAM_BYTES, CPUS);
	vm->boot.cmdline = "quiet";
	/* With the same RAM: for the tree, and whatever is of a layout. */
	fuzz_check(!model.arch.layout(&request, &vm->layout, &err));
	fuzz_check(vm->layout.ram_count == 1 && vm->layout.ram[0].size_bytes == RAM_BYTES);
	fuzz_check(!iol_bus_add(&vm->mmio,
				&(struct iol_bus_region){ .base = REGISTERS,
							  .size_bytes = 0x1000,
							  .name = "registers",
							  .ops = &no_registers },
				&err));
	fill_memory(vm);
	warm_up(vm);
}

/* '!' stands for bytes of the input. */
static char *make_line(struct fuzz_input *in)
{
	static const char *const pieces[] = {
		"x ",       "xp ",        "x/",      "/",
		"8",        "xw",         "s ",      "c ",
		" 0x",      "$pc",        "$a",      "+",
		"-",        "1024",       "ffc",     "ffff800000fff",
		"cpu ",     "0 ",         "1 ",      "info ",
		"help ",    "log ",       "info",    "registers ",
		"all ",     "mtree",      "pci",     "block",
		"net",      "devices",    "irq",     "tree",
		"debug",    "cpus",       "status",  "18446744073709551615",
		" ",        "\t",         "!",       "i",
		"/3d ",     "/2uw ",      "/4oh ",   "/2c ",
		"/2xg ",    "/2s ",       "version", "stats",
		"18446744", "log level ", "$v",      "$b",
	};
	GString *line = g_string_new(NULL);

	for (unsigned int i = 0; i < PIECES_MAX && in->len; i++) {
		uint8_t which = fuzz_u8(in);
		const char *piece = pieces[which % G_N_ELEMENTS(pieces)];
		size_t got = strlen(piece);

		if (*piece == '!')
			piece = (const char *)fuzz_take(in, fuzz_u8(in) % 16u, &got);
		g_string_append_len(line, piece, (gssize)got);
	}
	return g_string_free(line, FALSE);
}

static void check_text(const GString *out, int ret)
{
	fuzz_check(out->len <= ANSWER_BYTES_MAX);
	fuzz_check(!ret || out->len);
	fuzz_check(!out->len || out->str[out->len - 1] == '\n');
	for (gsize i = 0; i < out->len; i++)
		fuzz_check(out->str[i] == '\n' || out->str[i] == '\t' ||
			   ((uint8_t)out->str[i] >= 0x20 && (uint8_t)out->str[i] < 0x7f));
}

/* A format that is taken is of no more than what is shown at once. */
static void check_format(const char *text)
{
	GString *out = g_string_new(NULL);
	struct iol_monitor_format f;

	if (iol_monitor_format_parse(text, &f, out)) {
		fuzz_check(!out->len && f.count && strchr("xduocs", f.kind));
		fuzz_check(f.size_bytes == 1 || f.size_bytes == 2 || f.size_bytes == 4 ||
			   f.size_bytes == 8);
		fuzz_check((uint64_t)f.count * f.size_bytes <= IOL_MONITOR_EXAMINE_BYTES_MAX);
	} else {
		check_text(out, -EINVAL);
	}
	g_string_free(out, TRUE);
}

/* By bytes, which are then known. */
static void check_memory(struct fuzz_input *in)
{
	unsigned int shift = fuzz_u8(in) % 64u;
	uint64_t gpa = fuzz_number(in, 8) >> shift;
	GString *out = g_string_new(NULL), *wanted = g_string_new(NULL);
	char *line = g_strdup_printf("xp /xb 0x%" PRIx64, gpa);
	const uint8_t *byte = iol_memory_ptr(&model.vm->memory, gpa, 1);
	int ret = iol_monitor_run(model.vm, 0, line, out);

	check_text(out, ret);
	fuzz_check(!ret == !!byte);
	if (byte) {
		g_string_printf(wanted, "0x%016" PRIx64 ": 0x%02x\n", gpa, *byte);
		fuzz_check(g_string_equal(out, wanted));
	}
	g_string_free(out, TRUE);
	g_string_free(wanted, TRUE);
	g_free(line);
}

void monitor_model_say(struct fuzz_input *in)
{
	unsigned int cpu = fuzz_u8(in) % CPUS;
	char *line = make_line(in);

	if (!strstr(line, "gdb") && !strstr(line, "reset") && !strstr(line, "quit")) {
		enum iol_log_level before = iol_log_level();
		GString *out = g_string_new(NULL);
		int ret = iol_monitor_run(model.vm, cpu, line, out);

		check_text(out, ret);
		g_string_free(out, TRUE);
		iol_log_set_level(before);
	}
	check_format(line);
	g_free(line);
	check_memory(in);
}
