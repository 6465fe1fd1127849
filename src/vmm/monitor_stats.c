// SPDX-License-Identifier: Apache-2.0
/*
 * What the monitor has to say of what was counted: exits, devices, KVM. The same as x-iolite-stats has (control_stats.c), for a
 * person. Runs on the loop's thread; nobody waits for it.
 */
#include "monitor_info.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_ids.h>

#include <iolite/virtio_blk.h>
#include <iolite/virtio_net.h>

#include "control_internal.h"
#include "kvm_stats.h"

static void append_exits(const struct iol_vcpu *vcpu, GString *out)
{
	const char *separator = "  exits:";

	g_string_append_printf(out, "CPU %u", vcpu->idx);
	for (unsigned int reason = 0; reason < IOL_VCPU_EXIT_REASONS; reason++) {
		uint64_t count = iol_count_get(&vcpu->exits[reason]);

		if (!count)
			continue;
		g_string_append_printf(out, "%s %s %" PRIu64, separator, iol_vcpu_exit_name(reason),
				       count);
		separator = ",";
	}
	g_string_append(out, *separator == ',' ? "\n" : "  no exits yet\n");
}

static void append_disk(struct iol_virtio *v, GString *out)
{
	struct iol_virtio_blk_counts counts;

	iol_virtio_blk_counts(v, &counts);
	for (unsigned int i = 0; i < IOL_BLOCK_KIND_COUNT; i++) {
		const struct iol_virtio_blk_count *c = &counts.kinds[i];

		if (!c->done && !c->failed && !c->invalid)
			continue;
		g_string_append_printf(out,
				       "  %s: %" PRIu64 " requests, %" PRIu64 " bytes, %" PRIu64
				       " us each; %" PRIu64 " failed, %" PRIu64 " invalid\n",
				       iol_vm_control_disk_kind((enum iol_block_kind)i), c->done,
				       c->bytes, c->done ? c->time_ns / c->done / IOL_NS_PER_US : 0,
				       c->failed, c->invalid);
	}
}

static void append_net(struct iol_virtio *v, GString *out)
{
	struct iol_virtio_net_counts c;

	iol_virtio_net_counts(v, &c);
	g_string_append_printf(out,
			       "  to the guest: %" PRIu64 " frames, %" PRIu64 " bytes; %" PRIu64
			       " dropped, %" PRIu64 " filtered\n  from it: %" PRIu64
			       " frames, %" PRIu64 " bytes; %" PRIu64 " dropped\n",
			       c.rx_frames, c.rx_bytes, c.rx_dropped, c.rx_filtered, c.tx_frames,
			       c.tx_bytes, c.tx_dropped);
}

static void append_device(struct iol_virtio *v, GString *out)
{
	g_string_append_printf(out,
			       "%s  %s: %" PRIu64 " kicks, %" PRIu64 " interrupts, %" PRIu64
			       " requests, %u in flight, %" PRIu64 " mistakes\n",
			       v->name, v->ops->name, v->counts.kicks, v->counts.interrupts,
			       v->counts.chains, v->in_flight, v->counts.mistakes);
	if (v->ops->device_id == VIRTIO_ID_BLOCK)
		append_disk(v, out);
	if (v->ops->device_id == VIRTIO_ID_NET)
		append_net(v, out);
}

static void append_line(struct iol_char *chr, const char *label, GString *out)
{
	struct iol_char_counts counts;

	iol_char_counts(chr, &counts);
	g_string_append_printf(out,
			       "%s  %" PRIu64 " bytes out, %" PRIu64 " in, %" PRIu64 " dropped",
			       label, counts.out_bytes, counts.in_bytes, counts.dropped_bytes);
}

static void append_lines(struct iol_vm *vm, GString *out)
{
	for (unsigned int i = 0; i < vm->config->serial_count; i++) {
		g_autofree char *label = g_strdup_printf("serial%u", i);

		if (!vm->serials[i])
			continue;
		append_line(vm->serials[i], label, out);
		g_string_append_printf(out, ", %" PRIu64 " interrupts\n",
				       iol_count_get(&vm->serial_interrupts[i]));
	}
	if (vm->console) {
		append_line(vm->console, "console0", out);
		g_string_append_c(out, '\n');
	}
}

/* Numbers that are not 0; histograms are for programs. */
static void append_kvm(const char *whose, int ret, struct iol_kvm_stats *stats,
		       const struct iol_error *err, GString *out)
{
	const char *separator = "";

	g_string_append_printf(out, "KVM, %s: ", whose);
	if (ret) {
		g_string_append_printf(out, "%s\n", err->msg);
		return;
	}
	for (unsigned int i = 0; i < stats->count; i++) {
		const struct iol_kvm_stat *stat = &stats->stats[i];

		if (stat->count != 1 || !stat->values[0])
			continue;
		g_string_append_printf(out, "%s%s %" PRIu64, separator, stat->name,
				       stat->values[0]);
		separator = ", ";
	}
	g_string_append(out, *separator ? "\n" : "all are 0\n");
	iol_kvm_stats_finish(stats);
}

void iol_monitor_stats(struct iol_vm *vm, GString *out)
{
	struct iol_kvm_stats stats;
	struct iol_error err;
	int ret;

	for (unsigned int i = 0; i < vm->vcpu_count; i++)
		append_exits(&vm->vcpus[i], out);
	for (unsigned int slot = 0; slot < IOL_LAYOUT_SLOTS; slot++)
		if (vm->slots[slot])
			append_device(vm->slots[slot], out);
	append_lines(vm, out);
	ret = iol_kvm_stats_read_vm(vm->kvm_fd, vm->vm_fd, &stats, &err);
	append_kvm("machine", ret, &stats, &err, out);
	/* Of each CPU there is the same to say. */
	for (unsigned int i = 0; i < vm->vcpu_count && ret != -ENOTSUP; i++) {
		g_autofree char *whose = g_strdup_printf("CPU %u", i);

		ret = iol_kvm_stats_read(vm->vcpus[i].stats_fd, &stats, &err);
		append_kvm(whose, ret, &stats, &err, out);
	}
}
