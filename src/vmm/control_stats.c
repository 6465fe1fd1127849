// SPDX-License-Identifier: Apache-2.0
/*
 * x-iolite-stats: what a machine has counted since it was started, in one object, as `iolite stat` shows it. See
 * control_internal.h. Runs on the loop's thread; nobody waits for it.
 *
 * Numbers only grow, but those that are named for what is now: "in-flight". A reset of the machine leaves them as they are.
 */
#include "control_internal.h"

#include <linux/virtio_ids.h>

#include <iolite/virtio_blk.h>
#include <iolite/virtio_net.h>

json_t *iol_vm_control_count(uint64_t count)
{
	return json_integer((json_int_t)MIN(count, (uint64_t)INT64_MAX));
}

static void put(json_t *object, const char *key, uint64_t count)
{
	json_object_set_new(object, key, iol_vm_control_count(count));
}

/* ---- Processors ---- */

/* Only what there was any of: most reasons are of other architectures. */
static json_t *describe_exits(const struct iol_vcpu *vcpu)
{
	json_t *exits = json_object();

	for (unsigned int reason = 0; reason < IOL_VCPU_EXIT_REASONS; reason++) {
		const char *name = iol_vcpu_exit_name(reason);
		uint64_t count = iol_count_get(&vcpu->exits[reason]);

		if (count)
			put(exits, name,
			    count + (uint64_t)json_integer_value(json_object_get(exits, name)));
	}
	return exits;
}

static json_t *describe_cpus(const struct iol_vm *vm)
{
	json_t *cpus = json_array();

	for (unsigned int i = 0; i < vm->vcpu_count; i++)
		json_array_append_new(cpus, json_pack("{s:i, s:o}", "index", (int)i, "exits",
						      describe_exits(&vm->vcpus[i])));
	return cpus;
}

/* ---- Disks ---- */

static json_t *describe_kind(const struct iol_virtio_blk_count *count)
{
	json_t *kind = json_object(), *bins = json_array();

	put(kind, "requests", count->done);
	put(kind, "bytes", count->bytes);
	put(kind, "failed", count->failed);
	put(kind, "invalid", count->invalid);
	put(kind, "time-ns", count->time_ns);
	for (unsigned int i = 0; i < IOL_VIRTIO_BLK_BINS; i++)
		json_array_append_new(bins, iol_vm_control_count(count->bins[i]));
	json_object_set_new(kind, "latency", bins);
	return kind;
}

const char *iol_vm_control_disk_kind(enum iol_block_kind kind)
{
	static const char *const names[IOL_BLOCK_KIND_COUNT] = {
		[IOL_BLOCK_READ] = "read",
		[IOL_BLOCK_WRITE] = "write",
		[IOL_BLOCK_FLUSH] = "flush",
		[IOL_BLOCK_DISCARD] = "discard",
		[IOL_BLOCK_WRITE_ZEROES] = "write-zeroes",
	};

	return names[kind];
}

static json_t *describe_disk(struct iol_virtio *v)
{
	struct iol_virtio_blk_counts counts;
	json_t *disk = json_object();

	iol_virtio_blk_counts(v, &counts);
	for (unsigned int i = 0; i < IOL_BLOCK_KIND_COUNT; i++)
		json_object_set_new(disk, iol_vm_control_disk_kind((enum iol_block_kind)i),
				    describe_kind(&counts.kinds[i]));
	return disk;
}

/* Of "latency" of all disks: all its bins but the last have a longest time that is counted there. */
static json_t *describe_bins(void)
{
	json_t *bins = json_array();

	for (unsigned int i = 0; i + 1 < IOL_VIRTIO_BLK_BINS; i++)
		json_array_append_new(bins, iol_vm_control_count(iol_virtio_blk_bin_ns(i)));
	return bins;
}

/* ---- Network cards ---- */

static json_t *describe_net(struct iol_virtio *v)
{
	struct iol_virtio_net_counts counts;
	json_t *net = json_object();

	iol_virtio_net_counts(v, &counts);
	put(net, "rx-frames", counts.rx_frames);
	put(net, "rx-bytes", counts.rx_bytes);
	put(net, "rx-dropped", counts.rx_dropped);
	put(net, "rx-filtered", counts.rx_filtered);
	put(net, "tx-frames", counts.tx_frames);
	put(net, "tx-bytes", counts.tx_bytes);
	put(net, "tx-dropped", counts.tx_dropped);
	return net;
}

/* ---- Devices ---- */

static json_t *describe_device(struct iol_virtio *v)
{
	json_t *device = json_pack("{s:s, s:s}", "id", v->name, "kind", v->ops->name);

	put(device, "kicks", v->counts.kicks);
	put(device, "interrupts", v->counts.interrupts);
	put(device, "requests", v->counts.chains);
	put(device, "in-flight", v->in_flight);
	put(device, "out-bytes", v->counts.out_bytes);
	put(device, "in-bytes", v->counts.in_bytes);
	put(device, "mistakes", v->counts.mistakes);
	if (v->ops->device_id == VIRTIO_ID_BLOCK)
		json_object_set_new(device, "disk", describe_disk(v));
	if (v->ops->device_id == VIRTIO_ID_NET)
		json_object_set_new(device, "net", describe_net(v));
	return device;
}

static json_t *describe_devices(struct iol_vm *vm)
{
	json_t *devices = json_array();

	for (unsigned int slot = 0; slot < IOL_LAYOUT_SLOTS; slot++)
		if (vm->slots[slot])
			json_array_append_new(devices, describe_device(vm->slots[slot]));
	return devices;
}

/* ---- Lines ---- */

static json_t *describe_line(const char *label, struct iol_char *chr)
{
	json_t *line = json_pack("{s:s}", "label", label);
	struct iol_char_counts counts;

	iol_char_counts(chr, &counts);
	put(line, "out-bytes", counts.out_bytes);
	put(line, "in-bytes", counts.in_bytes);
	put(line, "dropped-bytes", counts.dropped_bytes);
	return line;
}

static json_t *describe_lines(struct iol_vm *vm)
{
	json_t *lines = json_array();

	for (unsigned int i = 0; i < vm->config->serial_count; i++) {
		g_autofree char *label = g_strdup_printf("serial%u", i);
		json_t *line;

		if (!vm->serials[i])
			continue;
		line = describe_line(label, vm->serials[i]);
		put(line, "interrupts", iol_count_get(&vm->serial_interrupts[i]));
		json_array_append_new(lines, line);
	}
	if (vm->console)
		json_array_append_new(lines, describe_line("console0", vm->console));
	return lines;
}

/* ---- All of it ---- */

static int query_stats(void *machine, const json_t *args, json_t **result, struct iol_error *err)
{
	struct iol_vm *vm = machine;

	(void)args;
	(void)err;
	*result = json_pack("{s:o, s:s, s:f, s:o, s:o, s:o, s:o, s:o}", "name",
			    iol_vm_control_text(vm->config->name), "status",
			    iol_vm_control_status(vm), "uptime-seconds", iol_vm_control_uptime(vm),
			    "resets", iol_vm_control_count(vm->lifecycle.reset_count), "cpus",
			    describe_cpus(vm), "devices", describe_devices(vm), "latency-ns",
			    describe_bins(), "lines", describe_lines(vm));
	return 0;
}

const struct iol_control_command iol_vm_control_stats_commands[] = {
	{ .name = "x-iolite-stats", .run = query_stats },
	{ .name = NULL },
};
