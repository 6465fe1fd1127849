// SPDX-License-Identifier: Apache-2.0
/*
 * What the control socket says of a machine beyond QMP: x-iolite-info, one object with all that `iolite info` shows; and its lines,
 * for query-chardev. See control_internal.h. Runs on the loop's thread.
 */
#include "control_internal.h"

#include <sched.h>
#include <unistd.h>

#include <iolite/i6300esb.h>
#include <iolite/version.h>

#include "debug.h"
#include "machine.h"

/* ---- Lines, as QMP writes them ---- */

static char *where_of(struct iol_char *chr, const struct iol_char_config *config)
{
	const char *there = config->connect ? "" : ",server=on";

	switch (config->kind) {
	case IOL_CHAR_STDIO:
		return g_strdup("stdio");
	case IOL_CHAR_MUX:
		return g_strdup("mux");
	case IOL_CHAR_PTY:
		return g_strdup_printf("pty:%s", iol_char_pty_where(chr));
	case IOL_CHAR_FILE:
		return g_strdup("file");
	case IOL_CHAR_UNIX:
		return g_strdup_printf("%sunix:%s%s", chr->present ? "" : "disconnected:",
				       iol_char_socket_where(chr), there);
	case IOL_CHAR_TCP:
		return g_strdup_printf("%stcp:%s%s", chr->present ? "" : "disconnected:",
				       iol_char_socket_where(chr), there);
	case IOL_CHAR_NULL:
	case IOL_CHAR_KIND_COUNT:
		break;
	}
	return g_strdup("null");
}

static void append_line(json_t *lines, const char *label, struct iol_char *chr,
			const struct iol_char_config *config)
{
	g_autofree char *where = chr ? where_of(chr, config) : NULL;

	if (chr)
		json_array_append_new(lines,
				      json_pack("{s:s, s:o, s:b}", "label", label, "filename",
						iol_vm_control_text(where), "frontend-open", 1));
}

json_t *iol_vm_control_lines(struct iol_vm *vm)
{
	json_t *lines = json_array();

	for (unsigned int i = 0; i < vm->config->serial_count; i++) {
		g_autofree char *label = g_strdup_printf("serial%u", i);

		append_line(lines, label, vm->serials[i], &vm->config->serials[i]);
	}
	if (vm->config->has_console)
		append_line(lines, "console0", vm->console, &vm->config->console);
	return lines;
}

json_t *iol_vm_control_gdb(const struct iol_vm *vm)
{
	g_autofree char *where = iol_debug_server_where(vm);

	return iol_vm_control_text(where);
}

/* ---- Processors ---- */

/* "0-3,6": where the thread may run; null: the kernel does not say, or there is no thread yet. */
static json_t *affinity_of(int tid)
{
	g_autoptr(GString) text = g_string_new(NULL);
	cpu_set_t set;

	if (!tid || sched_getaffinity(tid, sizeof(set), &set))
		return json_null();
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		int first = cpu;

		if (!CPU_ISSET(cpu, &set))
			continue;
		while (cpu + 1 < CPU_SETSIZE && CPU_ISSET(cpu + 1, &set))
			cpu++;
		g_string_append_printf(text, "%s%d", text->len ? "," : "", first);
		if (cpu > first)
			g_string_append_printf(text, "-%d", cpu);
	}
	return json_string(text->str);
}

static json_t *describe_cpus(struct iol_vm *vm)
{
	json_t *cpus = json_array();

	for (unsigned int i = 0; i < vm->vcpu_count; i++) {
		int tid = atomic_load(&vm->vcpus[i].tid);

		json_array_append_new(cpus,
				      json_pack("{s:i, s:i, s:o}", "index", (int)i, "thread-id",
						tid, "affinity", affinity_of(tid)));
	}
	return cpus;
}

/* ---- Memory and images ---- */

static json_t *describe_memory(const struct iol_vm *vm)
{
	json_t *regions = json_array();

	for (unsigned int i = 0; i < vm->layout.ram_count; i++)
		json_array_append_new(regions, json_pack("{s:I, s:I}", "address",
							 (json_int_t)vm->layout.ram[i].gpa, "bytes",
							 (json_int_t)vm->layout.ram[i].size_bytes));
	return json_pack("{s:I, s:o}", "bytes", (json_int_t)vm->config->memory_bytes, "regions",
			 regions);
}

static json_t *describe_boot(const struct iol_config *config)
{
	json_t *overlays = json_array();

	for (unsigned int i = 0; i < config->dtb_overlay_count; i++)
		json_array_append_new(overlays, iol_vm_control_text(config->dtb_overlays[i]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "kernel", iol_vm_control_text(config->kernel),
			 "initrd", iol_vm_control_text(config->initrd), "cmdline",
			 iol_vm_control_text(config->cmdline), "dtb",
			 iol_vm_control_text(config->dtb), "dtb-overlays", overlays);
}

/* ---- Devices ---- */

static const char *transport_of(enum iol_transport transport)
{
	return transport == IOL_TRANSPORT_MMIO ? "mmio" : "pci";
}

static json_t *describe_disks(struct iol_vm *vm)
{
	json_t *disks = json_array();

	for (unsigned int i = 0; i < vm->config->disk_count; i++) {
		const struct iol_disk_config *disk = &vm->config->disks[i];
		const struct iol_block *blk = iol_disk_backend(vm, i);

		json_array_append_new(disks,
				      json_pack("{s:s, s:o, s:I, s:b, s:s, s:i}", "id", disk->id,
						"path", iol_vm_control_text(disk->path), "bytes",
						(json_int_t)(blk ? blk->limits.size_bytes : 0),
						"read-only", (int)disk->read_only, "transport",
						transport_of(disk->transport), "queues",
						(int)disk->queues));
	}
	return disks;
}

static json_t *describe_nets(const struct iol_vm *vm)
{
	json_t *nets = json_array();

	for (unsigned int i = 0; i < vm->config->net_count; i++) {
		const struct iol_net_config *net = &vm->config->nets[i];
		const struct iol_net *backend = vm->cards[i].net;
		const uint8_t *m = net->mac;
		g_autofree char *mac = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1],
						       m[2], m[3], m[4], m[5]);

		json_array_append_new(
			nets, json_pack("{s:s, s:s, s:s, s:b, s:b, s:s, s:i}", "id", net->id,
					"kind", iol_net_kind_name(net->kind), "mac", mac, "link",
					(int)(backend && backend->link_up), "cable",
					(int)(backend && !backend->pulled), "transport",
					transport_of(net->transport), "queues", (int)net->queues));
	}
	return nets;
}

/* ---- All of it ---- */

double iol_vm_control_uptime(const struct iol_vm *vm)
{
	uint64_t up_ns = vm->started_ns ? iol_loop_now_ns() - vm->started_ns : 0;

	return (double)up_ns / IOL_NS_PER_S;
}

static int query_info(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_vm *vm = machine;
	const struct iol_config *config = vm->config;
	g_autofree char *control =
		config->control ? g_canonicalize_filename(config->control, NULL) : NULL;

	(void)args;
	(void)err;
	*result = json_pack(
		"{s:s, s:i, s:o, s:o, s:s, s:s, s:s, s:f, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:b, s:o, s:o, s:o}",
		"version", iol_version, "pid", (int)getpid(), "name",
		iol_vm_control_text(config->name), "config", iol_vm_control_text(config->file),
		"status", iol_vm_control_status(vm), "arch", vm->arch->name, "machine",
		vm->layout.machine, "uptime-seconds", iol_vm_control_uptime(vm), "resets",
		(json_int_t)vm->lifecycle.reset_count, "reset-cause",
		iol_vm_control_text(iol_reset_cause_name(vm->lifecycle.reset_cause)), "cpus",
		describe_cpus(vm), "memory", describe_memory(vm), "boot", describe_boot(config),
		"disks", describe_disks(vm), "nets", describe_nets(vm), "lines",
		iol_vm_control_lines(vm), "rng", (int)config->rng, "watchdog",
		iol_vm_control_text(vm->watchdog ? iol_i6300esb_device(vm->watchdog)->ops->name
						 : NULL),
		"gdb", iol_vm_control_gdb(vm), "control", iol_vm_control_text(control));
	return 0;
}

static int query_version(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	(void)machine;
	(void)args;
	(void)err;
	*result = iol_control_version();
	return 0;
}

const struct iol_control_command iol_vm_control_info_commands[] = {
	{ .name = "query-version", .run = query_version },
	{ .name = "x-iolite-info", .run = query_info },
	{ .name = NULL },
};
