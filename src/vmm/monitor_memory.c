// SPDX-License-Identifier: Apache-2.0
/*
 * What the monitor shows of guest memory: `x`, `xp`. Runs on the loop's thread.
 *
 * RAM alone is read: to read a device's register may change what it says. CPUs stand for the time that it takes, and nobody is
 * told.
 */
#include "monitor_info.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "control_internal.h"
#include "guest_memory.h"
#include "monitor_format.h"

struct reader {
	struct iol_monitor_reader reader;
	struct iol_vm *vm;
	struct iol_vcpu *vcpu; /* NULL: addresses are guest-physical */
};

/* Of an address that no RAM is at. */
static void say_no_ram(const struct reader *r, uint64_t address, uint64_t gpa, GString *out)
{
	struct iol_bus_region region;

	g_string_append_printf(out, "0x%" PRIx64, address);
	if (r->vcpu)
		g_string_append_printf(out, ", which is guest-physical 0x%" PRIx64, gpa);
	if (iol_bus_next(&r->vm->mmio, gpa, &region) && region.base <= gpa)
		g_string_append_printf(out,
				       ": registers of %s, which are not read: that may change "
				       "them\n",
				       region.name);
	else
		g_string_append(out, ": there is no RAM\n");
}

static long read_some(const struct iol_monitor_reader *reader, uint64_t address, uint8_t *buf,
		      unsigned int bytes, GString *out)
{
	struct reader *r = iol_container_of(reader, struct reader, reader);
	struct iol_guest_place place;
	long got = iol_guest_read(r->vm, r->vcpu, address, buf, bytes, &place);

	if (got == -ENXIO)
		say_no_ram(r, address, place.gpa, out);
	else if (got < 0)
		g_string_append_printf(out,
				       "0x%" PRIx64 ": no page is there by the page tables of CPU "
				       "%u\n",
				       address, r->vcpu->idx);
	return got;
}

/* ---- Registers in addresses ---- */

static int find_register(struct iol_vcpu *vcpu, const char *name, uint64_t *value)
{
	const struct iol_arch_debug_ops *ops = vcpu->vm->arch->kvm->debug;
	const struct iol_gdb_description *d = ops->describe(vcpu->vm);
	g_autofree uint8_t *buf = g_malloc0(IOL_GDB_REGISTERS_BYTES_MAX);
	size_t offset = 0;
	int ret = ops->read_registers(vcpu, buf);

	if (ret || !strcmp(name, "pc"))
		return ret ? ret : ops->get_pc(vcpu, value);
	for (unsigned int f = 0; f < d->feature_count; f++) {
		for (unsigned int i = 0; i < d->features[f]->count; i++) {
			const struct iol_gdb_register *r = &d->features[f]->registers[i];
			unsigned int bytes = r->bits / 8u;

			if (offset + bytes > IOL_GDB_REGISTERS_BYTES_MAX)
				return -ENOENT;
			if (!strcmp(r->name, name) && bytes <= sizeof(*value)) {
				*value = iol_monitor_value(buf + offset, bytes,
							   iol_monitor_is_big_endian());
				return 0;
			}
			offset += bytes;
		}
	}
	return -ENOENT;
}

static int add_register(struct iol_vcpu *vcpu, const char *name, uint64_t *address, GString *out)
{
	uint64_t value = 0;
	int ret = find_register(vcpu, name, &value);

	if (ret == -ENOENT)
		g_string_append_printf(out,
				       "CPU %u has no register of that name: `info registers all` "
				       "shows those that it has\n",
				       vcpu->idx);
	else if (ret)
		g_string_append_printf(out, "cannot read the registers of CPU %u: %s\n", vcpu->idx,
				       g_strerror(-ret));
	*address += value;
	return ret;
}

/* ---- The commands ---- */

static int examine(struct reader *r, struct iol_vcpu *named, char *const *args, GString *out)
{
	const char *where = args[1] ? args[1] : args[0];
	g_autofree char *name = NULL;
	struct iol_monitor_format format;
	uint64_t address;
	bool ran;
	int ret = 0;

	if (!iol_monitor_format_parse(args[1] ? args[0] : NULL, &format, out))
		return -EINVAL;
	if (!iol_monitor_address_parse(where, &name, &address)) {
		g_string_append(out, "an address is a number, such as 0x1000, or a register, such "
				     "as $pc, or one of them + or - a number, without blanks\n");
		return -EINVAL;
	}
	ran = iol_vm_control_hold(r->vm);
	if (name)
		ret = add_register(named, name, &address, out);
	if (!ret)
		ret = iol_monitor_examine(&format, address, &r->reader, out);
	if (ran)
		iol_vcpus_resume(r->vm);
	return ret;
}

int iol_monitor_memory_at(struct iol_vm *vm, unsigned int cpu, bool physical, char *const *args,
			  GString *out)
{
	struct reader r = {
		.reader = { .big_endian = iol_monitor_is_big_endian(), .read = read_some },
		.vm = vm,
	};
	const struct iol_arch_debug_ops *debug = vm->arch->kvm->debug;
	const char *where = args[1] ? args[1] : args[0];

	if (cpu >= vm->vcpu_count)
		return iol_monitor_no_cpu(vm, cpu, out);
	if ((!debug || !debug->translate) && (!physical || strchr(where, '$'))) {
		g_string_append(out, "iolite reads no registers and page tables on this "
				     "architecture: xp takes guest-physical addresses\n");
		return -ENOTSUP;
	}
	if (!physical)
		r.vcpu = &vm->vcpus[cpu];
	return examine(&r, &vm->vcpus[cpu], args, out);
}
