// SPDX-License-Identifier: Apache-2.0
/* What the monitor has to say of CPUs: what they do, and their registers. Runs on the loop's thread. */
#include "monitor_info.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { LINE_COLUMNS = 100 };

/* All stand, so that nobody but us lets this one go on. */
static bool stands(struct iol_vm *vm, const struct iol_vcpu *vcpu)
{
	bool yes;

	pthread_mutex_lock(&vm->vcpu_lock);
	yes = !vcpu->has_thread || (!vm->vcpus_run && vcpu->standing);
	pthread_mutex_unlock(&vm->vcpu_lock);
	return yes;
}

static const struct iol_arch_debug_ops *debug_of(const struct iol_vm *vm)
{
	return vm->arch->kvm ? vm->arch->kvm->debug : NULL;
}

/* ---- Registers ---- */

/* The width of a table: of names, and of the values of those that share lines. */
struct columns {
	unsigned int name, value, per_line;
};

/* Wider ones have a line each. */
enum { SHARED_BITS_MAX = 64 };

static unsigned int shown_features(const struct iol_gdb_description *d, bool all)
{
	return MIN(all ? d->feature_count : d->general_features, d->feature_count);
}

static struct columns measure(const struct iol_gdb_description *d, bool all)
{
	struct columns c = { .name = 1, .value = 1 };

	for (unsigned int f = 0; f < shown_features(d, all); f++) {
		for (unsigned int i = 0; i < d->features[f]->count; i++) {
			const struct iol_gdb_register *r = &d->features[f]->registers[i];

			c.name = MAX(c.name, (unsigned int)strlen(r->name));
			if (r->bits <= SHARED_BITS_MAX)
				c.value = MAX(c.value, r->bits / 4u);
		}
	}
	c.per_line = MAX(1u, (LINE_COLUMNS + 2) / (c.name + 1 + c.value + 2));
	return c;
}

static void append_value(GString *out, const uint8_t *bytes, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		g_string_append_printf(out, "%02x",
				       bytes[iol_monitor_is_big_endian() ? i : count - 1 - i]);
}

/* @used: how many are on the line that is begun; returns how many are then. */
static unsigned int append_register(GString *out, const struct columns *c, unsigned int used,
				    const struct iol_gdb_register *r, const uint8_t *bytes)
{
	bool alone = r->bits > SHARED_BITS_MAX;

	if (used && (alone || used == c->per_line)) {
		g_string_append_c(out, '\n');
		used = 0;
	}
	g_string_append_printf(out, "%s%-*s ", used ? "  " : "", (int)c->name, r->name);
	if (!alone)
		g_string_append_printf(out, "%*s", (int)(c->value - r->bits / 4u), "");
	append_value(out, bytes, r->bits / 8u);
	if (!alone)
		return used + 1;
	g_string_append_c(out, '\n');
	return 0;
}

static void append_registers(GString *out, const struct iol_gdb_description *d, bool all,
			     const uint8_t *buf)
{
	const struct columns c = measure(d, all);
	size_t offset = 0;

	for (unsigned int f = 0; f < shown_features(d, all); f++) {
		unsigned int used = 0;

		for (unsigned int i = 0; i < d->features[f]->count; i++) {
			const struct iol_gdb_register *r = &d->features[f]->registers[i];

			if (offset + r->bits / 8u > IOL_GDB_REGISTERS_BYTES_MAX)
				return;
			used = append_register(out, &c, used, r, buf + offset);
			offset += r->bits / 8u;
		}
		if (used)
			g_string_append_c(out, '\n');
	}
}

int iol_monitor_no_cpu(const struct iol_vm *vm, unsigned int cpu, GString *out)
{
	g_string_append_printf(out, "there is no CPU %u: CPUs are 0 to %u\n", cpu,
			       vm->vcpu_count - 1);
	return -EINVAL;
}

int iol_monitor_registers(struct iol_vm *vm, unsigned int cpu, bool all, GString *out)
{
	const struct iol_arch_debug_ops *debug = debug_of(vm);
	g_autofree uint8_t *buf = NULL;
	int ret;

	if (!debug) {
		g_string_append(out, "iolite cannot read registers on this architecture\n");
		return -ENOTSUP;
	}
	if (cpu >= vm->vcpu_count)
		return iol_monitor_no_cpu(vm, cpu, out);
	if (!stands(vm, &vm->vcpus[cpu])) {
		g_string_append(out, "the machine runs: stop it first\n");
		return -EBUSY;
	}
	buf = g_malloc0(IOL_GDB_REGISTERS_BYTES_MAX);
	ret = debug->read_registers(&vm->vcpus[cpu], buf);
	if (ret) {
		g_string_append_printf(out, "cannot read the registers of CPU %u: %s\n", cpu,
				       g_strerror(-ret));
		return ret;
	}
	append_registers(out, debug->describe(vm), all, buf);
	return 0;
}

/* ---- CPUs ---- */

/* Counted by its thread, which stands. */
static void append_exits(const struct iol_vcpu *vcpu, GString *out)
{
	static const char *const names[] = {
		[IOL_EXIT_MMIO] = "mmio",
		[IOL_EXIT_PIO] = "pio",
		[IOL_EXIT_OTHER] = "other",
		[IOL_EXIT_KICK] = "kick",
	};

	g_string_append(out, "; exits:");
	for (unsigned int i = 0; i < IOL_EXIT_KIND_COUNT; i++)
		g_string_append_printf(out, " %s %" PRIu64, names[i], iol_vcpu_exits(vcpu, i));
}

static void append_cpu(struct iol_vm *vm, struct iol_vcpu *vcpu, GString *out)
{
	const struct iol_arch_debug_ops *debug = debug_of(vm);
	bool is_still = stands(vm, vcpu), held, parked;
	const char *does = is_still ? "stands" : "runs";
	uint64_t pc;

	pthread_mutex_lock(&vm->vcpu_lock);
	held = vcpu->held;
	parked = vcpu->parked;
	pthread_mutex_unlock(&vm->vcpu_lock);
	if (is_still && debug && debug->activity && debug->activity(vcpu))
		does = debug->activity(vcpu);
	if (parked)
		does = "waits to be started by another CPU";
	if (held)
		does = "waits for a reset";
	g_string_append_printf(out, "CPU %u  %s", vcpu->idx, does);
	if (is_still && debug && !debug->get_pc(vcpu, &pc))
		g_string_append_printf(out, ", at 0x%" PRIx64, pc);
	if (is_still)
		append_exits(vcpu, out);
	g_string_append_c(out, '\n');
}

void iol_monitor_cpus(struct iol_vm *vm, GString *out)
{
	for (unsigned int i = 0; i < vm->vcpu_count; i++)
		append_cpu(vm, &vm->vcpus[i], out);
}
